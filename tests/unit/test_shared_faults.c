/* The shared registry when Redis is away, slow, answers nonsense, or its answers get lost. */
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

/* ---- lost answers ---- */

/* The first use was made, its answer was lost, and another change came in between: when it is sent
 * again, the token that is used up is the sender's own. */
static void test_use_sent_again(void **state)
{
    struct entry_try e = {0}, other = {0};
    struct tags add = {0};
    struct reply r = {0};
    (void)state;
    const char *id = open_at(0, "");
    redis_faults_next("put", REDIS_REPEATS, 0);
    knock_at(&e, 0, SIDE_SOURCE, "src", NULL);
    UNTIL_TRUE(redis_faults_struck());
    knock_at(&other, 1, SIDE_SOURCE, "src", NULL);
    assert_int_equal(outcome(&other), 400); /* it is used up already */
    assert_true(tags_set(&add, span_of("a"), span_of("b")));
    registry_tag(nodes[1].registry, id, &(struct tag_change){.add = &add}, on_reply, &r);
    assert_int_equal(answered(&r), ERR_OK);
    assert_int_equal(e.calls, 0);
    redis_faults_release();
    assert_int_equal(outcome(&e), 0);
    assert_int_equal(e.asked, 1);
    assert_int_equal(get_at(0, id).tags, 2); /* not overwritten */
    tags_free(&add);
}

static void test_changes_sent_again(void **state)
{
    struct reply r = {0}, s = {0}, t = {0};
    (void)state;
    const char *id = open_at(0, "");
    redis_faults_next("put", REDIS_REPEATS, 0);
    registry_rotate(nodes[0].registry, id, BOTH("new", NULL), on_reply, &r);
    UNTIL_TRUE(redis_faults_struck());
    assert_int_equal(enter(1, SIDE_SOURCE, "new", ONE_CLIENT), 0); /* changes the record */
    redis_faults_release();
    assert_int_equal(answered(&r), ERR_OK);
    assert_string_equal(nodes[0].heard, "osh");
    assert_true(get_at(0, id).used[SIDE_SOURCE]); /* the token was not given a second time */
    redis_faults_next("keep", REDIS_REPEATS, 0);
    registry_close(nodes[0].registry, id, false, on_reply, &s);
    UNTIL_TRUE(redis_faults_struck());
    assert_int_equal(close_at(2, id, false), ERR_OK);
    redis_faults_release();
    assert_int_equal(answered(&s), ERR_OK);
    redis_faults_next("drop", REDIS_REPEATS, 0);
    registry_close(nodes[0].registry, id, true, on_reply, &t);
    UNTIL_TRUE(redis_faults_struck());
    redis_faults_release();
    assert_int_equal(answered(&t), ERR_OK);
    settle_all();
    assert_string_equal(REDIS_CLI(&server, "KEYS", "tunnel:t:*"), "");
}

static const char *const commands[] = {"INCR", "slot", "SET", "ZADD",    "put",
                                       "keep", "drop", "GET", "HGETALL", "ZREVRANGEBYSCORE"};

static char last[NAME_SIZE]; /* the tunnel that it was about */

/* One of each, whatever becomes of it. */
static void all_requests(int round)
{
    char suffix[16], token[24];
    struct tunnel_record t = new_record("plant7");
    struct tags add = {0};
    struct reply r;
    last[0] = '\0';
    snprintf(suffix, sizeof suffix, "x%d", round);
    if (open_with(0, &t, suffix, 0, &r) != ERR_OK) {
        assert_int_equal(r.why, ERR_BUSY);
        return;
    }
    snprintf(token, sizeof token, "src%s", suffix);
    int first = enter(0, SIDE_SOURCE, token, ONE_CLIENT);
    assert_true(first == 0 || first == 503);
    int again = enter(0, SIDE_SOURCE, token, ONE_CLIENT); /* though 503 may have used it up */
    assert_true(again == 0 || (first == 0 && again == 503));
    assert_true(tags_set(&add, span_of("a"), span_of("b")));
    struct reply tagged = {0};
    registry_tag(nodes[0].registry, r.id, &(struct tag_change){.add = &add}, on_reply, &tagged);
    tags_free(&add);
    assert_true(answered(&tagged) == ERR_OK || tagged.why == ERR_BUSY);
    snprintf(token, sizeof token, "new%d", round);
    enum err why = rotate_at(0, r.id, token, NULL);
    assert_true(why == ERR_OK || why == ERR_BUSY);
    struct reply got = get_at(0, r.id);
    assert_true(got.why == ERR_OK || got.why == ERR_BUSY);
    why = close_at(0, r.id, false);
    assert_true(why == ERR_OK || why == ERR_BUSY);
    why = close_at(0, r.id, true);
    assert_true(why == ERR_OK || why == ERR_BUSY || why == ERR_NOT_FOUND);
    snprintf(last, sizeof last, "%s", r.id);
}

