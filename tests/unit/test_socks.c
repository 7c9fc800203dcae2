#include "gateway/source/socks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What came of one conversation. */
struct outcome {
    enum socks_state state;
    enum err why;
    struct socks_request request;
    uint8_t out[64];
    size_t out_size;
    size_t used;
};

/* Feeds n bytes cut after `cuts[i]` bytes (0: one by one; the last cut repeats); answers
 * credentials with `right`. */
static struct outcome talk(enum socks_auth auth, bool right, const uint8_t *p, size_t n, size_t cut)
{
    struct outcome o = {.used = 0};
    struct socks *s = socks_new(auth);
    assert_non_null(s);
    while (o.used < n) {
        size_t piece = n - o.used < cut ? n - o.used : cut;
        uint8_t *copy = malloc(piece); /* so that a read past the piece is seen */
        assert_non_null(copy);
        memcpy(copy, p + o.used, piece);
        size_t used = socks_feed(s, copy, piece);
        free(copy);
        assert_true(used <= piece);
        o.used += used;
        uint8_t out[SOCKS_OUTPUT_MAX];
        size_t size = socks_output(s, out);
        assert_true(o.out_size + size <= sizeof o.out);
        memcpy(o.out + o.out_size, out, size);
        o.out_size += size;
        if (socks_state(s) == SOCKS_CHECK) {
            socks_authenticated(s, right);
            size = socks_output(s, out);
            memcpy(o.out + o.out_size, out, size);
            o.out_size += size;
        }
        if (socks_state(s) != SOCKS_MORE)
            break;
    }
    o.state = socks_state(s);
    o.why = socks_why(s);
    o.request = *socks_request(s);
    socks_free(s);
    return o;
}

static void same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->why, b->why);
    assert_int_equal(a->used, b->used);
    assert_int_equal(a->out_size, b->out_size);
    assert_memory_equal(a->out, b->out, a->out_size);
    assert_memory_equal(&a->request, &b->request, sizeof a->request);
}

/* Whole, byte by byte and at random splits: always the same. */
static struct outcome every_way(enum socks_auth auth, bool right, const void *p, size_t n)
{
    struct outcome whole = talk(auth, right, p, n, n);
    unsigned seed = 1;
    for (size_t cut = 1; cut < 8; cut++) {
        struct outcome o = talk(auth, right, p, n, cut);
        same(&whole, &o);
    }
    for (int i = 0; i < 50; i++) {
        struct outcome o = talk(auth, right, p, n, (size_t)rand_r(&seed) % n + 1);
        same(&whole, &o);
    }
    return whole;
}

#define WAY(auth, right, text) every_way(auth, right, text, sizeof(text) - 1)

static void assert_out(const struct outcome *o, const char *bytes, size_t n)
{
    assert_int_equal(o->out_size, n);
    assert_memory_equal(o->out, bytes, n);
}

#define SSH1 "\x03\x0bSSH1.tunnel\x00\x16"

static void socks5_name(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_NONE, false, "\x05\x01\x00\x05\x01\x00" SSH1);
    assert_int_equal(o.state, SOCKS_DONE);
    assert_int_equal(o.request.version, 5);
    assert_string_equal(o.request.host, "SSH1.tunnel");
    assert_int_equal(o.request.port, 22);
    assert_false(o.request.literal);
    assert_string_equal(o.request.user, "");
    assert_out(&o, "\x05\x00", 2);
}

static void an_address_as_a_name_has_no_brackets(void **state)
{
    static const struct {
        const char *sent, *host;
    } cases[] = {
        {"[2001:db8::7]", "2001:db8::7"}, /* npm's undici */
        {"[::]", "::"},
        {"[2001:0db8:0000:0000:0000:ffff:255.255.255.255]",
         "2001:0db8:0000:0000:0000:ffff:255.255.255.255"},
        {"2001:db8::7", "2001:db8::7"}, /* connect-proxy */
        {"[192.0.2.7]", "[192.0.2.7]"},
        {"[2001:db8::7", "[2001:db8::7"},
        {"[SSH1.tunnel]", "[SSH1.tunnel]"},
        {"[]", "[]"},
        {"[", "["},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char v5[80], v4a[80];
        int n5 = snprintf(v5, sizeof v5, "\x05\x01%c\x05\x01%c\x03%c%s%c\x16", 0, 0,
                          (int)strlen(cases[i].sent), cases[i].sent, 0);
        int n4 = snprintf(v4a, sizeof v4a, "\x04\x01%c\x16%c%c%c\x01%c%s%c", 0, 0, 0, 0, 0,
                          cases[i].sent, 0);
        struct outcome five = every_way(SOCKS_AUTH_NONE, false, v5, (size_t)n5);
        struct outcome four = every_way(SOCKS_AUTH_NONE, false, v4a, (size_t)n4);
        assert_string_equal(five.request.host, cases[i].host);
        assert_string_equal(four.request.host, cases[i].host);
        assert_int_equal(five.state, SOCKS_DONE);
        assert_int_equal(four.state, SOCKS_DONE);
        assert_false(five.request.literal);
    }
}

