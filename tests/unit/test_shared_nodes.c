/* The shared registry at several nodes: who has a tunnel, and what the others learn of it. */
#include "tests/unit/shared_help.h"

static struct shared *shared_at(int n)
{
    return shared_of(nodes[n].registry);
}

static const char *in_redis(const char *id, const char *field)
{
    char key[KEY_SIZE];
    key_tunnel(key, id);
    return REDIS_CLI(&server, "HGET", key, field);
}

static void leave_at(int n, const char *id, enum side side)
{
    registry_connected(nodes[n].registry, span_of(id), side, false);
    settle_all();
}

/* ---- owners ---- */

static void test_elsewhere(void **state)
{
    struct entry_try e = {0};
    (void)state;
    const char *id = open_at(2, "");
    assert_string_equal(in_redis(id, "o"), "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_string_equal(in_redis(id, "o"), "a:100");
    knock_at(&e, 1, SIDE_DESTINATION, "dst", NULL);
    assert_int_equal(outcome(&e), 1);
    assert_string_equal(e.elsewhere, "a");
    assert_string_equal(e.known, id);
    assert_int_equal(e.status + e.asked, 0); /* by the node that has it */
    assert_false(get_at(1, id).used[SIDE_DESTINATION]);
    knock_at(&e, 1, SIDE_SOURCE, "src", OTHER_CLIENT); /* is refused wherever he comes */
    assert_int_equal(outcome(&e), 400);
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 1);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", NULL), 0);
    assert_true(get_at(2, id).connected[SIDE_DESTINATION]);
}

/* Its home is free when the last end has left. */
static void test_given_back(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 0);
    leave_at(0, id, SIDE_SOURCE);
    assert_string_equal(in_redis(id, "o"), "a:100");
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 1);
    leave_at(0, id, SIDE_DESTINATION);
    assert_string_equal(in_redis(id, "o"), "");
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_string_equal(in_redis(id, "o"), "b:100");
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 1);
    assert_string_equal(nodes[0].heard, "o");
}

static void test_dead(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 0);
    doubles[0].info.state = NODE_DEAD;
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_string_equal(in_redis(id, "o"), "b:100");
    assert_false(get_at(2, id).connected[SIDE_DESTINATION]); /* what it had there is gone */
    assert_true(get_at(2, id).connected[SIDE_SOURCE]);
    double_fenced(&doubles[0]); /* it was not dead, and learns it now */
    registry_reclaim(nodes[0].registry);
    UNTIL_TRUE(strcmp(nodes[0].heard, "om") == 0);
    settle_all();
    assert_string_equal(in_redis(id, "o"), "b:100");
    assert_true(get_at(2, id).connected[SIDE_SOURCE]); /* not by the ends that have left there */
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 1);
}

/* It has joined a moment ago: who comes waits until it is heard of. When nobody can be, nobody may
 * take what is its. */
static void test_unheard(void **state)
{
    (void)state;
    const char *id = open_at(1, "");
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    doubles[1].info.state = NODE_DRAINING;
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    doubles[1].info.state = NODE_UP;
    doubles[0].unheard = true;
    assert_int_equal(enter(2, SIDE_SOURCE, "src", ONE_CLIENT), 1);
    assert_int_equal(doubles_asked, 1);
    doubles[0].unheard = doubles_deaf = true;
    assert_int_equal(enter(2, SIDE_SOURCE, "src", ONE_CLIENT), 503);
    assert_int_equal(enter(2, SIDE_DESTINATION, "dst", NULL), 503);
    assert_int_equal(doubles_asked, 3); /* once for each */
    assert_string_equal(in_redis(id, "o"), "a:100");
    assert_true(get_at(2, id).connected[SIDE_SOURCE]);
    assert_false(get_at(2, id).used[SIDE_DESTINATION]);
    registry_look(nodes[1].registry, id);
    UNTIL_TRUE(strcmp(nodes[1].heard, "om") == 0);
    settle_all();
    assert_string_equal(in_redis(id, "o"), "a:100");
    doubles[0].unheard = false;
    assert_int_equal(enter(2, SIDE_SOURCE, "src", ONE_CLIENT), 1);
}

