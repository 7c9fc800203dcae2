#include "core/tunnel/connector.h"

#include "core/base/clock.h"
#include "core/base/encoding.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/str.h"
#include "core/http/http.h"
#include "core/reach/reach.h"
#include "core/tunnel/frame.h"
#include "core/tunnel/redirect.h"
#include "core/tunnel/refusal.h"
#include "core/ws/handshake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 31536000 /* more is not believed */
#define LIMIT_MS 30000       /* for everything from the dial to the 101 */
#define BODY_MS 1000         /* a refusal's body that does not come is not worth more */
#define HEAD_LIMIT 16384     /* of the hub's answer, and of the request */

enum step { REACHING, HUB_ANSWER, REFUSAL };

struct connector {
    struct loop *loop;
    struct connector_target target;
    const struct connector_events *events;
    void *owner;
    enum step step;
    struct reach *reach;   /* REACHING */
    struct stream *stream; /* after it */
    struct http_reader *reader;
    struct http_body *framing; /* REFUSAL */
    char key[BASE64_SIZE(16)];
    struct buf request, body;
    struct timer *timer;
    struct deferred begin; /* with a stream that was ready, or towards where a redirect leads */
    struct redirect there; /* where the hub has sent us, once it has; the target is this then */
    bool sent, asked_anew;
    bool redirected;            /* the hub has sent us somewhere, whether we went there or not */
    struct reach_memory memory; /* of that place */
};

/* ---- the end ---- */

void connector_cancel(struct connector *c)
{
    if (c == NULL)
        return;
    reach_cancel(c->reach);
    loop_cancel(&c->begin);
    if (c->stream != NULL)
        stream_close(c->stream);
    http_reader_free(c->reader);
    http_body_free(c->framing);
    timer_free(c->timer);
    buf_wipe(&c->request);
    buf_free(&c->body);
    free(c);
}

static void end(struct connector *c, const struct connector_failure *f)
{
    const struct connector_events *events = c->events;
    struct reach_memory *memory = c->target.memory;
    void *owner = c->owner;
    struct connector_failure told = *f;
    told.redirected = c->redirected;
    if (c->stream != NULL && memory != NULL) /* other addresses of the name may do better */
        memory->dial.failed = memory->target.failed = true;
    connector_cancel(c);
    events->failed(owner, &told);
}

/* A later try may do better. */
static void fail(struct connector *c, enum err why, const char *text)
{
    end(c, &(struct connector_failure){.why = why, .text = text, .later_ms = -1});
}

static void arrive(struct connector *c, const struct connector_answer *answer)
{
    const struct connector_events *events = c->events;
    void *owner = c->owner;
    struct stream *s = c->stream;
    c->stream = NULL;
    tls_drop_certificate(s);
    connector_cancel(c);
    events->arrived(owner, s, answer);
}

/* ---- requests ---- */

static const char *target_of(const struct connector_target *t)
{
    if (t->path != NULL)
        return t->path;
    return t->source ? "/tunnel?local-proxy-mode=source" : "/tunnel?local-proxy-mode=destination";
}

/* Only a hub of ours knows of redirects, and only an end that may be native is given one. */
static bool follows(const struct connector *c)
{
    return c->target.instance != NULL;
}

