#include "gateway/hub/forward_desk.h"

#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/prometheus.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/hub_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* One that is passed on. */
struct forward_row {
    struct forward_traffic traffic; /* first; its ticket points to it */
    uint64_t serial;
    size_t worker;
    enum side side;
    char client[80], node[NODE_NAME_MAX + 1], channel[36], what[8], *id, *thing;
    struct monitor_hub_tunnel *watched; /* NULL: nobody watches */
};

struct forward_desk {
    struct hub *hub;
    struct cluster_keys *keys; /* held */
    struct map rows;           /* struct forward_row by serial */
    struct monitor *monitor;
    uint64_t serial, redirected, passed, unreached, again;
    uint64_t up, down; /* bytes of those that have ended */
};

/* ---- the monitor: a forward is shown as a tunnel whose other end is the node ---- */

static enum monitor_side side_of(const struct forward_row *r)
{
    return r->side == SIDE_DESTINATION ? MONITOR_DESTINATION : MONITOR_SOURCE;
}

static void look(void *ctx, struct monitor_hub_end out[MONITOR_SIDES])
{
    const struct forward_row *r = ctx;
    enum monitor_side here = side_of(r);
    enum monitor_side there = here == MONITOR_SOURCE ? MONITOR_DESTINATION : MONITOR_SOURCE;
    out[here] = (struct monitor_hub_end){.here = true, .bytes = atomic_load(&r->traffic.up)};
    out[there] = (struct monitor_hub_end){.here = true, .bytes = atomic_load(&r->traffic.down)};
}

static void show(struct forward_desk *d, struct forward_row *r)
{
    struct monitor_hub_tunnel_info info = {.id = r->id, .thing = r->thing, .look = look, .ctx = r};
    enum monitor_side here = side_of(r);
    char node[NODE_NAME_MAX + 8];
    if (d->monitor == NULL)
        return;
    snprintf(node, sizeof node, "node %s", r->node);
    info.ends[here] = r->client;
    info.ends[here == MONITOR_SOURCE ? MONITOR_DESTINATION : MONITOR_SOURCE] = node;
    r->watched = monitor_hub_tunnel_began(d->monitor, &info);
    if (r->watched != NULL)
        monitor_hub_tunnel_met(r->watched);
}

static void hide(struct forward_row *r, enum err why, const char *text)
{
    if (r->watched != NULL)
        monitor_hub_tunnel_ended(r->watched, why, text, why == ERR_OK || why == ERR_SHUTDOWN);
    r->watched = NULL;
}

void forward_desk_watch(struct forward_desk *d, struct monitor *m)
{
    struct forward_row *r;
    for (size_t at = 0; m == NULL && (r = map_next(&d->rows, &at)) != NULL;)
        hide(r, ERR_SHUTDOWN, NULL);
    d->monitor = m;
}

/* ---- the audit log ---- */

static void audit_sent(struct forward_desk *d, const char *event, const struct node_info *node,
                       const struct forward_client *c)
{
    struct log_field fields[] = {
        {"client", c->client, 0},
        {"what", c->what, 0},
        {"id", c->id, 0},
        {"thing", c->thing, 0},
        {"side", c->side < SIDE_COUNT ? side_name(c->side) : "", 0},
        {"channel", c->channel, 0},
        {"to", node->name, 0},
    };
    audit_event(d->hub->audit, event, fields, COUNT(fields));
}

static void audit_gone(struct forward_desk *d, const struct forward_row *r,
                       const struct forward_gone *g)
{
    struct log_field fields[] = {
        {"client", r->client, 0},
        {"what", r->what, 0},
        {"id", r->id, 0},
        {"thing", r->thing, 0},
        {"channel", r->channel, 0},
        {"to", r->node, 0},
        {"reason", g->text, 0},
        {"seconds", NULL, (int64_t)g->seconds},
        {"up", NULL, (int64_t)atomic_load(&r->traffic.up)},
        {"down", NULL, (int64_t)atomic_load(&r->traffic.down)},
    };
    audit_event(d->hub->audit, "forward-end", fields, COUNT(fields));
}

