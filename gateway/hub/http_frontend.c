#include "gateway/hub/http_frontend.h"

#include "core/base/map.h"
#include "core/http/server.h"
#include "core/net/tcp.h"
#include "core/tls/tls.h"
#include "gateway/hub/api/api.h"
#include "gateway/hub/pending_queue.h"
#include "gateway/hub/relay/buffered_stream.h"
#include "gateway/hub/relay/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PENDING 1024
#define PATIENCE_MS 1000 /* with one who is silent, when others of its origin have no room */
#define TIMEOUT_MS 10000
#define IDLE_MS 60000 /* between calls on one connection */
/* after which the main thread's answer must have been lost: out of memory */
#define HUB_ANSWER_MS 60000
/* Bytes in the kernel beyond our back-pressure: share/doc/performance.md, "Little queued". */
#define UNSENT_MAX 16384
#define UNREAD_MAX 131072
#define API_TYPE "application/x-amz-json-1.1"

struct http_frontend {
    struct http_frontend_options o;
    struct identity *identity;
    struct map by_id;
    struct list pending;
    struct pending_queue *queue;
    struct deferred turns; /* gives the next one its turn */
    uint64_t last_id;
};

/* A connection that is not a tunnel's end, or not yet. */
struct pending_conn {
    struct list node;
    struct pending_slot slot;
    struct http_frontend *frontend;
    uint64_t id;
    struct stream *tls;     /* below `stream`, or below that of http */
    struct stream *stream;  /* the buffered stream around tls; NULL once http has it */
    struct http_conn *http; /* NULL: in the TLS handshake */
    struct timer *timer;    /* of that, and while the main thread is asked */
    bool asked;             /* the main thread has to answer */
    char channel[36];       /* "channel-id" */
};

/* ---- life ---- */

static void pending_conn_free(struct pending_conn *v)
{
    struct http_frontend *f = v->frontend;
    map_remove(&f->by_id, &v->id, sizeof v->id);
    list_remove(&v->node);
    pending_queue_leave(f->queue, &v->slot);
    stat_add(&f->o.stats->pending, (uint64_t)-1);
    timer_free(v->timer);
    http_conn_free(v->http);
    if (v->stream != NULL)
        stream_close(v->stream);
    free(v);
}