static void upgrade(struct connector *c)
{
    const struct connector_target *t = &c->target;
    char host[300], protocols[200], extra[8192];
    uint8_t nonce[16];
    bool v6 = strchr(c->target.host, ':') != NULL;
    random_bytes(nonce, sizeof nonce);
    base64_encode(nonce, sizeof nonce, c->key, false);
    snprintf(host, sizeof host, v6 ? "[%s]" : "%s", c->target.host);
    if (c->target.port != 443)
        snprintf(host + strlen(host), sizeof host - strlen(host), ":%d", c->target.port);
    snprintf(protocols, sizeof protocols, "%s%s",
             t->instance != NULL ? FRAME_NATIVE_PROTOCOL ", " : "", t->subprotocol);
    snprintf(extra, sizeof extra, "%s%s%s%s%s%s%s%s%s%sUser-Agent: %s\r\n",
             t->access_token != NULL ? "access-token: " : "",
             t->access_token != NULL ? t->access_token : "", t->access_token != NULL ? "\r\n" : "",
             t->client_token != NULL ? "client-token: " : "",
             t->client_token != NULL ? t->client_token : "", t->client_token != NULL ? "\r\n" : "",
             t->instance != NULL ? "tunnel-instance: " : "", t->instance != NULL ? t->instance : "",
             t->instance != NULL ? "\r\n" : "",
             follows(c) && !c->sent && !c->target.stays ? REDIRECT_FOLLOWED : "", t->agent);
    bool fits = ws_request_write(
        &(struct ws_request){
            .host = host,
            .target = target_of(t),
            .protocols = protocols,
            .key = c->key,
            .extra = extra,
        },
        &c->request);
    explicit_bzero(extra, sizeof extra);
    c->reader = http_reader_new(HTTP_ANSWER, HEAD_LIMIT);
    if (!fits || c->reader == NULL) {
        fail(c, ERR_NO_MEMORY, "no memory for the request to the hub");
        return;
    }
    c->step = HUB_ANSWER;
    stream_read_on(c->stream, true);
    stream_write(c->stream, c->request.data, c->request.size);
}

static void on_readable(void *owner);
static void on_failed(void *owner, enum err why);

static void on_writable(void *owner)
{
    (void)owner; /* the request is sent whole; the answer is what counts */
}

