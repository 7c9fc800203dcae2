#include "gateway/ctl/gateway_process.h"

#include "core/base/secret.h"
#include "core/net/loop.h"
#include "core/net/uv_error.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GATEWAY "tunnel-gateway"
#define TOKEN "AWSIOT_TUNNEL_ACCESS_TOKEN"
#define ENDPOINT "AWSIOT_TUNNEL_ENDPOINT"

const char *gateway_process_find(char *memory, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", memory, size - 1);
    memory[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(memory, '/');
    size_t room = slash != NULL ? size - (size_t)(slash + 1 - memory) : 0;
    if (room < sizeof GATEWAY)
        return GATEWAY;
    snprintf(slash + 1, room, GATEWAY);
    return access(memory, X_OK) == 0 ? memory : GATEWAY;
}

/* ---- arguments and environment ---- */

struct given {
    char **argv, **env;
    char *secret, *endpoint; /* the two variables in env that this module adds */
};

/* A region is dropped because the endpoint is given already; keys are dropped because the gateway
 * does not need them. */
static bool is_dropped(const char *variable)
{
    static const char *const names[] = {TOKEN,
                                        ENDPOINT,
                                        "AWSIOT_TUNNEL_REGION",
                                        "AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(variable, names[i], n) == 0 && variable[n] == '=')
            return true;
    }
    return false;
}

static bool make_env(const struct gateway_process_options *o, struct given *g)
{
    size_t n = 0, used = 0;
    while (environ[n] != NULL)
        n++;
    g->env = calloc(n + 3, sizeof *g->env);
    if (g->env == NULL || asprintf(&g->secret, TOKEN "=%s", o->token) < 0)
        return false;
    if (asprintf(&g->endpoint, ENDPOINT "=%s", o->endpoint) < 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_dropped(environ[i]))
            g->env[used++] = environ[i];
    g->env[used++] = g->secret;
    g->env[used++] = g->endpoint;
    return true;
}

/* execve's argv is not const, but nothing writes to it. */
static char *word(const char *text)
{
    return (char *)(uintptr_t)text;
}

static bool make_argv(const struct gateway_process_options *o, struct given *g)
{
    size_t n = 0;
    g->argv = calloc(o->n_args + 5, sizeof *g->argv);
    if (g->argv == NULL)
        return false;
    g->argv[n++] = word(GATEWAY);
    if (o->insecure) {
        g->argv[n++] = word("-k");
    } else if (o->ca != NULL) {
        g->argv[n++] = word("--ca");
        g->argv[n++] = word(o->ca);
    }
    for (size_t i = 0; i < o->n_args; i++)
        g->argv[n++] = o->args[i];
    return true;
}

static void free_given(struct given *g)
{
    secret_free(g->secret);
    free(g->endpoint);
    free(g->env);
    free(g->argv);
}

static enum err no_memory(char *text, size_t size)
{
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    return ERR_NO_MEMORY;
}

/* ---- exec ---- */

enum err gateway_process_exec(const struct gateway_process_options *o, char *text, size_t size)
{
    struct given g = {0};
    enum err why = ERR_OK;
    if (!make_env(o, &g) || !make_argv(o, &g)) {
        why = no_memory(text, size);
    } else {
        execvpe(o->program, g.argv, g.env);
        int number = errno;
        snprintf(text, size, "cannot run %s: %s", o->program, strerror(number));
        why = err_from_errno(number);
    }
    free_given(&g);
    return why;
}

/* ---- waiting ---- */

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP};
#define PASSED_ON (sizeof passed_on / sizeof *passed_on)

struct child {
    uv_process_t process;
    uv_signal_t signals[PASSED_ON];
    struct loop *loop;
    size_t handles; /* handles that are not closed yet */
    int code;       /* -1 until it has ended */
};

static void on_end(uv_process_t *process, int64_t status, int signal)
{
    struct child *child = process->data;
    child->code = signal != 0 ? 128 + signal : (int)status;
    loop_stop(child->loop);
}

/* Ctrl-C reaches the gateway by itself, too: a second one changes nothing. */
static void on_signal(uv_signal_t *handle, int number)
{
    struct child *child = handle->data;
    uv_process_kill(&child->process, number);
}

static int watch(struct child *child)
{
    for (size_t i = 0; i < PASSED_ON; i++) {
        int status = uv_signal_init(loop_uv(child->loop), &child->signals[i]);
        if (status != 0)
            return status;
        child->handles++;
        child->signals[i].data = child;
        status = uv_signal_start(&child->signals[i], on_signal, passed_on[i]);
        if (status != 0)
            return status;
    }
    return 0;
}

static int start(struct child *child, const struct gateway_process_options *o,
                 const struct given *g)
{
    uv_stdio_container_t stdio[3];
    for (int i = 0; i < 3; i++)
        stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
    uv_process_options_t p = {.file = o->program,
                              .args = g->argv,
                              .env = g->env,
                              .exit_cb = on_end,
                              .stdio = stdio,
                              .stdio_count = 3};
    int status = watch(child);
    if (status != 0)
        return status;
    child->handles++;
    child->process.data = child;
    return uv_spawn(loop_uv(child->loop), &child->process, &p);
}

static void on_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;
    child->handles--;
}

/* The handles are on the stack, so the loop must have closed them before this returns. */
static void stop(struct child *child)
{
    if (child->process.data != NULL)
        uv_close((uv_handle_t *)&child->process, on_closed);
    for (size_t i = 0; i < PASSED_ON; i++)
        if (child->signals[i].data != NULL)
            uv_close((uv_handle_t *)&child->signals[i], on_closed);
    while (child->handles > 0)
        uv_run(loop_uv(child->loop), UV_RUN_NOWAIT);
}

enum err gateway_process_run(struct loop *loop, const struct gateway_process_options *o, int *code,
                             char *text, size_t size)
{
    struct given g = {0};
    struct child child = {.loop = loop, .code = -1};
    enum err why = ERR_OK;
    if (!make_env(o, &g) || !make_argv(o, &g)) {
        free_given(&g);
        return no_memory(text, size);
    }
    int status = start(&child, o, &g);
    free_given(&g);
    if (status == 0) {
        while (child.code < 0)
            loop_run(loop);
    } else {
        snprintf(text, size, "cannot run %s: %s", o->program, uv_strerror(status));
        why = err_from_uv(status);
    }
    stop(&child);
    *code = child.code;
    return why;
}
