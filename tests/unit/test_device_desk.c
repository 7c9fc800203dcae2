/* The main thread's part in devices' links: who is let in, where each lives, and what it is told.
 */
#include "tests/unit/device_desk_help.h"

/* ---- who is let in ---- */

static void welcomed(void **state)
{
    (void)state;
    say_hello("press7", 0, "");
    struct device_ticket *t = expect_ticket();
    assert_string_equal(t->device, "press7");
    assert_string_equal(t->client, "192.0.2.7:4000");
    assert_int_equal(t->wire, DEVICE_WIRE_LINK);
    assert_int_equal(t->ping_s, 20);
    assert_non_null(t->return_message);
    assert_false(is_present("press7")); /* it is on its way */
    uint64_t serial = arrive(t);
    struct hub_message m = expect_message(serial, HUB_MESSAGE_WELCOME);
    assert_true(m.welcome.enrolled);
    assert_false(m.welcome.pending);
    assert_true(is_present("press7"));
    assert_int_equal(alerts[0], 1);
    const struct device_presence *p = notices_presence(device_desk_notices(hub.desk), "press7");
    assert_string_equal(p->carrier->name, "device-link");
    assert_string_equal(p->services.items[0], "SSH1");
    assert_string_equal(p->version, "1.2");
    assert_string_equal(get("press7")->last_address, "192.0.2.7");
    assert_int_equal(metric("tunnel_hub_device_links"), 1);
    go(serial, ERR_EOF, false);
    assert_false(is_present("press7"));
    assert_int_equal(alerts[1], 1);
    assert_int_equal(metric("tunnel_hub_device_links"), 0);
    say_hello("press7", 0, "");
    m = expect_message(arrive(expect_ticket()), HUB_MESSAGE_WELCOME);
    assert_false(m.welcome.enrolled); /* that was before */
}

static void refused(void **state)
{
    (void)state;
    assert_int_equal(invite("join-once", "pump-*", 1, 60000), ERR_OK);
    assert_int_equal(invite("join-late", "*", 10, 1), ERR_OK);
    clock_ms += 10;
    say_hello("pump-1", 'a', "");
    expect_refused(DEVICE_REASON_UNKNOWN_DEVICE);
    say_hello("pump-1", 'a', "no-token");
    expect_refused(DEVICE_REASON_JOIN_TOKEN_UNKNOWN);
    say_hello("pump-1", 'a', "join-late");
    expect_refused(DEVICE_REASON_JOIN_TOKEN_EXPIRED);
    say_hello("press7", 'a', "join-once");
    expect_refused(DEVICE_REASON_NAME_NOT_INVITED);
    say_hello("pump.1", 'a', "join-once");
    expect_refused(DEVICE_REASON_NAME_INVALID);
    say_hello("", 0, "");
    expect_refused(DEVICE_REASON_NAME_INVALID);
    assert_int_equal(refusals, 6);
    say_hello("pump-1", 'a', "join-once");
    give_back(expect_ticket(), ERR_EOF, false);
    say_hello("pump-2", 'a', "join-once");
    expect_refused(DEVICE_REASON_JOIN_TOKEN_USED_UP);
    say_hello("pump-1", 'b', "join-once");
    expect_refused(DEVICE_REASON_NAME_TAKEN);
    assert_int_equal(set_state("pump-1", DEVICE_DISABLED), ERR_OK);
    say_hello("pump-1", 'a', "");
    expect_refused(DEVICE_REASON_DISABLED);
    assert_int_equal(metric("tunnel_hub_enrolments_total{result=\"name-taken\"}"), 1);
    expect_nothing();
}

static void spread_over_the_workers(void **state)
{
    char name[32];
    uint64_t serials[3 * WORKERS];
    size_t load[WORKERS] = {0};
    (void)state;
    for (size_t i = 0; i < 3 * WORKERS; i++) {
        snprintf(name, sizeof name, "d%zu", i);
        serials[i] = come(name);
        load[worker_of(serials[i])]++;
    }
    for (size_t i = 0; i < WORKERS; i++)
        assert_int_equal(load[i], 3);
    for (size_t i = 0; i < 3 * WORKERS; i++) /* those of one worker leave */
        if (worker_of(serials[i]) == 1)
            go(serials[i], ERR_EOF, false);
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "late%zu", i);
        assert_int_equal(worker_of(come(name)), 1);
    }
}

