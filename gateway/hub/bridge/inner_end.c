#include "gateway/hub/bridge/inner_end.h"

#include "core/net/socket.h"
#include "core/tunnel/session.h"
#include "core/ws/ws.h"
#include "core/ws/ws_stream.h"
#include "gateway/hub/relay/worker_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LIMIT 262144

enum inner_state {
    WAITING,  /* a ticket for the tunnel's other end, or a connection for its ticket */
    OPENING,  /* the far end has not answered */
    ATTACHED, /* bytes pass */
};

struct inner_conn {
    struct list node;
    struct inner_end *end;
    uint64_t number;
    enum inner_state state;
    struct conn *conn;            /* NULL: none is open */
    struct stream *stream;        /* the WebSocket's, until it is the connection's; or NULL */
    struct bridge_ticket *ticket; /* or NULL */
    uint64_t since;
    uint64_t counted[BRIDGE_SIDES];
};

/* A WebSocket whose connection is over, and whose peer's end is awaited. */
struct lingering {
    struct list node;
    struct inner_end *end;
    struct stream *stream;
};

struct inner_end {
    struct list node;
    struct inner_end_options o;
    char *service, *label;
    struct session *session; /* NULL once it is over */
    struct ws *ws;           /* NULL once the relay has ended it */
    struct timer *ping;
    struct deferred ending;
    struct list conns, lingering;
    uint64_t numbers;
    bool over, dropping;
    uint64_t over_at;
};

/* ---- WebSockets that end ---- */

static void settle(struct inner_end *e);

static void on_finished(void *owner)
{
    struct lingering *l = owner;
    struct inner_end *e = l->end;
    stream_close(l->stream);
    list_remove(&l->node);
    free(l);
    settle(e);
}

/* Ends a WebSocket in order, however long its peer takes. */
static void finish(struct inner_end *e, struct stream *s, int code, const char *text)
{
    struct lingering *l = e->dropping ? NULL : calloc(1, sizeof *l);
    if (l == NULL) {
        ws_stream_keep(s, NULL, NULL);
        stream_close(s);
        return;
    }
    l->end = e;
    l->stream = s;
    list_init(&l->node);
    list_append(&e->lingering, &l->node);
    stream_set_owner(s, s->events, l);
    ws_stream_finish(s, code, text, on_finished);
}

/* The connection has closed its local stream. Unless a Close has gone, it was not its end. */
static void on_given_up(void *ctx, struct stream *s)
{
    finish(ctx, s, BRIDGE_CLOSE_AWAY, "the other side was lost");
}

/* ---- the end of one ---- */

static void report(struct inner_conn *i, enum err why, const char *text)
{
    const struct inner_end *e = i->end;
    if (i->ticket == NULL)
        return;
    struct bridge_gone g = {.ticket = i->ticket,
                            .why = err_is_end(why) ? ERR_OK : why,
                            .seconds = (loop_now(e->o.loop) - i->since) / 1000};
    snprintf(g.text, sizeof g.text, "%s", text);
    i->ticket = NULL;
    e->o.gone(e->o.owner, &g);
}

static void free_conn(struct inner_conn *i)
{
    list_remove(&i->node);
    free(i);
}

static void count(struct inner_conn *i, const struct conn_stats *s)
{
    const uint64_t now[BRIDGE_SIDES] = {[BRIDGE_SERVICE] = s->up, [BRIDGE_DEVICE] = s->down};
    for (int side = 0; side < BRIDGE_SIDES && i->ticket != NULL; side++) {
        stat_add(&i->ticket->traffic->received[side], now[side] - i->counted[side]);
        i->counted[side] = now[side];
    }
}

static void tell_left(const struct inner_conn *i)
{
    const struct inner_end *e = i->end;
    if (e->o.role != SESSION_DESTINATION || e->dropping)
        return;
    const struct inner_wanted w = {e->o.serial, i->number, "", ""};
    e->o.left(e->o.owner, &w);
}

/* Without a connection: the WebSocket hears why. */
static void fail(struct inner_conn *i, enum err why)
{
    if (i->stream != NULL)
        finish(i->end, i->stream, BRIDGE_CLOSE_ERROR, err_text(why));
    i->stream = NULL;
    report(i, ERR_REFUSED, err_text(why));
    free_conn(i);
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct inner_conn *i = owner;
    (void)c;
    i->conn = NULL;
    count(i, stats);
    if (i->state == ATTACHED) {
        report(i, stats->why, err_text(stats->why));
        free_conn(i);
        return;
    }
    if (i->ticket == NULL)
        tell_left(i);
    fail(i, stats->why);
}

