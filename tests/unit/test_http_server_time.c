/* The HTTP server: time, large answers, clients that go away. */
#include "tests/unit/http_server_help.h"

/* ---- time ---- */

static void slow_requests(void **state)
{
    static const char *const begins[] = {
        "",
        "\r\n",
        "GET / HT",
        "PUT / HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF CRLF "12",
    };
    (void)state;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        struct desk d;
        open_desk(&d, UNIX_PAIR, &impatient);
        ask(&d, begins[i]);
        assert_reply(&d, refusal(408, "The request took too long."));
        assert_string_equal(d.text, i == 3 ? "head: The request took too long."
                                           : "The request took too long.");
        assert_end(&d);
        close_desk(&d);
    }
}

/* The time is for the whole request: a byte now and then does not prolong it. */
static void dribbled_request(void **state)
{
    struct desk d;
    char all[1200];
    (void)state;
    open_desk(&d, UNIX_PAIR, &impatient);
    ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, reply("GET /1 ", ""));
    ask(&d, "GET /2 HTTP/1.1" CRLF HOST "X: ");
    for (int i = 0; i < 200 && d.bads == 0; i++) {
        ask(&d, "x");
        spend(5);
    }
    assert_int_equal(d.bads, 1);
    snprintf(all, sizeof all, "%s", refusal(408, "The request took too long."));
    assert_reply(&d, all);
    close_desk(&d);
}

static void idle_is_closed_silently(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, &impatient);
    ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, reply("GET / ", ""));
    ask(&d, CRLF); /* no begin of a request */
    assert_closed(&d, "nothing was asked any more");
    assert_end(&d);
    assert_int_equal(d.bads, 0);
    close_desk(&d);
}

/* Our own time does not count: an answer may take longer than a request. */
static void owner_may_be_slow(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, &impatient);
    d.later = true;
    ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
    UNTIL(d.requests == 1);
    spend(3 * SHORT_MS);
    assert_int_equal(d.closes + d.bads, 0);
    answer(&d);
    assert_reply(&d, reply("GET / ", ""));
    close_desk(&d);
}

static void last_answer_is_waited_for(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    d.close = true;
    ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, reply("GET / ", CLOSE));
    assert_end(&d);
    uint64_t begin = now_ms;
    assert_closed(&d, "answered"); /* the client keeps its side open */
    assert_in_range(now_ms - begin, 1500, 2500);
    close_desk(&d);
}

/* ---- large answers ---- */

static char *pattern(size_t n)
{
    char *bytes = malloc(n);
    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('a' + i % 23);
    return bytes;
}

static void slow_reader_gets_all(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct desk d;
        size_t n = HTTP_ANSWER_MAX - strlen("text/plain");
        char *bytes = pattern(n), head[200];
        open_desk(&d, kind, NULL);
        d.body = (struct span){bytes, n};
        ask(&d, "GET /1 HTTP/1.1" CRLF HOST CRLF "HEAD /2 HTTP/1.1" CRLF HOST CRLF);
        UNTIL(d.requests == 1);
        spend(20);
        assert_int_equal(d.requests, 1); /* the next one waits */
        int size =
            snprintf(head, sizeof head, OK_LINES "Content-Length: %zu" CRLF NO_STORE CRLF, n);
        size_t all = n + 2 * (size_t)size;
        while (d.size < all && !d.ended) {
            receive(&d, 30000);
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        }
        assert_int_equal(d.size, all);
        assert_memory_equal(d.got, head, (size_t)size);
        assert_memory_equal(d.got + size, bytes, n);
        assert_memory_equal(d.got + (size_t)size + n, head, (size_t)size);
        close_desk(&d);
        free(bytes);
    }
}

static void too_large_an_answer(void **state)
{
    struct desk d;
    size_t n = HTTP_ANSWER_MAX - strlen("text/plain") + 1;
    char *bytes = pattern(n);
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    d.body = (struct span){bytes, n};
    ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
    assert_reply(&d, refusal(500, "The answer is too large."));
    assert_end(&d);
    close_desk(&d);
    free(bytes);
}

