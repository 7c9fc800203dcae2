/* The pending connections of a frontend: which one takes the next step of its handshake, and which
 * one is dropped when there is no space. The queue is fair by origin (core/net/ip.h), so that an
 * origin that floods it waits behind its own connections. Pure: no sockets, and the time is passed
 * in (milliseconds, monotonic).
 *
 * Turns: two lanes alternate, one for known connections (they continue a handshake, or resume a
 * session) and one for the others. Within a lane origins alternate, and within an origin the first
 * to come is the first served. */
#ifndef GATEWAY_HUB_PENDING_QUEUE_H
#define GATEWAY_HUB_PENDING_QUEUE_H

#include "core/base/list.h"
#include "core/net/ip.h"

struct pending_queue;
struct pending_origin;

struct pending_queue_options {
    size_t max;        /* slots in use at a time */
    size_t per_origin; /* slots of one origin; 0: up to `max` */
    /* A silent connection keeps its slot for that long, even if a new one of the same origin finds
     * no space. */
    uint64_t patience_ms;
};

enum pending_state {
    PENDING_PEER, /* the client has to send something */
    PENDING_TURN, /* it waits for its turn */
    PENDING_US,   /* the hub has to send something, so it is never dropped */
};

/* A connection's place in the queue, embedded in its owner's struct. */
struct pending_slot {
    struct list node;
    struct pending_origin *origin;
    uint64_t since; /* when PENDING_PEER began */
    enum pending_state state;
};

/* NULL: no memory */
struct pending_queue *pending_queue_new(const struct pending_queue_options *o);
void pending_queue_free(struct pending_queue *queue); /* all slots must have left; NULL is fine */

enum pending_queue_admits {
    PENDING_QUEUE_SPACE,
    PENDING_QUEUE_ORIGIN_FULL, /* the origin has reached its limit */
    PENDING_QUEUE_FULL         /* the queue is full, and no other origin has more */
};
/* Whether there is space for one more connection of that origin. When *victim is not NULL, that
 * slot must leave first (pending_queue_leave). exempt: per_origin does not apply. */
enum pending_queue_admits pending_queue_admits(struct pending_queue *queue, struct ip origin,
                                               bool exempt, uint64_t now,
                                               struct pending_slot **victim);
/* Adds a slot in the state PENDING_PEER. False: no memory. */
bool pending_queue_enter(struct pending_queue *queue, struct pending_slot *slot, struct ip origin,
                         uint64_t now);
void pending_queue_leave(struct pending_queue *queue, struct pending_slot *slot);
/* Makes the slot that origin's from now on, in the state PENDING_PEER, since who it is became known
 * (fronts.h). Only per_origin counts, as for pending_queue_admits; *victim must leave afterwards.
 * PENDING_QUEUE_FULL: no memory. The slot stays as it was unless there is space. */
enum pending_queue_admits pending_queue_move(struct pending_queue *queue, struct pending_slot *slot,
                                             struct ip origin, bool exempt, uint64_t now,
                                             struct pending_slot **victim);

/* Set the slot's state. */
void pending_await_peer(struct pending_slot *slot, uint64_t now);
void pending_await_us(struct pending_slot *slot);
void pending_await_turn(struct pending_queue *queue, struct pending_slot *slot, bool known);

/* Takes the slot whose turn it is and sets it to PENDING_US. NULL: no slot waits. */
struct pending_slot *pending_queue_next(struct pending_queue *queue);
size_t pending_queue_size(const struct pending_queue *queue);

#endif
