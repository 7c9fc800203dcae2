#include "gateway/hub/hooks/hook_run.h"

#include "core/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between two looks whether it has ended. What it reads and writes is seen at once. */
#define LOOK_MS 20
#define COMPLAINT_MAX 256 /* bytes of its standard error that are kept */

const char *hook_result_name(enum hook_result r)
{
    static const char *const names[HOOK_RESULTS] = {"ok", "failed", "late", "not-started"};
    return names[r];
}

struct running {
    const struct hook_run *r;
    pid_t pid;
    int in, errors; /* our ends of its pipes; -1: closed */
    size_t written;
    char complaint[COMPLAINT_MAX]; /* the first bytes of its standard error */
    size_t n_complaint;
    uint64_t deadline;
    int status;
};

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- its start ---- */

static bool is_passed_on(const char *variable)
{
    static const char *const names[] = {
        "PATH=", "HOME=", "USER=", "LOGNAME=", "TZ=", "TMPDIR=", "LANG=", "LANGUAGE=", "LC_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* Its strings are the process's. NULL: no memory. */
static char **environment(void)
{
    size_t n = 0, used = 0;
    while (environ[n] != NULL)
        n++;
    char **out = calloc(n + 1, sizeof *out);
    for (size_t i = 0; out != NULL && i < n; i++)
        if (is_passed_on(environ[i]))
            out[used++] = environ[i];
    return out;
}

static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *how, int in, int errors)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int why = posix_spawn_file_actions_adddup2(files, in, STDIN_FILENO);
    if (why == 0)
        why = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (why == 0)
        why = posix_spawn_file_actions_adddup2(files, errors, STDERR_FILENO);
    if (why == 0)
        why = posix_spawnattr_setpgroup(how, 0);
    if (why == 0)
        why = posix_spawnattr_setsigmask(how, &none);
    if (why == 0)
        why = posix_spawnattr_setsigdefault(how, &all);
    if (why == 0)
        why = posix_spawnattr_setflags(how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
    return why;
}

/* posix_spawn copies no page tables, as fork does, so the hub's other threads go on meanwhile,
 * however much memory it has. Returns an errno. */
static int spawn(pid_t *pid, char **words, char **variables, int in, int errors)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    int why = posix_spawn_file_actions_init(&files);
    if (why != 0)
        return why;
    why = posix_spawnattr_init(&how);
    if (why == 0) {
        why = prepare(&files, &how, in, errors);
        if (why == 0)
            why = posix_spawnp(pid, words[0], &files, &how, words, variables);
        posix_spawnattr_destroy(&how);
    }
    posix_spawn_file_actions_destroy(&files);
    return why;
}

/* Our ends do not block. Returns an errno. */
static int open_pipes(int in[2], int errors[2])
{
    if (pipe2(in, O_CLOEXEC) != 0)
        return errno;
    if (pipe2(errors, O_CLOEXEC) != 0) {
        int why = errno;
        close(in[0]);
        close(in[1]);
        return why;
    }
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    fcntl(errors[0], F_SETFL, O_NONBLOCK);
    return 0;
}

/* Returns an errno. */
static int start(struct running *p)
{
    int in[2], errors[2], why = open_pipes(in, errors);
    if (why != 0)
        return why;
    char *words[HOOK_ARGUMENTS_MAX + 1], *copy = str_copy(p->r->command);
    char **variables = environment();
    if (copy == NULL || variables == NULL)
        why = ENOMEM;
    else if (str_words(copy, words, HOOK_ARGUMENTS_MAX) == 0)
        why = ENOENT;
    else
        why = spawn(&p->pid, words, variables, in[0], errors[1]);
    free(copy);
    free(variables);
    close(in[0]);
    close(errors[1]);
    p->in = in[1];
    p->errors = errors[0];
    return why;
}

/* ---- while it runs ---- */

