/* The API: access rules, the audit log, the counters. */
#include "tests/unit/api_access_help.h"

#define SERVICE(thing, services)                                                                   \
    "{\"destinationConfig\":{\"thingName\":\"" thing "\",\"services\":[" services "]}}"

/* ---- access rules ---- */

static void test_operations_rule(void **state)
{
    char id[64];
    (void)state;
    world_rules(KEYS, "");
    call_as("ADMIN", "OpenTunnel", "{}");
    opened(id);
    call_as("READER", "DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    must_succeed();
    call_as("READER", "ListTunnels", "{}");
    must_succeed();
    call_as("READER", "OpenTunnel", "{}");
    must_fail("AccessDeniedException", 403, "OpenTunnel");
    call_as("READER", "CloseTunnel", "{\"tunnelId\":\"%s\"}", id);
    must_fail("AccessDeniedException", 403, "CloseTunnel");
    call_as("READER", "RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"ALL\"}",
            id);
    must_fail("AccessDeniedException", 403, "RotateTunnelAccessToken");
    audit_has("tunnel", id);
    call_as("READER", "CloseTunnel", "{\"tunnelId\":\"no-such-tunnel\"}"); /* nor is that told */
    must_fail("AccessDeniedException", 403, "among the key's operations");
    audit_has("tunnel", "no-such-tunnel");
    call_as("READER", "TagResource",
            "{\"resourceArn\":\"arn:aws:iot:x:1:tunnel/a\",\"tags\":[{\"key\":\"a\","
            "\"value\":\"b\"}]}");
    must_fail("AccessDeniedException", 403, "among the key's operations");
    call_as("READER", "DescribeTunnel", "{\"tunnelId\":\"no-such-tunnel\"}");
    must_fail("ResourceNotFoundException", 400, "no-such-tunnel");
    call_as("READER", "CloseTunnel", "{\"tunnelId\":\"%s\"}", id);
    audit_has("key", "READER");
    assert_int_equal(registry_open_count(world.registry), 1);
    world_rules("[key ADMIN]\nsecret = " SECRET_OF("ADMIN") "\noperations = OpenTunnel\n", "");
    call_as("ADMIN", "ListTunnels", "{}");
    must_fail("AccessDeniedException", 403, "ListTunnels");
}

static void test_things_rule(void **state)
{
    char plant[64], other[64];
    (void)state;
    world_rules(KEYS, "");
    call_as("PLANT", "OpenTunnel", SERVICE("plant-7", "\"SSH1\",\"HTTP1\""));
    opened(plant);
    call_as("ADMIN", "OpenTunnel", SERVICE("press7", "\"SSH1\""));
    opened(other);
    call_as("PLANT", "OpenTunnel", SERVICE("press7", "\"SSH1\""));
    must_fail("AccessDeniedException", 403, "thing");
    audit_has("thing", "press7");
    call_as("PLANT", "OpenTunnel", "{}");
    must_fail("AccessDeniedException", 403, "thing");
    call_as("PLANT", "OpenTunnel", SERVICE("plant-7", "\"SSH1\",\"VNC\""));
    must_fail("AccessDeniedException", 403, "services");
    call_as("PLANT", "DescribeTunnel", "{\"tunnelId\":\"%s\"}", other);
    must_fail("AccessDeniedException", 403, "thing");
    assert_null(strstr(reply.body, "press7"));
    call_as("PLANT", "RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"SOURCE\"}",
            plant);
    must_succeed();
    call_as("PLANT", "RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"ALL\"}",
            plant);
    must_fail("AccessDeniedException", 403, "client-modes");
    call_as("PLANT", "CloseTunnel", "{\"tunnelId\":\"%s\",\"delete\":true}", plant);
    must_fail("AccessDeniedException", 403, "delete");
    call_as("PLANT", "CloseTunnel", "{\"tunnelId\":\"%s\"}", plant);
    must_succeed();
    assert_int_equal(registry_open_count(world.registry), 1);
}

static void test_tags_rule(void **state)
{
    char id[64], arn[128];
    (void)state;
    world_rules(KEYS, "");
    call_as("OPS", "OpenTunnel", "{\"tags\":[{\"key\":\"team\",\"value\":\"ops\"}]}");
    must_fail("AccessDeniedException", 403, "tag");
    call_as("OPS", "OpenTunnel",
            "{\"tags\":[{\"key\":\"team\",\"value\":\"dev\"},{\"key\":\"site\",\"value\":\"\"}]}");
    must_fail("AccessDeniedException", 403, "tag");
    call_as("OPS", "OpenTunnel",
            "{\"tags\":[{\"key\":\"team\",\"value\":\"ops\"},{\"key\":\"site\",\"value\":\"1\"}]}");
    opened(id);
    snprintf(arn, sizeof arn, "%s", text_of("tunnelArn"));
    call_as("OPS", "TagResource",
            "{\"resourceArn\":\"%s\",\"tags\":[{\"key\":\"site\",\"value\":\"2\"},"
            "{\"key\":\"more\",\"value\":\"\"}]}",
            arn);
    must_succeed();
    call_as("OPS", "TagResource",
            "{\"resourceArn\":\"%s\",\"tags\":[{\"key\":\"team\",\"value\":\"dev\"}]}", arn);
    must_fail("AccessDeniedException", 403, "tag");
    call_as("OPS", "UntagResource", "{\"resourceArn\":\"%s\",\"tagKeys\":[\"more\",\"site\"]}",
            arn);
    must_fail("AccessDeniedException", 403, "requires");
    call_as("OPS", "UntagResource", "{\"resourceArn\":\"%s\",\"tagKeys\":[\"more\"]}", arn);
    must_succeed();
    call_as("ADMIN", "TagResource",
            "{\"resourceArn\":\"%s\",\"tags\":[{\"key\":\"team\",\"value\":\"dev\"}]}", arn);
    must_succeed();
    call_as("OPS", "ListTagsForResource", "{\"resourceArn\":\"%s\"}", arn);
    must_fail("AccessDeniedException", 403, "tag");
}

#define TEAM(arn, team)                                                                            \
    "{\"resourceArn\":\"" arn "\",\"tags\":[{\"key\":\"team\",\"value\":\"" team "\"}]}"

/* Tags that are being stored count already: what somebody takes away from a key cannot be taken
 * back at the same time. */
static void test_tags_rule_meanwhile(void **state)
{
    struct reply away = {0};
    char arn[128], body[256];
    (void)state;
    world_rules(KEYS, "");
    call_as("OPS", "OpenTunnel",
            "{\"tags\":[{\"key\":\"team\",\"value\":\"ops\"},{\"key\":\"site\",\"value\":\"1\"}]}");
    must_succeed();
    snprintf(arn, sizeof arn, "%s", text_of("tunnelArn"));
    call_as("OPS", "TagResource", TEAM("%s", "ops"), arn);
    must_succeed();
    snprintf(body, sizeof body, TEAM("%s", "dev"), arn);
    begin_ask(HERE, HEAD("TagResource"), body, &away);
    call_as("OPS", "TagResource", TEAM("%s", "ops"), arn);
    must_fail("AccessDeniedException", 403, "a tag that the key requires is missing");
    assert_int_equal(away.status, 200);
    const struct tags *tags = &registry_older(world.tunnels, NULL)->tags;
    assert_string_equal(tags->items[0].value, "dev");
    cJSON_Delete(away.json);
    free(away.body);
}

/* Whoever's rule is about tags makes the hub read them all: it does so for a while, and then says
 * where to go on. */
static void test_list_budget(void **state)
{
    enum { N = 150, TAGS = 200 };
    struct buf b = {.limit = 1 << 20};
    char token[64] = "";
    int pages = 0, seen = 0;
    (void)state;
    world_rules(KEYS, "");
    for (int i = 0; i < TAGS; i++)
        assert_true(buf_printf(&b, "%s{\"key\":\"t%d\",\"value\":\"\"}", i > 0 ? "," : "", i));
    call_as("OPS", "OpenTunnel",
            "{\"tags\":[{\"key\":\"team\",\"value\":\"ops\"},{\"key\":\"site\",\"value\":\"1\"}]}");
    must_succeed();
    for (int i = 0; i < N; i++) {
        callf("OpenTunnel", "{\"tags\":[%.*s]}", (int)b.size, (const char *)b.data);
        must_succeed();
    }
    buf_free(&b);
    do {
        call_as("OPS", "ListTunnels", "{\"maxResults\":1,\"nextToken\":%s%s%s}",
                pages > 0 ? "\"" : "", pages > 0 ? token : "null", pages > 0 ? "\"" : "");
        must_succeed();
        seen += cJSON_GetArraySize(cJSON_GetObjectItem(reply.json, "tunnelSummaries"));
        const cJSON *next = cJSON_GetObjectItem(reply.json, "nextToken");
        snprintf(token, sizeof token, "%s", next != NULL ? next->valuestring : "");
        pages++;
    } while (token[0] != '\0');
    assert_int_equal(seen, 1);
    assert_int_equal(pages, 2);
    call_as("ADMIN", "ListTunnels", "{}"); /* has no such rule */
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(reply.json, "tunnelSummaries")), 100);
}

