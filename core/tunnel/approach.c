#include "core/tunnel/approach.h"

#include "core/base/clock.h"
#include "core/base/encoding.h"
#include "core/base/log.h"
#include "core/base/random.h"
#include "core/base/str.h"
#include "core/http/http.h"
#include "core/reach/reach.h"
#include "core/tunnel/frame.h"
#include "core/tunnel/refusal.h"
#include "core/ws/handshake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIFETIME_MAX_S 31536000 /* more is not believed */
#define LIMIT_MS 30000          /* for everything from the dial to the 101 */
#define BODY_MS 1000            /* a refusal's body that does not come is not worth more */
#define HEAD_LIMIT 16384        /* of the hub's answer, and of the request */
#define UNSENT_LIMIT 16384      /* share/doc/performance.md, "Little queued" */
#define UNREAD_LIMIT 131072     /* as above */

enum step { REACHING, HUB_ANSWER, REFUSAL };

struct approach {
    struct loop *loop;
    struct approach_target target;
    const struct approach_events *events;
    void *owner;
    enum step step;
    struct reach *reach;   /* REACHING */
    struct stream *stream; /* after it */
    struct http_reader *reader;
    struct http_body *framing; /* REFUSAL */
    char key[BASE64_SIZE(16)];
    struct buf request, body;
    struct timer *timer;
};

/* ---- the end ---- */

void approach_cancel(struct approach *a)
{
    if (a == NULL)
        return;
    reach_cancel(a->reach);
    if (a->stream != NULL)
        stream_close(a->stream);
    http_reader_free(a->reader);
    http_body_free(a->framing);
    timer_free(a->timer);
    buf_wipe(&a->request);
    buf_free(&a->body);
    free(a);
}

static void end(struct approach *a, const struct approach_failure *f)
{
    const struct approach_events *events = a->events;
    struct reach_memory *memory = a->target.memory;
    void *owner = a->owner;
    if (a->stream != NULL && memory != NULL) /* other addresses of the name may do better */
        memory->dial.failed = memory->target.failed = true;
    approach_cancel(a);
    events->failed(owner, f);
}

/* A later try may do better. */
static void fail(struct approach *a, enum err why, const char *text)
{
    end(a, &(struct approach_failure){.why = why, .text = text, .later_ms = -1});
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
    a->reader = http_reader_new(HTTP_ANSWER, HEAD_LIMIT);
    if (!fits || a->reader == NULL) {
        fail(a, ERR_NO_MEMORY, "no memory for the request to the hub");
        return;
    }
    a->step = HUB_ANSWER;
    stream_read_on(a->stream, true);
    stream_write(a->stream, a->request.data, a->request.size);
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
    struct approach *a = owner;
    a->reach = NULL;
    a->stream = s;
    stream_set_owner(s, &stream_events, a);
    upgrade(a);
}

static void name_failure(struct approach *a, enum err why, const char *what, bool final,
                         int64_t later_ms)
{
    char text[900];
    snprintf(text, sizeof text, "hub %.200s:%d: %.400s%s", a->target.host, a->target.port, what,
             why == ERR_TLS_UNTRUSTED
                 ? "; name the authority that signed it with --ca FILE or -c DIR"
                 : "");
    end(a,
        &(struct approach_failure){.why = why, .text = text, .final = final, .later_ms = later_ms});
}

static void on_unreached(void *owner, const struct reach_failure *f)
{
    struct approach *a = owner;
    a->reach = NULL;
    if (f->at_proxy)
        end(a, &(struct approach_failure){
                   .why = f->why, .text = f->text, .final = f->final, .later_ms = f->later_ms});
    else
        name_failure(a, f->why, f->text, f->final, f->later_ms);
}

static const struct reach_events reach_events = {.arrived = on_arrived, .failed = on_unreached};

static void on_failed(void *owner, enum err why)
{
    struct approach *a = owner;
    const char *detail = tls_problem(a->stream);
    char text[400];
    snprintf(text, sizeof text, "%s", detail[0] != '\0' ? detail : err_text(why));
    name_failure(a, why, text, false, -1);
}

