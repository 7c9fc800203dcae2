/* Who sent a request, by X-Forwarded-For and Forwarded. */
#include "core/http/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "192.0.2.7:0", "none" or "bad"; lines: those of the headers, with CR LF. */
static const char *client_of(const char *lines, const struct ip_list *fronts)
{
    static char out[ADDRESS_TEXT];
    char text[2000];
    union address a;
    const char *why = NULL;
    int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: hub\r\n%s\r\n", lines);
    struct http_reader *r = http_reader_new(HTTP_REQUEST, sizeof text);
    assert_int_equal(http_reader_feed(r, (const uint8_t *)text, (size_t)n), n);
    enum forwarded what = forwarded_client(http_reader_head(r), fronts, &a, &why);
    http_reader_free(r);
    assert_non_null(why);
    return what == FORWARDED_CLIENT ? address_text(&a, out)
           : what == FORWARDED_NONE ? "none"
                                    : "bad";
}

struct row {
    const char *lines, *client;
};

static void check(const struct row *rows, size_t n, const struct ip_list *fronts)
{
    for (size_t i = 0; i < n; i++)
        assert_string_equal(client_of(rows[i].lines, fronts), rows[i].client);
}
#define CHECK(rows, fronts) check(rows, sizeof(rows) / sizeof *(rows), fronts)

static void x_forwarded_for(void **state)
{
    static const struct row rows[] = {
        {"", "none"},
        {"X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7:0"},
        {"x-forwarded-for:192.0.2.7 \r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: 192.0.2.7:4711\r\n", "192.0.2.7:4711"},
        {"X-Forwarded-For: 2001:db8::7\r\n", "[2001:db8::7]:0"},
        {"X-Forwarded-For: [2001:db8::7]\r\n", "[2001:db8::7]:0"},
        {"X-Forwarded-For: [2001:db8::7]:4711\r\n", "[2001:db8::7]:4711"},
        {"X-Forwarded-For: ::ffff:192.0.2.7\r\n", "192.0.2.7:0"},
        /* what the client wrote itself stands before */
        {"X-Forwarded-For: 127.0.0.1, 192.0.2.7\r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: nonsense,192.0.2.7\r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: ,,192.0.2.7\r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7:0"},
        /* nobody says it */
        {"X-Forwarded-For: unknown\r\n", "none"},
        {"X-Forwarded-For: 192.0.2.7, unknown\r\n", "none"},
        /* malformed */
        {"X-Forwarded-For: \r\n", "bad"},
        {"X-Forwarded-For: 192.0.2.7,\r\n", "bad"},
        {"X-Forwarded-For: 192.0.2.7, nonsense\r\n", "bad"},
        {"X-Forwarded-For: 192.0.2.256\r\n", "bad"},
        {"X-Forwarded-For: 192.0.2.7 192.0.2.8\r\n", "bad"},
        {"X-Forwarded-For: [2001:db8::7\r\n", "bad"},
        {"X-Forwarded-For: [2001:db8::7]x\r\n", "bad"},
        {"X-Forwarded-For: unix:\r\n", "bad"},
    };
    (void)state;
    CHECK(rows, NULL);
}

static void forwarded(void **state)
{
    static const struct row rows[] = {
        {"Forwarded: for=192.0.2.7\r\n", "192.0.2.7:0"},
        {"Forwarded: For=\"192.0.2.7:4711\";proto=https;by=203.0.113.43\r\n", "192.0.2.7:4711"},
        {"Forwarded: proto=https; for=\"[2001:db8:cafe::17]:4711\"\r\n",
         "[2001:db8:cafe::17]:4711"},
        {"Forwarded: for=\"[2001:db8:cafe::17]:_p\"\r\n", "[2001:db8:cafe::17]:0"},
        {"Forwarded: for=127.0.0.1, for=192.0.2.7\r\n", "192.0.2.7:0"},
        {"Forwarded: for=127.0.0.1\r\nForwarded: for=192.0.2.7;host=a\r\n", "192.0.2.7:0"},
        {"Forwarded: for=unknown\r\n", "none"},
        {"Forwarded: for=_hidden\r\n", "none"},
        {"Forwarded: proto=https\r\n", "none"},
        {"Forwarded: for=192.0.2.7;for=192.0.2.8\r\n", "bad"},
        {"Forwarded: for=\r\n", "bad"},
        {"Forwarded: for=\"\"\r\n", "bad"},
        {"Forwarded: for=\"\r\n", "bad"},
        {"Forwarded: for=nonsense\r\n", "bad"},
    };
    (void)state;
    CHECK(rows, NULL);
}

/* A front sets one of the headers, and a client may have sent the other one. */
static void both(void **state)
{
    static const struct row rows[] = {
        {"X-Forwarded-For: 192.0.2.7\r\nForwarded: for=\"192.0.2.7:1\"\r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.8\r\n", "bad"},
        {"X-Forwarded-For: unknown\r\nForwarded: for=192.0.2.8\r\n", "bad"},
        {"X-Forwarded-For: 192.0.2.7\r\nForwarded: for=_x\r\n", "bad"},
        {"X-Forwarded-For: 192.0.2.7\r\nForwarded: proto=https\r\n", "bad"},
        {"X-Forwarded-For: unknown\r\nForwarded: for=unknown\r\n", "none"},
    };
    (void)state;
    CHECK(rows, NULL);
}

static void fronts(void **state)
{
    static const struct row rows[] = {
        {"X-Forwarded-For: 192.0.2.7, 10.1.2.3\r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: 127.0.0.1, 192.0.2.7, 10.1.2.3, 10.4.5.6\r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 10.1.2.3\r\n", "192.0.2.7:0"},
        {"X-Forwarded-For: 10.1.2.3, 10.4.5.6\r\n", "10.1.2.3:0"},
        {"X-Forwarded-For: nonsense, 10.1.2.3\r\n", "bad"},
        {"X-Forwarded-For: unknown, 10.1.2.3\r\n", "none"},
        {"Forwarded: for=192.0.2.7, for=10.1.2.3\r\n", "192.0.2.7:0"},
    };
    struct ip_list list = {.n = 0};
    (void)state;
    assert_int_equal(ip_list_add(&list, "10.0.0.0/8"), ERR_OK);
    CHECK(rows, &list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(x_forwarded_for),
                                       cmocka_unit_test(forwarded), cmocka_unit_test(both),
                                       cmocka_unit_test(fronts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
