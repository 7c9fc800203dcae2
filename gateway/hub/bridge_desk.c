#include "gateway/hub/bridge_desk.h"

#include "core/base/log.h"
#include "gateway/hub/bridge_desk_internal.h"
#include "gateway/hub/hub_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define UNKNOWN                                                                                    \
    "No bridge waits for this token: it has been used, it is another side's, or its time is over."
#define NO_MEMORY "The hub is out of memory: try again."

/* ---- refusing ---- */

static void note_refused(struct hub *hub, const struct message_bridge_hello *h, int status,
                         enum err why, const char *text)
{
    struct message_refused *m = MESSAGE(struct message_refused, MESSAGE_REFUSED, h->message.worker);
    if (m == NULL) {
        hub_post(hub, NULL);
        return;
    }
    m->side = SIDE_COUNT;
    m->status = status;
    m->why = why;
    snprintf(m->client, sizeof m->client, "%s", h->client);
    snprintf(m->reason, sizeof m->reason, "%s", text);
    admission_refused(hub, m);
}

static void refuse(struct hub *hub, const struct message_bridge_hello *h, int status, enum err why,
                   const char *text)
{
    struct message_bridge_reply *m =
        MESSAGE(struct message_bridge_reply, MESSAGE_BRIDGE_REPLY, h->message.worker);
    hub->bridges->refused++;
    note_refused(hub, h, status, why, text);
    if (m != NULL) {
        m->pending_id = h->pending_id;
        m->status = status;
        m->text = text;
    }
    hub_post(hub, m != NULL ? &m->message : NULL);
}

/* ---- coming ---- */

static struct bridge_ticket *ticket_new(struct bridge *b, enum bridge_side side,
                                        const struct message_bridge_hello *h)
{
    struct bridge_ticket *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->bridge = b->serial;
    t->side = side;
    t->inner = b->inner;
    t->traffic = &b->traffic;
    memcpy(t->client, h->client, sizeof t->client);
    memcpy(t->key, h->key, sizeof t->key);
    memcpy(t->channel, h->channel, sizeof t->channel);
    memcpy(t->protocol, h->protocol, sizeof t->protocol);
    t->return_message = MESSAGE(struct message_bridge_gone, MESSAGE_BRIDGE_GONE, 0);
    if (t->return_message != NULL)
        return t;
    bridge_ticket_free(t);
    return NULL;
}

/* The bridge is freed with its last claim. */
static void come_back(struct bridge_desk *d, struct bridge *b)
{
    if (b->out == 1)
        bridge_note_ended(d, b);
    bridge_returned(b);
}

static void let_in(struct hub *hub, const struct message_bridge_hello *h, struct bridge *b,
                   enum bridge_side side)
{
    struct message_bridge_reply *m =
        MESSAGE(struct message_bridge_reply, MESSAGE_BRIDGE_REPLY, h->message.worker);
    struct bridge_ticket *t = m != NULL ? ticket_new(b, side, h) : NULL;
    if (t == NULL) {
        free(m);
        refuse(hub, h, 503, ERR_NO_MEMORY, NO_MEMORY);
        bridge_end(b, BRIDGE_BROKEN, err_text(ERR_NO_MEMORY));
        come_back(hub->bridges, b);
        return;
    }
    if (b->out == 1 && b->inner.end == 0)
        b->worker = hub_least_worker(hub);
    hub->load[b->worker]++;
    bridge_note_joined(hub->bridges, b, t);
    m->pending_id = h->pending_id;
    m->ticket = t;
    hub_post(hub, &m->message);
}

/* In a cluster the path's second part names the node that has made the bridge. */
static bool send_elsewhere(struct hub *hub, const struct message_bridge_hello *h)
{
    struct span rest = {h->bytes, h->n_path};
    char node[128];
    for (int i = 0; i < 2; i++)
        span_cut(&rest, '/');
    struct span name = span_cut(&rest, '/');
    snprintf(node, sizeof node, "%.*s", (int)name.n, name.p);
    const struct node_info *n = name.n < sizeof node ? hub_other_node(hub, node) : NULL;
    return n != NULL && forward_desk_send(hub->forwards, n,
                                          &(struct forward_client){
                                              .frontend = h->message.worker,
                                              .pending_id = h->pending_id,
                                              .client = h->client,
                                              .channel = h->channel,
                                              .forwarded = h->forwarded,
                                              .what = "stream",
                                              .id = "",
                                              .thing = "",
                                              .side = SIDE_COUNT,
                                          });
}

void bridge_desk_hello(struct hub *hub, void *message)
{
    struct message_bridge_hello *h = message;
    enum bridge_side side;
    struct bridge *b = bridges_claim(hub->bridges->bridges, (struct span){h->bytes, h->n_path},
                                     (struct span){h->bytes + h->n_path, h->n_token},
                                     loop_now(hub->o.loop), &side);
    if (b != NULL)
        let_in(hub, h, b, side);
    else if (!send_elsewhere(hub, h))
        refuse(hub, h, 401, ERR_AUTH, UNKNOWN);
    message_free(&h->message);
}

/* Sends it on to the worker, unless the bridge has ended meanwhile. */
void bridge_desk_out(struct hub *hub, void *message)
{
    struct message_bridge_move *m = message;
    struct bridge *b = bridges_find(hub->bridges->bridges, m->ticket->bridge);
    if (!b->ended) {
        m->message.kind = MESSAGE_BRIDGE_IN;
        m->message.worker = b->worker;
        hub_post(hub, &m->message);
        return;
    }
    hub->load[b->worker]--;
    come_back(hub->bridges, b);
    message_free(&m->message);
}

/* ---- ends ---- */

