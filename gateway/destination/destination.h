/* The device's end of a tunnel: dials the local service that each incoming connection asks for,
 * and writes one access line when it is over. */
#ifndef GATEWAY_DESTINATION_DESTINATION_H
#define GATEWAY_DESTINATION_DESTINATION_H

#include "core/config/services.h"
#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/tunnel/session.h"

struct destination;

/* How the mappings must fit the services of the tunnel. One without an id fits always. */
enum destination_match {
    DESTINATION_ANY,   /* differences are warned about; what fits is served */
    DESTINATION_WHOLE, /* every service has a mapping; more mappings do no harm */
    DESTINATION_EXACT  /* the same ids */
};

struct destination_options {
    const struct services *services; /* what is dialled; must outlive the destination */
    const char *default_host;        /* for mappings of a port only; NULL: "localhost" */
    const char *bind;                /* local address to dial from, or NULL; an address that is the
                                        same as the one dialled is not bound: it may be elsewhere */
    enum destination_match match;
    unsigned retries;         /* further tries when a service cannot be reached */
    uint64_t retry_delay_ms;  /* between them */
    uint64_t dial_timeout_ms; /* for each address; 0: the dial's own */
    struct monitor *monitor; /* that is told of connections, with the tunnel that they are in; NULL:
                                nobody watches */
    struct monitor_tunnel *watched;
};

/* NULL: no memory. The strings are copied. */
struct destination *destination_new(struct loop *loop, const struct destination_options *options);
/* Ends its connections (ERR_SHUTDOWN). Before the session is freed. NULL is fine. */
void destination_free(struct destination *d);

/* For session_events.services: compares them with the mappings; ERR_USAGE when they do not fit. The
 * log says how. */
enum err destination_services(struct destination *d, const char *const *ids, size_t n);

/* Other mappings from now on, which must outlive it, and another bind, retries and times;
 * connections that there are stay as they are. Compare the mappings with the tunnel's services
 * (destination_services) if these are known. ERR_NO_MEMORY: nothing is changed. */
enum err destination_change(struct destination *d, const struct destination_options *fresh);

/* NULL: something of the tunnel is served, or its services are not known yet; else a sentence. */
const char *destination_unready(const struct destination *d);

/* For session_events.incoming: c gets a stream (conn_attach) or a refusal (conn_refuse), now or
 * later. What the far end sends meanwhile is held by the session. */
void destination_incoming(struct destination *d, struct conn *c);

size_t destination_active(const struct destination *d); /* connections being dialled or open */

#endif
