/* Redis in trouble while hubs run: each command is answered once, and all is well again by itself.
 */
#include "gateway/hub/redis/redis.h"

#include "core/base/log.h"
#include "tests/support/redis.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct redis_test server;
static struct loop *loop;
static struct redis *client;
static int ups, downs;
static uint64_t look_ms; /* the client's; 0: as it is */
static pid_t relay;

static void on_changed(void *owner, bool up)
{
    (void)owner;
    if (up)
        ups++;
    else
        downs++;
}

/* timeout_ms: 0 where it does not matter. */
static void connect_with(const char *url, uint64_t timeout_ms)
{
    char text[512];
    enum err why = ERR_OK;
    client = redis_new(&(struct redis_options){.loop = loop,
                                               .url = url,
                                               .timeout_ms = timeout_ms != 0 ? timeout_ms : 20000,

                                               .look_ms = look_ms,
                                               .changed = on_changed},
                       &why, text, sizeof text);
    if (client == NULL)
        fail_msg("%s", text);
}

static int begin(void **state)
{
    (void)state;
    redis_test_start(&server, NULL);
    loop = redis_test_loop();
    ups = downs = 0;
    look_ms = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_free(client);
    client = NULL;
    redis_test_loop_free(loop);
    redis_test_stop(&server);
    if (relay > 0) {
        kill(relay, SIGKILL);
        waitpid(relay, NULL, 0);
    }
    relay = 0;
    return 0;
}

#define UNTIL(condition) REDIS_UNTIL(loop, condition)

/* ---- many commands ---- */

struct tally {
    size_t asked, fine, busy, other;
    bool inside; /* of redis_ask: no answer may come now */
};

static void on_done(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct tally *t = ctx;
    assert_false(t->inside);
    assert_true((why == ERR_OK) == (reply != NULL));
    if (why == ERR_OK)
        t->fine++;
    else if (why == ERR_BUSY)
        t->busy++;
    else
        t->other++;
}

static size_t answered(const struct tally *t)
{
    return t->fine + t->busy + t->other;
}

/* Adds members 0 to n - 1 to a set: may be done twice. */
static void ask_many(struct tally *t, size_t n)
{
    char member[24];
    t->inside = true;
    for (size_t i = 0; i < n; i++) {
        snprintf(member, sizeof member, "%zu", t->asked++);
        const struct span args[] = {span_of("SADD"), span_of("set"), span_of(member)};
        redis_ask(client, args, 3, 1, on_done, t);
    }
    t->inside = false;
}

static void killed_in_mid_pipeline(void **state)
{
    (void)state;
    struct tally t = {0};
    connect_with(server.url, 0);
    kill(server.pid, SIGSTOP);
    ask_many(&t, 4000);
    /* It has bytes that it did not read: the connection is reset. */
    for (uint64_t at = loop_now(loop) + 100; loop_now(loop) < at;)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    redis_test_kill(&server);
    ask_many(&t, 1000);
    UNTIL(answered(&t) == t.asked);
    assert_int_equal(t.other, 0);
    assert_int_equal(t.busy, 5000); /* nobody came in its place */
    assert_false(redis_up(client));
    redis_test_start(&server, NULL);
    UNTIL(redis_up(client));
    assert_int_equal(ups, 1);
    assert_int_equal(downs, 1);
    assert_int_equal(redis_counts(client).unanswered, 0);
}

