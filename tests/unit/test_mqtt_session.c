/* MQTT clients as the hub has them: who they say to be, their subscriptions, what is published to
 * them, and when they have to go. */
#include "gateway/hub/mqtt/mqtt_login.h"
#include "gateway/hub/mqtt/mqtt_notice.h"
#include "gateway/hub/mqtt/mqtt_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mqtt_session session;
static struct buf out;
static uint32_t told; /* topics, as `subscribed` has told them */
static int n_subscribed, n_refused, n_answered;
static char last[300];

static void on_subscribed(void *owner, uint32_t topics)
{
    (void)owner;
    told = topics;
    n_subscribed++;
}

static void on_refused(void *owner, struct span filter)
{
    (void)owner;
    n_refused++;
    snprintf(last, sizeof last, "%.*s", (int)filter.n, filter.p);
}

static void on_answered(void *owner, struct span topic)
{
    (void)owner;
    n_answered++;
    snprintf(last, sizeof last, "%.*s", (int)topic.n, topic.p);
}

static const struct mqtt_session_events events = {
    .subscribed = on_subscribed, .refused = on_refused, .answered = on_answered};

static int begin(void **state)
{
    (void)state;
    session = (struct mqtt_session){
        .device = "press7", .client_id = "press7/cam", .keepalive_s = 60, .events = &events};
    out = (struct buf){.limit = 65536};
    told = 0;
    n_subscribed = n_refused = n_answered = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

/* ---- packets ---- */

static enum err take_filters(enum mqtt_type type, const char *const *filters, size_t n, int qos)
{
    char bytes[2048];
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(filters[i]);
        bytes[at++] = 0;
        bytes[at++] = (char)size;
        memcpy(bytes + at, filters[i], size);
        at += size;
        if (type == MQTT_SUBSCRIBE)
            bytes[at++] = (char)qos;
    }
    struct mqtt_packet p = {
        .type = type,
        .filters = {.id = 7, .n = n, .filters = {bytes, at}, .with_qos = type == MQTT_SUBSCRIBE}};
    buf_take(&out, out.size);
    return mqtt_session_take(&session, &p, &out);
}

static int subscribe(const char *filter, int qos)
{
    assert_int_equal(take_filters(MQTT_SUBSCRIBE, &filter, 1, qos), ERR_OK);
    assert_int_equal(out.size, 5);
    assert_memory_equal(out.data, "\x90\x03\x00\x07", 4);
    return out.data[4];
}

static enum err publish(const char *topic, uint32_t now_s)
{
    buf_take(&out, out.size);
    return mqtt_session_publish(&session, span_of(topic), span_of("{}"), false, now_s, &out);
}

static enum err take(enum mqtt_type type, uint16_t id)
{
    struct mqtt_packet p = {.type = type, .id = id};
    buf_take(&out, out.size);
    return mqtt_session_take(&session, &p, &out);
}

#define NOTIFY "$aws/things/press7/tunnels/notify"

/* ---- subscriptions ---- */

static void topics_of_notices(void **state)
{
    (void)state;
    assert_int_equal(subscribe(NOTIFY, 1), 1);
    assert_int_equal(told, MQTT_NOTIFY | MQTT_NOTIFY_ONCE);
    assert_int_equal(subscribe(NOTIFY, 0), 0); /* it replaces the other one */
    assert_int_equal(told, MQTT_NOTIFY);
    assert_int_equal(subscribe("$iothub/streams/POST/#", 2), 1);
    assert_int_equal(told, MQTT_NOTIFY | MQTT_STREAMS | MQTT_STREAMS_ONCE);
    assert_int_equal(subscribe("$iothub/streams/POST/one/#", 1), 1); /* brings nothing */
    assert_int_equal(n_subscribed, 3);
    const char *filters[] = {NOTIFY, "never"};
    assert_int_equal(take_filters(MQTT_UNSUBSCRIBE, filters, 2, 0), ERR_OK);
    assert_memory_equal(out.data, "\xb0\x02\x00\x07", 4);
    assert_int_equal(told, MQTT_STREAMS | MQTT_STREAMS_ONCE);
    assert_int_equal(take_filters(MQTT_UNSUBSCRIBE, filters, 2, 0), ERR_OK);
    assert_int_equal(n_subscribed, 4);
}

