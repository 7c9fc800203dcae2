/* One end of a tunnel: the protocol's state for V1, V2, V3 and native sessions in both roles, and
 * the connections in it. Which of them is spoken follows from `version` and, over a native hub,
 * from what it says of the other end (share/doc/native.md). A session knows nothing of WebSockets
 * or sockets by name: it sends through a transport that it may lose and get anew, and its
 * connections are pumped to and from local streams.
 *
 * Scheduling: local streams are not read ahead. A connection whose stream is readable waits in one
 * of two rings; whenever the transport has room, control frames go first, then sparse connections
 * (their last read was small), then bulk ones in turn, one frame of at most SESSION_QUANTUM bytes
 * each. When the transport is full nobody is read. Nothing else is queued on the way up.
 * On the way down a connection holds at most `queue_limit` bytes for a slow local stream; beyond
 * that the transport is not read (V1 to V3 have no flow control of their own for connections), and
 * when the local side then takes nothing at all for `stall_ms`, it is dropped for the others' sake.
 *
 * Native connections have windows of their own instead: a slow local stream holds up nobody else,
 * as long as what all of them hold stays below `budget`; who has stopped has to go then. They can
 * end one direction at a time, the opening is answered, and they outlive a lost transport for
 * `resume_ms`.
 */
#ifndef CORE_TUNNEL_SESSION_H
#define CORE_TUNNEL_SESSION_H

#include "core/base/err.h"
#include "core/net/loop.h"
#include "core/net/stream.h"
#include "core/tunnel/frame.h"

/* One frame, with all heads, then fills exactly one TLS record: in place on every hop. */
#define SESSION_QUANTUM 16128
/* What a destination sends in one frame when its source is not known to be ours. Amazon's local
 * proxy as the source loses or mixes up bytes of parallel downloads, and this size is what it copes
 * with best (share/doc/protocol.md, "Frame sizes"). */
#define SESSION_QUANTUM_FOREIGN 4032

enum session_role { SESSION_SOURCE, SESSION_DESTINATION };

struct budget;      /* core/base/budget.h */
struct time_source; /* core/tunnel/time_source.h */
struct session;
struct conn;

struct transport {
    bool (*ready)(void *ctx);
    /* One message; WS_HEADER_MAX bytes in front of p may be overwritten, and p too. False: pending,
     * p stays untouched until session_writable. */
    bool (*send)(void *ctx, uint8_t *p, size_t n);
    void (*resume)(void *ctx); /* session_input took less than it was given: offer it again */
    bool native;               /* the hub speaks FRAME_NATIVE_PROTOCOL: it sends PEER */
    void *ctx;
};

/* Who is on the other side, as the hub says. */
struct session_peer {
    bool attached, native;
    char subprotocol[64], instance[40], device[256]; /* "" without native hub */
    uint64_t since_ms; /* loop_now when it came or left, or since we know that it is not there */
    uint64_t seen_ms;  /* it is not there: loop_now when it was last; 0: never */
};

struct session_options {
    enum session_role role;
    int version;            /* source: 1, 2 or 3. destination: 0 (as the source does) or 1 */
    size_t queue_limit;     /* bytes held for one slow local stream; 0: 262,144 */
    size_t max_connections; /* at once in one service; 0: 4,096 */
    uint64_t stall_ms;      /* a local side may take nothing for so long while everybody else in
                               the session waits for it; 0: 30,000 */
    uint64_t linger_ms;     /* silence allowed after the client's FIN; 0: 30,000 */
    size_t budget;          /* bytes of memory that connections may take together for what waits
                               in one direction, but for a few KiB each; 0: 67,108,864 */
    struct budget *memory;  /* of the program, which bounds that further; NULL: nothing does. Must
                               outlive the session */
    uint64_t resume_ms;     /* native connections wait for the other end; 0: 120,000 */
    int32_t first_stream;   /* the first stream id of a source; 0: random */
    const char *name;       /* of the tunnel, for logs; NULL: "" */
    const struct time_source *time;      /* copied; NULL: the loop's */
    void (*random)(void *out, size_t n); /* fills n bytes; NULL: random_bytes */
};

