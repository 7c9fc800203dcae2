/* How often a device pings its hub. A device that stands by for weeks pays for each ping, on a
 * metered line in money; but a NAT or firewall on the way ends what is silent for longer than it
 * likes, and nothing tells its limit beforehand. So the period begins short and grows by a half
 * each time a connection has come through it, up to a limit. What is cut twice after a silence that
 * no connection has come through is taken for cut by such a limit, and the period stays below it.
 * Pure: times are passed in, in milliseconds. */
#ifndef GATEWAY_DESTINATION_DEVICE_PINGS_H
#define GATEWAY_DESTINATION_DEVICE_PINGS_H

#include <stdbool.h>
#include <stdint.h>

#define DEVICE_PINGS_LEAST_MS 5000 /* no shorter period is learned */
#define DEVICE_PINGS_MOST_MS 240000

struct device_pings {
    uint64_t period_ms;  /* ping after so long a silence */
    uint64_t most_ms;    /* private: the longest period that may be tried */
    uint64_t proven_ms;  /* private: the longest silence that a connection came through */
    uint64_t suspect_ms; /* private: the silence after which one was cut; 0: none was */
};

/* most_ms == first_ms: the period stays what it is, unless it proves too long. */
void device_pings_init(struct device_pings *p, uint64_t first_ms, uint64_t most_ms);
/* The hub answered a ping that was sent after so long a silence. True: the period is longer now. */
bool device_pings_answered(struct device_pings *p, uint64_t silence_ms);
/* The connection was lost without a word, after so long without a byte from the hub. True: the
 * period is shorter now. */
bool device_pings_lost(struct device_pings *p, uint64_t silence_ms);

#endif
