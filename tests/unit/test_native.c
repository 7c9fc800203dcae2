/* Native sessions: the script of frames. */
#include "tests/unit/native_help.h"

/* ---- tests ---- */

static void meeting(void **state)
{
    (void)state;
    begin(SESSION_SOURCE);
    assert_int_equal(e.services, 1);
    assert_int_equal(e.reachable, 1);
    assert_true(session_peer(e.session)->native);
    assert_true(session_round_trip_us(e.session) > 0);
    give((struct frame){.type = FRAME_ECHO, .payload = (uint8_t *)"12345678", .payload_size = 8});
    struct frame f = expect(FRAME_ECHO_REPLY, 0);
    assert_memory_equal(f.payload, "12345678", 8);
    /* Nobody is there; then one who is not native: V3. */
    peer(NULL, "");
    assert_false(session_reachable(e.session));
    assert_true(session_device_offline(e.session));
    assert_int_equal(session_round_trip_us(e.session), 0);
    assert_true(session_peer(e.session)->seen_ms > 0);
    enum err why;
    assert_null(conn_open(e.session, "SSH1", NULL, &conn_events, NULL, &why));
    assert_int_equal(why, ERR_DEVICE_OFFLINE);
    peer("aws.iot.securetunneling-3.0", "");
    expect_nothing();
    assert_true(session_reachable(e.session));
    assert_false(session_device_offline(e.session));
    struct conn *c = conn_open(e.session, "SSH1", NULL, &conn_events, NULL, &why);
    assert_false(conn_native(c));
    struct frame start_frame;
    struct frame_cutter cutter = {0};
    uint8_t *frame;
    size_t size;
    frame_cut(&cutter, e.wire.data, e.wire.size, &frame, &size);
    assert_int_equal(frame_decode(frame, size, &start_frame), ERR_OK);
    assert_int_equal(start_frame.type, FRAME_STREAM_START);
    finish();
}

/* What the far end said before it knew of this transport is about another one. */
static void stale_messages_are_nothing(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    peer(FRAME_NATIVE_PROTOCOL, "far");
    struct frame f = expect(FRAME_RESUME, 1);
    assert_int_equal(f.epoch, epoch);
    expect(FRAME_RESUME, 0);
    give_data(1, 10);
    give((struct frame){.type = FRAME_CONNECTION_RESET, .connection = 1});
    give((struct frame){.type = FRAME_RESUME, .epoch = epoch - 1});
    start(2);
    assert_int_equal(e.incoming, 1);
    assert_int_equal(e.ended, 0);
    assert_int_equal(session_connections(e.session), 1);
    assert_int_equal(e.conn->window.received, 0);
    assert_false(session_reachable(e.session));
    finish();
}

static void openings_are_answered(void **state)
{
    static const enum err told[] = {ERR_REFUSED,      ERR_UNREACHABLE, ERR_TIMEOUT, ERR_RESOLVE,
                                    ERR_NO_SERVICE,   ERR_FORBIDDEN,   ERR_LIMIT,   ERR_IDLE,
                                    ERR_NEEDS_TARGET, ERR_NO_TARGETS};
    (void)state;
    begin(SESSION_SOURCE);
    struct conn *c = open_conn();
    assert_true(conn_native(c));
    struct frame f = expect(FRAME_CONNECTION_START, 1);
    assert_true(span_is(f.service, "SSH1"));
    assert_true(conn_early(c, "early", 5)); /* right behind the start */
    f = expect(FRAME_DATA, 1);
    assert_int_equal(f.service.n, 0);
    assert_memory_equal(f.payload, "early", 5);
    assert_int_equal(e.answers, 0);
    give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
    assert_int_equal(e.answers, 1);
    assert_int_equal(e.answer, ERR_OK);
    for (uint32_t i = 0; i < sizeof told / sizeof *told; i++) {
        open_conn();
        expect(FRAME_CONNECTION_START, i + 2);
        give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = i + 2, .error = i + 1});
        assert_int_equal(e.answers, i + 2);
        assert_int_equal(e.answer, told[i]);
        assert_int_equal(e.ended_why, told[i]);
    }
    open_conn(); /* one that we do not know is a failure, too */
    expect(FRAME_CONNECTION_START, 12);
    give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 12, .error = 4711});
    assert_int_equal(e.answer, ERR_PEER_RESET);
    expect_nothing();
    assert_int_equal(e.broken, ERR_OK);
    finish();
}