/* Each command of each request fails, and each answer gets lost, one by one. What follows is as if
 * nothing had been. */
static void test_each_command(void **state)
{
    int round = 0;
    (void)state;
    for (size_t c = 0; c < sizeof commands / sizeof *commands; c++)
        for (int f = REDIS_LOSES; f <= REDIS_REFUSES; f++)
            for (size_t skip = 0; skip < 12; skip++) {
                redis_faults_next(commands[c], (enum redis_fault)f, skip);
                all_requests(round++);
                settle_all();
                bool hit = redis_faults_struck();
                redis_faults_none(loop);
                enum err why = close_at(0, last, true);
                assert_true(why == ERR_OK || why == ERR_NOT_FOUND);
                assert_int_equal(get_at(0, last).why, ERR_NOT_FOUND);
                if (!hit)
                    break;
            }
    assert_true(round > 40);
    settle_all();
    UNTIL_TRUE((shared_tick(shared_at(0)), settle_all(), shared_at(0)->held.size == 0));
    assert_int_equal(registry_open_count(nodes[0].registry), 0);
}

static bool on_each(void *ctx, const struct tunnel_record *t)
{
    (void)ctx, (void)t;
    return true;
}

/* What was opened, and nobody was told of, goes when Redis is back. */
static void test_open_in_doubt(void **state)
{
    struct tunnel_record t = new_record("plant7");
    struct reply r;
    (void)state;
    redis_faults_next("put", REDIS_LOSES, 0);
    assert_int_equal(open_with(0, &t, "", 1, &r), ERR_BUSY);
    assert_int_equal(strlen(REDIS_CLI(&server, "KEYS", "tunnel:t:*")), strlen("tunnel:t:{}") + 36);
    redis_faults.away = true;
    shared_tick(shared_at(0));
    settle_all();
    redis_faults.away = false;
    shared_tick(shared_at(0));
    settle_all();
    assert_string_equal(REDIS_CLI(&server, "KEYS", "tunnel:t:*"), "");
    assert_string_equal(nodes[0].heard, "");
    t = new_record("plant7");
    assert_int_equal(open_with(0, &t, "", 1, &r), ERR_OK); /* its place and its tokens are free */
    assert_int_equal(shared_at(0)->n_doubts, 0);
}

/* ---- away ---- */

