/* The client of Redis against a real redis-server. */
#include "gateway/hub/redis/redis.h"

#include "tests/support/redis.h"

#include <stdlib.h>
#include <string.h>

static struct redis_test server;
static struct loop *loop;
static struct redis *client;

static struct redis *connect_to(const char *url, enum err *why, char *text, size_t size)
{
    return redis_new(&(struct redis_options){.loop = loop, .url = url}, why, text, size);
}

static int begin(void **state)
{
    enum err why;
    char text[512];
    (void)state;
    redis_test_start(&server, NULL);
    loop = loop_new();
    client = connect_to(server.url, &why, text, sizeof text);
    if (client == NULL)
        fail_msg("%s", text);
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_free(client);
    loop_free(loop);
    redis_test_stop(&server);
    return 0;
}

static void answers_commands(void **state)
{
    (void)state;
    assert_true(redis_up(client));
    assert_string_equal(REDIS_ASK(loop, client, "SET", "a", "1"), "OK");
    assert_string_equal(REDIS_ASK(loop, client, "GET", "a"), "1");
    assert_string_equal(REDIS_ASK(loop, client, "INCRBY", "a", "-3"), "-2");
    assert_string_equal(REDIS_ASK(loop, client, "GET"), "(protocol)");
}

static void puts_and_drops_by_version(void **state)
{
    (void)state;
    char v[32], w[32];
    const char *got = REDIS_CALL(loop, client, "put", "t", "0", "q1", "0", "r", "one");
    assert_memory_equal(got, "1 ", 2);
    snprintf(v, sizeof v, "%s", got + 2);
    /* The same request again is done already; another one from nothing is a conflict. */
    got = REDIS_CALL(loop, client, "put", "t", "0", "q1", "0", "r", "one");
    assert_string_equal(got + 2, v);
    got = REDIS_CALL(loop, client, "put", "t", "0", "q2", "0", "r", "two");
    assert_memory_equal(got, "0 ", 2);
    assert_non_null(strstr(got, "r one"));
    got = REDIS_CALL(loop, client, "keep", "t", v, "q3", "", "r", "three");
    snprintf(w, sizeof w, "%s", got + 2);
    assert_true(strtoull(w, NULL, 10) == strtoull(v, NULL, 10) + 1);
    assert_string_equal(REDIS_CLI(&server, "HGET", "t", "r"), "three");
    assert_memory_equal(REDIS_CALL(loop, client, "drop", "t", v), "0 ", 2);
    assert_string_equal(REDIS_CALL(loop, client, "drop", "t", w), "1 0");
    assert_string_equal(REDIS_CALL(loop, client, "drop", "t", w), "1 0");
    assert_string_equal(REDIS_CLI(&server, "EXISTS", "t"), "0");
}

static void puts_with_an_end(void **state)
{
    (void)state;
    char v[32];
    snprintf(v, sizeof v, "%s",
             REDIS_CALL(loop, client, "put", "t", "0", "q1", "4102444800000", "r", "x") + 2);
    assert_string_equal(REDIS_CLI(&server, "PEXPIRETIME", "t"), "4102444800000");
    snprintf(v, sizeof v, "%s", REDIS_CALL(loop, client, "put", "t", v, "q2", "", "r", "y") + 2);
    assert_string_equal(REDIS_CLI(&server, "PEXPIRETIME", "t"), "4102444800000");
    REDIS_CALL(loop, client, "put", "t", v, "q3", "0", "r", "z");
    assert_string_equal(REDIS_CLI(&server, "PEXPIRETIME", "t"), "-1");
}

static void gives_so_many_slots(void **state)
{
    (void)state;
    assert_string_equal(REDIS_CALL(loop, client, "slot", "s", "100", "a", "4102444800000", "2"),
                        "1 1");
    assert_string_equal(REDIS_CALL(loop, client, "slot", "s", "100", "b", "200", "2"), "1 2");
    assert_string_equal(REDIS_CALL(loop, client, "slot", "s", "100", "b", "200", "2"), "1 2");
    assert_string_equal(REDIS_CALL(loop, client, "slot", "s", "100", "c", "300", "2"), "0 2");
    assert_string_equal(REDIS_CALL(loop, client, "slot", "s", "201", "c", "300", "2"), "1 2");
    assert_string_equal(REDIS_CALL(loop, client, "slot", "s", "201", "d", "300", "0"), "1 3");
    assert_string_equal(REDIS_ASK(loop, client, "ZREM", "s", "a"), "1");
}

static void spends_so_often(void **state)
{
    (void)state;
    assert_string_equal(REDIS_CALL(loop, client, "spend", "i", "a", "1"), "1 1");
    assert_string_equal(REDIS_CALL(loop, client, "spend", "i", "a", "1"), "1 1");
    assert_string_equal(REDIS_CALL(loop, client, "spend", "i", "b", "1"), "0 1");
    assert_string_equal(REDIS_CALL(loop, client, "spend", "i", "b", "2", "4102444800000"), "1 2");
    assert_string_equal(REDIS_CLI(&server, "PEXPIRETIME", "i"), "4102444800000");
}

static void finds_functions_again(void **state)
{
    (void)state;
    assert_string_equal(REDIS_CLI(&server, "FUNCTION", "FLUSH"), "OK");
    assert_string_equal(REDIS_CALL(loop, client, "spend", "i", "a", "1"), "1 1");
    assert_string_equal(REDIS_CALL(loop, client, "nothing", "i", "a", "1"), "(protocol)");
}

#define REDIS_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REDIS_TEST(answers_commands), REDIS_TEST(puts_and_drops_by_version),
        REDIS_TEST(puts_with_an_end), REDIS_TEST(gives_so_many_slots),
        REDIS_TEST(spends_so_often),  REDIS_TEST(finds_functions_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
