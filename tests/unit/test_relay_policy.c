/* The relay: frames that are not allowed. */
#include "tests/unit/relay_help.h"

/* ---- offences ---- */

static void test_offences(void **state)
{
    (void)state;
    static const struct {
        enum side side;
        int type;
        int32_t stream;
        const char *service;
        int code;
        const char *words;
    } cases[] = {
        {SIDE_DESTINATION, FRAME_STREAM_START, 1, "SSH1", 1008, "must not come from a destination"},
        {SIDE_DESTINATION, FRAME_CONNECTION_START, 1, "SSH1", 1008, "CONNECTION_START must not"},
        {SIDE_SOURCE, FRAME_SESSION_RESET, 0, "", 1008,
         "SESSION_RESET must not come from a source"},
        {SIDE_DESTINATION, FRAME_SESSION_RESET, 0, "", 1008, "SESSION_RESET must not"},
        {SIDE_SOURCE, FRAME_SERVICE_IDS, 0, "", 1008, "SERVICE_IDS must not"},
        {SIDE_SOURCE, FRAME_UNKNOWN, 1, "SSH1", 1002, "not a message"},
        {SIDE_SOURCE, 99, 1, "SSH1", 1008, "unknown message type 99"},
        {SIDE_SOURCE, FRAME_STREAM_START, 0, "SSH1", 1008, "streamId 0"},
        {SIDE_SOURCE, FRAME_DATA, 0, "SSH1", 1008, "streamId 0"},
        {SIDE_SOURCE, FRAME_STREAM_START, 1, "NOPE", 1008, "not in this tunnel"},
        {SIDE_DESTINATION, FRAME_CONNECTION_RESET, 1, "NOPE", 1008, "not in this tunnel"},
        {SIDE_SOURCE, FRAME_DATA, 1, "HTTP1", 1008, "without a STREAM_START"},
        {SIDE_DESTINATION, FRAME_DATA, 1, "HTTP1", 1008, "without a STREAM_START"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = rig();
        struct end *e = &r->ends[cases[i].side], *other = &r->ends[side_other(cases[i].side)];
        say(r, SIDE_SOURCE, FRAME_STREAM_START, 4, "SSH1", 1);
        forget(&r->ends[SIDE_DESTINATION]);
        say(r, cases[i].side, cases[i].type, cases[i].stream, cases[i].service, 1);
        assert_int_equal(e->code, cases[i].code);
        if (strstr(e->text, cases[i].words) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", e->text, cases[i].words);
        assert_null(relay_attached(r->relay, cases[i].side));
        assert_int_equal(e->n, 0);
        /* the other one lives on, and is told that the stream is over */
        assert_int_equal(other->code, -1);
        assert_int_equal(other->n, 1);
        got(r, side_other(cases[i].side), 0, FRAME_STREAM_RESET, 4, "SSH1", 1);
        unrig(r);
    }
}

static void test_service_mixing(void **state)
{
    (void)state;
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "", 0);
    say(r, SIDE_DESTINATION, FRAME_DATA, 1, "SSH1", 0);
    assert_int_equal(r->ends[SIDE_DESTINATION].code, 1008);
    unrig(r);
}

static void test_damaged(void **state)
{
    (void)state;
    static const uint8_t damaged[] = {0, 3, 0xff, 0xff, 0xff};
    static const uint8_t empty[] = {0, 0};
    struct rig *r = rig();
    assert_int_equal(offer(r, SIDE_SOURCE, damaged, sizeof damaged), sizeof damaged);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1002);
    assert_int_equal(offer(r, SIDE_DESTINATION, empty, sizeof empty), sizeof empty);
    assert_int_equal(r->ends[SIDE_DESTINATION].code, 1002);
    unrig(r);
}

static void test_payload_limit(void **state)
{
    (void)state;
    uint8_t *out = malloc(FRAME_MAX), *payload = calloc(1, FRAME_PAYLOAD_MAX + 1);
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, payload, FRAME_PAYLOAD_MAX);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 2);
    assert_int_equal(r->ends[SIDE_DESTINATION].got[1].n, n);
    n = put(out, FRAME_DATA, 1, "SSH1", 1, payload, FRAME_PAYLOAD_MAX + 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1009);
    unrig(r);
    free(out);
    free(payload);
}

static void test_unknown_ignorable(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[64];
    struct frame f = {.type = 99, .ignorable = true};
    size_t n = frame_encode(&f, out, sizeof out);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n), n);
    assert_int_equal(r->ends[SIDE_SOURCE].n, 1);
    assert_memory_equal(r->ends[SIDE_SOURCE].got[0].p, out, n);
    unrig(r);
}

/* What was right before the violation, in the same message, has been delivered; and before the
 * STREAM_RESET. */
static void test_offence_behind_data(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[128];
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, "bye", 3);
    n += put(out + n, FRAME_SESSION_RESET, 0, "", 0, NULL, 0);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1008);
    got(r, SIDE_DESTINATION, 1, FRAME_DATA, 1, "SSH1", 1);
    got(r, SIDE_DESTINATION, 2, FRAME_STREAM_RESET, 1, "SSH1", 1);
    unrig(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offences),          cmocka_unit_test(test_service_mixing),
        cmocka_unit_test(test_damaged),           cmocka_unit_test(test_payload_limit),
        cmocka_unit_test(test_unknown_ignorable), cmocka_unit_test(test_offence_behind_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
