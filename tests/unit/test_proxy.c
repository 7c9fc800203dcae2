#include "gateway/source/exchange.h"
#include "gateway/source/inbound_http_internal.h"
#include "gateway/source/pages.h"
#include "gateway/source/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Feeds a head in pieces of `cut` bytes; NULL when the reader refuses it. */
static struct http_reader *read_head(const char *text, size_t cut)
{
    struct http_reader *r = http_reader_new(HTTP_REQUEST, PROXY_HEAD_MAX);
    assert_non_null(r);
    size_t n = strlen(text), used = 0;
    while (used < n && http_reader_head(r) == NULL) {
        size_t piece = n - used < cut ? n - used : cut;
        long took = http_reader_feed(r, (const uint8_t *)text + used, piece);
        if (took < 0) {
            http_reader_free(r);
            return NULL;
        }
        used += (size_t)took;
    }
    if (http_reader_head(r) == NULL)
        fail_msg("not a complete head: %s", text);
    return r;
}

struct decided {
    struct proxy_request request;
    struct http_reader *reader; /* NULL: the reader refused it */
};

static struct decided decide(const char *text)
{
    struct decided d = {.reader = read_head(text, 1 + strlen(text) % 7)};
    if (d.reader != NULL)
        proxy_decide(http_reader_head(d.reader), &d.request);
    return d;
}

static void expect(const char *text, enum proxy_kind kind, const char *host, int port)
{
    struct decided d = decide(text);
    assert_non_null(d.reader);
    if (d.request.kind != kind)
        fail_msg("%s gives %d %s", text, (int)d.request.kind,
                 d.request.text != NULL ? d.request.text : "");
    assert_string_equal(d.request.host, host);
    assert_int_equal(d.request.port, port);
    http_reader_free(d.reader);
}

/* Refused by the reader or by us, with a status of the 400s or 501. */
static void expect_refused(const char *text, int status)
{
    struct decided d = decide(text);
    if (d.reader == NULL) {
        assert_int_equal(status, 400);
        return;
    }
    if (d.request.kind != PROXY_REFUSE || d.request.status != status)
        fail_msg("%s gives %d %d", text, (int)d.request.kind, d.request.status);
    assert_non_null(d.request.text);
    http_reader_free(d.reader);
}

static void connects(void **state)
{
    (void)state;
    expect("CONNECT SSH1.tunnel:22 HTTP/1.0\r\n\r\n", PROXY_CONNECT, "SSH1.tunnel", 22);
    expect("CONNECT SSH1.tunnel:22 HTTP/1.1\r\nHost: SSH1.tunnel:22\r\n\r\n", PROXY_CONNECT,
           "SSH1.tunnel", 22);
    expect("CONNECT [a_b:c.tunnel]:22 HTTP/1.0\r\n\r\n", PROXY_CONNECT, "a_b:c.tunnel", 22);
    expect("CONNECT [::1]:22 HTTP/1.0\r\n\r\n", PROXY_CONNECT, "::1", 22);
    expect("CONNECT h.tunnel:443 HTTP/1.1\r\nHost: other:1\r\nContent-Length: 0\r\n\r\n",
           PROXY_CONNECT, "h.tunnel", 443);
}

