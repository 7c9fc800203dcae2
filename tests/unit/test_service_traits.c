/* What is known of services. */
#include "gateway/source/service_traits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

static void set(struct service_traits *t, const char *id, enum trait trait, bool yes)
{
    assert_int_equal(service_traits_set(t, span_of(id), trait, yes), ERR_OK);
}

static void expect(const struct service_traits *t, const char *id, bool first, bool http)
{
    if (service_traits_has(t, id, TRAIT_CLIENT_FIRST) != first ||
        service_traits_has(t, id, TRAIT_HTTP) != http)
        fail_msg("%s is taken for something else", id);
}

static void by_id(void **state)
{
    const struct service_traits none = {.n = 0};
    (void)state;
    expect(&none, "HTTP1", true, true);
    expect(&none, "http-admin", true, true);
    expect(&none, "WebCam", true, true);
    expect(&none, "SSH1", false, false);
    expect(&none, "printer1", false, false);
    expect(&none, "1HTTP", false, false);
    expect(&none, "HTT", false, false);
    expect(&none, "", false, false);
}

static void by_configuration(void **state)
{
    struct service_traits t = {.n = 0};
    (void)state;
    set(&t, "GRAFANA", TRAIT_HTTP, true);
    expect(&t, "GRAFANA", true, true); /* clients of HTTP speak first */
    expect(&t, "grafana", false, false);
    set(&t, "shop", TRAIT_CLIENT_FIRST, true);
    expect(&t, "shop", true, true);
    set(&t, "plc:modbus", TRAIT_CLIENT_FIRST, true);
    set(&t, "plc:modbus", TRAIT_HTTP, false);
    expect(&t, "plc:modbus", true, false);
    set(&t, "HTTP-LIKE", TRAIT_HTTP, false);
    expect(&t, "HTTP-LIKE", true, false);
    set(&t, "WEB", TRAIT_CLIENT_FIRST, false);
    expect(&t, "WEB", false, true);
    set(&t, SERVICE_TRAITS_NAMELESS, TRAIT_HTTP, true);
    expect(&t, "", true, true);
    service_traits_free(&t);
    expect(&t, "GRAFANA", false, false);
}

static void of_every_service(void **state)
{
    struct service_traits t = {.n = 0};
    (void)state;
    set(&t, SERVICE_TRAITS_ANY, TRAIT_HTTP, true);
    set(&t, "printer1", TRAIT_HTTP, false);
    expect(&t, "SSH1", true, true);
    expect(&t, "", true, true);
    expect(&t, "printer1", false, false);
    service_traits_free(&t);
}

static void limit(void **state)
{
    struct service_traits t = {.n = 0};
    char id[20];
    (void)state;
    for (int i = 0; i < SERVICE_TRAITS_MAX; i++) {
        snprintf(id, sizeof id, "s%d", i);
        set(&t, id, TRAIT_HTTP, true);
    }
    assert_int_equal(service_traits_set(&t, span_of("one-more"), TRAIT_HTTP, true), ERR_LIMIT);
    set(&t, "s0", TRAIT_HTTP, false);
    service_traits_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_id), cmocka_unit_test(by_configuration),
                                       cmocka_unit_test(of_every_service), cmocka_unit_test(limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
