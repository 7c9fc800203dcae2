/* The client's kept connection: used again, renewed, looked at and taken away. */
#include "tests/support/net.h"

#include "core/http/client.h"

#define REQUEST "GET / HTTP/1.1\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct http_client *client;
static int server; /* the other end of the connection that was made last */
static int connections, answers, losses;
static enum http_loss loss;
static bool takes; /* in `answer` */
static struct stream *taken;

static void connected(void *owner)
{
    (void)owner;
    int fds[2];
    make_pair(TCP_PAIR, fds);
    server = fds[1];
    http_client_connected(client, stream_from_fd(loop, fds[0]));
}

static struct deferred connecting;

static bool on_connect(void *owner)
{
    (void)owner;
    connections++;
    deferred_init(&connecting, connected, NULL);
    loop_defer(loop, &connecting);
    return true;
}

static void on_abandon(void *owner)
{
    (void)owner;
    loop_cancel(&connecting);
}

static void on_answer(void *owner, const struct http_head *head, struct buf *body)
{
    (void)owner;
    assert_int_equal(head->status, 200);
    assert_int_equal(body->size, 2);
    answers++;
    if (takes)
        taken = http_client_take(client);
}

static void on_lost(void *owner, enum http_loss how, enum err why, const char *text)
{
    (void)owner, (void)why, (void)text;
    losses++;
    loss = how;
}

static int begin(void **state)
{
    static const struct http_client_events events = {
        .connect = on_connect, .abandon = on_abandon, .answer = on_answer, .lost = on_lost};
    loop_begin(state);
    connections = answers = losses = 0;
    server = -1;
    takes = false;
    taken = NULL;
    client = http_client_new(
        loop,
        &(struct http_client_options){.max_head = 4096, .max_body = 4096, .timeout_ms = 20000},
        &events, NULL);
    assert_non_null(client);
    return 0;
}

static int end(void **state)
{
    http_client_free(client);
    if (taken != NULL)
        stream_close(taken);
    if (server >= 0)
        close(server);
    return loop_end(state);
}

static void ask(unsigned how)
{
    struct buf request = {.limit = 4096};
    assert_true(buf_append(&request, REQUEST, strlen(REQUEST)));
    assert_true(http_client_ask(client, &request, how));
}

/* The server has the request on its n-th connection, and nothing more. */
static void hears(int n)
{
    char got[100];
    UNTIL(connections == n && server >= 0 && stirs(server));
    ssize_t size = recv(server, got, sizeof got, 0);
    assert_int_equal(size, strlen(REQUEST));
    assert_memory_equal(got, REQUEST, strlen(REQUEST));
}

static void answers_it(void)
{
    int before = answers;
    say(server, ANSWER, strlen(ANSWER));
    UNTIL(answers == before + 1);
}

static void is_kept_and_taken(void **state)
{
    uint8_t *p;
    (void)state;
    assert_null(http_client_take(client));
    assert_null(http_client_stream(client));
    ask(HTTP_REPEATABLE);
    assert_null(http_client_take(client)); /* it is in use */
    hears(1);
    assert_non_null(http_client_stream(client));
    assert_null(http_client_take(client));
    answers_it();
    ask(HTTP_REPEATABLE);
    hears(1); /* the same connection */
    takes = true;
    answers_it();
    assert_non_null(taken);
    assert_null(http_client_stream(client));
    /* Its bytes are the new owner's. */
    struct probe probe = {.stream = NULL};
    probe_own(&probe, taken);
    taken = NULL;
    say(server, "hello", 5);
    stream_read_on(probe.stream, true);
    UNTIL(probe.readable > 0);
    assert_int_equal(stream_peek(probe.stream, 1, &p), 5);
    probe_close(&probe);
    close(server);
    server = -1;
    takes = false;
    ask(HTTP_REPEATABLE);
    hears(2);
    answers_it();
    assert_int_equal(losses, 0);
}

static void is_not_taken_with_more_behind_the_answer(void **state)
{
    (void)state;
    takes = true;
    ask(HTTP_REPEATABLE);
    hears(1);
    say(server, ANSWER "more", strlen(ANSWER "more"));
    UNTIL(answers == 1);
    assert_null(taken);
}

static void is_renewed(void **state)
{
    (void)state;
    http_client_renew(client); /* there is nothing to renew */
    ask(HTTP_REPEATABLE);
    hears(1);
    answers_it();
    ask(HTTP_REPEATABLE);
    hears(1);
    int old = server;
    server = -1;
    http_client_renew(client);
    hears(2);
    close(old);
    answers_it();
    assert_int_equal(losses, 0);
    assert_int_equal(answers, 2);
}

static void is_lost_instead(void **state)
{
    (void)state;
    ask(HTTP_REPEATABLE); /* over a connection of its own */
    hears(1);
    http_client_renew(client);
    assert_int_equal(losses, 1);
    assert_int_equal(loss, HTTP_LOSS_LATE);
    assert_int_equal(connections, 1);
    assert_false(http_client_busy(client));
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(is_kept_and_taken),
        test(is_not_taken_with_more_behind_the_answer),
        test(is_renewed),
        test(is_lost_instead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
