#include "gateway/hub/devices/device_table.h"

#include "core/base/map.h"

#include <stdlib.h>

#define ENDING "the hub is shutting down"

struct device_table {
    struct worker_table base; /* of struct wire_end */
    struct device_table_options o;
    struct map by_serial; /* struct wire_end; the keys are in their tickets */
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
        .loop = t->o.loop, .list = &t->base.members, .said = on_said, .gone = on_gone, .owner = t};
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

/* ---- life ---- */

static void tick(void *table, struct list *member, uint64_t now)
{
    const struct device_table *t = table;
    struct wire_end *e = wire_end_at(member);
    if (t->base.draining && !e->ops->owes(e))
        e->ops->drop(e, ERR_SHUTDOWN, ENDING);
    else
        e->ops->tick(e, now);
}

static void drop(void *table, struct list *member)
{
    struct wire_end *e = wire_end_at(member);
    (void)table;
    e->ops->drop(e, ERR_SHUTDOWN, ENDING);
}

static void free_table(void *table)
{
    struct device_table *t = table;
    map_free(&t->by_serial);
    free(t);
}

struct device_table *device_table_new(const struct device_table_options *o)
{
    static const struct worker_table_ops ops = {.tick = tick, .drop = drop, .free = free_table};
    struct device_table *t = calloc(1, sizeof *t);
    if (t == NULL || !worker_table_init(&t->base, o->loop, &ops)) {
        free(t);
        return NULL;
    }
    t->o = *o;
    return t;
}

struct worker_table *device_table_base(struct device_table *t)
{
    return t != NULL ? &t->base : NULL;
}
