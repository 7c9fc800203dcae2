/* A device's link: how it comes up, and hubs that break the rules, are silent or do not read. */
#include "tests/unit/device_link_help.h"

#include "core/device/device_proof.h"
#include "gateway/destination/device_outbox.h"
#include "gateway/destination/device_pings.h"

#include <string.h>

/* ---- the way in ---- */

static void who_it_is(void **state)
{
    uint8_t nonce[DEVICE_NONCE_SIZE], certificate[TLS_FINGERPRINT];
    (void)state;
    start();
    assert_string_equal(try.target.host, "hub.example");
    assert_int_equal(try.target.port, 8443);
    assert_string_equal(try.target.path, DEVICE_LINK_PATH);
    assert_string_equal(try.target.subprotocol, DEVICE_LINK_PROTOCOL);
    assert_string_equal(try.target.agent, "agent/1");
    arrive();
    expect_nothing(); /* the hub speaks first */
    say_challenge();
    struct device_message m = expect_message(DEVICE_MESSAGE_HELLO);
    assert_true(span_is(m.hello.device, "press7"));
    assert_true(span_is(m.hello.join_token, "join me"));
    assert_true(m.hello.names_tunnels);
    assert_int_equal(m.hello.n_tunnels, 2);
    assert_true(span_is(m.hello.tunnels[1], "t-2"));
    assert_true(span_is(m.hello.status.version, "1.2"));
    assert_true(span_is(m.hello.status.services[0], "SSH1"));
    assert_int_equal(m.hello.status.ping_s, PING_MS / 1000);
    memset(nonce, 'n', sizeof nonce);
    memset(certificate, 'c', sizeof certificate);
    const struct device_proof proof = {.host = span_of("hub.example"),
                                       .device = span_of("press7"),
                                       .point = key.point,
                                       .nonce = nonce,
                                       .certificate = certificate};
    assert_memory_equal(m.hello.public_key, key.point, P256_POINT_SIZE);
    assert_true(device_proof_check(&proof, m.hello.signature));
    assert_int_equal(phase(), DEVICE_LINK_CONNECTING);
    say_welcome("press7", true, false);
    assert_int_equal(welcomes, 1);
    assert_true(enrolled);
    assert_int_equal(phase(), DEVICE_LINK_UP);
    assert_int_equal(device_link_info(l).connections, 1);
    assert_int_equal(device_link_info(l).since_ms, now_ms);
}

static void by_certificate(void **state)
{
    (void)state;
    options.key = NULL;
    options.name = "";
    options.join_token = NULL;
    start();
    arrive();
    say_challenge();
    struct device_message m = expect_message(DEVICE_MESSAGE_HELLO);
    assert_int_equal(m.hello.device.n, 0);
    assert_int_equal(m.hello.join_token.n, 0);
    assert_null(m.hello.public_key);
    assert_null(m.hello.signature);
    say_welcome("from-the-certificate", false, false);
    assert_string_equal(name, "from-the-certificate");
    hang_up();
    expect_lost(ERR_EOF, "the hub ended it");
    expect_try_within(RETRY_FIRST_MS);
    arrive();
    say_challenge();
    m = expect_message(DEVICE_MESSAGE_HELLO);
    assert_true(span_is(m.hello.device, "from-the-certificate")); /* it has that name now */
    say_welcome("another", false, false);
    expect_lost(ERR_PROTOCOL, "welcomed another device");
}

static void an_operator_has_to_approve_it(void **state)
{
    (void)state;
    start();
    arrive();
    say_challenge();
    expect_message(DEVICE_MESSAGE_HELLO);
    say_welcome("press7", true, true);
    assert_int_equal(phase(), DEVICE_LINK_PENDING);
    assert_true(pending);
    say_notice("n1");
    say_withdrawn("n1");
    assert_int_equal(notices + withdrawals, 0);
    device_link_answer(l, span_of("n1"), true, DEVICE_CODE_UNKNOWN, span_of(""));
    expect_nothing();
    device_link_tell(l);
    expect_message(DEVICE_MESSAGE_STATUS);
    say_welcome("press7", false, false);
    assert_int_equal(phase(), DEVICE_LINK_UP);
    assert_int_equal(device_link_info(l).connections, 1);
    say_notice("n2");
    assert_int_equal(notices, 1);
}

