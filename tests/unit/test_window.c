/* The arithmetic of flow control by itself: what may be sent, what a CREDIT may say and when one is
 * due, and how large a window becomes. */
#include "core/tunnel/window.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MOST ((size_t)64 << 20)

static struct window fresh(uint64_t now_ms)
{
    struct window w;
    window_init(&w, now_ms);
    return w;
}

static void nobody_sends_beyond_the_window(void **state)
{
    struct window w = fresh(0);
    (void)state;
    assert_int_equal(window_may_send(&w, 1000), 1000);
    w.end = w.sent = WINDOW_INITIAL - 10;
    assert_int_equal(window_may_send(&w, 1000), 10);
    w.sent = 100; /* over a new transport */
    assert_false(window_all_sent(&w));
    assert_int_equal(window_may_resend(&w, 1000), 1000);
    assert_int_equal(window_may_resend(&w, WINDOW_INITIAL), WINDOW_INITIAL - 110);
    assert_true(window_allows(&w, WINDOW_INITIAL));
    assert_false(window_allows(&w, WINDOW_INITIAL + 1));
}

static void a_credit_frees_what_was_sent(void **state)
{
    struct window w = fresh(0);
    size_t freed = 0;
    (void)state;
    w.end = w.sent = 5000;
    w.fin_sent = w.fin_ever = true;
    assert_null(window_credited(&w, 3000, WINDOW_INITIAL, false, &freed));
    assert_int_equal(freed, 3000);
    assert_int_equal(w.limit, 3000 + WINDOW_INITIAL);
    assert_false(w.fin_acked);
    assert_null(window_credited(&w, 5000, WINDOW_INITIAL, true, &freed));
    assert_int_equal(freed, 2000);
    assert_true(w.fin_acked);
}

static void wrong_credits_change_nothing(void **state)
{
    static const struct {
        uint64_t received;
        uint32_t size;
        bool fin;
    } wrong[] = {
        {999, WINDOW_INITIAL, false},         /* goes back */
        {5001, WINDOW_INITIAL, false},        /* was not sent */
        {5000, WINDOW_INITIAL, true},         /* nor was the FIN */
        {2000, WINDOW_MOST + 1, false},       /* larger than any */
        {2000, WINDOW_INITIAL - 1001, false}, /* takes back what was granted */
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct window w = fresh(0);
        size_t freed = 0;
        w.end = w.sent = 5000;
        assert_null(window_credited(&w, 1000, WINDOW_INITIAL, false, &freed));
        assert_non_null(
            window_credited(&w, wrong[i].received, wrong[i].size, wrong[i].fin, &freed));
        assert_int_equal(w.acked, 1000);
        assert_int_equal(w.limit, 1000 + WINDOW_INITIAL);
    }
}

static void a_resume_goes_back_to_what_is_there(void **state)
{
    struct window w = fresh(0);
    size_t freed;
    (void)state;
    w.end = w.sent = 5000;
    assert_null(window_credited(&w, 1000, WINDOW_INITIAL, false, &freed));
    assert_false(window_resumed(&w, 999, false));
    assert_false(window_resumed(&w, 5001, false));
    assert_false(window_resumed(&w, 5000, true)); /* no FIN was ever sent */
    assert_true(window_resumed(&w, 2000, false));
    assert_int_equal(w.sent, 2000);
    w.fin_ever = true;
    assert_false(window_resumed(&w, 4999, true));
    assert_true(window_resumed(&w, 5000, true));
    assert_true(w.fin_sent && window_all_sent(&w));
}

static void credits_are_due_in_steps(void **state)
{
    struct window w = fresh(0);
    (void)state;
    assert_int_equal(window_credit_due(&w, 0, 1), CREDIT_NONE);
    w.received = 1000;
    assert_int_equal(window_credit_due(&w, 1000, 1), CREDIT_NONE);
    assert_int_equal(window_credit_due(&w, 999, 1), CREDIT_DELAYED);
    w.received = WINDOW_INITIAL / 2;
    assert_int_equal(window_credit_due(&w, 1, 1), CREDIT_DELAYED);
    assert_int_equal(window_credit_due(&w, 0, 1), CREDIT_NOW);
    window_grant(&w, 0);
    assert_int_equal(w.acked_out, WINDOW_INITIAL / 2);
    assert_int_equal(w.granted, WINDOW_INITIAL / 2 + WINDOW_INITIAL);
    assert_int_equal(window_credit_due(&w, 0, 1), CREDIT_NONE);
    w.received += 32768; /* the more of them there are, the less each one holds back */
    assert_int_equal(window_credit_due(&w, 0, 8), CREDIT_DELAYED);
    assert_int_equal(window_credit_due(&w, 0, 50), CREDIT_NOW);
    w.received -= 32768 - 16383;
    assert_int_equal(window_credit_due(&w, 0, 5000), CREDIT_DELAYED);
    w.received = WINDOW_INITIAL / 2;
    w.size = WINDOW_MOST; /* an eighth of a large one */
    w.received += WITHHELD_MOST - 1;
    assert_int_equal(window_credit_due(&w, 0, 1), CREDIT_DELAYED);
    w.received++;
    assert_int_equal(window_credit_due(&w, 0, 1), CREDIT_NOW);
}