/* A connection that is lost alone costs no command: they are sent again. */
static void lost_connections_are_made_good(void **state)
{
    (void)state;
    struct tally t = {0};
    connect_with(server.tcp, 0);
    for (int i = 0; i < 20; i++) {
        size_t before = answered(&t);
        ask_many(&t, 200);
        UNTIL(answered(&t) > before || i % 2 == 1); /* it was connected */
        REDIS_CLI(&server, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    }
    UNTIL(answered(&t) == t.asked);
    assert_int_equal(t.fine, 4000);
    assert_string_equal(REDIS_CLI(&server, "SCARD", "set"), "4000");
    assert_true(redis_counts(client).reconnects > 0);
    assert_int_equal(downs, 0);
}

/* The answers come from the server that was started again with its file. */
static void a_quick_restart_loses_nothing(void **state)
{
    (void)state;
    struct tally t = {0};
    connect_with(server.url, 20000);
    ask_many(&t, 3000);
    UNTIL(t.fine > 0);
    redis_test_kill(&server);
    size_t before = t.fine;
    redis_test_start(&server, NULL);
    UNTIL(answered(&t) == t.asked);
    /* At most what was unanswered when it died is "busy"; it may have been done. */
    assert_int_equal(t.other, 0);
    assert_true(t.fine >= before);
    assert_true((size_t)atol(REDIS_CLI(&server, "SCARD", "set")) >= t.fine);
}

static void a_stopped_server_is_given_up_and_found_again(void **state)
{
    (void)state;
    struct tally t = {0};
    connect_with(server.url, 1000);
    kill(server.pid, SIGSTOP);
    uint64_t begun = loop_now(loop);
    ask_many(&t, 100);
    UNTIL(answered(&t) == 100);
    assert_int_equal(t.busy, 100);
    assert_in_range(loop_now(loop) - begun, 990, 20000);
    UNTIL(!redis_up(client));
    ask_many(&t, 1); /* now at once: nothing is waited for */
    for (int turns = 0; turns < 3 && answered(&t) < 101; turns++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(answered(&t), 101);
    kill(server.pid, SIGCONT);
    UNTIL(redis_up(client));
    assert_string_equal(REDIS_ASK(loop, client, "PING"), "PONG");
}

/* It goes out again over the next connection, where nobody answers: its time is over before the
 * server is given up. */
static void the_time_of_a_lost_command_goes_on(void **state)
{
    (void)state;
    struct tally t = {0};
    connect_with(server.url, 1000);
    kill(server.pid, SIGSTOP);
    ask_many(&t, 1);
    redis_check(client);
    UNTIL(answered(&t) == 1);
    assert_int_equal(t.busy, 1);
    assert_true(redis_up(client));
    kill(server.pid, SIGCONT);
}

static void a_full_server_takes_nothing_new(void **state)
{
    (void)state;
    char v[32];
    connect_with(server.url, 0);
    snprintf(v, sizeof v, "%s", REDIS_CALL(loop, client, "put", "t", "0", "q", "0", "r", "x") + 2);
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory", "1");
    assert_string_equal(REDIS_CALL(loop, client, "put", "t", v, "p", "0", "r", "y"), "(busy)");
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", "1"), "(busy)");
    assert_string_equal(REDIS_ASK(loop, client, "HGET", "t", "r"), "x");
    assert_memory_equal(REDIS_CALL(loop, client, "keep", "t", v, "o", "0", "r", "z"), "1 ", 2);
    /* Also over a new connection. */
    redis_check(client);
    assert_string_equal(REDIS_ASK(loop, client, "HGET", "t", "r"), "z");
    assert_true(redis_up(client));
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory", "0");
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", "1"), "OK");
}

static char complaint[256];
static int complaints;

static void on_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx, (void)level;
    snprintf(complaint, sizeof complaint, "%s", line);
    complaints++;
}

/* What each command runs into is told once, and for each kind of trouble. */
static void what_is_wrong_with_all_commands_is_told_once(void **state)
{
    (void)state;
    connect_with(server.url, 0);
    log_redirect(on_line, NULL);
    complaints = 0;
    REDIS_CLI(&server, "CONFIG", "SET", "min-replicas-to-write", "1");
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", "1"), "(busy)");
    assert_non_null(strstr(complaint, " asks for patience: NOREPLICAS "));
    assert_int_equal(complaints, 1);
    REDIS_CLI(&server, "CONFIG", "SET", "min-replicas-to-write", "0");
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory", "1");
    for (int i = 0; i < 3; i++)
        assert_string_equal(REDIS_ASK(loop, client, "SET", "x", "1"), "(busy)");
    assert_non_null(strstr(complaint, " takes nothing new: OOM "));
    for (int i = 0; i < 3; i++)
        REDIS_ASK(loop, client, "HGET", "x");
    assert_non_null(strstr(complaint, " refuses a command: ERR wrong number of arguments"));
    assert_int_equal(complaints, 3);
    log_redirect(NULL, NULL);
}

static void a_server_that_becomes_a_replica_is_left(void **state)
{
    (void)state;
    struct tally t = {0};
    connect_with(server.url, 0);
    REDIS_CLI(&server, "REPLICAOF", "127.0.0.1", "1");
    ask_many(&t, 1);
    UNTIL(answered(&t) == 1);
    assert_int_equal(t.busy, 1);
    assert_false(redis_up(client));
    REDIS_CLI(&server, "REPLICAOF", "NO", "ONE");
    UNTIL(redis_up(client));
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", "1"), "OK");
}

/* What it keeps is in danger, but what it answers is right: told, and gone on with. */
static void a_policy_that_is_set_later_is_told(void **state)
{
    (void)state;
    connect_with(server.url, 0);
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    redis_check(client);
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", "1"), "OK");
    assert_true(redis_up(client));
    assert_int_equal(redis_counts(client).unsafe, 1);
}

/* The same on the connection that there is. */
static void what_is_set_later_is_seen_in_time(void **state)
{
    (void)state;
    look_ms = 50;
    connect_with(server.url, 0);
    assert_int_equal(redis_counts(client).unsafe, 0);
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    UNTIL(redis_counts(client).unsafe == 1);
    assert_true(redis_up(client));
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    UNTIL(redis_counts(client).unsafe == 0);
    assert_int_equal(redis_counts(client).reconnects, 0);
    REDIS_CLI(&server, "REPLICAOF", "127.0.0.1", "1");
    UNTIL(!redis_up(client)); /* although nobody asks it for anything */
}

static void a_changed_password_is_denied_until_it_is_right(void **state)
{
    (void)state;
    connect_with(server.url, 0);
    REDIS_CLI(&server, "CONFIG", "SET", "requirepass", "new");
    redis_check(client);
    UNTIL(!redis_up(client));
    REDIS_CLI(&server, "-a", "new", "--no-auth-warning", "CONFIG", "SET", "requirepass", "");
    UNTIL(redis_up(client));
}

static void the_queue_has_an_end(void **state)
{
    (void)state;
    struct tally t = {0};
    connect_with(server.url, 20000);
    kill(server.pid, SIGSTOP);
    ask_many(&t, REDIS_QUEUE_MAX + 10);
    UNTIL(answered(&t) == 10);
    assert_int_equal(t.busy, 10);
    kill(server.pid, SIGCONT);
    UNTIL(answered(&t) == t.asked);
    assert_int_equal(t.fine, REDIS_QUEUE_MAX);
}

static void what_is_unanswered_at_the_end_is_told(void **state)
{
    (void)state;
    struct tally t = {0}, forgotten = {0};
    connect_with(server.url, 0);
    kill(server.pid, SIGSTOP);
    ask_many(&t, 50);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    ask_many(&t, 50);
    ask_many(&forgotten, 50);
    redis_forget(client, &forgotten);
    redis_free(client);
    client = NULL;
    assert_int_equal(t.other, 100);
    assert_int_equal(answered(&forgotten), 0);
}

static void too_much_for_a_command(void **state)
{
    (void)state;
    static char big[REDIS_COMMAND_MAX + 1];
    struct tally t = {0};
    connect_with(server.url, 0);
    memset(big, 'x', sizeof big - 1);
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", big), "(too-large)");
    struct span args[REDIS_ARGS_MAX + 1];
    for (size_t i = 0; i <= REDIS_ARGS_MAX; i++)
        args[i] = span_of("DEL");
    t.inside = true;
    redis_ask(client, args, REDIS_ARGS_MAX + 1, 1, on_done, &t);
    redis_call(client, "put", "k", args, REDIS_ARGS_MAX, on_done, &t);
    t.inside = false;
    UNTIL(answered(&t) == 2);
    assert_int_equal(t.other, 2);
    /* Three quarters of the limit are no problem; nor is an answer of many times that. */
    big[REDIS_COMMAND_MAX * 3 / 4] = 0;
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", big), "OK");
    assert_string_equal(REDIS_ASK(loop, client, "EVAL", "return string.rep('x', 20000000)", "0"),
                        "(busy)");
    assert_string_equal(REDIS_ASK(loop, client, "STRLEN", "x"), "786432");
}

/* ---- a slow way ---- */

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Relays one connection, each piece `ms` late. */
static void relay_one(int a, int port, long ms)
{
    static char piece[65536];
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port)};
    int fds[2] = {a, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(fds[1], (struct sockaddr *)&at, sizeof at) != 0)
        _exit(1);
    for (;;) {
        struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
        poll(p, 2, -1);
        for (int i = 0; i < 2; i++) {
            ssize_t n = p[i].revents != 0 ? read(fds[i], piece, sizeof piece) : -1;
            if (n == 0 || (n < 0 && p[i].revents != 0))
                _exit(0);
            if (n > 0)
                pause_ms(ms);
            if (n > 0 && write(fds[1 - i], piece, (size_t)n) != n)
                _exit(0);
        }
    }
}

