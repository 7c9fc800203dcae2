#include "gateway/hub/cluster/forward_table.h"

#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define DRAIN_TICK_MS 100
#define QUIET_MS 1000
#define SILENT_MIN 90000 /* ConnectDevice may wait for a device for a minute */
/* A forward that has been stuck for so long may go when memory is short; after the longer time it
 * goes in any case. */
#define STUCK_MS 1000
#define STUCK_FACTOR 10
#define PLACES_MAX 256 /* addresses of nodes that are remembered */

struct slot {
    struct forward_place place;
    char address[];
};

struct forward_table {
    struct forward_table_options o;
    struct map places; /* struct slot by address */
    struct list forwards;
    struct timer *timer;
    bool draining;
};

/* ---- places ---- */

static struct slot *slot_of(struct forward_table *t, const char *address)
{
    size_t n = strlen(address);
    struct slot *s = map_get(&t->places, address, n);
    if (s != NULL || t->places.size >= PLACES_MAX)
        return s;
    s = calloc(1, sizeof *s + n + 1);
    if (s == NULL)
        return NULL;
    memcpy(s->address, address, n);
    if (map_put(&t->places, s->address, n, s))
        return s;
    free(s);
    return NULL;
}

/* ---- coming and going ---- */

static void on_over(void *owner, const struct forward_gone *g)
{
    struct forward_table *t = owner;
    t->o.gone(t->o.owner, g);
}

void forward_table_join(struct forward_table *t, struct forward_ticket *ticket,
                        struct stream *buffered)
{
    const struct forward_options o = {
        .loop = t->o.loop, .list = &t->forwards, .over = on_over, .owner = t};
    struct slot *s = slot_of(t, ticket->address);
    if (s != NULL) {
        node_forward_start(&o, ticket, buffered, &s->place);
        return;
    }
    struct forward_gone g = {.ticket = ticket, .why = ERR_NO_MEMORY, .text = "out of memory"};
    stream_close(buffered);
    t->o.gone(t->o.owner, &g);
}

/* ---- time ---- */

static void look(struct forward_table *t, struct node_forward *f, uint64_t now)
{
    uint64_t quiet = node_forward_quiet_ms(f, now), stuck = node_forward_stuck_ms(f, now);
    uint64_t silent = 2 * t->o.idle_ms > SILENT_MIN ? 2 * t->o.idle_ms : SILENT_MIN;
    if (t->draining && quiet >= QUIET_MS)
        node_forward_drop(f, ERR_SHUTDOWN, "the hub is shutting down");
    else if (quiet >= silent)
        node_forward_drop(f, ERR_SILENT, "nothing came from either side any more");
    else if (stuck >= STUCK_MS && loop_blocks_short(t->o.loop))
        node_forward_drop(f, ERR_STALLED, "a side took nothing, and memory is short");
    else if (stuck >= STUCK_FACTOR * t->o.idle_ms)
        node_forward_drop(f, ERR_STALLED, "a side took nothing for too long");
}

static void on_tick(void *owner)
{
    struct forward_table *t = owner;
    uint64_t now = loop_now(t->o.loop);
    timer_start(t->timer, t->draining ? DRAIN_TICK_MS : TICK_MS);
    list_each(node, &t->forwards) look(t, node_forward_at(node), now);
}

void forward_table_drain(struct forward_table *t)
{
    t->draining = true;
    timer_start(t->timer, 0);
}

bool forward_table_empty(const struct forward_table *t)
{
    return list_empty(&t->forwards);
}

/* ---- life ---- */

struct forward_table *forward_table_new(const struct forward_table_options *o)
{
    struct forward_table *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->o = *o;
    list_init(&t->forwards);
    t->timer = timer_new(o->loop, on_tick, t);
    if (t->timer == NULL) {
        free(t);
        return NULL;
    }
    timer_start(t->timer, TICK_MS);
    return t;
}

static void free_places(struct map *places)
{
    size_t at = 0;
    struct slot *s;
    while ((s = map_next(places, &at)) != NULL) {
        explicit_bzero(s, sizeof *s);
        free(s);
    }
    map_free(places);
}

void forward_table_free(struct forward_table *t)
{
    if (t == NULL)
        return;
    while (!list_empty(&t->forwards))
        node_forward_drop(node_forward_at(t->forwards.next), ERR_SHUTDOWN,
                          "the hub is shutting down");
    free_places(&t->places);
    timer_free(t->timer);
    free(t);
}