/* A list shows what the key may see, and its pages are as full as others'. */
static void test_list_rule(void **state)
{
    char token[64];
    (void)state;
    world_rules(KEYS, "");
    for (int i = 0; i < 12; i++) {
        call_as("ADMIN", "OpenTunnel",
                "{\"description\":\"%d\",\"destinationConfig\":{\"thingName\":\"%s\","
                "\"services\":[\"S\"]}}",
                i, i % 3 == 0 ? "plant-1" : "press7");
        must_succeed();
    }
    call_as("PLANT", "ListTunnels", "{\"maxResults\":3}");
    must_succeed();
    const cJSON *list = cJSON_GetObjectItem(reply.json, "tunnelSummaries");
    assert_int_equal(cJSON_GetArraySize(list), 3);
    assert_string_equal(cJSON_GetObjectItem(list->child, "description")->valuestring, "9");
    snprintf(token, sizeof token, "%s", text_of("nextToken"));
    call_as("PLANT", "ListTunnels", "{\"nextToken\":\"%s\"}", token);
    must_succeed();
    list = cJSON_GetObjectItem(reply.json, "tunnelSummaries");
    assert_int_equal(cJSON_GetArraySize(list), 1);
    assert_string_equal(cJSON_GetObjectItem(list->child, "description")->valuestring, "0");
    assert_null(cJSON_GetObjectItem(reply.json, "nextToken"));
    call_as("PLANT", "ListTunnels", "{\"thingName\":\"press7\"}");
    assert_string_equal(reply.body, "{\"tunnelSummaries\":[]}");
    call_as("ADMIN", "ListTunnels", "{\"thingName\":\"press7\"}");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(reply.json, "tunnelSummaries")), 8);
}