static void test_reclaim(void **state)
{
    char ids[3][NAME_SIZE], suffix[8], token[16];
    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(suffix, sizeof suffix, "%d", i);
        snprintf(token, sizeof token, "src%d", i);
        snprintf(ids[i], NAME_SIZE, "%s", open_at(0, suffix));
        assert_int_equal(enter(0, SIDE_SOURCE, token, ONE_CLIENT), 0);
    }
    leave_at(0, ids[2], SIDE_SOURCE);
    double_fenced(&doubles[0]);
    assert_int_equal(enter(1, SIDE_SOURCE, "src1", ONE_CLIENT), 0); /* it was free meanwhile */
    registry_reclaim(nodes[0].registry);
    UNTIL_TRUE(strcmp(in_redis(ids[0], "o"), "a:101") == 0);
    settle_all();
    assert_string_equal(nodes[0].heard, "ooom");
    assert_string_equal(nodes[0].id, ids[1]);
    assert_string_equal(in_redis(ids[1], "o"), "b:100");
    assert_string_equal(in_redis(ids[2], "o"), "");
    assert_int_equal(enter(1, SIDE_SOURCE, "src0", ONE_CLIENT), 1);
}

/* One that drains keeps what it has until somebody comes elsewhere. */
static void test_draining(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    doubles[0].info.state = NODE_DRAINING;
    assert_true(get_at(1, id).connected[SIDE_SOURCE]);
    settle_all();
    assert_string_equal(in_redis(id, "o"), "a:100");
    assert_int_equal(enter(1, SIDE_DESTINATION, "dst", ONE_CLIENT), 0);
    assert_string_equal(in_redis(id, "o"), "b:100");
    assert_false(get_at(1, id).connected[SIDE_SOURCE]);
    registry_look(nodes[0].registry, id);
    UNTIL_TRUE(strcmp(nodes[0].heard, "om") == 0);
    settle_all();
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_true(get_at(1, id).connected[SIDE_SOURCE]);
}

/* Also when another node holds it, which has none of its ends. */
static void test_draining_elsewhere(void **state)
{
    struct tunnel_record t = new_record("plant7");
    struct reply r;
    (void)state;
    t.idle_ms = 600000;
    assert_int_equal(open_with(1, &t, "", 0, &r), ERR_OK);
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    doubles[0].info.state = NODE_DRAINING;
    registry_look(nodes[1].registry, r.id);
    settle_all();
    assert_string_equal(in_redis(r.id, "o"), "a:100");
    assert_true(get_at(1, r.id).connected[SIDE_SOURCE]);
}

static bool on_each(void *ctx, const struct tunnel_record *t)
{
    assert_false(t->sides[SIDE_SOURCE].connected);
    ++*(int *)ctx;
    return true;
}

static void on_all(void *ctx, enum err why)
{
    assert_int_equal(why, ERR_OK);
    *(int *)ctx += 100;
}

/* Who sees a dead node's tunnels in a list shows no ends, and gives them back. */
static void test_orphans(void **state)
{
    int n = 0;
    (void)state;
    const char *one = open_at(0, "1"), *two = open_at(0, "2");
    assert_int_equal(enter(0, SIDE_SOURCE, "src1", ONE_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_SOURCE, "src2", ONE_CLIENT), 0);
    node_close(0);
    doubles[0].info.state = NODE_DEAD;
    registry_page(nodes[1].registry,
                  &(struct registry_page){.below = INT64_MAX, .each = on_each, .done = on_all}, &n);
    UNTIL_TRUE(n == 102);
    settle_all();
    assert_string_equal(in_redis(one, "o"), "");
    assert_string_equal(in_redis(two, "o"), "");
    node_open(0);
}

/* The same of one that it looks up. */
static void test_orphan(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    node_close(0);
    doubles[0].info.state = NODE_DEAD;
    assert_false(get_at(1, id).connected[SIDE_SOURCE]);
    settle_all();
    assert_string_equal(in_redis(id, "o"), "");
    assert_memory_equal(in_redis(id, "c0"), "0:", 2);
    node_open(0);
}

/* ---- what others change ---- */

