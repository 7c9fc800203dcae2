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
    monitor_stream_ended(
        p->stream,
        &(struct monitor_end){.why = p->why, .text = p->text, .orderly = !p->met || p->dismissed});
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

/* ---- as a stream ---- */

static bool held(const struct presence *p, enum side side)
{
    return p->end[side] != 0;
}

/* Nobody holds a side while the last ends are being sent away. */
static void look(void *ctx, struct monitor_counters *out)
{
    static const enum monitor_state states[] = {MONITOR_STREAM_DRAINING, MONITOR_STREAM_HALF,
                                                MONITOR_STREAM_OPEN};
    const struct presence *p = ctx;
    out->state = states[held(p, SIDE_SOURCE) + held(p, SIDE_DESTINATION)];
    out->up = stat_get(&p->traffic.received[SIDE_SOURCE]);
    out->down = stat_get(&p->traffic.received[SIDE_DESTINATION]);
}

static void show(struct presence *p, enum side side, const char *address)
{
    if (side == SIDE_SOURCE)
        monitor_stream_client(p->stream, address);
    else
        monitor_stream_target(p->stream, address);
}

/* An end that is gone is not shown any more, but at the very end: then it says who was there. */
static void hide_gone(struct presence *p)
{
    if (!held(p, SIDE_SOURCE) && !held(p, SIDE_DESTINATION))
        return;
    for (int side = 0; side < SIDE_COUNT; side++)
        if (p->shown[side] == 0)
            show(p, (enum side)side, "");
}

static void begin(struct presence *p, struct monitor *m, const struct tunnel_record *r)
{
    p->stream = monitor_stream_began(
        m,
        &(struct monitor_stream_info){
            .client = "", .target = "", .asked = r->id, .label = r->thing, .look = look, .ctx = p});
}

void presences_unwatch(const struct map *all)
{
    size_t at = 0;
    for (struct presence *p; (p = map_next(all, &at)) != NULL; p->stream = NULL)
        monitor_stream_ended(p->stream,
                             &(struct monitor_end){.why = ERR_SHUTDOWN, .orderly = true});
}

/* ---- ends ---- */

void presence_join(struct presence *p, struct monitor *m, const struct tunnel_record *r,
                   struct registration *t)
{
    enum side side = t->side;
    bool first = p->present++ == 0;
    t->traffic = &p->traffic;
    p->end[side] = p->shown[side] = t->serial;
    if (first)
        begin(p, m, r);
    show(p, side, t->client);
    hide_gone(p);
    if (first)
        monitor_stream_opened(p->stream, NULL, NULL);
    if (!held(p, side_other(side)))
        return;
    p->met = true;
    monitor_stream_answered(p->stream);
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
