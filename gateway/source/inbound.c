#include "gateway/source/inbound.h"

#include "core/base/log.h"
#include "core/base/secret.h"
#include "gateway/source/inbound_pinned_internal.h"

#include <stdlib.h>
#include <string.h>

#define TLS_HANDSHAKE 0x16

/* ---- the first byte ---- */

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Makes the parser; false: c is gone. */
static bool choose(struct inbound_conn *c, uint8_t first)
{
    if (first == 4 || first == 5)
        c->socks = socks_new(c->in->auth);
    else if (is_letter(first))
        c->http = http_reader_new(HTTP_REQUEST, PROXY_HEAD_MAX);
    else if (first == TLS_HANDSHAKE)
        inbound_conn_refuse(
            c, "tls", "", ERR_PROTOCOL,
            "a TLS hello: the endpoint itself is not encrypted, name it with http:// or socks5h://",
            NULL);
    else
        inbound_conn_refuse(c, "unknown", "", ERR_PROTOCOL, "neither SOCKS nor HTTP", NULL);
    if (first != 4 && first != 5 && !is_letter(first))
        return false;
    if (c->socks == NULL && c->http == NULL) {
        inbound_conn_close(c);
        return false;
    }
    return true;
}

static void on_readable(void *owner)
{
    struct inbound_conn *c = owner;
    bool more = true;
    while (more) {
        uint8_t *p;
        long n = stream_peek(c->stream, 1, &p);
        if (n < 0)
            inbound_conn_left(c);
        if (n <= 0)
            return;
        if (c->socks == NULL && c->http == NULL && !choose(c, p[0]))
            return;
        more = c->socks != NULL ? inbound_socks(c, p, (size_t)n) : inbound_http(c, p, (size_t)n);
    }
}

static void on_writable(void *owner)
{
    inbound_socks_written(owner);
}

static void on_failed(void *owner, enum err why)
{
    (void)why;
    inbound_conn_close(owner);
}

static void on_time(void *owner)
{
    struct inbound_conn *c = owner;
    if (c->denied != NULL) {
        c->denied(c, c->denied_text);
    } else if (c->http != NULL && stream_ready(c->stream)) {
        inbound_http_refuse(c, "", ERR_SILENT, 408, "the request did not come in time", false);
    } else if (c->socks != NULL) {
        access_log_refused(c->in->access_log, c->stream->name, "socks", "", ERR_SILENT, NULL);
        inbound_conn_close(c);
    } else {
        /* Browsers open connections that they may need later. */
        log_debug("%s was silent and is closed", c->stream->name);
        inbound_conn_close(c);
    }
}

/* ---- newcomers ---- */

size_t inbound_count(const struct inbound *in)
{
    return in->n + forwards_count(in->forwards) + directs_count(in->directs) +
           lingering_closes_count(in->lingering_closes);
}

static struct inbound_conn *oldest_but(const struct inbound *in, const struct inbound_conn *c)
{
    list_each(node, &in->clients)
    {
        struct inbound_conn *other = list_entry(node, struct inbound_conn, node);
        if (other != c)
            return other;
    }
    return NULL;
}

/* Else connections that say nothing would keep all others out. Nobody goes for nothing: when
 * those who are being served are too many, all others stay. */
bool inbound_evict(struct inbound *in, size_t most, const struct inbound_conn *c)
{
    size_t served = forwards_count(in->forwards) + directs_count(in->directs);
    if (served + (c != NULL) > most)
        return false;
    while (inbound_count(in) > most) {
        struct inbound_conn *other = oldest_but(in, c);
        if (other != NULL) {
            access_log_refused(in->access_log, other->stream->name, "unknown", "", ERR_LIMIT,
                               "it asked for nothing, and others need its place");
            inbound_conn_close(other);
        } else if (!lingering_closes_evict(in->lingering_closes)) {
            return false;
        }
    }
    return true;
}

