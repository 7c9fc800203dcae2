#include "core/base/log.h"
#include "core/net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_ADDRESSES 8 /* of one name */
#define BACKLOG 511
#define ACCEPTS 64    /* in one go, so that a flood does not starve who is being served */
#define PORT_TRIES 16 /* for a free port that is free on every address of the name */
#define PAUSE_MS 100  /* before asking again when there was not even a descriptor to refuse with */

/* libuv's own accept loop has no way out when descriptors are short and another thread took its
 * spare one; so libuv only polls here. */
struct door {
    uv_poll_t poll;
    int fd;
    struct listener *listener; /* NULL: it is gone; this one waits for its close callback */
};

struct listener {
    struct loop *loop;
    const struct listener_events *events;
    void *owner;
    struct door *doors[MAX_ADDRESSES];
    size_t n;
    int spare; /* a descriptor held back, to refuse with when all others are used up; or -1 */
    struct timer *pause;
    uint64_t refused; /* since the last one who was let in */
    int port;
    char *path; /* of a unix socket: removed at the end */
    char name[120];
};

/* ---- accepting ---- */

static void on_connection(uv_poll_t *poll, int status, int events);

static void open_doors(void *owner)
{
    struct listener *l = owner;
    for (size_t i = 0; i < l->n; i++)
        uv_poll_start(&l->doors[i]->poll, UV_READABLE, on_connection);
}

static void pause_doors(struct listener *l)
{
    for (size_t i = 0; i < l->n; i++)
        uv_poll_stop(&l->doors[i]->poll);
    timer_start(l->pause, PAUSE_MS);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Counts them, for one line when it begins and one when it is over. */
static void refused(struct listener *l, enum err why)
{
    if (l->refused++ == 0)
        log_warning("%s: new connections are refused: %s", l->name, err_text(why));
}

static void let_in(struct listener *l, int fd)
{
    struct socket_stream *t = socket_open(l->loop, fd, l->path != NULL);
    if (t == NULL) {
        refused(l, ERR_NO_MEMORY);
        return;
    }
    if (l->refused > 0)
        log_warning("%s: new connections are let in again; %llu were refused", l->name,
                    (unsigned long long)l->refused);
    l->refused = 0;
    l->events->accepted(l->owner, l, &t->stream);
}

/* Closing the spare descriptor makes room for one newcomer, who is closed at once. Returns 0, or
 * why nobody came in. */
static int turn_away(struct listener *l, int door)
{
    int error = EMFILE;
    if (l->spare >= 0) {
        close(l->spare);
        int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
        error = fd >= 0 ? 0 : errno;
        if (fd >= 0)
            close(fd);
    }
    l->spare = open_spare();
    if (error == 0)
        refused(l, ERR_NO_DESCRIPTORS);
    return error;
}

/* True: go on, since what accept4 says about one newcomer who is gone already is no reason to
 * stop. */
static bool accept_failed(struct door *d, int error)
{
    if (error == EMFILE || error == ENFILE)
        error = turn_away(d->listener, d->fd);
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS) {
        pause_doors(d->listener);
        return false;
    }
    return error != EAGAIN && error != EWOULDBLOCK;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct door *d = poll->data;
    (void)status, (void)events;
    for (int i = 0; i < ACCEPTS && d->listener != NULL; i++) {
        int fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            let_in(d->listener, fd);
        else if (!accept_failed(d, errno))
            return;
    }
}

/* ---- opening ---- */

static void on_door_closed(uv_handle_t *uv)
{
    free(uv->data);
}

static void close_door(struct door *d)
{
    d->listener = NULL;
    uv_close((uv_handle_t *)&d->poll, on_door_closed);
    close(d->fd);
}

static enum err from_errno(void)
{
    return err_from_uv(uv_translate_sys_error(errno));
}

/* A socket that listens at `a`. */
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

/* Takes over fd. */
static enum err add_door(struct listener *l, int fd)
{
    struct door *d = calloc(1, sizeof *d);
    if (d == NULL || uv_poll_init(loop_uv(l->loop), &d->poll, fd) != 0) {
        free(d);
        close(fd);
        return ERR_NO_MEMORY;
    }
    d->poll.data = d;
    d->fd = fd;
    d->listener = l;
    l->doors[l->n++] = d;
    return ERR_OK;
}

/* ---- unix paths ---- */

