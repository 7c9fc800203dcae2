/* Private to core/net: the socket stream that listeners and dials hand out. */
#ifndef CORE_NET_SOCKET_INTERNAL_H
#define CORE_NET_SOCKET_INTERNAL_H

#include "core/net/socket.h"

/* What libuv holds until its close callback. It is apart from the stream, which may be gone by
 * then, or on another loop. */
struct socket_handle {
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool shutting;                /* shutdown is pending */
    struct socket_stream *socket; /* NULL: the stream is gone or on another loop */
};

struct socket_stream {
    struct stream stream;
    struct loop *loop;            /* NULL: the stream has left its loop */
    struct socket_handle *handle; /* valid while on a loop */
    int fd;                       /* valid while off a loop */
    bool unix_socket;
    struct deferred wake;
    uint8_t *block; /* bytes that peek has read and the owner has not consumed: block[start, end) */
    size_t start, end;
    uint8_t *used;   /* a block with bytes that were consumed in this event, or NULL */
    enum err failed; /* ERR_OK: not failed */
    bool eof, reading, writing, failure_told;
    bool polled;   /* libuv waits for input, be it that nobody wants it any more */
    bool may_read; /* libuv has reported input, and the kernel has not been asked since */
    bool telling;  /* a readable event is running */
    bool starved;  /* the last peek wanted more than there was */
};

struct socket_stream *socket_new(struct loop *loop, bool unix_socket); /* NULL: no memory */
/* Makes a socket stream of a connected descriptor and takes it over; NULL: no memory, or not such a
 * descriptor, which is closed then. */
struct socket_stream *socket_open(struct loop *loop, int fd, bool unix_socket);
/* Gives a handle its descriptor. Returns 0, or libuv's error. */
int socket_attach(struct socket_handle *h, int fd);
/* Sets the options and the peer's name of a socket that is connected. socket_open calls it
 * itself. */
void socket_ready(struct socket_stream *t);
void socket_close(struct socket_stream *t);
/* The socket stream that s is; NULL: s is another kind of stream. */
struct socket_stream *socket_of(struct stream *s);
/* -1: not connected. */
int socket_descriptor(const struct socket_stream *t);

#endif
