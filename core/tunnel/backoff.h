/* How long a link waits before its next try: exponential, up to a limit, and spread, so that a
 * hub's restart does not bring all its clients back in one moment. Pure: the dice (32 random bits)
 * are passed in. */
#ifndef CORE_TUNNEL_BACKOFF_H
#define CORE_TUNNEL_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_LATER_MAX_MS 300000 /* of a Retry-After */

/* The pause after `tries` tries in vain: first_ms doubled as often, at most max_ms; of that
 * somewhere between a half and all. Both times are in milliseconds, and above 0. */
uint64_t backoff_pause(uint64_t first_ms, uint64_t max_ms, unsigned tries, uint32_t dice);

/* The pause when the hub, or a proxy before it, asked for later_ms (RFC 9110, Retry-After; 0 or
 * less: it asked for nothing). That counts when it is longer than `pause`, up to
 * BACKOFF_LATER_MAX_MS; up to a quarter more keeps those apart that were all told the same. *asked:
 * whether it counts. */
uint64_t backoff_later(uint64_t pause, int64_t later_ms, uint32_t dice, bool *asked);

#endif
