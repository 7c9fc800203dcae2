#include "core/net/listener_internal.h"

#include "core/base/log.h"
#include "core/net/addresses.h"
#include "core/net/socket_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections in one go, so that a flood does not starve the clients being served. */
#define ACCEPTS 64
#define PAUSE_MS 100 /* before the next try when there is no descriptor even for refusing */

/* libuv only polls here, since its own accept loop never ends when descriptors are short and
 * another thread has taken its spare one. */
struct listen_socket {
    uv_poll_t poll;
    int fd;
    /* NULL: the listener is gone and this socket waits for its close callback */
    struct listener *listener;
};

struct listener {
    struct loop *loop;
    const struct listener_events *events;
    void *owner;
    struct listen_sockets open; /* fds: the sockets that have no poll yet */
    struct listen_socket *sockets[LISTENER_SOCKETS];
    size_t n;
    int spare; /* a descriptor kept for refusing when all others are used up; or -1 */
    struct timer *pause;
    uint64_t refused; /* connections refused since the last one accepted */
    bool held;
};

/* ---- accepting ---- */

static void on_connection(uv_poll_t *poll, int status, int events);

static void start_accepting(void *owner)
{
    struct listener *l = owner;
    for (size_t i = 0; i < l->n && !l->held; i++)
        uv_poll_start(&l->sockets[i]->poll, UV_READABLE, on_connection);
}

static void stop_accepting(struct listener *l)
{
    for (size_t i = 0; i < l->n; i++)
        uv_poll_stop(&l->sockets[i]->poll);
}

static void pause_accepting(struct listener *l)
{
    stop_accepting(l);
    timer_start(l->pause, PAUSE_MS);
}

void listener_hold(struct listener *l, bool hold)
{
    if (l->held == hold)
        return;
    l->held = hold;
    if (hold)
        stop_accepting(l);
    else
        start_accepting(l);
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Counts refused connections, for one line when refusing begins and one when it is over. */
static void refused(struct listener *l, enum err why)
{
    if (l->refused++ == 0)
        log_warning("%s: new connections are refused: %s", l->open.name, err_text(why));
}

static void accept_newcomer(struct listener *l, int fd)
{
    struct socket_stream *t = NULL;
    bool bare = l->events->descriptor != NULL;
    if (!bare && (t = socket_open(l->loop, fd, l->open.unix_socket)) == NULL) {
        refused(l, ERR_NO_MEMORY);
        return;
    }
    if (l->refused > 0)
        log_warning("%s: new connections are let in again; %llu were refused", l->open.name,
                    (unsigned long long)l->refused);
    l->refused = 0;
    if (bare)
        l->events->descriptor(l->owner, l, fd);
    else
        l->events->accepted(l->owner, l, &t->stream);
}

/* Closes the spare descriptor, which makes room for one new connection, and closes that one at
 * once. Returns 0, or the error of accept4. */
static int refuse_newcomer(struct listener *l, int listen_socket)
{
    int error = EMFILE;
    if (l->spare >= 0) {
        close(l->spare);
        int fd = accept4(listen_socket, NULL, NULL, SOCK_CLOEXEC);
        error = fd >= 0 ? 0 : errno;
        if (fd >= 0)
            close(fd);
    }
    l->spare = open_spare();
    if (error == 0)
        refused(l, ERR_NO_DESCRIPTORS);
    return error;
}

/* True: accepting goes on, since an error of accept4 about one client that has left already is no
 * reason to stop. */
static bool accept_failed(struct listen_socket *d, int error)
{
    if (error == EMFILE || error == ENFILE)
        error = refuse_newcomer(d->listener, d->fd);
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS) {
        pause_accepting(d->listener);
        return false;
    }
    return error != EAGAIN && error != EWOULDBLOCK;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct listen_socket *d = poll->data;
    (void)status, (void)events;
    for (int i = 0; i < ACCEPTS && d->listener != NULL && !d->listener->held; i++) {
        int fd = accept4(d->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            accept_newcomer(d->listener, fd);
        else if (!accept_failed(d, errno))
            return;
    }
}

/* ---- sockets ---- */

static void on_socket_closed(uv_handle_t *uv)
{
    free(uv->data);
}

static void close_socket(struct listen_socket *d)
{
    d->listener = NULL;
    uv_close((uv_handle_t *)&d->poll, on_socket_closed);
    close(d->fd);
}

static enum err add_socket(struct listener *l, int fd)
{
    struct listen_socket *d = calloc(1, sizeof *d);
    if (d == NULL || uv_poll_init(loop_uv(l->loop), &d->poll, fd) != 0) {
        free(d);
        close(fd);
        return ERR_NO_MEMORY;
    }
    d->poll.data = d;
    d->fd = fd;
    d->listener = l;
    l->sockets[l->n++] = d;
    return ERR_OK;
}

/* ---- beginning and end ---- */

static struct listener *new_listener(struct loop *loop, const struct listener_events *events,
                                     void *owner)
{
    struct listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    *l = (struct listener){.loop = loop, .events = events, .owner = owner, .spare = open_spare()};
    l->pause = timer_new(loop, start_accepting, l);
    if (l->pause != NULL)
        return l;
    listener_free(l);
    return NULL;
}

/* Polls the sockets that are open, if all went well. */
static struct listener *opened(struct listener *l, enum err *why)
{
    while (l != NULL && *why == ERR_OK && l->open.n > 0)
        *why = add_socket(l, l->open.fds[--l->open.n]);
    if (*why == ERR_OK) {
        start_accepting(l);
        return l;
    }
    listener_free(l);
    return NULL;
}

struct listener *listener_new(struct loop *loop, const char *where,
                              const struct listener_events *events, void *owner, enum err *why)
{
    struct listener *l = new_listener(loop, events, owner);
    *why = ERR_NO_MEMORY;
    if (l != NULL)
        *why =
            strchr(where, '/') != NULL ? listen_unix(&l->open, where) : listen_tcp(&l->open, where);
    return opened(l, why);
}

struct listener *listener_from_fd(struct loop *loop, int fd, const struct listener_events *events,
                                  void *owner, enum err *why)
{
    struct listener *l = new_listener(loop, events, owner);
    *why = ERR_NO_MEMORY;
    if (l != NULL)
        *why = listen_given(&l->open, fd);
    else
        close(fd);
    return opened(l, why);
}

int listener_port(const struct listener *l)
{
    return l->open.port;
}

const char *listener_name(const struct listener *l)
{
    return l->open.name;
}

bool listener_is_local(const struct listener *l)
{
    for (size_t i = 0; i < l->n && !l->open.unix_socket; i++) {
        union address at = {.any = {0}};
        socklen_t size = sizeof at;
        if (getsockname(l->sockets[i]->fd, &at.any, &size) != 0 || !address_is_loopback(&at.any))
            return false;
    }
    return true;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    while (l->n > 0)
        close_socket(l->sockets[--l->n]);
    listen_close(&l->open);
    timer_free(l->pause);
    if (l->spare >= 0)
        close(l->spare);
    if (l->open.path != NULL)
        unlink(l->open.path);
    free(l->open.path);
    free(l);
}