static void test_away(void **state)
{
    struct reply r;
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", NULL), 0);
    open_at(0, "2");
    redis_faults.away = true;
    registry_connected(nodes[0].registry, span_of(id), SIDE_SOURCE, false);
    settle_all();
    struct tunnel_record t = new_record("plant7");
    assert_int_equal(open_with(0, &t, "3", 0, &r), ERR_BUSY);
    assert_int_equal(get_at(0, id).why, ERR_BUSY);
    assert_int_equal(close_at(0, id, false), ERR_BUSY);
    assert_int_equal(rotate_at(0, id, "x", NULL), ERR_BUSY);
    assert_int_equal(enter(0, SIDE_SOURCE, "src2", ONE_CLIENT), 503); /* it was never here */
    assert_int_equal(enter(0, SIDE_SOURCE, "src", OTHER_CLIENT), 503);
    assert_int_equal(enter(0, SIDE_DESTINATION, "dst", NULL), 503);
    assert_int_equal(enter(1, SIDE_SOURCE, "src", ONE_CLIENT), 503); /* nor at that node */
    struct entry_try e = {.joins = true};
    knock_at(&e, 0, SIDE_SOURCE, "src", ONE_CLIENT);
    assert_int_equal(outcome(&e), 0);
    assert_int_equal(e.asked, 1);
    assert_int_equal(e.left_ms, 3600000);
    assert_string_equal(nodes[0].heard, "oo");
    registry_connected(nodes[0].registry, span_of(id), SIDE_DESTINATION, false);
    char left[SHARED_STATE_SIZE];
    snprintf(left, sizeof left, "0:%lld", (long long)cluster_ms);
    settle_all();
    cluster_ms += 7000;
    redis_faults.away = false;
    UNTIL_TRUE(
        (shared_tick(shared_at(0)), settle_all(),
         get_at(1, id).connected[SIDE_SOURCE] && !get_at(1, id).connected[SIDE_DESTINATION]));
    assert_string_equal(in_redis(id, "c1"), left); /* when it left, not when Redis came back */
    assert_string_equal(in_redis(id, "o"), "a:100");
}

/* A client that is denied is denied from memory, too, and asked about once. */
static void test_away_denied(void **state)
{
    static const struct admission no = {.status = 503, .why = ERR_LIMIT, .text = "not that often"};
    struct entry_try e = {.denied = &no};
    (void)state;
    open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    redis_faults.away = true;
    come_to(0,
            &(struct admission_request){
                .side = SIDE_SOURCE, .token = span_of("src"), .client_token = span_of(ONE_CLIENT)},
            &e);
    assert_int_equal(outcome(&e), 503);
    assert_string_equal(e.text, "not that often");
    assert_int_equal(e.asked, 1);
}

/* Tunnels end in time without Redis. */
static void test_away_expiry(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    redis_faults.away = true;
    cluster_ms += 3600000;
    shared_tick(shared_at(0));
    UNTIL_TRUE(strcmp(nodes[0].heard, "oe") == 0);
    assert_string_equal(nodes[0].id, id);
    assert_string_equal(nodes[0].last, "the tunnel has expired");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 503);
    redis_faults.away = false;
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 403);
    settle_all();
}

/* While nobody knows who has it, this node goes on; then it lets go. */
static void test_away_fenced(void **state)
{
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    doubles[0].info.state = NODE_DEAD;
    assert_int_equal(enter(1, SIDE_DESTINATION, "dst", ONE_CLIENT), 0);
    double_fenced(&doubles[0]);
    redis_faults.away = true;
    registry_reclaim(nodes[0].registry);
    turn();
    settle_all();
    assert_string_equal(nodes[0].heard, "o");
    redis_faults.away = false;
    UNTIL_TRUE((shared_tick(shared_at(0)), strcmp(nodes[0].heard, "om") == 0));
    settle_all();
    assert_string_equal(in_redis(id, "o"), "b:100");
    redis_faults.away = true; /* what is another's is not let in from memory */
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 503);
}

/* Killed as by kill -9, and started again with its file: nothing is lost that was answered. */
static void test_restarted(void **state)
{
    char ids[3][NAME_SIZE], suffix[8];
    struct reply r;
    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(suffix, sizeof suffix, "%d", i);
        snprintf(ids[i], NAME_SIZE, "%s", open_at(0, suffix));
    }
    assert_int_equal(enter(0, SIDE_SOURCE, "src0", ONE_CLIENT), 0);
    assert_int_equal(enter(1, SIDE_SOURCE, "src1", NULL), 0);
    assert_int_equal(close_at(1, ids[2], false), ERR_OK);
    redis_test_kill(&server);
    struct tunnel_record t = new_record("plant7");
    assert_int_equal(open_with(0, &t, "3", 0, &r), ERR_BUSY);
    assert_int_equal(enter(0, SIDE_SOURCE, "src0", ONE_CLIENT), 0);
    assert_int_equal(enter(1, SIDE_DESTINATION, "dst1", NULL), 503);
    UNTIL_TRUE(!registry_healthy(nodes[0].registry) && !registry_healthy(nodes[1].registry));
    redis_test_start(&server, NULL);
    UNTIL_TRUE(registry_healthy(nodes[0].registry) && registry_healthy(nodes[1].registry) &&
               registry_healthy(nodes[2].registry));
    assert_int_equal(enter(2, SIDE_SOURCE, "src1", NULL), 400);
    assert_int_equal(enter(2, SIDE_SOURCE, "src0", ONE_CLIENT), 1);
    assert_int_equal(enter(2, SIDE_SOURCE, "src2", NULL), 403);
    assert_int_equal(enter(1, SIDE_DESTINATION, "dst1", NULL), 0);
    assert_true(get_at(2, ids[0]).connected[SIDE_SOURCE]);
    t = new_record("plant7");
    assert_int_equal(open_with(0, &t, "3", 0, &r), ERR_OK);
    assert_string_equal(nodes[1].heard, "e");
}