/* ---- answers ---- */

/* Everything of the refusal's body that will come has come. */
static void refused(struct approach *a)
{
    struct refusal r;
    refusal_read(http_reader_head(a->reader),
                 (struct span){(const char *)a->body.data, a->body.size}, clock_wall_ms(), &r);
    end(a, &(struct approach_failure){
               .why = ERR_REJECTED, .text = r.text, .final = r.final, .later_ms = r.later_ms});
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
    struct approach *a = owner;
    size_t room = REFUSAL_BODY_MAX - a->body.size;
    buf_append(&a->body, p, n < room ? n : room);
}

/* True: the refusal's body comes next. */
static bool begin_refusal(struct approach *a, const struct http_head *head)
{
    a->step = REFUSAL;
    a->body.limit = REFUSAL_BODY_MAX;
    a->framing = http_body_new(head, false);
    if (a->framing == NULL || http_body_done(a->framing)) {
        refused(a);
        return false;
    }
    http_body_tell(a->framing, keep_body, a);
    timer_start(a->timer, BODY_MS);
    return true;
}

/* True: there is more to read. Otherwise the stream changed hands, or a may be gone. */
static bool hub_answered(struct approach *a, const struct http_head *head)
{
    const char *text = "";
    enum err why = ws_response_check(head, a->key, &text);
    if (why == ERR_REJECTED)
        return begin_refusal(a, head);
    if (why != ERR_OK) {
        fail(a, why, text);
    } else if (!stream_ready(a->stream)) { /* it still needs the request's memory */
        fail(a, ERR_PROTOCOL, "the answer came before the request was sent");
    } else {
        tell_channel(head);
        uint64_t left_s = 0;
        str_number(http_header(head, "Tunnel-Expires-In"), LIFETIME_MAX_S, &left_s);
        arrive(a,
               a->target.instance != NULL &&
                   span_is(http_header(head, "Sec-WebSocket-Protocol"), FRAME_NATIVE_PROTOCOL),
               left_s);
    }
    return false;
}

static bool take_body(struct approach *a, uint8_t *p, size_t n)
{
    long used = http_body_feed(a->framing, p, n);
    stream_consume(a->stream, n);
    if (used == (long)n && !http_body_done(a->framing) && a->body.size < REFUSAL_BODY_MAX)
        return true;
    refused(a);
    return false;
}

/* Takes a piece of an answer; false when the stream changed hands or is gone. */
static bool take_answer(struct approach *a, uint8_t *p, size_t n)
{
    if (a->step == REFUSAL)
        return take_body(a, p, n);
    long used = http_reader_feed(a->reader, p, n);
    if (used < 0) {
        fail(a, ERR_PROTOCOL, "the hub's answer is not HTTP");
        return false;
    }
    stream_consume(a->stream, (size_t)used);
    const struct http_head *head = http_reader_head(a->reader);
    return head == NULL || hub_answered(a, head);
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
        fail(a, (enum err) - n, "the hub hung up without an answer");
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
    const struct reach_target there = {
        .host = target->host,
        .port = target->port,
        .proxy = target->proxy,
        .bind = target->bind,
        .trust = target->trust,
        .tls_session = target->tls_session,
        .identity = target->identity,
        .memory = target->memory,
        .unsent_limit = UNSENT_LIMIT,
        .unread_limit = UNREAD_LIMIT,
    };
    struct approach *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    *a = (struct approach){.loop = loop, .target = *target, .events = events, .owner = owner};
    a->request.limit = HEAD_LIMIT;
    a->timer = timer_new(loop, on_timer, a);
    a->reach = a->timer != NULL ? reach_start(loop, &there, &reach_events, a) : NULL;
    if (a->reach == NULL) {
        approach_cancel(a);
        return NULL;
    }
    timer_start(a->timer, LIMIT_MS);
    return a;
}
