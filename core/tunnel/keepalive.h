/* How often a link pings, and what its losses teach. A NAT, firewall or proxy on the way ends what
 * is silent for longer than it likes, and nothing tells its limit beforehand. A link that was lost
 * twice in a row after about the same silence, and had come through no such silence before, is
 * taken for cut by such a limit, and pings twice as often as that from then on. Fixed intervals
 * (OpenSSH's ServerAliveInterval, WireGuard's PersistentKeepalive) leave that to their users. The
 * period only ever shrinks: that it suffices says nothing of a longer one. Pure: times are passed
 * in, in milliseconds. */
#ifndef CORE_TUNNEL_KEEPALIVE_H
#define CORE_TUNNEL_KEEPALIVE_H

#include <stdbool.h>
#include <stdint.h>

#define KEEPALIVE_LEAST_MS 1000 /* no shorter period is learned */

struct keepalive {
    uint64_t period_ms;   /* ping so often */
    uint64_t survived_ms; /* private: the longest silence that this connection came through */
    uint64_t suspect_ms;  /* private: the limit that the last loss points to; 0: none */
};

void keepalive_init(struct keepalive *k, uint64_t period_ms);
/* The other side answered a ping that was sent after so long a silence. */
void keepalive_answered(struct keepalive *k, uint64_t silence_ms);
/* The connection was lost without a word of the other side, after so long without a byte from it.
 * What was lost later than a ping, which met a limit that had passed already, points to the period
 * itself. True: the period is shorter from now on. */
bool keepalive_lost(struct keepalive *k, uint64_t silence_ms);
/* The next connection could not be had at once: the hub or the network was away, and the last loss
 * says nothing. */
void keepalive_doubt(struct keepalive *k);

#endif
