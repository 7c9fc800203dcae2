/* Where a connection may go: what the source named against what is mapped. */
#include "gateway/destination/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void choices(void **state)
{
    static const char map[] = "SSH1=22,PLC=10.0.7.0/24:102,502,[fd00:7::]/64:502,DB=/run/db.sock";
    static const struct {
        const char *service, *target;
        uint32_t port;
        enum err why;
        const char *dial, *text;
    } cases[] = {
        {"SSH1", "", 0, ERR_OK, "", ""},
        {"DB", "", 0, ERR_OK, "", ""},
        {"PLC", "10.0.7.20", 502, ERR_OK, "10.0.7.20", ""},
        {"PLC", "fd00:7::20", 502, ERR_OK, "fd00:7::20", ""},
        {"PLC", "", 0, ERR_NEEDS_TARGET, "",
         "it may lead to 10.0.7.0/24:102,502,[fd00:7::]/64:502, and the source named none of them"},
        {"PLC", "", 502, ERR_NEEDS_TARGET, "",
         "it may lead to 10.0.7.0/24:102,502,[fd00:7::]/64:502, and the source named none of them"},
        {"PLC", "10.0.8.20", 502, ERR_FORBIDDEN, "",
         "that is not among 10.0.7.0/24:102,502,[fd00:7::]/64:502"},
        {"PLC", "10.0.7.20", 0, ERR_FORBIDDEN, "",
         "that is not among 10.0.7.0/24:102,502,[fd00:7::]/64:502"},
        {"PLC", "127.0.0.1", 502, ERR_FORBIDDEN, "",
         "that is not among 10.0.7.0/24:102,502,[fd00:7::]/64:502"},
        {"SSH1", "127.0.0.1", 22, ERR_NO_TARGETS, "",
         "the service leads to one place, and the source named another"},
        {"DB", "x", 0, ERR_NO_TARGETS, "",
         "the service leads to one place, and the source named another"},
    };
    struct services s = {0};
    char problem[200];
    (void)state;
    assert_int_equal(services_parse(&s, map, SERVICES_DIAL, problem, sizeof problem), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct opening o = {.port = cases[i].port};
        char dial[TARGETS_HOST], text[TARGET_TEXT];
        strcpy(o.target, cases[i].target);
        const struct service_mapping *mapping = services_find(&s, cases[i].service);
        assert_int_equal(target_choose(mapping, &o, dial, text), cases[i].why);
        assert_string_equal(dial, cases[i].dial);
        assert_string_equal(text, cases[i].text);
    }
    services_free(&s);
}

static void where(void **state)
{
    char out[320];
    (void)state;
    assert_string_equal(target_where(&(struct opening){.target = ""}, out, sizeof out), "");
    assert_string_equal(
        target_where(&(struct opening){.target = "10.0.7.20", .port = 502}, out, sizeof out),
        "10.0.7.20:502");
    assert_string_equal(
        target_where(&(struct opening){.target = "fd00::1", .port = 65536}, out, sizeof out),
        "[fd00::1]:65536");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(choices), cmocka_unit_test(where)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
