/* What goes with a client whose connection is passed on to another node, from thread to thread and
 * back. Plain data. */
#ifndef GATEWAY_HUB_CLUSTER_FORWARD_TICKET_H
#define GATEWAY_HUB_CLUSTER_FORWARD_TICKET_H

#include "core/base/buf.h"
#include "gateway/hub/cluster/cluster_keys.h"

#include <stdatomic.h>
#include <stdint.h>

#define FORWARD_ADDRESS_MAX 280    /* characters of a node's address, "host:port" */
#define FORWARD_REQUEST_MAX 126000 /* less than LOOP_BLOCK */
/* The header by which a node tells another one the name in a client's certificate. */
#define FORWARD_CERTIFIED "tunnel-certified"

/* Counted by the forward's worker, read by the main thread. */
struct forward_traffic {
    _Atomic uint64_t up, down; /* bytes from the client, and to it */
};

struct forward_ticket {
    uint64_t serial;
    char client[80], node[64], address[FORWARD_ADDRESS_MAX + 1];
    struct cluster_keys *keys;       /* held */
    struct forward_traffic *traffic; /* the main thread's; outlives the ticket */
    /* What the node is sent first: a PROXY header, and the client's request. It may hold tokens, so
     * it is wiped. */
    struct buf request;
    struct buf sorry; /* the whole answer that the client gets when the node cannot be reached */
    void *return_message; /* the message that carries it back, allocated beforehand */
};
void forward_ticket_free(struct forward_ticket *t); /* NULL is fine */

/* What is left of a forward: its ticket, which the receiver owns from now on. */
struct forward_gone {
    struct forward_ticket *ticket;
    enum err why;   /* ERR_OK: either side ended it in order */
    bool unreached; /* the node was not: the client was told so */
    char text[160];
    uint64_t seconds;
};

#endif
