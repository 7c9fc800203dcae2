/* The API: devices and invitations, and which keys may do what with them. */
#include "tests/support/api.h"

#define KEYS                                                                                       \
    "[key ADMIN]\nsecret = " SECRET_OF(                                                            \
        "ADMIN") "\n"                                                                              \
                 "[key PLANT]\nsecret = " SECRET_OF(                                               \
                     "PLANT") "\n"                                                                 \
                              "things = plant7-*\n"                                                \
                              "[key OPS]\nsecret = " SECRET_OF(                                    \
                                  "OPS") "\n"                                                      \
                                         "tags = team=ops\nmay-delete = no\n"                      \
                                         "[key LOOK]\nsecret = " SECRET_OF(                        \
                                             "LOOK") "\n"                                          \
                                                     "operations = ListDevices\n"

#define HUB "TunnelHub."

/* ---- devices to be ---- */

static int enrolled;
static enum enrol_result result;

static void on_enrolled(void *ctx, enum enrol_result with, const struct device_record *d)
{
    (void)ctx, (void)d;
    result = with;
    enrolled++;
}

static enum enrol_result enrol(const char *name, char key, const char *token)
{
    uint8_t point[DEVICE_KEY_SIZE];
    struct texts services = {0};
    memset(point, key, sizeof point);
    texts_add(&services, span_of("SSH1"));
    texts_add(&services, span_of("HTTP1"));
    enrolled = 0;
    device_registry_enrol(world.devices,
                          &(struct enrolment){.name = span_of(name),
                                              .key = key != 0 ? point : NULL,
                                              .join_token = span_of(token),
                                              .services = &services,
                                              .version = "1.2.3",
                                              .address = "192.0.2.9"},
                          on_enrolled, NULL);
    UNTIL(enrolled > 0);
    texts_free(&services);
    return result;
}

static void label(const char *name, const char *key, const char *value)
{
    callf(HUB "UpdateDevice", "{\"device\":\"%s\",\"labels\":[{\"key\":\"%s\",\"value\":\"%s\"}]}",
          name, key, value);
    must_succeed();
}

/* ---- what came ---- */

static const cJSON *list_of(const char *name)
{
    must_succeed();
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(reply.json, name);
    assert_true(cJSON_IsArray(list));
    return list;
}

/* The names that were listed, with commas between them. */
static void names_are(const char *expected)
{
    char names[512] = "";
    const cJSON *item;
    cJSON_ArrayForEach(item, list_of("devices"))
    {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", n > 0 ? "," : "",
                 cJSON_GetObjectItemCaseSensitive(item, "device")->valuestring);
    }
    assert_string_equal(names, expected);
}

static const char *invite(const char *body)
{
    call(HUB "CreateInvitation", body);
    must_succeed();
    return text_of("joinToken");
}

static size_t n_invitations(const char *key)
{
    if (key == NULL)
        call(HUB "ListInvitations", "{}");
    else
        call_as(key, HUB "ListInvitations", "{}");
    return (size_t)cJSON_GetArraySize(list_of("invitations"));
}

/* ---- invitations ---- */

