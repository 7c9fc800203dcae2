/* The API: ConnectDevice, with a device that answers, refuses, is silent, away or not the caller's.
 */
#include "tests/support/api.h"

#define HUB "TunnelHub."
#define KEYS                                                                                       \
    "[key ADMIN]\nsecret = " SECRET_OF(                                                            \
        "ADMIN") "\n"                                                                              \
                 "[key SSH]\nsecret = " SECRET_OF(                                                 \
                     "SSH") "\nservices = SSH* vnc\n"                                              \
                            "[key PLANT]\nsecret = " SECRET_OF(                                    \
                                "PLANT") "\nthings = plant*\n"                                     \
                                         "[key OPS]\nsecret = " SECRET_OF(                         \
                                             "OPS") "\ntags = team=ops\n"                          \
                                                    "[key LOOK]\nsecret = " SECRET_OF(             \
                                                        "LOOK") "\noperations = ListDevices\n"

/* ---- a device and its carrier ---- */

enum manner { ACCEPTS, REFUSES, REFUSES_SILENTLY, SAYS_NOTHING, LEAVES };

static struct {
    enum manner manner;
    int delivered, withdrawn;
    bool answers; /* a notice was delivered, and is to be answered behind the call */
    char id[NOTICE_ID_SIZE], tunnel[64], token[64], service[129], why[300], opened_by[129];
    struct texts services; /* of the notice */
} wire;

static bool deliver(void *link, const struct notice_delivery *d)
{
    assert_ptr_equal(link, &wire);
    wire.delivered++;
    wire.answers = true;
    snprintf(wire.id, sizeof wire.id, "%s", d->id);
    snprintf(wire.tunnel, sizeof wire.tunnel, "%s", d->tunnel);
    snprintf(wire.token, sizeof wire.token, "%s", d->token);
    snprintf(wire.service, sizeof wire.service, "%s", d->service);
    snprintf(wire.why, sizeof wire.why, "%s", d->why);
    snprintf(wire.opened_by, sizeof wire.opened_by, "%s", d->opened_by);
    texts_free(&wire.services);
    assert_true(texts_copy(&wire.services, d->services));
    return true;
}

static void withdraw(void *link, const char *id)
{
    assert_ptr_equal(link, &wire);
    assert_string_equal(id, wire.id);
    wire.withdrawn++;
}

static const struct notice_carrier carrier = {.name = "test-link",
                                              .tunnels = true,
                                              .tells = true,
                                              .answers = true,
                                              .deliver = deliver,
                                              .withdraw = withdraw};

static int enrolled;

static void on_enrolled(void *ctx, enum enrol_result result, const struct device_record *d)
{
    (void)ctx, (void)d;
    assert_int_equal(result, ENROL_NEW);
    enrolled++;
}

static void enrol(const char *name, const struct texts *services)
{
    enrolled = 0;
    device_registry_enrol(world.devices,
                          &(struct enrolment){.name = span_of(name), .services = services},
                          on_enrolled, NULL);
    UNTIL(enrolled > 0);
}

static void arrive(const char *name, const struct texts *services)
{
    struct device_arrival a = {
        .device = name,
        .carrier = &carrier,
        .link = &wire,
        .address = "192.0.2.1:4444",
        .status = {.version = "1.2.3", .services = services, .accepting = true, .uptime_s = 60}};
    assert_true(notices_arrived(world.notices, &a));
}

/* What a device does behind each turn of the loop. */
static void be_a_device(void)
{
    struct notice_reply r = {.id = wire.id,
                             .accepted = wire.manner == ACCEPTS,
                             .code = DEVICE_CODE_BUSY,
                             .words = wire.manner == REFUSES ? "not now\x1b[31m\xff" : ""};
    notices_tick(world.notices);
    if (!wire.answers)
        return;
    wire.answers = false;
    if (wire.manner == LEAVES)
        notices_left(world.notices, "pump-07", &wire);
    else if (wire.manner != SAYS_NOTHING)
        assert_int_equal(notices_answered(world.notices, "pump-07", &wire, &r), NOTICE_TAKEN);
}

static void connect_with(const char *more)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"device\":\"pump-07\"%s}", more);
    call(HUB "ConnectDevice", body);
}

