#include "gateway/hub/frontend_internal.h"

#include "core/net/socket.h"
#include "gateway/hub/hub_protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PENDING 1024
/* How long a silent connection keeps its slot when its origin needs it. */
#define PATIENCE_MS 1000
#define TIMEOUT_MS 10000
/* Bytes in the kernel beyond our back-pressure: share/doc/performance.md, "Little queued". */
#define UNSENT_MAX 16384
#define UNREAD_MAX 131072

/* ---- messages ---- */

void post_detached(struct mailbox *hub, size_t worker, const struct end_report *d)
{
    struct message_detached *m = d->registration->return_message;
    d->registration->return_message = NULL;
    m->message.worker = worker;
    m->end_report = *d;
    mailbox_post(hub, &m->message.mail);
}

void post_device_gone(struct mailbox *hub, size_t worker, const struct device_gone *g)
{
    struct message_device_gone *m = g->ticket->return_message;
    g->ticket->return_message = NULL;
    m->message.worker = worker;
    m->gone = *g;
    mailbox_post(hub, &m->message.mail);
}

void post_bridge_gone(struct mailbox *hub, size_t worker, const struct bridge_gone *g)
{
    struct message_bridge_gone *m = g->ticket->return_message;
    g->ticket->return_message = NULL;
    m->message.worker = worker;
    m->gone = *g;
    mailbox_post(hub, &m->message.mail);
}

void post_forward_gone(struct mailbox *hub, size_t worker, const struct forward_gone *g)
{
    struct message_forward_gone *m = g->ticket->return_message;
    g->ticket->return_message = NULL;
    m->message.worker = worker;
    m->gone = *g;
    mailbox_post(hub, &m->message.mail);
}

void frontend_lose_device(struct frontend *f, struct device_ticket *t, enum err why,
                          const char *text)
{
    struct device_gone g = {.ticket = t, .why = why};
    snprintf(g.text, sizeof g.text, "%s", text);
    post_device_gone(f->o.hub, f->o.worker, &g);
}

void frontend_hand_device(struct frontend *f, struct device_ticket *t, struct stream *s)
{
    struct message_device_move *out =
        MESSAGE(struct message_device_move, MESSAGE_DEVICE_OUT, f->o.worker);
    if (out == NULL || s == NULL || !stream_leave(s)) {
        free(out);
        if (s != NULL)
            stream_close(s);
        frontend_lose_device(f, t, ERR_NO_DESCRIPTORS, "it could not be handed over");
        return;
    }
    out->ticket = t;
    out->stream = s;
    stat_add(&f->o.stats->moved, 1);
    mailbox_post(f->o.hub, &out->message.mail);
}

void frontend_device_reply(struct frontend *f, struct message_device_reply *m)
{
    struct pending_conn *conn = pending_conn_answered(f, m->pending_id);
    if (conn != NULL) {
        conn->protocol->answer(conn->session, m);
    } else if (m->ticket != NULL) {
        frontend_lose_device(f, m->ticket, ERR_CLIENT_CLOSED, "it left before it was answered");
        m->ticket = NULL;
    }
}

/* ---- turns ---- */

/* Deferred. Takes one step and lets the loop's other sockets follow, however many connections wait.
 */
static void on_turn(void *owner)
{
    struct frontend *f = owner;
    struct pending_slot *slot = pending_queue_next(f->queue);
    if (slot == NULL)
        return;
    struct pending_conn *conn = list_entry(slot, struct pending_conn, slot);
    pending_await_peer(slot, loop_now(f->o.loop));
    loop_defer(f->o.loop, &f->turns);
    if (conn->session != NULL)
        conn->protocol->turn(conn->session);
    else
        tls_turn(conn->tls);
}

/* ---- newcomers ---- */

/* This is the cheapest refusal: nothing was read, and no key was used. */
static void refuse_unread(struct frontend *f, struct stream *socket, enum pending_queue_admits room)
{
    bool full = room != PENDING_QUEUE_SPACE;
    frontend_refused(f, socket->name, 0, full ? ERR_LIMIT : ERR_NO_MEMORY,
                     full ? frontend_no_room(room) : err_text(ERR_NO_MEMORY));
    stat_add(&f->o.stats->turned_away, 1);
    stream_close(socket);
}

void frontend_accept(struct frontend *f, int fd, const struct hub_protocol *protocol)
{
    struct ip ip = ip_of_peer(fd);
    struct stream *socket = stream_from_fd(f->o.loop, fd);
    if (socket == NULL) {
        frontend_refused(f, "?", 0, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    if (socket->name[0] == '\0') { /* it was reset before it came here */
        stream_close(socket);
        return;
    }
    /* Nodes may come from the fronts' network, and have a header of their own, inside TLS. */
    bool front = !protocol->cluster && fronts_has(f->o.fronts, ip);
    bool fronted = front || protocol->plain;
    enum pending_queue_admits room = frontend_room(f, ip, fronted || protocol->cluster);
    struct pending_conn *conn =
        room == PENDING_QUEUE_SPACE ? pending_conn_new(f, ip, protocol) : NULL;
    if (conn == NULL) {
        refuse_unread(f, socket, room);
        return;
    }
    conn->socket = socket;
    conn->fronted = fronted;
    snprintf(conn->client, sizeof conn->client, "%s", socket->name);
    stream_unsent_limit(socket, UNSENT_MAX);
    stream_unread_limit(socket, UNREAD_MAX);
    timer_start(conn->timer, f->o.timeout_ms);
    if (front)
        frontend_read_header(conn);
    else if (!pending_conn_begin(conn)) {
        pending_conn_refused(conn, 0, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        pending_conn_free(conn);
    }
}

/* ---- the frontend ---- */

struct frontend *frontend_new(const struct frontend_options *o)
{
    static const struct fronts none;
    struct frontend *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->o = *o;
    if (f->o.fronts == NULL)
        f->o.fronts = &none;
    list_init(&f->pending);
    deferred_init(&f->turns, on_turn, f);
    if (f->o.max_pending == 0)
        f->o.max_pending = MAX_PENDING;
    if (f->o.timeout_ms == 0)
        f->o.timeout_ms = TIMEOUT_MS;
    f->queue = pending_queue_new(&(struct pending_queue_options){
        .max = f->o.max_pending, .per_origin = f->o.per_origin, .patience_ms = PATIENCE_MS});
    if (f->queue != NULL)
        return f;
    free(f);
    return NULL;
}

void frontend_identity(struct frontend *f, struct identity *identity,
                       const uint8_t shown[TLS_FINGERPRINT])
{
    if (f->identity != NULL) {
        identity_fingerprint(f->identity, f->last_certificate);
        memcpy(f->last_shown, f->shown, sizeof f->last_shown);
    }
    memcpy(f->shown, shown, sizeof f->shown);
    identity_free(f->identity);
    f->identity = identity;
}

void frontend_cluster_keys(struct frontend *f, struct cluster_keys *keys)
{
    cluster_keys_free(f->keys);
    f->keys = keys;
}

bool frontend_busy(const struct frontend *f)
{
    list_each(node,
              &f->pending) if (list_entry(node, struct pending_conn, node)->asked) return true;
    return false;
}

void frontend_free(struct frontend *f)
{
    if (f == NULL)
        return;
    while (!list_empty(&f->pending))
        pending_conn_free(list_entry(f->pending.next, struct pending_conn, node));
    loop_cancel(&f->turns);
    pending_queue_free(f->queue);
    map_free(&f->by_id);
    identity_free(f->identity);
    cluster_keys_free(f->keys);
    free(f);
}
