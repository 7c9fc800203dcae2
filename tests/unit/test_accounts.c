/* What the tunnels of an access key share: how long it is there, and that it counts meanwhile. */
#include "gateway/hub/accounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct accounts *all;
static struct limit_book *limits;

static int begin(void **state)
{
    char text[200];
    enum err why;
    (void)state;
    limits = limits_read("aws", NULL, &why, text, sizeof text); /* 10 connections a second */
    all = accounts_new();
    assert_non_null(limits);
    assert_non_null(all);
    accounts_rules(all, limits);
    return 0;
}

static int end(void **state)
{
    (void)state;
    accounts_free(all);
    limits_free(limits);
    return 0;
}

/* However many keys there were. */
static void idle_ones_are_freed(void **state)
{
    char key[20];
    uint64_t now = 1000;
    (void)state;
    for (int i = 0; i < 10000; i++, now += 100) {
        snprintf(key, sizeof key, "KEY%d", i);
        assert_non_null(accounts_get(all, key, now));
        accounts_tick(all, now);
        assert_true(accounts_count(all) <= 2 * ACCOUNT_IDLE_MS / 100 + 1);
    }
    accounts_tick(all, now + 2 * ACCOUNT_IDLE_MS);
    assert_int_equal(accounts_count(all), 0);
}

static void those_that_are_held_stay(void **state)
{
    uint64_t now = 1000, hour = 3600000;
    (void)state;
    struct account *a = accounts_get(all, "A", now);
    account_hold(a);
    account_hold(a);
    accounts_tick(all, now += hour);
    assert_ptr_equal(accounts_get(all, "A", now), a);
    account_release(a, now += hour);
    accounts_tick(all, now += hour);
    assert_ptr_equal(accounts_get(all, "A", now), a);
    account_release(a, now += hour);
    accounts_tick(all, now + ACCOUNT_IDLE_MS - 1);
    assert_int_equal(accounts_count(all), 1);
    accounts_tick(all, now + 3 * ACCOUNT_IDLE_MS);
    assert_int_equal(accounts_count(all), 0);
}

/* Coming and going does not make anybody's limit wider. */
static void the_limit_holds(void **state)
{
    int admit = 0;
    (void)state;
    for (uint64_t now = 100000; now < 110000; now += 10) {
        struct account *a = accounts_get(all, "A", now);
        account_hold(a);
        admit += account_connect(a, now);
        account_release(a, now);
        accounts_tick(all, now);
    }
    assert_in_range(admit, 100, 110);
}

/* New streams have a limit of their own. */
static void streams_have_their_own_limit(void **state)
{
    int streams = 0, ends = 0;
    (void)state;
    char text[200];
    enum err why;
    struct limit_book *azure = limits_read("azure", NULL, &why, text, sizeof text);
    accounts_rules(all, azure);
    struct account *a = accounts_get(all, "A", 100000);
    for (uint64_t now = 100000; now < 110000; now += 10) {
        streams += account_stream(a, now);
        ends += account_connect(a, now);
    }
    assert_in_range(streams, 50, 55); /* 5 a second */
    assert_int_equal(ends, 1000);
    accounts_rules(all, limits);
    limits_free(azure);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(idle_ones_are_freed),
        TEST(those_that_are_held_stay),
        TEST(the_limit_holds),
        TEST(streams_have_their_own_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
