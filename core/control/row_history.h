/* The bytes of one row, second by second for a minute, and for those that are older ten seconds by
 * ten for ten minutes; private to core/control. Most rows are short or idle, so the memory for the
 * latter is taken when the first byte of the seconds gets old, and given back once all of it is
 * zero. Pure. */
#ifndef CORE_CONTROL_ROW_HISTORY_H
#define CORE_CONTROL_ROW_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define ROW_SECONDS 60
#define ROW_TENS 60

/* Sample number i is at i % ROW_SECONDS; the first one is number 1. */
struct row_history {
    uint64_t last;
    uint32_t down[ROW_SECONDS], up[ROW_SECONDS]; /* 4 GB a second is more than enough */
    /* Number i, of the samples from 10 * i + 1 on, is at i % ROW_TENS. NULL: all are zero. */
    struct row_tens {
        uint64_t down[ROW_TENS], up[ROW_TENS];
    } * tens;
    bool lost; /* there was no memory for them */
};

/* Adds one second's bytes. tens: the older ones are wanted, too. */
void row_history_add(struct row_history *h, uint64_t down, uint64_t up, bool tens);
void row_history_free(struct row_history *h);

/* What moved in the last `since` samples, and the rate just before. Of the older part it is a guess
 * within ten seconds, as if the bytes of each ten had been spread evenly. False: not known. */
struct row_since {
    uint64_t down, up, rate_down, rate_up;
};
bool row_history_since(const struct row_history *h, uint64_t since, bool tens,
                       struct row_since *out);

#endif
