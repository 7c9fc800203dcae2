/* Private to core/net: asks the kernel about the TCP sockets of this machine, by their addresses
 * (sock_diag(7)). */
#ifndef CORE_NET_DIAG_INTERNAL_H
#define CORE_NET_DIAG_INTERNAL_H

#include "core/net/peer.h"

#include <sys/socket.h>

enum diag_holder {
    DIAG_UNKNOWN, /* the kernel, or a sandbox around the program, does not tell */
    DIAG_HELD,    /* a process holds it */
    DIAG_NOBODY   /* there is no such socket, or no process holds it any more */
};

struct diag_socket {
    uint32_t inode, uid;
};

/* Gets both ends of a TCP socket: ours and the remote one. */
bool diag_ends(int fd, struct peer_end *ours, struct peer_end *theirs);

bool diag_is_loopback(const struct peer_end *e);
/* Whether the remote end of a TCP socket is on this machine, in the same network namespace: it has
 * a loopback address, be it another one (127.0.0.0/8), or ours. */
bool diag_is_here(const struct peer_end *ours, const struct peer_end *theirs);

int diag_open(void); /* a descriptor for diag_find, which the caller closes; -1: unavailable */
/* Looks up the socket of this machine that goes from `local` to `remote`. *out describes a socket
 * that is held; NULL is fine. Never waits: the kernel answers within the request. */
enum diag_holder diag_find(int diag, const struct peer_end *local, const struct peer_end *remote,
                           struct diag_socket *out);

#endif
