#include "core/base/process.h"

#include "core/base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
            _exit(127); /* a system without /dev/null offers nowhere to report this */
}

/* A limit that cannot be set was forbidden from outside and stays as it was. */
static void set_limits(void)
{
    const struct rlimit none = {0, 0};
    struct rlimit files;
    setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

/* A signal that stays blocked would neither end nor reload a program; whoever ignores SIGCHLD is
 * never told with which code a child ended; and the result of a write tells of a file that may not
 * grow any more. */
static void take_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool ends_with_terminal;

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void process_begin(void)
{
    struct sigaction hangup;
    fill_descriptors();
    set_limits();
    take_signals();
    ends_with_terminal =
        has_terminal() && sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN;
}

void process_keep_descriptors(void)
{
    DIR *all = opendir("/proc/self/fd");
    for (const struct dirent *e; all != NULL && (e = readdir(all)) != NULL;) {
        uint64_t fd; /* "." and ".." are no numbers */
        if (str_number(span_of(e->d_name), INT_MAX, &fd) && fd > STDERR_FILENO)
            fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    }
    if (all != NULL)
        closedir(all);
}

bool process_terminal_gone(void)
{
    return ends_with_terminal && !has_terminal();
}

bool process_try_again(int fd, bool write)
{
    struct pollfd p = {.fd = fd, .events = write ? POLLOUT : POLLIN};
    if (errno == EINTR)
        return true;
    return errno == EAGAIN && (poll(&p, 1, -1) == 1 || errno == EINTR);
}

void process_memory(size_t own_pages, size_t kept)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, (int)own_pages);
    if (kept > 0)
        mallopt(M_TRIM_THRESHOLD, (int)kept);
#else
    (void)own_pages, (void)kept;
#endif
}

const char *process_environment(const char *name)
{
    return getenv(name);
}
