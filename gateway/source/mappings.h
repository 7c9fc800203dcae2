/* Listening ports of single services, as `-s SSH1=3333` and `-m src` ask for them: a client that
 * connects is in the service, without any protocol before it. The listeners stay open while the
 * tunnel's link is lost and comes back. */
#ifndef GATEWAY_SOURCE_MAPPINGS_H
#define GATEWAY_SOURCE_MAPPINGS_H

#include "core/config/services.h"
#include "core/tunnel/session.h"
#include "gateway/source/forward.h"

struct mappings_options {
    struct session *session;    /* of the source; must outlive the mappings */
    const struct services *map; /* copied; one entry without id: the tunnel's only service, or "";
                                   several of one id: each leads to a target of its own */
    const char *bind;           /* address for entries that are only a port; NULL: "localhost" */
    bool exact;  /* the ids must be the tunnel's, all of them (localproxy); else unknown ones are an
                    error and others may stay without a port */
    bool assign; /* The tunnel's ids without an entry get a free port. */
    bool tells;  /* The log tells of clients that come and go, as the reference program's does. */
    struct monitor_tunnel *watched; /* the session's tunnel, or NULL */
    struct forwards *forwards;      /* shared, must be freed before the mappings; NULL: their own */
};

struct mappings;
struct mappings *mappings_new(struct loop *loop,
                              const struct mappings_options *o); /* NULL: memory */
void mappings_free(struct mappings *set); /* its own forwards, too; NULL is fine */

/* Closes the listeners for good; clients that wait are refused. For an owner that calls
 * mappings_free only after these are gone. NULL is fine. */
void mappings_close(struct mappings *set);

/* For session_events.services: checks the map against the tunnel's ids, opens and closes listeners,
 * says so in the log ("Listening for new connection on port 5555"), and lets waiting clients in.
 * An error has been logged in a sentence: ERR_USAGE when the map does not fit, or what listening
 * says (ERR_ADDRESS_IN_USE, …); what is open stays open, and a second call tries the rest again. */
enum err mappings_services(struct mappings *set, const char *const *ids, size_t n);

#endif
