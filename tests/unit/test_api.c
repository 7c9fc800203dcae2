/* The eight operations, against the real registry. */
#include "tests/support/api.h"

#include <sys/resource.h>

#define MANY 250
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

/* ---- ListTunnels ---- */

static const cJSON *summaries(void)
{
    must_succeed();
    return cJSON_GetObjectItemCaseSensitive(reply.json, "tunnelSummaries");
}

/* Walks all pages; expects the numbers in the descriptions to fall, by `step`, to `last`. */
static void walk(const char *filter, int page, int first, int step, int last)
{
    char token[64] = "";
    int expected = first;
    for (;;) {
        callf("ListTunnels", "{%s\"maxResults\":%d,\"nextToken\":%s%s%s}", filter, page,
              token[0] != '\0' ? "\"" : "", token[0] != '\0' ? token : "null",
              token[0] != '\0' ? "\"" : "");
        const cJSON *item;
        cJSON_ArrayForEach(item, summaries())
        {
            assert_int_equal(atoi(cJSON_GetObjectItem(item, "description")->valuestring), expected);
            expected -= step;
        }
        int n = cJSON_GetArraySize(summaries());
        const cJSON *next = cJSON_GetObjectItem(reply.json, "nextToken");
        if (next == NULL) {
            assert_true(n <= page);
            break;
        }
        assert_int_equal(n, page);
        snprintf(token, sizeof token, "%s", next->valuestring);
    }
    assert_int_equal(expected, last - step);
}

static void test_pages(void **state)
{
    (void)state;
    for (int i = 0; i < MANY; i++) {
        callf("OpenTunnel",
              "{\"description\":\"%d\",\"destinationConfig\":{\"thingName\":\"thing-%d\","
              "\"services\":[\"SSH\"]}}",
              i, i % 5);
        must_succeed();
    }
    call("ListTunnels", "{}");
    assert_int_equal(cJSON_GetArraySize(summaries()), 100);
    assert_int_equal(cJSON_GetArraySize(summaries()->child), 6);
    assert_non_null(cJSON_GetObjectItem(reply.json, "nextToken"));
    walk("", 100, MANY - 1, 1, 0);
    walk("", 25, MANY - 1, 1, 0); /* the last page is full: no empty one follows */
    walk("", 1, MANY - 1, 1, 0);
    walk("\"thingName\":\"thing-3\",", 7, MANY - 2, 5, 3);
    walk("\"thingName\":\"thing-3\",", 50, MANY - 2, 5, 3);
    call("ListTunnels", "{\"thingName\":\"thing\"}");
    assert_int_equal(cJSON_GetArraySize(summaries()), 0);
    assert_null(cJSON_GetObjectItem(reply.json, "nextToken"));
}

/* A page's end stays where it was when tunnels come and go. */
static void test_pages_move(void **state)
{
    char ids[6][64], token[64];
    (void)state;
    for (int i = 0; i < 6; i++) {
        callf("OpenTunnel", "{\"description\":\"%d\"}", i);
        opened(ids[i]);
    }
    call("ListTunnels", "{\"maxResults\":2}");
    snprintf(token, sizeof token, "%s", text_of("nextToken"));
    call("OpenTunnel", "{}");
    must_succeed();
    for (int i = 3; i < 6; i += 2) { /* the next one, and one that was shown */
        callf("CloseTunnel", "{\"tunnelId\":\"%s\",\"delete\":true}", ids[i]);
        must_succeed();
    }
    callf("ListTunnels", "{\"maxResults\":2,\"nextToken\":\"%s\"}", token);
    const cJSON *first = summaries()->child;
    assert_string_equal(cJSON_GetObjectItem(first, "description")->valuestring, "2");
    assert_string_equal(cJSON_GetObjectItem(first->next, "description")->valuestring, "1");
}

static void test_page_tokens(void **state)
{
    static const char *const bad[] = {"x",
                                      "0000",
                                      "00000000000000000",
                                      "000000000000000g",
                                      "ffffffffffffffff",
                                      "8000000000000000"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        callf("ListTunnels", "{\"nextToken\":\"%s\"}", bad[i]);
        must_fail("ValidationException", 400, "nextToken");
    }
    call("ListTunnels", "{\"nextToken\":\"0000000000000000\"}");
    assert_int_equal(cJSON_GetArraySize(summaries()), 0);
}

