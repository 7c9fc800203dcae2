/* An MQTT client at a worker: what is said both ways, its time, and its end. */
#include "tests/unit/mqtt_end_help.h"

/* ---- both ways ---- */

static void welcomed(void **state)
{
    (void)state;
    join();
    EXPECT("\x20\x02\x00\x00");
    say(BYTES("\xc0\x00"));
    EXPECT("\xd0\x00");
    expect_nothing();
    assert_int_equal(departed, 0);
}

static void told_of_its_session(void **state)
{
    (void)state;
    ticket.session_present = true;
    ticket.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    join();
    EXPECT("\x20\x02\x01\x00");
    publish("{}", false); /* it is subscribed, with QoS 1, although it has not said so again */
    EXPECT("\x32\x27\x00\x21" NOTIFY "\x00\x01{}");
    assert_int_equal(n_said, 0);
}

static void what_it_says(void **state)
{
    (void)state;
    join();
    EXPECT("\x20\x02\x00\x00");
    say_subscribe(NOTIFY, 1);
    EXPECT("\x90\x03\x00\x09\x01");
    assert_int_equal(said.kind, MQTT_SAID_SUBSCRIBED);
    assert_int_equal(said.topics, MQTT_NOTIFY | MQTT_NOTIFY_ONCE);
    say_subscribe("$aws/things/press8/tunnels/notify", 1);
    EXPECT("\x90\x03\x00\x09\x80");
    assert_int_equal(said.kind, MQTT_SAID_REFUSED);
    assert_string_equal(said_text, "$aws/things/press8/tunnels/notify");
    say_publish("$iothub/streams/res/200/?$rid=1", 0);
    assert_int_equal(said.kind, MQTT_SAID_ANSWERED);
    assert_string_equal(said_text, "$iothub/streams/res/200/?$rid=1");
    assert_int_equal(n_said, 3);
    say_publish("devices/press7/messages/events/", 5000); /* nobody wants that */
    assert_int_equal(n_said, 3);
    expect_nothing();
    assert_int_equal(departed, 0);
}

/* A packet may come in any pieces. */
static void byte_by_byte(void **state)
{
    uint8_t bytes[128];
    size_t n = subscribe(bytes, NOTIFY, 1, 0);
    (void)state;
    join();
    EXPECT("\x20\x02\x00\x00");
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(n_said, 0);
        say(bytes + i, 1);
    }
    assert_int_equal(n_said, 1);
    EXPECT("\x90\x03\x00\x09\x00");
}

static void notices_are_acknowledged(void **state)
{
    (void)state;
    ticket.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    join();
    EXPECT("\x20\x02\x00\x00");
    publish("one", false);
    publish("two", true);
    EXPECT("\x32\x28\x00\x21" NOTIFY "\x00\x01one");
    EXPECT("\x3a\x28\x00\x21" NOTIFY "\x00\x02two"); /* it is said that it may be known */
    say(BYTES("\x40\x02\x00\x02"));
    say(BYTES("\x40\x02\x00\x02")); /* once more */
    say(BYTES("\x40\x02\x00\x63")); /* nobody's */
    later(10000);
    say(BYTES("\xc0\x00\x40\x02\x00\x01"));
    later(20000);
    assert_int_equal(departed, 0);
    assert_int_equal(last.sent, 0);
    say(BYTES("\xe0\x00"));
    shutdown(fd, SHUT_WR);
    run_a_while();
    expect_gone(ERR_CLIENT_CLOSED, "it disconnected");
    assert_int_equal(last.sent, 2);
    assert_int_equal(last.received, 6);
    assert_int_equal(last.seconds, 30);
}

/* ---- time ---- */

/* A silence of one and a half of what it promises, in whole seconds. */
static void silent(void **state)
{
    static const struct {
        uint32_t promised;
        uint64_t ms;
    } rows[] = {{20, 31000},
                {1, 2000},
                {0, MQTT_KEEPALIVE_MOST * 1500 + 1000},
                {65535, MQTT_KEEPALIVE_MOST * 1500 + 1000}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (i > 0)
            begin(state);
        now_ms = (now_ms / 1000 + 1) * 1000;
        ticket.ping_s = rows[i].promised;
        join();
        later(rows[i].ms - 1);
        assert_int_equal(departed, 0);
        say(BYTES("\xc0\x00"));
        later(rows[i].ms - 1000);
        assert_int_equal(departed, 0);
        later(2000);
        expect_gone(ERR_SILENT, "nothing came from it in time");
        if (i + 1 < COUNT(rows))
            end(state);
    }
}

