#include "gateway/source/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const plain[] = {"SSH1", "HTTP1"};
static const char *const odd[] = {"plc:modbus_2", "SSH_1", "ssh:1", "Web", "WEB", "-dash", "xn--a"};

static const struct names_tunnel one[] = {{"", true, plain, 2, false}};
static const struct names_tunnel strange[] = {{"", true, odd, 7, false}};
static const struct names_tunnel three[] = {{"", true, plain, 2, false},
                                            {"plant7", true, plain, 1, false},
                                            {"Pump_07", true, odd, 7, false}};
static const struct names_tunnel named[] = {{"plant7", true, plain, 2, false},
                                            {"pump-07", true, odd, 7, false}};
static const struct names_tunnel bare[] = {{"", true, NULL, 0, false},
                                           {"gone", false, NULL, 0, false}};

#define ASK(n, tunnels, host, answer)                                                              \
    ask(n, tunnels, sizeof tunnels / sizeof *tunnels, host, NULL, answer)

static enum err ask(const struct names *n, const struct names_tunnel *tunnels, size_t count,
                    const char *host, const char *hint, struct names_answer *answer)
{
    /* On the heap and not terminated, so that a read past the name is seen. */
    size_t size = strlen(host);
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, host, size);
    char *tight = realloc(copy, size > 0 ? size : 1);
    assert_non_null(tight);
    const struct names_question q = {
        .host = {tight, size}, .hint = hint, .tunnels = tunnels, .n_tunnels = count};
    enum err why = names_resolve(n, &q, answer);
    free(tight);
    if (why != ERR_OK) {
        assert_true(strlen(answer->text) > 0);
        for (const char *p = answer->text; *p != '\0'; p++)
            assert_true(*p >= ' ' && *p < 127);
    }
    return why;
}

static void plain_names(void **state)
{
    static const struct {
        const char *host;
        enum err why;
        const char *service;
    } cases[] = {
        {"SSH1.tunnel", ERR_OK, "SSH1"},
        {"ssh1.tunnel", ERR_OK, "SSH1"},
        {"sSh1.TuNNeL", ERR_OK, "SSH1"},
        {"HTTP1.tunnel.", ERR_OK, "HTTP1"},
        {"ssh1.TUNNEL.", ERR_OK, "SSH1"},
        {"ssh9.tunnel", ERR_NO_SERVICE, ""},
        {"ssh1", ERR_FORBIDDEN, ""},
        {"tunnel", ERR_FORBIDDEN, ""},
        {".tunnel", ERR_FORBIDDEN, ""},
        {"ssh1.tunnel..", ERR_FORBIDDEN, ""},
        {"ssh1.tunnels", ERR_FORBIDDEN, ""},
        {"ssh1.xtunnel", ERR_FORBIDDEN, ""},
        {"example.org", ERR_FORBIDDEN, ""},
        {"localhost", ERR_FORBIDDEN, ""},
        {"127.0.0.1", ERR_FORBIDDEN, ""},
        {"::1", ERR_FORBIDDEN, ""},
        {"[::1]", ERR_FORBIDDEN, ""},
        {"", ERR_FORBIDDEN, ""},
        {".", ERR_FORBIDDEN, ""},
        {"..tunnel", ERR_NO_SERVICE, ""},
        {"ssh1..tunnel", ERR_NO_SERVICE, ""},
        {".ssh1.tunnel", ERR_NO_SERVICE, ""},
        {"ssh1.plant.tunnel", ERR_NO_SERVICE, ""},
    };
    (void)state;
    struct names *n = names_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct names_answer a;
        if (ASK(n, one, cases[i].host, &a) != cases[i].why)
            fail_msg("%s: %s", cases[i].host, a.text);
        assert_string_equal(a.service, cases[i].service);
    }
    names_free(n);
}

