/* Private to registry.c and its parts. */
#ifndef GATEWAY_HUB_REGISTRY_REGISTRY_INTERNAL_H
#define GATEWAY_HUB_REGISTRY_REGISTRY_INTERNAL_H

#include "gateway/hub/registry/heap.h"
#include "gateway/hub/registry/index.h"
#include "gateway/hub/registry/store.h"
#include "gateway/hub/registry/timekeeper.h"

struct registry {
    struct registry_options o;
    struct list subscribers;
    struct store *store;
    struct timekeeper *time; /* by which tunnels expire; all else is by o.now */
    struct index index;
    struct heap heap;     /* open ones */
    struct list closed;   /* entries in the order of closing */
    struct list unstored; /* entries that are closed, which is to be stored again */
    size_t n_open, n_closed;
    size_t closed_bytes;       /* of those on `closed` */
    size_t background_changes; /* changes on their way that nobody but the registry waits for */
    int64_t last_number;
    struct timer *tick;
};

/* The tunnel of that id, once it is stored; NULL: there is none. */
struct entry *registry_seen(const struct registry *r, struct span id);

/* To all subscribers. */
void registry_tell_opened(struct registry *r, const struct tunnel_record *t,
                          const char *const token[SIDE_COUNT]);
void registry_tell_ended(struct registry *r, const struct tunnel_record *t, const char *why);
void registry_tell_rotated(struct registry *r, const struct tunnel_record *t, enum side side,
                           const char *token);

/* ---- expiry.c: how tunnels end ---- */

/* Stored or not: it is closed now, and whoever is in it has to go. The caller has it pinned. */
void expiry_close(struct registry *r, struct entry *e, int64_t at, const char *why);
/* It was removed at `at`, from the store already. The caller has it pinned. */
void expiry_remove(struct registry *r, struct entry *e, int64_t at, const char *why);
/* That many bytes are to be counted for it now. */
void expiry_resize(struct registry *r, struct entry *e, size_t bytes);
/* Of one that was read from the store. */
void expiry_resume(struct registry *r, struct entry *e, int64_t now);
void expiry_sort(struct registry *r); /* when all are read */
void expiry_tick(void *owner);        /* what is due now, each second */

#endif