/* A command that does not read its input is no failure. */
static void feed(struct running *p)
{
    struct span rest = {p->r->input.p + p->written, p->r->input.n - p->written};
    ssize_t n = rest.n > 0 ? write(p->in, rest.p, rest.n) : 0;
    if (n > 0)
        p->written += (size_t)n;
    if (p->written == p->r->input.n || (n < 0 && errno != EAGAIN && errno != EINTR))
        shut(&p->in);
}

/* What is more than fits is read and dropped, so that the command does not wait. */
static void listen_to(struct running *p)
{
    char room[4096];
    ssize_t n = read(p->errors, room, sizeof room);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        shut(&p->errors);
    if (n <= 0)
        return;
    size_t left = sizeof p->complaint - p->n_complaint;
    size_t kept = (size_t)n < left ? (size_t)n : left;
    memcpy(p->complaint + p->n_complaint, room, kept);
    p->n_complaint += kept;
}

static void look(struct running *p, int timeout)
{
    struct pollfd f[2] = {{.fd = p->in, .events = POLLOUT}, {.fd = p->errors, .events = POLLIN}};
    if (poll(f, 2, timeout) <= 0)
        return;
    if (f[0].revents != 0)
        feed(p);
    if (f[1].revents != 0)
        listen_to(p);
}

static bool has_ended(struct running *p)
{
    pid_t pid = waitpid(p->pid, &p->status, WNOHANG);
    return pid == p->pid || (pid < 0 && errno != EINTR);
}

static bool is_late(struct running *p)
{
    uint64_t time = now();
    if (atomic_load(p->r->stop) && p->deadline > time + HOOK_LAST_MS)
        p->deadline = time + HOOK_LAST_MS;
    return time >= p->deadline;
}

/* True: it ended by itself. One that even SIGKILL does not end, since the kernel waits for a disk
 * or a server, is left to whoever inherits it. */
static bool attend(struct running *p)
{
    bool late = false, ended = false;
    p->deadline = now() + p->r->timeout_ms;
    while (!late && !ended) {
        look(p, LOOK_MS);
        ended = has_ended(p);
        late = !ended && is_late(p);
    }
    if (late)
        kill(-p->pid, SIGKILL);
    for (uint64_t until = now() + HOOK_LAST_MS; !ended && now() < until; ended = has_ended(p))
        poll(NULL, 0, 1);
    while (p->errors >= 0 && p->n_complaint < sizeof p->complaint) {
        size_t before = p->n_complaint;
        listen_to(p);
        if (p->n_complaint == before)
            break;
    }
    return !late;
}

static void explain(const struct running *p, bool late, char *text, size_t size)
{
    char shown[COMPLAINT_MAX + 64] = "", code[64] = "";
    struct span all = {p->complaint, p->n_complaint};
    struct span line = span_trim(span_cut(&all, '\n'));
    if (line.n > 0)
        text_copy(line, TEXT_UTF8, shown, sizeof shown);
    if (late)
        snprintf(code, sizeof code, "it did not end in time, and was killed");
    else if (WIFSIGNALED(p->status))
        snprintf(code, sizeof code, "it was ended by signal %d", WTERMSIG(p->status));
    else
        snprintf(code, sizeof code, "it ended with code %d", WEXITSTATUS(p->status));
    snprintf(text, size, "%s%s%s", code, line.n > 0 ? ": " : "", shown);
}

enum hook_result hook_run(const struct hook_run *r, char *text, size_t size)
{
    struct running p = {.r = r, .in = -1, .errors = -1};
    int why = start(&p);
    bool in_time = why == 0 && attend(&p);
    shut(&p.in);
    shut(&p.errors);
    snprintf(text, size, "it cannot be started: %s", strerror(why));
    if (why != 0)
        return HOOK_NOT_STARTED;
    explain(&p, !in_time, text, size);
    if (!in_time)
        return HOOK_LATE;
    return WIFEXITED(p.status) && WEXITSTATUS(p.status) == 0 ? HOOK_OK : HOOK_FAILED;
}
