/* core/http: heads, bodies, credentials. */
#include "core/http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT 4096
#define CRLF "\r\n"
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- splits ---- */

/* How the input is cut: whole, byte by byte, or at random places. */
struct cut {
    enum { WHOLE, BYTES, RANDOM } how;
    unsigned seed;
};

static size_t next_piece(struct cut *cut, size_t left)
{
    size_t n = left;
    if (cut->how == BYTES)
        n = 1;
    else if (cut->how == RANDOM) {
        cut->seed = cut->seed * 1103515245u + 12345u;
        n = 1 + (cut->seed >> 16) % 13;
    }
    return n < left ? n : left;
}

#define N_CUTS 12
static struct cut cut_number(unsigned i)
{
    return i == 0   ? (struct cut){WHOLE, 0}
           : i == 1 ? (struct cut){BYTES, 0}
                    : (struct cut){RANDOM, i};
}

/* A copy of exactly n bytes, so that reading past them is found. */
static uint8_t *exact(const void *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    memcpy(copy, p, n);
    return copy;
}

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

struct request {
    const char *text, *method, *target;
    int minor;
    bool keep_alive;
};

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

/* ---- bodies ---- */

static struct http_body *body_of(bool request, const char *head, bool head_request)
{
    struct http_reader *r = http_reader_new(request ? HTTP_REQUEST : HTTP_RESPONSE, LIMIT);
    assert_int_equal(http_reader_feed(r, (const uint8_t *)head, strlen(head)), strlen(head));
    assert_non_null(http_reader_head(r));
    struct http_body *b = http_body_new(http_reader_head(r), head_request);
    assert_non_null(b);
    http_reader_free(r); /* the body needs it no more */
    return b;
}

static long feed_body(struct http_body *b, const char *text, size_t size, struct cut cut)
{
    size_t at = 0;
    while (at < size) {
        size_t n = next_piece(&cut, size - at);
        uint8_t *piece = exact(text + at, n);
        long took = http_body_feed(b, piece, n);
        free(piece);
        if (took < 0)
            return took;
        at += (size_t)took;
        if ((size_t)took < n) {
            assert_true(http_body_done(b));
            break;
        }
    }
    return (long)at;
}

struct body {
    const char *head, *bytes;
    long belongs; /* how many of the bytes, or an error */
    bool done, request, head_request;
};

#define CHUNKED "HTTP/1.1 200 OK" CRLF "Transfer-Encoding: chunked" CRLF CRLF
#define LENGTH(n) "HTTP/1.1 200 OK" CRLF "Content-Length: " n CRLF CRLF

static void check_body(const struct body *c)
{
    for (unsigned i = 0; i < N_CUTS; i++) {
        struct http_body *b = body_of(c->request, c->head, c->head_request);
        long n = feed_body(b, c->bytes, strlen(c->bytes), cut_number(i));
        if (n != c->belongs || http_body_done(b) != c->done)
            print_error("body \"%s\": %ld, want %ld\n", c->bytes, n, c->belongs);
        assert_int_equal(n, c->belongs);
        assert_int_equal(http_body_done(b), c->done);
        if (c->belongs < 0)
            assert_int_equal(http_body_feed(b, (const uint8_t *)"0", 1), c->belongs);
        if (c->done)
            assert_int_equal(http_body_feed(b, (const uint8_t *)"HTTP", 4), 0);
        http_body_free(b);
    }
}

