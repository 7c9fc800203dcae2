/* The log of refusals: the first of a kind is logged at once, and repetitions of the same reason
 * from the same address are summed up once a window (core/base/repeats.h). */
#ifndef GATEWAY_HUB_REFUSAL_LOG_H
#define GATEWAY_HUB_REFUSAL_LOG_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct refusal_log;

/* Refusals of one kind that followed the first within a window. */
struct refusal_repeated {
    const char *address, *reason; /* as they were given, truncated */
    enum err why;
    uint64_t times;
};

/* again: is told of repetitions besides the log, or NULL. The result is NULL without memory. */
struct refusal_log *refusal_log_new(uint64_t window_ms,
                                    void (*again)(void *owner, const struct refusal_repeated *r),
                                    void *owner);
void refusal_log_free(struct refusal_log *r);
/* client: "address:port"; port and why do not make a difference. now: milliseconds, monotonic.
 * True: it is the first of its kind and has been logged. False: it is kept for the summary. */
bool refusal_log_add(struct refusal_log *r, uint64_t now, const char *client, const char *reason,
                     enum err why);
/* Logs the repetitions of windows that are over. To be called regularly. */
void refusal_log_tick(struct refusal_log *r, uint64_t now);

#endif
