#include "core/net/socket_internal.h"
#include "core/net/uv_error.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRITE_PARTS 8 /* in one system call */

static struct socket_stream *of(struct stream *s)
{
    return (struct socket_stream *)(void *)s; /* its first member */
}

int socket_descriptor(const struct socket_stream *t)
{
    uv_os_fd_t fd = -1;
    uv_fileno(&t->handle->uv.any, &fd);
    return fd;
}

static void fail(struct socket_stream *t, enum err why)
{
    if (t->failed == ERR_OK) {
        t->failed = why;
        loop_defer(t->loop, &t->wake);
    }
}

/* Wakes the owner for bytes that are held already, of which the kernel does not tell again. t may
 * be NULL: closed, or off its loop. */
static void wake_for_held(struct socket_stream *t)
{
    if (t != NULL && t->reading && !t->starved && t->end > t->start)
        loop_defer(t->loop, &t->wake);
}

/* Gives back what is not needed any more, which an event keeps until it ends (stream_steady). */
static void release(struct socket_stream *t)
{
    loop_unblock(t->loop, t->used);
    t->used = NULL;
    if (t->start < t->end)
        return;
    loop_unblock(t->loop, t->block);
    t->block = NULL;
    t->start = t->end = 0;
}

static void tell_readable(struct socket_stream *t)
{
    const struct socket_handle *h = t->handle;
    t->telling = true;
    t->stream.events->readable(t->stream.owner);
    if (h->socket == NULL)
        return;
    t->telling = false;
    release(t);
}

/* Deferred work: bytes are held while reading is on, or a failure is to be told. */
static void on_wake(void *owner)
{
    struct socket_stream *t = owner;
    const struct socket_handle *h = t->handle;
    if (t->failed != ERR_OK && !t->failure_told) {
        t->failure_told = true;
        t->stream.events->failed(t->stream.owner, t->failed);
    } else if (t->reading && !t->starved && t->end > t->start) {
        tell_readable(t);
    }
    wake_for_held(h->socket);
}

/* libuv only tells here that there is input: an empty buffer makes it call back without reading,
 * and the owner reads into memory of its choice. */
static void give_no_buffer(uv_handle_t *uv, size_t suggested, uv_buf_t *buf)
{
    (void)uv, (void)suggested;
    *buf = uv_buf_init(NULL, 0);
}

static void on_readable(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    const struct socket_handle *h = uv->data;
    struct socket_stream *t = h->socket;
    (void)n, (void)buf;
    t->may_read = true;
    t->starved = false;
    t->polled = t->reading;
    if (t->reading)
        tell_readable(t);
    else
        uv_read_stop(uv);
    wake_for_held(h->socket);
}

/* The kernel is told that nobody reads only when something has come meanwhile: most streams are
 * read on before that, and each change of its mind takes libuv two system calls. */
static void tcp_read_on(struct stream *s, bool on)
{
    struct socket_stream *t = of(s);
    if (on && !t->polled)
        uv_read_start(&t->handle->uv.stream, give_no_buffer, on_readable);
    t->polled = t->polled || on;
    t->reading = on;
    t->starved = false; /* a new owner may want less */
    wake_for_held(t);
}

/* Does one read(2): > 0 bytes, 0 nothing there now, < 0 the end or an error. A failed write does
 * not lose what the other side has sent before it left. */
static long receive(struct socket_stream *t, const struct iovec *parts, size_t n)
{
    if (t->eof)
        return -(long)ERR_EOF;
    t->may_read = false;
    ssize_t got;
    do
        got = n == 1 ? read(socket_descriptor(t), parts->iov_base, parts->iov_len)
                     : readv(socket_descriptor(t), parts, (int)n);
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
    t->failure_told = true; /* the result tells it */
    return -(long)t->failed;
}

/* Makes room behind the bytes that are held: they move to the front, or, while the bytes before
 * them may still be in use, to another block. False: no memory. */
