#include "gateway/hub/worker_tables.h"

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

#define TABLES 5

struct worker_tables {
    struct worker_tables_options o;
    struct relay_table *relays;
    struct device_table *devices;
    struct bridge_table *bridges;
    struct inner_table *inners;
    struct forward_table *forwards;
    struct worker_table *all[TABLES]; /* these, in the order in which they are freed */
};

/* ---- messages to them ---- */

/* Why a connection that comes goes back at once. */
#define NOT_TAKEN_UP .why = ERR_NO_DESCRIPTORS, .text = "it could not be taken up"

/* Takes a message's stream to this worker's loop. NULL: it could not be, and is closed. */
static struct stream *take_up(struct worker_tables *t, struct stream **of_message)
{
    struct stream *stream = *of_message;
    *of_message = NULL;
    if (stream_join(stream, t->o.loop))
        return stream;
    stream_close(stream);
    return NULL;
}

static void on_migrate_in(struct worker_tables *t, void *message)
{
    struct message_migrate *m = message;
    struct end_report d = {.registration = m->registration, NOT_TAKEN_UP};
    struct stream *stream = take_up(t, &m->stream);
    m->registration = NULL;
    if (stream != NULL)
        relay_table_join(t->relays, d.registration, stream);
    else
        post_detached(t->o.hub, t->o.number, &d);
}

static void on_device_in(struct worker_tables *t, void *message)
{
    struct message_device_move *m = message;
    struct device_gone g = {.ticket = m->ticket, NOT_TAKEN_UP};
    struct stream *stream = take_up(t, &m->stream);
    m->ticket = NULL;
    if (stream != NULL)
        device_table_join(t->devices, g.ticket, stream);
    else
        post_device_gone(t->o.hub, t->o.number, &g);
}

static void on_device_send(struct worker_tables *t, void *message)
{
    struct message_device_send *m = message;
    device_table_send(t->devices, m->serial, m->letter);
    m->letter = NULL;
}

static void on_bridge_in(struct worker_tables *t, void *message)
{
    struct message_bridge_move *m = message;
    struct bridge_gone g = {.ticket = m->ticket, NOT_TAKEN_UP};
    struct stream *stream = take_up(t, &m->stream);
    m->ticket = NULL;
    if (stream == NULL)
        post_bridge_gone(t->o.hub, t->o.number, &g);
    else if (g.ticket->inner.end != 0)
        inner_table_join(t->inners, g.ticket, stream);
    else
        bridge_table_join(t->bridges, g.ticket, stream);
}

static void on_forward_in(struct worker_tables *t, void *message)
{
    struct message_forward_move *m = message;
    struct forward_gone g = {.ticket = m->ticket, NOT_TAKEN_UP};
    struct stream *stream = take_up(t, &m->stream);
    m->ticket = NULL;
    if (stream != NULL)
        forward_table_join(t->forwards, g.ticket, stream);
    else
        post_forward_gone(t->o.hub, t->o.number, &g);
}

static void on_bridge_close(struct worker_tables *t, void *message)
{
    const struct message_bridge_close *m = message;
    if (m->inner != 0)
        inner_table_close(t->inners, m->inner, m->bridge, &m->closing);
    else
        bridge_table_close(t->bridges, m->bridge, &m->closing);
}

static void on_inner_in(struct worker_tables *t, void *message)
{
    struct message_inner_in *m = message;
    int fd = m->fd;
    m->fd = -1;
    inner_table_add(t->inners, &m->start, fd);
}

static void on_inner_refuse(struct worker_tables *t, void *message)
{
    const struct message_inner_refuse *m = message;
    inner_table_refuse(t->inners, m->inner, m->connection, m->why);
}

static void on_inner_leave(struct worker_tables *t, void *message)
{
    inner_table_leave(t->inners, ((const struct message_inner *)message)->inner);
}

static void on_close(struct worker_tables *t, void *message)
{
    const struct message_close *m = message;
    relay_table_close(t->relays, m->tunnel, m->side, &m->close_reason);
}

typedef void receiver(struct worker_tables *t, void *message);

void worker_tables_receive(struct worker_tables *t, struct message *m)
{
    static receiver *const receivers[MESSAGE_COUNT] = {
        [MESSAGE_MIGRATE_IN] = on_migrate_in,     [MESSAGE_CLOSE] = on_close,
        [MESSAGE_DEVICE_IN] = on_device_in,       [MESSAGE_DEVICE_SEND] = on_device_send,
        [MESSAGE_BRIDGE_IN] = on_bridge_in,       [MESSAGE_BRIDGE_CLOSE] = on_bridge_close,
        [MESSAGE_FORWARD_IN] = on_forward_in,     [MESSAGE_INNER_IN] = on_inner_in,
        [MESSAGE_INNER_REFUSE] = on_inner_refuse, [MESSAGE_INNER_LEAVE] = on_inner_leave,
    };
    receivers[m->kind](t, m);
}

