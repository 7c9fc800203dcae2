/* What the monitor is told of the parts that both ends of a tunnel have: connections, and links
 * with their sessions. For the `look` callbacks of core/control/monitor.h. */
#ifndef GATEWAY_COMMON_TELEMETRY_H
#define GATEWAY_COMMON_TELEMETRY_H

#include "core/control/monitor.h"
#include "core/tunnel/link.h"
#include "core/tunnel/session.h"

/* Fills in a connection's counters, also from inside its `ended`. The state is that of a connection
 * which both sides have answered. */
void telemetry_conn(const struct conn *c, struct monitor_counters *out);

/* Fills in a link's state. It is up once the services have come over it: before that nothing can be
 * opened. */
void telemetry_link(const struct link *l, const struct session *s,
                    struct monitor_tunnel_state *out);

/* Writes "the tunnel expires in 59 min; …" for the log and the monitor. Returns out. */
char *telemetry_expiry(uint64_t left_ms, char *out, size_t size);

#endif
