/* An alias leads nowhere else than the name in which it stands says: every name of a few labels, in
 * front of it every alias, is asked for with and without the alias. */
#include "gateway/source/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define NO_TUNNEL COUNT(tunnels)

static const char *const ids[] = {"SSH1", "PLC"};
/* As the gateway lists them: the configured ones first. */
static const struct names_tunnel tunnels[] = {
    {.name = "", .known = true, .services = ids, .n_services = 2},
    {.name = "plant_7", .known = true, .services = ids, .n_services = 2},
    {.name = "plant-8", .known = true, .services = ids, .n_services = 1},
    {.name = "pump_07", .known = true, .services = ids, .n_services = 2, .on_demand = true}};

static const char *const hosts[] = {"", "cam1--80.", "10-0-7-20--502.", "10-0-7-20."};
static const char *const devices[] = {"",         ".plant_7", ".PLANT-7", ".plant-8",
                                      ".Pump:07", ".pump-09", ".ssh1"};

static enum err ask(const struct names *n, const char *host, const char *hint, size_t from,
                    bool with_devices, struct names_answer *out)
{
    const struct names_question q = {.host = span_of(host),
                                     .hint = hint,
                                     .devices = with_devices,
                                     .tunnels = tunnels + from,
                                     .n_tunnels = COUNT(tunnels) - from};
    return names_resolve(n, &q, out);
}

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* plain: what the name says where nothing is an alias. */
static void compare(const char *host, const char *target, enum err why,
                    const struct names_answer *plain, const struct names_answer *alias)
{
    /* An answer with a device has the hub asked for it. */
    bool leads = why == ERR_OK || alias->tunnel_found || alias->device.n > 0;
    if (!leads) {
        assert_true(strlen(alias->text) > 0);
        return;
    }
    if (plain->target.host[0] != '\0' &&
        (!same(plain->target.host, alias->target.host) || plain->target.port != alias->target.port))
        fail_msg("%s leads to host %s, by alias %s", host, alias->target.host, target);
    if (plain->device.n == 0)
        return;
    if (plain->tunnel_found != alias->tunnel_found || plain->tunnel != alias->tunnel)
        fail_msg("%s leads to another tunnel, by alias %s", host, target);
    if (!plain->tunnel_found && !span_equal_nocase(plain->device, alias->device))
        fail_msg("%s leads to %.*s, by alias %s", host, (int)alias->device.n, alias->device.p,
                 target);
}

/* Asks for all names with that label. Returns how many of them lead somewhere. */
static size_t try_names(const struct names *none, const struct names *n, const char *label,
                        const char *target)
{
    size_t lead = 0;
    for (size_t i = 0; i < COUNT(hosts) * COUNT(devices) * 8; i++) {
        const char *device = devices[i / 8 / COUNT(hosts)], *hint = i & 1 ? "plant-8" : NULL;
        char host[NAMES_HOST];
        struct names_answer plain, alias;
        snprintf(host, sizeof host, "%s%s%s.tunnel", hosts[i / 8 % COUNT(hosts)], label, device);
        size_t from = i & 2 ? 1 : 0;
        ask(none, host, hint, from, i & 4, &plain);
        enum err why = ask(n, host, hint, from, i & 4, &alias);
        if (device[0] == '\0') /* then a user name names it, unless the alias does */
            plain.device = span_of("");
        compare(host, target, why, &plain, &alias);
        lead += why == ERR_OK;
    }
    return lead;
}

static void never_elsewhere(void **state)
{
    static const char *const labels[] = {"oven", "ssh1", "plant-7", "pump-07", "cam1--80"};
    (void)state;
    struct names *none = names_new();
    for (size_t i = 0; i < COUNT(labels) * COUNT(hosts) * COUNT(devices); i++) {
        struct names *n = names_new();
        char target[NAMES_HOST];
        size_t rest = i / COUNT(labels);
        snprintf(target, sizeof target, "%sPLC%s", hosts[rest % COUNT(hosts)],
                 devices[rest / COUNT(hosts)]);
        assert_int_equal(names_add_alias(n, labels[i % COUNT(labels)], target), ERR_OK);
        size_t lead = try_names(none, n, labels[i % COUNT(labels)], target);
        if (lead == 0 && rest / COUNT(hosts) < 3)
            fail_msg("no name with alias %s leads anywhere", target);
        names_free(n);
    }
    names_free(none);
}

