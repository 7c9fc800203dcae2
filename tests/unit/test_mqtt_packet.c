/* MQTT packets: what clients send, whole, byte by byte and joined; and what they may not. */
#include "core/mqtt/mqtt_packet.h"

#include "core/mqtt/mqtt_topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* mosquitto_sub: CONNECT of 3.1.1, clean, keep-alive 60, an id of three letters. */
#define CONNECT_311                                                                                \
    "\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03"                                                 \
    "abc"
/* paho after a refusal: CONNECT of 3.1. */
#define CONNECT_31                                                                                 \
    "\x10\x11\x00\x06MQIsdp\x03\x02\x00\x0a\x00\x03"                                               \
    "abc"

static enum mqtt_read read_all(struct mqtt_reader *r, const uint8_t *p, size_t n,
                               struct mqtt_packet *out)
{
    size_t used;
    enum mqtt_read what = mqtt_read(r, p, n, &used, out);
    assert_true(used <= n);
    assert_true(what != MQTT_PACKET || used == n);
    return what;
}

/* Reads one packet whole, and byte by byte; both have to give one. */
static void expect(const uint8_t *p, size_t n, struct mqtt_reader *r, struct mqtt_packet *out)
{
    struct mqtt_reader slow = {0};
    size_t used;
    *r = (struct mqtt_reader){0};
    for (size_t i = 0; i < n; i++)
        assert_int_equal(mqtt_read(&slow, p + i, 1, &used, out),
                         i + 1 < n ? MQTT_MORE : MQTT_PACKET);
    mqtt_reader_free(&slow);
    assert_int_equal(read_all(r, p, n, out), MQTT_PACKET);
}

static void expect_bad(const uint8_t *p, size_t n, enum err why)
{
    struct mqtt_reader r = {0};
    struct mqtt_packet out;
    size_t used;
    assert_int_equal(mqtt_read(&r, p, n, &used, &out), MQTT_BAD);
    assert_int_equal(r.why, why);
    assert_non_null(r.bad);
    assert_int_equal(mqtt_read(&r, BYTES("\xc0\x00"), &used, &out), MQTT_BAD); /* this stays */
    mqtt_reader_free(&r);
}

/* ---- CONNECT ---- */

static void connect_plain(void **state)
{
    struct mqtt_reader r;
    struct mqtt_packet out;
    (void)state;
    expect(BYTES(CONNECT_311), &r, &out);
    assert_int_equal(out.type, MQTT_CONNECT);
    assert_int_equal(out.connect.level, 4);
    assert_true(out.connect.clean);
    assert_false(out.connect.will || out.connect.bridge);
    assert_int_equal(out.connect.keepalive_s, 60);
    assert_true(span_is(out.connect.client_id, "abc"));
    assert_null(out.connect.user_name.p);
    assert_null(out.connect.password.p);
    mqtt_reader_free(&r);
    expect(BYTES(CONNECT_31), &r, &out);
    assert_int_equal(out.connect.level, 3);
    assert_int_equal(out.connect.keepalive_s, 10);
    mqtt_reader_free(&r);
}

static void connect_with_all(void **state)
{
    struct mqtt_reader r;
    struct mqtt_packet out;
    (void)state;
    /* A broker's bridge, with will, user name and password. */
    expect(BYTES("\x10\x20\x00\x04MQTT\x84\xec\x01\x00\x00\x00\x00\x02t1\x00\x03\x00\x01\x02"
                 "\x00\x02me\x00\x05s\xff\x00"
                 "et"),
           &r, &out);
    assert_int_equal(out.connect.level, 4);
    assert_true(out.connect.bridge && out.connect.will);
    assert_false(out.connect.clean);
    assert_int_equal(out.connect.keepalive_s, 256);
    assert_int_equal(out.connect.client_id.n, 0);
    assert_non_null(out.connect.client_id.p);
    assert_true(span_is(out.connect.user_name, "me"));
    assert_int_equal(out.connect.password.n, 5);
    mqtt_reader_free(&r);
}

