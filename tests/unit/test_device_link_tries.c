/* A device's link: refusals and tries, other options, its end, and memory that runs out. */
#include "tests/unit/device_link_help.h"

#include <string.h>

/* ---- refusals and tries ---- */

static void refusals(void **state)
{
    static const enum device_reason reasons[] = {
#define X(identifier, number, short_name, retry, text) DEVICE_REASON_##identifier,
        DEVICE_REASONS(X)
#undef X
            (enum device_reason) 999,
    };
    for (size_t i = 0; i < COUNT(reasons); i++) {
        for (int known = 0; known < 2; known++) {
            enum device_retry retry = device_reason_retry(reasons[i]);
            if (i + (size_t)known > 0)
                begin(state);
            options.enrolled = known != 0;
            start();
            memset(try.target.tls_session, 1, sizeof *try.target.tls_session);
            arrive();
            say_challenge();
            say_refused(reasons[i], "my \x1b[2J\nwords");
            assert_string_equal(device_reason_name(last_reason), device_reason_name(reasons[i]));
            assert_non_null(strstr(last_text, device_reason_text(reasons[i])));
            assert_non_null(strstr(last_text, "words"));
            assert_null(strpbrk(last_text, "\x1b\n"));
            assert_int_equal(((const uint8_t *)device_link_session(l))[0],
                             reasons[i] != DEVICE_REASON_CERTIFICATE_CHANGED);
            if (retry == DEVICE_RETRY_NEVER && !known) {
                assert_int_equal(finishes, 1);
                assert_int_equal(phase(), DEVICE_LINK_OVER);
                later(10 * RETRY_MOST_MS);
                assert_int_equal(started, 1);
            } else {
                expect_lost(ERR_REJECTED, "the hub refused the device \"press7\"");
                assert_string_equal(device_link_info(l).refusal, device_reason_text(reasons[i]));
                expect_try_within(retry == DEVICE_RETRY_SOON ? RETRY_FIRST_MS : RETRY_MOST_MS);
                assert_null(device_link_info(l).refusal);
            }
            if (i + 1 < COUNT(reasons) || known == 0)
                end(state);
        }
    }
}

/* Whoever was welcome once is never given up. */
static void removed_and_let_in_again(void **state)
{
    (void)state;
    start_and_come_up();
    say_refused(DEVICE_REASON_REMOVED, "");
    expect_lost(ERR_REJECTED, "the device was removed");
    expect_try_within(RETRY_MOST_MS);
    come_up();
    assert_null(device_link_info(l).refusal);
    assert_int_equal(device_link_info(l).why, ERR_OK);
    assert_int_equal(device_link_info(l).connections, 2);
}

static void tries_grow_rarer(void **state)
{
    uint64_t most = RETRY_FIRST_MS;
    const struct connector_failure f = {.why = ERR_REFUSED, .text = "nobody there", .later_ms = -1};
    (void)state;
    start();
    uint64_t since = device_link_info(l).since_ms;
    for (int i = 0; i < 15; i++) {
        unreached(&f);
        assert_int_equal(device_link_info(l).repeated, i > 0);
        expect_lost(ERR_REFUSED, "nobody there");
        expect_try_within(most);
        most = 2 * most < RETRY_MOST_MS ? 2 * most : RETRY_MOST_MS;
    }
    assert_int_equal(device_link_info(l).since_ms, since);
    come_up();
    later(STEADY_MS - 1);
    hang_up();
    expect_lost(ERR_EOF, "");
    expect_try_within(RETRY_MOST_MS); /* it was not there for long */
    come_up();
    later(STEADY_MS);
    hang_up();
    expect_lost(ERR_EOF, "");
    expect_try_within(RETRY_FIRST_MS);
}

static void comes_back_when_it_was_asked_to(void **state)
{
    const struct connector_failure f = {
        .why = ERR_REJECTED, .text = "503: busy", .status = 503, .later_ms = 10000};
    (void)state;
    start();
    unreached(&f);
    expect_lost(ERR_REJECTED, "503: busy");
    assert_in_range(device_link_info(l).retry_ms - now_ms, 10000, 12500);
}

