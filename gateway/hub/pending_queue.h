/* Who is on the way in at a front door: whose turn it is with the next step of a handshake, and who
 * has to go when there is no room. Fair by origin (core/net/ip.h), so that whoever floods the door
 * waits behind himself. Pure: no sockets, and the time is passed in (milliseconds, monotonic).
 *
 * Turns: two lanes, one for those who are known (they go on with a handshake, or resume a session)
 * and one for the others, take turns with each other; within a lane so do origins, and within an
 * origin the first to come is the first served. */
#ifndef GATEWAY_HUB_PENDING_QUEUE_H
#define GATEWAY_HUB_PENDING_QUEUE_H

#include "core/base/list.h"
#include "core/net/ip.h"

struct lobby;
struct lobby_origin;

struct lobby_options {
    size_t max;           /* guests at once */
    size_t per_origin;    /* of one origin; 0: as many as there is room for */
    uint64_t patience_ms; /* somebody who is to send something may stay so long, although a
                             newcomer of the same origin has no room */
};

enum guest_state {
    GUEST_THEIRS, /* something is to come from it */
    GUEST_WAITS,  /* for its turn */
    GUEST_OURS,   /* something is to come from us: it stays */
};

/* One who is in, embedded in its owner's struct. */
struct guest {
    struct list node;
    struct lobby_origin *origin;
    uint64_t since; /* of GUEST_THEIRS */
    enum guest_state state;
};

struct lobby *lobby_new(const struct lobby_options *o); /* NULL: no memory */
void lobby_free(struct lobby *l);                       /* everyone has left; NULL is fine */

enum lobby_room {
    LOBBY_ROOM,
    LOBBY_ORIGIN_FULL, /* its origin has as many as it may */
    LOBBY_FULL         /* there are as many as there may be, and nobody else has more */
};
/* Whether there is room for one more from there; *victim has to go for it before it enters
 * (lobby_leave), NULL: nobody has to. exempt: per_origin does not hold. */
enum lobby_room lobby_room(struct lobby *l, struct ip origin, bool exempt, uint64_t now,
                           struct guest **victim);
/* Comes in, in GUEST_THEIRS. False: no memory. */
bool lobby_enter(struct lobby *l, struct guest *g, struct ip origin, uint64_t now);
void lobby_leave(struct lobby *l, struct guest *g);

/* What it does now. */
void lobby_theirs(struct guest *g, uint64_t now);
void lobby_ours(struct guest *g);
void lobby_waits(struct lobby *l, struct guest *g, bool known);

/* Whose turn it is: it is in GUEST_OURS from now on. NULL: nobody waits. */
struct guest *lobby_next(struct lobby *l);
size_t lobby_size(const struct lobby *l);

#endif
