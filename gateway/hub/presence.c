#include "gateway/hub/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct presence *presence_find(const struct map *all, const char *tunnel)
{
    return map_get(all, tunnel, strlen(tunnel));
}

struct presence *presence_get(struct map *all, const char *tunnel, size_t home)
{
    struct presence *p = presence_find(all, tunnel);
    size_t n = strlen(tunnel);
    if (p != NULL || (p = calloc(1, sizeof *p + n + 1)) == NULL)
        return p;
    p->all = all;
    p->home = home;
    memcpy(p->tunnel, tunnel, n);
    if (map_put(all, p->tunnel, n, p))
        return p;
    free(p);
    return NULL;
}

static void end(struct presence *p)
{
    monitor_hub_tunnel_ended(p->watched, p->why, p->text, !p->met || p->dismissed);
    free(p);
}

void presence_free(struct presence *p)
{
    map_remove(p->all, p->tunnel, strlen(p->tunnel));
    end(p);
}

void presences_free(struct map *all)
{
    size_t at = 0;
    for (struct presence *p; (p = map_next(all, &at)) != NULL;)
        end(p);
    map_free(all);
}

/* ---- as it is watched ---- */

static const enum monitor_side sides[SIDE_COUNT] = {
    [SIDE_SOURCE] = MONITOR_SOURCE, [SIDE_DESTINATION] = MONITOR_DESTINATION};

static bool held(const struct presence *p, enum side side)
{
    return p->end[side] != 0;
}

static void look(void *ctx, struct monitor_hub_end out[MONITOR_SIDES])
{
    const struct presence *p = ctx;
    for (int side = 0; side < SIDE_COUNT; side++)
        out[sides[side]] = (struct monitor_hub_end){.here = held(p, (enum side)side),
                                                    .bytes = stat_get(&p->traffic.received[side])};
}

/* An end that is gone is not shown any more, but at the very end: then it says who was there. */
static void hide_gone(struct presence *p)
{
    if (!held(p, SIDE_SOURCE) && !held(p, SIDE_DESTINATION))
        return;
    for (int side = 0; side < SIDE_COUNT; side++)
        if (p->shown[side] == 0)
            monitor_hub_tunnel_address(p->watched, sides[side], "");
}

static void begin(struct presence *p, struct monitor *m, const struct tunnel_record *r,
                  const struct registration *first)
{
    struct monitor_hub_tunnel_info info = {.id = r->id, .thing = r->thing, .look = look, .ctx = p};
    info.ends[sides[first->side]] = first->client;
    p->watched = monitor_hub_tunnel_began(m, &info);
}

void presences_unwatch(const struct map *all)
{
    size_t at = 0;
    for (struct presence *p; (p = map_next(all, &at)) != NULL; p->watched = NULL)
        monitor_hub_tunnel_ended(p->watched, ERR_SHUTDOWN, NULL, true);
}

/* ---- ends ---- */

void presence_join(struct presence *p, struct monitor *m, const struct tunnel_record *r,
                   struct registration *t)
{
    enum side side = t->side;
    t->traffic = &p->traffic;
    p->end[side] = p->shown[side] = t->serial;
    if (p->present++ == 0)
        begin(p, m, r, t);
    else
        monitor_hub_tunnel_address(p->watched, sides[side], t->client);
    hide_gone(p);
    if (!held(p, side_other(side)))
        return;
    p->met = true;
    monitor_hub_tunnel_met(p->watched);
}

static void vacate(struct presence *p, enum side side, enum err why, const char *text)
{
    p->end[side] = 0;
    p->why = why;
    snprintf(p->text, sizeof p->text, "%s", text);
}

bool presence_dismiss(struct presence *p, enum side side, enum err why, const char *text)
{
    if (!held(p, side))
        return false;
    vacate(p, side, why, text);
    p->dismissed = true;
    return true;
}

bool presence_leave(struct presence *p, const struct end_report *d)
{
    enum side side = d->registration->side;
    uint64_t serial = d->registration->serial;
    bool holder = p->end[side] == serial;
    p->present--;
    if (holder) {
        vacate(p, side, d->why, d->text);
        p->dismissed = false;
    }
    if (p->shown[side] == serial)
        p->shown[side] = 0;
    hide_gone(p);
    return holder;
}
