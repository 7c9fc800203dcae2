#include "core/tls/tls.h"

#include "core/net/socket.h"
#include "core/tls/alert.h"
#include "core/tls/gcm.h"
#include "core/tls/handshake_driver.h"
#include "core/tls/path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A stream takes 1.2 KB once the handshake is over; blocks come and go with traffic. */
struct tls {
    struct stream stream;
    struct loop *loop; /* NULL: the stream has left its loop */
    struct stream *lower;
    struct handshake_driver driver;
    struct record_layer keys;
    struct deferred flush, wake;
    enum err failed;                /* set: every call fails from now on */
    struct handshake_result result; /* once the handshake is done */
    bool reading;
    char *peer_name; /* NULL: the client has no usable name */
    struct inbox in;
    struct batch out;
    const uint8_t *parked; /* the rest of a pending write */
    size_t parked_left;
    uint8_t *copy; /* a block that `parked` lies in, when its owner's memory is free; or NULL */
    bool ending, ended; /* shutdown: requested, done */
};

static struct tls *of(struct stream *s)
{
    return (struct tls *)(void *)s; /* its first member */
}

static bool handshaking(const struct tls *t)
{
    return t->in.handshaking;
}

static const struct tls *of_const(const struct stream *s)
{
    return (const struct tls *)(const void *)s;
}

/* Makes the stream unusable and tells the owner, after which t may be gone. */
static void fail(struct tls *t, enum err why)
{
    if (t->failed != ERR_OK)
        return;
    t->failed = why;
    inbox_end(&t->in, why, -1, "%s", err_text(why));
    loop_cancel(&t->flush);
    loop_cancel(&t->wake);
    stream_read_on(t->lower, false);
    t->stream.events->failed(t->stream.owner, why);
}

/* ---- reading ---- */

static long peek(struct tls *t, size_t want, uint8_t **p)
{
    long there = inbox_peek(&t->in, want, p);
    if (there < 0 && t->in.alert >= 0) {
        if (batch_alert(&t->out, ALERT_FATAL, t->in.alert))
            batch_flush(&t->out);
        t->in.alert = -1;
    }
    return there;
}

/* Tells `readable` again for what is held here: carried bytes, and the end. For the records below,
 * the lower stream tells again, since a record is consumed there only when it is used up. */
static void remind(struct tls *t)
{
    if (t->reading && (t->in.carry != NULL || t->in.end != ERR_OK))
        loop_defer(t->loop, &t->wake);
}

static void tell_readable(void *owner)
{
    struct tls *t = owner;
    uint8_t *p;
    if (!t->reading || peek(t, 1, &p) == 0)
        return;
    remind(t);
    t->stream.events->readable(t->stream.owner);
}

static void tls_read_on(struct stream *s, bool on)
{
    struct tls *t = of(s);
    t->reading = on;
    if (!on)
        loop_cancel(&t->wake);
    if (handshaking(t))
        return;
    stream_read_on(t->lower, on && t->in.end == ERR_OK);
    remind(t);
}

/* An owner that has been told that there is no more (or not so much) is not told again. */
static long tls_peek(struct stream *s, size_t want, uint8_t **p)
{
    struct tls *t = of(s);
    long there = peek(t, want, p);
    if (there > 0)
        remind(t);
    else
        loop_cancel(&t->wake);
    return there;
}

static bool tls_steady(const struct stream *s)
{
    const struct tls *t = of_const(s);
    return t->in.carry == NULL && stream_steady(t->lower);
}

static void tls_consume(struct stream *s, size_t n)
{
    inbox_consume(&of(s)->in, n);
}

