/* The client with Sentinels: who the master is, and that it is left when another one takes over. */
#include "gateway/hub/redis/redis.h"

#include "tests/support/redis.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct redis_test servers[3], sentinel;
static struct loop *loop;
static struct redis *client;
static char url[160];
static uint64_t timeout_ms;       /* the client's; 0: as it is */
static const char *sentinel_file; /* with the Sentinels' password, or NULL */

#define UNTIL(condition) REDIS_UNTIL(loop, condition)

static const char *try_to_connect(void)
{
    static char text[512];
    enum err why = ERR_OK;
    text[0] = 0;
    client = redis_new(&(struct redis_options){.loop = loop,
                                               .url = url,
                                               .sentinel_password_file = sentinel_file,
                                               .timeout_ms = timeout_ms},
                       &why, text, sizeof text);
    return client != NULL ? "fine" : text;
}

static bool is_master(struct redis_test *t)
{
    return strncmp(REDIS_CLI(t, "ROLE"), "master", 6) == 0;
}

static int begin(void **state)
{
    char master[16];
    (void)state;
    timeout_ms = 0;
    sentinel_file = NULL;
    loop = redis_test_loop();
    for (int i = 0; i < 3; i++) {
        redis_test_start(&servers[i], (const char *const[]){
                                          "--min-replicas-to-write", "1", "--min-replicas-max-lag",
                                          "2", "--repl-diskless-sync-delay", "0", NULL});
        snprintf(master, sizeof master, "%d", servers[0].port);
        if (i > 0)
            REDIS_CLI(&servers[i], "REPLICAOF", "127.0.0.1", master);
    }
    for (int i = 1; i < 3; i++)
        UNTIL(strstr(REDIS_CLI(&servers[i], "INFO", "replication"), "master_link_status:up") !=
              NULL);
    redis_test_start_sentinel(&sentinel, servers[0].port, "");
    UNTIL(strstr(REDIS_CLI(&sentinel, "INFO", "sentinel"), "slaves=2") != NULL);
    UNTIL(strcmp(REDIS_CLI(&servers[0], "SET", "x", "1"), "OK") == 0);
    /* The first one that is named is nobody. */
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:1,127.0.0.1:%d/main", sentinel.port);
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_free(client);
    client = NULL;
    redis_test_loop_free(loop);
    redis_test_stop(&sentinel);
    for (int i = 0; i < 3; i++)
        redis_test_stop(&servers[i]);
    return 0;
}

static void another_one_takes_over(void **state)
{
    (void)state;
    assert_string_equal(try_to_connect(), "fine");
    assert_memory_equal(REDIS_CALL(loop, client, "put", "t", "0", "q", "0", "r", "x"), "1 ", 2);
    UNTIL(strcmp(REDIS_CLI(&servers[1], "EXISTS", "t"), "1") == 0 &&
          strcmp(REDIS_CLI(&servers[2], "EXISTS", "t"), "1") == 0);
    uint64_t begun = loop_now(loop);
    kill(servers[0].pid, SIGSTOP);
    UNTIL(strcmp(REDIS_ASK(loop, client, "SET", "y", "1"), "OK") == 0);
    print_message("fail-over by Sentinel: %llu ms\n", (unsigned long long)(loop_now(loop) - begun));
    assert_true(is_master(&servers[1]) || is_master(&servers[2]));
    assert_string_equal(REDIS_ASK(loop, client, "HGET", "t", "r"), "x");
    /* The old master wakes up and is one still, for a moment: nobody writes to it. */
    kill(servers[0].pid, SIGCONT);
    for (int i = 0; !redis_up(client) || is_master(&servers[0]); i++) {
        REDIS_ASK(loop, client, "INCR", "n");
        assert_true(i < 1000000);
    }
    assert_string_equal(REDIS_ASK(loop, client, "SET", "z", "1"), "OK");
    struct redis_test *master = is_master(&servers[1]) ? &servers[1] : &servers[2];
    assert_string_equal(REDIS_CLI(master, "EXISTS", "t", "y", "z"), "3");
}

