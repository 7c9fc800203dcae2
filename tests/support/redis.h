/* A real redis-server for a test: on a unix socket and a free port, with a directory of its own. */
#ifndef TESTS_SUPPORT_REDIS_H
#define TESTS_SUPPORT_REDIS_H

#include "core/net/loop.h"
#include "gateway/hub/redis/redis.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <cmocka.h>

struct redis_test {
    bool clock; /* set before its start: it has a clock of its own (redis_test_clock) */
    char folder[64];
    char url[128]; /* unix:…, as redis_options.url */
    char tcp[48];  /* redis://127.0.0.1:PORT */
    int port;
    pid_t pid;    /* 0: not running */
    bool loading; /* the next start does not wait until it has loaded its file */
};

/* Starts it, with `more` (pairs of option and value, ended by NULL; NULL: none) after what suits
 * tests: append-only file, noeviction, protected by nothing. (Not appendfsync everysec: it holds
 * what it acknowledged back from the file while it syncs, and loses that when it is killed.) Fails
 * the test when it does not answer. */
void redis_test_start(struct redis_test *t, const char *const *more);
/* Its wall clock goes so many seconds before the system's. */
void redis_test_clock(struct redis_test *t, int64_t seconds);
/* A Sentinel on a free port, which watches the master "main" on that one. more: further lines of
 * its configuration, or "". */
void redis_test_start_sentinel(struct redis_test *t, int master, const char *more);
/* As after kill -9; its file stays, and redis_test_start starts it again with it. */
void redis_test_kill(struct redis_test *t);
void redis_test_stop(struct redis_test *t); /* ends it, and removes its folder */

/* A loop that turns every 20 ms at least, so that REDIS_UNTIL looks again; one at a time. */
struct loop *redis_test_loop(void);
void redis_test_loop_free(struct loop *loop); /* nothing else is on it any more */

/* Turns the loop until it is so; fails the test after a minute. */
#define REDIS_UNTIL(loop, condition)                                                               \
    do {                                                                                           \
        uint64_t until_end = uv_hrtime() / 1000000 + 60000;                                        \
        while (!(condition)) {                                                                     \
            if (uv_hrtime() / 1000000 > until_end)                                                 \
                fail_msg("never came: %s", #condition);                                            \
            uv_run(loop_uv(loop), UV_RUN_ONCE);                                                    \
        }                                                                                          \
    } while (0)

/* One command as redis-cli has it; what it answers, for the next call to overwrite. */
const char *redis_test_cli(struct redis_test *t, const char *const *args);
#define REDIS_CLI(t, ...) redis_test_cli((t), (const char *const[]){__VA_ARGS__, NULL})

/* Asks through `r` and waits for the answer: its texts and numbers, separated by a space; "(nil)";
 * or the error's name in brackets: "(busy)". For the next call to overwrite. */
const char *redis_test_ask(struct loop *loop, struct redis *r, const char *const *args);
const char *redis_test_call(struct loop *loop, struct redis *r, const char *function,
                            const char *key, const char *const *args);
#define REDIS_ASK(loop, r, ...)                                                                    \
    redis_test_ask((loop), (r), (const char *const[]){__VA_ARGS__, NULL})
#define REDIS_CALL(loop, r, function, key, ...)                                                    \
    redis_test_call((loop), (r), (function), (key), (const char *const[]){__VA_ARGS__, NULL})

#endif