static long tls_pull(struct stream *s, uint8_t *p, size_t n)
{
    size_t taken = 0;
    while (taken < n) {
        uint8_t *from;
        long there = tls_peek(s, 1, &from);
        if (there < 0 && taken > 0)
            remind(of(s)); /* the end is told after the bytes */
        if (there <= 0)
            return taken > 0 ? (long)taken : there;
        size_t part = (size_t)there < n - taken ? (size_t)there : n - taken;
        memcpy(p + taken, from, part);
        tls_consume(s, part);
        taken += part;
    }
    return (long)taken;
}

/* ---- writing ---- */

/* Takes as much as can go now, until the lower stream is full. */
static size_t put(struct tls *t, const struct stream_span *spans, size_t n)
{
    size_t size = stream_spans_size(spans, n), taken = batch_put_spans(&t->out, spans, n, 0);
    while (taken < size && !t->out.no_memory && batch_flush(&t->out))
        taken += batch_put_spans(&t->out, spans, n, taken);
    if (!t->out.sending)
        loop_defer(t->loop, &t->flush);
    return taken;
}

static size_t tls_try_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct tls *t = of(s);
    struct stream_span span = {.p = p, .n = n};
    assert(!handshaking(t) && t->parked_left == 0 && !t->ending);
    return t->failed != ERR_OK ? 0 : put(t, &span, 1);
}

/* After a failure all bytes count as taken: the owner learns of it by `failed`. */
static bool tls_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct tls *t = of(s);
    struct stream_span span = {.p = p, .n = n};
    assert(!handshaking(t) && t->parked_left == 0 && !t->ending);
    size_t taken = t->failed != ERR_OK ? n : put(t, &span, 1);
    if (t->out.no_memory)
        taken = n;
    t->parked = p + taken;
    t->parked_left = n - taken;
    return t->parked_left == 0;
}

/* What cannot go now is copied. */
static bool tls_write_spans(struct stream *s, const struct stream_span *spans, size_t n)
{
    struct tls *t = of(s);
    size_t size = stream_spans_size(spans, n);
    assert(!handshaking(t) && t->parked_left == 0 && !t->ending && size <= LOOP_BLOCK);
    size_t taken = t->failed != ERR_OK ? size : put(t, spans, n);
    if (taken == size || t->out.no_memory)
        return true;
    t->copy = loop_block(t->loop);
    t->out.no_memory = t->copy == NULL;
    if (t->copy == NULL) {
        loop_defer(t->loop, &t->flush); /* tells it */
        return true;
    }
    t->parked_left = size - taken;
    stream_spans_copy(spans, taken, t->copy, t->parked_left);
    t->parked = t->copy;
    return false;
}

/* The lower stream has room again for the rest of a pending write. */
static void put_parked(struct tls *t)
{
    struct stream_span rest = {.p = t->parked, .n = t->parked_left};
    size_t taken = put(t, &rest, 1);
    t->parked += taken;
    t->parked_left -= taken;
    if (t->parked_left > 0)
        return;
    loop_unblock(t->loop, t->copy);
    t->copy = NULL;
}

static bool tls_ready(const struct stream *s)
{
    return of_const(s)->parked_left == 0;
}

/* Sends close_notify once all written bytes are on their way. */
static void finish_ending(struct tls *t)
{
    if (t->ended || t->parked_left > 0 || !batch_flush(&t->out) ||
        !batch_alert(&t->out, ALERT_WARNING, ALERT_CLOSE_NOTIFY))
        return;
    t->ended = true;
    batch_flush(&t->out);
    stream_shutdown(t->lower);
}

static void tls_shutdown(struct stream *s)
{
    struct tls *t = of(s);
    if (t->ending || t->failed != ERR_OK)
        return;
    t->ending = true;
    if (!handshaking(t))
        finish_ending(t);
}

