/* core/control/client/admin_client against a scripted server on a unix socket, on the same loop. */
#include "core/control/client/admin_client.h"

#include "tests/unit/admin_client_help.h"

/* ---- the owner ---- */

static struct {
    struct admin_client *watch;
    int answers, lines, losses;
    int status;
    char body[200], all_lines[400], text[100];
    enum err why;
    bool frees, asks_again, rests;
} owner;

static void end_watch(void)
{
    admin_client_free(owner.watch);
    owner.watch = NULL;
}

static void on_answer(void *o, int status, struct span body)
{
    assert_ptr_equal(o, &owner);
    owner.answers++;
    owner.status = status;
    assert_false(admin_client_busy(owner.watch));
    if (owner.frees)
        end_watch();
    else if (owner.asks_again)
        assert_true(admin_client_ask(owner.watch, "GET", "/again"));
    owner.asks_again = false;
    /* It lives until this returns. */
    snprintf(owner.body, sizeof owner.body, "%.*s", (int)body.n, body.p);
}

static void on_line(void *o, struct span line)
{
    assert_ptr_equal(o, &owner);
    owner.lines++;
    if (owner.frees)
        end_watch();
    else if (owner.rests)
        admin_client_close(owner.watch);
    strncat(owner.all_lines, line.p, line.n);
    strcat(owner.all_lines, "|");
}

static void on_lost(void *o, enum err why, const char *text)
{
    assert_ptr_equal(o, &owner);
    owner.losses++;
    owner.why = why;
    snprintf(owner.text, sizeof owner.text, "%s", text);
    assert_false(admin_client_busy(owner.watch));
    if (owner.frees)
        end_watch();
    else if (owner.asks_again)
        assert_true(admin_client_ask(owner.watch, "GET", "/again"));
    owner.asks_again = false;
}

static void begin(const char *const *answers)
{
    static const struct admin_client_events events = {
        .answer = on_answer, .line = on_line, .lost = on_lost};
    serve(answers);
    memset(&owner, 0, sizeof owner);
    owner.watch = admin_client_new(loop, in_dir("s"), &events, &owner);
    assert_non_null(owner.watch);
}

static void end(void)
{
    end_watch();
    stop_serving();
}

static void get(const char *target)
{
    int before = owner.answers + owner.losses;
    assert_true(admin_client_ask(owner.watch, "GET", target));
    assert_int_equal(owner.answers + owner.losses, before);
    UNTIL(owner.answers + owner.losses > before);
}

static void gets(const char *target, int status, const char *body)
{
    get(target);
    assert_int_equal(owner.losses, 0);
    assert_int_equal(owner.status, status);
    assert_string_equal(owner.body, body);
}

static void lost(enum err why, const char *text)
{
    assert_string_equal(owner.text, text);
    assert_int_equal(owner.why, why);
    assert_int_equal(owner.losses, 1);
}

/* ---- tests ---- */

static void test_one_connection(void **state)
{
    (void)state;
    begin(ANSWERS(TWO, NO_CONTENT, CHUNKS "3" CRLF "abc" CRLF "0" CRLF CRLF,
                  "HTTP/1.1 100 Continue" CRLF CRLF "HTTP/1.1 404 Not Found" CRLF
                  "Content-Length: 5" CRLF CRLF "none\n"));
    gets("/a", 200, "{}");
    assert_true(admin_client_ask(owner.watch, "DELETE", "/b"));
    assert_true(admin_client_busy(owner.watch));
    assert_false(admin_client_ask(owner.watch, "GET", "/no"));
    assert_false(admin_client_follow(owner.watch, "/no"));
    UNTIL(owner.answers == 2);
    assert_int_equal(owner.status, 204);
    gets("/c", 200, "abc");
    gets("/d", 404, "none\n");
    assert_string_equal(server.requests,
                        "GET /a HTTP/1.1\nDELETE /b HTTP/1.1\nGET /c HTTP/1.1\nGET /d HTTP/1.1\n");
    assert_int_equal(server.accepted, 1);
    end();
}

