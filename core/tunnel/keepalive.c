#include "core/tunnel/keepalive.h"

#define COARSE_MS                                                                                  \
    250 /* timers of a second, and the way there and back, make equal limits differ                \
         */

void keepalive_init(struct keepalive *k, uint64_t period_ms)
{
    *k = (struct keepalive){.period_ms = period_ms};
}

void keepalive_answered(struct keepalive *k, uint64_t silence_ms)
{
    if (k->survived_ms < silence_ms)
        k->survived_ms = silence_ms;
}

static bool are_alike(uint64_t a, uint64_t b)
{
    uint64_t less = a < b ? a : b, more = a < b ? b : a;
    return more - less <= more / 8 + COARSE_MS;
}

/* The limit that may have cut the connection, or 0: one that can be learned, and that it had never
 * reached before. Pings go out a little less than a period after the answer to the one before. */
static uint64_t limit_of(const struct keepalive *k, uint64_t silence_ms)
{
    bool late = silence_ms > k->period_ms;
    uint64_t limit = late ? k->period_ms : silence_ms;
    uint64_t reached = k->survived_ms + (late ? COARSE_MS : 0);
    return limit / 2 >= KEEPALIVE_LEAST_MS && limit > reached ? limit : 0;
}

bool keepalive_lost(struct keepalive *k, uint64_t silence_ms)
{
    uint64_t before = k->suspect_ms, limit = limit_of(k, silence_ms);
    k->survived_ms = 0;
    k->suspect_ms = limit;
    if (before == 0 || limit == 0 || !are_alike(before, limit))
        return false;
    keepalive_init(k, (before < limit ? before : limit) / 2);
    return true;
}

void keepalive_doubt(struct keepalive *k)
{
    k->suspect_ms = 0;
}
