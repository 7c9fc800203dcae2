/* What the tests of the hub's store and registry have in common: a folder, a loop, and waiting. */
#ifndef TESTS_SUPPORT_REGISTRY_H
#define TESTS_SUPPORT_REGISTRY_H

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

extern char folder[64], database_path[96];
void make_folder(void);
void remove_folder(void);
void wake(uv_timer_t *timer);

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
sqlite3 *other_program(const char *sql);
int64_t number_in_database(const char *sql);

/* Tokens as registry_open and registry_rotate take them. */
#define TOKENS(source, destination)                                                                \
    ((const char *const[SIDE_COUNT]){[SIDE_SOURCE] = (source), [SIDE_DESTINATION] = (destination)})

#endif