/* Long before the client's own patience ends, since the Sentinels have another one. */
static void a_master_that_was_replaced_is_left(void **state)
{
    (void)state;
    timeout_ms = 40000;
    assert_string_equal(try_to_connect(), "fine");
    uint64_t begun = loop_now(loop);
    kill(servers[0].pid, SIGSTOP);
    assert_string_equal(REDIS_ASK(loop, client, "SET", "y", "1"), "OK");
    assert_in_range(loop_now(loop) - begun, 0, 30000);
    assert_true(is_master(&servers[1]) || is_master(&servers[2]));
    kill(servers[0].pid, SIGCONT);
}

static void a_change_of_the_master_in_good_order(void **state)
{
    (void)state;
    assert_string_equal(try_to_connect(), "fine");
    UNTIL(strcmp(REDIS_CLI(&sentinel, "SENTINEL", "FAILOVER", "main"), "OK") == 0);
    UNTIL(is_master(&servers[1]) || is_master(&servers[2]));
    struct redis_test *master = is_master(&servers[1]) ? &servers[1] : &servers[2];
    UNTIL(strcmp(REDIS_ASK(loop, client, "SET", "y", "1"), "OK") == 0 &&
          strcmp(REDIS_CLI(master, "EXISTS", "y"), "1") == 0);
}

static void what_will_not_do_is_told(void **state)
{
    (void)state;
    REDIS_CLI(&servers[0], "CONFIG", "SET", "min-replicas-to-write", "0");
    assert_non_null(strstr(try_to_connect(), "set min-replicas-to-write to 1 or more"));
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/other", sentinel.port);
    assert_non_null(strstr(try_to_connect(), "does not know a master with the name other"));
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/main", servers[0].port);
    assert_non_null(strstr(try_to_connect(), "ERR unknown command 'SENTINEL'"));
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:1,127.0.0.1:2/main");
    assert_non_null(strstr(try_to_connect(), "the Sentinel at 127.0.0.1:2 cannot be asked"));
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", sentinel.port);
    assert_non_null(strstr(try_to_connect(), "is a Sentinel"));
}

/* Sentinels that are gone matter only when they are needed. */
static void without_sentinels_what_runs_goes_on(void **state)
{
    (void)state;
    assert_string_equal(try_to_connect(), "fine");
    redis_test_kill(&sentinel);
    for (uint64_t at = loop_now(loop) + 3000; loop_now(loop) < at;)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_string_equal(REDIS_ASK(loop, client, "SET", "y", "1"), "OK");
    assert_true(redis_up(client));
    /* Without master and Sentinels Redis is away, and it is told at once. */
    redis_test_kill(&servers[0]);
    UNTIL(!redis_up(client));
    assert_string_equal(REDIS_ASK(loop, client, "GET", "y"), "(busy)");
}

static const char *try_as(int port, const char *login)
{
    redis_free(client);
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%d/main%s", port, login);
    return try_to_connect();
}

static void must_say(const char *said, const char *what)
{
    if (strstr(said, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", said, what);
}

static const char *write_password(const struct redis_test *t, const char *text)
{
    static char path[96];
    snprintf(path, sizeof path, "%s/password", t->folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, 0600), 0);
    return path;
}

/* Sentinels have a login of their own, which is not the master's. */
static void sentinels_with_passwords(void **state)
{
    struct redis_test t = {0};
    (void)state;
    timeout_ms = 20000; /* what it answers counts, however late */
    redis_test_start_sentinel(&t, servers[0].port,
                              "requirepass right\nuser asker on >other allcommands\n");
    must_say(try_as(t.port, ""), "says: NOAUTH");
    must_say(try_as(t.port, "?sentinel_password=wrong"), "says: WRONGPASS");
    must_say(try_as(t.port, "?sentinel_username=asker"), "no password for it");
    assert_string_equal(try_as(t.port, "?sentinel_password=right"), "fine");
    assert_string_equal(try_as(t.port, "?sentinel_username=asker&sentinel_password=other"), "fine");
    sentinel_file = write_password(&t, "right\n");
    assert_string_equal(try_as(t.port, ""), "fine");
    assert_string_equal(REDIS_ASK(loop, client, "SET", "y", "1"), "OK");
    redis_test_stop(&t);
}

#define SENTINEL_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SENTINEL_TEST(another_one_takes_over),
        SENTINEL_TEST(a_master_that_was_replaced_is_left),
        SENTINEL_TEST(a_change_of_the_master_in_good_order),
        SENTINEL_TEST(what_will_not_do_is_told),
        SENTINEL_TEST(sentinels_with_passwords),
        SENTINEL_TEST(without_sentinels_what_runs_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
