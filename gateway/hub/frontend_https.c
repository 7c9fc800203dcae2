/* HTTP at a frontend, in TLS or behind a web server that has ended it: requests for tunnels, calls
 * of the control API and of Azure's REST interface, and health. Who begins with MQTT gets that. */
#include "core/http/forwarded.h"
#include "core/http/server.h"
#include "gateway/hub/api/api.h"
#include "gateway/hub/azure/azure_request.h"
#include "gateway/hub/frontend_internal.h"
#include "gateway/hub/hub_protocol.h"
#include "gateway/hub/relay/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS 60000 /* ms between two calls on one connection */

/* ---- answers ---- */

/* The error that a refusal with that status counts as. */
static enum err reason_of(int status)
{
    static const struct {
        int status;
        enum err why;
    } rows[] = {
        {401, ERR_AUTH},      {403, ERR_FORBIDDEN}, {405, ERR_UNSUPPORTED}, {408, ERR_SILENT},
        {413, ERR_TOO_LARGE}, {431, ERR_TOO_LARGE}, {503, ERR_NO_MEMORY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].why;
    return ERR_PROTOCOL;
}

static void refuse(struct pending_conn *conn, int status, const char *text)
{
    pending_conn_refused(conn, status, reason_of(status), text);
    frontend_answer(conn, status, text, true);
}

static void answer_call(struct pending_conn *conn, int status, const char *type,
                        const char *headers, struct span body)
{
    struct http_response a = {.status = status,
                              .type = type,
                              .headers = headers,
                              .body = body,
                              .close = conn->via == VIA_FORWARD};
    http_conn_answer(conn->session, &a);
    pending_conn_rest(conn);
}

/* ---- requests ---- */

/* The bytes of request line and headers as they came, without blanks around values. */
static size_t head_size(const struct http_head *h)
{
    size_t n = h->method.n + h->target.n + strlen("  HTTP/1.1\r\n\r\n");
    for (size_t i = 0; i < h->n_headers; i++)
        n += h->headers[i].name.n + h->headers[i].value.n + strlen(": \r\n");
    return n;
}

bool frontend_is_call(const struct http_head *head)
{
    return azure_wants(head) || api_wants(head);
}

/* What a web server in front says of the client, in each request, since its connections are not one
 * client's. False: refused. */
static bool take_client(struct pending_conn *conn, const struct http_head *head)
{
    union address client;
    const char *why;
    if (conn->tls != NULL || conn->told)
        return true;
    switch (forwarded_client(head, &conn->frontend->o.fronts->addresses, &client, &why)) {
    case FORWARDED_NONE:
        return true;
    case FORWARDED_BAD:
        refuse(conn, 400, why);
        return false;
    case FORWARDED_CLIENT:
        if (pending_conn_is(conn, &client, &why))
            return true;
        stat_add(&conn->frontend->o.stats->turned_away, 1);
        refuse(conn, 503, "Too many connections of this address are asking: try again.");
    }
    return false;
}

static bool on_head(void *owner, const struct http_head *head)
{
    if (!take_client(owner, head))
        return false;
    if (frontend_is_call(head) || head_size(head) <= REQUEST_MAX)
        return true;
    refuse(owner, 431, "The request has more than 4096 bytes.");
    return false;
}

static bool fill_admit_request(struct message_admit_request *m, struct pending_conn *conn,
                               const struct request *r)
{
    const char *device = pending_conn_certified(conn);
    m->pending_id = conn->id;
    m->side = r->side;
    m->version = r->version;
    m->protocol = r->protocol;
    snprintf(m->key, sizeof m->key, "%.*s", (int)r->key.n, r->key.p);
    snprintf(m->channel, sizeof m->channel, "%s", conn->channel);
    snprintf(m->client, sizeof m->client, "%s", conn->client);
    snprintf(m->instance, sizeof m->instance, "%.*s", (int)r->instance.n, r->instance.p);
    m->follows = r->follows;
    m->forwarded = conn->via == VIA_FORWARD;
    m->token = span_dup(r->token);
    m->client_token = r->client_token.p != NULL ? span_dup(r->client_token) : NULL;
    m->device = device != NULL ? strdup(device) : NULL;
    return m->token != NULL && (m->client_token != NULL || r->client_token.p == NULL) &&
           (m->device != NULL || device == NULL);
}

static void ask_admission(struct pending_conn *conn, const struct request *r)
{
    struct frontend *f = conn->frontend;
    struct message_admit_request *m =
        MESSAGE(struct message_admit_request, MESSAGE_ADMIT_REQUEST, f->o.worker);
    if (m != NULL && fill_admit_request(m, conn, r)) {
        pending_conn_ask(conn, &m->message);
        return;
    }
    if (m != NULL)
        message_free(&m->message);
    refuse(conn, 503, "The hub is out of memory: try again.");
}

static void call(struct pending_conn *conn, const struct http_head *head, struct span body)
{
    struct frontend *f = conn->frontend;
    struct message_api_request *m = message_api_request_new(f->o.worker, head, body);
    if (m == NULL) {
        refuse(conn, 503, "The hub is out of memory: try again.");
        return;
    }
    m->pending_id = conn->id;
    snprintf(m->client, sizeof m->client, "%s", conn->client);
    conn->calls = conn->via != VIA_NODE && (azure_may_wait(head) || api_may_wait(head));
    m->forwarded = conn->via == VIA_FORWARD;
    m->from_node = conn->via == VIA_NODE;
    m->fronted = conn->fronted;
    pending_conn_ask(conn, &m->message);
    if (conn->calls)
        http_conn_watch(conn->session);
}

/* Only another node is believed that its client has proven to have that name. */
static void note_request(struct pending_conn *conn, const struct http_head *head, struct span body)
{
    struct span name = http_header(head, FORWARD_CERTIFIED);
    conn->head = head;
    conn->body = body;
    if (conn->via == VIA_FORWARD)
        snprintf(conn->certified, sizeof conn->certified, "%.*s", (int)name.n,
                 name.n > 0 ? name.p : "");
}

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct pending_conn *conn = owner;
    note_request(conn, head, body);
    if (conn->via == VIA_NODE) {
        call(conn, head, body);
        return;
    }
    if (frontend_is_call(head)) {
        call(conn, head, body);
        return;
    }
    struct request r = request_check(head);
    if (r.kind == REQUEST_DEVICE) {
        frontend_greet_device(conn, &r);
        return;
    }
    if (r.kind == REQUEST_MQTT) {
        frontend_greet_mqtt(conn, &r);
        return;
    }
    if (r.kind == REQUEST_BRIDGE) {
        frontend_ask_bridge(conn, &r);
        return;
    }
    if (r.kind == REQUEST_HEALTH)
        frontend_answer(conn, r.status, r.text, false);
    else if (r.kind == REQUEST_REFUSED)
        refuse(conn, r.status, r.text);
    else
        ask_admission(conn, &r);
}

