#include "gateway/hub/cluster/forward_table.h"

#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

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
    struct worker_table base; /* of struct node_forward */
    struct forward_table_options o;
    struct map places; /* struct slot by address */
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
        .loop = t->o.loop, .list = &t->base.members, .over = on_over, .owner = t};
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

static void tick(void *table, struct list *member, uint64_t now)
{
    const struct forward_table *t = table;
    struct node_forward *f = node_forward_at(member);
    uint64_t quiet = node_forward_quiet_ms(f, now), stuck = node_forward_stuck_ms(f, now);
    uint64_t silent = 2 * t->o.idle_ms > SILENT_MIN ? 2 * t->o.idle_ms : SILENT_MIN;
    if (t->base.draining && quiet >= QUIET_MS)
        node_forward_drop(f, ERR_SHUTDOWN, "the hub is shutting down");
    else if (quiet >= silent)
        node_forward_drop(f, ERR_SILENT, "nothing came from either side any more");
    else if (stuck >= STUCK_MS && loop_blocks_short(t->o.loop))
        node_forward_drop(f, ERR_STALLED, "a side took nothing, and memory is short");
    else if (stuck >= STUCK_FACTOR * t->o.idle_ms)
        node_forward_drop(f, ERR_STALLED, "a side took nothing for too long");
}

/* ---- life ---- */

static void drop(void *table, struct list *member)
{
    (void)table;
    node_forward_drop(node_forward_at(member), ERR_SHUTDOWN, "the hub is shutting down");
}

static void free_table(void *table)
{
    struct forward_table *t = table;
    size_t at = 0;
    struct slot *s;
    while ((s = map_next(&t->places, &at)) != NULL) {
        explicit_bzero(s, sizeof *s);
        free(s);
    }
    map_free(&t->places);
    free(t);
}

struct forward_table *forward_table_new(const struct forward_table_options *o)
{
    static const struct worker_table_ops ops = {.tick = tick, .drop = drop, .free = free_table};
    struct forward_table *t = calloc(1, sizeof *t);
    if (t == NULL || !worker_table_init(&t->base, o->loop, &ops)) {
        free(t);
        return NULL;
    }
    t->o = *o;
    return t;
}

struct worker_table *forward_table_base(struct forward_table *t)
{
    return t != NULL ? &t->base : NULL;
}