static void post_refused(struct http_frontend *f, const char *client, int status, enum err why,
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

static void lose(struct http_frontend *f, struct registration *registration, enum err why,
                 const char *text)
{
    struct end_report d = {.registration = registration, .why = why};
    snprintf(d.text, sizeof d.text, "%s", text);
    post_detached(f->o.hub, f->o.worker, &d);
}

/* ---- answers ---- */

static const char *more_headers(int status)
{
    switch (status) {
    case 405:
        return "Allow: GET\r\n";
    case 426:
        return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    case 503:
        return "Retry-After: 1\r\n";
    default:
        return "";
    }
}

static void answer(struct pending_conn *v, int status, const char *text, bool close)
{
    char headers[160], body[600];
    int n = snprintf(body, sizeof body, "%s\n", text);
    snprintf(headers, sizeof headers, "channel-id: %s\r\n%s", v->channel, more_headers(status));
    struct http_answer a = {.status = status,
                            .type = "text/plain; charset=utf-8",
                            .headers = headers,
                            .body = {body, (size_t)n < sizeof body ? (size_t)n : sizeof body - 1},
                            .close = close};
    http_conn_answer(v->http, &a);
}

/* What a refusal with that status counts as. */
static enum err reason_of(int status)
{
    static const struct {
        int status;
        enum err why;
    } rows[] = {
        {403, ERR_FORBIDDEN}, {405, ERR_UNSUPPORTED}, {408, ERR_SILENT},
        {413, ERR_TOO_LARGE}, {431, ERR_TOO_LARGE},   {503, ERR_NO_MEMORY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].status == status)
            return rows[i].why;
    return ERR_PROTOCOL;
}

static void refuse(struct pending_conn *v, int status, const char *text)
{
    post_refused(v->frontend, http_conn_name(v->http), status, reason_of(status), text);
    answer(v, status, text, true);
}

static void answer_api(struct pending_conn *v, int status, const char *request_id,
                       const char *error, struct span body, bool close)
{
    char headers[200];
    snprintf(headers, sizeof headers, "x-amzn-RequestId: %s\r\n%s%s%s", request_id,
             error != NULL ? "x-amzn-ErrorType: " : "", error != NULL ? error : "",
             error != NULL ? "\r\n" : "");
    struct http_answer a = {
        .status = status, .type = API_TYPE, .headers = headers, .body = body, .close = close};
    http_conn_answer(v->http, &a);
}

/* ---- requests ---- */

/* As they came, but for blanks around values. */
static size_t head_size(const struct http_head *h)
{
    size_t n = h->method.n + h->target.n + strlen("  HTTP/1.1\r\n\r\n");
    for (size_t i = 0; i < h->n_headers; i++)
        n += h->headers[i].name.n + h->headers[i].value.n + strlen(": \r\n");
    return n;
}

static bool on_head(void *owner, const struct http_head *head)
{
    if (api_wants(head) || head_size(head) <= REQUEST_MAX)
        return true;
    refuse(owner, 431, "The request has more than 4096 bytes.");
    return false;
}

static void ask(struct pending_conn *v, struct message *m)
{
    v->asked = true;
    pending_await_us(&v->slot);
    timer_start(v->timer, HUB_ANSWER_MS);
    mailbox_post(v->frontend->o.hub, &m->mail);
}

static bool fill_admit_request(struct message_admit_request *m, struct pending_conn *v,
                               const struct request *r)
{
    const char *device = tls_peer_name(v->tls);
    m->pending_id = v->id;
    m->side = r->side;
    m->version = r->version;
    m->protocol = r->protocol;
    snprintf(m->key, sizeof m->key, "%.*s", (int)r->key.n, r->key.p);
    snprintf(m->channel, sizeof m->channel, "%s", v->channel);
    snprintf(m->client, sizeof m->client, "%s", http_conn_name(v->http));
    snprintf(m->instance, sizeof m->instance, "%.*s", (int)r->instance.n, r->instance.p);
    m->token = span_dup(r->token);
    m->client_token = r->client_token.p != NULL ? span_dup(r->client_token) : NULL;
    m->device = device != NULL ? strdup(device) : NULL;
    return m->token != NULL && (m->client_token != NULL || r->client_token.p == NULL) &&
           (m->device != NULL || device == NULL);
}

static void ask_admission(struct pending_conn *v, const struct request *r)
{
    struct http_frontend *f = v->frontend;
    struct message_admit_request *m =
        MESSAGE(struct message_admit_request, MESSAGE_ADMIT_REQUEST, f->o.worker);
    if (m != NULL && fill_admit_request(m, v, r)) {
        ask(v, &m->message);
        return;
    }
    if (m != NULL)
        message_free(&m->message);
    refuse(v, 503, "The hub is out of memory: try again.");
}

static void call(struct pending_conn *v, const struct http_head *head, struct span body)
{
    struct http_frontend *f = v->frontend;
    struct message_api_request *m = message_api_request_new(f->o.worker, head, body);
    if (m == NULL) {
        refuse(v, 503, "The hub is out of memory: try again.");
        return;
    }
    m->pending_id = v->id;
    snprintf(m->client, sizeof m->client, "%s", http_conn_name(v->http));
    ask(v, &m->message);
}

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct pending_conn *v = owner;
    if (api_wants(head)) {
        call(v, head, body);
        return;
    }
    struct request r = request_check(head);
    if (r.kind == REQUEST_HEALTH)
        answer(v, r.status, r.text, false);
    else if (r.kind == REQUEST_REFUSED)
        refuse(v, r.status, r.text);
    else
        ask_admission(v, &r);
}

static void on_bad(void *owner, const struct http_head *head, int status, const char *text)
{
    struct pending_conn *v = owner;
    struct api_answer a;
    char body[600];
    bool api = head != NULL && api_wants(head);
    if (!api && status == 408) {
        /* Any answer but 5xx makes a tunnel's client give up, and the way was only slow. */
        post_refused(v->frontend, http_conn_name(v->http), 0, ERR_SILENT, text);
        pending_conn_free(v);
        return;
    }
    if (!api) {
        refuse(v, status, text);
        return;
    }
    post_refused(v->frontend, http_conn_name(v->http), status, reason_of(status), text);
    api_bad_request(status, text, &a, body, sizeof body);
    answer_api(v, a.status, a.request_id, a.error, a.body, true);
}