static void socks5_early_data_is_left(void **state)
{
    (void)state;
    const char text[] = "\x05\x01\x00\x05\x01\x00" SSH1 "GET / HTTP/1.1";
    struct outcome o = every_way(SOCKS_AUTH_NONE, false, text, sizeof text - 1);
    assert_int_equal(o.state, SOCKS_DONE);
    assert_int_equal(o.used, sizeof text - 1 - strlen("GET / HTTP/1.1"));
}

static void socks5_addresses(void **state)
{
    (void)state;
    struct outcome o =
        WAY(SOCKS_AUTH_NONE, false, "\x05\x02\x00\x01\x05\x01\x00\x01\x7f\x00\x00\x01\x01\xbb");
    assert_int_equal(o.state, SOCKS_DONE);
    assert_string_equal(o.request.host, "127.0.0.1");
    assert_true(o.request.literal);
    assert_int_equal(o.request.port, 443);

    o = WAY(SOCKS_AUTH_NONE, false,
            "\x05\x01\x00\x05\x01\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
            "\x00\x01\x00\x50");
    assert_int_equal(o.state, SOCKS_DONE);
    assert_string_equal(o.request.host, "::1");
    assert_true(o.request.literal);
}

static void socks5_longest_name(void **state)
{
    (void)state;
    uint8_t text[3 + 5 + 255 + 2] = {5, 1, 0, 5, 1, 0, 3, 255};
    memset(text + 8, 'a', 255);
    text[263] = 1;
    struct outcome o = every_way(SOCKS_AUTH_NONE, false, text, sizeof text);
    assert_int_equal(o.state, SOCKS_DONE);
    assert_int_equal(strlen(o.request.host), 255);
    assert_int_equal(o.request.port, 256);
}

static void socks5_bad_names(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_NONE, false,
                           "\x05\x01\x00\x05\x01\x00\x03\x03"
                           "a\0b\x00\x16");
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.why, ERR_PROTOCOL);
    assert_out(&o, "\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00", 12);

    o = WAY(SOCKS_AUTH_NONE, false, "\x05\x01\x00\x05\x01\x00\x03\x00\x00\x16");
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.why, ERR_PROTOCOL);
}

static void socks5_other_commands(void **state)
{
    (void)state;
    const uint8_t commands[] = {SOCKS_BIND, SOCKS_UDP, SOCKS_RESOLVE, 0xf1, 0, 9};
    for (size_t i = 0; i < sizeof commands; i++) {
        uint8_t text[] = "\x05\x01\x00\x05\x01\x00" SSH1;
        text[4] = commands[i];
        struct outcome o = every_way(SOCKS_AUTH_NONE, false, text, sizeof text - 1);
        assert_int_equal(o.state, SOCKS_FAILED);
        assert_int_equal(o.why, ERR_UNSUPPORTED);
        assert_int_equal(o.out[3], 7);
        assert_int_equal(o.request.command, commands[i]);
        assert_string_equal(o.request.host, "SSH1.tunnel");
    }
}

static void socks5_other_address_type(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_NONE, false, "\x05\x01\x00\x05\x01\x00\x02....");
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.why, ERR_ADDRESS_TYPE);
    assert_out(&o, "\x05\x00\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00", 12);
}

static void wrong_versions(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_NONE, false, "\x06\x01\x00");
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.used, 1);

    o = WAY(SOCKS_AUTH_NONE, false, "\x05\x01\x00\x04\x01\x00\x03");
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.why, ERR_PROTOCOL);

    o = WAY(SOCKS_AUTH_REQUIRED, true, "\x05\x01\x02\x05\x01u\x01p");
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.why, ERR_AUTH);
    assert_out(&o, "\x05\x02\x01\x01", 4);
}

