/* Private to local.c and its parts. */
#ifndef GATEWAY_HUB_REGISTRY_LOCAL_INTERNAL_H
#define GATEWAY_HUB_REGISTRY_LOCAL_INTERNAL_H

#include "gateway/hub/registry/heap.h"
#include "gateway/hub/registry/index.h"
#include "gateway/hub/registry/registry_ops.h"
#include "gateway/hub/registry/store.h"
#include "gateway/hub/registry/timekeeper.h"

struct local_registry {
    struct registry registry; /* first */
    struct registry_options o;
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

static inline struct local_registry *local_of(struct registry *r)
{
    return (struct local_registry *)r;
}

/* ---- requests.c, tag.c, admit.c: the registry's ops ---- */

void local_open(struct registry *registry, struct tunnel_record *record,
                const char *const token[SIDE_COUNT], size_t max_open, registry_done *done,
                void *ctx);
void local_close(struct registry *registry, const char *id, bool remove, registry_done *done,
                 void *ctx);
void local_rotate(struct registry *registry, const char *id, const char *const token[SIDE_COUNT],
                  registry_done *done, void *ctx);
void local_tag(struct registry *registry, const char *id, const struct tag_change *c,
               registry_done *done, void *ctx);
void local_admit(struct registry *registry, const struct admission_request *q,
                 void (*done)(void *ctx, struct admission a), void *ctx);

/* ---- expiry.c: how tunnels end ---- */

/* Stored or not: it is closed now, and whoever is in it has to go. The caller has it pinned. */
void expiry_close(struct local_registry *r, struct entry *e, int64_t at, const char *why);
/* It was removed at `at`, from the store already. The caller has it pinned. */
void expiry_remove(struct local_registry *r, struct entry *e, int64_t at, const char *why);
/* That many bytes are to be counted for it now. */
void expiry_resize(struct local_registry *r, struct entry *e, size_t bytes);
/* Of one that was read from the store. */
void expiry_resume(struct local_registry *r, struct entry *e, int64_t now);
void expiry_sort(struct local_registry *r); /* when all are read */
void expiry_tick(void *owner);              /* what is due now, each second */

#endif
