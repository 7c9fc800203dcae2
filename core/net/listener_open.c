/* Sockets that listen: opened by address, name or path, or inherited from the program's starter. */
#include "core/net/listener_internal.h"

#include "core/base/str.h"
#include "core/net/address.h"
#include "core/net/addresses.h"
#include "core/net/lookup.h"
#include "core/net/uv_error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 511
#define PORT_TRIES 16 /* tries to find a port that is free on every address of the name */

static enum err from_errno(void)
{
    return err_from_uv(uv_translate_sys_error(errno));
}

/* Opens a socket that listens at `a`. */
static enum err open_socket(const struct sockaddr *a, socklen_t size, int *out)
{
    int on = 1, fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return from_errno();
    if (a->sa_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, a, size) != 0 || listen(fd, BACKLOG) != 0) {
        enum err why = from_errno();
        close(fd);
        return why;
    }
    *out = fd;
    return ERR_OK;
}

void listen_close(struct listen_sockets *s)
{
    while (s->n > 0)
        close(s->fds[--s->n]);
}

/* ---- unix paths ---- */

/* Removes a socket file that a dead program has left over: connecting to it is refused. Any other
 * file stays: a full queue (EAGAIN), another user's socket (EACCES), another type (EPROTOTYPE). */
static void remove_dead_socket(const char *path, const struct sockaddr_un *a)
{
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED)
        unlink(path);
    close(fd);
}

enum err listen_unix(struct listen_sockets *s, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(s->name, sizeof s->name, "%s", path);
    if (strlen(path) >= sizeof a.sun_path)
        return ERR_USAGE;
    memcpy(a.sun_path, path, strlen(path));
    char *copy = strdup(path);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    remove_dead_socket(path, &a);
    int fd;
    mode_t before = umask(0177);
    enum err why = open_socket((struct sockaddr *)&a, sizeof a, &fd);
    umask(before);
    if (why != ERR_OK) {
        free(copy); /* the path exists and is not ours: it stays */
        return why;
    }
    s->path = copy;
    s->unix_socket = true;
    s->fds[s->n++] = fd;
    return ERR_OK;
}

/* ---- TCP ---- */

static in_port_t *port_in(struct sockaddr *a)
{
    return a->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)a)->sin6_port
                                    : &((struct sockaddr_in *)(void *)a)->sin_port;
}

static enum err listen_address(struct listen_sockets *s, union address at)
{
    socklen_t size = sizeof at;
    int fd;
    address_set_port(&at, s->port);
    enum err why =
        open_socket(&at.any, at.any.sa_family == AF_INET ? sizeof at.v4 : sizeof at.v6, &fd);
    if (why != ERR_OK)
        return why;
    if (getsockname(fd, &at.any, &size) == 0)
        s->port = ntohs(*port_in(&at.any));
    s->fds[s->n++] = fd;
    return ERR_OK;
}

/* Listens on every address; for a name, addresses of a family that this machine lacks do not
 * count. */
static enum err listen_all(struct listen_sockets *s, const struct addresses *all)
{
    enum err lacking = ERR_RESOLVE;
    for (size_t i = 0; i < all->n && s->n < LISTENER_SOCKETS; i++) {
        enum err why = listen_address(s, all->at[i]);
        if (why == ERR_UNREACHABLE)
            lacking = why;
        else if (why != ERR_OK)
            return why;
    }
    return s->n > 0 ? ERR_OK : lacking;
}

enum err listen_tcp(struct listen_sockets *s, const char *where)
{
    char *host = NULL;
    int port = 0;
    struct addresses all;
    if (!address_split(where, &host, &port))
        return ERR_USAGE;
    const char *name = host != NULL ? host : "localhost";
    enum err why = lookup_now(name, &all); /* waits only for names other than localhost */
    int tries = port == 0 ? PORT_TRIES : 1;
    if (why == ERR_OK)
        why = ERR_ADDRESS_IN_USE;
    for (; tries > 0 && why == ERR_ADDRESS_IN_USE; tries--) {
        listen_close(s);
        s->port = port;
        why = listen_all(s, &all);
    }
    snprintf(s->name, sizeof s->name, strchr(name, ':') != NULL ? "[%s]:%d" : "%s:%d", name,
             s->port);
    free(host);
    return why;
}

/* ---- sockets that listen already ---- */

static bool listens(int fd)
{
    int on = 0, type = 0;
    socklen_t n = sizeof on, m = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) == 0 && on != 0 &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &m) == 0 && type == SOCK_STREAM;
}

/* An abstract socket's name begins with NUL, which is written as '@'. */
static void name_unix(struct listen_sockets *s, const struct sockaddr_un *a, socklen_t size)
{
    int n = (int)(size - offsetof(struct sockaddr_un, sun_path));
    bool abstract = n > 0 && a->sun_path[0] == '\0';
    snprintf(s->name, sizeof s->name, "%s%.*s", abstract ? "@" : "", abstract ? n - 1 : n,
             a->sun_path + abstract);
    s->unix_socket = true;
}

static bool name_inet(struct listen_sockets *s, union address *a)
{
    if (a->any.sa_family != AF_INET && a->any.sa_family != AF_INET6)
        return false;
    s->port = ntohs(*port_in(&a->any));
    address_text(a, s->name);
    return true;
}

/* Takes fd over, also when it fails. */
enum err listen_given(struct listen_sockets *s, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        union address inet;
        struct sockaddr_storage room;
    } at = {0};
    socklen_t size = sizeof at;
    bool good = listens(fd) && getsockname(fd, &at.any, &size) == 0;
    if (good && at.any.sa_family == AF_UNIX)
        name_unix(s, &at.un, size);
    else
        good = good && name_inet(s, &at.inet);
    int flags = good ? fcntl(fd, F_GETFL) : -1;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        close(fd);
        return ERR_USAGE;
    }
    s->fds[s->n++] = fd;
    return ERR_OK;
}

/* ---- what went wrong ---- */

static bool is_low(const char *where)
{
    const char *colon = strrchr(where, ':');
    struct span port = span_of(colon != NULL ? colon + 1 : where);
    uint64_t number;
    return str_number(port, 65535, &number) && number > 0 && number < 1024;
}

const char *listener_problem(const char *where, enum err why)
{
    bool path = strchr(where, '/') != NULL;
    switch (why) {
    case ERR_ADDRESS_IN_USE:
        return "in use by another program";
    case ERR_UNREACHABLE:
        return "no interface of this machine has that address";
    case ERR_USAGE:
        return path ? "the path is longer than 107 bytes"
                    : "neither ADDRESS:PORT, with a port up to 65535, nor a path with a '/' in it";
    case ERR_NOT_FOUND:
        return "there is no such folder";
    case ERR_PERMISSION:
        return !path && is_low(where)
                   ? "ports below 1024 are for root, and for programs with CAP_NET_BIND_SERVICE"
                   : err_text(why);
    default:
        return err_text(why);
    }
}