/* The longest descriptions of characters that are escaped: no page is longer than what one answer
 * may have. */
static void test_pages_of_bytes(void **state)
{
    enum { N = 90, LENGTH = 2048 };
    char *text = calloc(1, 3 * LENGTH + 1);
    char token[64] = "";
    int seen = 0, pages = 0;
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < LENGTH; i++)
        memcpy(text + 3 * i, "\xe2\x80\xa8", 3); /* U+2028, in JSON \u2028 */
    for (int i = 0; i < N; i++) {
        callf("OpenTunnel", "{\"description\":\"%s\"}", text);
        must_succeed();
    }
    do {
        callf("ListTunnels", "{\"nextToken\":%s%s%s}", pages > 0 ? "\"" : "",
              pages > 0 ? token : "null", pages > 0 ? "\"" : "");
        seen += cJSON_GetArraySize(summaries());
        assert_true(strlen(reply.body) < 600000);
        const cJSON *next = cJSON_GetObjectItem(reply.json, "nextToken");
        snprintf(token, sizeof token, "%s", next != NULL ? next->valuestring : "");
        pages++;
    } while (token[0] != '\0');
    assert_int_equal(seen, N);
    assert_int_equal(pages, 3);
    free(text);
}

/* ---- tags ---- */

static void tags_are(const char *arn, const char *want)
{
    callf("ListTagsForResource", "{\"resourceArn\":\"%s\"}", arn);
    must_succeed();
    assert_string_equal(reply.body, want);
}

static void test_tags(void **state)
{
    char arn[128];
    (void)state;
    call("OpenTunnel", "{\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}");
    must_succeed();
    snprintf(arn, sizeof arn, "%s", text_of("tunnelArn"));
    tags_are(arn, "{\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}");
    callf("TagResource",
          "{\"resourceArn\":\"%s\",\"tags\":[{\"key\":\"b\",\"value\":\"2\"},{\"key\":\"a\","
          "\"value\":\"3\"}]}",
          arn);
    must_succeed();
    assert_string_equal(reply.body, "{}");
    tags_are(arn, "{\"tags\":[{\"key\":\"a\",\"value\":\"3\"},{\"key\":\"b\",\"value\":\"2\"}]}");
    callf("UntagResource", "{\"resourceArn\":\"%s\",\"tagKeys\":[\"a\",\"none\",\"a\"]}", arn);
    must_succeed();
    assert_string_equal(reply.body, "{}");
    tags_are(arn, "{\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}");
    callf("UntagResource", "{\"resourceArn\":\"%s\",\"tagKeys\":[]}", arn);
    must_succeed();
    tags_are(arn, "{\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}");
}

/* n tags, "tFROM" and on. */
static char *tag_list(int from, int n)
{
    struct buf b = {.limit = 1 << 20};
    for (int i = 0; i < n; i++)
        assert_true(
            buf_printf(&b, "%s{\"key\":\"t%d\",\"value\":\"v\"}", i > 0 ? "," : "", from + i));
    char *text = span_dup((struct span){(char *)b.data, b.size});
    buf_free(&b);
    return text;
}

static void test_200_tags(void **state)
{
    char arn[128];
    char *list = tag_list(0, 200);
    (void)state;
    callf("OpenTunnel", "{\"tags\":[%s]}", list);
    must_succeed();
    snprintf(arn, sizeof arn, "%s", text_of("tunnelArn"));
    callf("TagResource", "{\"resourceArn\":\"%s\",\"tags\":[%s]}", arn, list);
    must_succeed(); /* all of them are there already */
    free(list);
    callf("TagResource", "{\"resourceArn\":\"%s\",\"tags\":[{\"key\":\"x\",\"value\":\"\"}]}", arn);
    must_fail("LimitExceededException", 400, "200");
    callf("UntagResource", "{\"resourceArn\":\"%s\",\"tagKeys\":[\"t7\"]}", arn);
    must_succeed();
    callf("TagResource", "{\"resourceArn\":\"%s\",\"tags\":[{\"key\":\"x\",\"value\":\"\"}]}", arn);
    must_succeed();
    callf("ListTagsForResource", "{\"resourceArn\":\"%s\"}", arn);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(reply.json, "tags")), 200);
}

