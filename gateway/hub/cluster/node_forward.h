/* A client's connection that is passed on to another node of the cluster: the node is dialled at
 * its cluster listener, gets a PROXY header and the client's request, and from then on all bytes
 * are passed both ways as they come, until both have ended. A side is read only while the other has
 * taken what came before, so a forward holds one block for each direction at most.
 *
 * A node that cannot be reached within FORWARD_REACH_MS costs the client its request: it gets the
 * ticket's answer. Either side's failure ends the other, and so does a silence of both. */
#ifndef GATEWAY_HUB_CLUSTER_NODE_FORWARD_H
#define GATEWAY_HUB_CLUSTER_NODE_FORWARD_H

#include "core/base/list.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "core/reach/reach.h"
#include "gateway/hub/cluster/forward_ticket.h"

#define FORWARD_REACH_MS 5000
#define FORWARD_FLUSH_MS 200
#define FORWARD_LEAVE_MS 2000 /* for a client to take its last answer */

struct node_forward;

/* What is known of a node from connections before; the owner's, zeroed at first. */
struct forward_place {
    struct tls_session session;
    struct reach_memory memory;
};

struct forward_options {
    struct loop *loop;
    struct list *list; /* of forwards, to which it appends itself */
    void (*over)(void *owner, const struct forward_gone *gone); /* it is gone. Once for each */
    void *owner;
};

/* Takes over the ticket, and the client's buffered stream, which is open. The place must outlive
 * it. The forward may be over afterwards. */
void node_forward_start(const struct forward_options *o, struct forward_ticket *t,
                        struct stream *client, struct forward_place *place);
/* Ends it at once. */
void node_forward_drop(struct node_forward *f, enum err why, const char *text);
/* How long nothing has passed, ms. */
uint64_t node_forward_quiet_ms(const struct node_forward *f, uint64_t now);
/* How long a side has not taken what it was sent, ms; 0: all is taken. */
uint64_t node_forward_stuck_ms(const struct node_forward *f, uint64_t now);
struct node_forward *node_forward_at(struct list *node);

#endif
