/* Bytes that passed, second by second: the last HISTORY_SECONDS seconds, and HISTORY_TENS sums of
 * ten seconds each. Samples are numbered from 1, so that a reader asks only for samples newer than
 * those that it has. Pure. */
#ifndef CORE_CONTROL_HISTORY_H
#define CORE_CONTROL_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_SECONDS 600
#define HISTORY_TENS 360

/* The last `size` of `last` samples; sample number i is at i % size. */
struct history_ring {
    size_t size;
    uint64_t last; /* number of the newest sample; 0: there are none yet */
    uint64_t *down, *up;
};

struct history {
    struct history_ring seconds, tens;
    uint64_t second_down[HISTORY_SECONDS], second_up[HISTORY_SECONDS];
    uint64_t ten_down[HISTORY_TENS], ten_up[HISTORY_TENS];
    uint64_t sum_down, sum_up; /* of the ten seconds that are not full yet */
};

void history_init(struct history *h);
/* Adds the bytes that passed in the last second. */
void history_add(struct history *h, uint64_t down, uint64_t up);
/* The number of the oldest sample in r that is newer than `known`; above r->last when there is
 * none. */
uint64_t history_from(const struct history_ring *r, uint64_t known);

#endif