static void notices_and_answers(void **state)
{
    char words[2 * DEVICE_LINK_WORDS_MAX];
    (void)state;
    memset(words, 'w', sizeof words);
    start_and_come_up();
    say_notice("n1");
    assert_int_equal(notices, 1);
    assert_string_equal(last_id, "n1");
    device_link_answer(l, span_of("n1"), false, DEVICE_CODE_BUSY,
                       (struct span){words, sizeof words});
    struct device_message m = expect_message(DEVICE_MESSAGE_ANSWER);
    assert_true(span_is(m.answer.id, "n1"));
    assert_false(m.answer.accepted);
    assert_int_equal(m.answer.code, DEVICE_CODE_BUSY);
    assert_int_equal(m.answer.why.n, DEVICE_LINK_WORDS_MAX);
    say_withdrawn("n1");
    assert_int_equal(withdrawals, 1);
    accepting = false;
    later(7000);
    device_link_tell(l);
    m = expect_message(DEVICE_MESSAGE_STATUS);
    assert_false(m.status.accepting);
    assert_int_equal(m.status.uptime_s, 7);
}

static void says_nothing_when_it_is_not_up(void **state)
{
    (void)state;
    start();
    device_link_tell(l);
    device_link_answer(l, span_of("n1"), true, DEVICE_CODE_UNKNOWN, span_of(""));
    arrive();
    device_link_tell(l);
    device_link_answer(l, span_of("n1"), true, DEVICE_CODE_UNKNOWN, span_of(""));
    say_notice("too early");
    expect_nothing();
    say_challenge();
    expect_message(DEVICE_MESSAGE_HELLO);
    say_notice("too early");
    say_withdrawn("too early");
    assert_int_equal(notices + withdrawals, 0);
    device_link_tell(l);
    expect_nothing();
    hang_up();
    expect_lost(ERR_EOF, "the hub ended it");
    device_link_tell(l);
    device_link_answer(l, span_of("n1"), true, DEVICE_CODE_UNKNOWN, span_of(""));
}

/* ---- hubs that break the rules ---- */

static void out_of_order(void **state)
{
    (void)state;
    start();
    arrive();
    say_welcome("press7", true, false);
    assert_int_equal(welcomes, 0);
    expect_lost(ERR_PROTOCOL, "welcomed before it asked who this is");
    expect_try_within(RETRY_FIRST_MS);
    arrive();
    say_challenge();
    say_challenge();
    expect_lost(ERR_PROTOCOL, "asked twice who this is");
    expect_try_within(2 * RETRY_FIRST_MS);
    come_up();
    say_challenge();
    expect_lost(ERR_PROTOCOL, "asked twice who this is");
    expect_try_within(4 * RETRY_FIRST_MS);
    arrive();
    say_challenge();
    say_welcome("press8", true, false);
    assert_int_equal(welcomes, 1);
    expect_lost(ERR_PROTOCOL, "welcomed another device");
}

static void no_messages(void **state)
{
    static uint8_t large[DEVICE_LINK_MESSAGE_MAX + 1];
    static const uint8_t later_version[] = {15 << 3 | 2, 1, 'x'};
    (void)state;
    start_and_come_up();
    raw(WS_BINARY, later_version, sizeof later_version);
    raw(WS_BINARY, "", 0);
    assert_int_equal(phase(), DEVICE_LINK_UP);
    raw(WS_BINARY, "\xff\xff\xff\xff", 4);
    expect_lost(ERR_PROTOCOL, "something that is no message");
    expect_try_within(RETRY_FIRST_MS);
    come_up();
    raw(WS_BINARY, large, sizeof large);
    expect_lost(ERR_TOO_LARGE, "too large a message");
    expect_try_within(2 * RETRY_FIRST_MS);
    come_up();
    raw(WS_TEXT, "hello", 5);
    expect_frame(WS_CLOSE);
    hang_up();
    expect_lost(ERR_PROTOCOL, "");
}

/* ---- silence ---- */

/* However busy it is otherwise. */
static void a_hub_that_does_not_say_who_is_welcome(void **state)
{
    (void)state;
    for (int asks = 0; asks < 2; asks++) {
        if (asks > 0)
            begin(state);
        start();
        arrive();
        if (asks > 0)
            say_challenge();
        later(GREETING_MS / 2);
        raw(WS_PING, "x", 1);
        say_notice("n1");
        later(GREETING_MS / 2);
        assert_int_equal(downs, 0);
        later(1);
        expect_lost(ERR_SILENT, "did not say whether it knows the device");
        if (asks == 0)
            end(state);
    }
}

