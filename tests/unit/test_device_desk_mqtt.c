/* Devices that speak MQTT at the main thread: their clients and subscriptions, by which of them
 * notices go, and tunnels for which the hub stands in. */
#include "gateway/hub/bridge_desk.h"
#include "tests/unit/device_desk_help.h"

#define AWS (MQTT_NOTIFY | MQTT_NOTIFY_ONCE)
#define AZURE (MQTT_STREAMS | MQTT_STREAMS_ONCE)

static struct device_ticket *connects(const char *client_id)
{
    say_connect("press7", client_id, false);
    return expect_ticket();
}

/* ---- who is let in ---- */

static void subscribes(void **state)
{
    struct heard h;
    (void)state;
    struct device_ticket *t = connects("cam");
    assert_int_equal(t->wire, DEVICE_WIRE_MQTT);
    assert_int_equal(t->ping_s, 60);
    assert_string_equal(t->client_id, "cam");
    assert_false(t->session_present);
    assert_int_equal(delay_ms, 0);
    uint64_t serial = arrive(t);
    assert_false(is_present("press7")); /* it may want something else of us */
    ask_for(&h, "press7", "t-1", NULL);
    assert_int_equal(h.result, NOTICE_AWAY);
    say_subscribed(serial, AWS);
    assert_true(is_present("press7"));
    assert_int_equal(alerts[0], 1);
    ask_for(&h, "press7", "t-1", NULL);
    const struct published *p = expect_published(serial);
    assert_string_equal(p->topic, "$aws/things/press7/tunnels/notify");
    assert_string_equal(p->payload, "{\"clientAccessToken\":\"its-token\",\"clientMode\":"
                                    "\"destination\",\"region\":\"us-east-1\",\"services\":"
                                    "[\"SSH1\"]}");
    assert_false(p->again);
    device_desk_connected(hub.desk, "t-1"); /* that is its answer */
    assert_int_equal(h.result, NOTICE_ACCEPTED);
    assert_int_equal(metric("tunnel_hub_mqtt_clients"), 1);
    say_subscribed(serial, 0);
    assert_false(is_present("press7"));
    go(serial, ERR_EOF, false);
    assert_int_equal(metric("tunnel_hub_mqtt_clients"), 0);
}

/* To what a device was subscribed is remembered, by its seat and in its record. */
static void is_still_subscribed(void **state)
{
    static const struct {
        bool clean, old, present;
    } rows[] = {{false, false, true}, {true, false, false}, {false, true, false}};
    (void)state;
    uint64_t serial = come_mqtt("press7", "cam");
    say_subscribed(serial, AWS);
    UNTIL(loop, get("press7")->topics == AWS);
    go(serial, ERR_EOF, false);
    for (size_t i = 0; i < 3; i++) {
        later(MQTT_WINDOW_MS);
        come("another"); /* the seat that nobody uses goes */
        drop_messages();
        struct message_mqtt_hello *k =
            MESSAGE(struct message_mqtt_hello, MESSAGE_MQTT_HELLO, WORKERS);
        k->certified = true;
        k->pending_id = 77;
        k->clean = rows[i].clean;
        k->old = rows[i].old;
        k->device = strdup("press7");
        k->client_id = strdup("cam");
        device_desk_mqtt(&hub, k);
        struct device_ticket *t = expect_ticket();
        assert_int_equal(t->topics, AWS);
        assert_int_equal(t->session_present, rows[i].present);
        serial = arrive(t);
        assert_true(is_present("press7"));
        go(serial, ERR_EOF, false);
        assert_false(is_present("press7"));
    }
    serial = come_mqtt("press7", "cam");
    say_subscribed(serial, 0);
    UNTIL(loop, get("press7")->topics == 0);
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(create_device("press8", ""), ERR_OK); /* not by certificate */
    say_connect("press7", "cam", true);
    give_back(expect_ticket(), ERR_EOF, false);
    assert_int_equal(set_state("press7", DEVICE_DISABLED), ERR_OK);
    say_connect("press7", "cam", true);
    expect_code(MQTT_NOT_AUTHORIZED);
    say_connect("no name", "cam", true);
    expect_code(MQTT_NOT_AUTHORIZED);
    struct message_mqtt_hello *k = MESSAGE(struct message_mqtt_hello, MESSAGE_MQTT_HELLO, WORKERS);
    k->pending_id = 77;
    k->device = strdup("\x1b[2Jpress8");
    k->host = strdup("hub.example");
    k->client_id = strdup("press8");
    k->password = strdup("SharedAccessSignature sr=x&sig=x&se=1");
    k->n_password = strlen(k->password);
    device_desk_mqtt(&hub, k);
    expect_code(MQTT_NOT_AUTHORIZED);
    assert_int_equal(refusals, 3);
    device_desk_end(hub.desk);
    say_connect("press9", "cam", true);
    expect_code(MQTT_UNAVAILABLE);
}

