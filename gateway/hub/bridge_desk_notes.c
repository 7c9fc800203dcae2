/* What logs, metrics and those who watch hear of bridges; share/doc/hub.md lists the metrics. */
#include "core/base/log.h"
#include "core/base/prometheus.h"
#include "gateway/hub/bridge_desk_internal.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const enum monitor_side sides[BRIDGE_SIDES] = {
    [BRIDGE_SERVICE] = MONITOR_SOURCE, [BRIDGE_DEVICE] = MONITOR_DESTINATION};

/* The last part of its path, which names it. */
static const char *id_of(const struct bridge *b)
{
    return strrchr(b->path, '/') + 1;
}

/* ---- the monitor: a bridge is shown as a tunnel of the hub ---- */

static void look(void *ctx, struct monitor_hub_end out[MONITOR_SIDES])
{
    const struct bridge *b = ctx;
    for (int side = 0; side < BRIDGE_SIDES; side++)
        out[sides[side]] = (struct monitor_hub_end){.here = b->claimed[side],
                                                    .bytes = stat_get(&b->traffic.received[side])};
}

static void show_joined(struct bridge_desk *d, struct bridge *b, const struct bridge_ticket *t)
{
    struct monitor_hub_tunnel_info info = {
        .id = id_of(b), .thing = b->device, .look = look, .ctx = b};
    if (d->monitor == NULL)
        return;
    info.ends[sides[t->side]] = t->client;
    if (b->context == NULL)
        b->context = monitor_hub_tunnel_began(d->monitor, &info);
    else
        monitor_hub_tunnel_address(b->context, sides[t->side], t->client);
    if (b->met_at != 0)
        monitor_hub_tunnel_met(b->context);
}

static void show_ended(struct bridge *b)
{
    bool orderly = b->outcome != BRIDGE_BROKEN && b->outcome != BRIDGE_REFUSED;
    enum err why = b->outcome == BRIDGE_CLOSED    ? ERR_EOF
                   : b->outcome == BRIDGE_LATE    ? ERR_TIMEOUT
                   : b->outcome == BRIDGE_REFUSED ? ERR_REFUSED
                   : orderly                      ? ERR_OPERATOR
                                                  : ERR_PEER_LOST;
    if (b->context != NULL)
        monitor_hub_tunnel_ended(b->context, why, b->text, orderly);
    b->context = NULL;
}

static void forget_row(void *ctx, struct bridge *b)
{
    (void)ctx;
    if (b->context != NULL)
        monitor_hub_tunnel_ended(b->context, ERR_SHUTDOWN, NULL, true);
    b->context = NULL;
}

void bridge_desk_watch(struct bridge_desk *d, struct monitor *m)
{
    if (m == NULL)
        bridges_each(d->bridges, forget_row, NULL);
    d->monitor = m;
}

/* ---- the logs ---- */

void bridge_note_joined(struct bridge_desk *d, struct bridge *b, const struct bridge_ticket *t)
{
    struct log_field fields[] = {
        {"bridge", id_of(b), 0},
        {"device", b->device, 0},
        {"stream", b->stream, 0},
        {"key", b->policy, 0},
        {"side", bridge_side_name(t->side), 0},
        {"client", t->client, 0},
        {"channel", t->channel, 0},
    };
    log_event(LOG_INFO, "bridge connected", fields, COUNT(fields));
    audit_event(d->hub->audit, "bridge-connect", fields, COUNT(fields));
    show_joined(d, b, t);
}

void bridge_note_ended(const struct bridge_desk *d, struct bridge *b)
{
    uint64_t now = loop_now(d->hub->o.loop);
    struct log_field fields[] = {
        {"bridge", id_of(b), 0},
        {"device", b->device, 0},
        {"stream", b->stream, 0},
        {"key", b->policy, 0},
        {"outcome", bridge_outcome_name(b->outcome), 0},
        {"reason", b->text, 0},
        {"seconds", NULL, b->met_at != 0 ? (int64_t)((now - b->met_at) / 1000) : 0},
        {"up", NULL, (int64_t)stat_get(&b->traffic.received[BRIDGE_SERVICE])},
        {"down", NULL, (int64_t)stat_get(&b->traffic.received[BRIDGE_DEVICE])},
    };
    log_event(LOG_INFO, "bridge ended", fields, COUNT(fields));
    audit_event(d->hub->audit, "bridge-end", fields, COUNT(fields));
    show_ended(b);
}

/* ---- metrics ---- */

static void labelled(struct buf *out, const char *name, const char *label, const char *text,
                     uint64_t value)
{
    struct prometheus_label l = {label, text};
    prometheus_number(out, name, &l, 1, value);
}

void bridge_desk_metrics(const struct bridge_desk *d, struct buf *out)
{
    static const char now[] = "tunnel_hub_bridges", ended[] = "tunnel_hub_bridges_ended_total",
                      bytes[] = "tunnel_hub_bridged_bytes_total",
                      refused[] = "tunnel_hub_bridges_refused_total";
    struct bridges_counts c = bridges_counts(d->bridges);
    prometheus_metric(out, now, PROMETHEUS_GAUGE, "Bridges of device streams, by their state.");
    labelled(out, now, "state", "waiting", c.waiting);
    labelled(out, now, "state", "open", c.open);
    prometheus_metric(out, ended, PROMETHEUS_COUNTER,
                      "Bridges of device streams that have ended, by what ended them.");
    for (int o = 0; o < BRIDGE_OUTCOMES; o++)
        labelled(out, ended, "outcome", bridge_outcome_name((enum bridge_outcome)o), c.outcomes[o]);
    prometheus_metric(out, bytes, PROMETHEUS_COUNTER,
                      "Bytes of device streams received, by the side that sent them.");
    for (int side = 0; side < BRIDGE_SIDES; side++)
        labelled(out, bytes, "from", bridge_side_name((enum bridge_side)side), c.bytes[side]);
    prometheus_metric(out, refused, PROMETHEUS_COUNTER,
                      "Who came to a bridge with a wrong or used token, or too late.");
    prometheus_number(out, refused, NULL, 0, d->refused);
}
