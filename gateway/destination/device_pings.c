#include "gateway/destination/device_pings.h"

void device_pings_init(struct device_pings *p, uint64_t first_ms, uint64_t most_ms)
{
    *p = (struct device_pings){.period_ms = first_ms,
                               .most_ms = most_ms > first_ms ? most_ms : first_ms};
}

bool device_pings_answered(struct device_pings *p, uint64_t silence_ms)
{
    if (p->proven_ms < silence_ms)
        p->proven_ms = silence_ms;
    if (silence_ms >= p->suspect_ms)
        p->suspect_ms = 0;
    if (silence_ms < p->period_ms || p->period_ms >= p->most_ms)
        return false;
    uint64_t longer = p->period_ms + p->period_ms / 2;
    p->period_ms = longer < p->most_ms ? longer : p->most_ms;
    return true;
}

/* What was lost later than a ping met a limit before that ping, which went out at the period. */
bool device_pings_lost(struct device_pings *p, uint64_t silence_ms)
{
    uint64_t limit = silence_ms < p->period_ms ? silence_ms : p->period_ms;
    uint64_t before = p->period_ms, safe = p->proven_ms;
    if (limit <= p->proven_ms)
        return false;
    bool again = p->suspect_ms > 0;
    if (safe == 0 && again)
        safe = limit / 2 > DEVICE_PINGS_LEAST_MS ? limit / 2 : DEVICE_PINGS_LEAST_MS;
    if (again)
        p->most_ms = safe;
    p->suspect_ms = again ? 0 : limit;
    if (safe > 0 && safe < p->period_ms)
        p->period_ms = safe;
    return p->period_ms < before;
}
