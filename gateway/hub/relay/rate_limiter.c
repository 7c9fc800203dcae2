#include "gateway/hub/relay/rate_limiter.h"

#define NS_PER_MS 1000000
#define NS_PER_S 1e9
#define MAX_DEBT_NS (3600 * (int64_t)1000 * NS_PER_MS)

void rate_limiter_init(struct rate_limiter *m, const _Atomic uint64_t *rate, unsigned credit_ms)
{
    m->rate = rate;
    m->credit = (int64_t)credit_ms * NS_PER_MS;
    atomic_init(&m->paid, 0);
    atomic_init(&m->by, 0);
}

static uint64_t rate_of(const struct rate_limiter *m)
{
    return atomic_load_explicit(m->rate, memory_order_relaxed);
}

uint64_t rate_limiter_wait(const struct rate_limiter *m, uint64_t now)
{
    int64_t paid = atomic_load_explicit(&m->paid, memory_order_relaxed);
    int64_t debt = paid - (int64_t)now * NS_PER_MS;
    if (debt <= 0 || atomic_load_explicit(&m->by, memory_order_relaxed) != rate_of(m))
        return 0;
    return ((uint64_t)debt + NS_PER_MS - 1) / NS_PER_MS;
}

void rate_limiter_charge(struct rate_limiter *m, uint64_t now, size_t bytes)
{
    uint64_t rate = rate_of(m);
    if (atomic_load_explicit(&m->by, memory_order_relaxed) != rate) {
        atomic_store_explicit(&m->by, rate, memory_order_relaxed);
        atomic_store_explicit(&m->paid, 0, memory_order_relaxed);
    }
    if (rate == 0)
        return;
    double cost = (double)bytes * NS_PER_S / (double)rate;
    int64_t price = cost < (double)MAX_DEBT_NS ? (int64_t)cost : MAX_DEBT_NS;
    int64_t earliest = (int64_t)now * NS_PER_MS - m->credit;
    int64_t paid = atomic_load_explicit(&m->paid, memory_order_relaxed), next;
    do
        next = (paid > earliest ? paid : earliest) + price;
    while (!atomic_compare_exchange_weak_explicit(&m->paid, &paid, next, memory_order_relaxed,
                                                  memory_order_relaxed));
}