/* ---- sending ---- */

static void row_free(struct forward_row *r)
{
    if (r == NULL)
        return;
    free(r->id);
    free(r->thing);
    free(r);
}

static struct forward_row *row_new(struct forward_desk *d, const struct node_info *node,
                                   const struct forward_client *c)
{
    struct forward_row *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->serial = ++d->serial;
    r->worker = hub_least_worker(d->hub);
    r->side = c->side;
    snprintf(r->client, sizeof r->client, "%s", c->client);
    snprintf(r->node, sizeof r->node, "%s", node->name);
    snprintf(r->channel, sizeof r->channel, "%s", c->channel);
    snprintf(r->what, sizeof r->what, "%s", c->what);
    r->id = strdup(c->id);
    r->thing = strdup(c->thing);
    if (r->id != NULL && r->thing != NULL && map_put(&d->rows, &r->serial, sizeof r->serial, r))
        return r;
    row_free(r);
    return NULL;
}

static struct forward_ticket *ticket_new(struct forward_desk *d, struct forward_row *r,
                                         const struct node_info *node)
{
    struct forward_ticket *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->serial = r->serial;
    t->traffic = &r->traffic;
    t->keys = cluster_keys_ref(d->keys);
    snprintf(t->client, sizeof t->client, "%s", r->client);
    snprintf(t->node, sizeof t->node, "%s", r->node);
    snprintf(t->address, sizeof t->address, "%s", node->address);
    t->return_message = MESSAGE(struct message_forward_gone, MESSAGE_FORWARD_GONE, 0);
    if (t->return_message != NULL)
        return t;
    forward_ticket_free(t);
    return NULL;
}

/* What becomes of a connection that is passed on. NULL: no memory. */
static struct forward_ticket *pass_on(struct forward_desk *d, const struct node_info *node,
                                      const struct forward_client *c)
{
    struct forward_row *r = row_new(d, node, c);
    struct forward_ticket *t = r != NULL ? ticket_new(d, r, node) : NULL;
    if (t == NULL) {
        if (r != NULL)
            map_remove(&d->rows, &r->serial, sizeof r->serial);
        row_free(r);
        return NULL;
    }
    d->passed++;
    d->hub->load[r->worker]++;
    show(d, r);
    audit_sent(d, "forward", node, c);
    return t;
}

static struct forward_row *row_of(const struct forward_desk *d, const struct forward_ticket *t)
{
    return map_get(&d->rows, &t->serial, sizeof t->serial);
}

bool forward_desk_send(struct forward_desk *d, const struct node_info *node,
                       const struct forward_client *c)
{
    struct message_forward *m =
        c->forwarded ? NULL : MESSAGE(struct message_forward, MESSAGE_FORWARD, c->frontend);
    d->again += c->forwarded;
    if (m == NULL)
        return false;
    m->pending_id = c->pending_id;
    if (c->follows && node->announce[0] != '\0') {
        snprintf(m->location, sizeof m->location, "wss://%s", node->announce);
        d->redirected++;
        audit_sent(d, "redirect", node, c);
    } else if ((m->ticket = pass_on(d, node, c)) == NULL) {
        message_free(&m->message);
        return false;
    }
    hub_post(d->hub, &m->message);
    return true;
}

bool forward_desk_own(struct forward_desk *d, const struct node_info *node,
                      const struct forward_client *c, struct buf *request, struct stream *stream)
{
    static const char sorry[] = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
    struct message_forward_move *m = MESSAGE(struct message_forward_move, MESSAGE_FORWARD_IN, 0);
    struct forward_ticket *t = m != NULL ? pass_on(d, node, c) : NULL;
    if (t == NULL) {
        free(m);
        buf_wipe(request);
        stream_close(stream);
        return false;
    }
    t->request = *request;
    *request = (struct buf){0};
    t->sorry.limit = sizeof sorry;
    buf_append(&t->sorry, sorry, sizeof sorry - 1);
    m->message.worker = row_of(d, t)->worker;
    m->ticket = t;
    m->stream = stream;
    hub_post(d->hub, &m->message);
    return true;
}

