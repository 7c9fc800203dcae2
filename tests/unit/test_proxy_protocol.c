/* The PROXY protocol's header, written and read, byte by byte. */
#include "core/net/proxy_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char name_60[] = "a23456789012345678901234567890123456789012345678901234567890";

static void version_1(void **state)
{
    static const struct {
        const char *client, *service, *line;
    } cases[] = {
        {"192.0.2.7:56324", "192.0.2.11:443", "PROXY TCP4 192.0.2.7 192.0.2.11 56324 443\r\n"},
        {"255.255.255.255:65535", "255.255.255.255:65535",
         "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"},
        {"[2001:db8::7]:1", "[2001:db8::8]:2", "PROXY TCP6 2001:db8::7 2001:db8::8 1 2\r\n"},
        {"[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
         "[1111:2222:3333:4444:5555:6666:7777:8888]:65535",
         "PROXY TCP6 1111:2222:3333:4444:5555:6666:7777:8888 "
         "1111:2222:3333:4444:5555:6666:7777:8888 65535 65535\r\n"},
        /* one family */
        {"[::ffff:192.0.2.7]:5", "127.0.0.1:80", "PROXY TCP4 192.0.2.7 127.0.0.1 5 80\r\n"},
        {"192.0.2.7:5", "[::ffff:127.0.0.1]:80", "PROXY TCP4 192.0.2.7 127.0.0.1 5 80\r\n"},
        {"192.0.2.7:5", "[::1]:80", "PROXY TCP4 192.0.2.7 127.0.0.1 5 80\r\n"},
        {"192.0.2.7:5", "[fd00::7]:80", "PROXY TCP4 192.0.2.7 0.0.0.0 5 80\r\n"},
        {"[2001:db8::7]:5", "192.0.2.8:80", "PROXY TCP6 2001:db8::7 ::ffff:c000:208 5 80\r\n"},
        {"192.0.2.7:5", "/run/x.sock", "PROXY TCP4 192.0.2.7 0.0.0.0 5 0\r\n"},
        {"[::1]:5", "", "PROXY TCP6 ::1 :: 5 0\r\n"},
        /* nobody knows */
        {"", "127.0.0.1:80", "PROXY UNKNOWN\r\n"},
        {"pid 77", "127.0.0.1:80", "PROXY UNKNOWN\r\n"},
        {"192.0.2.7", "127.0.0.1:80", "PROXY UNKNOWN\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[PROXY_HEADER_MAX];
        const struct proxy_header h = {.version = 1,
                                       .client = cases[i].client,
                                       .service = cases[i].service,
                                       .opened_by = "AKID",
                                       .asked = "web1.tunnel"};
        size_t n = proxy_protocol_write(&h, out);
        assert_in_range(n, 1, 107);
        out[n] = '\0';
        assert_string_equal((char *)out, cases[i].line);
    }
}

#define HEAD "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"

static void check(const struct proxy_header *h, const char *bytes, size_t n)
{
    uint8_t out[PROXY_HEADER_MAX];
    assert_int_equal(proxy_protocol_write(h, out), n);
    assert_memory_equal(out, bytes, n);
}
#define CHECK(bytes, ...)                                                                          \
    check(&(struct proxy_header){.version = 2, __VA_ARGS__}, bytes, sizeof bytes - 1)

static void version_2(void **state)
{
    (void)state;
    CHECK(HEAD "\x21\x11\x00\x0c\xc0\x00\x02\x07\x7f\x00\x00\x01\xdc\x04\x00\x50",
          .client = "192.0.2.7:56324", .service = "127.0.0.1:80", .opened_by = "", .asked = "");
    CHECK(HEAD "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
               "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x00\x05\x00\x50",
          .client = "[2001:db8::7]:5", .service = "127.0.0.1:80", .opened_by = "", .asked = "");
    CHECK(HEAD "\x20\x00\x00\x00", .client = "", .service = "127.0.0.1:80", .opened_by = "",
          .asked = "");
    CHECK(HEAD "\x21\x11\x00\x21\xc0\x00\x02\x07\x7f\x00\x00\x01\xdc\x04\x00\x50"
               "\xe0\x00\x04"
               "AKID"
               "\x02\x00\x0b"
               "web1.tunnel",
          .client = "192.0.2.7:56324", .service = "127.0.0.1:80", .opened_by = "AKID",
          .asked = "web1.tunnel");
    CHECK(HEAD "\x20\x00\x00\x00", .client = "pid 77", .service = "", .opened_by = "AKID",
          .asked = "web1.tunnel");
}

/* The access key is always told, the name only if nginx 1.22 can read it all. */
static void lengths(void **state)
{
    char key[400], name[400];
    uint8_t out[PROXY_HEADER_MAX];
    struct proxy_header h = {.version = 2,
                             .client = "[2001:db8::7]:5",
                             .service = "[::1]:80",
                             .opened_by = "AKIDEXAMPLE0123456789"};
    (void)state;
    for (size_t n = 0; n < 300; n++) {
        memset(name, 'n', n);
        name[n] = '\0';
        h.asked = name;
        size_t size = proxy_protocol_write(&h, out), without = 52 + 3 + strlen(h.opened_by);
        bool fits = n > 0 && without + 3 + n <= 107;
        assert_int_equal(size, fits ? without + 3 + n : without);
        assert_int_equal(out[14] << 8 | out[15], size - 16);
    }
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    h.opened_by = key;
    h.asked = name_60;
    assert_int_equal(proxy_protocol_write(&h, out), 52 + 3 + 255);
    assert_memory_equal(out + 52, "\xe0\x00\xff", 3);
}

/* ---- reading ---- */

struct outcome {
    enum proxy_protocol_state state;
    size_t size;
    struct proxy_told told;
    const char *why;
};

/* Gives `step` more bytes at a time, or as many as were asked for. They lie in memory of exactly
 * their size, so that a read past them is seen. MORE: n were not enough. */
static struct outcome feed(const void *bytes, size_t n, size_t step)
{
    struct outcome o = {.state = PROXY_PROTOCOL_MORE};
    size_t want = step < n ? step : n;
    while (o.state == PROXY_PROTOCOL_MORE && want <= n) {
        uint8_t *copy = malloc(want > 0 ? want : 1);
        assert_non_null(copy);
        memcpy(copy, bytes, want);
        o.size = 0;
        o.state = proxy_protocol_read(copy, want, &o.size, &o.told, &o.why);
        if (o.state == PROXY_PROTOCOL_MORE)
            assert_true(o.size > want);
        if (o.state == PROXY_PROTOCOL_DONE && o.told.tlvs.n > 0) {
            size_t at = (size_t)((const uint8_t *)o.told.tlvs.p - copy);
            assert_int_equal(at + o.told.tlvs.n, o.size);
            o.told.tlvs.p = (const char *)bytes + at;
        } else {
            o.told.tlvs.p = NULL;
        }
        free(copy);
        size_t next = want + step < n ? want + step : n;
        want = next < o.size ? o.size : next;
    }
    return o;
}

/* The same in any pieces; what follows the header is not looked at. */
static struct outcome read_all_ways(const void *bytes, size_t n)
{
    struct outcome whole = feed(bytes, n, n > 0 ? n : 1);
    for (size_t step = 1; step < 30; step++) {
        struct outcome o = feed(bytes, n, step);
        assert_int_equal(o.state, whole.state);
        if (o.state == PROXY_PROTOCOL_BAD)
            assert_non_null(o.why);
        if (o.state != PROXY_PROTOCOL_DONE)
            continue;
        assert_int_equal(o.size, whole.size);
        assert_int_equal(o.told.known, whole.told.known);
        assert_memory_equal(&o.told.client, &whole.told.client, sizeof o.told.client);
        assert_memory_equal(&o.told.service, &whole.told.service, sizeof o.told.service);
        assert_true(o.told.tlvs.p == whole.told.tlvs.p && o.told.tlvs.n == whole.told.tlvs.n);
    }
    return whole;
}

static void assert_address(const union address *got, const char *text)
{
    union address want;
    assert_true(address_parse(text, &want));
    assert_int_equal(got->any.sa_family, want.any.sa_family);
    if (want.any.sa_family == AF_INET) {
        assert_int_equal(got->v4.sin_port, want.v4.sin_port);
        assert_memory_equal(&got->v4.sin_addr, &want.v4.sin_addr, 4);
    } else {
        assert_int_equal(got->v6.sin6_port, want.v6.sin6_port);
        assert_memory_equal(&got->v6.sin6_addr, &want.v6.sin6_addr, 16);
    }
}

static void reads_good(const void *bytes, size_t n, int version, const char *client,
                       const char *service)
{
    char more[600];
    struct outcome o = read_all_ways(bytes, n);
    assert_int_equal(o.state, PROXY_PROTOCOL_DONE);
    assert_int_equal(o.size, n);
    assert_int_equal(o.told.version, version);
    assert_int_equal(o.told.known, client != NULL);
    if (client != NULL) {
        assert_address(&o.told.client, client);
        assert_address(&o.told.service, service);
    }
    memcpy(more, bytes, n);
    memcpy(more + n, "\r\n\x16\x03\x01", 5); /* what comes behind it is not its own */
    o = read_all_ways(more, n + 5);
    assert_int_equal(o.state, PROXY_PROTOCOL_DONE);
    assert_int_equal(o.size, n);
    for (size_t part = 0; part < n; part++)
        assert_int_equal(feed(bytes, part, part).state, PROXY_PROTOCOL_MORE);
}

static void reads_bad(const void *bytes, size_t n, const char *why)
{
    struct outcome o = read_all_ways(bytes, n);
    assert_int_equal(o.state, PROXY_PROTOCOL_BAD);
    if (why != NULL)
        assert_non_null(strstr(o.why, why));
}
#define GOOD(bytes, version, client, service)                                                      \
    reads_good(bytes, sizeof(bytes) - 1, version, client, service)
#define BAD(bytes, why) reads_bad(bytes, sizeof(bytes) - 1, why)

static void read_version_1(void **state)
{
    (void)state;
    GOOD("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", 1, "192.168.0.1:56324",
         "192.168.0.11:443");
    GOOD("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", 1, "255.255.255.255:65535",
         "255.255.255.255:65535");
    GOOD("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", 1, "0.0.0.0:0", "0.0.0.0:0");
    GOOD("PROXY TCP6 2001:db8::7 ::1 1 2\r\n", 1, "[2001:db8::7]:1", "[::1]:2");
    GOOD("PROXY TCP6 FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF "
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         1, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    GOOD("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:c000:208 1 2\r\n", 1, "[::ffff:192.0.2.7]:1",
         "[::ffff:192.0.2.8]:2");
    GOOD("PROXY UNKNOWN\r\n", 1, NULL, NULL);
    GOOD("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
         1, NULL, NULL); /* 107 bytes */
    GOOD("PROXY UNKNOWN what ever\x01\x80\r\n", 1, NULL, NULL);
}

static void refused_version_1(void **state)
{
    static const char *const lines[] = {
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 1\r\n",
        "PROXY  TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.256 56324 443\r\n",
        "PROXY TCP4 192.168.1 192.168.0.11 56324 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 -1 443\r\n",
        "PROXY TCP4 192.168.0.1 192.168.0.11 56324 \r\n",
        "PROXY TCP4 ::1 ::1 56324 443\r\n",
        "PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY TCP6 ::1 fe80::1%lo 56324 443\r\n",
        "PROXY TCP6 [::1] ::1 56324 443\r\n",
        "PROXY TCP4 2222222222222222222222222222222222222222222222222222222 192.168.0.11 1 2\r\n",
        "PROXY TCP5 192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY unknown\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        reads_bad(lines[i], strlen(lines[i]), "malformed");
    BAD("PROXY TCP4 1.2.3.4\0 192.168.0.11 56324 443\r\n", "malformed");
    BAD("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n", "alone");
    BAD("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\rx", "alone");
    BAD("PROXY TCP4 192.168.0.1 192.168.0.11\n 56324 443\r\n", "alone");
    BAD("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 \r\n",
        "107 bytes");
    BAD("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n65535 65535\r\n",
        "alone"); /* 107 bytes */
    BAD("\x16\x03\x01\x02\x00\x01", "does not begin");
    BAD("GET / HTTP/1.1\r\n\r\n", "does not begin");
    BAD("PROXX TCP4", "does not begin");
    BAD("PROXY\t", "does not begin");
    BAD("proxy ", "does not begin");
}

#define A4 "\xc0\x00\x02\x07\x7f\x00\x00\x01\xdc\x04\x00\x50"

static void read_version_2(void **state)
{
    (void)state;
    GOOD(HEAD "\x21\x11\x00\x0c" A4, 2, "192.0.2.7:56324", "127.0.0.1:80");
    GOOD(HEAD "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
              "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01\x00\x05\x00\x50",
         2, "[2001:db8::7]:5", "[::ffff:127.0.0.1]:80");
    /* LOCAL, whatever else it says */
    GOOD(HEAD "\x20\x00\x00\x00", 2, NULL, NULL);
    GOOD(HEAD "\x20\x11\x00\x0c" A4, 2, NULL, NULL);
    GOOD(HEAD "\x20\xff\x00\x05"
              "abcde",
         2, NULL, NULL);
    /* nothing that we could take for an address */
    GOOD(HEAD "\x21\x00\x00\x00", 2, NULL, NULL);
    GOOD(HEAD "\x21\x00\x00\x0c" A4, 2, NULL, NULL);
    GOOD(HEAD "\x21\x12\x00\x0c" A4, 2, NULL, NULL);
    GOOD(HEAD "\x21\x10\x00\x0c" A4, 2, NULL, NULL);
    char with_paths[16 + 216] = HEAD "\x21\x31\x00\xd8/run/x.sock";
    reads_good(with_paths, sizeof with_paths, 2, NULL, NULL);
}

static void refused_version_2(void **state)
{
    static uint8_t longer[PROXY_PROTOCOL_MAX + 1] = HEAD "\x21\x00\x0f\xf1";
    (void)state;
    BAD(HEAD "\x11\x11\x00\x0c" A4, "version or command");
    BAD(HEAD "\x31\x11\x00\x0c" A4, "version or command");
    BAD(HEAD "\x22\x11\x00\x0c" A4, "version or command");
    BAD(HEAD "\x21\x41\x00\x0c" A4, "address family");
    BAD(HEAD "\x21\x13\x00\x0c" A4, "address family");
    BAD(HEAD "\x21\x11\x00\x0b" A4, "too short");
    BAD(HEAD "\x21\x21\x00\x0c" A4, "too short");
    BAD(HEAD "\x21\x31\x00\x0c" A4, "too short");
    reads_bad(longer, sizeof longer, "longer than 4096");
    longer[15]--;
    assert_int_equal(feed(longer, PROXY_PROTOCOL_MAX, 1000).state, PROXY_PROTOCOL_DONE);
}

static void tlvs(void **state)
{
    static const char header[] = HEAD "\x21\x11\x00\x1a" A4 "\x02\x00\x03"
                                      "a.b"
                                      "\xe0\x00\x00"
                                      "\x04\x00\x02"
                                      "xy";
    struct outcome o = read_all_ways(header, sizeof header - 1);
    struct span value;
    uint8_t type;
    (void)state;
    assert_int_equal(o.state, PROXY_PROTOCOL_DONE);
    assert_true(proxy_protocol_tlv(&o.told.tlvs, &type, &value));
    assert_int_equal(type, 2);
    assert_true(span_is(value, "a.b"));
    assert_true(proxy_protocol_tlv(&o.told.tlvs, &type, &value));
    assert_int_equal(type, PROXY_HEADER_OPENED_BY);
    assert_int_equal(value.n, 0);
    assert_true(proxy_protocol_tlv(&o.told.tlvs, &type, &value));
    assert_int_equal(type, 4);
    assert_false(proxy_protocol_tlv(&o.told.tlvs, &type, &value));

    BAD(HEAD "\x21\x11\x00\x0e" A4 "\x02\x00", "longer than the header");
    BAD(HEAD "\x21\x11\x00\x10" A4 "\x02\x00\x02x", "longer than the header");
    /* LOCAL: no part of it is looked at */
    GOOD(HEAD "\x20\x11\x00\x0e" A4 "\x02\x00", 2, NULL, NULL);
}

/* With crc32c("123456789") = e3069283 as the algorithm's own check value (RFC 3720 appendix B.4 has
 * others), this header's was computed by another program. */
static void checksums(void **state)
{
    static const char good[] = HEAD "\x21\x11\x00\x13" A4 "\x03\x00\x04"
                                    "\x0b\xc1\x11\x03";
    char bytes[sizeof good - 1];
    (void)state;
    GOOD(good, 2, "192.0.2.7:56324", "127.0.0.1:80");
    for (size_t i = 16; i < sizeof bytes; i++) {
        memcpy(bytes, good, sizeof bytes);
        bytes[i] ^= 0x10;
        assert_int_equal(read_all_ways(bytes, sizeof bytes).state,
                         i == 28 ? PROXY_PROTOCOL_DONE : PROXY_PROTOCOL_BAD);
    }
    BAD(HEAD "\x21\x11\x00\x12" A4 "\x03\x00\x03"
             "abc",
        "checksum");
}

/* What an agent writes is read. */
static void written_and_read(void **state)
{
    static const char *const clients[] = {"192.0.2.7:56324", "[2001:db8::7]:5", "pid 77"};
    (void)state;
    for (int version = 1; version <= 2; version++)
        for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
            uint8_t out[PROXY_HEADER_MAX];
            const struct proxy_header h = {.version = version,
                                           .client = clients[i],
                                           .service = i == 0 ? "127.0.0.1:80" : "[::1]:80",
                                           .opened_by = "AKID",
                                           .asked = "web1.tunnel"};
            size_t n = proxy_protocol_write(&h, out);
            reads_good(out, n, version, i < 2 ? h.client : NULL, h.service);
        }
}

static void beginnings(void **state)
{
    static const char v2[] = HEAD "\x21";
    (void)state;
    for (size_t n = 1; n <= 13; n++)
        assert_true(proxy_protocol_begins((const uint8_t *)v2, n));
    for (size_t n = 1; n <= 10; n++)
        assert_true(proxy_protocol_begins((const uint8_t *)"PROXY TCP4", n));
    assert_false(proxy_protocol_begins((const uint8_t *)"PROPFIND /", 10));
    assert_false(proxy_protocol_begins((const uint8_t *)"\x16\x03\x01", 3));
    assert_false(proxy_protocol_begins((const uint8_t *)"\r\n\r\nGET", 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),         cmocka_unit_test(version_2),
        cmocka_unit_test(lengths),           cmocka_unit_test(read_version_1),
        cmocka_unit_test(refused_version_1), cmocka_unit_test(read_version_2),
        cmocka_unit_test(refused_version_2), cmocka_unit_test(tlvs),
        cmocka_unit_test(checksums),         cmocka_unit_test(written_and_read),
        cmocka_unit_test(beginnings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
