/* Private to core/tunnel: what session.c (life, scheduler), receive.c (frames that come in),
 * services.c and conn.c (one connection and its local stream) know of each other. */
#ifndef CORE_TUNNEL_INTERNAL_H
#define CORE_TUNNEL_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/tunnel/session.h"
#include "core/ws/frame.h"

/* One service id and the stream that is open on it. */
struct service {
    char *id;       /* "" on a tunnel without services */
    int32_t stream; /* 0: none is open */
    bool nameless;  /* the stream was opened without a service id (V1) */
    bool numbered;  /* ... with a connection id (V3) */
    uint32_t last_connection;
    struct list conns; /* live connections */
    size_t live;       /* how many */
};

/* LIVE: open in the protocol. DRAINING: over there, what is held still goes to the local stream.
 * CLOSING: all delivered and FIN sent, waiting for the local side's end. GONE: the local stream is
 * closed and the owner knows; the object lives on while a frame is owed. */
enum conn_phase { CONN_LIVE, CONN_DRAINING, CONN_CLOSING, CONN_GONE };

struct conn {
    struct session *session;
    struct service *service;        /* while it is live */
    char id[FRAME_SERVICE_MAX + 1]; /* of the service: services come anew with each transport */
    struct conn_key {
        const struct service *service;
        uint64_t connection;
    } key;
    int32_t stream;
    uint32_t connection;
    bool nameless;
    enum conn_phase phase;
    const struct conn_events *events;
    void *owner;
    struct conn_stats stats;
    uint64_t waits_up, waits_down; /* loop_now since when its bytes are paused; 0: they are not */
    struct stream *local;          /* NULL until attached, and after it was closed */
    struct conn_tap tap;
    struct timer *timer; /* linger, and waiting for the local end */
    struct list all;     /* in service.conns while live, then in session.leaving */
    struct list control; /* in session.control while a frame is owed */
    struct list ring;    /* in session.sparse or session.bulk while it may have data to send */
    int start_type;      /* FRAME_STREAM_START or FRAME_CONNECTION_START while owed, else 0 */
    bool reset_owed;
    bool answered;      /* `answer` was sent, or is not wanted */
    bool unwritable;    /* writing to the local stream failed: it is only read to its end */
    bool local_ended;   /* the local side's FIN was read */
    bool up_done;       /* the tap said that no more goes up */
    uint64_t heard_at;  /* loop_now of the last bytes for the local side, or of its FIN */
    size_t last_read;   /* of the local stream: tells sparse from bulk */
    struct buf early;   /* goes up before the stream's bytes */
    struct buf held;    /* on its way down, not yet handed over */
    struct buf sending; /* handed to the local stream, pending there */
};

struct session {
    struct loop *loop;
    enum session_role role;
    int version;
    size_t queue_limit, max_connections;
    uint64_t linger_ms, stall_ms;
    char *name;
    const struct session_events *events;
    void *owner;
    struct transport transport;
    bool attached, open, stalled, pumping;
    struct service *services;
    const char **ids; /* of services, for callers; n_ids is 0 when the only service is "" */
    size_t n_services, n_ids;
    int32_t last_stream;
    struct map by_id;    /* live connections by conn_key */
    struct list leaving; /* connections that are not live (any more) */
    size_t n_leaving, n_live;
    struct list control, sparse, bulk;
    unsigned sparse_run;  /* sparse connections served since a bulk one was */
    struct conn *stuck;   /* the one that the session is or was last stalled for */
    size_t stuck_backlog; /* of its local stream, since: */
    uint64_t stuck_since;
    struct timer *watch;   /* looks whether it moves */
    size_t dialling;       /* bytes held for all connections that are not attached yet */
    struct deferred again; /* goes on pumping after the others had their turn */
    uint8_t *out;          /* room for heads, then one quantum */
    struct frame_cutter cutter;
    uint8_t *waiting; /* an assembled frame that could not be delivered yet; its last byte has
                       * not been taken from the transport */
    size_t waiting_size;
};

/* conn.c */
struct conn *conn_create(struct session *s, struct service *service, uint32_t connection);
bool conn_register(struct conn *c); /* live, findable by its ids; false: memory */
/* Data from the far end. False: it holds too much; the caller keeps the frame. */
bool conn_deliver(struct conn *c, const uint8_t *p, size_t n);
enum conn_how { CONN_FLUSH, CONN_NOW };
/* The one teardown, whatever state c is in. tell: the far end is sent a reset. */
void conn_finish(struct conn *c, enum err why, bool tell, enum conn_how how);
/* Moves one quantum at most to p; > 0 bytes to send, 0 none (it has left the rings). */
size_t conn_read(struct conn *c, uint8_t *p, size_t n);
void conn_destroy(struct conn *c);      /* frees it at once; only when the session goes */
void conn_free_if_done(struct conn *c); /* after an owed frame has left */

/* services.c */
bool session_take_services(struct session *s,
                           const struct frame *f); /* from SERVICE_IDS; false: memory */
bool session_same_services(struct session *s, const struct frame *f);
void session_free_services(struct session *s);
/* An empty id means the only service there is (in V1: the first); with several, the one whose
 * stream has that id and was opened without a name. NULL: none. */
struct service *session_find_service(struct session *s, struct span id, int32_t stream);

/* receive.c */
struct conn *session_find_conn(struct session *s, struct service *service, uint32_t connection);
/* Ends every live connection of a service's stream; the stream is closed then. */
void session_end_stream(struct service *service, enum err why);
void session_return_memory(struct session *s); /* what is half assembled is forgotten */
void session_look_at_stuck(void *session);     /* the watch timer's */

/* session.c */
void session_send(struct session *s, struct conn *c, int type, size_t payload_size);
bool session_ready(const struct session *s); /* the transport is there and has room */
void session_pump(struct session *s);
void session_unstall(struct session *s);
/* c ends before its start has left. When that was to open the service's stream, the next start in
 * line has to, or the stream was never there. */
void session_start_unsent(struct session *s, struct service *service, const struct conn *c);

#endif
