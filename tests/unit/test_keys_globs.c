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

/* ---- a pattern inside a rule ---- */

static void covers(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *pattern;
        bool covers;
    } cases[] = {
        {"*", "*", true},
        {"*", "", true},
        {"*", "a?*b", true},
        {"plant7-*", "plant7-*", true},
        {"plant7-*", "plant7-x?", true},
        {"plant7-*", "plant7-*-*", true},
        {"plant7-*", "plant7*", false},
        {"plant7-*", "plant?-*", false},
        {"plant7-*", "*", false},
        {"pump-?", "pump-?", true},
        {"pump-?", "pump-*", false}, /* a question mark does not take a star */
        {"pump-??", "pump-*", false},
        {"?", "*", false},
        {"*a*", "*ba*", true},
        {"*a", "*ab", false},
        {"a", "?", false},
        {"", "*", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (glob_covers(span_of(cases[i].rule), span_of(cases[i].pattern)) != cases[i].covers)
            fail_msg("%s and %s", cases[i].rule, cases[i].pattern);
}

static size_t random_text(unsigned *seed, const char *of, size_t n_of, size_t most, char *out)
{
    size_t n = (size_t)rand_r(seed) % most;
    for (size_t i = 0; i < n; i++)
        out[i] = of[(size_t)rand_r(seed) % n_of];
    out[n] = '\0';
    return n;
}

/* Whatever a pattern matches, the rule that covers it matches, too. */
static void covering_is_sound(void **state)
{
    (void)state;
    unsigned seed = 12;
    size_t covered = 0, matched = 0;
    for (int round = 0; round < 20000; round++) {
        char rule[7], pattern[7], text[9];
        random_text(&seed, "ab*?", 4, sizeof rule, rule);
        random_text(&seed, "ab*?", 4, sizeof pattern, pattern);
        if (!glob_covers(span_of(rule), span_of(pattern)))
            continue;
        covered++;
        for (int i = 0; i < 200; i++) {
            random_text(&seed, "ab", 2, sizeof text, text);
            if (!slow_match(pattern, text))
                continue;
            matched++;
            if (!slow_match(rule, text))
                fail_msg("%s covers %s, but not %s", rule, pattern, text);
        }
    }
    assert_in_range(covered, 500, 15000);
    assert_in_range(matched, 5000, SIZE_MAX);
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
        cmocka_unit_test(covers),
        cmocka_unit_test(covering_is_sound),
        cmocka_unit_test(random_globs),
        cmocka_unit_test(many_stars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
