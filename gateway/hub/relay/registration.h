/* What an admitted client is in the relay, from its admission to its end: made by the main thread,
 * taken along from thread to thread by whoever has the client, and given back at last. Plain data.
 */
#ifndef GATEWAY_HUB_RELAY_REGISTRATION_H
#define GATEWAY_HUB_RELAY_REGISTRATION_H

#include "gateway/hub/relay/rate_limiter.h"
#include "gateway/hub/relay/request.h"
#include "gateway/hub/relay/worker_stats.h"

#include <stdbool.h>
#include <stddef.h>

/* What the tunnels of one access key share. Lives as long as a registration has it; on all threads.
 */
struct account {
    _Atomic uint64_t tunnel_rate, rate; /* limits in bytes per second; 0: none */
    struct rate_limiter limiter;        /* by `rate` */
};

struct registration {
    uint64_t serial; /* counts admissions */
    char *tunnel;    /* id */
    char *label;     /* the tunnel's name for the log */
    char **services; /* n_services of them */
    size_t n_services;
    struct account *account;
    struct traffic *traffic; /* of the tunnel */
    void *return_message;    /* the message with which it comes back, made in time */
    enum side side;
    uint64_t left_s;      /* seconds until the tunnel expires, when it was made */
    int version;          /* of the messages that the subprotocol begins with: 1, 2 or 3 */
    const char *protocol; /* the subprotocol's name, static */
    char instance[INSTANCE_SIZE + 1]; /* which process it is; "": not a native one */
    char *device;                     /* the tunnel's thing, for people; "": none */
    char key[32];                     /* Sec-WebSocket-Key */
    char channel[36];                 /* channel-id: this connection's name in logs on both sides */
    char client[80];                  /* "address:port" */
};

void registration_free(struct registration *t); /* NULL is fine */

#endif
