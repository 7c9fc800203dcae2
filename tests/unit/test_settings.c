#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/config/hub_config.h"
#include "core/settings/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int warnings;
static void count_warning(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)line;
    warnings += level == LOG_WARNING;
}

static struct options *fresh(void)
{
    const struct option_group *groups[] = {&hub_options, &settings_options};
    struct options *o = options_new(groups, 2);
    assert_non_null(o);
    warnings = 0;
    return o;
}

static enum err read_text(struct options *o, const char *json)
{
    return settings_text(o, "s.json", span_of(json));
}

static void values(void **state)
{
    (void)state;
    static const char *const forms[] = {"\"5000\"", "5000", "5e3"};
    for (size_t i = 0; i < 3; i++) {
        struct options *o = fresh();
        char json[200];
        uint64_t ms = 0;
        snprintf(json, sizeof json,
                 " {\"tunneling\": {\"proxy\": {\"websocket\": {\"ping_period_ms\": %s}}}}\n\n",
                 forms[i]);
        assert_int_equal(read_text(o, json), ERR_OK);
        assert_int_equal(options_duration(o, "ping-period", &ms), ERR_OK);
        assert_int_equal(ms, 5000);
        assert_int_equal(options_source(o, "ping-period"), OPTION_SETTINGS);
        assert_int_equal(warnings, 0);
        options_free(o);
    }
}

static void regions(void **state)
{
    (void)state;
    struct options *o = fresh();
    struct hub_config c;
    assert_int_equal(read_text(o, "{\"tunneling\":{\"proxy\":{\"region_endpoint_overrides\":"
                                  "{\"x-1\":\"a.test\",\"x-2\":\"b.test\"}}}}"),
                     ERR_OK);
    options_set(o, span_of("region"), span_of("x-2"), OPTION_ARGV, NULL);
    options_set(o, span_of("access-token"), span_of("t"), OPTION_ENVIRONMENT, NULL);
    assert_int_equal(hub_config_read(o, &(struct hub_rules){false}, &c), ERR_OK);
    assert_string_equal(c.host, "b.test");
    hub_config_free(&c);
    options_free(o);
}

static void unknown_and_unused(void **state)
{
    (void)state;
    struct options *o = fresh();
    assert_int_equal(read_text(o, "{\"tunneling\":{\"proxy\":{\"message\":{\"max_size\":\"1\"},"
                                  "\"tcp\":{\"write_buffer_size\":1}}}}"),
                     ERR_OK);
    assert_int_equal(warnings, 0);
    assert_int_equal(read_text(o, "{\"tunneling\":{\"proxy\":{\"typo\":\"1\"}},\"x\":true}"),
                     ERR_OK);
    assert_int_equal(warnings, 2);
    options_free(o);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *problem;
    } cases[] = {
        {"", "s.json:1: this is not a JSON object"},
        {"[]", "s.json:1: this is not a JSON object"},
        {"{\n\"a\": \n}", "s.json:3: this is not a JSON object"},
        {"{}\n{}", "s.json:2: this is not a JSON object"},
        {"{\"a\":[1]}", "s.json: a should be a string"},
        {"{\"a\":{\"b\":null}}", "s.json: a.b should be a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options *o = fresh();
        assert_int_equal(read_text(o, cases[i].json), ERR_USAGE);
        assert_string_equal(options_problem(o), cases[i].problem);
        options_free(o);
    }
    struct options *o = fresh();
    char deep[400] = "";
    for (int i = 0; i < 40; i++)
        strcat(deep, "{\"a\":");
    strcat(deep, "1");
    for (int i = 0; i < 40; i++)
        strcat(deep, "}");
    assert_int_equal(read_text(o, deep), ERR_USAGE);
    assert_int_equal(settings_load(o, "/nonexistent/s.json"), ERR_NOT_FOUND);
    assert_string_equal(options_problem(o), "--settings-json: /nonexistent/s.json: no such file");
    options_free(o);
}

/* What is exported is read back without a word, and says what the defaults say. */
static void export_and_read(void **state)
{
    (void)state;
    char path[] = "/tmp/test-settings-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct options *o = fresh();
    uint64_t ms = 0;
    assert_int_equal(settings_export(o, path), ERR_OK);
    assert_int_equal(settings_load(o, path), ERR_OK);
    assert_int_equal(options_duration(o, "ping-period", &ms), ERR_OK);
    assert_int_equal(ms, 20000);
    assert_string_equal(options_get(o, "subprotocol"), "aws.iot.securetunneling-3.0");
    assert_int_equal(settings_export(o, "/nonexistent/s.json"), ERR_IO);
    assert_non_null(strstr(options_problem(o), "/nonexistent/s.json"));
    options_free(o);
    unlink(path);
}

int main(void)
{
    log_redirect(count_warning, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(regions),
        cmocka_unit_test(unknown_and_unused),
        cmocka_unit_test(refused),
        cmocka_unit_test(export_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
