/* Refusals in the log: the first at once, the rest summed up. */
#include "gateway/hub/refusal_log.h"

#include "core/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct lines {
    int n;
    char last[1024];
};

static void on_line(void *ctx, enum log_level level, const char *line)
{
    struct lines *l = ctx;
    (void)level;
    l->n++;
    snprintf(l->last, sizeof l->last, "%s", line);
}

static struct lines lines;

struct again {
    char address[64], reason[200];
    enum err why;
    uint64_t times;
};

static struct again again;

static void on_again(void *owner, const struct refusal_repeated *a)
{
    assert_ptr_equal(owner, &again);
    snprintf(again.address, sizeof again.address, "%s", a->address);
    snprintf(again.reason, sizeof again.reason, "%s", a->reason);
    again.why = a->why;
    again.times = a->times;
}

static struct refusal_log *r;

static int setup(void **state)
{
    (void)state;
    lines = (struct lines){0};
    log_setup(LOG_INFO, false);
    log_limit(1000, 600); /* as the hub's */
    log_redirect(on_line, &lines);
    again = (struct again){0};
    r = refusal_log_new(60000, on_again, &again);
    return r == NULL;
}

static int teardown(void **state)
{
    (void)state;
    refusal_log_free(r);
    log_redirect(NULL, NULL);
    return 0;
}

static void test_summed_up(void **state)
{
    (void)state;
    assert_true(refusal_log_add(r, 1000, "10.0.0.1:5", "bad token", ERR_FORBIDDEN));
    assert_int_equal(lines.n, 1);
    assert_non_null(strstr(lines.last, "10.0.0.1:5"));
    assert_non_null(strstr(lines.last, "bad token"));
    for (int port = 6; port < 106; port++) {
        char client[32];
        snprintf(client, sizeof client, "10.0.0.1:%d", port);
        assert_false(refusal_log_add(r, 2000, client, "bad token", ERR_FORBIDDEN));
    }
    refusal_log_tick(r, 60999);
    assert_int_equal(lines.n, 1);
    refusal_log_tick(r, 61000);
    assert_int_equal(lines.n, 2);
    assert_non_null(strstr(lines.last, "times=100"));
    assert_non_null(strstr(lines.last, "seconds=60"));
    assert_string_equal(again.address, "10.0.0.1");
    assert_string_equal(again.reason, "bad token");
    assert_int_equal(again.why, ERR_FORBIDDEN);
    assert_int_equal(again.times, 100);
    refusal_log_tick(r, 200000);
    assert_int_equal(lines.n, 2);
    refusal_log_add(r, 200000, "10.0.0.1:7", "bad token", ERR_FORBIDDEN); /* a new window */
    assert_int_equal(lines.n, 3);
    refusal_log_tick(r, 300000);
    assert_int_equal(lines.n, 3);
}

static void test_told_apart(void **state)
{
    (void)state;
    refusal_log_add(r, 0, "10.0.0.1:5", "bad token", ERR_FORBIDDEN);
    refusal_log_add(r, 0, "10.0.0.2:5", "bad token", ERR_FORBIDDEN);
    refusal_log_add(r, 0, "10.0.0.1:5", "no TLS", ERR_TLS);
    refusal_log_add(r, 0, "[::1]:5", "no TLS", ERR_TLS);
    refusal_log_add(r, 0, "[::1]:6", "no TLS", ERR_TLS);
    refusal_log_add(r, 0, "/run/hub.sock", "no TLS", ERR_TLS);
    refusal_log_add(r, 0, "", "no TLS", ERR_TLS);
    assert_int_equal(lines.n, 6);
}

/* However many addresses there are, the log is bounded. */
static void test_flood(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        char client[32];
        snprintf(client, sizeof client, "10.0.%d.%d:1", i / 256, i % 256);
        refusal_log_add(r, 0, client, "bad token", ERR_FORBIDDEN);
    }
    assert_true(lines.n <= 300);
    refusal_log_tick(r, 60000);
    assert_true(lines.n <= 301);
    assert_non_null(strstr(lines.last, "many addresses"));
    assert_string_equal(again.address, "many addresses");
    assert_int_equal(again.why, ERR_REJECTED);
}

static void test_hostile_reason(void **state)
{
    (void)state;
    char reason[400];
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = '\0';
    reason[3] = '\n';
    refusal_log_add(r, 0, "10.0.0.1:5", reason, ERR_PROTOCOL);
    refusal_log_add(r, 0, "10.0.0.1:6", reason, ERR_PROTOCOL);
    assert_int_equal(lines.n, 1);
    assert_null(strchr(lines.last, '\n'));
    refusal_log_tick(r, 60000);
    assert_int_equal(lines.n, 2);
    assert_null(strchr(lines.last, '\n'));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_summed_up),
        TEST(test_told_apart),
        TEST(test_flood),
        TEST(test_hostile_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
