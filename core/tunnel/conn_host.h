/* What all connections of a session share: limits, memory, whose turn it is, who is on the other
 * side; and how they tell the session above them what happened. */
#ifndef CORE_TUNNEL_CONN_HOST_H
#define CORE_TUNNEL_CONN_HOST_H

#include "core/base/budget.h"
#include "core/base/map.h"
#include "core/tunnel/dialect.h"
#include "core/tunnel/scheduler.h"
#include "core/tunnel/service_list.h"
#include "core/tunnel/session_types.h"
#include "core/tunnel/time_source.h"

#include <sys/uio.h>

/* Who has stopped, and who waits because of it (progress.h, stall.h). */
struct stall {
    bool stalled;       /* The transport is not read, since a connection can take no more. */
    bool full;          /* That is so because `in` has no room. */
    struct conn *stuck; /* V1 to V3: the connection that the session is or was last stalled for. */
    struct list budget_waiters; /* Connections that are not read, since `out` has no room. */
    struct timer *timer;        /* At times somebody looks who moves, while that matters. */
    bool timer_runs;
    uint64_t looked_ms;           /* This is the time of the last look. */
    struct list unread;           /* Connections whose local streams are not read. */
    struct timer *presence_timer; /* At times somebody looks whether those are still there. */
    bool presence_timer_runs;
    uint64_t logged_ms;      /* The log was told then that the budget is used up; 0: never. */
    uint64_t times, dropped; /* These are session_pressure's. */
};

/* Bytes of one native connection that wait where they came until the next frame is for another one,
 * so that its local stream takes several frames at once. */
#define GATHER_MOST 8 /* frames */
struct gather {
    bool may;          /* The frame at hand stays where it is. */
    struct conn *conn; /* NULL: nothing waits. */
    struct iovec parts[GATHER_MOST];
    size_t n, size;
};

struct conn_host {
    /* These lead up to the session and to its owner. */
    void (*pump)(struct conn_host *h); /* Sends what may leave now. */
    /* The peer broke a rule, or memory ran out; text says how. The transport has to go. */
    void (*broken)(struct conn_host *h, enum err why, const char *text);
    void (*room)(void *room_owner); /* A full service may take one more. NULL: nobody asks. */
    void *room_owner;
    const struct session_events *events;
    void *owner; /* The events are called with it. */

    struct loop *loop;
    const struct time_source *time;
    enum session_role role;
    int version;
    size_t queue_limit, max_connections;
    uint64_t linger_ms, stall_ms;
    uint64_t idle_ms;         /* as session_options; 0: none */
    struct timer *idle_timer; /* At times somebody looks who is idle, while that matters. */
    bool idle_timer_runs;
    char *title; /* is put before each line of the log */

    struct transport transport;
    bool attached; /* The transport is there. */
    bool open;     /* SERVICE_IDS came over this transport. */
    struct session_peer peer;
    struct dialect *aws, *native;
    struct dialect *speaking; /* New connections speak this one. */
    struct service_list services;

    uint8_t *outgoing; /* It has room for heads, and behind them for one quantum. */
    struct scheduler scheduler;
    struct deferred pump_deferred; /* The pump goes on after the others had their turn. */
    bool pumping;                  /* While this is set, pump returns at once. */

    struct map by_id;     /* Live connections, by conn_key. */
    struct list leaving;  /* Connections that are not live, or not any more. */
    struct list draining; /* Those of them whose local stream is still served. */
    size_t n_leaving, n_live, n_draining;
    struct account in, out; /* They are charged for held and for kept bytes of connections. */
    struct stall stall;
    struct gather gather;
};

static inline uint64_t host_now(const struct conn_host *h)
{
    return h->time->now_ms(h->loop);
}

bool host_init_outgoing(struct conn_host *h); /* False: no memory. */
uint8_t *host_payload(struct conn_host *h);   /* A payload of one quantum has room there. */
/* Sends a frame with n bytes of payload, a quantum at most. The host must be ready. */
void host_send(struct conn_host *h, const struct frame *f, const uint8_t *payload, size_t n);
bool host_ready(const struct conn_host *h); /* The transport is there and has room. */
/* Pumps at the end of the loop's iteration: no connection ends inside this call. */
void host_pump_later(struct conn_host *h);
void host_unstall(struct conn_host *h); /* There may be room: a stalled transport is read on. */

bool host_reachable(const struct conn_host *h); /* As session_reachable. */
/* Why connections end when the far end goes now. */
enum err host_absence(const struct conn_host *h);

#endif