/* A socket file on which nobody answers is left over from a program that died. Anything else stays:
 * a full queue (EAGAIN), somebody else's socket (EACCES), another type (EPROTOTYPE). */
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

static enum err listen_unix(struct listener *l, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(l->name, sizeof l->name, "%s", path);
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
        free(copy); /* what is there is not ours: it stays */
        return why;
    }
    l->path = copy;
    return add_door(l, fd);
}

/* ---- TCP ---- */

static in_port_t *port_in(struct sockaddr *a)
{
    return a->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)a)->sin6_port
                                    : &((struct sockaddr_in *)(void *)a)->sin_port;
}

static enum err listen_address(struct listener *l, const struct addrinfo *a)
{
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof at;
    memcpy(&at, a->ai_addr, a->ai_addrlen);
    *port_in((struct sockaddr *)&at) = htons((uint16_t)l->port);
    int fd;
    enum err why = open_socket((struct sockaddr *)&at, a->ai_addrlen, &fd);
    if (why != ERR_OK)
        return why;
    if (getsockname(fd, (struct sockaddr *)&at, &size) == 0)
        l->port = ntohs(*port_in((struct sockaddr *)&at));
    return add_door(l, fd);
}

/* Resolvers may give one address twice. */
static bool seen_before(const struct addrinfo *all, const struct addrinfo *a)
{
    for (; all != a; all = all->ai_next)
        if (all->ai_addrlen == a->ai_addrlen &&
            memcmp(all->ai_addr, a->ai_addr, a->ai_addrlen) == 0)
            return true;
    return false;
}

/* Every address; of a name, those of a family that this machine lacks do not count. */
static enum err listen_all(struct listener *l, const struct addrinfo *all)
{
    enum err lacking = ERR_RESOLVE;
    for (const struct addrinfo *a = all; a != NULL && l->n < MAX_ADDRESSES; a = a->ai_next) {
        if (seen_before(all, a))
            continue;
        enum err why = listen_address(l, a);
        if (why == ERR_UNREACHABLE)
            lacking = why;
        else if (why != ERR_OK)
            return why;
    }
    return l->n > 0 ? ERR_OK : lacking;
}

static void close_doors(struct listener *l)
{
    while (l->n > 0)
        close_door(l->doors[--l->n]);
}

static enum err listen_tcp(struct listener *l, const char *where)
{
    char *host = NULL;
    int port = 0;
    if (!address_split(where, &host, &port))
        return ERR_USAGE;
    const char *name = host != NULL ? host : "localhost";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *all = NULL;
    /* getaddrinfo wants a name or a service; "0" stands for the port that is filled in later. */
    enum err why = getaddrinfo(name, "0", &hints, &all) == 0 ? ERR_ADDRESS_IN_USE : ERR_RESOLVE;
    for (int tries = port == 0 ? PORT_TRIES : 1; tries > 0 && why == ERR_ADDRESS_IN_USE; tries--) {
        close_doors(l);
        l->port = port;
        why = listen_all(l, all);
    }
    snprintf(l->name, sizeof l->name, strchr(name, ':') != NULL ? "[%s]:%d" : "%s:%d", name,
             l->port);
    if (all != NULL)
        freeaddrinfo(all);
    free(host);
    return why;
}

struct listener *listener_new(struct loop *loop, const char *where,
                              const struct listener_events *events, void *owner, enum err *why)
{
    struct listener *l = calloc(1, sizeof *l);
    *why = ERR_NO_MEMORY;
    if (l == NULL)
        return NULL;
    *l = (struct listener){.loop = loop, .events = events, .owner = owner, .spare = open_spare()};
    l->pause = timer_new(loop, open_doors, l);
    if (l->pause != NULL)
        *why = strchr(where, '/') != NULL ? listen_unix(l, where) : listen_tcp(l, where);
    if (*why == ERR_OK) {
        open_doors(l);
        return l;
    }
    listener_free(l);
    return NULL;
}

int listener_port(const struct listener *l)
{
    return l->port;
}

const char *listener_name(const struct listener *l)
{
    return l->name;
}

void *listener_owner(const struct listener *l)
{
    return l->owner;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    close_doors(l);
    timer_free(l->pause);
    if (l->spare >= 0)
        close(l->spare);
    if (l->path != NULL)
        unlink(l->path);
    free(l->path);
    free(l);
}
