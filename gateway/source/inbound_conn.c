#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/net/address.h"
#include "gateway/source/inbound_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DENIED_MS 1000 /* until a client that gave a wrong password is told so */

void inbound_conn_free(struct inbound_conn *c)
{
    list_remove(&c->node);
    c->in->n--;
    timer_free(c->timer);
    if (c->protocol != NULL)
        c->protocol->free(c->state);
    free(c);
}

void inbound_conn_close(struct inbound_conn *c)
{
    stream_close(c->stream);
    inbound_conn_free(c);
}

void inbound_conn_linger(struct inbound_conn *c, struct buf *words)
{
    lingering_close_start(c->in->lingering_closes, c->stream, words);
    inbound_conn_free(c);
}

void inbound_conn_refuse(struct inbound_conn *c, const char *protocol, const char *asked,
                         enum err why, const char *text, struct buf *words)
{
    struct buf none = {.limit = 1};
    access_log_refused(c->in->access_log, c->stream->name, protocol, asked, why, text);
    inbound_conn_linger(c, words != NULL ? words : &none);
}

/* ---- passwords ---- */

static bool credentials_right(const struct inbound *in, const char *user, const char *password)
{
    bool right = secret_equal(span_of(in->user), span_of(user));
    return secret_equal(span_of(in->password), span_of(password)) && right;
}

const char *inbound_conn_authenticate(struct inbound_conn *c, const char *user,
                                      const char *password)
{
    struct ip origin = ip_origin(ip_of_stream(c->stream));
    uint64_t now = loop_now(c->in->loop);
    if (!auth_throttle_allows(c->in->auth_throttle, origin, now))
        return "too many wrong passwords came from this address: try again in a minute";
    if (credentials_right(c->in, user, password))
        return NULL;
    auth_throttle_failed(c->in->auth_throttle, origin, now);
    return "user name or password is wrong";
}

void inbound_conn_deny(struct inbound_conn *c, const char *text,
                       void (*denied)(struct inbound_conn *c, const char *text))
{
    stream_read_on(c->stream, false);
    c->denied = denied;
    c->denied_text = text;
    timer_start(c->timer, DENIED_MS);
}

/* ---- who is where ---- */

bool inbound_conn_is_untrusted(const struct inbound_conn *c)
{
    return c->in->user == NULL && !address_is_local(c->stream->name);
}

/* ---- room ---- */

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

/* Without this, connections that say nothing would keep all others out. None is closed in vain: if
 * the served ones alone are too many, all others stay. */
bool inbound_evict(struct inbound *in, size_t most, const struct inbound_conn *c)
{
    while (c != NULL && inbound_count(in) > most && forwards_make_room(in->forwards))
        continue;
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

/* ---- its request ---- */

static bool speak(struct inbound_conn *c, const struct inbound_protocol *p)
{
    c->state = p->make(c->in);
    if (c->state != NULL)
        c->protocol = p;
    return c->state != NULL;
}

/* Finds the protocol that claims the first byte, and begins it. False: c is gone. */
static bool choose(struct inbound_conn *c, uint8_t first)
{
    const struct inbound_protocol *const *p = c->in->protocols;
    while (!(*p)->claims(first))
        p++;
    if ((*p)->refusal != NULL) {
        inbound_conn_refuse(c, (*p)->name, "", ERR_PROTOCOL, (*p)->refusal, NULL);
        return false;
    }
    if (speak(c, *p))
        return true;
    inbound_conn_close(c);
    return false;
}

static void ended(struct inbound_conn *c)
{
    if (c->protocol != NULL && c->protocol->left != NULL)
        c->protocol->left(c);
    inbound_conn_close(c);
}

static void on_readable(void *owner)
{
    struct inbound_conn *c = owner;
    bool more = true;
    while (more) {
        uint8_t *p;
        long n = stream_peek(c->stream, 1, &p);
        if (n < 0)
            ended(c);
        if (n <= 0)
            return;
        c->begun = true;
        if (c->protocol == NULL && !choose(c, p[0]))
            return;
        more = c->protocol->feed(c, p, (size_t)n);
    }
}

static void on_writable(void *owner)
{
    struct inbound_conn *c = owner;
    c->protocol->written(c);
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
    } else if (c->begun) {
        c->protocol->late(c);
    } else {
        /* Browsers open connections that they may need later. */
        log_debug("%s was silent and is closed", c->stream->name);
        inbound_conn_close(c);
    }
}

struct inbound_conn *inbound_conn_new(struct inbound *in, struct listener *l, struct stream *s,
                                      const struct inbound_protocol *p, uint64_t patience_ms)
{
    static const struct stream_events events = {
        .readable = on_readable, .writable = on_writable, .failed = on_failed};
    struct inbound_conn *c = calloc(1, sizeof *c);
    if (c != NULL)
        *c = (struct inbound_conn){.in = in,
                                   .listener = l,
                                   .stream = s,
                                   .accepted_ms = loop_now(in->loop),
                                   .timer = timer_new(in->loop, on_time, c)};
    if (c == NULL || c->timer == NULL || (p != NULL && !speak(c, p))) {
        access_log_refused(in->access_log, s->name, "unknown", "", ERR_NO_MEMORY, NULL);
        if (c != NULL)
            timer_free(c->timer);
        free(c);
        stream_close(s);
        return NULL;
    }
    list_init(&c->node);
    list_append(&in->clients, &c->node);
    in->n++;
    stream_set_owner(s, &events, c);
    timer_start(c->timer, patience_ms);
    stream_read_on(s, true);
    return c;
}

/* ---- its way ---- */

static void refuse_in_format(struct inbound_conn *c, const struct reply_format *f,
                             const char *asked, enum err why, const char *text)
{
    struct buf words = {.limit = 8192};
    if (!f->answer(why, text, &words))
        buf_free(&words);
    inbound_conn_refuse(c, f->protocol, asked, why, text, &words);
}

static bool goes_direct(const struct inbound *in, const struct forward_question *q)
{
    return in->directs != NULL && in->direct(in->owner, q);
}

void inbound_conn_forward(struct inbound_conn *c, struct forward_options *o, int port)
{
    struct inbound *in = c->in;
    char asked[PROXY_HOST_MAX + 1];
    if (!inbound_evict(in, in->max_clients, c)) {
        if (o->tap_free != NULL)
            o->tap_free(o->tap.ctx);
        snprintf(asked, sizeof asked, "%.*s", (int)o->question.host.n, o->question.host.p);
        refuse_in_format(c, o->format, asked, ERR_LIMIT, "too many clients of the gateway");
        return;
    }
    struct stream *s = c->stream;
    o->accepted_ms = c->accepted_ms;
    o->resolve = in->resolve;
    o->owner = in->owner;
    o->question.quiet = inbound_conn_is_untrusted(c);
    o->question.port = port;
    if (goes_direct(in, &o->question))
        direct_start(in->directs, s,
                     &(struct direct_options){.format = o->format,
                                              .accepted_ms = o->accepted_ms,
                                              .host = o->question.host,
                                              .port = port,
                                              .early = o->early,
                                              .tap = o->tap,
                                              .tap_free = o->tap_free});
    else
        forward_start(in->forwards, s, o);
    inbound_conn_free(c);
}
