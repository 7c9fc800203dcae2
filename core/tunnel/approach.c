#include "core/tunnel/approach.h"

#include "core/base/log.h"
#include "core/base/str.h"
#include "core/http/http.h"
#include "core/net/tcp.h"
#include "core/tunnel/frame.h"
#include "core/ws/handshake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIFETIME_MAX_S 31536000 /* more is not believed */
#define LIMIT_MS 30000          /* for everything from the dial to the 101 */
#define BODY_MS 1000            /* a refusal's body that does not come is not worth more */
#define HEAD_LIMIT 16384        /* of the proxy's and the hub's answer */
#define BODY_LIMIT 1024         /* of a refusal, for its reader */
#define UNSENT_LIMIT 16384      /* share/doc/performance.md, "Little queued" */
#define UNREAD_LIMIT 131072     /* as above */
#define ANSWERED_EARLY "the answer came before the request was sent"

enum step { DIALLING, PROXY_TLS, PROXY_ANSWER, HUB_TLS, HUB_ANSWER, REFUSAL };

struct approach {
    struct loop *loop;
    struct approach_target target;
    const struct approach_events *events;
    void *owner;
    enum step step;
    struct dial *dial;
    struct stream *stream; /* from the dial on */
    struct http_reader *reader;
    char key[BASE64_SIZE(16)];
    struct buf request, body;
    int status; /* of a refusal */
    struct timer *timer;
};

/* ---- the end ---- */

void approach_cancel(struct approach *a)
{
    if (a == NULL)
        return;
    if (a->dial != NULL)
        dial_cancel(a->dial);
    if (a->stream != NULL)
        stream_close(a->stream);
    http_reader_free(a->reader);
    timer_free(a->timer);
    buf_wipe(&a->request);
    buf_free(&a->body);
    free(a);
}

static void end(struct approach *a, enum err why, const char *text, bool final)
{
    const struct approach_events *events = a->events;
    void *owner = a->owner;
    if (a->stream != NULL && a->target.memory != NULL)
        a->target.memory->failed = true; /* who only takes connections keeps nobody from the rest */
    approach_cancel(a);
    events->failed(owner, why, text, final);
}

/* A later try may do better. */
static void fail(struct approach *a, enum err why, const char *text)
{
    end(a, why, text, false);
}

static void arrive(struct approach *a, bool native, uint64_t left_s)
{
    const struct approach_events *events = a->events;
    void *owner = a->owner;
    struct stream *s = a->stream;
    a->stream = NULL;
    approach_cancel(a);
    events->arrived(owner, s, native, left_s);
}

/* The one that is being talked to, for error texts. */
static void name_of(const struct approach *a, char *out, size_t size)
{
    const struct upstream *proxy = a->step < HUB_TLS ? a->target.proxy : NULL;
    snprintf(out, size, "%s %.200s:%d", proxy != NULL ? "proxy" : "hub",
             proxy != NULL ? proxy->host : a->target.host,
             proxy != NULL ? proxy->port : a->target.port);
}

/* ---- requests ---- */

