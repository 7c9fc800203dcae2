/* gateway/destination: how often a device pings, and the answers that it remembers. */
#include "gateway/destination/device_answers.h"
#include "gateway/destination/device_pings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define S 1000

static void the_period_grows_to_its_most(void **state)
{
    static const uint64_t periods[] = {20000, 30000, 45000, 67500, 101250, 151875, 227812, 240000};
    struct device_pings p;
    (void)state;
    device_pings_init(&p, 20 * S, 240 * S);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(p.period_ms, periods[i]);
        assert_int_equal(device_pings_answered(&p, p.period_ms), i < 7);
    }
    assert_int_equal(p.period_ms, 240 * S);
}

/* Traffic of the hub's proves nothing of silences. */
static void a_shorter_silence_proves_nothing(void **state)
{
    struct device_pings p;
    (void)state;
    device_pings_init(&p, 20 * S, 240 * S);
    assert_false(device_pings_answered(&p, 19 * S));
    assert_int_equal(p.period_ms, 20 * S);
}

static void a_given_period_stays(void **state)
{
    struct device_pings p;
    (void)state;
    device_pings_init(&p, 300 * S, 240 * S);
    assert_false(device_pings_answered(&p, 300 * S));
    assert_int_equal(p.period_ms, 300 * S);
}

static void a_limit_of_the_way_is_learned(void **state)
{
    struct device_pings p;
    (void)state;
    device_pings_init(&p, 20 * S, 240 * S);
    while (p.period_ms < 100 * S) /* the way cuts after 60 s */
        if (p.period_ms <= 60 * S)
            assert_true(device_pings_answered(&p, p.period_ms));
        else
            break;
    assert_int_equal(p.period_ms, 67500);
    assert_true(device_pings_lost(&p, 75 * S)); /* noticed at the ping, later than the cut */
    assert_int_equal(p.period_ms, 45 * S);
    assert_true(device_pings_answered(&p, 45 * S)); /* once may have been chance */
    assert_int_equal(p.period_ms, 67500);
    assert_true(device_pings_lost(&p, 75 * S));
    assert_int_equal(p.period_ms, 45 * S);
    for (int i = 0; i < 10; i++)
        assert_false(device_pings_answered(&p, 45 * S)); /* it stays below */
    assert_int_equal(p.period_ms, 45 * S);
}

/* A loss after a silence that connections have come through has another reason. */
static void other_losses_change_nothing(void **state)
{
    struct device_pings p;
    (void)state;
    device_pings_init(&p, 20 * S, 240 * S);
    device_pings_answered(&p, 20 * S);
    device_pings_answered(&p, 30 * S);
    for (int i = 0; i < 5; i++)
        assert_false(device_pings_lost(&p, 29 * S));
    assert_int_equal(p.period_ms, 45 * S);
    /* One chance loss, and then the silence is proven after all. */
    assert_true(device_pings_lost(&p, 45 * S));
    assert_true(device_pings_answered(&p, 30 * S));
    assert_true(device_pings_answered(&p, 45 * S));
    assert_true(device_pings_lost(&p, 60 * S));
    assert_true(device_pings_answered(&p, 45 * S));
    assert_int_equal(p.period_ms, 67500);
}

static void a_way_shorter_than_the_first_period(void **state)
{
    struct device_pings p;
    (void)state;
    device_pings_init(&p, 20 * S, 240 * S);
    assert_false(device_pings_lost(&p, 15 * S));
    assert_true(device_pings_lost(&p, 15 * S));
    assert_int_equal(p.period_ms, 7500);
    assert_false(device_pings_answered(&p, 7500));
    device_pings_init(&p, 20 * S, 20 * S);
    device_pings_lost(&p, 3 * S);
    device_pings_lost(&p, 3 * S);
    assert_int_equal(p.period_ms, DEVICE_PINGS_LEAST_MS);
}

/* ---- answers ---- */

static void the_last_answers_are_remembered(void **state)
{
    static struct device_answers a;
    char id[16];
    (void)state;
    assert_null(device_answers_find(&a, span_of("n0")));
    assert_null(device_answers_find(&a, span_of("")));
    for (int i = 0; i < DEVICE_ANSWERS_KEPT + 1; i++) {
        snprintf(id, sizeof id, "n%d", i);
        device_answers_keep(&a, id, i % 2 == 0, DEVICE_CODE_REFUSED, "words");
    }
    assert_null(device_answers_find(&a, span_of("n0")));
    const struct device_answer *one = device_answers_find(&a, span_of("n2"));
    assert_non_null(one);
    assert_true(one->accepted);
    assert_string_equal(one->why, "words");
    assert_false(device_answers_find(&a, span_of("n1"))->accepted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_period_grows_to_its_most),
        cmocka_unit_test(a_shorter_silence_proves_nothing),
        cmocka_unit_test(a_given_period_stays),
        cmocka_unit_test(a_limit_of_the_way_is_learned),
        cmocka_unit_test(other_losses_change_nothing),
        cmocka_unit_test(a_way_shorter_than_the_first_period),
        cmocka_unit_test(the_last_answers_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
