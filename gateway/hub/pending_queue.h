/* Connections on their way in at a frontend: whose turn it is with the next step of a handshake,
 * and who has to go when there is no room. Fair by origin (core/net/ip.h), so that whoever floods
 * it waits behind its own connections. Pure: no sockets, and the time is passed in (milliseconds,
 * monotonic).
 *
 * Turns: two lanes, one for those who are known (they go on with a handshake, or resume a session)
 * and one for the others, take turns with each other; within a lane so do origins, and within an
 * origin the first to come is the first served. */
#ifndef GATEWAY_HUB_PENDING_QUEUE_H
#define GATEWAY_HUB_PENDING_QUEUE_H

#include "core/base/list.h"
#include "core/net/ip.h"

struct pending_queue;
struct pending_origin;

struct pending_queue_options {
    size_t max;           /* slots at once */
    size_t per_origin;    /* of one origin; 0: as many as there is room for */
    uint64_t patience_ms; /* somebody who is to send something may stay so long, although a
                             newcomer of the same origin has no room */
};

enum pending_state {
    PENDING_PEER, /* something is to come from it */
    PENDING_TURN, /* it waits for its turn */
    PENDING_US,   /* something is to come from us: it stays */
};

/* One who is in, embedded in its owner's struct. */
struct pending_slot {
    struct list node;
    struct pending_origin *origin;
    uint64_t since; /* of PENDING_PEER */
    enum pending_state state;
};

/* NULL: no memory */
struct pending_queue *pending_queue_new(const struct pending_queue_options *o);
void pending_queue_free(struct pending_queue *l); /* everyone has left; NULL is fine */

enum pending_queue_admits {
    LOBBY_ROOM,
    LOBBY_ORIGIN_FULL, /* its origin has as many as it may */
    LOBBY_FULL         /* there are as many as there may be, and nobody else has more */
};
/* Whether there is room for one more from there; *victim has to go for it before it enters
 * (pending_queue_leave), NULL: nobody has to. exempt: per_origin does not hold. */
enum pending_queue_admits pending_queue_admits(struct pending_queue *l, struct ip origin,
                                               bool exempt, uint64_t now,
                                               struct pending_slot **victim);
/* Comes in, in PENDING_PEER. False: no memory. */
bool pending_queue_enter(struct pending_queue *l, struct pending_slot *g, struct ip origin,
                         uint64_t now);
void pending_queue_leave(struct pending_queue *l, struct pending_slot *g);

/* What it does now. */
void pending_await_peer(struct pending_slot *g, uint64_t now);
void pending_await_us(struct pending_slot *g);
void pending_await_turn(struct pending_queue *l, struct pending_slot *g, bool known);

/* Whose turn it is: it is in PENDING_US from now on. NULL: nobody waits. */
struct pending_slot *pending_queue_next(struct pending_queue *l);
size_t pending_queue_size(const struct pending_queue *l);

#endif
