/* Private to core/ws: the stream of a WebSocket's bytes, between what passes (ws_stream.c) and its
 * end (ws_stream_end.c). */
#ifndef CORE_WS_WS_STREAM_INTERNAL_H
#define CORE_WS_WS_STREAM_INTERNAL_H

#include "core/ws/ws.h"
#include "core/ws/ws_stream.h"

struct ws_stream {
    struct stream stream; /* first member, which is what owners see */
    struct loop *loop;    /* NULL while it is on none */
    struct ws *ws;        /* NULL: it is over, and `lower` may be there */
    struct stream *lower; /* after the WebSocket's end, until the transport's */
    uint8_t *block;       /* the peer's bytes from `start` to `end`; or NULL */
    size_t start, end;
    bool reading;
    bool starved;     /* `readable` waits for more than there is */
    bool over;        /* the WebSocket has ended */
    enum err why;     /* what peek says after the last byte; ERR_OK while it is not over */
    bool failed;      /* the transport has; the owner is to be told */
    bool shut;        /* a Close goes behind `rest` */
    bool released;    /* `rest` is free again, and the owner is to be told */
    struct span rest; /* the owner's bytes that wait; p NULL: none */
    struct deferred wake;
    void (*finished)(void *owner); /* it is being finished */
    struct timer *timer;  /* NULL, or how long the transport's end or the peer's silence may take */
    uint64_t heard_at;    /* once `ws` has gone */
    uint64_t patience_ms; /* a Close waits for so much silence; 0: for none */
    void (*given_up)(void *ctx, struct stream *s); /* instead of the end; NULL: the end */
    void *ctx;
};

static inline struct ws_stream *ws_stream_of(const struct stream *s)
{
    return (struct ws_stream *)(void *)(uintptr_t)s;
}

static inline size_t ws_stream_held(const struct ws_stream *x)
{
    return x->end - x->start;
}

static inline void ws_stream_wake(struct ws_stream *x)
{
    if (x->loop != NULL)
        loop_defer(x->loop, &x->wake);
}

static inline void ws_stream_drop_held(struct ws_stream *x)
{
    x->start = x->end = 0;
    loop_unblock(x->loop, x->block);
    x->block = NULL;
}

/* ---- ws_stream_end.c ---- */

/* What peek says of a WebSocket's end; *failed: the owner is told outside of it, too. */
enum err ws_stream_end_of(enum err why, int code, bool *failed);
/* The owner's last byte has gone. */
void ws_stream_begin_close(struct ws_stream *x);
/* From the WebSocket's end on its transport is read until its own, so that the peer, which may
 * still say something there, is not reset for it. */
void ws_stream_await_lower(struct ws_stream *x);
/* It is being finished, and something has happened. May call `finished`. */
void ws_stream_go_on_finishing(struct ws_stream *x);
/* True: the stream is its owner's no more, but given_up's. */
bool ws_stream_give_up(struct ws_stream *x);

#endif
