/* Counters that workers and frontends update and any thread may read. A thread's own counters are
 * written by that thread only. */
#ifndef GATEWAY_HUB_RELAY_WORKER_STATS_H
#define GATEWAY_HUB_RELAY_WORKER_STATS_H

#include "gateway/hub/registry/side.h"

#include <stdatomic.h>
#include <stdint.h>

struct worker_stats {
    _Atomic uint64_t pending; /* connections that are not, or not yet, a tunnel's end */
    _Atomic uint64_t clients; /* connected ends of tunnels */
    /* TLS handshakes that succeeded, and how many of these resumed a session */
    _Atomic uint64_t handshakes, resumed;
    _Atomic uint64_t handshakes_failed;
    _Atomic uint64_t turned_away; /* connections refused unread for lack of space */
    _Atomic uint64_t from_source, from_destination; /* bytes of messages received */
    _Atomic uint64_t moved;                         /* clients handed over to a worker */
};

/* One tunnel's counters, whichever worker relays it. The main thread makes them, and frees them
 * when every registration that points to them has come back. */
struct traffic {
    _Atomic uint64_t received[SIDE_COUNT]; /* bytes of messages, by the side that sent them */
};

static inline void stat_add(_Atomic uint64_t *n, uint64_t more)
{
    atomic_fetch_add_explicit(n, more, memory_order_relaxed);
}

static inline uint64_t stat_get(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

#endif
