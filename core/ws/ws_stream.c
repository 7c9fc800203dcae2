#include "core/ws/ws_stream_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_something(const struct ws_stream *x)
{
    return ws_stream_held(x) > 0 || x->over;
}

static void wake_reader(struct ws_stream *x)
{
    if (x->reading && !x->starved && has_something(x))
        ws_stream_wake(x);
}

/* ---- reading ---- */

/* Room for more of the peer's bytes. Those that are held move only when the owner said that they
 * are too few, since it may still look at them otherwise. False: no memory. */
static bool make_room(struct ws_stream *x)
{
    if (x->block == NULL && (x->block = loop_block(x->loop)) == NULL)
        return false;
    if (x->start > 0 && x->starved) {
        memmove(x->block, x->block + x->start, ws_stream_held(x));
        x->end -= x->start;
        x->start = 0;
    }
    return true;
}

/* Bytes that nobody wants yet stay with the transport; until then control frames are read. */
static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct ws_stream *x = owner;
    if (x->finished != NULL)
        return n;
    if (!x->reading)
        return 0;
    if (!make_room(x)) {
        x->why = ERR_NO_MEMORY;
        x->over = x->failed = true;
        ws_stream_wake(x);
        return 0;
    }
    size_t room = LOOP_BLOCK - x->end;
    n = n < room ? n : room;
    memcpy(x->block + x->end, p, n);
    x->end += n;
    x->starved = x->starved && n == 0;
    wake_reader(x);
    return n;
}

static void want_more(struct ws_stream *x)
{
    if (x->ws != NULL && x->reading && x->loop != NULL)
        ws_resume(x->ws);
}

static void wss_read_on(struct stream *s, bool on)
{
    struct ws_stream *x = ws_stream_of(s);
    x->reading = on;
    x->starved = false;
    want_more(x);
    wake_reader(x);
}

static long none(struct ws_stream *x)
{
    x->starved = true;
    want_more(x);
    return x->over ? -(long)x->why : 0;
}

static long wss_peek(struct stream *s, size_t want, uint8_t **p)
{
    struct ws_stream *x = ws_stream_of(s);
    if (ws_stream_held(x) < want)
        return none(x);
    *p = x->block + x->start;
    return (long)ws_stream_held(x);
}

static void wss_consume(struct stream *s, size_t n)
{
    struct ws_stream *x = ws_stream_of(s);
    x->start += n;
    x->starved = false;
    if (ws_stream_held(x) == 0)
        ws_stream_drop_held(x);
    want_more(x);
    wake_reader(x);
}

static long wss_pull(struct stream *s, uint8_t *p, size_t n)
{
    struct ws_stream *x = ws_stream_of(s);
    if (ws_stream_held(x) == 0)
        return none(x);
    n = n < ws_stream_held(x) ? n : ws_stream_held(x);
    memcpy(p, x->block + x->start, n);
    wss_consume(s, n);
    return (long)n;
}

/* ---- writing ---- */

static bool takes(const struct ws_stream *x)
{
    return !x->over && ws_ready(x->ws);
}

/* Sends what can be sent now of n bytes; returns how much. */
static size_t send_some(struct ws_stream *x, const uint8_t *p, size_t n, size_t most)
{
    size_t sent = 0;
    while (sent < n && sent < most && takes(x)) {
        size_t size = n - sent < WS_STREAM_FRAME ? n - sent : WS_STREAM_FRAME;
        const struct span part = {(const char *)p + sent, size};
        ws_send_parts(x->ws, &part, 1); /* its bytes are free again in any case */
        sent += size;
    }
    return x->over ? n : sent;
}

static size_t wss_try_write(struct stream *s, const uint8_t *p, size_t n)
{
    return send_some(ws_stream_of(s), p, n, WS_STREAM_FRAME);
}

static bool wss_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct ws_stream *x = ws_stream_of(s);
    size_t sent = send_some(x, p, n, n);
    if (sent < n)
        x->rest = (struct span){(const char *)p + sent, n - sent};
    return sent == n;
}

static bool wss_ready(const struct stream *s)
{
    return ws_stream_of(s)->rest.p == NULL && !ws_stream_of(s)->released;
}

static void wss_shutdown(struct stream *s)
{
    struct ws_stream *x = ws_stream_of(s);
    x->shut = true;
    if (x->rest.p == NULL)
        ws_stream_begin_close(x);
}

