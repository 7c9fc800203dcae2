/* Private to core/net: how the sockets of a listener are opened (listener_open.c). */
#ifndef CORE_NET_LISTENER_INTERNAL_H
#define CORE_NET_LISTENER_INTERNAL_H

#include "core/net/listener.h"

#define LISTENER_SOCKETS 8 /* addresses of one name */

/* All zero: none yet. */
struct listen_sockets {
    int fds[LISTENER_SOCKETS];
    size_t n;
    int port;
    bool unix_socket;
    char *path; /* of a unix socket that we made: removed at the end */
    char name[120];
};

/* Each opens what *s had none of, and sets port and name also when it fails; then what is open
 * already is for listen_close. */
enum err listen_unix(struct listen_sockets *s, const char *path);
enum err listen_tcp(struct listen_sockets *s, const char *where);
enum err listen_given(struct listen_sockets *s, int fd); /* takes over fd in any case */

/* Closes all of them; path and name stay. */
void listen_close(struct listen_sockets *s);

#endif
