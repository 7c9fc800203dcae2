/* What the tests of the hub's store and registry have in common: a folder, a loop, and waiting. */
#ifndef TESTS_UNIT_REGISTRY_HELP_H
#define TESTS_UNIT_REGISTRY_HELP_H

#include "core/base/log.h"
#include "tests/unit/registry_view.h"

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 60000 /* a test has failed when something takes so long */

static char folder[64], database_path[96];

static inline void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/test-registry-XXXXXX");
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(database_path, sizeof database_path, "%s/hub.db", folder);
}

static inline void remove_folder(void)
{
    DIR *d = opendir(folder);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(d), e->d_name, 0);
    if (d != NULL)
        closedir(d);
    rmdir(folder);
}

static inline void wake(uv_timer_t *timer)
{
    (void)timer;
}

/* Runs the loop until the condition holds. */
#define UNTIL(loop, condition)                                                                     \
    do {                                                                                           \
        uint64_t until_end = uv_hrtime() / 1000000 + WAIT_MS;                                      \
        uv_timer_t until_timer;                                                                    \
        uv_timer_init(loop_uv(loop), &until_timer);                                                \
        uv_timer_start(&until_timer, wake, 50, 50);                                                \
        while (!(condition)) {                                                                     \
            if (uv_hrtime() / 1000000 > until_end) {                                               \
                fprintf(stderr, "line %d: never came: %s\n", __LINE__, #condition);                \
                abort();                                                                           \
            }                                                                                      \
            uv_run(loop_uv(loop), UV_RUN_ONCE);                                                    \
        }                                                                                          \
        uv_close((uv_handle_t *)&until_timer, NULL);                                               \
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);                                                      \
    } while (0)

/* Another program's connection to the database. */
static inline sqlite3 *other_program(const char *sql)
{
    sqlite3 *db = NULL;
    char *problem = NULL;
    assert_int_equal(sqlite3_open(database_path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s: %s", sql, problem);
    return db;
}

static inline int64_t number_in_database(const char *sql)
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

/* Tokens as registry_open and registry_rotate take them. */
#define TOKENS(source, destination)                                                                \
    ((const char *const[SIDE_COUNT]){[SIDE_SOURCE] = (source), [SIDE_DESTINATION] = (destination)})

#endif