/* ---- connections of the source ---- */

static void attach(struct inner_conn *i)
{
    struct stream *s = i->stream;
    i->stream = NULL;
    i->state = ATTACHED;
    ws_stream_keep(s, on_given_up, i->end);
    conn_attach(i->conn, s);
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    struct inner_conn *i = owner;
    (void)c;
    if (why == ERR_OK && i->state == OPENING)
        attach(i); /* else `ended` comes next */
}

static const struct conn_events conn_events = {.answer = on_answer, .ended = on_ended};

/* Who does not answer openings is sent bytes at once. */
static void open_conn(struct inner_conn *i)
{
    struct inner_end *e = i->end;
    struct opening opening = {0};
    enum err why;
    snprintf(opening.client, sizeof opening.client, "%s", i->ticket->client);
    i->state = OPENING;
    i->conn = conn_open(e->session, e->service, &opening, &conn_events, i, &why);
    if (i->conn == NULL)
        fail(i, why);
    else if (!conn_native(i->conn))
        attach(i);
}

static void on_reachable(void *owner)
{
    struct inner_end *e = owner;
    if (e->o.role != SESSION_SOURCE || !session_reachable(e->session))
        return;
    list_each(node, &e->conns)
    {
        struct inner_conn *i = list_entry(node, struct inner_conn, node);
        if (i->state == WAITING && session_reachable(e->session))
            open_conn(i);
    }
}

/* ---- connections of the destination ---- */

static struct inner_conn *conn_new(struct inner_end *e)
{
    struct inner_conn *i = calloc(1, sizeof *i);
    if (i == NULL)
        return NULL;
    i->end = e;
    i->number = ++e->numbers;
    i->since = loop_now(e->o.loop);
    list_init(&i->node);
    list_append(&e->conns, &i->node);
    return i;
}

static void on_incoming(void *owner, struct conn *c)
{
    struct inner_end *e = owner;
    struct inner_conn *i = e->o.role == SESSION_DESTINATION ? conn_new(e) : NULL;
    struct opening o;
    if (i == NULL) {
        conn_refuse(c, ERR_NO_MEMORY);
        return;
    }
    i->conn = c;
    conn_set_owner(c, &conn_events, i);
    conn_opening(c, &o);
    const struct inner_wanted w = {e->o.serial, i->number, conn_service(c), o.client};
    e->o.wanted(e->o.owner, &w);
}

static struct inner_conn *find_conn(const struct inner_end *e, uint64_t number)
{
    list_each(node, &e->conns)
    {
        struct inner_conn *i = list_entry(node, struct inner_conn, node);
        if (i->number == number)
            return i;
    }
    return NULL;
}

/* The wire tells of services, not of devices (share/doc/native.md). */
static enum err as_told(enum err why)
{
    switch (why) {
    case ERR_DEVICE_REJECTED:
        return ERR_FORBIDDEN;
    case ERR_DEVICE_SILENT:
        return ERR_TIMEOUT;
    case ERR_DEVICE_OFFLINE:
        return ERR_UNREACHABLE;
    default:
        return why;
    }
}

void inner_end_refuse(struct inner_end *e, uint64_t number, enum err why)
{
    struct inner_conn *i = find_conn(e, number);
    if (i != NULL && i->conn != NULL && i->state == WAITING)
        conn_refuse(i->conn, as_told(why));
}

/* ---- tickets ---- */

static void on_stream_readable(void *owner)
{
    (void)owner; /* reading is off until it is the connection's */
}

static void on_stream_failed(void *owner, enum err why)
{
    struct inner_conn *i = owner;
    struct conn *c = i->conn;
    finish(i->end, i->stream, BRIDGE_CLOSE_AWAY, NULL);
    i->stream = NULL;
    report(i, why, err_text(why));
    if (c != NULL)
        conn_abort(c, ERR_CLIENT_RESET); /* frees i */
    else
        free_conn(i);
}

static const struct stream_events stream_events = {
    .readable = on_stream_readable, .writable = on_stream_readable, .failed = on_stream_failed};

