/* The PROXY protocol's header, byte by byte. */
#include "core/net/proxy_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(version_1), cmocka_unit_test(version_2),
                                       cmocka_unit_test(lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
