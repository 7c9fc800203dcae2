/* Private to core/net: the socket stream that listeners and dials hand out. */
#ifndef CORE_NET_SOCKET_INTERNAL_H
#define CORE_NET_SOCKET_INTERNAL_H

#include "core/net/socket.h"

/* What libuv holds until its close callback. Apart from the stream, which may be gone by then, or
 * on another loop. */
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
    struct socket_stream *socket; /* NULL: it is gone from here */
};

struct socket_stream {
    struct stream stream;
    struct loop *loop;            /* NULL: it has left */
    struct socket_handle *handle; /* with loop */
    int fd;                       /* without */
    bool unix_socket;
    struct deferred wake;
    uint8_t *block; /* what peek has read and nobody consumed: block[start, end) */
    size_t start, end;
    enum err failed; /* ERR_OK: not */
    bool eof, reading, writing, failure_told;
    bool may_read; /* told that there is something, and not asked the kernel since */
    bool telling;  /* inside a readable event */
    bool starved;  /* the last peek wanted more than there was */
};

struct socket_stream *socket_new(struct loop *loop, bool unix_socket); /* NULL: no memory */
/* Takes over a connected descriptor; NULL: no memory, or not one; it is closed then. */
struct socket_stream *socket_open(struct loop *loop, int fd, bool unix_socket);
/* Gives a handle its descriptor; 0, or libuv's error. */
int socket_attach(struct socket_handle *h, int fd);
/* Connected: options, and the peer's name. socket_open has done it. */
void socket_ready(struct socket_stream *t);
void socket_close(struct socket_stream *t);
/* The socket that s is; NULL: it is something else. */
struct socket_stream *socket_of(struct stream *s);
/* -1: not connected. */
int socket_descriptor(const struct socket_stream *t);

#endif
