/* The store: what is kept, in which order, until when. */
#include "tests/unit/store_help.h"

/* ---- what is asked for ---- */

static void fill_rotate(struct asked *a, enum side side, const char *token)
{
    a->change.has_token[side] = true;
    token_hash(span_of(token), a->change.token[side]);
}

static void fill_use(struct asked *a, enum side side, const char *token, const char *client)
{
    a->change.side = side;
    token_hash(span_of(token), a->change.token[side]);
    a->change.has_client = client != NULL;
    if (client != NULL)
        token_hash(span_of(client), a->change.client);
}

static bool hash_is(const uint8_t hash[TOKEN_HASH], const char *token)
{
    uint8_t other[TOKEN_HASH];
    token_hash(span_of(token), other);
    return memcmp(hash, other, TOKEN_HASH) == 0;
}

/* ---- the folder ---- */

static int mode_of(const char *name)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(stat(path, &st), 0);
    return (int)(st.st_mode & 0777);
}

static void test_folder(void **state)
{
    (void)state;
    rmdir(folder);
    mode_t before = umask(0);
    open_store();
    put(1);
    umask(before);
    assert_int_equal(mode_of("."), 0700);
    assert_int_equal(mode_of("lock"), 0600);
    assert_int_equal(mode_of("hub.db"), 0600);
    assert_int_equal(mode_of("hub.db-wal"), 0600);
    assert_int_equal(mode_of("hub.db-shm"), 0600);
    refuses(ERR_ADDRESS_IN_USE, "another hub is using /tmp/test-registry-");
    close_store();
    open_store();
    assert_int_equal(n_records, 1);
}

static void test_bad_folder(void **state)
{
    char whole[64];
    (void)state;
    memcpy(whole, folder, sizeof whole);
    snprintf(folder, sizeof folder, "/tmp/no-such-folder-%d/x", (int)getpid());
    refuses(ERR_NOT_FOUND, "cannot make /tmp/no-such-folder-");
    snprintf(folder, sizeof folder, "/dev/null");
    refuses(ERR_NOT_FOUND, "cannot open /dev/null/lock");
    memcpy(folder, whole, sizeof whole);
    assert_int_equal(mkdir(database_path, 0700), 0);
    refuses(ERR_UNSUPPORTED, "cannot open ");
    assert_int_equal(rmdir(database_path), 0);
}

/* ---- what is kept ---- */

static void test_open_kept(void **state)
{
    (void)state;
    open_store();
    put(3);
    put(4);
    reopen();
    assert_int_equal(n_records, 2);
    const struct tunnel_record *r = &records[0];
    assert_int_equal(r->number, 3);
    assert_string_equal(r->id, "id-3");
    assert_string_equal(r->key_id, "AKID");
    assert_string_equal(r->thing, "plant7");
    assert_string_equal(r->description, "line\t\xc3\xa9");
    assert_int_equal(r->created, 1000);
    assert_int_equal(r->updated, 1001);
    assert_int_equal(r->lifetime_minutes, 720);
    assert_int_equal(r->expires, 43201000);
    assert_int_equal(r->closed, 0);
    assert_int_equal(r->services.n, 2);
    assert_string_equal(r->services.items[0], "SSH1");
    assert_string_equal(r->services.items[1], "HTTP1");
    assert_int_equal(r->tags.n, 2);
    assert_string_equal(r->tags.items[0].key, "z");
    assert_string_equal(r->tags.items[0].value, "last");
    assert_string_equal(r->tags.items[1].key, "a");
    assert_string_equal(r->tags.items[1].value, "");
    assert_true(hash_is(r->sides[SIDE_SOURCE].token, "id-3"));
    assert_true(hash_is(r->sides[SIDE_DESTINATION].token, "destination 3"));
    for (int side = 0; side < SIDE_COUNT; side++) {
        assert_false(r->sides[side].used);
        assert_false(r->sides[side].has_client);
        assert_false(r->sides[side].connected);
        assert_int_equal(r->sides[side].changed, 0);
    }
}

static void test_close_and_remove_kept(void **state)
{
    struct asked close = {0}, again = {0}, remove = {0};
    (void)state;
    open_store();
    for (int i = 1; i <= 3; i++)
        put(i);
    ask(&close, CHANGE_CLOSE, 1, 5000);
    ask(&again, CHANGE_CLOSE, 1, 6000);
    ask(&remove, CHANGE_REMOVE, 2, 5000);
    assert_int_equal(result(&remove), ERR_OK);
    reopen();
    assert_int_equal(n_records, 2);
    assert_int_equal(records[0].closed, 5000);
    assert_int_equal(records[0].updated, 5000);
    assert_int_equal(records[1].number, 3);
    assert_int_equal(records[1].closed, 0);
    assert_int_equal(number_in_database("SELECT count(*) FROM tags") +
                         number_in_database("SELECT count(*) FROM sides") +
                         number_in_database("SELECT count(*) FROM services"),
                     12);
}