/* What was put in between is held, too: nothing is acknowledged twice or taken back. */
static void what_is_acknowledged_never_goes_back(void **state)
{
    struct window w = fresh(0);
    (void)state;
    w.received = 1000;
    window_grant(&w, 0);
    w.size /= 2;
    window_grant(&w, 600);
    assert_int_equal(w.acked_out, 1000);
    assert_int_equal(w.granted, 1000 + WINDOW_INITIAL);
    assert_int_equal(window_consumed(&w, 5000), 1000);
}

/* One window's worth of bytes comes in elapsed_ms. */
static void play(struct window *w, const struct round_trips *path, uint64_t elapsed_ms, size_t *all)
{
    w->received += w->size;
    window_tune(w, path, w->probe_at + elapsed_ms, all, MOST);
}

static void a_window_fits_its_path(void **state)
{
    struct window w = fresh(1000);
    struct round_trips path = {0};
    size_t all = w.size;
    (void)state;
    round_trips_add(&path, 100000);
    w.received = w.size - 1; /* not all of it was used */
    window_tune(&w, &path, 1100, &all, MOST);
    assert_int_equal(w.size, WINDOW_INITIAL);
    w.received = 0;
    for (uint32_t size = WINDOW_INITIAL; size < WINDOW_MOST; size *= 2) {
        assert_int_equal(w.size, size);
        play(&w, &path, 110, &all); /* it held the sender up */
    }
    play(&w, &path, 110, &all);
    assert_int_equal(w.size, WINDOW_MOST);
    assert_int_equal(all, WINDOW_MOST);
    play(&w, &path, 1010, &all); /* the path did: 1.7 MB pass in a round trip */
    assert_int_equal(w.size, (uint64_t)WINDOW_MOST * 101 * 4 / (3 * 1010));
    play(&w, &path, 100000, &all);
    assert_int_equal(w.size, WINDOW_INITIAL);
    assert_int_equal(all, WINDOW_INITIAL);
}

static void all_windows_together_have_a_limit(void **state)
{
    struct window w = fresh(0);
    struct round_trips path = {0};
    size_t all = MOST;
    (void)state;
    round_trips_add(&path, 100000);
    play(&w, &path, 100, &all);
    assert_int_equal(w.size, WINDOW_INITIAL); /* there is no room to grow */
    w.size = WINDOW_MOST;
    all = MOST + 1;
    window_tune(&w, &path, 0, &all, MOST);
    assert_int_equal(w.size, WINDOW_MOST / 2);
    assert_int_equal(all, MOST + 1 - WINDOW_MOST / 2);
}

static void the_shortest_of_the_last_round_trips_counts(void **state)
{
    struct round_trips t = {0};
    (void)state;
    assert_int_equal(round_trips_shortest(&t), 0);
    round_trips_add(&t, 50);
    for (int i = 1; i < ROUND_TRIPS; i++)
        round_trips_add(&t, 900);
    assert_int_equal(round_trips_shortest(&t), 50);
    round_trips_add(&t, 800);
    assert_int_equal(round_trips_shortest(&t), 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_sends_beyond_the_window),
        cmocka_unit_test(a_credit_frees_what_was_sent),
        cmocka_unit_test(wrong_credits_change_nothing),
        cmocka_unit_test(a_resume_goes_back_to_what_is_there),
        cmocka_unit_test(credits_are_due_in_steps),
        cmocka_unit_test(what_is_acknowledged_never_goes_back),
        cmocka_unit_test(a_window_fits_its_path),
        cmocka_unit_test(all_windows_together_have_a_limit),
        cmocka_unit_test(the_shortest_of_the_last_round_trips_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
