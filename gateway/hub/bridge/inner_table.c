#include "gateway/hub/bridge/inner_table.h"

#include <stdlib.h>

#define TICK_MS 1000
#define PING_MS 20000

struct inner_table {
    struct inner_table_options o;
    struct list ends; /* of struct inner_end, those included that await peers only */
    struct timer *timer;
    bool draining;
};

/* There are few, since many connections share one. */
static struct inner_end *find(const struct inner_table *t, uint64_t serial)
{
    list_each(node, &t->ends) if (inner_end_serial(inner_end_at(node)) ==
                                  serial) return inner_end_at(node);
    return NULL;
}

static uint64_t ping_ms(const struct inner_table *t)
{
    return t->o.idle_ms / 3 < PING_MS ? t->o.idle_ms / 3 + 1 : PING_MS;
}

void inner_table_add(struct inner_table *t, const struct inner_start *s, int fd)
{
    const struct inner_end_options o = {.loop = t->o.loop,
                                        .list = &t->ends,
                                        .serial = s->serial,
                                        .role = s->role,
                                        .service = s->service,
                                        .label = s->label,
                                        .idle_s = s->idle_s,
                                        .ping_ms = ping_ms(t),
                                        .wanted = t->o.wanted,
                                        .gone = t->o.gone,
                                        .left = t->o.left,
                                        .over = t->o.over,
                                        .owner = t->o.owner};
    if (inner_end_new(&o, fd) == NULL)
        t->o.over(t->o.owner, s->serial);
}

void inner_table_join(struct inner_table *t, struct bridge_ticket *ticket, struct stream *buffered)
{
    struct inner_end *e = find(t, ticket->inner.end);
    if (e != NULL) {
        inner_end_join(e, ticket, buffered);
        return;
    }
    struct bridge_gone g = {.ticket = ticket, .why = ERR_PEER_LOST, .text = "the tunnel has ended"};
    stream_close(buffered);
    t->o.gone(t->o.owner, &g);
}

void inner_table_refuse(struct inner_table *t, uint64_t serial, uint64_t connection, enum err why)
{
    struct inner_end *e = find(t, serial);
    if (e != NULL)
        inner_end_refuse(e, connection, why);
}

void inner_table_close(struct inner_table *t, uint64_t serial, uint64_t bridge,
                       const struct bridge_closing *c)
{
    struct inner_end *e = find(t, serial);
    if (e != NULL)
        inner_end_close(e, bridge, c);
}

void inner_table_leave(struct inner_table *t, uint64_t serial)
{
    struct inner_end *e = find(t, serial);
    if (e != NULL)
        inner_end_leave(e);
}

bool inner_table_empty(const struct inner_table *t)
{
    return list_empty(&t->ends);
}

static void on_tick(void *owner)
{
    struct inner_table *t = owner;
    uint64_t now = loop_now(t->o.loop);
    timer_start(t->timer, TICK_MS);
    list_each(node, &t->ends)
    {
        struct inner_end *e = inner_end_at(node);
        if (t->draining && inner_end_over_ms(e, now) >= BRIDGE_DRAIN_MS)
            inner_end_drop(e);
        else
            inner_end_tick(e, now);
    }
}

void inner_table_drain(struct inner_table *t)
{
    t->draining = true;
}

struct inner_table *inner_table_new(const struct inner_table_options *o)
{
    struct inner_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->o = *o;
    list_init(&t->ends);
    t->timer = timer_new(o->loop, on_tick, t);
    if (t->timer == NULL) {
        free(t);
        return NULL;
    }
    timer_start(t->timer, TICK_MS);
    return t;
}

void inner_table_free(struct inner_table *t)
{
    if (t == NULL)
        return;
    while (!list_empty(&t->ends))
        inner_end_drop(inner_end_at(t->ends.next));
    timer_free(t->timer);
    free(t);
}
