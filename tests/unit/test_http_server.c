/* The HTTP server: what is asked is answered, or refused. */
#include "tests/unit/http_server_help.h"

/* ---- what is asked is answered ---- */

static void one_after_the_other(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct desk d;
        open_desk(&d, kind, NULL);
        assert_true(strlen(http_conn_name(d.conn)) > 0);
        ask(&d, "GET /a?b=c HTTP/1.1" CRLF HOST CRLF);
        assert_reply(&d, reply("GET /a?b=c ", ""));
        ask(&d, "POST /b HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF CRLF "xyz");
        assert_reply(&d, reply("POST /b xyz", ""));
        ask(&d, "\r\n\r\nFETCH * HTTP/1.1" CRLF HOST "Content-Length: 0" CRLF CRLF);
        assert_reply(&d, reply("FETCH * ", ""));
        assert_int_equal(d.requests, 3);
        close(d.fd);
        d.fd = -1;
        assert_closed(&d, "the client closed");
        close_desk(&d);
    }
}

static const char three[] = "POST /1 HTTP/1.1" CRLF HOST "Content-Length: 5" CRLF CRLF "12345"
                            "GET /2 HTTP/1.1" CRLF HOST CRLF CRLF "PUT /3 HTTP/1.1" CRLF HOST
                            "Content-Length: 2" CRLF "Connection: close" CRLF CRLF "zz"
                            "GET /4 HTTP/1.1" CRLF HOST CRLF;

static void assert_three(struct desk *d)
{
    char all[2000];
    int n = snprintf(all, sizeof all, "%s", reply("POST /1 12345", ""));
    n += snprintf(all + n, sizeof all - (size_t)n, "%s", reply("GET /2 ", ""));
    snprintf(all + n, sizeof all - (size_t)n, "%s", reply("PUT /3 zz", CLOSE));
    assert_reply(d, all);
    assert_end(d);
    assert_int_equal(d->requests, 3); /* what follows a last request is none */
    close(d->fd);
    d->fd = -1;
    assert_closed(d, "answered");
}

static void three_in_one_write(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, TCP_PAIR, NULL);
    ask(&d, three);
    assert_three(&d);
    close_desk(&d);
}

/* Byte by byte, and in random pieces. */
static void three_in_pieces(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        struct desk d;
        unsigned random = seed;
        open_desk(&d, UNIX_PAIR, NULL);
        for (size_t at = 0; at < strlen(three);) {
            random = random * 1103515245u + 12345u;
            size_t n = seed == 0 ? 1 : 1 + (random >> 16) % 40;
            n = n < strlen(three) - at ? n : strlen(three) - at;
            say(d.fd, three + at, n);
            at += n;
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        }
        assert_three(&d);
        close_desk(&d);
    }
}

static void answers_later(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    d.later = true;
    ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF "GET /2 HTTP/1.1" CRLF HOST CRLF);
    UNTIL(d.requests == 1);
    assert_int_equal(turns_in(20) < 10, true); /* it sleeps meanwhile */
    assert_false(receive(&d, SIZE_MAX));
    assert_int_equal(d.heads, 1); /* the next one is not looked at */
    answer(&d);
    answer(&d); /* too many: nothing happens */
    assert_reply(&d, reply("GET /1 ", ""));
    UNTIL(d.requests == 2);
    answer(&d);
    assert_reply(&d, reply("GET /2 ", ""));
    close_desk(&d);
}

/* Who leaves before the answer is seen when the owner wants to know; who goes on asking is there.
 */
static void watched(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, TCP_PAIR, NULL);
    d.later = true;
    ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF);
    UNTIL(d.requests == 1);
    http_conn_watch(d.conn);
    ask(&d, "GET /2 HTTP/1.1" CRLF HOST CRLF);
    spend(20);
    assert_int_equal(turns_in(20) < 10, true); /* its bytes wake nobody */
    answer(&d);
    assert_reply(&d, reply("GET /1 ", ""));
    UNTIL(d.requests == 2);
    http_conn_watch(d.conn);
    shutdown(d.fd, SHUT_WR);
    assert_closed(&d, "the client closed in the middle of a request");
    close_desk(&d);
    open_desk(&d, TCP_PAIR, NULL); /* not watched: it may have ended only its own side */
    d.later = true;
    ask(&d, "GET /3 HTTP/1.1" CRLF HOST CRLF);
    UNTIL(d.requests == 1);
    shutdown(d.fd, SHUT_WR);
    spend(20);
    answer(&d);
    assert_reply(&d, reply("GET /3 ", ""));
    close_desk(&d);
}

static void http_1_0(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    ask(&d, "GET /1 HTTP/1.0" CRLF "Connection: Keep-Alive" CRLF CRLF);
    assert_reply(&d, reply("GET /1 ", "Connection: keep-alive" CRLF));
    ask(&d, "GET /2 HTTP/1.0" CRLF CRLF);
    assert_reply(&d, reply("GET /2 ", CLOSE));
    assert_end(&d);
    close_desk(&d);
}