static void test_arns(void **state)
{
    static const struct {
        const char *arn, *error;
    } cases[] = {
        {"x", "ValidationException"},
        {"arn", "ValidationException"},
        {"arn:aws:iot:eu-test-1:123456789012", "ValidationException"},
        {"arn:aws:iot:eu-test-1:123456789012:", "ValidationException"},
        {"arn:aws:iot:eu-test-1:123456789012:tunnel/", "ValidationException"},
        {"arn:aws:iot:eu-test-1:123456789012:thing/x", "ValidationException"},
        {"ARN:aws:iot:eu-test-1:123456789012:tunnel/x", "ValidationException"},
        {"arn:aws:iot:eu-test-1:123456789012:tunnel/x", "ResourceNotFoundException"},
        {"arn:aws:iot:eu-test-1:123456789012:tunnel/a:b", "ResourceNotFoundException"},
        {"arn:aws:iot:eu-test-2:123456789012:tunnel/%s", "ResourceNotFoundException"},
        {"arn:aws:iot:eu-test-1:123456789013:tunnel/%s", "ResourceNotFoundException"},
        {"arn:aws:iot:eu-test-1::tunnel/%s", "ResourceNotFoundException"},
        {"arn:aws:tunnel:eu-test-1:123456789012:tunnel/%s", "ResourceNotFoundException"},
        {"arn:aws-cn:iot:eu-test-1:123456789012:tunnel/%s", "ResourceNotFoundException"},
    };
    char id[64];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *gap = strstr(cases[i].arn, "%s");
        size_t n = gap != NULL ? (size_t)(gap - cases[i].arn) : strlen(cases[i].arn);
        callf("ListTagsForResource", "{\"resourceArn\":\"%.*s%s\"}", (int)n, cases[i].arn,
              gap != NULL ? id : "");
        must_fail(cases[i].error, 400, "");
    }
    callf("ListTagsForResource",
          "{\"resourceArn\":\"arn:aws:iot:eu-test-1:123456789012:tunnel/%s\"}", id);
    must_succeed();
}

/* ---- a registry that cannot look ---- */

static void cannot_get(struct registry *r, struct span id, registry_done *done, void *ctx)
{
    (void)r;
    (void)id;
    done(ctx, ERR_SILENT, NULL);
}

/* Breaks off behind the first tunnel. */
static void cannot_page(struct registry *r, const struct registry_page *q, void *ctx)
{
    (void)r;
    q->each(ctx, registry_older(world.tunnels, NULL));
    q->done(ctx, ERR_SILENT);
}

static void test_cannot_look(void **state)
{
    static const struct registry_ops ops = {.get = cannot_get, .page = cannot_page};
    struct registry broken;
    (void)state;
    call("OpenTunnel", "{}");
    must_succeed();
    api_free(world.api);
    registry_init(&broken, &ops);
    struct registry *whole = world.registry;
    world.registry = &broken;
    world_api(true);
    world_rules(NULL, "");
    call("DescribeTunnel", "{\"tunnelId\":\"x\"}");
    must_fail("InternalServerException", 500, "could not look it up");
    call("CloseTunnel", "{\"tunnelId\":\"x\"}");
    must_fail("InternalServerException", 500, "could not look it up");
    call("ListTunnels", "{}");
    must_fail("InternalServerException", 500, "could not look it up");
    world.registry = whole;
}

/* ---- what is pending when the hub ends, and what the disk refuses ---- */

static void test_ends_while_pending(void **state)
{
    (void)state;
    reply_clear();
    begin_ask(HERE, HEAD("OpenTunnel"), "{}", &reply);
    registry_free(world.registry);
    world.registry = NULL;
    check_reply();
    must_succeed();
    assert_int_equal(api_counts(world.api)->ok[OPERATION_OPEN], 1);
    cJSON_Delete(last_audit());
}

