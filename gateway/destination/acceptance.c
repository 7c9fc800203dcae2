#include "gateway/destination/acceptance.h"

#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/net/uv_error.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MS 500 /* what it has printed is awaited for so long after its end */

struct acceptance {
    struct loop *loop;
    char *command;
    bool never;
    struct list questions;
    size_t running;
};

enum { OUT, ERRORS, PIPES };

/* What one stream of the command's has said: its first line. */
struct output {
    uv_pipe_t pipe;
    struct acceptance_question *question;
    char line[ACCEPTANCE_WORDS_MAX];
    size_t n;
    bool whole; /* the line is complete */
    bool open;  /* there is more to come */
};

struct acceptance_question {
    struct list node;
    struct acceptance *a; /* NULL: the answer is given, or not wanted */
    acceptance_done *done;
    void *owner;
    uv_process_t process;
    struct output outputs[PIPES];
    struct timer *timer;
    size_t handles; /* that are not closed yet */
    bool running, late;
    int64_t status;
    int signal;
};

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct acceptance_question *q = h->data;
    if (--q->handles == 0)
        free(q);
}

static void kill_group(const struct acceptance_question *q)
{
    if (q->running)
        kill(-q->process.pid, SIGKILL);
}

/* Its memory goes when its handles are closed. That of the process stays as long as it runs, since
 * nobody else would wait for it, and it would stay in the system's table. */
static void leave(struct acceptance_question *q)
{
    if (list_is_on(&q->node))
        q->a->running--;
    q->a = NULL;
    list_remove(&q->node);
    timer_free(q->timer);
    for (int i = 0; i < PIPES; i++)
        uv_close((uv_handle_t *)&q->outputs[i].pipe, on_handle_closed);
    if (!q->running)
        uv_close((uv_handle_t *)&q->process, on_handle_closed);
}

void acceptance_cancel(struct acceptance_question *q)
{
    kill_group(q);
    leave(q);
}

/* The reason as it is shown and sent. */
static const char *reason_of(const struct acceptance_question *q, char *out, size_t size)
{
    for (int i = 0; i < PIPES; i++) {
        struct span line = {q->outputs[i].line, q->outputs[i].n};
        line = span_trim(line);
        if (line.n > 0)
            return text_copy(line, TEXT_UTF8, out, size);
    }
    return device_code_text(DEVICE_CODE_REFUSED);
}

static void decide(struct acceptance_question *q)
{
    acceptance_done *done = q->done;
    void *owner = q->owner;
    char words[ACCEPTANCE_WORDS_MAX];
    bool accepted = !q->late && q->status == 0 && q->signal == 0;
    const char *why = accepted  ? ""
                      : q->late ? "the device's own command did not answer in time"
                                : reason_of(q, words, sizeof words);
    leave(q);
    done(owner, accepted, accepted ? DEVICE_CODE_UNKNOWN : DEVICE_CODE_REFUSED, why);
}

static bool has_said_all(const struct acceptance_question *q)
{
    return !q->running && !q->outputs[OUT].open && !q->outputs[ERRORS].open;
}

/* ---- what the command does ---- */

static void on_exit_status(uv_process_t *p, int64_t status, int number)
{
    struct acceptance_question *q = p->data;
    q->running = false;
    q->status = status;
    q->signal = number;
    if (q->a == NULL)
        uv_close((uv_handle_t *)&q->process, on_handle_closed);
    else if (has_said_all(q))
        decide(q);
    else
        timer_start(q->timer, DRAIN_MS); /* another process may hold the pipe */
}

static void on_room(uv_handle_t *h, size_t wanted, uv_buf_t *out)
{
    static _Thread_local char room[1024];
    (void)h, (void)wanted;
    *out = uv_buf_init(room, sizeof room);
}

static void keep_line(struct output *o, const char *p, size_t n)
{
    for (size_t i = 0; i < n && !o->whole; i++) {
        if (p[i] == '\n')
            o->whole = o->n > 0;
        else if (o->n < sizeof o->line && p[i] != '\0')
            o->line[o->n++] = p[i];
    }
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct acceptance_question *q = s->data;
    struct output *o = (struct output *)(void *)s; /* its first member */
    if (q->a == NULL)
        return;
    if (n >= 0) {
        keep_line(o, b->base, (size_t)n);
        return;
    }
    o->open = false;
    uv_read_stop(s);
    if (has_said_all(q))
        decide(q);
}

static void on_timer(void *owner)
{
    struct acceptance_question *q = owner;
    if (q->running) {
        q->late = true;
        kill_group(q);
    }
    decide(q);
}

/* ---- starting it ---- */

/* One "NAME=text" of what came from outside. */
static char *variable(const char *name, const char *text)
{
    struct buf b = {.limit = 32768};
    struct span rest = span_of(text);
    bool ok = buf_printf(&b, "%s=", name) && text_put(&b, rest) && buf_append(&b, "", 1);
    char *copy = ok ? str_copy((const char *)b.data) : NULL;
    buf_free(&b);
    return copy;
}

static bool is_ours(const char *variable_text)
{
    return strncmp(variable_text, "TUNNEL_", 7) == 0;
}

static void free_environment(char **all, size_t own)
{
    for (size_t i = 0; all != NULL && i < own; i++)
        free(all[i]);
    free(all);
}

