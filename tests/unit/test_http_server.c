/* The server's side of an HTTP connection, over sockets whose other end the test holds. Timeouts
 * are by the test's own clock: a turn of the loop is a millisecond, however long it takes. */
#include "tests/support/clock.h"

#define EACH_TURN() (now_ms++, fire_timers())
#include "tests/support/net.h"

#include "core/http/server.h"

#define CRLF "\r\n"
#define HOST "Host: a" CRLF
#define SHORT_MS 60

/* Lets this time pass, in which something may come or not. */
static void spend(uint64_t ms)
{
    for (; ms > 0; ms--) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        EACH_TURN();
    }
}

/* ---- an owner, and its client ---- */

struct desk {
    struct http_conn *conn; /* NULL: freed, or its stream taken */
    struct stream *taken;
    int fd; /* the client's; -1: closed */
    int heads, requests, bads, closes;
    char asked[400]; /* method, target and body of the last request */
    int status;      /* of the last bad one */
    char text[200], why[200];
    uint8_t *got; /* what the client received */
    size_t size;
    bool ended, was_reset;
    /* How the owner behaves. */
    bool later, close, answer_at_head, free_at_head, free_at_request, free_at_bad, take_at_head;
    bool own_words;
    const char *headers;
    struct span body; /* in place of `asked` */
};

static void answer(struct desk *d)
{
    struct http_response a = {.status = 200,
                              .type = "text/plain",
                              .headers = d->headers,
                              .body = d->body.p != NULL ? d->body : span_of(d->asked),
                              .close = d->close};
    http_conn_answer(d->conn, &a);
}

static void drop(struct desk *d)
{
    http_conn_free(d->conn);
    d->conn = NULL;
}

static bool on_head(void *owner, const struct http_head *head)
{
    struct desk *d = owner;
    d->heads++;
    assert_int_equal(d->heads, d->requests + 1);
    snprintf(d->asked, sizeof d->asked, "%.*s %.*s ", (int)head->method.n, head->method.p,
             (int)head->target.n, head->target.p);
    if (d->free_at_head)
        drop(d);
    else if (d->answer_at_head)
        answer(d);
    else if (d->take_at_head)
        d->taken = http_conn_take(d->conn);
    else
        return true;
    if (d->taken != NULL)
        d->conn = NULL;
    return false;
}

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct desk *d = owner;
    d->requests++;
    snprintf(d->asked, sizeof d->asked, "%.*s %.*s %.*s", (int)head->method.n, head->method.p,
             (int)head->target.n, head->target.p, (int)body.n, body.p);
    assert_int_equal(body.n, head->content_length > 0 ? head->content_length : 0);
    if (d->free_at_request)
        drop(d);
    else if (!d->later)
        answer(d);
}

static void on_bad(void *owner, const struct http_head *head, int status, const char *text)
{
    struct desk *d = owner;
    d->bads++;
    d->status = status;
    snprintf(d->text, sizeof d->text, "%s%s", head != NULL ? "head: " : "", text);
    snprintf(d->asked, sizeof d->asked, "sorry");
    if (d->free_at_bad)
        drop(d);
    else if (d->own_words)
        answer(d);
    else
        http_conn_refuse(d->conn, status, text);
}

static void on_closed(void *owner, const char *why)
{
    struct desk *d = owner;
    d->closes++;
    snprintf(d->why, sizeof d->why, "%s", why);
    drop(d);
}

static const struct http_conn_events desk_events = {
    .head = on_head, .request = on_request, .bad = on_bad, .closed = on_closed};

static void open_desk(struct desk *d, enum kind kind, const struct http_conn_options *o)
{
    static const struct http_conn_options none;
    int fds[2], small = 20000;
    make_pair(kind, fds);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    *d = (struct desk){.fd = fds[1]};
    struct stream *s = stream_from_fd(loop, fds[0]);
    assert_non_null(s);
    d->conn = http_conn_new(loop, s, o != NULL ? o : &none, &desk_events, d);
    assert_non_null(d->conn);
}

static void close_desk(struct desk *d)
{
    drop(d);
    if (d->taken != NULL)
        stream_close(d->taken);
    if (d->fd >= 0)
        close(d->fd);
    free(d->got);
    d->got = NULL;
}

static void ask(struct desk *d, const char *text)
{
    say(d->fd, text, strlen(text));
}

/* What is there now, up to n bytes. */
static bool receive(struct desk *d, size_t n)
{
    char bytes[65536];
    ssize_t took = recv(d->fd, bytes, n < sizeof bytes ? n : sizeof bytes, MSG_DONTWAIT);
    if (took > 0) {
        d->got = realloc(d->got, d->size + (size_t)took + 1);
        assert_non_null(d->got);
        memcpy(d->got + d->size, bytes, (size_t)took);
        d->size += (size_t)took;
        d->got[d->size] = '\0';
    }
    d->ended = d->ended || took == 0;
    d->was_reset = d->was_reset || (took < 0 && errno == ECONNRESET);
    return took > 0;
}

static bool has_come(struct desk *d, size_t n)
{
    receive(d, SIZE_MAX);
    return d->size >= n || d->ended || d->was_reset;
}

/* Exactly this text comes next, after what was looked at before. */
static void assert_reply(struct desk *d, const char *text)
{
    UNTIL(has_come(d, strlen(text)));
    assert_non_null(d->got);
    assert_string_equal((char *)d->got, text);
    d->size = 0;
    d->got[0] = '\0';
}

static void assert_end(struct desk *d)
{
    UNTIL(has_come(d, 1));
    assert_int_equal(d->size, 0);
    assert_true(d->ended);
    assert_false(d->was_reset);
}

static void assert_closed(struct desk *d, const char *why)
{
    UNTIL(d->closes == 1);
    assert_string_equal(d->why, why);
    assert_null(d->conn);
}

#define OK_LINES "HTTP/1.1 200 OK" CRLF "Content-Type: text/plain" CRLF
#define NO_STORE "Cache-Control: no-store" CRLF
#define CLOSE "Connection: close" CRLF

/* The answer to a request that the desk echoes. */
static const char *reply(const char *body, const char *connection)
{
    static char text[800];
    snprintf(text, sizeof text, OK_LINES "Content-Length: %zu" CRLF NO_STORE "%s" CRLF "%s",
             strlen(body), connection, body);
    return text;
}

static const char *refusal(int status, const char *text)
{
    static char out[800];
    snprintf(out, sizeof out,
             "HTTP/1.1 %d %s" CRLF "Content-Type: text/plain; charset=utf-8" CRLF
             "Content-Length: %zu" CRLF NO_STORE CLOSE CRLF "%s\n",
             status, http_reason(status), strlen(text) + 1, text);
    return out;
}

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

/* ---- time ---- */

static const struct http_conn_options impatient = {.request_ms = SHORT_MS, .idle_ms = SHORT_MS};

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
        cmocka_unit_test(taken_at_the_head),
        cmocka_unit_test(taken_later),
    };
    return cmocka_run_group_tests(tests, loop_begin, loop_end);
}