static void connect_of_other_levels(void **state)
{
    struct mqtt_reader r;
    struct mqtt_packet out;
    (void)state;
    /* MQTT 5, whose properties follow. */
    expect(BYTES("\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x03\x21\x00\x14\x00\x00"), &r, &out);
    assert_int_equal(out.connect.level, 5);
    mqtt_reader_free(&r);
    expect(BYTES("\x10\x0c\x00\x04MQTT\x03\x02\x00\x3c\x00\x00"), &r, &out);
    assert_int_equal(out.connect.level, 0);
    mqtt_reader_free(&r);
    expect_bad(BYTES("\x10\x0c\x00\x04HTTP\x04\x02\x00\x3c\x00\x00"), ERR_PROTOCOL);
}

static void connect_that_is_wrong(void **state)
{
    (void)state;
    expect_bad(BYTES("\x10\x0c\x00\x04MQTT\x04\x03\x00\x3c\x00\x00"), ERR_PROTOCOL);  /* reserved */
    expect_bad(BYTES("\x10\x0c\x00\x04MQTT\x04\x0a\x00\x3c\x00\x00"), ERR_PROTOCOL);  /* will QoS */
    expect_bad(BYTES("\x10\x0c\x00\x04MQTT\x04\x42\x00\x3c\x00\x00"), ERR_PROTOCOL);  /* password */
    expect_bad(BYTES("\x10\x0c\x00\x04MQTT\x04\x82\x00\x3c\x00\x00"), ERR_PROTOCOL);  /* no user */
    expect_bad(BYTES("\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x00x"), ERR_PROTOCOL); /* more */
    expect_bad(BYTES("\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02"
                     "a\x00"),
               ERR_PROTOCOL);
    expect_bad(BYTES("\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02"
                     "a\xff"),
               ERR_PROTOCOL);
    expect_bad(BYTES("\x10\x81\x40"), ERR_TOO_LARGE);
    expect_bad(BYTES("\x11\x00"), ERR_PROTOCOL);
}

/* ---- PUBLISH ---- */

static void publish(void **state)
{
    struct mqtt_reader r;
    struct mqtt_packet out;
    (void)state;
    expect(BYTES("\x30\x07\x00\x03"
                 "a/bxy"),
           &r, &out);
    assert_int_equal(out.type, MQTT_PUBLISH);
    assert_true(span_is(out.publish.topic, "a/b"));
    assert_int_equal(out.publish.qos, 0);
    assert_int_equal(out.publish.id, 0);
    assert_int_equal(out.publish.payload, 2);
    mqtt_reader_free(&r);
    expect(BYTES("\x3d\x05\x00\x01"
                 "a\x01\x02"),
           &r, &out);
    assert_int_equal(out.publish.qos, 2);
    assert_true(out.publish.dup && out.publish.retain);
    assert_int_equal(out.publish.id, 258);
    assert_int_equal(out.publish.payload, 0);
    mqtt_reader_free(&r);
}

static void publish_that_is_wrong(void **state)
{
    (void)state;
    expect_bad(BYTES("\x36\x05\x00\x01"
                     "a\x01\x02"),
               ERR_PROTOCOL); /* QoS 3 */
    expect_bad(BYTES("\x32\x05\x00\x01"
                     "a\x00\x00"),
               ERR_PROTOCOL); /* identifier 0 */
    expect_bad(BYTES("\x32\x03\x00\x01"
                     "a"),
               ERR_PROTOCOL);                            /* none */
    expect_bad(BYTES("\x30\x02\x00\x00"), ERR_PROTOCOL); /* no topic */
    expect_bad(BYTES("\x30\x05\x00\x03"
                     "a/#"),
               ERR_PROTOCOL); /* a filter */
    expect_bad(BYTES("\x30\x05\x00\x04"
                     "a/b"),
               ERR_PROTOCOL); /* too short */
    expect_bad(BYTES("\x30\xff\xff\xff\x7f"), ERR_TOO_LARGE);
    expect_bad(BYTES("\x30\xff\xff\xff\xff"), ERR_PROTOCOL);
}

