/* What proxies answer to CONNECT: core/http, its reader, login and later. */
#include "core/http/http.h"
#include "core/http/later.h"
#include "core/http/login.h"

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
    if (!span_is(s, text))
        fail_msg("have \"%.*s\", want \"%s\"", (int)s.n, s.p, text);
}

#define HEAD_LIMIT 32768

static struct http_reader *reader;

static void begin(void)
{
    http_reader_free(reader);
    reader = http_reader_new(HTTP_PROXY_ANSWER, HEAD_LIMIT);
    assert_non_null(reader);
}

static int end(void **state)
{
    (void)state;
    http_reader_free(reader);
    reader = NULL;
    return 0;
}

/* In pieces of `step` bytes. Returns what the reader says of the last one, or how many of the bytes
 * were taken in all. */
static long feed(const char *text, size_t step)
{
    size_t n = strlen(text), taken = 0;
    begin();
    while (taken < n && http_reader_head(reader) == NULL) {
        size_t left = n - taken, piece = left < step ? left : step;
        long used = http_reader_feed(reader, (const uint8_t *)text + taken, piece);
        if (used < 0)
            return used;
        taken += (size_t)used;
    }
    return (long)taken;
}

/* As proxies in the field give them. What follows the head is the target's. */
static void only_status_and_end_count(void **state)
{
    static const struct {
        const char *head;
        int status;
    } cases[] = {
        {"HTTP/1.1 200 Connection established" CRLF CRLF, 200},
        {"HTTP/1.0 200 OK" CRLF CRLF, 200},
        {"HTTP/1.1 200" CRLF CRLF, 200},
        {"HTTP/1.1  200 two blanks" CRLF CRLF, 200},
        {"HTTP/2 200" CRLF CRLF, 200},
        {"HTTP/1.1 200 OK" CRLF "Content-Length: 0" CRLF CRLF, 200},
        {"HTTP/1.1 200 OK" CRLF "Transfer-Encoding: chunked" CRLF CRLF, 200},
        {"HTTP/1.0 200 OK" CRLF "Transfer-Encoding: chunked" CRLF CRLF, 200},
        {"HTTP/1.1 200 OK" CRLF "Content-Length: 0" CRLF "Content-Length: 9" CRLF CRLF, 200},
        {"HTTP/1.1 200 OK" CRLF "Content-Length: x" CRLF CRLF, 200},
        {"HTTP/1.1 200 OK" CRLF "Proxy Agent: Filter v1" CRLF "no colon" CRLF CRLF, 200},
        {"HTTP/1.1 200 OK" CRLF "X-A: one" CRLF " two" CRLF CRLF, 200},
        {"HTTP/1.0 200 OK\nProxy-agent: old\n\n", 200},
        {"HTTP/1.0 200 OK" CRLF "Mixed: yes\n" CRLF, 200},
        {"HTTP/1.1 100 Continue" CRLF CRLF "HTTP/1.1 200 OK" CRLF CRLF, 200},
        {"HTTP/1.1 102 Processing" CRLF "A: b" CRLF CRLF "HTTP/1.1 403 No" CRLF CRLF, 403},
        {"HTTP/1.1 407 Who" CRLF "Proxy-Authenticate: Basic" CRLF CRLF, 407},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t step = 1; step < 100; step += step < 3 ? 1 : 96) {
            char text[400];
            snprintf(text, sizeof text, "%s\x16\x03tls", cases[i].head);
            assert_int_equal(feed(text, step), strlen(cases[i].head));
            assert_int_equal(http_reader_head(reader)->status, cases[i].status);
        }
}