static void test_invitation(void **state)
{
    char token[64], id[64], body[96];
    (void)state;
    snprintf(token, sizeof token, "%s",
             invite("{\"names\":[\"plant7-*\",\"press\"],\"uses\":2,\"lifetimeMinutes\":60,"
                    "\"labels\":[{\"key\":\"site\",\"value\":\"7\"}],\"approve\":true}"));
    assert_int_equal(strlen(token), JOIN_TOKEN_SIZE - 1);
    assert_memory_equal(token, "join_", 5);
    snprintf(id, sizeof id, "%s", text_of("invitationId"));
    const cJSON *end = cJSON_GetObjectItemCaseSensitive(reply.json, "expiresAt");
    assert_true(end->valuedouble == (double)NOW / 1000 + 3600);
    audit_has("operation", "CreateInvitation");
    audit_has("names", "plant7-*,press");
    audit_has("labels", "site=7");
    audit_has("invitation", id);
    assert_int_equal(enrol("plant8-1", 'a', token), ENROL_NOT_INVITED);
    assert_int_equal(enrol("plant7-1", 'a', token), ENROL_NEW);
    call(HUB "ListInvitations", "{}");
    const cJSON *item = cJSON_GetArrayItem(list_of("invitations"), 0);
    char *text = cJSON_PrintUnformatted(item);
    char expected[512];
    snprintf(expected, sizeof expected,
             "{\"invitationId\":\"%s\",\"names\":[\"plant7-*\",\"press\"],\"labels\":[{\"key\":"
             "\"site\",\"value\":\"7\"}],\"uses\":2,\"used\":1,\"createdAt\":1795207430,"
             "\"expiresAt\":1795211030,\"createdBy\":\"\",\"approve\":true}",
             id);
    assert_string_equal(text, expected);
    free(text);
    call(HUB "DescribeDevice", "{\"device\":\"PLANT7_1\"}");
    must_succeed();
    snprintf(body, sizeof body, "{\"invitationId\":\"%s\"}", id);
    call(HUB "DeleteInvitation", body);
    must_succeed();
    audit_has("invitation", id);
    assert_int_equal(n_invitations(NULL), 0);
    assert_int_equal(enrol("press", 'b', token), ENROL_TOKEN_UNKNOWN);
    call(HUB "DeleteInvitation", body);
    must_fail("ResourceNotFoundException", 400, "There is no such invitation");
}

static void test_bad_invitations(void **state)
{
    (void)state;
    call(HUB "CreateInvitation", "{\"names\":[\"a b\"]}");
    must_fail("ValidationException", 400, "'names' failed to satisfy constraint");
    call(HUB "CreateInvitation", "{\"names\":[]}");
    must_fail("ValidationException", 400, "length greater than or equal to 1");
    call(HUB "CreateInvitation", "{\"names\":[\"*\"],\"uses\":0}");
    must_fail("ValidationException", 400, "greater than or equal to 1");
    call(HUB "CreateInvitation", "{\"names\":[\"*\"],\"lifetimeMinutes\":525601}");
    must_fail("ValidationException", 400, "less than or equal to 525600");
    call(HUB "CreateInvitation", "{\"names\":\"*\"}");
    must_fail("SerializationException", 400, "can not be converted to a List");
    call(HUB "CreateInvitation", "{}");
    must_fail("ValidationException", 400, "Value null at 'names'");
    call("CreateInvitation", "{\"names\":[\"*\"]}");
    must_fail("UnknownOperationException", 400, "X-Amz-Target names no operation");
    world_rules(NULL, "invitations-per-key = 1\n");
    invite("{\"names\":[\"*\"]}");
    call(HUB "CreateInvitation", "{\"names\":[\"*\"]}");
    must_fail("LimitExceededException", 400, "invitations-per-key is 1");
}

/* No key gives away what it does not have. */
static void test_who_invites(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    call_as("PLANT", HUB "CreateInvitation", "{\"names\":[\"plant7-*\",\"plant7-x?\"]}");
    must_succeed();
    call_as("PLANT", HUB "CreateInvitation", "{\"names\":[\"plant7-*\",\"plant*\"]}");
    must_fail("AccessDeniedException", 403,
              "tunnelhub:CreateInvitation on such names, because none of the key's things");
    call_as("PLANT", HUB "CreateInvitation", "{\"names\":[\"plant?-*\"]}");
    must_fail("AccessDeniedException", 403, "such names");
    call_as("OPS", HUB "CreateInvitation", "{\"names\":[\"*\"]}");
    must_fail("AccessDeniedException", 403, "a device with such tags");
    call_as("OPS", HUB "CreateInvitation",
            "{\"names\":[\"*\"],\"labels\":[{\"key\":\"team\",\"value\":\"ops\"}]}");
    must_succeed();
    call_as("LOOK", HUB "CreateInvitation", "{\"names\":[\"*\"]}");
    must_fail("AccessDeniedException", 403, "on any device, because it is not among");
    call_as("LOOK", HUB "ListInvitations", "{}");
    must_fail("AccessDeniedException", 403, "tunnelhub:ListInvitations");
    assert_int_equal(n_invitations("ADMIN"), 2);
    assert_int_equal(n_invitations("PLANT"), 1);
    assert_int_equal(n_invitations("OPS"), 1);
    const cJSON *ops = cJSON_GetArrayItem(list_of("invitations"), 0);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(ops, "createdBy")->valuestring, "OPS");
    char id[64];
    snprintf(id, sizeof id, "%s",
             cJSON_GetObjectItemCaseSensitive(ops, "invitationId")->valuestring);
    call_as("PLANT", HUB "DeleteInvitation", "{\"invitationId\":\"%s\"}", id);
    must_fail("ResourceNotFoundException", 400, "none of this access key's");
    call_as("ADMIN", HUB "DeleteInvitation", "{\"invitationId\":\"%s\"}", id);
    must_succeed();
}