static int setup(void **state)
{
    struct texts services = {0};
    if (world_begin(state) != 0)
        return 1;
    memset(&wire, 0, sizeof wire);
    texts_add(&services, span_of("SSH1"));
    texts_add(&services, span_of("HTTP:1"));
    texts_add(&services, span_of("vnc"));
    enrol("pump-07", &services);
    arrive("pump-07", &services);
    world.each_turn = be_a_device;
    texts_free(&services);
    return 0;
}

static int teardown(void **state)
{
    texts_free(&wire.services);
    return world_end(state);
}

/* ---- it accepts ---- */

static const struct tunnel_record *the_tunnel(void)
{
    const struct tunnel_record *t = registry_find(world.tunnels, span_of(text_of("tunnelId")));
    assert_non_null(t);
    return t;
}

static void test_accepts(void **state)
{
    (void)state;
    connect_with(",\"service\":\"ssh1\",\"reason\":\"valve 3\",\"idleSeconds\":60");
    must_succeed();
    assert_string_equal(text_of("device"), "pump-07");
    assert_string_equal(text_of("service"), "SSH1");
    char *services =
        cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(reply.json, "services"));
    assert_string_equal(services, "[\"SSH1\",\"HTTP:1\",\"vnc\"]");
    free(services);
    assert_null(cJSON_GetObjectItemCaseSensitive(reply.json, "destinationAccessToken"));
    assert_non_null(strstr(text_of("tunnelArn"), text_of("tunnelId")));
    assert_string_equal(wire.tunnel, text_of("tunnelId"));
    assert_string_equal(wire.service, "SSH1");
    assert_string_equal(wire.why, "valve 3");
    assert_int_equal(wire.services.n, 3);
    const struct tunnel_record *t = the_tunnel();
    assert_string_equal(t->thing, "pump-07");
    assert_string_equal(t->description, "valve 3");
    assert_int_equal(t->idle_ms, 60000);
    assert_int_equal(t->closed, 0);
    uint8_t hash[TOKEN_HASH];
    token_hash(span_of(text_of("sourceAccessToken")), hash);
    assert_memory_equal(t->sides[SIDE_SOURCE].token, hash, TOKEN_HASH);
    token_hash(span_of(wire.token), hash);
    assert_memory_equal(t->sides[SIDE_DESTINATION].token, hash, TOKEN_HASH);
    audit_has("operation", "ConnectDevice");
    audit_has("thing", "pump-07");
    audit_has("tunnel", wire.tunnel);
    audit_has("services", "SSH1,HTTP:1,vnc");
    audit_has("reason", "valve 3");
    audit_has("result", "ok");
    assert_int_equal(wire.delivered, 1); /* the opening itself gives no second notice */
}

static void test_any_spelling(void **state)
{
    (void)state;
    call(HUB "ConnectDevice",
         "{\"device\":\"PUMP_07\",\"service\":\"http-1\",\"services\":[\"VNC\",\"Http_1\"]}");
    must_succeed();
    assert_string_equal(text_of("device"), "pump-07");
    assert_string_equal(text_of("service"), "HTTP:1");
    char *services =
        cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(reply.json, "services"));
    assert_string_equal(services, "[\"HTTP:1\",\"vnc\"]");
    free(services);
    connect_with("");
    must_succeed();
    assert_string_equal(text_of("service"), "");
    assert_int_equal(the_tunnel()->idle_ms, 600000);
}

/* Two who ask at once get a tunnel each. */
static void test_two_at_once(void **state)
{
    struct reply other = {0};
    (void)state;
    begin_ask(HERE, HEAD_OF(HUB "ConnectDevice"), "{\"device\":\"pump-07\"}", &other);
    UNTIL(wire.delivered == 1);
    be_a_device();
    connect_with("");
    must_succeed();
    UNTIL(other.calls > 0);
    assert_int_equal(other.status, 200);
    assert_int_equal(registry_open_count(world.registry), 2);
    cJSON_Delete(other.json);
    free(other.body);
}

/* ---- it does not ---- */

/* Nothing is left of what was begun. */
static void nothing_is_left(void)
{
    assert_int_equal(registry_open_count(world.registry), 0);
    assert_null(registry_find(world.tunnels, span_of(wire.tunnel)));
}