static void test_limits_of_keys(void **state)
{
    (void)state;
    world_rules(KEYS, "tunnels-per-key = 1\n[key PLANT]\nservices-per-tunnel = 1\n");
    call_as("ADMIN", "OpenTunnel", "{}");
    must_succeed();
    call_as("ADMIN", "OpenTunnel", "{}");
    must_fail("LimitExceededException", 400, "tunnels-per-key is 1");
    call_as("PLANT", "OpenTunnel", SERVICE("plant-1", "\"SSH1\",\"SSH2\""));
    must_fail("LimitExceededException", 400, "services-per-tunnel is 1");
    call_as("PLANT", "OpenTunnel", SERVICE("plant-1", "\"SSH1\""));
    must_succeed(); /* others' tunnels do not count */
    call("OpenTunnel", "{}");
    must_succeed();
}

/* ---- the audit log and the counters ---- */

static void test_audit(void **state)
{
    char id[64];
    (void)state;
    call("OpenTunnel", "{\"tags\":[{\"key\":\"a\",\"value\":\"1\"},{\"key\":\"b\",\"value\":\"\"}],"
                       "\"destinationConfig\":{\"thingName\":\"d\",\"services\":[\"A\",\"B\"]}}");
    opened(id);
    assert_int_equal(strlen(reply.request_id), 36);
    audit_has("event", "call");
    audit_has("requestId", reply.request_id);
    audit_has("key", "");
    audit_has("client", HERE);
    audit_has("operation", "OpenTunnel");
    audit_has("tunnel", id);
    audit_has("thing", "d");
    audit_has("services", "A,B");
    audit_has("tags", "a=1,b=");
    audit_has("result", "ok");
    cJSON *line = last_audit();
    assert_int_equal(cJSON_GetObjectItem(line, "status")->valuedouble, 200);
    cJSON_Delete(line);
    callf("RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"SOURCE\"}", id);
    audit_has("clientMode", "SOURCE");
    callf("CloseTunnel", "{\"tunnelId\":\"%s\",\"delete\":true}", id);
    audit_has("tunnel", id);
    audit_has("thing", "d");
    audit_has("delete", "true");
    call("OpenTunnel", "{\"description\":\"\"}");
    audit_has("result", "ValidationException");
    audit_has("services", NULL);
    ask(ELSEWHERE, HEAD("Nothing"), "{}");
    audit_has("operation", "IoTSecuredTunneling.Nothing");
    audit_has("result", "UnknownOperationException");
    audit_has("tunnel", "");
}

/* No token may be in the log, whatever is done. */
static void test_no_secrets(void **state)
{
    char id[64], tokens[4][64];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    snprintf(tokens[0], 64, "%s", text_of("sourceAccessToken"));
    snprintf(tokens[1], 64, "%s", text_of("destinationAccessToken"));
    callf("RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"ALL\"}", id);
    snprintf(tokens[2], 64, "%s", text_of("sourceAccessToken"));
    snprintf(tokens[3], 64, "%s", text_of("destinationAccessToken"));
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    char *text = calloc(1, 1 << 20);
    FILE *f = fopen(world.audit_file, "rb");
    assert_non_null(text);
    assert_non_null(f);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    for (size_t i = 0; i < 4; i++) {
        assert_null(strstr(text, tokens[i]));
        assert_null(strstr(reply.body, tokens[i]));
    }
    free(text);
}

