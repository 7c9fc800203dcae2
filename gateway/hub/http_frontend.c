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

#define MAX_VISITORS 1024
#define PATIENCE_MS 1000 /* with one who is silent, when others of its origin have no room */
#define TIMEOUT_MS 10000
#define IDLE_MS 60000   /* between calls on one connection */
#define OFFICE_MS 60000 /* after which the office's answer must have been lost: out of memory */
/* Bytes in the kernel beyond our back-pressure: share/doc/performance.md, "Little queued". */
#define UNSENT_MAX 16384
#define UNREAD_MAX 131072
#define API_TYPE "application/x-amz-json-1.1"

struct front {
    struct front_options o;
    struct identity *identity;
    struct map by_id;
    struct list visitors;
    struct lobby *lobby;
    struct deferred turns; /* gives the next one its turn */
    uint64_t last_id;
};

/* A connection that is not a tunnel's end, or not yet. */
struct visitor {
    struct list node;
    struct guest guest;
    struct front *front;
    uint64_t id;
    struct stream *tls;     /* below `stream`, or below that of http */
    struct stream *stream;  /* the buffered stream around tls; NULL once http has it */
    struct http_conn *http; /* NULL: in the TLS handshake */
    struct timer *timer;    /* of that, and while the office is asked */
    bool asked;             /* the office has to answer */
    char channel[36];       /* "channel-id" */
};

/* ---- life ---- */

static void visitor_free(struct visitor *v)
{
    struct front *f = v->front;
    map_remove(&f->by_id, &v->id, sizeof v->id);
    list_remove(&v->node);
    lobby_leave(f->lobby, &v->guest);
    stat_add(&f->o.stats->visitors, (uint64_t)-1);
    timer_free(v->timer);
    http_conn_free(v->http);
    if (v->stream != NULL)
        stream_close(v->stream);
    free(v);
}

static void post_refused(struct front *f, const char *client, int status, enum err why,
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
    mailbox_post(f->o.office, &m->message.mail);
}

void post_left(struct mailbox *office, size_t worker, const struct end_report *d)
{
    struct message_left *m = d->registration->return_message;
    d->registration->return_message = NULL;
    m->message.worker = worker;
    m->end_report = *d;
    mailbox_post(office, &m->message.mail);
}