static void only_what_is_its_own(void **state)
{
    static const struct {
        const char *filter;
        bool granted;
    } rows[] = {
        {"$aws/things/press7/shadow/#", true},
        {"$aws/things/press7", true},
        {"$aws/things/press70/shadow/#", false},
        {"$aws/things/PRESS7/shadow/#", false},
        {"$aws/things/+/shadow/#", false},
        {"$aws/things/+/tunnels/notify", true},
        {"$aws/#", true},
        {"$iothub/methods/POST/#", true},
        {"devices/press7/messages/devicebound/#", true},
        {"devices/press7/modules/cam/#", true},
        {"devices/cam/#", false},
        {"devices/+/#", false},
        {"#", false},
        {"+/+/+/+/+", false},
        {"a", false},
        {"", false},
        {"$aws/things/press7/#/x", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int before = n_refused, code = subscribe(rows[i].filter, 1);
        if (code != (rows[i].granted ? 1 : MQTT_SUBSCRIPTION_REFUSED))
            fail_msg("%s: %d", rows[i].filter, code);
        if (!rows[i].granted && before < MQTT_REFUSED_TOLD)
            assert_string_equal(last, rows[i].filter);
    }
    assert_int_equal(n_refused, MQTT_REFUSED_TOLD); /* the others are not told */
}

/* ---- publishing ---- */

static void with_the_qos_that_was_granted(void **state)
{
    (void)state;
    subscribe(NOTIFY, 0);
    assert_int_equal(publish(NOTIFY, 0), ERR_OK);
    assert_int_equal(out.data[0], 0x30);
    subscribe(NOTIFY, 1);
    assert_int_equal(publish(NOTIFY, 0), ERR_OK);
    assert_int_equal(out.data[0], 0x32);
    assert_int_equal(publish("$iothub/streams/POST/x/?", 0), ERR_OK);
    assert_int_equal(out.data[0], 0x30);
    buf_take(&out, out.size);
    assert_int_equal(mqtt_session_publish(&session, span_of(NOTIFY), span_of("{}"), true, 0, &out),
                     ERR_OK);
    assert_int_equal(out.data[0], 0x3a);
}

static uint16_t id_of_publish(void)
{
    size_t at = 2 + 2 + strlen(NOTIFY);
    return (uint16_t)(out.data[at] << 8 | out.data[at + 1]);
}

static void identifiers_are_not_used_twice(void **state)
{
    (void)state;
    session.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    session.last_id = UINT16_MAX - 1;
    publish(NOTIFY, 0);
    assert_int_equal(id_of_publish(), UINT16_MAX);
    publish(NOTIFY, 0);
    assert_int_equal(id_of_publish(), 1);
    session.last_id = UINT16_MAX - 1;
    publish(NOTIFY, 0);
    assert_int_equal(id_of_publish(), 2);
}

static void what_is_not_acknowledged(void **state)
{
    (void)state;
    session.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    for (int i = 0; i < MQTT_FLIGHT_MAX; i++)
        assert_int_equal(publish(NOTIFY, 100), ERR_OK);
    assert_int_equal(publish(NOTIFY, 100), ERR_STALLED);
    assert_int_equal(take(MQTT_PUBACK, 99), ERR_OK); /* nothing of that number */
    assert_int_equal(publish(NOTIFY, 100), ERR_STALLED);
    assert_int_equal(take(MQTT_PUBACK, 3), ERR_OK);
    assert_int_equal(publish(NOTIFY, 110), ERR_OK);
    assert_int_equal(mqtt_session_check(&session, 110, 100 + MQTT_ACK_S), ERR_OK);
    assert_int_equal(mqtt_session_check(&session, 110, 101 + MQTT_ACK_S), ERR_STALLED);
    for (uint16_t id = 1; id <= MQTT_FLIGHT_MAX; id++)
        take(MQTT_PUBACK, id);
    assert_int_equal(session.n_flight, 1); /* that of 110 */
    assert_int_equal(mqtt_session_check(&session, 110, 110 + MQTT_ACK_S), ERR_OK);
}

static void silence(void **state)
{
    (void)state;
    assert_int_equal(mqtt_session_check(&session, 1000, 1090), ERR_OK);
    assert_int_equal(mqtt_session_check(&session, 1000, 1091), ERR_SILENT);
    session.keepalive_s = 0;
    uint32_t most = MQTT_KEEPALIVE_MOST * 3 / 2;
    assert_int_equal(mqtt_session_check(&session, 1000, 1000 + most), ERR_OK);
    assert_int_equal(mqtt_session_check(&session, 1000, 1001 + most), ERR_SILENT);
    session.keepalive_s = 65535;
    assert_int_equal(mqtt_session_check(&session, 1000, 1001 + most), ERR_SILENT);
}

/* ---- what comes ---- */

static void other_packets(void **state)
{
    (void)state;
    assert_int_equal(take(MQTT_PINGREQ, 0), ERR_OK);
    assert_memory_equal(out.data, "\xd0\x00", 2);
    assert_int_equal(take(MQTT_PUBREL, 5), ERR_OK);
    assert_memory_equal(out.data, "\x70\x02\x00\x05", 4);
    assert_int_equal(take(MQTT_DISCONNECT, 0), ERR_EOF);
    assert_int_equal(take(MQTT_CONNECT, 0), ERR_PROTOCOL);
    assert_int_equal(take(MQTT_PUBREC, 5), ERR_PROTOCOL);
    out.limit = 1;
    assert_int_equal(take(MQTT_PINGREQ, 0), ERR_STALLED);
}

static void publications_of_the_client(void **state)
{
    static const struct {
        uint8_t qos;
        const char *answer;
    } rows[] = {{0, ""}, {1, "\x40\x02\x00\x09"}, {2, "\x50\x02\x00\x09"}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mqtt_packet p = {.type = MQTT_PUBLISH,
                                .publish = {.topic = span_of("$iothub/streams/res/200/?$rid=1"),
                                            .qos = rows[i].qos,
                                            .id = rows[i].qos > 0 ? 9 : 0}};
        buf_take(&out, out.size);
        assert_int_equal(mqtt_session_take(&session, &p, &out), ERR_OK);
        assert_int_equal(out.size, rows[i].qos > 0 ? 4 : 0);
        if (out.size > 0)
            assert_memory_equal(out.data, rows[i].answer, 4);
        assert_int_equal(n_answered, i + 1);
    }
    char topic[400] = "$iothub/streams/res/";
    memset(topic + strlen(topic), 'x', 300);
    struct mqtt_packet p = {.type = MQTT_PUBLISH, .publish = {.topic = span_of(topic)}};
    assert_int_equal(mqtt_session_take(&session, &p, &out), ERR_OK);
    p.publish.topic = span_of("devices/press7/messages/events/");
    assert_int_equal(mqtt_session_take(&session, &p, &out), ERR_OK);
    assert_int_equal(n_answered, 3);
}

/* ---- who it is ---- */

static void logins(void **state)
{
    static const struct {
        const char *id, *user, *password, *certificate;
        enum mqtt_proof proof;
        const char *device, *host;
        enum mqtt_code code;
    } rows[] = {
        {"any", NULL, NULL, "press7", MQTT_PROOF_CERTIFICATE, "press7", "", 0},
        {"", NULL, NULL, "press7", MQTT_PROOF_CERTIFICATE, "press7", "", 0},
        {"x", "?SDK=IoTDeviceSDK/JS&Platform=Unix", NULL, "press7", MQTT_PROOF_CERTIFICATE,
         "press7", "", 0},
        {"x", "me", "secret", "press7", MQTT_PROOF_CERTIFICATE, "press7", "", 0},
        {"press7", "hub/press7/?api-version=1", NULL, "press7", MQTT_PROOF_CERTIFICATE, "press7",
         "", 0},
        {"press8", "hub/press8/?api-version=1", NULL, "press7", MQTT_PROOF_NONE, "", "",
         MQTT_NOT_AUTHORIZED},
        {"pump", "hub:8883/pump/?api-version=1", "sas", NULL, MQTT_PROOF_SIGNATURE, "pump",
         "hub:8883", 0},
        {"edge/cam", "hub/edge/cam/?api-version=1", "sas", NULL, MQTT_PROOF_SIGNATURE, "edge/cam",
         "hub", 0},
        {"pump", "hub/pump/api-version=1", "sas", "press7", MQTT_PROOF_SIGNATURE, "pump", "hub", 0},
        {"pump2", "hub/pump/?api-version=1", "sas", NULL, MQTT_PROOF_NONE, "", "", MQTT_BAD_LOGIN},
        {"pump", "hub/pump2/?api-version=1", "sas", NULL, MQTT_PROOF_NONE, "", "", MQTT_BAD_LOGIN},
        {"pump", "/pump/?api-version=1", "sas", NULL, MQTT_PROOF_NONE, "", "", MQTT_BAD_LOGIN},
        {"pump", "hub/pump", "sas", NULL, MQTT_PROOF_NONE, "", "", MQTT_BAD_LOGIN},
        {"pump", "pump", "sas", NULL, MQTT_PROOF_NONE, "", "", MQTT_BAD_LOGIN},
        {"", "hub//?api-version=1", "sas", NULL, MQTT_PROOF_NONE, "", "", MQTT_BAD_LOGIN},
        {"pump", NULL, NULL, NULL, MQTT_PROOF_NONE, "", "", MQTT_NOT_AUTHORIZED},
        {"pump", "hub/pump/?api-version=1", NULL, NULL, MQTT_PROOF_NONE, "", "",
         MQTT_NOT_AUTHORIZED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mqtt_connect c = {.level = 4,
                                 .clean = true,
                                 .client_id = span_of(rows[i].id),
                                 .user_name = span_of(rows[i].user),
                                 .password = span_of(rows[i].password)};
        struct mqtt_login l = mqtt_login_of(&c, rows[i].certificate);
        if (l.proof != rows[i].proof || !span_is(l.device, rows[i].device) ||
            !span_is(l.host, rows[i].host) || l.code != rows[i].code)
            fail_msg("row %zu: proof %d, code %d, %.*s", i, (int)l.proof, (int)l.code,
                     (int)l.device.n, l.device.p);
        assert_true((l.why != NULL) == (l.proof == MQTT_PROOF_NONE));
    }
}

static void logins_that_are_no_mqtt_of_ours(void **state)
{
    static char id[MQTT_CLIENT_ID_MAX + 2];
    struct mqtt_connect c = {.level = 5, .clean = true, .client_id = {"", 0}};
    (void)state;
    assert_int_equal(mqtt_login_of(&c, "press7").code, MQTT_LEVEL_REFUSED);
    c.level = 3;
    assert_int_equal(mqtt_login_of(&c, "press7").proof, MQTT_PROOF_CERTIFICATE);
    c.clean = false; /* a session without a name cannot be kept */
    assert_int_equal(mqtt_login_of(&c, "press7").code, MQTT_ID_REFUSED);
    memset(id, 'x', sizeof id - 1);
    c.client_id = span_of(id);
    assert_int_equal(mqtt_login_of(&c, "press7").code, MQTT_ID_REFUSED);
}

/* ---- notices ---- */

static void notice_of_aws(void **state)
{
    char topic[MQTT_NOTIFY_TOPIC_SIZE], name[200];
    const char *items[] = {"SSH", "a\"b"};
    struct texts services = {.items = (char **)(uintptr_t)items, .n = 2};
    struct notice_delivery n = {.token = "st1.x", .services = &services};
    (void)state;
    assert_true(mqtt_aws_notice(&out, &n, "us-east-1"));
    assert_int_equal(out.size,
                     strlen("{\"clientAccessToken\":\"st1.x\",\"clientMode\":\"destination\","
                            "\"region\":\"us-east-1\",\"services\":[\"SSH\",\"a\\\"b\"]}"));
    assert_memory_equal(out.data,
                        "{\"clientAccessToken\":\"st1.x\",\"clientMode\":\"destination\","
                        "\"region\":\"us-east-1\",\"services\":[\"SSH\",\"a\\\"b\"]}",
                        out.size);
    memset(name, 'n', sizeof name);
    name[128] = '\0';
    mqtt_notify_topic(name, topic);
    assert_int_equal(strlen(topic), strlen("$aws/things//tunnels/notify") + 128);
}

static void what_is_told(void **state)
{
    static const struct mqtt_said rows[] = {
        {.kind = MQTT_SAID_SUBSCRIBED, .topics = MQTT_STREAMS, .text = {"", 0}},
        {.kind = MQTT_SAID_REFUSED, .text = {"a/b", 3}},
        {.kind = MQTT_SAID_ANSWERED, .text = {"t", 1}},
    };
    static char text[MQTT_SAID_TEXT_MAX + 50];
    uint8_t bytes[MQTT_SAID_MAX];
    struct mqtt_said s;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = mqtt_said_write(&rows[i], bytes);
        assert_true(mqtt_said_read(bytes, n, &s));
        assert_int_equal(s.kind, rows[i].kind);
        assert_int_equal(s.topics, rows[i].topics);
        assert_true(span_equal(s.text, rows[i].text));
    }
    memset(text, 'x', sizeof text - 1);
    struct mqtt_said cut = {.kind = MQTT_SAID_REFUSED, .text = span_of(text)};
    assert_int_equal(mqtt_said_write(&cut, bytes), MQTT_SAID_MAX);
    assert_false(mqtt_said_read(bytes, 4, &s));
    bytes[0] = MQTT_SAID_KINDS;
    assert_false(mqtt_said_read(bytes, 5, &s));
}

#define SESSION_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(topics_of_notices),
        SESSION_TEST(only_what_is_its_own),
        SESSION_TEST(with_the_qos_that_was_granted),
        SESSION_TEST(identifiers_are_not_used_twice),
        SESSION_TEST(what_is_not_acknowledged),
        SESSION_TEST(silence),
        SESSION_TEST(other_packets),
        SESSION_TEST(publications_of_the_client),
        SESSION_TEST(logins),
        SESSION_TEST(logins_that_are_no_mqtt_of_ours),
        SESSION_TEST(notice_of_aws),
        SESSION_TEST(what_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