/* Half a packet is something, and holds nothing up for ever. */
static void half_a_packet(void **state)
{
    (void)state;
    join();
    say(BYTES("\x82\x7f\x00"));
    later(29000);
    assert_int_equal(departed, 0);
    later(3000);
    expect_gone(ERR_SILENT, "nothing came from it in time");
}

static void a_signature_that_expires(void **state)
{
    (void)state;
    ticket.left_s = 10;
    join();
    EXPECT("\x20\x02\x00\x00");
    later(9999);
    assert_int_equal(departed, 0);
    later(1001);
    take();
    assert_true(in_ended);
    assert_int_equal(departed, 0); /* its end is awaited */
    shutdown(fd, SHUT_WR);
    run_a_while();
    expect_gone(ERR_AUTH, "its signature has expired");
}

/* ---- the end ---- */

static void sent_away(void **state)
{
    (void)state;
    ticket.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    join();
    EXPECT("\x20\x02\x00\x00");
    publish("{}", false);
    send_away();
    publish("after the end", false);
    send_away();
    say_subscribe(NOTIFY, 1); /* it counts for nothing any more */
    EXPECT("\x32\x27\x00\x21" NOTIFY "\x00\x01{}");
    expect_nothing();
    assert_true(in_ended);
    assert_int_equal(departed, 0);
    shutdown(fd, SHUT_WR);
    run_a_while();
    expect_gone(ERR_REJECTED, "the hub sent it away");
    assert_int_equal(n_said, 0);
}

/* The hub does not wait for it for ever, whether or not it goes on to send. */
static void a_client_that_stays(void **state)
{
    (void)state;
    join();
    send_away();
    later(TICK_MS);
    say(BYTES("\xff\xff\xff\xff"));
    assert_int_equal(departed, 0);
    later(TICK_MS);
    expect_gone(ERR_REJECTED, "the hub sent it away");
}

static void it_disconnects(void **state)
{
    (void)state;
    join();
    EXPECT("\x20\x02\x00\x00");
    say(BYTES("\xe0\x00\xff\xff\xff")); /* what comes after it is dropped */
    take();
    assert_true(in_ended);
    assert_int_equal(departed, 0);
    shutdown(fd, SHUT_WR);
    run_a_while();
    expect_gone(ERR_CLIENT_CLOSED, "it disconnected");
}

static void it_is_lost(void **state)
{
    (void)state;
    join();
    shutdown(fd, SHUT_RDWR);
    run_a_while();
    expect_gone(ERR_CLIENT_CLOSED, err_text(ERR_EOF));
}

/* More waits for the client than the kernel takes, and it has to go: what waits is never written
 * behind the end, which a TLS stream would not survive. */
static void ends_with_bytes_that_wait(void **state)
{
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            begin(state);
        ticket.left_s = i == 2 ? 1 : 0;
        join();
        fill_up();
        if (i == 0)
            send_away();
        else if (i == 1)
            say(BYTES("\xe0\x00"));
        else
            later(TICK_MS);
        assert_true(shut);
        for (int k = 0; k < 5; k++) {
            take();
            n_in = 0;
        }
        assert_true(in_ended);
        shutdown(fd, SHUT_WR);
        run_a_while();
        assert_int_equal(departed, 1);
        assert_false(last.misbehaved);
        if (i < 2)
            end(state);
    }
}

static void draining(void **state)
{
    (void)state;
    ticket.topics = MQTT_NOTIFY | MQTT_NOTIFY_ONCE;
    join();
    EXPECT("\x20\x02\x00\x00");
    publish("{}", false);
    worker_table_drain(device_table_base(table));
    later(100);
    later(100);
    assert_int_equal(departed, 0);
    say(BYTES("\x40\x02\x00\x01"));
    later(100);
    expect_gone(ERR_SHUTDOWN, "the hub is shutting down");
    take();
    assert_true(in_ended);
}

/* ---- memory ---- */

static void no_memory_to_begin(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        if (n > 1)
            begin(state);
        memory_at = n;
        join();
        memory_at = 0;
        if (!memory_failed())
            return;
        run_a_while();
        expect_gone(ERR_NO_MEMORY, last.text);
        end(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(welcomed),
        TEST(told_of_its_session),
        TEST(what_it_says),
        TEST(byte_by_byte),
        TEST(notices_are_acknowledged),
        TEST(silent),
        TEST(half_a_packet),
        TEST(a_signature_that_expires),
        TEST(sent_away),
        TEST(a_client_that_stays),
        TEST(it_disconnects),
        TEST(it_is_lost),
        TEST(ends_with_bytes_that_wait),
        TEST(draining),
        TEST(no_memory_to_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
