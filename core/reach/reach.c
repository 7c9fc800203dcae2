#include "core/net/address.h"
#include "core/net/socket.h"
#include "core/reach/reach_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the end ---- */

void reach_cancel(struct reach *r)
{
    if (r == NULL)
        return;
    if (r->lookup != NULL)
        lookup_cancel(r->lookup);
    if (r->dial != NULL)
        dial_cancel(r->dial);
    if (r->stream != NULL)
        stream_close(r->stream);
    buf_wipe(&r->request);
    http_reader_free(r->answer);
    login_free(&r->login);
    free(r);
}

/* Ends the reach. The text of a failure at the proxy becomes a sentence about it; a text that
 * begins with a blank follows the proxy's name. */
static void end(struct reach *r, struct reach_failure f)
{
    const struct reach_events *events = r->events;
    const struct upstream *proxy = r->target.proxy;
    void *owner = r->owner;
    char where[900];
    f.at_proxy = proxy != NULL && r->step < TARGET_TLS;
    if (f.at_proxy)
        snprintf(where, sizeof where, "the proxy %.200s:%d%s%s", proxy->host, proxy->port,
                 f.text[0] == ' ' ? "" : ": ", f.text);
    else
        snprintf(where, sizeof where, "%s", f.text);
    f.text = where;
    /* A server that connects and then fails the handshake should not hide the other addresses. */
    if (r->stream != NULL) {
        r->target.memory->dial.failed = true;
        r->target.memory->target.failed = r->step == TARGET_TLS;
    }
    reach_cancel(r);
    events->failed(owner, &f);
}

static void fail(struct reach *r, enum err why, const char *text)
{
    end(r, (struct reach_failure){.why = why, .text = text, .later_ms = -1});
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

static void dial(struct reach *r);
static void on_opened(void *owner);
static void on_readable(void *owner);
static void on_failed(void *owner, enum err why);

static void on_writable(void *owner)
{
    /* No need to continue: requests to the proxy are sent whole, and its answers tell their
     * fate. */
    (void)owner;
}

static const struct stream_events stream_events = {
    .opened = on_opened,
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

static void start_tls(struct reach *r, enum reach_step step)
{
    bool there = step == TARGET_TLS;
    struct tls_client_options o = {.trust = r->target.trust,
                                   .host = there ? r->target.host : r->target.proxy->host,
                                   .session = there ? r->target.tls_session : NULL,
                                   .identity = there ? r->target.identity : NULL,
                                   .keep_certificate = there && r->target.keep_certificate};
    struct stream *lower = r->stream;
    r->step = step;
    r->stream = tls_client(r->loop, lower, &o, &stream_events, r);
    if (r->stream == NULL)
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

static void on_failed(void *owner, enum err why)
{
    struct reach *r = owner;
    char text[400];
    bool tls = (r->step == PROXY_TLS || r->step == TARGET_TLS) && r->stream != NULL;
    const char *detail = tls ? tls_problem(r->stream) : "";
    snprintf(text, sizeof text, "%s", detail[0] != '\0' ? detail : err_text(why));
    fail(r, why, text);
}

static void send_request(struct reach *r)
{
    r->step = PROXY_ANSWER;
    stream_read_on(r->stream, true);
    stream_write(r->stream, r->request.data, r->request.size);
}

/* Tries once more on a new connection, since many proxies close the one on which they sent a
 * 407. */
static void again(struct reach *r)
{
    stream_close(r->stream);
    r->stream = NULL;
    buf_wipe(&r->request);
    dial(r);
}

static void through(struct reach *r)
{
    stream_read_on(r->stream, false);
    start_tls(r, TARGET_TLS);
}

static void go_on(struct reach *r, enum proxy_next next)
{
    switch (next) {
    case PROXY_WAIT:
        break;
    case PROXY_SEND:
        send_request(r);
        break;
    case PROXY_AGAIN:
        again(r);
        break;
    case PROXY_THROUGH:
        through(r);
        break;
    case PROXY_FAILED:
        end(r, r->failure);
        break;
    }
}

static void on_opened(void *owner)
{
    struct reach *r = owner;
    if (r->step == PROXY_TLS)
        go_on(r, reach_ask_proxy(r));
    else
        arrive(r);
}

static void on_readable(void *owner)
{
    struct reach *r = owner;
    uint8_t *p;
    long n = stream_peek(r->stream, 1, &p);
    if (n > 0)
        go_on(r, reach_proxy_said(r, p, (size_t)n));
    else if (n < 0)
        go_on(r, reach_proxy_gone(r, (enum err) - n));
}

/* ---- the beginning ---- */

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct reach *r = owner;
    r->dial = NULL;
    if (s == NULL) {
        on_failed(r, why);
        return;
    }
    if (r->target.unsent_limit != 0)
        stream_unsent_limit(s, r->target.unsent_limit);
    if (r->target.unread_limit != 0)
        stream_unread_limit(s, r->target.unread_limit);
    stream_set_owner(s, &stream_events, r);
    r->stream = s;
    if (r->target.proxy == NULL)
        start_tls(r, TARGET_TLS);
    else if (r->target.proxy->kind == UPSTREAM_HTTPS)
        start_tls(r, PROXY_TLS);
    else
        go_on(r, reach_ask_proxy(r));
}

static bool begin_dial(struct reach *r)
{
    const struct upstream *proxy = r->target.proxy;
    struct dial_options o = {
        .host = proxy != NULL ? proxy->host : r->target.host,
        .port = proxy != NULL ? proxy->port : r->target.port,
        .bind = r->target.bind,
        .memory = &r->target.memory->dial,
    };
    r->step = DIALLING;
    r->dial = dial_start(r->loop, &o, on_dialled, r);
    return r->dial != NULL;
}

static void dial(struct reach *r)
{
    if (!begin_dial(r))
        fail(r, ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
}

/* Begins with the address that worked last time. */
static void in_order(struct reach *r)
{
    const struct dial_memory *last = &r->target.memory->target;
    addresses_interleave(&r->addresses);
    addresses_rotate(&r->addresses, &last->last, last->failed);
}

static void on_found(void *owner, const struct addresses *found, enum err why)
{
    struct reach *r = owner;
    char text[300];
    r->lookup = NULL;
    if (why != ERR_OK) {
        snprintf(text, sizeof text,
                 " is to be given an address (socks5h:// gives it the name): %.150s: %s",
                 r->target.host, err_text(why));
        fail(r, why, text);
        return;
    }
    r->addresses = *found;
    in_order(r);
    dial(r);
}

/* With socks5://, and for a host that is an address, a SOCKS proxy is given the address and not the
 * name. */
static bool begin(struct reach *r)
{
    const struct upstream *proxy = r->target.proxy;
    const char *host = r->target.host;
    bool address = proxy != NULL && reach_by_socks(r) &&
                   (proxy->kind == UPSTREAM_SOCKS5 || address_is_ip(host));
    if (!address || addresses_known(host, &r->addresses)) {
        in_order(r);
        return begin_dial(r);
    }
    r->step = LOOKING_UP;
    r->lookup = lookup_start(r->loop, &(struct lookup_options){.host = host}, on_found, r);
    return r->lookup != NULL;
}

struct reach *reach_start(struct loop *loop, const struct reach_target *target,
                          const struct reach_events *events, void *owner)
{
    struct reach *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    *r = (struct reach){.loop = loop, .target = *target, .events = events, .owner = owner};
    r->request.limit = REACH_REQUEST_MAX;
    if (r->target.memory == NULL)
        r->target.memory = &r->own;
    if (begin(r))
        return r;
    reach_cancel(r);
    return NULL;
}