static void on_closed(void *owner, const char *why)
{
    (void)why; /* who left without asking is nobody's concern */
    pending_conn_free(owner);
}

static const struct http_conn_events http_events = {
    .head = on_head, .request = on_request, .bad = on_bad, .closed = on_closed};

/* ---- the TLS handshake ---- */

static void on_opened(void *owner)
{
    struct pending_conn *v = owner;
    struct http_frontend *f = v->frontend;
    struct http_conn_options options = {.request_ms = f->o.timeout_ms, .idle_ms = IDLE_MS};
    struct stream *s = v->stream;
    stat_add(&f->o.stats->handshakes, 1);
    if (tls_resumed(v->tls))
        stat_add(&f->o.stats->resumed, 1);
    pending_await_peer(&v->slot, loop_now(f->o.loop));
    timer_stop(v->timer);
    v->stream = NULL;
    v->http = http_conn_new(f->o.loop, s, &options, &http_events, v);
    if (v->http == NULL)
        pending_conn_free(v);
}

static void handshake_failed(struct pending_conn *v, enum err why, const char *text)
{
    stat_add(&v->frontend->o.stats->handshakes_failed, 1);
    post_refused(v->frontend, v->stream->name, 0, why, text);
    pending_conn_free(v);
}

static void on_failed(void *owner, enum err why)
{
    struct pending_conn *v = owner;
    const char *problem = tls_problem(v->tls);
    handshake_failed(v, why, problem != NULL && problem[0] != '\0' ? problem : err_text(why));
}

static void on_timeout(void *owner)
{
    struct pending_conn *v = owner;
    if (v->http == NULL)
        handshake_failed(v, ERR_SILENT, "the TLS handshake took too long");
    else
        pending_conn_free(v);
}

static const struct stream_events handshake_events = {.opened = on_opened, .failed = on_failed};

/* ---- turns ---- */

static void on_waits(void *turns, bool known)
{
    struct pending_conn *v = turns;
    pending_await_turn(v->frontend->queue, &v->slot, known);
    loop_defer(v->frontend->o.loop, &v->frontend->turns);
}

/* Deferred: one step, and then the loop's other sockets, however many wait. */
static void on_turn(void *owner)
{
    struct http_frontend *f = owner;
    struct pending_slot *g = pending_queue_next(f->queue);
    if (g == NULL)
        return;
    struct pending_conn *v = list_entry(g, struct pending_conn, slot);
    pending_await_peer(g, loop_now(f->o.loop));
    loop_defer(f->o.loop, &f->turns);
    tls_turn(v->tls);
}

/* ---- newcomers ---- */

static void name_channel(char out[36])
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

/* Wraps the socket in TLS and a buffered stream. False: no memory; the socket is closed. */
static bool open_stream(struct pending_conn *v, struct stream *socket)
{
    struct http_frontend *f = v->frontend;
    struct tls_server_options options = {.identity = f->identity,
                                         .cache = f->o.cache,
                                         .client_trust = f->o.device_trust,
                                         .waits = on_waits,
                                         .turns = v};
    stream_unsent_limit(socket, UNSENT_MAX);
    stream_unread_limit(socket, UNREAD_MAX);
    v->tls = tls_server(f->o.loop, socket, &options, &handshake_events, v);
    v->stream =
        v->tls != NULL ? buffered_stream_new(f->o.loop, v->tls, &handshake_events, v) : NULL;
    return v->stream != NULL;
}

/* Its name comes later. NULL: no memory. */
static struct pending_conn *pending_conn_new(struct http_frontend *f, struct ip origin)
{
    struct pending_conn *v = calloc(1, sizeof *v);
    if (v == NULL)
        return NULL;
    v->frontend = f;
    v->id = ++f->last_id;
    v->timer = timer_new(f->o.loop, on_timeout, v);
    list_init(&v->node);
    bool in =
        v->timer != NULL && pending_queue_enter(f->queue, &v->slot, origin, loop_now(f->o.loop));
    if (!in || !map_put(&f->by_id, &v->id, sizeof v->id, v)) {
        if (in)
            pending_queue_leave(f->queue, &v->slot);
        timer_free(v->timer);
        free(v);
        return NULL;
    }
    list_append(&f->pending, &v->node);
    stat_add(&f->o.stats->pending, 1);
    name_channel(v->channel);
    return v;
}

