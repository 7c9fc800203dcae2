/* Who may call the API, what is no call at all, and what the audit log and the counters say of it.
 */
#include "tests/support/api.h"

#define KEYS                                                                                       \
    "[key ADMIN]\nsecret = " SECRET_OF(                                                            \
        "ADMIN") "\n"                                                                              \
                 "[key READER]\nsecret = " SECRET_OF(                                              \
                     "READER") "\n"                                                                \
                               "operations = DescribeTunnel ListTunnels ListTagsForResource\n"     \
                               "[key PLANT]\nsecret = " SECRET_OF(                                 \
                                   "PLANT") "\n"                                                   \
                                            "things = plant-*\nservices = SSH* "                   \
                                            "HTTP1\nclient-modes = SOURCE\nmay-delete = no\n"      \
                                            "[key OPS]\nsecret = " SECRET_OF(                      \
                                                "OPS") "\ntags = team=ops site\n"

#define SERVICE(thing, services)                                                                   \
    "{\"destinationConfig\":{\"thingName\":\"" thing "\",\"services\":[" services "]}}"

/* ---- what is a call ---- */

static void test_route(void **state)
{
    (void)state;
    static const struct {
        const char *head, *error;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: IoTSecuredTunneling.ListTunnels\r\n"
         "Content-Type: application/x-amz-json-1.1\r\n",
         "UnknownOperationException"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-amz-json-1.1\r\n",
         "UnknownOperationException"},
        {HEAD("OpenTunne"), "UnknownOperationException"},
        {HEAD("opentunnel"), "UnknownOperationException"},
        {HEAD(""), "UnknownOperationException"},
        {"POST / HTTP/1.1\r\nX-Amz-Target: OpenTunnel\r\n"
         "Content-Type: application/x-amz-json-1.1\r\n",
         "UnknownOperationException"},
        {"POST / HTTP/1.1\r\nX-Amz-Target: IoTSecureTunneling.OpenTunnel\r\n"
         "Content-Type: application/x-amz-json-1.1\r\n",
         "UnknownOperationException"},
        {HEAD("ListTunnels") "X-Amz-Target: IoTSecuredTunneling.OpenTunnel\r\n",
         "UnknownOperationException"},
        {"POST / HTTP/1.1\r\nX-Amz-Target: IoTSecuredTunneling.ListTunnels\r\n",
         "SerializationException"},
        {"POST / HTTP/1.1\r\nX-Amz-Target: IoTSecuredTunneling.ListTunnels\r\n"
         "Content-Type: application/json\r\n",
         "SerializationException"},
        {"POST / HTTP/1.1\r\nX-Amz-Target: IoTSecuredTunneling.ListTunnels\r\n"
         "Content-Type: application/x-amz-json-1.0\r\n",
         "SerializationException"},
        {HEAD("ListTunnels") "Content-Type: application/x-amz-json-1.1\r\n",
         "SerializationException"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(HERE, cases[i].head, "{}");
        must_fail(cases[i].error, 400, "");
    }
    ask(HERE,
        "POST /any/where/?x=y HTTP/1.1\r\nX-Amz-Target: IoTSecuredTunneling.ListTunnels\r\n"
        "content-type: APPLICATION/x-amz-json-1.1 ; charset=utf-8\r\n",
        "{}");
    must_succeed();
}

static bool wants(const char *head)
{
    struct http_reader *r = http_reader_new(HTTP_REQUEST, 4096);
    assert_non_null(r);
    assert_true(http_reader_feed(r, (const uint8_t *)head, strlen(head)) > 0);
    assert_non_null(http_reader_head(r));
    bool result = api_wants(http_reader_head(r));
    http_reader_free(r);
    return result;
}

static void test_wants(void **state)
{
    (void)state;
    assert_true(wants("POST / HTTP/1.1\r\nX-Amz-Target: x\r\n\r\n"));
    assert_true(wants("GET /tunnel HTTP/1.1\r\nx-amz-target:\r\n\r\n"));
    assert_true(wants("POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.1\r\n\r\n"));
    assert_false(wants("POST / HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"));
    assert_false(wants("GET /tunnel?local-proxy-mode=source HTTP/1.1\r\nHost: h\r\n\r\n"));
}