static const struct stream_events stream_events = {
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

static void on_arrived(void *owner, struct stream *s)
{
    struct connector *c = owner;
    c->reach = NULL;
    c->stream = s;
    stream_set_owner(s, &stream_events, c);
    upgrade(c);
}

static void name_failure(struct connector *c, enum err why, const char *what, bool final,
                         int64_t later_ms)
{
    char text[900];
    snprintf(text, sizeof text, "hub %.200s:%d%s: %.400s%s", c->target.host, c->target.port,
             c->sent ? ", to which the hub sent us" : "", what,
             why == ERR_TLS_UNTRUSTED
                 ? "; name the authority that signed it with --ca FILE or -c DIR"
                 : "");
    end(c, &(struct connector_failure){
               .why = why, .text = text, .final = final, .later_ms = later_ms});
}

static void on_unreached(void *owner, const struct reach_failure *f)
{
    struct connector *c = owner;
    c->reach = NULL;
    if (f->at_proxy)
        end(c, &(struct connector_failure){
                   .why = f->why, .text = f->text, .final = f->final, .later_ms = f->later_ms});
    else
        name_failure(c, f->why, f->text, f->final, f->later_ms);
}

static const struct reach_events reach_events = {.arrived = on_arrived, .failed = on_unreached};

static void on_failed(void *owner, enum err why)
{
    struct connector *c = owner;
    const char *detail = tls_problem(c->stream);
    char text[400];
    snprintf(text, sizeof text, "%s", detail[0] != '\0' ? detail : err_text(why));
    name_failure(c, why, text, false, -1);
}

/* ---- answers ---- */

/* Everything of the refusal's body that will come has come. */
static void refused(struct connector *c)
{
    struct refusal r;
    refusal_read(http_reader_head(c->reader),
                 (struct span){(const char *)c->body.data, c->body.size}, clock_wall_ms(), &r);
    end(c, &(struct connector_failure){.why = ERR_REJECTED,
                                       .status = http_reader_head(c->reader)->status,
                                       .text = r.text,
                                       .final = r.final,
                                       .later_ms = r.later_ms});
}

/* By which the hub's log knows this connection. */
static void tell_channel(const struct http_head *head)
{
    char text[80];
    struct span channel = http_header(head, "channel-id");
    if (channel.n > 0)
        log_info("Web socket session ID: %s", str_escape(channel, text, sizeof text));
}

static void keep_body(void *owner, const uint8_t *p, size_t n)
{
    struct connector *c = owner;
    size_t room = REFUSAL_BODY_MAX - c->body.size;
    buf_append(&c->body, p, n < room ? n : room);
}

/* True: the refusal's body comes next. */
static bool begin_refusal(struct connector *c, const struct http_head *head)
{
    c->step = REFUSAL;
    c->body.limit = REFUSAL_BODY_MAX;
    c->framing = http_body_new(head, false);
    if (c->framing == NULL || http_body_done(c->framing)) {
        refused(c);
        return false;
    }
    http_body_tell(c->framing, keep_body, c);
    timer_start(c->timer, BODY_MS);
    return true;
}

static bool speaks(const struct connector *c, const struct http_head *head)
{
    return span_is(http_header(head, "Sec-WebSocket-Protocol"), c->target.subprotocol);
}

/* ---- redirects ---- */

/* Over a connection of its own, with the same proxy, trust and certificate of ours. */
static void go_again(struct connector *c)
{
    stream_close(c->stream);
    http_reader_free(c->reader);
    c->stream = NULL;
    c->reader = NULL;
    buf_wipe(&c->request);
    c->step = REACHING;
    loop_defer(c->loop, &c->begin);
}

/* A resumed session shows no certificate, nor does a connection that was ready: once more where we
 * were, with a whole handshake. */
static void ask_anew(struct connector *c)
{
    c->asked_anew = true;
    if (c->target.tls_session != NULL)
        *c->target.tls_session = (struct tls_session){0};
    go_again(c);
}

static void follow(struct connector *c, const struct redirect *to)
{
    log_info("the hub %s:%d sends us to %s:%d", c->target.host, c->target.port, to->host, to->port);
    c->there = *to;
    c->sent = true;
    c->target.host = c->there.host;
    c->target.port = c->there.port;
    c->target.memory = &c->memory;
    go_again(c);
}

static void redirected(struct connector *c, const struct http_head *head)
{
    struct redirect to;
    char text[300];
    c->redirected = true;
    const char *wrong = redirect_read(head, &to);
    enum tls_cover cover = wrong == NULL ? tls_peer_covers(c->stream, to.host) : TLS_COVER_UNKNOWN;
    if (wrong == NULL && c->sent)
        wrong = "was sent to another one again";
    else if (wrong == NULL && cover == TLS_COVER_UNKNOWN && c->asked_anew)
        wrong = "showed no certificate";
    if (wrong != NULL) {
        snprintf(text, sizeof text, "its redirect is not followed: it %s", wrong);
        name_failure(c, ERR_PROTOCOL, text, false, -1);
    } else if (cover == TLS_NOT_COVERED) {
        snprintf(text, sizeof text,
                 "its redirect is not followed: its certificate is not for %.200s", to.host);
        name_failure(c, ERR_TLS_NAME, text, false, -1);
    } else if (cover == TLS_COVER_UNKNOWN) {
        ask_anew(c);
    } else {
        follow(c, &to);
    }
}

/* True: there is more to read. Otherwise the stream changed hands, or a may be gone. */
static bool hub_answered(struct connector *c, const struct http_head *head)
{
    const char *text = "";
    enum err why = ws_response_check(head, c->key, &text);
    if (why == ERR_REJECTED && follows(c) && redirect_is(head)) {
        redirected(c, head);
        return false;
    }
    if (why == ERR_REJECTED)
        return begin_refusal(c, head);
    if (why != ERR_OK) {
        fail(c, why, text);
    } else if (c->target.path != NULL && !speaks(c, head)) {
        fail(c, ERR_REJECTED, "the hub answered in another protocol than it was asked for");
    } else if (!stream_ready(c->stream)) { /* it still needs the request's memory */
        fail(c, ERR_PROTOCOL, "the answer came before the request was sent");
    } else {
        tell_channel(head);
        struct connector_answer answer = {
            .native = c->target.instance != NULL &&
                      span_is(http_header(head, "Sec-WebSocket-Protocol"), FRAME_NATIVE_PROTOCOL)};
        str_number(http_header(head, "Tunnel-Expires-In"), SECONDS_MAX, &answer.left_s);
        str_number(http_header(head, "Tunnel-Stream-Idle"), SECONDS_MAX, &answer.idle_s);
        arrive(c, &answer);
    }
    return false;
}

static bool take_body(struct connector *c, uint8_t *p, size_t n)
{
    long used = http_body_feed(c->framing, p, n);
    stream_consume(c->stream, n);
    if (used == (long)n && !http_body_done(c->framing) && c->body.size < REFUSAL_BODY_MAX)
        return true;
    refused(c);
    return false;
}

/* Takes a piece of an answer; false when the stream changed hands or is gone. */
static bool take_answer(struct connector *c, uint8_t *p, size_t n)
{
    if (c->step == REFUSAL)
        return take_body(c, p, n);
    long used = http_reader_feed(c->reader, p, n);
    if (used < 0) {
        fail(c, ERR_PROTOCOL, "the hub's answer is not HTTP");
        return false;
    }
    stream_consume(c->stream, (size_t)used);
    const struct http_head *head = http_reader_head(c->reader);
    return head == NULL || hub_answered(c, head);
}

static void on_readable(void *owner)
{
    struct connector *c = owner;
    uint8_t *p;
    long n;
    while ((n = stream_peek(c->stream, 1, &p)) > 0)
        if (!take_answer(c, p, (size_t)n))
            return;
    if (n == 0)
        return;
    if (c->step == REFUSAL)
        refused(c);
    else
        fail(c, (enum err) - n, "the hub hung up without an answer");
}

static void on_timer(void *owner)
{
    struct connector *c = owner;
    if (c->step == REFUSAL)
        refused(c);
    else
        fail(c, ERR_TIMEOUT, "the connection to the hub was not made in time");
}

static bool reach(struct connector *c)
{
    const struct connector_target *t = &c->target;
    const struct reach_target there = {
        .host = t->host,
        .port = t->port,
        .proxy = t->proxy,
        .bind = t->bind,
        .trust = t->trust,
        .tls_session = t->tls_session,
        .identity = t->identity,
        .memory = t->memory,
        .keep_certificate = true,
        .unsent_limit = CONNECTOR_UNSENT_LIMIT,
        .unread_limit = CONNECTOR_UNREAD_LIMIT,
    };
    c->reach = reach_start(c->loop, &there, &reach_events, c);
    return c->reach != NULL;
}

static void on_begin(void *owner)
{
    struct connector *c = owner;
    if (c->stream != NULL)
        upgrade(c);
    else if (!reach(c))
        fail(c, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static bool begin(struct connector *c)
{
    if (c->stream == NULL)
        return reach(c);
    stream_set_owner(c->stream, &stream_events, c);
    loop_defer(c->loop, &c->begin);
    return true;
}

struct connector *connector_start(struct loop *loop, const struct connector_target *target,
                                  const struct connector_events *events, void *owner)
{
    struct connector *c = calloc(1, sizeof *c);
    if (c == NULL) {
        if (target->ready != NULL)
            stream_close(target->ready);
        return NULL;
    }
    *c = (struct connector){
        .loop = loop, .target = *target, .events = events, .owner = owner, .stream = target->ready};
    deferred_init(&c->begin, on_begin, c);
    c->request.limit = HEAD_LIMIT;
    c->timer = timer_new(loop, on_timer, c);
    if (c->timer == NULL || !begin(c)) {
        connector_cancel(c);
        return NULL;
    }
    timer_start(c->timer, LIMIT_MS);
    return c;
}
