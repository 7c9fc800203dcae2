/* What localproxy makes of its command line (share/doc/localproxy.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/config/hub_config.h"
#include "core/config/program.h"
#include "core/settings/settings.h"
#include "gateway/localproxy/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int warnings;
static void count_warning(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)line;
    warnings += level == LOG_WARNING;
}

static struct options *read_line(const char *const *line)
{
    const struct option_group *groups[] = {&hub_options, &localproxy_options, &settings_options,
                                           &program_options};
    static char words[12][200];
    char *argv[13];
    int n = 0;
    for (; line[n] != NULL; n++) {
        snprintf(words[n], sizeof words[n], "%s", line[n]);
        argv[n] = words[n];
    }
    argv[n] = NULL;
    struct options *o = options_new(groups, 4);
    assert_non_null(o);
    assert_int_equal(options_argv(o, n, argv, 0), ERR_OK);
    warnings = 0;
    return o;
}
#define LINE(...) read_line((const char *const[]){"localproxy", __VA_ARGS__, NULL})

/* Every test runs in an empty directory of its own, so that ./config is what the test makes. */
static char root[40];

static int setup(void **state)
{
    (void)state;
    strcpy(root, "/tmp/test-config-XXXXXX");
    return mkdtemp(root) != NULL && chdir(root) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return chdir("/") == 0 ? system(command) : -1;
}

