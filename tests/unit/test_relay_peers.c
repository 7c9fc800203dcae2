/* The relay: ends that are not there, leave, or do not read. */
#include "tests/unit/relay_help.h"

/* ---- frames ---- */

static void quiet(struct rig *r)
{
    assert_int_equal(r->ends[SIDE_SOURCE].n, 0);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
    assert_int_equal(r->ends[SIDE_DESTINATION].code, -1);
}

/* ---- nobody there, peers that leave ---- */

static void test_no_destination(void **state)
{
    (void)state;
    struct rig *r = rig();
    relay_detach(r->relay, SIDE_DESTINATION);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    got(r, SIDE_SOURCE, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_DATA, 1, "SSH1", 1); /* was on its way: no violation */
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 2, "HTTP1", 0);
    got(r, SIDE_SOURCE, 1, FRAME_STREAM_RESET, 2, "HTTP1", 0);
    assert_int_equal(r->ends[SIDE_SOURCE].n, 2);
    /* the stream that was refused is no stream */
    attach(r, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 1);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_START, 1, "SSH1", 2);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 1);
    got(r, SIDE_SOURCE, 2, FRAME_STREAM_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 3, "SSH1", 3);
    got(r, SIDE_DESTINATION, 1, FRAME_STREAM_START, 3, "SSH1", 3);
    assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
    unrig(r);
}

static void test_survivor_gets_resets(void **state)
{
    (void)state;
    for (int lost = 0; lost < SIDE_COUNT; lost++) {
        struct rig *r = rig();
        enum side survivor = side_other((enum side)lost);
        say(r, SIDE_SOURCE, FRAME_STREAM_START, 7, "SSH1", 1);
        say(r, SIDE_SOURCE, FRAME_STREAM_START, 8, "HTTP1", 0);
        forget(&r->ends[survivor]);
        relay_detach(r->relay, (enum side)lost);
        assert_int_equal(r->ends[survivor].n, 2);
        got(r, survivor, 0, FRAME_STREAM_RESET, 7, "SSH1", 1);
        got(r, survivor, 1, FRAME_STREAM_RESET, 8, "HTTP1", 0);
        relay_detach(r->relay, (enum side)lost);
        assert_int_equal(r->ends[survivor].n, 2);
        unrig(r);
    }
}

/* The survivor cannot be written to: the resets wait, one message at a time, and the new peer's
 * STREAM_START (with the same id, as after a restart) does not pass them. */
static void test_resets_wait_and_go_first(void **state)
{
    (void)state;
    struct rig *r = rig();
    struct end *d = &r->ends[SIDE_DESTINATION];
    uint8_t out[64];
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "HTTP1", 1);
    forget(d);
    d->full = d->once = true;
    relay_detach(r->relay, SIDE_SOURCE);
    assert_int_equal(d->n, 0);
    attach(r, SIDE_SOURCE);
    size_t n = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), 0);
    for (size_t i = 1; i <= 2; i++) {
        d->full = false;
        relay_writable(r->relay, SIDE_DESTINATION);
        assert_int_equal(d->n, i);
    }
    got(r, SIDE_DESTINATION, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    got(r, SIDE_DESTINATION, 1, FRAME_STREAM_RESET, 1, "HTTP1", 1);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 0);
    d->full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    got(r, SIDE_DESTINATION, 2, FRAME_STREAM_START, 1, "SSH1", 1);
    unrig(r);
}

/* What a surviving peer sends about streams of a lost one must not reach the new one. */
static void test_late_words(void **state)
{
    (void)state;
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    relay_detach(r->relay, SIDE_DESTINATION);
    attach(r, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    say(r, SIDE_SOURCE, FRAME_DATA, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_RESET, 1, "SSH1", 1);
    quiet(r);
    /* but late words of a stream that both knew are passed on */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 2, "SSH1", 1);
    say(r, SIDE_DESTINATION, FRAME_STREAM_RESET, 2, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_DATA, 2, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_RESET, 2, "SSH1", 1);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 3);
    /* except those that the reference program would take for the present stream's */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 3, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 2, "SSH1", 1);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 4);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 3, "SSH1", 1);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 5);
    assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
    unrig(r);
}

/* A CONNECTION_START that crosses the STREAM_RESET must not look like a start to the destination.
 */
static void test_connection_start_after_reset(void **state)
{
    (void)state;
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    say(r, SIDE_DESTINATION, FRAME_STREAM_RESET, 1, "SSH1", 1);
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_START, 1, "SSH1", 2);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    got(r, SIDE_SOURCE, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    unrig(r);
}

/* ---- back-pressure ---- */

static void test_full(void **state)
{
    (void)state;
    struct rig *r = rig();
    struct end *d = &r->ends[SIDE_DESTINATION], *s = &r->ends[SIDE_SOURCE];
    uint8_t out[256];
    size_t start = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    size_t n = start + put(out + start, FRAME_DATA, 1, "SSH1", 1, "a", 1);
    d->once = true;
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), start); /* the second message waits */
    assert_true(relay_holds(r->relay, SIDE_SOURCE));
    assert_false(relay_holds(r->relay, SIDE_DESTINATION));
    relay_writable(r->relay, SIDE_DESTINATION); /* false alarm */
    assert_int_equal(s->resumed, 0);
    say(r, SIDE_DESTINATION, FRAME_DATA, 1, "SSH1", 1); /* the other way is free */
    assert_int_equal(s->n, 1);
    d->full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    assert_int_equal(s->resumed, 1);
    assert_false(relay_holds(r->relay, SIDE_SOURCE));
    assert_int_equal(offer(r, SIDE_SOURCE, out + start, n - start), n - start);
    assert_int_equal(d->n, 2);
    unrig(r);
}

/* When the full end leaves, the one that waited goes on. */
static void test_full_end_leaves(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[64];
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    r->ends[SIDE_DESTINATION].full = true;
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, "a", 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), 0);
    relay_detach(r->relay, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    unrig(r);
}

/* A source that does not read its resets is not read either: nothing piles up. */
static void test_refused_source_that_does_not_read(void **state)
{
    (void)state;
    struct rig *r = rig();
    struct end *s = &r->ends[SIDE_SOURCE];
    uint8_t out[256];
    relay_detach(r->relay, SIDE_DESTINATION);
    size_t first = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    size_t n = first + put(out + first, FRAME_STREAM_START, 2, "SSH1", 1, NULL, 0);
    s->full = true;
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), first);
    assert_int_equal(s->n, 0);
    s->full = false;
    relay_writable(r->relay, SIDE_SOURCE);
    assert_int_equal(s->n, 1);
    assert_int_equal(s->resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out + first, n - first), n - first);
    got(r, SIDE_SOURCE, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    got(r, SIDE_SOURCE, 1, FRAME_STREAM_RESET, 2, "SSH1", 1);
    unrig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_destination),
        cmocka_unit_test(test_survivor_gets_resets),
        cmocka_unit_test(test_resets_wait_and_go_first),
        cmocka_unit_test(test_late_words),
        cmocka_unit_test(test_connection_start_after_reset),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_end_leaves),
        cmocka_unit_test(test_refused_source_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
