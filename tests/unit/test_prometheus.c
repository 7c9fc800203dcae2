/* Prometheus' text format. */
#include "core/base/prometheus.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void assert_written(struct buf *out, const char *text)
{
    assert_true(buf_append(out, "", 1));
    assert_string_equal((char *)out->data, text);
    buf_free(out);
}

static void kinds(void **state)
{
    struct buf out = {.limit = 1000};
    (void)state;
    assert_true(prometheus_metric(&out, "a_total", PROMETHEUS_COUNTER, "What it counts."));
    assert_true(prometheus_metric(&out, "b", PROMETHEUS_GAUGE, ""));
    assert_true(prometheus_metric(&out, "c", PROMETHEUS_HISTOGRAM, "C:\\ and\n\"more\""));
    assert_true(prometheus_metric(&out, "d", PROMETHEUS_SUMMARY, "d"));
    assert_true(prometheus_metric(&out, "e", PROMETHEUS_UNTYPED, "e"));
    assert_written(&out, "# HELP a_total What it counts.\n# TYPE a_total counter\n"
                         "# HELP b \n# TYPE b gauge\n"
                         "# HELP c C:\\\\ and\\\\x0a\"more\"\n# TYPE c histogram\n"
                         "# HELP d d\n# TYPE d summary\n"
                         "# HELP e e\n# TYPE e untyped\n");
}

static void labels(void **state)
{
    static const struct prometheus_label some[] = {{"path", "C:\\DIR\\FILE.TXT"},
                                                   {"error", "Cannot find file:\n\"FILE.TXT\""},
                                                   {"e", ""},
                                                   {"utf8", "Gr\xc3\xbc\xc3\x9f"
                                                            "e"}};
    struct buf out = {.limit = 1000};
    (void)state;
    assert_true(prometheus_number(&out, "m", NULL, 0, 0));
    assert_true(prometheus_number(&out, "m", some, 1, 1));
    assert_true(prometheus_number(&out, "m", some, 4, UINT64_MAX));
    assert_written(&out, "m 0\n"
                         "m{path=\"C:\\\\DIR\\\\FILE.TXT\"} 1\n"
                         "m{path=\"C:\\\\DIR\\\\FILE.TXT\","
                         "error=\"Cannot find file:\\\\x0a\\\"FILE.TXT\\\"\",e=\"\","
                         "utf8=\"Gr\xc3\xbc\xc3\x9f"
                         "e\"} 18446744073709551615\n");
}

static void reals(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "r 0\n"},
        {-0.5, "r -0.5\n"},
        {0.1, "r 0.1\n"},
        {1e300, "r 1.0000000000000001e+300\n"},
        {12.47, "r 12.47\n"},
        {1.0 / 3, "r 0.33333333333333331\n"},
        {NAN, "r NaN\n"},
        {INFINITY, "r +Inf\n"},
        {-INFINITY, "r -Inf\n"},
        {1e9, "r 1000000000\n"},
        {1e15, "r 1000000000000000\n"},
        {1764520000.123, "r 1764520000.123\n"},
        {0.000001, "r 1e-06\n"},
        {123456789, "r 123456789\n"},
        {DBL_MAX, "r 1.7976931348623157e+308\n"},
    };
    struct buf out = {.limit = 1000};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_true(prometheus_real(&out, "r", NULL, 0, cases[i].value));
        assert_written(&out, cases[i].text);
    }
}

/* A line is there as a whole, or not at all. */
static void full(void **state)
{
    static const struct prometheus_label label = {"a", "b"};
    (void)state;
    for (size_t limit = 0; limit < 60; limit++) {
        struct buf out = {.limit = limit};
        size_t before = 0;
        if (buf_append(&out, "# x\n", 4))
            before = out.size;
        if (!prometheus_metric(&out, "m_total", PROMETHEUS_COUNTER, "h"))
            assert_int_equal(out.size, before);
        before = out.size;
        if (!prometheus_number(&out, "m_total", &label, 1, 12))
            assert_int_equal(out.size, before);
        before = out.size;
        if (!prometheus_real(&out, "m_total", NULL, 0, 1.5))
            assert_int_equal(out.size, before);
        assert_true(out.size == 0 || out.data[out.size - 1] == '\n');
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(labels),
        cmocka_unit_test(reals),
        cmocka_unit_test(full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