/* ---- devices ---- */

static void test_lists(void **state)
{
    (void)state;
    const char *const names[] = {"plant7-b", "plant7-a", "plant8-a", "Zebra", "line:1"};
    for (int i = 0; i < 5; i++)
        assert_int_equal(enrol(names[i], 0, NULL), ENROL_NEW);
    label("plant7-b", "site", "7");
    label("plant8-a", "site", "8");
    label("plant7-b", "team", "ops");
    call(HUB "ListDevices", "{}");
    names_are("Zebra,line:1,plant7-a,plant7-b,plant8-a");
    call(HUB "ListDevices", "{\"labels\":[{\"key\":\"site\",\"value\":\"7\"}]}");
    names_are("plant7-b");
    call(HUB "ListDevices", "{\"labels\":[{\"key\":\"site\",\"value\":\"7\"},"
                            "{\"key\":\"team\",\"value\":\"x\"}]}");
    names_are("");
    call(HUB "ListDevices", "{\"presence\":\"PRESENT\"}");
    names_are("");
    call(HUB "ListDevices", "{\"presence\":\"AWAY\",\"maxResults\":2}");
    names_are("Zebra,line:1");
    char token[300];
    snprintf(token, sizeof token, "%s", text_of("nextToken"));
    call(HUB "DeleteDevice", "{\"device\":\"line:1\"}"); /* the page's last one */
    must_succeed();
    callf(HUB "ListDevices", "{\"maxResults\":2,\"nextToken\":\"%s\"}", token);
    names_are("plant7-a,plant7-b");
    callf(HUB "ListDevices", "{\"nextToken\":\"%s\"}", text_of("nextToken"));
    names_are("plant8-a");
    assert_null(cJSON_GetObjectItemCaseSensitive(reply.json, "nextToken"));
    call(HUB "ListDevices", "{\"nextToken\":\"20\"}");
    must_fail("ValidationException", 400, "nextToken is not one of this hub's");
    world_rules(KEYS, "");
    call_as("PLANT", HUB "ListDevices", "{}");
    names_are("plant7-a,plant7-b");
    call_as("OPS", HUB "ListDevices", "{}");
    names_are("plant7-b");
    call_as("LOOK", HUB "ListDevices", "{}");
    names_are("Zebra,plant7-a,plant7-b,plant8-a");
}

static const cJSON *device_member(const char *name)
{
    must_succeed();
    const cJSON *device = cJSON_GetObjectItemCaseSensitive(reply.json, "device");
    return cJSON_GetObjectItemCaseSensitive(device, name);
}

