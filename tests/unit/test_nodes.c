/* The membership against a real redis-server. */
#include "gateway/hub/cluster/nodes.h"

#include "core/base/clock.h"
#include "tests/support/redis.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEASE 2000

static struct redis_test server;
static struct loop *loop;
static struct redis *client;
static char id_file[128];

/* One node of this test, which all live in this process. */
struct one {
    struct nodes *nodes;
    struct redis *redis; /* its own */
    int fenced, changes;
    char last[128], taken[256];
    bool left, drained;
};
static struct one a, b, c;

static void on_fenced(void *owner)
{
    ((struct one *)owner)->fenced++;
}

static void on_taken(void *owner, const char *text)
{
    struct one *o = owner;
    snprintf(o->taken, sizeof o->taken, "%s", text);
}

static void on_left(void *owner)
{
    ((struct one *)owner)->left = true;
}

static void on_drained(void *owner)
{
    ((struct one *)owner)->drained = true;
}

static void on_changed(void *owner, const struct node_info *n)
{
    struct one *o = owner;
    o->changes++;
    snprintf(o->last, sizeof o->last, "%s %s", n->name, node_state_name(n->state));
}

static void figures(void *owner, struct node_figures *out)
{
    (void)owner;
    *out = (struct node_figures){1, 2, 3, 4};
}

static enum err join(struct one *o, const char *name, char *text, size_t size)
{
    enum err why = ERR_OK;
    memset(o, 0, sizeof *o);
    o->redis =
        redis_new(&(struct redis_options){.loop = loop, .url = server.url}, &why, text, size);
    if (o->redis == NULL)
        return why;
    o->nodes = nodes_new(&(struct nodes_options){.loop = loop,
                                                 .redis = o->redis,
                                                 .name = name,
                                                 .address = "127.0.0.1:7",
                                                 .announce = "",
                                                 .version = "1",
                                                 .id_file = id_file,
                                                 .lease_ms = LEASE,
                                                 .figures = figures,
                                                 .fenced = on_fenced,
                                                 .taken = on_taken,
                                                 .changed = on_changed,
                                                 .owner = o},
                         &why, text, size);
    return why;
}

static void leave(struct one *o)
{
    nodes_free(o->nodes);
    redis_free(o->redis);
    o->nodes = NULL;
    o->redis = NULL;
}

static void must_join(struct one *o, const char *name)
{
    char text[512];
    if (join(o, name, text, sizeof text) != ERR_OK)
        fail_msg("%s: %s", name, text);
}

static enum err refused(const char *name, char *text, size_t size)
{
    struct one o;
    enum err why = join(&o, name, text, size);
    leave(&o);
    return why;
}

#define UNTIL(condition) REDIS_UNTIL(loop, condition)

static int begin(void **state)
{
    enum err why;
    char text[512];
    (void)state;
    server.clock = true;
    redis_test_start(&server, NULL);
    snprintf(id_file, sizeof id_file, "%s/id", server.folder);
    loop = redis_test_loop();
    client = redis_new(&(struct redis_options){.loop = loop, .url = server.url}, &why, text,
                       sizeof text);
    assert_non_null(client);
    return 0;
}

static int end(void **state)
{
    (void)state;
    leave(&c);
    leave(&b);
    leave(&a);
    redis_free(client);
    redis_test_loop_free(loop);
    redis_test_stop(&server);
    return 0;
}

