/* The bandwidth limit by itself: the rate over time, credit, sharing by threads. */
#include "gateway/hub/relay/rate_limiter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void no_rate_is_no_limit(void **state)
{
    _Atomic uint64_t rate = 0;
    struct rate_limiter m;
    (void)state;
    rate_limiter_init(&m, &rate, RATE_LIMITER_CREDIT_MS);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rate_limiter_wait(&m, 5), 0);
        rate_limiter_charge(&m, 5, 1000000);
    }
}

/* Bytes of whoever takes n at once whenever he may, from `from` to `to` milliseconds. */
static uint64_t pass(struct rate_limiter *m, uint64_t from, uint64_t to, size_t n)
{
    uint64_t bytes = 0;
    for (uint64_t now = from; now < to;) {
        uint64_t wait = rate_limiter_wait(m, now);
        if (wait == 0) {
            rate_limiter_charge(m, now, n);
            bytes += n;
        }
        now += wait;
    }
    return bytes;
}

static void the_rate_is_kept(void **state)
{
    static const struct {
        uint64_t rate;
        size_t n;
    } cases[] = {{1000, 1}, {1000, 5000}, {800000, 16384}, {125000000, 65536}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        _Atomic uint64_t rate = cases[i].rate;
        struct rate_limiter m;
        rate_limiter_init(&m, &rate, RATE_LIMITER_CREDIT_MS);
        uint64_t bytes = pass(&m, 1000, 101000, cases[i].n);
        /* A tenth of a second of credit, and the last message may be in debt. */
        assert_true(bytes <= cases[i].rate * 100 + cases[i].rate / 10 + cases[i].n);
        assert_true(bytes >= cases[i].rate * 99);
    }
}

static void idleness_does_not_pile_up(void **state)
{
    _Atomic uint64_t rate = 1000;
    struct rate_limiter m;
    (void)state;
    rate_limiter_init(&m, &rate, RATE_LIMITER_CREDIT_MS);
    pass(&m, 0, 1000, 100);
    assert_true(pass(&m, 1000000, 1001000, 100) <= 1000 + 100 + 100);
}

static void a_new_rate_counts_at_once(void **state)
{
    _Atomic uint64_t rate = 1;
    struct rate_limiter m;
    (void)state;
    rate_limiter_init(&m, &rate, RATE_LIMITER_CREDIT_MS);
    rate_limiter_charge(&m, 1000, 1000000000);
    assert_true(rate_limiter_wait(&m, 1000) > 0);
    assert_true(rate_limiter_wait(&m, 1000) <= 3600000); /* a debt has an end */
    rate = 0;
    assert_int_equal(rate_limiter_wait(&m, 1000), 0);
}

static void *charge_often(void *m)
{
    for (int i = 0; i < 10000; i++)
        rate_limiter_charge(m, 1000, 10);
    return NULL;
}

static void threads_share_it(void **state)
{
    _Atomic uint64_t rate = 1000000;
    struct rate_limiter m;
    pthread_t threads[4];
    (void)state;
    rate_limiter_init(&m, &rate, RATE_LIMITER_CREDIT_MS);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, charge_often, &m), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    /* 400,000 bytes at 1 MB/s are 400 ms, less 100 of credit: nothing got lost. */
    assert_int_equal(rate_limiter_wait(&m, 1000), 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rate_is_no_limit),       cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(idleness_does_not_pile_up), cmocka_unit_test(a_new_rate_counts_at_once),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