/* A payload is not kept, however large it is. */
static void payloads_are_dropped(void **state)
{
    static uint8_t bytes[1000];
    struct mqtt_reader r = {0};
    struct mqtt_packet out;
    size_t used, sent = 4 + 3, size = 1000003;
    (void)state;
    assert_int_equal(read_all(&r,
                              BYTES("\x30\xc3\x84\x3d\x00\x01"
                                    "a"),
                              &out),
                     MQTT_MORE);
    for (sent = 3; sent < size; sent += used) {
        size_t n = size - sent < sizeof bytes ? size - sent : sizeof bytes;
        enum mqtt_read what = mqtt_read(&r, bytes, n, &used, &out);
        assert_int_equal(used, n);
        assert_int_equal(what, sent + n < size ? MQTT_MORE : MQTT_PACKET);
        assert_true(r.in.size <= MQTT_PACKET_MAX);
    }
    assert_int_equal(out.publish.payload, 1000000);
    assert_int_equal(mqtt_read(&r, bytes, 0, &used, &out), MQTT_MORE);
    assert_null(r.in.data);
    mqtt_reader_free(&r);
}

/* ---- subscriptions ---- */

static void subscribe(void **state)
{
    struct mqtt_reader r;
    struct mqtt_packet out;
    struct span filter;
    uint8_t qos;
    (void)state;
    expect(BYTES("\x82\x0f\x00\x07\x00\x03"
                 "a/b\x01\x00\x00\x00\x00\x01"
                 "#\x02"),
           &r, &out);
    assert_int_equal(out.type, MQTT_SUBSCRIBE);
    assert_int_equal(out.filters.id, 7);
    assert_int_equal(out.filters.n, 3);
    assert_true(mqtt_filter_next(&out.filters, &filter, &qos));
    assert_true(span_is(filter, "a/b"));
    assert_int_equal(qos, 1);
    assert_true(mqtt_filter_next(&out.filters, &filter, &qos)); /* mosquitto_sub -t "" */
    assert_int_equal(filter.n, 0);
    assert_true(mqtt_filter_next(&out.filters, &filter, &qos));
    assert_true(span_is(filter, "#"));
    assert_int_equal(qos, 2);
    assert_false(mqtt_filter_next(&out.filters, &filter, &qos));
    mqtt_reader_free(&r);
    expect(BYTES("\xa2\x07\x00\x09\x00\x03"
                 "a/b"),
           &r, &out);
    assert_int_equal(out.type, MQTT_UNSUBSCRIBE);
    assert_int_equal(out.filters.n, 1);
    mqtt_reader_free(&r);
}

static void subscribe_that_is_wrong(void **state)
{
    struct buf many = {.limit = 4096};
    (void)state;
    expect_bad(BYTES("\x80\x06\x00\x07\x00\x01"
                     "a\x01"),
               ERR_PROTOCOL); /* flags */
    expect_bad(BYTES("\x82\x06\x00\x00\x00\x01"
                     "a\x01"),
               ERR_PROTOCOL); /* identifier 0 */
    expect_bad(BYTES("\x82\x06\x00\x07\x00\x01"
                     "a\x03"),
               ERR_PROTOCOL);                            /* QoS 3 */
    expect_bad(BYTES("\x82\x02\x00\x07"), ERR_PROTOCOL); /* no filter */
    expect_bad(BYTES("\x82\x05\x00\x07\x00\x01"
                     "a"),
               ERR_PROTOCOL); /* no QoS */
    assert_true(buf_append(&many, "\x82\x86\x04\x00\x07", 5));
    for (int i = 0; i <= MQTT_FILTERS_MAX; i++)
        assert_true(buf_append(&many,
                               "\x00\x01"
                               "a\x00",
                               4));
    expect_bad(many.data, many.size, ERR_PROTOCOL);
    buf_free(&many);
}

