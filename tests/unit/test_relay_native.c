/* The relay: native ends. */
#include "tests/unit/relay_help.h"

/* ---- native ends ---- */

static void attach_native(struct rig *r, enum side side, const char *instance)
{
    const struct relay_peer peer = {3, FRAME_NATIVE_PROTOCOL, instance, "plant7"};
    relay_attach(r->relay, side, &peer, &ops, &r->ends[side]);
}

/* Message i of that end is a PEER that says this; instance NULL: nobody. Returns its epoch. */
static uint32_t got_peer(struct rig *r, enum side side, size_t i, const char *protocol,
                         const char *instance)
{
    struct frame f;
    struct end *e = &r->ends[side];
    assert_true(i < e->n);
    assert_int_equal(frame_decode(e->got[i].p + 2, e->got[i].n - 2, &f), ERR_OK);
    assert_int_equal(f.type, FRAME_PEER);
    assert_int_equal(f.attached, instance != NULL);
    assert_true(span_is(f.subprotocol, protocol));
    assert_true(span_is(f.instance, instance != NULL ? instance : ""));
    return f.epoch;
}

/* Each native end is told who is there, before anything else and at each change; the epoch grows
 * with each new pair. */
static void test_peers_are_told(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    struct end *source = &r->ends[SIDE_SOURCE];
    attach_native(r, SIDE_SOURCE, "A");
    uint32_t alone = got_peer(r, SIDE_SOURCE, 0, "", NULL);
    got(r, SIDE_SOURCE, 1, FRAME_SERVICE_IDS, 0, "", 0);
    attach_native(r, SIDE_DESTINATION, "B");
    uint32_t paired = got_peer(r, SIDE_SOURCE, 2, FRAME_NATIVE_PROTOCOL, "B");
    assert_int_equal(got_peer(r, SIDE_DESTINATION, 0, FRAME_NATIVE_PROTOCOL, "A"), paired);
    assert_true(paired > alone);
    relay_detach(r->relay, SIDE_DESTINATION);
    got_peer(r, SIDE_SOURCE, 3, "", NULL);
    attach(r, SIDE_DESTINATION);
    assert_true(got_peer(r, SIDE_SOURCE, 4, "aws.iot.securetunneling-3.0", "") > paired);
    assert_int_equal(source->n, 5);
    /* an end of V3 is told nothing */
    forget(&r->ends[SIDE_DESTINATION]);
    relay_detach(r->relay, SIDE_SOURCE);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    unrig(r);
}

/* What was meant for the end before is not given out before both know of the new one. */
static void test_nothing_passes_a_peer(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    uint8_t out[64];
    attach_native(r, SIDE_SOURCE, "A");
    attach_native(r, SIDE_DESTINATION, "B");
    relay_detach(r->relay, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    r->ends[SIDE_SOURCE].full = true;
    forget(&r->ends[SIDE_DESTINATION]);
    attach_native(r, SIDE_DESTINATION, "C");
    size_t n = put(out, FRAME_RESUME, 0, "", 0, NULL, 0);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n), 0);
    r->ends[SIDE_SOURCE].full = false;
    relay_writable(r->relay, SIDE_SOURCE);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n), n);
    got_peer(r, SIDE_SOURCE, 0, FRAME_NATIVE_PROTOCOL, "C");
    got(r, SIDE_SOURCE, 1, FRAME_RESUME, 0, "", 0);
    unrig(r);
}

/* A native end that takes nothing, and does not know yet that the other one is gone or another one,
 * is read all the same: its words are about the pair before. Once it knows, they pass. */
static void test_stale_words_are_taken(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    struct end *source = &r->ends[SIDE_SOURCE], *destination = &r->ends[SIDE_DESTINATION];
    uint8_t out[64];
    size_t n = put(out, FRAME_ECHO_REPLY, 0, "", 0, "12345678", 8);
    attach_native(r, SIDE_SOURCE, "A");
    attach_native(r, SIDE_DESTINATION, "B");
    source->full = destination->full = true;
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n), 0);
    relay_detach(r->relay, SIDE_SOURCE);
    assert_int_equal(destination->resumed, 1);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n), n);
    source->full = false;
    forget(source);
    forget(destination);
    attach_native(r, SIDE_SOURCE, "C");
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n), n);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n / 2), n / 2);
    assert_int_equal(offer(r, SIDE_DESTINATION, out + n / 2, n - n / 2), n - n / 2);
    assert_int_equal(source->n, 2); /* PEER and SERVICE_IDS */
    destination->full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    got_peer(r, SIDE_DESTINATION, 0, FRAME_NATIVE_PROTOCOL, "C");
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n), n);
    got(r, SIDE_SOURCE, 2, FRAME_ECHO_REPLY, 0, "", 0);
    unrig(r);
}

