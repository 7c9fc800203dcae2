/* A monitor's tunnels at a hub. */
#include "core/control/monitor_internal.h"

#include "core/base/str.h"

#include <stdlib.h>
#include <string.h>

/* ---- as a row ---- */

static struct monitor_hub_tunnel *of(const struct monitor_row *r)
{
    return list_entry(r, struct monitor_hub_tunnel, row);
}

/* Nobody is here while the last ends are being sent away. */
static void look(const struct monitor_row *r, struct monitor_counters *out)
{
    static const enum monitor_state states[] = {MONITOR_STREAM_DRAINING, MONITOR_STREAM_HALF,
                                                MONITOR_STREAM_OPEN};
    const struct monitor_hub_tunnel *t = of(r);
    struct monitor_hub_end ends[MONITOR_SIDES] = {{.here = false}};
    t->look(t->ctx, ends);
    out->state = states[ends[MONITOR_SOURCE].here + ends[MONITOR_DESTINATION].here];
    out->up = ends[MONITOR_SOURCE].bytes;
    out->down = ends[MONITOR_DESTINATION].bytes;
}

static const char *known(const char *text)
{
    return text != NULL ? text : "";
}

static void texts(const struct monitor_row *r, const char *out[FILTER_TEXTS])
{
    const struct monitor_hub_tunnel *t = of(r);
    out[FILTER_CLIENT] = known(t->ends[MONITOR_SOURCE]);
    out[FILTER_SERVICE] = known(t->thing);
    out[FILTER_TARGET] = known(t->ends[MONITOR_DESTINATION]);
    out[FILTER_ASKED] = known(t->id);
    out[FILTER_PROCESS] = out[FILTER_USER] = out[FILTER_TUNNEL] = out[FILTER_VIA] = "";
}

static const struct peer *no_peer(const struct monitor_row *r)
{
    static const struct peer nobody = {.state = PEER_ELSEWHERE};
    (void)r;
    return &nobody;
}

static void free_hub_tunnel(struct monitor_row *r)
{
    struct monitor_hub_tunnel *t = of(r);
    for (int side = 0; side < MONITOR_SIDES; side++)
        free(t->ends[side]);
    free(t->id);
    free(t->thing);
    free(t);
}

static const struct row_kind hub_tunnel_kind = {look, texts, no_peer, free_hub_tunnel};

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
    monitor_group_who(&t->row);
    monitor_group_set(&t->row, GROUP_SERVICE, known(t->thing));
    monitor_group_set(&t->row, GROUP_DEVICE, known(t->thing));
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
    if (side == MONITOR_SOURCE && address[0] != '\0')
        monitor_group_who(&t->row);
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