/* ---- the others ---- */

static void small_ones(void **state)
{
    static const struct {
        uint8_t bytes[4], n;
        enum mqtt_type type;
    } rows[] = {{{0x40, 2, 1, 2}, 4, MQTT_PUBACK}, {{0x50, 2, 1, 2}, 4, MQTT_PUBREC},
                {{0x62, 2, 1, 2}, 4, MQTT_PUBREL}, {{0x70, 2, 1, 2}, 4, MQTT_PUBCOMP},
                {{0xc0, 0}, 2, MQTT_PINGREQ},      {{0xe0, 0}, 2, MQTT_DISCONNECT}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mqtt_reader r;
        struct mqtt_packet out;
        expect(rows[i].bytes, rows[i].n, &r, &out);
        assert_int_equal(out.type, rows[i].type);
        if (rows[i].n == 4)
            assert_int_equal(out.id, 258);
        mqtt_reader_free(&r);
    }
    expect_bad(BYTES("\x40\x02\x00\x00"), ERR_PROTOCOL);
    expect_bad(BYTES("\x40\x01\x01"), ERR_PROTOCOL);
    expect_bad(BYTES("\xc0\x01\x00"), ERR_PROTOCOL);
    expect_bad(BYTES("\x20\x02\x00\x00"), ERR_PROTOCOL); /* servers send that */
    expect_bad(BYTES("GET / HTTP/1.1\r\n"), ERR_PROTOCOL);
    expect_bad(BYTES("\x00"), ERR_PROTOCOL);
}

static void joined(void **state)
{
    static const char bytes[] = CONNECT_311 "\x82\x08\x00\x01\x00\x03"
                                            "a/b\x00"
                                            "\xc0\x00"
                                            "\xe0\x00";
    static const enum mqtt_type want[] = {MQTT_CONNECT, MQTT_SUBSCRIBE, MQTT_PINGREQ,
                                          MQTT_DISCONNECT};
    (void)state;
    for (size_t step = 1; step < sizeof bytes; step++) {
        struct mqtt_reader r = {0};
        struct mqtt_packet out;
        size_t got = 0;
        for (size_t at = 0; at < sizeof bytes - 1; at += step) {
            size_t n = sizeof bytes - 1 - at < step ? sizeof bytes - 1 - at : step, used, from = 0;
            while (mqtt_read(&r, (const uint8_t *)bytes + at + from, n - from, &used, &out) ==
                   MQTT_PACKET) {
                from += used;
                assert_true(got < 4);
                assert_int_equal(out.type, want[got++]);
            }
            assert_null(r.bad);
        }
        assert_int_equal(got, 4);
        mqtt_reader_free(&r);
    }
}

/* ---- writing ---- */

static void answers(void **state)
{
    struct buf out = {.limit = 64};
    static const uint8_t want[] = "\x20\x02\x01\x00\x20\x02\x00\x05\x40\x02\x01\x02\xb0\x02\x00\x07"
                                  "\x90\x04\x00\x07\x01\x80\xd0\x00";
    (void)state;
    assert_true(mqtt_put_connack(&out, true, MQTT_ACCEPTED));
    assert_true(mqtt_put_connack(&out, false, MQTT_NOT_AUTHORIZED));
    assert_true(mqtt_put_ack(&out, MQTT_PUBACK, 258));
    assert_true(mqtt_put_ack(&out, MQTT_UNSUBACK, 7));
    assert_true(mqtt_put_suback(&out, 7, (const uint8_t[]){1, MQTT_SUBSCRIPTION_REFUSED}, 2));
    assert_true(mqtt_put_pingresp(&out));
    assert_int_equal(out.size, sizeof want - 1);
    assert_memory_equal(out.data, want, out.size);
    buf_free(&out);
}