static void likeness(void **state)
{
    static const struct {
        const char *host;
        enum err why;
        const char *service;
    } cases[] = {
        {"plc:modbus_2.tunnel", ERR_OK, "plc:modbus_2"},
        {"PLC:MODBUS_2.tunnel", ERR_OK, "plc:modbus_2"},
        {"plc-modbus-2.tunnel", ERR_OK, "plc:modbus_2"},
        {"ssh_1.tunnel", ERR_OK, "SSH_1"},
        {"SSH:1.tunnel", ERR_OK, "ssh:1"},
        {"ssh-1.tunnel", ERR_AMBIGUOUS, ""},
        {"Web.tunnel", ERR_OK, "Web"},
        {"web.tunnel", ERR_AMBIGUOUS, ""},
        {"-dash.tunnel", ERR_OK, "-dash"},
        {"_dash.tunnel", ERR_OK, "-dash"},
    };
    (void)state;
    struct names *n = names_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct names_answer a;
        if (ASK(n, strange, cases[i].host, &a) != cases[i].why)
            fail_msg("%s: %s", cases[i].host, a.text);
        assert_string_equal(a.service, cases[i].service);
    }
    names_free(n);
}

static void sentences(void **state)
{
    (void)state;
    struct names *n = names_new();
    struct names_answer a;
    ASK(n, one, "ssh9.tunnel", &a);
    assert_string_equal(a.text, "no service \"ssh9\"; have SSH1,HTTP1");
    ASK(n, strange, "ssh-1.tunnel", &a);
    assert_string_equal(a.text, "ambiguous name \"ssh-1\": SSH_1,ssh:1; use an alias");
    ASK(n, one, "example.org", &a);
    assert_string_equal(a.text, "example.org does not end in .tunnel; --direct would allow it");
    ASK(n, one, "a\x01\"\x80.tunnel", &a);
    assert_string_equal(a.text, "no service \"a\\x01\\\"\\x80\"; have SSH1,HTTP1");
    ASK(n, three, "ssh1.nowhere.tunnel", &a);
    assert_string_equal(a.text, "no tunnel \"nowhere\"; have (default),plant7,Pump_07");

    const struct names_question q = {
        .host = span_of("ssh9.tunnel"), .quiet = true, .tunnels = one, .n_tunnels = 1};
    assert_int_equal(names_resolve(n, &q, &a), ERR_NO_SERVICE);
    assert_string_equal(a.text, "no service \"ssh9\"");
    names_free(n);
}

static void long_sentences_are_cut(void **state)
{
    (void)state;
    char ids[40][NAMES_HOST];
    const char *list[40];
    for (int i = 0; i < 40; i++) {
        snprintf(ids[i], sizeof ids[i], "service-number-%d-%0*d", i, i * 3 + 1, 0);
        list[i] = ids[i];
    }
    const struct names_tunnel t[] = {{"", true, list, 40, false}};
    struct names *n = names_new();
    struct names_answer a;
    char host[400];
    for (int size = 1; size < 300; size++) {
        snprintf(host, sizeof host, "%0*d.tunnel", size, 7);
        assert_int_equal(ASK(n, t, host, &a), ERR_NO_SERVICE);
        assert_true(strlen(a.text) < NAMES_TEXT);
        assert_non_null(strstr(a.text, "..."));
    }
    names_free(n);
}

static void tunnels(void **state)
{
    (void)state;
    struct names *n = names_new();
    struct names_answer a;
    assert_int_equal(ASK(n, three, "ssh1.tunnel", &a), ERR_OK);
    assert_int_equal(a.tunnel, 0);
    assert_int_equal(ASK(n, three, "ssh1.PLANT7.tunnel", &a), ERR_OK);
    assert_int_equal(a.tunnel, 1);
    assert_int_equal(ASK(n, three, "http1.plant7.tunnel", &a), ERR_NO_SERVICE);
    assert_true(a.tunnel_found);
    assert_int_equal(ASK(n, three, "ssh_1.pump-07.tunnel", &a), ERR_OK);
    assert_int_equal(a.tunnel, 2);
    assert_string_equal(a.service, "SSH_1");

    assert_int_equal(ASK(n, named, "ssh1.tunnel", &a), ERR_AMBIGUOUS);
    assert_int_equal(ask(n, named, 2, "ssh1.tunnel", "Plant7", &a), ERR_OK);
    assert_int_equal(a.tunnel, 0);
    assert_int_equal(ask(n, named, 2, "ssh1.tunnel", "stranger", &a), ERR_AMBIGUOUS);
    assert_int_equal(ask(n, three, 3, "ssh1.tunnel", "stranger", &a), ERR_OK);
    assert_int_equal(ask(n, named, 1, "ssh1.tunnel", NULL, &a), ERR_OK);
    /* The host name counts more than the user name. */
    assert_int_equal(ask(n, named, 2, "web.pump-07.tunnel", "plant7", &a), ERR_AMBIGUOUS);
    assert_int_equal(a.tunnel, 1);
    names_free(n);
}

