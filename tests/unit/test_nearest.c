/* "Did you mean": what is near enough, and what is not. */
#include "core/base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"listen", "listen-group", "config",    "config-dir",
                                    "linger", "region",       "access-ip", "e"};

static const char *nearest(const char *asked)
{
    struct nearest n = nearest_to(span_of(asked));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        nearest_try(&n, names[i]);
    return n.name != NULL ? n.name : "";
}

static void test_names(void **state)
{
    static const struct {
        const char *asked, *meant;
    } cases[] = {
        {"listen", "listen"},
        {"lisen", "listen"},
        {"lsiten", "listen"},
        {"LISTEN", "listen"},
        {"listten", "listen"},
        {"listan", "listen"},
        {"lister", "listen"},
        {"regoin", "region"},
        {"configdir", "config-dir"},
        {"listen_group", "listen-group"},
        {"xyz", ""},
        {"", ""},
        {"x", ""},
        {"configuration", ""},
        {"reg", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(nearest(cases[i].asked), cases[i].meant);
}

/* Both ways the same, and nothing is read or written beyond the longest. */
static void test_lengths(void **state)
{
    char text[NEAREST_MAX + 3];
    (void)state;
    for (size_t n = 1; n < sizeof text; n++) {
        memset(text, 'a', n);
        text[n] = '\0';
        struct nearest near = nearest_to((struct span){text, n});
        nearest_try(&near, text);
        assert_int_equal(near.name != NULL, n <= NEAREST_MAX);
        nearest_try(&near, "");
        near = nearest_to(span_of("a"));
        nearest_try(&near, text);
        assert_int_equal(near.name != NULL, n <= 1 + (n < 3 ? 1 : n / 3) && n < 3);
    }
}

static void test_advice(void **state)
{
    char text[60];
    (void)state;
    struct nearest n = nearest_to(span_of("lsiten"));
    assert_string_equal(nearest_advice(&n, "--", text, sizeof text), "");
    nearest_try(&n, "listen");
    assert_string_equal(nearest_advice(&n, "--", text, sizeof text), "; did you mean --listen?");
    nearest_try(&n, "linger"); /* farther */
    assert_string_equal(n.name, "listen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
