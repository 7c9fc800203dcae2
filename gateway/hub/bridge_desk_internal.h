/* Private to bridge_desk.h: bridge_desk.c lets the sides of bridges in, bridge_desk_inner.c has the
 * hub's own ends of tunnels, bridge_desk_notes.c tells logs, metrics and monitor. */
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

struct desk_inner {
    struct list node;
    struct bridge_desk *desk;
    uint64_t serial;
    enum session_role role;
    char *device, *service, *policy, *tunnel;
    char *token;     /* until it is admitted; wiped */
    char client[80]; /* whom another node is told of */
    bool ready;      /* its worker has it, or is about to get it */
    bool leaving;
    uint64_t since; /* loop_now when it was made */
    size_t worker;
    size_t bridges;      /* that have not ended */
    uint64_t idle_since; /* loop_now when it had none last */
    struct list waiters;
};

/* ---- bridge_desk_start.c ---- */

/* Its worker gets it, and the relay its other end. False: no memory, or no descriptors. */
bool desk_inner_start(struct desk_inner *i, struct registration *r);
/* The same at the node that has the tunnel, which may refuse it. */
bool desk_inner_pass_on(struct desk_inner *i, const struct node_info *node);
void desk_inner_name(char out[INSTANCE_SIZE + 1]); /* of its session, at random */

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
