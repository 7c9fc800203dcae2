/* Numbers, times and addresses in little room, also those that cannot be. */
#include "core/format/format.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void bytes_in_five(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "-"},
                 {1, "1"},
                 {640, "640"},
                 {1023, "1023"},
                 {1024, "1.00K"},
                 {1126, "1.10K"},
                 {10235, "10.0K"},
                 {100352, "98.0K"},
                 {102399, "100K"},
                 {1047552, "1023K"},
                 {1048575, "1.00M"},
                 {1268776, "1.21M"},
                 {3446711255, "3.21G"},
                 {1ull << 40, "1.00T"},
                 {1ull << 53, "8.00P"},
                 {UINT64_MAX, "16.0E"}};
    char out[FORMAT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        format_bytes(cases[i].bytes, out);
        assert_string_equal(out, cases[i].text);
    }
}

/* Whatever the value, five characters do. */
static void never_more_than_five(void **state)
{
    char out[FORMAT_SIZE];
    (void)state;
    for (double v = 1e-9; v < 1e300; v *= 1.37) {
        format_rate(v, UNITS_BYTES, out);
        assert_in_range(strlen(out), 1, 5);
        format_rate(v, UNITS_BITS, out);
        assert_in_range(strlen(out), 1, 5);
        format_age(v, out);
        assert_in_range(strlen(out), 1, 5);
        format_moment(v, out);
        assert_in_range(strlen(out), 1, 5);
        if (v < 1e19) {
            format_bytes((uint64_t)v, out);
            assert_in_range(strlen(out), 1, 5);
            format_count((uint64_t)v, out);
            assert_in_range(strlen(out), 1, 5);
        }
    }
}

static void rates(void **state)
{
    static const struct {
        double rate;
        const char *bytes, *bits, *long_bytes, *long_bits;
    } cases[] = {{0, "-", "-", "0 B/s", "0 bit/s"},
                 {-5, "-", "-", "0 B/s", "0 bit/s"},
                 {NAN, "-", "-", "0 B/s", "0 bit/s"},
                 {-INFINITY, "-", "-", "0 B/s", "0 bit/s"},
                 {INFINITY, ">999E", ">999E", ">999 EiB/s", ">999 Ebit/s"},
                 {125, "125", "1.00k", "125 B/s", "1.00 kbit/s"},
                 {32870, "32.1K", "263k", "32.1 KiB/s", "263 kbit/s"},
                 {4613734, "4.40M", "36.9M", "4.40 MiB/s", "36.9 Mbit/s"}};
    char out[FORMAT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        format_rate(cases[i].rate, UNITS_BYTES, out);
        assert_string_equal(out, cases[i].bytes);
        format_rate(cases[i].rate, UNITS_BITS, out);
        assert_string_equal(out, cases[i].bits);
        format_rate_long(cases[i].rate, UNITS_BYTES, out);
        assert_string_equal(out, cases[i].long_bytes);
        format_rate_long(cases[i].rate, UNITS_BITS, out);
        assert_string_equal(out, cases[i].long_bits);
    }
    format_bytes_long(0, out);
    assert_string_equal(out, "0 B");
    format_bytes_long(4613734, out);
    assert_string_equal(out, "4.40 MiB");
}

static void counts(void **state)
{
    char out[FORMAT_SIZE];
    (void)state;
    format_count(0, out);
    assert_string_equal(out, "0");
    format_count(99999, out);
    assert_string_equal(out, "99999");
    format_count(100000, out);
    assert_string_equal(out, "100k");
    format_thousands(0, out);
    assert_string_equal(out, "0");
    format_thousands(999, out);
    assert_string_equal(out, "999");
    format_thousands(3412, out);
    assert_string_equal(out, "3,412");
    format_thousands(UINT64_MAX, out);
    assert_string_equal(out, "18,446,744,073,709,551,615");
}

