/* Where a session has its time from: its loop, or the world of a test. */
#ifndef CORE_TUNNEL_TIME_SOURCE_H
#define CORE_TUNNEL_TIME_SOURCE_H

#include "core/net/loop.h"

struct time_source {
    uint64_t (*now_ms)(struct loop *l); /* monotonic, constant within one callback of the loop */
    uint64_t (*now_ns)(void);           /* monotonic, of this very moment: for round trips */
    /* One-shot timers, as core/net/loop.h has them. */
    struct timer *(*timer_new)(struct loop *l, void (*fire)(void *owner), void *owner);
    void (*timer_start)(struct timer *t, uint64_t ms);
    void (*timer_stop)(struct timer *t);
    void (*timer_free)(struct timer *t);
};

extern const struct time_source time_of_loop;

#endif