static void methods(void **state)
{
    (void)state;
    static const struct {
        enum socks_auth auth;
        const char *offered;
        size_t n;
        uint8_t chosen;
    } cases[] = {
        {SOCKS_AUTH_NONE, "\x05\x01\x00", 3, 0},
        {SOCKS_AUTH_NONE, "\x05\x02\x00\x02", 4, 0},
        {SOCKS_AUTH_NONE, "\x05\x02\x02\x00", 4, 0},
        {SOCKS_AUTH_NONE, "\x05\x03\x00\x03\x02", 5, 0}, /* PuTTY, also without a user name */
        {SOCKS_AUTH_NONE, "\x05\x01\x02", 3, 2},
        {SOCKS_AUTH_NONE, "\x05\x01\x01", 3, 0xff},
        {SOCKS_AUTH_NONE, "\x05\x00", 2, 0xff},
        {SOCKS_AUTH_OPTIONAL, "\x05\x03\x00\x01\x02", 5, 2},
        {SOCKS_AUTH_OPTIONAL, "\x05\x01\x00", 3, 0},
        {SOCKS_AUTH_REQUIRED, "\x05\x03\x00\x01\x02", 5, 2},
        {SOCKS_AUTH_REQUIRED, "\x05\x02\x00\x01", 4, 0xff},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o = every_way(cases[i].auth, false, cases[i].offered, cases[i].n);
        const uint8_t expected[2] = {5, cases[i].chosen};
        assert_out(&o, (const char *)expected, 2);
        assert_int_equal(o.state, cases[i].chosen == 0xff ? SOCKS_FAILED : SOCKS_MORE);
        if (cases[i].chosen == 0xff)
            assert_int_equal(o.why, ERR_AUTH);
    }
}

#define LOGIN                                                                                      \
    "\x05\x01\x02\x01\x05"                                                                         \
    "alice\x06"                                                                                    \
    "secret"

static void password(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_REQUIRED, true, LOGIN "\x05\x01\x00" SSH1);
    assert_int_equal(o.state, SOCKS_DONE);
    assert_string_equal(o.request.user, "alice");
    assert_string_equal(o.request.password, "secret");
    assert_out(&o, "\x05\x02\x01\x00", 4);

    o = WAY(SOCKS_AUTH_REQUIRED, false, LOGIN "\x05\x01\x00" SSH1);
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.why, ERR_AUTH);
    assert_out(&o, "\x05\x02\x01\x01", 4);
}

static void empty_and_odd_credentials(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_OPTIONAL, false, "\x05\x01\x02\x01\x00\x00\x05\x01\x00" SSH1);
    assert_int_equal(o.state, SOCKS_DONE);
    assert_string_equal(o.request.user, "");

    o = WAY(SOCKS_AUTH_REQUIRED, true,
            "\x05\x01\x02\x01\x02"
            "a\0\x01p");
    assert_int_equal(o.state, SOCKS_FAILED);
    o = WAY(SOCKS_AUTH_REQUIRED, true,
            "\x05\x01\x02\x01\x01"
            "a\x02\0p");
    assert_int_equal(o.state, SOCKS_FAILED);
    assert_int_equal(o.why, ERR_AUTH);
}

static void socks4_address(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_NONE, false, "\x04\x01\x00\x16\x0a\x00\x00\x01me\0rest");
    assert_int_equal(o.state, SOCKS_DONE);
    assert_int_equal(o.request.version, 4);
    assert_string_equal(o.request.host, "10.0.0.1");
    assert_true(o.request.literal);
    assert_string_equal(o.request.user, "me");
    assert_int_equal(o.out_size, 0);
    assert_int_equal(o.used, 11);
}

static void socks4a_name(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_NONE, false, "\x04\x01\x00\x16\0\0\0\x01\0SSH1.tunnel\0more");
    assert_int_equal(o.state, SOCKS_DONE);
    assert_string_equal(o.request.host, "SSH1.tunnel");
    assert_false(o.request.literal);
    assert_int_equal(o.used, 21);
}

static void socks4_refusals(void **state)
{
    (void)state;
    struct outcome o = WAY(SOCKS_AUTH_NONE, false, "\x04\x02\x00\x16\0\0\0\x01\0SSH1.tunnel\0");
    assert_int_equal(o.why, ERR_UNSUPPORTED);
    assert_out(&o, "\x00\x5b\0\0\0\0\0\0", 8);

    o = WAY(SOCKS_AUTH_REQUIRED, true, "\x04\x01\x00\x16\0\0\0\x01me\0SSH1.tunnel\0");
    assert_int_equal(o.why, ERR_AUTH);
    assert_out(&o, "\x00\x5d\0\0\0\0\0\0", 8);

    o = WAY(SOCKS_AUTH_NONE, false, "\x04\x01\x00\x16\0\0\0\x01me\0\0");
    assert_int_equal(o.why, ERR_PROTOCOL);

    /* 0.0.0.0 is an address, only 0.0.0.x announces a name. */
    o = WAY(SOCKS_AUTH_NONE, false, "\x04\x01\x00\x16\0\0\0\0me\0");
    assert_int_equal(o.state, SOCKS_DONE);
    assert_true(o.request.literal);
}

