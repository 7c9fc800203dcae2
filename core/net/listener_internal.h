/* Private to core/net: a listener (listener.c), and how its sockets are opened (listen.c). */
#ifndef CORE_NET_LISTENER_INTERNAL_H
#define CORE_NET_LISTENER_INTERNAL_H

#include "core/net/tcp.h"

#define LISTENER_SOCKETS 8 /* addresses of one name */

/* libuv's own accept loop has no way out when descriptors are short and another thread took its
 * spare one; so libuv only polls here. */
struct listen_socket {
    uv_poll_t poll;
    int fd;
    struct listener *listener; /* NULL: it is gone; this one waits for its close callback */
};

struct listener {
    struct loop *loop;
    const struct listener_events *events;
    void *owner;
    struct listen_socket *sockets[LISTENER_SOCKETS];
    size_t n;
    int spare; /* a descriptor held back, to refuse with when all others are used up; or -1 */
    struct timer *pause;
    uint64_t refused; /* since the last one who was let in */
    int port;
    bool unix_socket, held;
    char *path; /* of a unix socket that we made: removed at the end */
    char name[120];
};

/* Takes over a descriptor that listens, also when there is no memory. */
enum err listener_add(struct listener *l, int fd);
void listener_close_sockets(struct listener *l);

/* These set name, port and what else belongs to them, and add the sockets. */
enum err listen_unix(struct listener *l, const char *path);
enum err listen_tcp(struct listener *l, const char *where);
enum err listen_given(struct listener *l, int fd); /* takes over fd in any case */

#endif