static void test_closed_elsewhere(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_int_equal(close_at(1, id, false), ERR_OK);
    assert_string_equal(nodes[1].heard, "eh");
    assert_string_equal(nodes[1].last, "a:100");
    assert_string_equal(nodes[0].heard, "o"); /* a hint may be lost, and costs nothing then */
    registry_look(nodes[0].registry, id);
    registry_look(nodes[0].registry, "nobody");
    registry_look(nodes[2].registry, id);
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    assert_string_equal(nodes[0].last, "the tunnel was closed");
    settle_all();
    assert_false(get_at(1, id).connected[SIDE_SOURCE]);
    assert_string_equal(in_redis(id, "o"), "");
    registry_look(nodes[0].registry, id);
    settle_all();
    assert_string_equal(nodes[0].heard, "oe");
    assert_string_equal(nodes[2].heard, "");
    assert_int_equal(registry_open_count(nodes[0].registry), 0);
}

/* Whoever has it is to look, although nothing is known of that node yet. */
static void test_told(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    doubles[0].unheard = true;
    assert_int_equal(rotate_at(1, id, "new", NULL), ERR_OK);
    assert_string_equal(nodes[1].heard, "sh");
    assert_int_equal(close_at(1, id, false), ERR_OK);
    assert_string_equal(nodes[1].heard, "sheh");
}

static void test_removed_elsewhere(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_int_equal(close_at(1, id, true), ERR_OK);
    assert_string_equal(nodes[1].heard, "eh");
    registry_look(nodes[0].registry, id);
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    assert_string_equal(nodes[0].id, id);
    settle_all();
    assert_string_equal(REDIS_CLI(&server, "KEYS", "tunnel:t:*"), "");
    assert_string_equal(REDIS_CLI(&server, "KEYS", "tunnel:k:*"), "");
    assert_string_equal(REDIS_CLI(&server, "KEYS", "tunnel:open:*"), "");
}

static void test_rotated_elsewhere(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", ONE_CLIENT), 0);
    assert_int_equal(rotate_at(1, id, "new", NULL), ERR_OK);
    assert_string_equal(nodes[1].heard, "sh");
    registry_look(nodes[0].registry, id);
    UNTIL_TRUE(strcmp(nodes[0].heard, "os") == 0);
    assert_string_equal(nodes[0].last, "(null)");
    settle_all();
    assert_false(get_at(1, id).connected[SIDE_SOURCE]);
    assert_string_equal(in_redis(id, "o"), "a:100"); /* for the destination */
    assert_int_equal(enter(1, SIDE_SOURCE, "new", ONE_CLIENT), 1);
    assert_int_equal(enter(0, SIDE_SOURCE, "new", ONE_CLIENT), 0);
    settle_all();
    assert_string_equal(nodes[0].heard, "os");
}

/* Without any hint, everything that is held is read anew. */
static void test_sweep(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_int_equal(close_at(1, id, false), ERR_OK);
    shared_tick(shared_at(0));
    settle_all();
    assert_string_equal(nodes[0].heard, "o"); /* it is not time yet */
    held_find(shared_at(0), span_of(id))->looked_at -= 60000;
    shared_tick(shared_at(0));
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    settle_all();
}

/* Who opens a tunnel on demand hears of its end, whoever has it. */
static void test_on_demand(void **state)
{
    struct tunnel_record t = new_record("plant7");
    struct reply r;
    (void)state;
    t.idle_ms = 600000;
    assert_int_equal(open_with(0, &t, "", 1, &r), ERR_OK);
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    cluster_ms += 700000;
    registry_look(nodes[0].registry, r.id);
    settle_all();
    assert_string_equal(nodes[0].heard, "o"); /* its source is at the other node */
    assert_int_equal(get_at(2, r.id).closed, 0);
    leave_at(1, r.id, SIDE_SOURCE);
    cluster_ms += 600000;
    registry_look(nodes[0].registry, r.id);
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    settle_all();
    t = new_record("plant7"); /* its place is free, long before its lifetime ends */
    assert_int_equal(open_with(2, &t, "2", 1, &r), ERR_OK);
}

