/* The API: opening, describing, closing, rotating. */
#include "tests/support/api.h"

#include <sys/resource.h>

#define UNKNOWN_ID "b2de92a3-b8ff-46c0-b0f2-afa28b00cecd"

static bool is_token(const char *text)
{
    return strlen(text) == 47 && memcmp(text, "st1.", 4) == 0 &&
           strspn(text + 4, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
               43;
}

static const struct tunnel_record *tunnel_of(const char *id)
{
    const struct tunnel_record *t = registry_find(world.tunnels, span_of(id));
    assert_non_null(t);
    return t;
}

static void must_match(const char *id, enum side side, const char *token)
{
    uint8_t hash[TOKEN_HASH];
    token_hash(span_of(token), hash);
    assert_memory_equal(tunnel_of(id)->sides[side].token, hash, TOKEN_HASH);
}

/* ---- OpenTunnel ---- */

static void test_open_nothing(void **state)
{
    char id[64], arn[128];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    assert_int_equal(strlen(id), 36);
    snprintf(arn, sizeof arn, "arn:aws:iot:eu-test-1:123456789012:tunnel/%s", id);
    assert_string_equal(text_of("tunnelArn"), arn);
    assert_true(is_token(text_of("sourceAccessToken")));
    assert_true(is_token(text_of("destinationAccessToken")));
    assert_string_not_equal(text_of("sourceAccessToken"), text_of("destinationAccessToken"));
    must_match(id, SIDE_SOURCE, text_of("sourceAccessToken"));
    must_match(id, SIDE_DESTINATION, text_of("destinationAccessToken"));
    assert_int_equal(cJSON_GetArraySize(reply.json), 4);
    const struct tunnel_record *r = tunnel_of(id);
    assert_string_equal(r->key_id, "");
    assert_string_equal(r->thing, "");
    assert_int_equal(r->lifetime_minutes, 720);
    assert_int_equal(r->services.n, 0);
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    assert_null(tunnel_member("destinationConfig"));
    assert_null(tunnel_member("description"));
    assert_int_equal(cJSON_GetArraySize(tunnel_member("tags")), 0);
}

static void test_open_everything(void **state)
{
    char id[64];
    (void)state;
    call("OpenTunnel",
         "{\"description\":\"Gr\\u00f6\xc3\x9f\x65 \\ud83d\\ude00\",\"tags\":[{\"key\":\"a\","
         "\"value\":\"b\"},{\"key\":\"\xe4\xb8\xad\",\"value\":\"\"}],\"destinationConfig\":"
         "{\"thingName\":\"RemoteDevice1\",\"services\":[\"HTTP1\",\"SSH1\",\"a:b\"]},"
         "\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":60},\"unknown\":{}}");
    opened(id);
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    tunnel_has("tunnelId", id);
    tunnel_has("status", "OPEN");
    tunnel_has("description", "Gr\xc3\xb6\xc3\x9f\x65 \xf0\x9f\x98\x80");
    const cJSON *destination = tunnel_member("destinationConfig");
    char *text = cJSON_PrintUnformatted(destination);
    assert_string_equal(
        text, "{\"thingName\":\"RemoteDevice1\",\"services\":[\"HTTP1\",\"SSH1\",\"a:b\"]}");
    free(text);
    text = cJSON_PrintUnformatted(tunnel_member("tags"));
    assert_string_equal(
        text, "[{\"key\":\"a\",\"value\":\"b\"},{\"key\":\"\xe4\xb8\xad\",\"value\":\"\"}]");
    free(text);
    text = cJSON_PrintUnformatted(tunnel_member("timeoutConfig"));
    assert_string_equal(text, "{\"maxLifetimeTimeoutMinutes\":60}");
    free(text);
    const struct tunnel_record *r = tunnel_of(id);
    /* Both are read from a clock, one after the other. */
    assert_in_range(r->expires - r->created, 60 * 60000, 60 * 60000 + 60000);
    double created = cJSON_GetNumberValue(tunnel_member("createdAt"));
    assert_true(created == (double)r->created / 1000.0);
    assert_true(cJSON_GetNumberValue(tunnel_member("lastUpdatedAt")) ==
                (double)r->updated / 1000.0);
}

static void test_open_twice_the_same(void **state)
{
    (void)state;
    call("OpenTunnel", "{\"destinationConfig\":{\"services\":[\"A\",\"B\",\"A\"]}}");
    must_fail("ValidationException", 400, "Service 'A' is given twice");
    call("OpenTunnel", "{\"tags\":[{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"b\",\"value\":\"\"},"
                       "{\"key\":\"a\",\"value\":\"2\"}]}");
    must_fail("ValidationException", 400, "Tag key 'a' is given twice");
    assert_int_equal(registry_open_count(world.registry), 0);
}

