/* The hub's store: what is on the disk, in which order, and what happens when the disk fails. */
#include "gateway/hub/registry/database.h"
#include "gateway/hub/registry/schema.h"
#include "gateway/hub/registry/store.h"
#include "tests/support/registry.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

static struct loop *loop;
static struct store *store;

/* ---- what was read ---- */

static struct tunnel_record records[64];
static size_t n_records;

static enum err keep(void *owner, struct tunnel_record *r)
{
    (void)owner;
    if (n_records == sizeof records / sizeof *records)
        return ERR_NO_MEMORY;
    records[n_records++] = *r;
    *r = (struct tunnel_record){0};
    return ERR_OK;
}

static void forget_records(void)
{
    while (n_records > 0)
        tunnel_record_free(&records[--n_records]);
}

static struct store *try_open(enum err *why, char *text, size_t size)
{
    struct store_options o = {
        .loop = loop, .backend = &database_backend, .folder = folder, .each = keep};
    forget_records();
    return store_new(&o, why, text, size);
}

static void open_store(void)
{
    char text[512] = "";
    enum err why;
    store = try_open(&why, text, sizeof text);
    if (store == NULL)
        fail_msg("%s: %s", err_name(why), text);
}

static void close_store(void)
{
    store_free(store);
    store = NULL;
}

static void reopen(void)
{
    close_store();
    open_store();
}

static void refuses(enum err expected, const char *words)
{
    char text[512] = "";
    enum err why = ERR_OK;
    struct store *s = try_open(&why, text, sizeof text);
    if (s != NULL)
        store_free(s);
    if (s != NULL || why != expected || strstr(text, words) == NULL)
        fail_msg("%s \"%s\" instead of %s \"...%s...\"", err_name(why), text, err_name(expected),
                 words);
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    return loop == NULL;
}

static int teardown(void **state)
{
    (void)state;
    close_store();
    forget_records();
    loop_free(loop);
    remove_folder();
    return 0;
}

/* ---- what is asked for ---- */

struct asked {
    struct change change;
    int calls;
    enum err why;
    int order;
};
static int order;

static void on_done(struct change *c, enum err why)
{
    struct asked *a = (struct asked *)c;
    a->calls++;
    a->why = why;
    a->order = ++order;
}

static void ask(struct asked *a, enum change_kind kind, int64_t number, int64_t at)
{
    a->change.kind = kind;
    a->change.number = number;
    a->change.at = at;
    a->change.done = on_done;
    store_ask(store, &a->change);
}

static enum err result(struct asked *a)
{
    UNTIL(loop, a->calls > 0);
    assert_int_equal(a->calls, 1);
    return a->why;
}

static struct tunnel_record make_record(int64_t number)
{
    struct tunnel_record r = {.number = number,
                              .key_id = strdup("AKID"),
                              .thing = strdup("plant7"),
                              .description = strdup("line\t\xc3\xa9"),
                              .created = 1000,
                              .updated = 1001,
                              .lifetime_minutes = 720,
                              .expires = 43201000};
    char text[64];
    snprintf(text, sizeof text, "id-%lld", (long long)number);
    r.id = strdup(text);
    snprintf(text, sizeof text, "destination %lld", (long long)number);
    token_hash(span_of(r.id), r.sides[SIDE_SOURCE].token);
    token_hash(span_of(text), r.sides[SIDE_DESTINATION].token);
    assert_true(texts_add(&r.services, span_of("SSH1")));
    assert_true(texts_add(&r.services, span_of("HTTP1")));
    assert_true(tags_set(&r.tags, span_of("z"), span_of("last")));
    assert_true(tags_set(&r.tags, span_of("a"), span_of("")));
    return r;
}

static void put(int64_t number)
{
    struct tunnel_record r = make_record(number);
    struct asked a = {.change.record = &r};
    ask(&a, CHANGE_OPEN, number, 0);
    assert_int_equal(result(&a), ERR_OK);
    tunnel_record_free(&r);
}

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

/* ---- failing ---- */

static void test_batch_is_atomic(void **state)
{
    struct tunnel_record r = make_record(2), twice = make_record(1);
    struct asked close = {0}, open = {.change.record = &r}, bad = {.change.record = &twice};
    (void)state;
    open_store();
    put(1);
    ask(&close, CHANGE_CLOSE, 1, 100);
    ask(&open, CHANGE_OPEN, 2, 0);
    ask(&bad, CHANGE_OPEN, 1, 0);
    assert_int_equal(result(&bad), ERR_IO);
    assert_int_equal(close.why, ERR_IO);
    assert_int_equal(open.why, ERR_IO);
    assert_false(store_healthy(store));
    assert_int_equal(number_in_database("SELECT count(*) + sum(closed) FROM tunnels"), 1);
    open.calls = 0;
    ask(&open, CHANGE_OPEN, 2, 0);
    assert_int_equal(result(&open), ERR_OK);
    assert_true(store_healthy(store));
    reopen();
    assert_int_equal(n_records, 2);
    tunnel_record_free(&r);
    tunnel_record_free(&twice);
}