struct inbound_conn *inbound_conn_new(struct inbound *in, struct listener *l, struct stream *s,
                                      uint64_t patience_ms)
{
    static const struct stream_events events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct inbound_conn *c = calloc(1, sizeof *c);
    struct timer *timer = c != NULL ? timer_new(in->loop, on_time, c) : NULL;
    if (timer == NULL) {
        access_log_refused(in->access_log, s->name, "unknown", "", ERR_NO_MEMORY, NULL);
        free(c);
        stream_close(s);
        return NULL;
    }
    *c = (struct inbound_conn){
        .in = in, .listener = l, .stream = s, .accepted_ms = loop_now(in->loop), .timer = timer};
    list_init(&c->node);
    list_append(&in->clients, &c->node);
    in->n++;
    stream_set_owner(s, &events, c);
    timer_start(timer, patience_ms);
    stream_read_on(s, true);
    return c;
}

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    struct inbound *in = owner;
    if (inbound_evict(in, in->max_clients + INBOUND_POLITE - 1, NULL)) {
        inbound_conn_new(in, l, s, INBOUND_GREETING_MS);
    } else {
        access_log_refused(in->access_log, s->name, "unknown", "", ERR_LIMIT, NULL);
        stream_close(s);
    }
}

const struct listener *inbound_listen(struct inbound *in, const char *where, enum err *why)
{
    static const struct listener_events events = {.accepted = on_accepted};
    *why = ERR_LIMIT;
    if (in->n_listeners == INBOUND_LISTENERS_MAX)
        return NULL;
    struct listener *l = listener_new(in->loop, where, &events, in, why);
    if (l != NULL)
        in->listeners[in->n_listeners++] = l;
    return l;
}

/* ---- life ---- */

static enum socks_auth auth_without_user(const struct inbound_options *o)
{
    return o->ask_user ? SOCKS_AUTH_OPTIONAL : SOCKS_AUTH_NONE;
}

struct inbound *inbound_new(struct loop *loop, const struct inbound_options *o)
{
    struct inbound *in = calloc(1, sizeof *in);
    if (in == NULL)
        return NULL;
    *in = (struct inbound){.loop = loop,
                           .forwards = o->forwards,
                           .lingering_closes = forwards_lingering(o->forwards),
                           .access_log = forwards_access_log(o->forwards),
                           .resolve = o->resolve,
                           .direct = o->direct,
                           .page = o->page,
                           .owner = o->owner,
                           .names = o->names,
                           .origins = o->origins,
                           .max_clients = o->max_clients};
    in->auth = auth_without_user(o);
    list_init(&in->clients);
    list_init(&in->pinned);
    if (o->direct != NULL && (in->directs = directs_new(loop, o->forwards)) == NULL) {
        inbound_free(in);
        return NULL;
    }
    if (o->user == NULL)
        return in;
    in->auth = SOCKS_AUTH_REQUIRED;
    in->user = span_dup(span_of(o->user));
    in->password = span_dup(span_of(o->password));
    in->auth_throttle = auth_throttle_new();
    if (in->user != NULL && in->password != NULL && in->auth_throttle != NULL)
        return in;
    inbound_free(in);
    return NULL;
}

static void forget_password(struct inbound *in)
{
    secret_free(in->password);
    in->password = NULL;
}

bool ingress_change(struct inbound *in, const struct inbound_options *fresh)
{
    char *password = in->user != NULL ? span_dup(span_of(fresh->password)) : NULL;
    if (in->user != NULL && password == NULL)
        return false;
    forget_password(in);
    in->password = password;
    if (in->user == NULL)
        in->auth = auth_without_user(fresh);
    in->names = fresh->names;
    in->origins = fresh->origins;
    in->max_clients = fresh->max_clients;
    return true;
}

void inbound_free(struct inbound *in)
{
    if (in == NULL)
        return;
    for (size_t i = 0; i < in->n_listeners; i++)
        listener_free(in->listeners[i]);
    while (!list_empty(&in->clients))
        inbound_conn_close(list_entry(in->clients.next, struct inbound_conn, node));
    pinned_free_all(in);
    directs_free(in->directs);
    forget_password(in);
    free(in->user);
    auth_throttle_free(in->auth_throttle);
    free(in);
}