/* What is written is read again, since a PUBLISH is the same in both directions. */
static void published(void **state)
{
    static char payload[20000];
    static const size_t sizes[] = {0, 1, 121, 122, 123, 16375, 16380, 20000};
    (void)state;
    memset(payload, 'x', sizeof payload);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf out = {.limit = 30000};
        struct mqtt_reader r = {0};
        struct mqtt_packet p;
        struct mqtt_publish m = {
            .topic = span_of("a/b"), .qos = i % 2, .id = i % 2 ? 300 : 0, .dup = i % 2 != 0};
        assert_true(mqtt_put_publish(&out, &m, (struct span){payload, sizes[i]}));
        assert_int_equal(read_all(&r, out.data, out.size, &p), MQTT_PACKET);
        assert_true(span_is(p.publish.topic, "a/b"));
        assert_int_equal(p.publish.payload, sizes[i]);
        assert_int_equal(p.publish.id, m.id);
        assert_int_equal(p.publish.dup, m.dup);
        mqtt_reader_free(&r);
        buf_free(&out);
    }
    struct buf small = {.limit = 16};
    assert_false(mqtt_put_publish(&small, &(struct mqtt_publish){.topic = span_of("a/b")},
                                  (struct span){payload, 20}));
    assert_int_equal(small.size, 0);
    buf_free(&small);
}

/* ---- topics ---- */

static void filters(void **state)
{
    static const struct {
        const char *filter, *topic;
        bool matches;
    } rows[] = {
        {"a/b", "a/b", true},
        {"a/b", "a/b/c", false},
        {"a/b", "a", false},
        {"a/b", "a/B", false},
        {"a/+", "a/b", true},
        {"a/+", "a", false},
        {"a/+", "a/", true},
        {"+/b", "a/b", true},
        {"a/+/c", "a/b/c", true},
        {"a/#", "a", true},
        {"a/#", "a/b/c", true},
        {"a/#", "ab", false},
        {"#", "a/b", true},
        {"#", "$aws/b", false},
        {"+/b", "$aws/b", false},
        {"$aws/#", "$aws/b", true},
        {"/+", "/a", true},
        {"+", "/a", false},
        {"+/+", "/a", true},
        {"a//b", "a//b", true},
        {"a/+/b", "a//b", true},
        {"$aws/things/+/tunnels/notify", "$aws/things/x/tunnels/notify", true},
        {"$iothub/streams/POST/#", "$iothub/streams/POST/S/?$rid=1", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(mqtt_filter_valid(span_of(rows[i].filter)));
        assert_true(mqtt_topic_valid(span_of(rows[i].topic)));
        if (mqtt_filter_matches(span_of(rows[i].filter), span_of(rows[i].topic)) != rows[i].matches)
            fail_msg("%s for %s", rows[i].filter, rows[i].topic);
    }
}

static void what_is_no_filter(void **state)
{
    static const char *const rows[] = {"", "a/#/b", "a#", "#/", "a+", "a/+b", "a/b+/c", "\xff"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_false(mqtt_filter_valid(span_of(rows[i])));
    assert_false(mqtt_filter_valid((struct span){"a\0b", 3}));
    assert_false(mqtt_topic_valid(span_of("a/+")));
    assert_false(mqtt_topic_valid(span_of("")));
    assert_false(mqtt_filter_matches(span_of(""), span_of("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_plain),
        cmocka_unit_test(connect_with_all),
        cmocka_unit_test(connect_of_other_levels),
        cmocka_unit_test(connect_that_is_wrong),
        cmocka_unit_test(publish),
        cmocka_unit_test(publish_that_is_wrong),
        cmocka_unit_test(payloads_are_dropped),
        cmocka_unit_test(subscribe),
        cmocka_unit_test(subscribe_that_is_wrong),
        cmocka_unit_test(small_ones),
        cmocka_unit_test(joined),
        cmocka_unit_test(answers),
        cmocka_unit_test(published),
        cmocka_unit_test(filters),
        cmocka_unit_test(what_is_no_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
