/* Native sessions: resuming, and peers that mean harm. */
#include "tests/unit/native_help.h"

/* ---- the script ---- */

/* The program at the last socket sees an end, and ends, too. */
static void hang_up(void)
{
    char byte[64];
    while (read(e.fd, byte, sizeof byte) > 0)
        ;
    close(e.fd);
    e.fd = -1;
    while (e.session->host.n_leaving > 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
}

/* ---- resume ---- */

/* The transport is lost, and both come back. */
static void meet_again(const char *instance)
{
    session_lost(e.session);
    spin();
    attach();
    peer(FRAME_NATIVE_PROTOCOL, instance);
    give_services();
}

static void resumed(uint32_t connection, uint64_t received, bool fin)
{
    give((struct frame){.type = FRAME_RESUME,
                        .epoch = epoch,
                        .connection = connection,
                        .received = received,
                        .fin = fin});
}

static void what_was_lost_is_sent_again(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    give_data(1, 7);
    say(e.fd, "0123456789");
    expect(FRAME_DATA, 1);
    shutdown(e.fd, SHUT_WR);
    spin();
    expect(FRAME_CONNECTION_FIN, 1);
    meet_again("far");
    struct frame f = expect(FRAME_RESUME, 1);
    assert_int_equal(f.received, 7);
    assert_false(f.fin);
    assert_int_equal(expect(FRAME_RESUME, 0).received, 1);
    expect_nothing(); /* the far end has not said what it has */
    resumed(1, 4, false);
    far_resumes(1);
    expect(FRAME_ECHO, 0);
    expect(FRAME_CONNECTION_OPENED, 1);
    assert_int_equal(expect(FRAME_CREDIT, 1).received, 7);
    f = expect(FRAME_DATA, 1);
    assert_int_equal(f.payload_size, 6);
    assert_memory_equal(f.payload, "456789", 6);
    expect(FRAME_CONNECTION_FIN, 1);
    expect_nothing();
    assert_int_equal(e.ended, 0);
    finish();
}

/* One whose start was lost begins anew; one that has ended over there is over. */
static void starts_that_were_lost(void **state)
{
    (void)state;
    begin(SESSION_SOURCE);
    open_conn();
    expect(FRAME_CONNECTION_START, 1);
    open_conn();
    expect(FRAME_CONNECTION_START, 2);
    e.full = true;
    open_conn(); /* its start never left */
    session_lost(e.session);
    spin();
    enum err why;
    assert_null(conn_open(e.session, "SSH1", NULL, &conn_events, NULL, &why));
    assert_int_equal(why, ERR_HUB_DOWN);
    e.full = false;
    attach();
    peer(FRAME_NATIVE_PROTOCOL, "far");
    give_services();
    expect(FRAME_RESUME, 1);
    expect(FRAME_RESUME, 2);
    expect(FRAME_RESUME, 0);
    far_resumes(1);
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.answer, ERR_PEER_RESET);
    expect(FRAME_ECHO, 0);
    expect(FRAME_CONNECTION_START, 2);
    expect(FRAME_CONNECTION_START, 3);
    expect_nothing();
    finish();
}

/* A far end that guesses the id speaks of a connection whose start has not left. What it is owed
 * for that goes with the start, and so does the connection. */
static void ends_before_its_start(void **state)
{
    (void)state;
    begin(SESSION_SOURCE);
    e.full = true;
    struct conn *c = open_conn();
    int fd;
    conn_attach(c, pair(&fd));
    give_data(1, CHUNK);
    while (c->owed == 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    give((struct frame){.type = FRAME_CONNECTION_RESET, .connection = 1});
    e.fd = fd;
    hang_up(); /* until it is gone */
    assert_int_equal(e.ended, 1);
    e.full = false;
    session_writable(e.session);
    expect_nothing();
    finish();
}

static void another_process_knows_nothing(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    meet_again("another");
    hang_up();
    assert_int_equal(e.ended, 1);
    expect(FRAME_RESUME, 0);
    far_resumes(0);
    expect(FRAME_ECHO, 0);
    start(1); /* its first one */
    expect(FRAME_CONNECTION_OPENED, 1);
    assert_int_equal(e.broken, ERR_OK);
    finish();
}

static void patience_has_an_end(void **state)
{
    (void)state;
    begin_with((struct session_options){.role = SESSION_DESTINATION, .resume_ms = 500});
    start(1);
    session_lost(e.session);
    spin();
    assert_int_equal(e.ended, 0);
    char byte;
    while (read(e.fd, &byte, 1) != 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    hang_up();
    assert_int_equal(e.ended_why, ERR_LINK_LOST);
    finish();
}

static void the_end_of_a_link_ends_all(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    session_detach(e.session, ERR_TUNNEL_CLOSED);
    hang_up();
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.ended_why, ERR_TUNNEL_CLOSED);
    finish();
}

/* ---- those who mean harm ---- */

/* With connection 1 open at the far end, on which 10 bytes have gone each way, this ends the
 * session and all that is in it. */
static void offends(enum session_role role, struct frame f)
{
    static uint8_t payload[FRAME_PAYLOAD_MAX];
    begin(role);
    if (role == SESSION_SOURCE) {
        struct conn *c = open_conn();
        give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
        conn_attach(c, pair(&e.fd));
    } else {
        start(1);
    }
    say(e.fd, "0123456789");
    give_data(1, 10);
    credit(1, 5, WINDOW_INITIAL, false);
    assert_int_equal(e.broken, ERR_OK);
    if (f.payload_size > 0)
        f.payload = payload;
    give(f);
    assert_int_equal(e.broken, ERR_PROTOCOL);
    hang_up();
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.ended_why, ERR_PROTOCOL);
    assert_int_equal(session_connections(e.session), 0);
    assert_int_equal(e.session->host.in.used + e.session->host.out.used + e.session->native.windows,
                     0);
    finish();
}

