/* A monitor's counters for Prometheus (share/doc/control.md lists them). */
#include "core/base/prometheus.h"
#include "core/control/monitor_internal.h"
#include "core/control/report.h"

#include <stdio.h>
#include <string.h>

#define LABELS_MAX 3

/* The labels of one sample: a service's, and one more. */
struct labels {
    struct prometheus_label items[LABELS_MAX];
    size_t n;
};

static struct labels of_tunnel(const struct monitor_tunnel *t)
{
    return (struct labels){{{"tunnel", t->name}}, 1};
}

static struct labels of_service(const struct monitor_tunnel *t, const struct monitor_service *s)
{
    return (struct labels){{{"tunnel", t->name}, {"service", s->id}}, 2};
}

static struct labels with(struct labels l, const char *name, const char *value)
{
    l.items[l.n++] = (struct prometheus_label){name, value};
    return l;
}

typedef void each_service(const struct monitor_tunnel *t, const struct monitor_service *s,
                          const char *name, struct buf *out);

static void services(struct monitor *m, struct buf *out, const char *name,
                     enum prometheus_kind kind, const char *help, each_service *each)
{
    prometheus_metric(out, name, kind, help);
    list_each(node, &m->tunnels)
    {
        const struct monitor_tunnel *t = list_entry(node, struct monitor_tunnel, node);
        list_each(at, &t->services)
            each(t, list_entry(at, struct monitor_service, node), name, out);
    }
}

static void put(struct buf *out, const char *name, struct labels l, uint64_t value)
{
    prometheus_number(out, name, l.items, l.n, value);
}

static void put_reasons(struct buf *out, const char *name, struct labels l,
                        const uint64_t counts[ERR_COUNT])
{
    for (size_t i = 0; i < ERR_COUNT; i++)
        if (counts[i] > 0)
            put(out, name, with(l, "reason", err_name((enum err)i)), counts[i]);
}

static void put_open(const struct monitor_tunnel *t, const struct monitor_service *s,
                     const char *name, struct buf *out)
{
    put(out, name, of_service(t, s), s->counters.open);
}

static void put_served(const struct monitor_tunnel *t, const struct monitor_service *s,
                       const char *name, struct buf *out)
{
    put(out, name, of_service(t, s), s->counters.served);
}

static void put_failed(const struct monitor_tunnel *t, const struct monitor_service *s,
                       const char *name, struct buf *out)
{
    put_reasons(out, name, of_service(t, s), s->counters.errors);
}

static void put_refused(const struct monitor_tunnel *t, const struct monitor_service *s,
                        const char *name, struct buf *out)
{
    put_reasons(out, name, of_service(t, s), s->counters.refusals);
}

static void put_bytes(const struct monitor_tunnel *t, const struct monitor_service *s,
                      const char *name, struct buf *out)
{
    put(out, name, with(of_service(t, s), "direction", "down"), s->counters.down);
    put(out, name, with(of_service(t, s), "direction", "up"), s->counters.up);
}

static void put_first_byte(const struct monitor_tunnel *t, const struct monitor_service *s,
                           const char *name, struct buf *out)
{
    struct labels l = of_service(t, s);
    char part[80], bound[24];
    uint64_t n = 0;
    snprintf(part, sizeof part, "%s_bucket", name);
    for (size_t i = 0; i <= FIRST_BYTE_BUCKETS; i++) {
        n += s->first_bytes[i];
        snprintf(bound, sizeof bound, "%g",
                 i < FIRST_BYTE_BUCKETS ? (double)monitor_first_byte_bounds[i] / 1000 : 0);
        put(out, part, with(l, "le", i < FIRST_BYTE_BUCKETS ? bound : "+Inf"), n);
    }
    snprintf(part, sizeof part, "%s_sum", name);
    prometheus_real(out, part, l.items, l.n, (double)s->first_byte_ms / 1000);
    snprintf(part, sizeof part, "%s_count", name);
    put(out, part, l, n);
}

/* Writes the streams of clients for which no service was found: the rest of the total. */
static void put_unplaced(const struct monitor *m, struct buf *out, const char *name)
{
    uint64_t rest[ERR_COUNT];
    for (size_t i = 0; i < ERR_COUNT; i++)
        rest[i] = m->total.refusals[i] - m->forgotten[i];
    list_each(node, &m->tunnels)
    {
        const struct monitor_tunnel *t = list_entry(node, struct monitor_tunnel, node);
        list_each(at, &t->services)
        {
            const struct monitor_service *s = list_entry(at, struct monitor_service, node);
            for (size_t i = 0; i < ERR_COUNT; i++)
                rest[i] -= s->counters.refusals[i];
        }
    }
    put_reasons(out, name, (struct labels){.n = 0}, rest);
}

/* The state of a tunnel, for one row; `now` is on the monitor's clock. */
struct tunnel_look {
    struct monitor_tunnel_state state;
    uint64_t now;
};

static void put_connected(struct buf *out, const char *name, struct labels l,
                          const struct tunnel_look *t)
{
    put(out, name, l, t->state.link == MONITOR_UP || t->state.link == MONITOR_NO_DEVICE);
}

static void put_device(struct buf *out, const char *name, struct labels l,
                       const struct tunnel_look *t)
{
    put(out, name, l, t->state.link == MONITOR_UP);
}

