/* core/net/addresses: what is known without asking, and the order in which addresses are tried. */
#include "core/net/addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* "1.1.1.1 ::1 …" */
static const char *text_of(const struct addresses *a)
{
    static char out[ADDRESSES_MAX * 50];
    out[0] = '\0';
    for (size_t i = 0; i < a->n; i++) {
        char one[INET6_ADDRSTRLEN];
        const union address *at = &a->at[i];
        bool v4 = at->any.sa_family == AF_INET;
        inet_ntop(at->any.sa_family, v4 ? (const void *)&at->v4.sin_addr : &at->v6.sin6_addr, one,
                  sizeof one);
        strcat(out, i > 0 ? " " : "");
        strcat(out, one);
    }
    return out;
}

/* From such a text, whose items are separated by one blank. */
static struct addresses list_of(const char *text)
{
    struct addresses all = {.n = 0};
    char copy[2000], *rest = copy, *one;
    snprintf(copy, sizeof copy, "%s", text);
    while ((one = strsep(&rest, " ")) != NULL) {
        union address a = {.v4 = {.sin_family = AF_INET}};
        if (inet_pton(AF_INET, one, &a.v4.sin_addr) != 1) {
            a.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
            assert_int_equal(inet_pton(AF_INET6, one, &a.v6.sin6_addr), 1);
        }
        addresses_add(&all, &a.any);
    }
    return all;
}

static void families_alternate(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"1.1.1.1", "1.1.1.1"},
        {"::1 ::2 ::3 1.1.1.1 1.1.1.2", "::1 1.1.1.1 ::2 1.1.1.2 ::3"},
        {"::1 ::2 ::3 1.1.1.1", "::1 1.1.1.1 ::2 ::3"},
        {"1.1.1.1 ::1 ::2", "1.1.1.1 ::1 ::2"},
        {"1.1.1.1 1.1.1.2 ::1 ::2 ::3 ::4", "1.1.1.1 ::1 1.1.1.2 ::2 ::3 ::4"},
        {"::1 1.1.1.1 ::2 1.1.1.2", "::1 1.1.1.1 ::2 1.1.1.2"},
        {"1.1.1.1 1.1.1.2 1.1.1.3", "1.1.1.1 1.1.1.2 1.1.1.3"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addresses a = list_of(cases[i].before);
        addresses_interleave(&a);
        assert_string_equal(text_of(&a), cases[i].after);
    }
    struct addresses none = {.n = 0};
    addresses_interleave(&none);
    assert_int_equal(none.n, 0);
}

static void what_is_remembered_comes_first(void **state)
{
    static const struct {
        const char *first;
        bool after;
        const char *result;
    } cases[] = {
        {"1.1.1.1", false, "1.1.1.1 ::1 2.2.2.2"}, {"::1", false, "::1 2.2.2.2 1.1.1.1"},
        {"2.2.2.2", false, "2.2.2.2 1.1.1.1 ::1"}, {"1.1.1.1", true, "::1 2.2.2.2 1.1.1.1"},
        {"2.2.2.2", true, "1.1.1.1 ::1 2.2.2.2"},  {"3.3.3.3", false, "1.1.1.1 ::1 2.2.2.2"},
        {"::2", true, "1.1.1.1 ::1 2.2.2.2"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addresses a = list_of("1.1.1.1 ::1 2.2.2.2"), first = list_of(cases[i].first);
        address_set_port(&first.at[0], 443);
        addresses_rotate(&a, &first.at[0], cases[i].after);
        assert_string_equal(text_of(&a), cases[i].result);
    }
    struct addresses a = list_of("1.1.1.1 ::1");
    addresses_rotate(&a, &(union address){.any = {0}}, true); /* nothing is remembered */
    assert_string_equal(text_of(&a), "1.1.1.1 ::1");
}

static void each_comes_once_and_not_too_many(void **state)
{
    struct addresses a = list_of("1.1.1.1 ::1 1.1.1.1 ::1 ::2");
    (void)state;
    assert_string_equal(text_of(&a), "1.1.1.1 ::1 ::2");
    addresses_add(&a, &(struct sockaddr){.sa_family = AF_UNIX});
    assert_int_equal(a.n, 3);
    for (uint32_t i = 0; i < 2 * ADDRESSES_MAX; i++) {
        union address one = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(i + 1)}};
        addresses_add(&a, &one.any);
    }
    assert_int_equal(a.n, ADDRESSES_MAX);
}