/* ---- the end ---- */

static void on_listed(void *ctx, enum err why)
{
    *(enum err *)ctx = why;
}

static void test_freed_meanwhile(void **state)
{
    struct reply all[6] = {{0}};
    struct entry_try e = {0}, f = {0};
    struct tags add = {0};
    enum err listed = ERR_OK;
    struct tunnel_record t = new_record("plant7");
    (void)state;
    const char *id = open_at(0, "");
    assert_int_equal(enter(0, SIDE_SOURCE, "src", ONE_CLIENT), 0);
    knock_at(&f, 0, SIDE_DESTINATION, "dst", NULL);
    struct registry *r = nodes[0].registry;
    registry_open(r, &t, BOTH("a", "b"), 0, on_reply, &all[0]);
    registry_close(r, id, false, on_reply, &all[1]);
    registry_close(r, id, true, on_reply, &all[2]);
    registry_rotate(r, id, BOTH("c", NULL), on_reply, &all[3]);
    registry_tag(r, id, &(struct tag_change){.add = &add}, on_reply, &all[4]);
    registry_get(r, span_of(id), on_reply, &all[5]);
    knock_at(&e, 0, SIDE_SOURCE, "src", ONE_CLIENT);
    registry_page(r,
                  &(struct registry_page){.below = INT64_MAX, .each = on_each, .done = on_listed},
                  &listed);
    registry_connected(r, span_of(id), SIDE_SOURCE, false);
    node_close(0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(all[i].calls, 1);
        assert_int_equal(all[i].why, ERR_SHUTDOWN);
    }
    assert_int_equal(listed, ERR_SHUTDOWN);
    assert_int_equal(outcome(&e), 503);
    assert_int_equal(outcome(&f), 503);
    node_open(0);
    assert_int_equal(get_at(0, id).why, ERR_OK); /* the late answers were nobody's */
}

/* ---- nonsense ---- */

static void test_nonsense(void **state)
{
    char key[KEY_SIZE];
    struct reply r = {0};
    (void)state;
    const char *id = open_at(0, "");
    key_tunnel(key, id);
    REDIS_CLI(&server, "HSET", key, "r", "{\"number\":1");
    assert_int_equal(get_at(0, id).why, ERR_IO);
    assert_int_equal(close_at(0, id, false), ERR_IO);
    assert_int_equal(enter(0, SIDE_SOURCE, "src", NULL), 503);
    registry_look(nodes[0].registry, id);
    REDIS_CLI(&server, "DEL", key);
    REDIS_CLI(&server, "SET", key, "text");
    registry_get(nodes[0].registry, span_of(id), on_reply, &r);
    assert_int_equal(answered(&r), ERR_IO);
    memset(key, 0, sizeof key);
    key_token(key, (uint8_t[TOKEN_HASH]){0});
    uint8_t hash[TOKEN_HASH];
    token_hash(span_of("odd"), hash);
    static const char *const values[] = {"", " ", "x", "x 0", "no such tunnel", "{}"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        key_token(key, hash);
        REDIS_CLI(&server, "SET", key, values[i]);
        assert_int_equal(enter(0, SIDE_SOURCE, "odd", NULL), 403);
    }
}

