#include "gateway/source/inbound_pinned_internal.h"

#include "core/base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DENIED_MS 1000 /* until one who gave a wrong password is told so */

void inbound_conn_free(struct inbound_conn *c)
{
    list_remove(&c->node);
    c->in->n--;
    timer_free(c->timer);
    socks_free(c->socks);
    http_reader_free(c->http);
    pinned_free(c->pinned);
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

/* Without a greeting there is nobody to tell, and mostly nothing to tell: browsers open connections
 * that they may need later. One that greets and leaves has failed to resolve the name. */
void inbound_conn_left(struct inbound_conn *c)
{
    if (c->socks != NULL && socks_idle(c->socks))
        access_log_refused(
            c->in->access_log, c->stream->name, "socks5", "", ERR_CLIENT_CLOSED,
            "it left without naming a host: if it looks up names itself, say socks5h:// "
            "instead of socks5://, or proxy DNS");
    inbound_conn_close(c);
}

static void refuse_in_format(struct inbound_conn *c, const struct reply_format *f,
                             const char *asked, enum err why, const char *text)
{
    struct buf words = {.limit = 8192};
    if (!f->answer(why, text, &words))
        buf_free(&words);
    inbound_conn_refuse(c, f->protocol, asked, why, text, &words);
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

/* On the same machine: what there is to be had may be named. */
static bool is_local(const struct stream *s)
{
    static const char *const prefixes[] = {"127.", "[::1]:", "[::ffff:127.", "pid ", "unix", "/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(s->name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

bool inbound_conn_is_untrusted(const struct inbound_conn *c)
{
    return c->in->user == NULL && !is_local(c->stream);
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
