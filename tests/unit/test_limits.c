#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/hub/api/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

static int setup(void **state)
{
    (void)state;
    strcpy(path, "/tmp/test-limits-XXXXXX");
    int fd = mkstemp(path);
    return fd >= 0 ? close(fd) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static struct limit_book *try(const char *preset, const char *text, char *problem, size_t size,
                              enum err *why)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
    problem[0] = '\0';
    return limits_read(preset, path, why, problem, size);
}

static struct limit_book *book(const char *preset, const char *text)
{
    enum err why = ERR_INTERNAL;
    char problem[300];
    struct limit_book *b = try(preset, text, problem, sizeof problem, &why);
    if (b == NULL)
        fail_msg("%s", problem);
    assert_int_equal(why, ERR_OK);
    return b;
}

static void is_aws(const struct limits *l)
{
    assert_int_equal(l->services_per_tunnel, 3);
    assert_int_equal(l->tunnels_per_key, 10000);
    assert_int_equal(l->connects_per_second, 10);
    assert_int_equal(l->bandwidth_per_tunnel, 800000);
    assert_int_equal(l->bandwidth_per_key, 0);
    assert_int_equal(l->lifetime_minutes, 720);
}

static void is_generous(const struct limits *l)
{
    assert_int_equal(l->services_per_tunnel, 64);
    assert_int_equal(l->tunnels_per_key, 10000);
    assert_int_equal(l->connects_per_second, 1000);
    assert_int_equal(l->bandwidth_per_tunnel, 0);
    assert_int_equal(l->bandwidth_per_key, 0);
    assert_int_equal(l->lifetime_minutes, 720);
}

static void presets(void **state)
{
    (void)state;
    enum err why;
    char problem[300];
    struct limit_book *b = limits_read(NULL, NULL, &why, problem, sizeof problem);
    is_generous(limits_of(b, "anybody"));
    is_generous(limits_of(b, ""));
    is_generous(limits_of(b, NULL));
    limits_free(b);
    b = limits_read("generous", NULL, &why, problem, sizeof problem);
    is_generous(limits_of(b, "anybody"));
    limits_free(b);
    b = limits_read("aws", NULL, &why, problem, sizeof problem);
    is_aws(limits_of(b, "anybody"));
    limits_free(b);
    b = book("aws", "");
    is_aws(limits_of(b, "anybody"));
    limits_free(b);
    b = book("aws", "preset = generous\n");
    is_generous(limits_of(b, "anybody"));
    limits_free(b);
    b = book("azure", "streams = 60\n");
    assert_int_equal(limits_of(b, "anybody")->streams, 60);
    assert_int_equal(limits_of(b, "anybody")->streams_per_second, 5);
    assert_int_equal(limits_of(b, "anybody")->stream_bytes_per_day, 300000000);
    assert_int_equal(limits_of(b, "anybody")->services_per_tunnel, 64);
    limits_free(b);
    b = book(NULL, "preset = aws\n");
    is_aws(limits_of(b, "anybody"));
    limits_free(b);
    limits_free(NULL);
}

static void single_limits(void **state)
{
    (void)state;
    struct limit_book *b = book(NULL, "# ours\n"
                                      "services-per-tunnel = 5\n"
                                      "preset = aws   # may stand here too\n"
                                      "tunnels-per-key = 2k\n"
                                      "connects-per-second = 0\n"
                                      "bandwidth-per-tunnel = 25M\n"
                                      "bandwidth-per-key = 1G\n"
                                      "lifetime-minutes = 1440\n");
    const struct limits *l = limits_of(b, "anybody");
    assert_int_equal(l->services_per_tunnel, 5);
    assert_int_equal(l->tunnels_per_key, 2000);
    assert_int_equal(l->connects_per_second, 0);
    assert_int_equal(l->bandwidth_per_tunnel, 25000000);
    assert_int_equal(l->bandwidth_per_key, 1000000000);
    assert_int_equal(l->lifetime_minutes, 1440);
    limits_free(b);
}

static void for_one_key(void **state)
{
    (void)state;
    struct limit_book *b = book("aws", "services-per-tunnel = 4\n"
                                       "[key A]\n"
                                       "services-per-tunnel = 8\n"
                                       "bandwidth-per-key = 10M\n"
                                       "[key B.c@d]\n");
    const struct limits *a = limits_of(b, "A"), *other = limits_of(b, "B.c@d");
    assert_int_equal(a->services_per_tunnel, 8);
    assert_int_equal(a->bandwidth_per_key, 10000000);
    assert_int_equal(a->bandwidth_per_tunnel, 800000);
    assert_int_equal(other->services_per_tunnel, 4);
    assert_int_equal(other->bandwidth_per_key, 0);
    assert_int_equal(limits_of(b, "a")->services_per_tunnel, 4);
    assert_int_equal(limits_of(b, NULL)->services_per_tunnel, 4);
    limits_free(b);
}