/* The ticket's connection; a source's is made for it. NULL: it is gone, or there is no memory. */
static struct inner_conn *conn_of(struct inner_end *e, const struct bridge_ticket *t)
{
    if (e->over)
        return NULL;
    if (e->o.role == SESSION_SOURCE)
        return conn_new(e);
    struct inner_conn *i = find_conn(e, t->inner.connection);
    return i != NULL && i->state == WAITING && i->ticket == NULL ? i : NULL;
}

/* The connection for which it came has gone meanwhile. */
static void turn_away(struct inner_end *e, struct bridge_ticket *t, struct stream *buffered)
{
    struct bridge_gone g = {.ticket = t, .why = ERR_PEER_LOST, .text = "the client has left"};
    struct stream *s = bridge_ticket_upgrade(t, e->o.loop, buffered, &stream_events, NULL);
    if (s != NULL)
        finish(e, s, BRIDGE_CLOSE_AWAY, g.text);
    e->o.gone(e->o.owner, &g);
}

void inner_end_join(struct inner_end *e, struct bridge_ticket *t, struct stream *buffered)
{
    struct inner_conn *i = conn_of(e, t);
    if (i == NULL) {
        turn_away(e, t, buffered);
        return;
    }
    i->since = loop_now(e->o.loop);
    i->stream = bridge_ticket_upgrade(t, e->o.loop, buffered, &stream_events, i);
    i->ticket = t;
    if (i->stream == NULL && i->conn != NULL)
        conn_refuse(i->conn, ERR_NO_MEMORY);
    else if (i->stream == NULL)
        fail(i, ERR_NO_MEMORY);
    else if (e->o.role == SESSION_SOURCE)
        on_reachable(e);
    else {
        ws_stream_patient(i->stream, INNER_PATIENCE_MS);
        attach(i);
    }
}

void inner_end_close(struct inner_end *e, uint64_t bridge, const struct bridge_closing *c)
{
    list_each(node, &e->conns)
    {
        struct inner_conn *i = list_entry(node, struct inner_conn, node);
        if (i->ticket == NULL || i->ticket->bridge != bridge)
            continue;
        report(i, c->why, c->text);
        if (i->conn != NULL)
            conn_abort(i->conn, c->why == ERR_OK ? ERR_EOF : c->why);
        else
            fail(i, c->why);
        return;
    }
}

/* ---- the transport ---- */

static bool transport_ready(void *ctx)
{
    const struct inner_end *e = ctx;
    return e->ws != NULL && ws_ready(e->ws);
}

static bool transport_send(void *ctx, uint8_t *p, size_t n)
{
    return ws_send(((struct inner_end *)ctx)->ws, p, n);
}

static bool transport_send_parts(void *ctx, const struct span *parts, size_t n)
{
    return ws_send_parts(((struct inner_end *)ctx)->ws, parts, n);
}

static void transport_resume(void *ctx)
{
    const struct inner_end *e = ctx;
    if (e->ws != NULL)
        ws_resume(e->ws);
}

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    return session_input_steady(((struct inner_end *)owner)->session, p, n);
}

static void on_settle(void *owner)
{
    session_settle(((struct inner_end *)owner)->session);
}

static void on_ws_writable(void *owner)
{
    session_writable(((struct inner_end *)owner)->session);
}

/* The relay has ended it: the tunnel is closed, its token was replaced, or the hub ends. */
static void on_ws_closed(void *owner, enum err why, int code, const char *text)
{
    struct inner_end *e = owner;
    (void)why, (void)code, (void)text;
    loop_defer(e->o.loop, &e->ending);
}

static const struct ws_events ws_events = {
    .data = on_data, .settle = on_settle, .writable = on_ws_writable, .closed = on_ws_closed};

static void on_ping(void *owner)
{
    struct inner_end *e = owner;
    if (e->ws != NULL)
        ws_ping(e->ws, "0", 1);
    timer_start(e->ping, e->o.ping_ms);
}

/* ---- the session ---- */

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)ids, (void)n;
    on_reachable(owner);
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    struct inner_end *e = owner;
    (void)why, (void)text;
    loop_defer(e->o.loop, &e->ending);
}

static const struct session_events session_events = {.services = on_services,
                                                     .incoming = on_incoming,
                                                     .broken = on_broken,
                                                     .reachable = on_reachable};

/* ---- life ---- */

static void end_free(struct inner_end *e)
{
    list_remove(&e->node);
    loop_cancel(&e->ending);
    timer_free(e->ping);
    free(e->service);
    free(e->label);
    free(e);
}

