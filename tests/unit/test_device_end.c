/* A device's link at a worker: what is said both ways, and what a hostile device can do with it,
 * which is to lose it. */
#include "core/base/log.h"
#include "core/device/device_message.h"
#include "core/net/socket.h"
#include "core/ws/frame.h"
#include "gateway/hub/devices/device_end.h"
#include "gateway/hub/devices/device_table.h"
#include "gateway/hub/relay/buffered_stream.h"
#include "tests/support/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SERIAL 7

static struct loop *loop;
static struct device_table *table;
static wire_end_new *const wires[DEVICE_WIRES] = {[DEVICE_WIRE_LINK] = device_end_new};
static int fd; /* the device's end */
static size_t n_said, departed;
static struct device_message last_said;
static uint8_t said_bytes[DEVICE_LINK_MESSAGE_MAX];
static struct device_gone last;
static uint8_t in[1 << 20]; /* what the device has received and not looked at */
static size_t n_in;

static void run_a_while(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void on_said(void *owner, const struct device_ticket *t, const uint8_t *p, size_t n)
{
    (void)owner;
    assert_int_equal(t->serial, SERIAL);
    memcpy(said_bytes, p, n);
    assert_int_equal(device_message_decode(said_bytes, n, &last_said), ERR_OK);
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

static int begin(void **state)
{
    int fds[2], size = 8192;
    (void)state;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    table = device_table_new(&(struct device_table_options){
        .loop = loop, .wires = wires, .said = on_said, .gone = on_gone});
    n_said = departed = n_in = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fd = fds[1];
    struct stream *s = buffered_stream_new(loop, stream_from_fd(loop, fds[0]), NULL, NULL);
    struct device_ticket *t = calloc(1, sizeof *t);
    assert_non_null(t);
    *t = (struct device_ticket){.serial = SERIAL, .ping_s = 20, .device = strdup("pump-07")};
    device_table_join(table, t, s);
    return 0;
}

static int end(void **state)
{
    (void)state;
    worker_table_free(device_table_base(table));
    assert_int_equal(departed, 1);
    close(fd);
    loop_free(loop);
    return 0;
}

/* ---- the device ---- */

static void raw(enum ws_opcode op, uint8_t *p, size_t n)
{
    static const uint8_t mask[4];
    size_t header = ws_header(p, true, op, n, mask);
    for (size_t at = 0; at < header + n;) {
        ssize_t k = write(fd, p - header + at, header + n - at);
        if (k <= 0 && departed > 0)
            return;
        at += k > 0 ? (size_t)k : 0;
        run_a_while();
    }
}

static void say_bytes(const void *p, size_t n)
{
    uint8_t *out = malloc(WS_HEADER_MAX + n + 1);
    assert_non_null(out);
    if (n > 0)
        memcpy(out + WS_HEADER_MAX, p, n);
    raw(WS_BINARY, out + WS_HEADER_MAX, n);
    free(out);
}

static void say(const struct device_message *m)
{
    uint8_t bytes[DEVICE_LINK_MESSAGE_MAX];
    say_bytes(bytes, device_message_encode(m, bytes, sizeof bytes));
}

static void say_status(uint32_t ping_s)
{
    struct device_message m = {.kind = DEVICE_MESSAGE_STATUS,
                               .status = {.services = {span_of("SSH1")},
                                          .n_services = 1,
                                          .version = span_of("1.2"),
                                          .accepting = true,
                                          .ping_s = ping_s}};
    say(&m);
}

static void say_answer(const char *id)
{
    struct device_message m = {.kind = DEVICE_MESSAGE_ANSWER,
                               .answer = {.id = span_of(id), .accepted = true}};
    say(&m);
}

static void take(void)
{
    for (int i = 0; i < 50; i++) {
        run_a_while();
        ssize_t n = read(fd, in + n_in, sizeof in - n_in);
        if (n > 0)
            n_in += (size_t)n;
    }
}

/* The next frame that came; false: none has. The payload is at *p until the next call. */
static bool next_frame(enum ws_opcode *op, const uint8_t **p, size_t *n)
{
    static uint8_t payload[DEVICE_LINK_MESSAGE_MAX];
    if (n_in < 2)
        return false;
    size_t at = 2;
    *op = in[0] & 15;
    *n = in[1] & 127;
    if (*n == 126) {
        *n = (size_t)(in[2] << 8 | in[3]);
        at = 4;
    }
    assert_true(*n <= sizeof payload && at + *n <= n_in);
    memcpy(payload, in + at, *n);
    *p = payload;
    n_in -= at + *n;
    memmove(in, in + at + *n, n_in);
    return true;
}

static struct hub_message expect_message(enum hub_message_kind kind)
{
    struct hub_message m;
    enum ws_opcode op;
    const uint8_t *p;
    size_t n;
    take();
    assert_true(next_frame(&op, &p, &n));
    assert_int_equal(op, WS_BINARY);
    assert_int_equal(hub_message_decode(p, n, &m), ERR_OK);
    assert_int_equal(m.kind, kind);
    return m;
}

static void expect_close(unsigned code)
{
    enum ws_opcode op;
    const uint8_t *p;
    size_t n;
    uint8_t out[WS_HEADER_MAX + 2] = {0};
    take();
    assert_true(next_frame(&op, &p, &n));
    assert_int_equal(op, WS_CLOSE);
    assert_true(n > 2 && (unsigned)(p[0] << 8 | p[1]) == code);
    out[WS_HEADER_MAX] = 1008 >> 8;
    out[WS_HEADER_MAX + 1] = 1008 & 255;
    raw(WS_CLOSE, out + WS_HEADER_MAX, 2);
    run_a_while();
}

/* It is refused, closed and gone because of what it sent. */
static void expect_thrown_out(enum err why)
{
    struct hub_message m = expect_message(HUB_MESSAGE_REFUSED);
    assert_int_equal(m.refused.reason, DEVICE_REASON_MALFORMED);
    expect_close(1008);
    assert_int_equal(departed, 1);
    assert_true(last.misbehaved);
    assert_string_equal(err_name(last.why), err_name(why));
    assert_true(worker_table_empty(device_table_base(table)));
}

/* ---- the hub ---- */

static void send_letter(const struct hub_message *m)
{
    struct device_letter *l = device_letter_new(m);
    assert_non_null(l);
    device_table_send(table, SERIAL, l);
}

static void send_notice(const char *id, size_t token)
{
    static char text[DEVICE_LINK_TOKEN_MAX];
    memset(text, 't', sizeof text);
    struct hub_message m = {
        .kind = HUB_MESSAGE_NOTICE,
        .notice = {.id = span_of(id), .access_token = {text, token}, .tunnel = span_of("tunnel")}};
    send_letter(&m);
}

/* ---- tests ---- */

static void both_ways(void **state)
{
    struct hub_message welcome = {.kind = HUB_MESSAGE_WELCOME,
                                  .welcome = {.device = span_of("pump-07")}};
    (void)state;
    send_letter(&welcome);
    struct hub_message m = expect_message(HUB_MESSAGE_WELCOME);
    assert_true(span_is(m.welcome.device, "pump-07"));
    send_notice("n1", 50);
    send_notice("n2", 50);
    m = expect_message(HUB_MESSAGE_NOTICE);
    assert_true(span_is(m.notice.id, "n1"));
    m = expect_message(HUB_MESSAGE_NOTICE);
    assert_true(span_is(m.notice.id, "n2"));
    say_status(30);
    assert_int_equal(n_said, 1);
    assert_int_equal(last_said.kind, DEVICE_MESSAGE_STATUS);
    assert_true(span_is(last_said.status.services[0], "SSH1"));
    say_answer("n2");
    assert_int_equal(n_said, 2);
    assert_true(span_is(last_said.answer.id, "n2"));
    device_table_send(table, SERIAL + 1, device_letter_new(&welcome)); /* nobody's */
    take();
    assert_int_equal(n_in, 0);
    assert_int_equal(departed, 0);
}

static void sent_away(void **state)
{
    struct hub_message refused = {.kind = HUB_MESSAGE_REFUSED,
                                  .refused = {.reason = DEVICE_REASON_DISABLED}};
    (void)state;
    send_letter(&refused);
    send_notice("after the end", 50);
    say_answer("n1"); /* it counts for nothing any more */
    struct hub_message m = expect_message(HUB_MESSAGE_REFUSED);
    assert_int_equal(m.refused.reason, DEVICE_REASON_DISABLED);
    expect_close(1008);
    assert_int_equal(n_said, 0);
    assert_int_equal(departed, 1);
    assert_false(last.misbehaved);
    assert_string_equal(last.text, device_reason_text(DEVICE_REASON_DISABLED));
}

static void a_device_that_does_not_read(void **state)
{
    int sent = 0;
    (void)state;
    for (; departed == 0 && sent < 1000; sent++) {
        send_notice("n1", DEVICE_LINK_TOKEN_MAX);
        run_a_while();
    }
    assert_int_equal(departed, 1);
    assert_int_equal(last.why, ERR_STALLED);
    assert_true(sent * DEVICE_LINK_TOKEN_MAX > DEVICE_QUEUED_MAX);
    assert_true(sent * DEVICE_LINK_TOKEN_MAX < 8 * DEVICE_QUEUED_MAX);
}

static void letters_wait_for_a_slow_device(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        send_notice(i % 2 == 0 ? "even" : "odd", 3000);
    for (int i = 0; i < 20; i++) {
        struct hub_message m = expect_message(HUB_MESSAGE_NOTICE);
        assert_true(span_is(m.notice.id, i % 2 == 0 ? "even" : "odd"));
        assert_int_equal(m.notice.access_token.n, 3000);
    }
    assert_int_equal(departed, 0);
}

static void floods(void **state)
{
    (void)state;
    for (int i = 0; i < DEVICE_BURST + 20 && departed == 0; i++)
        say_status(20);
    assert_int_equal(n_said, DEVICE_BURST);
    expect_thrown_out(ERR_LIMIT);
}

static void one_a_second_is_no_flood(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * DEVICE_BURST; i++) {
        say_status(20);
        now_ms += 1000;
    }
    assert_int_equal(n_said, 4 * DEVICE_BURST);
    assert_int_equal(departed, 0);
}

static void answers_to_many_notices_are_no_flood(void **state)
{
    (void)state;
    for (int i = 0; i < 5 * DEVICE_BURST; i++) {
        send_notice("n1", 50);
        expect_message(HUB_MESSAGE_NOTICE);
        say_answer("n1");
    }
    assert_int_equal(n_said, 5 * DEVICE_BURST);
    assert_int_equal(departed, 0);
}

static void too_large(void **state)
{
    static uint8_t name[DEVICE_LINK_MESSAGE_MAX + 1];
    (void)state;
    memset(name, 'x', sizeof name);
    say_bytes(name, sizeof name);
    assert_int_equal(n_said, 0);
    expect_thrown_out(ERR_TOO_LARGE);
}

/* A frame larger than any of the tunnel's is not even read. */
static void a_megabyte(void **state)
{
    static uint8_t name[1 << 20];
    (void)state;
    memset(name, 'x', sizeof name);
    say_bytes(name, sizeof name);
    expect_close(1009);
    shutdown(fd, SHUT_WR);
    run_a_while();
    assert_int_equal(departed, 1);
    assert_true(last.misbehaved);
    assert_int_equal(n_said, 0);
}

static void garbage(void **state)
{
    (void)state;
    say_bytes("\xff\xff\xff\xff", 4);
    expect_thrown_out(ERR_PROTOCOL);
}

static void a_second_hello(void **state)
{
    struct device_message m = {.kind = DEVICE_MESSAGE_HELLO,
                               .hello = {.device = span_of("pump-08")}};
    (void)state;
    say(&m);
    assert_int_equal(n_said, 0);
    expect_thrown_out(ERR_PROTOCOL);
}

static void what_a_later_version_says(void **state)
{
    static const uint8_t other[] = {15 << 3 | 2, 1, 'x'};
    (void)state;
    say_bytes(other, sizeof other);
    say_bytes("", 0);
    assert_int_equal(n_said, 0);
    assert_int_equal(departed, 0);
    say_status(20);
    assert_int_equal(n_said, 1);
}

/* ---- time ---- */

static void later(uint64_t ms)
{
    now_ms += ms;
    fire_timers();
    run_a_while();
}

static void a_silent_device(void **state)
{
    uint8_t ping[WS_HEADER_MAX + 1];
    (void)state;
    later(49999);
    assert_int_equal(departed, 0);
    raw(WS_PING, ping + WS_HEADER_MAX, 0);
    later(49999);
    assert_int_equal(departed, 0);
    later(1001);
    assert_int_equal(departed, 1);
    assert_int_equal(last.why, ERR_SILENT);
    assert_false(last.misbehaved);
}

/* How long it may be silent is what it promises, within bounds. */
static void promised_silence(void **state)
{
    static const struct {
        uint32_t promised;
        uint64_t ms;
    } rows[] = {{240, 490000}, {1, 12000}, {0, 130000}, {UINT32_MAX, 7210000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (i > 0)
            begin(state);
        say_status(rows[i].promised);
        later(rows[i].ms - 1);
        assert_int_equal(departed, 0);
        later(1001);
        assert_int_equal(departed, 1);
        if (i + 1 < sizeof rows / sizeof *rows)
            end(state);
    }
}

/* Who owes an answer gets time for it, and nobody is sent a Close. */
static void draining(void **state)
{
    (void)state;
    send_notice("n1", 50);
    expect_message(HUB_MESSAGE_NOTICE);
    worker_table_drain(device_table_base(table));
    later(100);
    later(100);
    assert_int_equal(departed, 0);
    say_answer("n1");
    assert_int_equal(n_said, 1);
    later(100);
    assert_int_equal(departed, 1);
    assert_int_equal(last.why, ERR_SHUTDOWN);
    take();
    assert_int_equal(n_in, 0);
}

static void it_leaves(void **state)
{
    uint8_t out[WS_HEADER_MAX + 2] = {0};
    (void)state;
    out[WS_HEADER_MAX] = 1000 >> 8;
    out[WS_HEADER_MAX + 1] = 1000 & 255;
    raw(WS_CLOSE, out + WS_HEADER_MAX, 2);
    take();
    assert_int_equal(departed, 1);
    assert_int_equal(last.why, ERR_CLIENT_CLOSED);
    assert_false(last.misbehaved);
}

static void it_is_lost(void **state)
{
    (void)state;
    shutdown(fd, SHUT_RDWR);
    run_a_while();
    assert_int_equal(departed, 1);
    assert_false(last.misbehaved);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(both_ways),
        TEST(sent_away),
        TEST(a_device_that_does_not_read),
        TEST(letters_wait_for_a_slow_device),
        TEST(floods),
        TEST(one_a_second_is_no_flood),
        TEST(answers_to_many_notices_are_no_flood),
        TEST(too_large),
        TEST(a_megabyte),
        TEST(garbage),
        TEST(a_second_hello),
        TEST(what_a_later_version_says),
        TEST(a_silent_device),
        TEST(promised_silence),
        TEST(draining),
        TEST(it_leaves),
        TEST(it_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