static void bodies_end_where_they_end(void **state)
{
    (void)state;
    static const struct body cases[] = {
        {.head = LENGTH("5"), .bytes = "helloHTTP/1.1", .belongs = 5, .done = true},
        {.head = LENGTH("5"), .bytes = "hell", .belongs = 4},
        {.head = LENGTH("0"), .bytes = "HTTP", .belongs = 0, .done = true},
        {.head = LENGTH("5"), .bytes = "x", .belongs = 0, .done = true, .head_request = true},
        {.head = "HTTP/1.1 200 OK" CRLF CRLF, .bytes = "to the end", .belongs = 10},
        {.head = "HTTP/1.1 200 OK" CRLF CRLF, .bytes = "x", .done = true, .head_request = true},
        {.head = "HTTP/1.1 200 OK" CRLF "Transfer-Encoding: gzip" CRLF CRLF,
         .bytes = "5" CRLF,
         .belongs = 3},
        {.head = "HTTP/1.1 204 No Content" CRLF "Content-Length: 5" CRLF CRLF,
         .bytes = "x",
         .done = true},
        {.head = "HTTP/1.1 304 Not Modified" CRLF "Transfer-Encoding: chunked" CRLF CRLF,
         .bytes = "x",
         .done = true},
        {.head = "HTTP/1.1 100 Continue" CRLF CRLF, .bytes = "HTTP/1.1 200 OK", .done = true},
        {.head = "HTTP/1.1 101 Switching Protocols" CRLF CRLF, .bytes = "x", .done = true},
        {.head = CHUNKED,
         .bytes = "5" CRLF "hello" CRLF "0" CRLF CRLF "HTTP",
         .belongs = 15,
         .done = true},
        {.head = CHUNKED,
         .bytes = "1" CRLF "\r" CRLF "A;ext=\"1\"" CRLF "0\r\n\r\n56789" CRLF "00" CRLF
                  "Trailer: x" CRLF "Content-Length: 9" CRLF CRLF "yz",
         .belongs = 66,
         .done = true},
        {.head = CHUNKED,
         .bytes = "0005  ;x" CRLF "hello" CRLF "0 " CRLF "A:" CRLF CRLF,
         .belongs = 27,
         .done = true},
        {.head = CHUNKED, .bytes = "5" CRLF "hello" CRLF "0" CRLF, .belongs = 13},
        {.head = CHUNKED, .bytes = "0" CRLF CRLF, .done = true, .head_request = true},
        {.head = "GET / HTTP/1.1" CRLF CRLF, .bytes = "GET /2", .done = true, .request = true},
        {.head = "POST / HTTP/1.1" CRLF "Content-Length: 3" CRLF CRLF,
         .bytes = "abcGET",
         .belongs = 3,
         .done = true,
         .request = true},
        {.head = "POST / HTTP/1.1" CRLF "Transfer-Encoding: chunked" CRLF CRLF,
         .bytes = "3" CRLF "abc" CRLF "0" CRLF CRLF "GET / HTTP/1.1",
         .belongs = 13,
         .done = true,
         .request = true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_body(&cases[i]);
    http_body_free(NULL);
}

static void keep_content(void *owner, const uint8_t *p, size_t n)
{
    assert_true(n > 0);
    assert_true(buf_append(owner, p, n));
}

static void bodies_tell_what_they_consist_of(void **state)
{
    (void)state;
    static const struct {
        const char *head, *bytes, *content;
    } cases[] = {
        {LENGTH("5"), "helloHTTP/1.1", "hello"},
        {LENGTH("0"), "HTTP", ""},
        {"HTTP/1.1 200 OK" CRLF CRLF, "to the end", "to the end"},
        {CHUNKED, "5" CRLF "hello" CRLF "6;x" CRLF " world" CRLF "0" CRLF CRLF "HTTP",
         "hello world"},
        {CHUNKED,
         "2" CRLF CRLF CRLF "9" CRLF "0" CRLF CRLF "0" CRLF "x" CRLF "0" CRLF "A: b" CRLF CRLF,
         CRLF "0" CRLF CRLF "0" CRLF "x"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (unsigned cut = 0; cut < N_CUTS; cut++) {
            struct buf content = {.limit = 100};
            struct http_body *b = body_of(false, cases[i].head, false);
            http_body_tell(b, keep_content, &content);
            assert_true(feed_body(b, cases[i].bytes, strlen(cases[i].bytes), cut_number(cut)) >= 0);
            assert_int_equal(content.size, strlen(cases[i].content));
            assert_true(content.size == 0 ||
                        memcmp(content.data, cases[i].content, content.size) == 0);
            http_body_free(b);
            buf_free(&content);
        }
    }
}

static void broken_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "5\nhello\r\n0\r\n\r\n",
        "5\rXhello\r\n0\r\n\r\n",
        "5\r\nhelloXY0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n",
        "5\r\nhello\r\n0\r\n:x\r\n",
        "5\r\nhello0\r\n\r\n",
        "5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n",
        "5;\rx\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "g\r\n",
        "\r\n",
        " 5\r\nhello\r\n",
        "5 x\r\nhello\r\n",
        "5,\r\nhello\r\n",
        "5\t\r\nhello\r\n",
        "\xb5\r\nhello\r\n",
        "8000000000000000\r\nx",
        "fffffffffffffffff\r\nx",
        "ffffffffffffffff\r\nx",
        "5\r\nhello\r\n0\r\nA: b\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\rc\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\x01\r\n",
        "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
        "0\r\nA: b\r\n c\r\n\r\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\n\n",
        "0\n\r\n",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct body c = {.head = CHUNKED, .bytes = cases[i], .belongs = -ERR_PROTOCOL};
        check_body(&c);
    }
}

static void endless_framing_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *more;
    } cases[] = {{"0" CRLF, "A: b" CRLF}, {"0", "0"}, {"5;", "x"}, {"5" CRLF "hello" CRLF, "0"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_body *b = body_of(false, CHUNKED, false);
        const uint8_t *more = (const uint8_t *)cases[i].more;
        long n = http_body_feed(b, (const uint8_t *)cases[i].begin, strlen(cases[i].begin));
        assert_int_equal(n, strlen(cases[i].begin));
        for (size_t total = 0; n >= 0 && total < 1 << 20; total += strlen(cases[i].more))
            n = http_body_feed(b, more, strlen(cases[i].more));
        assert_int_equal(n, -ERR_PROTOCOL);
        http_body_free(b);
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
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(431), "Request Header Fields Too Large");
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
        cmocka_unit_test(bodies_end_where_they_end),
        cmocka_unit_test(bodies_tell_what_they_consist_of),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(endless_framing_is_refused),
        cmocka_unit_test(basic_credentials),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
