/* Private to core/net: the socket stream that listeners and dials hand out. */
#ifndef CORE_NET_SOCKET_H
#define CORE_NET_SOCKET_H

#include "core/net/tcp.h"

struct socket_stream {
    struct stream stream;
    struct loop *loop;
    union {
        uv_handle_t any;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct deferred wake;
    uint8_t *block; /* what peek has read and nobody consumed: block[start, end) */
    size_t start, end;
    uv_write_t write;
    uv_shutdown_t shutdown;
    enum err failed; /* ERR_OK: not */
    bool eof, reading, writing, failure_told, closing;
    bool may_read; /* told that there is something, and not asked the kernel since */
    bool starved;  /* the last peek wanted more than there was */
};

struct socket_stream *socket_new(struct loop *loop, bool unix_socket); /* NULL: no memory */
/* Takes over a connected descriptor; NULL: no memory, or not one; it is closed then. */
struct socket_stream *socket_open(struct loop *loop, int fd, bool unix_socket);
/* Connected: options, and the peer's name. socket_open has done it. */
void socket_ready(struct socket_stream *t);
void socket_close(struct socket_stream *t);
/* gone.c */
bool socket_peer_gone(int fd, bool unix_socket);

#endif
