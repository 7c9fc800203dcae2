/* The hosts behind a device: what a list may say, and every address just outside its edges. */
#include "core/config/targets.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct targets *list_of(const char *text)
{
    char problem[300] = "";
    enum err why;
    struct targets *t = targets_parse(span_of(text), &why, problem, sizeof problem);
    if (t == NULL)
        fail_msg("%s: %s", text, problem);
    assert_int_equal(why, ERR_OK);
    return t;
}

/* What is dialled, or "". */
static const char *ask(const char *text, const char *host, uint32_t port)
{
    static char dial[TARGETS_HOST];
    struct targets *t = list_of(text);
    if (!targets_allow(t, host, port, dial))
        dial[0] = '\0';
    targets_free(t);
    return dial;
}

static void lists(void **state)
{
    static const char *const are[] = {
        "10.0.7.0/24:102", "10.0.7.0/24:102,502", "[fd00:7::]/64:1", "10.0.7.7:1,2", "cam1:80,81",
        "cam1:80-90",      "[::1]:22,[::2]:22",   "10.0.7.0/24:",    "a/b:1,2",      "10.0.7.0/24"};
    static const char *const are_not[] = {"",         "22",       "22,23",    ":22",
                                          "cam1:80",  "[::1]:22", "/run/x:1", "/run/x.sock,22",
                                          "run/x:80", "cam1:a-b", "run/x"};
    (void)state;
    for (size_t i = 0; i < sizeof are / sizeof *are; i++)
        if (!targets_is_list(span_of(are[i])))
            fail_msg("%s", are[i]);
    for (size_t i = 0; i < sizeof are_not / sizeof *are_not; i++)
        if (targets_is_list(span_of(are_not[i])))
            fail_msg("%s", are_not[i]);
}

static void problems(void **state)
{
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"10.0.7.1/24:1", "\"10.0.7.1/24\" has bits behind its prefix: write the network's first "
                          "address"},
        {"10.0.7.0/33:1", "\"10.0.7.0/33\" is no network (10.0.7.0/24, [fd00:7::]/64), address or "
                          "host name"},
        {"10.0.7.256:1,2", "\"10.0.7.256\" is no network (10.0.7.0/24, [fd00:7::]/64), address or "
                           "host name"},
        {"[::ffff:10.0.7.0]/120:1",
         "\"[::ffff:10.0.7.0]/120\" is an IPv4 address in IPv6: write it as IPv4"},
        {"[fd00:7::1]/64:1", "\"[fd00:7::1]/64\" has bits behind its prefix: write the network's "
                             "first address"},
        {"10.0.7.0/24:0", "\"10.0.7.0/24:0\" has no port, or range of ports, from 1 to 65535"},
        {"10.0.7.0/24:", "\"10.0.7.0/24:\" has no port, or range of ports, from 1 to 65535"},
        {"10.0.7.0/24:9-8", "\"10.0.7.0/24:9-8\" has no port, or range of ports, from 1 to 65535"},
        {"10.0.7.0/24:1-", "\"10.0.7.0/24:1-\" has no port, or range of ports, from 1 to 65535"},
        {"10.0.7.0/24:1,65536", "\"65536\" has no port, or range of ports, from 1 to 65535"},
        {"10.0.7.0/24:1,", "\"\" has no port, or range of ports, from 1 to 65535"},
        {"10.0.7.0/24", "\"10.0.7.0/24\" has no port: write NETWORK/BITS:PORT,PORT-PORT"},
        {"cam1:1,[fd00::]/64", "\"[fd00::]/64\" has no port: write NETWORK/BITS:PORT,PORT-PORT"},
        {"22,23", "\"22\" has no host: write NETWORK/BITS:PORT,PORT-PORT or HOST:PORT"},
        {"cam.1:1,cam-1:1",
         "\"cam-1:1\" and cam.1 are the same in a host name, which has '-' for both"},
        {"a123456789012345678901234567890123456789012345678901234567:1",
         "\"a123456789012345678901234567890123456789012345678901234567\" is too long: with its "
         "port it has to fit 63 characters"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[300] = "";
        enum err why;
        assert_null(targets_parse(span_of(cases[i].text), &why, problem, sizeof problem));
        assert_int_equal(why, ERR_USAGE);
        assert_string_equal(problem, cases[i].problem);
    }
}

static void a_list_has_an_end(void **state)
{
    static char text[8 * (TARGETS_MAX + 2)] = "10.0.7.0/24:1";
    char problem[300] = "";
    enum err why;
    (void)state;
    for (int i = 1; i < TARGETS_MAX; i++)
        strcat(text, ",2");
    targets_free(list_of(text));
    strcat(text, ",3");
    assert_null(targets_parse(span_of(text), &why, problem, sizeof problem));
    assert_string_equal(problem, "\"3\" is one target more than a service can have (256)");
}