static void test_every_split(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *body;
    } cases[] = {
        {OK "X: y" CRLF "Content-Length: 3" CRLF CRLF "abc", "abc"},
        {CHUNKS "2;x" CRLF "ab" CRLF "1" CRLF "c" CRLF "0" CRLF "T: r" CRLF CRLF, "abc"},
        {"HTTP/1.1 100 Continue" CRLF CRLF TWO, "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t cut = 1; cut < strlen(cases[i].answer); cut++) {
            begin(ANSWERS(cases[i].answer, TWO));
            server.cut = cut;
            gets("/", 200, cases[i].body);
            gets("/", 200, "{}"); /* nothing is left over */
            assert_int_equal(server.accepted, 1);
            end();
        }
}

static void test_closing_servers(void **state)
{
    (void)state;
    begin(ANSWERS(OK "Connection: close" CRLF "Content-Length: 2" CRLF CRLF "ab",
                  "HTTP/1.0 200 OK" CRLF CRLF "until the end", TWO));
    server.closes = true;
    gets("/", 200, "ab");
    gets("/", 200, "until the end");
    gets("/", 200, "{}");
    assert_int_equal(server.accepted, 3);
    end();
}

static void test_idle_loss(void **state)
{
    (void)state;
    begin(ANSWERS(TWO, TWO));
    gets("/", 200, "{}");
    server_drop();
    UNTIL(owner.losses > 0);
    lost(ERR_EOF, "it hung up");
    owner.losses = 0;
    gets("/", 200, "{}"); /* a new connection */
    assert_int_equal(server.accepted, 2);
    end();
}

/* Closed just when it was used again: asked once more on another connection. */
static void test_kept_too_long(void **state)
{
    (void)state;
    begin(ANSWERS(TWO, TWO));
    gets("/", 200, "{}");
    server_drop();
    gets("/", 200, "{}");
    assert_int_equal(server.accepted, 2);
    end();
}

static void test_losses(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum err why;
        const char *text;
    } cases[] = {
        {"", ERR_EOF, "it hung up"},
        {"HTTP/1.1 20", ERR_EOF, "it hung up"},
        {OK "Content-Length: 5" CRLF CRLF "abc", ERR_EOF, "it hung up in the middle of an answer"},
        {CHUNKS "5" CRLF "abc", ERR_EOF, "it hung up in the middle of an answer"},
        {"SSH-2.0-x" CRLF, ERR_PROTOCOL, "its answer is not HTTP"},
        {CHUNKS "x" CRLF, ERR_PROTOCOL, "its answer is not HTTP"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(ANSWERS(cases[i].answer));
        server.closes = true;
        get("/");
        lost(cases[i].why, cases[i].text);
        assert_int_equal(owner.answers, 0);
        end();
    }
}

static void test_spoken_unasked(void **state)
{
    (void)state;
    begin(ANSWERS(TWO TWO));
    get("/");
    UNTIL(owner.losses > 0);
    lost(ERR_PROTOCOL, "it spoke without being asked");
    end();
}

static void test_no_socket(void **state)
{
    (void)state;
    begin(ANSWERS(TWO, TWO));
    stop_serving();
    get("/");
    lost(ERR_NOT_FOUND, "there is no such socket");
    owner.losses = 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = unix_address(in_dir("s"));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0); /* and does not listen */
    get("/");
    lost(ERR_REFUSED, "nobody listens there");
    owner.losses = 0;
    owner.asks_again = true;
    get("/");
    UNTIL(owner.losses == 2);
    close(fd);
    unlink(in_dir("s"));
    end();
}

static void test_patience(void **state)
{
    (void)state;
    begin(ANSWERS("HTTP/1.1 200", TWO));
    admin_client_timeout(owner.watch, 20);
    get("/");
    lost(ERR_TIMEOUT, "no answer within 0 s");
    owner.losses = 0;
    gets("/", 200, "{}");
    assert_int_equal(server.accepted, 2);
    end();
}

static void test_rest(void **state)
{
    (void)state;
    begin(ANSWERS(TWO, "HTTP/1.1 200", TWO));
    gets("/", 200, "{}");
    assert_true(admin_client_ask(owner.watch, "GET", "/"));
    admin_client_close(owner.watch);
    assert_false(admin_client_busy(owner.watch));
    UNTIL(server.stream == NULL);
    assert_int_equal(owner.losses, 0);
    server.answers = ANSWERS(TWO);
    gets("/", 200, "{}");
    assert_int_equal(server.accepted, 2);
    end();
}

