/* Bytes both ways with back-pressure: a TCP or unix socket (net/socket.h), or TLS over another
 * stream (tls/tls.h). A stream has one owner, which pulls bytes when told that there are some and
 * is told when it may write again. Nothing is read ahead and nothing is queued without the owner's
 * knowledge, so being full anywhere stops the reader upstream.
 *
 * Rules for owners: inside any event you may close the stream; after stream_close no event comes.
 * Reading starts switched off. */
#ifndef CORE_NET_STREAM_H
#define CORE_NET_STREAM_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct loop;
struct stream;

struct stream_events {
    /* Comes once, when the stream can be used (TLS: the handshake is done). Streams that are handed
     * out ready (accepted sockets, finished dials) do not send it. May be NULL. */
    void (*opened)(void *owner);
    /* Peek or pull has bytes, an end or an error to give; only while reading is on. The event comes
     * again in the next iteration as long as that is so; but after a peek that wanted more than
     * there was (result 0), it comes only once more has arrived. */
    void (*readable)(void *owner);
    /* The write that was pending has been taken; also once after a failed write, after which
     * stream_write and peek return the error. */
    void (*writable)(void *owner);
    /* The stream failed outside of a call (handshake, write error). Close it. */
    void (*failed)(void *owner, enum err why);
};

/* Bytes to be written, XORed with a mask on the way as a WebSocket's are (RFC 6455 section 5.3):
 * mask[0] is for the first of them. Zeros: no mask. */
struct stream_span {
    const uint8_t *p;
    size_t n;
    uint8_t mask[4];
};

struct stream_ops {
    void (*read_on)(struct stream *s, bool on);
    long (*peek)(struct stream *s, size_t want, uint8_t **p);
    void (*consume)(struct stream *s, size_t n);
    bool (*steady)(const struct stream *s); /* or NULL: never */
    long (*pull)(struct stream *s, uint8_t *p, size_t n);
    long (*pull_parts)(struct stream *s, const struct iovec *parts, size_t n); /* or NULL */
    size_t (*try_write)(struct stream *s, const uint8_t *p, size_t n);
    size_t (*try_write_parts)(struct stream *s, const struct iovec *parts, size_t n); /* or NULL */
    bool (*write)(struct stream *s, const uint8_t *p, size_t n);
    bool (*write_spans)(struct stream *s, const struct stream_span *spans, size_t n); /* or NULL */
    bool (*ready)(const struct stream *s);
    void (*shutdown)(struct stream *s);
    void (*close)(struct stream *s);
    bool (*leave)(struct stream *s); /* may be NULL: this kind of stream cannot leave */
    bool (*join)(struct stream *s, struct loop *loop); /* NULL exactly when leave is */
};

struct stream {
    const struct stream_ops *ops;
    const struct stream_events *events;
    void *owner;
    char name[80]; /* the other side for people: "127.0.0.1:5555", "/run/x.sock", "pid 12" */
};

/* Hands the stream to a new owner. */
static inline void stream_set_owner(struct stream *s, const struct stream_events *ev, void *owner)
{
    s->events = ev;
    s->owner = owner;
}

/* Switches `readable` on or off. When bytes are already held, `readable` comes in this iteration's
 * deferred work, never from inside this call. */
static inline void stream_read_on(struct stream *s, bool on)
{
    s->ops->read_on(s, on);
}

/* Looks at the bytes that are there now, in place: at least `want` of them if that is possible
 * without waiting (want <= 32768; 1 for "any"). The caller may overwrite them. At most one system
 * call is made per `readable`.
 * > 0: how many lie at *p, at least `want`; valid until consume, peek or pull.
 * 0: there are not so many now.
 * < 0: -ERR_EOF for the orderly end, else minus the error: there will never be `want` bytes any
 * more (fewer may still be there; for want = 1 all have been consumed). This result stays. */
static inline long stream_peek(struct stream *s, size_t want, uint8_t **p)
{
    return s->ops->peek(s, want, p);
}