/* With devices behind every name, of which one has a tunnel. */
static const struct names_tunnel demand[] = {{"plant7", true, plain, 2, false},
                                             {"Pump_08", true, plain, 1, false},
                                             {"pump-07", true, odd, 1, true},
                                             {"pump-08", true, odd, 1, true}};

static enum err ask_device(const struct names *n, const struct names_tunnel *tunnels, size_t count,
                           const char *host, const char *hint, struct names_answer *answer)
{
    const struct names_question q = {.host = span_of(host),
                                     .hint = hint,
                                     .devices = true,
                                     .tunnels = tunnels,
                                     .n_tunnels = count};
    return names_resolve(n, &q, answer);
}

static void devices(void **state)
{
    static const struct {
        const char *host, *hint;
        size_t from, count; /* of demand */
        enum err why;
        bool found;
        size_t tunnel;
        const char *label, *device;
    } cases[] = {
        /* A configured tunnel comes first, and its name is never a device's. */
        {"SSH1.plant7.tunnel", NULL, 0, 4, ERR_OK, true, 0, "SSH1", "plant7"},
        {"ssh1.pump-08.tunnel", NULL, 0, 4, ERR_OK, true, 1, "ssh1", "pump-08"},
        {"http1.pump-08.tunnel", NULL, 0, 4, ERR_NO_SERVICE, true, 1, "http1", "pump-08"},
        /* Then those that were opened on demand. */
        {"plc-modbus-2.Pump_07.tunnel", NULL, 0, 4, ERR_OK, true, 2, "plc-modbus-2", "Pump_07"},
        {"ssh9.pump-07.tunnel", NULL, 0, 4, ERR_NO_SERVICE, true, 2, "ssh9", "pump-07"},
        /* What no tunnel has may be a device's. */
        {"ssh1.pump-7.tunnel", NULL, 0, 4, ERR_NO_SERVICE, false, 0, "ssh1", "pump-7"},
        /* They are never the default: else a name would lead to whichever device is in use. */
        {"plc-modbus-2.tunnel", NULL, 2, 1, ERR_NO_SERVICE, false, 0, "plc-modbus-2", ""},
        {"plc-modbus-2.tunnel", NULL, 2, 0, ERR_NO_SERVICE, false, 0, "plc-modbus-2", ""},
        {"ssh1.tunnel", NULL, 1, 3, ERR_OK, true, 0, "ssh1", ""},
        {"ssh1.tunnel", NULL, 0, 4, ERR_AMBIGUOUS, false, 0, "ssh1", ""},
        /* A user name picks a device only where the name alone leads nowhere. */
        {"ssh1.tunnel", "pump-07", 1, 3, ERR_OK, true, 0, "ssh1", ""},
        {"plc-modbus-2.tunnel", "PUMP:07", 2, 1, ERR_OK, true, 0, "plc-modbus-2", "PUMP:07"},
        {"ssh1.tunnel", "pump-9", 2, 1, ERR_NO_SERVICE, false, 0, "ssh1", "pump-9"},
        {"ssh1.tunnel", "me@home", 2, 1, ERR_NO_SERVICE, false, 0, "ssh1", ""},
        {"ssh1.tunnel", "", 2, 1, ERR_NO_SERVICE, false, 0, "ssh1", ""},
    };
    (void)state;
    struct names *n = names_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct names_answer a;
        enum err why =
            ask_device(n, demand + cases[i].from, cases[i].count, cases[i].host, cases[i].hint, &a);
        assert_int_equal(why, cases[i].why);
        assert_int_equal(a.tunnel_found, cases[i].found);
        if (a.tunnel_found)
            assert_int_equal(a.tunnel, cases[i].tunnel);
        assert_true(span_is(a.label, cases[i].label));
        assert_true(span_is(a.device, cases[i].device));
    }
    assert_int_equal(names_add_alias(n, "plc", "modbus_2.Pump:09"), ERR_OK);
    struct names_answer a;
    assert_int_equal(ask_device(n, demand, 4, "plc.tunnel", NULL, &a), ERR_NO_SERVICE);
    assert_true(span_is(a.label, "modbus_2") && span_is(a.device, "Pump:09"));
    names_free(n);
}