static void the_destination_answers(void **state)
{
    (void)state;
    begin_with((struct session_options){.role = SESSION_DESTINATION, .max_connections = 2});
    start(1);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 1).error, 0);
    e.refuse = true;
    e.refusal = ERR_TIMEOUT;
    start(2);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 2).error, 3);
    e.refusal = ERR_NO_DESCRIPTORS;
    start(3);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 3).error, 15);
    give((struct frame){
        .type = FRAME_CONNECTION_START, .connection = 5, .service = span_of("NOPE")});
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 5).error, 5);
    e.refuse = false;
    e.hold = true;
    start(6);
    expect_nothing();
    start(7);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 7).error, 7);
    assert_int_equal(session_connections(e.session), 2);
    conn_abort(e.conn, ERR_SHUTDOWN);
    spin();
    expect(FRAME_CONNECTION_RESET, 6);
    finish();
}

/* Each direction ends by itself, and the connection when both sides know that both have. */
static void half_close(void **state)
{
    (void)state;
    for (int local_first = 0; local_first < 2; local_first++) {
        char byte;
        begin(SESSION_DESTINATION);
        start(1);
        expect(FRAME_CONNECTION_OPENED, 1);
        for (int step = 0; step < 2; step++) {
            if ((step == 0) == (local_first == 1)) {
                say(e.fd, "last");
                shutdown(e.fd, SHUT_WR);
                spin();
                assert_int_equal(expect(FRAME_DATA, 1).payload_size, 4);
                expect(FRAME_CONNECTION_FIN, 1);
                credit(1, 4, WINDOW_INITIAL, true);
            } else {
                give_data(1, 3);
                give((struct frame){.type = FRAME_CONNECTION_FIN, .connection = 1});
                struct frame f = expect(FRAME_CREDIT, 1);
                assert_int_equal(f.received, 3);
                assert_true(f.fin);
                assert_int_equal(read(e.fd, &(char[3]){0}, 3), 3);
                assert_int_equal(read(e.fd, &byte, 1), 0);
            }
            assert_int_equal(e.ended, step);
        }
        assert_int_equal(e.ended_why, local_first ? ERR_SERVICE_CLOSED : ERR_CLIENT_CLOSED);
        expect_nothing();
        assert_int_equal(e.broken, ERR_OK);
        finish();
    }
}

/* A FIN waits for what has to go before it. */
static void a_fin_goes_last(void **state)
{
    (void)state;
    begin(SESSION_SOURCE);
    struct conn *c = open_conn();
    expect(FRAME_CONNECTION_START, 1);
    static uint8_t much[WINDOW_INITIAL + 1000];
    assert_true(conn_early(c, much, sizeof much));
    spin();
    conn_attach(c, pair(&e.fd));
    close(e.fd);
    e.fd = -1;
    spin();
    size_t n = 0;
    while (n < WINDOW_INITIAL)
        n += expect(FRAME_DATA, 1).payload_size;
    expect_nothing();
    credit(1, 5000, WINDOW_INITIAL, false);
    assert_int_equal(expect(FRAME_DATA, 1).payload_size, 1000);
    expect(FRAME_CONNECTION_FIN, 1);
    expect_nothing();
    finish();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(meeting),
        T(stale_messages_are_nothing),
        T(openings_are_answered),
        T(the_destination_answers),
        T(half_close),
        T(a_fin_goes_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
