#include "gateway/ctl/reach.h"

#include "core/base/str.h"
#include "core/http/http.h"
#include "core/net/tcp.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD_LIMIT 16384 /* of the proxy's answer, and of the request to it */

enum step { DIALLING, PROXY_TLS, PROXY_ANSWER, TARGET_TLS };

struct reach {
    struct loop *loop;
    struct reach_target target;
    const struct reach_events *events;
    void *owner;
    enum step step;
    struct dial *dial;
    struct stream *stream; /* from the dial on */
    struct http_reader *reader;
    struct buf request;
};

/* ---- the end ---- */

void reach_cancel(struct reach *r)
{
    if (r == NULL)
        return;
    if (r->dial != NULL)
        dial_cancel(r->dial);
    if (r->stream != NULL)
        stream_close(r->stream);
    http_reader_free(r->reader);
    buf_wipe(&r->request);
    free(r);
}

static void fail(struct reach *r, enum err why, const char *text)
{
    const struct reach_events *events = r->events;
    const struct upstream *proxy = r->step < TARGET_TLS ? r->target.proxy : NULL;
    void *owner = r->owner;
    char where[700];
    if (proxy != NULL)
        snprintf(where, sizeof where, "the proxy %.200s:%d: %s", proxy->host, proxy->port, text);
    else
        snprintf(where, sizeof where, "%s", text);
    reach_cancel(r);
    events->failed(owner, why, where);
}

static void arrive(struct reach *r)
{
    const struct reach_events *events = r->events;
    void *owner = r->owner;
    struct stream *s = r->stream;
    r->stream = NULL;
    reach_cancel(r);
    events->arrived(owner, s);
}

/* ---- the way ---- */

static void on_opened(void *owner);
static void on_readable(void *owner);
static void on_failed(void *owner, enum err why);

static void on_writable(void *owner)
{
    (void)owner; /* the request to the proxy is sent whole; its answer is what counts */
}

static const struct stream_events stream_events = {
    .opened = on_opened,
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

static void start_tls(struct reach *r, enum step step, const char *host)
{
    struct tls_client_options o = {.trust = r->target.trust, .host = host};
    struct stream *lower = r->stream;
    r->step = step;
    r->stream = tls_client(r->loop, lower, &o, &stream_events, r);
    if (r->stream == NULL)
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void ask_proxy(struct reach *r)
{
    r->step = PROXY_ANSWER;
    r->reader = http_reader_new(false, HEAD_LIMIT);
    if (r->reader == NULL ||
        !upstream_request(r->target.proxy, r->target.host, r->target.port, &r->request)) {
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        return;
    }
    stream_read_on(r->stream, true);
    stream_write(r->stream, r->request.data, r->request.size);
}

static void on_opened(void *owner)
{
    struct reach *r = owner;
    if (r->step == PROXY_TLS)
        ask_proxy(r);
    else
        arrive(r);
}

static void on_failed(void *owner, enum err why)
{
    struct reach *r = owner;
    char text[400];
    bool tls = r->step == PROXY_TLS || r->step == TARGET_TLS;
    const char *detail = tls && r->stream != NULL ? tls_problem(r->stream) : "";
    snprintf(text, sizeof text, "%s", detail[0] != '\0' ? detail : err_text(why));
    fail(r, why, text);
}

static void proxy_answered(struct reach *r, const struct http_head *head)
{
    char text[200], reason[100];
    int status = head->status;
    if (status >= 200 && status < 300 && stream_ready(r->stream)) {
        stream_read_on(r->stream, false);
        start_tls(r, TARGET_TLS, r->target.host);
        return;
    }
    snprintf(text, sizeof text, "it refused the way to %.60s:%d: %d %s%s", r->target.host,
             r->target.port, status, str_escape(head->reason, reason, sizeof reason),
             status == 407 ? " (give user:password in the proxy's URL)" : "");
    fail(r, ERR_REJECTED, text);
}

static void on_readable(void *owner)
{
    struct reach *r = owner;
    uint8_t *p;
    long n = stream_peek(r->stream, 1, &p), used;
    if (n == 0)
        return;
    if (n < 0) {
        fail(r, (enum err) - n, "it hung up without an answer");
        return;
    }
    used = http_reader_feed(r->reader, p, (size_t)n);
    if (used < 0) {
        fail(r, ERR_PROTOCOL, "its answer is not HTTP");
        return;
    }
    stream_consume(r->stream, (size_t)used);
    if (http_reader_head(r->reader) != NULL)
        proxy_answered(r, http_reader_head(r->reader));
}

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct reach *r = owner;
    r->dial = NULL;
    if (s == NULL) {
        on_failed(r, why);
        return;
    }
    stream_own(s, &stream_events, r);
    r->stream = s;
    if (r->target.proxy == NULL)
        start_tls(r, TARGET_TLS, r->target.host);
    else if (r->target.proxy->tls)
        start_tls(r, PROXY_TLS, r->target.proxy->host);
    else
        ask_proxy(r);
}

struct reach *reach_start(struct loop *loop, const struct reach_target *target,
                          const struct reach_events *events, void *owner)
{
    struct dial_options o = {
        .host = target->proxy != NULL ? target->proxy->host : target->host,
        .port = target->proxy != NULL ? target->proxy->port : target->port,
    };
    struct reach *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    *r = (struct reach){.loop = loop, .target = *target, .events = events, .owner = owner};
    r->request.limit = HEAD_LIMIT;
    r->dial = dial_start(loop, &o, on_dialled, r);
    if (r->dial == NULL) {
        reach_cancel(r);
        return NULL;
    }
    return r;
}
