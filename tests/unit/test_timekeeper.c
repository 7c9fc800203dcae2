/* Time without jumps, over runs of the hub and boots of the machine. */
#include "core/base/log.h"
#include "gateway/hub/registry/timekeeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HOURS(n) ((int64_t)(n)*3600000)
#define BEGIN 1700000000000

static char folder[64], file[96];
static struct loop *loop;
static struct timekeeper *keeper;
static int64_t wall, steady;
static const char *boot;

static int64_t wall_clock(void)
{
    return wall;
}

static int64_t steady_clock(void)
{
    return steady;
}

static void begin(void)
{
    keeper = timekeeper_new(&(struct timekeeper_options){
        .loop = loop, .folder = folder, .wall = wall_clock, .steady = steady_clock, .boot = boot});
    assert_non_null(keeper);
}

static void end(void)
{
    timekeeper_save(keeper);
    timekeeper_free(keeper);
}

static void pass(int64_t ms)
{
    wall += ms;
    steady += ms;
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    snprintf(folder, sizeof folder, "/tmp/test-timekeeper-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof file, "%s/hub.clock", folder);
    loop = loop_new();
    wall = BEGIN;
    steady = 5000;
    boot = "first";
    begin();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    end();
    loop_free(loop);
    unlink(file);
    return rmdir(folder);
}

static void test_jumps(void **state)
{
    (void)state;
    assert_int_equal(timekeeper_now(keeper), BEGIN);
    pass(1000);
    wall += HOURS(13);
    assert_int_equal(timekeeper_now(keeper), BEGIN + 1000);
    assert_int_equal(timekeeper_wall(keeper, BEGIN), BEGIN + HOURS(13));
    pass(1000);
    wall -= HOURS(20);
    assert_int_equal(timekeeper_now(keeper), BEGIN + 2000);
    wall += HOURS(7); /* right again */
    assert_int_equal(timekeeper_now(keeper), BEGIN + 2000);
    assert_int_equal(timekeeper_wall(keeper, BEGIN), BEGIN);
}

/* What a time server corrects is followed, or the two would part for good. */
static void test_drift(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        pass(1000);
        wall += 100;
        timekeeper_now(keeper);
    }
    assert_int_equal(timekeeper_now(keeper), BEGIN + 110000);
    /* Asleep: the steady clock counts that, too. */
    pass(HOURS(9));
    assert_int_equal(timekeeper_now(keeper), BEGIN + 110000 + HOURS(9));
}

static void test_hub_restarts(void **state)
{
    (void)state;
    wall += HOURS(13);
    timekeeper_now(keeper);
    end();
    pass(HOURS(2));
    wall -= HOURS(5); /* while it was away */
    begin();
    assert_int_equal(timekeeper_now(keeper), BEGIN + HOURS(2));
}

static void test_hub_is_killed(void **state)
{
    (void)state;
    timekeeper_save(keeper);
    pass(HOURS(1));
    wall += HOURS(13);
    assert_int_equal(timekeeper_now(keeper), BEGIN + HOURS(1));
    timekeeper_free(keeper); /* without saving */
    pass(HOURS(1));
    begin();
    assert_int_equal(timekeeper_now(keeper), BEGIN + HOURS(2));
}

static void test_machine_restarts(void **state)
{
    (void)state;
    wall += HOURS(13);
    timekeeper_now(keeper);
    end();
    boot = "second";
    steady = 40;
    wall += HOURS(3); /* it was off */
    begin();
    assert_int_equal(timekeeper_now(keeper), BEGIN + HOURS(3));
    end();
    boot = "third";
    steady = 30;
    wall = 0; /* no battery: 1970 */
    begin();
    assert_int_equal(timekeeper_now(keeper), BEGIN + HOURS(3));
    pass(1000);
    wall = BEGIN + HOURS(30); /* a time server is reached */
    assert_int_equal(timekeeper_now(keeper), BEGIN + HOURS(3) + 1000);
}

static void test_saving(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat(file, &st), -1);
    timekeeper_now(keeper);
    timekeeper_tick(keeper);
    timekeeper_tick(keeper); /* while it is being written */
    while (stat(file, &st) != 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(st.st_mode & 0777, 0600);
    uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    timekeeper_tick(keeper); /* nothing new */
    assert_false(uv_loop_alive(loop_uv(loop)));
}

static void test_damaged(void **state)
{
    static const char *const lines[] = {"", "\n", "x", "1 2 3", "2 0 0 0 first", "1 a b c first"};
    (void)state;
    end();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        FILE *f = fopen(file, "w");
        assert_non_null(f);
        fputs(lines[i], f);
        fclose(f);
        begin();
        assert_int_equal(timekeeper_now(keeper), BEGIN);
        timekeeper_free(keeper);
    }
    begin();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_jumps),
        TEST(test_drift),
        TEST(test_hub_restarts),
        TEST(test_hub_is_killed),
        TEST(test_machine_restarts),
        TEST(test_saving),
        TEST(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
