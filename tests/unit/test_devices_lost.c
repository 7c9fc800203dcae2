/* The registry of devices that nodes share when Redis loses commands or answers, or has something
 * else where a record should be. */
#include "tests/unit/devices_shared_help.h"

#define DAY_MS 86400000

/* ---- what gets lost: whatever command it is, asking again leads to the same ---- */

#define COMMANDS_MAX 60

/* Runs `once` with a fault at each of its commands, then `again` without. */
static void at_each_command(void (*before)(void), void (*once)(void), void (*again)(void))
{
    for (int fault = REDIS_LOSES; fault <= REDIS_REFUSES; fault++) {
        for (size_t at = 1;; at++) {
            assert_true(at < COMMANDS_MAX);
            flush_servers();
            reopen();
            settle();
            before();
            settle();
            redis_faults_none(loop);
            redis_faults.at = at;
            redis_faults.fault = (enum redis_fault)fault;
            once();
            settle();
            bool done = redis_faults.count < at;
            redis_faults_none(loop);
            again();
            if (done)
                break;
        }
    }
}

static void before_enrol(void)
{
    assert_int_equal(invite("join_x", "*", 2, DAY_MS), ERR_OK);
    assert_int_equal(enrol("first", 'a', "join_x"), ENROL_NEW);
}

static void once_enrol(void)
{
    enrol("pump", 'a', "join_x");
}

static void again_enrol(void)
{
    at_node(1);
    enum enrol_result r = enrol("pump", 'a', "join_x");
    assert_true(r == ENROL_NEW || r == ENROL_KNOWN);
    assert_int_equal(invitation_of("join_x")->used, 2);
    assert_int_equal(enrol("other", 'b', "join_x"), ENROL_TOKEN_USED_UP);
    device_registry_linked(devices, span_of("pump"), true); /* puts the index right */
    settle();
    assert_int_equal(list_devices(), 2);
}

static void test_enrol_lost(void **state)
{
    (void)state;
    at_each_command(before_enrol, once_enrol, again_enrol);
}

static void before_remove(void)
{
    before_enrol();
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_NEW);
}

static void once_remove(void)
{
    remove_device("pump");
}

/* A token that is used up is so after its device was removed. */
static void again_remove(void)
{
    enum err why = remove_device("pump");
    assert_true(why == ERR_OK || why == ERR_NOT_FOUND);
    assert_null(get("pump"));
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_TOKEN_USED_UP);
}

static void test_remove_lost(void **state)
{
    (void)state;
    at_each_command(before_remove, once_remove, again_remove);
}

static void once_reset(void)
{
    reset("pump");
}

static void again_reset(void)
{
    assert_int_equal(reset("pump"), ERR_OK);
    assert_int_equal(enrol("pump", 'a', "join_x"), ENROL_TOKEN_USED_UP);
    assert_false(get("pump")->has_key);
}

static void test_reset_lost(void **state)
{
    (void)state;
    at_each_command(before_remove, once_reset, again_reset);
}

static void before_create(void)
{
}

static void once_create(void)
{
    create_device("pump", "Far");
}

static void again_create(void)
{
    at_node(2);
    enum err why = create_device("pump", "Far");
    assert_true(why == ERR_OK || why == ERR_AMBIGUOUS);
    assert_string_equal(azure_device("Far"), "pump");
    assert_int_equal(create_device("other", "Far"), ERR_AMBIGUOUS);
    assert_int_equal(remove_device("pump"), ERR_OK);
    settle();
    assert_int_equal(create_device("other", "Far"), ERR_OK);
    assert_string_equal(azure_device("Far"), "other");
}

static void test_create_lost(void **state)
{
    (void)state;
    at_each_command(before_create, once_create, again_create);
}

static void once_invite(void)
{
    invite("join_x", "*", 2, DAY_MS);
}

static void again_invite(void)
{
    const struct invitation *i = invitation_of("join_x");
    enum enrol_result r = enrol("pump", 'a', "join_x");
    assert_true(r == ENROL_NEW || (i == NULL && r == ENROL_TOKEN_UNKNOWN));
}

static void test_invite_lost(void **state)
{
    (void)state;
    at_each_command(before_create, once_invite, again_invite);
}

/* ---- what is no record ---- */

static void test_damaged(void **state)
{
    (void)state;
    enrol("pump", 0, NULL);
    enrol("valve", 0, NULL);
    REDIS_CLI(&server, "HSET", "tunnel:d:{pump}", "r", "{}");
    struct answer a = {0};
    device_registry_get(devices, span_of("pump"), on_device, &a);
    UNTIL(loop, a.calls > 0);
    assert_int_equal(a.why, ERR_IO);
    assert_int_equal(enrol("pump", 0, NULL), ENROL_NOT_STORED);
    assert_int_equal(set_state("pump", DEVICE_DISABLED), ERR_IO);
    REDIS_CLI(&server, "SET", "tunnel:d:{press}", "x");
    device_registry_get(devices, span_of("press"), on_device, &a);
    UNTIL(loop, a.calls > 1);
    assert_true(a.why != ERR_OK);
    assert_int_equal(list_devices(), 1); /* the other one is shown */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_enrol_lost),  TEST(test_remove_lost), TEST(test_reset_lost),
        TEST(test_create_lost), TEST(test_invite_lost), TEST(test_damaged),
    };
    devices_backend = &shared_backend;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_servers();
    return failed;
}
