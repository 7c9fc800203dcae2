/* A worker's forwards (node_forward.h), and what it remembers of the nodes that they lead to.
 * A worker's thread only. */
#ifndef GATEWAY_HUB_CLUSTER_FORWARD_TABLE_H
#define GATEWAY_HUB_CLUSTER_FORWARD_TABLE_H

#include "gateway/hub/cluster/node_forward.h"
#include "gateway/hub/table/worker_table.h"

struct forward_table;
struct forward_table_options {
    struct loop *loop;
    uint64_t idle_ms; /* of a hub's clients; forwards may be silent for twice as long */
    void (*gone)(void *owner, const struct forward_gone *g); /* once for each that joined */
    void *owner;
};

struct forward_table *forward_table_new(const struct forward_table_options *o); /* NULL: memory */
/* Draining, a forward ends as soon as nothing has passed for a second. NULL of NULL. */
struct worker_table *forward_table_base(struct forward_table *t);

/* Takes the ticket and the client's buffered stream over. */
void forward_table_join(struct forward_table *t, struct forward_ticket *ticket,
                        struct stream *buffered);

#endif
