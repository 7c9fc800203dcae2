/* Whose turn it is, by itself. */
#include "core/tunnel/scheduler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct scheduler s;
static struct turn a, b, c;
static bool open, shut;

static int setup(void **state)
{
    (void)state;
    scheduler_init(&s);
    turn_init(&a, &open);
    turn_init(&b, &open);
    turn_init(&c, &shut);
    open = true;
    shut = false;
    return 0;
}

static void control_frames_leave_in_their_order(void **state)
{
    (void)state;
    assert_null(scheduler_next_control(&s));
    scheduler_owe(&s, &c);
    assert_null(scheduler_next_control(&s)); /* it may not say anything */
    scheduler_owe(&s, &b);
    scheduler_owe(&s, &a);
    scheduler_owe(&s, &b); /* keeps its place */
    assert_ptr_equal(scheduler_next_control(&s), &b);
    turn_end(&b);
    assert_ptr_equal(scheduler_next_control(&s), &a);
    shut = true;
    assert_ptr_equal(scheduler_next_control(&s), &c);
}

static void bulk_ones_take_turns(void **state)
{
    (void)state;
    assert_null(scheduler_next(&s));
    scheduler_more(&s, &a);
    scheduler_more(&s, &b);
    assert_ptr_equal(scheduler_next(&s), &a);
    scheduler_more(&s, &a);
    assert_ptr_equal(scheduler_next(&s), &b);
    scheduler_more(&s, &b);
    assert_ptr_equal(scheduler_next(&s), &a);
}

/* Who has more ready keeps its turn for a while, sparse ones go before it all the same. */
static void a_turn_has_several_frames(void **state)
{
    (void)state;
    scheduler_more(&s, &a);
    scheduler_more(&s, &b);
    for (int i = 1; i < TURN_MOST; i++) {
        assert_ptr_equal(scheduler_next(&s), &a);
        scheduler_keep(&s, &a);
    }
    turn_init(&c, &open);
    scheduler_want(&s, &c);
    assert_ptr_equal(scheduler_next(&s), &c);
    turn_end(&c);
    assert_ptr_equal(scheduler_next(&s), &a);
    scheduler_keep(&s, &a);
    assert_ptr_equal(scheduler_next(&s), &b);
    scheduler_more(&s, &b);
    assert_ptr_equal(scheduler_next(&s), &a);
    scheduler_more(&s, &a);
    assert_ptr_equal(scheduler_next(&s), &b);
}

static void who_sends_a_lot_is_bulk_for_a_while(void **state)
{
    int reads = 0;
    (void)state;
    assert_false(turn_is_bulk(&a));
    turn_read(&a, 65536);
    for (; turn_is_bulk(&a); reads++)
        turn_read(&a, 1);
    assert_in_range(reads, 2, 8);
    turn_read(&a, 16128);
    assert_true(turn_is_bulk(&a));
}

static void who_is_alone(void **state)
{
    (void)state;
    assert_true(scheduler_alone(&s, &a));
    scheduler_more(&s, &a);
    assert_true(scheduler_alone(&s, &a));
    assert_false(scheduler_alone(&s, &b));
    scheduler_want(&s, &b);
    assert_false(scheduler_alone(&s, &a));
    turn_end(&b);
    b.last_read = 16128;
    scheduler_want(&s, &b);
    assert_false(scheduler_alone(&s, &a));
}

static void sparse_ones_go_first(void **state)
{
    (void)state;
    scheduler_more(&s, &a);
    scheduler_want(&s, &b);
    scheduler_want(&s, &b);
    scheduler_want(&s, &c);
    assert_ptr_equal(scheduler_next(&s), &b);
    list_remove(&b.ring);
    assert_ptr_equal(scheduler_next(&s), &a);
    list_remove(&a.ring);
    assert_null(scheduler_next(&s)); /* c may not */
    b.last_read = 16128;             /* it was a lot last time */
    scheduler_want(&s, &b);
    scheduler_want(&s, &a);
    assert_ptr_equal(scheduler_next(&s), &a);
}

/* However many sparse ones there are. */
static void bulk_ones_do_not_starve(void **state)
{
    int sparse = 0;
    (void)state;
    scheduler_more(&s, &a);
    scheduler_want(&s, &b);
    while (scheduler_next(&s) == &b)
        sparse++;
    assert_in_range(sparse, 1, 64);
    assert_ptr_equal(scheduler_next(&s), &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(control_frames_leave_in_their_order, setup),
        cmocka_unit_test_setup(bulk_ones_take_turns, setup),
        cmocka_unit_test_setup(a_turn_has_several_frames, setup),
        cmocka_unit_test_setup(who_sends_a_lot_is_bulk_for_a_while, setup),
        cmocka_unit_test_setup(who_is_alone, setup),
        cmocka_unit_test_setup(sparse_ones_go_first, setup),
        cmocka_unit_test_setup(bulk_ones_do_not_starve, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
