#include "gateway/hub/relay/relay_table.h"

#include "core/base/map.h"
#include "gateway/hub/relay/relay.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define DRAIN_TICK_MS 100
#define FULL_MS 1000  /* who takes nothing for so long may have to go when memory is short */
#define QUIET_MS 1000 /* nothing came for so long: a room that may be dropped when draining */

static const struct farewell shutting_down = {CLIENT_DROP, ERR_SHUTDOWN,
                                              "the hub is shutting down"};
static const struct farewell stalled = {CLIENT_DROP, ERR_STALLED,
                                        "it took nothing, and memory is short"};
static const struct farewell replaced = {CLIENT_CLOSE_REPLACED, ERR_STREAM_REPLACED,
                                         "replaced by a newer connection"};

struct room {
    char *tunnel; /* id, the key in rooms.by_tunnel */
    struct relay *relay;
    struct meter meter; /* by its account's tunnel_rate */
    size_t present;     /* clients, also those that have left the relay */
    uint64_t active;
};

struct rooms {
    struct rooms_options o;
    struct map by_tunnel;
    struct list clients;
    struct timer *timer;
    bool draining;
};

/* ---- rooms ---- */

static void room_free(struct rooms *r, struct room *room)
{
    map_remove(&r->by_tunnel, room->tunnel, strlen(room->tunnel));
    relay_free(room->relay);
    free(room->tunnel);
    free(room);
}

static struct room *room_new(struct rooms *r, const struct ticket *t)
{
    struct room *room = calloc(1, sizeof *room);
    if (room == NULL)
        return NULL;
    room->tunnel = strdup(t->tunnel);
    room->relay = relay_new(r->o.loop, (const char *const *)t->services, t->n_services);
    meter_init(&room->meter, &t->account->tunnel_rate, METER_CREDIT_MS);
    if (room->tunnel != NULL && room->relay != NULL && relay_meter(room->relay, &room->meter) &&
        relay_meter(room->relay, &t->account->meter) &&
        map_put(&r->by_tunnel, room->tunnel, strlen(room->tunnel), room))
        return room;
    relay_free(room->relay);
    free(room->tunnel);
    free(room);
    return NULL;
}

static struct room *find(const struct rooms *r, const char *tunnel)
{
    return map_get(&r->by_tunnel, tunnel, strlen(tunnel));
}

/* ---- clients ---- */

static void on_gone(void *owner, const struct departure *d)
{
    struct rooms *r = owner;
    struct room *room = find(r, d->ticket->tunnel);
    if (--room->present == 0)
        room_free(r, room);
    r->o.gone(r->o.owner, d);
}

static void close_side(struct room *room, enum side side, const struct farewell *f)
{
    struct client *c = relay_end(room->relay, side);
    if (c != NULL)
        client_end(c, f);
}

void rooms_join(struct rooms *r, struct ticket *ticket, struct stream *spill)
{
    struct room *room = find(r, ticket->tunnel);
    if (room == NULL && (room = room_new(r, ticket)) == NULL) {
        struct departure d = {.ticket = ticket, .why = ERR_NO_MEMORY, .text = "out of memory"};
        stream_close(spill);
        r->o.gone(r->o.owner, &d);
        return;
    }
    struct client_options options = {.loop = r->o.loop,
                                     .relay = room->relay,
                                     .counts = r->o.counts,
                                     .list = &r->clients,
                                     .gone = on_gone,
                                     .owner = r,
                                     .active = &room->active};
    room->present++;
    room->active = loop_now(r->o.loop);
    close_side(room, ticket->side, &replaced);
    client_new(&options, ticket, spill);
}

void rooms_close(struct rooms *r, const char *tunnel, enum side side, const struct farewell *f)
{
    struct room *room = find(r, tunnel);
    if (room != NULL)
        close_side(room, side, f);
}

/* ---- time ---- */

/* Nothing has come for a while, and what came is gone: a slow reader is not silence. */
static bool is_quiet(const struct room *room, uint64_t now)
{
    return now - room->active >= QUIET_MS && !relay_busy(room->relay);
}

static void drop_quiet(struct rooms *r, uint64_t now)
{
    list_each(node, &r->clients)
    {
        struct client *c = client_at(node);
        const struct room *room = find(r, client_ticket(c)->tunnel);
        if (is_quiet(room, now))
            client_end(c, &shutting_down);
    }
}

static struct client *fullest(struct rooms *r, uint64_t now)
{
    struct client *found = NULL;
    uint64_t longest = FULL_MS - 1;
    list_each(node, &r->clients)
    {
        struct client *c = client_at(node);
        uint64_t ms = client_full_ms(c, now);
        if (ms <= longest)
            continue;
        found = c;
        longest = ms;
    }
    return found;
}

/* Blocks of memory wait with those who do not take what they are sent. Who has done so for longest
 * goes first, before blocks are refused to anybody. */
static void make_room(struct rooms *r, uint64_t now)
{
    struct client *c;
    while (loop_blocks_short(r->o.loop) && (c = fullest(r, now)) != NULL)
        client_end(c, &stalled);
}

static void on_tick(void *owner)
{
    struct rooms *r = owner;
    uint64_t now = loop_now(r->o.loop);
    timer_start(r->timer, r->draining ? DRAIN_TICK_MS : TICK_MS);
    list_each(node, &r->clients) client_tick(client_at(node), now, r->o.idle_ms);
    make_room(r, now);
    if (r->draining)
        drop_quiet(r, now);
}

void rooms_drain(struct rooms *r)
{
    r->draining = true;
    timer_start(r->timer, 0);
}

bool rooms_empty(const struct rooms *r)
{
    return list_empty(&r->clients);
}

/* ---- life ---- */

struct rooms *rooms_new(const struct rooms_options *o)
{
    struct rooms *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->o = *o;
    list_init(&r->clients);
    r->timer = timer_new(o->loop, on_tick, r);
    if (r->timer == NULL) {
        free(r);
        return NULL;
    }
    timer_start(r->timer, TICK_MS);
    return r;
}

void rooms_free(struct rooms *r)
{
    if (r == NULL)
        return;
    while (!list_empty(&r->clients))
        client_end(client_at(r->clients.next), &shutting_down);
    map_free(&r->by_tunnel);
    timer_free(r->timer);
    free(r);
}
