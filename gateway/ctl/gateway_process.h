/* tunnel-gateway, started with a tunnel's source token. */
#ifndef GATEWAY_CTL_GATEWAY_PROCESS_H
#define GATEWAY_CTL_GATEWAY_PROCESS_H

#include "core/base/err.h"
#include "core/net/loop.h"

#include <stdbool.h>
#include <stddef.h>

/* The token goes through the environment, which only the user can read, and never through argv.
 * The gateway does not get the AWS keys that this program may have in its own environment. */
struct gateway_process_options {
    const char *program;  /* a path, or a name to be found in PATH */
    const char *token;    /* of the source */
    const char *endpoint; /* HOST:PORT */
    const char *ca;       /* PEM file or directory, or NULL */
    bool insecure;
    char *const *args; /* more arguments, after ours */
    size_t n_args;
};

/* The gateway's exit code when somebody has given its tunnel another source token. */
#define GATEWAY_TOKEN_REPLACED 3

/* tunnel-gateway beside this program's own file; when there is none: the bare name, for PATH. */
const char *gateway_process_find(char *memory, size_t size);

/* Becomes the gateway. Returns only when that fails, with a sentence. */
enum err gateway_process_exec(const struct gateway_process_options *o, char *text, size_t size);

/* Runs it on its own terminal and waits for its end; SIGINT, SIGTERM and SIGHUP are passed on to it
 * meanwhile. *code: its exit code, or 128 and the number of the signal that ended it. An error
 * (it could not be started) comes with a sentence. */
enum err gateway_process_run(struct loop *loop, const struct gateway_process_options *o, int *code,
                             char *text, size_t size);

#endif
