#include "core/tunnel/backoff.h"

uint64_t backoff_pause(uint64_t first_ms, uint64_t max_ms, unsigned tries, uint32_t dice)
{
    uint64_t pause = first_ms;
    for (unsigned i = 0; i < tries && pause < max_ms; i++)
        pause *= 2;
    if (pause > max_ms)
        pause = max_ms;
    return pause / 2 + dice % (pause / 2 + 1);
}

uint64_t backoff_later(uint64_t pause, int64_t later_ms, uint32_t dice, bool *asked)
{
    uint64_t later = later_ms > 0 ? (uint64_t)later_ms : 0;
    if (later > BACKOFF_LATER_MAX_MS)
        later = BACKOFF_LATER_MAX_MS;
    *asked = later > pause;
    return *asked ? later + dice % (later / 4 + 1) : pause;
}
