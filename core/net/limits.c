/* What the kernel is told about a socket's buffers, and asked. */
#include "core/net/socket_internal.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SHORT_PATH_US 2000

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