static void each_offence_ends_the_session(void **state)
{
    static const struct frame either[] = {
        {.type = FRAME_DATA, .connection = 0, .payload_size = 1},
        {.type = FRAME_DATA, .connection = 2, .payload_size = 1},
        {.type = FRAME_CONNECTION_FIN, .connection = 2},
        {.type = FRAME_CREDIT, .connection = 2, .window = WINDOW_INITIAL},
        /* going back; what was not sent; a FIN that was not sent; windows */
        {.type = FRAME_CREDIT, .connection = 1, .received = 4, .window = WINDOW_INITIAL + 1},
        {.type = FRAME_CREDIT, .connection = 1, .received = 11, .window = WINDOW_INITIAL},
        {.type = FRAME_CREDIT, .connection = 1, .received = UINT64_MAX, .window = 1},
        {.type = FRAME_CREDIT,
         .connection = 1,
         .received = 10,
         .window = WINDOW_INITIAL,
         .fin = true},
        {.type = FRAME_CREDIT, .connection = 1, .received = 10, .window = WINDOW_INITIAL - 6},
        {.type = FRAME_CREDIT, .connection = 1, .received = 10, .window = WINDOW_MOST + 1},
        {.type = FRAME_ECHO, .payload_size = 9},
        {.type = FRAME_ECHO},
    };
    (void)state;
    for (int role = 0; role < 2; role++)
        for (size_t i = 0; i < sizeof either / sizeof *either; i++)
            offends((enum session_role)role, either[i]);
    offends(SESSION_SOURCE, (struct frame){.type = FRAME_CONNECTION_START, .connection = 2});
    offends(SESSION_DESTINATION, (struct frame){.type = FRAME_CONNECTION_START, .connection = 1});
    offends(SESSION_DESTINATION, (struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
}

static void data_beyond_the_window(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    e.hold = true;
    start(1);
    for (size_t n = 0; n < WINDOW_INITIAL; n += WINDOW_INITIAL / 16)
        give_data(1, WINDOW_INITIAL / 16);
    assert_int_equal(e.broken, ERR_OK);
    give_data(1, 1);
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish();
}

static void more_behind_a_fin(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        begin(SESSION_DESTINATION);
        start(1);
        give((struct frame){.type = FRAME_CONNECTION_FIN, .connection = 1});
        assert_int_equal(e.broken, ERR_OK);
        if (again)
            give((struct frame){.type = FRAME_CONNECTION_FIN, .connection = 1});
        else
            give_data(1, 1);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        finish();
    }
}

static void resumes_of_what_never_was(void **state)
{
    static const struct {
        uint32_t connection;
        uint64_t received;
        bool fin;
    } wrong[] = {{2, 0, false}, {1, 4, false}, {1, 11, false}, {1, 10, true}, {1, 1ull << 63, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin(SESSION_SOURCE);
        struct conn *c = open_conn();
        give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
        conn_attach(c, pair(&e.fd));
        say(e.fd, "0123456789");
        credit(1, 5, WINDOW_INITIAL, false);
        meet_again("far");
        resumed(wrong[i].connection, wrong[i].received, wrong[i].fin);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        hang_up();
        assert_int_equal(e.ended, 1);
        finish();
    }
    static uint8_t much[WINDOW_INITIAL + 20000];
    begin(SESSION_SOURCE);
    assert_true(conn_early(open_conn(), much, sizeof much));
    spin();
    meet_again("far");
    resumed(1, WINDOW_INITIAL + 10000, false); /* kept, but beyond the window: it never left */
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish();
    begin(SESSION_DESTINATION);
    far_resumes(0); /* in mid-session */
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_was_lost_is_sent_again),   T(starts_that_were_lost),  T(ends_before_its_start),
        T(another_process_knows_nothing), T(patience_has_an_end),    T(the_end_of_a_link_ends_all),
        T(each_offence_ends_the_session), T(data_beyond_the_window), T(more_behind_a_fin),
        T(resumes_of_what_never_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