static void pings(void **state)
{
    (void)state;
    start_and_come_up();
    later(PING_MS);
    expect_nothing();
    later(1);
    expect_frame(WS_PING);
    raw(WS_PONG, "", 0);
    assert_true(device_link_info(l).ping_ms > PING_MS); /* it came through that silence */
    struct device_message m = expect_message(DEVICE_MESSAGE_STATUS);
    assert_int_equal(m.status.ping_s, device_link_info(l).ping_ms / 1000);
    for (uint64_t before = 0; before != device_link_info(l).ping_ms;) {
        before = device_link_info(l).ping_ms;
        later(before + 1);
        expect_frame(WS_PING);
        now_ms += 3;
        raw(WS_PONG, "", 0);
        assert_int_equal(device_link_info(l).round_trip_us, 3000);
        take();
        n_in = 0;
    }
    assert_int_equal(device_link_info(l).ping_ms, DEVICE_PINGS_MOST_MS);
    /* Whatever comes from the hub puts the next one off. */
    for (int i = 0; i < 10; i++) {
        later(DEVICE_PINGS_MOST_MS - 1);
        say_notice("n1");
    }
    expect_nothing();
}

static void fixed_pings(void **state)
{
    (void)state;
    options.fixed_pings = true;
    start_and_come_up();
    for (int i = 0; i < 5; i++) {
        later(PING_MS + 1);
        expect_frame(WS_PING);
        raw(WS_PONG, "", 0);
        expect_nothing();
    }
    assert_int_equal(device_link_info(l).ping_ms, PING_MS);
}

static void a_hub_that_is_silent(void **state)
{
    (void)state;
    start_and_come_up();
    later(PING_MS + 1);
    expect_frame(WS_PING);
    later(PONG_MS);
    assert_int_equal(downs, 0);
    later(1);
    expect_lost(ERR_TIMEOUT, "nothing came from the hub any more");
    assert_int_equal(device_link_info(l).round_trip_us, 0);
}

/* Another message is an answer as well, and pongs that nobody asked for are none. */
static void an_answer_of_another_kind(void **state)
{
    (void)state;
    start_and_come_up();
    raw(WS_PONG, "", 0);
    assert_int_equal(device_link_info(l).round_trip_us, 0);
    assert_int_equal(device_link_info(l).ping_ms, PING_MS);
    expect_nothing();
    later(PING_MS + 1);
    expect_frame(WS_PING);
    later(1);
    say_notice("n1");
    later(PONG_MS);
    assert_int_equal(downs, 0);
    expect_nothing();
    later(PING_MS - PONG_MS + 1);
    expect_frame(WS_PING);
    later(PONG_MS + 1);
    expect_lost(ERR_TIMEOUT, "nothing came");
}

/* Twice after the same silence: a NAT between them has a limit, and pings go out before it. */
static void cut_after_a_silence(void **state)
{
    (void)state;
    start_and_come_up();
    for (int i = 0; i < 2; i++) {
        later(15000);
        hang_up();
        expect_lost(ERR_EOF, i == 0 ? "the hub ended it" : "so pings go out every 7.5 s now");
        later(RETRY_MOST_MS + 1);
        come_up();
    }
    assert_int_equal(device_link_info(l).ping_ms, 7500);
    later(7501);
    expect_frame(WS_PING);
}

/* ---- a hub that does not read ---- */

static void does_not_read(void **state)
{
    int said = 0;
    (void)state;
    start_and_come_up();
    for (; downs == 0 && said < 10 * DEVICE_OUTBOX_MAX; said++)
        device_link_tell(l);
    assert_true(said > DEVICE_OUTBOX_MAX);
    assert_true(said < 10 * DEVICE_OUTBOX_MAX);
    expect_lost(ERR_STALLED, "does not take what this device says");
    expect_try_within(RETRY_FIRST_MS);
    come_up(); /* and nothing of what waited is said there */
    expect_nothing();
}

static void reads_slowly(void **state)
{
    (void)state;
    start_and_come_up();
    for (int i = 0; i < DEVICE_OUTBOX_MAX; i++)
        device_link_tell(l);
    for (int i = 0; i < DEVICE_OUTBOX_MAX; i++)
        expect_message(DEVICE_MESSAGE_STATUS);
    expect_nothing();
    assert_int_equal(downs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_it_is),
        TEST(by_certificate),
        TEST(an_operator_has_to_approve_it),
        TEST(notices_and_answers),
        TEST(says_nothing_when_it_is_not_up),
        TEST(out_of_order),
        TEST(no_messages),
        TEST(a_hub_that_does_not_say_who_is_welcome),
        TEST(pings),
        TEST(fixed_pings),
        TEST(a_hub_that_is_silent),
        TEST(an_answer_of_another_kind),
        TEST(cut_after_a_silence),
        TEST(does_not_read),
        TEST(reads_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
