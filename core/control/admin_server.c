#include "core/control/admin_server.h"

#include "core/base/log.h"
#include "core/base/prometheus.h"
#include "core/http/server.h"
#include "core/net/address.h"
#include "core/net/listener.h"
#include "core/net/peer.h"
#include "core/net/socket.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define MAX_HEAD 8192
#define MAX_BODY 1024 /* bytes; no page needs a body */
#define TYPE "text/plain; charset=utf-8"

struct admin_server {
    struct admin_server_options o;
    struct listener *listener;
    struct list clients;
    size_t n_clients;
};

struct admin_request {
    struct list node;
    struct admin_server *server;
    struct http_conn *http;
    const struct http_head *head; /* of the request at hand */
    struct stream *stream;        /* http's */
};

/* ---- answers ---- */

void admin_answer(struct admin_request *c, int status, const char *type, struct span body)
{
    http_conn_answer(c->http,
                     &(struct http_response){.status = status, .type = type, .body = body});
}

void admin_answer_response(struct admin_request *c, const struct http_response *r)
{
    http_conn_answer(c->http, r);
}

const struct http_head *admin_head(const struct admin_request *c)
{
    return c->head;
}

bool admin_is_local(const struct admin_request *c)
{
    return address_is_local(http_conn_name(c->http));
}

bool admin_is_ours(const struct admin_request *c)
{
    return peer_is_ours(c->stream);
}

void admin_answer_text(struct admin_request *c, int status, const char *text)
{
    admin_answer(c, status, TYPE, span_of(text));
}

static void client_free(struct admin_request *c)
{
    list_remove(&c->node);
    c->server->n_clients--;
    http_conn_free(c->http);
    free(c);
}

struct stream *admin_take_stream(struct admin_request *c)
{
    struct stream *s = http_conn_take(c->http);
    c->http = NULL;
    client_free(c);
    return s;
}

/* ---- pages that every endpoint has ---- */

static void healthz(void *owner, struct admin_request *c, struct span rest, struct span query)
{
    (void)owner, (void)rest, (void)query;
    admin_answer_text(c, 200, "ok\n");
}

static void readyz(void *owner, struct admin_request *c, struct span rest, struct span query)
{
    const char *why = c->server->o.unready(owner);
    struct buf text = {.limit = 1024};
    (void)rest, (void)query;
    if (why == NULL) {
        admin_answer_text(c, 200, "ready\n");
        return;
    }
    bool ok = buf_printf(&text, "%s\n", why);
    admin_answer(c, 503, TYPE, (struct span){(const char *)text.data, ok ? text.size : 0});
    buf_free(&text);
}

static void metrics(void *owner, struct admin_request *c, struct span rest, struct span query)
{
    struct buf text = {.limit = ADMIN_ANSWER_MAX - sizeof PROMETHEUS_TYPE};
    (void)rest, (void)query;
    c->server->o.metrics(owner, &text);
    admin_answer(c, 200, PROMETHEUS_TYPE, (struct span){(const char *)text.data, text.size});
    buf_free(&text);
}

static const struct admin_page common[] = {
    {"GET", "/healthz", healthz},
    {"GET", "/readyz", readyz},
    {"GET", "/metrics", metrics},
};
#define COMMON (sizeof common / sizeof *common)

/* ---- requests ---- */

static const struct admin_page *page_at(const struct admin_server *e, size_t i)
{
    if (i < COMMON)
        return &common[i];
    return i - COMMON < e->o.n_pages ? &e->o.pages[i - COMMON] : NULL;
}

static bool is_for(const struct admin_page *page, struct span path, struct span *rest)
{
    size_t n = strlen(page->path);
    if (path.n < n || memcmp(path.p, page->path, n) != 0)
        return false;
    *rest = (struct span){path.p + n, path.n - n};
    return rest->n == 0 || (n > 1 && page->path[n - 1] == '/');
}

static bool allows(const struct admin_page *page, struct span method)
{
    return span_is(method, page->method) ||
           (span_is(method, "HEAD") && strcmp(page->method, "GET") == 0);
}

static void wrong_method(struct admin_request *c, const char *method)
{
    bool get = strcmp(method, "GET") == 0;
    char allow[64], text[64];
    snprintf(allow, sizeof allow, "Allow: %s\r\n", get ? "GET, HEAD" : method);
    snprintf(text, sizeof text, "Ask with %s.\n", get ? "GET or HEAD" : method);
    http_conn_answer(c->http,
                     &(struct http_response){
                         .status = 405, .type = TYPE, .headers = allow, .body = span_of(text)});
}

static void not_found(struct admin_request *c)
{
    struct buf text = {.limit = 1024};
    const struct admin_page *page;
    bool ok = buf_printf(&text, "Nothing is here. Try");
    for (size_t i = 0; (page = page_at(c->server, i)) != NULL; i++)
        if (strcmp(page->method, "GET") == 0)
            ok = ok && buf_printf(&text, "%s %s", i > 0 ? "," : "", page->path);
    ok = ok && buf_printf(&text, ".\n");
    admin_answer(c, 404, TYPE, (struct span){(const char *)text.data, ok ? text.size : 0});
    buf_free(&text);
}