static void test_describes(void **state)
{
    char id[64];
    (void)state;
    invite("{\"names\":[\"*\"]}");
    assert_int_equal(enrol("plant7:A", 'a', text_of("joinToken")), ENROL_NEW);
    call("OpenTunnel",
         "{\"destinationConfig\":{\"thingName\":\"plant7:A\",\"services\":[\"SSH1\"]}}");
    opened(id);
    call("OpenTunnel", "{}");
    call(HUB "DescribeDevice", "{\"device\":\"plant7-a\"}");
    assert_string_equal(device_member("device")->valuestring, "plant7:A");
    assert_string_equal(device_member("state")->valuestring, "ENABLED");
    assert_true(cJSON_IsFalse(device_member("present")));
    assert_string_equal(device_member("address")->valuestring, "192.0.2.9");
    assert_string_equal(device_member("version")->valuestring, "1.2.3");
    assert_int_equal(cJSON_GetArraySize(device_member("services")), 2);
    assert_true(device_member("lastSeenAt")->valuedouble == (double)NOW / 1000);
    assert_true(device_member("enrolledAt")->valuedouble == (double)NOW / 1000);
    assert_int_equal(strlen(device_member("invitationId")->valuestring), 36);
    assert_memory_equal(device_member("keyFingerprint")->valuestring, "SHA256:", 7);
    assert_null(device_member("uptimeSeconds"));
    assert_int_equal(cJSON_GetArraySize(device_member("tunnels")), 1);
    const cJSON *tunnel = cJSON_GetArrayItem(device_member("tunnels"), 0);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(tunnel, "tunnelId")->valuestring, id);
    audit_has("thing", "plant7:A");
    call(HUB "DescribeDevice", "{\"device\":\"nobody\"}");
    must_fail("ResourceNotFoundException", 400,
              "Device nobody does not exist, or it is none of this access key's.");
    audit_has("thing", "nobody");
    call(HUB "DescribeDevice", "{\"device\":\"no body\"}");
    must_fail("ValidationException", 400, "regular expression pattern");
}

static void on_record(void *ctx, enum err why, const struct device_record *d)
{
    assert_int_equal(why, ERR_OK);
    ((struct device_record *)(uintptr_t)d)->node = ctx;
}

/* A device whose link another node of the cluster has is present. */
static void test_elsewhere(void **state)
{
    char node[] = "hub-b";
    (void)state;
    if (getenv("TEST_LATE") != NULL)
        return; /* its records are copies */
    assert_int_equal(enrol("pump", 0, NULL), ENROL_NEW);
    assert_int_equal(enrol("valve", 0, NULL), ENROL_NEW);
    device_registry_get(world.devices, span_of("pump"), on_record, node);
    call(HUB "DescribeDevice", "{\"device\":\"pump\"}");
    assert_true(cJSON_IsTrue(device_member("present")));
    assert_string_equal(device_member("node")->valuestring, "hub-b");
    assert_null(device_member("accepting"));
    assert_true(device_member("lastSeenAt")->valuedouble == (double)NOW / 1000);
    call(HUB "DescribeDevice", "{\"device\":\"valve\"}");
    assert_null(device_member("node"));
    call(HUB "ListDevices", "{\"presence\":\"PRESENT\"}");
    names_are("pump");
    call(HUB "ListDevices", "{\"presence\":\"AWAY\"}");
    names_are("valve");
}

