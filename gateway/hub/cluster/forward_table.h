/* A worker's forwards (node_forward.h), and what it remembers of the nodes that they lead to. */
#ifndef GATEWAY_HUB_CLUSTER_FORWARD_TABLE_H
#define GATEWAY_HUB_CLUSTER_FORWARD_TABLE_H

#include "gateway/hub/cluster/node_forward.h"

struct forward_table;
struct forward_table_options {
    struct loop *loop;
    uint64_t idle_ms; /* of a hub's clients; forwards may be silent for twice as long */
    void (*gone)(void *owner, const struct forward_gone *g); /* once for each that joined */
    void *owner;
};

struct forward_table *forward_table_new(const struct forward_table_options *o); /* NULL: memory */
void forward_table_free(struct forward_table *t); /* drops all; NULL is fine */

/* Takes the ticket and the client's buffered stream over. */
void forward_table_join(struct forward_table *t, struct forward_ticket *ticket,
                        struct stream *buffered);
/* From now on a forward ends as soon as nothing has passed for a second. */
void forward_table_drain(struct forward_table *t);
bool forward_table_empty(const struct forward_table *t);

#endif
