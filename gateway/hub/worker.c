#include "gateway/hub/worker.h"

#include "gateway/hub/bridge/bridge_table.h"
#include "gateway/hub/bridge/inner_table.h"
#include "gateway/hub/cluster/forward_table.h"
#include "gateway/hub/devices/device_end.h"
#include "gateway/hub/devices/device_table.h"
#include "gateway/hub/frontend.h"
#include "gateway/hub/mqtt/mqtt_end.h"
#include "gateway/hub/relay/relay_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#define DRAIN_LOOK_MS 50
/* Leaves a frontend a tenth of a core that a busy worker uses (sched(7)). */
#define FRONTEND_NICE 10
#define TABLES 5

struct worker {
    struct worker_options o;
    struct loop *loop;
    struct mailbox *mailbox;
    struct frontend *frontend; /* NULL at a worker */
    /* NULL at a frontend. */
    struct relay_table *relays;
    struct device_table *devices;
    struct bridge_table *bridges;
    struct inner_table *inners;
    struct forward_table *forwards;
    struct worker_table *tables[TABLES]; /* all of these, in the order in which they are freed */
    bool stopped;
    struct timer *drained; /* runs while draining */
    struct worker_stats stats;
    /* STOP, allocated beforehand because the thread cannot be reached otherwise */
    struct message *last;
    uv_thread_t thread;
};

/* ---- messages ---- */

/* Why a connection that comes goes back at once. */
#define NOT_TAKEN_UP .why = ERR_NO_DESCRIPTORS, .text = "it could not be taken up"

/* Takes a message's stream to this worker's loop. NULL: it could not be, and is closed. */
static struct stream *take_up(struct worker *w, struct stream **of_message)
{
    struct stream *stream = *of_message;
    *of_message = NULL;
    if (stream_join(stream, w->loop))
        return stream;
    stream_close(stream);
    return NULL;
}

static void on_migrate_in(struct worker *w, void *message)
{
    struct message_migrate *m = message;
    struct end_report d = {.registration = m->registration, NOT_TAKEN_UP};
    struct stream *stream = take_up(w, &m->stream);
    m->registration = NULL;
    if (stream != NULL)
        relay_table_join(w->relays, d.registration, stream);
    else
        post_detached(w->o.hub, w->o.number, &d);
}

static void on_device_in(struct worker *w, void *message)
{
    struct message_device_move *m = message;
    struct device_gone g = {.ticket = m->ticket, NOT_TAKEN_UP};
    struct stream *stream = take_up(w, &m->stream);
    m->ticket = NULL;
    if (stream != NULL)
        device_table_join(w->devices, g.ticket, stream);
    else
        post_device_gone(w->o.hub, w->o.number, &g);
}

static void on_device_send(struct worker *w, void *message)
{
    struct message_device_send *m = message;
    device_table_send(w->devices, m->serial, m->letter);
    m->letter = NULL;
}

static void on_bridge_in(struct worker *w, void *message)
{
    struct message_bridge_move *m = message;
    struct bridge_gone g = {.ticket = m->ticket, NOT_TAKEN_UP};
    struct stream *stream = take_up(w, &m->stream);
    m->ticket = NULL;
    if (stream == NULL)
        post_bridge_gone(w->o.hub, w->o.number, &g);
    else if (g.ticket->inner.end != 0)
        inner_table_join(w->inners, g.ticket, stream);
    else
        bridge_table_join(w->bridges, g.ticket, stream);
}

static void on_forward_in(struct worker *w, void *message)
{
    struct message_forward_move *m = message;
    struct forward_gone g = {.ticket = m->ticket, NOT_TAKEN_UP};
    struct stream *stream = take_up(w, &m->stream);
    m->ticket = NULL;
    if (stream != NULL)
        forward_table_join(w->forwards, g.ticket, stream);
    else
        post_forward_gone(w->o.hub, w->o.number, &g);
}

