/* HTTP: heads, in any split. */
#include "tests/unit/http_help.h"

/* ---- splits ---- */

/* Feeds text in pieces; returns the bytes taken or the error. */
static long feed_head(struct http_reader *r, const char *text, size_t size, struct cut cut)
{
    size_t at = 0;
    while (at < size) {
        size_t n = next_piece(&cut, size - at);
        uint8_t *piece = exact(text + at, n);
        long took = http_reader_feed(r, piece, n);
        free(piece);
        if (took < 0)
            return took;
        at += (size_t)took;
        if ((size_t)took < n) {
            assert_non_null(http_reader_head(r));
            break;
        }
    }
    return (long)at;
}

/* Parses text in every split, checks that all agree, and returns the reader of the last. */
static struct http_reader *parse(bool request, const char *text, size_t size, size_t limit,
                                 long *result)
{
    struct http_reader *kept = NULL;
    for (unsigned i = 0; i < N_CUTS; i++) {
        struct http_reader *r = http_reader_new(request ? HTTP_REQUEST : HTTP_RESPONSE, limit);
        assert_non_null(r);
        long got = feed_head(r, text, size, cut_number(i));
        if (i > 0) {
            assert_int_equal(got, *result);
            assert_int_equal(http_reader_head(r) != NULL, http_reader_head(kept) != NULL);
        }
        *result = got;
        http_reader_free(kept);
        kept = r;
    }
    return kept;
}

static void assert_span(struct span s, const char *text)
{
    if (!span_is(s, text)) {
        print_error("have \"%.*s\", want \"%s\"\n", (int)s.n, s.p, text);
        fail();
    }
}

/* ---- heads ---- */

static void heads_are_read(void **state)
{
    (void)state;
    static const char text[] =
        "GET /tunnel?local-proxy-mode=source HTTP/1.1" CRLF "Host: 127.0.0.1" CRLF "X-Empty:" CRLF
        "X-Blank: \t " CRLF "x-many:\t a, b ,,c\t" CRLF "X-MANY: d" CRLF
        "X-Latin: caf\xe9 \"q\" (c)" CRLF CRLF "rest";
    long n;
    struct http_reader *r = parse(true, text, sizeof text - 1, LIMIT, &n);
    const struct http_head *h = http_reader_head(r);
    assert_non_null(h);
    assert_int_equal(n, sizeof text - 1 - 4);
    assert_true(h->request && h->keep_alive && !h->chunked);
    assert_span(h->method, "GET");
    assert_span(h->target, "/tunnel?local-proxy-mode=source");
    assert_int_equal(h->minor, 1);
    assert_int_equal(h->content_length, -1);
    assert_int_equal(h->n_headers, 6);
    assert_span(h->headers[0].name, "Host");
    assert_span(http_header(h, "hOST"), "127.0.0.1");
    assert_span(http_header(h, "X-Blank"), "");
    assert_non_null(http_header(h, "X-Blank").p);
    assert_span(http_header(h, "X-Many"), "a, b ,,c");
    assert_span(http_header(h, "X-Latin"), "caf\xe9 \"q\" (c)");
    assert_null(http_header(h, "X-None").p);
    assert_int_equal(http_header_count(h, "x-many"), 2);
    assert_int_equal(http_header_count(h, "X-None"), 0);
    assert_true(http_header_has(h, "X-Many", "B") && http_header_has(h, "X-Many", "d"));
    assert_false(http_header_has(h, "X-Many", "e") || http_header_has(h, "X-None", "a"));
    assert_int_equal(http_reader_feed(r, (const uint8_t *)"more", 4), 0);
    http_reader_free(r);
    http_reader_free(NULL);
}

