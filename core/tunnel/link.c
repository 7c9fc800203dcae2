#include "core/tunnel/link.h"

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/http/http.h"
#include "core/net/tcp.h"
#include "core/ws/handshake.h"
#include "core/ws/ws.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBPROTOCOL "aws.iot.securetunneling-3.0"
#define CONNECT_MS 30000      /* for everything from the dial to the 101 */
#define HEAD_LIMIT 16384      /* of the proxy's and the hub's answer */
#define BODY_LIMIT 1024       /* of a refusal, for its reader */
#define UNSENT_LIMIT 16384    /* share/doc/performance.md, "Little queued" */
#define UNREAD_LIMIT 131072   /* as above */
#define STEADY_MS 5000        /* up for so long: the next loss starts the back-off anew */
#define PING_SILENCES 3       /* ping periods without a byte: the link is dead */

enum step { WAITING, DIALLING, PROXY_TLS, PROXY_ANSWER, HUB_TLS, HUB_ANSWER, REFUSAL, UP, FINISHED };

struct link {
    struct loop *loop;
    struct session *session;
    const struct link_events *events;
    void *owner;
    char *host, *access_token, *client_token, *subprotocol, *bind, *agent;
    int port;
    enum session_role role;
    const struct trust *trust;
    struct upstream proxy;
    bool proxied;
    uint64_t ping_ms, retry_first_ms, retry_max_ms;

    enum step step;
    struct dial *dial;
    struct stream *stream; /* between the dial and the WebSocket */
    struct tls_session tls_session;
    struct http_reader *reader;
    char key[BASE64_SIZE(16)];
    struct buf request, body;
    int status; /* of a refusal */
    struct ws *ws;
    struct timer *timer; /* the step's limit, the pause before a retry, or the next ping */
    unsigned tries;
    uint64_t since;
    uint64_t pinged_at_us, round_trip_us;
};

static void connect_to_hub(struct link *l);

/* ---- ends ---- */

static void drop_transport(struct link *l)
{
    if (l->dial != NULL)
        dial_cancel(l->dial);
    if (l->stream != NULL)
        stream_close(l->stream);
    ws_free(l->ws);
    http_reader_free(l->reader);
    buf_wipe(&l->request);
    buf_free(&l->body);
    l->dial = NULL;
    l->stream = NULL;
    l->ws = NULL;
    l->reader = NULL;
    timer_stop(l->timer);
}

static void finished(struct link *l, enum err why, const char *text)
{
    bool was_up = l->step == UP;
    l->step = FINISHED;
    drop_transport(l);
    if (was_up)
        session_detach(l->session, why == ERR_TUNNEL_CLOSED ? why : ERR_LINK_LOST);
    l->events->finished(l->owner, why, text);
}

/* Exponential, up to the limit, and somewhere between half and all of it, so that a hub's restart
 * does not bring all its clients back in one moment. */
static uint64_t pause_ms(struct link *l)
{
    uint64_t pause = l->retry_first_ms;
    uint32_t dice;
    for (unsigned i = 0; i < l->tries && pause < l->retry_max_ms; i++)
        pause *= 2;
    if (pause > l->retry_max_ms)
        pause = l->retry_max_ms;
    random_bytes(&dice, sizeof dice);
    return pause / 2 + dice % (pause / 2 + 1);
}

static void lost(struct link *l, enum err why, const char *text)
{
    bool was_up = l->step == UP;
    uint64_t now = loop_now(l->loop);
    if (was_up && now - l->since >= STEADY_MS)
        l->tries = 0;
    drop_transport(l);
    l->step = WAITING;
    l->since = now;
    l->round_trip_us = 0;
    timer_start(l->timer, pause_ms(l));
    l->tries++;
    if (was_up)
        session_detach(l->session, ERR_LINK_LOST);
    l->events->down(l->owner, why, text);
}

