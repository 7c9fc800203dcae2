/* Private to core/net: how the sockets of a listener are opened (listener_open.c). */
#ifndef CORE_NET_LISTENER_INTERNAL_H
#define CORE_NET_LISTENER_INTERNAL_H

#include "core/net/listener.h"

#define LISTENER_SOCKETS 8 /* addresses of one name */

/* A zeroed struct holds no socket. */
struct listen_sockets {
    int fds[LISTENER_SOCKETS];
    size_t n;
    int port;
    bool unix_socket;
    char *path; /* a unix socket that we made: removed at the end */
    char name[120];
};

/* Each of these opens sockets into an empty *s, and sets port and name also when it fails; the
 * caller then passes what is open already to listen_close. */
enum err listen_unix(struct listen_sockets *s, const char *path);
enum err listen_tcp(struct listen_sockets *s, const char *where);
enum err listen_given(struct listen_sockets *s, int fd); /* takes over fd in any case */

/* Closes all of them; path and name stay. */
void listen_close(struct listen_sockets *s);

#endif