static void test_tokens_kept(void **state)
{
    struct asked use = {0}, with = {0}, rotate = {0};
    (void)state;
    open_store();
    for (int i = 1; i <= 3; i++)
        put(i);
    fill_use(&use, SIDE_SOURCE, "id-1", NULL);
    ask(&use, CHANGE_USE, 1, 0);
    fill_use(&with, SIDE_DESTINATION, "destination 2", "client");
    ask(&with, CHANGE_USE, 2, 0);
    fill_rotate(&rotate, SIDE_DESTINATION, "new");
    ask(&rotate, CHANGE_ROTATE, 3, 7000);
    assert_int_equal(result(&rotate), ERR_OK);
    reopen();
    assert_true(records[0].sides[SIDE_SOURCE].used);
    assert_false(records[0].sides[SIDE_SOURCE].has_client);
    assert_false(records[0].sides[SIDE_DESTINATION].used);
    assert_true(records[1].sides[SIDE_DESTINATION].used);
    assert_true(records[1].sides[SIDE_DESTINATION].has_client);
    assert_true(hash_is(records[1].sides[SIDE_DESTINATION].client, "client"));
    assert_true(hash_is(records[2].sides[SIDE_DESTINATION].token, "new"));
    assert_true(hash_is(records[2].sides[SIDE_SOURCE].token, "id-3"));
    assert_int_equal(records[2].updated, 7000);
}

static void test_tags_kept(void **state)
{
    struct asked a = {0};
    (void)state;
    open_store();
    put(1);
    assert_true(tags_set(&a.change.add, span_of("m"), span_of("new")));
    assert_true(tags_set(&a.change.add, span_of("z"), span_of("changed")));
    assert_true(texts_add(&a.change.remove, span_of("a")));
    assert_true(texts_add(&a.change.remove, span_of("unknown")));
    ask(&a, CHANGE_TAG, 1, 8000);
    assert_int_equal(result(&a), ERR_OK);
    reopen();
    assert_int_equal(records[0].tags.n, 2);
    assert_string_equal(records[0].tags.items[0].key, "z");
    assert_string_equal(records[0].tags.items[0].value, "changed");
    assert_string_equal(records[0].tags.items[1].key, "m");
    assert_int_equal(records[0].updated, 8000);
    tags_free(&a.change.add);
    texts_free(&a.change.remove);
}

/* Only the last one of many counts, and it goes with another change's transaction. */
static void test_states_kept(void **state)
{
    struct asked a = {0};
    (void)state;
    open_store();
    put(1);
    uint64_t before = store_commits(store);
    for (int i = 0; i < 1001; i++)
        store_state(store, 1, SIDE_DESTINATION, i % 2 == 0, 9000 + i);
    store_state(store, 77, SIDE_SOURCE, true, 9000); /* there is none */
    UNTIL(loop, store_commits(store) > before);
    assert_int_equal(store_commits(store), before + 1);
    assert_int_equal(number_in_database("SELECT changed FROM sides WHERE side = 1"), 10000);
    store_state(store, 1, SIDE_SOURCE, true, 11000);
    ask(&a, CHANGE_CLOSE, 1, 12000);
    assert_int_equal(result(&a), ERR_OK);
    assert_int_equal(store_commits(store), before + 2);
    assert_int_equal(number_in_database("SELECT changed FROM sides WHERE side = 0"), 11000);
    store_state(store, 1, SIDE_SOURCE, false, 13000);
    reopen();
    assert_false(records[0].sides[SIDE_SOURCE].connected);
    assert_int_equal(records[0].sides[SIDE_SOURCE].changed, 13000);
    assert_true(records[0].sides[SIDE_DESTINATION].connected);
    assert_int_equal(n_records, 1);
}

/* ---- order ---- */

