/* The command that is told what happens: what it gets, and that nobody waits for it. */
#include "gateway/hub/hooks/hooks.h"

#include "core/base/log.h"
#include "core/base/process.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL ((1u << HOOK_EVENTS) - 1)
#define TIMEOUT_MS 60000
#define SHORT_MS 1500 /* time enough for a shell to begin, on a busy machine, too */
#define LONG_MS 60000 /* nothing here may take so long */
#define DEADLINE_S 60
#define LEFT_OPEN 77 /* a descriptor that the starter of the program has left open */

static char folder[] = "/tmp/test-hooks-XXXXXX";
static char script[64], out[64];
static char last_log[1024];
static unsigned log_lines;
static atomic_bool never_stop;

static void on_line(void *ctx, enum log_level level, const char *line)
{
    (void)ctx, (void)level;
    log_lines++;
    snprintf(last_log, sizeof last_log, "%s", line);
}

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_true(dup2(STDERR_FILENO, LEFT_OPEN) == LEFT_OPEN);
    process_keep_descriptors();
    assert_non_null(mkdtemp(folder));
    snprintf(script, sizeof script, "%s/hook", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    log_redirect(on_line, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_redirect(NULL, NULL);
    return rmdir(folder);
}

static int each(void **state)
{
    (void)state;
    log_lines = 0;
    last_log[0] = '\0';
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(script);
    unlink(out);
    return 0;
}

/* A shell script with these lines; $OUT is where its results go. */
static void write_script(const char *lines)
{
    FILE *f = fopen(script, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\nOUT=%s\n%s\n", out, lines);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(script, 0700), 0);
}

static char *contents(void)
{
    static char text[4 << 20];
    FILE *f = fopen(out, "rb");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    if (f != NULL)
        fclose(f);
    return text;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- one run ---- */

static char text[512];

static enum hook_result run_it(const char *command, const char *input, size_t n, uint64_t timeout)
{
    const struct hook_run r = {
        .command = command, .input = {input, n}, .timeout_ms = timeout, .stop = &never_stop};
    return hook_run(&r, text, sizeof text);
}

static void test_input(void **state)
{
    (void)state;
    static char much[300000];
    memset(much, 'x', sizeof much);
    write_script("wc -c >$OUT");
    assert_int_equal(run_it(script, much, sizeof much, TIMEOUT_MS), HOOK_OK);
    assert_int_equal(atoi(contents()), (int)sizeof much);
}

static void test_arguments(void **state)
{
    (void)state;
    char command[200];
    write_script("for a in \"$@\"; do echo \"<$a>\"; done >$OUT");
    snprintf(command, sizeof command, "  %s one\t'two  three' $HOME ;id ", script);
    assert_int_equal(run_it(command, "", 0, TIMEOUT_MS), HOOK_OK);
    assert_string_equal(contents(), "<one>\n<'two>\n<three'>\n<$HOME>\n<;id>\n");
}

static void test_surroundings(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWSIOT_TUNNEL_ACCESS_TOKEN", "secret", 1), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/secret", 1), 0);
    assert_int_equal(setenv("LC_ALL", "C", 1), 0);
    write_script("env >$OUT; ls /proc/self/fd | wc -l >>$OUT; echo pg $$ "
                 "$(ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat) >>$OUT; "
                 "grep ^Sig /proc/self/status >>$OUT");
    assert_int_equal(run_it(script, "", 0, TIMEOUT_MS), HOOK_OK);
    const char *found = contents();
    assert_null(strstr(found, "secret"));
    assert_non_null(strstr(found, "PATH="));
    assert_non_null(strstr(found, "LC_ALL=C\n"));
    assert_non_null(strstr(found, "\n4\n")); /* 0, 1, 2 and the folder that ls reads */
    assert_non_null(strstr(found, "SigBlk:\t0000000000000000"));
    const char *ignored = strstr(found, "SigIgn:\t");
    assert_non_null(ignored); /* glibc itself ignores 32 and 33 */
    assert_int_equal(strtoull(ignored + 8, NULL, 16) & 0x7fffffff, 0);
    int pid = 0, group = -1;
    assert_int_equal(sscanf(strstr(found, "pg "), "pg %d %d", &pid, &group), 2);
    assert_int_equal(pid, group);
}

static void test_never_reads(void **state)
{
    (void)state;
    static char much[300000];
    write_script("exec <&-; echo here >$OUT");
    assert_int_equal(run_it(script, much, sizeof much, TIMEOUT_MS), HOOK_OK);
    assert_string_equal(contents(), "here\n");
    write_script("exit 0");
    assert_int_equal(run_it(script, much, sizeof much, TIMEOUT_MS), HOOK_OK);
}

static void test_failure_in_its_words(void **state)
{
    (void)state;
    write_script("printf 'cannot \\033[31mreach it\\nmore\\n' >&2; exit 7");
    assert_int_equal(run_it(script, "x", 1, TIMEOUT_MS), HOOK_FAILED);
    assert_string_equal(text, "it ended with code 7: cannot \\x1b[31mreach it");
    write_script("kill -9 $$");
    assert_int_equal(run_it(script, "x", 1, TIMEOUT_MS), HOOK_FAILED);
    assert_string_equal(text, "it was ended by signal 9");
}

/* Who writes much to its standard error does not wait for a reader. */
static void test_much_to_say(void **state)
{
    (void)state;
    write_script("yes complaint | head -c 1000000 >&2; exit 1");
    assert_int_equal(run_it(script, "x", 1, TIMEOUT_MS), HOOK_FAILED);
    assert_string_equal(text, "it ended with code 1: complaint");
}

static void test_hung(void **state)
{
    (void)state;
    static char much[300000];
    uint64_t since = now_ms();
    write_script("sleep 1000 & echo $! >$OUT; wait");
    assert_int_equal(run_it(script, much, sizeof much, SHORT_MS), HOOK_LATE);
    assert_in_range(now_ms() - since, SHORT_MS, LONG_MS);
    assert_string_equal(text, "it did not end in time, and was killed");
    pid_t below = atoi(contents()); /* it is in the group, and dies with it */
    assert_true(below > 0);
    for (int i = 0; kill(below, 0) == 0 && i < 1000; i++) {
        char path[64], stat[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", below);
        FILE *f = fopen(path, "r");
        size_t n = f != NULL ? fread(stat, 1, sizeof stat - 1, f) : 0;
        if (f != NULL)
            fclose(f);
        if (n == 0 || strstr(stat, ") Z ") != NULL)
            break; /* nobody waits for it in a container without an init */
        assert_true(i < 999);
        usleep(1000);
    }
}

static void test_stop(void **state)
{
    (void)state;
    atomic_bool stop = true;
    uint64_t since = now_ms();
    write_script("exec sleep 1000");
    const struct hook_run r = {.command = script, .timeout_ms = 600000, .stop = &stop};
    assert_int_equal(hook_run(&r, text, sizeof text), HOOK_LATE);
    assert_in_range(now_ms() - since, HOOK_LAST_MS, LONG_MS);
}

static void test_not_there(void **state)
{
    (void)state;
    assert_int_equal(run_it("/nonexistent/hook", "x", 1, TIMEOUT_MS), HOOK_NOT_STARTED);
    assert_string_equal(text, "it cannot be started: No such file or directory");
    assert_int_equal(run_it("", "x", 1, TIMEOUT_MS), HOOK_NOT_STARTED);
    write_script("");
    chmod(script, 0600);
    assert_int_equal(run_it(script, "x", 1, TIMEOUT_MS), HOOK_NOT_STARTED);
    assert_string_equal(text, "it cannot be started: Permission denied");
}

/* ---- events ---- */

static struct hooks *start(unsigned events)
{
    struct hooks *h = hooks_new();
    assert_non_null(h);
    const struct hooks_options o = {.command = script, .events = events, .timeout_ms = TIMEOUT_MS};
    assert_int_equal(hooks_set(h, &o), ERR_OK);
    return h;
}

static uint64_t runs(struct hooks *h)
{
    struct hooks_counts c = hooks_counts(h);
    uint64_t n = 0;
    for (int i = 0; i < HOOK_RESULTS; i++)
        n += c.runs[i];
    return n;
}

static void wait_runs(struct hooks *h, uint64_t n)
{
    time_t end = time(NULL) + DEADLINE_S;
    while (runs(h) < n) {
        assert_true(time(NULL) < end);
        usleep(1000);
    }
}

static void wait_contents(const char *part)
{
    time_t end = time(NULL) + DEADLINE_S;
    while (strstr(contents(), part) == NULL) {
        assert_true(time(NULL) < end);
        usleep(1000);
    }
}

static void tell_device(struct hooks *h, const char *device)
{
    const struct log_field f[] = {{"device", device, 0}, {"seconds", NULL, 12}};
    hooks_tell(h, HOOK_DEVICE_AWAY, f, 2);
}

static void test_schema(void **state)
{
    (void)state;
    write_script("cat >$OUT");
    struct hooks *h = start(ALL);
    tell_device(h, "plant\"7\n\x1b[31m\xff");
    wait_runs(h, 1);
    cJSON *all = cJSON_Parse(contents());
    assert_non_null(all);
    assert_int_equal(cJSON_GetObjectItem(all, "schema")->valueint, HOOKS_SCHEMA);
    assert_string_equal(cJSON_GetObjectItem(all, "program")->valuestring, "tunnel-hub");
    assert_string_equal(cJSON_GetObjectItem(all, "version")->valuestring, TUNNEL_VERSION);
    assert_true(strlen(cJSON_GetObjectItem(all, "host")->valuestring) > 0);
    assert_int_equal(cJSON_GetObjectItem(all, "dropped")->valueint, 0);
    const cJSON *events = cJSON_GetObjectItem(all, "events");
    assert_int_equal(cJSON_GetArraySize(events), 1);
    const cJSON *e = cJSON_GetArrayItem(events, 0);
    assert_string_equal(cJSON_GetObjectItem(e, "event")->valuestring, "device-away");
    assert_string_equal(cJSON_GetObjectItem(e, "device")->valuestring,
                        "plant\"7\n\x1b[31m\xef\xbf\xbd");
    assert_int_equal(cJSON_GetObjectItem(e, "seconds")->valueint, 12);
    assert_int_equal(strlen(cJSON_GetObjectItem(e, "time")->valuestring), 24);
    cJSON_Delete(all);
    hooks_free(h);
}

static void test_wanted(void **state)
{
    (void)state;
    write_script("cat >>$OUT");
    struct hooks *h = start(1u << HOOK_STORE_FAILING);
    tell_device(h, "plant7");
    assert_int_equal(hooks_counts(h).told, 0);
    hooks_tell(h, HOOK_STORE_FAILING, NULL, 0);
    assert_int_equal(hooks_counts(h).told, 1);
    wait_runs(h, 1);
    assert_null(strstr(contents(), "plant7"));
    assert_non_null(strstr(contents(), "store-failing"));
    hooks_free(h);
}

/* All that waits goes to one run; the rest is counted, and the next run is told. */
static void test_burst(void **state)
{
    (void)state;
    char device[40];
    int events = 0, dropped = 0;
    write_script("cat >>$OUT; echo >>$OUT");
    struct hooks *h = start(ALL);
    for (int i = 0; i < 10000; i++) { /* and nobody waits for a run */
        snprintf(device, sizeof device, "device-%d", i);
        tell_device(h, device);
    }
    wait_runs(h, 2); /* the first may have had the first event only */
    tell_device(h, "one more");
    wait_contents("\"one more\"");
    struct hooks_counts c = hooks_counts(h);
    assert_int_equal(c.told + c.dropped, 10001);
    assert_true(c.dropped > 0);
    hooks_free(h);
    const char *end = contents();
    uint64_t n = 0;
    for (cJSON *all; (all = cJSON_ParseWithOpts(end, &end, 0)) != NULL; n++) {
        events += cJSON_GetArraySize(cJSON_GetObjectItem(all, "events"));
        dropped += cJSON_GetObjectItem(all, "dropped")->valueint;
        cJSON_Delete(all);
        while (*end == '\n')
            end++;
    }
    assert_int_equal(events, (int)c.told);
    assert_int_equal(dropped, (int)c.dropped);
    assert_in_range(n, 3, 20); /* one a second at most, however long the telling takes */
}

/* A hung command costs those who tell nothing, and the next run comes after it. */
static void test_hung_command(void **state)
{
    (void)state;
    write_script("[ -e $OUT ] && { cat >>$OUT; exit 0; }; echo first >$OUT; exec sleep 1000");
    struct hooks *h = hooks_new();
    const struct hooks_options o = {.command = script, .events = ALL, .timeout_ms = SHORT_MS};
    assert_int_equal(hooks_set(h, &o), ERR_OK);
    tell_device(h, "a");
    wait_runs(h, 1);
    tell_device(h, "b");
    wait_runs(h, 2);
    struct hooks_counts c = hooks_counts(h);
    assert_int_equal(c.runs[HOOK_LATE], 1);
    assert_int_equal(c.runs[HOOK_OK], 1);
    assert_non_null(strstr(contents(), "\"device\":\"b\""));
    assert_non_null(strstr(last_log, "did not end in time"));
    hooks_free(h);
}

static void test_failures_are_told_once(void **state)
{
    (void)state;
    write_script("exit 3");
    struct hooks *h = start(ALL);
    tell_device(h, "a");
    wait_runs(h, 1);
    tell_device(h, "b");
    wait_runs(h, 2);
    hooks_free(h);
    assert_int_equal(log_lines, 1);
    assert_non_null(strstr(last_log, "it ended with code 3"));
}

static void test_command_changes(void **state)
{
    (void)state;
    write_script("echo one >>$OUT");
    struct hooks *h = start(ALL);
    tell_device(h, "a");
    wait_runs(h, 1);
    char other[100];
    snprintf(other, sizeof other, "tee -a %s", out);
    assert_int_equal(hooks_set(h, &(struct hooks_options){other, ALL, TIMEOUT_MS}), ERR_OK);
    tell_device(h, "b");
    wait_runs(h, 2);
    assert_non_null(strstr(contents(), "one\n{"));
    assert_int_equal(hooks_set(h, &(struct hooks_options){NULL, ALL, TIMEOUT_MS}), ERR_OK);
    tell_device(h, "c");
    assert_int_equal(hooks_counts(h).told, 2);
    hooks_free(h);
}

/* The end of the program: a run that hangs has a second, and what waits is not told. */
static void test_end(void **state)
{
    (void)state;
    write_script("echo here >>$OUT; exec sleep 1000");
    struct hooks *h = hooks_new();
    const struct hooks_options o = {.command = script, .events = ALL, .timeout_ms = 600000};
    assert_int_equal(hooks_set(h, &o), ERR_OK);
    tell_device(h, "a");
    wait_contents("here");
    tell_device(h, "b");
    uint64_t since = now_ms();
    hooks_stop(h);
    tell_device(h, "c");
    assert_int_equal(hooks_counts(h).waiting, 1);
    hooks_free(h);
    assert_in_range(now_ms() - since, HOOK_LAST_MS, LONG_MS);
    assert_string_equal(contents(), "here\n");
}

static void test_names(void **state)
{
    (void)state;
    unsigned set;
    struct span wrong;
    assert_true(hook_events_read("all", &set, &wrong));
    assert_int_equal(set, ALL);
    assert_true(hook_events_read("device-away, store-failing", &set, &wrong));
    assert_int_equal(set, 1u << HOOK_DEVICE_AWAY | 1u << HOOK_STORE_FAILING);
    for (unsigned e = 0; e < HOOK_EVENTS; e++) {
        assert_true(hook_events_read(hook_event_name((enum hook_event)e), &set, &wrong));
        assert_int_equal(set, 1u << e);
    }
    assert_false(hook_events_read("device-away,devices", &set, &wrong));
    assert_true(span_is(wrong, "devices"));
    assert_false(hook_events_read("", &set, &wrong));
    assert_false(hook_events_read("device-away,,refusals", &set, &wrong));
}

static void test_check(void **state)
{
    (void)state;
    write_script("");
    assert_true(hooks_check(NULL, text, sizeof text));
    assert_true(hooks_check(script, text, sizeof text));
    assert_true(hooks_check("sh in-PATH", text, sizeof text));
    assert_false(hooks_check("nonexistent-hook -v", text, sizeof text));
    assert_string_equal(text, "--hook nonexistent-hook -v: there is no such program in PATH");
    assert_false(hooks_check("/nonexistent/hook -v", text, sizeof text));
    assert_string_equal(text, "--hook /nonexistent/hook -v: No such file or directory");
    assert_false(hooks_check(" ", text, sizeof text));
    assert_true(
        hooks_check("sh 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 "
                    "28 29 30 31 32 ",
                    text, sizeof text));
    assert_false(
        hooks_check("sh 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 "
                    "28 29 30 31 32 33",
                    text, sizeof text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_input, each, remove_files),
        cmocka_unit_test_setup_teardown(test_arguments, each, remove_files),
        cmocka_unit_test_setup_teardown(test_surroundings, each, remove_files),
        cmocka_unit_test_setup_teardown(test_never_reads, each, remove_files),
        cmocka_unit_test_setup_teardown(test_failure_in_its_words, each, remove_files),
        cmocka_unit_test_setup_teardown(test_much_to_say, each, remove_files),
        cmocka_unit_test_setup_teardown(test_hung, each, remove_files),
        cmocka_unit_test_setup_teardown(test_stop, each, remove_files),
        cmocka_unit_test_setup_teardown(test_not_there, each, remove_files),
        cmocka_unit_test_setup_teardown(test_schema, each, remove_files),
        cmocka_unit_test_setup_teardown(test_wanted, each, remove_files),
        cmocka_unit_test_setup_teardown(test_burst, each, remove_files),
        cmocka_unit_test_setup_teardown(test_hung_command, each, remove_files),
        cmocka_unit_test_setup_teardown(test_failures_are_told_once, each, remove_files),
        cmocka_unit_test_setup_teardown(test_command_changes, each, remove_files),
        cmocka_unit_test_setup_teardown(test_end, each, remove_files),
        cmocka_unit_test(test_names),
        cmocka_unit_test_setup_teardown(test_check, each, remove_files),
    };
    return cmocka_run_group_tests_name("hooks", tests, set_up, tear_down);
}
