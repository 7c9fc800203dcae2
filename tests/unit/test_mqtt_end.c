/* An MQTT client at a worker: what is said both ways, and what a hostile client can do with it,
 * which is to lose it. */
#include "core/base/log.h"
#include "core/net/socket.h"
#include "gateway/hub/devices/device_table.h"
#include "gateway/hub/mqtt/mqtt_end.h"
#include "gateway/hub/mqtt/mqtt_notice.h"
#include "gateway/hub/mqtt/mqtt_session.h"
#include "gateway/hub/relay/buffered_stream.h"
#include "tests/support/clock.h"
#include "tests/support/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERIAL 7
#define TICK_MS 1001 /* the table looks at its links each time */
#define NOTIFY "$aws/things/press7/tunnels/notify"
#define BYTES(text) (text), sizeof(text) - 1
#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct loop *loop;
static struct device_table *table;
static wire_end_new *const wires[DEVICE_WIRES] = {[DEVICE_WIRE_MQTT] = mqtt_end_new};
static int fd; /* the client's end */
static struct device_ticket ticket;
static size_t memory_at; /* the request for memory that fails when it joins; 0: none */
static size_t n_said, departed;
static struct mqtt_said said; /* the last one */
static char said_text[MQTT_SAID_TEXT_MAX + 1];
static struct device_gone last;
static uint8_t in[1 << 20]; /* what the client has received and not looked at */
static size_t n_in;
static bool in_ended;

static void run_a_while(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void on_said(void *owner, const struct device_ticket *t, const uint8_t *p, size_t n)
{
    (void)owner;
    assert_int_equal(t->serial, SERIAL);
    assert_true(mqtt_said_read(p, n, &said));
    snprintf(said_text, sizeof said_text, "%.*s", (int)said.text.n, said.text.p);
    n_said++;
}

static void on_gone(void *owner, const struct device_gone *g)
{
    (void)owner;
    assert_true(g->text[0] != '\0');
    last = *g;
    device_ticket_free(g->ticket);
    departed++;
}

/* ---- a stream that watches over its contract: nothing is written once it is shut ---- */

static struct stream_ops watching;
static const struct stream_ops *watched;
static bool shut, reading;

static bool watched_write(struct stream *s, const uint8_t *p, size_t n)
{
    assert_false(shut);
    assert_true(stream_ready(s));
    return watched->write(s, p, n);
}

static void watched_shutdown(struct stream *s)
{
    shut = true;
    watched->shutdown(s);
}

static void watched_read_on(struct stream *s, bool on)
{
    reading = on;
    watched->read_on(s, on);
}

static struct stream *watch(struct stream *s)
{
    watched = s->ops;
    watching = *s->ops;
    watching.write = watched_write;
    watching.shutdown = watched_shutdown;
    watching.read_on = watched_read_on;
    shut = false;
    s->ops = &watching;
    return s;
}

/* ---- from the beginning to the end ---- */

static void join(void)
{
    int fds[2], size = 8192;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fd = fds[1];
    struct stream *s = buffered_stream_new(loop, stream_from_fd(loop, fds[0]), NULL, NULL);
    struct device_ticket *t = calloc(1, sizeof *t);
    assert_non_null(t);
    *t = ticket;
    t->device = strdup("press7");
    t->client_id = strdup("press7/cam");
    stream_read_on(s, true); /* the loop makes room for it */
    stream_read_on(s, false);
    memory_fails(memory_at);
    device_table_join(table, t, watch(s));
}

static int begin(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    table = device_table_new(&(struct device_table_options){
        .loop = loop, .wires = wires, .said = on_said, .gone = on_gone});
    n_said = departed = n_in = 0;
    in_ended = false;
    fd = -1;
    ticket = (struct device_ticket){.serial = SERIAL, .wire = DEVICE_WIRE_MQTT, .ping_s = 20};
    return 0;
}

static int end(void **state)
{
    (void)state;
    worker_table_free(device_table_base(table));
    assert_int_equal(departed, 1);
    close(fd);
    run_a_while();
    loop_free(loop);
    assert_true(list_empty(&timers));
    return 0;
}

static void later(uint64_t ms)
{
    now_ms += ms;
    fire_timers();
    run_a_while();
}

/* ---- the client ---- */

static void say(const void *p, size_t n)
{
    for (size_t at = 0; at < n && departed == 0;) {
        ssize_t k = write(fd, (const char *)p + at, n - at);
        at += k > 0 ? (size_t)k : 0;
        run_a_while();
    }
}

static void say_times(const void *p, size_t n, size_t times)
{
    for (size_t i = 0; i < times; i++)
        say(p, n);
}

static void take(void)
{
    for (int i = 0; i < 50; i++) {
        run_a_while();
        ssize_t n = read(fd, in + n_in, sizeof in - n_in);
        if (n > 0)
            n_in += (size_t)n;
        in_ended = in_ended || n == 0;
    }
}

static void expect(const void *p, size_t n)
{
    take();
    assert_true(n_in >= n);
    assert_memory_equal(in, p, n);
    n_in -= n;
    memmove(in, in + n, n_in);
}

#define EXPECT(text) expect(BYTES(text))

static void expect_nothing(void)
{
    take();
    assert_int_equal(n_in, 0);
}

/* Drops what came; returns how many PINGRESP it was, if it is nothing else. */
static size_t take_pongs(void)
{
    take();
    for (size_t i = 0; i < n_in; i += 2)
        assert_memory_equal(in + i, "\xd0\x00", 2);
    size_t n = n_in / 2;
    n_in = 0;
    return n;
}

/* SUBSCRIBE to a filter, `times` times in one packet. */
static size_t subscribe(uint8_t *out, const char *filter, size_t times, uint8_t qos)
{
    size_t n = strlen(filter), size = 2 + times * (3 + n), at = 0;
    out[at++] = 0x82;
    for (size_t left = size; at == 1 || left > 0; left >>= 7)
        out[at++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0));
    out[at++] = 0;
    out[at++] = 9;
    for (size_t i = 0; i < times; i++) {
        out[at++] = (uint8_t)(n >> 8);
        out[at++] = (uint8_t)n;
        memcpy(out + at, filter, n);
        at += n;
        out[at++] = qos;
    }
    return at;
}