static void test_locked(void **state)
{
    struct asked a = {0};
    (void)state;
    open_store();
    put(1);
    sqlite3 *other = other_program("BEGIN EXCLUSIVE");
    uint64_t begin = uv_hrtime(), longest = 0, last = begin;
    store_state(store, 1, SIDE_SOURCE, true, 55);
    ask(&a, CHANGE_CLOSE, 1, 100);
    while (a.calls == 0) { /* meanwhile the loop goes round */
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        uint64_t now = uv_hrtime();
        longest = now - last > longest ? now - last : longest;
        last = now;
        uv_sleep(1);
    }
    assert_int_equal(a.why, ERR_BUSY);
    assert_true(last - begin > 1500000000u);
    assert_true(longest < 1000000000u);
    assert_false(store_healthy(store));
    sqlite3_close(other);
    UNTIL(loop, store_healthy(store)); /* the state is tried again */
    assert_int_equal(number_in_database("SELECT changed FROM sides WHERE side = 0"), 55);
    assert_int_equal(number_in_database("SELECT closed FROM tunnels"), 0);
}

/* Whoever waits for a healthy hub before asking anything of it must not wait for ever. */
static void test_recovers_by_itself(void **state)
{
    struct tunnel_record twice = make_record(1);
    struct asked bad = {.change.record = &twice};
    (void)state;
    open_store();
    put(1);
    ask(&bad, CHANGE_OPEN, 1, 0);
    assert_int_equal(result(&bad), ERR_IO);
    assert_false(store_healthy(store));
    UNTIL(loop, store_healthy(store));
    tunnel_record_free(&twice);
}