static void times(void **state)
{
    static const struct {
        double seconds;
        const char *age, *moment, *wait, *whole;
    } cases[] = {{0, "0s", "-", "0 ms", "0 s"},
                 {-3, "-", "-", "0 ms", "0 s"},
                 {NAN, "-", "-", "0 ms", "0 s"},
                 {INFINITY, "-", "-", "-", "-"},
                 {0.0001, "0s", "<1ms", "<1 ms", "0 s"},
                 {0.025, "0s", "25ms", "25 ms", "0 s"},
                 {0.9996, "0s", "1.0s", "1.0 s", "1 s"},
                 {1.84, "1s", "1.8s", "1.8 s", "2 s"},
                 {4.9, "4s", "4.9s", "4.9 s", "5 s"},
                 {31, "31s", "31s", "31 s", "31 s"},
                 {724, "12m04", "12m04", "12m04", "12m04"},
                 {4920, "1h22m", "1h22m", "1h22m", "1h22m"},
                 {50700, "14h05", "14h05", "14h05", "14h05"},
                 {273600, "3d04h", "3d04h", "3d04h", "3d04h"},
                 {1051200, "12d04", "12d04", "12d04", "12d04"},
                 {10630000, "123d", "123d", "123d", "123d"},
                 {852055200, "27y", "27y", "27y", "27y"}};
    char out[FORMAT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        format_age(cases[i].seconds, out);
        assert_string_equal(out, cases[i].age);
        format_moment(cases[i].seconds, out);
        assert_string_equal(out, cases[i].moment);
        format_wait(cases[i].seconds, out);
        assert_string_equal(out, cases[i].wait);
        format_seconds(cases[i].seconds, out);
        assert_string_equal(out, cases[i].whole);
    }
}

static void lefts(void **state)
{
    static const struct {
        double seconds;
        const char *left;
    } cases[] = {{NAN, "0s"},    {-1, "0s"},       {40.9, "40s"},   {60, "1m"},
                 {3490, "58m"},  {7199, "119m"},   {7200, "2h"},    {172799, "47h"},
                 {172800, "2d"}, {1080000, "12d"}, {2592000, "30d"}};
    char out[FORMAT_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        format_left(cases[i].seconds, out);
        assert_string_equal(out, cases[i].left);
    }
}

static void clocks(void **state)
{
    char out[FORMAT_SIZE];
    (void)state;
    format_clock(45667.25, 0, false, out);
    assert_string_equal(out, "12:41:07");
    format_clock(45667.25, 3600, true, out);
    assert_string_equal(out, "13:41:07.250");
    format_clock(86399, 1, false, out);
    assert_string_equal(out, "00:00:00");
    format_clock(10, -3600, false, out);
    assert_string_equal(out, "--:--:--");
    format_clock(NAN, 0, true, out);
    assert_string_equal(out, "--:--:--");
    format_clock(1e30, 0, true, out);
    assert_string_equal(out, "--:--:--");
}

static void addresses_keep_their_port(void **state)
{
    static const struct {
        const char *address;
        int width;
        const char *text;
    } cases[] = {
        {"127.0.0.1:50312", 16, "127.0.0.1:50312"},
        {"127.0.0.1:50312", 15, "127.0.0.1:50312"},
        {"192.168.100.20:61544", 16, "192.168.1~:61544"},
        {"[2001:db8::17a4:1]:40112", 16, "[2001:db~]:40112"},
        {"[2001:db8::17a4:1]:40112", 24, "[2001:db8::17a4:1]:40112"},
        {"/run/user/1000/client.sock", 16, "/run/~lient.sock"},
        /* nothing to keep: the grid cuts */
        {"some-long-host-name", 10, "some-long-host-name"},
        {"[2001:db8::1]:65535", 6, "[2001:db8::1]:65535"},
        {"", 5, ""},
        {"12345678", 4, "12345678"},
        {"/\xe6\xb3\xb5/\xe6\xb3\xb5/\xe6\xb3\xb5", 4, "/\xe6\xb3\xb5/\xe6\xb3\xb5/\xe6\xb3\xb5"},
        {"127.0.0.1:1", 0, "127.0.0.1:1"},
        {"127.0.0.1:1", -7, "127.0.0.1:1"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[64], text[80];
        struct span s = format_address(cases[i].address, cases[i].width, out, sizeof out);
        memcpy(text, s.p, s.n);
        text[s.n] = '\0';
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_in_five), cmocka_unit_test(never_more_than_five),
        cmocka_unit_test(rates),         cmocka_unit_test(counts),
        cmocka_unit_test(times),         cmocka_unit_test(lefts),
        cmocka_unit_test(clocks),        cmocka_unit_test(addresses_keep_their_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