static void say_subscribe(const char *filter, uint8_t qos)
{
    uint8_t bytes[512];
    say(bytes, subscribe(bytes, filter, 1, qos));
}

/* PUBLISH to a topic with QoS 0 and so many zeroes. */
static void say_publish(const char *topic, size_t payload)
{
    static uint8_t bytes[MQTT_PAYLOAD_MAX + 400];
    size_t n = strlen(topic), size = 2 + n + payload, at = 0;
    memset(bytes, 0, sizeof bytes);
    bytes[at++] = 0x30;
    for (size_t left = size; at == 1 || left > 0; left >>= 7)
        bytes[at++] = (uint8_t)((left & 127) | (left > 127 ? 128 : 0));
    bytes[at++] = (uint8_t)(n >> 8);
    bytes[at++] = (uint8_t)n;
    memcpy(bytes + at, topic, n);
    say(bytes, at + n + payload);
}

/* It is dropped for what it sent. */
static void expect_thrown_out(enum err why)
{
    take();
    assert_int_equal(departed, 1);
    assert_true(last.misbehaved);
    assert_string_equal(err_name(last.why), err_name(why));
    assert_true(worker_table_empty(device_table_base(table)));
    assert_true(in_ended);
}

/* It is gone, and that is nobody's fault. */
static void expect_gone(enum err why, const char *text)
{
    assert_int_equal(departed, 1);
    assert_false(last.misbehaved);
    assert_string_equal(err_name(last.why), err_name(why));
    assert_string_equal(last.text, text);
    assert_true(worker_table_empty(device_table_base(table)));
}

/* ---- the hub ---- */

static void publish(const char *payload, bool again)
{
    device_table_send(table, SERIAL, mqtt_letter_new(NOTIFY, span_of(payload), again));
    run_a_while();
}

static void publish_much(size_t n)
{
    static char payload[MQTT_QUEUED_MAX + 1];
    memset(payload, 'x', sizeof payload);
    device_table_send(table, SERIAL, mqtt_letter_new(NOTIFY, (struct span){payload, n}, false));
    run_a_while();
}

static void send_away(void)
{
    device_table_send(table, SERIAL, mqtt_letter_last());
    run_a_while();
}

/* Fills what the kernel takes for a client that does not read, and more that waits at the hub. */
static void fill_up(void)
{
    for (int i = 0; i < 4; i++)
        publish_much(MQTT_QUEUED_MAX / 5);
    assert_int_equal(departed, 0);
}

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
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(welcomed),
        TEST(told_of_its_session),
        TEST(what_it_says),
        TEST(byte_by_byte),
        TEST(notices_are_acknowledged),
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
