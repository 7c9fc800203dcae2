/* A heap of things that are due, the earliest on top; tunnels by the time at which they end. Its
 * nodes lie in the things themselves. Private to the registries. */
#ifndef GATEWAY_HUB_REGISTRY_HEAP_H
#define GATEWAY_HUB_REGISTRY_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t due;
    size_t at; /* place in the heap, from 1; 0: not in the heap */
};

struct heap {
    struct heap_node **items;
    size_t n, capacity;
};

void heap_free(struct heap *h);
bool heap_add(struct heap *h, struct heap_node *e);    /* false: no memory */
void heap_remove(struct heap *h, struct heap_node *e); /* one that is not in the heap is fine */
void heap_move(struct heap *h, struct heap_node *e);   /* its `due` is another one */
struct heap_node *heap_top(const struct heap *h);      /* or NULL */

#endif
