/* What both ends of a tunnel show to the monitor of the parts that they share: a connection, and a
 * link with its session. For the `look` callbacks of core/control/monitor.h. */
#ifndef GATEWAY_COMMON_TELEMETRY_H
#define GATEWAY_COMMON_TELEMETRY_H

#include "core/control/monitor.h"
#include "core/tunnel/link.h"
#include "core/tunnel/session.h"

/* Also from inside `ended`. state is of one that both sides have answered. */
void telemetry_conn(const struct conn *c, struct monitor_counters *out);

/* Up is a link over which the services have come: before that nothing can be opened. */
void telemetry_link(const struct link *l, const struct session *s,
                    struct monitor_tunnel_state *out);

/* "the tunnel expires in 59 min; …", for the log and the monitor. Returns out. */
char *telemetry_expiry(uint64_t left_ms, char *out, size_t size);

#endif
