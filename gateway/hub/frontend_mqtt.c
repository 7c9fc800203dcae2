/* MQTT at a frontend: CONNECT is read, the main thread is asked, and who is let in goes to a
 * worker, which answers with CONNACK; whoever is refused is told so here. */
#include "core/base/list.h"
#include "core/http/server.h"
#include "core/mqtt/mqtt_packet.h"
#include "core/ws/ws_server.h"
#include "core/ws/ws_stream.h"
#include "gateway/hub/frontend_internal.h"
#include "gateway/hub/hub_protocol.h"
#include "gateway/hub/mqtt/mqtt_login.h"
#include "gateway/hub/relay/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who is refused may read the answer for so long. */
#define LINGER_MS 2000

struct mqtt_greeting {
    struct pending_conn *conn;
    struct stream *stream;
    struct mqtt_reader reader;
    struct timer *timer;          /* runs while it lingers or has to wait */
    struct device_ticket *ticket; /* it is let in, when it has waited */
    bool refused;                 /* the answer is on its way; what comes is dropped */
    uint8_t answer[4];
};

/* ---- letting in ---- */

/* The link goes on at a worker; the pending connection is over. */
static void admit(struct mqtt_greeting *g)
{
    struct pending_conn *conn = g->conn;
    struct frontend *f = conn->frontend;
    struct stream *s = g->stream;
    struct device_ticket *ticket = g->ticket;
    g->stream = NULL;
    g->ticket = NULL;
    pending_conn_free(conn);
    frontend_hand_device(f, ticket, s);
}

/* ---- refusing ---- */

static void on_timer(void *owner)
{
    struct mqtt_greeting *g = owner;
    if (g->ticket != NULL)
        admit(g);
    else
        pending_conn_free(g->conn);
}

/* Answers, and waits a moment for the client's end so that it can read that. */
static void answer_refused(struct mqtt_greeting *g, enum mqtt_code code)
{
    struct buf out = {.limit = sizeof g->answer};
    g->refused = true;
    timer_stop(g->conn->timer);
    timer_start(g->timer, LINGER_MS);
    if (mqtt_put_connack(&out, false, code) && stream_ready(g->stream)) {
        memcpy(g->answer, out.data, sizeof g->answer);
        stream_write(g->stream, g->answer, sizeof g->answer);
    }
    buf_free(&out);
    stream_shutdown(g->stream);
    stream_read_on(g->stream, true);
}

/* Refuses for what is seen here; the main thread is told. */
static void refuse(struct mqtt_greeting *g, enum mqtt_code code, enum err why, const char *text)
{
    pending_conn_refused(g->conn, (int)code, why, text);
    answer_refused(g, code);
}

/* ---- CONNECT ---- */

static char *copy(struct span s)
{
    return s.p != NULL ? span_dup(s) : NULL;
}

