/* Private to core/net: asks the kernel about the TCP sockets of this machine, by their addresses
 * (sock_diag(7)). */
#ifndef CORE_NET_DIAG_INTERNAL_H
#define CORE_NET_DIAG_INTERNAL_H

#include "core/net/peer.h"

#include <sys/socket.h>

enum diag_holder {
    DIAG_UNKNOWN, /* this kernel, or what confines us, does not tell */
    DIAG_HELD,    /* by a process */
    DIAG_NOBODY   /* there is no such socket, or no process has it any more */
};

struct diag_socket {
    uint32_t inode, uid;
};

/* Both ends of a TCP socket: our own and the other one. */
bool diag_ends(int fd, struct peer_end *ours, struct peer_end *theirs);

int diag_open(void); /* a descriptor to ask through, to be closed; -1: none */
/* The socket of this machine that goes from `local` to `remote`. *out: of one that is held; NULL
 * is fine. Never waits: the kernel answers while it is asked. */
enum diag_holder diag_find(int diag, const struct peer_end *local, const struct peer_end *remote,
                           struct diag_socket *out);

#endif
