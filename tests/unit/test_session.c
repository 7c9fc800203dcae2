/* A session: what goes over the wire. */
#include "tests/unit/session_help.h"

/* ---- what goes over the wire ---- */

static void v3_trace(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    enum err why;
    assert_null(conn_open(e.session, "SSH1", NULL, &conn_events, &e, &why));
    assert_int_equal(why, ERR_HUB_DOWN);
    give_services(&e, 2, two);
    assert_int_equal(e.n_ids, 2);
    assert_null(conn_open(e.session, "NOPE", NULL, &conn_events, &e, &why));
    assert_int_equal(why, ERR_NO_SERVICE);

    struct conn *a = open_conn(&e, "SSH1");
    expect(&e, FRAME_STREAM_START, 7, "SSH1", 1);
    struct conn *b = open_conn(&e, "SSH1");
    expect(&e, FRAME_CONNECTION_START, 7, "SSH1", 2);
    open_conn(&e, "HTTP1");
    expect(&e, FRAME_STREAM_START, 8, "HTTP1", 1);
    conn_abort(a, ERR_CLIENT_CLOSED);
    expect(&e, FRAME_CONNECTION_RESET, 7, "SSH1", 1);
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.answers, 0);
    /* A reset of the stream ends what is on it; the next one opens another stream. */
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_RESET, .stream = 7, .service = span_of("SSH1"), .connection = 1});
    assert_int_equal(e.ended, 2);
    assert_int_equal(e.answer, ERR_PEER_RESET);
    expect_nothing(&e);
    open_conn(&e, "SSH1");
    expect(&e, FRAME_STREAM_START, 9, "SSH1", 3);
    /* When this end leaves the hub resets the whole stream. */
    b = open_conn(&e, "SSH1");
    expect(&e, FRAME_CONNECTION_START, 9, "SSH1", 4);
    conn_abort(b, ERR_SHUTDOWN);
    expect_nothing(&e);
    /* Late and duplicate resets are nothing. */
    give(&e, (struct frame){.type = FRAME_STREAM_RESET, .stream = 7, .service = span_of("SSH1")});
    give(&e, (struct frame){.type = FRAME_CONNECTION_RESET,
                            .stream = 9,
                            .service = span_of("SSH1"),
                            .connection = 1});
    assert_int_equal(e.ended, 3);
    /* All of them. */
    give(&e, (struct frame){.type = FRAME_SESSION_RESET});
    assert_int_equal(e.ended, 5);
    assert_int_equal(session_connections(e.session), 0);
    assert_int_equal(e.broken, ERR_OK);
    finish(&e);
}

/* A hub's ids get into names, logs and pages: a list with one that breaks the rule is refused. */
static void bad_service_ids(void **state)
{
    static const char *const lists[][2] = {
        {"SSH1", "a\nreturn 1//"}, {"a\x1b[2J", "SSH1"}, {"caf\xc3\xa9", "SSH1"}, {"a b", "SSH1"}};
    static const char *const empty_one[] = {"", "SSH1"};
    struct end e;
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        begin(&e, SESSION_SOURCE, 3, 0);
        give_services(&e, 2, lists[i]);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        assert_int_equal(e.n_ids, 0);
        assert_false(session_open(e.session));
        finish(&e);
    }
    begin(&e, SESSION_SOURCE, 3, 0); /* no service, as in an empty list */
    give_services(&e, 2, empty_one);
    assert_int_equal(e.broken, ERR_OK);
    assert_int_equal(e.n_ids, 1);
    finish(&e);
}

static void v2_and_v1_traces(void **state)
{
    (void)state;
    for (int version = 1; version <= 2; version++) {
        struct end e;
        begin(&e, SESSION_SOURCE, version, 0);
        give_services(&e, 1, two);
        const char *id = version == 2 ? "SSH1" : "";
        struct conn *c = open_conn(&e, "SSH1");
        expect(&e, FRAME_STREAM_START, 7, id, 0);
        enum err why;
        assert_null(conn_open(e.session, "SSH1", NULL, &conn_events, &e, &why));
        assert_int_equal(why, ERR_BUSY);
        conn_abort(c, ERR_CLIENT_CLOSED);
        expect(&e, FRAME_STREAM_RESET, 7, id, 0);
        open_conn(&e, "SSH1");
        expect(&e, FRAME_STREAM_START, 8, id, 0);
        finish(&e);
    }
}

