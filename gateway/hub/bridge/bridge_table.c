#include "gateway/hub/bridge/bridge_table.h"

#include "core/base/map.h"

#include <stdlib.h>

/* A bridge that has been stuck for so long may go when memory is short. */
#define STUCK_MS 1000
#define QUIET_MS 1000

static const struct bridge_closing shutting_down = {BRIDGE_CLOSE_AWAY, ERR_SHUTDOWN,
                                                    "the hub is shutting down"};
static const struct bridge_closing stalled = {BRIDGE_CLOSE_AWAY, ERR_STALLED,
                                              "a side took nothing, and memory is short"};

struct slot {
    uint64_t bridge; /* the key in bridge_table.by_serial */
    struct bridge_pair *pair;
};

struct bridge_table {
    struct worker_table base; /* of struct bridge_pair, those that have ended included */
    struct bridge_table_options o;
    struct map by_serial; /* struct slot, of those that have not ended */
};

static void on_over(void *owner, uint64_t bridge, const struct bridge_gone *gone, size_t n)
{
    struct bridge_table *t = owner;
    free(map_remove(&t->by_serial, &bridge, sizeof bridge));
    for (size_t i = 0; i < n; i++)
        t->o.gone(t->o.owner, &gone[i]);
}

static struct bridge_pair *find(const struct bridge_table *t, uint64_t bridge)
{
    const struct slot *s = map_get(&t->by_serial, &bridge, sizeof bridge);
    return s != NULL ? s->pair : NULL;
}

static struct bridge_pair *pair_new(struct bridge_table *t, uint64_t bridge)
{
    const struct bridge_pair_options o = {
        .loop = t->o.loop, .list = &t->base.members, .over = on_over, .owner = t};
    struct slot *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->bridge = bridge;
    if (map_put(&t->by_serial, &s->bridge, sizeof s->bridge, s) &&
        (s->pair = bridge_pair_new(&o, bridge)) != NULL)
        return s->pair;
    map_remove(&t->by_serial, &bridge, sizeof bridge);
    free(s);
    return NULL;
}

void bridge_table_join(struct bridge_table *t, struct bridge_ticket *ticket,
                       struct stream *buffered)
{
    struct bridge_pair *p = find(t, ticket->bridge);
    if (p == NULL)
        p = pair_new(t, ticket->bridge);
    if (p != NULL) {
        bridge_pair_join(p, ticket, buffered);
        return;
    }
    struct bridge_gone g = {.ticket = ticket, .why = ERR_NO_MEMORY, .text = "out of memory"};
    stream_close(buffered);
    t->o.gone(t->o.owner, &g);
}

void bridge_table_close(struct bridge_table *t, uint64_t bridge, const struct bridge_closing *c)
{
    struct bridge_pair *p = find(t, bridge);
    if (p != NULL)
        bridge_pair_close(p, c);
}

/* ---- time ---- */

static struct bridge_pair *longest_stuck(const struct bridge_table *t, uint64_t now)
{
    struct bridge_pair *found = NULL;
    uint64_t longest = STUCK_MS - 1;
    list_each(node, &t->base.members)
    {
        struct bridge_pair *p = bridge_pair_at(node);
        uint64_t ms = bridge_pair_ended(p) ? 0 : bridge_pair_stuck_ms(p, now);
        if (ms <= longest)
            continue;
        found = p;
        longest = ms;
    }
    return found;
}

/* Bridges whose sides do not take what they are sent keep blocks in use; one in each tick ends
 * before anybody is refused one. */
static void relieve(void *table, uint64_t now)
{
    const struct bridge_table *t = table;
    struct bridge_pair *p = loop_blocks_short(t->o.loop) ? longest_stuck(t, now) : NULL;
    if (p != NULL)
        bridge_pair_close(p, &stalled);
}

static void tick(void *table, struct list *member, uint64_t now)
{
    const struct bridge_table *t = table;
    struct bridge_pair *p = bridge_pair_at(member);
    uint64_t quiet = t->base.draining ? bridge_pair_quiet_ms(p, now) : 0;
    if (quiet >= BRIDGE_DRAIN_MS && bridge_pair_ended(p))
        bridge_pair_drop(p);
    else if (quiet >= QUIET_MS)
        bridge_pair_close(p, &shutting_down);
    else
        bridge_pair_tick(p, now, t->o.idle_ms);
}

/* ---- life ---- */

static void drop(void *table, struct list *member)
{
    (void)table;
    bridge_pair_drop(bridge_pair_at(member));
}

static void free_table(void *table)
{
    struct bridge_table *t = table;
    map_free(&t->by_serial);
    free(t);
}

struct bridge_table *bridge_table_new(const struct bridge_table_options *o)
{
    static const struct worker_table_ops ops = {
        .tick = tick, .ticked = relieve, .drop = drop, .free = free_table};
    struct bridge_table *t = calloc(1, sizeof *t);
    if (t == NULL || !worker_table_init(&t->base, o->loop, &ops)) {
        free(t);
        return NULL;
    }
    t->o = *o;
    return t;
}

struct worker_table *bridge_table_base(struct bridge_table *t)
{
    return t != NULL ? &t->base : NULL;
}