/* Space is made where the most come from, so that nobody can keep all others out. */
static enum pending_queue_admits drop_fullest(struct http_frontend *f, struct ip ip)
{
    struct pending_slot *victim;
    bool exempt = f->o.exempt != NULL && ip_list_has(f->o.exempt, ip);
    enum pending_queue_admits room =
        pending_queue_admits(f->queue, ip_origin(ip), exempt, loop_now(f->o.loop), &victim);
    if (victim != NULL) {
        struct pending_conn *v = list_entry(victim, struct pending_conn, slot);
        post_refused(f, v->http != NULL ? http_conn_name(v->http) : v->stream->name, 0, ERR_LIMIT,
                     "too many connections are shaking hands or asking");
        pending_conn_free(v);
    }
    return room;
}

/* The cheapest refusal: nothing was read, and no key was touched. */
static void refuse_unread(struct http_frontend *f, struct stream *socket,
                          enum pending_queue_admits room)
{
    static const char *const reasons[] = {
        [LOBBY_ORIGIN_FULL] = "too many connections of this address are asking",
        [LOBBY_FULL] = "too many connections are asking",
    };
    bool full = room != LOBBY_ROOM;
    post_refused(f, socket->name, 0, full ? ERR_LIMIT : ERR_NO_MEMORY,
                 full ? reasons[room] : err_text(ERR_NO_MEMORY));
    stat_add(&f->o.stats->turned_away, 1);
    stream_close(socket);
}

void http_frontend_accept(struct http_frontend *f, int fd)
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
    struct pending_conn *v = room == LOBBY_ROOM ? pending_conn_new(f, ip_origin(ip)) : NULL;
    if (v == NULL) {
        refuse_unread(f, socket, room);
    } else if (!open_stream(v, socket)) {
        post_refused(f, name, 0, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        pending_conn_free(v);
    } else {
        timer_start(v->timer, f->o.timeout_ms);
    }
}

/* ---- what the main thread said ---- */

/* NULL: it has left. */
static struct pending_conn *answered(const struct http_frontend *f, const uint64_t *id)
{
    struct pending_conn *v = map_get(&f->by_id, id, sizeof *id);
    if (v != NULL) {
        v->asked = false;
        pending_await_peer(&v->slot, loop_now(f->o.loop));
        timer_stop(v->timer);
    }
    return v;
}

/* The stream goes on as a tunnel's end; the pending connection is over. */
static void admit(struct pending_conn *v, struct message_admit_reply *m)
{
    struct http_frontend *f = v->frontend;
    struct registration *registration = m->registration;
    struct stream *stream = http_conn_take(v->http);
    m->registration = NULL;
    v->http = NULL;
    pending_conn_free(v);
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

void http_frontend_admit_reply(struct http_frontend *f, struct message_admit_reply *m)
{
    struct pending_conn *v = answered(f, &m->pending_id);
    if (v != NULL && m->registration != NULL) {
        admit(v, m);
    } else if (v != NULL) {
        answer(v, m->status, m->text, true);
    } else if (m->registration != NULL) {
        lose(f, m->registration, ERR_CLIENT_CLOSED, "it left before it was answered");
        m->registration = NULL;
    }
}

void http_frontend_api_reply(struct http_frontend *f, const struct message_api_reply *m)
{
    struct pending_conn *v = answered(f, &m->pending_id);
    if (v != NULL)
        answer_api(v, m->status, m->request_id, m->error, (struct span){m->body, m->size}, false);
}

/* ---- the frontend ---- */

struct http_frontend *http_frontend_new(const struct http_frontend_options *o)
{
    struct http_frontend *f = calloc(1, sizeof *f);
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

void http_frontend_identity(struct http_frontend *f, struct identity *identity)
{
    identity_free(f->identity);
    f->identity = identity;
}

bool http_frontend_busy(const struct http_frontend *f)
{
    list_each(node,
              &f->pending) if (list_entry(node, struct pending_conn, node)->asked) return true;
    return false;
}

void http_frontend_free(struct http_frontend *f)
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
