#include "gateway/hub/ops.h"

#include "core/base/log.h"
#include "core/base/prometheus.h"
#include "core/http/server.h"
#include "core/net/tcp.h"

#include <stdlib.h>

#define MAX_HEAD 8192
#define MAX_BODY 1024 /* nobody needs one */
#define TYPE "text/plain; charset=utf-8"

struct ops {
    struct ops_options o;
    struct listener *listener;
    struct list clients;
    size_t n_clients;
};

struct client {
    struct list node;
    struct ops *ops;
    struct http_conn *http;
};

/* ---- pages ---- */

static void answer_text(struct client *c, int status, const char *headers, const char *text)
{
    struct http_answer a = {
        .status = status, .type = TYPE, .headers = headers, .body = span_of(text)};
    http_conn_answer(c->http, &a);
}

static void healthz(struct client *c)
{
    answer_text(c, 200, NULL, "ok\n");
}

static void readyz(struct client *c)
{
    const char *why = c->ops->o.unready(c->ops->o.owner);
    struct buf text = {.limit = 1024};
    if (why == NULL) {
        answer_text(c, 200, NULL, "ready\n");
        return;
    }
    bool ok = buf_printf(&text, "%s\n", why);
    struct http_answer a = {
        .status = 503, .type = TYPE, .body = {(const char *)text.data, ok ? text.size : 0}};
    http_conn_answer(c->http, &a);
    buf_free(&text);
}

static void metrics(struct client *c)
{
    struct buf text = {.limit = HTTP_ANSWER_MAX - sizeof PROMETHEUS_TYPE};
    c->ops->o.metrics(c->ops->o.owner, &text);
    struct http_answer a = {
        .status = 200, .type = PROMETHEUS_TYPE, .body = {(const char *)text.data, text.size}};
    http_conn_answer(c->http, &a);
    buf_free(&text);
}

static const struct {
    const char *path;
    void (*answer)(struct client *c);
} pages[] = {
    {"/healthz", healthz},
    {"/readyz", readyz},
    {"/metrics", metrics},
};

/* ---- clients ---- */

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct client *c = owner;
    struct span target = head->target, path = span_cut(&target, '?');
    (void)body;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (!span_is(path, pages[i].path))
            continue;
        if (span_is(head->method, "GET") || span_is(head->method, "HEAD"))
            pages[i].answer(c);
        else
            answer_text(c, 405, "Allow: GET, HEAD\r\n", "Ask with GET or HEAD.\n");
        return;
    }
    answer_text(c, 404, NULL, "Nothing is here. Try /healthz, /readyz or /metrics.\n");
}

static void client_free(struct client *c)
{
    list_remove(&c->node);
    c->ops->n_clients--;
    http_conn_free(c->http);
    free(c);
}

static void on_closed(void *owner, const char *why)
{
    (void)why; /* who asks for metrics comes and goes */
    client_free(owner);
}

static const struct http_conn_events http_events = {.request = on_request, .closed = on_closed};

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    struct ops *ops = owner;
    struct http_conn_options options = {.max_head = MAX_HEAD,
                                        .max_body = MAX_BODY,
                                        .request_ms = ops->o.request_ms,
                                        .idle_ms = ops->o.idle_ms};
    struct client *c = ops->n_clients < OPS_MAX_CLIENTS ? calloc(1, sizeof *c) : NULL;
    (void)l;
    if (c == NULL) {
        log_debug("operations: %s was turned away: too many connections", s->name);
        stream_close(s);
        return;
    }
    c->ops = ops;
    ops->n_clients++;
    list_init(&c->node);
    list_append(&ops->clients, &c->node);
    c->http = http_conn_new(ops->o.loop, s, &options, &http_events, c);
    if (c->http == NULL)
        client_free(c);
}

static const struct listener_events listener_events = {.accepted = on_accepted};

/* ---- the listener ---- */

struct ops *ops_new(const struct ops_options *o, enum err *why)
{
    struct ops *ops = calloc(1, sizeof *ops);
    *why = ERR_NO_MEMORY;
    if (ops == NULL)
        return NULL;
    ops->o = *o;
    list_init(&ops->clients);
    ops->listener = listener_new(o->loop, o->where, &listener_events, ops, why);
    if (ops->listener != NULL)
        return ops;
    free(ops);
    return NULL;
}

void ops_free(struct ops *ops)
{
    if (ops == NULL)
        return;
    listener_free(ops->listener);
    list_each(node, &ops->clients)
    {
        client_free(list_entry(node, struct client, node));
    }
    free(ops);
}

const char *ops_name(const struct ops *ops)
{
    return listener_name(ops->listener);
}
