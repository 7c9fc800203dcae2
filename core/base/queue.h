/* A byte queue in blocks of memory that are charged to an account (budget.h): bytes are appended at
 * its end, taken from its front, and read again anywhere between. Bytes are never moved, so a
 * pending write may use those at the front. The queue takes little more memory than it holds bytes:
 * its blocks are 1 KiB for few bytes and 16 KiB for many. */
#ifndef CORE_BASE_QUEUE_H
#define CORE_BASE_QUEUE_H

#include "core/base/budget.h"

/* A zeroed struct queue is an empty one. Every call has to name the same account. */
struct queue {
    size_t size;   /* bytes held */
    size_t memory; /* bytes of memory that the queue takes */
    /* private */
    struct queue_block *first, *last;
};

/* False: no memory; unchanged. The account's limit is not checked here; account_may does that. */
bool queue_append(struct queue *q, struct account *a, const void *p, size_t n);
/* Returns how many bytes lie together at the front and sets *p to them; 0: the queue is empty. */
size_t queue_front(const struct queue *q, const uint8_t **p);
/* Drops n bytes at the front; n <= size. */
void queue_take(struct queue *q, struct account *a, size_t n);
/* Copies n bytes that begin `at` bytes after the front; at + n <= size. */
void queue_copy(const struct queue *q, size_t at, void *out, size_t n);
void queue_free(struct queue *q, struct account *a); /* leaves an empty queue */

#endif
