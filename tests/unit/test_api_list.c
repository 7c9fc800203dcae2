/* The API: lists, tags, and a registry or disk that cannot. */
#include "tests/support/api.h"

#include <sys/resource.h>

#define MANY 250

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
    world_close();
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