static void a_hub_without_devices(void **state)
{
    const struct connector_failure f = {
        .why = ERR_REJECTED, .text = "404", .status = 404, .final = true, .later_ms = -1};
    (void)state;
    start();
    unreached(&f);
    assert_int_equal(finishes, 1);
    assert_non_null(strstr(last_text, "it is older than this agent"));
    end(state);
    begin(state);
    options.enrolled = true; /* it may be another one for a moment */
    start();
    unreached(&f);
    expect_lost(ERR_REJECTED, "it is older than this agent");
    expect_try_within(RETRY_MOST_MS);
}

static void closed_by_the_hub(void **state)
{
    (void)state;
    start_and_come_up();
    say_close(1001, "it \x01 ends");
    expect_lost(ERR_LINK_LOST, "the hub closed it: 1001 it ");
    assert_null(strchr(last_text, 1));
    expect_frame(WS_CLOSE);
    expect_try_within(RETRY_FIRST_MS);
}

/* ---- other options ---- */

static void a_change_that_changes_nothing(void **state)
{
    (void)state;
    start_and_come_up();
    options.join_token = "another";
    assert_int_equal(device_link_change(l, &options), ERR_OK);
    assert_int_equal(phase(), DEVICE_LINK_UP);
    hub.ping_ms = 10000;
    assert_int_equal(device_link_change(l, &options), ERR_OK);
    assert_int_equal(phase(), DEVICE_LINK_UP);
    assert_int_equal(device_link_info(l).ping_ms, 10000);
    hang_up();
    expect_lost(ERR_EOF, "");
    later(RETRY_FIRST_MS + 1);
    arrive();
    say_challenge();
    struct device_message m = expect_message(DEVICE_MESSAGE_HELLO);
    assert_true(span_is(m.hello.join_token, "another"));
}

static void another_hub(void **state)
{
    (void)state;
    start_and_come_up();
    free(hub.host);
    hub.host = strdup("other.example");
    assert_int_equal(device_link_change(l, &options), ERR_OK);
    assert_int_equal(phase(), DEVICE_LINK_CONNECTING);
    assert_int_equal(downs, 0);
    later(1);
    assert_int_equal(started, 2);
    assert_string_equal(try.target.host, "other.example");
    hub.port = 443; /* while it is on its way */
    assert_int_equal(device_link_change(l, &options), ERR_OK);
    assert_int_equal(cancelled, 1);
    later(1);
    assert_int_equal(try.target.port, 443);
    come_up();
}

static void a_change_ends_a_pause(void **state)
{
    (void)state;
    options.enrolled = true;
    start();
    arrive();
    say_challenge();
    say_refused(DEVICE_REASON_DISABLED, "");
    expect_lost(ERR_REJECTED, "disabled");
    assert_int_equal(device_link_change(l, &options), ERR_OK);
    later(1);
    assert_int_equal(started, 2);
    unreached(&(struct connector_failure){.why = ERR_REFUSED, .text = "no", .later_ms = -1});
    expect_lost(ERR_REFUSED, "no");
    expect_try_within(RETRY_FIRST_MS);
}

static void a_change_after_the_end(void **state)
{
    (void)state;
    start();
    arrive();
    say_challenge();
    say_refused(DEVICE_REASON_JOIN_TOKEN_EXPIRED, "");
    assert_int_equal(phase(), DEVICE_LINK_OVER);
    options.join_token = "a new one";
    assert_int_equal(device_link_change(l, &options), ERR_OK);
    later(1);
    come_up();
}

static void a_change_that_cannot_be(void **state)
{
    (void)state;
    start_and_come_up();
    hub.web_proxy = strdup("gopher://proxy");
    hub.port = 1;
    assert_true(device_link_change(l, &options) != ERR_OK);
    assert_int_equal(phase(), DEVICE_LINK_UP);
    hang_up();
    later(RETRY_FIRST_MS + 1);
    assert_int_equal(try.target.port, 8443);
    assert_null(try.target.proxy);
}

