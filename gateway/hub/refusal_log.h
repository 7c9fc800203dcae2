/* The log of what was refused: the first time at once, repetitions of the same from the same
 * address summed up once a window (core/base/repeats.h). */
#ifndef GATEWAY_HUB_REFUSAL_LOG_H
#define GATEWAY_HUB_REFUSAL_LOG_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct refusal_log;

/* What has piled up in one window behind the first. */
struct refusal_repeated {
    const char *address, *reason; /* as they came, and cut */
    enum err why;
    uint64_t times;
};

/* again: told besides the log; or NULL. NULL: no memory. */
struct refusal_log *refusal_log_new(uint64_t window_ms,
                                    void (*again)(void *owner, const struct refusal_repeated *r),
                                    void *owner);
void refusal_log_free(struct refusal_log *r);
/* client: "address:port"; the port does not count, nor does why. now: milliseconds, monotonic.
 * True: it is the first of its kind and is in the log; false: it is kept for later. */
bool refusal_log_add(struct refusal_log *r, uint64_t now, const char *client, const char *reason,
                     enum err why);
/* Says what has piled up in windows that are over. Call it now and then. */
void refusal_log_tick(struct refusal_log *r, uint64_t now);

#endif
