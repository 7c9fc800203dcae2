/* The buffered: bytes that were written are free at once, whatever the stream below can take. */
#include "gateway/hub/relay/buffered_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A stream that takes `room` bytes and keeps the rest pending until lower_drain. */
struct lower {
    struct stream stream;
    size_t room, n;
    uint8_t got[2 * LOOP_BLOCK];
    const uint8_t *pending;
    size_t pending_size;
    uint8_t input[64];
    size_t input_size;
    bool shut, closed, reading, stays, away;
    struct loop *joined;
};

static struct lower *lower_of(const struct stream *s)
{
    return (struct lower *)(void *)(uintptr_t)s;
}

static void lower_read_on(struct stream *s, bool on)
{
    lower_of(s)->reading = on;
}

static long lower_peek(struct stream *s, size_t want, uint8_t **p)
{
    (void)want;
    *p = lower_of(s)->input;
    return lower_of(s)->input_size > 0 ? (long)lower_of(s)->input_size : -ERR_EOF;
}

static void lower_consume(struct stream *s, size_t n)
{
    struct lower *l = lower_of(s);
    l->input_size -= n;
    memmove(l->input, l->input + n, l->input_size);
}

static long lower_pull(struct stream *s, uint8_t *p, size_t n)
{
    struct lower *l = lower_of(s);
    n = n < l->input_size ? n : l->input_size;
    memcpy(p, l->input, n);
    lower_consume(s, n);
    return (long)n;
}

static bool lower_ready(const struct stream *s)
{
    return lower_of(s)->pending == NULL;
}

static size_t lower_try_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct lower *l = lower_of(s);
    assert_true(lower_ready(s));
    n = n < l->room ? n : l->room;
    memcpy(l->got + l->n, p, n);
    l->n += n;
    l->room -= n;
    return n;
}

static bool lower_write(struct stream *s, const uint8_t *p, size_t n)
{
    struct lower *l = lower_of(s);
    size_t taken = lower_try_write(s, p, n);
    if (taken == n)
        return true;
    l->pending = p + taken;
    l->pending_size = n - taken;
    return false;
}

static void lower_shutdown(struct stream *s)
{
    lower_of(s)->shut = true;
}

static void lower_close(struct stream *s)
{
    lower_of(s)->closed = true;
}

static bool lower_leave(struct stream *s)
{
    struct lower *l = lower_of(s);
    l->away = !l->stays;
    return l->away;
}

static bool lower_join(struct stream *s, struct loop *loop)
{
    struct lower *l = lower_of(s);
    assert_true(l->away);
    l->away = false;
    l->joined = loop;
    return true;
}

static const struct stream_ops lower_ops = {
    .read_on = lower_read_on,
    .peek = lower_peek,
    .consume = lower_consume,
    .pull = lower_pull,
    .try_write = lower_try_write,
    .write = lower_write,
    .ready = lower_ready,
    .shutdown = lower_shutdown,
    .close = lower_close,
    .leave = lower_leave,
    .join = lower_join,
};

static void drain(struct lower *l)
{
    memcpy(l->got + l->n, l->pending, l->pending_size);
    l->n += l->pending_size;
    l->pending = NULL;
    l->stream.events->writable(l->stream.owner);
}

struct owner {
    int opened, readable, writable;
    enum err failed;
};

static void on_opened(void *owner)
{
    ((struct owner *)owner)->opened++;
}

static void on_readable(void *owner)
{
    ((struct owner *)owner)->readable++;
}

static void on_writable(void *owner)
{
    ((struct owner *)owner)->writable++;
}

static void on_failed(void *owner, enum err why)
{
    ((struct owner *)owner)->failed = why;
}

static const struct stream_events events = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .failed = on_failed};

struct rig {
    struct loop *loop;
    struct lower lower;
    struct owner owner;
    struct stream *buffered;
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->loop = loop_new();
    r->lower.stream.ops = &lower_ops;
    strcpy(r->lower.stream.name, "peer");
    r->buffered = buffered_stream_new(r->loop, &r->lower.stream, &events, &r->owner);
    assert_non_null(r->buffered);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    if (!r->lower.closed)
        stream_close(r->buffered);
    assert_true(r->lower.closed);
    loop_free(r->loop);
    free(r);
    return 0;
}

