#include "gateway/hub/relay/buffered_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buffered {
    struct stream stream; /* first member, which is what owners see */
    struct loop *loop;    /* NULL after it has left */
    struct stream *lower;
    uint8_t *block; /* bytes that lower could not take; NULL unless a write is pending */
    struct deferred broken;
};

static struct buffered *buffered_of(const struct stream *s)
{
    return (struct buffered *)(void *)(uintptr_t)s;
}

static void buffered_read_on(struct stream *s, bool on)
{
    stream_read_on(buffered_of(s)->lower, on);
}

static long buffered_peek(struct stream *s, size_t want, uint8_t **p)
{
    return stream_peek(buffered_of(s)->lower, want, p);
}

static bool buffered_steady(const struct stream *s)
{
    return stream_steady(buffered_of(s)->lower);
}

static void buffered_consume(struct stream *s, size_t n)
{
    stream_consume(buffered_of(s)->lower, n);
}

static long buffered_pull(struct stream *s, uint8_t *p, size_t n)
{
    return stream_pull(buffered_of(s)->lower, p, n);
}

static size_t buffered_try_write(struct stream *s, const uint8_t *p, size_t n)
{
    return stream_try_write(buffered_of(s)->lower, p, n);
}

/* What lower does not take of the spans goes from their byte `from` on into a block. */
static bool write_block(struct buffered *x, const struct stream_span *spans, size_t n, size_t from)
{
    size_t left = stream_spans_size(spans, n) - from;
    uint8_t *block = left <= LOOP_BLOCK ? loop_block(x->loop) : NULL;
    if (block == NULL) {
        loop_defer(x->loop, &x->broken);
        return false;
    }
    stream_spans_copy(spans, from, block, left);
    if (stream_write(x->lower, block, left)) {
        loop_unblock(x->loop, block);
        return true;
    }
    x->block = block;
    return false;
}

static bool buffered_stream_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct buffered *x = buffered_of(s);
    const struct stream_span span = {.p = p, .n = n};
    size_t taken = stream_try_write(x->lower, p, n);
    return taken == n || write_block(x, &span, 1, taken);
}

static bool buffered_write_spans(struct stream *s, const struct stream_span *spans, size_t n)
{
    struct buffered *x = buffered_of(s);
    return stream_writes_spans(x->lower) ? stream_write_spans(x->lower, spans, n)
                                         : write_block(x, spans, n, 0);
}

static bool buffered_ready(const struct stream *s)
{
    const struct buffered *x = buffered_of(s);
    return x->block == NULL && !list_is_on(&x->broken.node) && stream_ready(x->lower);
}

static void buffered_shutdown(struct stream *s)
{
    stream_shutdown(buffered_of(s)->lower);
}

static void buffered_close(struct stream *s)
{
    struct buffered *x = buffered_of(s);
    loop_cancel(&x->broken);
    stream_close(x->lower); /* precedes the block's release, since lower may still point into it */
    loop_unblock(x->loop, x->block);
    free(x);
}

static bool buffered_leave(struct stream *s)
{
    struct buffered *x = buffered_of(s);
    if (!buffered_ready(s) || !stream_leave(x->lower))
        return false;
    x->loop = NULL;
    return true;
}

static bool buffered_join(struct stream *s, struct loop *loop)
{
    struct buffered *x = buffered_of(s);
    if (!stream_join(x->lower, loop))
        return false;
    x->loop = loop;
    return true;
}

static const struct stream_ops ops = {
    .read_on = buffered_read_on,
    .peek = buffered_peek,
    .consume = buffered_consume,
    .steady = buffered_steady,
    .pull = buffered_pull,
    .try_write = buffered_try_write,
    .write = buffered_stream_write,
    .write_spans = buffered_write_spans,
    .ready = buffered_ready,
    .shutdown = buffered_shutdown,
    .close = buffered_close,
    .leave = buffered_leave,
    .join = buffered_join,
};

static void lower_opened(void *owner)
{
    struct buffered *x = owner;
    if (x->stream.events->opened != NULL)
        x->stream.events->opened(x->stream.owner);
}

static void lower_readable(void *owner)
{
    struct buffered *x = owner;
    x->stream.events->readable(x->stream.owner);
}

static void lower_writable(void *owner)
{
    struct buffered *x = owner;
    loop_unblock(x->loop, x->block);
    x->block = NULL;
    x->stream.events->writable(x->stream.owner);
}

static void lower_failed(void *owner, enum err why)
{
    struct buffered *x = owner;
    x->stream.events->failed(x->stream.owner, why);
}

static const struct stream_events lower_events = {
    .opened = lower_opened,
    .readable = lower_readable,
    .writable = lower_writable,
    .failed = lower_failed,
};

static void out_of_memory(void *owner)
{
    struct buffered *x = owner;
    x->stream.events->failed(x->stream.owner, ERR_NO_MEMORY);
}

struct stream *buffered_stream_new(struct loop *loop, struct stream *lower,
                                   const struct stream_events *events, void *owner)
{
    struct buffered *x = calloc(1, sizeof *x);
    if (x == NULL) {
        stream_close(lower);
        return NULL;
    }
    x->stream.ops = &ops;
    stream_set_owner(&x->stream, events, owner);
    snprintf(x->stream.name, sizeof x->stream.name, "%s", lower->name);
    x->loop = loop;
    x->lower = lower;
    deferred_init(&x->broken, out_of_memory, x);
    stream_set_owner(lower, &lower_events, x);
    return &x->stream;
}
