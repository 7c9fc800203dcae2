#include "core/ws/ws_internal.h"

#include "core/base/random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

static void release(struct ws *w)
{
    w->depth--;
    if (w->dead && w->depth == 0)
        free(w);
}

void ws_free(struct ws *w)
{
    if (w == NULL || w->dead)
        return;
    timer_free(w->timer);
    stream_close(w->stream);
    loop_unblock(w->loop, w->copy);
    loop_cancel(&w->broken);
    w->dead = true;
    if (w->depth == 0)
        free(w);
}

/* ---- sending ---- */

static const uint8_t *next_mask(struct ws *w)
{
    if (!w->client)
        return NULL;
    if (w->masks_used == WS_MASKS) {
        random_bytes(w->masks, WS_MASKS);
        w->masks_used = 0;
    }
    w->masks_used += 4;
    return w->masks + w->masks_used - 4;
}

/* The WS_HEADER_MAX bytes in front of p are free for the header. */
static bool send_frame(struct ws *w, enum ws_opcode op, uint8_t *p, size_t n)
{
    const uint8_t *mask = next_mask(w);
    size_t header = ws_header(p, true, op, n, mask);
    if (mask != NULL)
        ws_mask(p, n, mask, 0);
    return stream_write(w->stream, p - header, header + n);
}

/* For a stream that takes no spans. */
static bool write_copy(struct ws *w, const struct stream_span *spans, size_t n)
{
    size_t size = stream_spans_size(spans, n);
    uint8_t *copy = size <= LOOP_BLOCK ? loop_block(w->loop) : NULL;
    if (copy == NULL) {
        loop_defer(w->loop, &w->broken);
        return true;
    }
    stream_spans_copy(spans, 0, copy, size);
    if (!stream_write(w->stream, copy, size)) {
        w->copy = copy;
        return false;
    }
    loop_unblock(w->loop, copy);
    return true;
}

static void send_control(struct ws *w, enum ws_opcode op, struct ws_control *c)
{
    if (!c->wanted || !stream_ready(w->stream))
        return;
    c->wanted = false;
    if (c->n > 0)
        memcpy(w->out + WS_HEADER_MAX, c->payload, c->n);
    send_frame(w, op, w->out + WS_HEADER_MAX, c->n);
}

static void send_controls(struct ws *w)
{
    send_control(w, WS_PONG, &w->pong);
    send_control(w, WS_PING, &w->ping);
    send_control(w, WS_CLOSE, &w->close);
}

bool ws_ready(const struct ws *w)
{
    return w->state == OPEN && stream_ready(w->stream);
}

bool ws_send(struct ws *w, uint8_t *p, size_t n)
{
    assert(ws_ready(w));
    return send_frame(w, WS_BINARY, p, n);
}

bool ws_send_parts(struct ws *w, const struct span *parts, size_t n)
{
    struct stream_span spans[1 + WS_PARTS] = {0};
    uint8_t head[WS_HEADER_MAX];
    size_t size = 0;
    assert(ws_ready(w) && n <= WS_PARTS);
    const uint8_t *mask = next_mask(w);
    for (size_t i = 0; i < n; i++) {
        spans[1 + i] = (struct stream_span){.p = (const uint8_t *)parts[i].p, .n = parts[i].n};
        for (size_t k = 0; mask != NULL && k < 4; k++)
            spans[1 + i].mask[k] = mask[(size + k) % 4];
        size += parts[i].n;
    }
    spans[0].n = ws_header(head + sizeof head, true, WS_BINARY, size, mask);
    spans[0].p = head + sizeof head - spans[0].n;
    return stream_writes_spans(w->stream) ? stream_write_spans(w->stream, spans, 1 + n)
                                          : write_copy(w, spans, 1 + n);
}

void ws_ping(struct ws *w, const void *p, size_t n)
{
    if (w->state != OPEN)
        return;
    w->ping.wanted = true;
    w->ping.n = n < WS_CONTROL_MAX ? n : WS_CONTROL_MAX;
    if (n > 0)
        memcpy(w->ping.payload, p, w->ping.n);
    send_controls(w);
}

static void resume_reading(struct ws *w)
{
    w->paused = false;
    stream_read_on(w->stream, true);
}