/* Errors that no later try can mend by itself: of the hub's refusal, and of what
 * session_events.services found wrong in the configuration. */
static bool is_final(enum err why)
{
    return why == ERR_REJECTED || why == ERR_TUNNEL_CLOSED || why == ERR_USAGE ||
           why == ERR_NO_SERVICE || why == ERR_ADDRESS_IN_USE || why == ERR_PERMISSION;
}

void link_drop(struct link *l, enum err why, const char *text)
{
    char copy[200];
    snprintf(copy, sizeof copy, "%s", text);
    if (is_final(why))
        finished(l, why, copy);
    else
        lost(l, why, copy);
}

/* ---- up ---- */

static bool transport_ready(void *ctx)
{
    const struct link *l = ctx;
    return l->ws != NULL && ws_ready(l->ws);
}

static bool transport_send(void *ctx, uint8_t *p, size_t n)
{
    struct link *l = ctx;
    return ws_send(l->ws, p, n);
}

static void transport_resume(void *ctx)
{
    struct link *l = ctx;
    if (l->ws != NULL)
        ws_resume(l->ws);
}

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct link *l = owner;
    return session_input(l->session, p, n);
}

static void on_ws_writable(void *owner)
{
    struct link *l = owner;
    session_writable(l->session);
}

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

/* The payload is a decimal number, as the reference program demands of pongs that it sees. */
static void ping(struct link *l)
{
    char text[24];
    l->pinged_at_us = now_us();
    snprintf(text, sizeof text, "%" PRIu64, l->pinged_at_us);
    ws_ping(l->ws, text, strlen(text));
    timer_start(l->timer, l->ping_ms);
}

static void on_pong(void *owner, const uint8_t *p, size_t n)
{
    struct link *l = owner;
    uint64_t sent;
    if (str_number((struct span){(const char *)p, n}, UINT64_MAX, &sent) && sent == l->pinged_at_us)
        l->round_trip_us = now_us() - sent;
}

/* A Close frame tells us to stop, except for the codes by which a hub says that it goes away. */
static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct link *l = owner;
    char line[240];
    if (code == 0) {
        snprintf(line, sizeof line, "%s", why == ERR_EOF ? "the hub ended the connection" : text);
        lost(l, why, line);
    } else if (code == 1001 || (code >= 1011 && code <= 1014)) {
        snprintf(line, sizeof line, "the hub closed: %d %.160s", code, text);
        lost(l, ERR_LINK_LOST, line);
    } else {
        bool orderly = code == 1000 || code == 1005;
        snprintf(line, sizeof line, "the hub closed the tunnel%s%.160s", text[0] != '\0' ? ": " : "",
                 text);
        finished(l, orderly ? ERR_TUNNEL_CLOSED : ERR_REJECTED, line);
    }
}

static const struct ws_events ws_events = {
    .data = on_data,
    .writable = on_ws_writable,
    .pong = on_pong,
    .closed = on_closed,
};

