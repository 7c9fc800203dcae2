#include "gateway/source/inbound.h"

#include "core/base/log.h"
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
static bool choose(struct client *c, uint8_t first)
{
    if (first == 4 || first == 5)
        c->socks = socks_new(c->in->auth);
    else if (is_letter(first))
        c->http = http_reader_new(true, PROXY_HEAD_MAX);
    else if (first == TLS_HANDSHAKE)
        client_refuse(
            c, "tls", "", ERR_PROTOCOL,
            "a TLS hello: the endpoint itself is not encrypted, name it with http:// or socks5h://",
            NULL);
    else
        client_refuse(c, "unknown", "", ERR_PROTOCOL, "neither SOCKS nor HTTP", NULL);
    if (first != 4 && first != 5 && !is_letter(first))
        return false;
    if (c->socks == NULL && c->http == NULL) {
        client_close(c);
        return false;
    }
    return true;
}

static void on_readable(void *owner)
{
    struct client *c = owner;
    bool more = true;
    while (more) {
        uint8_t *p;
        long n = stream_peek(c->stream, 1, &p);
        if (n < 0)
            client_left(c);
        if (n <= 0)
            return;
        if (c->socks == NULL && c->http == NULL && !choose(c, p[0]))
            return;
        more = c->socks != NULL ? client_socks(c, p, (size_t)n) : client_http(c, p, (size_t)n);
    }
}

static void on_writable(void *owner)
{
    client_socks_written(owner);
}

static void on_failed(void *owner, enum err why)
{
    (void)why;
    client_close(owner);
}

static void on_time(void *owner)
{
    struct client *c = owner;
    if (c->denied != NULL) {
        c->denied(c, c->denied_text);
    } else if (c->http != NULL && stream_ready(c->stream)) {
        client_http_refuse(c, "", ERR_SILENT, 408, "the request did not come in time", false);
    } else if (c->socks != NULL) {
        access_refused(c->in->access, c->stream->name, "socks", "", ERR_SILENT, NULL);
        client_close(c);
    } else {
        /* Browsers open connections that they may need later. */
        log_debug("%s was silent and is closed", c->stream->name);
        client_close(c);
    }
}

/* ---- newcomers ---- */

size_t ingress_present(const struct ingress *in)
{
    return in->n + passages_count(in->passages) + directs_count(in->directs) +
           partings_count(in->partings);
}

static struct client *oldest_but(const struct ingress *in, const struct client *c)
{
    list_each(node, &in->clients)
    {
        struct client *other = list_entry(node, struct client, node);
        if (other != c)
            return other;
    }
    return NULL;
}

/* Else whoever stands in the door and says nothing would shut it. Nobody goes for nothing: when
 * those who are being served are too many, all others stay. */
bool ingress_make_room(struct ingress *in, size_t most, const struct client *c)
{
    size_t served = passages_count(in->passages) + directs_count(in->directs);
    if (served + (c != NULL) > most)
        return false;
    while (ingress_present(in) > most) {
        struct client *other = oldest_but(in, c);
        if (other != NULL) {
            access_refused(in->access, other->stream->name, "unknown", "", ERR_LIMIT,
                           "it asked for nothing, and others need its place");
            client_close(other);
        } else if (!partings_cut(in->partings)) {
            return false;
        }
    }
    return true;
}

struct client *client_new(struct ingress *in, struct listener *l, struct stream *s,
                          uint64_t patience_ms)
{
    static const struct stream_events events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct client *c = calloc(1, sizeof *c);
    struct timer *timer = c != NULL ? timer_new(in->loop, on_time, c) : NULL;
    if (timer == NULL) {
        access_refused(in->access, s->name, "unknown", "", ERR_NO_MEMORY, NULL);
        free(c);
        stream_close(s);
        return NULL;
    }
    *c = (struct client){
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
    struct ingress *in = owner;
    if (ingress_make_room(in, in->max_clients + INGRESS_POLITE - 1, NULL)) {
        client_new(in, l, s, INGRESS_GREETING_MS);
    } else {
        access_refused(in->access, s->name, "unknown", "", ERR_LIMIT, NULL);
        stream_close(s);
    }
}

const struct listener *ingress_listen(struct ingress *in, const char *where, enum err *why)
{
    static const struct listener_events events = {.accepted = on_accepted};
    *why = ERR_LIMIT;
    if (in->n_listeners == INGRESS_LISTENERS_MAX)
        return NULL;
    struct listener *l = listener_new(in->loop, where, &events, in, why);
    if (l != NULL)
        in->listeners[in->n_listeners++] = l;
    return l;
}

/* ---- life ---- */

static enum socks_auth auth_without_user(const struct ingress_options *o)
{
    return o->ask_user ? SOCKS_AUTH_OPTIONAL : SOCKS_AUTH_NONE;
}

struct ingress *ingress_new(struct loop *loop, const struct ingress_options *o)
{
    struct ingress *in = calloc(1, sizeof *in);
    if (in == NULL)
        return NULL;
    *in = (struct ingress){.loop = loop,
                           .passages = o->passages,
                           .partings = passages_partings(o->passages),
                           .access = passages_access(o->passages),
                           .resolve = o->resolve,
                           .direct = o->direct,
                           .page = o->page,
                           .owner = o->owner,
                           .names = o->names,
                           .origins = o->origins,
                           .max_clients = o->max_clients};
    in->auth = auth_without_user(o);
    list_init(&in->clients);
    list_init(&in->kept);
    if (o->direct != NULL && (in->directs = directs_new(loop, o->passages)) == NULL) {
        ingress_free(in);
        return NULL;
    }
    if (o->user == NULL)
        return in;
    in->auth = SOCKS_AUTH_REQUIRED;
    in->user = span_dup(span_of(o->user));
    in->password = span_dup(span_of(o->password));
    in->guesses = guesses_new();
    if (in->user != NULL && in->password != NULL && in->guesses != NULL)
        return in;
    ingress_free(in);
    return NULL;
}

static void forget_password(struct ingress *in)
{
    if (in->password != NULL)
        explicit_bzero(in->password, strlen(in->password));
    free(in->password);
    in->password = NULL;
}

bool ingress_change(struct ingress *in, const struct ingress_options *fresh)
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

void ingress_free(struct ingress *in)
{
    if (in == NULL)
        return;
    for (size_t i = 0; i < in->n_listeners; i++)
        listener_free(in->listeners[i]);
    while (!list_empty(&in->clients))
        client_close(list_entry(in->clients.next, struct client, node));
    kept_free_all(in);
    directs_free(in->directs);
    forget_password(in);
    free(in->user);
    guesses_free(in->guesses);
    free(in);
}
