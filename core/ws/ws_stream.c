#include "core/ws/ws_stream.h"

#include "core/ws/ws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE_NORMAL 1000 /* RFC 6455 section 7.4.1 */

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

static struct ws_stream *of(const struct stream *s)
{
    return (struct ws_stream *)(void *)(uintptr_t)s;
}

static size_t held(const struct ws_stream *x)
{
    return x->end - x->start;
}

static void wake(struct ws_stream *x)
{
    if (x->loop != NULL)
        loop_defer(x->loop, &x->wake);
}

static bool has_something(const struct ws_stream *x)
{
    return held(x) > 0 || x->over;
}

static void wake_reader(struct ws_stream *x)
{
    if (x->reading && !x->starved && has_something(x))
        wake(x);
}

static void drop_held(struct ws_stream *x)
{
    x->start = x->end = 0;
    loop_unblock(x->loop, x->block);
    x->block = NULL;
}

/* ---- reading ---- */

/* Room for more of the peer's bytes. Those that are held move only when the owner said that they
 * are too few, since it may still look at them otherwise. False: no memory. */
static bool make_room(struct ws_stream *x)
{
    if (x->block == NULL && (x->block = loop_block(x->loop)) == NULL)
        return false;
    if (x->start > 0 && x->starved) {
        memmove(x->block, x->block + x->start, held(x));
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
        wake(x);
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
    struct ws_stream *x = of(s);
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
    struct ws_stream *x = of(s);
    if (held(x) < want)
        return none(x);
    *p = x->block + x->start;
    return (long)held(x);
}

static void wss_consume(struct stream *s, size_t n)
{
    struct ws_stream *x = of(s);
    x->start += n;
    x->starved = false;
    if (held(x) == 0)
        drop_held(x);
    want_more(x);
    wake_reader(x);
}

static long wss_pull(struct stream *s, uint8_t *p, size_t n)
{
    struct ws_stream *x = of(s);
    if (held(x) == 0)
        return none(x);
    n = n < held(x) ? n : held(x);
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
    return send_some(of(s), p, n, WS_STREAM_FRAME);
}

static bool wss_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct ws_stream *x = of(s);
    size_t sent = send_some(x, p, n, n);
    if (sent < n)
        x->rest = (struct span){(const char *)p + sent, n - sent};
    return sent == n;
}

static bool wss_ready(const struct stream *s)
{
    return of(s)->rest.p == NULL && !of(s)->released;
}

static void on_timer(void *owner);

static void start_timer(struct ws_stream *x, uint64_t ms)
{
    if (x->timer == NULL)
        x->timer = timer_new(x->loop, on_timer, x);
    if (x->timer != NULL)
        timer_start(x->timer, ms);
}

static void send_close(struct ws_stream *x)
{
    ws_close(x->ws, CLOSE_NORMAL, NULL);
}

/* The owner's last byte has gone. */
static void begin_close(struct ws_stream *x)
{
    if (x->over)
        return;
    if (x->patience_ms > 0)
        start_timer(x, x->patience_ms);
    if (x->patience_ms == 0 || x->timer == NULL)
        send_close(x);
}

static void wss_shutdown(struct stream *s)
{
    struct ws_stream *x = of(s);
    x->shut = true;
    if (x->rest.p == NULL)
        begin_close(x);
}

/* The owner's bytes have gone, or nobody wants them. */
static void release_rest(struct ws_stream *x)
{
    x->rest = (struct span){NULL, 0};
    x->released = true;
    if (x->shut)
        begin_close(x);
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

/* What peek says of that end, and whether the owner is told outside of it. */
static enum err end_of(enum err why, int code, bool *failed)
{
    *failed = false;
    switch (why) {
    case ERR_EOF:
        return code > 0 ? ERR_EOF : ERR_RESET;
    case ERR_OK:
        return ERR_EOF;
    case ERR_TIMEOUT:
    case ERR_PROTOCOL:
    case ERR_TOO_LARGE:
        return why;
    default:
        *failed = true;
        return why;
    }
}

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct ws_stream *x = owner;
    (void)text;
    x->why = end_of(why, code, &x->failed);
    x->over = true;
    x->starved = false;
    if (x->rest.p != NULL)
        release_rest(x);
    wake(x);
}

static const struct ws_events ws_callbacks = {
    .data = on_data, .writable = on_writable, .closed = on_closed};

static void lower_over(struct ws_stream *x)
{
    if (x->lower != NULL)
        stream_close(x->lower);
    x->lower = NULL;
    wake(x);
}