static void requests_that_real_clients_send(void **state)
{
    (void)state;
    static const struct request cases[] = {
        {"CONNECT SSH1.tunnel:22 HTTP/1.0" CRLF CRLF, "CONNECT", "SSH1.tunnel:22", 0, false},
        {"CONNECT [a_b:c.tunnel]:22 HTTP/1.0" CRLF CRLF, "CONNECT", "[a_b:c.tunnel]:22", 0, false},
        {"GET http://u:p@HTTP1.tunnel/x?y=%20[1]|2 HTTP/1.1" CRLF "Host: HTTP1.tunnel" CRLF
         "Proxy-Connection: Keep-Alive" CRLF CRLF,
         "GET", "http://u:p@HTTP1.tunnel/x?y=%20[1]|2", 1, true},
        {"GET ftp://HTTP1.tunnel/x HTTP/1.1" CRLF "Host: HTTP1.tunnel:21" CRLF CRLF, "GET",
         "ftp://HTTP1.tunnel/x", 1, true},
        {"GET / HTTP/1.0" CRLF "Connection: Keep-Alive" CRLF CRLF, "GET", "/", 0, true},
        {"GET / HTTP/1.0" CRLF "Connection: foo" CRLF "Connection: bar , KEEP-ALIVE" CRLF CRLF,
         "GET", "/", 0, true},
        {"GET / HTTP/1.1" CRLF "Connection: keep-alive, Close" CRLF CRLF, "GET", "/", 1, false},
        {"OPTIONS * HTTP/1.1" CRLF CRLF, "OPTIONS", "*", 1, true},
        {CRLF CRLF "VERSION-CONTROL /a HTTP/1.1" CRLF CRLF, "VERSION-CONTROL", "/a", 1, true},
        {"get / HTTP/1.9" CRLF CRLF, "get", "/", 9, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long n;
        struct http_reader *r = parse(true, cases[i].text, strlen(cases[i].text), LIMIT, &n);
        const struct http_head *h = http_reader_head(r);
        assert_non_null(h);
        assert_int_equal(n, strlen(cases[i].text));
        assert_span(h->method, cases[i].method);
        assert_span(h->target, cases[i].target);
        assert_int_equal(h->minor, cases[i].minor);
        assert_int_equal(h->keep_alive, cases[i].keep_alive);
        http_reader_free(r);
    }
}

struct response {
    const char *text;
    int status;
    const char *reason;
    int64_t length;
    bool chunked;
};

static void responses(void **state)
{
    (void)state;
    static const struct response cases[] = {
        {"HTTP/1.1 101 Switching Protocols" CRLF "Upgrade: websocket" CRLF CRLF, 101,
         "Switching Protocols", -1, false},
        {"HTTP/1.1 200 " CRLF "Content-Length: 9223372036854775807" CRLF CRLF, 200, "", INT64_MAX,
         false},
        {"HTTP/1.1 200" CRLF "Content-Length: 007" CRLF CRLF, 200, "", 7, false},
        {"HTTP/1.0 404 no service \"ssh9\"; have SSH1" CRLF CRLF, 404,
         "no service \"ssh9\"; have SSH1", -1, false},
        {"HTTP/1.1 200 OK" CRLF "transfer-encoding:\tCHUNKED " CRLF CRLF, 200, "OK", -1, true},
        {"HTTP/1.1 200 OK" CRLF "Transfer-Encoding: gzip , chunked" CRLF CRLF, 200, "OK", -1, true},
        {"HTTP/1.1 200 OK" CRLF "Transfer-Encoding: gzip" CRLF CRLF, 200, "OK", -1, false},
        {"HTTP/1.1 200 OK\nServer: tiny\r\nContent-Length: 2\n\n", 200, "OK", 2, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long n;
        struct http_reader *r = parse(false, cases[i].text, strlen(cases[i].text), LIMIT, &n);
        const struct http_head *h = http_reader_head(r);
        assert_non_null(h);
        assert_int_equal(n, strlen(cases[i].text));
        assert_int_equal(h->status, cases[i].status);
        assert_span(h->reason, cases[i].reason);
        assert_int_equal(h->content_length, cases[i].length);
        assert_int_equal(h->chunked, cases[i].chunked);
        http_reader_free(r);
    }
}

/* A text with its length, since some have NULs in them. */
#define TEXT(s) s, sizeof s - 1

#define R "GET / HTTP/1.1" CRLF

#define H "Host: a" CRLF

static void wrong_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {TEXT("GET /" CRLF)}, /* HTTP/0.9 */
        {TEXT("GET / HTTP/2.0" CRLF)},
        {TEXT("GET / HTTP/1.10" CRLF)},
        {TEXT("GET / http/1.1" CRLF)},
        {TEXT("PRI * HTTP/2.0" CRLF CRLF "SM" CRLF CRLF)},
        {TEXT("GET  / HTTP/1.1" CRLF)},
        {TEXT("GET / HTTP/1.1 " CRLF)},
        {TEXT("GET /a b HTTP/1.1" CRLF)},
        {TEXT("GET\t/\tHTTP/1.1" CRLF)},
        {TEXT(" GET / HTTP/1.1" CRLF)},
        {TEXT("G(T / HTTP/1.1" CRLF)},
        {TEXT("GET /\x7f HTTP/1.1" CRLF)},
        {TEXT("G\x80T / HTTP/1.1" CRLF)},
        {TEXT("GET / HTTP/1.1\n" H CRLF)},
        {TEXT("GET / HTTP/1.1\rHost: a" CRLF)},
        {TEXT("\n" R H CRLF)},
        {TEXT("SSH-2.0-OpenSSH_9.2p1 Debian-2" CRLF)},
        {TEXT("\x16\x03\x01\x02\x00\x01")}, /* a TLS hello */
        {TEXT("GET /\0 HTTP/1.1" CRLF)},
        {TEXT(R "Host: a\0b" CRLF CRLF)},
        {TEXT(R "Host: a\x7f" CRLF CRLF)},
        {TEXT(R "Host: a\x1b[0m" CRLF CRLF)},
        {TEXT(R "Host: a\rX: b" CRLF CRLF)},
        {TEXT(R "Host: a\r\r\n" CRLF)},
        {TEXT(R "Host: a\n" CRLF)},
        {TEXT(R H "\n")},
        {TEXT(R "Host : a" CRLF CRLF)},
        {TEXT(R "Host\t: a" CRLF CRLF)},
        {TEXT(R "Ho st: a" CRLF CRLF)},
        {TEXT(R ": a" CRLF CRLF)},
        {TEXT(R "Host" CRLF CRLF)},
        {TEXT(R "H\xf6st: a" CRLF CRLF)},
        {TEXT(R H " folded" CRLF CRLF)},
        {TEXT(R H "\tfolded: x" CRLF CRLF)},
        {TEXT(R " Host: a" CRLF CRLF)},
        {TEXT(R H "host: a" CRLF CRLF)}, /* two Hosts */
        {TEXT(R H "Content-Length: 5" CRLF "Content-Length: 5" CRLF CRLF)},
        {TEXT(R H "Content-Length: 5" CRLF "content-length: 6" CRLF CRLF)},
        {TEXT(R H "Content-Length: 5, 5" CRLF CRLF)},
        {TEXT(R H "Content-Length: -1" CRLF CRLF)},
        {TEXT(R H "Content-Length: +1" CRLF CRLF)},
        {TEXT(R H "Content-Length: 0x10" CRLF CRLF)},
        {TEXT(R H "Content-Length: 1 2" CRLF CRLF)},
        {TEXT(R H "Content-Length:" CRLF CRLF)},
        {TEXT(R H "Content-Length: 9223372036854775808" CRLF CRLF)},
        {TEXT(R H "Content-Length: 99999999999999999999999999" CRLF CRLF)},
        {TEXT(R H "Content-Length: 5" CRLF "Transfer-Encoding: chunked" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: chunked" CRLF "Content-Length: 5" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: chunked" CRLF "Transfer-Encoding: chunked" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: gzip" CRLF "Transfer-Encoding: chunked" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: chunked, chunked" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: chunked, gzip" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: gzip" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: identity" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: xchunked" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: \"chunked\"" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: chunked;q=1" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: chunked," CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: , chunked" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding:" CRLF CRLF)},
        {TEXT(R H "Transfer-Encoding: \x0b"
                  "chunked" CRLF CRLF)},
        {TEXT("POST / HTTP/1.0" CRLF "Transfer-Encoding: chunked" CRLF CRLF)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long n;
        struct http_reader *r = parse(true, cases[i].text, cases[i].size, LIMIT, &n);
        if (n != -ERR_PROTOCOL)
            print_error("case %zu: %s\n", i, cases[i].text);
        assert_int_equal(n, -ERR_PROTOCOL);
        assert_null(http_reader_head(r));
        /* Once wrong, always wrong. */
        assert_int_equal(http_reader_feed(r, (const uint8_t *)R CRLF, 18), -ERR_PROTOCOL);
        http_reader_free(r);
    }
}

static void wrong_responses_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        CRLF "HTTP/1.1 200 OK" CRLF CRLF,
        "ICY 200 OK" CRLF CRLF,
        "HTTP/1.1  200 OK" CRLF CRLF,
        "HTTP/1.1 20 OK" CRLF CRLF,
        "HTTP/1.1 2000 OK" CRLF CRLF,
        "HTTP/1.1 099 OK" CRLF CRLF,
        "HTTP/1.1 -10 OK" CRLF CRLF,
        "HTTP/1.1" CRLF CRLF,
        "HTTP/2 200" CRLF CRLF,
        "HTTP/1.1 200 O\x01K" CRLF CRLF,
        "HTTP/1.1 200 OK" CRLF " folded" CRLF CRLF,
        "HTTP/1.1 200 OK" CRLF "Content-Length: 1" CRLF "Content-Length: 2" CRLF CRLF,
        "HTTP/1.1 200 OK" CRLF "Content-Length: 1" CRLF "Transfer-Encoding: gzip" CRLF CRLF,
        "HTTP/1.1 200 OK" CRLF "Transfer-Encoding: chunked, gzip" CRLF CRLF,
        "HTTP/1.0 200 OK" CRLF "Transfer-Encoding: chunked" CRLF CRLF,
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long n;
        struct http_reader *r = parse(false, cases[i], strlen(cases[i]), LIMIT, &n);
        assert_int_equal(n, -ERR_PROTOCOL);
        http_reader_free(r);
    }
}

