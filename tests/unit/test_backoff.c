/* The pause before a link's next try. */
#include "core/tunnel/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LEAST 0
#define MOST 0xffffffffu

static const struct {
    uint64_t first, max;
    unsigned tries;
    uint64_t whole; /* the pause is between a half of that and all of it */
} pauses[] = {
    {100, 60000, 0, 100},
    {100, 60000, 1, 200},
    {100, 60000, 9, 51200},
    {100, 60000, 10, 60000},
    {100, 60000, 4000000000u, 60000},
    {500, 500, 3, 500},
    {90000, 60000, 0, 60000},
    {1, 1, 0, 1},
};

static void a_pause_doubles_and_is_spread(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        uint64_t half = pauses[i].whole / 2, seen_most = 0;
        assert_int_equal(backoff_pause(pauses[i].first, pauses[i].max, pauses[i].tries, LEAST),
                         half);
        for (uint32_t dice = 0; dice <= half; dice++) {
            uint64_t pause = backoff_pause(pauses[i].first, pauses[i].max, pauses[i].tries, dice);
            seen_most = pause > seen_most ? pause : seen_most;
        }
        assert_int_equal(seen_most, half + half);
        assert_in_range(backoff_pause(pauses[i].first, pauses[i].max, pauses[i].tries, MOST), half,
                        pauses[i].whole);
    }
}

static void what_was_asked_counts_when_it_is_longer(void **state)
{
    static const struct {
        int64_t later;
        uint64_t least, most;
        bool asked;
    } table[] = {
        {-5, 800, 800, false},
        {0, 800, 800, false},
        {800, 800, 800, false},
        {801, 801, 1001, true},
        {60000, 60000, 75000, true},
        {INT64_MAX, BACKOFF_LATER_MAX_MS, BACKOFF_LATER_MAX_MS / 4 * 5, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (uint32_t dice = 0; dice < 100000; dice++) {
            bool asked = !table[i].asked;
            uint64_t pause = backoff_later(800, table[i].later, dice, &asked);
            assert_int_equal(asked, table[i].asked);
            least = pause < least ? pause : least;
            most = pause > most ? pause : most;
        }
        assert_int_equal(least, table[i].least);
        assert_int_equal(most, table[i].most);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_doubles_and_is_spread),
        cmocka_unit_test(what_was_asked_counts_when_it_is_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
