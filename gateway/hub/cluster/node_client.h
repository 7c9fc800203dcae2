/* Calls to the other nodes (node_message.h), over one connection to each that is kept. A call is
 * told once, or lost: a node that is hung, away or hostile costs only its own queue. Main thread
 * only. */
#ifndef GATEWAY_HUB_CLUSTER_NODE_CLIENT_H
#define GATEWAY_HUB_CLUSTER_NODE_CLIENT_H

#include "core/net/loop.h"
#include "gateway/hub/cluster/cluster_keys.h"
#include "gateway/hub/cluster/node_message.h"

#define NODE_QUEUE_MAX                                                                             \
    1024                  /* calls, and things to look at, that wait for one node; more are lost */
#define NODE_CALL_MS 5000 /* for a connection, and for an answer */
#define NODE_KEEP_MS 300000 /* a node that was not called for so long is forgotten */

struct node_client;
struct node_client_options {
    struct loop *loop;
    const char *self; /* this node's name; outlives the client */
    /* A notice that was taken could not be told; q is a view. It may be kept for a later time.
     * Never from inside node_client_notice or node_client_look. */
    void (*untold)(void *owner, const struct notice *q);
    void *owner;
};

/* Where a node is: its name, and the address of its cluster listener. */
struct node_at {
    const char *name, *address;
};

struct node_client *node_client_new(const struct node_client_options *o); /* NULL: no memory */
void node_client_free(struct node_client *c); /* what waits is lost without a word; NULL is fine */
/* What this node shows others, from the next connection on; takes the hold over. */
void node_client_keys(struct node_client *c, struct cluster_keys *keys);

/* Hints to one node are gathered while a call to it is on its way. */
void node_client_look(struct node_client *c, const struct node_at *to, const struct node_look *l);
/* False: it stays the caller's, since the queue is full, or there is no memory, or it is too long.
 */
bool node_client_notice(struct node_client *c, const struct node_at *to, const struct notice *q);

struct node_client_counts {
    uint64_t told[NODE_CALLS], lost[NODE_CALLS];
    size_t waiting;
};
struct node_client_counts node_client_counts(const struct node_client *c);

#endif
