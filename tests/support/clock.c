#include "tests/support/clock.h"

struct list timers = {&timers, &timers};

uint64_t now_ms = 1000;

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
    if (t == NULL)
        return NULL;
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
    if (t != NULL)
        t->at = 0;
}

void __wrap_timer_free(struct timer *t)
{
    if (t == NULL)
        return;
    list_remove(&t->node);
    free(t);
}

void fire_timers(void)
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