static void go_up(struct link *l)
{
    struct stream *s = l->stream;
    l->stream = NULL;
    http_reader_free(l->reader);
    l->reader = NULL;
    l->ws = ws_new(l->loop, s, true, NULL, 0, &ws_events, l);
    if (l->ws == NULL) {
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    l->step = UP;
    l->since = loop_now(l->loop);
    session_attach(l->session, &(struct transport){
                                   .ready = transport_ready,
                                   .send = transport_send,
                                   .resume = transport_resume,
                                   .ctx = l,
                               });
    ping(l);
    l->events->up(l->owner);
}

/* ---- on the way up ---- */

static void upgrade(struct link *l)
{
    char host[300], extra[8192];
    uint8_t nonce[16];
    bool v6 = strchr(l->host, ':') != NULL;
    random_bytes(nonce, sizeof nonce);
    base64_encode(nonce, sizeof nonce, l->key, false);
    snprintf(host, sizeof host, v6 ? "[%s]" : "%s", l->host);
    if (l->port != 443)
        snprintf(host + strlen(host), sizeof host - strlen(host), ":%d", l->port);
    snprintf(extra, sizeof extra, "access-token: %s\r\n%s%s%sUser-Agent: %s\r\n", l->access_token,
             l->client_token != NULL ? "client-token: " : "",
             l->client_token != NULL ? l->client_token : "", l->client_token != NULL ? "\r\n" : "",
             l->agent);
    bool fits = ws_request_write(
        &(struct ws_request){
            .host = host,
            .target = l->role == SESSION_SOURCE ? "/tunnel?local-proxy-mode=source"
                                                : "/tunnel?local-proxy-mode=destination",
            .protocols = l->subprotocol,
            .key = l->key,
            .extra = extra,
        },
        &l->request);
    explicit_bzero(extra, sizeof extra);
    l->reader = http_reader_new(false, HEAD_LIMIT);
    if (!fits || l->reader == NULL) {
        lost(l, ERR_NO_MEMORY, "no memory for the request to the hub");
        return;
    }
    l->step = HUB_ANSWER;
    stream_read_on(l->stream, true);
    stream_write(l->stream, l->request.data, l->request.size);
}

static void on_opened(void *owner);
static void on_readable(void *owner);
static void on_failed(void *owner, enum err why);

static void on_writable(void *owner)
{
    (void)owner; /* requests are sent whole; the answer is what counts */
}

static const struct stream_events stream_events = {
    .opened = on_opened,
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

static void start_tls(struct link *l, const char *host, struct tls_session *session)
{
    struct tls_client_options o = {.trust = l->trust, .host = host, .session = session};
    struct stream *lower = l->stream;
    l->stream = tls_client(l->loop, lower, &o, &stream_events, l);
    if (l->stream == NULL)
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void start_hub_tls(struct link *l)
{
    l->step = HUB_TLS;
    start_tls(l, l->host, &l->tls_session);
}

static void ask_proxy(struct link *l)
{
    l->reader = http_reader_new(false, HEAD_LIMIT);
    if (l->reader == NULL || !upstream_request(&l->proxy, l->host, l->port, &l->request)) {
        lost(l, ERR_NO_MEMORY, "no memory for the request to the proxy");
        return;
    }
    l->step = PROXY_ANSWER;
    stream_read_on(l->stream, true);
    stream_write(l->stream, l->request.data, l->request.size);
}

static void on_opened(void *owner)
{
    struct link *l = owner;
    if (l->step == PROXY_TLS)
        ask_proxy(l);
    else
        upgrade(l);
}

static void on_failed(void *owner, enum err why)
{
    struct link *l = owner;
    char text[300];
    bool tls = l->step == PROXY_TLS || l->step == HUB_TLS;
    const char *detail = tls ? tls_problem(l->stream) : err_text(why);
    snprintf(text, sizeof text, "%s %s:%d: %.200s", l->step < HUB_TLS && l->proxied ? "proxy" : "hub",
             l->step < HUB_TLS && l->proxied ? l->proxy.host : l->host,
             l->step < HUB_TLS && l->proxied ? l->proxy.port : l->port,
             detail[0] != '\0' ? detail : err_text(why));
    lost(l, why, text);
}

static void proxy_answered(struct link *l, const struct http_head *head)
{
    int status = head->status;
    char text[200], reason[100];
    str_escape(head->reason, reason, sizeof reason);
    http_reader_free(l->reader);
    l->reader = NULL;
    buf_wipe(&l->request);
    if (status >= 200 && status < 300) {
        stream_read_on(l->stream, false);
        start_hub_tls(l);
        return;
    }
    snprintf(text, sizeof text, "the proxy %s:%d refused the way to %s:%d: %d %s%s", l->proxy.host,
             l->proxy.port, l->host, l->port, status, reason,
             status == 407 ? " (give user:password in the proxy's URL)" : "");
    if (status == 407)
        finished(l, ERR_REJECTED, text);
    else
        lost(l, ERR_REJECTED, text);
}

/* Everything of the refusal's body that will come has come. */
static void refused(struct link *l)
{
    char body[400], text[600];
    struct span said = {(const char *)l->body.data, l->body.size};
    while (said.n > 0 && strchr("\r\n \t", said.p[said.n - 1]) != NULL)
        said.n--;
    snprintf(text, sizeof text, "the hub refused: HTTP %d%s%s", l->status, said.n > 0 ? ": " : "",
             str_escape(said, body, sizeof body));
    if (l->status >= 500)
        lost(l, ERR_REJECTED, text);
    else
        finished(l, ERR_REJECTED, text);
}

static void hub_answered(struct link *l, const struct http_head *head)
{
    const char *text = "";
    enum err why = ws_response_check(head, l->key, &text);
    buf_wipe(&l->request);
    if (why == ERR_OK) {
        l->tries = l->tries > 0 ? l->tries : 1;
        go_up(l);
    } else if (why == ERR_REJECTED) {
        l->status = head->status;
        l->body.limit = head->content_length >= 0 && head->content_length < BODY_LIMIT
                            ? (size_t)head->content_length
                            : BODY_LIMIT;
        l->step = REFUSAL;
        if (l->body.limit == 0)
            refused(l);
        else
            timer_start(l->timer, 1000); /* a body that does not come is not worth more */
    } else {
        lost(l, why, text);
    }
}

/* Takes a piece of an answer; false when the stream changed hands or is gone. */
static bool take_answer(struct link *l, uint8_t *p, size_t n)
{
    if (l->step == REFUSAL) {
        size_t room = l->body.limit - l->body.size, take = n < room ? n : room;
        buf_append(&l->body, p, take);
        stream_consume(l->stream, n);
        if (take < room)
            return true;
        refused(l);
        return false;
    }
    long used = http_reader_feed(l->reader, p, n);
    if (used < 0) {
        lost(l, ERR_PROTOCOL, l->step == PROXY_ANSWER ? "the proxy's answer is not HTTP"
                                                      : "the hub's answer is not HTTP");
        return false;
    }
    stream_consume(l->stream, (size_t)used);
    const struct http_head *head = http_reader_head(l->reader);
    if (head == NULL)
        return true;
    if (l->step == PROXY_ANSWER)
        proxy_answered(l, head);
    else
        hub_answered(l, head);
    return l->step == REFUSAL;
}

static void on_readable(void *owner)
{
    struct link *l = owner;
    uint8_t *p;
    long n;
    while ((n = stream_peek(l->stream, 1, &p)) > 0)
        if (!take_answer(l, p, (size_t)n))
            return;
    if (n == 0)
        return;
    if (l->step == REFUSAL)
        refused(l);
    else
        lost(l, (enum err) - n,
             l->step == PROXY_ANSWER ? "the proxy hung up without an answer"
                                     : "the hub hung up without an answer");
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct link *l = owner;
    l->dial = NULL;
    if (s == NULL) {
        char text[300];
        snprintf(text, sizeof text, "%s %s:%d: %s", l->proxied ? "proxy" : "hub",
                 l->proxied ? l->proxy.host : l->host, l->proxied ? l->proxy.port : l->port,
                 err_text(why));
        lost(l, why, text);
        return;
    }
    stream_unsent_limit(s, UNSENT_LIMIT);
    stream_unread_limit(s, UNREAD_LIMIT);
    stream_own(s, &stream_events, l);
    l->stream = s;
    if (!l->proxied) {
        start_hub_tls(l);
    } else if (l->proxy.tls) {
        l->step = PROXY_TLS;
        start_tls(l, l->proxy.host, NULL);
    } else {
        ask_proxy(l);
    }
}

static void connect_to_hub(struct link *l)
{
    struct dial_options o = {
        .host = l->proxied ? l->proxy.host : l->host,
        .port = l->proxied ? l->proxy.port : l->port,
        .bind = l->bind,
    };
    l->step = DIALLING;
    l->request.limit = HEAD_LIMIT;
    timer_start(l->timer, CONNECT_MS);
    l->dial = dial_start(l->loop, &o, on_dialled, l);
    if (l->dial == NULL)
        lost(l, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

/* A stalled session reads nothing, so silence means nothing then. */
static bool is_dead(const struct link *l)
{
    return loop_now(l->loop) - ws_received_at(l->ws) > PING_SILENCES * l->ping_ms &&
           !session_stalled(l->session);
}

static void on_timer(void *owner)
{
    struct link *l = owner;
    if (l->step == WAITING)
        connect_to_hub(l);
    else if (l->step == REFUSAL)
        refused(l);
    else if (l->step != UP)
        lost(l, ERR_TIMEOUT, "the connection to the hub was not made in time");
    else if (is_dead(l))
        lost(l, ERR_TIMEOUT, "nothing came from the hub any more");
    else
        ping(l);
}

/* ---- life ---- */

static char *copy_of(const char *text, bool *ok)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        *ok = false;
    return copy;
}

static void free_secret(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void free_link(struct link *l)
{
    drop_transport(l);
    timer_free(l->timer);
    if (l->proxied)
        upstream_free(&l->proxy);
    free_secret(l->access_token);
    free_secret(l->client_token);
    free(l->host);
    free(l->subprotocol);
    free(l->bind);
    free(l->agent);
    free(l);
}

struct link *link_new(struct loop *loop, struct session *session, const struct link_options *o,
                      const struct link_events *events, void *owner, enum err *why)
{
    struct link *l = calloc(1, sizeof *l);
    bool ok = true;
    *why = ERR_NO_MEMORY;
    if (l == NULL)
        return NULL;
    *l = (struct link){
        .loop = loop,
        .session = session,
        .events = events,
        .owner = owner,
        .host = copy_of(o->host, &ok),
        .port = o->port,
        .role = o->role,
        .access_token = copy_of(o->access_token, &ok),
        .client_token = copy_of(o->client_token, &ok),
        .subprotocol = copy_of(o->subprotocol != NULL ? o->subprotocol : SUBPROTOCOL, &ok),
        .bind = copy_of(o->bind, &ok),
        .agent = copy_of(o->agent != NULL ? o->agent : "tunnel/" TUNNEL_VERSION, &ok),
        .trust = o->trust,
        .ping_ms = o->ping_ms != 0 ? o->ping_ms : 20000,
        .retry_first_ms = o->retry_first_ms != 0 ? o->retry_first_ms : 500,
        .retry_max_ms = o->retry_max_ms != 0 ? o->retry_max_ms : 10000,
    };
    l->timer = timer_new(loop, on_timer, l);
    if (l->timer == NULL || !ok) {
        free_link(l);
        return NULL;
    }
    if (o->proxy != NULL) {
        *why = upstream_parse(o->proxy, &l->proxy);
        l->proxied = *why == ERR_OK;
        if (!l->proxied) {
            free_link(l);
            return NULL;
        }
    }
    *why = ERR_OK;
    l->since = loop_now(loop);
    l->step = WAITING;
    timer_start(l->timer, 0);
    return l;
}

void link_free(struct link *l)
{
    bool was_up = l->step == UP;
    if (was_up && ws_ready(l->ws))
        ws_close(l->ws, 1000, "");
    if (was_up)
        session_detach(l->session, ERR_SHUTDOWN);
    free_link(l);
}

bool link_is_up(const struct link *l)
{
    return l->step == UP;
}

uint64_t link_round_trip_us(const struct link *l)
{
    return l->round_trip_us;
}

uint64_t link_since(const struct link *l)
{
    return l->since;
}