static void put_connections(struct buf *out, const char *name, struct labels l,
                            const struct tunnel_look *t)
{
    put(out, name, l, t->state.connections);
}

static void put_round_trip(struct buf *out, const char *name, struct labels l,
                           const struct tunnel_look *t)
{
    if (t->state.round_trip_us > 0)
        prometheus_real(out, name, l.items, l.n, (double)t->state.round_trip_us / 1e6);
}

static void put_expiry(struct buf *out, const char *name, struct labels l,
                       const struct tunnel_look *t)
{
    uint64_t end = t->state.expires_ms;
    if (end > 0)
        put(out, name, l, end > t->now ? (end - t->now) / 1000 : 0);
}

static void tunnels(struct monitor *m, struct buf *out)
{
    static const struct {
        const char *name, *help;
        enum prometheus_kind kind;
        void (*put)(struct buf *out, const char *name, struct labels l,
                    const struct tunnel_look *t);
        bool source; /* only a source knows this value */
    } rows[] = {
        {"tunnel_hub_connected", "Whether the tunnel is connected to its hub.", PROMETHEUS_GAUGE,
         put_connected, false},
        {"tunnel_device_connected",
         "Whether the device is connected as well, as far as the hub tells a source.",
         PROMETHEUS_GAUGE, put_device, true},
        {"tunnel_hub_connections_total", "Connections to the hub that were made.",
         PROMETHEUS_COUNTER, put_connections, false},
        {"tunnel_hub_round_trip_seconds", "To the hub and back, by the last ping.",
         PROMETHEUS_GAUGE, put_round_trip, false},
        {"tunnel_expires_in_seconds", "Until the tunnel expires, as its hub says.",
         PROMETHEUS_GAUGE, put_expiry, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].source && strcmp(m->o.role, "source") != 0)
            continue;
        prometheus_metric(out, rows[i].name, rows[i].kind, rows[i].help);
        list_each(node, &m->tunnels)
        {
            struct monitor_tunnel *t = list_entry(node, struct monitor_tunnel, node);
            struct tunnel_look look = {.now = monitor_now(m)};
            monitor_tunnel_look(t, &look.state);
            rows[i].put(out, rows[i].name, of_tunnel(t), &look);
        }
    }
}

static void put_waiting(struct buf *out, const char *name, struct labels l,
                        const struct monitor_memory *m)
{
    put(out, name, with(l, "for", "local"), m->held);
    put(out, name, with(l, "for", "far"), m->kept);
}

static void put_full(struct buf *out, const char *name, struct labels l,
                     const struct monitor_memory *m)
{
    put(out, name, l, m->full);
}

static void put_dropped(struct buf *out, const char *name, struct labels l,
                        const struct monitor_memory *m)
{
    put(out, name, l, m->dropped);
}

static void memory(struct monitor *m, struct buf *out)
{
    static const struct {
        const char *name, *help;
        enum prometheus_kind kind;
        void (*put)(struct buf *out, const char *name, struct labels l,
                    const struct monitor_memory *m);
    } rows[] = {
        {"tunnel_memory_bytes", "What waits in memory for local sides and for the other end.",
         PROMETHEUS_GAUGE, put_waiting},
        {"tunnel_memory_full_total", "How often the memory budget was used up.", PROMETHEUS_COUNTER,
         put_full},
        {"tunnel_memory_dropped_total", "Connections that had to go then, since they had stopped.",
         PROMETHEUS_COUNTER, put_dropped},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        prometheus_metric(out, rows[i].name, rows[i].kind, rows[i].help);
        list_each(node, &m->tunnels)
        {
            struct monitor_tunnel *t = list_entry(node, struct monitor_tunnel, node);
            struct monitor_tunnel_state s;
            monitor_tunnel_look(t, &s);
            rows[i].put(out, rows[i].name, of_tunnel(t), &s.memory);
        }
    }
}

void report_metrics(struct monitor *m, struct buf *out)
{
    static const char refused[] = "tunnel_streams_refused_total";
    monitor_absorb_all(m);
    services(m, out, "tunnel_streams_open", PROMETHEUS_GAUGE, "Streams in flight.", put_open);
    services(m, out, "tunnel_streams_served_total", PROMETHEUS_COUNTER,
             "Streams that the far end answered.", put_served);
    services(m, out, "tunnel_streams_failed_total", PROMETHEUS_COUNTER,
             "Those of them that did not end in good order.", put_failed);
    services(m, out, refused, PROMETHEUS_COUNTER, "Clients that got no stream.", put_refused);
    put_unplaced(m, out, refused);
    services(m, out, "tunnel_bytes_total", PROMETHEUS_COUNTER,
             "Payload; down: device to client, up: client to device.", put_bytes);
    services(m, out, "tunnel_first_byte_seconds", PROMETHEUS_HISTOGRAM,
             "From a stream's opening to the device's first byte.", put_first_byte);
    tunnels(m, out);
    memory(m, out);
    prometheus_metric(out, "tunnel_events_dropped_total", PROMETHEUS_COUNTER,
                      "Events that were not sent to slow readers.");
    prometheus_number(out, "tunnel_events_dropped_total", NULL, 0, m->events_dropped);
    prometheus_metric(out, "tunnel_start_time_seconds", PROMETHEUS_GAUGE,
                      "When the program started, in seconds since 1970.");
    prometheus_real(out, "tunnel_start_time_seconds", NULL, 0, (double)m->started_wall_ms / 1000);
}