static void nodes_see_each_other(void **state)
{
    (void)state;
    must_join(&a, "a");
    must_join(&b, "b");
    /* The one that came later knows the other at once. */
    const struct node_info *i = nodes_alive(b.nodes, nodes_owner(a.nodes));
    assert_non_null(i);
    assert_string_equal(i->address, "127.0.0.1:7");
    assert_int_equal(i->figures.bytes, 4);
    UNTIL(nodes_alive(a.nodes, nodes_owner(b.nodes)) != NULL);
    assert_true(nodes_is_self(a.nodes, nodes_owner(a.nodes)));
    assert_false(nodes_is_self(a.nodes, nodes_owner(b.nodes)));
    assert_null(nodes_alive(a.nodes, nodes_owner(a.nodes)));
    assert_null(nodes_alive(a.nodes, "b:1"));
    assert_false(nodes_unheard(a.nodes, nodes_owner(b.nodes)));
    assert_false(nodes_unheard(a.nodes, "b:1"));
    assert_true(nodes_unheard(a.nodes, "c:9999999999999999999")); /* later than any so far */
    assert_true(llabs(nodes_now(a.nodes) - clock_wall_ms()) < 60000);
    nodes_drain(b.nodes, on_drained);
    UNTIL(strcmp(a.last, "b draining") == 0);
    assert_null(nodes_alive(a.nodes, nodes_owner(b.nodes)));
    assert_non_null(nodes_there(a.nodes, nodes_owner(b.nodes)));
    nodes_leave(b.nodes, on_left);
    UNTIL(b.left && strcmp(a.last, "b left") == 0);
    assert_null(nodes_find(a.nodes, "b"));
}

enum news { NOTHING, HEARD, DEAF };

static void on_news(void *ctx, bool heard)
{
    enum news *n = ctx;
    assert_int_equal(*n, NOTHING);
    *n = heard ? HEARD : DEAF;
}

