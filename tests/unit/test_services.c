#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The map written out: "ID=where;..." with "port" where no host was given. */
static void describe(const struct services *s, char *out, size_t size)
{
    char where[200], target[100];
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < s->n; i++)
        used += (size_t)snprintf(out + used, size - used, "%s=%s%.*s%s%s;", s->items[i].id,
                                 service_where(&s->items[i], "port", where, sizeof where),
                                 s->items[i].proxy, "++", s->items[i].target != NULL ? ">" : "",
                                 service_target(&s->items[i], target, sizeof target));
}

static void maps(void **state)
{
    (void)state;
    static const struct {
        const char *text, *map, *warning;
        enum services_use use;
    } cases[] = {
        {"22", "=port:22;", "", SERVICES_DIAL},
        {":22", "=port:22;", "", SERVICES_DIAL},
        {"HTTP1=80,SSH1=22", "HTTP1=port:80;SSH1=port:22;", "", SERVICES_DIAL},
        {" HTTP1 = 80 , SSH1=22 ", "HTTP1=port:80;SSH1=port:22;", "", SERVICES_DIAL},
        {"SSH1=host.example:22", "SSH1=host.example:22;", "", SERVICES_DIAL},
        {"127.0.0.1:65535", "=127.0.0.1:65535;", "", SERVICES_DIAL},
        {"[::1]:22", "=[::1]:22;", "", SERVICES_DIAL},
        {"a=[fe80::1%eth0]:22", "a=[fe80::1%eth0]:22;", "", SERVICES_DIAL},
        {"/run/x.sock", "=/run/x.sock;", "", SERVICES_DIAL},
        {"/run/a=b.sock", "=/run/a=b.sock;", "", SERVICES_DIAL},
        {"x=./a=b.sock", "x=./a=b.sock;", "", SERVICES_DIAL},
        {"plc:modbus_2=502", "plc:modbus_2=port:502;", "", SERVICES_DIAL},
        {"-=1,_=2", "-=port:1;_=port:2;", "", SERVICES_DIAL},
        {"A=1,A=2,B=3", "A=port:1;B=port:3;",
         "service id \"A\" is mapped twice; the first mapping (port:1) counts", SERVICES_DIAL},
        {"PLC=10.0.7.0/24:102,502", "PLC=10.0.7.0/24:102,502;", "", SERVICES_DIAL},
        {"A=1,PLC=10.0.7.0/24:102, 502 ,[fd00::]/64:1-9,B=2",
         "A=port:1;PLC=10.0.7.0/24:102, 502 ,[fd00::]/64:1-9;B=port:2;", "", SERVICES_DIAL},
        {"10.0.7.0/24:102,502", "=10.0.7.0/24:102,502;", "", SERVICES_DIAL},
        {"A=host:1,A=host:2,3", "A=host:1;",
         "service id \"A\" is mapped twice; the first mapping (host:1) counts", SERVICES_DIAL},
        {"A=10.0.7.0/24:7", "A=10.0.7.0/24:7;", "", SERVICES_DIAL_ONE},
        {"WEB=80,proxy=v2,SSH1=22", "WEB=port:80++;SSH1=port:22;", "", SERVICES_DIAL},
        {"WEB=[::1]:80 , proxy=v1", "WEB=[::1]:80+;", "", SERVICES_DIAL},
        {"80,proxy=v1", "=port:80+;", "", SERVICES_DIAL},
        {"A=/run/x.sock,proxy=v2", "A=/run/x.sock++;", "", SERVICES_DIAL},
        {"A=10.0.7.0/24:1,2,proxy=v2,B=3", "A=10.0.7.0/24:1,2++;B=port:3;", "", SERVICES_DIAL},
        {"A=80,proxy=8080", "A=port:80;proxy=port:8080;", "", SERVICES_DIAL},
        {"A=80,proxy=v2:8080", "A=port:80;proxy=v2:8080;", "", SERVICES_DIAL},
        {"A=0", "A=port:0;", "", SERVICES_LISTEN},
        {"A=127.0.0.2:5555,B=[::]:1", "A=127.0.0.2:5555;B=[::]:1;", "", SERVICES_LISTEN},
        {"A=127.0.0.2:5555,B=[::]:1,C=0,D=/s/x:y", "A=127.0.0.2:5555;B=[::]:1;C=port:0;D=/s/x:y;",
         "", SERVICES_FORWARD},
        {"5555:10.0.7.20:502", "=port:5555>10.0.7.20:502;", "", SERVICES_FORWARD},
        {"P=:0:Cam_1.plant:80", "P=port:0>Cam_1.plant:80;", "", SERVICES_FORWARD},
        {"P=127.0.0.2:5501:10.0.7.20:502,P=localhost:5502:[FD00:7:0::20]:65535",
         "P=127.0.0.2:5501>10.0.7.20:502;P=localhost:5502>[fd00:7::20]:65535;", "",
         SERVICES_FORWARD},
        {"P=[::1]:1:[::ffff:10.0.7.1]:1", "P=[::1]:1>[::ffff:10.0.7.1]:1;", "", SERVICES_FORWARD},
        {"P=/run/x.sock:10.0.7.20:502,P=./a:b/c:d:h:1",
         "P=/run/x.sock>10.0.7.20:502;P=./a:b/c:d>h:1;", "", SERVICES_FORWARD},
        {"P=./a:b:1/c,P=./a:1:b/c:1", "P=./a:b:1/c;",
         "service id \"P\" is mapped twice; the first mapping (./a:b:1/c) counts",
         SERVICES_FORWARD},
        {"P=1,P=2:h:1,P=3:h:2,P=4:h:1", "P=port:1;P=port:2>h:1;P=port:3>h:2;",
         "service id \"P\" is mapped twice to h:1; the first mapping (port:2) counts",
         SERVICES_FORWARD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct services s = {0};
        char problem[300] = "", map[300];
        assert_int_equal(services_parse(&s, cases[i].text, cases[i].use, problem, sizeof problem),
                         ERR_OK);
        describe(&s, map, sizeof map);
        assert_string_equal(map, cases[i].map);
        assert_string_equal(s.warning, cases[i].warning);
        assert_string_equal(problem, "");
        services_free(&s);
    }
}

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define FORMS ": write PORT, HOST:PORT, [IPv6]:PORT or /path/of.socket"

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"", "\"\" has an empty mapping in it"},
        {"A=1,", "\"A=1,\" has an empty mapping in it"},
        {"A=1,,B=2", "\"A=1,,B=2\" has an empty mapping in it"},
        {"A=", "\"\" has no port from 1 to 65535" FORMS},
        {"A=0", "\"0\" has no port from 1 to 65535" FORMS},
        {"65536", "\"65536\" has no port from 1 to 65535" FORMS},
        {"-1", "\"-1\" has no port from 1 to 65535" FORMS},
        {"host", "\"host\" has no port from 1 to 65535" FORMS},
        {"host:", "\"host:\" has no port from 1 to 65535" FORMS},
        {"ho st:22", "\"ho st:22\" has no valid host name" FORMS},
        {"::1:22", "\"::1:22\" has too many colons (an IPv6 address goes in brackets)" FORMS},
        {"[::1]", "\"[::1]\" is not an address in brackets with a port" FORMS},
        {"[::1:22", "\"[::1:22\" is not an address in brackets with a port" FORMS},
        {"[]:22", "\"[]:22\" is not an address in brackets with a port" FORMS},
        {"A=1=2", "\"1=2\" has no port from 1 to 65535" FORMS},
        {"=22", "\"\" is not a service id: it has 1 to 128 letters, digits, '-', '_' or ':'"},
        {"a b=22", "\"a b\" is not a service id: it has 1 to 128 letters, digits, '-', '_' or ':'"},
        {"\x01=2", "\"\\x01\" is not a service id: it has 1 to 128 letters, digits, '-', '_' or "
                   "':'"},
        {"22,23", "\"22,23\": with several mappings each needs a service id, as in "
                  "SSH1=22,HTTP1=80"},
        {"A=/run/x.sock,80",
         "\"A=/run/x.sock,80\": with several mappings each needs a service id, as "
         "in SSH1=22,HTTP1=80"},
        {"A=host:1,", "\"A=host:1,\" has an empty mapping in it"},
        {"A=10.0.7.0/24", "\"10.0.7.0/24\" has no port: write NETWORK/BITS:PORT,PORT-PORT"},
        {"A=80,proxy=v3", "\"proxy=v3\" is none of proxy=v1 and proxy=v2"},
        {"A=80,proxy=v1,proxy=v2", "\"v2\" has no port from 1 to 65535" FORMS},
        {"A=10.0.7.0/24:1,proxy=v1,2",
         "\"A=10.0.7.0/24:1,proxy=v1,2\": with several mappings each needs a service id, as in "
         "SSH1=22,HTTP1=80"},
        {"proxy=v1", "\"v1\" has no port from 1 to 65535" FORMS},
        {"A=10.0.7.0/24:1,x", "\"x\" has no port, or range of ports, from 1 to 65535"},
        {"SSH1=22,80", "\"SSH1=22,80\": with several mappings each needs a service id, as in "
                       "SSH1=22,HTTP1=80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct services s = {0};
        char problem[300] = "";
        assert_int_equal(services_parse(&s, cases[i].text, SERVICES_DIAL, problem, sizeof problem),
                         ERR_USAGE);
        assert_string_equal(problem, cases[i].problem);
        services_free(&s);
    }
}

