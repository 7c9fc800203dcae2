/* What happens again and again: the first ones are told, the rest is counted, nothing is lost. */
#include "core/base/repeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct repeats *r;
static struct {
    int sums;
    uint64_t times, ms, all;
    char subject[100], kind[200], last[200];
    int code;
} seen;

static void see(void *owner, const struct repeat *sum)
{
    assert_ptr_equal(owner, &seen);
    seen.sums++;
    seen.times = sum->times;
    seen.all += sum->times;
    seen.ms = sum->ms;
    seen.code = sum->code;
    snprintf(seen.subject, sizeof seen.subject, "%s", sum->subject);
    snprintf(seen.kind, sizeof seen.kind, "%s", sum->kind);
    snprintf(seen.last, sizeof seen.last, "%s", sum->last);
}

static void make(size_t kinds, unsigned burst, uint64_t every_ms)
{
    memset(&seen, 0, sizeof seen);
    r = repeats_new(&(struct repeats_options){
        .kinds = kinds,
        .rest = {.subject = "others", .kind = "many", .last = "", .code = 9},
        .burst = burst,
        .every_ms = every_ms,
        .window_ms = 60000,
        .sum = see,
        .owner = &seen});
    assert_non_null(r);
}

static int end(void **state)
{
    (void)state;
    repeats_free(r);
    r = NULL;
    return 0;
}

static bool add(uint64_t now, const char *subject, const char *kind, const char *last, int code)
{
    return repeats_add(r, now, &(struct repeat){subject, kind, last, code, 0, 0});
}

static void the_first_ones_are_told(void **state)
{
    (void)state;
    make(4, 3, 10000);
    for (int i = 0; i < 3; i++)
        assert_true(add(1000, "a", "x", "told", 5));
    assert_false(repeats_pending(r));
    assert_false(add(1001, "a", "x", "first", 6));
    assert_false(add(1002, "a", "x", "second", 7));
    assert_true(repeats_pending(r));
    assert_true(add(1003, "a", "y", "", 5));
    assert_true(add(1003, "b", "x", "", 5));
    repeats_tick(r, 60999);
    assert_int_equal(seen.sums, 0);
    repeats_tick(r, 61000);
    assert_int_equal(seen.sums, 1);
    assert_int_equal(seen.times, 2);
    assert_int_equal(seen.ms, 60000);
    assert_int_equal(seen.code, 5);
    assert_string_equal(seen.subject, "a");
    assert_string_equal(seen.kind, "x");
    assert_string_equal(seen.last, "second");
    assert_false(repeats_pending(r));
    repeats_tick(r, 500000);
    assert_int_equal(seen.sums, 1);
}

/* Under a flood that never ends: the burst, then one every ten seconds, and a sum a minute. */
static void the_rest_is_told_slowly(void **state)
{
    uint64_t told = 0, all = 0, hour = 3600000;
    (void)state;
    make(4, 100, 10000);
    for (uint64_t now = 0; now < hour; now += 10) {
        told += add(now, "a", "x", "", 0);
        all++;
        if (now % 1000 == 0)
            repeats_tick(r, now);
    }
    assert_int_equal(told, 100 + hour / 10000 - 1);
    assert_in_range(seen.sums, 59, 60);
    repeats_end(r, hour);
    assert_int_equal(told + seen.all, all);
    assert_false(repeats_pending(r));
}

static void the_burst_fills_up_again(void **state)
{
    (void)state;
    make(1, 2, 10000);
    assert_true(add(0, "a", "x", "", 0));
    assert_true(add(0, "a", "x", "", 0));
    assert_false(add(9999, "a", "x", "", 0));
    assert_true(add(10000, "a", "x", "", 0));
    assert_false(add(10000, "a", "x", "", 0));
    repeats_tick(r, 60000); /* a sum does not give it more */
    assert_true(add(60000, "a", "x", "", 0));
    assert_true(add(60000, "a", "x", "", 0));
    assert_false(add(60000, "a", "x", "", 0));
}

/* A kind that is quiet gives its place to another; until then the others are one. */
static void more_kinds_than_places(void **state)
{
    char who[20];
    int told = 0;
    (void)state;
    make(8, 1, 60000);
    for (int i = 0; i < 100; i++) {
        snprintf(who, sizeof who, "%d", i);
        told += add(1, who, "x", who, i);
    }
    assert_int_equal(told, 9);
    repeats_tick(r, 60001);
    assert_int_equal(seen.sums, 1);
    assert_int_equal(seen.times, 91);
    assert_int_equal(seen.code, 9);
    assert_string_equal(seen.subject, "others");
    assert_string_equal(seen.kind, "many");
    assert_string_equal(seen.last, "99");
    assert_true(add(60001, "new", "x", "", 3));
    assert_false(add(60002, "new", "x", "", 3));
    repeats_end(r, 60003);
    assert_string_equal(seen.subject, "new");
}

static void long_texts_are_cut(void **state)
{
    static char text[1000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    make(2, 1, 60000);
    assert_true(add(0, text, text, text, 0));
    assert_false(add(0, text, text, text, 0)); /* still the same kind */
    repeats_end(r, 1);
    assert_int_equal(strlen(seen.subject), REPEATS_SUBJECT_MAX - 1);
    assert_int_equal(strlen(seen.kind), REPEATS_KIND_MAX - 1);
    assert_int_equal(strlen(seen.last), REPEATS_LAST_MAX - 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, end)
    const struct CMUnitTest tests[] = {
        TEST(the_first_ones_are_told),  TEST(the_rest_is_told_slowly),
        TEST(the_burst_fills_up_again), TEST(more_kinds_than_places),
        TEST(long_texts_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