/* The first `*own` variables are malloc'd, the others are those of the process. */
static char **environment(const char *device, const struct device_request *r, size_t *own)
{
    const char *const pairs[][2] = {
        {"TUNNEL_DEVICE", device},        {"TUNNEL_ID", r->tunnel},
        {"TUNNEL_SERVICES", r->services}, {"TUNNEL_SERVICE", r->service},
        {"TUNNEL_WHO", r->opened_by},     {"TUNNEL_WHY", r->why},
    };
    size_t n = 0, there = 0;
    while (environ[there] != NULL)
        there++;
    *own = sizeof pairs / sizeof *pairs;
    char **all = calloc(*own + there + 1, sizeof *all);
    if (all == NULL)
        return NULL;
    for (; n < *own; n++) {
        all[n] = variable(pairs[n][0], pairs[n][1]);
        if (all[n] == NULL) {
            free_environment(all, *own);
            return NULL;
        }
    }
    for (size_t i = 0; i < there; i++)
        if (!is_ours(environ[i]))
            all[n++] = environ[i];
    return all;
}

/* From here on the handles must be closed, also that of a process that was not started. */
static int spawn(struct acceptance_question *q, char **arguments, char **variables)
{
    uv_stdio_container_t stdio[1 + PIPES] = {{.flags = UV_IGNORE}};
    for (int i = 0; i < PIPES; i++) {
        uv_pipe_init(loop_uv(q->a->loop), &q->outputs[i].pipe, 0);
        q->outputs[i].pipe.data = q;
        stdio[1 + i] =
            (uv_stdio_container_t){.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE),
                                   .data.stream = (uv_stream_t *)&q->outputs[i].pipe};
    }
    const uv_process_options_t options = {
        .file = arguments[0],
        .args = arguments,
        .env = variables,
        .exit_cb = on_exit_status,
        .flags = UV_PROCESS_DETACHED, /* a process group of its own */
        .stdio = stdio,
        .stdio_count = 1 + PIPES,
    };
    int number = uv_spawn(loop_uv(q->a->loop), &q->process, &options);
    q->process.data = q;
    q->handles = PIPES + 1;
    q->running = number == 0;
    for (int i = 0; number == 0 && i < PIPES; i++) {
        q->outputs[i].open = true;
        uv_read_start((uv_stream_t *)&q->outputs[i].pipe, on_room, on_output);
    }
    return number;
}

/* Starts the command. An error: q is freed, or will be. */
static enum err start(struct acceptance_question *q, const char *device,
                      const struct device_request *r)
{
    char *arguments[ACCEPTANCE_ARGUMENTS_MAX + 1], *copy = str_copy(q->a->command);
    size_t own = 0;
    char **variables = environment(device, r, &own);
    int number = UV_ENOMEM;
    q->timer = timer_new(q->a->loop, on_timer, q);
    bool ready = copy != NULL && variables != NULL && q->timer != NULL;
    if (ready) {
        str_words(copy, arguments, ACCEPTANCE_ARGUMENTS_MAX);
        number = spawn(q, arguments, variables);
    }
    free(copy);
    free_environment(variables, own);
    if (number == 0)
        return ERR_OK;
    log_error("--accept-command %s: cannot be run: %s", q->a->command, strerror(-number));
    if (ready) {
        leave(q);
    } else {
        timer_free(q->timer);
        free(q);
    }
    return err_from_uv(number);
}

/* ms. The hub's clock rules: it withdraws the notice when its asker has waited long enough, and
 * ours is for a hub that does not. With the same time at both, either could be first, and the asker
 * would hear now one thing, now the other. */
static uint64_t patience(const struct device_request *r)
{
    uint64_t awaited = r->answer_ms + ACCEPTANCE_GRACE_MS;
    return r->answer_ms > 0 && awaited < ACCEPTANCE_COMMAND_MS ? awaited : ACCEPTANCE_COMMAND_MS;
}

struct acceptance_question *acceptance_ask(struct acceptance *a, const char *device,
                                           const struct device_request *request,
                                           acceptance_done *done, void *owner)
{
    struct acceptance_question *q = NULL;
    if (a->never) {
        done(owner, false, DEVICE_CODE_MAINTENANCE, "");
        return NULL;
    }
    if (a->command == NULL) {
        done(owner, true, DEVICE_CODE_UNKNOWN, "");
        return NULL;
    }
    if (a->running < ACCEPTANCE_AT_ONCE)
        q = calloc(1, sizeof *q);
    if (q == NULL) {
        done(owner, false, DEVICE_CODE_BUSY, "");
        return NULL;
    }
    *q = (struct acceptance_question){.a = a, .done = done, .owner = owner};
    list_init(&q->node);
    if (start(q, device, request) != ERR_OK) {
        done(owner, false, DEVICE_CODE_REFUSED, "the device's own command cannot be run");
        return NULL;
    }
    list_append(&a->questions, &q->node);
    a->running++;
    timer_start(q->timer, patience(request));
    return q;
}

/* ---- life ---- */

struct acceptance *acceptance_new(struct loop *loop, const char *command, bool never)
{
    struct acceptance *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    *a = (struct acceptance){.loop = loop, .never = never};
    list_init(&a->questions);
    if (acceptance_command(a, command) == ERR_OK)
        return a;
    free(a);
    return NULL;
}

void acceptance_free(struct acceptance *a)
{
    if (a == NULL)
        return;
    while (!list_empty(&a->questions))
        acceptance_cancel(list_entry(a->questions.next, struct acceptance_question, node));
    free(a->command);
    free(a);
}

enum err acceptance_command(struct acceptance *a, const char *command)
{
    char *copy = str_copy(command);
    if (command != NULL && copy == NULL)
        return ERR_NO_MEMORY;
    free(a->command);
    a->command = copy;
    return ERR_OK;
}

void acceptance_set(struct acceptance *a, bool never)
{
    a->never = never;
}

bool acceptance_is_never(const struct acceptance *a)
{
    return a->never;
}
