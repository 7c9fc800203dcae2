#include "core/net/dial.h"

#include "core/net/address.h"
#include "core/net/lookup.h"
#include "core/net/socket_internal.h"
#include "core/net/uv_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define TIMEOUT_MS 10000
#define STAGGER_MS 250 /* RFC 8305 section 5, Connection Attempt Delay */

/* One address on its way. */
struct attempt {
    struct list node;
    struct dial *dial;
    struct socket_stream *socket;
    uv_connect_t *connect; /* freed in its callback */
    struct timer *timer;
    union address to;
};

/* resolve → attempts, one after the other and side by side → done. */
struct dial {
    struct loop *loop;
    void (*done)(void *owner, struct stream *s, enum err why);
    void *owner;
    char *host;
    int port;
    bool path; /* host is a unix path that has not been tried yet */
    bool bind;
    union address local;
    uint64_t timeout_ms, stagger_ms;
    struct dial_memory *memory;
    struct lookup *lookup; /* the running lookup, or NULL */
    struct addresses addresses;
    size_t next; /* index of the next address to try */
    struct list attempts;
    struct timer *pace; /* until the next address has its turn */
    struct deferred later;
    enum err why;
};

/* ---- ends ---- */

static void free_attempt(struct attempt *a)
{
    list_remove(&a->node);
    if (a->socket != NULL)
        socket_close(a->socket);
    if (a->connect != NULL)
        a->connect->data = NULL;
    timer_free(a->timer);
    free(a);
}

static void free_dial(struct dial *d)
{
    if (d->lookup != NULL)
        lookup_cancel(d->lookup);
    while (!list_empty(&d->attempts))
        free_attempt(list_entry(d->attempts.next, struct attempt, node));
    timer_free(d->pace);
    loop_cancel(&d->later);
    free(d->host);
    free(d);
}

static void finish(struct dial *d, struct stream *s, enum err why)
{
    void (*done)(void *owner, struct stream *s, enum err why) = d->done;
    void *owner = d->owner;
    free_dial(d);
    done(owner, s, why);
}

/* A missing route, usually for all of IPv6, does not hide the errors of the other addresses. */
static void note(struct dial *d, enum err why)
{
    if (why != ERR_UNREACHABLE || d->why == ERR_OK)
        d->why = why;
}

/* The next attempt, or the end, is deferred work: done never comes from inside dial_start. */
static void attempt_failed(struct attempt *a, enum err why)
{
    struct dial *d = a->dial;
    free_attempt(a);
    note(d, why);
    timer_stop(d->pace);
    loop_defer(d->loop, &d->later);
}

/* ---- attempts ---- */

static void win(struct attempt *a)
{
    struct dial *d = a->dial;
    struct socket_stream *t = a->socket;
    a->socket = NULL;
    if (d->memory != NULL && !t->unix_socket)
        *d->memory = (struct dial_memory){.last = a->to};
    socket_ready(t);
    if (t->unix_socket)
        snprintf(t->stream.name, sizeof t->stream.name, "%.70s", d->host);
    finish(d, &t->stream, ERR_OK);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct attempt *a = request->data;
    free(request);
    if (a == NULL)
        return;
    a->connect = NULL;
    if (status < 0)
        attempt_failed(a, err_from_uv(status));
    else
        win(a);
}

static void on_timeout(void *owner)
{
    attempt_failed(owner, ERR_TIMEOUT);
}

static struct attempt *begin(struct dial *d, bool unix_socket)
{
    struct attempt *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    *a = (struct attempt){.dial = d,
                          .socket = socket_new(d->loop, unix_socket),
                          .connect = calloc(1, sizeof *a->connect),
                          .timer = timer_new(d->loop, on_timeout, a)};
    list_init(&a->node);
    if (a->socket == NULL || a->connect == NULL || a->timer == NULL) {
        free(a->connect);
        a->connect = NULL;
        free_attempt(a);
        return NULL;
    }
    a->connect->data = a;
    list_append(&d->attempts, &a->node);
    timer_start(a->timer, d->timeout_ms);
    return a;
}

