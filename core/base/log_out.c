#include "core/base/log_out.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* O_NONBLOCK belongs to the open file, which the shell and other programs share, so it is never set
 * on an inherited descriptor. */
static struct {
    enum { WRITE, SEND, POLL } how;
    int fd;
    bool own;  /* opened here and non-blocking */
    bool torn; /* the end of the last line was not taken */
} out = {.how = WRITE, .fd = STDERR_FILENO};

void log_out_setup(void)
{
    struct stat s;
    if (out.own)
        close(out.fd);
    out.own = out.torn = false;
    out.fd = STDERR_FILENO;
    out.how = WRITE;
    if (fstat(STDERR_FILENO, &s) != 0 || S_ISREG(s.st_mode))
        return;
    if (S_ISSOCK(s.st_mode)) { /* journald's socket */
        out.how = SEND;
        return;
    }
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    out.own = fd >= 0;
    if (out.own)
        out.fd = fd;
    else
        out.how = POLL; /* the file is another user's, or there is no /proc */
}

/* Whether a line of PIPE_BUF bytes fits, as far as a pipe tells. */
static bool has_room(void)
{
    struct pollfd p = {.fd = out.fd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

static ssize_t put(const void *p, size_t n)
{
    ssize_t done;
    do {
        if (out.how == SEND)
            done = send(out.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        else if (out.how == WRITE || has_room())
            done = write(out.fd, p, n);
        else
            return -1;
    } while (done < 0 && errno == EINTR);
    return done;
}

bool log_out(const uint8_t *line, size_t n)
{
    if (out.torn && put("\n", 1) != 1)
        return false;
    ssize_t done = put(line, n);
    out.torn = done > 0 && (size_t)done < n;
    return done == (ssize_t)n;
}
