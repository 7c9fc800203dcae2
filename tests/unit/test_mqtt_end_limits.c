/* What a hostile MQTT client can do with its connection, which is to lose it. */
#include "tests/unit/mqtt_end_help.h"

/* ---- those that do not take what they are sent ---- */

static void a_client_that_does_not_read(void **state)
{
    size_t sent = 0;
    (void)state;
    join();
    for (; departed == 0 && sent < 100; sent++)
        publish_much(4096);
    expect_gone(ERR_STALLED, "it does not take what it is sent");
    assert_true(sent * 4096 > MQTT_QUEUED_MAX);
    assert_true(sent * 4096 < 4 * MQTT_QUEUED_MAX);
}

static void a_slow_client(void **state)
{
    (void)state;
    join();
    EXPECT("\x20\x02\x00\x00");
    fill_up();
    for (int i = 0; i < 4; i++) {
        take();
        n_in = 0;
    }
    publish("{}", false);
    EXPECT("\x30\x25\x00\x21" NOTIFY "{}");
    assert_int_equal(departed, 0);
}

static void a_letter_that_is_too_large(void **state)
{
    (void)state;
    join();
    publish_much(MQTT_QUEUED_MAX);
    expect_gone(ERR_STALLED, "it does not take what it is sent");
}

/* It only asks, and reads no answer. */
static void a_client_that_asks_and_does_not_read(void **state)
{
    static uint8_t bytes[4096];
    size_t n = subscribe(bytes, "devices/press7/a", MQTT_FILTERS_MAX, 1), i = 0;
    (void)state;
    join();
    for (; i < 10000 && departed == 0; i++) {
        later(TICK_MS);
        say(bytes, n);
    }
    expect_gone(ERR_STALLED, "it does not take what it is sent");
    assert_true(i * MQTT_FILTERS_MAX > MQTT_QUEUED_MAX);
}

static void too_many_without_acknowledgement(void **state)
{
    (void)state;
    ticket.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    join();
    for (int i = 0; i < MQTT_FLIGHT_MAX; i++)
        publish("{}", false);
    take();
    assert_int_equal(departed, 0);
    publish("{}", false);
    expect_gone(ERR_STALLED, "it does not take what it is sent");
}

static void no_acknowledgement_in_time(void **state)
{
    (void)state;
    ticket.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    join();
    publish("{}", false);
    later(MQTT_ACK_S * 1000);
    say(BYTES("\xc0\x00")); /* it is there, and does not acknowledge */
    assert_int_equal(departed, 0);
    later(TICK_MS);
    expect_gone(ERR_STALLED, "it does not acknowledge what it is sent");
    take();
    assert_true(in_ended);
}

/* ---- those that send too much ---- */

static void floods(void **state)
{
    static uint8_t pings[2 * 1000];
    (void)state;
    for (size_t i = 0; i < sizeof pings; i += 2)
        pings[i] = 0xc0;
    join();
    EXPECT("\x20\x02\x00\x00");
    say(pings, sizeof pings);
    assert_int_equal(take_pongs(), MQTT_BURST);
    assert_int_equal(take_pongs(), 0);
    assert_false(reading); /* else it would cost the worker its time */
    for (int i = MQTT_BURST; i < 1000; i += MQTT_RATE) {
        later(TICK_MS);
        assert_int_equal(take_pongs(), MQTT_RATE);
    }
    later(TICK_MS);
    later(60000);
    expect_gone(ERR_SILENT, "nothing came from it in time");
}

/* What is saved up has a bound. */
static void an_idle_client_may_send_a_burst(void **state)
{
    static uint8_t pings[2 * (MQTT_BURST + 50)];
    (void)state;
    for (size_t i = 0; i < sizeof pings; i += 2)
        pings[i] = 0xc0;
    join();
    EXPECT("\x20\x02\x00\x00");
    for (int i = 0; i < 20; i++)
        later(TICK_MS);
    say(pings, sizeof pings);
    assert_int_equal(take_pongs(), MQTT_BURST);
}

