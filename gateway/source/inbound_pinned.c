#include "gateway/source/inbound_http_internal.h"

#include "core/net/listener.h"
#include "core/net/socket.h"
#include "gateway/source/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE 16384 /* bytes of a response in one write */
#define FIRST_BYTE_MS 30000
#define LOOK_MS 500 /* how often a client that is not read is checked for being there */

/* What the pair of sockets cannot tell the forward: that its end is a break. Pinned connection and
 * forward share it. */
struct pair_end {
    unsigned users;
    bool torn;
};

struct pinned_conn {
    struct list node; /* in inbound's list while a request is under way */
    struct inbound *in;
    const struct inbound_protocol *protocol;
    struct listener *listener;
    struct inbound_conn *client; /* waits for the next request; NULL: one is under way */
    struct stream *outer;        /* the client's, while a request is under way */
    struct stream *inner;        /* our end of the pair */
    struct pair_end *end;
    struct timer *timer; /* runs while a request is under way */
    char *host;
    int port; /* 0: none was given */
    struct exchange *exchange;
    struct buf up, down; /* being written while not empty */
    bool stays;          /* The client stays for another request. */
    bool answered;       /* The response is complete. */
    bool left;           /* The client has left in good order. */
    bool over;           /* Nothing more comes from the service. */
    bool cut;            /* over, by a break: the forward closed its socket without a FIN */
};

bool pinned_wanted(const struct http_head *head)
{
    static const char *const schemes[] = {"NTLM", "Negotiate"};
    struct span rest = http_header(head, "Authorization"), scheme = span_cut(&rest, ' ');
    if (!head->keep_alive || proxy_upgrades(head))
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (span_is_nocase(scheme, schemes[i]))
            return true;
    return false;
}

bool pinned_fits(const struct inbound_conn *c, const struct proxy_request *r)
{
    const struct http_state *s = c->state;
    return s->pinned != NULL && r->port == s->pinned->port &&
           span_is_nocase(span_of(r->host), s->pinned->host);
}

static void pair_end_release(void *ctx)
{
    struct pair_end *p = ctx;
    if (p != NULL && --p->users == 0)
        free(p);
}

static bool pair_end_torn(const void *ctx)
{
    const struct pair_end *p = ctx;
    return p->torn;
}

/* True between requests, and once a request has gone up whole and its response is here or has no
 * taker. */
static bool said_all(const struct pinned_conn *k)
{
    return k->exchange == NULL ||
           (exchange_whole(k->exchange) && k->up.size == 0 && (k->answered || k->over || k->left));
}

void pinned_free(struct pinned_conn *k)
{
    if (k == NULL)
        return;
    if (k->end != NULL)
        k->end->torn = !said_all(k);
    pair_end_release(k->end);
    timer_free(k->timer);
    list_remove(&k->node);
    if (k->outer != NULL)
        stream_close(k->outer);
    if (k->inner != NULL)
        stream_close(k->inner);
    exchange_free(k->exchange);
    buf_free(&k->up);
    buf_free(&k->down);
    free(k->host);
    free(k);
}

void pinned_free_all(struct inbound *in)
{
    while (!list_empty(&in->pinned))
        pinned_free(list_entry(in->pinned.next, struct pinned_conn, node));
}

/* Ends k; the client gets a FIN after what it has got. */
static void part(struct pinned_conn *k)
{
    struct buf none = {.limit = 1};
    struct stream *client = k->outer;
    k->outer = NULL;
    lingering_close_start(k->in->lingering_closes, client, &none);
    pinned_free(k);
}

/* Ends k; the client gets a reset, lest it take a part of the response for the whole. */
static void tear(struct pinned_conn *k)
{
    stream_reset_on_close(k->outer, true);
    pinned_free(k);
}

/* The client has its response: gives its stream back to the endpoint for the next request, once
 * this one has gone up whole. */
