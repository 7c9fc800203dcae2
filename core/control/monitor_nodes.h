/* The nodes of a hub's cluster, for those who watch one of them. The hub keeps them; the monitor
 * asks for all of them at each snapshot.
 *
 * Pure, as monitor.h is. */
#ifndef CORE_CONTROL_MONITOR_NODES_H
#define CORE_CONTROL_MONITOR_NODES_H

#include "core/base/json_write.h"
#include "core/control/monitor.h"

/* One node, as this one sees it; the figures are what it tells of itself. */
struct monitor_node {
    const char *name, *state; /* "up", "draining", "dead" */
    const char *address;      /* where the others reach it */
    const char *announce;     /* where its clients do; "": nowhere else */
    const char *version;
    bool self; /* the one that is watched */
    uint64_t epoch, tunnels, ends, devices, bytes;
};

struct monitor_node_source {
    /* Calls take for each node, in any order. Strings must live until each returns. */
    void (*each)(void *ctx, void (*take)(void *to, const struct monitor_node *n), void *to);
    void *ctx;
};
/* From now on reports have the member "nodes". source: copied; NULL: there is no cluster to be seen
 * any more. m may be NULL. */
void monitor_nodes(struct monitor *m, const struct monitor_node_source *source);

#endif