static const char *slow_relay(long ms)
{
    static char url[48];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", ntohs(at.sin_port));
    relay = fork();
    if (relay == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            int a = accept(fd, NULL, NULL);
            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                relay_one(a, server.port, ms);
            }
            close(a);
        }
    }
    close(fd);
    return url;
}

static void two_seconds_late(void **state)
{
    (void)state;
    char text[512];
    enum err why = ERR_OK;
    const char *url = slow_relay(1000); /* there, and back again */
    client = redis_new(&(struct redis_options){.loop = loop, .url = url, .timeout_ms = 1500}, &why,
                       text, sizeof text);
    assert_null(client);
    assert_int_equal(why, ERR_TIMEOUT);
    assert_non_null(strstr(text, "does not answer within 1500 ms"));
    connect_with(url, 10000);
    assert_string_equal(REDIS_ASK(loop, client, "SET", "x", "1"), "OK");
    assert_in_range(redis_counts(client).last_ms, 2000, 9000);
}

#define TROUBLE_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TROUBLE_TEST(killed_in_mid_pipeline),
        TROUBLE_TEST(lost_connections_are_made_good),
        TROUBLE_TEST(a_quick_restart_loses_nothing),
        TROUBLE_TEST(a_stopped_server_is_given_up_and_found_again),
        TROUBLE_TEST(the_time_of_a_lost_command_goes_on),
        TROUBLE_TEST(a_full_server_takes_nothing_new),
        TROUBLE_TEST(what_is_wrong_with_all_commands_is_told_once),
        TROUBLE_TEST(a_server_that_becomes_a_replica_is_left),
        TROUBLE_TEST(a_policy_that_is_set_later_is_told),
        TROUBLE_TEST(what_is_set_later_is_seen_in_time),
        TROUBLE_TEST(a_changed_password_is_denied_until_it_is_right),
        TROUBLE_TEST(the_queue_has_an_end),
        TROUBLE_TEST(what_is_unanswered_at_the_end_is_told),
        TROUBLE_TEST(too_much_for_a_command),
        TROUBLE_TEST(two_seconds_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
