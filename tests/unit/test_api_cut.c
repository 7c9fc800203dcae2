/* The API: CutKey, and access keys that are removed. */
#include "tests/unit/api_access_help.h"

#define CUT(id) "TunnelHub.CutKey", "{\"accessKeyId\":\"" id "\"}"
#define ONLY_READER                                                                                \
    "[key READER]\nsecret = " SECRET_OF("READER") "\n[key PLANT]\nsecret = " SECRET_OF("PLANT") "\n"

static void open_as(const char *key, const char *thing)
{
    call_as(key, "OpenTunnel",
            "{\"destinationConfig\":{\"thingName\":\"%s\",\"services\":[\"SSH1\"]}}", thing);
    must_succeed();
}

static void closed_are(int n)
{
    must_succeed();
    const cJSON *j = cJSON_GetObjectItemCaseSensitive(reply.json, "closedTunnels");
    assert_true(cJSON_IsNumber(j));
    assert_int_equal(j->valuedouble, n);
    assert_int_equal(world.ended[0], n);
}

static void what_a_key_has_opened_is_closed(void **state)
{
    char id[64];
    (void)state;
    world_rules(KEYS, "");
    open_as("PLANT", "plant-1");
    opened(id);
    open_as("PLANT", "plant-2");
    open_as("ADMIN", "plant-3");
    call("OpenTunnel", "{}");
    call_as("PLANT", "CloseTunnel", "{\"tunnelId\":\"%s\"}", id);
    world.ended[0] = 0;
    call_as("ADMIN", CUT("PLANT"));
    closed_are(1); /* the other one was closed before */
    assert_string_equal(world.ended_why, "the access key that opened it was cut off");
    assert_int_equal(registry_open_count(world.registry), 2);
    audit_has("operation", "CutKey");
    audit_has("key", "ADMIN");
    audit_has("accessKeyId", "PLANT");
    audit_has("closed", "1");
    assert_int_equal(api_counts(world.api)->cut, 1);
    world.ended[0] = 0;
    call_as("ADMIN", CUT("PLANT")); /* there is nothing more */
    closed_are(0);
    open_as("PLANT", "plant-4"); /* it may do what it could */
}

/* More than go in a turn. */
static void however_many_there_are(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    for (int i = 0; i < 600; i++)
        call_as(i % 10 == 0 ? "OPS" : "ADMIN", "OpenTunnel",
                "{\"tags\":[{\"key\":\"team\",\"value\":\"ops\"},"
                "{\"key\":\"site\",\"value\":\"1\"}]}");
    call_as("READER", CUT("ADMIN"));
    must_fail("AccessDeniedException", 403, "tunnelhub:CutKey");
    call_as("ADMIN", CUT("ADMIN"));
    closed_are(540);
    assert_int_equal(registry_open_count(world.registry), 60);
}

/* The hub ends in the middle of it: the caller still gets an answer. */
static void the_end_of_the_hub_in_between(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    for (int i = 0; i < 300; i++)
        open_as("ADMIN", "plant-1");
    reply_clear();
    begin_ask(HERE, HEAD_OF("TunnelHub.CutKey"), "{\"accessKeyId\":\"ADMIN\"}", &reply);
    api_revoke(world.api);
    assert_int_equal(reply.calls, 0);
    world_end(state);
    assert_int_equal(reply.calls, 1);
    assert_int_equal(reply.status, 500);
    reply_clear();
}

/* As ListTunnels shows them. */
static void only_those_that_the_caller_may_see(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    open_as("ADMIN", "plant-1");
    open_as("ADMIN", "press7");
    call_as("ADMIN", "OpenTunnel", "{}");
    call_as("PLANT", CUT("ADMIN"));
    closed_are(1);
    world.ended[0] = 0;
    call_as("OPS", CUT("ADMIN")); /* none has the tags */
    closed_are(0);
}

static void what_is_no_call_of_it(void **state)
{
    (void)state;
    call("CutKey", "{\"accessKeyId\":\"A\"}");
    must_fail("UnknownOperationException", 400, "IoTSecuredTunneling.OpenTunnel");
    call("TunnelHub.OpenTunnel", "{}");
    must_fail("UnknownOperationException", 400, "X-Amz-Target");
    call("TunnelHub.", "{}");
    must_fail("UnknownOperationException", 400, "X-Amz-Target");
    call("TunnelHub.CutKey", "{}");
    must_fail("ValidationException", 400, "'accessKeyId' failed to satisfy constraint");
    call("TunnelHub.CutKey", "{\"accessKeyId\":\"\"}");
    must_fail("ValidationException", 400, "'accessKeyId' failed to satisfy constraint");
    call("TunnelHub.CutKey", "{\"accessKeyId\":\"a b\"}");
    must_fail("ValidationException", 400, "regular expression");
}

/* ---- keys that are removed ---- */

static void loop_for_a_while(void)
{
    for (int i = 0; i < 50; i++) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        usleep(1000);
    }
}

static void a_key_that_is_removed_takes_its_tunnels_along(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    open_as("ADMIN", "plant-1");
    open_as("ADMIN", "plant-2");
    open_as("PLANT", "plant-3");
    call("OpenTunnel", "{}"); /* nobody's */
    api_revoke(world.api);
    loop_for_a_while();
    assert_int_equal(world.ended[0], 0);
    world_rules(ONLY_READER, "");
    api_revoke(world.api);
    api_revoke(world.api); /* twice in a row */
    UNTIL(registry_open_count(world.registry) == 2);
    assert_string_equal(world.ended_why, "the access key that opened it was removed");
    UNTIL(api_counts(world.api)->cut == 2);
    audit_has("event", "cut");
    audit_has("key", "ADMIN");
    audit_has("reason", "the access key that opened it was removed");
    call_as("PLANT", "ListTunnels", "{}");
    must_succeed();
}

/* Nothing says that the keys are wanted back. */
static void without_keys_nothing_is_closed(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    open_as("ADMIN", "plant-1");
    world_rules(NULL, "");
    api_revoke(world.api);
    loop_for_a_while();
    assert_int_equal(registry_open_count(world.registry), 1);
}

static void remove_keys(void)
{
    world.meanwhile = NULL;
    world_rules(ONLY_READER, "");
    api_revoke(world.api);
}

/* A call that was allowed, whose tunnel is there only after its key is gone. */
static void a_tunnel_that_is_being_opened_does_not_slip_through(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    world.meanwhile = remove_keys;
    open_as("ADMIN", "plant-1");
    api_tick(world.api);
    UNTIL(registry_open_count(world.registry) == 0);
    assert_int_equal(world.ended[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_key_has_opened_is_closed, world_begin, world_end),
        cmocka_unit_test_setup_teardown(however_many_there_are, world_begin, world_end),
        cmocka_unit_test_setup(the_end_of_the_hub_in_between, world_begin),
        cmocka_unit_test_setup_teardown(only_those_that_the_caller_may_see, world_begin, world_end),
        cmocka_unit_test_setup_teardown(what_is_no_call_of_it, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_key_that_is_removed_takes_its_tunnels_along, world_begin,
                                        world_end),
        cmocka_unit_test_setup_teardown(without_keys_nothing_is_closed, world_begin, world_end),
        cmocka_unit_test_setup_teardown(a_tunnel_that_is_being_opened_does_not_slip_through,
                                        world_begin, world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
