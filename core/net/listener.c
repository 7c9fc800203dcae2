#include "core/base/log.h"
#include "core/net/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_ADDRESSES 8 /* of one name */
#define BACKLOG 511

struct socket_handle {
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
};

struct listener {
    struct loop *loop;
    const struct listener_events *events;
    void *owner;
    struct socket_handle *handles[MAX_ADDRESSES]; /* each lives until its close callback */
    size_t n;
    int port;
    char *path; /* of a unix socket: removed at the end */
    char name[120];
};

static void on_connection(uv_stream_t *server, int status)
{
    struct listener *l = server->data;
    if (status < 0) {
        log_warning("%s: a connection could not be accepted: %s", l->name, uv_strerror(status));
        return;
    }
    struct socket_stream *t = socket_new(l->loop, l->path != NULL);
    if (t == NULL) {
        log_warning("%s: no memory for a new connection", l->name);
        return;
    }
    if (uv_accept(server, &t->uv.stream) < 0) {
        socket_close(t);
        return;
    }
    socket_ready(t);
    l->events->accepted(l->owner, l, &t->stream);
}

static void on_handle_closed(uv_handle_t *uv)
{
    free(uv);
}

static struct socket_handle *add_handle(struct listener *l)
{
    struct socket_handle *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    if (l->path != NULL)
        uv_pipe_init(loop_uv(l->loop), &h->uv.pipe, 0);
    else
        uv_tcp_init(loop_uv(l->loop), &h->uv.tcp);
    h->uv.any.data = l;
    l->handles[l->n++] = h;
    return h;
}

/* A socket file that nobody answers on is left over from a program that died. */
static void remove_dead_socket(const char *path)
{
    struct stat st;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        unlink(path);
    close(fd);
}

static enum err listen_unix(struct listener *l, const char *path)
{
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return ERR_USAGE;
    remove_dead_socket(path);
    char *copy = strdup(path);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    l->path = copy;
    struct socket_handle *h = add_handle(l);
    if (h == NULL)
        return ERR_NO_MEMORY;
    mode_t before = umask(0177);
    int status = uv_pipe_bind(&h->uv.pipe, path);
    umask(before);
    if (status == 0)
        status = uv_listen(&h->uv.stream, BACKLOG, on_connection);
    else {
        free(l->path); /* somebody else's: leave it alone */
        l->path = NULL;
    }
    snprintf(l->name, sizeof l->name, "%s", path);
    return err_from_uv(status);
}

static int port_of(const struct socket_handle *h)
{
    struct sockaddr_storage a = {0};
    int n = sizeof a;
    uv_tcp_getsockname(&h->uv.tcp, (struct sockaddr *)&a, &n);
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

static enum err listen_address(struct listener *l, struct addrinfo *a)
{
    struct socket_handle *h = add_handle(l);
    if (h == NULL)
        return ERR_NO_MEMORY;
    in_port_t port = htons((uint16_t)l->port);
    if (a->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_port = port;
    else
        ((struct sockaddr_in *)(void *)a->ai_addr)->sin_port = port;
    int status = uv_tcp_bind(&h->uv.tcp, a->ai_addr, a->ai_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0);
    if (status == 0)
        status = uv_listen(&h->uv.stream, BACKLOG, on_connection);
    if (status == 0)
        l->port = port_of(h);
    return err_from_uv(status);
}

static enum err listen_tcp(struct listener *l, const char *where)
{
    char *host = NULL;
    if (!address_split(where, &host, &l->port))
        return ERR_USAGE;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all = NULL;
    /* getaddrinfo wants a name or a service; "0" stands for the port that is filled in later. */
    int status = getaddrinfo(host != NULL ? host : "localhost", "0", &hints, &all);
    enum err why = status == 0 ? ERR_OK : ERR_RESOLVE;
    bool literal = host != NULL && address_is_ip(host);
    for (struct addrinfo *a = all; a != NULL && why == ERR_OK && l->n < MAX_ADDRESSES;
         a = a->ai_next) {
        why = listen_address(l, a);
        /* A name may have an address of a family that this machine lacks. */
        if (why == ERR_UNREACHABLE && !literal && (l->n > 1 || a->ai_next != NULL))
            why = ERR_OK;
    }
    bool v6 = host != NULL && strchr(host, ':') != NULL;
    snprintf(l->name, sizeof l->name, v6 ? "[%s]:%d" : "%s:%d", host != NULL ? host : "localhost",
             l->port);
    if (all != NULL)
        freeaddrinfo(all);
    free(host);
    return why;
}

struct listener *listener_new(struct loop *loop, const char *where,
                              const struct listener_events *events, void *owner, enum err *why)
{
    struct listener *l = calloc(1, sizeof *l);
    *why = ERR_NO_MEMORY;
    if (l == NULL)
        return NULL;
    *l = (struct listener){.loop = loop, .events = events, .owner = owner};
    *why = strchr(where, '/') != NULL ? listen_unix(l, where) : listen_tcp(l, where);
    if (*why == ERR_OK)
        return l;
    listener_free(l);
    return NULL;
}

int listener_port(const struct listener *l)
{
    return l->port;
}

const char *listener_name(const struct listener *l)
{
    return l->name;
}

void *listener_owner(const struct listener *l)
{
    return l->owner;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n; i++)
        uv_close(&l->handles[i]->uv.any, on_handle_closed);
    if (l->path != NULL)
        unlink(l->path);
    free(l->path);
    free(l);
}
