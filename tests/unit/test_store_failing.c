/* The store: what fails or is refused, and migrations. */
#include "tests/unit/store_help.h"

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
    uint64_t begin = uv_hrtime();
    unsigned turns = 0;
    store_state(store, 1, SIDE_SOURCE, true, 55);
    ask(&a, CHANGE_CLOSE, 1, 100);
    while (a.calls == 0) { /* meanwhile the loop goes round */
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        turns++;
        uv_sleep(1);
    }
    assert_int_equal(a.why, ERR_BUSY);
    assert_true(uv_hrtime() - begin > 1500000000u);
    assert_true(turns > 20);
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
    sqlite3 *other = other_program("PRAGMA user_version = 3"); /* what is cached is old now */
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
    refuses(ERR_PROTOCOL, "written by a newer hub (schema version 99, this one knows 3)");
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
        {"UPDATE sides SET token = zeroblob(31)", "has another size"},
        {"UPDATE sides SET client = zeroblob(33)", "has another size"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
