#include "tui/act.h"

#include "core/base/process.h"
#include "core/base/text.h"
#include "tui/state/export.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPORT_MAX ((size_t)16 << 20) /* bytes of a file */
#define NAMES_MAX 99                  /* files of one second */

/* ---- commands ---- */

/* Makes this process's group the one that has the terminal. */
static void take_terminal(void)
{
    sigset_t stop, before;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTTOU); /* who is in the background is stopped by that otherwise */
    sigprocmask(SIG_BLOCK, &stop, &before);
    tcsetpgrp(STDIN_FILENO, getpgrp());
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* In the new process, until there is the command: a job of its own in the foreground, so that
 * Ctrl-C is its and not ours, with signals as everybody expects them. Says in `failed` why there is
 * none. */
static _Noreturn void become_job(const struct open_command *c, int failed)
{
    sigset_t none;
    setpgid(0, 0);
    take_terminal();
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(c->words[0], (char *const *)c->words);
    int why = errno;
    ssize_t n = write(failed, &why, sizeof why);
    _exit(n == sizeof why ? 127 : 126);
}

/* 0, or why it cannot be started. (posix_spawn has no way to the foreground in every C library.) */
static int start_job(const struct open_command *c, pid_t *pid)
{
    int failed[2], why = 0;
    if (pipe2(failed, O_CLOEXEC) != 0)
        return errno;
    *pid = fork();
    if (*pid == 0)
        become_job(c, failed[1]);
    if (*pid < 0)
        why = errno;
    close(failed[1]);
    if (*pid > 0 && read(failed[0], &why, sizeof why) == sizeof why)
        waitpid(*pid, NULL, 0);
    close(failed[0]);
    return why;
}

/* Waits for its end; a stop is no end, since there is no shell here that could go on with it. */
static int wait_for_job(pid_t pid)
{
    int status = 0;
    pid_t got;
    do {
        got = waitpid(pid, &status, WUNTRACED);
        if (got == pid && WIFSTOPPED(status))
            kill(-pid, SIGCONT);
    } while ((got < 0 && errno == EINTR) || (got == pid && WIFSTOPPED(status)));
    return got == pid ? status : 0;
}

static void wait_for_enter(int status)
{
    char c = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    text_line(stdout, "tunnel-tui: it ended with %d; Enter goes back",
              WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
    while (c != '\n') {
        ssize_t n = read(STDIN_FILENO, &c, 1);
        if (n == 0 || (n < 0 && !process_try_again(STDIN_FILENO, false)))
            return;
    }
}

bool act_run_here(const struct open_command *c, char *problem, size_t size)
{
    pid_t pid = 0;
    text_line(stdout, "$ %s", c->text);
    fflush(stdout);
    int why = start_job(c, &pid);
    int status = why == 0 ? wait_for_job(pid) : 0;
    take_terminal(); /* also from one that got it and could not be started */
    if (why != 0) {
        snprintf(problem, size, "%s cannot be started: %s", c->words[0], strerror(why));
        return false;
    }
    wait_for_enter(status);
    return true;
}

void act_surroundings(struct ui *ui)
{
    const char *tmux = process_environment("TMUX"), *x = process_environment("DISPLAY");
    const char *wayland = process_environment("WAYLAND_DISPLAY");
    ui->in_tmux = tmux != NULL && tmux[0] != '\0';
    ui->on_desktop = (x != NULL && x[0] != '\0') || (wayland != NULL && wayland[0] != '\0');
    if (gethostname(ui->hostname, sizeof ui->hostname - 1) != 0)
        ui->hostname[0] = '\0';
}

/* ---- files ---- */

static bool write_all(int fd, const struct buf *b)
{
    size_t done = 0;
    while (done < b->size) {
        ssize_t n = write(fd, b->data + done, b->size - done);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno != EINTR)
            return false;
    }
    return true;
}

/* Makes a file that was not there before. */
static int make_file(const char *noun, enum export_format format, double time, char *name,
                     size_t size)
{
    int fd = -1;
    for (unsigned i = 1; fd < 0 && i <= NAMES_MAX; i++) {
        export_name(noun, format, time, i, name, size);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    return fd;
}

bool act_export(const struct ui *ui, const struct model *m, double time, char *said, size_t size)
{
    struct buf text = {.limit = EXPORT_MAX};
    char name[120] = "";
    size_t n;
    const char *noun = export_noun(ui, m, &n);
    bool ok = export_write(ui, m, &text);
    int fd = ok ? make_file(noun, ui->format, time, name, sizeof name) : -1;
    if (!ok)
        errno = ENOMEM;
    ok = fd >= 0 && write_all(fd, &text);
    int why = errno;
    ok = (fd < 0 || close(fd) == 0) && ok;
    if (ok)
        snprintf(said, size, "%zu row%s (%s) written to %s", n, n == 1 ? "" : "s", noun, name);
    else
        snprintf(said, size, "nothing is written here: %s", strerror(why));
    buf_free(&text);
    return ok;
}