static void put(const char *directory, const char *text)
{
    char path[80];
    mkdir(directory, 0700);
    snprintf(path, sizeof path, "%s/map", directory);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void roles(void **state)
{
    (void)state;
    static const struct {
        const char *line[6];
        bool source;
        int version;
    } cases[] = {
        {{"-s", "5555"}, true, 3},
        {{"-d", "22"}, false, 0},
        {{"-m", "src"}, true, 3},
        {{"-m", "source"}, true, 3},
        {{"-m", "src", "-s", "A=1"}, true, 3},
        {{"-m", "destination", "-d", "22"}, false, 0},
        {{"-m", "dst", "-d", "22"}, false, 0},
        {{"-s", "1", "-y", "V1"}, true, 1},
        {{"-s", "1", "-y", "V2"}, true, 2},
        {{"-d", "1", "-y", "V1"}, false, 1},
        {{"-d", "1", "-y", "V2"}, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const *l = cases[i].line;
        struct options *o = LINE(l[0], l[1], l[2], l[3], l[4], l[5]);
        struct localproxy_config p;
        assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
        assert_int_equal(p.source, cases[i].source);
        assert_int_equal(p.version, cases[i].version);
        assert_int_equal(warnings, 0);
        localproxy_config_free(&p);
        options_free(o);
    }
    struct options *o = LINE("-s", "1", "-y", "V9");
    struct localproxy_config p;
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    assert_int_equal(p.version, 3);
    assert_int_equal(warnings, 1);
    localproxy_config_free(&p);
    options_free(o);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *line[6], *problem;
    } cases[] = {
        {{"-k"}, "Must specify one of --source-listen-port/-s or --destination-app/-d or --mode"},
        {{"-m", "sideways"},
         "Mode value is wrong! Allowed values are: src, dst, source, destination"},
        {{"-m", "SRC"}, "--mode \"SRC\" is none of them"},
        {{"-s", "1", "-d", "2"},
         "Must specify one and only one of --source-listen-port/-s or --destination-app/-d"},
        {{"-m", "src", "-d", "2"}, "-d and --mode have mismatched mode. Mode is set to source!"},
        {{"-m", "dst", "-s", "2"},
         "-s and --mode have mismatched mode. Mode is set to destination!"},
        {{"-m", "dst"}, "No port mapping exists"},
        {{"-d", "0"}, "--destination-app: \"0\" has no port from 1 to 65535"},
        {{"-s", "65536"}, "--source-listen-port: \"65536\" has no port"},
        {{"-s", "A=1,2"}, "each needs a service id"},
        {{"-m", "src", "--config-dir", "nowhere"}, "--config-dir: nowhere: "},
        {{"-s", "1", "--config-dir", "nowhere"}, "--config-dir: nowhere: "},
        {{"-m", "src", "--config-dir", "."}, "--config-dir \".\" holds no mappings"},
        {{"-s", "1", "--reconnect", "maybe"}, "--reconnect \"maybe\" is neither true nor false"},
        {{"-s", "1", "--hub-retries", "-2"}, "--hub-retries \"-2\" is not a number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const *l = cases[i].line;
        struct options *o = LINE(l[0], l[1], l[2], l[3], l[4], l[5]);
        struct localproxy_config p;
        assert_int_equal(localproxy_config_read(o, &p), ERR_USAGE);
        if (strstr(options_problem(o), cases[i].problem) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].problem, options_problem(o));
        localproxy_config_free(&p);
        options_free(o);
    }
}

static void directories(void **state)
{
    (void)state;
    struct localproxy_config p;
    put("config", "SSH1 = 22\nHTTP1 = host:80\n");
    put("other", "X = 1\n");

    struct options *o = LINE("-m", "dst");
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    assert_int_equal(p.services.n, 2);
    assert_true(p.from_files);
    localproxy_config_free(&p);
    options_free(o);

    o = LINE("-m", "src", "--config-dir", "other");
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    assert_int_equal(p.services.n, 1);
    assert_string_equal(p.services.items[0].id, "X");
    localproxy_config_free(&p);
    options_free(o);

    o = LINE("-s", "A=5", "--config-dir", "other"); /* the command line alone counts */
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    assert_int_equal(p.services.n, 1);
    assert_string_equal(p.services.items[0].id, "A");
    assert_false(p.from_files);
    localproxy_config_free(&p);
    options_free(o);
}

static void broken_default_directory(void **state)
{
    (void)state;
    struct localproxy_config p;
    put("config", "nonsense\n");
    struct options *o = LINE("-d", "22"); /* not looked at */
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    localproxy_config_free(&p);
    options_free(o);
    assert_int_equal(warnings, 0);
    o = LINE("-m", "src"); /* nobody asked for it */
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    assert_int_equal(p.services.n, 0);
    assert_int_equal(warnings, 1);
    localproxy_config_free(&p);
    options_free(o);
    o = LINE("-m", "src", "--config-dir", "config");
    assert_int_equal(localproxy_config_read(o, &p), ERR_USAGE);
    assert_string_equal(options_problem(o),
                        "--config-dir: config/map:1: \"nonsense\" is not \"key = value\"");
    localproxy_config_free(&p);
    options_free(o);
}

static void source_alone(void **state)
{
    (void)state;
    struct localproxy_config p;
    struct options *o = LINE("-m", "src");
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    assert_int_equal(p.services.n, 0);
    assert_false(p.from_files);
    assert_string_equal(p.address, "localhost");
    assert_false(p.address_given);
    assert_int_equal(p.connect_retries, 5);
    assert_int_equal(p.connect_retry_ms, 2500);
    assert_int_equal(p.max_connections, 128);
    assert_false(p.give_up);
    assert_true(p.reconnect);
    localproxy_config_free(&p);
    options_free(o);
}

static void settings(void **state)
{
    (void)state;
    struct localproxy_config p;
    struct options *o = LINE("-s", "A=1,A=2");
    assert_int_equal(
        settings_text(
            o, "s.json",
            span_of("{\"tunneling\":{\"proxy\":{\"default_bind_address\":\"10.0.0.9\","
                    "\"tcp\":{\"connection_retry_count\":\"0\",\"connection_retry_delay_ms\":"
                    "\"100\",\"max_active_connections\":\"7\"},\"websocket\":{"
                    "\"connect_retry_count\":\"3\",\"reconnect_on_data_error\":false}}}}")),
        ERR_OK);
    assert_int_equal(localproxy_config_read(o, &p), ERR_OK);
    assert_int_equal(warnings, 1); /* A twice */
    assert_string_equal(p.address, "10.0.0.9");
    assert_int_equal(p.connect_retries, 0);
    assert_int_equal(p.connect_retry_ms, 100);
    assert_int_equal(p.max_connections, 7);
    assert_true(p.give_up);
    assert_int_equal(p.hub_tries, 3);
    assert_false(p.reconnect);
    localproxy_config_free(&p);
    options_free(o);
}

/* Names cut short mean what they mean in the reference program, whatever we have added. */
static void abbreviations(void **state)
{
    (void)state;
    static const struct {
        const char *given, *name;
    } cases[] = {
        {"--access", "access-token"},
        {"--proxy", "proxy-endpoint"},
        {"--reg", "region"},
        {"--source", "source-listen-port"},
        {"--dest", NULL},
        {"--destination-a", "destination-app"},
        {"--local", "local-bind-address"},
        {"--l", "local-bind-address"},
        {"--cap", "capath"},
        {"--client", "client-token"},
        {"--mod", "mode"},
        {"--export", "export-default-settings"},
        {"--settings", "settings-json"},
        {"--config-d", "config-dir"},
        {"--verb", "verbose"},
        {"--conf", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct option_group *groups[] = {&hub_options, &localproxy_options, &settings_options,
                                               &program_options};
        char program[] = "localproxy", given[40], value[] = "x";
        char *argv[] = {program, given, value, NULL};
        snprintf(given, sizeof given, "%s", cases[i].given);
        struct options *o = options_new(groups, 4);
        enum err why = options_argv(o, 3, argv, 0);
        assert_int_equal(why, cases[i].name != NULL ? ERR_OK : ERR_USAGE);
        if (cases[i].name != NULL)
            assert_string_equal(options_get(o, cases[i].name), "x");
        options_free(o);
    }
}

int main(void)
{
    log_redirect(count_warning, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(roles, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
        cmocka_unit_test_setup_teardown(directories, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_default_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(source_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(settings, setup, teardown),
        cmocka_unit_test(abbreviations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