static void test_changes(void **state)
{
    (void)state;
    assert_int_equal(enrol("pump", 0, NULL), ENROL_NEW);
    call(HUB "UpdateDevice",
         "{\"device\":\"Pump\",\"state\":\"DISABLED\",\"labels\":[{\"key\":\"a\",\"value\":\"1\"},"
         "{\"key\":\"b\",\"value\":\"2\"}]}");
    must_succeed();
    audit_has("thing", "pump");
    audit_has("state", "DISABLED");
    audit_has("labels", "a=1,b=2");
    call(HUB "UpdateDevice", "{\"device\":\"pump\",\"removeLabels\":[\"a\",\"zzz\"]}");
    must_succeed();
    call(HUB "DescribeDevice", "{\"device\":\"pump\"}");
    assert_string_equal(device_member("state")->valuestring, "DISABLED");
    assert_int_equal(cJSON_GetArraySize(device_member("labels")), 1);
    call(HUB "UpdateDevice", "{\"device\":\"pump\",\"state\":\"PENDING\"}");
    must_fail("ValidationException", 400, "enum value set: [ENABLED, DISABLED]");
    assert_int_equal(enrol("pump", 0, NULL), ENROL_DISABLED);
    call(HUB "UpdateDevice", "{\"device\":\"pump\",\"state\":\"ENABLED\"}");
    must_succeed();
    assert_int_equal(enrol("pump", 0, NULL), ENROL_KNOWN);
    call(HUB "ResetDevice", "{\"device\":\"pump\"}");
    must_succeed();
    assert_int_equal(enrol("pump", 'a', NULL), ENROL_UNKNOWN_DEVICE);
    call(HUB "DeleteDevice", "{\"device\":\"pump\"}");
    must_succeed();
    call(HUB "DeleteDevice", "{\"device\":\"pump\"}");
    must_fail("ResourceNotFoundException", 400, "Device pump does not exist");
    assert_int_equal(api_counts(world.api)->ok[OPERATION_UPDATE_DEVICE], 3);
    assert_int_equal(api_counts(world.api)->failed[OPERATION_DELETE_DEVICE], 1);
}

/* A key neither learns of what is none of its own, nor moves a device out of its reach. */
static void test_who_changes(void **state)
{
    (void)state;
    enrol("plant7-1", 0, NULL);
    enrol("plant8-1", 0, NULL);
    label("plant7-1", "team", "ops");
    world_rules(KEYS, "");
    call_as("PLANT", HUB "ResetDevice", "{\"device\":\"plant8-1\"}");
    must_fail("ResourceNotFoundException", 400, "Device plant8-1 does not exist, or");
    call_as("PLANT", HUB "DescribeDevice", "{\"device\":\"plant8-1\"}");
    must_fail("ResourceNotFoundException", 400, "Device plant8-1 does not exist, or");
    call_as("LOOK", HUB "DescribeDevice", "{\"device\":\"nobody\"}");
    must_fail("AccessDeniedException", 403, "tunnelhub:DescribeDevice on any device");
    call_as("OPS", HUB "UpdateDevice",
            "{\"device\":\"plant7-1\",\"labels\":[{\"key\":\"team\",\"value\":\"dev\"}]}");
    must_fail("AccessDeniedException", 403, "a device with such tags");
    call_as("OPS", HUB "UpdateDevice", "{\"device\":\"plant7-1\",\"removeLabels\":[\"team\"]}");
    must_fail("AccessDeniedException", 403, "one of them on its devices");
    call_as("OPS", HUB "UpdateDevice",
            "{\"device\":\"plant7-1\",\"labels\":[{\"key\":\"x\",\"value\":\"\"}]}");
    must_succeed();
    call_as("OPS", HUB "DeleteDevice", "{\"device\":\"plant7-1\"}");
    must_fail("AccessDeniedException", 403, "the device with delete");
    call_as("PLANT", HUB "DeleteDevice", "{\"device\":\"plant7-1\"}");
    must_succeed();
}

static void test_labels_are_limited(void **state)
{
    char body[4096] = "{\"device\":\"pump\",\"labels\":[";
    (void)state;
    enrol("pump", 0, NULL);
    for (int i = 0; i < DEVICE_LABELS_MAX; i++) {
        size_t n = strlen(body);
        snprintf(body + n, sizeof body - n, "%s{\"key\":\"k%d\",\"value\":\"v\"}", i > 0 ? "," : "",
                 i);
    }
    strcat(body, "]}");
    call(HUB "UpdateDevice", body);
    must_succeed();
    call(HUB "UpdateDevice",
         "{\"device\":\"pump\",\"labels\":[{\"key\":\"one more\",\"value\":\"\"}]}");
    must_fail("LimitExceededException", 400, "The limit of labels is 50 per device.");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_invitation), TEST(test_bad_invitations), TEST(test_who_invites),
        TEST(test_lists),      TEST(test_describes),       TEST(test_elsewhere),
        TEST(test_changes),    TEST(test_who_changes),     TEST(test_labels_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