static void other_protocols_are_told(void **state)
{
    static const char *const cases[] = {
        "SSH-2.0-OpenSSH" CRLF,           "\x05\xff",
        "HTTP/1.1 20 OK" CRLF CRLF,       "HTTP/1.1 2000 OK" CRLF CRLF,
        "HTTP/1.1 abc" CRLF CRLF,         "HTTP/1.1" CRLF CRLF,
        "HTTP/1.1 099 no" CRLF CRLF,      "http/1.1 200 OK" CRLF CRLF,
        CRLF "HTTP/1.1 200 OK" CRLF CRLF,
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (feed(cases[i], 100) != -ERR_PROTOCOL)
            fail_msg("%s", cases[i]);
    char *endless = malloc(HEAD_LIMIT + 100);
    memset(endless, 'x', HEAD_LIMIT + 99);
    memcpy(endless, "HTTP/1.1 200 OK\r\n", 17);
    endless[HEAD_LIMIT + 99] = '\0';
    assert_int_equal(feed(endless, 1000), -ERR_TOO_LARGE);
    free(endless);
}

static void headers_are_found(void **state)
{
    (void)state;
    feed("HTTP/1.1 407 Log in, please" CRLF "proxy-AUTHENTICATE:  one " CRLF "Other: x" CRLF
         "no colon" CRLF "Proxy-Authenticate: two" CRLF "Empty:" CRLF CRLF,
         7);
    const struct http_head *head = http_reader_head(reader);
    assert_span(head->reason, "Log in, please");
    assert_span(http_header(head, "Proxy-Authenticate"), "one");
    assert_int_equal(http_header_count(head, "Proxy-Authenticate"), 2);
    assert_span(http_header(head, "empty"), "");
    assert_non_null(http_header(head, "empty").p);
}

/* More lines than a head has room for are no reason to turn the proxy down. */
static void a_proxy_that_talks_a_lot(void **state)
{
    char text[3000] = "HTTP/1.1 200 OK" CRLF;
    (void)state;
    for (int i = 0; i < 2 * HTTP_MAX_HEADERS; i++)
        strcat(text, "A: b" CRLF);
    strcat(text, CRLF);
    assert_int_equal(feed(text, 1000), strlen(text));
    assert_int_equal(http_reader_head(reader)->n_headers, HTTP_MAX_HEADERS);
}

/* ---- logins ---- */

static struct login choose(const char *lines)
{
    struct login l;
    char text[2000];
    snprintf(text, sizeof text, "HTTP/1.1 407 x" CRLF "%s" CRLF, lines);
    assert_true(feed(text, 1000) > 0);
    assert_int_equal(login_choose(http_reader_head(reader), &l), ERR_OK);
    return l;
}

static void the_best_login_is_chosen(void **state)
{
    static const struct {
        const char *lines;
        enum login_kind kind;
        const char *algorithm, *offered;
    } cases[] = {
        {"", LOGIN_NONE, NULL, ""},
        {"Proxy-Authenticate: Basic realm=\"x\"" CRLF, LOGIN_BASIC, NULL, "Basic"},
        {"Proxy-Authenticate: basic" CRLF, LOGIN_BASIC, NULL, "basic"},
        {"Proxy-Authenticate: Negotiate" CRLF "Proxy-Authenticate: NTLM" CRLF, LOGIN_NONE, NULL,
         "Negotiate, NTLM"},
        {"Proxy-Authenticate: Negotiate YII=, NTLM a+b/c==, Basic realm=\"a, b=\\\"c\\\"\"" CRLF,
         LOGIN_BASIC, NULL, "Negotiate, NTLM, Basic"},
        {"Proxy-Authenticate: Basic realm=x, Digest realm=\"r\", nonce=\"n\"" CRLF, LOGIN_DIGEST,
         NULL, "Basic, Digest"},
        {"Proxy-Authenticate: Digest realm=\"r\",nonce=\"n\",qop=\"auth\",algorithm=MD5" CRLF
         "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int, auth\", "
         "algorithm=sha-256" CRLF,
         LOGIN_DIGEST, "SHA-256", "Digest"},
        {"Proxy-Authenticate: Digest realm=r, nonce=n, algorithm=SHA-512-256, qop=auth" CRLF,
         LOGIN_NONE, NULL, "Digest"},
        {"Proxy-Authenticate: Digest realm=r, nonce=n, qop=auth-int" CRLF
         "Proxy-Authenticate: Basic" CRLF,
         LOGIN_BASIC, NULL, "Digest, Basic"},
        {"Proxy-Authenticate: Digest realm=\"r\"" CRLF, LOGIN_NONE, NULL, "Digest"},
        {"Proxy-Authenticate: Digest realm=\"never closed, nonce=n" CRLF, LOGIN_NONE, NULL,
         "Digest"},
        {"Proxy-Authenticate: ;;;\"\"= ,,," CRLF, LOGIN_NONE, NULL, ""},
        {"Proxy-Authenticate: B\x1b[2Jad x" CRLF, LOGIN_NONE, NULL, "B, 2Jad"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct login l = choose(cases[i].lines);
        if (l.kind != cases[i].kind || strcmp(l.offered, cases[i].offered) != 0)
            fail_msg("%s: %d, \"%s\"", cases[i].lines, l.kind, l.offered);
        assert_int_equal(l.algorithm != NULL, cases[i].algorithm != NULL);
        if (l.algorithm != NULL)
            assert_string_equal(l.algorithm, cases[i].algorithm);
        login_free(&l);
    }
}

static void assert_login(const char *line, const struct login_as *as, const char *wanted)
{
    char lines[600];
    struct buf out = {.limit = 2000};
    snprintf(lines, sizeof lines, "Proxy-Authenticate: %s" CRLF, line);
    struct login l = choose(lines);
    assert_int_equal(l.kind, LOGIN_DIGEST);
    assert_true(login_digest(&l, as, &out));
    assert_span((struct span){(char *)out.data, out.size}, wanted);
    buf_free(&out);
    login_free(&l);
}

#define SESS "7214ee54ef3591e8d8c1e3e968a6f4d1"
#define USERHASH "1d8a03a6e21a4ce775060ea57360329ac750dea5d847297b42f0d46539af8ab2"
#define RESPONSE "4c1d2983e1b4e8e2f4f46dbf28bd37382b56670d0216730b76a8a8aef19b2387"

/* RFC 7616 3.9.1, and RFC 2069 with the answer of its erratum; the others by Python's hashlib. */
static void digests_are_right(void **state)
{
    static const struct login_as rfc = {
        .user = "Mufasa",
        .password = "Circle of Life",
        .method = "GET",
        .uri = "/dir/index.html",
        .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    };
#define SENT                                                                                       \
    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", "                                \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", "
#define REST                                                                                       \
    ", qop=auth, nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "           \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
#define ASKED(algorithm)                                                                           \
    "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=" algorithm         \
    ", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "                                   \
    "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    (void)state;
    assert_login(ASKED("MD5"), &rfc,
                 SENT "response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5" REST);
    assert_login(ASKED("SHA-256"), &rfc,
                 SENT
                 "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""
                 ", algorithm=SHA-256" REST);
    struct login_as old = rfc;
    old.password = "CircleOfLife";
    assert_login("Digest realm=\"testrealm@host.com\", "
                 "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
                 &old,
                 "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
                 "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
                 "response=\"1949323746fe6a43ef61f9606e7febea\"");
    const struct login_as us = {
        .user = "u", .password = "p", .method = "CONNECT", .uri = "h:443", .cnonce = "c"};
    assert_login("Digest realm=r, nonce=n, qop=auth, algorithm=MD5-sess", &us,
                 "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"h:443\", response=\"" SESS
                 "\", algorithm=MD5-sess, qop=auth, nc=00000001, cnonce=\"c\"");
    assert_login("Digest realm=r, nonce=n, qop=auth, algorithm=SHA-256, userhash=true", &us,
                 "Digest username=\"" USERHASH "\", realm=\"r\", nonce=\"n\", uri=\"h:443\", "
                 "response=\"" RESPONSE "\", algorithm=SHA-256, qop=auth, nc=00000001, "
                 "cnonce=\"c\", userhash=true");
}

static void basic_is_right(void **state)
{
    struct buf out = {.limit = 100};
    (void)state;
    assert_true(
        login_basic(&(struct login_as){.user = "Aladdin", .password = "open sesame"}, &out));
    assert_span((struct span){(char *)out.data, out.size}, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    buf_free(&out);
}

static void a_stale_nonce_is_told(void **state)
{
    struct login l = choose("Proxy-Authenticate: Digest realm=r, nonce=n, stale=TRUE" CRLF);
    (void)state;
    assert_true(l.stale);
    login_free(&l);
    l = choose("Proxy-Authenticate: Digest realm=r, nonce=n, stale=\"false\"" CRLF);
    assert_false(l.stale);
    login_free(&l);
}

/* ---- Retry-After ---- */

static void later_is_read(void **state)
{
    static const int64_t now = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0", 0},
        {"120", 120000},
        {"31536000", 31536000000},
        {"99999999999", -1},
        {"-1", -1},
        {"1.5", -1},
        {"", -1},
        {"soon", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:37 GMT", 60000},
        {"Sun, 06 Nov 1994 07:00:00 GMT", 0},
        {"Mon, 07 Nov 1994 08:49:37 GMT", 86400000},
        {"Sun, 06 Nov 1994 08:50:37 GMT x", -1},
        {"Sun, 06 Nov 1994 08:50:37 CET", -1},
        {"Sun, 06 ovD 1994 08:50:37 GMT", -1},
        {"Sunday, 06-Nov-94 08:49:37 GMT", -1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (http_later(span_of(cases[i].text), now) != cases[i].ms)
            fail_msg("\"%s\"", cases[i].text);
    assert_int_equal(http_later((struct span){NULL, 0}, now), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_status_and_end_count),
        cmocka_unit_test(other_protocols_are_told),
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(a_proxy_that_talks_a_lot),
        cmocka_unit_test(the_best_login_is_chosen),
        cmocka_unit_test(digests_are_right),
        cmocka_unit_test(basic_is_right),
        cmocka_unit_test(a_stale_nonce_is_told),
        cmocka_unit_test(later_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