static void what_is_said(void **state)
{
    static const struct {
        const char *host;
        enum err why;
        size_t tunnel;
        const char *target, *text;
    } cases[] = {
        {"oven.tunnel", ERR_OK, 1, "10.0.7.20", ""},
        {"oven.Plant-7.tunnel", ERR_OK, 1, "10.0.7.20", ""},
        {"10-0-7-20--502.oven.tunnel", ERR_OK, 1, "10.0.7.20", ""},
        {"cam1--80.oven.tunnel", ERR_NO_SERVICE, NO_TUNNEL, "",
         "no service \"oven\" there: it is an alias that says itself where it leads, to "
         "\"10-0-7-20--502.PLC.plant-7\""},
        {"10-0-7-20.oven.tunnel", ERR_NO_SERVICE, NO_TUNNEL, "", NULL},
        {"10-0-7-20.oven.plant-7.tunnel", ERR_NO_SERVICE, NO_TUNNEL, "", NULL},
        /* At another device than its own the label is no alias, but what it says. */
        {"oven.plant-8.tunnel", ERR_NO_SERVICE, 2, "", "no service \"oven\"; have SSH1"},
        {"oven.pump-07.tunnel", ERR_NO_SERVICE, 3, "", "no service \"oven\"; have SSH1,PLC"},
        {"oven.pump-09.tunnel", ERR_NO_SERVICE, NO_TUNNEL, "", NULL},
        {"ssh1.tunnel", ERR_OK, 1, "", ""},
        {"ssh1.plant-7.tunnel", ERR_OK, 1, "", ""},
        {"ssh1.plant-8.tunnel", ERR_OK, 2, "", ""},
        {"ssh1.pump-07.tunnel", ERR_OK, 3, "", ""},
        /* What the alias leaves open, the name says. */
        {"cam1--80.far.tunnel", ERR_OK, 1, "cam1", ""},
        {"cam.pump-07.tunnel", ERR_OK, 3, "cam1", ""},
        {"plc7.plant-7.tunnel", ERR_OK, 1, "", ""},
        {"10-0-7-20.plc7.pump-07.tunnel", ERR_OK, 3, "10.0.7.20", ""},
    };
    (void)state;
    struct names *n = names_new();
    struct names_answer a;
    assert_int_equal(names_add_alias(n, "oven", "10-0-7-20--502.PLC.plant-7"), ERR_OK);
    assert_int_equal(names_add_alias(n, "far", "PLC.plant_7"), ERR_OK);
    assert_int_equal(names_add_alias(n, "ssh1", "SSH1.plant_7"), ERR_OK);
    assert_int_equal(names_add_alias(n, "cam", "cam1--80.PLC"), ERR_OK);
    assert_int_equal(names_add_alias(n, "plc7", "PLC"), ERR_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (ask(n, cases[i].host, NULL, 0, true, &a) != cases[i].why)
            fail_msg("%s: %s", cases[i].host, a.text);
        assert_string_equal(a.target.host, cases[i].target);
        assert_int_equal(a.tunnel_found, cases[i].tunnel != NO_TUNNEL);
        if (a.tunnel_found)
            assert_int_equal(a.tunnel, cases[i].tunnel);
        if (cases[i].text != NULL)
            assert_string_equal(a.text, cases[i].text);
    }
    const struct names_question stranger = {.host = span_of("cam1--80.oven.tunnel"),
                                            .quiet = true,
                                            .tunnels = tunnels,
                                            .n_tunnels = COUNT(tunnels)};
    assert_int_equal(names_resolve(n, &stranger, &a), ERR_NO_SERVICE);
    assert_string_equal(a.text, "no service \"oven\" there: it is an alias that says itself where "
                                "it leads");
    names_free(n);
}

/* A label with dots would stand in place of what it says itself. */
static void one_label(void **state)
{
    (void)state;
    struct names *n = names_new();
    assert_int_equal(names_add_alias(n, "ssh1.plant-7", "SSH1.plant-8"), ERR_USAGE);
    assert_int_equal(names_add_alias(n, ".", "SSH1"), ERR_USAGE);
    names_free(n);
}

/* The name that is shown for a service is none that an alias leads elsewhere. */
static void canonical(void **state)
{
    (void)state;
    struct names *n = names_new();
    char host[NAMES_HOST];
    assert_int_equal(names_add_alias(n, "ssh1", "SSH1.plant_7"), ERR_OK);
    assert_true(names_canonical(n, tunnels, COUNT(tunnels), 1, "SSH1", host));
    assert_string_equal(host, "ssh1.tunnel");
    assert_true(names_canonical(n, tunnels, COUNT(tunnels), 2, "SSH1", host));
    assert_string_equal(host, "ssh1.plant-8.tunnel");
    assert_true(names_canonical(n, tunnels, COUNT(tunnels), 3, "PLC", host));
    assert_string_equal(host, "plc.pump-07.tunnel");
    names_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_elsewhere),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(one_label),
        cmocka_unit_test(canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
