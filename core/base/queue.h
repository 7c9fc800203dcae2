/* A byte queue in blocks of memory that are charged to an account (budget.h): bytes are appended at
 * its end, taken from its front, and read again anywhere between. Nothing is ever moved, so that
 * what lies at the front may be in the hands of a pending write. It takes little more memory than
 * it holds bytes: blocks of 1 KiB for few of them, of 16 KiB for many. */
#ifndef CORE_BASE_QUEUE_H
#define CORE_BASE_QUEUE_H

#include "core/base/budget.h"

/* A zeroed struct queue is an empty one. Every call has to name the same account. */
struct queue {
    size_t size;   /* bytes held */
    size_t memory; /* that it takes */
    /* private */
    struct queue_block *first, *last;
};

/* False: no memory; unchanged. The account is not asked: account_may. */
bool queue_append(struct queue *q, struct account *a, const void *p, size_t n);
/* How many bytes lie together at the front, and where; 0: it is empty. */
size_t queue_front(const struct queue *q, const uint8_t **p);
/* Drops n bytes at the front; n <= size. */
void queue_take(struct queue *q, struct account *a, size_t n);
/* Copies n bytes from `at` bytes behind the front; at + n <= size. */
void queue_copy(const struct queue *q, size_t at, void *out, size_t n);
void queue_free(struct queue *q, struct account *a); /* empty afterwards */

#endif