static void test_open_limits(void **state)
{
    char first[64];
    (void)state;
    world_rules(NULL, "services-per-tunnel = 3\ntunnels-per-key = 2\nlifetime-minutes = 100\n");
    call("OpenTunnel", "{\"destinationConfig\":{\"services\":[\"A\",\"B\",\"C\",\"D\"]}}");
    must_fail("LimitExceededException", 400,
              "services-per-tunnel is 3: 4 were asked for. Ask for fewer services.");
    call("OpenTunnel", "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":101}}");
    must_fail("ValidationException", 400, "Member must have value less than or equal to 100");
    call("OpenTunnel", "{\"destinationConfig\":{\"services\":[\"A\",\"B\",\"C\"]}}");
    opened(first);
    assert_int_equal(tunnel_of(first)->lifetime_minutes, 100);
    call("OpenTunnel", "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":100}}");
    must_succeed();
    for (int i = 0; i < 3; i++) { /* clients ask three times */
        call("OpenTunnel", "{}");
        must_fail("LimitExceededException", 400, "tunnels-per-key is 2");
        assert_non_null(strstr(reply.body, "Close tunnels that are not needed."));
        assert_int_equal(registry_open_count(world.registry), 2);
    }
    callf("CloseTunnel", "{\"tunnelId\":\"%s\"}", first);
    must_succeed();
    call("OpenTunnel", "{}");
    must_succeed();
}

static void test_long_lifetime(void **state)
{
    char id[64];
    (void)state;
    world_rules(NULL, "lifetime-minutes = 10080\n");
    call("OpenTunnel", "{\"timeoutConfig\":{\"maxLifetimeTimeoutMinutes\":10080}}");
    opened(id);
    assert_int_equal(tunnel_of(id)->lifetime_minutes, 10080);
    call("OpenTunnel", "{}");
    opened(id);
    assert_int_equal(tunnel_of(id)->lifetime_minutes, 720);
}

/* ---- DescribeTunnel ---- */

static void test_describe_sides(void **state)
{
    char id[64];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    char *text = cJSON_PrintUnformatted(tunnel_member("sourceConnectionState"));
    assert_string_equal(text, "{\"status\":\"DISCONNECTED\"}");
    free(text);
    registry_connected(world.registry, span_of(id), SIDE_DESTINATION, true);
    int64_t changed = tunnel_of(id)->sides[SIDE_DESTINATION].changed;
    assert_true(changed > 0);
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    const cJSON *side = tunnel_member("destinationConnectionState");
    assert_string_equal(cJSON_GetObjectItem(side, "status")->valuestring, "CONNECTED");
    assert_true(cJSON_GetObjectItem(side, "lastUpdatedAt")->valuedouble == (double)changed / 1e3);
    assert_null(cJSON_GetObjectItem(tunnel_member("sourceConnectionState"), "lastUpdatedAt"));
    registry_connected(world.registry, span_of(id), SIDE_DESTINATION, false);
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    side = tunnel_member("destinationConnectionState");
    assert_string_equal(cJSON_GetObjectItem(side, "status")->valuestring, "DISCONNECTED");
    assert_non_null(cJSON_GetObjectItem(side, "lastUpdatedAt"));
}