static void bad_connects(void **state)
{
    (void)state;
    expect_refused("CONNECT http://h.tunnel/ HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_refused("CONNECT /path HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_refused("CONNECT u@h.tunnel:22 HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_refused("CONNECT h.tunnel:99999 HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_refused("CONNECT [h.tunnel HTTP/1.1\r\nHost: h\r\n\r\n", 400);
    expect_refused("CONNECT h.tunnel:22 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", 400);
    expect_refused("CONNECT h.tunnel:22 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                   400);
    char text[400];
    snprintf(text, sizeof text, "CONNECT %0*d:22 HTTP/1.0\r\n\r\n", 256, 1);
    expect_refused(text, 400);
    snprintf(text, sizeof text, "CONNECT %0*d:22 HTTP/1.0\r\n\r\n", 255, 1);
    struct decided d = decide(text);
    assert_non_null(d.reader);
    assert_int_equal(d.request.kind, PROXY_CONNECT);
    assert_int_equal(strlen(d.request.host), 255);
    http_reader_free(d.reader);
}

static void forwards(void **state)
{
    (void)state;
    expect("GET http://HTTP1.tunnel/x HTTP/1.1\r\nHost: HTTP1.tunnel\r\n\r\n", PROXY_FORWARD,
           "HTTP1.tunnel", 0);
    expect("GET HTTP://http1.tunnel:8080/x HTTP/1.1\r\nHost: a\r\n\r\n", PROXY_FORWARD,
           "http1.tunnel", 8080);
    expect("GET http://http1.tunnel HTTP/1.0\r\n\r\n", PROXY_FORWARD, "http1.tunnel", 0);
    expect_refused("GET https://http1.tunnel/ HTTP/1.1\r\nHost: http1.tunnel\r\n\r\n", 501);
    expect_refused("GET ftp://http1.tunnel/ HTTP/1.1\r\nHost: http1.tunnel:21\r\n\r\n", 501);
    expect_refused("GET http://u:p@http1.tunnel/ HTTP/1.1\r\nHost: http1.tunnel\r\n\r\n", 400);
    expect_refused("GET http:///x HTTP/1.1\r\nHost: http1.tunnel\r\n\r\n", 400);
    expect_refused("GET http://h.tunnel/#f HTTP/1.1\r\nHost: http1.tunnel\r\n\r\n", 400);
    expect_refused("GET http://h.tunnel/x HTTP/1.1\r\n\r\n", 400);
    expect_refused("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400);
}

static void own_pages(void **state)
{
    (void)state;
    struct decided d = decide("GET /proxy.pac?x=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert_int_equal(d.request.kind, PROXY_PAGE);
    assert_true(span_is(d.request.path, "/proxy.pac"));
    http_reader_free(d.reader);
    expect_refused("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405);
}

/* What two servers could read differently never gets past us. */
static void smuggling(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Host: other\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Connection: close, Content-Length\r\nContent-Length: 5\r\n",
        "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
        "Connection: Host\r\n",
        "Proxy-Connection: content-length\r\nContent-Length: 5\r\n",
        "X: a\r\n b\r\n",
        "X: a\rY: b\r\n",
        "X\r\n",
        ": x\r\n",
        "X y: z\r\n",
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char text[600];
        snprintf(text, sizeof text, "POST http://h.tunnel/ HTTP/1.1\r\nHost: h.tunnel\r\n%s\r\n",
                 fields[i]);
        expect_refused(text, 400);
    }
    expect_refused("POST http://h.tunnel/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
    expect_refused("GET http://h.tunnel/ HTTP/0.9\r\nHost: h\r\n\r\n", 400);
    expect_refused("GET http://h.tunnel/ HTTP/2.0\r\nHost: h\r\n\r\n", 400);
    expect_refused("GET http://h.tunnel/ a HTTP/1.1\r\nHost: h\r\n\r\n", 400);
}

static void rewrites_to(const char *from, const char *to)
{
    struct decided d = decide(from);
    struct buf out = {.limit = 65536};
    assert_non_null(d.reader);
    assert_int_equal(d.request.kind, PROXY_FORWARD);
    assert_true(proxy_rewrite(http_reader_head(d.reader), &d.request, &out));
    assert_true(buf_append(&out, "", 1));
    assert_string_equal((const char *)out.data, to);
    buf_free(&out);
    http_reader_free(d.reader);
}

static void rewriting(void **state)
{
    (void)state;
    rewrites_to("GET http://h.tunnel/f\xc3\xbcr?\xfc HTTP/1.0\r\n\r\n",
                "GET /f\xc3\xbcr?\xfc HTTP/1.0\r\nHost: h.tunnel\r\nConnection: close\r\n\r\n");
    rewrites_to("GET ws://h.tunnel/x HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"
                "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: k\r\n\r\n",
                "GET /x HTTP/1.1\r\nHost: h.tunnel\r\nSec-WebSocket-Key: k\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    rewrites_to("POST http://h.tunnel/exec HTTP/1.1\r\nHost: h\r\nUpgrade: tcp\r\n"
                "Connection: Upgrade\r\nContent-Length: 2\r\n\r\n",
                "POST /exec HTTP/1.1\r\nHost: h.tunnel\r\nContent-Length: 2\r\n"
                "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    rewrites_to("GET http://h.tunnel/ HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"
                "Connection: Upgrade, HTTP2-Settings\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: h.tunnel\r\nConnection: close\r\n\r\n");
    rewrites_to("GET http://http1.tunnel/x?y=1 HTTP/1.1\r\nHost: evil\r\nUser-Agent: a  b\r\n"
                "Proxy-Connection: Keep-Alive\r\nProxy-Authorization: Basic eDp5\r\n\r\n",
                "GET /x?y=1 HTTP/1.1\r\nHost: http1.tunnel\r\nUser-Agent: a  b\r\n"
                "Connection: close\r\n\r\n");
    rewrites_to("GET http://h.tunnel:81 HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.0\r\nHost: h.tunnel:81\r\nConnection: close\r\n\r\n");
    rewrites_to("GET http://h.tunnel?a HTTP/1.0\r\n\r\n",
                "GET /?a HTTP/1.0\r\nHost: h.tunnel\r\nConnection: close\r\n\r\n");
    rewrites_to("OPTIONS http://h.tunnel HTTP/1.0\r\n\r\n",
                "OPTIONS * HTTP/1.0\r\nHost: h.tunnel\r\nConnection: close\r\n\r\n");
    rewrites_to(
        "GET http://h.tunnel/ HTTP/1.1\r\nHost: h\r\nconnection: X-One, keep-alive , x-two\r\n"
        "X-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
        "Upgrade: websocket\r\nProxy-Anything: 1\r\nConnection: x-three\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h.tunnel\r\nConnection: close\r\n\r\n");
    rewrites_to("POST http://h.tunnel/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                "Cookie: a=b; c=d\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h.tunnel\r\nTransfer-Encoding: chunked\r\n"
                "Cookie: a=b; c=d\r\nConnection: close\r\n\r\n");
}

static char *answer(const struct proxy_answer *a)
{
    struct buf out = {.limit = 65536};
    assert_true(proxy_answer_write(a, &out));
    assert_true(buf_append(&out, "", 1));
    char *text = span_dup(span_of((const char *)out.data));
    assert_non_null(text);
    buf_free(&out);
    return text;
}

static void answers(void **state)
{
    (void)state;
    char *text = answer(&(struct proxy_answer){
        .status = 404, .reason = "no service \"<x>\r\nSet-Cookie: a\x80", .error = "no-service"});
    assert_int_equal(
        strncmp(text, "HTTP/1.1 404 no service \"<x>\\x0d\\x0aSet-Cookie: a\\x80\r\n", 55), 0);
    assert_non_null(strstr(text, "\r\nX-Tunnel-Error: no-service; no service \"<x>\\x0d\\x0aSet"));
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(text, "no service &quot;&lt;x&gt;"));
    assert_null(strstr(text, "\r\nSet-Cookie"));
    free(text);

    text = answer(&(struct proxy_answer){.status = 407, .reason = "password"});
    assert_non_null(strstr(text, "\r\nProxy-Authenticate: Basic realm="));
    free(text);
    text = answer(&(struct proxy_answer){.status = 503, .retry_after = 5, .head = true});
    assert_non_null(strstr(text, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_non_null(strstr(text, "\r\nRetry-After: 5\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    free(text);

    char reason[1000];
    memset(reason, 'a', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    text = answer(&(struct proxy_answer){.status = 400, .reason = reason, .error = "protocol"});
    assert_true(strstr(text, "\r\n") - text < 220);
    free(text);
}

/* The refusals in every protocol are what its clients understand. */
static void replies(void **state)
{
    (void)state;
    struct buf out = {.limit = 65536};
    assert_true(inbound_reply_socks5.answer(ERR_FORBIDDEN, "x", &out));
    assert_int_equal(out.size, 10);
    assert_int_equal(out.data[1], 2);
    buf_free(&out);
    assert_true(inbound_reply_socks4.answer(ERR_FORBIDDEN, "x", &out));
    assert_int_equal(out.size, 8);
    assert_int_equal(out.data[1], 91);
    buf_free(&out);
    assert_true(inbound_reply_connect.answer(ERR_OK, "", &out));
    assert_memory_equal(out.data, "HTTP/1.1 200 ", 13);
    buf_free(&out);
    assert_true(inbound_reply_forward.answer(ERR_OK, "", &out));
    assert_int_equal(out.size, 0);
    for (int why = 1; why < ERR_COUNT; why++) {
        assert_true(inbound_reply_connect.answer((enum err)why, err_text((enum err)why), &out));
        assert_memory_equal(out.data, "HTTP/1.1 ", 9);
        assert_in_range(out.data[9], '4', '5');
        buf_free(&out);
    }
}

/* ---- one exchange ---- */

/* How many of the bytes behind the head belong to the request, fed in pieces. */
static size_t request_body(const char *head, const char *rest, size_t cut)
{
    struct http_reader *r = read_head(head, strlen(head));
    assert_non_null(r);
    struct exchange *e = exchange_new(http_reader_head(r));
    http_reader_free(r);
    assert_non_null(e);
    size_t n = strlen(rest), total = 0;
    for (size_t at = 0; at < n; at += cut) {
        size_t piece = n - at < cut ? n - at : cut;
        size_t belongs = exchange_up(e, (const uint8_t *)rest + at, piece);
        total += belongs;
        if (belongs < piece)
            break;
    }
    assert_int_equal(exchange_up(e, (const uint8_t *)"GET", 3), 0);
    assert_true(exchange_request_done(e));
    exchange_free(e);
    return total;
}

static void nothing_behind_the_request(void **state)
{
    (void)state;
    const char *get = "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n";
    const char *post = "POST http://h/ HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n";
    const char *chunked =
        "POST http://h/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const char *next = "GET /secret HTTP/1.1\r\n\r\n";
    char rest[200];
    for (size_t cut = 1; cut < 40; cut++) {
        assert_int_equal(request_body(get, next, cut), 0);
        snprintf(rest, sizeof rest, "hello%s", next);
        assert_int_equal(request_body(post, rest, cut), 5);
        snprintf(rest, sizeof rest, "3\r\nabc\r\n0\r\n\r\n%s", next);
        assert_int_equal(request_body(chunked, rest, cut), 13);
    }
    assert_true(request_body(chunked, "zz\r\nabc", 7) < 7);
}

/* What the client sends behind an upgrade passes once the service has agreed, and not before. */
static void upgrades(void **state)
{
    static const struct {
        const char *request, *response;
        bool passes;
    } cases[] = {
        {"Upgrade: websocket\r\nConnection: Upgrade\r\n", "HTTP/1.1 101 S\r\n\r\n", true},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\n",
         "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\nframes", true},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\n", "HTTP/1.1 101 S\r\n", false},
        {"Upgrade: websocket\r\nConnection: Upgrade\r\n",
         "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", false},
        {"Upgrade: h2c\r\nConnection: Upgrade\r\n", "HTTP/1.1 101 S\r\n\r\n", false},
        {"", "HTTP/1.1 101 S\r\n\r\n", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char head[300];
        struct conn_insert insert = {0};
        snprintf(head, sizeof head, "GET http://h/ HTTP/1.1\r\nHost: h\r\n%s\r\n",
                 cases[i].request);
        struct http_reader *r = read_head(head, strlen(head));
        struct exchange *e = exchange_new(http_reader_head(r));
        http_reader_free(r);
        assert_int_equal(exchange_up(e, (const uint8_t *)"frame", 5), 0);
        assert_true(exchange_down(e, (const uint8_t *)cases[i].response, strlen(cases[i].response),
                                  &insert));
        assert_int_equal(exchange_up(e, (const uint8_t *)"frame", 5), cases[i].passes ? 5 : 0);
        if (cases[i].passes)
            assert_int_equal(insert.text.n, 0);
        exchange_free(e);
    }
}

static char passed[4096]; /* what the client gets */
static size_t passed_size;

static void append(const char *p, size_t n)
{
    assert_true(passed_size + n <= sizeof passed);
    if (n > 0)
        memcpy(passed + passed_size, p, n);
    passed_size += n;
}

/* After how many bytes the response ends; 0: only with the connection. */
static size_t response_end(const char *method, const char *text, size_t cut)
{
    char head[100];
    snprintf(head, sizeof head, "%s http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", method);
    struct http_reader *r = read_head(head, strlen(head));
    assert_non_null(r);
    struct exchange *e = exchange_new(http_reader_head(r));
    http_reader_free(r);
    size_t n = strlen(text), end = 0;
    passed_size = 0;
    for (size_t at = 0; at < n && end == 0; at += cut) {
        size_t piece = n - at < cut ? n - at : cut;
        struct conn_insert insert = {0};
        if (!exchange_down(e, (const uint8_t *)text + at, piece, &insert))
            end = at + piece;
        assert_true(insert.at <= piece);
        append(text + at, insert.at);
        append(insert.text.p, insert.text.n);
        append(text + at + insert.at, piece - insert.at);
    }
    exchange_free(e);
    return end;
}

/* The client is told not to send its next request on this connection, whatever the service says. */
static void the_client_is_told_to_close(void **state)
{
    static const struct {
        const char *text, *passed;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nConnection: keep-alive\r\n\r\n",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 No\r\nConnection: close\r\n"
         "Connection: keep-alive\r\n\r\n"},
        {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n",
         "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\n"},
        {"SSH-2.0-x\r\nHTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\nHTTP/1.1 200 OK\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t cut = 1; cut <= strlen(cases[i].text); cut++) {
            passed_size = 0;
            response_end("GET", cases[i].text, cut);
            assert_int_equal(passed_size, strlen(cases[i].passed));
            assert_memory_equal(passed, cases[i].passed, passed_size);
        }
    }
}

static void the_end_of_the_response(void **state)
{
    static const struct {
        const char *method, *text;
        bool ends;
    } cases[] = {
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", true},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", false},
        {"GET", "HTTP/1.1 200 OK\r\n\r\nhi", false},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", true},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n", true},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", true},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", false},
        {"GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
        {"GET", "HTTP/1.1 100 Continue\r\n\r\n", false},
        {"GET", "HTTP/1.1 101 Switching Protocols\r\n\r\nxyz", false},
        {"GET", "not HTTP at all\r\n\r\n", false},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n0\r\n\r\n", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t cut = 1; cut <= 120; cut += 7) {
            size_t end = response_end(cases[i].method, cases[i].text, cut);
            if (end != (cases[i].ends ? strlen(cases[i].text) : 0))
                fail_msg("%s in pieces of %zu ends at %zu", cases[i].text, cut, end);
        }
}

/* ---- our own pages ---- */

static char *page(const char *request, bool trusted)
{
    static const char *const ids[] = {"HTTP1", "plc:2"};
    const struct names_tunnel tunnels[] = {{"", true, ids, 2, false},
                                           {"plant7", true, ids, 1, false}};
    const struct pages_tunnel states[] = {{.up = true, .connections = 1},
                                          {.up = true, .no_device = true}};
    struct names *names = names_new();
    const struct pages_view view = {
        .names = names, .tunnels = tunnels, .states = states, .n_tunnels = 2};
    struct decided d = decide(request);
    assert_non_null(d.reader);
    assert_int_equal(d.request.kind, PROXY_PAGE);
    const struct pages_question q = {.head = http_reader_head(d.reader),
                                     .path = d.request.path,
                                     .listener = "gw.example:1080",
                                     .trusted = trusted};
    struct buf out = {.limit = 65536};
    assert_true(pages_answer(&view, &q, &out));
    assert_true(buf_append(&out, "", 1));
    char *text = span_dup(span_of((const char *)out.data));
    buf_free(&out);
    http_reader_free(d.reader);
    names_free(names);
    return text;
}

static void expect_page(const char *request, bool trusted, int status, const char *holds)
{
    char *text = page(request, trusted), line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (strncmp(text, line, strlen(line)) != 0 || strstr(text, holds) == NULL)
        fail_msg("%s gives %s", request, text);
    if (!trusted)
        assert_null(strstr(text, "plc"));
    free(text);
}

/* What a browser runs is made of checked hosts and ports alone, and of no names from elsewhere. */
static void pac(void **state)
{
    static const char *const bad[] = {
        "/run/a.sock", "gw;PROXY evil:80:1", "gw\n:80", "gw':80", "[::1%25 x]:80", "gw", "gw:0",
        "(gw):80"};
    char where[PAGES_ENDPOINT];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct names *names = names_new();
        struct buf out = {.limit = 4096};
        assert_false(pages_endpoint(bad[i], where));
        assert_true(pages_pac(names, bad[i], &out) && buf_append(&out, "", 1));
        assert_string_equal((char *)out.data,
                            "function FindProxyForURL(url, host) {\n  return \"DIRECT\";\n}\n");
        buf_free(&out);
        names_free(names);
    }
    assert_true(pages_endpoint("gw-1.example_:1080", where));
    assert_string_equal(where, "gw-1.example_:1080");
    char *text = page("GET /proxy.pac HTTP/1.1\r\nHost: localhost:80\r\n\r\n", true);
    assert_null(strstr(text, "http1"));
    assert_null(strstr(text, "//"));
    free(text);
}

static void pages(void **state)
{
    (void)state;
    expect_page("GET / HTTP/1.1\r\nHost: 127.0.0.1:1080\r\n\r\n", true, 200, "plc-2.tunnel");
    expect_page("GET / HTTP/1.0\r\n\r\n", true, 200, "http1.plant7.tunnel");
    expect_page("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false, 401, "WWW-Authenticate");
    expect_page("GET /services HTTP/1.1\r\nHost: [::1]:1080\r\n\r\n", true, 200,
                "plc-2.tunnel\tplc:2\t-\tup\nhttp1.plant7.tunnel\tHTTP1\tplant7\tno device\n");
    expect_page("GET /devices HTTP/1.1\r\nHost: [::1]:1080\r\n\r\n", true, 404, "no access key");
    expect_page("GET /devices HTTP/1.1\r\nHost: [::1]:1080\r\n\r\n", false, 401, "");
    expect_page("GET /services HTTP/1.1\r\nHost: [::1]:1080\r\n\r\n", false, 401, "");
    expect_page("GET /healthz HTTP/1.1\r\nHost: GW.example\r\n\r\n", false, 200,
                "ok: 1 of 2 tunnels up, 1 without device\n");
    expect_page("GET /proxy.pac HTTP/1.1\r\nHost: 10.0.0.1:99\r\n\r\n", false, 200,
                "\"PROXY 10.0.0.1:99; SOCKS5 10.0.0.1:99\"");
    expect_page("GET /proxy.pac HTTP/1.0\r\n\r\n", true, 200,
                "Content-Type: application/x-ns-proxy-autoconfig\r\n");
    expect_page("GET /proxy.pac HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", true, 200,
                "\"PROXY [::1]:80; SOCKS5 [::1]:80\"");
    expect_page("GET /proxy.pac HTTP/1.1\r\nHost: [127.0.0.1]:7\r\n\r\n", true, 200,
                "\"PROXY 127.0.0.1:7; SOCKS5 127.0.0.1:7\"");
    expect_page("GET /nothing HTTP/1.0\r\n\r\n", true, 404, "/proxy.pac");
    expect_page("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", true, 403, "X-Tunnel-Error");
    expect_page("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", true, 403, "");
    expect_page("GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", true, 403, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects),
        cmocka_unit_test(bad_connects),
        cmocka_unit_test(forwards),
        cmocka_unit_test(own_pages),
        cmocka_unit_test(smuggling),
        cmocka_unit_test(rewriting),
        cmocka_unit_test(answers),
        cmocka_unit_test(replies),
        cmocka_unit_test(nothing_behind_the_request),
        cmocka_unit_test(upgrades),
        cmocka_unit_test(the_end_of_the_response),
        cmocka_unit_test(the_client_is_told_to_close),
        cmocka_unit_test(pages),
        cmocka_unit_test(pac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
