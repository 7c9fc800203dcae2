/* What a link learns from its losses: a way's idle limit, and nothing from anything else. */
#include "core/tunnel/keepalive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PERIOD 20000
#define ABSENT UINT64_MAX /* in place of a silence: the hub could not be had again */

static const struct {
    const char *what;
    uint64_t losses[6]; /* silences in ms; 0: no more */
    uint64_t period;    /* in the end */
} table[] = {
    {"nothing was lost", {0}, PERIOD},
    {"once says nothing", {10000}, PERIOD},
    {"a limit of ten seconds", {10000, 10050}, 5000},
    {"the shorter of the two counts", {10400, 10000}, 5000},
    {"a proxy whose timer is coarse", {10000, 11000}, 5000},
    {"not alike", {10000, 12000}, PERIOD},
    {"not alike, and then a limit", {3000, 10000, 10000}, 5000},
    {"a limit between other losses", {10000, 15000, 10000, 15000}, PERIOD},
    {"a hub that was away in between", {10000, ABSENT, 10000}, PERIOD},
    {"a hub that was away, and a limit", {10000, ABSENT, 10000, 10000}, 5000},
    {"cut in the middle of traffic", {20, 20, 20, 20}, PERIOD},
    {"traffic in between", {10000, 5, 10000}, PERIOD},
    {"the ping comes too late: a reset", {20030, 20040}, 10000},
    {"the ping comes too late: no answer any more", {60010, 60000}, 10000},
    {"late twice over: four losses, a quarter", {60000, 60000, 60000, 60000}, 5000},
    {"what was learned is not enough", {10000, 10000, 4000, 4000}, 2000},
    {"a shorter limit than can be learned", {1900, 1900}, PERIOD},
    {"the shortest", {2000, 2000}, 1000},
};

static void losses_teach(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct keepalive k;
        keepalive_init(&k, PERIOD);
        for (const uint64_t *loss = table[i].losses; *loss != 0; loss++) {
            uint64_t before = k.period_ms;
            bool learned = false;
            if (*loss == ABSENT)
                keepalive_doubt(&k);
            else
                learned = keepalive_lost(&k, *loss);
            assert_int_equal(learned, k.period_ms < before);
            assert_true(k.period_ms <= before);
        }
        if (k.period_ms != table[i].period)
            fail_msg("%s: a period of %llu", table[i].what, (unsigned long long)k.period_ms);
    }
}

/* Whatever a way does, the period stays one that can be configured. */
static void it_ends(void **state)
{
    struct keepalive k;
    (void)state;
    keepalive_init(&k, PERIOD);
    for (int i = 0; i < 100; i++)
        keepalive_lost(&k, 60000);
    assert_true(k.period_ms >= KEEPALIVE_LEAST_MS && k.period_ms < 2 * KEEPALIVE_LEAST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_teach),
        cmocka_unit_test(it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