#define PLACES                                                                                     \
    ": write PORT, ADDRESS:PORT, [IPv6]:PORT or /path/of.socket, and :HOST:PORT behind it for a "  \
    "host behind the device"
#define NO_PORT " has no port from 1 to 65535 of the host behind the device"
#define NO_HOST " names no host behind the device: write HOST:PORT or [IPv6]:PORT"
#define COLONS " has too many colons (an IPv6 address goes in brackets)" PLACES

static void refused_targets(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"A=5555:10.0.7.20", "\"5555:10.0.7.20\" has no port from 0 to 65535" PLACES},
        {"A=5555:h:", "\"h:\"" NO_PORT},
        {"A=5555:h:0", "\"h:0\"" NO_PORT},
        {"A=5555:h:65536", "\"h:65536\"" NO_PORT},
        {"A=/s:h:s", "\"h:s\"" NO_PORT},
        {"A=5555:10.0.7.256:1", "\"10.0.7.256:1\"" NO_HOST},
        {"A=5555:-h:1", "\"-h:1\"" NO_HOST},
        {"A=5555:[10.0.7.2]:1", "\"[10.0.7.2]:1\"" NO_HOST},
        {"A=5555:[fe80::1%eth0]:1", "\"[fe80::1%eth0]:1\"" NO_HOST},
        {"A=65536:h:1", "\"65536\" has no port from 0 to 65535" PLACES},
        {"A=*:5555:h:1", "\"*:5555\" has no valid host name" PLACES},
        {"A=5555::1", "\"5555::1\"" COLONS},
        {"A=::1:22", "\"::1:22\"" COLONS},
        {"A=5555:fd00::7:502", "\"5555:fd00::7:502\"" COLONS},
        {"A=5555:fd00:1:7:502", "\"5555:fd00:1\"" COLONS},
        {"A=[::1:h:1", "\"[::1\" is not an address in brackets with a port" PLACES},
        {"1:h:1,2:h:2", "\"1:h:1,2:h:2\": with several mappings each needs a service id, as in "
                        "SSH1=22,HTTP1=80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct services s = {0};
        char problem[300] = "";
        assert_int_equal(
            services_parse(&s, cases[i].text, SERVICES_FORWARD, problem, sizeof problem),
            ERR_USAGE);
        assert_string_equal(problem, cases[i].problem);
        services_free(&s);
    }
    struct services s = {0};
    char problem[300];
    /* The reference program's maps know no targets. */
    assert_int_equal(services_parse(&s, "A=5555:h:1", SERVICES_LISTEN, problem, sizeof problem),
                     ERR_USAGE);
}