static void test_unknown_tunnel(void **state)
{
    static const struct {
        const char *operation, *format;
    } calls[] = {
        {"DescribeTunnel", "{\"tunnelId\":\"" UNKNOWN_ID "\"}"},
        {"CloseTunnel", "{\"tunnelId\":\"" UNKNOWN_ID "\",\"delete\":true}"},
        {"RotateTunnelAccessToken", "{\"tunnelId\":\"" UNKNOWN_ID "\",\"clientMode\":\"ALL\"}"},
#define ARN "arn:aws:iot:eu-test-1:123456789012:tunnel/" UNKNOWN_ID
        {"TagResource", "{\"resourceArn\":\"" ARN "\",\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}"},
        {"UntagResource", "{\"resourceArn\":\"" ARN "\",\"tagKeys\":[\"a\"]}"},
        {"ListTagsForResource", "{\"resourceArn\":\"" ARN "\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        call(calls[i].operation, calls[i].format);
        must_fail("ResourceNotFoundException", 400, UNKNOWN_ID);
    }
}

/* ---- CloseTunnel ---- */

static void test_close(void **state)
{
    char id[64];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    for (int i = 0; i < 2; i++) { /* the second one is no error */
        callf("CloseTunnel", "{\"tunnelId\":\"%s\",\"delete\":false}", id);
        must_succeed();
        assert_string_equal(reply.body, "{}");
        callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
        tunnel_has("status", "CLOSED");
    }
    assert_int_equal(world.ended[0], 1);
    callf("RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"ALL\"}", id);
    must_fail("ResourceNotFoundException", 400, "is closed");
    call("ListTunnels", "{}");
    const cJSON *list = cJSON_GetObjectItem(reply.json, "tunnelSummaries");
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(cJSON_GetObjectItem(list->child, "status")->valuestring, "CLOSED");
}

static void test_delete(void **state)
{
    char id[64], closed[64];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    call("OpenTunnel", "{}");
    opened(closed);
    callf("CloseTunnel", "{\"tunnelId\":\"%s\"}", closed);
    must_succeed();
    callf("CloseTunnel", "{\"tunnelId\":\"%s\",\"delete\":true}", id);
    must_succeed();
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    must_fail("ResourceNotFoundException", 400, id);
    callf("CloseTunnel", "{\"tunnelId\":\"%s\",\"delete\":true}", closed);
    must_succeed();
    call("ListTunnels", "{}");
    assert_string_equal(reply.body, "{\"tunnelSummaries\":[]}");
}

/* ---- RotateTunnelAccessToken ---- */

static void rotate(const char *id, const char *mode, bool source, bool destination)
{
    uint8_t before[SIDE_COUNT][TOKEN_HASH];
    for (size_t s = 0; s < SIDE_COUNT; s++)
        memcpy(before[s], tunnel_of(id)->sides[s].token, TOKEN_HASH);
    int64_t expires = tunnel_of(id)->expires;
    callf("RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"%s\"}", id, mode);
    must_succeed();
    assert_non_null(strstr(text_of("tunnelArn"), id));
    assert_int_equal(cJSON_GetArraySize(reply.json), 1 + source + destination);
    const bool fresh[SIDE_COUNT] = {source, destination};
    static const char *const names[SIDE_COUNT] = {"sourceAccessToken", "destinationAccessToken"};
    for (enum side s = 0; s < SIDE_COUNT; s++) {
        if (!fresh[s]) {
            assert_null(cJSON_GetObjectItem(reply.json, names[s]));
            assert_memory_equal(tunnel_of(id)->sides[s].token, before[s], TOKEN_HASH);
            continue;
        }
        assert_true(is_token(text_of(names[s])));
        must_match(id, s, text_of(names[s]));
        assert_memory_not_equal(tunnel_of(id)->sides[s].token, before[s], TOKEN_HASH);
    }
    assert_int_equal(tunnel_of(id)->expires, expires);
}

static void test_rotate(void **state)
{
    char id[64];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    rotate(id, "SOURCE", true, false);
    rotate(id, "DESTINATION", false, true);
    rotate(id, "ALL", true, true);
    assert_int_equal(world.rotated[SIDE_SOURCE], 2);
    assert_int_equal(world.rotated[SIDE_DESTINATION], 2);
}

static void test_rotate_destination(void **state)
{
    static const struct {
        const char *mode, *config, *words; /* words NULL: fine */
    } cases[] = {
        {"ALL", "{\"thingName\":\"d\",\"services\":[\"A\",\"B\"]}", NULL},
        {"DESTINATION", "{\"thingName\":\"d\",\"services\":[\"B\",\"A\"]}", NULL},
        {"DESTINATION", "{\"services\":[\"A\",\"B\"]}", NULL},
        {"SOURCE", "{\"thingName\":\"d\",\"services\":[\"A\",\"B\"]}", "clientMode SOURCE"},
        {"ALL", "{\"thingName\":\"e\",\"services\":[\"A\",\"B\"]}", "keeps its thing"},
        {"ALL", "{\"services\":[\"A\"]}", "keeps its services"},
        {"ALL", "{\"services\":[\"A\",\"A\"]}", "keeps its services"},
        {"ALL", "{\"services\":[\"A\",\"B\",\"C\"]}", "keeps its services"},
        {"ALL", "{\"services\":[\"A\",\"b\"]}", "keeps its services"},
        {"ALL", "{\"thingName\":\"d\"}", "destinationConfig.services"},
    };
    char id[64];
    (void)state;
    call("OpenTunnel", "{\"destinationConfig\":{\"thingName\":\"d\",\"services\":[\"A\",\"B\"]}}");
    opened(id);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        callf("RotateTunnelAccessToken",
              "{\"tunnelId\":\"%s\",\"clientMode\":\"%s\",\"destinationConfig\":%s}", id,
              cases[i].mode, cases[i].config);
        if (cases[i].words == NULL)
            must_succeed();
        else
            must_fail("ValidationException", 400, cases[i].words);
    }
    assert_int_equal(world.rotated[SIDE_DESTINATION], 3);
}

int main(void)
{
#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_open_nothing),
        IN_WORLD(test_open_everything),
        IN_WORLD(test_open_twice_the_same),
        IN_WORLD(test_open_limits),
        IN_WORLD(test_long_lifetime),
        IN_WORLD(test_describe_sides),
        IN_WORLD(test_unknown_tunnel),
        IN_WORLD(test_close),
        IN_WORLD(test_delete),
        IN_WORLD(test_rotate),
        IN_WORLD(test_rotate_destination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