static void test_bodies(void **state)
{
    (void)state;
    call("ListTunnels", "");
    must_fail("SerializationException", 400, "no body");
    call("ListTunnels", "[]");
    must_fail("SerializationException", 400, "object");
    call("OpenTunnel", "{\"description\":\"a\",\"description\":\"b\"}");
    must_fail("SerializationException", 400, "twice");
    call("OpenTunnel", "{\"description\":\"\\ud800\"}");
    must_fail("SerializationException", 400, "surrogate");
    call("OpenTunnel", "{\"description\":1}");
    must_fail("SerializationException", 400, "can not be converted");
    call("OpenTunnel", "{\"description\":\"\"}");
    must_fail("ValidationException", 400, "1 validation error detected");
    assert_int_equal(registry_open_count(world.registry), 0);
}

/* ---- unsigned calls ---- */

static void unsigned_from(const char *client, bool fine)
{
    ask(client, HEAD("ListTunnels"), "{}");
    if (fine)
        must_succeed();
    else
        must_fail("MissingAuthenticationTokenException", 403, "not signed");
}

static void test_unsigned(void **state)
{
    static const char *const here[] = {
        "127.0.0.1:1", "127.255.0.9:65535", "[::1]:5", "[::ffff:127.0.0.1]:5", "pid 12", "unix"};
    static const char *const elsewhere[] = {"128.0.0.1:1",
                                            "10.0.0.1:127",
                                            "[::2]:5",
                                            "[::ffff:10.0.0.1]:5",
                                            "[fe80::1%lo]:7",
                                            "",
                                            "127.0.0.1",
                                            "127.:5",
                                            "[::1:5",
                                            "::1:5",
                                            "pid",
                                            "unix:1",
                                            "0.0.0.0:1"};
    (void)state;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        unsigned_from(here[i], true);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        unsigned_from(elsewhere[i], false);
    api_free(world.api);
    world_api(false);
    world_rules(NULL, "");
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        unsigned_from(here[i], false);
}

/* ---- signed ones ---- */

/* The request of cloud-apis.md A.2, byte for byte as AWS's CLI sent it; `change` puts one text in
 * the place of another. */
static void vector(const char *client, const char *from, const char *to)
{
    static const char head[] =
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:18765\r\nAccept-Encoding: identity\r\n"
        "X-Amz-Target: IoTSecuredTunneling.OpenTunnel\r\n"
        "Content-Type: application/x-amz-json-1.1\r\n"
        "X-Amz-Date: 20261120T204350Z\r\n"
        "Authorization: AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20261120/us-east-1/IoTSecuredTunneling/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
        "Signature=4e26a1b27a8c9f324999efa376bacd4e92d451788336b2eb9793f226d4f15c6d\r\n"
        "Content-Length: 187\r\n";
    static const char body[] =
        "{\"description\": \"hello\", \"tags\": [{\"key\": \"a\", \"value\": \"b\"}], "
        "\"destinationConfig\": {\"thingName\": \"dev1\", \"services\": [\"SSH\", \"HTTP\"]}, "
        "\"timeoutConfig\": {\"maxLifetimeTimeoutMinutes\": 60}}";
    char changed_head[2048], changed_body[512];
    const char *at = strstr(head, from), *in_body = strstr(body, from);
    assert_true(at != NULL || in_body != NULL);
    snprintf(changed_head, sizeof changed_head, "%.*s%s%s", at != NULL ? (int)(at - head) : 0, head,
             at != NULL ? to : "", at != NULL ? at + strlen(from) : head);
    snprintf(changed_body, sizeof changed_body, "%.*s%s%s", at == NULL ? (int)(in_body - body) : 0,
             body, at == NULL ? to : "", at == NULL ? in_body + strlen(from) : body);
    ask(client, changed_head, changed_body);
}

