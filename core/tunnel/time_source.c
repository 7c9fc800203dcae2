#include "core/tunnel/time_source.h"

static uint64_t loop_ms(void *loop)
{
    return loop_now(loop);
}

static uint64_t clock_ns(void *loop)
{
    (void)loop;
    return uv_hrtime();
}

static struct timer *loop_timer(void *loop, void (*fire)(void *owner), void *owner)
{
    return timer_new(loop, fire, owner);
}

struct time_source time_source_of_loop(struct loop *l)
{
    return (struct time_source){
        .now_ms = loop_ms,
        .now_ns = clock_ns,
        .timer_new = loop_timer,
        .timer_start = timer_start,
        .timer_stop = timer_stop,
        .timer_free = timer_free,
        .ctx = l,
    };
}