static bool make_room(struct socket_stream *t)
{
    uint8_t *from = t->block;
    bool keep = t->telling && t->start > 0 && t->used == NULL;
    if ((from == NULL || keep) && (t->block = loop_block(t->loop)) == NULL) {
        t->block = from;
        return false;
    }
    if (keep)
        t->used = from;
    if (t->start > 0)
        memmove(t->block, from + t->start, t->end - t->start);
    t->end -= t->start;
    t->start = 0;
    return true;
}

static long more(struct socket_stream *t)
{
    if (t->eof)
        return -(long)ERR_EOF;
    if (!make_room(t))
        return -(long)ERR_NO_MEMORY;
    const struct iovec part = {.iov_base = t->block + t->end, .iov_len = LOOP_BLOCK - t->end};
    long got = receive(t, &part, 1);
    if (got > 0)
        t->end += (size_t)got;
    if (!t->telling)
        release(t);
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
    t->starved = false;
    if (!t->telling) /* else it is done after the event */
        wake_for_held(t);
    *p = t->block + t->start;
    return (long)(t->end - t->start);
}

static void tcp_consume(struct stream *s, size_t n)
{
    struct socket_stream *t = of(s);
    t->start += n;
    if (!t->telling)
        release(t);
    t->starved = false;
    wake_for_held(t);
}

/* In an event there is one read, and no other once writing has failed. */
static bool tcp_steady(const struct stream *s)
{
    const struct socket_stream *t = (const struct socket_stream *)(const void *)s;
    return t->telling && t->failed == ERR_OK;
}

static long tcp_pull_parts(struct stream *s, const struct iovec *parts, size_t n)
{
    struct socket_stream *t = of(s);
    size_t held = t->end - t->start;
    if (held == 0)
        return receive(t, parts, n);
    if (held > parts->iov_len)
        held = parts->iov_len;
    memcpy(parts->iov_base, t->block + t->start, held);
    tcp_consume(s, held);
    return (long)held;
}

static long tcp_pull(struct stream *s, uint8_t *p, size_t n)
{
    const struct iovec part = {.iov_base = p, .iov_len = n};
    return tcp_pull_parts(s, &part, 1);
}

static size_t tcp_try_write_parts(struct stream *s, const struct iovec *parts, size_t n)
{
    struct socket_stream *t = of(s);
    uv_buf_t bufs[WRITE_PARTS];
    if (t->writing || t->failed != ERR_OK)
        return 0;
    n = n < WRITE_PARTS ? n : WRITE_PARTS;
    for (size_t i = 0; i < n; i++)
        bufs[i] = uv_buf_init(parts[i].iov_base, (unsigned)parts[i].iov_len);
    int taken = uv_try_write(&t->handle->uv.stream, bufs, (unsigned)n);
    if (taken >= 0)
        return (size_t)taken;
    if (taken != UV_EAGAIN)
        fail(t, err_from_uv(taken));
    return 0;
}

static size_t tcp_try_write(struct stream *s, const uint8_t *p, size_t n)
{
    const struct iovec part = {.iov_base = (uint8_t *)(uintptr_t)p, .iov_len = n};
    return n > 0 ? tcp_try_write_parts(s, &part, 1) : 0;
}

static void on_written(uv_write_t *request, int status)
{
    const struct socket_handle *h = request->data;
    struct socket_stream *t = h->socket;
    if (t == NULL)
        return;
    t->writing = false;
    if (status < 0)
        fail(t, err_from_uv(status));
    t->stream.events->writable(t->stream.owner);
}

/* After a failure all bytes count as taken: the owner learns of it by `failed` alone. */
static bool tcp_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct socket_stream *t = of(s);
    size_t taken = tcp_try_write(s, p, n);
    if (taken == n || t->failed != ERR_OK)
        return true;
    uv_buf_t rest = uv_buf_init((char *)(uintptr_t)(p + taken), (unsigned)(n - taken));
    struct socket_handle *h = t->handle;
    h->write.data = h;
    int status = uv_write(&h->write, &h->uv.stream, &rest, 1, on_written);
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
    struct socket_handle *h = request->data;
    (void)status; /* not connected any more: the reader learns it */
    h->shutting = false;
}

