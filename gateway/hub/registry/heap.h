/* A heap of the open tunnels by the time at which they are due to end, the earliest on top. Private
 * to the registry. */
#ifndef GATEWAY_HUB_REGISTRY_HEAP_H
#define GATEWAY_HUB_REGISTRY_HEAP_H

#include "gateway/hub/registry/entry.h"

struct heap {
    struct entry **items;
    size_t n, capacity;
};

void heap_free(struct heap *h);
bool heap_add(struct heap *h, struct entry *e);    /* false: no memory */
void heap_remove(struct heap *h, struct entry *e); /* an entry that is not in the heap is fine */
void heap_move(struct heap *h, struct entry *e);   /* its `due` is another one */
struct entry *heap_top(const struct heap *h);      /* or NULL */

#endif
