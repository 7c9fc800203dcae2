/* A byte queue in blocks of memory that are charged to an account (budget.h): bytes are appended at
 * its end, taken from its front, and read again anywhere between. Bytes are never moved, so a
 * pending write may use those at the front. The queue takes little more memory than it holds bytes:
 * its blocks are 1 KiB for few bytes and 16 KiB for many. */
#ifndef CORE_BASE_QUEUE_H
#define CORE_BASE_QUEUE_H

#include "core/base/budget.h"

#include <sys/uio.h>

/* The bytes of the largest blocks: SESSION_QUANTUM, so that one is a TLS record with its heads. */
#define QUEUE_PART 16128

/* A zeroed struct queue is an empty one. Every call has to name the same account. */
struct queue {
    size_t size;   /* bytes held */
    size_t memory; /* bytes of memory that the queue takes */
    /* private */
    struct queue_block *first, *last;
    struct queue_block *before; /* the last one when room was reserved */
    struct queue_block *seen;   /* queue_at has last looked into this one, or NULL */
    size_t seen_at;             /* that begins so many bytes after the front */
};

/* False: no memory; unchanged. The account's limit is not checked here; account_may does that. */
bool queue_append(struct queue *q, struct account *a, const void *p, size_t n);
/* Reserves room for n bytes behind the last one, in up to `most` parts of QUEUE_PART bytes or less;
 * returns how many parts there are: fewer than that where memory ends. The next call is
 * queue_commit with the number of bytes that were put there, also when that is 0. */
size_t queue_reserve(struct queue *q, struct account *a, size_t n, struct iovec *parts,
                     size_t most);
void queue_commit(struct queue *q, struct account *a, size_t n);
/* Returns how many bytes lie together `at` bytes after the front, and sets *p to them; at < size.
 * Going on where it was looked last is fast. */
size_t queue_at(struct queue *q, size_t at, const uint8_t **p);
/* Returns how many bytes lie together at the front and sets *p to them; 0: the queue is empty. */
size_t queue_front(const struct queue *q, const uint8_t **p);
/* Drops n bytes at the front; n <= size. */
void queue_take(struct queue *q, struct account *a, size_t n);
/* Copies n bytes that begin `at` bytes after the front; at + n <= size. */
void queue_copy(const struct queue *q, size_t at, void *out, size_t n);
void queue_free(struct queue *q, struct account *a); /* leaves an empty queue */

#endif
