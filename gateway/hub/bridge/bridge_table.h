/* A worker's bridges. */
#ifndef GATEWAY_HUB_BRIDGE_BRIDGE_TABLE_H
#define GATEWAY_HUB_BRIDGE_BRIDGE_TABLE_H

#include "gateway/hub/bridge/bridge_pair.h"

struct bridge_table;
struct bridge_table_options {
    struct loop *loop;
    uint64_t idle_ms; /* who is silent for so long is dropped */
    void (*gone)(void *owner, const struct bridge_gone *g); /* once for each that joined */
    void *owner;
};

struct bridge_table *bridge_table_new(const struct bridge_table_options *o); /* NULL: no memory */
void bridge_table_free(struct bridge_table *t); /* drops all; NULL is fine */

/* Takes ticket and stream over. The ticket's side comes once for each bridge. */
void bridge_table_join(struct bridge_table *t, struct bridge_ticket *ticket,
                       struct stream *buffered);
/* Ends the bridge of that serial, if it is here. */
void bridge_table_close(struct bridge_table *t, uint64_t bridge, const struct bridge_closing *c);
/* From now on a bridge ends as soon as nothing has passed for a second. */
void bridge_table_drain(struct bridge_table *t);
bool bridge_table_empty(const struct bridge_table *t);

#endif
