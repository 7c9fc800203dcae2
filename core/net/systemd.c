#include "core/net/systemd.h"

#include "core/base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

static uint64_t number_in(const char *name, uint64_t max)
{
    uint64_t number = 0;
    return str_number(span_of(getenv(name)), max, &number) ? number : 0;
}

static bool close_on_exec(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    return flags >= 0 && fcntl(fd, F_SETFD, flags | FD_CLOEXEC) == 0;
}

size_t systemd_sockets(int *fds, size_t max)
{
    bool ours = number_in("LISTEN_PID", INT_MAX) == (uint64_t)getpid();
    int n = ours ? (int)number_in("LISTEN_FDS", INT_MAX - FIRST_FD) : 0;
    size_t found = 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (int fd = FIRST_FD; fd < FIRST_FD + n && close_on_exec(fd); fd++)
        if (found < max)
            fds[found++] = fd;
    return found;
}

/* The name is a path, or with '@' in front a name in the abstract namespace. 0: neither. */
static socklen_t address_of(const char *name, struct sockaddr_un *a)
{
    size_t n = strlen(name);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof a->sun_path)
        return 0;
    memcpy(a->sun_path, name, n);
    if (name[0] == '@')
        a->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

enum err systemd_notify(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a;
    if (name == NULL)
        return ERR_OK;
    socklen_t size = address_of(name, &a);
    int fd = size > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return ERR_IO;
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&a, size);
    close(fd);
    return sent == (ssize_t)strlen(state) ? ERR_OK : ERR_IO;
}
