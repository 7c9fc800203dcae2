/* A bridge at its worker: the WebSockets of its two sides, and the bytes of each passed to the
 * other. Whoever is there first is not read until the other has come, and nobody is read while the
 * other has not taken what came before; so a pair holds one block for each direction at most.
 *
 * Either's end ends the other, each in order: a Close, and its peer's own end, which is awaited. A
 * peer that is silent although it is pinged, or takes nothing for long, ends both. */
#ifndef GATEWAY_HUB_BRIDGE_BRIDGE_PAIR_H
#define GATEWAY_HUB_BRIDGE_BRIDGE_PAIR_H

#include "core/base/err.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "gateway/hub/bridge/bridge_ticket.h"

/* RFC 6455 section 7.4.1 */
#define BRIDGE_CLOSE_NORMAL 1000
#define BRIDGE_CLOSE_AWAY 1001   /* the other side was lost, or the hub ends */
#define BRIDGE_CLOSE_POLICY 1008 /* the hub's decision */
#define BRIDGE_CLOSE_ERROR 1011  /* the service behind an inner end was not reached */

/* How long a hub that ends awaits peers that do not answer their Close. */
#define BRIDGE_DRAIN_MS 2000
/* A worker pings each side that often, milliseconds. */
#define BRIDGE_PING_MS 20000
/* Idle times allowed to a side that does not take what it is sent. */
#define BRIDGE_STUCK_FACTOR 10

/* Why a bridge has to go. */
struct bridge_closing {
    int code; /* of the Close that its sides get */
    enum err why;
    const char *text; /* in static storage */
};

struct bridge_pair;
struct bridge_pair_options {
    struct loop *loop;
    struct list *list; /* of pairs, to which it appends itself */
    /* It has ended; `gone` tells of the n sides that had come, whose tickets are the receiver's
     * from now on. Once for each pair. */
    void (*over)(void *owner, uint64_t bridge, const struct bridge_gone *gone, size_t n);
    void *owner;
};

/* A pair for the bridge of that serial, without sides. It frees itself when it has ended and its
 * connections have. NULL: no memory. */
struct bridge_pair *bridge_pair_new(const struct bridge_pair_options *o, uint64_t bridge);
/* Answers the upgrade with 101 and becomes the ticket's side. Takes over the ticket, and the
 * stream, which is an open buffered stream. The pair may have ended afterwards. */
void bridge_pair_join(struct bridge_pair *p, struct bridge_ticket *t, struct stream *buffered);
/* Ends it; does nothing when it has ended. */
void bridge_pair_close(struct bridge_pair *p, const struct bridge_closing *c);
/* Drops it with its connections, and frees it. */
void bridge_pair_drop(struct bridge_pair *p);

/* Pings, and ends it when a side is silent or stuck for too long. now: loop_now. */
void bridge_pair_tick(struct bridge_pair *p, uint64_t now, uint64_t idle_ms);
/* How long a side has not taken what it was sent, ms; 0: all is taken. */
uint64_t bridge_pair_stuck_ms(const struct bridge_pair *p, uint64_t now);
/* How long nothing has passed, ms. */
uint64_t bridge_pair_quiet_ms(const struct bridge_pair *p, uint64_t now);
bool bridge_pair_ended(const struct bridge_pair *p); /* its connections are awaited only */
struct bridge_pair *bridge_pair_at(struct list *node);

#endif
