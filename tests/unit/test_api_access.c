/* The API: what is a call, unsigned and signed. */
#include "tests/unit/api_access_help.h"

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
        cmocka_unit_test(test_bad_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
