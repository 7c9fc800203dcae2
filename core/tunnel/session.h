/* One end of a tunnel: the protocol's state for V1, V2, V3 and native sessions in both roles, and
 * the connections in it. Which of them is spoken follows from `version` and, over a native hub,
 * from what it says of the other end (share/doc/native.md). A session knows nothing of WebSockets
 * or sockets by name: it sends through a transport that it may lose and get anew, and its
 * connections are pumped to and from local streams.
 *
 * Scheduling: local streams are not read ahead. A connection whose stream is readable waits in one
 * of two rings; whenever the transport has room, control frames go first, then sparse connections
 * (their last reads were small), then bulk ones in turn, TURN_MOST frames of at most
 * SESSION_QUANTUM bytes each. When the transport is full nobody is read. Nothing else is queued on
 * the way up. On the way down a connection holds at most `queue_limit` bytes for a slow local
 * stream; beyond that the transport is not read (V1 to V3 have no flow control of their own for
 * connections), and when the local side then takes nothing at all for `stall_ms`, it is dropped for
 * the others' sake.
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
#include "core/tunnel/conn.h"
#include "core/tunnel/frame.h"
#include "core/tunnel/session_types.h"

struct budget;      /* core/base/budget.h */
struct time_source; /* core/tunnel/time_source.h */
struct session;

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
    uint64_t idle_ms;       /* a connection in which no byte moves for so long is ended (idle.h);
                               0: none */
    int32_t first_stream;   /* the first stream id of a source; 0: random */
    const char *title;      /* put before each line of the log: "tunnel plant7: "; NULL: "" */
    const struct time_source *time;      /* outlives it; NULL: the loop's */
    void (*random)(void *out, size_t n); /* fills n bytes; NULL: random_bytes */
};

struct session *session_new(struct loop *loop, const struct session_options *options,
                            const struct session_events *events, void *owner); /* NULL: memory */
/* Another max_connections, linger_ms, stall_ms, resume_ms and idle_ms from now on, for connections
 * that there are, too; more than may be at once stay. The rest of the options is not looked at. */
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
/* The same for bytes that stay where they are until session_settle. */
size_t session_input_steady(struct session *s, uint8_t *p, size_t n);
void session_settle(struct session *s);
void session_writable(struct session *s); /* the transport is ready again */

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

/* Source: opens one to service `id` ("" for a tunnel without services). A native far end is told
 * what `opening` says (NULL: nothing). What the far end sends is held (up to queue_limit) until
 * conn_attach. NULL with *why: ERR_HUB_DOWN, ERR_DEVICE_OFFLINE, ERR_NO_SERVICE, ERR_LIMIT,
 * ERR_BUSY (V1, V2: one at a time), ERR_NO_TARGETS (the far end cannot be told the opening's
 * target), ERR_NO_MEMORY. */
struct conn *conn_open(struct session *s, const char *id, const struct opening *opening,
                       const struct conn_events *events, void *owner, enum err *why);
struct session *conn_session(const struct conn *c);

#endif