static bool on_counted(void *ctx, const struct tunnel_record *t)
{
    (void)t;
    ++*(int *)ctx;
    return true;
}

static enum err list_done;
static void on_counted_all(void *ctx, enum err why)
{
    list_done = why;
    *(int *)ctx += 1000;
}

static int count(const char *thing)
{
    int n = 0;
    registry_page(
        nodes[0].registry,
        &(struct registry_page){
            .below = INT64_MAX, .thing = thing, .each = on_counted, .done = on_counted_all},
        &n);
    UNTIL_TRUE(n >= 1000);
    assert_int_equal(list_done, ERR_OK);
    return n - 1000;
}

/* An unreadable one hides no other. */
static void test_nonsense_in_list(void **state)
{
    char key[KEY_SIZE];
    (void)state;
    open_at(0, "1");
    const char *id = open_at(0, "2");
    open_at(0, "3");
    key_tunnel(key, id);
    REDIS_CLI(&server, "HSET", key, "r", "[]");
    assert_int_equal(count(NULL), 2);
    assert_int_equal(count("plant7"), 2);
}

/* ---- indexes ---- */

static void count_numbers(void)
{
    for (int i = 0; i < 2; i++) {
        index_count(shared_at(0));
        UNTIL_TRUE(shared_at(0)->counting == NULL);
    }
}

/* What an index names and is not there goes from it when it is read, unless it may be on its way.
 */
static void test_strays(void **state)
{
    char key[KEY_SIZE];
    (void)state;
    open_at(0, "1");
    const char *gone = open_at(0, "2");
    key_tunnel(key, gone);
    REDIS_CLI(&server, "DEL", key);
    assert_int_equal(count(NULL), 1);
    assert_int_equal(count("plant7"), 1);
    assert_string_equal(REDIS_CLI(&server, "ZCARD", "tunnel:ix:{0}"), "2");
    count_numbers();
    assert_int_equal(count(NULL), 1);
    assert_int_equal(count("plant7"), 1);
    UNTIL_TRUE(strcmp(REDIS_CLI(&server, "ZCARD", "tunnel:ix:{0}"), "1") == 0);
    UNTIL_TRUE(strcmp(REDIS_CLI(&server, "ZCARD", "tunnel:thing:{plant7}"), "1") == 0);
}

/* Without anybody who lists, indexes do not grow beyond what is there. */
static void test_clean(void **state)
{
    char key[KEY_SIZE], suffix[16];
    (void)state;
    REDIS_CLI(&server, "SET", KEY_NUMBER, "65530");
    for (int i = 0; i < 40; i++) {
        snprintf(suffix, sizeof suffix, "%d", i);
        key_tunnel(key, open_at(0, suffix));
        REDIS_CLI(&server, "DEL", key);
    }
    assert_string_equal(REDIS_CLI(&server, "ZCARD", "tunnel:thing:{plant7}"), "40");
    assert_string_equal(REDIS_CLI(&server, "ZCARD", KEY_BUCKETS), "2");
    count_numbers();
    for (int i = 40; i < 140; i++) {
        snprintf(suffix, sizeof suffix, "%d", i);
        open_at(0, suffix);
    }
    UNTIL_TRUE(list_empty(&shared_at(0)->cleanings));
    assert_true(atoi(REDIS_CLI(&server, "ZCARD", "tunnel:thing:{plant7}")) < 130);
    assert_string_equal(REDIS_CLI(&server, "ZRANGE", KEY_BUCKETS, "0", "-1"), "1");
    assert_int_equal(count(NULL), 100);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, shared_setup, shared_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_use_sent_again), TEST(test_changes_sent_again),
        TEST(test_each_command),   TEST(test_open_in_doubt),
        TEST(test_away),           TEST(test_away_denied),
        TEST(test_away_expiry),    TEST(test_away_fenced),
        TEST(test_restarted),      TEST(test_freed_meanwhile),
        TEST(test_nonsense),       TEST(test_nonsense_in_list),
        TEST(test_strays),         TEST(test_clean),
    };
    return cmocka_run_group_tests(tests, shared_group_setup, shared_group_teardown);
}
