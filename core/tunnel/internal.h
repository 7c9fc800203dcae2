/* Private to core/tunnel: what session.c (life, scheduler), receive.c (frames that come in), peer.c
 * (who is on the other side), services.c, stall.c (who has to go so that the others can go on), and
 * of one connection conn.c (life), conn_bytes.c, native.c and flow.c (windows) know of each other.
 */
#ifndef CORE_TUNNEL_INTERNAL_H
#define CORE_TUNNEL_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/queue.h"
#include "core/tunnel/session.h"
#include "core/tunnel/time_source.h"
#include "core/ws/frame.h"

/* One service id and the stream that is open on it. */
struct service {
    char *id;       /* "" on a tunnel without services */
    int32_t stream; /* 0: none is open */
    int32_t orphan; /* a stream whose far end has left: its reset is no end */
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

#define FLOW_INITIAL 262144 /* the window that both ends begin with */
#define FLOW_MOST 16777216  /* the largest: 1 Gbit/s over 100 ms holds 12.5 MB */
#define FLOW_TRIPS 8        /* measured round trips, of which the shortest is the path's own */

/* Each connection may hold so much each way although the budget is used up: a keystroke passes. */
#define CONN_RESERVE 4096

/* Whether one of a connection's queues moves: judged by stall.c alone. */
struct progress {
    uint64_t done; /* bytes that had left it when that was last enough to count */
    uint64_t at;   /* loop_now of then, or of when it was empty last */
};

/* What a native connection counts; bytes of each direction from 0. */
struct flow {
    struct queue kept; /* from the local stream, not yet acknowledged: [acked, end) */
    uint64_t acked;    /* the far end has handed on so many */
    uint64_t sent;     /* the next one to send over the present transport */
    uint64_t limit;    /* the far end takes them up to here */
    bool fin_sent;     /* over the present transport */
    bool fin_ever, fin_acked;
    uint64_t received;       /* bytes that came */
    uint64_t granted;        /* the far end may send up to here */
    uint64_t told;           /* of `received`, as acknowledged last */
    uint32_t window;         /* granted beyond what has been handed on, at the next CREDIT */
    uint64_t lap, lap_at;    /* a window's worth of bytes is timed: `received` and loop_now of its
                                beginning */
    bool fin_received, shut; /* shut: the local stream has been given the FIN */
    bool opened;             /* the far end has answered the opening */
    bool we_ended;           /* our local side was the first to end */
    bool listed;             /* in our RESUMEs, and the far end has not named it yet */
    struct list kin;         /* in session.natives while live */
    struct list listing;     /* in session.listing while its RESUME has to leave */
    struct list hushed;      /* in session.hushed while a CREDIT waits for the timer */
    struct list starved;     /* in session.starved while the budget is used up */
    struct progress out;     /* of kept bytes */
};

struct conn {
    struct session *session;
    struct service *service;        /* while it is live */
    char id[FRAME_SERVICE_MAX + 1]; /* of the service: services come anew with each transport */
    struct conn_key {
        const struct service *service; /* NULL: a native one */
        uint64_t connection;
    } key;
    bool native;
    struct flow flow; /* of a native one */
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
    struct timer *timer;  /* linger, and waiting for the local end */
    struct list all;      /* in service.conns while live, then in session.leaving */
    struct list draining; /* in session.draining while its local stream is still served then */
    struct list control;  /* in session.control while a frame is owed */
    struct list ring;     /* in session.sparse or session.bulk while it may have data to send */
    int start_type;       /* FRAME_STREAM_START or FRAME_CONNECTION_START while owed, else 0 */
    bool opened_owed, credit_owed, fin_owed, reset_owed;
    enum err refusal;   /* what CONNECTION_OPENED will say */
    bool answered;      /* `answer` was sent, or is not wanted */
    bool unwritable;    /* writing to the local stream failed: it is only read to its end */
    bool local_ended;   /* the local side's FIN was read */
    bool up_done;       /* the tap said that no more goes up */
    uint64_t heard_at;  /* loop_now of the last bytes for the local side, or of its FIN */
    size_t last_read;   /* of the local stream: tells sparse from bulk */
    struct queue early; /* goes up before the stream's bytes */
    struct queue held;  /* on its way down, not yet handed over */
    size_t writing;     /* so much of its front is with the local stream, pending there */
    uint64_t handed;    /* bytes that the local stream has taken */
    size_t part;        /* bytes taken of a DATA frame that still waits in the transport */
    struct progress in; /* of held bytes */
    struct list unread; /* in session.unread while its local stream is not read */
    bool deserted;      /* nobody is behind it any more */
};

struct session {
    struct loop *loop;
    struct time_source time;
    enum session_role role;
    int version;
    size_t queue_limit, max_connections;
    uint64_t linger_ms, stall_ms;
    char *name;
    const struct session_events *events;
    void *owner;
    void (*room)(void *owner); /* or NULL */
    void *room_owner;
    struct transport transport;
    struct session_peer peer;
    char
        far[sizeof(((struct session_peer *)NULL)->instance)]; /* whom native connections are with */
    uint32_t epoch;                                           /* of the last PEER */
    bool synced;          /* all RESUMEs of this epoch came: what both say counts */
    bool listing_owed;    /* our RESUMEs have not all left */
    uint32_t last_native; /* the last native connection id that was begun */
    struct list natives;  /* live native connections */
    struct list listing;  /* those whose RESUME has to leave */
    struct list hushed;   /* those whose CREDIT waits for: */
    struct timer *hush;
    struct timer *patience; /* for a far end that has gone */
    uint64_t resume_ms;
    struct budget *budget, own_budget; /* own_budget: when it was given none */
    struct account in, out;            /* what connections hold, and keep or have early */
    size_t windows;                    /* the sum of those that native connections are granted */
    struct list starved;               /* do not read on because of `out` */
    bool full;                         /* the transport is not read since `in` has no room */
    struct session_pressure pressure;
    uint64_t told_ms; /* loop_now when the log was told that the budget is used up; 0: never */
    bool echo_owed, reply_owed;
    uint8_t echo[8], reply[8];     /* the payload of our last ECHO; of the one to be answered */
    uint64_t echoed_ms;            /* loop_now of our last ECHO */
    uint64_t echoed_at;            /* uv_hrtime of it while it is not answered, else 0 */
    uint64_t round_trip_us;        /* the last one measured; 0: none */
    uint64_t trips_us[FLOW_TRIPS]; /* the last ones, in turn; 0: not there yet */
    size_t n_trips;
    bool attached, open, stalled, pumping;
    struct service *services;
    const char **ids; /* of services, for callers; n_ids is 0 when the only service is "" */
    size_t n_services, n_ids;
    int32_t last_stream;
    struct map by_id;     /* live connections by conn_key */
    struct list leaving;  /* connections that are not live (any more) */
    struct list draining; /* those of them whose local stream is still served */
    size_t n_leaving, n_live, n_draining;
    struct list control, sparse, bulk;
    unsigned sparse_run; /* sparse connections served since a bulk one was */
    struct conn *stuck;  /* the one that the session is or was last stalled for (V1 to V3) */
    struct timer *watch; /* looks who moves, while that matters */
    bool watching;
    uint64_t watched_ms; /* loop_now of its last look */
    struct list unread;  /* connections whose local streams are not read */
    struct timer *look;  /* looks whether those are still there */
    bool looking;
    struct deferred again; /* goes on pumping after the others had their turn */
    uint8_t *outgoing;     /* room for heads, then one quantum */
    struct frame_cutter cutter;
    uint8_t *waiting; /* an assembled frame that could not be delivered yet; its last byte has
                       * not been taken from the transport */
    size_t waiting_size;
};

/* conn.c */
#define CONN_DIALLING_LIMIT 4194304 /* bytes held while a service is dialled; nobody waits */
struct conn *conn_create(struct session *s, struct service *service, uint32_t connection);
bool conn_register(struct conn *c); /* live, findable by its ids; false: memory */
enum conn_how { CONN_FLUSH, CONN_NOW };
/* The one teardown, whatever state c is in. tell: the far end is sent a reset. */
void conn_finish(struct conn *c, enum err why, bool tell, enum conn_how how);
void conn_destroy(struct conn *c);      /* frees it at once; only when the session goes */
void conn_free_if_done(struct conn *c); /* after an owed frame has left */
void conn_owe(struct conn *c);          /* one of its owed frames was set: it shall leave */
bool conn_owes(const struct conn *c);
void conn_gone(struct conn *c); /* the local side is over: the owner is told, and nothing is left */
void conn_linger(struct conn *c);       /* the client has finished sending (V1 to V3) */
void conn_close_softly(struct conn *c); /* all is delivered: FIN */

/* conn_bytes.c */
extern const struct stream_events conn_local_events;
void conn_count(struct conn *c, bool from_local, size_t n); /* the payload of one frame */
void conn_pause_ends(struct conn *c, bool from_local);
/* Data from the far end. False: it holds too much; the caller keeps the frame. */
bool conn_deliver(struct conn *c, const uint8_t *p, size_t n);
/* Moves one quantum at most to p; > 0 bytes to send, 0 none (it has left the rings). */
size_t conn_read(struct conn *c, uint8_t *p, size_t n);
void conn_want_to_send(struct conn *c);
bool conn_all_delivered(const struct conn *c);
void conn_flush(struct conn *c); /* hands on what is held, and then what follows from that */

/* native.c: one native connection */
void native_create(struct conn *c);
void native_retire(struct conn *c); /* it sends and grants no more; more than once is fine */
/* How it ended if both directions ended well. */
enum err native_end(const struct conn *c);
/* It is native, and what its client had to say is complete and sent, but for the FIN. */
bool native_said_all(const struct conn *c);
/* Fills in what frames of this type say. */
void native_fill(const struct conn *c, struct frame *f);
/* A native frame came: all but DATA is done with. */
void native_frame(struct session *s, const struct frame *f);
/* DATA came: for whom; NULL: for nobody. */
struct conn *native_data(struct session *s, const struct frame *f);
void native_delivered(struct conn *c); /* held bytes were handed on */
void native_local_ended(struct conn *c);
void native_sent(struct conn *c); /* what it had to send may all have left: then the FIN is due */
/* A RESUME names it. False: it says what cannot be. */
bool native_resumed(struct session *s, const struct frame *f);

/* flow.c: windows and what is kept */
size_t flow_again(struct conn *c, uint8_t *p, size_t n); /* moves kept bytes that have to be sent */
bool flow_all_sent(const struct conn *c);
size_t flow_room(struct conn *c, size_t n); /* how much of n may be read now; 0: it waits for it */
bool flow_keep(struct conn *c, const uint8_t *p,
               size_t n);                   /* before they are sent; false: memory */
void flow_credit(struct conn *c, bool now); /* a CREDIT is due, or will be */
/* CREDIT came. NULL, or what is wrong with it. */
const char *flow_credited(struct conn *c, const struct frame *f);
void flow_go_on(struct conn *c);           /* after anything that may let it send */
void flow_feed_starved(struct session *s); /* there may be room in `out` */
void flow_timer(void *session);
void flow_look(const struct conn *c, struct conn_info *out); /* windows, and what bounds it */
void flow_measured(struct session *s, uint64_t round_trip_us);

/* services.c */
bool session_take_services(struct session *s,
                           const struct frame *f); /* right ids, or empty; false: memory */
bool session_same_services(struct session *s, const struct frame *f);
void session_renew_services(struct session *s);
void session_free_services(struct session *s);
/* An empty id means the only service there is (in V1: the first); with several, the one whose
 * stream has that id and was opened without a name. NULL: none. */
/* A connection of the service ended, or its client has finished sending. */
void session_room(struct session *s, const struct service *service);
struct service *session_find_service(struct session *s, struct span id, int32_t stream);

/* peer.c */
void peer_take(struct session *s, const struct frame *f);   /* a PEER */
void peer_resume(struct session *s, const struct frame *f); /* a RESUME */
void peer_lost(struct session *s);                          /* nobody is there */
enum err peer_absence(const struct session *s);             /* why connections with it end then */
/* Every native connection; tell: the far end may still have them. */
void peer_end_all(struct session *s, enum err why, bool tell);
void peer_out_of_patience(void *session); /* the timer's */
/* Sends what belongs to the session, or to nobody yet; false: nothing is owed. */
bool peer_send_next(struct session *s);

/* stall.c */
void stall_begin(const struct conn *c,
                 struct progress *p); /* a queue holds something from now on */
/* The transport cannot be read on, since c may not hold n bytes more. */
void stall_blocked(struct session *s, struct conn *c, size_t n);
/* Somebody waits for room in `out`; before it is on the list of those. */
void stall_starved(struct session *s);
void stall_consider(struct session *s); /* it may be time to keep an eye on who moves */
void stall_watch(void *session);        /* the watch timer's */
/* Whether a draining one has moved lately; it is over otherwise. */
bool stall_drains(struct conn *c);
/* c is not read, or to its end: whether its client is still there is looked at from time to time.
 */
void stall_unread(struct conn *c);
void stall_look(void *session); /* the look timer's */

/* receive.c */
void session_broken(struct session *s, enum err why, const char *text);
struct conn *session_find_conn(struct session *s, struct service *service, uint32_t connection);
/* Ends every live connection of a service's stream; the stream is closed then. */
void session_end_stream(struct service *service, enum err why);
void session_return_memory(struct session *s); /* what is half assembled is forgotten */

/* session.c */
void session_send_frame(struct session *s, const struct frame *f, size_t payload_size);
uint8_t *session_payload(struct session *s); /* SESSION_QUANTUM bytes, for session_send */
void session_send(struct session *s, struct conn *c, int type, size_t payload_size);
bool session_ready(const struct session *s); /* the transport is there and has room */
void session_pump(struct session *s);
void session_pump_later(struct session *s); /* at the end of the iteration: nobody ends in it now */
void session_unstall(struct session *s);
/* c ends before its start has left. When that was to open the service's stream, the next start in
 * line has to, or the stream was never there. */
void session_start_unsent(struct session *s, struct service *service, const struct conn *c);

#endif