static void on_bridge_close(struct worker *w, void *message)
{
    const struct message_bridge_close *m = message;
    if (m->inner != 0)
        inner_table_close(w->inners, m->inner, m->bridge, &m->closing);
    else
        bridge_table_close(w->bridges, m->bridge, &m->closing);
}

static void on_inner_in(struct worker *w, void *message)
{
    struct message_inner_in *m = message;
    int fd = m->fd;
    m->fd = -1;
    inner_table_add(w->inners, &m->start, fd);
}

static void on_inner_refuse(struct worker *w, void *message)
{
    const struct message_inner_refuse *m = message;
    inner_table_refuse(w->inners, m->inner, m->connection, m->why);
}

static void on_inner_leave(struct worker *w, void *message)
{
    inner_table_leave(w->inners, ((const struct message_inner *)message)->inner);
}

static void on_bridge_reply(struct worker *w, void *message)
{
    frontend_bridge_reply(w->frontend, message);
}

static void on_forward(struct worker *w, void *message)
{
    frontend_forward(w->frontend, message);
}

static void on_cluster_keys(struct worker *w, void *message)
{
    struct message_cluster_keys *m = message;
    frontend_cluster_keys(w->frontend, m->keys);
    m->keys = NULL;
}

static void on_device_reply(struct worker *w, void *message)
{
    frontend_device_reply(w->frontend, message);
}

static bool has_clients(const struct worker *w)
{
    if (w->frontend != NULL)
        return frontend_busy(w->frontend);
    for (size_t i = 0; i < TABLES; i++)
        if (!worker_table_empty(w->tables[i]))
            return true;
    return false;
}

/* Tells the main thread once when no client is left and no connection waits for an answer. */
static void on_drain_look(void *owner)
{
    struct worker *w = owner;
    if (has_clients(w)) {
        timer_start(w->drained, DRAIN_LOOK_MS);
        return;
    }
    struct message *m = MESSAGE(struct message, MESSAGE_DRAINED, w->o.number);
    if (m != NULL) /* without memory, the grace time ends the drain */
        mailbox_post(w->o.hub, &m->mail);
}

static void on_drain(struct worker *w, void *message)
{
    const struct message_drain *m = message;
    if (w->relays != NULL && m->moves)
        relay_table_move(w->relays);
    for (size_t i = 0; w->relays != NULL && i < TABLES; i++)
        worker_table_drain(w->tables[i]);
    timer_start(w->drained, 0);
}

static void free_parts(struct worker *w)
{
    frontend_free(w->frontend);
    for (size_t i = 0; i < TABLES; i++)
        worker_table_free(w->tables[i]);
    timer_free(w->drained);
}

/* After this only the mailbox keeps the loop from ending. */
static void on_stop(struct worker *w, void *message)
{
    (void)message;
    free_parts(w);
    w->stopped = true;
    loop_stop(w->loop);
}

static void on_accepted(struct worker *w, void *message)
{
    struct message_accepted *m = message;
    frontend_accept(w->frontend, m->fd, m->protocol);
    m->fd = -1;
}

static void on_admit_reply(struct worker *w, void *message)
{
    frontend_admit_reply(w->frontend, message);
}

static void on_close(struct worker *w, void *message)
{
    const struct message_close *m = message;
    relay_table_close(w->relays, m->tunnel, m->side, &m->close_reason);
}

static void on_api_reply(struct worker *w, void *message)
{
    frontend_api_reply(w->frontend, message);
}

static void on_identity(struct worker *w, void *message)
{
    struct message_identity *m = message;
    frontend_identity(w->frontend, m->identity, m->shown);
    m->identity = NULL;
}

typedef void receiver(struct worker *w, void *message);