/* ---- an operator's approval ---- */

static void approved_later(void **state)
{
    struct heard h;
    (void)state;
    device_desk_approve(hub.desk, true);
    say_hello("press7", 0, "");
    uint64_t serial = arrive(expect_ticket());
    struct hub_message m = expect_message(serial, HUB_MESSAGE_WELCOME);
    assert_true(m.welcome.pending && m.welcome.enrolled);
    assert_false(is_present("press7"));
    say_status(serial, "HTTP1"); /* it may tell that, and is not there */
    assert_false(is_present("press7"));
    ask_for(&h, "press7", "t-1", NULL);
    assert_int_equal(h.result, NOTICE_AWAY);
    assert_int_equal(set_state("press7", DEVICE_ENABLED), ERR_OK);
    m = expect_message(serial, HUB_MESSAGE_WELCOME); /* once more */
    assert_false(m.welcome.pending || m.welcome.enrolled);
    assert_true(is_present("press7"));
    assert_string_equal(
        notices_presence(device_desk_notices(hub.desk), "press7")->services.items[0], "HTTP1");
    assert_int_equal(set_state("press7", DEVICE_PENDING), ERR_OK);
    m = expect_message(serial, HUB_MESSAGE_WELCOME);
    assert_true(m.welcome.pending);
    assert_false(is_present("press7"));
    expect_nothing();
}

/* ---- links of one device ---- */

static void comes_again_from_elsewhere(void **state)
{
    struct heard h;
    (void)state;
    uint64_t first = come("press7");
    say_hello("press7", 0, "");
    struct device_ticket *t = expect_ticket();
    say_hello("press7", 0, "");
    struct device_ticket *never = expect_ticket(); /* which is lost on its way */
    expect_nothing();
    uint64_t second = arrive(t);
    expect_message(second, HUB_MESSAGE_WELCOME);
    expect_dismissed(first, DEVICE_REASON_REPLACED);
    say_status(first, "OTHER"); /* it counts for nothing any more */
    assert_string_equal(
        notices_presence(device_desk_notices(hub.desk), "press7")->services.items[0], "SSH1");
    go(first, ERR_REJECTED, false);
    assert_true(is_present("press7"));
    assert_int_equal(alerts[1], 0);
    ask_for(&h, "press7", "t-1", NULL);
    expect_message(second, HUB_MESSAGE_NOTICE);
    give_back(never, ERR_EOF, false);
    assert_true(is_present("press7"));
}

/* Between its admission and the moment when it would go to its worker. */
static void disabled_on_its_way(void **state)
{
    (void)state;
    say_hello("press7", 0, "");
    struct device_ticket *t = expect_ticket();
    assert_int_equal(set_state("press7", DEVICE_DISABLED), ERR_OK);
    move(t);
    expect_nothing();
    assert_int_equal(metric("tunnel_hub_device_links"), 0);
    say_hello("press7", 0, "");
    expect_refused(DEVICE_REASON_DISABLED);
}

/* ---- devices that have to go ---- */

static enum err disable(const char *name)
{
    return set_state(name, DEVICE_DISABLED);
}

static void sent_away(void **state)
{
    static const struct {
        enum err (*call)(const char *name);
        enum device_reason reason;
    } rows[] = {{disable, DEVICE_REASON_DISABLED},
                {reset, DEVICE_REASON_REMOVED},
                {remove_device, DEVICE_REASON_REMOVED}};
    (void)state;
    come("other");
    for (size_t i = 0; i < 3; i++) {
        struct heard h;
        char name[8];
        snprintf(name, sizeof name, "d%zu", i);
        uint64_t serial = come(name);
        const char *kept = open_tunnel(name, false), *on_demand = open_tunnel(name, true),
                   *others = open_tunnel("other", true);
        expect_message(serial, HUB_MESSAGE_NOTICE); /* of the one that is not on demand */
        ask_for(&h, name, "t-1", NULL);
        struct hub_message m = expect_message(serial, HUB_MESSAGE_NOTICE);
        char id[DEVICE_LINK_ID_MAX + 1];
        snprintf(id, sizeof id, "%.*s", (int)m.notice.id.n, m.notice.id.p);
        assert_int_equal(rows[i].call(name), ERR_OK);
        assert_int_equal(h.calls, 1);
        assert_int_equal(h.result, NOTICE_AWAY);
        expect_dismissed(serial, rows[i].reason);
        UNTIL(loop, fate_of(on_demand) == CLOSED && fate_of(kept) == ROTATED);
        assert_int_equal(fate_of(others), OPEN);
        assert_false(is_present(name));
        assert_true(is_present("other"));
        say_answer(serial, id, true);
        if (rows[i].call == disable)
            assert_int_equal(set_state(name, DEVICE_ENABLED), ERR_OK); /* before it has gone */
        say_status(serial, "SSH1");
        assert_false(is_present(name));
        go(serial, ERR_REJECTED, false);
        drop_messages();
    }
    assert_int_equal(refusals, 0);
}

