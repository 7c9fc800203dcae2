#include "gateway/hub/relay/relay_table.h"

#include "core/base/map.h"
#include "gateway/hub/relay/relay.h"

#include <stdlib.h>
#include <string.h>

/* An end that takes nothing for that long may be dropped when memory is short. */
#define FULL_MS 1000
/* While draining, the ends of a tunnel may be dropped when nothing came for that long. */
#define QUIET_MS 1000
/* Ends that are to move at once are dropped in so many steps, so that they do not all come back in
 * the same moment. */
#define MOVE_STEPS 15

static const struct close_reason shutting_down = {RELAY_DROP, ERR_SHUTDOWN,
                                                  "the hub is shutting down"};
static const struct close_reason moved = {RELAY_DROP, ERR_SHUTDOWN,
                                          "this node of the cluster is shutting down"};
static const struct close_reason stalled = {RELAY_DROP, ERR_STALLED,
                                            "it took nothing, and memory is short"};
static const struct close_reason replaced = {RELAY_CLOSE_REPLACED, ERR_STREAM_REPLACED,
                                             "replaced by a newer connection"};

struct relay_slot {
    char *tunnel; /* the tunnel's id, which is the key in relay_table.by_tunnel */
    struct relay *relay;
    struct rate_limiter limiter; /* limits to its account's tunnel_rate */
    size_t present;              /* ends, including those that have left the relay */
    uint64_t active;
};

struct relay_table {
    struct worker_table base; /* of struct relay_end */
    struct relay_table_options o;
    struct map by_tunnel;
    bool moving;
    size_t step; /* ends to drop in each tick while moving */
};

/* ---- slots ---- */

static void slot_free(struct relay_table *r, struct relay_slot *slot)
{
    map_remove(&r->by_tunnel, slot->tunnel, strlen(slot->tunnel));
    relay_free(slot->relay);
    free(slot->tunnel);
    free(slot);
}

static struct relay_slot *slot_new(struct relay_table *r, const struct registration *t)
{
    struct relay_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL)
        return NULL;
    slot->tunnel = strdup(t->tunnel);
    slot->relay = relay_new(r->o.loop, (const char *const *)t->services, t->n_services);
    rate_limiter_init(&slot->limiter, &t->account->tunnel_rate, RATE_LIMITER_CREDIT_MS);
    if (slot->tunnel != NULL && slot->relay != NULL &&
        relay_add_limiter(slot->relay, &slot->limiter) &&
        relay_add_limiter(slot->relay, &t->account->limiter) &&
        map_put(&r->by_tunnel, slot->tunnel, strlen(slot->tunnel), slot))
        return slot;
    relay_free(slot->relay);
    free(slot->tunnel);
    free(slot);
    return NULL;
}

static struct relay_slot *find(const struct relay_table *r, const char *tunnel)
{
    return map_get(&r->by_tunnel, tunnel, strlen(tunnel));
}

/* ---- clients ---- */

static void on_gone(void *owner, const struct end_report *d)
{
    struct relay_table *r = owner;
    struct relay_slot *slot = find(r, d->registration->tunnel);
    if (--slot->present == 0)
        slot_free(r, slot);
    r->o.gone(r->o.owner, d);
}

static void close_side(struct relay_slot *slot, enum side side, const struct close_reason *f)
{
    struct relay_end *c = relay_attached(slot->relay, side);
    if (c != NULL)
        relay_end_close(c, f);
}

void relay_table_join(struct relay_table *r, struct registration *registration,
                      struct stream *buffered)
{
    struct relay_slot *slot = find(r, registration->tunnel);
    if (slot == NULL && (slot = slot_new(r, registration)) == NULL) {
        struct end_report d = {
            .registration = registration, .why = ERR_NO_MEMORY, .text = "out of memory"};
        stream_close(buffered);
        r->o.gone(r->o.owner, &d);
        return;
    }
    struct relay_end_options options = {.loop = r->o.loop,
                                        .relay = slot->relay,
                                        .stats = r->o.stats,
                                        .list = &r->base.members,
                                        .gone = on_gone,
                                        .owner = r,
                                        .active = &slot->active};
    slot->present++;
    slot->active = loop_now(r->o.loop);
    close_side(slot, registration->side, &replaced);
    relay_end_new(&options, registration, buffered);
}