/* Frees the message with what its receiver has left in it. */
static void on_message(void *owner, struct mail *mail)
{
    static receiver *const receivers[MESSAGE_COUNT] = {
        [MESSAGE_ACCEPTED] = on_accepted,
        [MESSAGE_ADMIT_REPLY] = on_admit_reply,
        [MESSAGE_API_REPLY] = on_api_reply,
        [MESSAGE_IDENTITY] = on_identity,
        [MESSAGE_MIGRATE_IN] = on_migrate_in,
        [MESSAGE_CLOSE] = on_close,
        [MESSAGE_DRAIN] = on_drain,
        [MESSAGE_STOP] = on_stop,
        [MESSAGE_DEVICE_IN] = on_device_in,
        [MESSAGE_DEVICE_SEND] = on_device_send,
        [MESSAGE_DEVICE_REPLY] = on_device_reply,
        [MESSAGE_BRIDGE_IN] = on_bridge_in,
        [MESSAGE_BRIDGE_CLOSE] = on_bridge_close,
        [MESSAGE_BRIDGE_REPLY] = on_bridge_reply,
        [MESSAGE_FORWARD] = on_forward,
        [MESSAGE_FORWARD_IN] = on_forward_in,
        [MESSAGE_CLUSTER_KEYS] = on_cluster_keys,
        [MESSAGE_INNER_IN] = on_inner_in,
        [MESSAGE_INNER_REFUSE] = on_inner_refuse,
        [MESSAGE_INNER_LEAVE] = on_inner_leave,
    };
    struct worker *w = owner;
    struct message *m = message_of(mail);
    if (!w->stopped)
        receivers[m->kind](w, m);
    message_free(m);
}

static void on_gone(void *owner, const struct end_report *d)
{
    struct worker *w = owner;
    post_detached(w->o.hub, w->o.number, d);
}

/* What a device has said goes to the main thread; without memory it is lost, as if the link had
 * broken a moment before. */
static void on_device_said(void *owner, const struct device_ticket *t, const uint8_t *p, size_t n)
{
    struct worker *w = owner;
    struct message_device_said *m = message_new(MESSAGE_DEVICE_SAID, w->o.number, sizeof *m + n);
    if (m == NULL)
        return;
    m->serial = t->serial;
    m->size = n;
    memcpy(m->bytes, p, n);
    mailbox_post(w->o.hub, &m->message.mail);
}

static void on_device_gone(void *owner, const struct device_gone *g)
{
    struct worker *w = owner;
    post_device_gone(w->o.hub, w->o.number, g);
}

static void on_bridge_gone(void *owner, const struct bridge_gone *g)
{
    struct worker *w = owner;
    post_bridge_gone(w->o.hub, w->o.number, g);
}

static void on_forward_gone(void *owner, const struct forward_gone *g)
{
    struct worker *w = owner;
    post_forward_gone(w->o.hub, w->o.number, g);
}

/* What inner ends tell goes to the main thread; without memory it is lost, and the connection ends
 * when it has waited for too long. */
static void post_inner(struct worker *w, enum message_kind kind, const struct inner_wanted *i)
{
    struct message_inner_wanted *m = MESSAGE(struct message_inner_wanted, kind, w->o.number);
    if (m == NULL || (m->service = strdup(i->service)) == NULL) {
        free(m);
        return;
    }
    m->inner = i->end;
    m->connection = i->connection;
    snprintf(m->client, sizeof m->client, "%s", i->client);
    mailbox_post(w->o.hub, &m->message.mail);
}

static void on_inner_wanted(void *owner, const struct inner_wanted *i)
{
    post_inner(owner, MESSAGE_INNER_WANTED, i);
}

static void on_inner_left(void *owner, const struct inner_wanted *i)
{
    post_inner(owner, MESSAGE_INNER_LEFT, i);
}

static void on_inner_over(void *owner, uint64_t serial)
{
    struct worker *w = owner;
    struct message_inner *m = MESSAGE(struct message_inner, MESSAGE_INNER_GONE, w->o.number);
    if (m == NULL)
        return;
    m->inner = serial;
    mailbox_post(w->o.hub, &m->message.mail);
}

/* ---- life ---- */