static void take_answer(void *ctx, const struct http_response *a)
{
    struct pending_conn *conn = ctx;
    http_conn_answer(conn->session, a);
    pending_conn_rest(conn);
}

static void on_bad(void *owner, const struct http_head *head, int status, const char *text)
{
    struct pending_conn *conn = owner;
    bool call = head != NULL && frontend_is_call(head);
    if (!call && status == 408) {
        /* Any answer other than 5xx makes a tunnel's client give up, although the network was only
         * slow. */
        pending_conn_refused(conn, 0, ERR_SILENT, text);
        pending_conn_free(conn);
        return;
    }
    if (!call) {
        refuse(conn, status, text);
        return;
    }
    pending_conn_refused(conn, status, reason_of(status), text);
    frontend_call_error(head, status, text, take_answer, conn);
}

static void on_closed(void *owner, const char *why)
{
    (void)why; /* a client that leaves without a request is not reported */
    pending_conn_free(owner);
}

static const struct http_conn_events http_events = {
    .head = on_head, .request = on_request, .bad = on_bad, .closed = on_closed};

/* ---- replies of the main thread ---- */

static void lose(struct frontend *f, struct registration *registration, enum err why,
                 const char *text)
{
    struct end_report d = {.registration = registration, .why = why};
    snprintf(d.text, sizeof d.text, "%s", text);
    post_detached(f->o.hub, f->o.worker, &d);
}