/* The owner's bytes have gone, or nobody wants them. */
static void release_rest(struct ws_stream *x)
{
    x->rest = (struct span){NULL, 0};
    x->released = true;
    if (x->shut)
        ws_stream_begin_close(x);
}

static void tell_released(struct ws_stream *x)
{
    x->released = false;
    x->stream.events->writable(x->stream.owner);
}

static void on_writable(void *owner)
{
    struct ws_stream *x = owner;
    if (x->rest.p == NULL)
        return;
    size_t sent = send_some(x, (const uint8_t *)x->rest.p, x->rest.n, x->rest.n);
    x->rest.p += sent;
    x->rest.n -= sent;
    if (x->rest.n > 0)
        return;
    release_rest(x);
    tell_released(x);
}

/* ---- the end ---- */

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct ws_stream *x = owner;
    (void)text;
    x->why = ws_stream_end_of(why, code, &x->failed);
    x->over = true;
    x->starved = false;
    if (x->rest.p != NULL)
        release_rest(x);
    ws_stream_wake(x);
}

static const struct ws_events ws_callbacks = {
    .data = on_data, .writable = on_writable, .closed = on_closed};

static void tell_failed(struct ws_stream *x)
{
    x->failed = false;
    x->stream.events->failed(x->stream.owner, x->why);
}

static void tell_readable(struct ws_stream *x)
{
    if (!x->reading || x->starved || !has_something(x))
        return;
    ws_stream_wake(x); /* for the next turn; the owner may close, and then it is cancelled */
    x->stream.events->readable(x->stream.owner);
}

/* Deferred: one event in each turn. */
static void on_wake(void *owner)
{
    struct ws_stream *x = owner;
    if (x->over && x->ws != NULL)
        ws_stream_await_lower(x);
    if (x->finished != NULL) {
        ws_stream_go_on_finishing(x);
        return;
    }
    if (!x->released && !x->failed) {
        tell_readable(x);
        return;
    }
    ws_stream_wake(x);
    if (x->released)
        tell_released(x);
    else
        tell_failed(x);
}

/* ---- life ---- */

static void wss_close(struct stream *s)
{
    struct ws_stream *x = ws_stream_of(s);
    if (ws_stream_give_up(x))
        return;
    loop_cancel(&x->wake);
    timer_free(x->timer);
    ws_free(x->ws);
    if (x->lower != NULL)
        stream_close(x->lower);
    loop_unblock(x->loop, x->block);
    free(x);
}

/* ---- from loop to loop ---- */

static bool wss_leave(struct stream *s)
{
    struct ws_stream *x = ws_stream_of(s);
    if (x->over || x->shut || !wss_ready(s) || !ws_leave(x->ws))
        return false;
    loop_cancel(&x->wake);
    if (x->block != NULL)
        loop_block_moved(x->loop, NULL);
    x->loop = NULL;
    x->reading = false;
    return true;
}

static bool wss_join(struct stream *s, struct loop *loop)
{
    struct ws_stream *x = ws_stream_of(s);
    if (!ws_join(x->ws, loop))
        return false;
    if (x->block != NULL)
        loop_block_moved(NULL, loop);
    x->loop = loop;
    ws_resume(x->ws);
    return true;
}

static const struct stream_ops ops = {
    .read_on = wss_read_on,
    .peek = wss_peek,
    .consume = wss_consume,
    .pull = wss_pull,
    .try_write = wss_try_write,
    .write = wss_write,
    .ready = wss_ready,
    .shutdown = wss_shutdown,
    .close = wss_close,
    .leave = wss_leave,
    .join = wss_join,
};

struct stream *ws_stream_new(struct loop *loop, struct stream *lower, bool client,
                             const struct stream_events *events, void *owner)
{
    struct ws_stream *x = calloc(1, sizeof *x);
    if (x == NULL) {
        stream_close(lower);
        return NULL;
    }
    x->stream.ops = &ops;
    stream_set_owner(&x->stream, events, owner);
    snprintf(x->stream.name, sizeof x->stream.name, "%s", lower->name);
    x->loop = loop;
    deferred_init(&x->wake, on_wake, x);
    x->ws = ws_new(loop, lower, client, &ws_callbacks, x);
    if (x->ws == NULL) {
        free(x);
        return NULL;
    }
    ws_any_size(x->ws);
    ws_patience(x->ws, WS_STREAM_CLOSE_MS);
    return &x->stream;
}
