/* The device's end of a tunnel: dials the local service that each incoming connection asks for, and
 * logs an access line when the connection is over. */
#ifndef GATEWAY_DESTINATION_DESTINATION_H
#define GATEWAY_DESTINATION_DESTINATION_H

#include "core/config/services.h"
#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/tunnel/session.h"

struct destination;

/* How the mappings must fit the tunnel's services. A mapping without an id always fits. */
enum destination_match {
    DESTINATION_ANY,    /* Differences are warned about, and what fits is served. */
    DESTINATION_SUBSET, /* The same, but more mappings than services are as they should be. */
    DESTINATION_WHOLE,  /* Every service has a mapping; there may be more mappings. */
    DESTINATION_EXACT   /* Services and mappings have the same ids. */
};

struct destination_options {
    const struct services *services; /* the mappings to dial; must outlive the destination */
    const char *default_host;        /* for mappings of a port only; NULL: "localhost" */
    /* The local address to dial from, or NULL. It is not bound for dialling the very same
     * address, which may be another machine's. */
    const char *bind;
    enum destination_match match;
    unsigned retries;         /* further tries when a service cannot be reached */
    uint64_t retry_delay_ms;  /* between them */
    uint64_t dial_timeout_ms; /* for each address; 0: the dial's own */
    /* Is told of connections, and `watched` is the tunnel that they are in. NULL: there is no
     * monitor. */
    struct monitor *monitor;
    struct monitor_tunnel *watched;
};

/* NULL: no memory. The strings are copied. */
struct destination *destination_new(struct loop *loop, const struct destination_options *options);
/* Ends the connections (ERR_SHUTDOWN). Must be called before the session is freed. NULL is fine. */
void destination_free(struct destination *d);

/* For session_events.services: compares the services with the mappings. ERR_USAGE: they do not fit,
 * and the log says how. */
enum err destination_services(struct destination *d, const char *const *ids, size_t n);

/* Goes on with fresh mappings, which must outlive the destination, bind, retries and times; present
 * connections stay as they are. The caller compares the mappings with the tunnel's services
 * (destination_services) if these are known. ERR_NO_MEMORY: nothing is changed. */
enum err destination_change(struct destination *d, const struct destination_options *fresh);

/* NULL: a service of the tunnel is served, or its services are not known yet; else a sentence that
 * says why none is. */
const char *destination_unready(const struct destination *d);

/* For session_events.incoming: gives c a stream (conn_attach) or a refusal (conn_refuse), now or
 * later. The session holds what the far end sends meanwhile. */
void destination_incoming(struct destination *d, struct conn *c);

/* The id of the access key that opened the tunnel, for services that want it
 * (core/net/proxy_protocol.h); "" or NULL: it is not known. Copied. ERR_NO_MEMORY: what was said
 * before stays. */
enum err destination_opened_by(struct destination *d, const char *key);

size_t destination_active(const struct destination *d); /* connections being dialled or open */

#endif