static void who_waits_hears_of_a_newcomer(void **state)
{
    enum news news[3] = {NOTHING};
    struct nodes_waiter w[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        w[i] = (struct nodes_waiter){.done = on_news, .ctx = &news[i]};
    must_join(&a, "a");
    assert_true(nodes_hear(a.nodes, &w[0])); /* a beat may be on its way, which is too early */
    must_join(&b, "b");
    assert_true(nodes_hear(a.nodes, &w[1]));
    UNTIL(news[1] != NOTHING);
    assert_int_equal(news[0], HEARD);
    assert_int_equal(news[1], HEARD);
    assert_non_null(nodes_alive(a.nodes, nodes_owner(b.nodes)));
    news[0] = NOTHING;
    REDIS_CLI(&server, "FLUSHALL");
    assert_true(nodes_hear(a.nodes, &w[0]));
    UNTIL(news[0] != NOTHING);
    assert_int_equal(news[0], DEAF);
    assert_true(nodes_hear(b.nodes, &w[2]));
    leave(&b);
    assert_int_equal(news[2], DEAF);
}

/* Its clients are sent away when the others know that they may have them, and not before. */
static void a_node_drains_when_the_others_know(void **state)
{
    (void)state;
    must_join(&a, "a");
    must_join(&b, "b");
    must_join(&c, "c");
    nodes_drain(c.nodes, on_drained);
    UNTIL(c.drained);
    REDIS_ASK(loop, a.redis, "GET", "x"); /* as any client has them ask */
    assert_null(nodes_alive(a.nodes, nodes_owner(c.nodes)));
    REDIS_ASK(loop, b.redis, "GET", "x");
    assert_null(nodes_alive(b.nodes, nodes_owner(c.nodes)));
    assert_non_null(nodes_there(b.nodes, nodes_owner(c.nodes)));
    leave(&a); /* who does not beat is waited for, but not for long */
    uint64_t begun = loop_now(loop);
    nodes_drain(b.nodes, on_drained);
    UNTIL(b.drained);
    assert_in_range(loop_now(loop) - begun, LEASE / 2, 60000);
}

static void nobody_waits_for_a_drain_without_redis(void **state)
{
    (void)state;
    must_join(&a, "a");
    must_join(&b, "b");
    leave(&a);
    REDIS_CLI(&server, "FLUSHALL");
    nodes_drain(b.nodes, on_drained);
    UNTIL(b.drained);
    leave(&b);
    assert_int_equal(unlink(id_file), 0);
    must_join(&a, "a");
    nodes_drain(a.nodes, on_drained);
    nodes_leave(a.nodes, on_left);
    UNTIL(a.left);
    assert_false(a.drained);
}

static void a_dead_node_is_fenced_and_comes_again(void **state)
{
    char owner[NODE_OWNER_SIZE];
    (void)state;
    must_join(&a, "a");
    must_join(&b, "b");
    UNTIL(nodes_alive(a.nodes, nodes_owner(b.nodes)) != NULL);
    snprintf(owner, sizeof owner, "%s", nodes_owner(b.nodes));
    leave(&b); /* without leaving */
    UNTIL(strcmp(a.last, "b dead") == 0);
    assert_null(nodes_alive(a.nodes, owner));
    must_join(&c, "b");
    assert_string_not_equal(nodes_owner(c.nodes), owner);
    UNTIL(nodes_alive(a.nodes, nodes_owner(c.nodes)) != NULL);
}

/* Nobody else is there to fence it: the next one of its name waits for the lease. */
static void a_dead_node_is_replaced(void **state)
{
    (void)state;
    must_join(&a, "a");
    leave(&a);
    uint64_t begun = uv_hrtime() / 1000000;
    must_join(&b, "a");
    assert_in_range(uv_hrtime() / 1000000 - begun, LEASE, 60000);
}

static void a_second_node_of_a_name_is_refused(void **state)
{
    char text[512];
    (void)state;
    must_join(&a, "a");
    assert_int_equal(refused("a", text, sizeof text), ERR_ADDRESS_IN_USE);
    assert_string_equal(text, "another node with the name a is alive, at 127.0.0.1:7");
    assert_int_equal(refused("a b", text, sizeof text), ERR_USAGE);
}

static void a_fenced_node_gets_a_new_epoch(void **state)
{
    char owner[NODE_OWNER_SIZE], value[512];
    (void)state;
    must_join(&a, "a");
    snprintf(owner, sizeof owner, "%s", nodes_owner(a.nodes));
    snprintf(value, sizeof value, "%s 0 dead x", strchr(owner, ':') + 1);
    REDIS_CLI(&server, "HSET", "tunnel:nodes:{nodes}", "a", value);
    UNTIL(a.fenced == 1);
    assert_string_not_equal(nodes_owner(a.nodes), owner);
}

/* As after a stop of its process, while another one was started under its name. */
static void a_node_whose_name_was_taken_ends(void **state)
{
    char beat[64];
    (void)state;
    must_join(&a, "a");
    for (int i = 0; a.taken[0] == 0; i++) {
        snprintf(beat, sizeof beat, "99999999999999 %d up other address=h:1", i);
        REDIS_CLI(&server, "HSET", "tunnel:nodes:{nodes}", "a", beat);
        for (uint64_t at = loop_now(loop) + 300; loop_now(loop) < at && a.taken[0] == 0;)
            uv_run(loop_uv(loop), UV_RUN_ONCE);
        assert_true(i < 200);
    }
    assert_string_equal(a.taken, "another node with the name a is alive, at h:1");
    assert_int_equal(a.fenced, 0);
}

static void another_schema_is_refused(void **state)
{
    char text[512];
    (void)state;
    must_join(&a, "a");
    REDIS_CLI(&server, "HSET", "tunnel:nodes:{nodes}", "#schema", "2");
    assert_int_equal(refused("b", text, sizeof text), ERR_PROTOCOL);
    assert_non_null(strstr(text, "later version"));
    REDIS_CLI(&server, "HSET", "tunnel:nodes:{nodes}", "#schema", "0");
    assert_int_equal(refused("b", text, sizeof text), ERR_PROTOCOL);
    assert_non_null(strstr(text, "earlier version"));
}

static void an_empty_redis_is_refused(void **state)
{
    char text[512];
    (void)state;
    must_join(&a, "a");
    leave(&a);
    REDIS_CLI(&server, "FLUSHALL");
    assert_int_equal(refused("a", text, sizeof text), ERR_PROTOCOL);
    assert_non_null(strstr(text, "has nothing of the cluster"));
    REDIS_CLI(&server, "HSET", "tunnel:nodes:{nodes}", "#schema", "1", "#id",
              "0123456789abcdef0123456789abcdef");
    assert_int_equal(refused("a", text, sizeof text), ERR_PROTOCOL);
    assert_non_null(strstr(text, "belongs to another cluster"));
    assert_int_equal(unlink(id_file), 0);
    must_join(&a, "a");
}

/* At run time nothing is believed until the data is there again. */
static void an_emptied_redis_counts_as_away(void **state)
{
    char id[64], owner[NODE_OWNER_SIZE];
    (void)state;
    must_join(&a, "a");
    snprintf(owner, sizeof owner, "%s", nodes_owner(a.nodes));
    snprintf(id, sizeof id, "%s", REDIS_CLI(&server, "HGET", "tunnel:nodes:{nodes}", "#id"));
    REDIS_CLI(&server, "FLUSHALL");
    UNTIL(!redis_up(a.redis));
    assert_string_equal(REDIS_ASK(loop, a.redis, "GET", "x"), "(busy)");
    REDIS_CLI(&server, "HSET", "tunnel:nodes:{nodes}", "#schema", "1", "#id", id);
    UNTIL(a.fenced == 1);
    assert_true(redis_up(a.redis));
    assert_string_not_equal(nodes_owner(a.nodes), owner);
}

/* Redis stops for longer than the lease: nobody is taken for dead when it goes on. */
static void a_pause_of_redis_kills_nobody(void **state)
{
    (void)state;
    must_join(&a, "a");
    must_join(&b, "b");
    UNTIL(nodes_alive(a.nodes, nodes_owner(b.nodes)) != NULL);
    int64_t now = nodes_now(a.nodes);
    kill(server.pid, SIGSTOP);
    UNTIL(!redis_up(a.redis) && !redis_up(b.redis));
    for (uint64_t at = loop_now(loop) + 2 * LEASE; loop_now(loop) < at;)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_in_range(nodes_now(a.nodes) - now, 2 * LEASE, 60000);
    kill(server.pid, SIGCONT);
    UNTIL(redis_up(a.redis) && redis_up(b.redis));
    for (uint64_t at = loop_now(loop) + 2 * LEASE; loop_now(loop) < at;)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(a.fenced + b.fenced, 0);
    assert_non_null(nodes_alive(a.nodes, nodes_owner(b.nodes)));
}

/* Redis' host is given another time: the cluster's clock goes there slowly, and nobody is dead. */
static void a_jump_of_the_clock_of_redis(void **state)
{
    (void)state;
    static const int64_t jumps[] = {3600, -3600};
    must_join(&a, "a");
    must_join(&b, "b");
    UNTIL(nodes_alive(a.nodes, nodes_owner(b.nodes)) != NULL);
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        redis_test_clock(&server, jumps[i]);
        int64_t ahead = nodes_now(a.nodes) - (int64_t)loop_now(loop);
        for (uint64_t at = loop_now(loop) + 2 * LEASE; loop_now(loop) < at;)
            uv_run(loop_uv(loop), UV_RUN_ONCE);
        int64_t moved = nodes_now(a.nodes) - (int64_t)loop_now(loop) - ahead;
        assert_in_range(llabs(moved), 100, 100 * (2 * LEASE / NODES_BEAT_MS + 2));
        assert_true((moved > 0) == (jumps[i] > 0));
        assert_int_equal(a.fenced + b.fenced, 0);
        assert_non_null(nodes_alive(a.nodes, nodes_owner(b.nodes)));
    }
    /* An hour back: epochs grow nevertheless. */
    uint64_t epoch = nodes_find(b.nodes, "b")->epoch;
    nodes_leave(b.nodes, on_left);
    UNTIL(b.left);
    leave(&b);
    must_join(&b, "b");
    assert_true(nodes_find(b.nodes, "b")->epoch > epoch);
}

#define NODES_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NODES_TEST(nodes_see_each_other),
        NODES_TEST(who_waits_hears_of_a_newcomer),
        NODES_TEST(a_node_drains_when_the_others_know),
        NODES_TEST(nobody_waits_for_a_drain_without_redis),
        NODES_TEST(a_dead_node_is_fenced_and_comes_again),
        NODES_TEST(a_dead_node_is_replaced),
        NODES_TEST(a_second_node_of_a_name_is_refused),
        NODES_TEST(a_fenced_node_gets_a_new_epoch),
        NODES_TEST(a_node_whose_name_was_taken_ends),
        NODES_TEST(another_schema_is_refused),
        NODES_TEST(an_empty_redis_is_refused),
        NODES_TEST(an_emptied_redis_counts_as_away),
        NODES_TEST(a_pause_of_redis_kills_nobody),
        NODES_TEST(a_jump_of_the_clock_of_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