/* ---- notices ---- */

static void keep_id(const struct hub_message *m, char *id)
{
    snprintf(id, DEVICE_LINK_ID_MAX + 1, "%.*s", (int)m->notice.id.n, m->notice.id.p);
}

static void asked_and_answered(void **state)
{
    struct heard h, other;
    char id[DEVICE_LINK_ID_MAX + 1];
    (void)state;
    uint64_t serial = come("press7"), stranger = come("press8");
    ask_for(&h, "press7", "t-1", NULL);
    struct hub_message m = expect_message(serial, HUB_MESSAGE_NOTICE);
    assert_true(span_is(m.notice.access_token, "its-token"));
    assert_true(span_is(m.notice.tunnel, "t-1"));
    assert_true(span_is(m.notice.services[0], "SSH1"));
    assert_true(span_is(m.notice.opened_by, "me"));
    assert_int_equal(m.notice.answer_ms, 20000);
    keep_id(&m, id);
    say_answer(stranger, id, true); /* nobody has given it that */
    assert_int_equal(h.calls, 0);
    assert_int_equal(refusals, 1);
    say_answer(serial, "no such notice", true); /* it may have been one */
    assert_int_equal(h.calls, 0);
    assert_int_equal(refusals, 1);
    say_answer(serial, id, true);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
    say_answer(serial, id, false);
    assert_int_equal(h.calls, 1);
    ask_for(&other, "press7", "t-2", NULL);
    m = expect_message(serial, HUB_MESSAGE_NOTICE);
    keep_id(&m, id);
    say_answer(serial, id, false);
    assert_int_equal(other.result, NOTICE_REJECTED);
    assert_int_equal(other.code, DEVICE_CODE_BUSY);
    expect_nothing();
}

static void asked_and_silent(void **state)
{
    struct heard h;
    char id[DEVICE_LINK_ID_MAX + 1];
    (void)state;
    uint64_t serial = come("press7");
    ask_for(&h, "press7", "t-1", NULL);
    struct hub_message m = expect_message(serial, HUB_MESSAGE_NOTICE);
    keep_id(&m, id);
    later(19999);
    assert_int_equal(h.calls, 0);
    later(2);
    assert_int_equal(h.result, NOTICE_SILENT);
    m = expect_message(serial, HUB_MESSAGE_WITHDRAWN);
    assert_true(span_is(m.withdrawn, id));
    say_answer(serial, id, true); /* late, and no crime */
    assert_int_equal(refusals, 0);
    assert_int_equal(h.calls, 1);
}

/* It leaves in the middle, and gets the notice again when it is back in time. */
static void leaves_and_comes_back(void **state)
{
    struct heard h;
    char id[DEVICE_LINK_ID_MAX + 1];
    (void)state;
    uint64_t serial = come("press7");
    ask_for(&h, "press7", "t-1", NULL);
    expect_message(serial, HUB_MESSAGE_NOTICE);
    go(serial, ERR_SILENT, false);
    assert_int_equal(h.calls, 0);
    later(NOTICE_GONE_MS - 1000);
    serial = come("press7");
    struct hub_message m = expect_message(serial, HUB_MESSAGE_NOTICE);
    keep_id(&m, id);
    say_answer(serial, id, true);
    assert_int_equal(h.result, NOTICE_ACCEPTED);
    ask_for(&h, "press7", "t-2", NULL);
    expect_message(serial, HUB_MESSAGE_NOTICE);
    go(serial, ERR_SILENT, false);
    later(NOTICE_GONE_MS + 1);
    assert_int_equal(h.result, NOTICE_AWAY);
}

