#include "gateway/source/inbound_pinned_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DENIED_MS 1000 /* until one who gave a wrong password is told so */

void client_free(struct client *c)
{
    list_remove(&c->node);
    c->in->n--;
    timer_free(c->timer);
    socks_free(c->socks);
    http_reader_free(c->http);
    kept_free(c->kept);
    free(c);
}

void client_close(struct client *c)
{
    stream_close(c->stream);
    client_free(c);
}

void client_part(struct client *c, struct buf *words)
{
    parting_start(c->in->partings, c->stream, words);
    client_free(c);
}

void client_refuse(struct client *c, const char *protocol, const char *asked, enum err why,
                   const char *text, struct buf *words)
{
    struct buf none = {.limit = 1};
    access_refused(c->in->access, c->stream->name, protocol, asked, why, text);
    client_part(c, words != NULL ? words : &none);
}

/* Without a greeting there is nobody to tell, and mostly nothing to tell: browsers open connections
 * that they may need later. One that greets and leaves has failed to resolve the name. */
void client_left(struct client *c)
{
    if (c->socks != NULL && socks_idle(c->socks))
        access_refused(c->in->access, c->stream->name, "socks5", "", ERR_CLIENT_CLOSED,
                       "it left without naming a host: if it looks up names itself, say socks5h:// "
                       "instead of socks5://, or proxy DNS");
    client_close(c);
}

static void refuse_front(struct client *c, const struct front *f, const char *asked, enum err why,
                         const char *text)
{
    struct buf words = {.limit = 8192};
    if (!f->answer(why, text, &words))
        buf_free(&words);
    client_refuse(c, f->protocol, asked, why, text, &words);
}

/* ---- passwords ---- */

static bool credentials_right(const struct ingress *in, const char *user, const char *password)
{
    bool right = str_equal_constant_time(span_of(in->user), span_of(user));
    return str_equal_constant_time(span_of(in->password), span_of(password)) && right;
}

const char *client_check(struct client *c, const char *user, const char *password)
{
    struct ip origin = ip_origin(ip_of_stream(c->stream));
    uint64_t now = loop_now(c->in->loop);
    if (!guesses_may(c->in->guesses, origin, now))
        return "too many wrong passwords came from this address: try again in a minute";
    if (credentials_right(c->in, user, password))
        return NULL;
    guesses_wrong(c->in->guesses, origin, now);
    return "user name or password is wrong";
}

void client_deny(struct client *c, const char *text,
                 void (*denied)(struct client *c, const char *text))
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

bool client_is_stranger(const struct client *c)
{
    return c->in->user == NULL && !is_local(c->stream);
}

static bool goes_direct(const struct ingress *in, const struct passage_question *q)
{
    return in->directs != NULL && in->direct(in->owner, q);
}

void client_hand_over(struct client *c, struct passage_options *o, int port)
{
    struct ingress *in = c->in;
    char asked[PROXY_HOST_MAX + 1];
    if (!ingress_make_room(in, in->max_clients, c)) {
        if (o->tap_free != NULL)
            o->tap_free(o->tap.ctx);
        snprintf(asked, sizeof asked, "%.*s", (int)o->question.host.n, o->question.host.p);
        refuse_front(c, o->front, asked, ERR_LIMIT, "too many clients of the gateway");
        return;
    }
    struct stream *s = c->stream;
    o->accepted_ms = c->accepted_ms;
    o->resolve = in->resolve;
    o->owner = in->owner;
    o->question.quiet = client_is_stranger(c);
    if (goes_direct(in, &o->question))
        direct_start(in->directs, s,
                     &(struct direct_options){.front = o->front,
                                              .accepted_ms = o->accepted_ms,
                                              .host = o->question.host,
                                              .port = port,
                                              .early = o->early,
                                              .tap = o->tap,
                                              .tap_free = o->tap_free});
    else
        passage_start(in->passages, s, o);
    client_free(c);
}