static void test_rejects(void **state)
{
    (void)state;
    wire.manner = REFUSES;
    connect_with("");
    must_fail("DeviceRejectedException", 400, "not now\x1b[31m");
    assert_non_null(strstr(reply.body, "not now\\u001b[31m")); /* through the gate */
    nothing_is_left();
    audit_has("result", "DeviceRejectedException");
    wire.manner = REFUSES_SILENTLY;
    connect_with("");
    must_fail("DeviceRejectedException", 400, device_code_text(DEVICE_CODE_BUSY));
    nothing_is_left();
}

static void test_is_silent(void **state)
{
    (void)state;
    wire.manner = SAYS_NOTHING;
    connect_with(",\"timeoutSeconds\":1");
    must_fail("DeviceSilentException", 400,
              "Device pump-07 is there, and did not answer within 1 s.");
    assert_int_equal(wire.withdrawn, 1);
    nothing_is_left();
}

static void test_is_away(void **state)
{
    (void)state;
    notices_left(world.notices, "pump-07", &wire);
    world.now += 60000;
    connect_with("");
    must_fail("DeviceAwayException", 400, "Device pump-07 is away.");
    assert_true(cJSON_GetObjectItemCaseSensitive(reply.json, "lastSeenAt")->valuedouble ==
                (double)NOW / 1000);
    assert_int_equal(wire.delivered, 0);
    assert_null(registry_older(world.tunnels, NULL)); /* nothing was even stored */
}

/* ---- who may not ---- */

static void test_not_enabled(void **state)
{
    (void)state;
    call(HUB "UpdateDevice", "{\"device\":\"pump-07\",\"state\":\"DISABLED\"}");
    connect_with("");
    must_fail("DeviceNotEnabledException", 400, "Device pump-07 is disabled.");
    call(HUB "ConnectDevice", "{\"device\":\"pump-08\"}");
    must_fail("ResourceNotFoundException", 400, "Device pump-08 does not exist");
    assert_int_equal(wire.delivered, 0);
}

static void test_not_served(void **state)
{
    (void)state;
    connect_with(",\"service\":\"SMB\"");
    must_fail("ServiceNotServedException", 400,
              "Device pump-07 does not serve SMB: it serves SSH1, HTTP:1, vnc.");
    connect_with(",\"services\":[\"SSH1\",\"SMB\"]");
    must_fail("ServiceNotServedException", 400, "does not serve SMB");
    enrol("bare", NULL);
    call(HUB "ConnectDevice", "{\"device\":\"bare\"}");
    must_fail("ServiceNotServedException", 400, "serves nothing");
    assert_int_equal(wire.delivered, 0);
}

static void connect_as(const char *key, const char *more)
{
    call_as(key, HUB "ConnectDevice", "{\"device\":\"pump-07\",\"timeoutSeconds\":1%s}", more);
}

static void test_keys(void **state)
{
    (void)state;
    world_rules(KEYS, "");
    connect_as("PLANT", "");
    must_fail("ResourceNotFoundException", 400, "none of this access key's");
    connect_as("OPS", "");
    must_fail("ResourceNotFoundException", 400, "none of this access key's");
    connect_as("LOOK", "");
    must_fail("AccessDeniedException", 403, "tunnelhub:ConnectDevice on any device");
    connect_as("SSH", ",\"service\":\"HTTP:1\"");
    must_fail("AccessDeniedException", 403, "all services of the device");
    connect_as("SSH", ",\"service\":\"SMB\"");
    must_fail("ServiceNotServedException", 400, "it serves SSH1, vnc."); /* what it may use */
    assert_int_equal(wire.delivered, 0);
    wire.manner = LEAVES;
    connect_as("SSH", ""); /* the device leaves at once */
    must_fail("DeviceAwayException", 400, "is away");
    assert_int_equal(wire.services.n, 2); /* SSH1 and vnc */
    assert_string_equal(wire.opened_by, "SSH");
}

/* A key that sees devices by a label sees the tunnels to them, too. */
static void test_labels_become_tags(void **state)
{
    (void)state;
    call(HUB "UpdateDevice",
         "{\"device\":\"pump-07\",\"labels\":[{\"key\":\"team\",\"value\":\"ops\"}]}");
    must_succeed();
    connect_with("");
    must_succeed();
    char id[64];
    snprintf(id, sizeof id, "%s", text_of("tunnelId"));
    world_rules(KEYS, "");
    call_as("OPS", "DescribeTunnel", "{\"tunnelId\":\"%s\"}", id);
    must_succeed();
    call_as("OPS", "CloseTunnel", "{\"tunnelId\":\"%s\"}", id);
    must_succeed();
}

