/* core/http/upstream: web proxies, by URL and by environment. */
#include "core/base/str.h"
#include "core/http/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CRLF "\r\n"
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void assert_span(struct span s, const char *text)
{
    if (!span_is(s, text)) {
        print_error("have \"%.*s\", want \"%s\"\n", (int)s.n, s.p, text);
        fail();
    }
}

static void proxy_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum upstream_kind kind;
        const char *host;
        int port;
        const char *user, *password;
    } cases[] = {
        {"proxy", UPSTREAM_HTTP, "proxy", 3128, NULL, NULL},
        {"http://proxy", UPSTREAM_HTTP, "proxy", 3128, NULL, NULL},
        {"HTTP://proxy.example.com:8080/", UPSTREAM_HTTP, "proxy.example.com", 8080, NULL, NULL},
        {"https://user:pass@10.0.0.1:443", UPSTREAM_HTTPS, "10.0.0.1", 443, "user", "pass"},
        {"http://[::1]", UPSTREAM_HTTP, "::1", 3128, NULL, NULL},
        {"u@[fe80::1%25eth0]:99/", UPSTREAM_HTTP, "fe80::1%25eth0", 99, "u", ""},
        {"http://us%45r:p%40%3a%2F%25@h", UPSTREAM_HTTP, "h", 3128, "usEr", "p@:/%"},
        {"http://u:p@w@h:1", UPSTREAM_HTTP, "h", 1, "u", "p@w"},
        {"http://u:p:w@h:65535", UPSTREAM_HTTP, "h", 65535, "u", "p:w"},
        {"http://@h", UPSTREAM_HTTP, "h", 3128, NULL, NULL},
        {"http://:p@h", UPSTREAM_HTTP, "h", 3128, "", "p"},
        {"http://u:100%sure@h", UPSTREAM_HTTP, "h", 3128, "u", "100%sure"},
        {"http://u:%zz%4@h", UPSTREAM_HTTP, "h", 3128, "u", "%zz%4"},
        {"http://u:%@h", UPSTREAM_HTTP, "h", 3128, "u", "%"},
        {"http://u:p#w/d?@h/path", UPSTREAM_HTTP, "h", 3128, "u", "p#w/d?"},
        {" http://h:1/\t", UPSTREAM_HTTP, "h", 1, NULL, NULL},
        {"http://h/path?q#f", UPSTREAM_HTTP, "h", 3128, NULL, NULL},
        {"socks5://h", UPSTREAM_SOCKS5, "h", 1080, NULL, NULL},
        {"SOCKS5H://u:p@[::1]:9050", UPSTREAM_SOCKS5H, "::1", 9050, "u", "p"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct upstream u;
        if (upstream_parse(cases[i].url, &u) != ERR_OK)
            fail_msg("%s", cases[i].url);
        assert_int_equal(u.kind, cases[i].kind);
        assert_string_equal(u.host, cases[i].host);
        assert_int_equal(u.port, cases[i].port);
        assert_int_equal(u.user != NULL, cases[i].user != NULL);
        if (u.user != NULL) {
            assert_string_equal(u.user, cases[i].user);
            assert_string_equal(u.password, cases[i].password);
        }
        upstream_free(&u);
        assert_null(u.host);
    }
}

static void wrong_proxy_urls(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "http://",
        "http:/h",
        "http://h:",
        "http://h:0",
        "http://h:65536",
        "http://h:12a",
        "http://h:-1",
        "[::1",
        "http://[::1]x:1",
        "http://[]:1",
        "http://[::1]:",
        "http://a b",
        "http://u:%00@h",
        "http://u%0d:p@h",
        "http://h\r\nX: y",
        "http://u%3a:p@h",
        "http://u:p\n@h",
        "http://u:p@",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct upstream u;
        if (upstream_parse(cases[i], &u) != ERR_USAGE)
            fail_msg("%s", cases[i]);
        assert_null(u.host);
        assert_null(u.user);
        assert_null(u.password);
    }
    struct upstream u;
    static const char *const foreign[] = {"ftp://h:1", "socks4://h", "socks4a://h", "quic://h:1"};
    for (size_t i = 0; i < COUNT(foreign); i++)
        assert_int_equal(upstream_parse(foreign[i], &u), ERR_UNSUPPORTED);
    assert_non_null(strstr(upstream_wrong(ERR_UNSUPPORTED), "socks5h"));
    assert_int_equal(upstream_parse(NULL, &u), ERR_USAGE);
}