/* Each limit at its bounds and one past them, and as text of all sorts. */
static void bounds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t least, most;
    } table[] = {
#define X(field, name, generous, aws, azure, min, max, unit) {name, min, max},
        LIMIT_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const uint64_t good[] = {table[i].least, table[i].most};
        char text[100], problem[300];
        enum err why;
        for (size_t k = 0; k < 2; k++) {
            snprintf(text, sizeof text, "%s = %llu\n", table[i].name, (unsigned long long)good[k]);
            limits_free(book(NULL, text));
        }
        snprintf(text, sizeof text, "%s = %llu\n", table[i].name,
                 (unsigned long long)table[i].most + 1);
        assert_null(try(NULL, text, problem, sizeof problem, &why));
        assert_int_equal(why, ERR_USAGE);
        snprintf(text, sizeof text, "%s = 0\n", table[i].name);
        struct limit_book *b = try(NULL, text, problem, sizeof problem, &why);
        assert_int_equal(b != NULL, table[i].least == 0);
        limits_free(b);
    }
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value; /* -1: refused */
    } cases[] = {
        {"0", 0},
        {"7", 7},
        {"1k", 1000},
        {"100G", 100000000000},
        {"100000M", 100000000000},
        {"101G", -1},
        {"100000000001", -1},
        {"", -1},
        {"k", -1},
        {"1K", -1},
        {"1m", -1},
        {"1kk", -1},
        {"1 k", -1},
        {"-1", -1},
        {"+1", -1},
        {"1.5M", -1},
        {"0x10", -1},
        {"1e6", -1},
        {"18446744073709551616", -1},
        {"99999999999999999999G", -1},
        {"unlimited", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[100], problem[300];
        enum err why;
        snprintf(text, sizeof text, "bandwidth-per-key = %s\n", cases[i].text);
        struct limit_book *b = try(NULL, text, problem, sizeof problem, &why);
        if ((b != NULL) != (cases[i].value >= 0))
            fail_msg("\"%s\"", cases[i].text);
        if (b != NULL)
            assert_int_equal(limits_of(b, "A")->bandwidth_per_key, cases[i].value);
        limits_free(b);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"services = 3\n", ":1: there is no limit \"services\""},
        {"[key A]\n\nLifetime-minutes = 3\n", ":3: there is no limit \"Lifetime-minutes\""},
        {"lifetime-minutes = 0\n", ":1: lifetime-minutes is a number from 1 to 5256000, not \"0\""},
        {"tunnels-per-key = x\n",
         ":1: tunnels-per-key is a number from 0 to 1000000 (0: no limit), not \"x\""},
        {"lifetime-minutes = 1\nlifetime-minutes = 1\n", ":2: lifetime-minutes is there twice"},
        {"[key A]\nlifetime-minutes = 1\nlifetime-minutes = 1\n",
         ":3: lifetime-minutes is there twice"},
        {"preset = AWS\n", ":1: preset is \"generous\", \"aws\" or \"azure\", not \"AWS\""},
        {"[key A]\ndevices = 5\n",
         ":2: devices is for the whole hub: it stands before the sections"},
        {"preset = aws\npreset = aws\n", ":2: preset is there twice"},
        {"[key A]\npreset = aws\n", ":2: preset is for all keys: it stands before the sections"},
        {"[key A]\n[key B]\n[key A]\n", ":3: \"A\" is there twice"},
        {"[A]\n", ":1: \"A\" should be [key ID]"},
        {"[key]\n", ":1: \"key\" should be [key ID]"},
        {"[key A/B]\n", ":1: \"key A/B\" should be [key ID]"},
        {"lifetime-minutes\n", ":1: \"lifetime-min...\" is not \"key = value\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[300], expected[300];
        enum err why;
        assert_null(try(NULL, cases[i].text, problem, sizeof problem, &why));
        snprintf(expected, sizeof expected, "%s%s", path, cases[i].sentence);
        assert_string_equal(problem, expected);
        assert_int_equal(why, ERR_USAGE);
    }
}

static void not_there(void **state)
{
    (void)state;
    enum err why;
    char problem[300];
    assert_null(limits_read("gcp", NULL, &why, problem, sizeof problem));
    assert_int_equal(why, ERR_USAGE);
    assert_string_equal(problem, "there is no preset \"gcp\": there are generous, aws and azure");
    assert_null(limits_read("aws", "/nonexistent/limits", &why, problem, sizeof problem));
    assert_int_equal(why, ERR_NOT_FOUND);
    assert_string_equal(problem, "/nonexistent/limits: no such file");
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(presets),          WITH_FILE(single_limits), WITH_FILE(for_one_key),
        WITH_FILE(bounds),           WITH_FILE(numbers),       WITH_FILE(refused),
        cmocka_unit_test(not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
