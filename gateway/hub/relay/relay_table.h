/* A worker's tunnels: a slot for each that has an end here, with its relay and its ends. Slots come
 * with the first end and go with the last. */
#ifndef GATEWAY_HUB_RELAY_RELAY_TABLE_H
#define GATEWAY_HUB_RELAY_RELAY_TABLE_H

#include "gateway/hub/relay/relay_end.h"

struct relay_table;

struct relay_table_options {
    struct loop *loop;
    struct worker_stats *stats;
    uint64_t idle_ms; /* a client that is silent for so long is dropped; it may come back */
    /* A client is gone, once for each that joined. */
    void (*gone)(void *owner, const struct end_report *d);
    void *owner;
};

struct relay_table *relay_table_new(const struct relay_table_options *o); /* NULL: no memory */
/* Drops every client without a Close frame, so that they come back to the next hub. */
void relay_table_free(struct relay_table *r);

/* Takes registration and stream over. Replaces whoever is on that side. */
void relay_table_join(struct relay_table *r, struct registration *registration,
                      struct stream *buffered);
/* Ends whoever is on that side of that tunnel. */
void relay_table_close(struct relay_table *r, const char *tunnel, enum side side,
                       const struct close_reason *f);
/* From now on drops clients, without a Close, when nothing has come through their relay for a
 * second: they come back to the next hub. */
void relay_table_drain(struct relay_table *r);
bool relay_table_empty(const struct relay_table *r);

#endif
