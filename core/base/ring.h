/* A byte queue in a circle of memory, for long queues: bytes are appended at its end, taken from
 * its front, and read again anywhere between; nothing is ever moved but when it grows. */
#ifndef CORE_BASE_RING_H
#define CORE_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct ring is an empty one. */
struct ring {
    size_t size;     /* bytes held */
    uint8_t *memory; /* private */
    size_t capacity; /* private: a power of two, or 0 */
    size_t first;    /* private: where the front is */
};

void ring_free(struct ring *r);                            /* empty afterwards */
bool ring_append(struct ring *r, const void *p, size_t n); /* false: no memory; unchanged */
/* Copies n bytes from `at` bytes behind the front; at + n <= size. */
void ring_copy(const struct ring *r, size_t at, void *out, size_t n);
/* Drops n bytes at the front; n <= size. A large memory goes when nothing is left. */
void ring_take(struct ring *r, size_t n);

#endif