/* Those without ends are held for a while, and not all of them. */
static void test_held(void **state)
{
    char suffix[8], token[16], ids[4][NAME_SIZE];
    (void)state;
    shared_options.max_held = 2;
    node_close(0);
    node_open(0);
    struct shared *s = shared_at(0);
    for (int i = 0; i < 4; i++) {
        snprintf(suffix, sizeof suffix, "%d", i);
        snprintf(token, sizeof token, "src%d", i);
        snprintf(ids[i], NAME_SIZE, "%s", open_at(0, suffix));
        assert_int_equal(enter(0, SIDE_SOURCE, token, ONE_CLIENT), 0);
    }
    shared_tick(s);
    assert_int_equal(s->held.size, 4);
    assert_int_equal(registry_open_count(nodes[0].registry), 4);
    for (int i = 0; i < 3; i++)
        leave_at(0, ids[i], SIDE_SOURCE);
    shared_tick(s);
    assert_int_equal(s->held.size, 3);
    assert_null(held_find(s, span_of(ids[0])));
    s->o.keep_held_ms = 1; /* so far it was long */
    UNTIL_TRUE((shared_tick(s), s->held.size == 1));
    assert_non_null(held_find(s, span_of(ids[3])));
    assert_int_equal(enter(0, SIDE_SOURCE, "src0", ONE_CLIENT), 0);
}

/* One that was opened here on demand is held until it ends, or nobody here would hear of that. */
static void test_held_on_demand(void **state)
{
    struct tunnel_record t = new_record("plant7");
    struct reply r;
    (void)state;
    shared_options.keep_held_ms = 1;
    node_close(0);
    node_open(0);
    t.idle_ms = 600000;
    assert_int_equal(open_with(0, &t, "", 0, &r), ERR_OK);
    for (int i = 0; i < 5; i++) {
        turn();
        shared_tick(shared_at(0));
    }
    assert_int_equal(close_at(1, r.id, false), ERR_OK);
    registry_look(nodes[0].registry, r.id);
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    settle_all();
    assert_int_equal(shared_at(0)->held.size, 0);
}

/* ---- what it costs ---- */

static int since(int before)
{
    settle_all();
    UNTIL_TRUE(list_empty(&shared_at(0)->cleanings));
    return (int)redis_faults.count - before;
}

static int enter_all(int n)
{
    int before = (int)redis_faults.count;
    for (int i = 0; i < n; i++) {
        char token[16];
        snprintf(token, sizeof token, "src%d", i);
        assert_int_equal(enter(0, SIDE_SOURCE, token, ONE_CLIENT), 0);
    }
    return since(before);
}

static int open_all(int n, char id[NAME_SIZE])
{
    int before = (int)redis_faults.count;
    for (int i = 0; i < n; i++) {
        char suffix[16];
        snprintf(suffix, sizeof suffix, "%d", i);
        snprintf(id, NAME_SIZE, "%s", open_at(0, suffix));
    }
    return since(before);
}

/* Commands of Redis, as share/doc/cluster.md has them. */
static void test_costs(void **state)
{
    enum { N = 40 };
    char id[NAME_SIZE];
    (void)state;
    int open = open_all(N, id), first = enter_all(N), again = enter_all(N);
    int before = (int)redis_faults.count;
    list_each(node, &shared_at(0)->order) list_entry(node, struct held, node)->looked_at -= 60000;
    shared_tick(shared_at(0));
    int minute = since(before);
    before = (int)redis_faults.count;
    leave_at(0, id, SIDE_SOURCE);
    int leave = since(before);
    print_message("commands: open %.2f, first connect %.2f, connect again %.2f, leave %d, idle "
                  "minute %.2f\n",
                  (double)open / N, (double)first / N, (double)again / N, leave,
                  (double)minute / N);
    assert_true(open <= 10 * N);
    assert_int_equal(first, 3 * N);
    assert_int_equal(again, 2 * N);
    assert_int_equal(leave, 2);
    assert_true(minute <= N + 1); /* and the count of tunnels */
}

/* ---- at the same time ---- */

