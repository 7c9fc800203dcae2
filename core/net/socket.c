#include "core/net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_SECONDS 30
#define SHORT_PATH_US 2000

static const struct {
    int status;
    enum err why;
} statuses[] = {
    {UV_ECONNREFUSED, ERR_REFUSED},
    {UV_EHOSTUNREACH, ERR_UNREACHABLE},
    {UV_ENETUNREACH, ERR_UNREACHABLE},
    {UV_EHOSTDOWN, ERR_UNREACHABLE},
    {UV_ENETDOWN, ERR_UNREACHABLE},
    {UV_EADDRNOTAVAIL, ERR_UNREACHABLE},
    {UV_ETIMEDOUT, ERR_TIMEOUT},
    {UV_ECONNRESET, ERR_RESET},
    {UV_EPIPE, ERR_RESET},
    {UV_ECONNABORTED, ERR_RESET},
    {UV_ENOTCONN, ERR_RESET},
    {UV_EMFILE, ERR_NO_DESCRIPTORS},
    {UV_ENFILE, ERR_NO_DESCRIPTORS},
    {UV_ENOMEM, ERR_NO_MEMORY},
    {UV_ENOBUFS, ERR_NO_MEMORY},
    {UV_EADDRINUSE, ERR_ADDRESS_IN_USE},
    {UV_EACCES, ERR_PERMISSION},
    {UV_EPERM, ERR_PERMISSION},
    {UV_ENOENT, ERR_NOT_FOUND},
    {UV_EOF, ERR_EOF},
    {UV_EAI_AGAIN, ERR_RESOLVE},
    {UV_EAI_FAIL, ERR_RESOLVE},
    {UV_EAI_NONAME, ERR_RESOLVE},
    {UV_EAI_NODATA, ERR_RESOLVE},
    {UV_EAI_FAMILY, ERR_RESOLVE},
    {UV_EAI_ADDRFAMILY, ERR_RESOLVE},
    {UV_EAI_SERVICE, ERR_RESOLVE},
    {UV_ECANCELED, ERR_SHUTDOWN},
    {UV_EINVAL, ERR_USAGE},
    {UV_ENAMETOOLONG, ERR_USAGE},
    {UV_EAFNOSUPPORT, ERR_UNREACHABLE},
    {UV_EAI_MEMORY, ERR_NO_MEMORY},
    {UV_EAGAIN, ERR_REFUSED}, /* connect(2) to a unix socket whose queue is full */
};

enum err err_from_uv(int status)
{
    if (status >= 0)
        return ERR_OK;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return statuses[i].why;
    return ERR_IO;
}

static struct socket_stream *of(struct stream *s)
{
    return (struct socket_stream *)(void *)s; /* its first member */
}

static int descriptor(const struct socket_stream *t)
{
    uv_os_fd_t fd = -1;
    uv_fileno(&t->uv.any, &fd);
    return fd;
}

static void fail(struct socket_stream *t, enum err why)
{
    if (t->failed == ERR_OK) {
        t->failed = why;
        loop_defer(t->loop, &t->wake);
    }
}

/* The kernel does not tell again of bytes that are held already. */
static void wake_for_held(struct socket_stream *t)
{
    if (t->reading && !t->starved && t->end > t->start)
        loop_defer(t->loop, &t->wake);
}

/* Deferred: bytes that are held while reading is on, or a failure to tell. */
static void on_wake(void *owner)
{
    struct socket_stream *t = owner;
    if (t->failed != ERR_OK && !t->failure_told) {
        t->failure_told = true;
        t->stream.events->failed(t->stream.owner, t->failed);
    } else if (t->reading && !t->starved && t->end > t->start) {
        t->stream.events->readable(t->stream.owner);
    }
    wake_for_held(t); /* closed meanwhile: it is not reading then */
}

/* libuv is only asked to tell that there is something: an empty buffer makes it call back without
 * reading, and the owner reads where it wants the bytes to be. */
static void give_no_buffer(uv_handle_t *uv, size_t suggested, uv_buf_t *buf)
{
    (void)uv, (void)suggested;
    *buf = uv_buf_init(NULL, 0);
}

