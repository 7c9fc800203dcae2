/* Which web pages may ask. */
#include "gateway/source/origins.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static bool allowed(const struct origins *o, const char *fields, const char *host)
{
    char text[1000];
    struct names *names = names_new();
    struct http_reader *r = http_reader_new(HTTP_REQUEST, 4096);
    assert_int_equal(names_add_suffix(names, "tunnel"), ERR_OK);
    assert_int_equal(names_add_suffix(names, "t.example"), ERR_OK);
    snprintf(text, sizeof text, "POST http://%s/ HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, host,
             fields);
    assert_true(http_reader_feed(r, (const uint8_t *)text, strlen(text)) > 0);
    assert_non_null(http_reader_head(r));
    bool may = origins_allow(o, names, http_reader_head(r), span_of(host));
    http_reader_free(r);
    names_free(names);
    return may;
}

static const char *const origins[] = {
    "",
    "Origin: http://http1.tunnel\r\n",
    "Origin: https://HTTP1.tunnel:8443\r\n",
    "Origin: http://http2.tunnel\r\n",
    "Origin: http://x.t.example\r\n",
    "Origin: null\r\n",
    "Origin: https://dash.example\r\n",
    "Origin: https://dash.example:444\r\n",
    "Origin: http://tunnel.evil.example\r\n",
    "Origin: http://http1.tunnel.evil.example\r\n",
    "Origin: http://http1.tunnel@evil.example\r\n",
    "Origin: ftp://http1.tunnel\r\n",
    "Origin: http1.tunnel\r\n",
    "Origin: http://http1.tunnel http://evil.example\r\n",
    "Origin: http://http1.tunnel/\r\n",
    "Origin: http://127.0.0.1\r\n",
    "Origin: \r\n",
    "Origin: http://http1.tunnel\r\nOrigin: http://http1.tunnel\r\n",
};
enum { ORIGINS = sizeof origins / sizeof *origins };

/* A letter for each of them: y may, n may not. */
static void lists(void **state)
{
    static const struct {
        const char *list, *may;
    } cases[] = {
        {"any", "yyyyyyyyyyyyyyyyyy"},
        {"tunnel", "yyyyynnnnnnnnnnnnn"},
        {"same", "yyynnnnnnnnnnnnnnn"},
        {"null", "ynnnnynnnnnnnnnnnn"},
        {"https://dash.example", "ynnnnnynnnnnnnnnnn"},
        {"tunnel, null,HTTPS://dash.example:444", "yyyyyynynnnnnnnnnn"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct origins o = {.n = 0};
        assert_int_equal(origins_add(&o, cases[i].list), ERR_OK);
        for (size_t k = 0; k < ORIGINS; k++)
            if (allowed(&o, origins[k], "http1.tunnel") != (cases[i].may[k] == 'y'))
                fail_msg("%s with %s", cases[i].list, origins[k]);
        origins_free(&o);
    }
}

static void the_very_host(void **state)
{
    struct origins o = {.n = 0};
    (void)state;
    assert_int_equal(origins_add(&o, "same"), ERR_OK);
    assert_true(allowed(&o, "Origin: http://http1.tunnel\r\n", "HTTP1.Tunnel."));
    assert_false(allowed(&o, "Origin: http://http1.tunnel\r\n", "http1.plant7.tunnel"));
    origins_free(&o);
}

static void no_lists(void **state)
{
    static const char *const bad[] = {"",           "none",         "tunnel,",
                                      "any,tunnel", "dash.example", "https://",
                                      "https:// x", "https://a/b",  "file://x"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct origins o = {.n = 0};
        enum err why = origins_add(&o, bad[i]);
        if (why != ERR_USAGE && strcmp(bad[i], "tunnel,") != 0)
            fail_msg("\"%s\" is taken", bad[i]);
        origins_free(&o);
    }
    struct origins o = {.n = 0};
    for (size_t i = 0; i < ORIGINS_MAX; i++)
        assert_int_equal(origins_add(&o, "https://dash.example"), ERR_OK);
    assert_int_equal(origins_add(&o, "https://dash.example"), ERR_LIMIT);
    origins_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists), cmocka_unit_test(the_very_host),
                                       cmocka_unit_test(no_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
