/* Wrong passwords by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/source/auth_throttle.h"

static struct ip from(unsigned n)
{
    return (struct ip){.bytes = {[14] = (uint8_t)(n >> 8), [15] = (uint8_t)n}};
}

/* How many an address may make from then on, one every `every` ms, until `until`. */
static unsigned tries(struct auth_throttle *g, unsigned who, uint64_t now, uint64_t until,
                      uint64_t every)
{
    unsigned n = 0;
    for (; now < until; now += every)
        if (auth_throttle_allows(g, from(who), now)) {
            auth_throttle_failed(g, from(who), now);
            n++;
        }
    return n;
}

static void test_one_address(void **state)
{
    struct auth_throttle *g = auth_throttle_new();
    uint64_t minute = 60000;
    (void)state;
    /* However fast they come. */
    assert_int_equal(tries(g, 1, 1000, 1000 + minute, 1),
                     AUTH_THROTTLE_BURST + minute / AUTH_THROTTLE_INTERVAL_MS - 1);
    assert_false(auth_throttle_allows(g, from(1), 1000 + minute - 1));
    assert_true(auth_throttle_allows(g, from(2), 1000 + minute));
    /* After a while all is forgiven. */
    uint64_t later = 1000 + 3 * minute;
    assert_int_equal(tries(g, 1, later, later + 1, 1), 1);
    assert_int_equal(tries(g, 1, later + 1, later + 2, 1), 1);
    auth_throttle_free(g);
}

/* More addresses than are remembered: the one that auth_throttle most is not forgotten. */
static void test_many_addresses(void **state)
{
    struct auth_throttle *g = auth_throttle_new();
    (void)state;
    tries(g, 0, 1000, 1000 + AUTH_THROTTLE_BURST, 1);
    assert_false(auth_throttle_allows(g, from(0), 1050));
    for (unsigned i = 1; i < 3 * AUTH_THROTTLE_ADDRESSES; i++) {
        assert_true(auth_throttle_allows(g, from(i), 1050));
        auth_throttle_failed(g, from(i), 1050);
    }
    assert_false(auth_throttle_allows(g, from(0), 1050));
    auth_throttle_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_address),
        cmocka_unit_test(test_many_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