/* ---- the end ---- */

static void freed_in_each_state(void **state)
{
    for (int i = 0; i < 7; i++) {
        enum err why;
        if (i > 0)
            begin(state);
        if (i == 0)
            l = device_link_new(&options, &link_events, &options, &why);
        else
            start();
        if (i >= 2 && i < 6)
            arrive();
        if (i >= 3 && i < 6)
            say_challenge();
        if (i == 4)
            say_welcome("press7", false, false);
        if (i == 5)
            say_refused(DEVICE_REASON_REMOVED, "");
        if (i == 6)
            unreached(&(struct connector_failure){.why = ERR_REFUSED, .text = "", .later_ms = -1});
        device_link_free(l);
        l = NULL;
        assert_int_equal(cancelled, i == 1);
        if (i == 4) {
            expect_message(DEVICE_MESSAGE_HELLO);
            expect_frame(WS_CLOSE);
        }
        if (i < 6)
            end(state);
    }
}

/* ---- memory ---- */

static void no_memory_to_begin(void **state)
{
    bool failed = true;
    (void)state;
    hub.web_proxy = strdup("http://me:secret@proxy.example:3128");
    hub.bind = "127.0.0.1";
    for (size_t n = 1; failed; n++) {
        enum err why = ERR_OK;
        memory_fails(n);
        l = device_link_new(&options, &link_events, &options, &why);
        failed = memory_failed();
        assert_int_equal(l == NULL, failed);
        assert_int_equal(why, failed ? ERR_NO_MEMORY : ERR_OK);
    }
    later(1);
    failed = true;
    for (size_t n = 1; failed; n++) {
        hub.port = 1;
        memory_fails(n);
        enum err why = device_link_change(l, &options);
        failed = memory_failed();
        assert_int_equal(why, failed ? ERR_NO_MEMORY : ERR_OK);
        if (failed)
            assert_int_equal(try.target.port, 8443);
    }
    later(1);
    assert_int_equal(try.target.port, 1);
}

static void no_memory_for_a_connector(void **state)
{
    enum err why;
    (void)state;
    no_connector = true;
    l = device_link_new(&options, &link_events, &options, &why);
    later(1);
    expect_lost(ERR_NO_MEMORY, "out of memory");
    no_connector = false;
    expect_try_within(RETRY_FIRST_MS);
}

/* Whatever request for memory fails on the way, the link is lost and comes back. */
static void no_memory_on_the_way(void **state)
{
    bool failed = true;
    (void)state;
    options.enrolled = true;
    start();
    for (size_t n = 1; failed; n++) {
        memory_at = n;
        arrive();
        say_challenge();
        if (fd >= 0)
            say_welcome("press7", false, false);
        say_notice("n1");
        device_link_answer(l, span_of("n1"), true, DEVICE_CODE_UNKNOWN, span_of(""));
        failed = memory_failed();
        if (failed && downs == 0)
            hang_up();
        if (failed) {
            assert_true(downs > 0);
            downs = 0;
            while (!connecting)
                later(RETRY_MOST_MS + 1);
        }
    }
    memory_at = 0;
    assert_int_equal(phase(), DEVICE_LINK_UP);
    expect_message(DEVICE_MESSAGE_HELLO);
    expect_message(DEVICE_MESSAGE_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refusals),
        TEST(removed_and_let_in_again),
        TEST(tries_grow_rarer),
        TEST(comes_back_when_it_was_asked_to),
        TEST(a_hub_without_devices),
        TEST(closed_by_the_hub),
        TEST(a_change_that_changes_nothing),
        TEST(another_hub),
        TEST(a_change_ends_a_pause),
        TEST(a_change_after_the_end),
        TEST(a_change_that_cannot_be),
        TEST(freed_in_each_state),
        TEST(no_memory_to_begin),
        TEST(no_memory_for_a_connector),
        TEST(no_memory_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
