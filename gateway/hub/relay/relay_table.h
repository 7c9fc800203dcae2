/* A worker's rooms: one for each tunnel that has an end here, with its relay and its clients. Rooms
 * come with the first client and go with the last. */
#ifndef GATEWAY_HUB_RELAY_RELAY_TABLE_H
#define GATEWAY_HUB_RELAY_RELAY_TABLE_H

#include "gateway/hub/relay/relay_end.h"

struct rooms;

struct rooms_options {
    struct loop *loop;
    struct counts *counts;
    uint64_t idle_ms; /* a client that is silent for so long is dropped; it may come back */
    /* A client is gone, once for each that joined. */
    void (*gone)(void *owner, const struct departure *d);
    void *owner;
};

struct rooms *rooms_new(const struct rooms_options *o); /* NULL: no memory */
/* Drops every client without a Close frame, so that they come back to the next hub. */
void rooms_free(struct rooms *r);

/* Takes ticket and stream over. Replaces whoever is on that side. */
void rooms_join(struct rooms *r, struct ticket *ticket, struct stream *spill);
/* Ends whoever is on that side of that tunnel. */
void rooms_close(struct rooms *r, const char *tunnel, enum side side, const struct farewell *f);
/* From now on drops clients, without a Close, when nothing has come through their room for a
 * second: they come back to the next hub. */
void rooms_drain(struct rooms *r);
bool rooms_empty(const struct rooms *r);

#endif