/* A request that libuv did not take is freed here. */
static void not_begun(struct attempt *a, int status)
{
    free(a->connect);
    a->connect = NULL;
    attempt_failed(a, err_from_uv(status));
}

static void connect_to(struct dial *d, const union address *to)
{
    if (d->bind && d->local.any.sa_family != to->any.sa_family) {
        note(d, ERR_UNREACHABLE);
        loop_defer(d->loop, &d->later);
        return;
    }
    struct attempt *a = begin(d, false);
    if (a == NULL) {
        note(d, ERR_NO_MEMORY);
        loop_defer(d->loop, &d->later);
        return;
    }
    uv_tcp_t *tcp = &a->socket->handle->uv.tcp;
    a->to = *to;
    address_set_port(&a->to, d->port);
    int status = d->bind ? uv_tcp_bind(tcp, &d->local.any, 0) : 0;
    if (status == 0)
        status = uv_tcp_connect(a->connect, tcp, &a->to.any, on_connected);
    if (status < 0)
        not_begun(a, status);
}

static void connect_to_path(struct dial *d)
{
    struct attempt *a = begin(d, true);
    d->path = false;
    if (a != NULL)
        uv_pipe_connect(a->connect, &a->socket->handle->uv.pipe, d->host, on_connected);
    else
        finish(d, NULL, ERR_NO_MEMORY);
}

static void try_next(void *owner)
{
    struct dial *d = owner;
    if (d->path) {
        connect_to_path(d);
    } else if (d->next < d->addresses.n) {
        timer_start(d->pace, d->stagger_ms);
        connect_to(d, &d->addresses.at[d->next++]);
    } else if (list_empty(&d->attempts)) {
        finish(d, NULL, d->why != ERR_OK ? d->why : ERR_RESOLVE);
    }
}

/* ---- the beginning ---- */

static void in_order(struct dial *d)
{
    addresses_interleave(&d->addresses);
    if (d->memory != NULL)
        addresses_rotate(&d->addresses, &d->memory->last, d->memory->failed);
}

static void on_found(void *owner, const struct addresses *found, enum err why)
{
    struct dial *d = owner;
    d->lookup = NULL;
    d->addresses = *found;
    d->why = why;
    in_order(d);
    try_next(d);
}

/* Decides the first step. False: it waits for a lookup. */
static bool prepare(struct dial *d, const struct dial_options *o)
{
    struct addresses local;
    d->path = strchr(d->host, '/') != NULL;
    d->bind = o->bind != NULL && !d->path;
    if (d->bind && !(address_is_ip(o->bind) && addresses_known(o->bind, &local))) {
        d->why = ERR_USAGE;
    } else if (d->path && strlen(d->host) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        d->path = false;
        d->why = ERR_USAGE; /* libuv would cut the path */
    } else if (!d->path && addresses_known(d->host, &d->addresses)) {
        in_order(d);
    } else if (!d->path) {
        const struct lookup_options lookup = {.host = d->host, .untrusted = o->untrusted};
        d->lookup = lookup_start(d->loop, &lookup, on_found, d);
        d->why = ERR_NO_MEMORY; /* used when the lookup is NULL */
    }
    if (d->bind && d->why != ERR_USAGE)
        d->local = local.at[0];
    return d->lookup == NULL;
}

struct dial *dial_start(struct loop *loop, const struct dial_options *options,
                        void (*done)(void *owner, struct stream *s, enum err why), void *owner)
{
    struct dial *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    *d = (struct dial){.loop = loop,
                       .done = done,
                       .owner = owner,
                       .port = options->port,
                       .timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_MS,
                       .stagger_ms = options->stagger_ms != 0 ? options->stagger_ms : STAGGER_MS,
                       .memory = options->memory};
    list_init(&d->attempts);
    deferred_init(&d->later, try_next, d);
    d->host = strdup(options->host);
    d->pace = timer_new(loop, try_next, d);
    if (d->host == NULL || d->pace == NULL) {
        free_dial(d);
        return NULL;
    }
    if (prepare(d, options))
        loop_defer(loop, &d->later);
    return d;
}

void dial_cancel(struct dial *d)
{
    free_dial(d);
}