static void upgrade(struct approach *a)
{
    const struct approach_target *t = &a->target;
    char host[300], protocols[200], extra[8192];
    uint8_t nonce[16];
    bool v6 = strchr(a->target.host, ':') != NULL;
    random_bytes(nonce, sizeof nonce);
    base64_encode(nonce, sizeof nonce, a->key, false);
    snprintf(host, sizeof host, v6 ? "[%s]" : "%s", a->target.host);
    if (a->target.port != 443)
        snprintf(host + strlen(host), sizeof host - strlen(host), ":%d", a->target.port);
    snprintf(protocols, sizeof protocols, "%s%s",
             t->instance != NULL ? FRAME_NATIVE_PROTOCOL ", " : "", t->subprotocol);
    snprintf(extra, sizeof extra, "access-token: %s\r\n%s%s%s%s%s%sUser-Agent: %s\r\n",
             t->access_token, t->client_token != NULL ? "client-token: " : "",
             t->client_token != NULL ? t->client_token : "", t->client_token != NULL ? "\r\n" : "",
             t->instance != NULL ? "tunnel-instance: " : "", t->instance != NULL ? t->instance : "",
             t->instance != NULL ? "\r\n" : "", t->agent);
    bool fits = ws_request_write(
        &(struct ws_request){
            .host = host,
            .target = a->target.source ? "/tunnel?local-proxy-mode=source"
                                       : "/tunnel?local-proxy-mode=destination",
            .protocols = protocols,
            .key = a->key,
            .extra = extra,
        },
        &a->request);
    explicit_bzero(extra, sizeof extra);
    a->reader = http_reader_new(false, HEAD_LIMIT);
    if (!fits || a->reader == NULL) {
        fail(a, ERR_NO_MEMORY, "no memory for the request to the hub");
        return;
    }
    a->step = HUB_ANSWER;
    stream_read_on(a->stream, true);
    stream_write(a->stream, a->request.data, a->request.size);
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

static void start_tls(struct approach *a, const char *host, struct tls_session *session,
                      struct identity *identity)
{
    struct tls_client_options o = {
        .trust = a->target.trust, .host = host, .session = session, .identity = identity};
    struct stream *lower = a->stream;
    a->stream = tls_client(a->loop, lower, &o, &stream_events, a);
    if (a->stream == NULL)
        fail(a, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void start_hub_tls(struct approach *a)
{
    a->step = HUB_TLS;
    start_tls(a, a->target.host, a->target.tls_session, a->target.identity);
}

static void ask_proxy(struct approach *a)
{
    a->reader = http_reader_new(false, HEAD_LIMIT);
    if (a->reader == NULL ||
        !upstream_request(a->target.proxy, a->target.host, a->target.port, &a->request)) {
        fail(a, ERR_NO_MEMORY, "no memory for the request to the proxy");
        return;
    }
    a->step = PROXY_ANSWER;
    stream_read_on(a->stream, true);
    stream_write(a->stream, a->request.data, a->request.size);
}

static void on_opened(void *owner)
{
    struct approach *a = owner;
    if (a->step == PROXY_TLS)
        ask_proxy(a);
    else
        upgrade(a);
}

static void on_failed(void *owner, enum err why)
{
    struct approach *a = owner;
    char text[600], name[260];
    const char *detail = a->step == PROXY_TLS || a->step == HUB_TLS ? tls_problem(a->stream) : "";
    name_of(a, name, sizeof name);
    snprintf(text, sizeof text, "%s: %.200s%s", name, detail[0] != '\0' ? detail : err_text(why),
             why == ERR_TLS_UNTRUSTED
                 ? "; name the authority that signed it with --ca FILE or -c DIR"
                 : "");
    fail(a, why, text);
}

/* ---- answers ---- */

static void proxy_answered(struct approach *a, const struct http_head *head)
{
    int status = head->status;
    char text[200], reason[100];
    str_escape(head->reason, reason, sizeof reason);
    if (!stream_ready(a->stream)) { /* it still needs the request's memory */
        fail(a, ERR_PROTOCOL, ANSWERED_EARLY);
        return;
    }
    http_reader_free(a->reader);
    a->reader = NULL;
    buf_wipe(&a->request);
    if (status >= 200 && status < 300) {
        stream_read_on(a->stream, false);
        start_hub_tls(a);
        return;
    }
    snprintf(text, sizeof text, "the proxy %s:%d refused the way to %s:%d: %d %s%s",
             a->target.proxy->host, a->target.proxy->port, a->target.host, a->target.port, status,
             reason, status == 407 ? " (give user:password in the proxy's URL)" : "");
    end(a, ERR_REJECTED, text, status == 407);
}

/* Everything of the refusal's body that will come has come. */
static void refused(struct approach *a)
{
    char body[400], text[600];
    struct span said = {(const char *)a->body.data, a->body.size};
    while (said.n > 0 && strchr("\r\n \t", said.p[said.n - 1]) != NULL)
        said.n--;
    snprintf(text, sizeof text, "the hub refused: HTTP %d%s%s", a->status, said.n > 0 ? ": " : "",
             str_escape(said, body, sizeof body));
    end(a, ERR_REJECTED, text, a->status < 500);
}

/* By which the hub's log knows this connection. */
static void tell_channel(const struct http_head *head)
{
    char text[80];
    struct span channel = http_header(head, "channel-id");
    if (channel.n > 0)
        log_info("Web socket session ID: %s", str_escape(channel, text, sizeof text));
}

/* True: the refusal's body comes next. Otherwise the stream changed hands, or l may be gone. */
static bool hub_answered(struct approach *a, const struct http_head *head)
{
    const char *text = "";
    enum err why = ws_response_check(head, a->key, &text);
    if (why == ERR_OK && !stream_ready(a->stream)) { /* it still needs the request's memory */
        fail(a, ERR_PROTOCOL, ANSWERED_EARLY);
    } else if (why == ERR_OK) {
        tell_channel(head);
        uint64_t left_s = 0;
        str_number(http_header(head, "Tunnel-Expires-In"), LIFETIME_MAX_S, &left_s);
        arrive(a,
               a->target.instance != NULL &&
                   span_is(http_header(head, "Sec-WebSocket-Protocol"), FRAME_NATIVE_PROTOCOL),
               left_s);
    } else if (why == ERR_REJECTED) {
        a->status = head->status;
        a->body.limit = head->content_length >= 0 && head->content_length < BODY_LIMIT
                            ? (size_t)head->content_length
                            : BODY_LIMIT;
        a->step = REFUSAL;
        if (a->body.limit > 0) {
            timer_start(a->timer, BODY_MS);
            return true;
        }
        refused(a);
    } else {
        fail(a, why, text);
    }
    return false;
}

/* Takes a piece of an answer; false when the stream changed hands or is gone. */
static bool take_answer(struct approach *a, uint8_t *p, size_t n)
{
    if (a->step == REFUSAL) {
        size_t room = a->body.limit - a->body.size, take = n < room ? n : room;
        buf_append(&a->body, p, take);
        stream_consume(a->stream, n);
        if (take < room)
            return true;
        refused(a);
        return false;
    }
    long used = http_reader_feed(a->reader, p, n);
    if (used < 0) {
        fail(a, ERR_PROTOCOL,
             a->step == PROXY_ANSWER ? "the proxy's answer is not HTTP"
                                     : "the hub's answer is not HTTP");
        return false;
    }
    stream_consume(a->stream, (size_t)used);
    const struct http_head *head = http_reader_head(a->reader);
    if (head == NULL)
        return true;
    if (a->step != PROXY_ANSWER)
        return hub_answered(a, head);
    proxy_answered(a, head);
    return false;
}

static void on_readable(void *owner)
{
    struct approach *a = owner;
    uint8_t *p;
    long n;
    while ((n = stream_peek(a->stream, 1, &p)) > 0)
        if (!take_answer(a, p, (size_t)n))
            return;
    if (n == 0)
        return;
    if (a->step == REFUSAL)
        refused(a);
    else
        fail(a, (enum err) - n,
             a->step == PROXY_ANSWER ? "the proxy hung up without an answer"
                                     : "the hub hung up without an answer");
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct approach *a = owner;
    a->dial = NULL;
    if (s == NULL) {
        on_failed(a, why);
        return;
    }
    stream_unsent_limit(s, UNSENT_LIMIT);
    stream_unread_limit(s, UNREAD_LIMIT);
    stream_own(s, &stream_events, a);
    a->stream = s;
    if (a->target.proxy == NULL) {
        start_hub_tls(a);
    } else if (a->target.proxy->tls) {
        a->step = PROXY_TLS;
        start_tls(a, a->target.proxy->host, NULL, NULL);
    } else {
        ask_proxy(a);
    }
}

static void on_timer(void *owner)
{
    struct approach *a = owner;
    if (a->step == REFUSAL)
        refused(a);
    else
        fail(a, ERR_TIMEOUT, "the connection to the hub was not made in time");
}

struct approach *approach_start(struct loop *loop, const struct approach_target *target,
                                const struct approach_events *events, void *owner)
{
    struct dial_options o = {
        .host = target->proxy != NULL ? target->proxy->host : target->host,
        .port = target->proxy != NULL ? target->proxy->port : target->port,
        .bind = target->bind,
        .memory = target->memory,
    };
    struct approach *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    *a = (struct approach){.loop = loop, .target = *target, .events = events, .owner = owner};
    a->request.limit = HEAD_LIMIT;
    a->timer = timer_new(loop, on_timer, a);
    a->dial = a->timer != NULL ? dial_start(loop, &o, on_dialled, a) : NULL;
    if (a->dial == NULL) {
        approach_cancel(a);
        return NULL;
    }
    timer_start(a->timer, LIMIT_MS);
    return a;
}