static void without_services(void **state)
{
    (void)state;
    struct names *n = names_new();
    struct names_answer a;
    assert_int_equal(ASK(n, bare, "anything.tunnel", &a), ERR_OK);
    assert_string_equal(a.service, "");
    assert_int_equal(ASK(n, bare, "a.b.tunnel", &a), ERR_NO_SERVICE);
    assert_int_equal(ASK(n, bare, "ssh1.gone.tunnel", &a), ERR_HUB_DOWN);
    assert_true(a.tunnel_found);
    assert_int_equal(a.tunnel, 1);
    const struct names_question none = {.host = span_of("ssh1.tunnel")};
    assert_int_equal(names_resolve(n, &none, &a), ERR_AMBIGUOUS);
    assert_false(a.tunnel_found);
    names_free(n);
}

static void suffixes(void **state)
{
    (void)state;
    struct names *n = names_new();
    struct names_answer a;
    assert_string_equal(names_suffix(n), "tunnel");
    assert_int_equal(names_add_suffix(n, ".Internal"), ERR_OK);
    assert_int_equal(names_add_suffix(n, "tunnel.internal"), ERR_OK);
    assert_int_equal(names_add_suffix(n, "TUNNEL.internal"), ERR_OK);
    assert_string_equal(names_suffix(n), "internal");
    assert_int_equal(ASK(n, one, "ssh1.internal", &a), ERR_OK);
    assert_int_equal(ASK(n, one, "ssh1.tunnel.INTERNAL.", &a), ERR_OK);
    assert_int_equal(ASK(n, one, "ssh1.tunnel", &a), ERR_FORBIDDEN);
    static const char *const bad[] = {"", ".", "a..b", "a b", "a.", "..a", "a/b", "\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(names_add_suffix(n, bad[i]), ERR_USAGE);
    names_free(n);
}

static void aliases(void **state)
{
    (void)state;
    struct names *n = names_new();
    struct names_answer a;
    assert_int_equal(names_add_alias(n, "plc", "plc:modbus_2"), ERR_OK);
    assert_int_equal(names_add_alias(n, "PLC", "SSH_1"), ERR_USAGE);
    assert_int_equal(names_add_alias(n, "ssh-1", "ssh:1"), ERR_OK);
    assert_int_equal(names_add_alias(n, "far", "SSH1.plant7"), ERR_OK);
    assert_int_equal(names_add_alias(n, "gone", "nothing"), ERR_OK);
    assert_int_equal(names_add_alias(n, "", "x"), ERR_USAGE);
    assert_int_equal(names_add_alias(n, "x", ""), ERR_USAGE);
    assert_int_equal(ASK(n, strange, "Plc.tunnel", &a), ERR_OK);
    assert_string_equal(a.service, "plc:modbus_2");
    assert_int_equal(ASK(n, strange, "ssh-1.tunnel", &a), ERR_OK);
    assert_string_equal(a.service, "ssh:1");
    assert_int_equal(ASK(n, three, "far.tunnel", &a), ERR_OK);
    assert_int_equal(a.tunnel, 1);
    assert_int_equal(ASK(n, three, "plc.pump-07.tunnel", &a), ERR_OK);
    assert_int_equal(a.tunnel, 2);
    assert_int_equal(ASK(n, strange, "gone.tunnel", &a), ERR_NO_SERVICE);
    names_free(n);
}

static void foreign_names(void **state)
{
    static const char *const ours[] = {
        "ssh1.tunnel", "SSH1.TUNNEL", "ssh1.tunnel.",  "ssh1.tunnel..", "a.b.c.tunnel",
        "tunnel",      ".tunnel",     "x.lab.example", "lab.example",   "10.0.0.1.tunnel",
    };
    static const char *const foreign[] = {
        "",         "example.org", "xtunnel", "tunnel.example", "example",
        "10.1.2.3", "10.1.2.3.",   "::1",     "[::1]",          "x.tunnel.example",
    };
    (void)state;
    struct names *n = names_new();
    assert_int_equal(names_add_suffix(n, "tunnel"), ERR_OK);
    assert_int_equal(names_add_suffix(n, "lab.example"), ERR_OK);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (names_is_foreign(n, span_of(ours[i]), false))
            fail_msg("%s", ours[i]);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (!names_is_foreign(n, span_of(foreign[i]), false))
            fail_msg("%s", foreign[i]);
    assert_true(names_is_foreign(n, span_of("10.1.2.3"), true));
    names_free(n);
}

static void expect_canonical(const struct names *n, const struct names_tunnel *t, size_t count,
                             size_t tunnel, const char *service, bool fits, const char *host)
{
    char out[NAMES_HOST];
    bool result = names_canonical(n, t, count, tunnel, service, out);
    assert_string_equal(out, host);
    assert_int_equal(result, fits);
}

static void canonical(void **state)
{
    (void)state;
    struct names *n = names_new();
    expect_canonical(n, one, 1, 0, "SSH1", true, "ssh1.tunnel");
    expect_canonical(n, three, 3, 1, "SSH1", true, "ssh1.plant7.tunnel");
    expect_canonical(n, three, 3, 2, "plc:modbus_2", true, "plc-modbus-2.pump-07.tunnel");
    expect_canonical(n, bare, 2, 0, "", true, "default.tunnel");
    expect_canonical(n, strange, 1, 0, "SSH_1", false, "ssh_1.tunnel");
    expect_canonical(n, strange, 1, 0, "ssh:1", false, "ssh:1.tunnel");
    expect_canonical(n, strange, 1, 0, "Web", false, "Web.tunnel");
    expect_canonical(n, strange, 1, 0, "-dash", false, "-dash.tunnel");
    expect_canonical(n, strange, 1, 0, "xn--a", false, "xn--a.tunnel");
    assert_int_equal(names_add_alias(n, "W", "Web"), ERR_OK);
    expect_canonical(n, strange, 1, 0, "Web", true, "w.tunnel");
    names_free(n);
}

/* 128 characters on both sides do not fit a SOCKS5 name: an alias is needed. */
static void longest_names(void **state)
{
    (void)state;
    char service[129] = "", tunnel[129] = "", host[NAMES_HOST];
    memset(service, 's', 128);
    memset(tunnel, 't', 128);
    const char *const ids[] = {service};
    const struct names_tunnel t[] = {{tunnel, true, ids, 1, false}, {"", true, ids, 1, false}};
    struct names *n = names_new();
    assert_false(names_canonical(n, t, 2, 0, service, host));
    assert_string_equal(host, "");
    assert_false(names_canonical(n, t, 2, 1, service, host));
    assert_int_equal(strlen(host), 128 + 7);
    char target[300];
    snprintf(target, sizeof target, "%s.%s", service, tunnel);
    assert_int_equal(names_add_alias(n, "long", target), ERR_OK);
    assert_true(names_canonical(n, t, 2, 0, service, host));
    assert_string_equal(host, "long.tunnel");
    names_free(n);
}

/* ---- hosts behind the device ---- */

static void labels(void **state)
{
    static const struct {
        const char *label, *host;
        uint32_t port;
    } cases[] = {
        {"10-0-7-20--502", "10.0.7.20", 502},
        {"10-0-7-20", "10.0.7.20", 0},
        {"10-0-7-20--0", "10.0.7.20", 0},
        {"10-0-7-20--65536", "10.0.7.20", 65536},
        {"10-0-7-20--999999999", "10.0.7.20", 999999999},
        {"fd00-7--20--502", "fd00:7::20", 502},
        {"FD00-7--20--502", "fd00:7::20", 502},
        {"fd00-7----502", "fd00:7::", 502},
        {"0--1--22", "::1", 22},
        {"00fd--1--22", "fd::1", 22},
        {"2001-db8-0-0-0-0-0-7", "2001:db8::7", 0},
        {"2001-db8-0-0-0-0-0-7--80", "2001:db8::7", 80},
        {"0-0-0-0-0-ffff-7f00-1--22", "::ffff:127.0.0.1", 22},
        {"cam1--80", "cam1", 80},
        {"Cam_1-plant--8080", "cam-1-plant", 8080},
        {"10-0-7-999--502", "10-0-7-999", 502},
        {"10-0-7-020--502", "10-0-7-020", 502},
        {"fd00-7--20", "fd00-7", 20}, /* what is behind the last "--" is a port */
        {"db--5432", "db", 5432},
        /* none */
        {"", NULL, 0},
        {"ssh1", NULL, 0},
        {"cam1", NULL, 0},
        {"--80", NULL, 0},
        {"cam1--", NULL, 0},
        {"cam1--80x", NULL, 0},
        {"cam1-80", NULL, 0},
        {"cam1--1234567890", NULL, 0},
        {"cam 1--80", NULL, 0},
        {"10-0-7", NULL, 0},
        {"10-0-7-20-30", NULL, 0},
        {"fd00-7--x", NULL, 0},
        {"fd00-7--beef", NULL, 0},
        {"fd00-7--", NULL, 0},
        {"a123456789012345678901234567890123456789012345678901234567890123--80", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct names_target t;
        bool is = names_target(span_of(cases[i].label), &t);
        if (is != (cases[i].host != NULL))
            fail_msg("%s", cases[i].label);
        assert_string_equal(t.host, is ? cases[i].host : "");
        assert_int_equal(t.port, cases[i].port);
    }
}

static void targets(void **state)
{
    static const char *const ids[] = {"SSH1", "PLC", "a--1"};
    static const struct names_tunnel t[] = {
        {.name = "", .known = true, .services = ids, .n_services = 3},
        {.name = "bench", .known = true, .services = ids, .n_services = 2}};
    static const struct {
        const char *host;
        enum err why;
        size_t tunnel;
        const char *service, *target;
        uint32_t port;
    } cases[] = {
        {"10-0-7-20--502.PLC.tunnel", ERR_OK, 0, "PLC", "10.0.7.20", 502},
        {"10-0-7-20.plc.tunnel.", ERR_OK, 0, "PLC", "10.0.7.20", 0},
        {"10-0-7-20--502.PLC.bench.tunnel", ERR_OK, 1, "PLC", "10.0.7.20", 502},
        {"cam1--80.PLC.Bench.tunnel", ERR_OK, 1, "PLC", "cam1", 80},
        {"fd00-7--20--502.plc.tunnel", ERR_OK, 0, "PLC", "fd00:7::20", 502},
        {"PLC.tunnel", ERR_OK, 0, "PLC", "", 0},
        {"PLC.bench.tunnel", ERR_OK, 1, "PLC", "", 0},
        {"oven.tunnel", ERR_OK, 1, "PLC", "10.0.7.20", 502},
        {"far.tunnel", ERR_OK, 1, "PLC", "", 0},
        {"cam1--80.far.tunnel", ERR_OK, 1, "PLC", "cam1", 80},
        /* An id that looks like a target is a service in front of a tunnel's name. */
        {"a--1.tunnel", ERR_OK, 0, "a--1", "", 0},
        {"a--1.PLC.tunnel", ERR_OK, 0, "PLC", "a", 1},
        {"a--1.bench.tunnel", ERR_NO_SERVICE, 1, "", "", 0},
        {"10-0-7-20--502.SSH9.tunnel", ERR_NO_SERVICE, 0, "", "10.0.7.20", 502},
        {"10-0-7-20--502.PLC.other.tunnel", ERR_NO_SERVICE, 0, "", "10.0.7.20", 502},
        {"cam1.PLC.tunnel", ERR_NO_SERVICE, 0, "", "", 0},
        {"cam1.PLC.bench.tunnel", ERR_NO_SERVICE, 0, "", "", 0},
        {"x.10-0-7-20--502.PLC.bench.tunnel", ERR_NO_SERVICE, 0, "", "", 0},
        {"10-0-7-20--502..PLC.tunnel", ERR_NO_SERVICE, 0, "", "", 0},
        {".PLC.bench.tunnel", ERR_NO_SERVICE, 0, "", "", 0},
        {"10-0-7-20--502.PLC.bench..tunnel", ERR_NO_SERVICE, 0, "", "", 0},
    };
    (void)state;
    struct names *n = names_new();
    assert_int_equal(names_add_alias(n, "oven", "10-0-7-20--502.PLC.bench"), ERR_OK);
    assert_int_equal(names_add_alias(n, "far", "PLC.bench"), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct names_answer a;
        if (ASK(n, t, cases[i].host, &a) != cases[i].why)
            fail_msg("%s: %s", cases[i].host, a.text);
        assert_string_equal(a.service, cases[i].service);
        assert_int_equal(a.tunnel, cases[i].tunnel);
        assert_string_equal(a.target.host, cases[i].target);
        assert_int_equal(a.target.port, cases[i].port);
    }
    /* The name that is shown for a service is never that of a host behind it. */
    expect_canonical(n, t, 2, 1, "PLC", true, "far.tunnel");
    expect_canonical(n, t, 2, 0, "PLC", true, "plc.tunnel");
    names_free(n);
}

/* With devices every name of three parts says which. */
static void targets_of_devices(void **state)
{
    static const struct {
        const char *host;
        size_t from, count; /* of demand */
        enum err why;
        bool found;
        const char *label, *device;
    } cases[] = {
        {"cam1--80.SSH1.plant7.tunnel", 0, 4, ERR_OK, true, "SSH1", "plant7"},
        {"cam1--80.plc-modbus-2.pump-07.tunnel", 0, 4, ERR_OK, true, "plc-modbus-2", "pump-07"},
        {"cam1--80.PLC.pump-7.tunnel", 0, 4, ERR_NO_SERVICE, false, "PLC", "pump-7"},
        {"cam1--80.ssh1.tunnel", 1, 3, ERR_OK, true, "ssh1", ""},
        /* A device is not taken for a service because its tunnel is there at the moment. */
        {"cam1--80.pump-07.tunnel", 1, 3, ERR_NO_SERVICE, true, "pump-07", ""},
        {"cam1--80.pump-07.tunnel", 1, 1, ERR_NO_SERVICE, true, "pump-07", ""},
        {"cam1--80.pump-07.tunnel", 2, 1, ERR_NO_SERVICE, false, "pump-07", ""},
    };
    (void)state;
    struct names *n = names_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct names_answer a;
        if (ask_device(n, demand + cases[i].from, cases[i].count, cases[i].host, NULL, &a) !=
            cases[i].why)
            fail_msg("%s: %s", cases[i].host, a.text);
        assert_int_equal(a.tunnel_found, cases[i].found);
        assert_true(span_is(a.label, cases[i].label) && span_is(a.device, cases[i].device));
        assert_string_equal(a.target.host, "cam1");
        assert_int_equal(a.target.port, 80);
    }
    names_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names),
        cmocka_unit_test(likeness),
        cmocka_unit_test(sentences),
        cmocka_unit_test(long_sentences_are_cut),
        cmocka_unit_test(tunnels),
        cmocka_unit_test(devices),
        cmocka_unit_test(without_services),
        cmocka_unit_test(suffixes),
        cmocka_unit_test(aliases),
        cmocka_unit_test(canonical),
        cmocka_unit_test(longest_names),
        cmocka_unit_test(foreign_names),
        cmocka_unit_test(labels),
        cmocka_unit_test(targets),
        cmocka_unit_test(targets_of_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