static void lose(struct front *f, struct registration *registration, enum err why, const char *text)
{
    struct end_report d = {.registration = registration, .why = why};
    snprintf(d.text, sizeof d.text, "%s", text);
    post_left(f->o.office, f->o.worker, &d);
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

static void answer(struct visitor *v, int status, const char *text, bool close)
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

static void refuse(struct visitor *v, int status, const char *text)
{
    post_refused(v->front, http_conn_name(v->http), status, reason_of(status), text);
    answer(v, status, text, true);
}

static void answer_api(struct visitor *v, int status, const char *request_id, const char *error,
                       struct span body, bool close)
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

static void ask(struct visitor *v, struct message *m)
{
    v->asked = true;
    lobby_ours(&v->guest);
    timer_start(v->timer, OFFICE_MS);
    mailbox_post(v->front->o.office, &m->mail);
}

static bool knock_fill(struct message_knock *m, struct visitor *v, const struct request *r)
{
    const char *device = tls_peer_name(v->tls);
    m->visitor = v->id;
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

static void knock(struct visitor *v, const struct request *r)
{
    struct front *f = v->front;
    struct message_knock *m = MESSAGE(struct message_knock, MESSAGE_KNOCK, f->o.worker);
    if (m != NULL && knock_fill(m, v, r)) {
        ask(v, &m->message);
        return;
    }
    if (m != NULL)
        message_free(&m->message);
    refuse(v, 503, "The hub is out of memory: try again.");
}

static void call(struct visitor *v, const struct http_head *head, struct span body)
{
    struct front *f = v->front;
    struct message_call *m = message_call_new(f->o.worker, head, body);
    if (m == NULL) {
        refuse(v, 503, "The hub is out of memory: try again.");
        return;
    }
    m->visitor = v->id;
    snprintf(m->client, sizeof m->client, "%s", http_conn_name(v->http));
    ask(v, &m->message);
}

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct visitor *v = owner;
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
        knock(v, &r);
}

static void on_bad(void *owner, const struct http_head *head, int status, const char *text)
{
    struct visitor *v = owner;
    struct api_answer a;
    char body[600];
    bool api = head != NULL && api_wants(head);
    if (!api && status == 408) {
        /* Any answer but 5xx makes a tunnel's client give up, and the way was only slow. */
        post_refused(v->front, http_conn_name(v->http), 0, ERR_SILENT, text);
        visitor_free(v);
        return;
    }
    if (!api) {
        refuse(v, status, text);
        return;
    }
    post_refused(v->front, http_conn_name(v->http), status, reason_of(status), text);
    api_bad_request(status, text, &a, body, sizeof body);
    answer_api(v, a.status, a.request_id, a.error, a.body, true);
}

static void on_closed(void *owner, const char *why)
{
    (void)why; /* who left without asking is nobody's concern */
    visitor_free(owner);
}

static const struct http_conn_events http_events = {
    .head = on_head, .request = on_request, .bad = on_bad, .closed = on_closed};

/* ---- the TLS handshake ---- */

static void on_opened(void *owner)
{
    struct visitor *v = owner;
    struct front *f = v->front;
    struct http_conn_options options = {.request_ms = f->o.timeout_ms, .idle_ms = IDLE_MS};
    struct stream *s = v->stream;
    stat_add(&f->o.stats->handshakes, 1);
    if (tls_resumed(v->tls))
        stat_add(&f->o.stats->resumed, 1);
    lobby_theirs(&v->guest, loop_now(f->o.loop));
    timer_stop(v->timer);
    v->stream = NULL;
    v->http = http_conn_new(f->o.loop, s, &options, &http_events, v);
    if (v->http == NULL)
        visitor_free(v);
}

static void handshake_failed(struct visitor *v, enum err why, const char *text)
{
    stat_add(&v->front->o.stats->handshakes_failed, 1);
    post_refused(v->front, v->stream->name, 0, why, text);
    visitor_free(v);
}

static void on_failed(void *owner, enum err why)
{
    struct visitor *v = owner;
    const char *problem = tls_problem(v->tls);
    handshake_failed(v, why, problem != NULL && problem[0] != '\0' ? problem : err_text(why));
}

static void on_timeout(void *owner)
{
    struct visitor *v = owner;
    if (v->http == NULL)
        handshake_failed(v, ERR_SILENT, "the TLS handshake took too long");
    else
        visitor_free(v);
}

static const struct stream_events handshake_events = {.opened = on_opened, .failed = on_failed};

/* ---- turns ---- */

static void on_waits(void *turns, bool known)
{
    struct visitor *v = turns;
    lobby_waits(v->front->lobby, &v->guest, known);
    loop_defer(v->front->o.loop, &v->front->turns);
}

/* Deferred: one step, and then the loop's other sockets, however many wait. */
static void on_turn(void *owner)
{
    struct front *f = owner;
    struct guest *g = lobby_next(f->lobby);
    if (g == NULL)
        return;
    struct visitor *v = list_entry(g, struct visitor, guest);
    lobby_theirs(g, loop_now(f->o.loop));
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
static bool open_stream(struct visitor *v, struct stream *socket)
{
    struct front *f = v->front;
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
static struct visitor *visitor_new(struct front *f, struct ip origin)
{
    struct visitor *v = calloc(1, sizeof *v);
    if (v == NULL)
        return NULL;
    v->front = f;
    v->id = ++f->last_id;
    v->timer = timer_new(f->o.loop, on_timeout, v);
    list_init(&v->node);
    bool in = v->timer != NULL && lobby_enter(f->lobby, &v->guest, origin, loop_now(f->o.loop));
    if (!in || !map_put(&f->by_id, &v->id, sizeof v->id, v)) {
        if (in)
            lobby_leave(f->lobby, &v->guest);
        timer_free(v->timer);
        free(v);
        return NULL;
    }
    list_append(&f->visitors, &v->node);
    stat_add(&f->o.stats->visitors, 1);
    name_channel(v->channel);
    return v;
}

/* Room is where the most come from, so that nobody can shut the door by standing in it. */
static enum lobby_room drop_fullest(struct front *f, struct ip ip)
{
    struct guest *victim;
    bool exempt = f->o.exempt != NULL && ip_list_has(f->o.exempt, ip);
    enum lobby_room room =
        lobby_room(f->lobby, ip_origin(ip), exempt, loop_now(f->o.loop), &victim);
    if (victim != NULL) {
        struct visitor *v = list_entry(victim, struct visitor, guest);
        post_refused(f, v->http != NULL ? http_conn_name(v->http) : v->stream->name, 0, ERR_LIMIT,
                     "too many connections are shaking hands or asking");
        visitor_free(v);
    }
    return room;
}

/* The cheapest refusal: nothing was read, and no key was touched. */
static void turn_away(struct front *f, struct stream *socket, enum lobby_room room)
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

void front_accept(struct front *f, int fd)
{
    char name[80];
    struct ip ip = ip_of_peer(fd);
    struct stream *socket = stream_from_fd(f->o.loop, fd);
    if (socket == NULL) {
        post_refused(f, "?", 0, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    snprintf(name, sizeof name, "%s", socket->name);
    enum lobby_room room = drop_fullest(f, ip);
    struct visitor *v = room == LOBBY_ROOM ? visitor_new(f, ip_origin(ip)) : NULL;
    if (v == NULL) {
        turn_away(f, socket, room);
    } else if (!open_stream(v, socket)) {
        post_refused(f, name, 0, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        visitor_free(v);
    } else {
        timer_start(v->timer, f->o.timeout_ms);
    }
}

/* ---- what the office said ---- */

/* NULL: it has left. */
static struct visitor *answered(const struct front *f, const uint64_t *id)
{
    struct visitor *v = map_get(&f->by_id, id, sizeof *id);
    if (v != NULL) {
        v->asked = false;
        lobby_theirs(&v->guest, loop_now(f->o.loop));
        timer_stop(v->timer);
    }
    return v;
}

/* The stream goes on as a tunnel's end; the visitor is over. */
static void let_in(struct visitor *v, struct message_verdict *m)
{
    struct front *f = v->front;
    struct registration *registration = m->registration;
    struct stream *stream = http_conn_take(v->http);
    m->registration = NULL;
    v->http = NULL;
    visitor_free(v);
    struct message_client *out = MESSAGE(struct message_client, MESSAGE_HANDED, f->o.worker);
    if (out == NULL || !stream_leave(stream)) {
        free(out);
        stream_close(stream);
        lose(f, registration, ERR_NO_DESCRIPTORS, "it could not be handed over");
        return;
    }
    out->registration = registration;
    out->stream = stream;
    stat_add(&f->o.stats->moved, 1);
    mailbox_post(f->o.office, &out->message.mail);
}

void front_verdict(struct front *f, struct message_verdict *m)
{
    struct visitor *v = answered(f, &m->visitor);
    if (v != NULL && m->registration != NULL) {
        let_in(v, m);
    } else if (v != NULL) {
        answer(v, m->status, m->text, true);
    } else if (m->registration != NULL) {
        lose(f, m->registration, ERR_CLIENT_CLOSED, "it left before it was answered");
        m->registration = NULL;
    }
}

void front_answer(struct front *f, const struct message_answer *m)
{
    struct visitor *v = answered(f, &m->visitor);
    if (v != NULL)
        answer_api(v, m->status, m->request_id, m->error, (struct span){m->body, m->size}, false);
}

/* ---- the door ---- */

struct front *front_new(const struct front_options *o)
{
    struct front *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->o = *o;
    list_init(&f->visitors);
    deferred_init(&f->turns, on_turn, f);
    if (f->o.max_visitors == 0)
        f->o.max_visitors = MAX_VISITORS;
    if (f->o.timeout_ms == 0)
        f->o.timeout_ms = TIMEOUT_MS;
    f->lobby = lobby_new(&(struct lobby_options){
        .max = f->o.max_visitors, .per_origin = f->o.per_origin, .patience_ms = PATIENCE_MS});
    if (f->lobby != NULL)
        return f;
    free(f);
    return NULL;
}

void front_identity(struct front *f, struct identity *identity)
{
    identity_free(f->identity);
    f->identity = identity;
}

bool front_asks(const struct front *f)
{
    list_each(node, &f->visitors) if (list_entry(node, struct visitor, node)->asked) return true;
    return false;
}

void front_free(struct front *f)
{
    if (f == NULL)
        return;
    while (!list_empty(&f->visitors))
        visitor_free(list_entry(f->visitors.next, struct visitor, node));
    loop_cancel(&f->turns);
    lobby_free(f->lobby);
    map_free(&f->by_id);
    identity_free(f->identity);
    free(f);
}