static void exceptions(void **state)
{
    (void)state;
    static const struct {
        const char *list, *host;
        int port;
        bool excepted;
    } cases[] = {
        {NULL, "a.b", 443, false},
        {"", "a.b", 443, false},
        {" , ,", "a.b", 443, false},
        {"*", "a.b", 443, true},
        {"x, *", "10.1.2.3", 443, true},
        {"*:80", "a.b", 443, false},
        {"A.B", "a.b", 443, true},
        {"a.b.", "a.b", 443, true},
        {"a.b", "a.b.", 443, true},
        {"x ,\ta.b", "a.b", 443, true},
        {"b", "a.b", 443, true},
        {".b", "a.b", 443, true},
        {".a.b", "a.b", 443, true},
        {"*.b", "a.b", 443, true},
        {"b", "ab", 443, false},
        {".b", "ab", 443, false},
        {"a.b.c", "b.c", 443, false},
        {"a.b:443", "a.b", 443, true},
        {"a.b:443", "a.b", 444, false},
        {"a.b:x", "a.b", 443, false},
        {"a.b:", "a.b", 443, false},
        {":443", "a.b", 443, false},
        {"a b", "a", 443, false},
        {"10.0.0.1", "10.0.0.1", 443, true},
        {"10.0.0.1:443", "10.0.0.1", 443, true},
        {"10.0.0.1:80", "10.0.0.1", 443, false},
        {"10.0.0.0/8", "10.255.0.1", 443, true},
        {"10.0.0.0/8:443", "10.255.0.1", 443, true},
        {"10.0.0.0/8", "11.0.0.1", 443, false},
        {"10.0.0.0/9", "10.128.0.1", 443, false},
        {"10.128.0.0/9", "10.128.0.1", 443, true},
        {"0.0.0.0/0", "192.0.2.1", 443, true},
        {"0.0.0.0/0", "::1", 443, false},
        {"10.0.0.0/33", "10.0.0.0", 443, false},
        {"10.0.0.0/", "10.0.0.0", 443, false},
        {"10.0.0.0/8", "10.example", 443, false},
        {"0.1", "10.0.0.1", 443, false},
        {"::1", "::1", 443, true},
        {"[::1]", "::1", 443, true},
        {"[::1]:443", "::1", 443, true},
        {"[::1]:80", "::1", 443, false},
        {"fd00::/8", "fdab::1", 443, true},
        {"fd00::/8", "fe80::1", 443, false},
        {"2001:db8::/32", "2001:0DB8:1::", 443, true},
        {"[", "::1", 443, false},
        {":", "a", 443, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (upstream_excepted(cases[i].list, cases[i].host, cases[i].port) != cases[i].excepted)
            fail_msg("\"%s\" and %s:%d", cases[i].list != NULL ? cases[i].list : "", cases[i].host,
                     cases[i].port);
}

static const char *const *environment; /* name, value, name, value, …, NULL */

static const char *get(const char *name)
{
    for (const char *const *p = environment; *p != NULL; p += 2)
        if (strcmp(p[0], name) == 0)
            return p[1];
    return NULL;
}

static void proxies_from_the_environment(void **state)
{
    (void)state;
    static const struct {
        const char *vars[9], *result;
    } cases[] = {
        {{NULL}, NULL},
        {{"https_proxy", "1", "HTTPS_PROXY", "2", "http_proxy", "3", NULL}, "1"},
        {{"HTTPS_PROXY", "2", "http_proxy", "3", "HTTP_PROXY", "4", NULL}, "2"},
        {{"https_proxy", "", "http_proxy", "3", "HTTP_PROXY", "4", NULL}, "3"},
        {{"HTTP_PROXY", "4", "ALL_PROXY", "5", NULL}, "4"},
        {{"ALL_PROXY", "5", NULL}, "5"},
        {{"ALL_PROXY", "5", "all_proxy", "6", NULL}, "6"},
        {{"all_proxy", "6", "no_proxy", "hub.example", NULL}, NULL},
        {{"https_proxy", "1", "no_proxy", "hub.example", NULL}, NULL},
        {{"https_proxy", "1", "NO_PROXY", "example", NULL}, NULL},
        {{"https_proxy", "1", "no_proxy", "other", "NO_PROXY", "*", NULL}, "1"},
        {{"https_proxy", "1", "no_proxy", "hub.example:80", NULL}, "1"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        environment = cases[i].vars;
        const char *found = upstream_from_env("hub.example", 443, get);
        assert_int_equal(found != NULL, cases[i].result != NULL);
        if (found != NULL)
            assert_string_equal(found, cases[i].result);
    }
}

static void connect_requests(void **state)
{
    char target[300];
    struct buf b = {.limit = 1024}, small = {.limit = 20};
    (void)state;
    assert_true(upstream_target("hub.example", 443, target, sizeof target));
    assert_true(upstream_request(target, "Basic eA==", &b));
    assert_span((struct span){(char *)b.data, b.size},
                "CONNECT hub.example:443 HTTP/1.1" CRLF "Host: hub.example:443" CRLF
                "Proxy-Authorization: Basic eA==" CRLF CRLF);
    buf_free(&b);
    assert_true(upstream_target("2001:db8::1", 8443, target, sizeof target));
    assert_true(upstream_request(target, NULL, &b));
    assert_span((struct span){(char *)b.data, b.size},
                "CONNECT [2001:db8::1]:8443 HTTP/1.1" CRLF "Host: [2001:db8::1]:8443" CRLF CRLF);
    assert_false(upstream_request(target, NULL, &small));
    assert_int_equal(small.size, 0);
    buf_free(&b);
    assert_false(upstream_target("evil\r\nX: y", 443, target, sizeof target));
    assert_false(upstream_target("", 443, target, sizeof target));
    assert_false(upstream_target("hub.example", 443, target, 15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proxy_urls),       cmocka_unit_test(wrong_proxy_urls),
        cmocka_unit_test(exceptions),       cmocka_unit_test(proxies_from_the_environment),
        cmocka_unit_test(connect_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
