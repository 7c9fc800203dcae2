/* The registry: the end of a lifetime, and a store that fails. */
#include "tests/unit/registry_help.h"

/* ---- time ---- */

static int64_t steady_ms = 7000;

static int64_t steady(void)
{
    return steady_ms;
}

static void pass(int64_t ms)
{
    clock_ms += ms;
    steady_ms += ms;
}

/* ---- asking ---- */

static void on_nobody(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)ctx;
    (void)t;
    assert_int_equal(why, ERR_OK);
}

/* ---- the end of a lifetime ---- */

static void test_expiry(void **state)
{
    (void)state;
    const char *nearly = open_tunnel();
    clock_ms++;
    const char *first = open_tunnel();
    clock_ms += 60000;
    const char *second = open_tunnel();
    int64_t expires = get(first)->expires;
    clock_ms = expires - 1;
    UNTIL(loop, n_ended == 1);
    assert_string_equal(ended_id, nearly);
    assert_int_equal(close_tunnel(nearly, true), ERR_OK);
    clock_ms = expires + 5;
    UNTIL(loop, n_ended == 2);
    assert_string_equal(ended_id, first);
    assert_string_equal(ended_why, "the tunnel has expired");
    assert_int_equal(get(first)->closed, expires);
    assert_int_equal(get(second)->closed, 0);
    assert_int_equal(registry_open_count(registry), 1);
    assert_int_equal(registry_count_of(registry, "AKID"), 1);
    assert_int_equal(number_in_database("SELECT max(closed) FROM tunnels"), expires);
    assert_int_equal(number_in_database("SELECT min(closed) FROM tunnels"), 0);
}

/* In any order of lifetimes, they end in the order of their expiry. */
static void test_expiry_order(void **state)
{
    enum { N = 300 };
    static struct answer all[N];
    uint32_t random = 3;
    int64_t begin = clock_ms;
    (void)state;
    for (int i = 0; i < N; i++) {
        struct tunnel_record r = make_record("AKID");
        random = random * 1664525 + 1013904223;
        r.lifetime_minutes = 1 + (random >> 16) % 700;
        all[i] = (struct answer){0};
        registry_open(registry, &r, new_tokens(), 0, on_done, &all[i]);
    }
    assert_int_equal(wait_for(&all[N - 1]), ERR_OK);
    for (int i = 0; i < N; i += 3)
        registry_close(registry, all[i].id, i % 2 == 0, on_nobody, NULL);
    UNTIL(loop, n_ended == N / 3);
    for (int64_t minutes = 100; minutes <= 700; minutes += 300) {
        clock_ms = begin + minutes * 60000;
        size_t alive = 0;
        for (int i = 0; i < N; i++) {
            const struct tunnel_record *t = registry_find(registry, span_of(all[i].id));
            alive += t != NULL && t->closed == 0 && t->expires > clock_ms;
        }
        UNTIL(loop, registry_open_count(registry) == alive);
    }
    assert_int_equal(registry_open_count(registry), 0);
    assert_int_equal(n_ended, N);
}

static void test_expired_meanwhile(void **state)
{
    (void)state;
    const char *id = open_tunnel();
    int64_t expires = get(id)->expires;
    close_registry();
    clock_ms = expires + 1000;
    open_registry();
    assert_int_equal(get(id)->closed, expires);
    assert_int_equal(registry_open_count(registry), 0);
    assert_int_equal(registry_count_of(registry, "AKID"), 0);
    UNTIL(loop, number_in_database("SELECT closed FROM tunnels") == expires);
    assert_int_equal(n_ended, 0);
}

#define HOURS(n) ((int64_t)(n)*3600000)

#define MINUTES(n) ((int64_t)(n)*60000)