static void tls_close(struct stream *s)
{
    struct tls *t = of(s);
    loop_cancel(&t->flush);
    loop_cancel(&t->wake);
    if (t->loop != NULL && !handshaking(t) && !t->ended && t->failed == ERR_OK &&
        t->in.end != ERR_TLS && t->parked_left == 0)
        batch_alert(&t->out, ALERT_WARNING, ALERT_CLOSE_NOTIFY);
    batch_end(&t->out);
    loop_unblock(t->loop, t->copy);
    inbox_free(&t->in);
    stream_close(t->lower);
    handshake_driver_free(&t->driver);
    record_wipe(&t->keys);
    free(t->peer_name);
    free(t->result.certificate);
    free(t);
}

/* ---- from loop to loop ---- */

static void set_loop(struct tls *t, struct loop *loop)
{
    if (t->in.carry != NULL)
        loop_block_moved(t->loop, loop);
    if (t->out.block != NULL)
        loop_block_moved(t->loop, loop);
    t->loop = t->in.loop = t->out.loop = loop;
}

/* Received bytes stay where they are: records in the lower stream's block, carried bytes here. */
static bool tls_leave(struct stream *s)
{
    struct tls *t = of(s);
    if (handshaking(t) || t->failed != ERR_OK || t->parked_left > 0 || t->ending != t->ended ||
        !batch_flush(&t->out) || t->out.no_memory || !stream_leave(t->lower))
        return false;
    loop_cancel(&t->flush);
    loop_cancel(&t->wake);
    t->reading = false;
    set_loop(t, NULL);
    return true;
}

static bool tls_join(struct stream *s, struct loop *loop)
{
    struct tls *t = of(s);
    if (!stream_join(t->lower, loop))
        return false;
    set_loop(t, loop);
    return true;
}

/* ---- the handshake ---- */

/* The last flight stays in the batch, so that what the owner writes in `opened` leaves together
 * with it. */
static void handshake_done(struct tls *t)
{
    enum err why = handshake_driver_finish(&t->driver, &t->result, &t->peer_name);
    if (why != ERR_OK) {
        fail(t, why);
        return;
    }
    loop_defer(t->loop, &t->flush);
    stream_read_on(t->lower, t->reading);
    if (t->ending)
        finish_ending(t);
    if (t->stream.events->opened != NULL)
        t->stream.events->opened(t->stream.owner);
}

static void went_on(struct tls *t, int went)
{
    if (went > 0)
        handshake_done(t);
    else if (went < 0)
        fail(t, (enum err) - went);
}

static void drive(struct tls *t)
{
    went_on(t, handshake_driver_go(&t->driver));
}

void tls_turn(struct stream *s)
{
    struct tls *t = of(s);
    if (t->failed == ERR_OK)
        went_on(t, handshake_driver_turn(&t->driver));
}

/* ---- events from below ---- */

/* Deferred work: at the end of an iteration in which something was written, or at the very
 * beginning. */
static void on_flush(void *owner)
{
    struct tls *t = owner;
    if (t->out.no_memory)
        fail(t, ERR_NO_MEMORY);
    else if (handshaking(t))
        drive(t);
    else
        batch_flush(&t->out);
}

static void on_lower_readable(void *owner)
{
    struct tls *t = owner;
    if (handshaking(t))
        drive(t);
    else
        tell_readable(t);
}

static void on_lower_writable(void *owner)
{
    struct tls *t = owner;
    batch_sent(&t->out);
    if (t->failed != ERR_OK)
        return;
    if (handshaking(t)) {
        drive(t);
        return;
    }
    bool pending = t->parked_left > 0;
    if (pending) {
        put_parked(t);
        if (t->out.no_memory || t->parked_left > 0)
            return;
    }
    if (t->ending)
        finish_ending(t);
    if (pending)
        t->stream.events->writable(t->stream.owner);
}

/* Bytes that the other side has sent before it left can still be read. */
static void on_lower_failed(void *owner, enum err why)
{
    struct tls *t = owner;
    if (handshaking(t)) {
        fail(t, why);
    } else if (t->failed == ERR_OK) {
        t->failed = why;
        inbox_note(&t->in, err_text(why));
        t->stream.events->failed(t->stream.owner, why);
    }
}

