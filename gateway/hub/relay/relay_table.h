/* A worker's tunnels. Each tunnel with an end at the worker has a slot with its relay and its ends;
 * the slot is made for the first end and freed with the last. */
#ifndef GATEWAY_HUB_RELAY_RELAY_TABLE_H
#define GATEWAY_HUB_RELAY_RELAY_TABLE_H

#include "gateway/hub/relay/relay_end.h"
#include "gateway/hub/table/worker_table.h"

struct relay_table;

struct relay_table_options {
    struct loop *loop;
    struct worker_stats *stats;
    uint64_t idle_ms; /* A client that is silent for that long is dropped; it may reconnect. */
    /* Called once for each client that joined, when it is gone. */
    void (*gone)(void *owner, const struct end_report *d);
    void *owner;
};

struct relay_table *relay_table_new(const struct relay_table_options *o); /* NULL: no memory */
/* Its members are the ends. Freed, it drops every client without a Close frame, so that it
 * reconnects to the next hub; draining, when nothing has come through the client's relay for a
 * second. NULL of NULL. */
struct worker_table *relay_table_base(struct relay_table *r);

/* Takes registration and stream over. Replaces the present end of that side. */
void relay_table_join(struct relay_table *r, struct registration *registration,
                      struct stream *buffered);
/* Closes the end on that side of that tunnel, if there is one. */
void relay_table_close(struct relay_table *r, const char *tunnel, enum side side,
                       const struct close_reason *f);
/* Before draining: native tunnels will not wait for that, but are dropped some in each tick, since
 * another node takes them up. */
void relay_table_move(struct relay_table *r);

#endif