#define AWS_KEY "[key AKIDEXAMPLE]\nsecret = wJalrXUtnFEMI+longer\n"

/* The vector's secret is shorter than the keys file takes, so the signature here is of our own
 * making; sigv4's tests have the vector itself. */
static void test_signed(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    call_as("ADMIN", "OpenTunnel", "{\"description\":\"Gr\xc3\xb6\xc3\x9f\x65\"}");
    must_succeed();
    assert_string_equal(registry_older(world.tunnels, NULL)->key_id, "ADMIN");
    audit_has("key", "ADMIN");
    audit_has("client", ELSEWHERE);
    assert_int_equal(registry_count_of(world.tunnels, "ADMIN"), 1);
    assert_int_equal(registry_count_of(world.tunnels, ""), 0);
}

static void reload(void)
{
    world_rules(KEYS, "");
}

/* The keys by which a call was authorized may be gone before the registry has answered. */
static void test_reload_meanwhile(void **state)
{
    char id[64];
    (void)state;
    reload();
    world.meanwhile = reload;
    call_as("ADMIN", "OpenTunnel", "{\"destinationConfig\":{\"services\":[\"SSH1\"]}}");
    opened(id);
    for (int i = 0; i < 3; i++) {
        call_as("ADMIN", "ListTunnels", "{}");
        must_succeed();
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(reply.json, "tunnelSummaries");
        assert_int_equal(cJSON_GetArraySize(list), 1);
        call_as("ADMIN", "DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
        tunnel_has("tunnelId", id);
    }
    call_as("ADMIN", "CloseTunnel", "{\"tunnelId\":\"%s\"}", id);
    must_succeed();
}

static void test_bad_signatures(void **state)
{
    static const struct {
        const char *from, *to, *error, *words;
        int status;
    } cases[] = {
        {"Authorization: ", "X-Other: ", "MissingAuthenticationTokenException", "not signed", 403},
        {"AWS4-HMAC-SHA256 ", "Basic ", "IncompleteSignatureException", "Authorization", 400},
        {"SignedHeaders=", "Signed=", "IncompleteSignatureException", "SignedHeaders", 400},
        {"X-Amz-Date: ", "X-Date: ", "IncompleteSignatureException", "X-Amz-Date", 400},
        {"AKIDEXAMPLE", "AKIDNOBODY", "UnrecognizedClientException", "security token", 403},
        {"=4e26", "=4e27", "InvalidSignatureException", "does not match the signature", 403},
        {"hello", "hallo", "InvalidSignatureException", "does not match the signature", 403},
        {"/IoTSecuredTunneling/", "/iot/", "InvalidSignatureException", "scoped", 403},
        {"AKIDEXAMPLE/20261120", "AKIDEXAMPLE/20261119", "InvalidSignatureException", "scoped",
         403},
        {"content-type;host;", "content-type;", "InvalidSignatureException", "signed header", 403},
        {"20261120T204350Z", "20261120T202849Z", "InvalidSignatureException",
         "Signature expired: 20261120T202849Z is now earlier than 20261120T202850Z "
         "(20261120T204350Z - 15 min.)",
         403},
        {"20261120T204350Z", "20261120T205851Z", "InvalidSignatureException",
         "Signature not yet current: 20261120T205851Z is still later than 20261120T205850Z "
         "(20261120T204350Z + 15 min.)",
         403},
        {"20261120T204350Z", "20261120T202850Z", "InvalidSignatureException", "does not match",
         403},
    };
    (void)state;
    world_rules(AWS_KEY, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vector(ELSEWHERE, cases[i].from, cases[i].to);
        must_fail(cases[i].error, cases[i].status, cases[i].words);
        audit_has("result", cases[i].error);
        if (strstr(cases[i].error, "Missing") == NULL) {
            vector(HERE, cases[i].from, cases[i].to); /* being here mends no signature */
            must_fail(cases[i].error, cases[i].status, cases[i].words);
        }
    }
    assert_null(registry_older(world.tunnels, NULL));
    world_rules(NULL, "");
    vector(ELSEWHERE, "hello", "hello");
    must_fail("UnrecognizedClientException", 403, "no such access key");
}

static void test_replay(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    world.now = NOW;
    call_as("ADMIN", "ListTunnels", "{}");
    must_succeed();
    static const int64_t skews[] = {15 * 60000, -15 * 60000};
    for (size_t i = 0; i < 2; i++) {
        char headers[2048], head[4096], key_id[] = "ADMIN", secret[] = SECRET_OF("ADMIN");
        struct sigv4_credentials credentials = {.key_id = key_id, .secret = secret};
        struct sigv4_request r = {.host = HOST,
                                  .path = "/",
                                  .content_type = "application/x-amz-json-1.1",
                                  .target = "IoTSecuredTunneling.ListTunnels",
                                  .region = "anywhere",
                                  .body = span_of("{}"),
                                  .now = NOW};
        assert_int_equal(sigv4_sign(&r, &credentials, headers, sizeof headers), ERR_OK);
        snprintf(head, sizeof head, HEAD("ListTunnels") "%s", headers);
        world.now = NOW + skews[i];
        ask(ELSEWHERE, head, "{}");
        must_succeed();
        world.now += skews[i] > 0 ? 1000 : -1000;
        ask(ELSEWHERE, head, "{}");
        must_fail("InvalidSignatureException", 403, i == 0 ? "expired" : "not yet current");
    }
}

/* Keys that changed count from the next call on. */
static void test_new_keys(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    call_as("ADMIN", "ListTunnels", "{}");
    must_succeed();
    world_rules("[key ADMIN]\nsecret = another-secret-of-the-admin\n", "");
    call_as("ADMIN", "ListTunnels", "{}");
    must_fail("InvalidSignatureException", 403, "does not match");
    must_fail("InvalidSignatureException", 403, "the Host header \"");
    world_rules("[key OTHER]\nsecret = another-secret-of-the-admin\n", "");
    call_as("ADMIN", "ListTunnels", "{}");
    must_fail("UnrecognizedClientException", 403, "");
}

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

/* ---- requests that never became a call ---- */

static void bad_request(int status, const char *text, const char *error, const char *message,
                        size_t size)
{
    struct api_answer a;
    char *body = malloc(size);
    assert_non_null(body);
    api_bad_request(status, text, &a, body, size);
    assert_int_equal(a.status, status);
    assert_string_equal(a.error, error);
    assert_int_equal(strlen(a.request_id), 36);
    assert_true(a.body.n <= size);
    cJSON *j = cJSON_ParseWithLength(a.body.p, a.body.n);
    assert_non_null(j);
    assert_string_equal(cJSON_GetObjectItem(j, "__type")->valuestring, error);
    assert_string_equal(cJSON_GetObjectItem(j, "message")->valuestring, message);
    cJSON_Delete(j);
    free(body);
}

static void test_bad_requests(void **state)
{
    char huge[1000];
    (void)state;
    memset(huge, '"', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    bad_request(413, "too large", "RequestEntityTooLargeException", "too large", 600);
    bad_request(431, "too large", "RequestEntityTooLargeException", "too large", 600);
    bad_request(408, "too \"slow\"\n", "RequestTimeoutException", "too \"slow\"\n", 600);
    bad_request(400, "bad", "SerializationException", "bad", 600);
    bad_request(411, "bad", "SerializationException", "bad", 600);
    bad_request(503, "bad", "InternalServerException", "bad", 600);
    bad_request(400, huge, "SerializationException", "", 600);
}

int main(void)
{
#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_route),
        cmocka_unit_test(test_wants),
        IN_WORLD(test_bodies),
        IN_WORLD(test_unsigned),
        IN_WORLD(test_signed),
        IN_WORLD(test_bad_signatures),
        IN_WORLD(test_reload_meanwhile),
        IN_WORLD(test_replay),
        IN_WORLD(test_new_keys),
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
        cmocka_unit_test(test_bad_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
