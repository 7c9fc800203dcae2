/* What the kernel is told about connected sockets, and asked about them. */
#include "core/net/addresses.h"
#include "core/net/diag_internal.h"
#include "core/net/socket_internal.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_SECONDS 30
#define SHORT_PATH_US 2000

void socket_ready(struct socket_stream *t)
{
    if (!t->unix_socket) {
        union address a = {0};
        int n = sizeof a;
        uv_tcp_t *tcp = &t->handle->uv.tcp;
        uv_tcp_nodelay(tcp, 1);
        uv_tcp_keepalive(tcp, 1, KEEPALIVE_SECONDS);
        if (uv_tcp_getpeername(tcp, &a.any, &n) == 0)
            address_text(&a, t->stream.name);
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

/* ---- buffers ---- */

void stream_unsent_limit(struct stream *s, unsigned bytes)
{
    const struct socket_stream *t = socket_of(s);
    if (t != NULL && !t->unix_socket)
        setsockopt(socket_descriptor(t), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

void stream_unread_limit(struct stream *s, int bytes)
{
    const struct socket_stream *t = socket_of(s);
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    if (t != NULL && !t->unix_socket &&
        getsockopt(socket_descriptor(t), IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
        info.tcpi_rtt < SHORT_PATH_US)
        setsockopt(socket_descriptor(t), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

void stream_reset_on_close(struct stream *s, bool on)
{
    const struct socket_stream *t = socket_of(s);
    const struct linger at_once = {.l_onoff = on, .l_linger = 0};
    if (t != NULL && !t->unix_socket)
        setsockopt(socket_descriptor(t), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

size_t stream_backlog(const struct stream *s)
{
    const struct socket_stream *t = socket_of((struct stream *)(uintptr_t)s);
    int kernel = 0;
    if (t == NULL || ioctl(socket_descriptor(t), SIOCOUTQ, &kernel) != 0)
        return 0;
    return uv_stream_get_write_queue_size(&t->handle->uv.stream) + (size_t)kernel;
}

/* ---- the other end ----
 *
 * Whether a client on this machine has gone for good, or only finished sending. Both look the same
 * on a socket (a FIN), but the kernel knows: a socket that no process holds any more has no inode
 * (sock_diag(7)), and a unix socket whose other end is closed reports POLLHUP. */

/* Our own end must be found first: without that, "no such socket" may mean "no such kernel option",
 * or that the other end lives on another machine or in another network namespace. */
static bool tcp_gone(int fd)
{
    struct peer_end us, them;
    if (!diag_ends(fd, &us, &them) || !diag_is_here(&us, &them))
        return false;
    int diag = diag_open();
    if (diag < 0)
        return false;
    bool gone = diag_find(diag, &us, &them, NULL) == DIAG_HELD &&
                diag_find(diag, &them, &us, NULL) == DIAG_NOBODY;
    close(diag);
    return gone;
}

bool stream_peer_gone(struct stream *s)
{
    return stream_presence(s) != STREAM_THERE;
}

/* poll(2) reports an error without clearing it. */
enum stream_presence stream_presence(struct stream *s)
{
    const struct socket_stream *t = socket_of(s);
    if (t == NULL)
        return STREAM_THERE;
    struct pollfd p = {.fd = socket_descriptor(t)};
    bool told = poll(&p, 1, 0) == 1;
    if (told && (p.revents & POLLERR) != 0)
        return STREAM_BROKEN;
    if (t->unix_socket)
        return told && (p.revents & POLLHUP) != 0 ? STREAM_GONE : STREAM_THERE;
    return tcp_gone(p.fd) ? STREAM_GONE : STREAM_THERE;
}