void relay_table_close(struct relay_table *r, const char *tunnel, enum side side,
                       const struct close_reason *f)
{
    struct relay_slot *slot = find(r, tunnel);
    if (slot != NULL)
        close_side(slot, side, f);
}

/* ---- time ---- */

/* Whether nothing has come for a while and all that came has been passed on. A slow reader does not
 * make a tunnel quiet. */
static bool is_quiet(const struct relay_slot *slot, uint64_t now)
{
    return now - slot->active >= QUIET_MS && !relay_busy(slot->relay);
}

static void drop_quiet(struct relay_table *r, uint64_t now)
{
    list_each(node, &r->base.members)
    {
        struct relay_end *c = relay_end_at(node);
        const struct relay_slot *slot = find(r, relay_end_registration(c)->tunnel);
        if (is_quiet(slot, now))
            relay_end_close(c, &shutting_down);
    }
}

static bool is_native(const struct relay_end *c)
{
    return c == NULL || relay_end_registration(c)->instance[0] != '\0';
}

/* Of native tunnels, whose connections go on elsewhere. */
static void drop_moving(struct relay_table *r)
{
    size_t n = 0;
    list_each(node, &r->base.members)
    {
        struct relay_end *c = relay_end_at(node);
        const struct relay_slot *slot = find(r, relay_end_registration(c)->tunnel);
        if (n < r->step && is_native(relay_attached(slot->relay, SIDE_SOURCE)) &&
            is_native(relay_attached(slot->relay, SIDE_DESTINATION))) {
            relay_end_close(c, &moved);
            n++;
        }
    }
}

static struct relay_end *fullest(struct relay_table *r, uint64_t now)
{
    struct relay_end *found = NULL;
    uint64_t longest = FULL_MS - 1;
    list_each(node, &r->base.members)
    {
        struct relay_end *c = relay_end_at(node);
        uint64_t ms = relay_end_full_ms(c, now);
        if (ms <= longest)
            continue;
        found = c;
        longest = ms;
    }
    return found;
}

/* Ends that do not take what they are sent keep blocks of memory in use. The end that has done so
 * for longest is dropped first, before a block is refused to any end. */
static void drop_fullest(struct relay_table *r, uint64_t now)
{
    struct relay_end *c;
    while (loop_blocks_short(r->o.loop) && (c = fullest(r, now)) != NULL)
        relay_end_close(c, &stalled);
}

static void tick(void *table, struct list *member, uint64_t now)
{
    const struct relay_table *r = table;
    relay_end_tick(relay_end_at(member), now, r->o.idle_ms);
}

static void ticked(void *table, uint64_t now)
{
    struct relay_table *r = table;
    drop_fullest(r, now);
    if (r->moving)
        drop_moving(r);
    if (r->base.draining)
        drop_quiet(r, now);
}

void relay_table_move(struct relay_table *r)
{
    size_t n = 0;
    list_each(node, &r->base.members) n++;
    r->step = n / MOVE_STEPS + 1;
    r->moving = true;
}

/* ---- life ---- */

static void drop(void *table, struct list *member)
{
    (void)table;
    relay_end_close(relay_end_at(member), &shutting_down);
}

static void free_table(void *table)
{
    struct relay_table *r = table;
    map_free(&r->by_tunnel);
    free(r);
}

struct relay_table *relay_table_new(const struct relay_table_options *o)
{
    static const struct worker_table_ops ops = {
        .tick = tick, .ticked = ticked, .drop = drop, .free = free_table};
    struct relay_table *r = calloc(1, sizeof *r);
    if (r == NULL || !worker_table_init(&r->base, o->loop, &ops)) {
        free(r);
        return NULL;
    }
    r->o = *o;
    return r;
}

struct worker_table *relay_table_base(struct relay_table *r)
{
    return r != NULL ? &r->base : NULL;
}
