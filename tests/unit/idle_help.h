/* A session whose time is the test's own (tests/support/clock.h), for those in which nothing
 * happens. The test has loop and spin() from its other help. */
#ifndef TESTS_UNIT_IDLE_HELP_H
#define TESTS_UNIT_IDLE_HELP_H

#include "core/tunnel/time_source.h"
#include "tests/support/clock.h"

#define IDLE_MS 64000

static const struct time_source test_time = {
    .now_ms = __wrap_loop_now,
    .now_ns = __wrap_uv_hrtime,
    .timer_new = __wrap_timer_new,
    .timer_start = __wrap_timer_start,
    .timer_stop = __wrap_timer_stop,
    .timer_free = __wrap_timer_free,
};

/* Lets so much time pass as it does in earnest, bit by bit. */
static inline void pass(struct loop *loop, uint64_t ms)
{
    for (uint64_t end = now_ms + ms; now_ms < end;) {
        uint64_t step = end - now_ms < 250 ? end - now_ms : 250;
        now_ms += step;
        fire_timers();
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
}

#endif