static void again(struct pinned_conn *k)
{
    struct stream *client = k->outer;
    if (!k->stays || !exchange_request_done(k->exchange)) {
        part(k);
        return;
    }
    if (k->up.size > 0)
        return; /* The rest of the request has to go up first. */
    exchange_free(k->exchange);
    k->exchange = NULL;
    timer_stop(k->timer);
    k->answered = false;
    k->outer = NULL;
    list_remove(&k->node);
    k->client = inbound_conn_new(k->in, k->listener, client, k->protocol, PINNED_IDLE_MS);
    if (k->client == NULL) {
        pinned_free(k);
        return;
    }
    struct http_state *s = k->client->state;
    s->pinned = k;
    stream_read_on(k->inner, true); /* for the service's end */
}

/* ---- up ---- */

static void want_up(struct pinned_conn *k)
{
    stream_read_on(k->outer, k->up.size == 0 && !exchange_request_done(k->exchange));
}

static void send_up(struct pinned_conn *k)
{
    if (k->up.size > 0 && stream_write(k->inner, k->up.data, k->up.size))
        buf_free(&k->up);
    want_up(k);
}

static void on_outer_readable(void *owner)
{
    struct pinned_conn *k = owner;
    uint8_t *p;
    if (k->up.size > 0 || exchange_request_done(k->exchange)) {
        stream_read_on(k->outer, false);
        return;
    }
    long n = stream_peek(k->outer, 1, &p);
    size_t belongs = n > 0 ? exchange_up(k->exchange, p, (size_t)n) : 0;
    bool good =
        n >= 0 && !exchange_broken(k->exchange) && (belongs == 0 || buf_append(&k->up, p, belongs));
    if (!good) {
        pinned_free(k);
        return;
    }
    stream_consume(k->outer, belongs);
    send_up(k);
}

/* ---- down ---- */

static void down_is_out(struct pinned_conn *k)
{
    buf_free(&k->down);
    if (k->over && k->cut)
        tear(k);
    else if (k->over)
        part(k);
    else if (k->answered)
        again(k);
    else
        stream_read_on(k->inner, true);
}

/* The service closed, or sent something unasked for, between requests. */
static void idle_is_over(struct pinned_conn *k)
{
    inbound_conn_close(k->client); /* frees k, too */
}

static void on_inner_readable(void *owner)
{
    struct pinned_conn *k = owner;
    struct conn_insert none = {0};
    if (k->client != NULL) {
        idle_is_over(k);
        return;
    }
    if (k->down.size > 0) {
        stream_read_on(k->inner, false);
        return;
    }
    uint8_t *room = buf_room(&k->down, PIECE);
    long n = room != NULL ? stream_pull(k->inner, room, PIECE) : -(long)ERR_NO_MEMORY;
    if (n == 0)
        return;
    k->over = n < 0;
    k->cut = n < 0 && (n != -(long)ERR_EOF || stream_peer_gone(k->inner));
    if (n > 0) {
        k->answered = !exchange_down(k->exchange, room, (size_t)n, &none);
        buf_added(&k->down, (size_t)n);
    }
    stream_read_on(k->inner, false);
    if (n < 0 || stream_write(k->outer, k->down.data, k->down.size))
        down_is_out(k);
}

/* ---- both ---- */

static void on_outer_writable(void *owner)
{
    down_is_out(owner);
}

static void on_inner_writable(void *owner)
{
    struct pinned_conn *k = owner;
    buf_free(&k->up);
    if (k->client == NULL && k->answered && k->down.size == 0)
        again(k);
    else if (k->client == NULL)
        want_up(k);
}

/* Looks whether the client is still there. A client whose request is whole is not read, since what
 * comes next is another request. */
static void on_time(void *owner)
{
    struct pinned_conn *k = owner;
    enum stream_presence client = stream_presence(k->outer);
    k->left = client == STREAM_GONE;
    if (client != STREAM_THERE)
        pinned_free(k);
    else
        timer_start(k->timer, LOOK_MS);
}

static void on_outer_failed(void *owner, enum err why)
{
    (void)why;
    pinned_free(owner);
}

/* What the service sent before is still there to be read, and then its end. */
static void on_inner_failed(void *owner, enum err why)
{
    struct pinned_conn *k = owner;
    (void)why;
    if (k->client != NULL)
        idle_is_over(k);
    else
        stream_read_on(k->inner, k->down.size == 0);
}

