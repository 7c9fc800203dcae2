/* Time is the test's own: what is linked to it (own_clock in CMakeLists.txt), or is given these
 * functions (struct time_source), asks here. The test sets now_ms and calls fire_timers. */
#ifndef TESTS_UNIT_CLOCK_HELP_H
#define TESTS_UNIT_CLOCK_HELP_H

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
static struct list timers = {&timers, &timers};
static uint64_t now_ms = 1000;

uint64_t __wrap_loop_now(struct loop *l)
{
    (void)l;
    return now_ms;
}

uint64_t __wrap_uv_hrtime(void)
{
    return now_ms * 1000000;
}

struct timer *__wrap_timer_new(struct loop *l, void (*fire)(void *owner), void *owner)
{
    struct timer *t = calloc(1, sizeof *t);
    (void)l;
    assert_non_null(t);
    *t = (struct timer){.fire = fire, .owner = owner};
    list_init(&t->node);
    list_append(&timers, &t->node);
    return t;
}

void __wrap_timer_start(struct timer *t, uint64_t ms)
{
    t->at = now_ms + ms + 1;
}

void __wrap_timer_stop(struct timer *t)
{
    t->at = 0;
}

void __wrap_timer_free(struct timer *t)
{
    if (t == NULL)
        return;
    list_remove(&t->node);
    free(t);
}

/* One that fires may free others. */
static void fire_timers(void)
{
    for (bool again = true; again;) {
        again = false;
        list_each(node, &timers)
        {
            struct timer *t = list_entry(node, struct timer, node);
            if (t->at == 0 || t->at > now_ms)
                continue;
            t->at = 0;
            t->fire(t->owner);
            again = true;
            break;
        }
    }
}

#endif