static void who_does_not_read_is_dropped(void **state)
{
    (void)state;
    for (int last = 0; last < 2; last++) {
        struct desk d;
        char *bytes = pattern(1000000);
        open_desk(&d, UNIX_PAIR, &impatient);
        d.body = (struct span){bytes, 1000000};
        d.close = last;
        ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
        assert_closed(&d, "the client does not read its answer");
        close_desk(&d);
        free(bytes);
    }
}

/* A client that has said all that it wants to say still gets its answer. */
static void half_closed_client(void **state)
{
    (void)state;
    for (int last = 0; last < 2; last++) {
        struct desk d;
        char *bytes = pattern(700000);
        open_desk(&d, TCP_PAIR, NULL);
        d.body = (struct span){bytes, 700000};
        d.close = last;
        ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
        shutdown(d.fd, SHUT_WR);
        UNTIL(has_come(&d, 700000) && d.ended);
        assert_true(d.size > 700000);
        assert_memory_equal(d.got + d.size - 700000, bytes, 700000);
        assert_closed(&d, last ? "answered" : "the client closed");
        close_desk(&d);
        free(bytes);
    }
}

/* ---- who goes away ---- */

static void client_leaves_in_the_middle(void **state)
{
    static const char *const begins[] = {
        "GET / HT",
        "PUT / HTTP/1.1" CRLF HOST "Content-Length: 3" CRLF CRLF "12",
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct desk d;
        open_desk(&d, UNIX_PAIR, NULL);
        ask(&d, begins[i]);
        close(d.fd);
        d.fd = -1;
        assert_closed(&d, "the client closed in the middle of a request");
        assert_int_equal(d.bads, 0);
        close_desk(&d);
    }
}

static void client_leaves_while_an_answer_is_due(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        struct desk d;
        char *bytes = pattern(1000000);
        open_desk(&d, TCP_PAIR, NULL);
        d.later = true;
        if (large)
            d.body = (struct span){bytes, 1000000};
        ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
        UNTIL(d.requests == 1);
        reset(d.fd);
        d.fd = -1;
        spend(10);
        if (d.conn != NULL)
            answer(&d);
        UNTIL(d.closes == 1);
        close_desk(&d);
        free(bytes);
    }
}

static void freed_in_any_event(void **state)
{
    struct desk d;
    (void)state;
    for (int i = 0; i < 3; i++) {
        open_desk(&d, UNIX_PAIR, NULL);
        d.free_at_head = i == 0;
        d.free_at_request = i == 1;
        d.free_at_bad = i == 2;
        ask(&d, i < 2 ? "GET / HTTP/1.1" CRLF HOST CRLF : "GET / HTTP/1.1" CRLF CRLF);
        assert_end(&d);
        assert_null(d.conn);
        assert_int_equal(d.closes, 0);
        close_desk(&d);
    }
}

static void freed_while_answering(void **state)
{
    struct desk d;
    char *bytes = pattern(1000000);
    (void)state;
    open_desk(&d, UNIX_PAIR, NULL);
    d.body = (struct span){bytes, 1000000};
    ask(&d, "GET / HTTP/1.1" CRLF HOST CRLF);
    UNTIL(has_come(&d, 1));
    drop(&d);
    UNTIL(has_come(&d, SIZE_MAX));
    assert_int_equal(d.closes, 0);
    close_desk(&d);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_requests),
        cmocka_unit_test(dribbled_request),
        cmocka_unit_test(idle_is_closed_silently),
        cmocka_unit_test(owner_may_be_slow),
        cmocka_unit_test(last_answer_is_waited_for),
        cmocka_unit_test(slow_reader_gets_all),
        cmocka_unit_test(too_large_an_answer),
        cmocka_unit_test(who_does_not_read_is_dropped),
        cmocka_unit_test(half_closed_client),
        cmocka_unit_test(client_leaves_in_the_middle),
        cmocka_unit_test(client_leaves_while_an_answer_is_due),
        cmocka_unit_test(freed_in_any_event),
        cmocka_unit_test(freed_while_answering),
    };
    return cmocka_run_group_tests(tests, loop_begin, loop_end);
}
