#include "gateway/hub/frontend_internal.h"

#include "core/base/encoding.h"
#include "core/base/random.h"
#include "core/net/socket.h"
#include "gateway/hub/hub_protocol.h"
#include "gateway/hub/relay/buffered_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PENDING 1024
/* How long a silent connection keeps its slot when its origin needs it. */
#define PATIENCE_MS 1000
#define TIMEOUT_MS 10000
/* After this time the main thread's answer must have been lost for lack of memory. */
#define HUB_ANSWER_MS 75000 /* longer than ConnectDevice may take */
/* Bytes in the kernel beyond our back-pressure: share/doc/performance.md, "Little queued". */
#define UNSENT_MAX 16384
#define UNREAD_MAX 131072

/* ---- life ---- */

/* A call may wait for a device: for nobody any more. */
static void post_left(const struct pending_conn *conn)
{
    const struct frontend_options *o = &conn->frontend->o;
    struct message_api_left *m = MESSAGE(struct message_api_left, MESSAGE_API_LEFT, o->worker);
    if (m == NULL)
        return;
    m->pending_id = conn->id;
    mailbox_post(o->hub, &m->message.mail);
}

void pending_conn_free(struct pending_conn *conn)
{
    struct frontend *f = conn->frontend;
    if (conn->asked && conn->calls)
        post_left(conn);
    map_remove(&f->by_id, &conn->id, sizeof conn->id);
    list_remove(&conn->node);
    pending_queue_leave(f->queue, &conn->slot);
    stat_add(&f->o.stats->pending, (uint64_t)-1);
    timer_free(conn->timer);
    if (conn->session != NULL)
        conn->protocol->end(conn->session);
    if (conn->stream != NULL)
        stream_close(conn->stream);
    free(conn);
}

static void post_refused(struct frontend *f, const char *client, int status, enum err why,
                         const char *reason)
{
    struct message_refused *m = MESSAGE(struct message_refused, MESSAGE_REFUSED, f->o.worker);
    if (m == NULL)
        return;
    m->side = SIDE_COUNT;
    m->status = status;
    m->why = why;
    snprintf(m->client, sizeof m->client, "%s", client);
    snprintf(m->reason, sizeof m->reason, "%s", reason);
    mailbox_post(f->o.hub, &m->message.mail);
}

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

void pending_conn_refused(const struct pending_conn *conn, int status, enum err why,
                          const char *reason)
{
    post_refused(conn->frontend, conn->tls->name, status, why, reason);
}

/* ---- requests to the main thread ---- */

void pending_conn_ask(struct pending_conn *conn, struct message *m)
{
    conn->asked = true;
    pending_await_us(&conn->slot);
    timer_start(conn->timer, HUB_ANSWER_MS);
    mailbox_post(conn->frontend->o.hub, &m->mail);
}

struct pending_conn *pending_conn_answered(const struct frontend *f, uint64_t id)
{
    struct pending_conn *conn = map_get(&f->by_id, &id, sizeof id);
    if (conn != NULL) {
        conn->asked = conn->calls = false;
        pending_await_peer(&conn->slot, loop_now(f->o.loop));
        timer_stop(conn->timer);
    }
    return conn;
}

