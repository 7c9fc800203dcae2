#include "gateway/hub/bridge/inner_table.h"

#include <stdlib.h>

#define PING_MS 20000

struct inner_table {
    struct worker_table base; /* of struct inner_end, those included that await peers only */
    struct inner_table_options o;
};

/* There are few, since many connections share one. */
static struct inner_end *find(const struct inner_table *t, uint64_t serial)
{
    list_each(node, &t->base.members) if (inner_end_serial(inner_end_at(node)) ==
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
                                        .list = &t->base.members,
                                        .serial = s->serial,
                                        .role = s->role,
                                        .service = s->service,
                                        .label = s->label,
                                        .asks = s->asks,
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

/* ---- life ---- */

static void tick(void *table, struct list *member, uint64_t now)
{
    const struct inner_table *t = table;
    struct inner_end *e = inner_end_at(member);
    if (t->base.draining && inner_end_over_ms(e, now) >= BRIDGE_DRAIN_MS)
        inner_end_drop(e);
    else
        inner_end_tick(e, now);
}

static void drop(void *table, struct list *member)
{
    (void)table;
    inner_end_drop(inner_end_at(member));
}

struct inner_table *inner_table_new(const struct inner_table_options *o)
{
    static const struct worker_table_ops ops = {.tick = tick, .drop = drop, .free = free};
    struct inner_table *t = calloc(1, sizeof *t);
    if (t == NULL || !worker_table_init(&t->base, o->loop, &ops)) {
        free(t);
        return NULL;
    }
    t->o = *o;
    return t;
}

struct worker_table *inner_table_base(struct inner_table *t)
{
    return t != NULL ? &t->base : NULL;
}