/* At the limit a connection whose client has said its last word makes room. */
static void lingering_connections_make_room(void **state)
{
    struct end e = {.wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1};
    struct session_options o = {
        .role = SESSION_SOURCE, .version = 3, .first_stream = 7, .max_connections = 2};
    int fds[2];
    enum err why;
    (void)state;
    e.session = session_new(loop, &o, &session_events, &e);
    attach(&e);
    give_services(&e, 2, two);
    for (int i = 0; i < 2; i++)
        conn_attach(open_conn(&e, "SSH1"), pair(&fds[i]));
    assert_null(conn_open(e.session, "SSH1", NULL, &conn_events, &e, &why));
    assert_int_equal(why, ERR_LIMIT);
    shutdown(fds[1], SHUT_WR);
    for (int i = 0; i < 3; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_non_null(open_conn(&e, "SSH1"));
    assert_int_equal(e.ended_why, ERR_STREAM_REPLACED);
    finish(&e);
    close(fds[0]);
    close(fds[1]);
}

static void tunnel_without_services(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 0, NULL);
    assert_int_equal(e.n_ids, 0);
    open_conn(&e, "");
    expect(&e, FRAME_STREAM_START, 7, "", 1);
    finish(&e);
}

static void destination_refuses(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    e.refuse = true;
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 3, .service = span_of("SSH1"), .connection = 1});
    expect(&e, FRAME_CONNECTION_RESET, 3, "SSH1", 1);
    give(&e, (struct frame){.type = FRAME_STREAM_START, .stream = 4, .service = span_of("HTTP1")});
    expect(&e, FRAME_STREAM_RESET, 4, "HTTP1", 0);
    give(&e, (struct frame){.type = FRAME_CONNECTION_START,
                            .stream = 3,
                            .service = span_of("SSH1"),
                            .connection = 2});
    expect(&e, FRAME_CONNECTION_RESET, 3, "SSH1", 2);
    assert_int_equal(e.incoming, 3);
    assert_int_equal(e.ended, 3);
    /* A service that is not there is refused, not a reason to drop everyone. */
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 5, .service = span_of("NOPE"), .connection = 9});
    assert_int_equal(e.incoming, 3);
    assert_int_equal(e.broken, ERR_OK);
    finish(&e);
}

static void destination_replaces_an_active_stream(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    e.hold = true;
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 3, .service = span_of("SSH1"), .connection = 1});
    give(&e, (struct frame){.type = FRAME_CONNECTION_START,
                            .stream = 3,
                            .service = span_of("SSH1"),
                            .connection = 2});
    assert_int_equal(session_connections(e.session), 2);
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 4, .service = span_of("SSH1"), .connection = 1});
    assert_int_equal(session_connections(e.session), 1);
    assert_int_equal(e.ended_why, ERR_STREAM_REPLACED);
    assert_int_equal(e.incoming, 3);
    /* An id that is open already is reset at once. */
    give(&e, (struct frame){.type = FRAME_CONNECTION_START,
                            .stream = 4,
                            .service = span_of("SSH1"),
                            .connection = 1});
    expect(&e, FRAME_CONNECTION_RESET, 4, "SSH1", 1);
    assert_int_equal(session_connections(e.session), 0);
    finish(&e);
}

static void protocol_violations(void **state)
{
    static const struct frame bad[] = {
        {.type = FRAME_STREAM_START, .stream = 1, .connection = 1, .service = {"SSH1", 4}},
        {.type = FRAME_CONNECTION_START, .stream = 1, .connection = 1, .service = {"SSH1", 4}},
        {.type = FRAME_UNKNOWN, .stream = 1},
        {.type = 99},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct end e;
        begin(&e, SESSION_SOURCE, 3, 0);
        give_services(&e, 2, two);
        give(&e, bad[i]);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        finish(&e);
    }
    struct end e;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    give(&e, (struct frame){.type = 99, .ignorable = true});
    give(&e, (struct frame){.type = FRAME_DATA,
                            .stream = 77,
                            .service = span_of("SSH1"),
                            .connection = 5,
                            .payload = (const uint8_t *)"x",
                            .payload_size = 1});
    give(&e,
         (struct frame){.type = FRAME_CONNECTION_RESET, .stream = 1, .service = span_of("NOPE")});
    give_services(&e, 2, two);
    give_services(&e, 1, two);
    assert_int_equal(e.n_ids, 2);
    assert_int_equal(e.broken, ERR_OK);
    uint8_t junk[] = {0, 3, 0xff, 0xff, 0xff};
    session_input(e.session, junk, sizeof junk);
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish(&e);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(v3_trace),
        T(v2_and_v1_traces),
        T(bad_service_ids),
        T(lingering_connections_make_room),
        T(tunnel_without_services),
        T(destination_refuses),
        T(destination_replaces_an_active_stream),
        T(protocol_violations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