void frontend_lose_device(struct frontend *f, struct device_ticket *t, enum err why,
                          const char *text)
{
    struct device_gone g = {.ticket = t, .why = why};
    snprintf(g.text, sizeof g.text, "%s", text);
    post_device_gone(f->o.hub, f->o.worker, &g);
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

/* ---- the TLS handshake ---- */

static void on_opened(void *owner)
{
    struct pending_conn *conn = owner;
    struct frontend *f = conn->frontend;
    struct stream *s = conn->stream;
    stat_add(&f->o.stats->handshakes, 1);
    if (tls_resumed(conn->tls))
        stat_add(&f->o.stats->resumed, 1);
    pending_await_peer(&conn->slot, loop_now(f->o.loop));
    timer_stop(conn->timer);
    conn->stream = NULL;
    conn->session = conn->protocol->start(conn, s);
    if (conn->session == NULL)
        pending_conn_free(conn);
}

static void handshake_failed(struct pending_conn *conn, enum err why, const char *text)
{
    stat_add(&conn->frontend->o.stats->handshakes_failed, 1);
    pending_conn_refused(conn, 0, why, text);
    pending_conn_free(conn);
}

static void on_failed(void *owner, enum err why)
{
    struct pending_conn *conn = owner;
    const char *problem = tls_problem(conn->tls);
    handshake_failed(conn, why, problem != NULL && problem[0] != '\0' ? problem : err_text(why));
}

static void on_timeout(void *owner)
{
    struct pending_conn *conn = owner;
    if (conn->session == NULL) {
        handshake_failed(conn, ERR_SILENT, "the TLS handshake took too long");
        return;
    }
    if (!conn->asked)
        pending_conn_refused(conn, 0, ERR_SILENT, "it did not say in time who it is");
    pending_conn_free(conn);
}

static const struct stream_events handshake_events = {.opened = on_opened, .failed = on_failed};

/* ---- turns ---- */

void pending_conn_await_turn(struct pending_conn *conn, bool known)
{
    pending_await_turn(conn->frontend->queue, &conn->slot, known);
    loop_defer(conn->frontend->o.loop, &conn->frontend->turns);
}

static void on_waits(void *turns, bool known)
{
    pending_conn_await_turn(turns, known);
}

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

static void name_channel(char out[36])
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

/* Wraps the socket in TLS and a buffered stream. False: no memory; the socket is closed. */
static bool open_stream(struct pending_conn *conn, struct stream *socket)
{
    struct frontend *f = conn->frontend;
    struct tls_server_options options = {.identity = f->identity,
                                         .cache = f->o.cache,
                                         .client_trust = f->o.device_trust,
                                         .waits = on_waits,
                                         .turns = conn};
    identity_fingerprint(f->identity, conn->certificate);
    stream_unsent_limit(socket, UNSENT_MAX);
    stream_unread_limit(socket, UNREAD_MAX);
    conn->tls = tls_server(f->o.loop, socket, &options, &handshake_events, conn);
    conn->stream = conn->tls != NULL
                       ? buffered_stream_new(f->o.loop, conn->tls, &handshake_events, conn)
                       : NULL;
    return conn->stream != NULL;
}

/* The connection gets its name later. NULL: no memory. */
static struct pending_conn *pending_conn_new(struct frontend *f, struct ip origin,
                                             const struct hub_protocol *protocol)
{
    struct pending_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        return NULL;
    conn->frontend = f;
    conn->protocol = protocol;
    conn->id = ++f->last_id;
    conn->timer = timer_new(f->o.loop, on_timeout, conn);
    list_init(&conn->node);
    bool in = conn->timer != NULL &&
              pending_queue_enter(f->queue, &conn->slot, origin, loop_now(f->o.loop));
    if (!in || !map_put(&f->by_id, &conn->id, sizeof conn->id, conn)) {
        if (in)
            pending_queue_leave(f->queue, &conn->slot);
        timer_free(conn->timer);
        free(conn);
        return NULL;
    }
    list_append(&f->pending, &conn->node);
    stat_add(&f->o.stats->pending, 1);
    name_channel(conn->channel);
    return conn;
}

/* Makes space by dropping a connection of the origin that has the most, so that no origin can keep
 * all others out. */
static enum pending_queue_admits drop_fullest(struct frontend *f, struct ip ip)
{
    struct pending_slot *victim;
    bool exempt = f->o.exempt != NULL && ip_list_has(f->o.exempt, ip);
    enum pending_queue_admits room =
        pending_queue_admits(f->queue, ip_origin(ip), exempt, loop_now(f->o.loop), &victim);
    if (victim != NULL) {
        struct pending_conn *conn = list_entry(victim, struct pending_conn, slot);
        pending_conn_refused(conn, 0, ERR_LIMIT,
                             "too many connections are shaking hands or asking");
        pending_conn_free(conn);
    }
    return room;
}

/* This is the cheapest refusal: nothing was read, and no key was used. */
static void refuse_unread(struct frontend *f, struct stream *socket, enum pending_queue_admits room)
{
    static const char *const reasons[] = {
        [PENDING_QUEUE_ORIGIN_FULL] = "too many connections of this address are asking",
        [PENDING_QUEUE_FULL] = "too many connections are asking",
    };
    bool full = room != PENDING_QUEUE_SPACE;
    post_refused(f, socket->name, 0, full ? ERR_LIMIT : ERR_NO_MEMORY,
                 full ? reasons[room] : err_text(ERR_NO_MEMORY));
    stat_add(&f->o.stats->turned_away, 1);
    stream_close(socket);
}

void frontend_accept(struct frontend *f, int fd, const struct hub_protocol *protocol)
{
    char name[80];
    struct ip ip = ip_of_peer(fd);
    struct stream *socket = stream_from_fd(f->o.loop, fd);
    if (socket == NULL) {
        post_refused(f, "?", 0, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    snprintf(name, sizeof name, "%s", socket->name);
    enum pending_queue_admits room = drop_fullest(f, ip);
    struct pending_conn *conn =
        room == PENDING_QUEUE_SPACE ? pending_conn_new(f, ip_origin(ip), protocol) : NULL;
    if (conn == NULL) {
        refuse_unread(f, socket, room);
    } else if (!open_stream(conn, socket)) {
        post_refused(f, name, 0, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        pending_conn_free(conn);
    } else {
        timer_start(conn->timer, f->o.timeout_ms);
    }
}

/* ---- the frontend ---- */

struct frontend *frontend_new(const struct frontend_options *o)
{
    struct frontend *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->o = *o;
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

void frontend_identity(struct frontend *f, struct identity *identity)
{
    if (f->identity != NULL)
        identity_fingerprint(f->identity, f->last_certificate);
    identity_free(f->identity);
    f->identity = identity;
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
    free(f);
}
