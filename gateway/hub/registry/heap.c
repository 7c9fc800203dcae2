#include "gateway/hub/registry/heap.h"

#include <stdlib.h>

void heap_free(struct heap *h)
{
    free(h->items);
    *h = (struct heap){0};
}

/* Places count from 1: the children of i are 2i and 2i + 1. */
static struct heap_node *get(const struct heap *h, size_t i)
{
    return h->items[i - 1];
}

static void put(struct heap *h, size_t i, struct heap_node *e)
{
    h->items[i - 1] = e;
    e->at = i;
}

static bool sooner(const struct heap_node *a, const struct heap_node *b)
{
    return a->due < b->due;
}

static void rise(struct heap *h, size_t i, struct heap_node *e)
{
    for (; i > 1 && sooner(e, get(h, i / 2)); i /= 2)
        put(h, i, get(h, i / 2));
    put(h, i, e);
}

static void sink(struct heap *h, size_t i, struct heap_node *e)
{
    for (size_t below; (below = 2 * i) <= h->n; i = below) {
        if (below < h->n && sooner(get(h, below + 1), get(h, below)))
            below++;
        if (!sooner(get(h, below), e))
            break;
        put(h, i, get(h, below));
    }
    put(h, i, e);
}

bool heap_add(struct heap *h, struct heap_node *e)
{
    if (h->n == h->capacity) {
        size_t capacity = h->capacity != 0 ? 2 * h->capacity : 16;
        struct heap_node **items = reallocarray(h->items, capacity, sizeof(struct heap_node *));
        if (items == NULL)
            return false;
        h->items = items;
        h->capacity = capacity;
    }
    rise(h, ++h->n, e);
    return true;
}

void heap_remove(struct heap *h, struct heap_node *e)
{
    size_t hole = e->at;
    if (hole == 0)
        return;
    e->at = 0;
    struct heap_node *last = get(h, h->n--);
    if (last == e)
        return;
    if (hole > 1 && sooner(last, get(h, hole / 2)))
        rise(h, hole, last);
    else
        sink(h, hole, last);
}

void heap_move(struct heap *h, struct heap_node *e)
{
    if (e->at == 0)
        return;
    heap_remove(h, e);
    rise(h, ++h->n, e); /* into the place that it has left */
}

struct heap_node *heap_top(const struct heap *h)
{
    return h->n > 0 ? h->items[0] : NULL;
}
