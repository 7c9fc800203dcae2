#include "core/control/client/arena_internal.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = alignof(max_align_t), BLOCK_MIN = 4096, BLOCK_MAX = 1048576 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    max_align_t bytes[];
};

/* Each block is twice as large as the one before, so that a snapshot of a few streams takes one
 * block of 4 KiB, and one of thousands does not take thousands of blocks. */
static struct arena_block *add_block(struct arena *a, size_t n)
{
    size_t size = a->blocks == NULL ? BLOCK_MIN : 2 * a->blocks->size;
    if (size > BLOCK_MAX)
        size = BLOCK_MAX;
    if (size < n)
        size = n;
    if (size > a->limit - a->size) /* the last block may be smaller */
        size = n;
    struct arena_block *b = size <= a->limit - a->size ? malloc(sizeof *b + size) : NULL;
    if (b == NULL)
        return NULL;
    *b = (struct arena_block){.next = a->blocks, .size = size};
    a->blocks = b;
    a->size += size;
    return b;
}

void *arena_take(struct arena *a, size_t n)
{
    size_t whole = (n + ALIGN - 1) / ALIGN * ALIGN; /* 0: n is 0 or too large to be rounded up */
    struct arena_block *b = a->blocks;
    if (b == NULL || whole > b->size - b->used)
        b = add_block(a, whole);
    if (b == NULL || whole < n) {
        a->failed = true;
        return NULL;
    }
    void *p = (char *)b->bytes + b->used;
    b->used += whole;
    return p;
}

void arena_free(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    a->size = 0;
}