/* A tunnel of an hour lives for an hour, whatever is done to the system's clock meanwhile. */
static void test_jumps(void **state)
{
    static const int64_t jumps[] = {HOURS(13), -HOURS(13), HOURS(24 * 365 * 50), 0};
    (void)state;
    options.steady = steady;
    reopen();
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        const char *id = open_tunnel();
        int64_t opened = clock_ms;
        int ended = n_ended;
        pass(MINUTES(20));
        clock_ms += jumps[i];
        assert_int_equal(rotate(id, "one", "two"), ERR_OK); /* so it is open */
        pass(MINUTES(20));
        reopen(); /* the jump is known to the next run, too */
        pass(MINUTES(19));
        assert_int_equal(rotate(id, "three", "four"), ERR_OK);
        assert_int_equal(n_ended, ended);
        pass(MINUTES(1));
        assert_int_equal(rotate(id, "five", "six"), ERR_TUNNEL_CLOSED);
        UNTIL(loop, n_ended == ended + 1);
        assert_int_equal(get(id)->closed, opened + jumps[i] + HOURS(1));
        assert_int_equal(close_tunnel(id, true), ERR_OK);
    }
}

/* While the hub was away: what the machine's own count says, has passed, and no more. */
static void test_jump_meanwhile(void **state)
{
    (void)state;
    options.steady = steady;
    reopen();
    const char *id = open_tunnel();
    close_registry();
    pass(MINUTES(30));
    clock_ms += HOURS(13);
    open_registry();
    assert_int_equal(get(id)->closed, 0);
    close_registry();
    pass(MINUTES(31));
    open_registry();
    assert_int_not_equal(get(id)->closed, 0);
}

static void test_keep_closed(void **state)
{
    (void)state;
    options.keep_closed_ms = 5000;
    reopen();
    const char *first = open_tunnel(), *second = open_tunnel(), *third = open_tunnel();
    assert_int_equal(close_tunnel(second, false), ERR_OK);
    clock_ms += 3000;
    assert_int_equal(close_tunnel(first, false), ERR_OK);
    clock_ms += 2000;
    UNTIL(loop, registry_find(registry, span_of(second)) == NULL);
    get(first);
    reopen();
    clock_ms += 3000;
    UNTIL(loop, registry_find(registry, span_of(first)) == NULL);
    assert_int_equal(get(third)->closed, 0);
    assert_int_equal(number_in_database("SELECT count(*) FROM tunnels"), 1);
    assert_int_equal(n_ended, 2);
}

static void test_max_closed(void **state)
{
    (void)state;
    options.max_closed = 2;
    reopen();
    const char *ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = open_tunnel();
    for (int i = 3; i >= 0; i--)
        assert_int_equal(close_tunnel(ids[i], false), ERR_OK);
    UNTIL(loop, count_all() == 2);
    get(ids[1]);
    get(ids[0]);
}

static void test_max_closed_bytes(void **state)
{
    struct tags fat = {0};
    (void)state;
    options.max_closed_bytes = 32768;
    reopen();
    fat_tags(&fat, 50);
    const char *ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = open_tunnel();
    for (int i = 0; i < 3; i++)
        assert_int_equal(close_tunnel(ids[i], false), ERR_OK);
    assert_int_equal(tag(ids[1], &fat, NULL), ERR_OK); /* while it is closed already */
    assert_int_equal(tag(ids[3], &fat, NULL), ERR_OK);
    clock_ms += 1000;
    assert_int_equal(count_all(), 4);
    assert_int_equal(close_tunnel(ids[3], false), ERR_OK);
    UNTIL(loop, count_all() <= 2);
    get(ids[2]);
    get(ids[3]);
    reopen();
    assert_int_equal(count_all(), 2);
    tags_free(&fat);
}

/* ---- when the store fails ---- */