/* Whether bytes that were peeked stay where they are, also when they are consumed, until the
 * `readable` that is being told returns. */
static inline bool stream_steady(const struct stream *s)
{
    return s->ops->steady != NULL && s->ops->steady(s);
}

/* Drops the first n of the bytes peeked. */
static inline void stream_consume(struct stream *s, size_t n)
{
    s->ops->consume(s, n);
}

/* Moves up to n > 0 bytes to p; straight from the kernel where possible, with one system call at
 * most. Result as for peek. */
static inline long stream_pull(struct stream *s, uint8_t *p, size_t n)
{
    return s->ops->pull(s, p, n);
}

/* The same into n > 0 parts, one after the other, of which some streams fill only the first. */
static inline long stream_pull_parts(struct stream *s, const struct iovec *parts, size_t n)
{
    return s->ops->pull_parts != NULL
               ? s->ops->pull_parts(s, parts, n)
               : s->ops->pull(s, (uint8_t *)parts[0].iov_base, parts[0].iov_len);
}

/* Takes what can be taken now and returns how much; never pending, never fails (an error shows at
 * the next peek, or as `failed`). Only while stream_ready. */
static inline size_t stream_try_write(struct stream *s, const uint8_t *p, size_t n)
{
    return s->ops->try_write(s, p, n);
}

/* The same for n parts, one after the other, with one system call where possible. */
size_t stream_try_write_parts(struct stream *s, const struct iovec *parts, size_t n);

/* True: all n bytes are taken, p is free again. False: pending; keep p unchanged until `writable`
 * and do not write before. Only while stream_ready. */
static inline bool stream_write(struct stream *s, const uint8_t *p, size_t n)
{
    return s->ops->write(s, p, n);
}

/* Whether stream_write_spans may be called: a stream that encrypts reads bytes where they lie and
 * writes them elsewhere anyway. */
static inline bool stream_writes_spans(const struct stream *s)
{
    return s->ops->write_spans != NULL;
}

/* Writes n spans, together at most LOOP_BLOCK bytes, one after the other. The bytes are free again
 * in any case. False: pending; nothing may be written before `writable`. Only while stream_ready.
 */
static inline bool stream_write_spans(struct stream *s, const struct stream_span *spans, size_t n)
{
    return s->ops->write_spans(s, spans, n);
}

/* The bytes of all spans. */
size_t stream_spans_size(const struct stream_span *spans, size_t n);
/* Copies `size` bytes of the spans, masked, that begin `at` bytes after their start. */
void stream_spans_copy(const struct stream_span *spans, size_t at, uint8_t *out, size_t size);

/* Whether no write is pending. */
static inline bool stream_ready(const struct stream *s)
{
    return s->ops->ready(s);
}

/* Ends this side's data after all that has been written (FIN, close_notify). Reading goes on. */
static inline void stream_shutdown(struct stream *s)
{
    s->ops->shutdown(s);
}

/* Takes the stream off its loop, so that it may go to another thread with all that it holds: no
 * event comes until stream_join. Only between events or at the end of one, and while stream_ready.
 * A stream that has left may only be joined or closed, on any thread. False, and nothing has
 * changed: written bytes are still on their way (TLS may hold some although it is ready; no event
 * tells when they have gone), there are no descriptors, or this kind of stream cannot leave. */
static inline bool stream_leave(struct stream *s)
{
    return s->ops->leave != NULL && s->ops->leave(s);
}

/* Puts the stream on that loop, on the loop's thread, with reading off. Its events must have been
 * set (stream_set_owner). False: no memory or descriptors; the caller closes it. */
static inline bool stream_join(struct stream *s, struct loop *loop)
{
    return s->ops->join(s, loop);
}

/* Closes the stream at once, so pending bytes may be lost, and frees it. */
static inline void stream_close(struct stream *s)
{
    s->ops->close(s);
}

#endif