void ws_close(struct ws *w, int code, const char *text)
{
    if (w->state != OPEN)
        return;
    ws_want_close(w, CLOSING, code, text);
    send_controls(w);
    resume_reading(w); /* from now on only the peer's Close is awaited */
}

/* ---- events ---- */

static void after_reading(struct ws *w)
{
    if (w->dead || w->state == OVER)
        return;
    if (w->paused)
        stream_read_on(w->stream, false);
    send_controls(w);
    ws_close_settle(w);
}

static void on_readable(void *owner)
{
    struct ws *w = owner;
    w->depth++;
    ws_read(w);
    after_reading(w);
    release(w);
}

static void on_writable(void *owner)
{
    struct ws *w = owner;
    w->depth++;
    loop_unblock(w->loop, w->copy);
    w->copy = NULL;
    if (w->state != OVER) {
        send_controls(w);
        ws_close_settle(w);
        if (!w->dead && ws_ready(w))
            w->events->writable(w->owner);
    }
    release(w);
}

static void on_failed(void *owner, enum err why)
{
    struct ws *w = owner;
    w->depth++;
    /* A write may have failed because the peer sent a Close and left, so this looks for its
     * Close. */
    ws_read(w);
    after_reading(w);
    if (w->state == FAILING || w->state == ECHOING)
        ws_over(w, w->why, w->code, w->text);
    else
        ws_over(w, why, 0, err_text(why));
    release(w);
}

static void out_of_memory(void *owner)
{
    on_failed(owner, ERR_NO_MEMORY);
}

static void on_timeout(void *owner)
{
    struct ws *w = owner;
    w->depth++;
    if (w->state == CLOSING)
        ws_over(w, ERR_TIMEOUT, 0, "no answer to our Close");
    else
        ws_over(w, w->why, w->code, w->text);
    release(w);
}

static const struct stream_events stream_callbacks = {
    .readable = on_readable, .writable = on_writable, .failed = on_failed};

struct ws *ws_new(struct loop *loop, struct stream *s, bool client, const struct ws_events *events,
                  void *owner)
{
    struct ws *w = calloc(1, sizeof *w + (client ? WS_MASKS : 0));
    if (w == NULL) {
        stream_close(s);
        return NULL;
    }
    *w = (struct ws){.loop = loop,
                     .stream = s,
                     .events = events,
                     .owner = owner,
                     .client = client,
                     .patience_ms = WS_PATIENCE_MS,
                     .received_at = loop_now(loop)};
    w->masks_used = WS_MASKS;
    ws_parser_init(&w->parser, !client);
    deferred_init(&w->broken, out_of_memory, w);
    w->timer = timer_new(loop, on_timeout, w);
    if (w->timer == NULL) {
        ws_free(w);
        return NULL;
    }
    stream_set_owner(s, &stream_callbacks, w);
    resume_reading(w);
    return w;
}

void ws_resume(struct ws *w)
{
    if (w->paused && w->state == OPEN)
        resume_reading(w);
}

void ws_pause(struct ws *w)
{
    w->paused = true;
}

void ws_any_size(struct ws *w)
{
    w->parser.most = UINT64_MAX;
}

void ws_patience(struct ws *w, uint64_t ms)
{
    w->patience_ms = ms;
}

/* ---- from hand to hand ---- */

struct stream *ws_take(struct ws *w)
{
    struct stream *s = w->stream;
    assert(w->depth == 0 && stream_ready(s) && (w->state == OVER || (ws_ready(w) && w->paused)));
    if (w->state == OVER && !w->shut)
        stream_shutdown(s);
    timer_free(w->timer);
    loop_cancel(&w->broken);
    free(w);
    return s;
}

bool ws_leave(struct ws *w)
{
    if (!ws_ready(w) || list_is_on(&w->broken.node) || !stream_leave(w->stream))
        return false;
    w->paused = true;
    timer_free(w->timer);
    w->timer = NULL;
    w->loop = NULL;
    return true;
}

bool ws_join(struct ws *w, struct loop *loop)
{
    w->timer = timer_new(loop, on_timeout, w);
    if (w->timer == NULL || !stream_join(w->stream, loop))
        return false;
    w->loop = loop;
    return true;
}

/* ---- what it knows ---- */

struct stream *ws_stream(struct ws *w)
{
    return w->stream;
}

uint64_t ws_received_at(const struct ws *w)
{
    return w->received_at;
}