/* ---- the name in a request ---- */

static bool is_this_machine(const char *host)
{
    char name[HOST_NAME_MAX + 1] = "";
    gethostname(name, sizeof name - 1);
    size_t first = strcspn(name, ".");
    return strcasecmp(host, "localhost") == 0 ||
           (first > 0 && (strcasecmp(host, name) == 0 ||
                          (strlen(host) == first && strncasecmp(host, name, first) == 0)));
}

static bool is_given(const struct admin_server *e, const char *host)
{
    const char *name;
    for (size_t i = 0; e->o.name != NULL && (name = e->o.name(e->o.owner, i)) != NULL; i++)
        if (strcasecmp(host, name) == 0)
            return true;
    return false;
}

/* HTTP/1.0 does not require Host, and browsers do not speak it. */
static bool is_asked_as_itself(const struct admin_server *e, const struct http_head *head)
{
    struct span value = http_header(head, "Host");
    int port;
    if (listener_port(e->listener) == 0) /* a unix socket, which a web page cannot reach */
        return true;
    if (value.p == NULL)
        return head->minor == 0;
    char *host = NULL, *text = span_dup(value);
    bool itself = text != NULL && address_split(text, &host, &port) && host != NULL &&
                  (address_is_ip(host) || is_this_machine(host) || is_given(e, host));
    free(text);
    free(host);
    return itself;
}

static void not_us(struct admin_request *c)
{
    admin_answer_text(
        c, 421,
        "This is not the host that was asked for: ask by IP address or as localhost, or "
        "start the program with --ops-host and the name.\n");
}

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct admin_request *c = owner;
    c->head = head;
    list_append(&c->server->clients, &c->node); /* the last one to be evicted */
    if (!is_asked_as_itself(c->server, head)) {
        not_us(c);
        return;
    }
    struct span query = head->target, path = span_cut(&query, '?'), rest;
    const struct admin_page *page, *other = NULL;
    (void)body;
    for (size_t i = 0; (page = page_at(c->server, i)) != NULL; i++) {
        if (!is_for(page, path, &rest))
            continue;
        if (allows(page, head->method)) {
            page->answer(c->server->o.owner, c, rest, query);
            return;
        }
        other = page;
    }
    if (other != NULL)
        wrong_method(c, other->method);
    else
        not_found(c);
}

static void on_closed(void *owner, const char *why)
{
    (void)why; /* Clients that read metrics come and go, so this is not worth a line. */
    client_free(owner);
}

/* ---- clients ---- */

/* Makes room for a newcomer; else a few idle connections would keep all others out. */
static void evict_idlest(struct admin_server *e)
{
    struct admin_request *c = list_entry(e->clients.next, struct admin_request, node);
    log_debug("%s: %s was silent for longest and is closed, to make room", admin_server_name(e),
              http_conn_name(c->http));
    client_free(c);
}

static void accept_client(struct admin_server *e, struct stream *s)
{
    static const struct http_conn_events events = {.request = on_request, .closed = on_closed};
    struct http_conn_options options = {.max_head = MAX_HEAD,
                                        .max_body = MAX_BODY,
                                        .max_answer = ADMIN_ANSWER_MAX,
                                        .request_ms = e->o.request_ms,
                                        .idle_ms = e->o.idle_ms};
    if (e->n_clients == ADMIN_MAX_CLIENTS)
        evict_idlest(e);
    struct admin_request *c = calloc(1, sizeof *c);
    if (c == NULL) {
        stream_close(s);
        return;
    }
    c->server = e;
    e->n_clients++;
    list_init(&c->node);
    list_append(&e->clients, &c->node);
    c->stream = s;
    c->http = http_conn_new(e->o.loop, s, &options, &events, c);
    if (c->http == NULL)
        client_free(c);
}

static void on_descriptor(void *owner, struct listener *l, int fd)
{
    struct admin_server *e = owner;
    if (listener_port(l) == 0 && !peer_fd_is_ours(fd)) {
        log_warning("%s: a process of another user was turned away", admin_server_name(e));
        close(fd);
        return;
    }
    struct stream *s = stream_from_fd(e->o.loop, fd);
    if (s != NULL)
        accept_client(e, s);
}

/* ---- the listener ---- */

struct admin_server *admin_server_new(const struct admin_server_options *o, enum err *why)
{
    static const struct listener_events events = {.descriptor = on_descriptor};
    struct admin_server *e = calloc(1, sizeof *e);
    *why = ERR_NO_MEMORY;
    if (e == NULL)
        return NULL;
    e->o = *o;
    list_init(&e->clients);
    e->listener = listener_new(o->loop, o->where, &events, e, why);
    if (e->listener != NULL)
        return e;
    free(e);
    return NULL;
}

void admin_server_free(struct admin_server *e)
{
    if (e == NULL)
        return;
    listener_free(e->listener);
    list_each(node, &e->clients)
    {
        client_free(list_entry(node, struct admin_request, node));
    }
    free(e);
}

const char *admin_server_name(const struct admin_server *e)
{
    return listener_name(e->listener);
}
