/* One connection from the inside: its state, and its life in every state. Its bytes are
 * conn_io.h's, what it says to the far end is its dialect's. */
#ifndef CORE_TUNNEL_CONN_INTERNAL_H
#define CORE_TUNNEL_CONN_INTERNAL_H

#include "core/base/queue.h"
#include "core/tunnel/conn.h"
#include "core/tunnel/conn_host.h"
#include "core/tunnel/window.h"

/* LIVE: open in the protocol. DRAINING: over there, what is held still goes to the local stream.
 * CLOSING: all delivered and FIN sent, waiting for the local side's end. GONE: the local stream is
 * closed and the owner knows; the object lives on while a frame is owed. */
enum conn_phase { CONN_LIVE, CONN_DRAINING, CONN_CLOSING, CONN_GONE };

/* Each connection may hold so much each way although the budget is used up: a keystroke passes. */
#define CONN_RESERVE 4096

/* Whether one of a connection's queues moves (progress.h). */
struct progress {
    uint64_t done; /* bytes that had left it when that was last enough to count */
    uint64_t at;   /* the time of then, or of when it was empty last */
};

struct conn {
    struct conn_host *host;
    struct dialect *dialect;
    struct service *service;        /* while it is live */
    char id[FRAME_SERVICE_MAX + 1]; /* of the service: services come anew with each transport */
    struct conn_key {
        const struct service *service; /* NULL: a native one */
        uint64_t connection;
    } key;
    int32_t stream;
    uint32_t connection;
    bool nameless;
    enum conn_phase phase;
    const struct conn_events *events;
    void *owner;
    struct conn_stats stats;
    uint64_t waits_up, waits_down; /* since when its bytes are paused; 0: they are not */
    struct stream *local;          /* NULL until attached, and after it was closed */
    struct conn_tap tap;
    struct timer *timer;  /* linger, and waiting for the local end */
    struct list all;      /* in service.conns while live, then in host.leaving */
    struct list draining; /* in host.draining while its local stream is still served then */
    struct turn turn;     /* in host.scheduler while it has something to send */
    int start_type;       /* FRAME_STREAM_START or FRAME_CONNECTION_START while owed, else 0 */
    unsigned owed;        /* CONN_OWES_... */
    enum err refusal;     /* what CONNECTION_OPENED will say */
    bool answered;        /* `answer` was sent, or is not wanted */
    bool unwritable;      /* writing to the local stream failed: it is only read to its end */
    bool local_ended;     /* the local side's FIN was read */
    bool up_done;         /* the tap said that no more goes up */
    uint64_t heard_at;    /* time of the last bytes for the local side, or of its FIN */
    struct window window; /* V1 to V3 only count in it */
    /* Of the local side, not sent yet or, when they may have to be sent again, not acknowledged:
     * [window.acked, window.end). */
    struct queue kept;
    struct queue held;         /* on its way down, not yet handed over */
    size_t writing;            /* so much of its front is with the local stream, pending there */
    uint64_t handed;           /* bytes that the local stream has taken */
    size_t part;               /* bytes taken of a DATA frame that still waits in the transport */
    struct progress in;        /* of held bytes */
    struct progress out;       /* of kept bytes */
    struct list budget_waiter; /* in host.stall.budget_waiters */
    struct list unread;        /* in host.stall.unread while its local stream is not read */
    bool deserted;             /* nobody is behind it any more */
};

struct conn *conn_create(struct dialect *d, struct service *service, uint32_t connection);
bool conn_register(struct conn *c); /* live, findable by its ids; false: memory */
struct conn *conn_find(const struct conn_host *h, const struct service *service,
                       uint32_t connection);
enum conn_how { CONN_FLUSH, CONN_NOW };
/* The one teardown, whatever state c is in. tell: the far end is sent a reset. */
void conn_finish(struct conn *c, enum err why, bool tell, enum conn_how how);
void conn_destroy(struct conn *c);      /* frees it at once; only when the session goes */
void conn_free_if_done(struct conn *c); /* after an owed frame has left */
void conn_gone(struct conn *c); /* the local side is over: the owner is told, and nothing is left */
void conn_close_softly(struct conn *c); /* all is delivered: FIN */
void conn_start_timer(struct conn *c, uint64_t ms);
bool conn_all_delivered(const struct conn *c);
void conn_tell_room(struct conn *c); /* it ended, or its client has finished sending */

/* Control frames that have to leave, behind a start and in this order. */
enum {
    CONN_OWES_OPENED = 1,
    CONN_OWES_CREDIT = 2,
    CONN_OWES_FIN = 4,
    CONN_OWES_RESET = 8,
};
void conn_owe(struct conn *c, unsigned owed);
bool conn_owes(const struct conn *c);
void conn_send(struct conn *c, int type, size_t payload_size);
void conn_send_owed(struct conn *c); /* the next one; it may be gone then */
void conn_want_to_send(struct conn *c);
void conn_feed_waiters(struct conn_host *h); /* there may be room in `out` */

void conn_count(struct conn *c, bool from_local, size_t n); /* the payload of one frame */
void conn_pause_begins(struct conn *c, bool from_local);
void conn_pause_ends(struct conn *c, bool from_local);

#endif