static void known_without_asking(void **state)
{
    static const struct {
        const char *host, *all; /* NULL: not known */
        bool loopback;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.255.0.9", "127.255.0.9", true},
        {"127.1", "127.0.0.1", true},
        {"2130706433", "127.0.0.1", true},
        {"192.0.2.1", "192.0.2.1", false},
        {"0.0.0.0", "0.0.0.0", false},
        {"::1", "::1", true},
        {"::", "::", false},
        {"::ffff:127.0.0.1", "::ffff:127.0.0.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1", false},
        {"fe80::1%lo", "fe80::1", false},
        {"localhost", "::1 127.0.0.1", true},
        {"LOCALHOST.", "::1 127.0.0.1", true},
        {"a.b.localhost", "::1 127.0.0.1", true},
        {"", NULL, false},
        {".", NULL, false},
        {"alocalhost", NULL, false},
        {"localhost.example", NULL, false},
        {"localhost..", NULL, false},
        {"127.0.0.1.example", NULL, false},
        {"127.evil.example", NULL, false},
        {"ip6-localhost", NULL, false},
        {"[::1]", NULL, false},
        {"::1%", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addresses a;
        if (addresses_known(cases[i].host, &a) != (cases[i].all != NULL))
            fail_msg("\"%s\"", cases[i].host);
        assert_string_equal(text_of(&a), cases[i].all != NULL ? cases[i].all : "");
        if (host_is_loopback(cases[i].host) != cases[i].loopback)
            fail_msg("\"%s\"", cases[i].host);
    }
}

static void parsed(void **state)
{
    static const char *const good[] = {"192.0.2.7:50312", "0.0.0.0:0", "[2001:db8::7]:65535",
                                       "[::]:1", "[1111:2222:3333:4444:5555:6666:7777:8888]:65535"};
    static const char *const bad[] = {"",
                                      "192.0.2.7",
                                      "192.0.2.7:",
                                      "192.0.2.7:65536",
                                      "[::1]",
                                      "[::1]:",
                                      "::1:1",
                                      "[::1:1",
                                      ":1",
                                      "[]:1",
                                      "[::1]1",
                                      "[::1] :1",
                                      "host:1",
                                      "127.1:1",
                                      "192.0.2.7:1 ",
                                      " 192.0.2.7:1",
                                      "[fe80::1%lo]:1",
                                      "[192.0.2.7]:1",
                                      "2001:db8::7",
                                      "pid 77",
                                      "192.0.2.7:000080",
                                      "192.0.2.7:-1",
                                      "[2001:db8:1111:2222:3333:4444:5555:6666:7777:8]:1"};
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        union address a;
        char text[ADDRESS_TEXT];
        assert_true(address_parse(good[i], &a));
        assert_string_equal(address_text(&a, text), good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        union address a;
        if (address_parse(bad[i], &a))
            fail_msg("\"%s\"", bad[i]);
    }
}

static void unmapped(void **state)
{
    static const char *const cases[][2] = {{"[::ffff:192.0.2.7]:5", "192.0.2.7:5"},
                                           {"[::fffe:192.0.2.7]:5", "[::fffe:c000:207]:5"},
                                           {"[2001:db8::7]:5", "[2001:db8::7]:5"},
                                           {"[::1]:5", "[::1]:5"},
                                           {"192.0.2.7:5", "192.0.2.7:5"}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        union address a;
        char text[ADDRESS_TEXT];
        assert_true(address_parse(cases[i][0], &a));
        address_unmap(&a);
        assert_string_equal(address_text(&a, text), cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_alternate),
        cmocka_unit_test(what_is_remembered_comes_first),
        cmocka_unit_test(each_comes_once_and_not_too_many),
        cmocka_unit_test(known_without_asking),
        cmocka_unit_test(parsed),
        cmocka_unit_test(unmapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