static void run(void *arg)
{
    struct worker *w = arg;
    /* Sets the niceness of this thread alone; where that is not allowed, cores are shared evenly.
     */
    if (w->o.frontend)
        (void)setpriority(PRIO_PROCESS, 0, FRONTEND_NICE);
    loop_run(w->loop);
}

static wire_end_new *const wires[DEVICE_WIRES] = {
    [DEVICE_WIRE_LINK] = device_end_new, [DEVICE_WIRE_MQTT] = mqtt_end_new};

static bool open_relay_worker(struct worker *w)
{
    const struct relay_table_options relays = {
        .loop = w->loop, .stats = &w->stats, .idle_ms = w->o.idle_ms, .gone = on_gone, .owner = w};
    const struct device_table_options devices = {.loop = w->loop,
                                                 .wires = wires,
                                                 .said = on_device_said,
                                                 .gone = on_device_gone,
                                                 .owner = w};
    const struct bridge_table_options bridges = {
        .loop = w->loop, .idle_ms = w->o.idle_ms, .gone = on_bridge_gone, .owner = w};
    const struct inner_table_options inners = {.loop = w->loop,
                                               .idle_ms = w->o.idle_ms,
                                               .wanted = on_inner_wanted,
                                               .left = on_inner_left,
                                               .gone = on_bridge_gone,
                                               .over = on_inner_over,
                                               .owner = w};
    const struct forward_table_options forwards = {
        .loop = w->loop, .idle_ms = w->o.idle_ms, .gone = on_forward_gone, .owner = w};
    struct worker_table **t = w->tables;
    t[0] = relay_table_base(w->relays = relay_table_new(&relays));
    t[1] = device_table_base(w->devices = device_table_new(&devices));
    t[2] = bridge_table_base(w->bridges = bridge_table_new(&bridges));
    t[3] = inner_table_base(w->inners = inner_table_new(&inners));
    t[4] = forward_table_base(w->forwards = forward_table_new(&forwards));
    for (size_t i = 0; i < TABLES; i++)
        if (t[i] == NULL)
            return false;
    return true;
}

static bool open_frontend(struct worker *w)
{
    struct frontend_options o = {.loop = w->loop,
                                 .hub = w->o.hub,
                                 .worker = w->o.number,
                                 .stats = &w->stats,
                                 .cache = w->o.cache,
                                 .device_trust = w->o.device_trust,
                                 .per_origin = w->o.per_origin,
                                 .exempt = w->o.exempt,
                                 .fronts = w->o.fronts};
    w->frontend = frontend_new(&o);
    return w->frontend != NULL;
}

static bool open_parts(struct worker *w)
{
    bool opened = w->o.frontend ? open_frontend(w) : open_relay_worker(w);
    w->drained = timer_new(w->loop, on_drain_look, w);
    w->mailbox = mailbox_new(w->loop, on_message, w);
    w->last = MESSAGE(struct message, MESSAGE_STOP, w->o.number);
    return opened && w->drained != NULL && w->mailbox != NULL && w->last != NULL;
}

struct worker *worker_new(const struct worker_options *o)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->o = *o;
    w->loop = loop_new();
    if (w->loop != NULL)
        loop_limit_blocks(w->loop, o->memory);
    if (w->loop != NULL && open_parts(w) && uv_thread_create(&w->thread, run, w) == 0)
        return w;
    free_parts(w);
    worker_free(w);
    return NULL;
}

void worker_post(struct worker *w, struct message *m)
{
    mailbox_post(w->mailbox, &m->mail);
}

const struct worker_stats *worker_stats_of(const struct worker *w)
{
    return &w->stats;
}

void worker_stop(struct worker *w)
{
    worker_post(w, w->last);
    w->last = NULL;
    uv_thread_join(&w->thread);
}

void worker_free(struct worker *w)
{
    mailbox_free(w->mailbox, message_discard);
    if (w->loop != NULL)
        loop_free(w->loop);
    free(w->last);
    free(w);
}