static void same_maps(void **state)
{
    (void)state;
    static const char *const texts[] = {"P=1", "P=1:h:1", "P=1:h:2", "P=1:i:1", "P=1:[::1]:1"};
    enum { N = sizeof texts / sizeof *texts };
    struct services maps[N] = {{.n = 0}}, again = {.n = 0};
    char problem[300];
    for (size_t i = 0; i < N; i++)
        assert_int_equal(
            services_parse(&maps[i], texts[i], SERVICES_FORWARD, problem, sizeof problem), ERR_OK);
    assert_int_equal(
        services_parse(&again, "P=1:[0::1]:1", SERVICES_FORWARD, problem, sizeof problem), ERR_OK);
    for (size_t i = 0; i < N; i++) {
        assert_true(services_same(&again, &maps[i]) == (i == N - 1));
        for (size_t j = 0; j < N; j++)
            assert_true(services_same(&maps[i], &maps[j]) == (i == j));
    }
    for (size_t i = 0; i < N; i++)
        services_free(&maps[i]);
    services_free(&again);
}

static void lengths(void **state)
{
    (void)state;
    struct services s = {0};
    char problem[300];
    assert_int_equal(
        services_parse(&s, HUNDRED TEN TEN "01234567=1", SERVICES_DIAL, problem, sizeof problem),
        ERR_OK);
    assert_int_equal(
        services_parse(&s, HUNDRED TEN TEN "012345678=1", SERVICES_DIAL, problem, sizeof problem),
        ERR_USAGE);
    assert_int_equal(
        services_parse(&s, "p=/" HUNDRED "012345", SERVICES_DIAL, problem, sizeof problem), ERR_OK);
    assert_int_equal(
        services_parse(&s, "q=/" HUNDRED "0123456", SERVICES_DIAL, problem, sizeof problem),
        ERR_USAGE);
    assert_int_equal(s.n, 2);
    services_free(&s);
}

