#include "core/net/socket.h"
#include "core/tunnel/frame.h"
#include "gateway/hub/bridge/inner_end_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LIMIT 262144
#define ANSWER_MAX 4096 /* bytes of another node's answer */

/* ---- the transport ---- */

/* The relay has ended it: the tunnel is closed, its token was replaced, or the hub ends. */
static void on_over(void *owner, enum err why, const char *text, bool told)
{
    struct inner_end *e = owner;
    (void)why, (void)text, (void)told;
    loop_defer(e->o.loop, &e->ending);
}

static void on_ping(void *owner)
{
    struct inner_end *e = owner;
    if (e->transport.ws != NULL)
        link_transport_ping(&e->transport);
    timer_start(e->ping, e->o.ping_ms);
}

/* ---- the session ---- */

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)ids, (void)n;
    inner_conns_open(owner);
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    struct inner_end *e = owner;
    (void)why, (void)text;
    loop_defer(e->o.loop, &e->ending);
}

static void on_incoming(void *owner, struct conn *c)
{
    inner_conn_incoming(owner, c);
}

static void on_reachable(void *owner)
{
    inner_conns_open(owner);
}

static const struct session_events session_events = {.services = on_services,
                                                     .incoming = on_incoming,
                                                     .broken = on_broken,
                                                     .reachable = on_reachable};

/* ---- life ---- */

static void end_free(struct inner_end *e)
{
    list_remove(&e->node);
    loop_cancel(&e->ending);
    timer_free(e->ping);
    free(e->service);
    free(e->label);
    free(e);
}

/* The session ends each connection that it has; those that wait for it have none. */
static void end_session(struct inner_end *e, enum err why)
{
    if (e->session != NULL) {
        link_transport_drop(&e->transport);
        session_detach(e->session, why);
        session_free(e->session);
    }
    if (e->asking != NULL)
        stream_close(e->asking);
    e->session = NULL;
    e->asking = NULL;
    while (!list_empty(&e->conns))
        inner_conn_fail(list_entry(e->conns.next, struct inner_conn, node), why);
}

static void be_over(struct inner_end *e)
{
    e->over = true;
    e->over_at = loop_now(e->o.loop);
    end_session(e, ERR_TUNNEL_CLOSED);
    e->o.over(e->o.owner, e->o.serial);
}

/* Deferred. It is gone when nobody's end is awaited any more. */
static void on_ending(void *owner)
{
    struct inner_end *e = owner;
    if (!e->over)
        be_over(e);
    if (list_empty(&e->lingering))
        end_free(e);
}

void inner_end_leave(struct inner_end *e)
{
    loop_defer(e->o.loop, &e->ending);
}

void inner_end_drop(struct inner_end *e)
{
    e->dropping = true;
    end_session(e, ERR_SHUTDOWN);
    while (!list_empty(&e->lingering)) {
        struct lingering *l = list_entry(e->lingering.next, struct lingering, node);
        stream_close(l->stream);
        list_remove(&l->node);
        free(l);
    }
    end_free(e);
}

/* Takes the stream over. */
static bool join(struct inner_end *e, struct stream *s)
{
    if (!link_transport_open(&e->transport, s))
        return false;
    link_transport_attach(&e->transport, true, 1000 * e->o.idle_s);
    return true;
}

/* ---- the answer of another node ---- */

/* Whether it is let in, to speak as with the relay here. */
static bool is_welcome(struct span head)
{
    static const char good[] = "HTTP/1.1 101 ";
    size_t n = sizeof good - 1;
    return head.n > n && memcmp(head.p, good, n) == 0 &&
           memmem(head.p, head.n, FRAME_NATIVE_PROTOCOL, strlen(FRAME_NATIVE_PROTOCOL)) != NULL;
}

static void on_answer(void *owner)
{
    struct inner_end *e = owner;
    struct stream *s = e->asking;
    uint8_t *p = NULL;
    long n = stream_peek(s, e->want, &p);
    if (n == 0)
        return;
    const uint8_t *end = n > 0 ? memmem(p, (size_t)n, "\r\n\r\n", 4) : NULL;
    if (n > 0 && end == NULL && n < ANSWER_MAX) {
        e->want = (size_t)n + 1;
        return;
    }
    struct span head = {(const char *)p, end != NULL ? (size_t)(end + 4 - p) : 0};
    if (!is_welcome(head)) {
        loop_defer(e->o.loop, &e->ending);
        return;
    }
    stream_consume(s, head.n);
    stream_read_on(s, false);
    e->asking = NULL;
    if (!join(e, s))
        loop_defer(e->o.loop, &e->ending);
}

static void on_asking_writable(void *owner)
{
    (void)owner;
}

static void on_asking_failed(void *owner, enum err why)
{
    struct inner_end *e = owner;
    (void)why;
    loop_defer(e->o.loop, &e->ending);
}

static const struct stream_events asking_events = {
    .readable = on_answer, .writable = on_asking_writable, .failed = on_asking_failed};

/* Takes the stream over. */
static void await_answer(struct inner_end *e, struct stream *s)
{
    e->asking = s;
    e->want = 1;
    stream_set_owner(s, &asking_events, e);
    stream_read_on(s, true);
}

/* Takes the stream over. */
static bool open_session(struct inner_end *e, struct stream *s)
{
    char title[200];
    snprintf(title, sizeof title, "tunnel %s: ", e->label != NULL ? e->label : "");
    const struct session_options o = {.role = e->o.role,
                                      .version = e->o.role == SESSION_SOURCE ? 3 : 0,
                                      .queue_limit = QUEUE_LIMIT,
                                      .max_connections = INNER_CONNECTIONS,
                                      .title = title};
    e->session = session_new(e->o.loop, &o, &session_events, e);
    e->transport = (struct link_transport){
        .loop = e->o.loop, .session = e->session, .over = on_over, .owner = e};
    keepalive_init(&e->transport.keepalive, e->o.ping_ms);
    if (e->session == NULL)
        stream_close(s);
    else if (e->o.asks)
        await_answer(e, s);
    else
        return join(e, s);
    return e->session != NULL;
}

struct inner_end *inner_end_new(const struct inner_end_options *o, int fd)
{
    struct inner_end *e = calloc(1, sizeof *e);
    struct stream *s = stream_from_fd(o->loop, fd);
    if (e == NULL || s == NULL) {
        if (s != NULL)
            stream_close(s);
        free(e);
        return NULL;
    }
    e->o = *o;
    list_init(&e->node);
    list_init(&e->conns);
    list_init(&e->lingering);
    deferred_init(&e->ending, on_ending, e);
    e->service = strdup(o->service);
    e->label = strdup(o->label);
    e->ping = timer_new(o->loop, on_ping, e);
    list_append(o->list, &e->node);
    bool opened = open_session(e, s);
    if (e->service == NULL || e->label == NULL || e->ping == NULL || !opened) {
        end_session(e, ERR_NO_MEMORY);
        end_free(e);
        return NULL;
    }
    timer_start(e->ping, e->o.ping_ms);
    return e;
}

uint64_t inner_end_over_ms(const struct inner_end *e, uint64_t now)
{
    return e->over ? now - e->over_at + 1 : 0;
}

uint64_t inner_end_serial(const struct inner_end *e)
{
    return e->o.serial;
}

struct inner_end *inner_end_at(struct list *node)
{
    return list_entry(node, struct inner_end, node);
}
