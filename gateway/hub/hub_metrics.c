/* The hub's metrics. Names end in their unit, as Prometheus wants it; share/doc/hub.md lists them.
 */
#include "core/base/prometheus.h"
#include "core/tls/tls.h"
#include "gateway/hub/hub_internal.h"
#include "gateway/hub/hub_nodes.h"

typedef uint64_t counter(const struct worker_stats *c);

/* Summed over workers and frontends. */
static uint64_t sum(const struct hub *hub, counter *get)
{
    uint64_t n = 0;
    for (size_t i = 0; i < hub->n_threads; i++)
        n += get(worker_stats_of(hub->threads[i]));
    return n;
}

#define COUNTER(field)                                                                             \
    static uint64_t get_##field(const struct worker_stats *c)                                      \
    {                                                                                              \
        return stat_get(&c->field);                                                                \
    }
COUNTER(pending)
COUNTER(clients)
COUNTER(handshakes)
COUNTER(resumed)
COUNTER(handshakes_failed)
COUNTER(turned_away)
COUNTER(from_source)
COUNTER(from_destination)
COUNTER(moved)

static void one(struct buf *out, const char *name, enum prometheus_kind kind, const char *help,
                uint64_t value)
{
    prometheus_metric(out, name, kind, help);
    prometheus_number(out, name, NULL, 0, value);
}

static void labelled(struct buf *out, const char *name, const char *label, const char *text,
                     uint64_t value)
{
    struct prometheus_label l = {label, text};
    prometheus_number(out, name, &l, 1, value);
}

static void tunnels(const struct hub *hub, struct buf *out)
{
    one(out, "tunnel_hub_tunnels_open", PROMETHEUS_GAUGE, "Open tunnels.",
        registry_open_count(hub->registry));
    one(out, "tunnel_hub_ends", PROMETHEUS_GAUGE, "Connected ends of tunnels.",
        sum(hub, get_clients));
    one(out, "tunnel_hub_store_healthy", PROMETHEUS_GAUGE,
        "Whether the last change could be stored.", registry_healthy(hub->registry));
}

static void traffic(const struct hub *hub, struct buf *out)
{
    static const char bytes[] = "tunnel_hub_relayed_bytes_total";
    prometheus_metric(out, bytes, PROMETHEUS_COUNTER,
                      "Bytes of tunnel messages received, by the side that sent them.");
    labelled(out, bytes, "from", "source", sum(hub, get_from_source));
    labelled(out, bytes, "from", "destination", sum(hub, get_from_destination));
}

static void connections(const struct hub *hub, struct buf *out)
{
    static const char tls[] = "tunnel_hub_tls_handshakes_total";
    uint64_t resumed = sum(hub, get_resumed);
    one(out, "tunnel_hub_accepted_total", PROMETHEUS_COUNTER, "Connections accepted.",
        hub->accepted);
    one(out, "tunnel_hub_pending_connections", PROMETHEUS_GAUGE,
        "Connections that are no end of a tunnel, or not yet.", sum(hub, get_pending));
    prometheus_metric(out, tls, PROMETHEUS_COUNTER, "TLS handshakes, by their result.");
    labelled(out, tls, "result", "full", sum(hub, get_handshakes) - resumed);
    labelled(out, tls, "result", "resumed", resumed);
    labelled(out, tls, "result", "failed", sum(hub, get_handshakes_failed));
    one(out, "tunnel_hub_turned_away_total", PROMETHEUS_COUNTER,
        "Connections that were closed unheard, since too many were asking.",
        sum(hub, get_turned_away));
    one(out, "tunnel_hub_admitted_total", PROMETHEUS_COUNTER, "Ends of tunnels that were let in.",
        hub->admitted);
    one(out, "tunnel_hub_refused_total", PROMETHEUS_COUNTER,
        "Connections and requests that were refused.", hub->refused);
    one(out, "tunnel_hub_moved_total", PROMETHEUS_COUNTER,
        "Ends that were handed over to the worker of their tunnel.", sum(hub, get_moved));
}

static void streams(const struct hub *hub, struct buf *out)
{
    static const char name[] = "tunnel_hub_streams_total";
    struct streams_counts c = streams_counts(hub->streams);
    prometheus_metric(out, name, PROMETHEUS_COUNTER,
                      "Device streams that were asked for, by what became of them.");
    for (int r = 0; r < STREAM_RESULTS; r++)
        labelled(out, name, "result", stream_result_name((enum stream_result)r), c.results[r]);
    one(out, "tunnel_hub_streams_waiting", PROMETHEUS_GAUGE,
        "Requests for device streams that are not answered yet.", c.waiting);
}

static void cut(const struct hub *hub, struct buf *out)
{
    one(out, "tunnel_hub_tunnels_cut_total", PROMETHEUS_COUNTER,
        "Tunnels that were closed with the access key that opened them, cut off or removed.",
        api_counts(hub->api)->cut);
}

static void calls(const struct hub *hub, struct buf *out)
{
    static const char name[] = "tunnel_hub_api_calls_total";
    const struct api_counts *c = api_counts(hub->api);
    prometheus_metric(out, name, PROMETHEUS_COUNTER, "API calls, by operation and result.");
    for (enum operation i = 0; i <= OPERATION_COUNT; i++) {
        struct prometheus_label l[] = {
            {"operation", i < OPERATION_COUNT ? operation_name(i) : "unknown"}, {"result", "ok"}};
        prometheus_number(out, name, l, 2, c->ok[i]);
        l[1].value = "failed";
        prometheus_number(out, name, l, 2, c->failed[i]);
    }
}

static void hook(const struct hub *hub, struct buf *out)
{
    static const char name[] = "tunnel_hub_hook_runs_total";
    struct hooks_counts c = hooks_counts(hub->alerts.hooks);
    prometheus_metric(out, name, PROMETHEUS_COUNTER,
                      "Runs of the command that is told what happens, by how they ended.");
    for (int r = 0; r < HOOK_RESULTS; r++)
        labelled(out, name, "result", hook_result_name((enum hook_result)r), c.runs[r]);
    one(out, "tunnel_hub_hook_events_total", PROMETHEUS_COUNTER, "Events that it was to be told.",
        c.told);
    one(out, "tunnel_hub_hook_events_dropped_total", PROMETHEUS_COUNTER,
        "Events that it was not told, since too many waited.", c.dropped);
    one(out, "tunnel_hub_hook_events_waiting", PROMETHEUS_GAUGE,
        "Events that wait for its next run.", c.waiting);
}

void hub_metrics(const struct hub *hub, struct buf *out)
{
    tunnels(hub, out);
    traffic(hub, out);
    connections(hub, out);
    calls(hub, out);
    device_desk_metrics(hub->desk, out);
    bridge_desk_metrics(hub->bridges, out);
    streams(hub, out);
    cut(hub, out);
    hook(hub, out);
    hub_cluster_metrics(hub, out);
    one(out, "tunnel_hub_certificate_expires_timestamp_seconds", PROMETHEUS_GAUGE,
        "When the hub's certificate expires, in seconds since 1970.",
        identity_ends(hub->identity) > 0 ? (uint64_t)identity_ends(hub->identity) : 0);
    one(out, "tunnel_hub_workers", PROMETHEUS_GAUGE, "Threads for clients.", hub->n_workers);
    one(out, "tunnel_hub_audit_lost_total", PROMETHEUS_COUNTER,
        "Lines of the audit log that could not be written.", audit_lost(hub->audit));
}
