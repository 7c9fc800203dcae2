/* A monitor's tunnels at a hub. */
#include "core/control/monitor_internal.h"

#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- as a row ---- */

/* Nobody is here while the last ends are being sent away. */
static void look(const struct monitor_row *r, struct monitor_counters *out)
{
    static const enum monitor_state states[] = {MONITOR_STREAM_DRAINING, MONITOR_STREAM_HALF,
                                                MONITOR_STREAM_OPEN};
    const struct monitor_hub_tunnel *t = monitor_row_hub_tunnel(r);
    struct monitor_hub_end ends[MONITOR_SIDES] = {{.here = false}};
    t->look(t->ctx, ends);
    out->state = states[ends[MONITOR_SOURCE].here + ends[MONITOR_DESTINATION].here];
    out->up = ends[MONITOR_SOURCE].bytes;
    out->down = ends[MONITOR_DESTINATION].bytes;
}

static void describe(const struct monitor_row *r, struct logged_event *out)
{
    const struct monitor_hub_tunnel *t = monitor_row_hub_tunnel(r);
    out->client = t->ends[MONITOR_SOURCE];
    out->asked = t->id;
    out->service = t->thing;
}

static void free_hub_tunnel(struct monitor_row *r)
{
    struct monitor_hub_tunnel *t = monitor_row_hub_tunnel(r);
    for (int side = 0; side < MONITOR_SIDES; side++)
        free(t->ends[side]);
    free(t->id);
    free(t->thing);
    free(t);
}

static const struct row_kind hub_tunnel_kind = {look, describe, free_hub_tunnel};

struct monitor_hub_tunnel *monitor_row_hub_tunnel(const struct monitor_row *r)
{
    return r->kind == &hub_tunnel_kind ? list_entry(r, struct monitor_hub_tunnel, row) : NULL;
}

/* ---- life ---- */

struct monitor_hub_tunnel *monitor_hub_tunnel_began(struct monitor *m,
                                                    const struct monitor_hub_tunnel_info *info)
{
    struct monitor_hub_tunnel *t = m != NULL ? calloc(1, sizeof *t) : NULL;
    if (t == NULL)
        return NULL;
    *t = (struct monitor_hub_tunnel){
        .id = str_copy(info->id),
        .thing = str_copy(info->thing),
        .ends = {str_copy(info->ends[MONITOR_SOURCE]), str_copy(info->ends[MONITOR_DESTINATION])},
        .look = info->look,
        .ctx = info->ctx};
    monitor_row_begin(&t->row, m, &hub_tunnel_kind, monitor_now(m));
    struct logged_event e = monitor_row_event(&t->row, "open");
    event_log_add(&m->event_log, &e);
    return t;
}

/* Without memory nothing is known rather than what was. */
void monitor_hub_tunnel_address(struct monitor_hub_tunnel *t, enum monitor_side side,
                                const char *address)
{
    if (t == NULL)
        return;
    free(t->ends[side]);
    t->ends[side] = strdup(address);
}

void monitor_hub_tunnel_met(struct monitor_hub_tunnel *t)
{
    if (t != NULL)
        monitor_row_answered(&t->row);
}

void monitor_hub_tunnel_ended(struct monitor_hub_tunnel *t, enum err why, const char *text,
                              bool orderly)
{
    if (t != NULL)
        monitor_row_end(&t->row, &(struct monitor_end){.why = why, .text = text}, orderly);
}
