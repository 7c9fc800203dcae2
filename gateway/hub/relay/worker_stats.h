/* What is counted in workers' threads and read in any. A worker's own counts are written by its
 * thread only. */
#ifndef GATEWAY_HUB_RELAY_WORKER_STATS_H
#define GATEWAY_HUB_RELAY_WORKER_STATS_H

#include "gateway/hub/registry/side.h"

#include <stdatomic.h>
#include <stdint.h>

struct worker_stats {
    _Atomic uint64_t pending;             /* connections that are no tunnel's end (yet) */
    _Atomic uint64_t clients;             /* connected ends of tunnels */
    _Atomic uint64_t handshakes, resumed; /* TLS: all that succeeded, and those of them */
    _Atomic uint64_t handshakes_failed;
    _Atomic uint64_t turned_away; /* there was no room for them: nothing of theirs was read */
    _Atomic uint64_t from_source, from_destination; /* bytes of messages received */
    _Atomic uint64_t moved;                         /* clients handed over to another worker */
};

/* Of one tunnel, whichever worker it is at. Made by the main thread, which frees it when every
 * registration that points to it has come back. */
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