static void adds_up(void **state)
{
    (void)state;
    struct services s = {0};
    char problem[300];
    assert_int_equal(services_parse(&s, "A=1", SERVICES_DIAL, problem, sizeof problem), ERR_OK);
    assert_false(services_unnamed(&s));
    assert_int_equal(services_parse(&s, "B=2", SERVICES_DIAL, problem, sizeof problem), ERR_OK);
    assert_int_equal(services_find(&s, "B")->port, 2);
    assert_null(services_find(&s, "b"));
    assert_null(services_find(&s, ""));
    assert_int_equal(services_parse(&s, "3", SERVICES_DIAL, problem, sizeof problem), ERR_USAGE);
    services_free(&s);
    assert_int_equal(services_parse(&s, "3", SERVICES_DIAL, problem, sizeof problem), ERR_OK);
    assert_true(services_unnamed(&s));
    services_free(&s);
}

/* Whatever it is, it ends in a map or a sentence. */
static void random_text(void **state)
{
    (void)state;
    static const char alphabet[] = "A=1,[]:/. %\x7f";
    unsigned seed = 11;
    for (int round = 0; round < 20000; round++) {
        struct services s = {0};
        char text[24], problem[300] = "";
        size_t n = (size_t)rand_r(&seed) % (sizeof text - 1);
        for (size_t i = 0; i < n; i++)
            text[i] = alphabet[(size_t)rand_r(&seed) % (sizeof alphabet - 1)];
        text[n] = '\0';
        enum services_use use = (enum services_use)(rand_r(&seed) % (SERVICES_FORWARD + 1));
        enum err why = services_parse(&s, text, use, problem, sizeof problem);
        assert_true((why == ERR_OK) == (*problem == '\0'));
        assert_true(why != ERR_OK || s.n > 0);
        services_free(&s);
    }
}

/* ---- directories ---- */

static char root[] = "/tmp/test-services-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make_directory(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static void directory(void **state)
{
    (void)state;
    struct services s = {0};
    char problem[300] = "", map[400];
    make_directory("m");
    make_directory("m/deep");
    put("z.ini", "SSH1 = 9\nLAST=[::1]:4\n");
    put("b.ini", "# services\nSSH1 = 22\nplc:1 = host:502\n");
    put("m/x", "M=/run/m.sock\nPLC = 10.0.7.0/24:102,502,proxy=v1\n");
    put("m/deep/y", "D=5\n");
    put(".hidden", "garbage");
    put("b.ini~", "garbage");
    assert_int_equal(services_load(&s, root, SERVICES_DIAL, problem, sizeof problem), ERR_OK);
    describe(&s, map, sizeof map);
    assert_string_equal(
        map,
        "SSH1=port:22;plc:1=host:502;D=port:5;M=/run/m.sock;PLC=10.0.7.0/24:102,502+;LAST=[::1]:4;");
    assert_string_not_equal(s.warning, "");
    services_free(&s);
}

static void directory_problems(void **state)
{
    (void)state;
    struct services s = {0};
    char problem[300] = "", expected[300];
    assert_int_equal(services_load(&s, root, SERVICES_DIAL, problem, sizeof problem), ERR_OK);
    assert_int_equal(s.n, 0);
    put("a", "\nSSH1 = nowhere\n");
    assert_int_equal(services_load(&s, root, SERVICES_DIAL, problem, sizeof problem), ERR_USAGE);
    snprintf(expected, sizeof expected, "%s/a:2: \"nowhere\" has no port from 1 to 65535" FORMS,
             root);
    assert_string_equal(problem, expected);
    put("a", "SSH1\n");
    assert_int_equal(services_load(&s, root, SERVICES_DIAL, problem, sizeof problem), ERR_USAGE);
    snprintf(expected, sizeof expected, "%s/a:1: \"SSH1\" is not \"key = value\"", root);
    assert_string_equal(problem, expected);
    assert_int_equal(services_load(&s, "/nonexistent", SERVICES_DIAL, problem, sizeof problem),
                     ERR_NOT_FOUND);
    services_free(&s);
}

static void directory_loop(void **state)
{
    (void)state;
    struct services s = {0};
    char problem[600] = "", path[128];
    snprintf(path, sizeof path, "%s/again", root);
    assert_int_equal(symlink(root, path), 0);
    assert_int_equal(services_load(&s, root, SERVICES_DIAL, problem, sizeof problem),
                     ERR_TOO_LARGE);
    services_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps),
        cmocka_unit_test(refused),
        cmocka_unit_test(refused_targets),
        cmocka_unit_test(same_maps),
        cmocka_unit_test(lengths),
        cmocka_unit_test(adds_up),
        cmocka_unit_test(random_text),
        cmocka_unit_test_setup_teardown(directory, setup, teardown),
        cmocka_unit_test_setup_teardown(directory_problems, setup, teardown),
        cmocka_unit_test_setup_teardown(directory_loop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
