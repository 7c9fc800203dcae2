#include "gateway/hub/front.h"

#include "core/base/log.h"
#include "core/net/tcp.h"
#include "core/tls/tls.h"
#include "core/ws/handshake.h"
#include "gateway/hub/spill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LISTENERS 16
#define MAX_VISITORS 1024
#define TIMEOUT_MS 10000
#define LEAVING_MS 2000 /* for the answer to arrive; closing on unread bytes would take it away */
/* Bytes in the kernel beyond our back-pressure: share/doc/performance.md, "Little queued". */
#define UNSENT_MAX 16384
#define UNREAD_MAX 131072
#define TLS_CACHE_BYTES 262144

/* A certificate and its key, as long as a stream uses them. */
struct certificate {
    struct identity *identity;
    size_t users;
};

struct front {
    struct loop *loop;
    struct hub *hub;
    struct front_options options;
    struct certificate *certificate;
    struct tls_cache *cache;
    struct listener *listeners[MAX_LISTENERS];
    size_t n_listeners;
    struct list visitors;
    size_t n_visitors;
};

enum visitor_state {
    VISITOR_TLS,    /* in the handshake */
    VISITOR_HEAD,   /* the request is coming */
    VISITOR_LEAVING /* it has been answered: the rest is thrown away */
};

struct visitor {
    struct list node;
    struct front *front;
    struct stream *tls, *stream; /* stream: the spill around tls, which is owned */
    struct http_reader *reader;
    struct timer *timer;
    enum visitor_state state;
    bool shut;
    char channel[36]; /* "channel-id": this connection's name in logs on both sides */
};

/* ---- certificates ---- */

static void certificate_release(void *ctx)
{
    struct certificate *c = ctx;
    if (c == NULL || --c->users > 0)
        return;
    identity_free(c->identity);
    free(c);
}

enum err front_reload(struct front *f, char *text, size_t size)
{
    enum err why;
    struct certificate *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ERR_NO_MEMORY;
    c->users = 1;
    c->identity = identity_new(f->options.cert_file, f->options.key_file, &why, text, size);
    if (c->identity == NULL) {
        free(c);
        return why;
    }
    certificate_release(f->certificate);
    f->certificate = c;
    return ERR_OK;
}

/* ---- visitors ---- */

static void visitor_free(struct visitor *v)
{
    list_remove(&v->node);
    v->front->n_visitors--;
    timer_free(v->timer);
    http_reader_free(v->reader);
    if (v->stream != NULL)
        stream_close(v->stream);
    free(v);
}

static void refused(struct visitor *v, const char *reason)
{
    refusals_add(hub_refusals(v->front->hub), loop_now(v->front->loop), v->stream->name, reason);
}

static void on_timeout(void *owner)
{
    struct visitor *v = owner;
    if (v->state != VISITOR_LEAVING)
        refused(v, v->state == VISITOR_TLS ? "the TLS handshake took too long"
                                           : "the request took too long");
    visitor_free(v);
}

static void shut_when_written(struct visitor *v)
{
    if (v->shut || !stream_ready(v->stream))
        return;
    v->shut = true;
    stream_shutdown(v->stream);
}

static const char *more_headers(int status)
{
    switch (status) {
    case 405:
        return "Allow: GET\r\n";
    case 426:
        return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    default:
        return "";
    }
}

static void answer(struct visitor *v, int status, const char *text)
{
    char out[2048];
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 %d %s\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Length: %zu\r\n"
                     "Cache-Control: no-store\r\n"
                     "channel-id: %s\r\n"
                     "%s"
                     "Connection: close\r\n"
                     "\r\n"
                     "%s\n",
                     status, http_reason(status), strlen(text) + 1, v->channel,
                     more_headers(status), text);
    v->state = VISITOR_LEAVING;
    timer_start(v->timer, LEAVING_MS);
    if (n > 0 && (size_t)n < sizeof out)
        stream_write(v->stream, (const uint8_t *)out, (size_t)n);
    shut_when_written(v);
}

static void refuse(struct visitor *v, int status, const char *text)
{
    refused(v, text);
    answer(v, status, text);
}

/* The stream goes on as a tunnel's end; the visitor is over. */
static void upgrade(struct visitor *v, const struct request *r, struct tunnel *t)
{
    char out[512], accept[WS_ACCEPT_SIZE];
    struct stream *stream = v->stream;
    ws_accept_key(r->key, accept);
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 101 Switching Protocols\r\n"
                     "Connection: upgrade\r\n"
                     "Upgrade: websocket\r\n"
                     "sec-websocket-accept: %s\r\n"
                     "sec-websocket-protocol: %s\r\n"
                     "channel-id: %s\r\n"
                     "\r\n",
                     accept, r->protocol, v->channel);
    stream_write(stream, (const uint8_t *)out, (size_t)n);
    v->stream = NULL;
    hub_join(v->front->hub, t, r, stream, v->channel);
    visitor_free(v);
}

static void decide(struct visitor *v, const struct http_head *head)
{
    struct request r = request_check(head);
    if (r.kind == REQUEST_HEALTH) {
        answer(v, r.status, r.text);
    } else if (r.kind == REQUEST_REFUSED) {
        refuse(v, r.status, r.text);
    } else {
        struct admission a = hub_admit(v->front->hub, &r);
        if (a.tunnel != NULL)
            upgrade(v, &r, a.tunnel);
        else
            refuse(v, a.status, a.text);
    }
}

