/* For the targets of HTTP connections: a stream in memory, which aborts at any misuse. Included by
 * one file each. */
#ifndef TESTS_FUZZ_MEMORY_STREAM_H
#define TESTS_FUZZ_MEMORY_STREAM_H

#include "core/base/buf.h"
#include "core/net/stream.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

struct memory {
    struct stream stream;
    struct buf in, out;
    const uint8_t *pending;
    size_t pending_size;
    bool reading, eof, slow, shut, closed;
};

static struct memory *of(const struct stream *s)
{
    return (struct memory *)(void *)(uintptr_t)s;
}

static void memory_read_on(struct stream *s, bool on)
{
    MUST(!of(s)->closed);
    of(s)->reading = on;
}

static long memory_peek(struct stream *s, size_t want, uint8_t **p)
{
    struct memory *m = of(s);
    MUST(m->reading);
    if (m->in.size < want)
        return m->eof ? -(long)ERR_EOF : 0;
    *p = m->in.data;
    return (long)m->in.size;
}

static void memory_consume(struct stream *s, size_t n)
{
    MUST(n <= of(s)->in.size);
    buf_take(&of(s)->in, n);
}

static bool memory_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct memory *m = of(s);
    MUST(m->pending == NULL && !m->shut && n > 0);
    if (!m->slow) {
        MUST(buf_append(&m->out, p, n));
        return true;
    }
    m->pending = p;
    m->pending_size = n;
    return false;
}

static bool memory_ready(const struct stream *s)
{
    return of(s)->pending == NULL;
}

static void memory_shutdown(struct stream *s)
{
    MUST(memory_ready(s) && !of(s)->shut);
    of(s)->shut = true;
}

static void memory_close(struct stream *s)
{
    MUST(!of(s)->closed);
    of(s)->closed = true;
}

static const struct stream_ops memory_ops = {
    .read_on = memory_read_on,
    .peek = memory_peek,
    .consume = memory_consume,
    .write = memory_write,
    .ready = memory_ready,
    .shutdown = memory_shutdown,
    .close = memory_close,
};

/* A new one, with no bytes in it. */
static void memory_begin(struct memory *m, bool slow)
{
    *m = (struct memory){.slow = slow};
    m->in.limit = m->out.limit = SIZE_MAX / 2;
    m->stream.ops = &memory_ops;
}

static void memory_end(struct memory *m)
{
    buf_free(&m->in);
    buf_free(&m->out);
}

static size_t piece_of(unsigned *seed, size_t left)
{
    *seed = *seed * 1103515245u + 12345u;
    size_t n = 1 + (*seed >> 16) % 9;
    return n < left ? n : left;
}

#endif