static size_t count_lines(void)
{
    size_t n = 0;
    FILE *f = fopen(world.audit_file, "rb");
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;)
        n += c == '\n';
    fclose(f);
    return n;
}

/* Line ends in every text that comes from outside: refused or escaped, one audit line a call. */
static void test_injection(void **state)
{
#define EVIL "x\\r\\nX-Evil: 1\\r\\n\\r\\n{\\\"event\\\":\\\"call\\\"}"
    static const struct {
        const char *operation, *body;
    } calls[] = {
        {"OpenTunnel", "{\"description\":\"" EVIL "\"}"},
        {"OpenTunnel", "{\"tags\":[{\"key\":\"" EVIL "\",\"value\":\"\"}]}"},
        {"OpenTunnel", "{\"tags\":[{\"key\":\"k\",\"value\":\"" EVIL "\"}]}"},
        {"OpenTunnel", "{\"destinationConfig\":{\"thingName\":\"" EVIL "\",\"services\":[\"S\"]}}"},
        {"OpenTunnel", "{\"destinationConfig\":{\"services\":[\"" EVIL "\"]}}"},
        {"OpenTunnel", "{\"" EVIL "\":1,\"description\":\"\"}"},
        {"CloseTunnel", "{\"tunnelId\":\"" EVIL "\"}"},
        {"DescribeTunnel", "{\"tunnelId\":\"" EVIL "\"}"},
        {"ListTunnels", "{\"thingName\":\"" EVIL "\"}"},
        {"ListTunnels", "{\"nextToken\":\"" EVIL "\"}"},
        {"RotateTunnelAccessToken", "{\"tunnelId\":\"t\",\"clientMode\":\"" EVIL "\"}"},
        {"TagResource", "{\"resourceArn\":\"" EVIL "\",\"tags\":[{\"key\":\"k\",\"value\":\"\"}]}"},
        {"TagResource", "{\"resourceArn\":\"arn:aws:iot:eu-test-1:123456789012:tunnel/" EVIL
                        "\",\"tags\":[{\"key\":\"k\",\"value\":\"\"}]}"},
        {"UntagResource", "{\"resourceArn\":\"x\",\"tagKeys\":[\"" EVIL "\"]}"},
        {"ListTagsForResource", "{\"resourceArn\":\"arn:aws:iot:" EVIL ":1:tunnel/x\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        call(calls[i].operation, calls[i].body);
        assert_int_equal(reply.status, 400);
        assert_null(strpbrk(reply.body, "\r\n"));
        assert_null(strpbrk(reply.error, "\r\n"));
        assert_int_equal(count_lines(), i + 1);
        cJSON_Delete(last_audit());
    }
    assert_null(registry_older(world.tunnels, NULL));
    ask(HERE, "POST / HTTP/1.1\r\nX-Amz-Target: \"}\xff\xc2\x85{\r\n", "{}");
    audit_has("operation", "\"}\xef\xbf\xbd\xc2\x85{");
}

static void test_counts(void **state)
{
    const struct api_counts *counts = api_counts(world.api);
    (void)state;
    call("OpenTunnel", "{}");
    call("OpenTunnel", "{\"description\":7}");
    call("ListTunnels", "{}");
    call("ListTunnels", "{}");
    call("Nothing", "{}");
    ask(ELSEWHERE, HEAD("ListTunnels"), "{}");
    assert_int_equal(counts->ok[OPERATION_OPEN], 1);
    assert_int_equal(counts->failed[OPERATION_OPEN], 1);
    assert_int_equal(counts->ok[OPERATION_LIST], 2);
    assert_int_equal(counts->failed[OPERATION_LIST], 1);
    assert_int_equal(counts->ok[OPERATION_COUNT], 0);
    assert_int_equal(counts->failed[OPERATION_COUNT], 1);
    assert_int_equal(counts->failed[OPERATION_TAG], 0);
}

int main(void)
{
#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_operations_rule),
        IN_WORLD(test_things_rule),
        IN_WORLD(test_tags_rule),
        IN_WORLD(test_list_rule),
        IN_WORLD(test_tags_rule_meanwhile),
        IN_WORLD(test_list_budget),
        IN_WORLD(test_limits_of_keys),
        IN_WORLD(test_audit),
        IN_WORLD(test_no_secrets),
        IN_WORLD(test_injection),
        IN_WORLD(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
