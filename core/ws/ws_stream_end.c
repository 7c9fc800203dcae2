#include "core/ws/ws_stream_internal.h"

#define CLOSE_NORMAL 1000 /* RFC 6455 section 7.4.1 */

enum err ws_stream_end_of(enum err why, int code, bool *failed)
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

void ws_stream_begin_close(struct ws_stream *x)
{
    if (x->over)
        return;
    if (x->patience_ms > 0)
        start_timer(x, x->patience_ms);
    if (x->patience_ms == 0 || x->timer == NULL)
        send_close(x);
}

static void lower_over(struct ws_stream *x)
{
    if (x->lower != NULL)
        stream_close(x->lower);
    x->lower = NULL;
    ws_stream_wake(x);
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

void ws_stream_await_lower(struct ws_stream *x)
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

void ws_stream_go_on_finishing(struct ws_stream *x)
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

/* ---- for owners ---- */

void ws_stream_finish(struct stream *s, int code, const char *text, void (*finished)(void *owner))
{
    struct ws_stream *x = ws_stream_of(s);
    x->finished = finished;
    x->given_up = NULL;
    x->rest = (struct span){NULL, 0};
    x->released = x->failed = false;
    ws_stream_drop_held(x);
    if (!x->over) {
        ws_close(x->ws, code, text);
        ws_resume(x->ws);
    }
    ws_stream_wake(x);
}

/* ---- how it ends, and whether the peer is there ---- */

void ws_stream_keep(struct stream *s, void (*given_up)(void *ctx, struct stream *s), void *ctx)
{
    struct ws_stream *x = ws_stream_of(s);
    x->given_up = given_up;
    x->ctx = ctx;
}

void ws_stream_patient(struct stream *s, uint64_t ms)
{
    ws_stream_of(s)->patience_ms = ms;
}

void ws_stream_ping(struct stream *s)
{
    const struct ws_stream *x = ws_stream_of(s);
    if (!x->over)
        ws_ping(x->ws, NULL, 0);
}

uint64_t ws_stream_heard_at(const struct stream *s)
{
    const struct ws_stream *x = ws_stream_of(s);
    return x->ws != NULL ? ws_received_at(x->ws) : x->heard_at;
}

static const struct stream_events no_events; /* finishing tells none */

bool ws_stream_give_up(struct ws_stream *x)
{
    void (*given_up)(void *ctx, struct stream *s) = x->given_up;
    if (given_up == NULL)
        return false;
    x->given_up = NULL;
    stream_set_owner(&x->stream, &no_events, x->ctx);
    given_up(x->ctx, &x->stream);
    return true;
}
