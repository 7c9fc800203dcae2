/* HTTP: bodies. */
#include "tests/unit/http_help.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_end_where_they_end),
        cmocka_unit_test(bodies_tell_what_they_consist_of),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(endless_framing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
