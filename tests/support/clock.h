/* Time is the test's own: what is linked to it (own_clock in CMakeLists.txt), or is given these
 * functions (struct time_source), asks here. The test sets now_ms and calls fire_timers. */
#ifndef TESTS_SUPPORT_CLOCK_H
#define TESTS_SUPPORT_CLOCK_H

#include "core/net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct timer {
    void (*fire)(void *owner);
    void *owner;
    uint64_t at; /* 0: not running */
    struct list node;
};

/* What own_clock puts in the place of the loop's, and what a session can be given. */
uint64_t __wrap_loop_now(struct loop *l);
uint64_t __wrap_uv_hrtime(void);
struct timer *__wrap_timer_new(struct loop *l, void (*fire)(void *owner), void *owner);
void __wrap_timer_start(struct timer *t, uint64_t ms);
void __wrap_timer_stop(struct timer *t);
void __wrap_timer_free(struct timer *t);

extern struct list timers;
extern uint64_t now_ms;

/* One that fires may free others. */
void fire_timers(void);

#endif
