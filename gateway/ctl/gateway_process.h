/* Starts tunnel-gateway with a tunnel's source token. */
#ifndef GATEWAY_CTL_GATEWAY_PROCESS_H
#define GATEWAY_CTL_GATEWAY_PROCESS_H

#include "core/base/err.h"
#include "core/net/loop.h"

#include <stdbool.h>
#include <stddef.h>

/* The token is passed in the environment, which only the user can read, and never in argv. The
 * gateway does not get the AWS keys that this program may have in its own environment. */
struct gateway_process_options {
    const char *program;  /* a path, or a name to be found in PATH */
    const char *token;    /* the source token */
    const char *endpoint; /* HOST:PORT */
    const char *ca;       /* PEM file or directory, or NULL */
    bool insecure;
    char *const *args; /* further arguments, which follow those of this module */
    size_t n_args;
};

/* The gateway's exit code when its tunnel got another source token. */
#define GATEWAY_TOKEN_REPLACED 3

/* The path of tunnel-gateway beside this program's file; if there is none, the bare name, which is
 * looked up in PATH. */
const char *gateway_process_find(char *memory, size_t size);

/* Replaces this process by the gateway. Returns only on failure, with a sentence. */
enum err gateway_process_exec(const struct gateway_process_options *o, char *text, size_t size);

/* Runs the gateway on this program's terminal and waits for its end; SIGINT, SIGTERM and SIGHUP are
 * passed on to it meanwhile. *code: its exit code, or 128 and the number of the signal that ended
 * it. An error means that it could not be started, and comes with a sentence. */
enum err gateway_process_run(struct loop *loop, const struct gateway_process_options *o, int *code,
                             char *text, size_t size);

#endif