/* Takes the request's bytes and none behind them: those are the tunnel's. */
static void read_head(struct visitor *v)
{
    uint8_t *p;
    long n = stream_peek(v->stream, 1, &p);
    if (n == 0)
        return;
    if (n < 0) {
        visitor_free(v);
        return;
    }
    long taken = http_reader_feed(v->reader, p, (size_t)n);
    if (taken < 0) {
        enum err why = (enum err)(-taken);
        refuse(v, err_http(why),
               why == ERR_TOO_LARGE ? "The request has more than 4096 bytes."
                                    : "The request is not HTTP/1.1.");
        return;
    }
    stream_consume(v->stream, (size_t)taken);
    const struct http_head *head = http_reader_head(v->reader);
    if (head != NULL)
        decide(v, head);
}

static void throw_away(struct visitor *v)
{
    uint8_t *p;
    long n = stream_peek(v->stream, 1, &p);
    if (n > 0)
        stream_consume(v->stream, (size_t)n);
    else if (n < 0)
        visitor_free(v);
}

static void on_opened(void *owner)
{
    struct visitor *v = owner;
    v->state = VISITOR_HEAD;
    stream_read_on(v->stream, true);
}

static void on_readable(void *owner)
{
    struct visitor *v = owner;
    if (v->state == VISITOR_LEAVING)
        throw_away(v);
    else if (stream_ready(v->stream)) /* else an answer could not be written */
        read_head(v);
    else
        stream_read_on(v->stream, false);
}

static void on_writable(void *owner)
{
    struct visitor *v = owner;
    if (v->state == VISITOR_LEAVING)
        shut_when_written(v);
    else
        stream_read_on(v->stream, true);
}

static void on_failed(void *owner, enum err why)
{
    struct visitor *v = owner;
    const char *problem = tls_problem(v->tls);
    if (v->state == VISITOR_TLS)
        refused(v, problem != NULL && problem[0] != '\0' ? problem : err_text(why));
    visitor_free(v);
}

static const struct stream_events visitor_events = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .failed = on_failed};

static void name_channel(char out[36])
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
}

/* Wraps the socket in TLS and a spill. False: no memory; the socket is closed. */
static bool open_stream(struct visitor *v, struct stream *socket)
{
    struct front *f = v->front;
    struct tls_server_options options = {.identity = f->certificate->identity, .cache = f->cache};
    stream_unsent_limit(socket, UNSENT_MAX);
    stream_unread_limit(socket, UNREAD_MAX);
    v->tls = tls_server(f->loop, socket, &options, &visitor_events, v);
    v->stream = v->tls != NULL ? spill_new(f->loop, v->tls, &visitor_events, v) : NULL;
    if (v->stream == NULL)
        return false;
    f->certificate->users++;
    spill_at_close(v->stream, certificate_release, f->certificate);
    return true;
}

static void on_accepted(void *owner, struct listener *l, struct stream *socket)
{
    struct front *f = owner;
    struct visitor *v = f->n_visitors < f->options.max_visitors ? calloc(1, sizeof *v) : NULL;
    (void)l;
    if (v == NULL) {
        refusals_add(hub_refusals(f->hub), loop_now(f->loop), socket->name,
                     "too many connections are shaking hands");
        stream_close(socket);
        return;
    }
    v->front = f;
    f->n_visitors++;
    list_init(&v->node);
    list_append(&f->visitors, &v->node);
    name_channel(v->channel);
    v->reader = http_reader_new(true, REQUEST_MAX);
    v->timer = timer_new(f->loop, on_timeout, v);
    if (v->reader == NULL || v->timer == NULL) {
        stream_close(socket);
        visitor_free(v);
    } else if (!open_stream(v, socket)) {
        visitor_free(v);
    } else {
        timer_start(v->timer, f->options.timeout_ms);
    }
}

static const struct listener_events listener_events = {.accepted = on_accepted};

/* ---- the door ---- */

struct front *front_new(const struct front_options *o, enum err *why, char *text, size_t size)
{
    struct front *f = calloc(1, sizeof *f);
    *why = ERR_NO_MEMORY;
    if (f == NULL)
        return NULL;
    *f = (struct front){.loop = o->loop, .hub = o->hub, .options = *o};
    list_init(&f->visitors);
    if (f->options.max_visitors == 0)
        f->options.max_visitors = MAX_VISITORS;
    if (f->options.timeout_ms == 0)
        f->options.timeout_ms = TIMEOUT_MS;
    f->cache = tls_cache_new(TLS_CACHE_BYTES);
    if (f->cache != NULL)
        *why = front_reload(f, text, size);
    if (*why == ERR_OK)
        return f;
    front_free(f);
    return NULL;
}

void front_free(struct front *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n_listeners; i++)
        listener_free(f->listeners[i]);
    while (!list_empty(&f->visitors))
        visitor_free(list_entry(f->visitors.next, struct visitor, node));
    certificate_release(f->certificate);
    tls_cache_free(f->cache);
    free(f);
}

const char *front_listen(struct front *f, const char *where, enum err *why)
{
    *why = ERR_LIMIT;
    if (f->n_listeners == MAX_LISTENERS)
        return NULL;
    struct listener *l = listener_new(f->loop, where, &listener_events, f, why);
    if (l == NULL)
        return NULL;
    f->listeners[f->n_listeners++] = l;
    return listener_name(l);
}
