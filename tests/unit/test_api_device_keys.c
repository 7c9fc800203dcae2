/* The API: devices with symmetric keys. */
#include "gateway/hub/devices/device_keys.h"
#include "tests/support/api.h"

#define KEYS                                                                                       \
    "[key ADMIN]\nsecret = " SECRET_OF("ADMIN") "\n[key PLANT]\nsecret = " SECRET_OF(              \
        "PLANT") "\nthings = plant7-*\n[policy service]\nprimary-key = "                           \
                 "MDEyMzQ1Njc4OWFiY2RlZg==\n"
#define HUB "TunnelHub."

static const uint8_t secrets_key[SEAL_KEY_SIZE] = "0123456789abcdef0123456789abcde";

static int begin(void **state)
{
    int code = world_begin(state);
    world_rules(KEYS, "");
    world.secrets_key = secrets_key;
    api_free(world.api);
    world_api(true);
    api_rules(world.api, world.keys, world.limits);
    return code;
}

static int end(void **state)
{
    world.secrets_key = NULL;
    return world_end(state);
}

static struct device_keys opened_keys;

static void on_device(void *ctx, enum err why, const struct device_record *d)
{
    assert_int_equal(why, ERR_OK);
    assert_true(device_keys_open(secrets_key, d, &opened_keys));
    *(bool *)ctx = true;
}

/* The keys that the device has now, in base64, are what was told. */
static void keys_are(const char *name, const char *primary, const char *secondary)
{
    struct device_secret s;
    bool done = false;
    device_registry_get(world.devices, span_of(name), on_device, &done);
    UNTIL(done);
    assert_true(device_secret_from(span_of(primary), &s));
    assert_int_equal(s.n, opened_keys.primary.n);
    assert_memory_equal(s.bytes, opened_keys.primary.bytes, s.n);
    assert_true(device_secret_from(span_of(secondary), &s));
    assert_memory_equal(s.bytes, opened_keys.secondary.bytes, s.n);
}

static void test_creates(void **state)
{
    char primary[100], secondary[100], line[300];
    (void)state;
    call(HUB "CreateDevice", "{\"device\":\"plant7-a\",\"azureId\":\"edge/valve.1\",\"labels\":[{"
                             "\"key\":\"site\",\"value\":\"7\"}]}");
    must_succeed();
    assert_string_equal(text_of("device"), "plant7-a");
    assert_string_equal(text_of("azureId"), "edge/valve.1");
    snprintf(primary, sizeof primary, "%s", text_of("primaryKey"));
    snprintf(secondary, sizeof secondary, "%s", text_of("secondaryKey"));
    assert_int_equal(strlen(primary), 44);
    assert_string_not_equal(primary, secondary);
    audit_has("operation", "CreateDevice");
    audit_has("thing", "plant7-a");
    audit_has("azureId", "edge/valve.1");
    audit_has("labels", "site=7");
    keys_are("plant7-a", primary, secondary);
    snprintf(line, sizeof line, "grep -q '%s' %s", primary, world.audit_file);
    assert_int_not_equal(system(line), 0);
    call(HUB "DescribeDevice", "{\"device\":\"plant7-a\"}");
    must_succeed();
    const cJSON *d = cJSON_GetObjectItemCaseSensitive(reply.json, "device");
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(d, "azureId")->valuestring,
                        "edge/valve.1");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(d, "symmetricKeys")));
    assert_null(cJSON_GetObjectItemCaseSensitive(d, "primaryKey"));
    call(HUB "CreateDevice", "{\"device\":\"PLANT7_A\"}");
    must_fail("ResourceAlreadyExistsException", 400, "Device PLANT7_A, or one");
    call(HUB "CreateDevice", "{\"device\":\"other\",\"azureId\":\"edge/valve.1\"}");
    must_fail("ResourceAlreadyExistsException", 400, "is there already");
}

