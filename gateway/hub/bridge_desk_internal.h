/* Private to bridge_desk*.c. */
#ifndef GATEWAY_HUB_BRIDGE_DESK_INTERNAL_H
#define GATEWAY_HUB_BRIDGE_DESK_INTERNAL_H

#include "gateway/hub/hub_internal.h"

struct bridge_desk {
    struct hub *hub;
    struct bridges *bridges;
    struct device_subscriber subscriber;
    struct monitor *monitor; /* NULL: nobody watches */
    bool ended;
    struct list inners; /* struct desk_inner */
    uint64_t inner_serial;
    void (*wanted)(void *owner, const struct bridge_spec *spec); /* or NULL */
    void *wanted_owner;
    uint64_t refused; /* who came with a wrong token, or too late */
};

/* ---- bridge_desk_inner.c: the hub's own ends of tunnels ---- */

/* One of the bridges of an inner end has begun, or has ended. */
void desk_inner_bridge(struct bridge_desk *d, const struct bridge *b, bool began);
void desk_inners_tick(struct bridge_desk *d);
void desk_inners_free(struct bridge_desk *d);

/* ---- bridge_desk_notes.c: what logs and those who watch are told; each claim's client is that of
 * its ticket ---- */

void bridge_note_joined(struct bridge_desk *d, struct bridge *b, const struct bridge_ticket *t);
/* Once for each bridge, when its last claim is back, or at once without one. */
void bridge_note_ended(const struct bridge_desk *d, struct bridge *b);

#endif