static void heads_have_limits(void **state)
{
    (void)state;
    static const char text[] = R H "X: 12345" CRLF CRLF;
    size_t size = sizeof text - 1;
    long n;
    struct http_reader *r = parse(true, text, size, size, &n);
    assert_int_equal(n, size);
    http_reader_free(r);
    r = parse(true, text, size, size - 1, &n);
    assert_int_equal(n, -ERR_TOO_LARGE);
    assert_null(http_reader_head(r));
    http_reader_free(r);
    for (size_t lines = HTTP_MAX_HEADERS; lines <= HTTP_MAX_HEADERS + 1; lines++) {
        struct buf b = {.limit = 65536};
        buf_printf(&b, R);
        for (size_t i = 0; i < lines; i++)
            buf_printf(&b, "x%zu: %zu" CRLF, i, i);
        buf_printf(&b, CRLF);
        r = parse(true, (const char *)b.data, b.size, 65536, &n);
        assert_int_equal(n, lines == HTTP_MAX_HEADERS ? (long)b.size : -ERR_TOO_LARGE);
        if (n > 0)
            assert_span(http_header(http_reader_head(r), "X99"), "99");
        http_reader_free(r);
        buf_free(&b);
    }
}

static void a_megabyte_of_header_costs_no_more_than_the_limit(void **state)
{
    (void)state;
    size_t size = 1 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    memcpy(text, R "X: ", sizeof R + 2);
    long n;
    struct http_reader *r = parse(true, text, size, 16384, &n);
    assert_int_equal(n, -ERR_TOO_LARGE);
    http_reader_free(r);
    free(text);
}

