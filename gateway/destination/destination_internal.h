/* Private to destination.h: destination.c keeps the mappings and compares them with the tunnel's
 * services, destination_conn.c takes one connection to where it goes. */
#ifndef GATEWAY_DESTINATION_DESTINATION_INTERNAL_H
#define GATEWAY_DESTINATION_DESTINATION_INTERNAL_H

#include "core/base/list.h"
#include "core/net/dial.h"
#include "gateway/destination/destination.h"

/* How each mapping was reached last. Held by the destination, and by conns that dial; without
 * memory they remember nothing. */
struct memories {
    size_t holders;
    struct dial_memory of[]; /* one for each mapping */
};

/* What begins each connection, and is all that the destination knows of it. */
struct destination_visit {
    struct list node; /* in the destination's */
    struct conn *conn;
};

struct destination {
    struct loop *loop;
    const struct services *services;
    struct memories *memories; /* of the present mappings */
    char *default_host, *bind;
    char *opened_by; /* NULL: not known */
    enum destination_match match;
    unsigned retries;
    uint64_t retry_delay_ms, dial_timeout_ms;
    size_t n_ids;       /* services of the tunnel, by the last list */
    bool useless;       /* none of them is served */
    struct list visits; /* all that are being dialled or open */
    size_t n_visits;
    struct monitor *monitor;
    struct monitor_tunnel *watched;
};

void destination_memories_release(struct memories *m); /* NULL is fine */
/* The mapping of the service; NULL: nothing is mapped to it. */
const struct service_mapping *destination_find(const struct destination *d, const char *id);

#endif
