/* Connections of V1 to V3 in which no byte moves. */
#include "tests/unit/idle_help.h"
#include "tests/unit/session_help.h"

static struct end e;
static int fd;

static void spin(void)
{
    for (int i = 0; i < 4; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

/* own and hub: ms, 0: none. */
static void begin_idle(int version, uint64_t own, uint64_t hub)
{
    e = (struct end){.wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1};
    struct session_options o = {.role = SESSION_SOURCE,
                                .version = version,
                                .first_stream = 7,
                                .idle_ms = own,
                                .linger_ms = 100 * IDLE_MS,
                                .time = &test_time};
    e.session = session_new(loop, &o, &session_events, &e);
    assert_non_null(e.session);
    attach_with(&e, hub);
    give_services(&e, version > 1 ? 2 : 0, two);
}

/* A connection with its client, whose start has left. */
static struct conn *open_attached(void)
{
    struct conn *c = open_conn(&e, e.n_ids > 0 ? "SSH1" : "");
    assert_non_null(c);
    conn_attach(c, pair(&fd));
    spin();
    buf_free(&e.wire);
    return c;
}

static void finish_idle(void)
{
    finish(&e);
    if (fd >= 0)
        close(fd);
    fd = -1;
}

static struct frame data(const char *text)
{
    return (struct frame){.type = FRAME_DATA,
                          .stream = 7,
                          .service = span_of("SSH1"),
                          .connection = 1,
                          .payload = (const uint8_t *)text,
                          .payload_size = strlen(text)};
}

static void client_says(const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    spin();
    buf_free(&e.wire);
}

static void ends_after(uint64_t ms)
{
    pass(loop, ms - 500);
    assert_int_equal(e.ended, 0);
    pass(loop, 500 + ms / 16 + 500);
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.ended_why, ERR_IDLE);
}

static void an_idle_connection_ends_by_a_reset(void **state)
{
    static const int types[] = {FRAME_STREAM_RESET, FRAME_STREAM_RESET, FRAME_CONNECTION_RESET};
    (void)state;
    for (int version = 1; version <= 3; version++) {
        struct frame f;
        begin_idle(version, IDLE_MS, 0);
        open_attached();
        ends_after(IDLE_MS);
        assert_true(sent(&e, &f));
        assert_int_equal(f.type, types[version - 1]);
        assert_int_equal(read(fd, &(char){0}, 1), 0);
        finish_idle();
    }
}

static void without_an_idle_time_none_ends(void **state)
{
    (void)state;
    begin_idle(3, 0, 0);
    open_attached();
    pass(loop, 20 * IDLE_MS);
    assert_int_equal(e.ended, 0);
    finish_idle();
}

static void a_byte_in_either_direction_keeps_it(void **state)
{
    (void)state;
    begin_idle(3, IDLE_MS, 0);
    open_attached();
    for (int i = 0; i < 6; i++) {
        pass(loop, IDLE_MS - 2000);
        if (i % 2 == 0)
            client_says("k");
        else
            give(&e, data("k"));
    }
    assert_int_equal(e.ended, 0);
    ends_after(IDLE_MS - 500); /* the last look may have been a moment before the byte */
    finish_idle();
}

static void the_shorter_of_both_limits_holds(void **state)
{
    (void)state;
    begin_idle(3, 4 * IDLE_MS, IDLE_MS);
    open_attached();
    ends_after(IDLE_MS);
    finish_idle();
    begin_idle(3, IDLE_MS, 4 * IDLE_MS);
    open_attached();
    ends_after(IDLE_MS);
    finish_idle();
    begin_idle(3, 0, IDLE_MS);
    open_attached();
    ends_after(IDLE_MS);
    finish_idle();
}

static void a_change_holds_for_connections_that_are_there(void **state)
{
    (void)state;
    begin_idle(3, 100 * IDLE_MS, 0);
    open_attached();
    pass(loop, IDLE_MS / 2);
    session_change(e.session, &(struct session_options){.idle_ms = IDLE_MS});
    ends_after(IDLE_MS / 2);
    open_attached();
    e.ended = 0;
    session_change(e.session, &(struct session_options){.idle_ms = 0});
    pass(loop, 3 * IDLE_MS);
    assert_int_equal(e.ended, 0);
    finish_idle();
}

static void one_that_is_being_opened_is_not_idle(void **state)
{
    (void)state;
    begin_idle(3, IDLE_MS, 0);
    struct conn *c = open_conn(&e, "SSH1");
    pass(loop, 3 * IDLE_MS);
    assert_int_equal(e.ended, 0);
    conn_attach(c, pair(&fd));
    ends_after(IDLE_MS);
    finish_idle();
}

/* Nothing comes any more, but the client still takes what is there. */
static void a_slow_reader_is_not_idle(void **state)
{
    static char bytes[32768], part[32768];
    size_t given = 0, got = 0;
    (void)state;
    memset(bytes, 'x', sizeof bytes - 1);
    begin_idle(3, IDLE_MS, 0);
    open_attached();
    for (; given < 12 * (sizeof bytes - 1); given += sizeof bytes - 1)
        give(&e, data(bytes));
    while (given - got > sizeof part) {
        pass(loop, IDLE_MS - 2000);
        assert_int_equal(e.ended, 0);
        ssize_t n = read(fd, part, sizeof part);
        assert_true(n > 0);
        got += (size_t)n;
        spin();
    }
    pass(loop, 2 * IDLE_MS);
    assert_int_equal(e.ended_why, ERR_IDLE);
    finish_idle();
}

/* The client has something to say, and the link takes nothing. */
static void one_that_waits_for_the_link_is_not_idle(void **state)
{
    (void)state;
    begin_idle(3, IDLE_MS, 0);
    open_attached();
    e.room = 0;
    client_says("hello");
    pass(loop, 3 * IDLE_MS);
    assert_int_equal(e.ended, 0);
    e.room = 65536;
    session_writable(e.session);
    spin();
    ends_after(IDLE_MS);
    finish_idle();
}

static void give_reset(void)
{
    give(&e, (struct frame){.type = FRAME_CONNECTION_RESET,
                            .stream = 7,
                            .service = span_of("SSH1"),
                            .connection = 1});
    spin();
}

/* The far end, which has the same limit, was the first to look. */
static void a_reset_at_the_end_of_the_idle_time_is_no_end(void **state)
{
    (void)state;
    begin_idle(3, 0, IDLE_MS);
    open_attached();
    give(&e, data("a part"));
    pass(loop, IDLE_MS - IDLE_MS / 16);
    give_reset();
    pass(loop, 3000); /* what it has to hand on */
    assert_int_equal(e.ended_why, ERR_IDLE);
    finish_idle();
}

static void a_reset_before_is_the_end_that_it_was(void **state)
{
    (void)state;
    begin_idle(3, 0, IDLE_MS);
    open_attached();
    give(&e, data("the whole"));
    pass(loop, IDLE_MS / 2);
    give_reset();
    pass(loop, 3000);
    assert_int_equal(e.ended_why, ERR_SERVICE_CLOSED);
    finish_idle();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_ends_by_a_reset),
        cmocka_unit_test(without_an_idle_time_none_ends),
        cmocka_unit_test(a_byte_in_either_direction_keeps_it),
        cmocka_unit_test(the_shorter_of_both_limits_holds),
        cmocka_unit_test(a_change_holds_for_connections_that_are_there),
        cmocka_unit_test(one_that_is_being_opened_is_not_idle),
        cmocka_unit_test(a_slow_reader_is_not_idle),
        cmocka_unit_test(one_that_waits_for_the_link_is_not_idle),
        cmocka_unit_test(a_reset_at_the_end_of_the_idle_time_is_no_end),
        cmocka_unit_test(a_reset_before_is_the_end_that_it_was),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
