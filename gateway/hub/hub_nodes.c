/* What nodes tell each other (cluster/node_message.h), and what is shown of them. */
#include "gateway/hub/hub_nodes.h"
#include "core/base/prometheus.h"
#include "core/control/monitor_nodes.h"
#include "gateway/hub/cluster/node_client.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/hub_internal.h"
#include "gateway/hub/redis/redis.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- asking ---- */

bool hub_is_node(const struct hub *hub)
{
    return hub->nodes != NULL;
}

const struct node_info *hub_other_node(const struct hub *hub, const char *name)
{
    const struct node_info *n = hub->nodes != NULL ? nodes_find(hub->nodes, name) : NULL;
    bool other = n != NULL && n->state != NODE_DEAD && strcmp(name, hub->o.cluster.node) != 0;
    return other ? n : NULL;
}

const char *hub_cluster_unready(const struct hub *hub)
{
    return hub->redis != NULL && !redis_up(hub->redis) ? "Redis does not answer" : NULL;
}

/* ---- telling ---- */

bool hub_hand_over(struct hub *hub, const char *node, const struct notice *q)
{
    const struct node_info *n = hub_other_node(hub, node);
    return n != NULL &&
           node_client_notice(hub->node_client, &(struct node_at){n->name, n->address}, q);
}

struct telling {
    struct hub *hub;
    struct node_look look;
};

static void tell_node(void *to, const struct node_info *n)
{
    const struct telling *t = to;
    struct hub *hub = t->hub;
    if (hub_other_node(hub, n->name) != NULL)
        node_client_look(hub->node_client, &(struct node_at){n->name, n->address}, &t->look);
}

static void tell_all(struct hub *hub, enum node_look_kind kind, const char *id)
{
    if (hub->nodes != NULL)
        nodes_each(hub->nodes, tell_node, &(struct telling){hub, {kind, id}});
}

void hub_tell_arrived(struct hub *hub, const char *device)
{
    tell_all(hub, NODE_LOOK_ARRIVED, device);
}

void hub_tell_draining(struct hub *hub)
{
    tell_all(hub, NODE_LOOK_NODE, hub->o.cluster.node);
}

/* ---- for those who watch ---- */

struct watcher {
    const struct hub *hub;
    void (*take)(void *to, const struct monitor_node *n);
    void *to;
};

static void show_node(void *to, const struct node_info *n)
{
    const struct watcher *w = to;
    w->take(w->to, &(struct monitor_node){.name = n->name,
                                          .state = node_state_name(n->state),
                                          .address = n->address,
                                          .announce = n->announce,
                                          .version = n->version,
                                          .self = strcmp(n->name, w->hub->o.cluster.node) == 0,
                                          .epoch = n->epoch,
                                          .tunnels = n->figures.tunnels,
                                          .ends = n->figures.ends,
                                          .devices = n->figures.devices,
                                          .bytes = n->figures.bytes});
}

static void show_nodes(void *ctx, void (*take)(void *to, const struct monitor_node *n), void *to)
{
    const struct hub *hub = ctx;
    nodes_each(hub->nodes, show_node, &(struct watcher){hub, take, to});
}

void hub_watch_nodes(struct hub *hub, struct monitor *m)
{
    const struct monitor_node_source source = {show_nodes, hub};
    monitor_nodes(m != NULL ? m : hub->monitor, m != NULL && hub->nodes != NULL ? &source : NULL);
}

/* ---- metrics ---- */

struct gauge {
    struct buf *out;
    const char *name;
    uint64_t (*value)(const struct node_info *n);
};

static void write_gauge(void *to, const struct node_info *n)
{
    const struct gauge *g = to;
    if (n->state != NODE_DEAD)
        prometheus_number(g->out, g->name, &(struct prometheus_label){"node", n->name}, 1,
                          g->value(n));
}

