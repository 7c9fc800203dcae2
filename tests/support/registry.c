#include "tests/support/registry.h"

char folder[64], database_path[96];

void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/test-registry-XXXXXX");
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(database_path, sizeof database_path, "%s/hub.db", folder);
}

void remove_folder(void)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(folder);
}

void wake(uv_timer_t *timer)
{
    (void)timer;
}

sqlite3 *other_program(const char *sql)
{
    sqlite3 *db = NULL;
    char *problem = NULL;
    assert_int_equal(sqlite3_open(database_path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s: %s", sql, problem);
    return db;
}

int64_t number_in_database(const char *sql)
{
    sqlite3 *db = other_program("PRAGMA busy_timeout = 5000");
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return number;
}