/* ---- its clients ---- */

static void clients_that_take_each_others_place(void **state)
{
    (void)state;
    uint64_t serial = come_mqtt("press7", "cam");
    for (unsigned i = 2; i <= MQTT_CONNECTS; i++) {
        struct device_ticket *t = connects("cam");
        assert_int_equal(delay_ms, 0);
        uint64_t next = arrive(t);
        expect_last(serial);
        go(serial, ERR_REJECTED, false);
        serial = next;
    }
    give_back(connects("cam"), ERR_EOF, false);
    assert_int_equal(delay_ms, MQTT_DELAY_MS);
    go(serial, ERR_EOF, false);
    give_back(connects("cam"), ERR_EOF, false); /* that none is there now makes no difference */
    assert_int_equal(delay_ms, MQTT_DELAY_MS);
    say_connect("press8", "cam", true);
    give_back(expect_ticket(), ERR_EOF, false);
    assert_int_equal(delay_ms, 0);
    later(MQTT_WINDOW_MS);
    give_back(connects("cam"), ERR_EOF, false);
    assert_int_equal(delay_ms, 0);
}

static void as_many_as_there_may_be(void **state)
{
    uint64_t serials[MQTT_PER_DEVICE];
    char id[16];
    (void)state;
    for (size_t i = 0; i < MQTT_PER_DEVICE; i++) {
        snprintf(id, sizeof id, "client %zu", i);
        later(MQTT_WINDOW_MS);
        serials[i] = come_mqtt("press7", id);
    }
    expect_nothing();
    come_mqtt("press7", ""); /* without an id: as another one */
    expect_last(serials[0]);
    come_mqtt("press7", "");
    expect_last(serials[1]); /* the first one was sent away, though it has not gone */
    expect_nothing();
}

/* Notices go to the device link, else to the client that has subscribed last. */
static void by_which_it_is_told(void **state)
{
    struct heard h;
    (void)state;
    uint64_t a = come_mqtt("press7", "a"), b = come_mqtt("press7", "b"),
             c = come_mqtt("press7", "c");
    say_subscribed(c, 0);
    say_subscribed(b, AWS);
    say_subscribed(a, AWS);
    ask_for(&h, "press7", "t-1", NULL);
    expect_published(a);
    go(a, ERR_EOF, false);
    const struct published *p = expect_published(b); /* it may know it */
    assert_true(p->again);
    assert_int_equal(alerts[1], 0); /* it is there all the time */
    uint64_t link = come("press7");
    expect_message(link, HUB_MESSAGE_NOTICE);
    ask_for(&h, "press7", "t-2", NULL);
    expect_message(link, HUB_MESSAGE_NOTICE);
    go(link, ERR_EOF, false);
    for (int i = 0; i < 2; i++)
        expect_published(b);
    say_subscribed(b, 0);
    assert_false(is_present("press7"));
    assert_int_equal(alerts[1], 0);
}

static void an_operator_has_to_approve_it(void **state)
{
    (void)state;
    device_desk_approve(hub.desk, true);
    uint64_t serial = come_mqtt("press7", "cam");
    say_subscribed(serial, AWS);
    assert_false(is_present("press7"));
    assert_int_equal(set_state("press7", DEVICE_ENABLED), ERR_OK);
    assert_true(is_present("press7"));
    expect_nothing();
    assert_int_equal(set_state("press7", DEVICE_DISABLED), ERR_OK);
    expect_last(serial);
    assert_false(is_present("press7"));
    say_subscribed(serial, AWS); /* counts for nothing any more */
    assert_false(is_present("press7"));
}