static void ask(struct mqtt_greeting *g, const struct mqtt_login *l, const struct mqtt_connect *c)
{
    struct pending_conn *conn = g->conn;
    struct message_mqtt_hello *m =
        MESSAGE(struct message_mqtt_hello, MESSAGE_MQTT_HELLO, conn->frontend->o.worker);
    if (m != NULL) {
        m->pending_id = conn->id;
        m->certified = l->proof == MQTT_PROOF_CERTIFICATE;
        m->clean = c->clean;
        m->old = c->level == 3;
        m->keepalive_s = c->keepalive_s;
        snprintf(m->client, sizeof m->client, "%s", conn->client);
        m->device = span_dup(l->device);
        m->host = span_dup(l->host);
        m->client_id = span_dup(c->client_id);
        m->password = copy(c->password);
        m->n_password = c->password.n;
    }
    if (m == NULL || m->device == NULL || m->host == NULL || m->client_id == NULL ||
        (m->password == NULL && c->password.p != NULL)) {
        if (m != NULL)
            message_free(&m->message);
        refuse(g, MQTT_UNAVAILABLE, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    pending_conn_ask(conn, &m->message);
}

static void connect_came(struct mqtt_greeting *g, const struct mqtt_connect *c)
{
    struct mqtt_login l = mqtt_login_of(c, pending_conn_certified(g->conn));
    timer_stop(g->conn->timer);
    if (l.proof == MQTT_PROOF_NONE)
        refuse(g, l.code, l.code == MQTT_LEVEL_REFUSED ? ERR_UNSUPPORTED : ERR_FORBIDDEN, l.why);
    else
        ask(g, &l, c);
    mqtt_reader_free(&g->reader);
}

/* ---- the stream ---- */

static void drop_bad(struct mqtt_greeting *g)
{
    char text[128];
    snprintf(text, sizeof text, "MQTT: it sent %s",
             g->reader.bad != NULL ? g->reader.bad : "another packet before CONNECT");
    pending_conn_refused(g->conn, 0, g->reader.bad != NULL ? g->reader.why : ERR_PROTOCOL, text);
    pending_conn_free(g->conn);
}

/* What follows CONNECT stays where it is, for the worker. */
static void on_readable(void *owner)
{
    struct mqtt_greeting *g = owner;
    struct mqtt_packet packet;
    uint8_t *p;
    size_t used;
    long n = stream_peek(g->stream, 1, &p);
    if (n < 0) {
        pending_conn_free(g->conn); /* a client that leaves unasked is not reported */
        return;
    }
    if (n == 0 || g->refused) {
        stream_consume(g->stream, (size_t)n);
        return;
    }
    enum mqtt_read what = mqtt_read(&g->reader, p, (size_t)n, &used, &packet);
    stream_consume(g->stream, used);
    if (what == MQTT_MORE)
        return;
    stream_read_on(g->stream, false);
    if (what == MQTT_PACKET && packet.type == MQTT_CONNECT)
        connect_came(g, &packet.connect);
    else
        drop_bad(g);
}

static void on_writable(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum err why)
{
    const struct mqtt_greeting *g = owner;
    (void)why;
    pending_conn_free(g->conn);
}

static const struct stream_events stream_callbacks = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

/* ---- the main thread's decision ---- */

static void on_answer(void *session, struct message_device_reply *m)
{
    struct mqtt_greeting *g = session;
    if (m->ticket == NULL) {
        answer_refused(g, m->code);
        return;
    }
    g->ticket = m->ticket;
    m->ticket = NULL;
    if (m->delay_ms > 0)
        timer_start(g->timer, m->delay_ms);
    else
        admit(g);
}

/* ---- the protocol ---- */

static void end(void *session)
{
    struct mqtt_greeting *g = session;
    if (g->ticket != NULL)
        frontend_lose_device(g->conn->frontend, g->ticket, ERR_CLIENT_CLOSED,
                             "it left before it was answered");
    if (g->stream != NULL)
        stream_close(g->stream);
    mqtt_reader_free(&g->reader);
    timer_free(g->timer);
    free(g);
}

static void *start(struct pending_conn *conn, struct stream *s)
{
    struct mqtt_greeting *g = calloc(1, sizeof *g);
    if (g != NULL)
        g->timer = timer_new(conn->frontend->o.loop, on_timer, g);
    if (g == NULL || g->timer == NULL) {
        free(g);
        stream_close(s);
        return NULL;
    }
    g->conn = conn;
    g->stream = s;
    stream_set_owner(s, &stream_callbacks, g);
    stream_read_on(s, true);
    timer_start(conn->timer, conn->frontend->o.timeout_ms);
    return g;
}

/* ---- in a WebSocket ---- */

static bool answer_upgrade(const struct pending_conn *conn, struct stream *s,
                           const struct request *r)
{
    char extra[64];
    snprintf(extra, sizeof extra, "channel-id: %s\r\n", conn->channel);
    return ws_answer(s,
                     &(struct ws_response){.key = r->key, .protocol = r->protocol, .extra = extra});
}

void frontend_greet_mqtt(struct pending_conn *conn, const struct request *r)
{
    char key[32];
    struct request kept = *r; /* its views die with the HTTP session */
    snprintf(key, sizeof key, "%.*s", (int)r->key.n, r->key.p);
    kept.key = span_of(key);
    struct stream *s = http_conn_take(conn->session);
    conn->session = NULL;
    conn->protocol = &mqtt_protocol;
    if (answer_upgrade(conn, s, &kept)) {
        s = ws_stream_new(conn->frontend->o.loop, s, false, &stream_callbacks, NULL);
    } else {
        stream_close(s);
        s = NULL;
    }
    if (s != NULL)
        conn->session = start(conn, s);
    if (conn->session == NULL)
        pending_conn_free(conn);
}

const struct hub_protocol mqtt_protocol = {.start = start, .end = end, .answer = on_answer};
