/* One connection of a session (session.h), as its owner sees it: what one TCP client of the source
 * gets, with a local stream at this end. */
#ifndef CORE_TUNNEL_CONN_H
#define CORE_TUNNEL_CONN_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/net/stream.h"
#include "core/tunnel/opening.h"

struct conn;

/* What went through one connection. up: client to device, down: device to client. */
struct conn_stats {
    uint64_t up, down;               /* payload bytes */
    uint64_t frames_up, frames_down; /* that carried them */
    uint64_t started_ms;             /* loop_now */
    uint64_t answered_ms;            /* loop_now of the first byte down; 0: none came */
    struct conn_pauses {
        uint64_t times, ms;
    } paused_up, paused_down; /* see below */
    unsigned resumed;         /* lost transports that it has outlived */
    enum err why; /* how it ended; ERR_CLIENT_CLOSED and ERR_SERVICE_CLOSED are normal */
};

/* How a connection is at present. What a native one holds of its local side's bytes is what the far
 * end has not handed on yet. Its bytes in one direction are paused, those of the local side
 * from when they could be read and the transport (or a native one's window) had no room until they
 * are read, those of the far
 * end from when they had to stay in the transport, because the local side takes too little, until
 * they are delivered. */
struct conn_info {
    struct conn_stats stats; /* with the pauses that last */
    size_t held_up, held_down;
    size_t queue_limit; /* of what is held for the local side; a native one's window */
    /* Of a native one: what may be in flight in that direction (0: it is none), and what keeps its
     * bytes now. */
    uint64_t window_up, window_down;
    enum conn_bound {
        CONN_BOUND_NOTHING,
        CONN_BOUND_PATH,   /* the transport has no room, or is not there */
        CONN_BOUND_WINDOW, /* the far end takes no more: whoever reads there is slow, or the window
                              is small for the path */
        CONN_BOUND_BUDGET, /* the session holds as much as it may */
        CONN_BOUND_READER  /* the local side takes too little */
    } bound_up,
        bound_down;
    bool ended_up, ended_down; /* no more comes from that side */
    bool over;                 /* in the tunnel; what is held is still being delivered */
};

struct conn_events {
    /* Source, before conn_attach: the far end showed its first sign. ERR_OK: bytes came, or, in a
     * native session, the service was reached. Otherwise it was refused (there with the true
     * reason), and `ended` follows at once. At most once. */
    void (*answer)(void *owner, struct conn *c, enum err why);
    /* The last event; c is gone after it. */
    void (*ended)(void *owner, struct conn *c, const struct conn_stats *stats);
};

/* Destination: from inside `incoming`. */
void conn_set_owner(struct conn *c, const struct conn_events *events, void *owner);
const char *conn_service(const struct conn *c);
/* What the source has told of it; says nothing in V1 to V3. */
void conn_opening(const struct conn *c, struct opening *out);
void conn_get_info(const struct conn *c, struct conn_info *out);
uint32_t conn_id(const struct conn *c); /* the protocol's; 0 in V1 and V2 */
bool conn_native(const struct conn *c); /* its opening will be answered */
int32_t conn_stream_id(const struct conn *c);

/* Bytes to go up before those of the stream (copied; at once, right behind the start). Before
 * conn_attach. False: no memory. */
bool conn_early(struct conn *c, const void *p, size_t n);
/* How many bytes there is room for at present; it may be given more. */
size_t conn_early_room(const struct conn *c);
/* A text to go down in the middle of what passes: before byte `at` of it. */
struct conn_insert {
    size_t at;
    struct span text;
};
/* Looks at what passes. up returns how many of n may go; fewer than n ends the
 * upward direction there (no FIN is implied). down sees bytes on their way to the local stream, may
 * ask for an insertion (empty when called; the text must stay), and returns false to end the
 * connection, in good order, behind these n bytes. whole tells whether all that the client had to
 * say has gone up by then: its service gets a FIN, and else a reset. torn tells whether the end
 * that the local stream has come to is none, and counts as a reset. Each may be NULL. */
struct conn_tap {
    size_t (*up)(void *ctx, const uint8_t *p, size_t n);
    bool (*down)(void *ctx, const uint8_t *p, size_t n, struct conn_insert *insert);
    bool (*whole)(const void *ctx);
    bool (*torn)(const void *ctx);
    void *ctx;
};
void conn_tap(struct conn *c, const struct conn_tap *tap); /* copied; before conn_attach */
/* Takes the stream over (it must be ready for writing): pumps both ways until the end. */
void conn_attach(struct conn *c, struct stream *stream);
/* Destination: the dial failed. CONNECTION_RESET in V3, STREAM_RESET in V1 and V2; in a native
 * session the far end is told why. */
void conn_refuse(struct conn *c, enum err why);
/* Source, V1 to V3: one whose client has finished sending lingers, only in case that an answer is
 * still to come, and ends here to make room for another one (ERR_STREAM_REPLACED), at once. False:
 * it does not linger, or its client has yet to take what has come; nothing has changed. */
bool conn_make_room(struct conn *c);
/* Ends it now, whatever state it is in; `ended` comes from inside. The local side gets a reset
 * unless `why` is an end (err_is_end) and it has got everything. With ERR_SHUTDOWN the transport
 * goes, too, and the far end of V1 to V3 learns by that. */
void conn_abort(struct conn *c, enum err why);

#endif