static const struct stream_events lower_events = {
    .readable = on_lower_readable,
    .writable = on_lower_writable,
    .failed = on_lower_failed,
};

static const struct stream_ops ops = {
    .read_on = tls_read_on,
    .peek = tls_peek,
    .consume = tls_consume,
    .steady = tls_steady,
    .pull = tls_pull,
    .try_write = tls_try_write,
    .write = tls_write,
    .write_spans = tls_write_spans,
    .ready = tls_ready,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .leave = tls_leave,
    .join = tls_join,
};

/* ---- making one ---- */

static struct tls *start(struct loop *loop, struct stream *lower, bool is_client,
                         const struct stream_events *events, void *owner)
{
    struct tls *t = calloc(1, sizeof *t);
    if (t == NULL) {
        stream_close(lower);
        return NULL;
    }
    t->stream.ops = &ops;
    memcpy(t->stream.name, lower->name, sizeof t->stream.name);
    t->loop = loop;
    t->lower = lower;
    t->in = (struct inbox){.loop = loop,
                           .lower = lower,
                           .keys = &t->keys,
                           .is_client = is_client,
                           .handshaking = true,
                           .alert = -1};
    t->out = (struct batch){.loop = loop, .lower = lower, .keys = &t->keys};
    t->driver = (struct handshake_driver){.in = &t->in, .out = &t->out};
    deferred_init(&t->flush, on_flush, t);
    deferred_init(&t->wake, tell_readable, t);
    stream_set_owner(&t->stream, events, owner);
    stream_set_owner(lower, &lower_events, t);
    loop_defer(loop, &t->flush); /* events come from the loop only */
    return t;
}

struct stream *tls_client(struct loop *loop, struct stream *lower,
                          const struct tls_client_options *options,
                          const struct stream_events *events, void *owner)
{
    struct tls *t = start(loop, lower, true, events, owner);
    if (t == NULL)
        return NULL;
    t->driver.handshake = handshake_client(options);
    if (t->driver.handshake != NULL)
        return &t->stream;
    tls_close(&t->stream);
    return NULL;
}

struct stream *tls_server(struct loop *loop, struct stream *lower,
                          const struct tls_server_options *options,
                          const struct stream_events *events, void *owner)
{
    struct tls *t = start(loop, lower, false, events, owner);
    if (t == NULL)
        return NULL;
    handshake_driver_serve(&t->driver, options);
    return &t->stream;
}

const char *tls_peer_name(const struct stream *s)
{
    return of_const(s)->peer_name;
}

void tls_peer_fingerprint(const struct stream *s, uint8_t out[TLS_FINGERPRINT])
{
    memcpy(out, of_const(s)->result.fingerprint, TLS_FINGERPRINT);
}

enum tls_cover tls_peer_covers(const struct stream *s, const char *host)
{
    const struct handshake_result *r = &of_const(s)->result;
    struct certificate c;
    if (r->any_name)
        return TLS_COVERED;
    if (r->certificate == NULL ||
        certificate_parse(&c, r->certificate, r->certificate_size) != NULL)
        return TLS_COVER_UNKNOWN;
    return path_has_host(&c, host) ? TLS_COVERED : TLS_NOT_COVERED;
}

void tls_drop_certificate(struct stream *s)
{
    struct handshake_result *r = &of(s)->result;
    free(r->certificate);
    r->certificate = NULL;
}

bool tls_resumed(const struct stream *s)
{
    return of_const(s)->result.resumed;
}

const char *tls_problem(const struct stream *s)
{
    return of_const(s)->in.problem;
}

size_t tls_backlog(const struct stream *s)
{
    const struct stream *lower = of_const(s)->lower;
    return lower->ops == &ops ? tls_backlog(lower) : stream_backlog(lower);
}

bool tls_cpu_valid(char *text, size_t size)
{
    return gcm_cpu_valid(text, size);
}