static void write_state(void *to, const struct node_info *n)
{
    struct buf *out = to;
    for (enum node_state s = NODE_UP; s <= NODE_DEAD; s++) {
        struct prometheus_label l[] = {{"node", n->name}, {"state", node_state_name(s)}};
        prometheus_number(out, "tunnel_hub_node_state", l, 2, n->state == s);
    }
}

static uint64_t tunnels_of(const struct node_info *n)
{
    return n->figures.tunnels;
}

static uint64_t ends_of(const struct node_info *n)
{
    return n->figures.ends;
}

static uint64_t devices_of(const struct node_info *n)
{
    return n->figures.devices;
}

static void nodes_metrics(const struct hub *hub, struct buf *out)
{
    static const struct {
        const char *name, *help;
        uint64_t (*value)(const struct node_info *n);
    } rows[] = {
        {"tunnel_hub_node_tunnels", "Tunnels with an end there, as each node tells.", tunnels_of},
        {"tunnel_hub_node_ends", "Ends of tunnels, as each node tells.", ends_of},
        {"tunnel_hub_node_devices", "Devices that are there, as each node tells.", devices_of},
    };
    prometheus_metric(out, "tunnel_hub_node_state", PROMETHEUS_GAUGE,
                      "Whether a node of the cluster is in that state, as this one sees it.");
    nodes_each(hub->nodes, write_state, out);
    for (size_t i = 0; i < COUNT(rows); i++) {
        prometheus_metric(out, rows[i].name, PROMETHEUS_GAUGE, rows[i].help);
        nodes_each(hub->nodes, write_gauge, &(struct gauge){out, rows[i].name, rows[i].value});
    }
}

static void calls_metrics(const struct hub *hub, struct buf *out)
{
    static const char name[] = "tunnel_hub_node_calls_total";
    struct node_client_counts c = node_client_counts(hub->node_client);
    prometheus_metric(out, name, PROMETHEUS_COUNTER, "Calls to other nodes, by kind and result.");
    for (int i = 0; i < NODE_CALLS; i++) {
        struct prometheus_label l[] = {{"call", node_call_name((enum node_call)i)},
                                       {"result", "told"}};
        prometheus_number(out, name, l, 2, c.told[i]);
        l[1].value = "lost";
        prometheus_number(out, name, l, 2, c.lost[i]);
    }
}

static void redis_metrics(const struct hub *hub, struct buf *out)
{
    static const char name[] = "tunnel_hub_redis_commands_total";
    struct redis_counts c = redis_counts(hub->redis);
    const struct {
        const char *how;
        uint64_t n;
    } rows[] = {{"asked", c.commands}, {"failed", c.failed}, {"resent", c.resent}};
    prometheus_metric(out, "tunnel_hub_redis_up", PROMETHEUS_GAUGE, "Whether Redis answers.");
    prometheus_number(out, "tunnel_hub_redis_up", NULL, 0, redis_up(hub->redis));
    prometheus_metric(out, "tunnel_hub_redis_unsafe", PROMETHEUS_GAUGE,
                      "Redis servers that may lose what they keep, as they are set now.");
    prometheus_number(out, "tunnel_hub_redis_unsafe", NULL, 0, c.unsafe);
    prometheus_metric(out, name, PROMETHEUS_COUNTER, "Commands to Redis.");
    for (size_t i = 0; i < COUNT(rows); i++)
        prometheus_number(out, name, &(struct prometheus_label){"result", rows[i].how}, 1,
                          rows[i].n);
    prometheus_metric(out, "tunnel_hub_redis_unanswered", PROMETHEUS_GAUGE,
                      "Commands that Redis has not answered yet.");
    prometheus_number(out, "tunnel_hub_redis_unanswered", NULL, 0, c.unanswered);
}

void hub_cluster_metrics(const struct hub *hub, struct buf *out)
{
    if (hub->nodes == NULL)
        return;
    forward_desk_metrics(hub->forwards, out);
    nodes_metrics(hub, out);
    calls_metrics(hub, out);
    redis_metrics(hub, out);
}