static void allowed(void **state)
{
    static const char list[] = "10.0.7.0/24:102,502,[fd00:7::]/64:502,Cam_1.plant:8000-8010,"
                               "192.0.2.7:22";
    static const struct {
        const char *host;
        uint32_t port;
        const char *dial;
    } cases[] = {
        {"10.0.7.20", 102, "10.0.7.20"},
        {"10.0.7.0", 502, "10.0.7.0"},
        {"10.0.7.255", 502, "10.0.7.255"},
        {"::ffff:10.0.7.20", 502, "10.0.7.20"},
        {"fd00:7::20", 502, "fd00:7::20"},
        {"FD00:7:0:0:0::20", 502, "fd00:7::20"},
        {"cam-1-plant", 8000, "Cam_1.plant"},
        {"CAM-1.plant", 8010, "Cam_1.plant"},
        {"192.0.2.7", 22, "192.0.2.7"},
        /* ports */
        {"10.0.7.20", 101, ""},
        {"10.0.7.20", 103, ""},
        {"10.0.7.20", 0, ""},
        {"10.0.7.20", 65536 + 102, ""},
        {"fd00:7::20", 102, ""},
        {"cam-1-plant", 7999, ""},
        {"cam-1-plant", 8011, ""},
        {"192.0.2.7", 102, ""},
        /* hosts */
        {"192.0.2.6", 22, ""},
        {"192.0.2.8", 22, ""},
        {"fd00:6:ffff:ffff:ffff:ffff:ffff:ffff", 502, ""},
        {"fd00:7:0:1::", 502, ""},
        {"::10.0.7.20", 502, ""},
        {"64:ff9b::a00:714", 502, ""},
        {"cam-1", 8000, ""},
        {"cam-1-plant-x", 8000, ""},
        {"am-1-plant", 8000, ""},
        {"", 502, ""},
        {"", 8000, ""},
        /* forms that inet_aton(3) would take */
        {"10.0.1812", 502, ""},
        {"0x0a000714", 502, ""},
        {"10.0.7.020", 502, ""},
        {"167773972", 502, ""},
        {"10.0.7.20 ", 502, ""},
        {"fd00:7::20%lo", 502, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dial = ask(list, cases[i].host, cases[i].port);
        if (strcmp(dial, cases[i].dial) != 0)
            fail_msg("%s:%u leads to \"%s\"", cases[i].host, cases[i].port, dial);
    }
}

/* The device itself, links and groups: by their own networks only. */
static void special(void **state)
{
    static const struct {
        const char *list, *host, *dial;
    } cases[] = {
        {"0.0.0.0/0:1", "9.255.255.255", "9.255.255.255"},
        {"0.0.0.0/0:1", "126.255.255.255", "126.255.255.255"},
        {"0.0.0.0/0:1", "127.0.0.0", ""},
        {"0.0.0.0/0:1", "127.255.255.255", ""},
        {"0.0.0.0/0:1", "128.0.0.0", "128.0.0.0"},
        {"0.0.0.0/0:1", "0.0.0.0", ""},
        {"0.0.0.0/0:1", "0.255.255.255", ""},
        {"0.0.0.0/0:1", "1.0.0.0", "1.0.0.0"},
        {"0.0.0.0/0:1", "169.253.255.255", "169.253.255.255"},
        {"0.0.0.0/0:1", "169.254.0.0", ""},
        {"0.0.0.0/0:1", "169.254.255.255", ""},
        {"0.0.0.0/0:1", "169.255.0.0", "169.255.0.0"},
        {"0.0.0.0/0:1", "223.255.255.255", "223.255.255.255"},
        {"0.0.0.0/0:1", "224.0.0.0", ""},
        {"0.0.0.0/0:1", "239.255.255.255", ""},
        {"0.0.0.0/0:1", "240.0.0.0", ""},
        {"0.0.0.0/0:1", "255.255.255.255", ""},
        {"0.0.0.0/0:1", "::ffff:127.0.0.1", ""},
        {"0.0.0.0/0:1", "::ffff:0.0.0.0", ""},
        {"0.0.0.0/0:1", "::ffff:8.8.8.8", "8.8.8.8"},
        {"0.0.0.0/0:1", "::1", ""},
        {"0.0.0.0/0:1", "2001:db8::1", ""},
        {"[::]/0:1", "10.0.7.20", ""},
        {"[::]/0:1", "::ffff:10.0.7.20", ""},
        {"[::]/0:1", "::ffff:127.0.0.1", ""},
        {"[::]/0:1", "::", ""},
        {"[::]/0:1", "::1", ""},
        {"[::]/0:1", "::2", ""},
        {"[::]/0:1", "::127.0.0.1", ""},
        {"[::]/0:1", "::ffff:ffff", ""},
        {"[::]/0:1", "::1:0:0", "::1:0:0"},
        {"[::]/0:1", "fe7f:ffff::1", "fe7f:ffff::1"},
        {"[::]/0:1", "fe80::1", ""},
        {"[::]/0:1", "febf:ffff::1", ""},
        {"[::]/0:1", "fec0::1", "fec0::1"},
        {"[::]/0:1", "feff:ffff::1", "feff:ffff::1"},
        {"[::]/0:1", "ff00::1", ""},
        {"[::]/0:1", "ffff:ffff::1", ""},
        {"126.0.0.0/7:1", "127.0.0.1", ""},
        {"[::]/95:1", "::1", ""},
        {"[::]/96:1", "::1", ""},
        {"[::]/96:1", "::2", "::2"},
        {"[::]/127:1", "::1", ""},
        /* listed */
        {"127.0.0.0/8:1", "127.1.2.3", "127.1.2.3"},
        {"127.0.0.1:1,2", "127.0.0.1", "127.0.0.1"},
        {"127.0.0.1:1,2", "::ffff:127.0.0.1", "127.0.0.1"},
        {"127.0.0.1:1,2", "127.0.0.2", ""},
        {"127.0.0.1:1,2", "127.0.0.0", ""},
        {"[::1]:1,2", "::1", "::1"},
        {"[::1]:1,2", "::", ""},
        {"[fe80::]/64:1", "fe80::7", "fe80::7"},
        {"169.254.7.0/24:1", "169.254.7.7", "169.254.7.7"},
        {"169.254.7.0/24:1", "169.254.8.0", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *dial = ask(cases[i].list, cases[i].host, 1);
        if (strcmp(dial, cases[i].dial) != 0)
            fail_msg("%s: %s leads to \"%s\"", cases[i].list, cases[i].host, dial);
    }
}

/* ---- the edges of every prefix ---- */

static void set_bits(uint8_t *bytes, unsigned from, unsigned to)
{
    for (unsigned bit = from; bit < to; bit++)
        bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

/* Adds 1 or takes it away. False: there is no such address. */
static bool step(uint8_t *bytes, size_t n, bool up)
{
    while (n-- > 0) {
        bytes[n] = (uint8_t)(up ? bytes[n] + 1 : bytes[n] - 1);
        if (bytes[n] != (up ? 0x00 : 0xff))
            return true;
    }
    return false;
}

static bool has(const struct targets *t, int family, const uint8_t *bytes)
{
    char host[INET6_ADDRSTRLEN], dial[TARGETS_HOST];
    assert_non_null(inet_ntop(family, bytes, host, sizeof host));
    bool is = targets_allow(t, host, 7, dial);
    assert_true(!is || strcmp(dial, host) == 0);
    return is;
}

/* The first and the last address are in; the one before and the one behind are not. */
static void check_edges(int family, const uint8_t *address, unsigned bits)
{
    size_t n = family == AF_INET ? 4 : 16;
    uint8_t first[16], last[16], before[16], behind[16];
    char host[INET6_ADDRSTRLEN], text[100];
    memcpy(first, address, n);
    for (unsigned bit = bits; bit < n * 8; bit++)
        first[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    memcpy(last, first, n);
    set_bits(last, bits, (unsigned)n * 8);
    memcpy(before, first, n);
    memcpy(behind, last, n);
    assert_non_null(inet_ntop(family, first, host, sizeof host));
    snprintf(text, sizeof text, family == AF_INET ? "%s/%u:7" : "[%s]/%u:7", host, bits);
    struct targets *t = list_of(text);
    if (!has(t, family, first) || !has(t, family, last))
        fail_msg("%s has not what it should", text);
    if (step(before, n, false) && has(t, family, before))
        fail_msg("%s has the address before", text);
    if (step(behind, n, true) && has(t, family, behind))
        fail_msg("%s has the address behind", text);
    targets_free(t);
}

static void edges(void **state)
{
    unsigned seed = 11;
    (void)state;
    for (int round = 0; round < 200; round++) {
        uint8_t address[16];
        for (size_t i = 0; i < sizeof address; i++)
            address[i] = (uint8_t)rand_r(&seed);
        address[0] = (uint8_t)(64 + address[0] % 32); /* far from all that is special */
        for (unsigned bits = 3; bits <= 32; bits++)
            check_edges(AF_INET, address, bits);
        for (unsigned bits = 3; bits <= 128; bits++)
            check_edges(AF_INET6, address, bits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),   cmocka_unit_test(problems), cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(allowed), cmocka_unit_test(special),  cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