/* ---- the receivers ---- */

void forward_desk_out(struct hub *hub, void *message)
{
    struct message_forward_move *m = message;
    m->message.kind = MESSAGE_FORWARD_IN;
    m->message.worker = row_of(hub->forwards, m->ticket)->worker;
    hub_post(hub, &m->message);
}

void forward_desk_gone(struct hub *hub, void *message)
{
    struct message_forward_gone *m = message;
    struct forward_desk *d = hub->forwards;
    struct forward_row *r = row_of(d, m->gone.ticket);
    if (m->gone.unreached) {
        d->unreached++;
        refusal_log_add(d->hub->refusal_log, loop_now(d->hub->o.loop), r->client, m->gone.text,
                        m->gone.why);
    }
    d->up += atomic_load(&r->traffic.up);
    d->down += atomic_load(&r->traffic.down);
    hub->load[r->worker]--;
    audit_gone(d, r, &m->gone);
    hide(r, m->gone.why, m->gone.text);
    map_remove(&d->rows, &r->serial, sizeof r->serial);
    row_free(r);
    message_free(&m->message);
}

/* ---- metrics ---- */

static void bytes(const struct forward_desk *d, struct buf *out)
{
    static const char name[] = "tunnel_hub_forwarded_bytes_total";
    uint64_t up = d->up, down = d->down;
    const struct forward_row *r;
    for (size_t at = 0; (r = map_next(&d->rows, &at)) != NULL;) {
        up += atomic_load(&r->traffic.up);
        down += atomic_load(&r->traffic.down);
    }
    prometheus_metric(out, name, PROMETHEUS_COUNTER,
                      "Bytes of clients whose connection another node has, by who sent them.");
    prometheus_number(out, name, &(struct prometheus_label){"from", "client"}, 1, up);
    prometheus_number(out, name, &(struct prometheus_label){"from", "node"}, 1, down);
}

void forward_desk_metrics(const struct forward_desk *d, struct buf *out)
{
    static const char name[] = "tunnel_hub_forwards_total";
    const struct {
        const char *how;
        uint64_t n;
    } rows[] = {{"redirected", d->redirected},
                {"passed", d->passed},
                {"unreached", d->unreached},
                {"twice", d->again}};
    prometheus_metric(out, "tunnel_hub_forwards", PROMETHEUS_GAUGE,
                      "Connections that are passed on to another node.");
    prometheus_number(out, "tunnel_hub_forwards", NULL, 0, d->rows.size);
    prometheus_metric(out, name, PROMETHEUS_COUNTER,
                      "Clients of whom another node had to hear, by what became of them.");
    for (size_t i = 0; i < COUNT(rows); i++)
        prometheus_number(out, name, &(struct prometheus_label){"result", rows[i].how}, 1,
                          rows[i].n);
    bytes(d, out);
}

/* ---- life ---- */

void forward_desk_keys(struct forward_desk *d, struct cluster_keys *keys)
{
    cluster_keys_free(d->keys);
    d->keys = keys;
}

struct forward_desk *forward_desk_new(struct hub *hub)
{
    struct forward_desk *d = calloc(1, sizeof *d);
    if (d != NULL)
        d->hub = hub;
    return d;
}

void forward_desk_free(struct forward_desk *d)
{
    struct forward_row *r;
    if (d == NULL)
        return;
    for (size_t at = 0; (r = map_next(&d->rows, &at)) != NULL;) {
        hide(r, ERR_SHUTDOWN, NULL);
        row_free(r);
    }
    map_free(&d->rows);
    cluster_keys_free(d->keys);
    free(d);
}