/* A token is used up once, whichever node its clients come to. */
static void test_race(void **state)
{
    enum { CLIENTS = 100, ROUNDS = 1000 };
    static struct entry_try all[CLIENTS];
    char suffix[16], token[24];
    uint64_t begin = uv_hrtime();
    const char *rounds = getenv("TEST_ROUNDS");
    int n = rounds != NULL ? atoi(rounds) : ROUNDS;
    size_t busy = 0;
    (void)state;
    for (int round = 0; round < n; round++) {
        int admitted = 0, done = 0;
        snprintf(suffix, sizeof suffix, "%d", round);
        snprintf(token, sizeof token, "src%d", round);
        open_at(round % DOUBLES, suffix);
        for (int i = 0; i < CLIENTS; i++)
            knock_at(&all[i], (i + round) % DOUBLES, SIDE_SOURCE, token, NULL);
        for (; done < CLIENTS; done++) {
            int o = outcome(&all[done]);
            admitted += o == 0;
            busy += o == 503;
            if (o != 0 && o != 400 && o != 503)
                fail_msg("round %d: %d %s", round, o, all[done].text);
        }
        if (admitted != 1)
            fail_msg("round %d: %d clients of one token were let in", round, admitted);
    }
    assert_int_equal(busy, 0);
    print_message("%d rounds of %d clients: %llu ms\n", n, CLIENTS,
                  (unsigned long long)(uv_hrtime() - begin) / 1000000);
}

static void test_limit_race(void **state)
{
    enum { N = 30, MOST = 10 };
    static struct reply all[N];
    static char tokens[N][SIDE_COUNT][16];
    int opened = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        struct tunnel_record t = new_record("plant7");
        snprintf(tokens[i][SIDE_SOURCE], sizeof tokens[i][0], "s%d", i);
        snprintf(tokens[i][SIDE_DESTINATION], sizeof tokens[i][0], "d%d", i);
        all[i] = (struct reply){0};
        registry_open(nodes[i % DOUBLES].registry, &t,
                      BOTH(tokens[i][SIDE_SOURCE], tokens[i][SIDE_DESTINATION]), MOST, on_reply,
                      &all[i]);
    }
    for (int i = 0; i < N; i++) {
        enum err why = answered(&all[i]);
        opened += why == ERR_OK;
        assert_true(why == ERR_OK || why == ERR_LIMIT);
    }
    assert_int_equal(opened, MOST);
}

/* All changes of one tunnel are made, or were refused. */
static void test_tag_race(void **state)
{
    enum { N = 24 };
    static struct reply all[N];
    size_t made = 0;
    (void)state;
    const char *id = open_at(0, "");
    for (int i = 0; i < N; i++) {
        struct tags add = {0};
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        assert_true(tags_set(&add, span_of(key), span_of("")));
        all[i] = (struct reply){0};
        registry_tag(nodes[i % DOUBLES].registry, id, &(struct tag_change){.add = &add}, on_reply,
                     &all[i]);
        tags_free(&add);
    }
    for (int i = 0; i < N; i++) {
        enum err why = answered(&all[i]);
        made += why == ERR_OK;
        assert_true(why == ERR_OK || why == ERR_BUSY);
    }
    assert_int_equal(get_at(0, id).tags, 1 + made);
    assert_true(made >= N / DOUBLES);
}

static void test_crowd(void **state)
{
    enum { N = 200 };
    static struct entry_try all[N];
    int crowded = 0;
    (void)state;
    open_at(0, "");
    for (int i = 0; i < N; i++)
        knock_at(&all[i], 0, SIDE_SOURCE, "src", ONE_CLIENT);
    for (int i = 0; i < N; i++) {
        int o = outcome(&all[i]);
        crowded += o == 503;
        assert_true(o == 0 || (o == 503 && strstr(all[i].text, "Too many") != NULL));
    }
    assert_true(crowded > 0 && crowded <= N - CHAIN_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, shared_setup, shared_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_elsewhere),
        TEST(test_given_back),
        TEST(test_dead),
        TEST(test_unheard),
        TEST(test_reclaim),
        TEST(test_draining),
        TEST(test_orphan),
        TEST(test_closed_elsewhere),
        TEST(test_told),
        TEST(test_removed_elsewhere),
        TEST(test_rotated_elsewhere),
        TEST(test_sweep),
        TEST(test_on_demand),
        TEST(test_held),
        TEST(test_costs),
        TEST(test_draining_elsewhere),
        TEST(test_orphans),
        TEST(test_held_on_demand),
        TEST(test_limit_race),
        TEST(test_tag_race),
        TEST(test_crowd),
        TEST(test_race),
    };
    return cmocka_run_group_tests(tests, shared_group_setup, shared_group_teardown);
}