static void on_readable(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct socket_stream *t = uv->data;
    (void)n, (void)buf;
    t->may_read = true;
    t->starved = false;
    if (t->reading)
        t->stream.events->readable(t->stream.owner);
    wake_for_held(t); /* as above */
}

static void tcp_read_on(struct stream *s, bool on)
{
    struct socket_stream *t = of(s);
    if (on && !t->reading) {
        uv_read_start(&t->uv.stream, give_no_buffer, on_readable);
    } else if (!on && t->reading) {
        uv_read_stop(&t->uv.stream);
    }
    t->reading = on;
    t->starved = false; /* a new owner may want less */
    wake_for_held(t);
}

/* One read(2): > 0 bytes, 0 nothing there now, < 0 the end or an error. A failed write does not
 * lose what the other side said before it went away. */
static long receive(struct socket_stream *t, uint8_t *p, size_t n)
{
    if (t->eof)
        return -(long)ERR_EOF;
    t->may_read = false;
    ssize_t got;
    do
        got = read(descriptor(t), p, n);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    if (t->failed != ERR_OK) {
        t->failure_told = true;
        return -(long)t->failed;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (got == 0) {
        t->eof = true;
        return -(long)ERR_EOF;
    }
    t->failed = err_from_uv(uv_translate_sys_error(errno));
    t->failure_told = true; /* by the result */
    return -(long)t->failed;
}

static long more(struct socket_stream *t)
{
    if (t->block == NULL && (t->block = loop_block(t->loop)) == NULL)
        return -(long)ERR_NO_MEMORY;
    if (t->start > 0) {
        memmove(t->block, t->block + t->start, t->end - t->start);
        t->end -= t->start;
        t->start = 0;
    }
    long got = receive(t, t->block + t->end, LOOP_BLOCK - t->end);
    if (got > 0)
        t->end += (size_t)got;
    if (t->end == t->start) {
        loop_unblock(t->loop, t->block);
        t->block = NULL;
        t->start = t->end = 0;
    }
    return got;
}

static long tcp_peek(struct stream *s, size_t want, uint8_t **p)
{
    struct socket_stream *t = of(s);
    if (t->end - t->start < want) {
        long got = t->may_read || t->eof || t->failed != ERR_OK ? more(t) : 0;
        if (t->end - t->start < want) {
            t->starved = true;
            return got < 0 ? got : 0;
        }
    }
    if (t->starved) {
        t->starved = false;
        wake_for_held(t);
    }
    *p = t->block + t->start;
    return (long)(t->end - t->start);
}

static void tcp_consume(struct stream *s, size_t n)
{
    struct socket_stream *t = of(s);
    t->start += n;
    if (t->start == t->end) {
        loop_unblock(t->loop, t->block);
        t->block = NULL;
        t->start = t->end = 0;
    }
    t->starved = false;
    wake_for_held(t);
}

static long tcp_pull(struct stream *s, uint8_t *p, size_t n)
{
    struct socket_stream *t = of(s);
    size_t held = t->end - t->start;
    if (held == 0)
        return receive(t, p, n);
    if (n > held)
        n = held;
    memcpy(p, t->block + t->start, n);
    tcp_consume(s, n);
    return (long)n;
}

static size_t tcp_try_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct socket_stream *t = of(s);
    if (n == 0 || t->writing || t->failed != ERR_OK)
        return 0;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)p, (unsigned)n);
    int taken = uv_try_write(&t->uv.stream, &buf, 1);
    if (taken >= 0)
        return (size_t)taken;
    if (taken != UV_EAGAIN)
        fail(t, err_from_uv(taken));
    return 0;
}

static void on_written(uv_write_t *request, int status)
{
    struct socket_stream *t = request->data;
    t->writing = false;
    if (t->closing)
        return;
    if (status < 0)
        fail(t, err_from_uv(status));
    t->stream.events->writable(t->stream.owner);
}

/* After a failure everything is "taken": the owner learns by `failed`, not by a second way. */
static bool tcp_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct socket_stream *t = of(s);
    size_t taken = tcp_try_write(s, p, n);
    if (taken == n || t->failed != ERR_OK)
        return true;
    uv_buf_t rest = uv_buf_init((char *)(uintptr_t)(p + taken), (unsigned)(n - taken));
    t->write.data = t;
    int status = uv_write(&t->write, &t->uv.stream, &rest, 1, on_written);
    if (status < 0) {
        fail(t, err_from_uv(status));
        return true;
    }
    t->writing = true;
    return false;
}