static void test_limits(void **state)
{
    (void)state;
    world_rules(NULL, "services-per-tunnel = 2\ntunnels-per-key = 1\n");
    connect_with(",\"services\":[\"SSH1\",\"vnc\",\"HTTP:1\"]");
    must_fail("LimitExceededException", 400, "services-per-tunnel is 2");
    connect_with(",\"service\":\"vnc\""); /* as many as it may have, the wanted one first */
    must_succeed();
    assert_int_equal(wire.services.n, 2);
    assert_string_equal(wire.services.items[0], "vnc");
    connect_with("");
    must_fail("LimitExceededException", 400, "tunnels-per-key is 1");
    connect_with(",\"timeoutSeconds\":61");
    must_fail("ValidationException", 400, "less than or equal to 60");
    connect_with(",\"idleSeconds\":9");
    must_fail("ValidationException", 400, "greater than or equal to 10");
}

/* ---- trouble ---- */

static void test_closed_meanwhile(void **state)
{
    struct reply waiting = {0};
    (void)state;
    wire.manner = SAYS_NOTHING;
    begin_ask(HERE, HEAD_OF(HUB "ConnectDevice"), "{\"device\":\"pump-07\"}", &waiting);
    UNTIL(wire.delivered == 1);
    callf("CloseTunnel", "{\"tunnelId\":\"%s\"}", wire.tunnel);
    must_succeed();
    UNTIL(waiting.calls > 0);
    assert_string_equal(waiting.error, "DeviceAwayException");
    cJSON_Delete(waiting.json);
    free(waiting.body);
}

/* Nothing is left of a call whose caller leaves, at whatever moment. */
static void test_caller_leaves(void **state)
{
    (void)state;
    wire.manner = SAYS_NOTHING;
    for (uint64_t i = 1; i <= 3; i++) {
        struct reply waiting = {0};
        world.caller = (struct api_caller_id){7, i};
        int before = wire.delivered;
        begin_ask(HERE, HEAD_OF(HUB "ConnectDevice"), "{\"device\":\"pump-07\"}", &waiting);
        if (i != 2) /* at once, or when the device has got its notice */
            UNTIL(wire.delivered > before);
        api_left(world.api, (struct api_caller_id){8, i}); /* somebody else */
        api_left(world.api, world.caller);
        api_left(world.api, world.caller);
        UNTIL(waiting.calls > 0);
        assert_string_equal(waiting.error, "CallerLeftException");
        assert_int_equal(wire.withdrawn, wire.delivered);
        nothing_is_left();
        cJSON_Delete(waiting.json);
        free(waiting.body);
        wire.answers = false;
    }
    wire.manner = ACCEPTS;
    connect_with("");
    must_succeed();
    api_left(world.api, world.caller); /* it has its answer */
    assert_int_equal(registry_open_count(world.registry), 1);
}

/* The hub ends while a call waits: it is answered all the same. */
static struct reply at_the_end;

static int teardown_answers(void **state)
{
    int failed = teardown(state);
    assert_int_equal(at_the_end.calls, 1);
    assert_int_equal(at_the_end.status, 400);
    cJSON_Delete(at_the_end.json);
    free(at_the_end.body);
    return failed;
}

static void test_hub_ends(void **state)
{
    (void)state;
    wire.manner = SAYS_NOTHING;
    begin_ask(HERE, HEAD_OF(HUB "ConnectDevice"), "{\"device\":\"pump-07\"}", &at_the_end);
    UNTIL(wire.delivered == 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_accepts),
        TEST(test_any_spelling),
        TEST(test_two_at_once),
        TEST(test_rejects),
        TEST(test_is_silent),
        TEST(test_is_away),
        TEST(test_not_enabled),
        TEST(test_not_served),
        TEST(test_keys),
        TEST(test_labels_become_tags),
        TEST(test_limits),
        TEST(test_closed_meanwhile),
        TEST(test_caller_leaves),
        cmocka_unit_test_setup_teardown(test_hub_ends, setup, teardown_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
