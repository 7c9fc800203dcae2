/* What the registry keeps of one tunnel. Private to the registry. */
#ifndef GATEWAY_HUB_REGISTRY_ENTRY_H
#define GATEWAY_HUB_REGISTRY_ENTRY_H

#include "gateway/hub/registry/registry.h"

struct entry {
    struct tunnel_record record;
    struct list node;     /* in the order of creation */
    size_t pins;          /* requests that have it in hand */
    bool opening;         /* not stored yet, so not to be seen */
    bool gone;            /* removed; freed with the last pin */
    size_t heap_at;       /* in the heap of those that will expire, from 1; 0: not there */
    struct list closed;   /* in the order of closing; not while its removal is being stored */
    struct list unstored; /* it is closed, but the store does not know */
    size_t bytes;         /* counted for it: of its opener while it is open, then of `closed` */
    bool tagging;         /* one change of its tags is on its way, others wait for their turn */
    struct list taggings; /* those: struct tagging */
    size_t n_taggings;
    bool admitting[SIDE_COUNT];      /* a first use of that token is being stored */
    struct list waiting[SIDE_COUNT]; /* struct admit_attempt: while `admitting` */
    size_t n_waiting[SIDE_COUNT];
};

struct entry *entry_new(struct tunnel_record *r); /* takes over what it holds; NULL: no memory */
void entry_pin(struct entry *e);
void entry_unpin(struct entry *e); /* frees it when it is gone and nobody else has it */
void entry_drop(struct entry *e);  /* it is gone from now on */

static inline bool entry_is_over(const struct entry *e, int64_t now)
{
    return e->gone || e->record.closed != 0 || e->record.expires <= now;
}

#endif
