/* One run of a command that is given a text on its standard input. It takes as long as the command,
 * so it belongs on a thread of its own. Private to this folder. */
#ifndef GATEWAY_HUB_HOOKS_HOOK_RUN_H
#define GATEWAY_HUB_HOOKS_HOOK_RUN_H

#include "core/base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* After `stop` a command has so long to end by itself. */
#define HOOK_LAST_MS 1000
#define HOOK_ARGUMENTS_MAX 32 /* words of a command, with the program itself */

enum hook_result {
    HOOK_OK,          /* it ended with 0 */
    HOOK_FAILED,      /* with another code, or by a signal */
    HOOK_LATE,        /* it was killed, since it took too long */
    HOOK_NOT_STARTED, /* there is no such program, or no memory */
    HOOK_RESULTS
};
const char *hook_result_name(enum hook_result r); /* "ok", "failed", "late", "not-started" */

struct hook_run {
    const char *command; /* a program and its arguments, separated by blanks; no shell, no quotes */
    struct span input;
    uint64_t timeout_ms;
    const atomic_bool *stop; /* true: the program ends, and does not wait for the timeout */
};

/* The command has a process group of its own, which is killed at the timeout; the default actions
 * of all signals; the standard output /dev/null; of the environment only PATH, HOME, USER, LOGNAME,
 * TZ, TMPDIR and what tells its language; and no descriptor of ours. It need not read its input.
 *
 * text: if it is not HOOK_OK, why, as a sentence, with the first line that it wrote to its standard
 * error. SIGPIPE is ignored by whoever calls this. */
enum hook_result hook_run(const struct hook_run *r, char *text, size_t size);

#endif