/* No file may grow beyond `bytes`: what a full disk is like. */
static struct rlimit limit_files(rlim_t bytes)
{
    struct rlimit before, now;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    now = (struct rlimit){bytes, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    return before;
}

static void test_disk_full(void **state)
{
    struct tunnel_record r = make_record(2);
    struct asked bad = {.change.record = &r}, probe = {0};
    char wal[128];
    struct stat st;
    (void)state;
    open_store();
    put(1);
    free(r.description);
    r.description = malloc(40001); /* so that it fails in its midst */
    memset(r.description, 'x', 40000);
    r.description[40000] = '\0';
    snprintf(wal, sizeof wal, "%s-wal", database_path);
    assert_int_equal(stat(wal, &st), 0);
    struct rlimit before = limit_files((rlim_t)st.st_size + 5000);
    ask(&bad, CHANGE_OPEN, 2, 0);
    enum err why = result(&bad);
    bool healthy = store_healthy(store);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(why, ERR_IO);
    assert_false(healthy);
    bad.calls = 0;
    ask(&bad, CHANGE_OPEN, 2, 0); /* there is room again */
    assert_int_equal(result(&bad), ERR_OK);
    ask(&probe, CHANGE_CLOSE, 1, 100);
    assert_int_equal(result(&probe), ERR_OK);
    reopen();
    assert_int_equal(n_records, 2);
    assert_int_equal(records[0].closed, 100);
    assert_int_equal(strlen(records[1].description), 40000);
    tunnel_record_free(&r);
}

/* No room from the beginning, and at the end of the hub: nothing is made up, nothing hangs. */
static void test_disk_full_at_the_ends(void **state)
{
    char text[512];
    enum err why;
    (void)state;
    struct rlimit before = limit_files(0);
    struct store *s = try_open(&why, text, sizeof text);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_null(s);
    assert_int_equal(why, ERR_IO);
    open_store();
    put(1);
    struct asked a = {0};
    before = limit_files(0);
    ask(&a, CHANGE_CLOSE, 1, 100);
    close_store();
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(a.why, ERR_IO);
    open_store();
    assert_int_equal(n_records, 1);
    assert_int_equal(records[0].closed, 0);
}

static void copy_file(const char *from, const char *to)
{
    char command[256];
    snprintf(command, sizeof command, "cp -p '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static char last_error[512];

static void keep_error(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    if (level == LOG_ERROR)
        snprintf(last_error, sizeof last_error, "%s", line);
}

static void overwrite(int to, const char *from)
{
    char bytes[8192];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(lseek(to, 0, SEEK_SET), 0);
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(to, bytes, (size_t)n), n);
    close(fd);
}

/* The file is damaged while the hub runs, replaced by another one, which knows nothing of what was
 * done meanwhile, put back, and repaired: then the connection is made anew. */
static void test_damaged_and_repaired(void **state)
{
    struct tunnel_record r = make_record(2);
    struct asked bad = {.change.record = &r}, other_file = bad, good = bad;
    char copy[128], away[128], junk[8192];
    (void)state;
    open_store();
    put(1);
    reopen(); /* all of it is in the file now */
    snprintf(copy, sizeof copy, "%s.copy", database_path);
    snprintf(away, sizeof away, "%s.away", database_path);
    copy_file(database_path, copy);
    sqlite3 *other = other_program("PRAGMA user_version = 1"); /* what is cached is old now */
    memset(junk, 0x5a, sizeof junk);
    int fd = open(database_path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, junk, sizeof junk, 4096), sizeof junk);
    log_setup(LOG_ERROR, false);
    log_redirect(keep_error, NULL);
    ask(&bad, CHANGE_OPEN, 2, 0);
    assert_int_equal(result(&bad), ERR_IO);
    assert_non_null(strstr(last_error, "hub.db: database disk image is malformed"));
    assert_int_equal(rename(database_path, away), 0);
    copy_file(copy, database_path);
    ask(&other_file, CHANGE_OPEN, 2, 0);
    assert_int_equal(result(&other_file), ERR_IO);
    assert_int_equal(rename(away, database_path), 0);
    overwrite(fd, copy);
    close(fd);
    sqlite3_close(other);
    ask(&good, CHANGE_OPEN, 2, 0);
    assert_int_equal(result(&good), ERR_OK);
    log_redirect(NULL, NULL);
    reopen();
    assert_int_equal(n_records, 2);
    tunnel_record_free(&r);
}

/* Another program that reads is not in the way, however long it takes, and has a whole copy. */
static void test_backup(void **state)
{
    struct asked close = {0};
    char copy[128];
    sqlite3 *to;
    (void)state;
    open_store();
    for (int i = 1; i <= 50; i++)
        put(i);
    sqlite3 *from = other_program("BEGIN; SELECT count(*) FROM tunnels");
    snprintf(copy, sizeof copy, "%s.copy", database_path);
    assert_int_equal(sqlite3_open(copy, &to), SQLITE_OK);
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    assert_non_null(b);
    assert_int_equal(sqlite3_backup_step(b, 1), SQLITE_OK);
    ask(&close, CHANGE_CLOSE, 7, 100);
    assert_int_equal(result(&close), ERR_OK);
    assert_int_equal(sqlite3_backup_step(b, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(b), SQLITE_OK);
    sqlite3_close(from);
    sqlite3_close(to);
    close_store();
    assert_int_equal(rename(copy, database_path), 0);
    open_store();
    assert_int_equal(n_records, 50);
    assert_int_equal(records[6].closed, 0);
    put(51);
}

/* ---- what is refused ---- */

static void test_not_ours(void **state)
{
    (void)state;
    sqlite3_close(other_program("CREATE TABLE cats (name TEXT)"));
    refuses(ERR_PROTOCOL, "hub.db: it is not a hub's database");
    assert_int_equal(number_in_database("SELECT count(*) FROM sqlite_schema"), 1);
    unlink(database_path);
    open_store();
    close_store();
    sqlite3_close(other_program("PRAGMA user_version = 0"));
    refuses(ERR_PROTOCOL, "it is not a hub's database");
    sqlite3_close(other_program("PRAGMA user_version = 99"));
    refuses(ERR_PROTOCOL, "written by a newer hub (schema version 99, this one knows 1)");
    sqlite3_close(other_program("PRAGMA user_version = 1; PRAGMA application_id = 5"));
    refuses(ERR_PROTOCOL, "it is not a hub's database");
}

static void test_locked_at_open(void **state)
{
    (void)state;
    open_store();
    close_store();
    sqlite3 *other = other_program("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
                                   "CREATE TABLE t (a)");
    refuses(ERR_BUSY, "database is locked");
    sqlite3_close(other);
    open_store();
}

static void write_file(off_t at, const void *p, size_t n)
{
    int fd = open(database_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, p, n, at), n);
    close(fd);
}

static void test_damaged_file(void **state)
{
    char junk[4096];
    (void)state;
    memset(junk, 'x', sizeof junk);
    write_file(0, junk, sizeof junk);
    refuses(ERR_PROTOCOL, "hub.db: file is not a database; restore a backup");
    unlink(database_path);
    open_store();
    put(1);
    close_store();
    write_file(4096, junk, sizeof junk);
    refuses(ERR_PROTOCOL, "hub.db: database disk image is malformed; restore");
    assert_int_equal(truncate(database_path, 5000), 0);
    refuses(ERR_PROTOCOL, "hub.db: database disk image is malformed");
}

/* Each is right for SQLite, and makes no sense. */
static void test_damaged_rows(void **state)
{
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"UPDATE tunnels SET id = ''", "(tunnel number 1: its id is not one)"},
        {"UPDATE tunnels SET id = 'a b'", "its id is not one"},
        {"UPDATE tunnels SET id = printf('%0200d', 1)", "its id is not one"},
        {"UPDATE tunnels SET thing = 'a' || char(0) || 'b'", "a NUL"},
        {"UPDATE tunnels SET description = printf('%070000d', 1)", "too long"},
        {"UPDATE tunnels SET number = -5 WHERE number = 1", "too small"},
        {"UPDATE tunnels SET closed = -1", "too small"},
        {"UPDATE tunnels SET lifetime_minutes = 0", "too small"},
        {"UPDATE tunnels SET number = 7 WHERE number = 2", "2: parts of it are there"},
        {"DELETE FROM tunnels", "(tunnel number 1: parts of it are there"},
        {"DELETE FROM tunnels; DELETE FROM sides; DELETE FROM services", "parts of it are there"},
        {"DELETE FROM sides WHERE tunnel = 2", "2: it must have two sides"},
        {"DELETE FROM sides WHERE tunnel = 2 AND side = 0", "two sides"},
        {"DELETE FROM sides WHERE tunnel = 2 AND side = 1", "two sides"},
        {"UPDATE sides SET side = 5 WHERE side = 1", "two sides"},
        {"INSERT INTO sides VALUES (2, 2, zeroblob(32), 0, NULL, 0, 0)", "two sides"},
        {"UPDATE sides SET token = zeroblob(31)", "not a SHA-256 hash"},
        {"UPDATE sides SET client = zeroblob(33)", "not a SHA-256 hash"},
        {"UPDATE sides SET used = 2", "neither"},
        {"UPDATE sides SET connected = -1", "too small"},
    };
    char copy[128], wal[128];
    (void)state;
    open_store();
    put(1);
    put(2);
    close_store();
    snprintf(copy, sizeof copy, "%s.copy", database_path);
    snprintf(wal, sizeof wal, "%s-wal", database_path);
    copy_file(database_path, copy);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sqlite3_close(other_program(cases[i].sql));
        refuses(ERR_PROTOCOL, cases[i].words);
        assert_int_not_equal(access(wal, F_OK), 0);
        copy_file(copy, database_path);
    }
    open_store();
    assert_int_equal(n_records, 2);
}

