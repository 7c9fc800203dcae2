#include "core/base/log.h"
#include "core/net/loop.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS 20
#define ROUND_MS 10

/* libuv's threads belong to the process, so does this: one of them still waits for a resolver. */
static bool still_resolving;

static bool settles(uv_loop_t *uv)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (uv_run(uv, UV_RUN_NOWAIT) == 0)
            return true;
        uv_sleep(ROUND_MS);
    }
    return false;
}

void loop_block_signals(void)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
}

void loop_leave(struct loop *l)
{
    if (settles(loop_uv(l)))
        loop_free(l);
    else
        still_resolving = true;
}

void loop_exit(int code)
{
    log_end();
    if (still_resolving) {
        fflush(NULL);
        _exit(code); /* exit would wait for the thread */
    }
    exit(code);
}