static void test_order(void **state)
{
    struct asked all[8] = {0};
    (void)state;
    open_store();
    put(1);
    put(2);
    put(3);
    fill_rotate(&all[0], SIDE_SOURCE, "new");
    ask(&all[0], CHANGE_ROTATE, 1, 1);
    fill_use(&all[1], SIDE_SOURCE, "id-1", "client"); /* the old token: of no effect */
    ask(&all[1], CHANGE_USE, 1, 2);
    fill_use(&all[2], SIDE_DESTINATION, "destination 1", "client");
    ask(&all[2], CHANGE_USE, 1, 3);
    fill_rotate(&all[3], SIDE_DESTINATION, "newer");
    ask(&all[3], CHANGE_ROTATE, 1, 4);
    ask(&all[4], CHANGE_CLOSE, 2, 5);
    fill_rotate(&all[5], SIDE_SOURCE, "too late");
    ask(&all[5], CHANGE_ROTATE, 2, 6);
    ask(&all[6], CHANGE_REMOVE, 3, 7);
    assert_true(tags_set(&all[7].change.add, span_of("too"), span_of("late")));
    ask(&all[7], CHANGE_TAG, 3, 8);
    assert_int_equal(result(&all[7]), ERR_OK);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(all[i].why, ERR_OK);
        assert_int_equal(all[i].order, all[0].order + i);
    }
    tags_free(&all[7].change.add);
    reopen();
    assert_int_equal(n_records, 2);
    assert_true(hash_is(records[0].sides[SIDE_SOURCE].token, "new"));
    assert_false(records[0].sides[SIDE_SOURCE].used);
    assert_true(hash_is(records[0].sides[SIDE_DESTINATION].token, "newer"));
    assert_false(records[0].sides[SIDE_DESTINATION].used);
    assert_false(records[0].sides[SIDE_DESTINATION].has_client);
    assert_int_equal(records[0].updated, 4);
    assert_true(hash_is(records[1].sides[SIDE_SOURCE].token, "id-2"));
    assert_int_equal(records[1].updated, 5);
}

static void test_group_commit(void **state)
{
    enum { N = 500 };
    static struct asked all[2 * N];
    (void)state;
    memset(all, 0, sizeof all);
    open_store();
    put(1);
    uint64_t before = store_commits(store);
    for (int i = 0; i < N; i++)
        ask(&all[i], CHANGE_CLOSE, 1, 1);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT); /* the worker has them now */
    for (int i = N; i < 2 * N; i++)
        ask(&all[i], CHANGE_CLOSE, 1, 1);
    assert_int_equal(result(&all[2 * N - 1]), ERR_OK);
    assert_int_equal(store_commits(store), before + 2);
    for (int i = 0; i < 2 * N; i++)
        assert_int_equal(all[i].order, all[0].order + i);
}

static void test_queue_is_full(void **state)
{
    static struct asked all[STORE_QUEUE_MAX + 1];
    (void)state;
    memset(all, 0, sizeof all);
    open_store();
    for (size_t i = 0; i <= STORE_QUEUE_MAX; i++)
        ask(&all[i], CHANGE_CLOSE, 1, 1);
    assert_int_equal(all[STORE_QUEUE_MAX].calls, 1);
    assert_int_equal(all[STORE_QUEUE_MAX].why, ERR_BUSY);
    assert_int_equal(all[0].calls, 0);
    assert_int_equal(result(&all[STORE_QUEUE_MAX - 1]), ERR_OK);
    struct asked a = {0};
    ask(&a, CHANGE_CLOSE, 1, 1);
    assert_int_equal(result(&a), ERR_OK);
}

/* ---- the end ---- */

static struct asked late;

static void on_done_late(struct change *c, enum err why)
{
    on_done(c, why);
    ask(&late, CHANGE_REMOVE, 1, 1);
}

static void test_free_stores_the_rest(void **state)
{
    struct asked first = {0}, second = {0};
    (void)state;
    memset(&late, 0, sizeof late);
    open_store();
    put(1);
    ask(&first, CHANGE_CLOSE, 1, 100);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    fill_use(&second, SIDE_SOURCE, "id-1", NULL);
    second.change =
        (struct change){.kind = CHANGE_USE, .number = 1, .side = SIDE_SOURCE, .done = on_done_late};
    token_hash(span_of("id-1"), second.change.token[SIDE_SOURCE]);
    store_ask(store, &second.change);
    store_state(store, 1, SIDE_SOURCE, true, 200);
    close_store();
    assert_int_equal(first.why, ERR_OK);
    assert_int_equal(second.why, ERR_OK);
    assert_int_equal(first.calls + second.calls + late.calls, 3);
    assert_int_equal(late.why, ERR_SHUTDOWN);
    open_store();
    assert_int_equal(records[0].closed, 100);
    assert_true(records[0].sides[SIDE_SOURCE].used);
    assert_true(records[0].sides[SIDE_SOURCE].connected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_folder),
        TEST(test_bad_folder),
        TEST(test_open_kept),
        TEST(test_close_and_remove_kept),
        TEST(test_tokens_kept),
        TEST(test_tags_kept),
        TEST(test_states_kept),
        TEST(test_order),
        TEST(test_group_commit),
        TEST(test_queue_is_full),
        TEST(test_free_stores_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
