/* Access keys: the patterns of rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/glob.h"
#include "gateway/hub/api/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- globs ---- */

static void globs(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"a", "a", true},
        {"a", "A", false},
        {"a", "ab", false},
        {"ab", "a", false},
        {"plant-*", "plant-7", true},
        {"plant-*", "plant-", true},
        {"plant-*", "plant", false},
        {"plant-*", "xplant-7", false},
        {"*-7", "plant-7", true},
        {"*-7", "plant-77", false},
        {"*-7", "-7-7", true},
        {"a*b*c", "abc", true},
        {"a*b*c", "aXbXbXc", true},
        {"a*b*c", "aXc", false},
        {"a*b*c", "abcb", false},
        {"*a*", "bab", true},
        {"*a*", "bbb", false},
        {"**", "", true},
        {"**a**", "a", true},
        {"?*", "", false},
        {"?*", "a", true},
        {"*?", "abc", true},
        {"*??", "a", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*ab", "aab", true},
        {"*aab", "aaaab", true},
        {"*ab*ab", "abab", true},
        {"*ab*ab", "ab", false},
        {"a**", "b", false},
        {"[a]", "a", false},
        {"*x", "xxxy", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (glob_match(span_of(cases[i].pattern), span_of(cases[i].text)) != cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].text);
}

/* The same by trying everything, for short ones. */
static bool slow_match(const char *p, const char *t)
{
    if (*p == '\0')
        return *t == '\0';
    if (*p == '*')
        return slow_match(p + 1, t) || (*t != '\0' && slow_match(p, t + 1));
    return *t != '\0' && (*p == '?' || *p == *t) && slow_match(p + 1, t + 1);
}

static void random_globs(void **state)
{
    (void)state;
    unsigned seed = 9;
    size_t matched = 0;
    for (int round = 0; round < 50000; round++) {
        char pattern[8], text[9];
        size_t p = (size_t)rand_r(&seed) % sizeof pattern, t = (size_t)rand_r(&seed) % sizeof text;
        for (size_t i = 0; i < p; i++)
            pattern[i] = "ab*?"[rand_r(&seed) % 4];
        for (size_t i = 0; i < t; i++)
            text[i] = "ab"[rand_r(&seed) % 2];
        pattern[p] = text[t] = '\0';
        bool expected = slow_match(pattern, text);
        matched += expected;
        if (glob_match(span_of(pattern), span_of(text)) != expected)
            fail_msg("%s and %s", pattern, text);
    }
    assert_in_range(matched, 5000, 45000);
}

/* With backtracking into every star this would not end before the sun does. */
static void many_stars(void **state)
{
    (void)state;
    static char pattern[256], text[4096];
    memset(pattern, '*', sizeof pattern);
    for (size_t i = 0; i < sizeof pattern - 1; i += 2)
        pattern[i] = 'a';
    pattern[sizeof pattern - 1] = 'b';
    memset(text, 'a', sizeof text);
    assert_false(
        glob_match((struct span){pattern, sizeof pattern}, (struct span){text, sizeof text}));
    text[sizeof text - 1] = 'b';
    assert_true(
        glob_match((struct span){pattern, sizeof pattern}, (struct span){text, sizeof text}));
    memset(pattern, '*', sizeof pattern);
    pattern[0] = 'a';
    assert_true(
        glob_match((struct span){pattern, sizeof pattern}, (struct span){text, sizeof text}));
    pattern[sizeof pattern - 1] = 'c';
    assert_false(
        glob_match((struct span){pattern, sizeof pattern}, (struct span){text, sizeof text}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs),
        cmocka_unit_test(random_globs),
        cmocka_unit_test(many_stars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