static void test_store_fails(void **state)
{
    struct answer open, close = {0}, remove = {0}, turn = {0}, tags = {0};
    struct tags add = {0};
    (void)state;
    const char *id = open_tunnel();
    assert_true(tags_set(&add, span_of("a"), span_of("b")));
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    ask_open(&open, "AKID", 0);
    registry_close(registry, id, false, on_done, &close);
    registry_close(registry, id, true, on_done, &remove);
    registry_rotate(registry, id, TOKENS("new", NULL), on_done, &turn);
    registry_tag(registry, id, &(struct tag_change){.add = &add}, on_done, &tags);
    assert_int_equal(wait_for(&open), ERR_BUSY);
    assert_int_equal(wait_for(&close), ERR_BUSY);
    assert_int_equal(wait_for(&remove), ERR_BUSY);
    assert_int_equal(wait_for(&turn), ERR_BUSY);
    assert_int_equal(wait_for(&tags), ERR_BUSY);
    assert_false(registry_healthy(registry));
    assert_int_equal(n_ended + n_rotated[0], 0);
    assert_int_equal(count_all(), 1);
    assert_int_equal(get(id)->tags.n, 1);
    assert_int_equal(registry_count_of(registry, "AKID"), 1);
    sqlite3_close(other);
    registry_tag(registry, id, &(struct tag_change){.add = &add}, on_nobody, NULL);
    UNTIL(loop, registry_healthy(registry));
    reopen();
    assert_int_equal(count_all(), 1);
    assert_int_equal(get(id)->closed, 0);
    tags_free(&add);
}

static void test_expiry_while_store_fails(void **state)
{
    (void)state;
    const char *first = open_tunnel();
    clock_ms += 60000;
    const char *second = open_tunnel();
    int64_t expires = get(first)->expires;
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    clock_ms = expires;
    UNTIL(loop, n_ended == 1); /* after the attempt to store it */
    assert_int_equal(get(first)->closed, expires);
    clock_ms = get(second)->expires;
    UNTIL(loop, n_ended == 2); /* at once */
    assert_false(registry_healthy(registry));
    assert_int_equal(number_in_database("SELECT max(closed) FROM tunnels"), 0);
    sqlite3_close(other);
    UNTIL(loop, number_in_database("SELECT count(*) FROM tunnels WHERE closed = expires") == 2);
    assert_true(registry_healthy(registry));
    reopen();
    assert_int_equal(get(first)->closed, expires);
}

static void test_removal_while_store_fails(void **state)
{
    (void)state;
    options.keep_closed_ms = 5000;
    reopen();
    const char *id = open_tunnel();
    assert_int_equal(close_tunnel(id, false), ERR_OK);
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    clock_ms += 5000;
    UNTIL(loop, !registry_healthy(registry));
    get(id);
    sqlite3_close(other);
    UNTIL(loop, registry_find(registry, span_of(id)) == NULL);
    assert_int_equal(number_in_database("SELECT count(*) FROM tunnels"), 0);
    assert_int_equal(n_ended, 1);
}

/* Asked for, and the hub ends at once. */
static void test_free_answers(void **state)
{
    struct answer open, close = {0};
    (void)state;
    const char *id = open_tunnel();
    ask_open(&open, "AKID", 0);
    registry_close(registry, id, false, on_done, &close);
    close_registry();
    assert_int_equal(open.why, ERR_OK);
    assert_int_equal(close.why, ERR_OK);
    assert_int_equal(n_ended, 1);
    open_registry();
    assert_int_equal(get(open.id)->closed, 0);
    assert_int_equal(get(id)->closed, clock_ms);
}

static void test_duplicates_refused(void **state)
{
    char text[256];
    enum err why;
    (void)state;
    open_tunnel();
    open_tunnel();
    close_registry();
    sqlite3_close(other_program("UPDATE tunnels SET id = 'one'"));
    assert_null(registry_new(&options, &why, text, sizeof text));
    assert_int_equal(why, ERR_PROTOCOL);
    assert_non_null(strstr(text, "tunnel number 2: its id or a token is another one's, too"));
    sqlite3_close(other_program("UPDATE tunnels SET id = number; UPDATE sides SET token = "
                                "zeroblob(32) WHERE tunnel <> side"));
    assert_null(registry_new(&options, &why, text, sizeof text));
    assert_int_equal(why, ERR_PROTOCOL);
}

/* ---- tunnels on demand ---- */

#define IDLE_MS 600000

static const char *open_on_demand(struct answer *a)
{
    struct tunnel_record r = make_record("AKID"); /* lives for an hour */
    r.idle_ms = IDLE_MS;
    *a = (struct answer){0};
    registry_open(registry, &r, new_tokens(), 0, on_done, a);
    assert_int_equal(wait_for(a), ERR_OK);
    return a->id;
}