static void head_gets_no_body(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    ask(&d, "HEAD /1 HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, OK_LINES "Content-Length: 8" CRLF NO_STORE CRLF);
    ask(&d, "HEAD /2 HTTP/1.1" CRLF HOST "Content-Length: 99999" CRLF CRLF);
    assert_reply(&d, "HTTP/1.1 413 Payload Too Large" CRLF
                     "Content-Type: text/plain; charset=utf-8" CRLF
                     "Content-Length: 36" CRLF NO_STORE CLOSE CRLF);
    close_desk(&d);
}

static void owner_closes(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    d.close = true;
    d.headers = "X-More: 1" CRLF "X-And: 2" CRLF;
    ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF "GET /2 HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, reply("GET /1 ", "X-More: 1" CRLF "X-And: 2" CRLF CLOSE));
    assert_end(&d);
    assert_int_equal(d.requests, 1);
    close_desk(&d);
}

/* An answer at the head leaves the body unread: no request can follow it. */
static void answers_at_the_head(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    d.answer_at_head = true;
    ask(&d, "POST /1 HTTP/1.1" CRLF HOST "Content-Length: 5" CRLF CRLF "GET /");
    assert_reply(&d, reply("POST /1 ", CLOSE));
    assert_end(&d);
    assert_int_equal(d.requests, 0);
    close_desk(&d);
    open_desk(&d, UNIX_PAIR, NULL);
    d.answer_at_head = true;
    ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, reply("GET /1 ", ""));
    close_desk(&d);
}

static void asks_without_head_event(void **state)
{
    static const struct http_conn_events few = {.request = on_request, .closed = on_closed};
    static const struct http_conn_options none;
    struct desk d = {.fd = -1};
    int fds[2];
    (void)state;
    make_pair(UNIX_PAIR, fds);
    d.fd = fds[1];
    d.conn = http_conn_new(loop, stream_from_fd(loop, fds[0]), &none, &few, &d);
    ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF "nonsense" CRLF CRLF);
    char all[1000];
    int n = snprintf(all, sizeof all, "%s", reply("GET /1 ", ""));
    snprintf(all + n, sizeof all - (size_t)n, "%s", refusal(400, "The request is not HTTP/1.1."));
    assert_reply(&d, all);
    close_desk(&d);
}

static void leave_to_send_the_body(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    ask(&d, "POST /1 HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF "Expect: 100-Continue" CRLF CRLF);
    assert_reply(&d, "HTTP/1.1 100 Continue" CRLF CRLF);
    ask(&d, "abc");
    assert_reply(&d, reply("POST /1 abc", ""));
    ask(&d, "GET /2 HTTP/1.1" CRLF HOST "Expect: 100-continue" CRLF CRLF); /* nothing to send */
    assert_reply(&d, reply("GET /2 ", ""));
    ask(&d, "POST /3 HTTP/1.0" CRLF "Connection: keep-alive" CRLF "Content-Length: 1" CRLF
            "Expect: 100-continue" CRLF CRLF "x");
    assert_reply(&d, reply("POST /3 x", "Connection: keep-alive" CRLF));
    ask(&d,
        "POST /4 HTTP/1.1" CRLF HOST "Content-Length: 65537" CRLF "Expect: 100-continue" CRLF CRLF);
    assert_reply(&d, refusal(413, "The body has more than 65536 bytes."));
    assert_end(&d);
    close_desk(&d);
}

/* ---- what cannot be taken ---- */

static void refuses(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *text;
    } cases[] = {
        {"SSH-2.0-OpenSSH_9.2" CRLF, 400, "The request is not HTTP/1.1."},
        {"GET / HTTP/2.0" CRLF, 400, "The request is not HTTP/1.1."},
        {"GET / HTTP/1.1\n", 400, "The request is not HTTP/1.1."},
        {"GET / HTTP/1.1" CRLF CRLF, 400, "head: The request has no Host header."},
        {"GET / HTTP/1.1" CRLF HOST HOST CRLF, 400, "The request is not HTTP/1.1."},
        {"PUT / HTTP/1.1" CRLF HOST "Transfer-Encoding: chunked" CRLF CRLF "0" CRLF CRLF, 411,
         "head: A body is only taken with Content-Length."},
        {"PUT / HTTP/1.1" CRLF HOST "Content-Length: 1" CRLF "Content-Length: 1" CRLF CRLF, 400,
         "The request is not HTTP/1.1."},
        {"PUT / HTTP/1.1" CRLF HOST "Content-Length: 9223372036854775807" CRLF CRLF, 413,
         "head: The body has more than 65536 bytes."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = cases[i].text;
        struct desk d;
        open_desk(&d, TCP_PAIR, NULL);
        ask(&d, cases[i].request);
        assert_reply(&d,
                     refusal(cases[i].status, strncmp(text, "head: ", 6) != 0 ? text : text + 6));
        assert_string_equal(d.text, text);
        assert_int_equal(d.status, cases[i].status);
        assert_end(&d);
        assert_int_equal(d.bads, 1);
        assert_int_equal(d.heads, 0);
        close_desk(&d);
    }
}

static void refuses_in_the_owners_words(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    d.own_words = true;
    ask(&d, "GET / HTTP/1.1" CRLF CRLF "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, reply("sorry", CLOSE));
    assert_end(&d);
    assert_int_equal(d.requests, 0);
    close_desk(&d);
}

/* A request whose head has exactly n bytes. */
static char *head_of_size(size_t n)
{
    static const char before[] = "GET / HTTP/1.1" CRLF HOST "X: ";
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, before, sizeof before - 1);
    memcpy(text + n - 4, CRLF CRLF, 5);
    return text;
}

static void head_limit(void **state)
{
    static const size_t limits[] = {0, 100, 65536};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct http_conn_options o = {.max_head = limits[i]};
        size_t limit = limits[i] != 0 ? limits[i] : 16384;
        char text[100], *fits = head_of_size(limit), *too_large = head_of_size(limit + 1);
        struct desk d;
        open_desk(&d, UNIX_PAIR, &o);
        ask(&d, fits);
        assert_reply(&d, reply("GET / ", ""));
        ask(&d, too_large);
        snprintf(text, sizeof text, "The request's head has more than %zu bytes, or 100 lines.",
                 limit);
        assert_reply(&d, refusal(431, text));
        assert_end(&d);
        close_desk(&d);
        free(fits);
        free(too_large);
    }
}