/* ---- migrations ---- */

static const char *const steps[] = {
    "CREATE TABLE a (x); INSERT INTO a VALUES (1);",
    "ALTER TABLE a ADD COLUMN y DEFAULT 5;",
    "CREATE TABLE b (z); UPDATE a SET y = x + 1;",
    "CREATE TABLE c (z); UPDATE cats SET y = x + 1;",
};

static int64_t ask_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return number;
}

static void test_migrations(void **state)
{
    const struct schema one = {steps, 1}, two = {steps, 2}, three = {steps, 3}, four = {steps, 4};
    char text[256] = "";
    sqlite3 *db;
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(schema_check(db, &one, text, sizeof text), ERR_OK);
    assert_int_equal(schema_migrate(db, &one, text, sizeof text), ERR_OK);
    assert_int_equal(ask_number(db, "PRAGMA user_version"), 1);
    assert_int_equal(ask_number(db, "PRAGMA application_id"), SCHEMA_APPLICATION);
    assert_int_equal(schema_check(db, &three, text, sizeof text), ERR_OK);
    assert_int_equal(schema_migrate(db, &three, text, sizeof text), ERR_OK);
    assert_int_equal(ask_number(db, "PRAGMA user_version"), 3);
    assert_int_equal(ask_number(db, "SELECT y FROM a"), 2);
    assert_int_equal(schema_migrate(db, &three, text, sizeof text), ERR_OK);
    assert_int_equal(schema_migrate(db, &four, text, sizeof text), ERR_IO);
    assert_string_equal(text, "no such table: cats");
    assert_int_equal(ask_number(db, "PRAGMA user_version"), 3);
    assert_int_equal(ask_number(db, "SELECT count(*) FROM sqlite_schema"), 2);
    assert_int_equal(schema_check(db, &two, text, sizeof text), ERR_PROTOCOL);
    assert_non_null(strstr(text, "newer hub (schema version 3, this one knows 2)"));
    sqlite3_close(db);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
        TEST(test_batch_is_atomic),
        TEST(test_locked),
        TEST(test_recovers_by_itself),
        TEST(test_disk_full),
        TEST(test_disk_full_at_the_ends),
        TEST(test_damaged_and_repaired),
        TEST(test_backup),
        TEST(test_not_ours),
        TEST(test_locked_at_open),
        TEST(test_damaged_file),
        TEST(test_damaged_rows),
        cmocka_unit_test(test_migrations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