/* Every head cut off anywhere is neither complete nor wrong. */
static void half_a_head_is_not_yet_anything(void **state)
{
    (void)state;
    static const char text[] = R H "Content-Length: 10" CRLF CRLF;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        struct http_reader *r = http_reader_new(HTTP_REQUEST, LIMIT);
        uint8_t *p = exact(text, size);
        assert_int_equal(http_reader_feed(r, p, size), size);
        assert_null(http_reader_head(r));
        free(p);
        http_reader_free(r);
    }
}

/* ---- small things ---- */

static void basic_credentials(void **state)
{
    (void)state;
    static const struct {
        const char *value, *user, *password;
    } cases[] = {
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"}, /* RFC 7617 2 */
        {"bASIC   dXNlcjpwOnc= ", "user", "p:w"},
        {"Basic Og==", "", ""},
        {"Basic dGVzdDoxMjPCow==", "test", "123\xc2\xa3"},
        {"Basic", NULL, NULL},
        {"Basic ", NULL, NULL},
        {"", NULL, NULL},
        {"BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL, NULL},
        {"Digest QWxhZGRpbjpvcGVuIHNlc2FtZQ==", NULL, NULL},
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", NULL, NULL},
        {"Basic QWxhZGRpbjpv cGVuIHNlc2FtZQ==", NULL, NULL},
        {"Basic dXNlcg==", NULL, NULL},     /* no colon */
        {"Basic dXMAZXI6cHc=", NULL, NULL}, /* a NUL in the name */
        {"Basic dXNlcjpwCnc=", NULL, NULL}, /* a line feed in the password */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *user = NULL, *password = NULL;
        bool ok = http_basic(span_of(cases[i].value), &user, &password);
        assert_int_equal(ok, cases[i].user != NULL);
        if (ok) {
            assert_string_equal(user, cases[i].user);
            assert_string_equal(password, cases[i].password);
            free(user);
            free(password);
        }
    }
}

static void reasons(void **state)
{
    (void)state;
    assert_string_equal(http_reason(100), "Continue");
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(431), "Request Header Fields Too Large");
    assert_string_equal(http_reason(511), "Network Authentication Required");
    assert_string_equal(http_reason(599), "Unknown");
    assert_string_equal(http_reason(-1), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_read),
        cmocka_unit_test(requests_that_real_clients_send),
        cmocka_unit_test(responses),
        cmocka_unit_test(wrong_requests_are_refused),
        cmocka_unit_test(wrong_responses_are_refused),
        cmocka_unit_test(heads_have_limits),
        cmocka_unit_test(a_megabyte_of_header_costs_no_more_than_the_limit),
        cmocka_unit_test(half_a_head_is_not_yet_anything),
        cmocka_unit_test(basic_credentials),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