static void test_given_keys(void **state)
{
    (void)state;
    call(HUB "CreateDevice",
         "{\"device\":\"pump\",\"primaryKey\":\"ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\","
         "\"secondaryKey\":\"MDEyMzQ1Njc4OWFiY2RlZg==\"}");
    must_succeed();
    assert_string_equal(text_of("azureId"), "pump");
    keys_are("pump", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=", "MDEyMzQ1Njc4OWFiY2RlZg==");
    call(HUB "CreateDevice", "{\"device\":\"p2\",\"primaryKey\":\"AAAA\"}");
    must_fail("ValidationException", 400, "primaryKey is not the base64 of 16 to 64 bytes");
    static const char *const bad[] = {"a/b/c", "/a", "a/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        callf(HUB "CreateDevice", "{\"device\":\"p2\",\"azureId\":\"%s\"}", bad[i]);
        must_fail("ValidationException", 400, "azureId is the id of a device");
    }
    call(HUB "CreateDevice", "{\"device\":\"p2\",\"azureId\":\"a b\"}");
    must_fail("ValidationException", 400, "azureId");
    world_rules(KEYS, "devices = 1\n");
    device_registry_limit(world.devices, 1);
    call(HUB "CreateDevice", "{\"device\":\"p2\"}");
    must_fail("LimitExceededException", 400, "The limit devices is 1.");
}

static void test_rotates(void **state)
{
    char primary[100], secondary[100];
    (void)state;
    call(HUB "CreateDevice", "{\"device\":\"pump\"}");
    must_succeed();
    snprintf(primary, sizeof primary, "%s", text_of("primaryKey"));
    snprintf(secondary, sizeof secondary, "%s", text_of("secondaryKey"));
    call(HUB "RotateDeviceKeys", "{\"device\":\"pump\"}");
    must_fail("ValidationException", 400, "say which one");
    call(HUB "RotateDeviceKeys", "{\"device\":\"pump\",\"key\":\"PRIMARY\"}");
    must_succeed();
    assert_string_not_equal(text_of("primaryKey"), primary);
    assert_null(cJSON_GetObjectItemCaseSensitive(reply.json, "secondaryKey"));
    snprintf(primary, sizeof primary, "%s", text_of("primaryKey"));
    keys_are("pump", primary, secondary);
    audit_has("which", "PRIMARY");
    call(HUB "RotateDeviceKeys", "{\"device\":\"pump\",\"key\":\"SECONDARY\"}");
    must_succeed();
    keys_are("pump", primary, text_of("secondaryKey"));
    call(HUB "RotateDeviceKeys", "{\"device\":\"pump\",\"key\":\"BOTH\"}");
    must_succeed();
    snprintf(primary, sizeof primary, "%s", text_of("primaryKey"));
    keys_are("pump", primary, text_of("secondaryKey"));
    call(HUB "ResetDevice", "{\"device\":\"pump\"}");
    must_succeed();
    call(HUB "RotateDeviceKeys", "{\"device\":\"pump\"}");
    must_succeed();
    snprintf(primary, sizeof primary, "%s", text_of("primaryKey"));
    keys_are("pump", primary, text_of("secondaryKey"));
}

static void test_access(void **state)
{
    (void)state;
    call_as("PLANT", HUB "CreateDevice", "{\"device\":\"plant7-a\"}");
    must_succeed();
    call_as("PLANT", HUB "CreateDevice", "{\"device\":\"plant8-a\"}");
    must_fail("AccessDeniedException", 403, "tunnelhub:CreateDevice on such names");
    call_as("ADMIN", HUB "CreateDevice", "{\"device\":\"plant8-a\"}");
    must_succeed();
    call_as("PLANT", HUB "RotateDeviceKeys", "{\"device\":\"plant8-a\",\"key\":\"BOTH\"}");
    must_fail("ResourceNotFoundException", 400, "plant8-a");
    /* a policy calls nothing here */
    call_as("service", HUB "ListDevices", "{}");
    must_fail("UnrecognizedClientException", 403, "no such access key");
}

static void test_without_secrets_key(void **state)
{
    (void)state;
    world.secrets_key = NULL;
    api_free(world.api);
    world_api(true);
    api_rules(world.api, world.keys, world.limits);
    call(HUB "CreateDevice", "{\"device\":\"pump\"}");
    must_fail("ValidationException", 400, "--secrets-key");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_creates), TEST(test_given_keys),          TEST(test_rotates),
        TEST(test_access),  TEST(test_without_secrets_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