/* It is gone when nobody's end is awaited any more. */
static void settle(struct inner_end *e)
{
    if (e->over && !e->dropping && list_empty(&e->lingering))
        end_free(e);
}

/* The session ends each connection that it has; those that wait for it have none. */
static void end_session(struct inner_end *e, enum err why)
{
    if (e->session != NULL) {
        session_detach(e->session, why);
        session_free(e->session);
    }
    ws_free(e->ws);
    e->session = NULL;
    e->ws = NULL;
    while (!list_empty(&e->conns))
        fail(list_entry(e->conns.next, struct inner_conn, node), why);
}

static void on_ending(void *owner)
{
    struct inner_end *e = owner;
    if (e->over)
        return;
    e->over = true;
    e->over_at = loop_now(e->o.loop);
    end_session(e, ERR_TUNNEL_CLOSED);
    e->o.over(e->o.owner, e->o.serial);
    settle(e);
}

void inner_end_leave(struct inner_end *e)
{
    loop_defer(e->o.loop, &e->ending);
}

void inner_end_drop(struct inner_end *e)
{
    e->dropping = true;
    end_session(e, ERR_SHUTDOWN);
    while (!list_empty(&e->lingering)) {
        struct lingering *l = list_entry(e->lingering.next, struct lingering, node);
        stream_close(l->stream);
        list_remove(&l->node);
        free(l);
    }
    end_free(e);
}

/* Takes the stream over. */
static bool open_session(struct inner_end *e, struct stream *s)
{
    char title[200];
    snprintf(title, sizeof title, "tunnel %s: ", e->label != NULL ? e->label : "");
    const struct session_options o = {.role = e->o.role,
                                      .version = e->o.role == SESSION_SOURCE ? 3 : 0,
                                      .queue_limit = QUEUE_LIMIT,
                                      .max_connections = INNER_CONNECTIONS,
                                      .title = title};
    e->session = session_new(e->o.loop, &o, &session_events, e);
    e->ws = e->session != NULL ? ws_new(e->o.loop, s, true, &ws_events, e) : NULL;
    if (e->session == NULL)
        stream_close(s);
    return e->ws != NULL;
}

struct inner_end *inner_end_new(const struct inner_end_options *o, int fd)
{
    struct inner_end *e = calloc(1, sizeof *e);
    struct stream *s = stream_from_fd(o->loop, fd);
    if (e == NULL || s == NULL) {
        if (s != NULL)
            stream_close(s);
        free(e);
        return NULL;
    }
    e->o = *o;
    list_init(&e->node);
    list_init(&e->conns);
    list_init(&e->lingering);
    deferred_init(&e->ending, on_ending, e);
    e->service = strdup(o->service);
    e->label = strdup(o->label);
    e->ping = timer_new(o->loop, on_ping, e);
    bool opened = open_session(e, s);
    if (e->service == NULL || e->label == NULL || e->ping == NULL || !opened) {
        end_session(e, ERR_NO_MEMORY);
        end_free(e);
        return NULL;
    }
    list_append(o->list, &e->node);
    session_attach(e->session, &(struct transport){.ready = transport_ready,
                                                   .send = transport_send,
                                                   .send_parts = transport_send_parts,
                                                   .resume = transport_resume,
                                                   .native = true,
                                                   .stream_idle_ms = 1000 * o->idle_s,
                                                   .ctx = e});
    timer_start(e->ping, e->o.ping_ms);
    return e;
}

void inner_end_tick(struct inner_end *e, uint64_t now)
{
    list_each(node, &e->conns)
    {
        struct inner_conn *i = list_entry(node, struct inner_conn, node);
        struct conn_info info;
        if (i->conn != NULL && i->ticket != NULL) {
            conn_get_info(i->conn, &info);
            count(i, &info.stats);
        }
        if (i->state != WAITING || now - i->since < INNER_WAIT_MS)
            continue;
        if (i->conn != NULL)
            conn_refuse(i->conn, as_told(ERR_DEVICE_SILENT));
        else
            fail(i, ERR_DEVICE_OFFLINE);
    }
}

uint64_t inner_end_over_ms(const struct inner_end *e, uint64_t now)
{
    return e->over ? now - e->over_at + 1 : 0;
}

uint64_t inner_end_serial(const struct inner_end *e)
{
    return e->o.serial;
}

struct inner_end *inner_end_at(struct list *node)
{
    return list_entry(node, struct inner_end, node);
}
