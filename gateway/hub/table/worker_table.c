#include "gateway/hub/table/worker_table.h"

#define TICK_MS 1000
#define DRAIN_TICK_MS 100

static void on_tick(void *owner)
{
    struct worker_table *t = owner;
    uint64_t now = loop_now(t->loop);
    timer_start(t->timer, t->draining ? DRAIN_TICK_MS : TICK_MS);
    list_each(member, &t->members) t->ops->tick(t, member, now);
    if (t->ops->ticked != NULL)
        t->ops->ticked(t, now);
}

bool worker_table_init(struct worker_table *t, struct loop *loop,
                       const struct worker_table_ops *ops)
{
    *t = (struct worker_table){.loop = loop, .ops = ops};
    list_init(&t->members);
    t->timer = timer_new(loop, on_tick, t);
    if (t->timer == NULL)
        return false;
    timer_start(t->timer, TICK_MS);
    return true;
}

void worker_table_free(struct worker_table *t)
{
    if (t == NULL)
        return;
    while (!list_empty(&t->members))
        t->ops->drop(t, t->members.next);
    timer_free(t->timer);
    t->ops->free(t);
}

void worker_table_drain(struct worker_table *t)
{
    t->draining = true;
    timer_start(t->timer, 0);
}

bool worker_table_empty(const struct worker_table *t)
{
    return list_empty(&t->members);
}