static const struct stream_events outer_events = {
    .readable = on_outer_readable, .writable = on_outer_writable, .failed = on_outer_failed};
static const struct stream_events inner_events = {
    .readable = on_inner_readable, .writable = on_inner_writable, .failed = on_inner_failed};

/* ---- requests ---- */

/* *far: the forward's end of the pair. */
static struct pinned_conn *begin(struct inbound_conn *c, const struct proxy_request *r,
                                 struct stream **far)
{
    int fds[2];
    struct pinned_conn *k = calloc(1, sizeof *k);
    if (k == NULL)
        return NULL;
    *k = (struct pinned_conn){.in = c->in,
                              .protocol = c->protocol,
                              .listener = c->listener,
                              .host = span_dup(span_of(r->host)),
                              .port = r->port,
                              .up = {.limit = (size_t)2 * LOOP_BLOCK},
                              .down = {.limit = PIECE}};
    list_init(&k->node);
    k->end = calloc(1, sizeof *k->end);
    if (k->end != NULL)
        k->end->users = 1;
    k->timer = timer_new(c->in->loop, on_time, k);
    if (k->host != NULL && k->end != NULL && k->timer != NULL &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0) {
        k->inner = stream_from_fd(c->in->loop, fds[0]);
        *far = stream_from_fd(c->in->loop, fds[1]);
    }
    if (k->inner == NULL || *far == NULL) {
        if (*far != NULL)
            stream_close(*far);
        pinned_free(k);
        return NULL;
    }
    snprintf((*far)->name, sizeof(*far)->name, "%s", c->stream->name);
    stream_set_owner(k->inner, &inner_events, k);
    return k;
}

static bool prepare(struct pinned_conn *k, const struct http_head *head,
                    const struct proxy_request *r)
{
    struct proxy_request kept = *r;
    kept.keep = true;
    k->stays = head->keep_alive;
    k->exchange = exchange_new(head);
    if (k->exchange == NULL || !proxy_rewrite(head, &kept, &k->up))
        return false;
    exchange_keep(k->exchange);
    return true;
}

static void start_forward(struct pinned_conn *k, struct stream *far, const char *user, bool head,
                          bool quiet)
{
    k->end->users++;
    forward_start(k->in->forwards, far,
                  &(struct forward_options){
                      .format = head ? &inbound_reply_forward_head : &inbound_reply_forward,
                      .question = {.host = span_of(k->host),
                                   .hint = user,
                                   .quiet = quiet,
                                   .http = true,
                                   .port = k->port != 0 ? k->port : HTTP_PORT},
                      .resolve = k->in->resolve,
                      .owner = k->in->owner,
                      .early = &k->up,
                      .tap = {.torn = pair_end_torn, .ctx = k->end},
                      .tap_free = pair_end_release,
                      .patience_ms = exchange_request_done(k->exchange) ? FIRST_BYTE_MS : 0,
                  });
}

void pinned_request(struct inbound_conn *c, const struct http_head *head,
                    const struct proxy_request *r, const char *user)
{
    struct http_state *s = c->state;
    struct stream *far = NULL;
    bool is_head = span_is(head->method, "HEAD"), quiet = inbound_conn_is_untrusted(c);
    struct pinned_conn *k = pinned_fits(c, r) ? s->pinned : begin(c, r, &far);
    if (k == s->pinned)
        s->pinned = NULL;
    if (k == NULL || !prepare(k, head, r)) {
        if (far != NULL)
            stream_close(far);
        pinned_free(k);
        inbound_http_refuse(c, r->host, ERR_NO_MEMORY, err_http(ERR_NO_MEMORY),
                            err_text(ERR_NO_MEMORY), is_head);
        return;
    }
    k->client = NULL;
    k->outer = c->stream;
    list_append(&k->in->pinned, &k->node);
    inbound_conn_free(c);
    stream_set_owner(k->outer, &outer_events, k);
    stream_read_on(k->inner, true);
    timer_start(k->timer, LOOK_MS);
    if (far != NULL)
        start_forward(k, far, user, is_head, quiet);
    send_up(k);
}
