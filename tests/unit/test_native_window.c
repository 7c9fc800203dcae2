/* Native sessions: windows. */
#include "tests/unit/native_help.h"

/* ---- windows ---- */

static size_t drain(int fd)
{
    static char bytes[65536];
    size_t all = 0;
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0; all += (size_t)n)
        spin();
    return all;
}

/* What is told to who watches. */
static void assert_bound(enum conn_bound down, enum conn_bound up, uint64_t window_down)
{
    struct conn_info now;
    conn_get_info(e.conn, &now);
    assert_int_equal(now.bound_down, down);
    assert_int_equal(now.bound_up, up);
    assert_int_equal(now.window_down, window_down);
}

static void a_sender_keeps_to_the_window(void **state)
{
    static char bytes[65536];
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    size_t written = 0, got = 0;
    struct frame f;
    assert_bound(CONN_BOUND_NOTHING, CONN_BOUND_NOTHING, WINDOW_INITIAL);
    for (int i = 0; i < 60; i++) {
        ssize_t n = write(e.fd, bytes, sizeof bytes);
        written += n > 0 ? (size_t)n : 0;
        spin();
    }
    while (sent(&f))
        got += f.payload_size;
    assert_int_equal(got, WINDOW_INITIAL);
    assert_true(written > got);
    assert_bound(CONN_BOUND_WINDOW, CONN_BOUND_NOTHING, WINDOW_INITIAL);
    credit(1, 100000, WINDOW_INITIAL, false);
    while (sent(&f))
        got += f.payload_size;
    assert_int_equal(got, WINDOW_INITIAL + 100000);
    credit(1, 100000, WINDOW_INITIAL, false); /* said again: nothing */
    expect_nothing();
    assert_int_equal(e.broken, ERR_OK);
    finish();
}

/* A client that breaks while it is not read is named as one that breaks while it is: that is no
 * fault of its service. */
static void a_client_breaks_unread(void **state)
{
    static char bytes[65536];
    int client;
    (void)state;
    begin(SESSION_SOURCE);
    e.conn = open_conn();
    conn_attach(e.conn, pair(&client));
    give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
    for (int i = 0; i < 60; i++) {
        assert_true(write(client, bytes, sizeof bytes) > 0 || i > 0);
        spin();
    }
    assert_bound(CONN_BOUND_NOTHING, CONN_BOUND_WINDOW, WINDOW_INITIAL);
    give_data(1, 1000);
    close(client); /* with these unread, which is a reset */
    while (e.ended == 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(e.ended_why, ERR_CLIENT_RESET);
    finish();
}

/* Credit comes with half a window, or after a while. */
static void credit_is_given(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    size_t given = 0;
    for (; given + CHUNK < WINDOW_INITIAL / 2; given += CHUNK) {
        give_data(1, CHUNK);
        drain(e.fd);
    }
    assert_int_equal(e.wire.size, 0);
    give_data(1, CHUNK);
    drain(e.fd);
    struct frame f = expect(FRAME_CREDIT, 1);
    given += CHUNK;
    assert_int_equal(f.received, given);
    assert_int_equal(f.window, WINDOW_INITIAL);
    give_data(1, 10);
    assert_int_equal(e.wire.size, 0);
    while (e.wire.size == 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(expect(FRAME_CREDIT, 1).received, given + 10);
    finish();
}

/* A connection whose reader has stopped fills its own window; the others go on. */
static void a_stopped_reader_stops_nobody_else(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    int stopped = e.fd;
    for (size_t n = 0; n < WINDOW_INITIAL; n += WINDOW_INITIAL / 16)
        give_data(1, WINDOW_INITIAL / 16);
    assert_bound(CONN_BOUND_NOTHING, CONN_BOUND_READER, WINDOW_INITIAL);
    start(2);
    assert_false(session_stalled(e.session));
    for (int i = 0; i < 10; i++) {
        give_data(2, 1000);
        assert_int_equal(drain(e.fd), 1000);
    }
    assert_int_equal(e.ended, 0);
    assert_int_equal(drain(stopped), WINDOW_INITIAL); /* it was only slow */
    close(stopped);
    finish();
}

/* Only when all of them together hold more than the budget is nothing read any more. */
static void the_budget_bounds_all(void **state)
{
    static uint8_t bytes[FRAME_MAX + WS_HEADER_MAX], zeros[50000];
    (void)state;
    begin_with((struct session_options){.role = SESSION_DESTINATION, .budget = 500000});
    struct conn *conns[4];
    size_t n = 0;
    e.hold = true;
    for (uint32_t i = 0; i < 4; i++) {
        start(i + 1);
        conns[i] = e.conn;
    }
    for (uint32_t i = 0; i < 20; i++) {
        struct frame f = {.type = FRAME_DATA,
                          .connection = 1 + i % 4,
                          .payload = zeros,
                          .payload_size = sizeof zeros};
        n = frame_encode(&f, bytes, sizeof bytes);
        if (session_input(e.session, bytes, n) < n)
            break;
    }
    assert_true(session_stalled(e.session));
    assert_in_range(e.session->host.in.used, 450000, 500000);
    conn_attach(conns[0], pair(&e.fd));
    assert_true(drain(e.fd) >= 100000);
    spin();
    assert_false(session_stalled(e.session));
    assert_int_equal(session_input(e.session, bytes, n), n);
    finish();
}

/* One frame of three bytes, which stays where it is. */
static void offer(int type, size_t place)
{
    static uint8_t memory[GATHER_MOST + 1][64];
    const uint8_t payload[] = {'a', 'b', (uint8_t)('0' + place)};
    struct frame f = {.type = type, .connection = 1, .payload = payload};
    f.payload_size = type == FRAME_DATA ? sizeof payload : 0;
    size_t n = frame_encode(&f, memory[place], sizeof memory[place]);
    assert_int_equal(session_input_steady(e.session, memory[place], n), n);
}

static void assert_read(const char *text)
{
    char got[64];
    ssize_t n = read(e.fd, got, sizeof got);
    assert_int_equal(n, text[0] != '\0' ? (ssize_t)strlen(text) : -1);
    if (n > 0)
        assert_memory_equal(got, text, (size_t)n);
}

/* Up to eight frames wait where they came, and whatever else comes is behind them. */
static void frames_are_handed_on_together(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    for (size_t i = 0; i < GATHER_MOST; i++) {
        offer(FRAME_DATA, i);
        assert_read("");
    }
    offer(FRAME_DATA, GATHER_MOST);
    assert_read("ab0ab1ab2ab3ab4ab5ab6ab7");
    session_settle(e.session);
    assert_read("ab8");
    session_settle(e.session);
    assert_read("");
    offer(FRAME_DATA, 0);
    offer(FRAME_CONNECTION_FIN, 1);
    assert_read("ab0");
    spin();
    assert_int_equal(read(e.fd, &(char){0}, 1), 0);
    assert_int_equal(expect(FRAME_CREDIT, 1).received, 30);
    finish();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_sender_keeps_to_the_window),
        T(a_client_breaks_unread),
        T(credit_is_given),
        T(a_stopped_reader_stops_nobody_else),
        T(the_budget_bounds_all),
        T(frames_are_handed_on_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
