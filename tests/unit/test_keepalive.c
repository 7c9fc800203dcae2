/* What a link learns from its losses: a way's idle limit, and nothing from anything else. */
#include "core/tunnel/keepalive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PERIOD 20000

enum what { NO_MORE, LOST, ANSWERED, AWAY };

static const struct {
    const char *what;
    struct {
        enum what what;
        uint64_t ms; /* of silence */
    } events[6];
    uint64_t period; /* in the end */
} table[] = {
    {"nothing was lost", {{NO_MORE, 0}}, PERIOD},
    {"once says nothing", {{LOST, 10000}}, PERIOD},
    {"a limit of ten seconds", {{LOST, 10000}, {LOST, 10050}}, 5000},
    {"the shorter of the two counts", {{LOST, 10400}, {LOST, 10000}}, 5000},
    {"a proxy whose timer is coarse", {{LOST, 10000}, {LOST, 11000}}, 5000},
    {"not alike", {{LOST, 10000}, {LOST, 12000}}, PERIOD},
    {"not alike, and then a limit", {{LOST, 3000}, {LOST, 10000}, {LOST, 10000}}, 5000},
    {"between others", {{LOST, 10000}, {LOST, 15000}, {LOST, 10000}, {LOST, 15000}}, PERIOD},
    {"a hub that was away", {{LOST, 10000}, {AWAY, 0}, {LOST, 10000}}, PERIOD},
    {"and then a limit", {{LOST, 9000}, {AWAY, 0}, {LOST, 10000}, {LOST, 10000}}, 5000},
    {"cut in the middle of traffic", {{LOST, 20}, {LOST, 20}, {LOST, 20}}, PERIOD},
    {"traffic in between", {{LOST, 10000}, {LOST, 5}, {LOST, 10000}}, PERIOD},
    {"the ping comes too late: a reset", {{LOST, 20030}, {LOST, 20040}}, 10000},
    {"the ping comes too late: no answer", {{LOST, 60010}, {LOST, 60000}}, 10000},
    {"late, twice", {{LOST, 60000}, {LOST, 60000}, {LOST, 60000}, {LOST, 60000}}, 5000},
    {"not enough yet", {{LOST, 10000}, {LOST, 10000}, {LOST, 4000}, {LOST, 4000}}, 2000},
    {"too short to be learned", {{LOST, 1900}, {LOST, 1900}}, PERIOD},
    {"the shortest", {{LOST, 2000}, {LOST, 2000}}, 1000},
    /* A balancer that lets nothing grow old cuts at the same place between two pings. */
    {"a limit of age",
     {{ANSWERED, 19980}, {LOST, 10000}, {ANSWERED, 19980}, {LOST, 10000}},
     PERIOD},
    {"a network that dies twice",
     {{ANSWERED, 19980}, {LOST, 60000}, {ANSWERED, 19990}, {LOST, 60000}},
     PERIOD},
    {"a limit of silence, with traffic before",
     {{ANSWERED, 9000}, {LOST, 10000}, {ANSWERED, 3000}, {LOST, 10000}},
     5000},
    {"a limit hardly shorter than the period",
     {{ANSWERED, 19980}, {LOST, 19990}, {ANSWERED, 19970}, {LOST, 19990}},
     9995},
    {"each connection for itself",
     {{ANSWERED, 19980}, {LOST, 50}, {LOST, 10000}, {LOST, 10000}},
     5000},
};

static void losses_teach(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct keepalive k;
        keepalive_init(&k, PERIOD);
        for (size_t n = 0; n < 6 && table[i].events[n].what != NO_MORE; n++) {
            uint64_t ms = table[i].events[n].ms, before = k.period_ms;
            bool learned = false;
            if (table[i].events[n].what == AWAY)
                keepalive_doubt(&k);
            else if (table[i].events[n].what == ANSWERED)
                keepalive_answered(&k, ms);
            else
                learned = keepalive_lost(&k, ms);
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
