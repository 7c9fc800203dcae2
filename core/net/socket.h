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
    bool eof, reading, may_read, writing, failure_told, closing;
};

struct socket_stream *socket_new(struct loop *loop, bool unix_socket); /* NULL: no memory */
/* Connected or accepted: options, and the peer's name. */
void socket_ready(struct socket_stream *t);
void socket_close(struct socket_stream *t);

#endif