struct session_events {
    /* The services of the tunnel (SERVICE_IDS, duplicates removed), each time they come. ERR_OK to
     * go on; an error ends the link for good (`broken` with it). */
    enum err (*services)(void *owner, const char *const *ids, size_t n);
    /* Destination: someone wants `conn_service(c)`. Dial, then conn_attach or conn_refuse; both may
     * be called from inside. Data that comes meanwhile is held. Set the connection's events first.
     */
    void (*incoming)(void *owner, struct conn *c);
    /* The peer broke the protocol (text says how): the transport must be dropped. */
    void (*broken)(void *owner, enum err why, const char *text);
    /* session_reachable became true (again), later than `services` came. May be NULL. */
    void (*reachable)(void *owner);
    /* The memory budget is used up (text says by what); once a minute at most. May be NULL. */
    void (*pressed)(void *owner, const char *text);
    /* session_peer tells something else now. May be NULL. */
    void (*peer)(void *owner);
};

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

struct session *session_new(struct loop *loop, const struct session_options *options,
                            const struct session_events *events, void *owner); /* NULL: memory */
/* Another max_connections, linger_ms, stall_ms and resume_ms from now on, for connections that
 * there are, too; more than may be at once stay. The rest of the options is not looked at. */
void session_change(struct session *s, const struct session_options *fresh);
/* Ends every connection (ERR_SHUTDOWN) first. Not from inside an event of the session or of one of
 * its connections. */
void session_free(struct session *s);

/* ---- the transport's side ---- */
void session_attach(struct session *s, const struct transport *t);
/* The transport is gone for now: native connections wait for the next one, all others end with
 * ERR_LINK_LOST. */
void session_lost(struct session *s);
/* The transport is gone for good, or never comes: every connection ends with `why`. */
void session_detach(struct session *s, enum err why);
size_t session_input(struct session *s, uint8_t *p, size_t n); /* returns how many were taken */
void session_writable(struct session *s);                      /* the transport is ready again */

/* ---- what it knows ---- */
bool session_open(const struct session *s); /* SERVICE_IDS came over the present transport */
/* And nothing says that the other end is not there, or not ready: conn_open makes sense. */
bool session_reachable(const struct session *s);
/* At a source: the hub, which is connected, says that the device is not. */
bool session_device_offline(const struct session *s);
uint64_t session_round_trip_us(const struct session *s); /* to the native far end; 0: not known */
bool session_stalled(const struct session *s); /* the transport is not read: a reader is slow */
/* What waits in memory, and how often that was too much. */
struct session_pressure {
    size_t held;      /* bytes for local sides that read slowly */
    size_t kept;      /* bytes that the other end has not handed on */
    size_t limit;     /* of each */
    uint64_t times;   /* how often the budget was used up */
    uint64_t dropped; /* connections that had to go since they had stopped */
    bool now;         /* it is used up, and somebody waits */
};
void session_pressure(const struct session *s, struct session_pressure *out);
const struct session_peer *session_peer(const struct session *s);
size_t session_services(const struct session *s, const char *const **ids);
size_t session_connections(const struct session *s);

/* ---- connections ---- */

/* Source, V3 and native: the service has as many connections as it may, and the next one would be
 * refused. (In V1 and V2 it is refused, since the one there may last.) */
bool session_full(const struct session *s, const char *service);
/* room: that may have changed, of any service. It must call nothing here. NULL: nobody asks. */
void session_on_room(struct session *s, void (*room)(void *owner), void *owner);

/* Source: opens one to `service` ("" for a tunnel without services). What the far end sends is held
 * (up to queue_limit) until conn_attach. NULL with *why: ERR_HUB_DOWN, ERR_DEVICE_OFFLINE,
 * ERR_NO_SERVICE, ERR_LIMIT, ERR_BUSY (V1, V2: one at a time), ERR_NO_MEMORY. */
struct conn *conn_open(struct session *s, const char *service, const struct conn_events *events,
                       void *owner, enum err *why);
/* Destination: from inside `incoming`. */
void conn_set_owner(struct conn *c, const struct conn_events *events, void *owner);
const char *conn_service(const struct conn *c);
struct session *conn_session(const struct conn *c);
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
/* Ends it now, whatever state it is in; `ended` comes from inside. The local side gets a reset
 * unless `why` is an end (err_is_end) and it has got everything. With ERR_SHUTDOWN the transport
 * goes, too, and the far end of V1 to V3 learns by that. */
void conn_abort(struct conn *c, enum err why);

#endif
