/* The audit log: lines that are JSON whatever is in them, appended, reopened, and counted when they
 * cannot be written. */
#include "gateway/hub/api/audit.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test-audit-XXXXXX";
static char path[64], rotated[64];

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/audit.log", folder);
    snprintf(rotated, sizeof rotated, "%s/audit.log.1", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int remove_files(void **state)
{
    (void)state;
    unlink(path);
    unlink(rotated);
    return 0;
}

static struct audit *open_audit(const char *where)
{
    enum err why = ERR_INTERNAL;
    struct audit *a = audit_new(where, &why);
    assert_non_null(a);
    assert_int_equal(why, ERR_OK);
    return a;
}

static char *contents(const char *where)
{
    char *text = calloc(1, 1 << 20);
    FILE *f = fopen(where, "rb");
    assert_non_null(text);
    assert_non_null(f);
    assert_true(fread(text, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
    fclose(f);
    return text;
}

/* The only line of the file, parsed. */
static cJSON *only_line(void)
{
    char *text = contents(path);
    size_t n = strlen(text);
    assert_true(n > 0);
    assert_ptr_equal(strchr(text, '\n'), text + n - 1);
    cJSON *j = cJSON_Parse(text);
    assert_non_null(j);
    free(text);
    return j;
}

static void has(const cJSON *line, const char *name, const char *value)
{
    const cJSON *j = cJSON_GetObjectItemCaseSensitive(line, name);
    assert_true(cJSON_IsString(j));
    assert_string_equal(j->valuestring, value);
}

static void test_line(void **state)
{
    struct audit *a = open_audit(path);
    struct log_field fields[] = {
        {"key", "AKIDEXAMPLE", 0}, {"status", NULL, 200}, {"sent", NULL, INT64_MIN}};
    char *text;
    (void)state;
    audit_event(a, "call", fields, 3);
    text = contents(path);
    /* {"time":"2026-11-21T02:30:00.123Z","event":"call",… */
    assert_memory_equal(text, "{\"time\":\"20", 11);
    assert_memory_equal(text + 32, "Z\",", 3);
    assert_string_equal(text + 35, "\"event\":\"call\",\"key\":\"AKIDEXAMPLE\",\"status\":200,"
                                   "\"sent\":-9223372036854775808}\n");
    free(text);
    cJSON_Delete(only_line());
    assert_int_equal(audit_lost(a), 0);
    audit_free(a);
}

static void test_hostile_texts(void **state)
{
    static const char hostile[] = "a\"}\n{\"event\":\"call\",\"result\":\"ok\"}\r\x1b[2J\x7f\\";
    struct audit *a = open_audit(path);
    struct log_field fields[] = {{"thing", hostile, 0},
                                 {"client", "\xff\xc3(\xe2\x80\xae\xe2\x80\xa8", 0},
                                 {"reason", "Gr\xc3\xb6\xc3\x9f\x65", 0}};
    (void)state;
    audit_event(a, "refuse", fields, 3);
    char *text = contents(path);
    for (const char *p = text; *p != '\0'; p++)
        assert_true((unsigned char)*p >= ' ' || (*p == '\n' && p[1] == '\0'));
    assert_null(strstr(text, "\xe2\x80\xae")); /* nothing turns the line around */
    free(text);
    cJSON *line = only_line();
    has(line, "event", "refuse");
    has(line, "thing", hostile);
    has(line, "client", "\xef\xbf\xbd\xef\xbf\xbd(\xe2\x80\xae\xe2\x80\xa8");
    has(line, "reason", "Gr\xc3\xb6\xc3\x9f\x65");
    assert_null(cJSON_GetObjectItem(line, "result"));
    cJSON_Delete(line);
    audit_free(a);
}

static void test_long_text(void **state)
{
    struct audit *a = open_audit(path);
    char *huge = malloc(1 << 20);
    (void)state;
    assert_non_null(huge);
    memset(huge, '\x01', (1 << 20) - 1);
    huge[(1 << 20) - 1] = '\0';
    audit_event(a, "call", &(struct log_field){"tags", huge, 0}, 1);
    cJSON *line = only_line();
    const char *tags = cJSON_GetObjectItem(line, "tags")->valuestring;
    assert_int_equal(strlen(tags), 8192 + 3);
    assert_string_equal(tags + 8192, "...");
    cJSON_Delete(line);
    free(huge);
    audit_free(a);
}

static void test_appends(void **state)
{
    struct stat st;
    (void)state;
    for (int64_t i = 0; i < 3; i++) {
        struct audit *a = open_audit(path);
        audit_event(a, "call", &(struct log_field){"n", NULL, i}, 1);
        audit_free(a);
    }
    char *text = contents(path);
    assert_non_null(strstr(text, "\"n\":0}\n{"));
    assert_non_null(strstr(text, "\"n\":1}\n{"));
    assert_non_null(strstr(text, "\"n\":2}\n"));
    free(text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_reopen(void **state)
{
    struct audit *a = open_audit(path);
    (void)state;
    audit_event(a, "one", NULL, 0);
    assert_int_equal(rename(path, rotated), 0);
    audit_event(a, "two", NULL, 0);
    assert_int_equal(audit_reopen(a, path), ERR_OK);
    audit_event(a, "three", NULL, 0);
    char *old = contents(rotated);
    assert_non_null(strstr(old, "\"one\""));
    assert_non_null(strstr(old, "\"two\""));
    assert_null(strstr(old, "\"three\""));
    free(old);
    cJSON *line = only_line();
    has(line, "event", "three");
    cJSON_Delete(line);
    audit_free(a);
}

static void test_reopen_fails(void **state)
{
    struct audit *a = open_audit(path);
    (void)state;
    assert_int_equal(rename(path, rotated), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(audit_reopen(a, path), ERR_OK);
    audit_event(a, "still", NULL, 0);
    assert_int_equal(audit_lost(a), 0);
    char *old = contents(rotated);
    assert_non_null(strstr(old, "\"still\""));
    free(old);
    audit_free(a);
    assert_int_equal(rmdir(path), 0);
}

static void test_no_file(void **state)
{
    enum err why = ERR_OK;
    (void)state;
    assert_null(audit_new("/nowhere/at/all/audit.log", &why));
    assert_int_equal(why, ERR_NOT_FOUND);
    struct audit *a = open_audit(NULL);
    audit_event(a, "call", NULL, 0);
    assert_int_equal(audit_reopen(a, NULL), ERR_OK);
    assert_int_equal(audit_lost(a), 0);
    assert_int_equal(audit_reopen(a, path), ERR_OK); /* somebody wants one after all */
    audit_event(a, "now", NULL, 0);
    assert_int_equal(audit_reopen(a, NULL), ERR_OK);
    audit_event(a, "not", NULL, 0);
    cJSON *line = only_line();
    has(line, "event", "now");
    cJSON_Delete(line);
    audit_free(a);
    audit_free(NULL);
}

struct complaints {
    int n;
    char last[512];
};

static void hear(void *ctx, enum log_level level, const char *line)
{
    struct complaints *c = ctx;
    assert_int_equal(level, LOG_ERROR);
    c->n++;
    snprintf(c->last, sizeof c->last, "%s", line);
}

static void test_full_disk(void **state)
{
    struct complaints complaints = {0};
    struct audit *a = open_audit("/dev/full");
    (void)state;
    log_redirect(hear, &complaints);
    for (int i = 0; i < 5; i++)
        audit_event(a, "call", NULL, 0);
    log_redirect(NULL, NULL);
    assert_int_equal(audit_lost(a), 5);
    assert_int_equal(complaints.n, 1); /* once a minute */
    assert_non_null(strstr(complaints.last, "/dev/full"));
    assert_non_null(strstr(complaints.last, strerror(ENOSPC)));
    audit_free(a);
}

/* A pipe that is nearly full takes a part of a line; the next line must not be joined to that. */
static void test_torn_line(void **state)
{
    struct complaints complaints = {0};
    static char filler[4096];
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(fcntl(reader, F_SETPIPE_SZ, 8192), 8192);
    struct audit *a = open_audit(path);
    memset(filler, 'x', sizeof filler - 1);
    log_redirect(hear, &complaints);
    struct log_field field = {"filler", filler, 0};
    /* Longer than PIPE_BUF: such a write may be cut. */
    audit_event(a, "first", &field, 1);
    audit_event(a, "second", &field, 1);
    log_redirect(NULL, NULL);
    assert_int_equal(audit_lost(a), 1);
    assert_int_equal(complaints.n, 1);
    char *text = calloc(1, 32768);
    assert_non_null(text);
    ssize_t n = read(reader, text, 16384);
    assert_true(n > 4096);
    audit_event(a, "third", NULL, 0);
    assert_true(read(reader, text + n, 16383) > 0);
    const char *third = strstr(text, "\"event\":\"third\"");
    assert_non_null(strstr(text, "\"event\":\"first\""));
    assert_non_null(third);
    while (third[-1] != '{')
        third--;
    assert_int_equal(third[-2], '\n');
    free(text);
    close(reader);
    /* And nobody reads at all. */
    log_redirect(hear, &complaints);
    audit_event(a, "fourth", NULL, 0);
    log_redirect(NULL, NULL);
    assert_int_equal(audit_lost(a), 2);
    audit_free(a);
}

static void append(const char *text)
{
    FILE *f = fopen(path, "ab");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* A hub that was ended while the disk was full, or was told to open the same file again. */
static void test_torn_file(void **state)
{
    static const char half[] = "{\"event\":\"call\",\"thi";
    (void)state;
    struct audit *a = open_audit(path);
    audit_event(a, "first", NULL, 0);
    append(half);
    assert_int_equal(audit_reopen(a, path), ERR_OK);
    audit_event(a, "second", NULL, 0);
    append(half);
    audit_free(a);
    a = open_audit(path);
    audit_event(a, "third", NULL, 0);
    audit_free(a);
    char *text = contents(path), *line = text;
    static const char *const begins[] = {"{\"time\"", half, "{\"time\"", half, "{\"time\"", ""};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        assert_int_equal(strncmp(line, begins[i], strlen(begins[i])), 0);
        char *end = strchr(line, '\n');
        line = end != NULL ? end + 1 : line + strlen(line);
    }
    assert_string_equal(line, "");
    free(text);
}

/* Whoever has neither key nor token cannot fill the disk, nor shut others out of the log. */
static void test_strangers(void **state)
{
    struct audit *a = open_audit(path);
    struct log_field who = {"key", "KNOWN", 0};
    size_t lines = 0;
    (void)state;
    for (int i = 0; i < 50 * AUDIT_STRANGERS_MAX; i++)
        audit_stranger(a, "refuse", NULL, 0);
    audit_event(a, "call", &who, 1);
    char *text = contents(path);
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    /* A minute may have ended meanwhile: then it is twice as many, and a line that says so. */
    assert_true(lines == AUDIT_STRANGERS_MAX + 1 || lines == 2 * AUDIT_STRANGERS_MAX + 2);
    assert_non_null(strstr(text, "KNOWN"));
    assert_int_equal(audit_lost(a), 0);
    free(text);
    audit_free(a);
}

static int ignore_sigpipe_and_make_folder(void **state)
{
    signal(SIGPIPE, SIG_IGN); /* as loop_new does in the hub */
    return make_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_line, remove_files),
        cmocka_unit_test_teardown(test_hostile_texts, remove_files),
        cmocka_unit_test_teardown(test_long_text, remove_files),
        cmocka_unit_test_teardown(test_appends, remove_files),
        cmocka_unit_test_teardown(test_reopen, remove_files),
        cmocka_unit_test_teardown(test_reopen_fails, remove_files),
        cmocka_unit_test_teardown(test_no_file, remove_files),
        cmocka_unit_test_teardown(test_full_disk, remove_files),
        cmocka_unit_test_teardown(test_torn_line, remove_files),
        cmocka_unit_test_teardown(test_torn_file, remove_files),
        cmocka_unit_test_teardown(test_strangers, remove_files),
    };
    return cmocka_run_group_tests(tests, ignore_sigpipe_and_make_folder, remove_folder);
}
