/* Whom a hub believes who a client is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/net/addresses.h"
#include "gateway/hub/fronts.h"

static bool has(const struct fronts *f, const char *peer)
{
    union address a;
    assert_true(address_parse(peer, &a));
    return fronts_has(f, ip_of_address(&a));
}

static void lists(void **state)
{
    struct fronts f = {.unix_sockets = false};
    (void)state;
    assert_false(has(&f, "192.0.2.7:1"));
    assert_false(fronts_has(&f, (struct ip){{0}}));
    assert_int_equal(fronts_add(&f, "192.0.2.7"), ERR_OK);
    assert_int_equal(fronts_add(&f, "10.0.0.0/8, 2001:db8::/32"), ERR_OK);
    assert_true(has(&f, "192.0.2.7:1"));
    assert_true(has(&f, "[::ffff:10.1.2.3]:1"));
    assert_true(has(&f, "[2001:db8::7]:1"));
    assert_false(has(&f, "192.0.2.8:1"));
    assert_false(fronts_has(&f, (struct ip){{0}}));
    assert_int_equal(fronts_add(&f, "unix"), ERR_OK);
    assert_true(fronts_has(&f, (struct ip){{0}}));
}

/* A network that has all addresses has no unix sockets. */
static void unix_sockets_are_apart(void **state)
{
    struct fronts f = {.unix_sockets = false};
    (void)state;
    assert_int_equal(fronts_add(&f, "::/0,unix"), ERR_OK);
    f.unix_sockets = false;
    assert_true(has(&f, "192.0.2.7:1"));
    assert_false(fronts_has(&f, (struct ip){{0}}));
}

static void wrong(void **state)
{
    static const char *const texts[] = {
        "",
        ",",
        "10.0.0.1,",
        ",10.0.0.1",
        "10.0.0.1 10.0.0.2",
        "plant",
        "Unix",
        "10.0.0.1/33",
        "10.0.0.1,,10.0.0.2",
        "1111111111111111111111111111111111111111111111111111111111111111"};
    struct fronts f = {.unix_sockets = false};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(fronts_add(&f, texts[i]), ERR_USAGE);
    while (f.addresses.n < IP_LIST_MAX)
        assert_int_equal(fronts_add(&f, "10.0.0.1"), ERR_OK);
    assert_int_equal(fronts_add(&f, "10.0.0.1"), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists), cmocka_unit_test(unix_sockets_are_apart), cmocka_unit_test(wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