static void test_bytes_are_free(void **state)
{
    struct rig *r = *state;
    static const size_t rooms[] = {0, 1, 99, 100, 1000};
    uint8_t sent[100];
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        bool fits = rooms[i] >= sizeof sent;
        r->lower.room = rooms[i];
        r->lower.n = 0;
        memset(sent, 'a', sizeof sent);
        assert_true(stream_ready(r->buffered));
        assert_int_equal(stream_write(r->buffered, sent, sizeof sent), fits);
        assert_int_equal(stream_ready(r->buffered), fits);
        memset(sent, 'X', sizeof sent); /* they are ours again */
        r->owner.writable = 0;
        if (!fits)
            drain(&r->lower);
        assert_int_equal(r->owner.writable, !fits);
        assert_true(stream_ready(r->buffered));
        assert_int_equal(r->lower.n, sizeof sent);
        for (size_t k = 0; k < sizeof sent; k++)
            assert_int_equal(r->lower.got[k], 'a');
    }
}

static void test_largest(void **state)
{
    struct rig *r = *state;
    uint8_t *big = malloc(LOOP_BLOCK);
    assert_non_null(big);
    memset(big, 'b', LOOP_BLOCK);
    assert_false(stream_write(r->buffered, big, LOOP_BLOCK));
    free(big);
    drain(&r->lower);
    assert_int_equal(r->lower.n, LOOP_BLOCK);
    assert_int_equal(r->lower.got[LOOP_BLOCK - 1], 'b');
}

static void test_closed_while_pending(void **state)
{
    struct rig *r = *state;
    assert_false(stream_write(r->buffered, (const uint8_t *)"abc", 3));
    stream_close(r->buffered);
    assert_true(r->lower.closed);
    assert_int_equal(r->owner.writable, 0);
}

static void test_moves(void **state)
{
    struct rig *r = *state;
    struct lower *l = &r->lower;
    uint8_t *p;
    l->input_size = 10;
    assert_int_equal(stream_peek(r->buffered, 1, &p), 10);
    assert_false(stream_write(r->buffered, (const uint8_t *)"abc", 3));
    assert_false(stream_leave(r->buffered)); /* its block is on the way */
    drain(l);
    l->stays = true;
    assert_false(stream_leave(r->buffered));
    l->stays = false;
    assert_true(stream_leave(r->buffered));
    assert_true(l->away);
    struct loop *other = loop_new();
    assert_true(stream_join(r->buffered, other));
    assert_ptr_equal(l->joined, other);
    assert_false(stream_write(r->buffered, (const uint8_t *)"def", 3));
    drain(l);
    assert_int_equal(r->owner.writable, 2);
    assert_memory_equal(l->got, "abcdef", 6);
    assert_true(stream_leave(r->buffered));
    stream_close(r->buffered);
    assert_true(l->closed);
    loop_free(other);
}

/* Out of memory cannot be told on the way, so it does not go. */
static void test_broken_stays(void **state)
{
    struct rig *r = *state;
    static uint8_t too_much[LOOP_BLOCK + 1];
    assert_false(stream_write(r->buffered, too_much, sizeof too_much));
    assert_false(stream_leave(r->buffered));
    loop_run(r->loop);
    assert_int_equal(r->owner.failed, ERR_NO_MEMORY);
}

static void test_events_and_reading_pass(void **state)
{
    struct rig *r = *state;
    struct lower *l = &r->lower;
    uint8_t *p, out[8];
    assert_string_equal(r->buffered->name, "peer");
    l->stream.events->opened(l->stream.owner);
    stream_read_on(r->buffered, true);
    assert_true(l->reading);
    l->stream.events->readable(l->stream.owner);
    l->stream.events->failed(l->stream.owner, ERR_RESET);
    assert_int_equal(r->owner.opened, 1);
    assert_int_equal(r->owner.readable, 1);
    assert_int_equal(r->owner.failed, ERR_RESET);
    memcpy(l->input, "hello", l->input_size = 5);
    assert_int_equal(stream_peek(r->buffered, 1, &p), 5);
    stream_consume(r->buffered, 2);
    assert_int_equal(stream_pull(r->buffered, out, sizeof out), 3);
    assert_memory_equal(out, "llo", 3);
    assert_int_equal(stream_peek(r->buffered, 1, &p), -ERR_EOF);
    stream_shutdown(r->buffered);
    assert_true(l->shut);
}

static void test_spans(void **state)
{
    struct rig *r = *state;
    struct lower *l = &r->lower;
    uint8_t bytes[] = "abcdef";
    const struct stream_span spans[] = {{.p = bytes, .n = 2},
                                        {.p = bytes + 2, .n = 4, .mask = {1, 2, 3, 4}}};
    assert_false(stream_write_spans(r->buffered, spans, 2));
    memset(bytes, 0, sizeof bytes);
    assert_false(stream_ready(r->buffered));
    drain(l);
    assert_int_equal(r->owner.writable, 1);
    assert_memory_equal(l->got, "abbffb", 6);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_are_free), TEST(test_largest),      TEST(test_closed_while_pending),
        TEST(test_moves),          TEST(test_broken_stays), TEST(test_events_and_reading_pass),
        TEST(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
