/* A limit on bytes per second that never drops anything: a user that has passed bytes on is in debt
 * for as long as they take at that rate, and passes nothing more meanwhile (the generic cell rate
 * algorithm). Idle time gives credit up to a bound. The unit may be something other than bytes. One
 * limiter may be shared by threads. */
#ifndef GATEWAY_HUB_RELAY_RATE_LIMITER_H
#define GATEWAY_HUB_RELAY_RATE_LIMITER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct rate_limiter {
    const _Atomic uint64_t *rate; /* bytes per second; 0: no limit. May change at any time */
    int64_t credit;               /* the largest credit, in nanoseconds */
    _Atomic int64_t paid;         /* monotonic nanoseconds at which the debt is paid */
    _Atomic uint64_t by; /* the rate at which `paid` was computed; a new rate cancels the debt */
};

#define RATE_LIMITER_CREDIT_MS 100 /* for bytes */
void rate_limiter_init(struct rate_limiter *m, const _Atomic uint64_t *rate, unsigned credit_ms);
/* Milliseconds until bytes may pass; 0: now. now: monotonic milliseconds. */
uint64_t rate_limiter_wait(const struct rate_limiter *m, uint64_t now);
void rate_limiter_charge(struct rate_limiter *m, uint64_t now, size_t bytes);

#endif
