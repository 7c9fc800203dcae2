#include "core/tunnel/keepalive.h"

#define COARSE_MS 250 /* timers of a second, and the way there and back, make equal limits differ  \
                       */

void keepalive_init(struct keepalive *k, uint64_t period_ms)
{
    *k = (struct keepalive){.period_ms = period_ms};
}

static bool are_alike(uint64_t a, uint64_t b)
{
    uint64_t less = a < b ? a : b, more = a < b ? b : a;
    return more - less <= more / 8 + COARSE_MS;
}

bool keepalive_lost(struct keepalive *k, uint64_t silence_ms)
{
    uint64_t before = k->suspect_ms;
    uint64_t limit = silence_ms < k->period_ms ? silence_ms : k->period_ms;
    k->suspect_ms = limit / 2 >= KEEPALIVE_LEAST_MS ? limit : 0;
    if (before == 0 || k->suspect_ms == 0 || !are_alike(before, limit))
        return false;
    keepalive_init(k, (before < limit ? before : limit) / 2);
    return true;
}

void keepalive_doubt(struct keepalive *k)
{
    k->suspect_ms = 0;
}
