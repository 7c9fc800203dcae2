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

/* Who has stopped, and who waits for that; progress.c and stall.c know more. */
struct stall {
    bool stalled;               /* the transport is not read: a connection can take no more */
    bool full;                  /* ... since `in` has no room */
    struct conn *stuck;         /* the one that it is or was last stalled for (V1 to V3) */
    struct list budget_waiters; /* connections that are not read since `out` has no room */
    struct timer *watch;        /* looks who moves, while that matters */
    bool watching;
    uint64_t watched_ms; /* time of its last look */
    struct list unread;  /* connections whose local streams are not read */
    struct timer *look;  /* looks whether those are still there */
    bool looking;
    uint64_t logged_ms; /* when the log was told that the budget is used up; 0: never */
    uint64_t times, dropped;
};

struct conn_host {
    /* Up to the session. */
    void (*pump)(struct conn_host *h); /* sends what may leave now */
    void (*broken)(struct conn_host *h, enum err why, const char *text); /* the peer broke a rule */
    void (*room)(void *room_owner); /* a full service may take one more; NULL: nobody asks */
    void *room_owner;
    const struct session_events *events;
    void *owner; /* of the events */

    struct loop *loop;
    const struct time_source *time;
    enum session_role role;
    int version;
    size_t queue_limit, max_connections;
    uint64_t linger_ms, stall_ms;
    char *name;

    struct transport transport;
    bool attached; /* it is there */
    bool open;     /* SERVICE_IDS came over it */
    struct session_peer peer;
    struct dialect *aws, *native;
    struct dialect *speaking; /* of new connections */
    struct service_list services;

    uint8_t *outgoing; /* room for heads, then one quantum */
    struct scheduler scheduler;
    struct deferred pump_deferred; /* goes on after the others had their turn */
    bool pumping;                  /* nothing else begins to, meanwhile */

    struct map by_id;     /* live connections by conn_key */
    struct list leaving;  /* connections that are not live (any more) */
    struct list draining; /* those of them whose local stream is still served */
    size_t n_leaving, n_live, n_draining;
    struct account in, out; /* what connections hold, and keep */
    struct stall stall;
};

static inline uint64_t host_now(const struct conn_host *h)
{
    return h->time->now_ms(h->loop);
}

bool host_init_outgoing(struct conn_host *h);
uint8_t *host_payload(struct conn_host *h); /* room for one quantum */
/* Sends a frame whose payload lies there. Only while ready. */
void host_send(struct conn_host *h, const struct frame *f, size_t payload_size);
bool host_ready(const struct conn_host *h); /* the transport is there and has room */
/* At the end of the iteration: nobody ends in it now. */
void host_pump_later(struct conn_host *h);
void host_unstall(struct conn_host *h); /* there may be room: the transport is read on */

bool host_reachable(const struct conn_host *h);   /* session_reachable */
enum err host_absence(const struct conn_host *h); /* why connections with the far end end */

#endif
