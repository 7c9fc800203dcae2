/* What a native source says of a connection that it opens, and to whom. */
#include "tests/unit/native_help.h"

static const struct opening asks = {
    .target = "10.0.7.20", .port = 502, .client = "192.0.2.7:50312", .asked = "x.PLC.tunnel"};

static struct span encoded(const struct opening *o)
{
    static uint8_t bytes[OPENING_MAX];
    return (struct span){(const char *)bytes, opening_encode(o, bytes)};
}

static void assert_says(struct span bytes, const struct opening *expected)
{
    struct opening o;
    assert_true(opening_decode(bytes, &o));
    assert_string_equal(o.target, expected->target);
    assert_int_equal(o.port, expected->port);
    assert_string_equal(o.client, expected->client);
    assert_string_equal(o.asked, expected->asked);
}

static void codec(void **state)
{
    static uint8_t bytes[1000];
    struct opening o = asks;
    (void)state;
    assert_says(encoded(&o), &asks);
    assert_int_equal(encoded(&(struct opening){.port = 0}).n, 0);
    assert_says((struct span){NULL, 0}, &(struct opening){.port = 0});
    memset(o.target, 't', OPENING_TEXT_MAX);
    memset(o.client, 'c', OPENING_TEXT_MAX);
    memset(o.asked, 'a', OPENING_TEXT_MAX);
    o.port = UINT32_MAX;
    struct span all = encoded(&o);
    assert_says(all, &o);
    for (size_t n = 1; n < all.n; n++) { /* cut anywhere, it is less, or nothing */
        char *tight = malloc(n);
        assert_non_null(tight);
        memcpy(tight, all.p, n);
        opening_decode((struct span){tight, n}, &o);
        free(tight);
    }
    /* a text of 256 characters */
    memcpy(bytes, (const uint8_t[]){0x0a, 0x80, 0x02}, 3);
    memset(bytes + 3, 'x', 256);
    assert_false(opening_decode((struct span){(const char *)bytes, 259}, &o));
    /* what others may add some day */
    assert_says((struct span){"\x2a\x01x\x10\x07", 5}, &(struct opening){.port = 7});
}

/* The payload of a start. */
static struct span said(struct frame f)
{
    return (struct span){(const char *)f.payload, f.payload_size};
}

/* The far end's last RESUME; what it heeds, in a payload that may be longer some day. */
static void far_resumes_with(uint8_t features)
{
    const uint8_t payload[] = {features, 0xff};
    give((struct frame){
        .type = FRAME_RESUME, .epoch = epoch, .payload = payload, .payload_size = sizeof payload});
}

/* The far end comes back, and heeds targets now or not. */
static void meet(const char *instance, uint8_t features)
{
    peer(FRAME_NATIVE_PROTOCOL, instance);
    expect(FRAME_RESUME, 0);
    far_resumes_with(features);
    expect(FRAME_ECHO, 0);
}

static struct conn *ask(const struct opening *o, enum err *why)
{
    return conn_open(e.session, "SSH1", o, &conn_events, NULL, why);
}

static void only_who_heeds_it_is_told_a_target(void **state)
{
    struct opening nothing = {.client = "192.0.2.7:50312"};
    enum err why;
    (void)state;
    begin(SESSION_SOURCE); /* an older end */
    assert_null(ask(&asks, &why));
    assert_int_equal(why, ERR_NO_TARGETS);
    expect_nothing();
    assert_non_null(ask(&nothing, &why));
    assert_says(said(expect(FRAME_CONNECTION_START, 1)), &nothing);
    assert_non_null(ask(NULL, &why));
    assert_int_equal(expect(FRAME_CONNECTION_START, 2).payload_size, 0);
    meet("newer", FRAME_FEATURE_TARGETS);
    assert_non_null(ask(&asks, &why));
    assert_says(said(expect(FRAME_CONNECTION_START, 3)), &asks);
    meet("older", 0);
    assert_null(ask(&asks, &why));
    assert_int_equal(why, ERR_NO_TARGETS);
    peer("aws.iot.securetunneling-3.0", "");
    assert_true(session_reachable(e.session));
    assert_null(ask(&asks, &why));
    assert_int_equal(why, ERR_NO_TARGETS);
    expect_nothing();
    assert_non_null(ask(&nothing, &why)); /* it is not told, and is spoken to as ever */
    struct frame f;
    assert_int_equal(frame_decode(e.wire.data + 2, e.wire.size - 2, &f), ERR_OK);
    assert_int_equal(f.type, FRAME_STREAM_START);
    assert_int_equal(f.payload_size, 0);
    finish();
}

static void each_end_says_what_it_heeds(void **state)
{
    (void)state;
    for (int role = SESSION_SOURCE; role <= SESSION_DESTINATION; role++) {
        begin((enum session_role)role);
        peer(FRAME_NATIVE_PROTOCOL, "far");
        struct frame f = expect(FRAME_RESUME, 0);
        assert_int_equal(f.payload_size, 1);
        assert_int_equal(f.payload[0], FRAME_FEATURE_TARGETS);
        finish();
    }
}

/* A start that was lost is said again, whole. */
static void said_again(void **state)
{
    enum err why;
    (void)state;
    begin(SESSION_SOURCE);
    meet("newer", FRAME_FEATURE_TARGETS);
    assert_non_null(ask(&asks, &why));
    assert_says(said(expect(FRAME_CONNECTION_START, 1)), &asks);
    session_lost(e.session);
    attach();
    peer(FRAME_NATIVE_PROTOCOL, "newer");
    expect(FRAME_RESUME, 1);
    expect(FRAME_RESUME, 0);
    give_services();
    far_resumes_with(FRAME_FEATURE_TARGETS);
    expect(FRAME_ECHO, 0);
    assert_says(said(expect(FRAME_CONNECTION_START, 1)), &asks);
    finish();
}

static void the_destination_hears_it(void **state)
{
    struct opening o;
    (void)state;
    begin(SESSION_DESTINATION);
    give((struct frame){.type = FRAME_CONNECTION_START,
                        .connection = 1,
                        .service = span_of("SSH1"),
                        .payload = (const uint8_t *)encoded(&asks).p,
                        .payload_size = encoded(&asks).n});
    assert_int_equal(e.incoming, 1);
    conn_opening(e.conn, &o);
    assert_string_equal(o.target, "10.0.7.20");
    assert_int_equal(o.port, 502);
    start(2);
    assert_int_equal(e.incoming, 2);
    conn_opening(e.conn, &o);
    assert_string_equal(o.target, "");
    give((struct frame){.type = FRAME_CONNECTION_START,
                        .connection = 3,
                        .service = span_of("SSH1"),
                        .payload = (const uint8_t *)"\x0a\x7fx",
                        .payload_size = 3});
    assert_int_equal(e.incoming, 2);
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(codec),      T(only_who_heeds_it_is_told_a_target), T(each_end_says_what_it_heeds),
        T(said_again), T(the_destination_hears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