static void body_limit(void **state)
{
    static const char fits[] = "PUT / HTTP/1.1" CRLF HOST "Content-Length: 10" CRLF CRLF;
    static const char too_large[] = "PUT / HTTP/1.1" CRLF HOST "Content-Length: 11" CRLF CRLF;
    struct http_conn_options o = {.max_body = 10};
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, &o);
    ask(&d, fits);
    ask(&d, "0123456789");
    assert_reply(&d, reply("PUT / 0123456789", ""));
    ask(&d, too_large); /* known before the first byte of it */
    assert_reply(&d, refusal(413, "The body has more than 10 bytes."));
    assert_end(&d);
    close_desk(&d);
}

/* Who is still sending when it is refused gets the answer, not a reset. */
static void sender_is_not_cut_off(void **state)
{
    struct desk d;
    char piece[10000];
    size_t sent = 0;
    (void)state;
    memset(piece, 'x', sizeof piece);
    open_desk(&d, TCP_PAIR, NULL);
    ask(&d, "PUT / HTTP/1.1" CRLF HOST "Content-Length: 8000000" CRLF CRLF);
    while (sent < 8000000) {
        ssize_t n = send(d.fd, piece, sizeof piece, MSG_DONTWAIT);
        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    assert_reply(&d, refusal(413, "The body has more than 65536 bytes."));
    assert_end(&d);
    shutdown(d.fd, SHUT_WR);
    assert_closed(&d, "answered");
    close_desk(&d);
}

/* ---- taking the stream ---- */

static void assert_stream_lives(struct desk *d, const char *unread)
{
    struct probe p = {.on_readable = drain};
    probe_own(&p, d->taken);
    d->taken = NULL;
    stream_read_on(p.stream, true);
    UNTIL(p.size >= strlen(unread));
    assert_string_equal((char *)p.got, unread);
    assert_true(stream_write(p.stream, (const uint8_t *)"hello", 5));
    assert_reply(d, "hello");
    probe_close(&p);
    assert_end(d);
    assert_int_equal(d->closes, 0);
}

static void taken_at_the_head(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, TCP_PAIR, NULL);
    ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, reply("GET /1 ", ""));
    d.take_at_head = true;
    ask(&d, "GET /tunnel HTTP/1.1" CRLF HOST "Upgrade: x" CRLF CRLF "the first frames");
    UNTIL(d.taken != NULL);
    assert_stream_lives(&d, "the first frames");
    close_desk(&d);
}

static void taken_later(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, TCP_PAIR, &impatient);
    d.later = true;
    ask(&d, "PUT /tunnel HTTP/1.1" CRLF HOST "Content-Length: 2" CRLF CRLF "abthe first frames");
    UNTIL(d.requests == 1);
    assert_string_equal(d.asked, "PUT /tunnel ab");
    spend(2 * SHORT_MS);
    d.taken = http_conn_take(d.conn);
    d.conn = NULL;
    assert_stream_lives(&d, "the first frames");
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(three_in_one_write),
        cmocka_unit_test(three_in_pieces),
        cmocka_unit_test(answers_later),
        cmocka_unit_test(watched),
        cmocka_unit_test(http_1_0),
        cmocka_unit_test(head_gets_no_body),
        cmocka_unit_test(owner_closes),
        cmocka_unit_test(answers_at_the_head),
        cmocka_unit_test(asks_without_head_event),
        cmocka_unit_test(leave_to_send_the_body),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_in_the_owners_words),
        cmocka_unit_test(head_limit),
        cmocka_unit_test(body_limit),
        cmocka_unit_test(sender_is_not_cut_off),
        cmocka_unit_test(taken_at_the_head),
        cmocka_unit_test(taken_later),
    };
    return cmocka_run_group_tests(tests, loop_begin, loop_end);
}