static const int native_types[] = {FRAME_DATA,      FRAME_CONNECTION_RESET, FRAME_CONNECTION_FIN,
                                   FRAME_CREDIT,    FRAME_RESUME,           FRAME_ECHO,
                                   FRAME_ECHO_REPLY};

#define NATIVE_TYPES (sizeof native_types / sizeof *native_types)

/* Native messages pass between two native ends, in both directions, and go nowhere else. */
static void test_native_messages(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    attach_native(r, SIDE_SOURCE, "A");
    attach_native(r, SIDE_DESTINATION, "B");
    for (size_t i = 0; i < NATIVE_TYPES; i++)
        for (int side = 0; side < SIDE_COUNT; side++) {
            enum side to = side_other((enum side)side);
            forget(&r->ends[to]);
            say(r, (enum side)side, native_types[i], 0, "", 5);
            got(r, to, 0, native_types[i], 0, "", 5);
        }
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_START, 0, "SSH1", 6);
    got(r, SIDE_DESTINATION, 0, FRAME_CONNECTION_START, 0, "SSH1", 6);
    say(r, SIDE_DESTINATION, FRAME_CONNECTION_OPENED, 0, "", 6);
    got(r, SIDE_SOURCE, 0, FRAME_CONNECTION_OPENED, 0, "", 6);
    /* V3 between the same two */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    got(r, SIDE_DESTINATION, 1, FRAME_STREAM_START, 1, "SSH1", 1);
    relay_detach(r->relay, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    for (int other = 0; other < 2; other++) { /* nobody, then an end of V3 */
        for (size_t i = 0; i < NATIVE_TYPES; i++)
            say(r, SIDE_SOURCE, native_types[i], 0, "", 5);
        assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
        if (other == 1)
            break;
        attach(r, SIDE_DESTINATION);
        forget(&r->ends[SIDE_DESTINATION]);
    }
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    unrig(r);
}

static void offends(bool native, enum side side, int type)
{
    struct rig *r = rig_with(two, 2);
    if (native)
        attach_native(r, side, "A");
    else
        attach(r, side);
    attach_native(r, side_other(side), "B");
    forget(&r->ends[side_other(side)]);
    say(r, side, type, 0, "", 5);
    assert_int_equal(r->ends[side].code, 1008);
    got_peer(r, side_other(side), 0, "", NULL); /* it has gone, and this is all that came */
    assert_int_equal(r->ends[side_other(side)].n, 1);
    unrig(r);
}

static void test_native_offences(void **state)
{
    (void)state;
    for (size_t i = 0; i < NATIVE_TYPES; i++)
        offends(false, SIDE_SOURCE, native_types[i]);
    offends(true, SIDE_SOURCE, FRAME_PEER);
    offends(true, SIDE_DESTINATION, FRAME_PEER);
    offends(true, SIDE_SOURCE, FRAME_CONNECTION_OPENED);
    offends(true, SIDE_DESTINATION, FRAME_CONNECTION_START);
    offends(true, SIDE_SOURCE, FRAME_STREAM_START); /* those that native ends do not have */
    offends(true, SIDE_SOURCE, FRAME_STREAM_RESET);
    /* An end that is not native cannot speak to one by calling it ignorable. */
    struct rig *r = rig_with(two, 2);
    uint8_t out[64];
    struct frame f = {.type = FRAME_RESUME, .ignorable = true};
    attach(r, SIDE_SOURCE);
    attach_native(r, SIDE_DESTINATION, "B");
    forget(&r->ends[SIDE_DESTINATION]);
    size_t n = frame_encode(&f, out, sizeof out);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    f.type = FRAME_PEER;
    n = frame_encode(&f, out, sizeof out);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1008);
    got_peer(r, SIDE_DESTINATION, 0, "", NULL);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 1);
    unrig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_are_told),        cmocka_unit_test(test_nothing_passes_a_peer),
        cmocka_unit_test(test_stale_words_are_taken), cmocka_unit_test(test_native_messages),
        cmocka_unit_test(test_native_offences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
