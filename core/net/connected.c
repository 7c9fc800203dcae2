/* Sockets that are connected become streams: their options, and the name of who is there. */
#include "core/net/socket_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_SECONDS 30

static void name_of(const struct sockaddr *a, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)a;
        uv_ip4_name(in, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)a;
        uv_ip6_name(in, host, sizeof host);
        snprintf(out, size, "[%s]:%u", host, ntohs(in->sin6_port));
    }
}

void socket_ready(struct socket_stream *t)
{
    if (!t->unix_socket) {
        struct sockaddr_storage a = {0};
        int n = sizeof a;
        uv_tcp_t *tcp = &t->handle->uv.tcp;
        uv_tcp_nodelay(tcp, 1);
        uv_tcp_keepalive(tcp, 1, KEEPALIVE_SECONDS);
        if (uv_tcp_getpeername(tcp, (struct sockaddr *)&a, &n) == 0)
            name_of((struct sockaddr *)&a, t->stream.name, sizeof t->stream.name);
        return;
    }
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(socket_descriptor(t), SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid > 0)
        snprintf(t->stream.name, sizeof t->stream.name, "pid %ld", (long)peer.pid);
    else
        snprintf(t->stream.name, sizeof t->stream.name, "unix");
}

struct socket_stream *socket_open(struct loop *loop, int fd, bool unix_socket)
{
    struct socket_stream *t = socket_new(loop, unix_socket);
    if (t != NULL && socket_attach(t->handle, fd) == 0) {
        socket_ready(t);
        return t;
    }
    if (t != NULL)
        socket_close(t);
    close(fd);
    return NULL;
}

struct stream *stream_from_fd(struct loop *loop, int fd)
{
    uv_handle_type type = uv_guess_handle(fd);
    if (type != UV_TCP && type != UV_NAMED_PIPE) {
        close(fd);
        return NULL;
    }
    struct socket_stream *t = socket_open(loop, fd, type == UV_NAMED_PIPE);
    return t != NULL ? &t->stream : NULL;
}
