/* The log of what was refused: the first time at once, repetitions of the same from the same
 * address summed up once a window, so that nobody can fill the log. */
#ifndef GATEWAY_HUB_REFUSALS_H
#define GATEWAY_HUB_REFUSALS_H

#include <stdint.h>

struct refusals;

struct refusals *refusals_new(uint64_t window_ms); /* NULL: no memory */
void refusals_free(struct refusals *r);
/* client: "address:port"; the port does not count. now: milliseconds, monotonic. */
void refusals_add(struct refusals *r, uint64_t now, const char *client, const char *reason);
/* Says what has piled up in windows that are over. Call it now and then. */
void refusals_tick(struct refusals *r, uint64_t now);

#endif