static const char *const followed =
    CHUNKS "6" CRLF "one\ntw" CRLF "b" CRLF "o\r\n\n\r\nthree" CRLF "3" CRLF "\nfo" CRLF;

static void test_lines(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < strlen(followed); cut++) {
        begin(ANSWERS(followed));
        server.cut = cut;
        assert_true(admin_client_follow(owner.watch, "/v1/events"));
        UNTIL(owner.lines == 3);
        assert_string_equal(owner.all_lines, "one|two|three|");
        assert_true(admin_client_busy(owner.watch));
        server_drop();
        UNTIL(owner.losses > 0);
        lost(ERR_EOF, "it hung up");
        end();
    }
}

static void test_lines_end(void **state)
{
    (void)state;
    begin(ANSWERS(CHUNKS "2" CRLF "a\n" CRLF "0" CRLF CRLF));
    assert_true(admin_client_follow(owner.watch, "/"));
    UNTIL(owner.losses > 0);
    lost(ERR_EOF, "it ended the events");
    assert_string_equal(owner.all_lines, "a|");
    end();
    begin(ANSWERS(CHUNKS "4" CRLF "one\n?")); /* what came right is told first */
    assert_true(admin_client_follow(owner.watch, "/"));
    UNTIL(owner.losses > 0);
    lost(ERR_PROTOCOL, "its answer is not HTTP");
    assert_string_equal(owner.all_lines, "one|");
    end();
    begin(ANSWERS("HTTP/1.1 503 No" CRLF "Content-Length: 3" CRLF CRLF "no\n"));
    assert_true(admin_client_follow(owner.watch, "/"));
    UNTIL(owner.answers > 0);
    assert_int_equal(owner.status, 503);
    assert_string_equal(owner.body, "no\n");
    end();
}

static void test_long_lines(void **state)
{
    (void)state;
    size_t n = 3 * ADMIN_CLIENT_LINE_MAX;
    char *text = malloc(n + 100);
    int head = sprintf(text, OK CRLF);
    memset(text + head, 'x', n);
    text[(size_t)head + n] = '\0';
    for (size_t i = 0; i < n; i += 100) /* many lines with one read */
        text[(size_t)head + i] = '\n';
    for (int i = 0; i < 2; i++) {
        begin(ANSWERS(text));
        owner.rests = i == 0;
        assert_true(admin_client_follow(owner.watch, "/"));
        if (i == 0)
            UNTIL(owner.lines == 1);
        else
            UNTIL(owner.losses > 0);
        end();
        memset(text + head, 'x', n); /* one line without end */
    }
    lost(ERR_TOO_LARGE, "its answer is too large");
    free(text);
}

static void test_owners_who_leave(void **state)
{
    (void)state;
    begin(ANSWERS(TWO, TWO));
    owner.asks_again = true;
    assert_true(admin_client_ask(owner.watch, "GET", "/"));
    UNTIL(owner.answers == 2);
    end();

    begin(ANSWERS(TWO));
    owner.frees = true;
    get("/");
    assert_string_equal(owner.body, "{}");
    end();

    begin(ANSWERS(followed));
    owner.frees = true;
    assert_true(admin_client_follow(owner.watch, "/"));
    UNTIL(owner.lines == 1);
    assert_string_equal(owner.all_lines, "one|");
    end();

    begin(ANSWERS(""));
    server.closes = owner.frees = true;
    get("/");
    end();

    begin(ANSWERS(TWO)); /* while it connects */
    assert_true(admin_client_ask(owner.watch, "GET", "/"));
    end();
    admin_client_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, dir_begin, dir_end)
    const struct CMUnitTest tests[] = {
        TEST(test_one_connection),  TEST(test_every_split),
        TEST(test_closing_servers), TEST(test_idle_loss),
        TEST(test_kept_too_long),   TEST(test_losses),
        TEST(test_spoken_unasked),  TEST(test_no_socket),
        TEST(test_patience),        TEST(test_rest),
        TEST(test_lines),           TEST(test_lines_end),
        TEST(test_long_lines),      TEST(test_owners_who_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