static enum bridge_outcome outcome_of(enum err why)
{
    return why == ERR_OK         ? BRIDGE_CLOSED
           : why == ERR_SHUTDOWN ? BRIDGE_SHUTDOWN
           : why == ERR_REFUSED  ? BRIDGE_REFUSED
                                 : BRIDGE_BROKEN;
}

void bridge_desk_gone(struct hub *hub, void *message)
{
    struct message_bridge_gone *m = message;
    struct bridge *b = bridges_find(hub->bridges->bridges, m->gone.ticket->bridge);
    bridge_end(b, outcome_of(m->gone.why), m->gone.text);
    hub->load[b->worker]--;
    come_back(hub->bridges, b);
    message_free(&m->message);
}

/* What its worker closes it for. The words are static, since they outlive the bridge. */
static struct bridge_closing closing_of(enum bridge_outcome o)
{
    static const struct bridge_closing rows[BRIDGE_OUTCOMES] = {
        [BRIDGE_CLOSED] = {BRIDGE_CLOSE_NORMAL, ERR_OK, "the other side ended it"},
        [BRIDGE_BROKEN] = {BRIDGE_CLOSE_AWAY, ERR_PEER_LOST, "the other side was lost"},
        [BRIDGE_LATE] = {BRIDGE_CLOSE_AWAY, ERR_TIMEOUT, "the other side did not come in time"},
        [BRIDGE_WITHDRAWN] = {BRIDGE_CLOSE_AWAY, ERR_PEER_LOST, "the request for it has failed"},
        [BRIDGE_CUT] = {BRIDGE_CLOSE_POLICY, ERR_OPERATOR, "the operator ended it"},
        [BRIDGE_VOLUME] = {BRIDGE_CLOSE_POLICY, ERR_LIMIT, "the bytes of the day are used up"},
        [BRIDGE_REFUSED] = {BRIDGE_CLOSE_ERROR, ERR_REFUSED, "the service was not reached"},
        [BRIDGE_SHUTDOWN] = {BRIDGE_CLOSE_AWAY, ERR_SHUTDOWN, "the hub is shutting down"},
    };
    return rows[o];
}

static void on_ended(void *owner, const struct bridge *ended)
{
    struct bridge_desk *d = owner;
    struct bridge *b = bridges_find(d->bridges, ended->serial);
    if (b->out == 0)
        bridge_note_ended(d, b);
    desk_inner_bridge(d, b, false);
    /* A connection that still waits for its device does so in vain; of a request that failed
     * whoever asked the device tells why. */
    if (b->inner.connection != 0 && b->outcome != BRIDGE_WITHDRAWN)
        bridge_desk_refuse(d, &b->inner,
                           b->outcome == BRIDGE_LATE ? ERR_DEVICE_SILENT : ERR_DEVICE_OFFLINE);
    if (b->out == 0 || d->ended)
        return;
    struct message_bridge_close *m =
        MESSAGE(struct message_bridge_close, MESSAGE_BRIDGE_CLOSE, b->worker);
    if (m != NULL) {
        m->bridge = b->serial;
        m->inner = b->inner.end;
        m->closing = closing_of(b->outcome);
    }
    hub_post(d->hub, m != NULL ? &m->message : NULL);
}

/* ---- devices and policies that go ---- */

static void on_changed(void *owner, const struct device_record *r, enum device_state before)
{
    struct bridge_desk *d = owner;
    if (r->state != before && r->state != DEVICE_ENABLED)
        bridges_cut_device(d->bridges, r->name, "the device was disabled");
}

static void on_reset(void *owner, const struct device_record *r)
{
    struct bridge_desk *d = owner;
    bridges_cut_device(d->bridges, r->name, "the device was reset");
}

static void on_removed(void *owner, const struct device_record *r)
{
    struct bridge_desk *d = owner;
    bridges_cut_device(d->bridges, r->name, "the device was removed");
}

static const struct device_events device_events = {
    .changed = on_changed, .reset = on_reset, .removed = on_removed};

/* ---- for those who ask devices ---- */

struct bridges *bridge_desk_bridges(const struct bridge_desk *d)
{
    return d->bridges;
}

/* ---- life ---- */

void bridge_desk_tick(struct bridge_desk *d)
{
    desk_inners_tick(d);
    bridges_tick(d->bridges, loop_now(d->hub->o.loop), 1000 * (int64_t)time(NULL));
}

static uint64_t day_limit(void *owner, const char *policy)
{
    const struct bridge_desk *d = owner;
    return limits_of(d->hub->limits, policy)->stream_bytes_per_day;
}

struct bridge_desk *bridge_desk_new(struct hub *hub)
{
    struct bridge_desk *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->hub = hub;
    list_init(&d->inners);
    d->bridges = bridges_new(
        &(struct bridges_options){.hub = hub_is_node(hub) ? hub->o.cluster.node : hub->o.region,
                                  .day_limit = day_limit,
                                  .ended = on_ended,
                                  .owner = d});
    if (d->bridges == NULL) {
        free(d);
        return NULL;
    }
    d->subscriber = (struct device_subscriber){.events = &device_events, .owner = d};
    device_registry_subscribe(hub->devices, &d->subscriber);
    return d;
}

void bridge_desk_end(struct bridge_desk *d)
{
    if (d == NULL)
        return;
    d->ended = true;
    device_registry_unsubscribe(&d->subscriber);
    bridges_end_all(d->bridges, BRIDGE_SHUTDOWN, NULL);
}

void bridge_desk_free(struct bridge_desk *d)
{
    if (d == NULL)
        return;
    desk_inners_free(d);
    bridges_free(d->bridges);
    free(d);
}