static void set_connected(const char *id, enum side side, bool connected)
{
    registry_connected(registry, span_of(id), side, connected);
}

static void test_idle(void **state)
{
    struct answer a, b;
    (void)state;
    const char *unused = open_on_demand(&a);
    clock_ms += 1000;
    const char *used = open_on_demand(&b);
    set_connected(used, SIDE_DESTINATION, true); /* which is no use of it */
    clock_ms += IDLE_MS - 1001;
    set_connected(used, SIDE_SOURCE, true);
    clock_ms++;
    UNTIL(loop, n_ended == 1);
    assert_string_equal(ended_id, unused);
    assert_string_equal(ended_why, "nobody has used the tunnel for its idle time");
    assert_int_equal(get(unused)->closed, get(unused)->created + IDLE_MS);
    clock_ms += 3 * IDLE_MS;
    set_connected(used, SIDE_SOURCE, false);
    clock_ms += IDLE_MS - 1;
    set_connected(used, SIDE_SOURCE, true); /* in the last moment */
    clock_ms += 1;
    set_connected(used, SIDE_SOURCE, false);
    int64_t left = clock_ms;
    UNTIL(loop, number_in_database("SELECT max(changed) FROM sides") == left);
    assert_int_equal(n_ended, 1);
    clock_ms += IDLE_MS;
    UNTIL(loop, n_ended == 2);
    assert_string_equal(ended_id, used);
    assert_int_equal(get(used)->closed, left + IDLE_MS);
    assert_int_equal(registry_open_count(registry), 0);
}

/* A source keeps its tunnel for the whole lifetime, and no longer. */
static void test_idle_and_lifetime(void **state)
{
    struct answer a;
    (void)state;
    const char *id = open_on_demand(&a);
    set_connected(id, SIDE_SOURCE, true);
    clock_ms += 55 * 60000;
    set_connected(id, SIDE_SOURCE, false);
    clock_ms += 5 * 60000;
    UNTIL(loop, n_ended == 1);
    assert_string_equal(ended_why, "the tunnel has expired");
    assert_int_equal(get(id)->closed, get(id)->expires);
}

/* What was left of the idle time is left after a restart; a source that was there gets all of it to
 * come back. */
static void test_idle_meanwhile(void **state)
{
    struct answer a, b, c;
    (void)state;
    const char *early = open_on_demand(&a);
    clock_ms += 1000;
    const char *late = open_on_demand(&b), *used = open_on_demand(&c);
    set_connected(used, SIDE_SOURCE, true);
    UNTIL(loop, number_in_database("SELECT sum(connected) FROM sides") == 1);
    assert_int_equal(number_in_database("SELECT min(idle_ms) FROM tunnels"), IDLE_MS);
    close_registry();
    clock_ms += IDLE_MS - 1000;
    open_registry();
    UNTIL(loop, n_ended == 1);
    assert_string_equal(ended_id, early);
    clock_ms += 1000;
    UNTIL(loop, n_ended == 2);
    assert_string_equal(ended_id, late);
    clock_ms += IDLE_MS - 1001;
    UNTIL(loop, number_in_database("SELECT sum(connected) FROM sides") == 0);
    assert_int_equal(get(used)->closed, 0);
    clock_ms++;
    UNTIL(loop, n_ended == 3);
    assert_string_equal(ended_id, used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_expiry),
        TEST(test_expiry_order),
        TEST(test_expired_meanwhile),
        TEST(test_jumps),
        TEST(test_jump_meanwhile),
        TEST(test_keep_closed),
        TEST(test_max_closed),
        TEST(test_max_closed_bytes),
        TEST(test_store_fails),
        TEST(test_expiry_while_store_fails),
        TEST(test_removal_while_store_fails),
        TEST(test_free_answers),
        TEST(test_duplicates_refused),
        TEST(test_idle),
        TEST(test_idle_and_lifetime),
        TEST(test_idle_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
