/* Connections of an inner end, each between the tunnel and somebody's WebSocket. */
#include "core/ws/ws_stream.h"
#include "gateway/hub/bridge/inner_end_internal.h"
#include "gateway/hub/relay/worker_stats.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- WebSockets that end ---- */

static void on_finished(void *owner)
{
    struct lingering *l = owner;
    struct inner_end *e = l->end;
    stream_close(l->stream);
    list_remove(&l->node);
    free(l);
    if (e->over)
        loop_defer(e->o.loop, &e->ending);
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

void inner_conn_fail(struct inner_conn *i, enum err why)
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
    inner_conn_fail(i, stats->why);
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
        inner_conn_fail(i, why);
    else if (!conn_native(i->conn))
        attach(i);
}

void inner_conns_open(struct inner_end *e)
{
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

void inner_conn_incoming(struct inner_end *e, struct conn *c)
{
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

void inner_end_refuse(struct inner_end *e, uint64_t connection, enum err why)
{
    struct inner_conn *i = find_conn(e, connection);
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
        inner_conn_fail(i, ERR_NO_MEMORY);
    else if (e->o.role == SESSION_SOURCE)
        inner_conns_open(e);
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
            inner_conn_fail(i, c->why);
        return;
    }
}

/* ---- time ---- */

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
            inner_conn_fail(i, ERR_DEVICE_OFFLINE);
    }
}
