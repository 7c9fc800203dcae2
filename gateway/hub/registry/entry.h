/* What the registry keeps of one tunnel. Private to the registry. */
#ifndef GATEWAY_HUB_REGISTRY_ENTRY_H
#define GATEWAY_HUB_REGISTRY_ENTRY_H

#include "gateway/hub/registry/heap.h"
#include "gateway/hub/registry/registry.h"

struct entry {
    struct tunnel_record record;
    struct list node;     /* in index.tunnels, in the order of creation */
    struct list of_thing; /* in index.things */
    size_t pins;          /* requests that use it */
    bool opening;         /* not stored yet, and therefore not visible */
    bool gone;            /* removed; freed with the last pin */
    /* When it ends, by the timekeeper: at `expires`, or sooner while it is idle; in the heap of
     * open tunnels. */
    struct heap_node end;
    /* Node in local_registry.closed, except while its removal is being stored. */
    struct list closed;
    struct list unstored; /* node in local_registry.unstored: closed, but not yet in the store */
    size_t bytes;         /* charged to its access key while it is open, then to closed_bytes */
    bool tagging;         /* one change of its tags is in progress; others wait in `taggings` */
    struct list taggings; /* struct tagging, which wait for their turn */
    size_t n_taggings;
    bool admitting[SIDE_COUNT];      /* a first use of that token is being stored */
    struct list waiting[SIDE_COUNT]; /* struct admit_attempt: while `admitting` */
    size_t n_waiting[SIDE_COUNT];
};

struct entry *entry_new(struct tunnel_record *r); /* takes over r's contents; NULL: no memory */
void entry_pin(struct entry *e);
void entry_unpin(struct entry *e); /* frees e when it is gone and this was the last pin */
void entry_drop(struct entry *e);  /* marks e as gone */

static inline bool entry_is_over(const struct entry *e, int64_t now)
{
    return e->gone || e->record.closed != 0 || e->end.due <= now;
}

#endif