static void socks4_limits(void **state)
{
    (void)state;
    for (size_t size = 255; size <= 300; size += 45) {
        uint8_t user[8 + 300 + 1] = {4, 1, 0, 22, 1, 2, 3, 4};
        memset(user + 8, 'u', size);
        struct outcome o = every_way(SOCKS_AUTH_NONE, false, user, 8 + size + 1);
        assert_int_equal(o.state, size == 255 ? SOCKS_DONE : SOCKS_FAILED);
        assert_int_equal(o.why, size == 255 ? ERR_OK : ERR_TOO_LARGE);

        uint8_t host[9 + 300 + 1] = {4, 1, 0, 22, 0, 0, 0, 1, 0};
        memset(host + 9, 'h', size);
        o = every_way(SOCKS_AUTH_NONE, false, host, 9 + size + 1);
        assert_int_equal(o.state, size == 255 ? SOCKS_DONE : SOCKS_FAILED);
        assert_int_equal(strlen(o.request.host), size == 255 ? 255 : 7);
    }
}

static void replies(void **state)
{
    (void)state;
    static const struct {
        enum err why;
        uint8_t v5, v4;
    } cases[] = {
        {ERR_OK, 0, 90},           {ERR_NO_SERVICE, 4, 91}, {ERR_AMBIGUOUS, 4, 91},
        {ERR_FORBIDDEN, 2, 91},    {ERR_HUB_DOWN, 3, 91},   {ERR_PEER_RESET, 5, 91},
        {ERR_REFUSED, 5, 91},      {ERR_TIMEOUT, 6, 91},    {ERR_UNSUPPORTED, 7, 91},
        {ERR_ADDRESS_TYPE, 8, 91}, {ERR_LIMIT, 1, 91},      {ERR_AUTH, 2, 93},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[SOCKS_REPLY_MAX];
        const uint8_t v5[10] = {5, cases[i].v5, 0, 1}, v4[8] = {0, cases[i].v4};
        assert_int_equal(socks_reply(5, cases[i].why, out), 10);
        assert_memory_equal(out, v5, 10);
        assert_int_equal(socks_reply(4, cases[i].why, out), 8);
        assert_memory_equal(out, v4, 8);
    }
}

/* Nothing is taken while the owner has to act. */
static void stops_when_asked(void **state)
{
    (void)state;
    struct socks *s = socks_new(SOCKS_AUTH_REQUIRED);
    assert_int_equal(socks_feed(s, (const uint8_t *)LOGIN "\x05", sizeof LOGIN), sizeof LOGIN - 1);
    assert_int_equal(socks_state(s), SOCKS_CHECK);
    assert_int_equal(socks_feed(s, (const uint8_t *)"\x05", 1), 0);
    socks_authenticated(s, true);
    assert_int_equal(socks_feed(s, (const uint8_t *)"\x05", 1), 1);
    socks_free(s);
}

static void junk(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int i = 0; i < 3000; i++) {
        uint8_t text[600];
        size_t n = (size_t)rand_r(&seed) % sizeof text + 1;
        for (size_t k = 0; k < n; k++)
            text[k] = (uint8_t)rand_r(&seed);
        text[0] = i % 2 ? 4 : 5;
        struct outcome whole = talk((enum socks_auth)(i % 3), i % 5 == 0, text, n, n);
        struct outcome bytes = talk((enum socks_auth)(i % 3), i % 5 == 0, text, n, 1);
        same(&whole, &bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socks5_name),
        cmocka_unit_test(an_address_as_a_name_has_no_brackets),
        cmocka_unit_test(socks5_early_data_is_left),
        cmocka_unit_test(socks5_addresses),
        cmocka_unit_test(socks5_longest_name),
        cmocka_unit_test(socks5_bad_names),
        cmocka_unit_test(socks5_other_commands),
        cmocka_unit_test(socks5_other_address_type),
        cmocka_unit_test(wrong_versions),
        cmocka_unit_test(methods),
        cmocka_unit_test(password),
        cmocka_unit_test(empty_and_odd_credentials),
        cmocka_unit_test(socks4_address),
        cmocka_unit_test(socks4a_name),
        cmocka_unit_test(socks4_refusals),
        cmocka_unit_test(socks4_limits),
        cmocka_unit_test(replies),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(junk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