static void what_is_not_its_own(void **state)
{
    (void)state;
    uint64_t serial = come_mqtt("press7", "cam");
    say_mqtt(serial, MQTT_SAID_REFUSED, "$aws/things/press8/\x1b[2J");
    assert_int_equal(refusals, 1);
    assert_int_equal(metric("tunnel_hub_mqtt_subscriptions_refused_total"), 1);
    struct message_device_said *m = message_new(MESSAGE_DEVICE_SAID, 0, sizeof *m + 3);
    m->serial = serial;
    m->size = 3; /* nothing that is known */
    device_desk_said(&hub, m);
    say_subscribed(serial + 100, AWS); /* nobody's */
    assert_false(is_present("press7"));
    go(serial, ERR_TOO_LARGE, true);
    assert_int_equal(refusals, 2);
}

/* ---- Azure's ---- */

/* Its request id, in what was published. */
static const char *rid_in(const char *topic)
{
    static char rid[32];
    const char *at = strstr(topic, "$rid=");
    assert_non_null(at);
    snprintf(rid, sizeof rid, "%.*s", (int)strcspn(at + 5, "&"), at + 5);
    return rid;
}

static void say_code(uint64_t serial, int code, const char *rid)
{
    char topic[128];
    snprintf(topic, sizeof topic, "$iothub/streams/res/%d/?$rid=%s", code, rid);
    say_mqtt(serial, MQTT_SAID_ANSWERED, topic);
}

static void streams(void **state)
{
    struct heard h;
    char rid[32];
    (void)state;
    uint64_t serial = come_mqtt("press7", "press7"), other = come_mqtt("press8", "press8");
    say_subscribed(serial, AWS | AZURE); /* Azure's is the richer one */
    say_subscribed(other, AZURE);
    ask_for(&h, "press7", "", "wss://hub.example/bridges/1");
    const struct published *p = expect_published(serial);
    assert_non_null(strstr(p->topic, "$iothub/streams/POST/SSH1/?"));
    assert_non_null(strstr(p->topic, "$auth=its-token"));
    snprintf(rid, sizeof rid, "%s", rid_in(p->topic));
    say_mqtt(serial, MQTT_SAID_ANSWERED, "$iothub/streams/res/nonsense");
    say_code(serial, 200, "ffffffff");
    say_code(other, 200, rid);
    assert_int_equal(h.calls, 0);
    say_code(serial, 200, rid);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
    say_code(serial, 200, rid); /* once more: no crime */
    assert_int_equal(refusals, 0);
    ask_for(&h, "press7", "", "wss://hub.example/bridges/2");
    say_code(serial, 400, rid_in(expect_published(serial)->topic));
    assert_int_equal(h.result, NOTICE_REJECTED);
    expect_nothing();
}

/* ---- the hub in the place of such a device ---- */

static struct stood_in {
    int calls;
    char device[64], tunnel[64], token[64], policy[64];
    void (*done)(void *ctx, enum err why);
    void *ctx;
} stand_in;

static void become(struct bridge_desk *b, const struct inner_destination *q,
                   void (*done)(void *ctx, enum err why), void *ctx)
{
    (void)b;
    stand_in.calls++;
    snprintf(stand_in.device, sizeof stand_in.device, "%s", q->device);
    snprintf(stand_in.tunnel, sizeof stand_in.tunnel, "%s", q->tunnel);
    snprintf(stand_in.token, sizeof stand_in.token, "%s", q->token);
    snprintf(stand_in.policy, sizeof stand_in.policy, "%s", q->policy);
    stand_in.done = done;
    stand_in.ctx = ctx;
}

