/* A worker's bridges, found by their serial (worker_table.h). A worker's thread only. */
#ifndef GATEWAY_HUB_BRIDGE_BRIDGE_TABLE_H
#define GATEWAY_HUB_BRIDGE_BRIDGE_TABLE_H

#include "gateway/hub/bridge/bridge_pair.h"
#include "gateway/hub/table/worker_table.h"

struct bridge_table;
struct bridge_table_options {
    struct loop *loop;
    uint64_t idle_ms; /* who is silent for so long is dropped */
    void (*gone)(void *owner, const struct bridge_gone *g); /* once for each that joined */
    void *owner;
};

struct bridge_table *bridge_table_new(const struct bridge_table_options *o); /* NULL: no memory */
/* Draining, a bridge ends as soon as nothing has passed for a second. NULL of NULL. */
struct worker_table *bridge_table_base(struct bridge_table *t);

/* Takes ticket and stream over. The ticket's side comes once for each bridge. */
void bridge_table_join(struct bridge_table *t, struct bridge_ticket *ticket,
                       struct stream *buffered);
/* Ends the bridge of that serial, if it is here. */
void bridge_table_close(struct bridge_table *t, uint64_t bridge, const struct bridge_closing *c);

#endif