static bool tcp_ready(const struct stream *s)
{
    return !((const struct socket_stream *)(const void *)s)->writing;
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    (void)request, (void)status; /* not connected any more: the reader learns it */
}

static void tcp_shutdown(struct stream *s)
{
    struct socket_stream *t = of(s);
    uv_shutdown(&t->shutdown, &t->uv.stream, on_shutdown);
}

static void on_closed(uv_handle_t *uv)
{
    free(uv->data);
}

void socket_close(struct socket_stream *t)
{
    t->closing = true;
    t->reading = false;
    loop_cancel(&t->wake);
    loop_unblock(t->loop, t->block);
    t->block = NULL;
    uv_close(&t->uv.any, on_closed);
}

static void tcp_close(struct stream *s)
{
    socket_close(of(s));
}

static const struct stream_ops ops = {
    .read_on = tcp_read_on,
    .peek = tcp_peek,
    .consume = tcp_consume,
    .pull = tcp_pull,
    .try_write = tcp_try_write,
    .write = tcp_write,
    .ready = tcp_ready,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
};

struct socket_stream *socket_new(struct loop *loop, bool unix_socket)
{
    struct socket_stream *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->stream.ops = &ops;
    t->loop = loop;
    deferred_init(&t->wake, on_wake, t);
    if (unix_socket)
        uv_pipe_init(loop_uv(loop), &t->uv.pipe, 0);
    else
        uv_tcp_init(loop_uv(loop), &t->uv.tcp);
    t->uv.any.data = t;
    return t;
}

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
    if (t->uv.any.type == UV_TCP) {
        struct sockaddr_storage a = {0};
        int n = sizeof a;
        uv_tcp_nodelay(&t->uv.tcp, 1);
        uv_tcp_keepalive(&t->uv.tcp, 1, KEEPALIVE_SECONDS);
        if (uv_tcp_getpeername(&t->uv.tcp, (struct sockaddr *)&a, &n) == 0)
            name_of((struct sockaddr *)&a, t->stream.name, sizeof t->stream.name);
        return;
    }
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(descriptor(t), SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 && peer.pid > 0)
        snprintf(t->stream.name, sizeof t->stream.name, "pid %ld", (long)peer.pid);
    else
        snprintf(t->stream.name, sizeof t->stream.name, "unix");
}

struct socket_stream *socket_open(struct loop *loop, int fd, bool unix_socket)
{
    struct socket_stream *t = socket_new(loop, unix_socket);
    int status = UV_ENOMEM;
    if (t != NULL)
        status = unix_socket ? uv_pipe_open(&t->uv.pipe, fd) : uv_tcp_open(&t->uv.tcp, fd);
    if (status == 0) {
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

void stream_unsent_limit(struct stream *s, unsigned bytes)
{
    struct socket_stream *t = of(s);
    if (s->ops == &ops && t->uv.any.type == UV_TCP)
        setsockopt(descriptor(t), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

void stream_unread_limit(struct stream *s, int bytes)
{
    struct socket_stream *t = of(s);
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    if (s->ops == &ops && t->uv.any.type == UV_TCP &&
        getsockopt(descriptor(t), IPPROTO_TCP, TCP_INFO, &info, &n) == 0 &&
        info.tcpi_rtt < SHORT_PATH_US)
        setsockopt(descriptor(t), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

size_t stream_backlog(const struct stream *s)
{
    const struct socket_stream *t = (const struct socket_stream *)(const void *)s;
    int kernel = 0;
    if (s->ops != &ops || ioctl(descriptor(t), SIOCOUTQ, &kernel) != 0)
        return 0;
    return uv_stream_get_write_queue_size(&t->uv.stream) + (size_t)kernel;
}

bool stream_peer_gone(struct stream *s)
{
    struct socket_stream *t = of(s);
    return s->ops == &ops && socket_peer_gone(descriptor(t), t->uv.any.type == UV_NAMED_PIPE);
}