static void run_deferred(void)
{
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static uint64_t come_for_streams(void)
{
    stand_in = (struct stood_in){0};
    device_desk_stand_in(hub.desk, become);
    uint64_t serial = come_mqtt("press7", "press7");
    say_subscribed(serial, AZURE);
    return serial;
}

static void the_hub_stands_in(void **state)
{
    struct heard h;
    (void)state;
    uint64_t serial = come_for_streams();
    ask_for(&h, "press7", "t-1", NULL);
    assert_int_equal(stand_in.calls, 0); /* not from inside */
    run_deferred();
    assert_int_equal(stand_in.calls, 1);
    assert_string_equal(stand_in.device, "press7");
    assert_string_equal(stand_in.tunnel, "t-1");
    assert_string_equal(stand_in.token, "its-token");
    assert_string_equal(stand_in.policy, "me");
    stand_in.done(stand_in.ctx, ERR_OK);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
    ask_for(&h, "press7", "t-2", NULL);
    run_deferred();
    stand_in.done(stand_in.ctx, ERR_LIMIT);
    assert_int_equal(h.result, NOTICE_REJECTED);
    assert_int_equal(h.code, DEVICE_CODE_BUSY);
    ask_for(&h, "press7", "t-3", NULL);
    run_deferred();
    go(serial, ERR_EOF, false); /* before that is known */
    stand_in.done(stand_in.ctx, ERR_OK);
    assert_int_equal(h.calls, 0);
    later(NOTICE_GONE_MS + 1);
    assert_int_equal(h.result, NOTICE_AWAY);
    expect_nothing();
}

static void nobody_stands_in(void **state)
{
    struct heard h;
    (void)state;
    say_subscribed(come_mqtt("press7", "press7"), AZURE);
    ask_for(&h, "press7", "t-1", NULL);
    later(30000);
    assert_int_equal(h.calls, 1);
    assert_true(h.result != NOTICE_ACCEPTED);
}

/* One that it was asked for, and one that it was not. */
static void the_end_while_it_would_stand_in(void **state)
{
    struct heard h[2];
    (void)state;
    come_for_streams();
    ask_for(&h[0], "press7", "t-1", NULL);
    run_deferred();
    ask_for(&h[1], "press7", "t-2", NULL);
    device_desk_end(hub.desk);
    assert_int_equal(h[0].result, NOTICE_ENDED);
    assert_int_equal(h[1].result, NOTICE_ENDED);
    run_deferred();
    assert_int_equal(stand_in.calls, 1);
    stand_in.done(stand_in.ctx, ERR_OK);
}

/* ---- memory ---- */

static void no_memory_to_let_in(void **state)
{
    bool failed = true;
    (void)state;
    enrol("press7", 0, NULL);
    for (size_t n = 1; failed; n++) {
        struct message_mqtt_hello *k =
            MESSAGE(struct message_mqtt_hello, MESSAGE_MQTT_HELLO, WORKERS);
        later(MQTT_WINDOW_MS);
        k->pending_id = 77;
        k->certified = true;
        k->device = strdup("press7");
        k->client_id = strdup("cam");
        messages_lost = 0;
        memory_fails(n);
        device_desk_mqtt(&hub, k);
        UNTIL(loop, was_posted() || messages_lost > 0);
        failed = memory_failed();
        drop_messages();
        go(come_mqtt("press7", "cam"), ERR_EOF, false);
    }
}

static void no_memory_for_letters(void **state)
{
    (void)state;
    for (int azures = 0; azures < 2; azures++) {
        bool failed = true;
        for (size_t n = 1; failed; n++) {
            struct heard h;
            later(MQTT_WINDOW_MS);
            uint64_t serial = come_mqtt("press7", "cam");
            say_subscribed(serial, azures ? AZURE : AWS);
            drop_messages();
            memory_fails(n);
            ask_for(&h, "press7", azures ? "" : "t-1", azures ? "wss://x" : NULL);
            failed = memory_failed();
            later(30000);
            assert_int_equal(h.calls, 1);
            go(serial, ERR_EOF, false);
            drop_messages();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(subscribes),
        DESK_TEST(is_still_subscribed),
        DESK_TEST(refused),
        DESK_TEST(clients_that_take_each_others_place),
        DESK_TEST(as_many_as_there_may_be),
        DESK_TEST(by_which_it_is_told),
        DESK_TEST(an_operator_has_to_approve_it),
        DESK_TEST(what_is_not_its_own),
        DESK_TEST(streams),
        DESK_TEST(the_hub_stands_in),
        DESK_TEST(nobody_stands_in),
        DESK_TEST(the_end_while_it_would_stand_in),
        DESK_TEST(no_memory_to_let_in),
        DESK_TEST(no_memory_for_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
