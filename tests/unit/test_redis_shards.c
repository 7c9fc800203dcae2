/* The client against a Redis Cluster of three shards on loopback: slots that move, and a fail-over.
 */
#include "gateway/hub/redis/redis.h"

#include "gateway/hub/redis/redis_slot.h"
#include "tests/support/redis.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MASTERS 3
#define SERVERS 4 /* the last one is a replica of the first */

static struct redis_test servers[SERVERS];
static char ids[SERVERS][64];
static struct loop *loop;
static struct redis *client;
static char url[128];

/* Of the servers, ms: short where one of them is to be missed, else so long that a busy machine
 * does not make them doubt each other. */
static const char *node_timeout;

#define UNTIL(condition) REDIS_UNTIL(loop, condition)

static void start_server(struct redis_test *t)
{
    redis_test_start(t,
                     (const char *const[]){"--cluster-enabled", "yes", "--cluster-node-timeout",
                                           node_timeout, "--repl-diskless-sync-delay", "0", NULL});
}

static bool all_say(const char *what)
{
    for (int i = 0; i < SERVERS; i++)
        if (servers[i].pid != 0 && strstr(REDIS_CLI(&servers[i], "CLUSTER", "INFO"), what) == NULL)
            return false;
    return true;
}

static void meet(void)
{
    static const char *const ranges[MASTERS][2] = {
        {"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
    char port[16];
    for (int i = 0; i < SERVERS; i++) {
        start_server(&servers[i]);
        snprintf(ids[i], sizeof ids[i], "%s", REDIS_CLI(&servers[i], "CLUSTER", "MYID"));
        snprintf(port, sizeof port, "%d", servers[0].port);
        if (i > 0)
            assert_string_equal(REDIS_CLI(&servers[i], "CLUSTER", "MEET", "127.0.0.1", port), "OK");
        if (i < MASTERS)
            assert_string_equal(
                REDIS_CLI(&servers[i], "CLUSTER", "ADDSLOTSRANGE", ranges[i][0], ranges[i][1]),
                "OK");
    }
    UNTIL(all_say("cluster_state:ok") && all_say("cluster_known_nodes:4"));
    UNTIL(strcmp(REDIS_CLI(&servers[3], "CLUSTER", "REPLICATE", ids[0]), "OK") == 0);
    UNTIL(strstr(REDIS_CLI(&servers[3], "INFO", "replication"), "master_link_status:up") != NULL);
    UNTIL(strstr(REDIS_CLI(&servers[1], "CLUSTER", "NODES"), "slave") != NULL);
}

static void connect_client(void)
{
    char text[512];
    enum err why = ERR_OK;
    client = redis_new(&(struct redis_options){.loop = loop, .url = url}, &why, text, sizeof text);
    if (client == NULL)
        fail_msg("%s", text);
}

static int begin_with(const char *ms)
{
    node_timeout = ms;
    loop = redis_test_loop();
    meet();
    /* The first seed is nobody; the second tells of all. */
    snprintf(url, sizeof url, "redis+cluster://127.0.0.1:1,127.0.0.1:%d", servers[1].port);
    connect_client();
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with("15000");
}

static int begin_hasty(void **state)
{
    (void)state;
    return begin_with("1500");
}

static int end(void **state)
{
    (void)state;
    redis_free(client);
    client = NULL;
    redis_test_loop_free(loop);
    for (int i = 0; i < SERVERS; i++)
        redis_test_stop(&servers[i]);
    return 0;
}

/* A busy machine makes servers doubt each other: that passes. */
static void put(const char *key)
{
    UNTIL(memcmp(REDIS_CALL(loop, client, "put", key, "0", "q", "0", "r", key), "1 ", 2) == 0);
}

static const char *read_of(const char *key)
{
    const char *got = "(busy)";
    UNTIL(strcmp(got = REDIS_ASK(loop, client, "HGET", key, "r"), "(busy)") != 0);
    return got;
}

/* A key "NAME{i}…" of the range of the i-th master. */
static const char *key_of(int master, const char *name)
{
    static char key[64];
    for (int i = 0;; i++) {
        snprintf(key, sizeof key, "%s{%d}", name, i);
        if (redis_slot(span_of(key)) * 3 / REDIS_SLOTS == master)
            return key;
    }
}

static void every_key_is_at_its_master(void **state)
{
    (void)state;
    char key[32];
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "tunnel:t:{%d}", i);
        put(key);
    }
    long sum = 0;
    for (int i = 0; i < MASTERS; i++) {
        long n = atol(REDIS_CLI(&servers[i], "DBSIZE"));
        assert_in_range(n, 50, 150);
        sum += n;
        assert_non_null(strstr(REDIS_CLI(&servers[i], "FUNCTION", "LIST"), "tunnel_"));
    }
    assert_int_equal(sum, 300);
    static const char *const odd[] = {"foo{",   "{}foo",      "foo{}{bar}", "foo{{bar}}zap",
                                      "foo}{x", "a{b}c{d}e{", "{",          "\xff{\x80}"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(atoi(REDIS_CLI(&servers[0], "CLUSTER", "KEYSLOT", odd[i])),
                         redis_slot(span_of(odd[i])));
    /* The client knew where they are. */
    assert_int_equal(redis_counts(client).resent, 0);
    assert_string_equal(REDIS_ASK(loop, client, "HGET", "tunnel:t:{7}", "r"), "tunnel:t:{7}");
    assert_string_equal(REDIS_ASK(loop, client, "PING"), "PONG");
}

/* Slots that move: ASK while they do, MOVED afterwards, and TRYAGAIN in between. */
static void slots_move(void **state)
{
    (void)state;
    char slot[16], port[16], old[64], fresh[64];
    snprintf(old, sizeof old, "%s", key_of(0, "old"));
    snprintf(fresh, sizeof fresh, "new%s", strchr(old, '{'));
    snprintf(slot, sizeof slot, "%d", redis_slot(span_of(old)));
    snprintf(port, sizeof port, "%d", servers[1].port);
    put(old);
    assert_string_equal(REDIS_CLI(&servers[1], "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0]),
                        "OK");
    assert_string_equal(REDIS_CLI(&servers[0], "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1]),
                        "OK");
    put(fresh); /* not there: ASK */
    assert_string_equal(read_of(old), old);
    assert_string_equal(REDIS_CLI(&servers[1], "CLUSTER", "COUNTKEYSINSLOT", slot), "1");
    uint64_t resent = redis_counts(client).resent;
    assert_in_range(resent, 1, 10);
    /* One of two is there, one is here. */
    assert_string_equal(REDIS_ASK(loop, client, "DEL", old, fresh), "(busy)");
    assert_true(redis_counts(client).resent > resent + 5);
    assert_string_equal(REDIS_CLI(&servers[0], "MIGRATE", "127.0.0.1", port, old, "0", "1000"),
                        "OK");
    assert_string_equal(read_of(old), old);
    for (int i = 0; i < MASTERS; i++)
        REDIS_CLI(&servers[i], "CLUSTER", "SETSLOT", slot, "NODE", ids[1]);
    assert_string_equal(read_of(old), old);
    resent = redis_counts(client).resent;
    assert_string_equal(read_of(fresh), fresh);
    assert_int_equal(redis_counts(client).resent, resent);
}

static void on_done(void *ctx, enum err why, const struct redis_reply *reply)
{
    int *counts = ctx;
    (void)reply;
    counts[why == ERR_OK ? 0 : why == ERR_BUSY ? 1 : 2]++;
}

static void a_replica_takes_over(void **state)
{
    (void)state;
    char key[64];
    int counts[3] = {0}, asked = 0;
    snprintf(key, sizeof key, "%s", key_of(0, "x"));
    put(key);
    UNTIL(strcmp(REDIS_CLI(&servers[3], "DBSIZE"), "1") == 0);
    redis_test_kill(&servers[0]);
    uint64_t begun = loop_now(loop);
    for (; counts[0] == 0; asked++) {
        const struct span args[] = {span_of("HGET"), span_of(key), span_of("r")};
        redis_ask(client, args, 3, 1, on_done, counts);
        UNTIL(counts[0] + counts[1] + counts[2] == asked + 1);
        for (uint64_t at = loop_now(loop) + 50; loop_now(loop) < at;)
            uv_run(loop_uv(loop), UV_RUN_ONCE);
        assert_in_range(loop_now(loop) - begun, 0, 60000);
    }
    assert_int_equal(counts[2], 0);
    print_message("fail-over of a shard: %llu ms, %d of %d answered \"busy\"\n",
                  (unsigned long long)(loop_now(loop) - begun), counts[1], asked);
    UNTIL(redis_up(client));
    put("after{1}");
    assert_string_equal(read_of(key), key);
    assert_non_null(strstr(REDIS_CLI(&servers[3], "ROLE"), "master"));
    /* The old one comes back as a replica: it does not matter. */
    start_server(&servers[0]);
    UNTIL(strstr(REDIS_CLI(&servers[0], "ROLE"), "slave") != NULL);
    assert_string_equal(read_of(key), key);
}

static void a_lost_shard_is_waited_for(void **state)
{
    (void)state;
    char here[64], there[64];
    snprintf(here, sizeof here, "%s", key_of(1, "x"));
    snprintf(there, sizeof there, "%s", key_of(2, "x"));
    put(here);
    put(there);
    redis_test_kill(&servers[2]);
    UNTIL(strcmp(REDIS_ASK(loop, client, "HGET", there, "r"), "(busy)") == 0);
    UNTIL(strstr(REDIS_CLI(&servers[1], "CLUSTER", "INFO"), "cluster_state:fail") != NULL);
    assert_string_equal(REDIS_ASK(loop, client, "HGET", here, "r"), "(busy)"); /* CLUSTERDOWN */
    start_server(&servers[2]);
    UNTIL(strcmp(REDIS_ASK(loop, client, "HGET", there, "r"), there) == 0);
    UNTIL(strcmp(REDIS_ASK(loop, client, "HGET", here, "r"), here) == 0);
    UNTIL(redis_up(client));
}

static void a_shard_that_will_not_do_is_named(void **state)
{
    (void)state;
    char text[512], name[32];
    enum err why = ERR_OK;
    REDIS_CLI(&servers[2], "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    struct redis *r =
        redis_new(&(struct redis_options){.loop = loop, .url = url}, &why, text, sizeof text);
    assert_null(r);
    snprintf(name, sizeof name, "127.0.0.1:%d may throw", servers[2].port);
    if (strstr(text, name) == NULL)
        fail_msg("%s", text);
    assert_null(
        redis_new(&(struct redis_options){.loop = loop, .url = "redis+cluster://127.0.0.1:1"}, &why,
                  text, sizeof text));
    assert_string_equal(text, "Redis at 127.0.0.1:1 cannot be asked: connection refused");
}

#define SHARDS_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
#define HASTY_TEST(f) cmocka_unit_test_setup_teardown(f, begin_hasty, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARDS_TEST(every_key_is_at_its_master),
        SHARDS_TEST(slots_move),
        HASTY_TEST(a_replica_takes_over),
        HASTY_TEST(a_lost_shard_is_waited_for),
        SHARDS_TEST(a_shard_that_will_not_do_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
