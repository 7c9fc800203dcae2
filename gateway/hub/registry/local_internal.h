/* Private to the registry in memory: local.c begins and ends it and answers look-ups; requests.c,
 * tag.c and admit.c change tunnels, by way of the store; expiry.c ends them in time. */
#ifndef GATEWAY_HUB_REGISTRY_LOCAL_INTERNAL_H
#define GATEWAY_HUB_REGISTRY_LOCAL_INTERNAL_H

#include "gateway/hub/registry/heap.h"
#include "gateway/hub/registry/index.h"
#include "gateway/hub/registry/registry_ops.h"
#include "gateway/hub/registry/store.h"
#include "gateway/hub/registry/timekeeper.h"

struct local_registry {
    struct registry registry; /* first member */
    struct registry_options o;
    struct store *store;
    struct timekeeper *time; /* the clock for expiry; everything else goes by o.now */
    struct index index;
    struct heap heap;     /* open tunnels */
    struct list closed;   /* entries in the order of closing */
    struct list asking;   /* struct admit_attempt that wait for the options' `keyed` */
    struct list unstored; /* entries whose closing has to be stored again */
    size_t n_open, n_closed;
    size_t closed_bytes;       /* of the entries on `closed` */
    size_t background_changes; /* pending changes for which only the registry waits */
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
void local_close(struct registry *registry, const char *id, bool remove, const char *why,
                 registry_done *done, void *ctx);
void local_rotate(struct registry *registry, const char *id, const char *const token[SIDE_COUNT],
                  registry_done *done, void *ctx);
void local_tag(struct registry *registry, const char *id, const struct tag_change *c,
               registry_done *done, void *ctx);
void local_admit(struct registry *registry, const struct admission_request *q,
                 void (*done)(void *ctx, struct admission a), void *ctx);
/* Refuses the attempts for which it is not known yet whether they need a certificate. */
void local_admit_end(struct local_registry *r);

/* ---- expiry.c: how tunnels end ---- */

/* Closes the tunnel now, whether that is stored or not; its ends have to go. The caller holds a
 * pin. */
void expiry_close(struct local_registry *r, struct entry *e, int64_t at, const char *why);
/* Removes the tunnel, which the store has removed at `at`. The caller holds a pin. */
void expiry_remove(struct local_registry *r, struct entry *e, int64_t at, const char *why);
/* Charges that many bytes for the entry from now on. */
void expiry_resize(struct local_registry *r, struct entry *e, size_t bytes);
/* The tunnel's source is connected, or not, and may stay away for idle_ms if the tunnel has an idle
 * time at all. */
void expiry_source(struct local_registry *r, struct entry *e, bool connected, int64_t idle_ms);
/* Takes up an entry that was read from the store. */
void expiry_resume(struct local_registry *r, struct entry *e, int64_t now);
void expiry_sort(struct local_registry *r); /* follows the last expiry_resume */
void expiry_tick(void *owner);              /* does what is due now; called each second */

#endif