static void misbehaves(void **state)
{
    (void)state;
    uint64_t serial = come("press7");
    go(serial, ERR_PROTOCOL, true);
    assert_int_equal(refusals, 1);
    assert_int_equal(alerts[1], 1);
}

/* ---- the end ---- */

static void after_the_end(void **state)
{
    struct heard h;
    (void)state;
    uint64_t serial = come("press7");
    say_hello("press8", 0, "");
    struct device_ticket *t = expect_ticket();
    ask_for(&h, "press7", "t-1", NULL);
    expect_message(serial, HUB_MESSAGE_NOTICE);
    say_hello("press9", 0, ""); /* of which the answer comes later */
    device_desk_end(hub.desk);
    device_desk_end(hub.desk);
    assert_int_equal(h.result, NOTICE_ENDED);
    expect_refused(DEVICE_REASON_BUSY); /* press9 */
    move(t);
    expect_nothing();
    say_hello("press7", 0, "");
    expect_refused(DEVICE_REASON_BUSY);
    say_status(serial, "SSH1");
    say_answer(serial, "n1", true);
    device_desk_connected(hub.desk, "t-1");
    assert_int_equal(set_state("press7", DEVICE_DISABLED), ERR_OK);
    expect_nothing();
    go(serial, ERR_SHUTDOWN, false);
    expect_nothing();
}

/* ---- memory ---- */

/* Whatever request for memory fails, the device is refused, or its link comes back; and the next
 * one is let in. */
static void no_memory_to_let_in(void **state)
{
    bool failed = true;
    (void)state;
    enrol("press7", 0, NULL);
    for (size_t n = 1; failed; n++) {
        memory_fails(n);
        messages_lost = 0;
        if (say_hello("press7", 0, ""))
            UNTIL(loop, was_posted() || messages_lost > 0);
        failed = memory_failed();
        drop_messages();
        go(come("press7"), ERR_EOF, false);
    }
}

static void no_memory_for_letters(void **state)
{
    struct heard h;
    bool failed = true;
    (void)state;
    uint64_t serial = come("press7");
    for (size_t n = 1; failed; n++) {
        memory_fails(n);
        say_status(serial, "HTTP1");
        ask_for(&h, "press7", "t-1", NULL);
        failed = memory_failed();
        later(30000);
        assert_int_equal(h.calls, 1);
        drop_messages();
    }
    say_status(serial, "SSH1");
    assert_true(is_present("press7"));
}

/* It is sent away without all that cannot be had: the rest is logged. */
static void no_memory_to_send_away(void **state)
{
    bool failed = true;
    (void)state;
    uint64_t serial = come("press7");
    open_tunnel("press7", false);
    for (size_t n = 1; failed; n++) {
        struct device_record r = {0};
        drop_messages();
        assert_true(is_present("press7"));
        assert_true(device_record_copy(&r, get("press7")));
        r.state = DEVICE_DISABLED;
        messages_lost = errors_logged = 0;
        memory_fails(n);
        desk_device_events.changed(hub.desk, &r, DEVICE_ENABLED);
        failed = memory_failed();
        device_record_free(&r);
        assert_true(!failed || messages_lost + errors_logged > 0);
        assert_false(is_present("press7"));
        go(serial, ERR_REJECTED, false);
        for (int i = 0; i < 20; i++)
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        drop_messages();
        serial = come("press7");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(welcomed),
        DESK_TEST(refused),
        DESK_TEST(spread_over_the_workers),
        DESK_TEST(approved_later),
        DESK_TEST(comes_again_from_elsewhere),
        DESK_TEST(disabled_on_its_way),
        DESK_TEST(sent_away),
        DESK_TEST(asked_and_answered),
        DESK_TEST(asked_and_silent),
        DESK_TEST(leaves_and_comes_back),
        DESK_TEST(misbehaves),
        DESK_TEST(after_the_end),
        DESK_TEST(no_memory_to_let_in),
        DESK_TEST(no_memory_for_letters),
        DESK_TEST(no_memory_to_send_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