/* ---- what they tell the main thread ---- */

static void on_gone(void *owner, const struct end_report *d)
{
    struct worker_tables *t = owner;
    post_detached(t->o.hub, t->o.number, d);
}

/* What a device has said goes to the main thread; without memory it is lost, as if the link had
 * broken a moment before. */
static void on_device_said(void *owner, const struct device_ticket *device, const uint8_t *p,
                           size_t n)
{
    struct worker_tables *t = owner;
    struct message_device_said *m = message_new(MESSAGE_DEVICE_SAID, t->o.number, sizeof *m + n);
    if (m == NULL)
        return;
    m->serial = device->serial;
    m->size = n;
    memcpy(m->bytes, p, n);
    mailbox_post(t->o.hub, &m->message.mail);
}

static void on_device_gone(void *owner, const struct device_gone *g)
{
    struct worker_tables *t = owner;
    post_device_gone(t->o.hub, t->o.number, g);
}

static void on_bridge_gone(void *owner, const struct bridge_gone *g)
{
    struct worker_tables *t = owner;
    post_bridge_gone(t->o.hub, t->o.number, g);
}

static void on_forward_gone(void *owner, const struct forward_gone *g)
{
    struct worker_tables *t = owner;
    post_forward_gone(t->o.hub, t->o.number, g);
}

/* What inner ends tell goes to the main thread; without memory it is lost, and the connection ends
 * when it has waited for too long. */
static void post_inner(struct worker_tables *t, enum message_kind kind,
                       const struct inner_wanted *i)
{
    struct message_inner_wanted *m = MESSAGE(struct message_inner_wanted, kind, t->o.number);
    if (m == NULL || (m->service = strdup(i->service)) == NULL) {
        free(m);
        return;
    }
    m->inner = i->end;
    m->connection = i->connection;
    snprintf(m->client, sizeof m->client, "%s", i->client);
    mailbox_post(t->o.hub, &m->message.mail);
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
    struct worker_tables *t = owner;
    struct message_inner *m = MESSAGE(struct message_inner, MESSAGE_INNER_GONE, t->o.number);
    if (m == NULL)
        return;
    m->inner = serial;
    mailbox_post(t->o.hub, &m->message.mail);
}

/* ---- life ---- */

static wire_end_new *const wires[DEVICE_WIRES] = {
    [DEVICE_WIRE_LINK] = device_end_new, [DEVICE_WIRE_MQTT] = mqtt_end_new};

static bool open_tables(struct worker_tables *t)
{
    const struct worker_tables_options *o = &t->o;
    const struct relay_table_options relays = {
        .loop = o->loop, .stats = o->stats, .idle_ms = o->idle_ms, .gone = on_gone, .owner = t};
    const struct device_table_options devices = {.loop = o->loop,
                                                 .wires = wires,
                                                 .said = on_device_said,
                                                 .gone = on_device_gone,
                                                 .owner = t};
    const struct bridge_table_options bridges = {
        .loop = o->loop, .idle_ms = o->idle_ms, .gone = on_bridge_gone, .owner = t};
    const struct inner_table_options inners = {.loop = o->loop,
                                               .idle_ms = o->idle_ms,
                                               .wanted = on_inner_wanted,
                                               .left = on_inner_left,
                                               .gone = on_bridge_gone,
                                               .over = on_inner_over,
                                               .owner = t};
    const struct forward_table_options forwards = {
        .loop = o->loop, .idle_ms = o->idle_ms, .gone = on_forward_gone, .owner = t};
    struct worker_table **all = t->all;
    all[0] = relay_table_base(t->relays = relay_table_new(&relays));
    all[1] = device_table_base(t->devices = device_table_new(&devices));
    all[2] = bridge_table_base(t->bridges = bridge_table_new(&bridges));
    all[3] = inner_table_base(t->inners = inner_table_new(&inners));
    all[4] = forward_table_base(t->forwards = forward_table_new(&forwards));
    for (size_t i = 0; i < TABLES; i++)
        if (all[i] == NULL)
            return false;
    return true;
}

struct worker_tables *worker_tables_new(const struct worker_tables_options *o)
{
    struct worker_tables *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->o = *o;
    if (open_tables(t))
        return t;
    worker_tables_free(t);
    return NULL;
}

void worker_tables_free(struct worker_tables *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < TABLES; i++)
        worker_table_free(t->all[i]);
    free(t);
}

bool worker_tables_empty(const struct worker_tables *t)
{
    for (size_t i = 0; i < TABLES; i++)
        if (!worker_table_empty(t->all[i]))
            return false;
    return true;
}

void worker_tables_drain(struct worker_tables *t, bool moves)
{
    if (moves)
        relay_table_move(t->relays);
    for (size_t i = 0; i < TABLES; i++)
        worker_table_drain(t->all[i]);
}
