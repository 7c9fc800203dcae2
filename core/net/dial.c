#include "core/net/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define DEFAULT_TIMEOUT_MS 10000

/* resolve → (connect, next address)* → done. The resolver's request cannot always be cancelled, so
 * it is an object of its own that outlives a cancelled dial. */
struct resolve {
    uv_getaddrinfo_t uv;
    struct dial *dial; /* NULL: cancelled */
};

struct dial {
    struct loop *loop;
    void (*done)(void *owner, struct stream *s, enum err why);
    void *owner;
    char *host;
    int port;
    bool bind;
    struct sockaddr_storage local;
    uint64_t timeout_ms;
    struct resolve *resolve; /* running */
    struct addrinfo *all, *next;
    struct sockaddr_storage literal; /* when host is an address: no resolver is asked */
    bool literal_left;
    struct socket_stream *attempt; /* running */
    uv_connect_t *connect;         /* its request; freed in its callback */
    struct timer *timer;
    struct deferred later;
    enum err why; /* of the last attempt */
};

static void free_dial(struct dial *d)
{
    if (d->resolve != NULL) {
        d->resolve->dial = NULL;
        uv_cancel((uv_req_t *)&d->resolve->uv);
    }
    if (d->attempt != NULL)
        socket_close(d->attempt);
    if (d->connect != NULL)
        d->connect->data = NULL;
    if (d->all != NULL)
        uv_freeaddrinfo(d->all);
    timer_free(d->timer);
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

static void try_next(void *owner);

/* The next attempt is made from deferred work: done never comes from inside dial_start. */
static void attempt_failed(struct dial *d, enum err why)
{
    if (d->attempt != NULL)
        socket_close(d->attempt);
    d->attempt = NULL;
    if (d->connect != NULL)
        d->connect->data = NULL;
    d->connect = NULL;
    d->why = why;
    timer_stop(d->timer);
    loop_defer(d->loop, &d->later);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct dial *d = request->data;
    free(request);
    if (d == NULL)
        return;
    d->connect = NULL;
    if (status < 0) {
        attempt_failed(d, err_from_uv(status));
        return;
    }
    struct socket_stream *t = d->attempt;
    d->attempt = NULL;
    socket_ready(t);
    if (t->unix_socket)
        snprintf(t->stream.name, sizeof t->stream.name, "%.70s", d->host);
    finish(d, &t->stream, ERR_OK);
}

static void on_timeout(void *owner)
{
    attempt_failed(owner, ERR_TIMEOUT);
}

static bool begin_attempt(struct dial *d, bool unix_socket)
{
    d->attempt = socket_new(d->loop, unix_socket);
    d->connect = calloc(1, sizeof *d->connect);
    if (d->attempt == NULL || d->connect == NULL) {
        free(d->connect);
        d->connect = NULL;
        attempt_failed(d, ERR_NO_MEMORY);
        return false;
    }
    d->connect->data = d;
    timer_start(d->timer, d->timeout_ms);
    return true;
}

static void connect_to(struct dial *d, const struct sockaddr *address)
{
    if (d->bind && d->local.ss_family != address->sa_family) {
        attempt_failed(d, d->why != ERR_OK ? d->why : ERR_UNREACHABLE);
        return;
    }
    if (!begin_attempt(d, false))
        return;
    int status = 0;
    if (d->bind)
        status = uv_tcp_bind(&d->attempt->handle->uv.tcp, (struct sockaddr *)&d->local, 0);
    if (status == 0)
        status = uv_tcp_connect(d->connect, &d->attempt->handle->uv.tcp, address, on_connected);
    if (status < 0) {
        free(d->connect);
        d->connect = NULL;
        attempt_failed(d, err_from_uv(status));
    }
}

static void try_next(void *owner)
{
    struct dial *d = owner;
    if (strchr(d->host, '/') != NULL && d->why == ERR_OK) {
        if (begin_attempt(d, true))
            uv_pipe_connect(d->connect, &d->attempt->handle->uv.pipe, d->host, on_connected);
    } else if (d->literal_left) {
        d->literal_left = false;
        connect_to(d, (struct sockaddr *)&d->literal);
    } else if (d->next != NULL) {
        const struct sockaddr *address = d->next->ai_addr;
        d->next = d->next->ai_next;
        connect_to(d, address);
    } else {
        finish(d, NULL, d->why != ERR_OK ? d->why : ERR_RESOLVE);
    }
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *all)
{
    struct resolve *r = request->data;
    struct dial *d = r->dial;
    free(r);
    if (d == NULL) {
        uv_freeaddrinfo(all);
        return;
    }
    d->resolve = NULL;
    d->all = d->next = all;
    if (status < 0) {
        enum err why = err_from_uv(status);
        d->why = why == ERR_IO ? ERR_RESOLVE : why;
    }
    try_next(d);
}

static bool parse_literal(const char *host, int port, struct sockaddr_storage *out)
{
    return uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)out) == 0;
}

static bool resolve(struct dial *d)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(port, sizeof port, "%d", d->port);
    struct resolve *r = calloc(1, sizeof *r);
    if (r == NULL)
        return false;
    r->uv.data = r;
    r->dial = d;
    if (uv_getaddrinfo(loop_uv(d->loop), &r->uv, on_resolved, d->host, port, &hints) < 0) {
        free(r);
        return false;
    }
    d->resolve = r;
    return true;
}

struct dial *dial_start(struct loop *loop, const struct dial_options *options,
                        void (*done)(void *owner, struct stream *s, enum err why), void *owner)
{
    struct dial *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    *d = (struct dial){.loop = loop, .done = done, .owner = owner, .port = options->port};
    d->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    deferred_init(&d->later, try_next, d);
    d->host = strdup(options->host);
    d->timer = timer_new(loop, on_timeout, d);
    if (d->host == NULL || d->timer == NULL) {
        free_dial(d);
        return NULL;
    }
    bool path = strchr(d->host, '/') != NULL;
    d->bind = options->bind != NULL && !path;
    if (d->bind && !parse_literal(options->bind, 0, &d->local)) {
        d->why = ERR_USAGE;
    } else if (path && strlen(d->host) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        d->why = ERR_USAGE; /* libuv would cut it */
    } else if (!path) {
        d->literal_left = parse_literal(d->host, d->port, &d->literal);
        if (!d->literal_left) {
            if (resolve(d))
                return d;
            d->why = ERR_RESOLVE;
        }
    }
    loop_defer(loop, &d->later);
    return d;
}

void dial_cancel(struct dial *d)
{
    free_dial(d);
}