static void on_lower_readable(void *owner)
{
    struct ws_stream *x = owner;
    uint8_t *p;
    long n;
    while ((n = stream_peek(x->lower, 1, &p)) > 0)
        stream_consume(x->lower, (size_t)n);
    if (n < 0)
        lower_over(x);
}

static void on_lower_writable(void *owner)
{
    (void)owner;
}

static void on_lower_failed(void *owner, enum err why)
{
    (void)why;
    lower_over(owner);
}

static const struct stream_events lower_events = {
    .readable = on_lower_readable, .writable = on_lower_writable, .failed = on_lower_failed};

/* The transport's end is not awaited any longer; or the peer, which could have said more after our
 * end, has been silent for so long. */
static void on_timer(void *owner)
{
    struct ws_stream *x = owner;
    if (x->over) {
        lower_over(x);
        return;
    }
    uint64_t silent = loop_now(x->loop) - ws_received_at(x->ws);
    if (silent < x->patience_ms)
        timer_start(x->timer, x->patience_ms - silent);
    else
        send_close(x);
}

/* From the WebSocket's end on its transport is read until its own, so that the peer, which may
 * still say something there, is not reset for it. */
static void await_lower(struct ws_stream *x)
{
    bool ready = !x->failed && stream_ready(ws_stream(x->ws));
    x->heard_at = ws_received_at(x->ws);
    if (ready)
        x->lower = ws_take(x->ws);
    else
        ws_free(x->ws);
    x->ws = NULL;
    if (!ready)
        return;
    stream_set_owner(x->lower, &lower_events, x);
    stream_read_on(x->lower, true);
}

static void go_on_finishing(struct ws_stream *x)
{
    if (!x->over)
        return;
    if (x->lower == NULL) {
        x->finished(x->stream.owner);
        return;
    }
    start_timer(x, WS_STREAM_LINGER_MS);
    if (x->timer == NULL)
        lower_over(x);
}

static void tell_failed(struct ws_stream *x)
{
    x->failed = false;
    x->stream.events->failed(x->stream.owner, x->why);
}

static void tell_readable(struct ws_stream *x)
{
    if (!x->reading || x->starved || !has_something(x))
        return;
    wake(x); /* for the next turn; the owner may close, and then it is cancelled */
    x->stream.events->readable(x->stream.owner);
}

/* Deferred: one event in each turn. */
static void on_wake(void *owner)
{
    struct ws_stream *x = owner;
    if (x->over && x->ws != NULL)
        await_lower(x);
    if (x->finished != NULL) {
        go_on_finishing(x);
        return;
    }
    if (!x->released && !x->failed) {
        tell_readable(x);
        return;
    }
    wake(x);
    if (x->released)
        tell_released(x);
    else
        tell_failed(x);
}

void ws_stream_finish(struct stream *s, int code, const char *text, void (*finished)(void *owner))
{
    struct ws_stream *x = of(s);
    x->finished = finished;
    x->given_up = NULL;
    x->rest = (struct span){NULL, 0};
    x->released = x->failed = false;
    drop_held(x);
    if (!x->over) {
        ws_close(x->ws, code, text);
        ws_resume(x->ws);
    }
    wake(x);
}

/* ---- how it ends, and whether the peer is there ---- */

void ws_stream_keep(struct stream *s, void (*given_up)(void *ctx, struct stream *s), void *ctx)
{
    struct ws_stream *x = of(s);
    x->given_up = given_up;
    x->ctx = ctx;
}

void ws_stream_patient(struct stream *s, uint64_t ms)
{
    of(s)->patience_ms = ms;
}

void ws_stream_ping(struct stream *s)
{
    const struct ws_stream *x = of(s);
    if (!x->over)
        ws_ping(x->ws, NULL, 0);
}

uint64_t ws_stream_heard_at(const struct stream *s)
{
    const struct ws_stream *x = of(s);
    return x->ws != NULL ? ws_received_at(x->ws) : x->heard_at;
}

/* ---- life ---- */

static const struct stream_events no_events; /* finishing tells none */

static void give_up(struct ws_stream *x)
{
    void (*given_up)(void *ctx, struct stream *s) = x->given_up;
    x->given_up = NULL;
    stream_set_owner(&x->stream, &no_events, x->ctx);
    given_up(x->ctx, &x->stream);
}

static void wss_close(struct stream *s)
{
    struct ws_stream *x = of(s);
    if (x->given_up != NULL) {
        give_up(x);
        return;
    }
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
    struct ws_stream *x = of(s);
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
    struct ws_stream *x = of(s);
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
