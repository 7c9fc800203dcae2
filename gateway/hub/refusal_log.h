/* The log of what was refused: the first time at once, repetitions of the same from the same
 * address summed up once a window (core/base/repeats.h). */
#ifndef GATEWAY_HUB_REFUSAL_LOG_H
#define GATEWAY_HUB_REFUSAL_LOG_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct refusals;

/* What has piled up in one window behind the first. */
struct refused_again {
    const char *address, *reason; /* as they came, and cut */
    enum err why;
    uint64_t times;
};

/* again: told besides the log; or NULL. NULL: no memory. */
struct refusals *refusals_new(uint64_t window_ms,
                              void (*again)(void *owner, const struct refused_again *r),
                              void *owner);
void refusals_free(struct refusals *r);
/* client: "address:port"; the port does not count, nor does why. now: milliseconds, monotonic.
 * True: it is the first of its kind and is in the log; false: it is kept for later. */
bool refusals_add(struct refusals *r, uint64_t now, const char *client, const char *reason,
                  enum err why);
/* Says what has piled up in windows that are over. Call it now and then. */
void refusals_tick(struct refusals *r, uint64_t now);

#endif