static size_t n_allocated; /* of cJSON's */

static void *counted_malloc(size_t n)
{
    n_allocated++;
    return malloc(n);
}

static void counted_free(void *p)
{
    n_allocated -= p != NULL;
    free(p);
}

/* What was read of a request is let go before the store is waited for. */
static void test_input_is_dropped(void **state)
{
    static const char *const operations[][2] = {
        {HEAD("OpenTunnel"), "{\"unknown\":[[],[],{}],\"description\":\"x\"}"},
        {HEAD("RotateTunnelAccessToken"), "{\"tunnelId\":\"%s\",\"clientMode\":\"ALL\"}"},
        {HEAD("TagResource"), "{\"resourceArn\":\"arn:aws:iot:eu-test-1:123456789012:tunnel/%s\","
                              "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}"},
        {HEAD("UntagResource"), "{\"resourceArn\":\"arn:aws:iot:eu-test-1:123456789012:tunnel/%s\","
                                "\"tagKeys\":[\"a\"]}"},
        {HEAD("CloseTunnel"), "{\"tunnelId\":\"%s\"}"},
    };
    cJSON_Hooks hooks = {counted_malloc, counted_free};
    char id[64], body[512];
    (void)state;
    call("OpenTunnel", "{}");
    opened(id);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        const char *format = operations[i][1], *gap = strstr(format, "%s");
        snprintf(body, sizeof body, "%.*s%s%s", (int)(gap != NULL ? gap - format : 0), format,
                 gap != NULL ? id : "", gap != NULL ? gap + 2 : format);
        reply_clear();
        n_allocated = 0;
        cJSON_InitHooks(&hooks);
        begin_ask(HERE, operations[i][0], body, &reply);
        UNTIL(n_allocated == 0); /* at once, or when the tunnel was looked up */
        cJSON_InitHooks(NULL);
        assert_int_equal(reply.calls, 0);
        UNTIL(reply.calls > 0);
        must_succeed();
    }
}

/* As on a full disk: no file may be written to. */
static void fill_disk(bool full)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = full ? 0 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full_disk(void **state)
{
    char id[64], arn[128];
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    log_setup(LOG_OFF, false);
    call("OpenTunnel", "{}");
    opened(id);
    snprintf(arn, sizeof arn, "%s", text_of("tunnelArn"));
    fill_disk(true);
    for (int i = 0; i < 2; i++) {
        call("OpenTunnel", "{}");
        must_fail("InternalServerException", 500, "could not store");
        callf("CloseTunnel", "{\"tunnelId\":\"%s\"}", id);
        must_fail("InternalServerException", 500, "could not store");
        callf("RotateTunnelAccessToken", "{\"tunnelId\":\"%s\",\"clientMode\":\"ALL\"}", id);
        must_fail("InternalServerException", 500, "could not store");
        assert_null(strstr(reply.body, "st1."));
        callf("TagResource", "{\"resourceArn\":\"%s\",\"tags\":[{\"key\":\"a\",\"value\":\"\"}]}",
              arn);
        must_fail("InternalServerException", 500, "could not store");
    }
    callf("DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    tunnel_has("status", "OPEN");
    assert_int_equal(cJSON_GetArraySize(tunnel_member("tags")), 0);
    assert_int_equal(registry_open_count(world.registry), 1);
    assert_int_equal(world.ended[0] + world.rotated[SIDE_SOURCE], 0);
    assert_int_equal(audit_lost(world.audit), 9);
    fill_disk(false);
    callf("CloseTunnel", "{\"tunnelId\":\"%s\"}", id);
    must_succeed();
    audit_has("operation", "CloseTunnel");
    log_setup(LOG_INFO, false);
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
        IN_WORLD(test_pages),
        IN_WORLD(test_pages_move),
        IN_WORLD(test_page_tokens),
        IN_WORLD(test_pages_of_bytes),
        IN_WORLD(test_tags),
        IN_WORLD(test_200_tags),
        IN_WORLD(test_arns),
        IN_WORLD(test_cannot_look),
        IN_WORLD(test_ends_while_pending),
        IN_WORLD(test_input_is_dropped),
        IN_WORLD(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
