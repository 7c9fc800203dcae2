#include "gateway/hub/devices/device_table.h"

#include "core/base/map.h"

#include <stdlib.h>

#define TICK_MS 1000
#define DRAIN_TICK_MS 100
#define ENDING "the hub is shutting down"

struct device_table {
    struct device_table_options o;
    struct map by_serial; /* struct wire_end; the keys are in their tickets */
    struct list links;
    struct timer *timer;
    bool draining;
};

static void on_gone(void *owner, const struct device_gone *g)
{
    struct device_table *t = owner;
    map_remove(&t->by_serial, &g->ticket->serial, sizeof g->ticket->serial);
    t->o.gone(t->o.owner, g);
}

static void on_said(void *owner, const struct device_ticket *ticket, const uint8_t *p, size_t n)
{
    struct device_table *t = owner;
    t->o.said(t->o.owner, ticket, p, n);
}

void device_table_join(struct device_table *t, struct device_ticket *ticket, struct stream *s)
{
    struct wire_end_options o = {
        .loop = t->o.loop, .list = &t->links, .said = on_said, .gone = on_gone, .owner = t};
    struct wire_end *e = t->o.wires[ticket->wire](&o, ticket, s);
    if (e != NULL && !map_put(&t->by_serial, &ticket->serial, sizeof ticket->serial, e))
        e->ops->drop(e, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

void device_table_send(struct device_table *t, uint64_t serial, struct device_letter *l)
{
    struct wire_end *e = map_get(&t->by_serial, &serial, sizeof serial);
    if (e != NULL)
        e->ops->send(e, l);
    else
        device_letter_free(l);
}

static void on_tick(void *owner)
{
    struct device_table *t = owner;
    uint64_t now = loop_now(t->o.loop);
    timer_start(t->timer, t->draining ? DRAIN_TICK_MS : TICK_MS);
    list_each(node, &t->links)
    {
        struct wire_end *e = wire_end_at(node);
        if (t->draining && !e->ops->owes(e))
            e->ops->drop(e, ERR_SHUTDOWN, ENDING);
        else
            e->ops->tick(e, now);
    }
}

void device_table_drain(struct device_table *t)
{
    t->draining = true;
    timer_start(t->timer, 0);
}

bool device_table_empty(const struct device_table *t)
{
    return list_empty(&t->links);
}

struct device_table *device_table_new(const struct device_table_options *o)
{
    struct device_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->o = *o;
    list_init(&t->links);
    t->timer = timer_new(o->loop, on_tick, t);
    if (t->timer == NULL) {
        free(t);
        return NULL;
    }
    timer_start(t->timer, TICK_MS);
    return t;
}

void device_table_free(struct device_table *t)
{
    if (t == NULL)
        return;
    while (!list_empty(&t->links)) {
        struct wire_end *e = wire_end_at(t->links.next);
        e->ops->drop(e, ERR_SHUTDOWN, ENDING);
    }
    map_free(&t->by_serial);
    timer_free(t->timer);
    free(t);
}