/* The stream goes on as a tunnel's end; the pending connection is over. */
static void admit(struct pending_conn *conn, struct message_admit_reply *m)
{
    struct frontend *f = conn->frontend;
    struct registration *registration = m->registration;
    struct stream *stream = http_conn_take(conn->session);
    m->registration = NULL;
    conn->session = NULL;
    pending_conn_free(conn);
    struct message_migrate *out = MESSAGE(struct message_migrate, MESSAGE_MIGRATE_OUT, f->o.worker);
    if (out == NULL || !stream_leave(stream)) {
        free(out);
        stream_close(stream);
        lose(f, registration, ERR_NO_DESCRIPTORS, "it could not be handed over");
        return;
    }
    out->registration = registration;
    out->stream = stream;
    stat_add(&f->o.stats->moved, 1);
    mailbox_post(f->o.hub, &out->message.mail);
}

void frontend_admit_reply(struct frontend *f, struct message_admit_reply *m)
{
    struct pending_conn *conn = pending_conn_answered(f, m->pending_id);
    if (conn != NULL && m->registration != NULL) {
        admit(conn, m);
    } else if (conn != NULL) {
        frontend_answer(conn, m->status, m->text, true);
    } else if (m->registration != NULL) {
        lose(f, m->registration, ERR_CLIENT_CLOSED, "it left before it was answered");
        m->registration = NULL;
    }
}

void frontend_api_reply(struct frontend *f, const struct message_api_reply *m)
{
    struct pending_conn *conn = pending_conn_answered(f, m->pending_id);
    if (conn != NULL)
        answer_call(conn, m->status, m->type, m->headers, (struct span){m->body, m->size});
}

/* ---- the protocol ---- */

static void end(void *session)
{
    http_conn_free(session);
}

static const struct hub_protocol http_protocol = {.end = end};

void *frontend_start_http(struct pending_conn *conn, struct stream *s)
{
    const struct frontend_options *o = &conn->frontend->o;
    struct http_conn_options options = {.request_ms = o->timeout_ms, .idle_ms = IDLE_MS};
    conn->protocol = &http_protocol;
    return http_conn_new(o->loop, s, &options, &http_events, conn);
}

/* ---- the first byte, which tells HTTP from MQTT ---- */

struct first_byte {
    struct pending_conn *conn;
    struct stream *stream;
};

static void on_first_failed(void *owner, enum err why)
{
    const struct first_byte *x = owner;
    (void)why;
    pending_conn_free(x->conn);
}

static void on_first_readable(void *owner)
{
    struct first_byte *x = owner;
    struct pending_conn *conn = x->conn;
    struct stream *s = x->stream;
    uint8_t *p;
    long n = stream_peek(s, 1, &p);
    if (n == 0)
        return;
    if (n < 0) {
        pending_conn_free(conn); /* a client that leaves without a request is not reported */
        return;
    }
    const char *strange = conn->tls == NULL ? frontend_strange_header(conn) : NULL;
    if (strange != NULL) {
        pending_conn_refused(conn, 0, ERR_PROTOCOL, strange);
        pending_conn_free(conn);
        return;
    }
    bool mqtt = p[0] == MQTT_CONNECT << 4;
    free(x);
    stream_read_on(s, false);
    timer_stop(conn->timer);
    if (mqtt)
        conn->protocol = &mqtt_protocol;
    conn->session = mqtt ? mqtt_protocol.start(conn, s) : frontend_start_http(conn, s);
    if (conn->session == NULL)
        pending_conn_free(conn);
}

static void on_first_writable(void *owner)
{
    (void)owner;
}

static const struct stream_events first_events = {
    .readable = on_first_readable, .writable = on_first_writable, .failed = on_first_failed};

static void *start(struct pending_conn *conn, struct stream *s)
{
    struct first_byte *x = calloc(1, sizeof *x);
    if (x == NULL) {
        stream_close(s);
        return NULL;
    }
    *x = (struct first_byte){conn, s};
    stream_set_owner(s, &first_events, x);
    stream_read_on(s, true);
    timer_start(conn->timer, conn->frontend->o.timeout_ms);
    return x;
}

static void end_first(void *session)
{
    struct first_byte *x = session;
    stream_close(x->stream);
    free(x);
}

const struct hub_protocol https_protocol = {.start = start, .end = end_first};
const struct hub_protocol plain_protocol = {.plain = true, .start = start, .end = end_first};
