/* Connections of native sessions in which no byte moves. */
#include "tests/unit/idle_help.h"
#include "tests/unit/native_help.h"

#define RESET_IDLE 8 /* share/doc/native.md, "Messages" */

static void begin_idle(enum session_role role)
{
    begin_with((struct session_options){
        .role = role, .idle_ms = IDLE_MS, .resume_ms = 100 * IDLE_MS, .time = &test_time});
}

/* One that is open, with its service at the other end of e.fd. */
static void begin_connection(void)
{
    begin_idle(SESSION_DESTINATION);
    start(1);
    spin();
    expect(FRAME_CONNECTION_OPENED, 1);
}

static void drain(void)
{
    struct frame f;
    while (sent(&f)) {
    }
}

static void an_idle_connection_ends_by_a_reset_that_says_why(void **state)
{
    struct frame f;
    (void)state;
    begin_connection();
    pass(loop, IDLE_MS - 500);
    assert_int_equal(e.ended, 0);
    drain();
    pass(loop, IDLE_MS / 16 + 1000);
    assert_int_equal(e.ended_why, ERR_IDLE);
    f = expect(FRAME_CONNECTION_RESET, 1);
    assert_int_equal(f.error, RESET_IDLE);
    finish();
}

static void the_other_end_hears_why(void **state)
{
    (void)state;
    begin_connection();
    give((struct frame){.type = FRAME_CONNECTION_RESET, .connection = 1, .error = RESET_IDLE});
    pass(loop, 3000);
    assert_int_equal(e.ended_why, ERR_IDLE);
    finish();
}

/* The far end's local side is slow: what it has taken moves, although nothing is sent. */
static void what_the_far_end_hands_on_counts(void **state)
{
    (void)state;
    begin_connection();
    say(e.fd, "0123456789");
    for (uint64_t i = 1; i <= 5; i++) {
        pass(loop, IDLE_MS - 3000);
        assert_int_equal(e.ended, 0);
        credit(1, 2 * i, WINDOW_INITIAL, false);
    }
    pass(loop, 2 * IDLE_MS);
    assert_int_equal(e.ended_why, ERR_IDLE);
    finish();
}

/* The clock stands while nobody is there, and begins anew when the connection goes on. */
static void the_time_without_a_link_does_not_count(void **state)
{
    (void)state;
    begin_connection();
    pass(loop, IDLE_MS - 3000);
    session_lost(e.session);
    pass(loop, 5 * IDLE_MS);
    assert_int_equal(e.ended, 0);
    attach();
    peer(FRAME_NATIVE_PROTOCOL, "far");
    give_services();
    pass(loop, 5 * IDLE_MS); /* it is back, but the far end has not said what it has */
    assert_int_equal(e.ended, 0);
    give((struct frame){.type = FRAME_RESUME, .epoch = epoch, .connection = 1});
    far_resumes(1);
    pass(loop, IDLE_MS - 500);
    assert_int_equal(e.ended, 0);
    pass(loop, IDLE_MS / 16 + 1000);
    assert_int_equal(e.ended_why, ERR_IDLE);
    finish();
}

/* Nobody looked while the link was away. */
static void an_idle_time_that_is_set_later_does_not_count_it_either(void **state)
{
    (void)state;
    begin_connection();
    session_change(e.session, &(struct session_options){.resume_ms = 100 * IDLE_MS});
    session_lost(e.session);
    pass(loop, 5 * IDLE_MS);
    attach();
    peer(FRAME_NATIVE_PROTOCOL, "far");
    give_services();
    give((struct frame){.type = FRAME_RESUME, .epoch = epoch, .connection = 1});
    far_resumes(1);
    session_change(e.session, &(struct session_options){.idle_ms = IDLE_MS});
    pass(loop, IDLE_MS - 500);
    assert_int_equal(e.ended, 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_connection_ends_by_a_reset_that_says_why),
        cmocka_unit_test(the_other_end_hears_why),
        cmocka_unit_test(what_the_far_end_hands_on_counts),
        cmocka_unit_test(the_time_without_a_link_does_not_count),
        cmocka_unit_test(an_idle_time_that_is_set_later_does_not_count_it_either),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
