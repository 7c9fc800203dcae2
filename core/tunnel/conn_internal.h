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
    uint64_t done; /* So many bytes had left it when that was last enough to count. */
    uint64_t at;   /* That was then, or the queue was empty last. */
};

struct conn {
    struct conn_host *host;
    struct dialect *dialect;
    struct service *service;           /* It is of this one while it is live. */
    char id[FRAME_SERVICE_MAX + 1];    /* The service's; services come anew with each transport. */
    struct conn_key {                  /* compared as bytes, so there is no padding in it */
        const struct service *service; /* A native connection has NULL. */
        uintptr_t connection;
    } key;
    int32_t stream;
    uint32_t connection;
    bool nameless;
    struct span opening; /* The payload of its CONNECTION_START; its own memory. */
    enum conn_phase phase;
    const struct conn_events *events;
    void *owner;
    struct conn_stats stats;
    uint64_t waits_up, waits_down; /* Its bytes are paused since then; 0: they are not. */
    struct stream *local;          /* This is NULL until attached, and after it was closed. */
    struct conn_tap tap;
    struct timer *timer;  /* It waits for an answer, for the local end, or while draining. */
    struct list all;      /* It is in service.conns while live, then in host.leaving. */
    struct list draining; /* It is in host.draining while its local stream is still served. */
    struct turn turn;     /* It has one in host.scheduler while it has something to send. */
    int start_type;       /* FRAME_STREAM_START or FRAME_CONNECTION_START while owed, else 0. */
    unsigned owed;        /* The set of CONN_OWES_... that have to leave. */
    enum err refusal;     /* CONNECTION_OPENED will say this. */
    bool answered;        /* `answer` was called, or is not wanted. */
    bool unwritable;      /* Writing to the local stream failed: it is only read to its end. */
    bool local_ended;     /* The local side's FIN was read. */
    bool drained;         /* It gave up its turn: the last read took all that was there. */
    bool listens;         /* The local stream tells when there is something to read. */
    bool up_done;         /* The tap said that no more goes up. */
    uint64_t heard_at;    /* The last bytes for the local side, or its FIN, came then. */
    struct window window; /* V1 to V3 only count in it. */
    /* Bytes of the local side that were not sent yet or, where they may have to be sent again, not
     * acknowledged: [window.acked, window.end). */
    struct queue kept;
    struct queue held;    /* Bytes for the local side that it has not taken. */
    size_t writing;       /* So many at the front of `held` are in a pending write. */
    uint64_t handed;      /* The local stream has taken so many bytes. */
    size_t part;          /* So many were taken of a DATA frame that still has to come again. */
    struct progress in;   /* Whether `held` moves. */
    struct progress out;  /* Whether `kept` moves. */
    struct progress idle; /* Whether anything moves (idle.h). */
    size_t idle_backlog;  /* What the kernel held for the local side at the last look. */
    struct list budget_waiter; /* It is in host.stall.budget_waiters while `out` has no room. */
    struct list unread;        /* It is in host.stall.unread while its local stream is not read. */
    bool deserted;             /* Nobody is behind the local stream any more. */
};

struct conn *conn_create(struct dialect *d, struct service *service, uint32_t connection);
bool conn_register(struct conn *c); /* c is live, and found by its ids. False: no memory. */
struct conn *conn_find(const struct conn_host *h, const struct service *service,
                       uint32_t connection);
enum conn_how { CONN_FLUSH, CONN_NOW };
/* The one teardown, whatever state c is in. tell: the far end is sent a reset. */
void conn_finish(struct conn *c, enum err why, bool tell, enum conn_how how);
void conn_destroy(struct conn *c);      /* Frees c at once, without a word to its owner. */
void conn_free_if_done(struct conn *c); /* An owed frame has left: c is freed if it was the last. */
/* The local side is over: the owner is told, and nothing is left but what is owed. */
void conn_gone(struct conn *c);
void conn_close_softly(struct conn *c); /* All is delivered: the local side gets its end. */
void conn_start_timer(struct conn *c, uint64_t ms);
bool conn_all_delivered(const struct conn *c);
bool conn_lingers(const struct conn *c); /* See conn_make_room; what has come does not matter. */
void conn_tell_room(struct conn *c);     /* c ends, or its client has finished sending. */

/* A connection may owe these control frames. They leave behind its start and in this order. */
enum {
    CONN_OWES_OPENED = 1,
    CONN_OWES_CREDIT = 2,
    CONN_OWES_FIN = 4,
    CONN_OWES_RESET = 8,
};
void conn_owe(struct conn *c, unsigned owed);
void conn_send(struct conn *c, int type, const uint8_t *payload, size_t n);
void conn_send_owed(struct conn *c); /* Sends the next frame that c owes; c may be gone then. */
void conn_listen(struct conn *c, bool on); /* Sets c->listens; there is a local stream. */
void conn_want_to_send(struct conn *c);
void conn_feed_waiters(struct conn_host *h); /* Reads those on again for which `out` has room. */

void conn_count(struct conn *c, bool from_local, size_t n); /* n bytes of payload */
void conn_count_frame(struct conn *c, bool from_local);     /* one frame of them */
void conn_pause_begins(struct conn *c, bool from_local);
void conn_pause_ends(struct conn *c, bool from_local);

#endif
