/* What the relay knows of an admitted client, from its admission to its end. The main thread makes
 * a registration, it moves with the client from thread to thread, and it comes back to the main
 * thread at the end. Plain data. */
#ifndef GATEWAY_HUB_RELAY_REGISTRATION_H
#define GATEWAY_HUB_RELAY_REGISTRATION_H

#include "gateway/hub/relay/rate_limiter.h"
#include "gateway/hub/relay/request.h"
#include "gateway/hub/relay/worker_stats.h"

#include <stdbool.h>
#include <stddef.h>

/* What the tunnels of one access key share. All threads use it, and it lives as long as a
 * registration refers to it. */
struct account {
    _Atomic uint64_t tunnel_rate, rate; /* limits in bytes per second; 0: no limit */
    struct rate_limiter limiter;        /* by `rate` */
    _Atomic uint64_t stream_idle_s;     /* a limit that the ends are told; 0: none */
};

struct registration {
    uint64_t serial; /* counts admissions */
    char *tunnel;    /* the tunnel's id */
    char *label;     /* the tunnel's name for the log */
    char **services; /* n_services of them */
    size_t n_services;
    struct account *account;
    struct traffic *traffic; /* the tunnel's counters */
    void *return_message;    /* the message that carries it back, allocated beforehand */
    enum side side;
    uint64_t left_s;                  /* seconds until the tunnel expires, as of the admission */
    int version;                      /* version of the subprotocol's first messages: 1, 2 or 3 */
    const char *protocol;             /* the subprotocol's name, static */
    char instance[INSTANCE_SIZE + 1]; /* identifies the client's process; "" unless it is native */
    char *device;                     /* the tunnel's thing, for people, or "" */
    char key[32];                     /* Sec-WebSocket-Key; "": it is the hub's own end, whose
                                         WebSocket needs no handshake */
    char channel[36];                 /* channel-id: this connection's name in logs on both sides */
    char client[80];                  /* "address:port" */
};

void registration_free(struct registration *t); /* NULL is fine */

#endif
