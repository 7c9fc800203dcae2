/* Notices by wires that can say less than the device link, and those who wait for a device. */
#include "tests/unit/notices_help.h"

static void expect(const struct heard *h, enum notice_result result)
{
    assert_int_equal(h->calls, 1);
    assert_string_equal(notice_result_name(h->result), notice_result_name(result));
}

/* ---- wires ---- */

static void connecting_is_the_answer_where_there_is_no_other(void **state)
{
    struct wire mute = {0}, w = {0};
    struct heard h = {0}, other = {0};
    (void)state;
    arrive_by(&mute_carrier, "pump-07", &mute, NOTICE_UPTIME_UNKNOWN);
    arrive("pump-08", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    ask(&other, "pump-08", "t2", 30000);
    pass(100);
    notices_connected(notices, "t3");
    assert_int_equal(h.calls, 0);
    notices_connected(notices, "t1");
    expect(&h, NOTICE_ACCEPTED);
    assert_int_equal(h.took_ms, 100);
    assert_int_equal(mute.withdrawn, 0);
    notices_connected(notices, "t2");
    assert_int_equal(other.calls, 0); /* its device has an answer to give */
    notices_connected(notices, "t1"); /* again, as after a lost connection */
    expect(&h, NOTICE_ACCEPTED);
}

static void a_stream_goes_to_a_wire_for_streams(void **state)
{
    struct wire s = {0}, w = {0};
    struct heard h = {0}, tunnel = {0}, unfit = {0};
    (void)state;
    arrive_by(&stream_carrier, "pump-07", &s, NOTICE_UPTIME_UNKNOWN);
    arrive("pump-08", &w, 10);
    ask_stream(&h, "pump-07", "wss://hub/bridges/1", 30000);
    assert_int_equal(s.delivered, 1);
    assert_string_equal(s.at[0].url, "wss://hub/bridges/1");
    assert_string_equal(s.at[0].tunnel, "");
    assert_string_equal(s.at[0].service, "TestStream");
    ask_stream(&unfit, "pump-08", "wss://hub/bridges/2", 30000);
    expect(&unfit, NOTICE_UNFIT);
    ask(&tunnel, "pump-07", "t1", 30000);
    expect(&tunnel, NOTICE_UNFIT);
    assert_int_equal(answer("pump-07", &s, s.at[0].id, true), NOTICE_TAKEN);
    expect(&h, NOTICE_ACCEPTED);
    expect_waiting(0, 0);
}

static void streams_of_one_device_wait_side_by_side(void **state)
{
    struct wire s = {0};
    struct heard h[3] = {{0}};
    (void)state;
    arrive_by(&stream_carrier, "pump-07", &s, NOTICE_UPTIME_UNKNOWN);
    for (int i = 0; i < 3; i++)
        ask_stream(&h[i], "pump-07", "wss://hub/bridges/x", 30000);
    assert_int_equal(s.delivered, 3);
    expect_waiting(3, 0);
    for (int i = 2; i >= 0; i--) {
        assert_int_equal(answer("pump-07", &s, s.at[i].id, i != 1), NOTICE_TAKEN);
        expect(&h[i], i != 1 ? NOTICE_ACCEPTED : NOTICE_REJECTED);
    }
}

static void a_wire_that_fits_not_is_no_wire(void **state)
{
    struct wire w = {0}, s = {0};
    struct heard h = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    ask(&h, "pump-07", "t1", 30000);
    arrive_by(&stream_carrier, "pump-07", &s, NOTICE_UPTIME_UNKNOWN);
    assert_int_equal(s.delivered, 0);
    notices_connected(notices, "t1"); /* it has had the token */
    expect(&h, NOTICE_ACCEPTED);
}

/* ---- waiting for a device ---- */

struct came {
    int calls;
    bool present, again;
};

static void on_came(void *ctx, bool present)
{
    struct came *c = ctx;
    c->calls++;
    c->present = present;
    if (c->again) {
        c->again = false;
        notices_await(notices, "pump-07", 1000, on_came, c);
    }
}

static void whoever_is_here_is_not_waited_for(void **state)
{
    struct wire w = {0};
    struct came c = {0};
    (void)state;
    arrive("pump-07", &w, 10);
    notices_await(notices, "pump-07", 1000, on_came, &c);
    assert_int_equal(c.calls, 1);
    assert_true(c.present);
}

static void it_comes_in_time(void **state)
{
    struct wire w = {0};
    struct came c[2] = {{0}, {0}}, other = {0};
    (void)state;
    notices_await(notices, "pump-07", 5000, on_came, &c[0]);
    notices_await(notices, "pump-07", 1000, on_came, &c[1]);
    notices_await(notices, "pump-08", 9000, on_came, &other);
    pass(999);
    assert_int_equal(c[1].calls, 0);
    pass(30);
    assert_int_equal(c[1].calls, 1);
    assert_false(c[1].present);
    arrive("pump-07", &w, 10);
    assert_int_equal(c[0].calls, 1);
    assert_true(c[0].present);
    pass(20000);
    assert_int_equal(other.calls, 1);
    assert_false(other.present);
    assert_int_equal(c[0].calls + c[1].calls, 2);
}

static void who_is_told_may_wait_anew(void **state)
{
    struct came late = {.again = true}, dropped = {.again = true}, end = {.again = true};
    (void)state;
    notices_await(notices, "pump-07", 10, on_came, &late);
    pass(50);
    assert_int_equal(late.calls, 1);
    pass(2000);
    assert_int_equal(late.calls, 2);
    notices_await(notices, "pump-07", 10000, on_came, &dropped);
    notices_dropped(notices, "pump-07", true);
    assert_int_equal(dropped.calls, 1);
    notices_await(notices, "pump-07", 10000, on_came, &end);
    notices_begin(); /* ends the others */
    assert_int_equal(dropped.calls, 2);
    assert_false(end.present);
}

static void only_so_many_wait(void **state)
{
    struct came all = {0}, more = {0};
    (void)state;
    for (int i = 0; i < NOTICE_AWAITS_MAX; i++)
        notices_await(notices, "pump-07", 1000, on_came, &all);
    assert_int_equal(all.calls, 0);
    notices_await(notices, "pump-08", 1000, on_came, &more);
    assert_int_equal(more.calls, 1);
    assert_false(more.present);
    pass(1100);
    assert_int_equal(all.calls, NOTICE_AWAITS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NOTICES_TEST(connecting_is_the_answer_where_there_is_no_other),
        NOTICES_TEST(a_stream_goes_to_a_wire_for_streams),
        NOTICES_TEST(streams_of_one_device_wait_side_by_side),
        NOTICES_TEST(a_wire_that_fits_not_is_no_wire),
        NOTICES_TEST(whoever_is_here_is_not_waited_for),
        NOTICES_TEST(it_comes_in_time),
        NOTICES_TEST(who_is_told_may_wait_anew),
        NOTICES_TEST(only_so_many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