static void payloads_count(void **state)
{
    (void)state;
    join();
    EXPECT("\x20\x02\x00\x00");
    say_publish("a", 200 * MQTT_UNIT);
    say_times(BYTES("\xc0\x00"), MQTT_BURST);
    assert_int_equal(take_pongs(), MQTT_BURST - 201);
}

static void what_the_hub_has_to_think_about_costs_more(void **state)
{
    uint8_t bytes[128];
    size_t n = subscribe(bytes, NOTIFY, 1, 0);
    (void)state;
    join();
    say_times(bytes, n, 100);
    assert_int_equal(n_said, 1 + (MQTT_BURST - 1) / (MQTT_COSTLY + 1));
    later(TICK_MS);
    assert_true(n_said < 2 + (MQTT_BURST + MQTT_RATE) / MQTT_COSTLY);
    assert_int_equal(departed, 0);
}

/* Who has sent too much is not read for a while, and not blamed for being silent meanwhile. */
static void not_read_is_not_silent(void **state)
{
    (void)state;
    ticket.ping_s = 1;
    join();
    EXPECT("\x20\x02\x00\x00");
    say_publish("a", MQTT_PAYLOAD_MAX - 100);
    say_publish("a", MQTT_PAYLOAD_MAX - 100);
    say(BYTES("\xc0\x00"));
    assert_int_equal(take_pongs(), 0);
    later(TICK_MS);
    later(TICK_MS);
    assert_int_equal(departed, 0);
    assert_int_equal(take_pongs(), 1);
    later(2000);
    expect_gone(ERR_SILENT, "nothing came from it in time");
}

/* ---- what has no place ---- */

static void malformed(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        enum err why;
    } rows[] = {
        {BYTES("\x00\x00"), ERR_PROTOCOL},     /* no such type */
        {BYTES("\xf0\x00"), ERR_PROTOCOL},     /* nor that */
        {BYTES("\xc1\x00"), ERR_PROTOCOL},     /* flags */
        {BYTES("\xc0\x01\x00"), ERR_PROTOCOL}, /* longer than it may be */
        {BYTES("\x82\xff\xff\xff\xff\xff"), ERR_PROTOCOL},
        {BYTES("\x82\xff\xff\xff\x7f"), ERR_TOO_LARGE},
        {BYTES("\x82\x02\x00\x01"), ERR_PROTOCOL},  /* no filter */
        {BYTES("\x30\x03\x00\x01#"), ERR_PROTOCOL}, /* a topic with a wildcard */
        {BYTES("\x20\x02\x00\x00"), ERR_PROTOCOL},  /* what servers send */
        {BYTES("\x40\x01\x00"), ERR_PROTOCOL},
        {BYTES("\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04quux"), ERR_PROTOCOL}, /* once more */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (i > 0)
            begin(state);
        join();
        say(rows[i].bytes, rows[i].n);
        expect_thrown_out(rows[i].why);
        assert_int_equal(n_said, 0);
        if (i + 1 < COUNT(rows))
            end(state);
    }
}

/* What came before it counts. */
static void good_and_then_malformed(void **state)
{
    uint8_t bytes[128];
    size_t n = subscribe(bytes, NOTIFY, 1, 0);
    (void)state;
    join();
    bytes[n++] = 0xff;
    bytes[n++] = 0;
    say(bytes, n);
    expect_thrown_out(ERR_PROTOCOL);
    assert_int_equal(n_said, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_does_not_read),
        TEST(a_slow_client),
        TEST(a_letter_that_is_too_large),
        TEST(a_client_that_asks_and_does_not_read),
        TEST(too_many_without_acknowledgement),
        TEST(no_acknowledgement_in_time),
        TEST(floods),
        TEST(an_idle_client_may_send_a_burst),
        TEST(payloads_count),
        TEST(what_the_hub_has_to_think_about_costs_more),
        TEST(not_read_is_not_silent),
        TEST(malformed),
        TEST(good_and_then_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