static void tcp_shutdown(struct stream *s)
{
    struct socket_handle *h = of(s)->handle;
    if (uv_stream_get_write_queue_size(&h->uv.stream) == 0) {
        shutdown(socket_descriptor(of(s)),
                 SHUT_WR); /* not connected any more: the reader learns it */
        return;
    }
    h->shutdown.data = h;
    h->shutting = uv_shutdown(&h->shutdown, &h->uv.stream, on_shutdown) == 0 || h->shutting;
}

/* ---- from loop to loop ---- */

static void on_closed(uv_handle_t *uv)
{
    free(uv->data);
}

static void close_handle(struct socket_handle *h)
{
    h->socket = NULL;
    uv_close(&h->uv.any, on_closed);
}

static struct socket_handle *new_handle(struct loop *loop, bool unix_socket)
{
    struct socket_handle *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    if (unix_socket)
        uv_pipe_init(loop_uv(loop), &h->uv.pipe, 0);
    else
        uv_tcp_init(loop_uv(loop), &h->uv.tcp);
    h->uv.any.data = h;
    return h;
}

int socket_attach(struct socket_handle *h, int fd)
{
    return h->uv.any.type == UV_NAMED_PIPE ? uv_pipe_open(&h->uv.pipe, fd)
                                           : uv_tcp_open(&h->uv.tcp, fd);
}

/* libuv gives no descriptor back, so the stream leaves with a duplicate of it. */
static bool tcp_leave(struct stream *s)
{
    struct socket_stream *t = of(s);
    if (t->writing || t->handle->shutting)
        return false;
    int fd = fcntl(socket_descriptor(t), F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return false;
    loop_cancel(&t->wake);
    close_handle(t->handle);
    release(t);
    if (t->block != NULL)
        loop_block_moved(t->loop, NULL);
    t->reading = t->polled = t->telling = false;
    t->handle = NULL;
    t->loop = NULL;
    t->fd = fd;
    return true;
}

/* The first peek asks the kernel at once, since what it told the old loop is forgotten. */
static bool tcp_join(struct stream *s, struct loop *loop)
{
    struct socket_stream *t = of(s);
    assert(t->loop == NULL);
    struct socket_handle *h = new_handle(loop, t->unix_socket);
    if (h == NULL)
        return false;
    if (socket_attach(h, t->fd) != 0) {
        close_handle(h);
        return false;
    }
    h->socket = t;
    t->handle = h;
    t->loop = loop;
    if (t->block != NULL)
        loop_block_moved(NULL, loop);
    t->fd = -1;
    t->may_read = true;
    t->starved = false;
    if (t->failed != ERR_OK && !t->failure_told)
        loop_defer(loop, &t->wake);
    return true;
}

void socket_close(struct socket_stream *t)
{
    loop_cancel(&t->wake);
    loop_unblock(t->loop, t->block);
    loop_unblock(t->loop, t->used);
    if (t->loop != NULL)
        close_handle(t->handle);
    else
        close(t->fd);
    free(t);
}

static void tcp_close(struct stream *s)
{
    socket_close(of(s));
}

static const struct stream_ops ops = {
    .read_on = tcp_read_on,
    .peek = tcp_peek,
    .consume = tcp_consume,
    .steady = tcp_steady,
    .pull = tcp_pull,
    .pull_parts = tcp_pull_parts,
    .try_write = tcp_try_write,
    .try_write_parts = tcp_try_write_parts,
    .write = tcp_write,
    .ready = tcp_ready,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
    .leave = tcp_leave,
    .join = tcp_join,
};

struct socket_stream *socket_of(struct stream *s)
{
    return s->ops == &ops ? of(s) : NULL;
}

struct socket_stream *socket_new(struct loop *loop, bool unix_socket)
{
    struct socket_stream *t = calloc(1, sizeof *t);
    if (t == NULL || (t->handle = new_handle(loop, unix_socket)) == NULL) {
        free(t);
        return NULL;
    }
    t->stream.ops = &ops;
    t->loop = loop;
    t->handle->socket = t;
    t->fd = -1;
    t->unix_socket = unix_socket;
    deferred_init(&t->wake, on_wake, t);
    return t;
}
