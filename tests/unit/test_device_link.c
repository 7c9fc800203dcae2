/* A device's link to its hub, on the test's own clock: a hub that this test plays, at the other end
 * of a socket that a connector of its own hands out. */
#include "tests/support/clock.h"
#include "tests/support/memory.h"

#include "core/base/log.h"
#include "core/device/device_proof.h"
#include "core/net/socket.h"
#include "core/tunnel/connector.h"
#include "core/ws/frame.h"
#include "gateway/destination/device_link.h"
#include "gateway/destination/device_outbox.h"
#include "gateway/destination/device_pings.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define PING_MS 20000
#define GREETING_MS 30000
#define PONG_MS 15000
#define STEADY_MS 5000
#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS 60000

static struct loop *loop;
static struct device_link *l;
static struct device_link_options options;
static struct hub_config hub;
static struct device_key key;
static int fd = -1; /* the hub's end; -1: there is no connection */

/* ---- the connector ---- */

struct connector {
    struct connector_target target;
    const struct connector_events *events;
    void *owner;
};
static struct connector try;
static int started, cancelled;
static bool connecting, no_connector;

struct connector *connector_start(struct loop *on, const struct connector_target *target,
                                  const struct connector_events *events, void *owner)
{
    assert_ptr_equal(on, loop);
    assert_false(connecting);
    if (no_connector)
        return NULL;
    started++;
    connecting = true;
    try = (struct connector){*target, events, owner};
    return &try;
}

void connector_cancel(struct connector *c)
{
    if (c == NULL)
        return;
    assert_true(connecting);
    connecting = false;
    cancelled++;
}

void __wrap_tls_peer_fingerprint(const struct stream *s, uint8_t out[TLS_FINGERPRINT]);
void __wrap_tls_peer_fingerprint(const struct stream *s, uint8_t out[TLS_FINGERPRINT])
{
    (void)s;
    memset(out, 'c', TLS_FINGERPRINT);
}

/* ---- what the link tells ---- */

static int welcomes, notices, withdrawals, downs, finishes;
static bool enrolled, pending;
static char name[DEVICE_NAME_MAX + 1], last_id[DEVICE_LINK_ID_MAX + 1], last_text[500];
static enum err last_why;
static enum device_reason last_reason;
static bool accepting;

static void keep(struct span s, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)s.n, s.p);
}

static void on_status(void *owner, struct device_status *out)
{
    assert_ptr_equal(owner, &options);
    out->services[out->n_services++] = span_of("SSH1");
    out->accepting = accepting;
}

static size_t on_tunnels(void *owner, struct span out[DEVICE_LINK_TUNNELS_MAX])
{
    (void)owner;
    out[0] = span_of("t-1");
    out[1] = span_of("t-2");
    return 2;
}

static void on_welcome(void *owner, struct span device, bool now_enrolled, bool now_pending)
{
    (void)owner;
    welcomes++;
    keep(device, name, sizeof name);
    enrolled = now_enrolled;
    pending = now_pending;
}

static void on_notice(void *owner, const struct hub_notice *n)
{
    (void)owner;
    notices++;
    keep(n->id, last_id, sizeof last_id);
}

static void on_withdrawn(void *owner, struct span id)
{
    (void)owner;
    withdrawals++;
    keep(id, last_id, sizeof last_id);
}

static void on_down(void *owner, enum err why, enum device_reason reason, const char *text)
{
    (void)owner;
    downs++;
    last_why = why;
    last_reason = reason;
    snprintf(last_text, sizeof last_text, "%s", text);
}

static void on_finished(void *owner, enum device_reason reason, const char *text)
{
    (void)owner;
    finishes++;
    last_reason = reason;
    snprintf(last_text, sizeof last_text, "%s", text);
}

static const struct device_link_events events = {
    .status = on_status,
    .tunnels = on_tunnels,
    .welcome = on_welcome,
    .notice = on_notice,
    .withdrawn = on_withdrawn,
    .down = on_down,
    .finished = on_finished,
};

/* ---- from the beginning to the end ---- */

static void run_a_while(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void later(uint64_t ms)
{
    now_ms += ms;
    fire_timers();
    run_a_while();
}

static void hang_up(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
    run_a_while();
}

static int begin(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    hub = (struct hub_config){.host = strdup("hub.example"), .port = 8443, .ping_ms = PING_MS};
    memset(&key, 0, sizeof key);
    key.secret[31] = 7;
    assert_true(p256_public(key.secret, key.point));
    options = (struct device_link_options){.loop = loop,
                                           .user_agent = "agent/1",
                                           .version = "1.2",
                                           .name = "press7",
                                           .key = &key,
                                           .hub = &hub,
                                           .join_token = "join me"};
    started = cancelled = welcomes = notices = withdrawals = downs = finishes = 0;
    connecting = no_connector = false;
    accepting = true;
    memset(&try, 0, sizeof try);
    l = NULL;
    return 0;
}

static void start(void)
{
    enum err why;
    l = device_link_new(&options, &events, &options, &why);
    assert_non_null(l);
    assert_int_equal(device_link_info(l).phase, DEVICE_LINK_CONNECTING);
    assert_int_equal(started, 0); /* not before the loop runs */
    later(1);
    assert_int_equal(started, 1);
}

static int end(void **state)
{
    (void)state;
    device_link_free(l);
    device_link_free(NULL);
    hang_up();
    assert_false(connecting);
    assert_true(list_empty(&timers));
    free(hub.host);
    free(hub.web_proxy);
    loop_free(loop);
    return 0;
}

/* ---- the hub ---- */

static size_t memory_at;    /* the request for memory that fails from the connection on; 0: none */
static uint8_t in[1 << 20]; /* what the hub has received and not looked at */
static size_t n_in;

static void arrive(void)
{
    int fds[2], size = 8192;
    assert_true(connecting);
    hang_up();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    fd = fds[1];
    n_in = 0;
    struct stream *s = stream_from_fd(loop, fds[0]);
    stream_set_owner(s, NULL, NULL);
    stream_read_on(s, true); /* the loop makes room for it */
    stream_read_on(s, false);
    connecting = false;
    memory_fails(memory_at);
    try.events->arrived(try.owner, s, &(struct connector_answer){0});
    run_a_while();
}

static void unreached(const struct connector_failure *f)
{
    assert_true(connecting);
    connecting = false;
    try.events->failed(try.owner, f);
}

static void raw(enum ws_opcode op, const void *p, size_t n)
{
    uint8_t bytes[WS_HEADER_MAX + 2 * DEVICE_LINK_MESSAGE_MAX];
    assert_true(n <= 2 * DEVICE_LINK_MESSAGE_MAX);
    if (n > 0)
        memcpy(bytes + WS_HEADER_MAX, p, n);
    size_t header = ws_header(bytes + WS_HEADER_MAX, true, op, n, NULL);
    for (size_t at = 0; at < header + n && fd >= 0;) {
        ssize_t k = write(fd, bytes + WS_HEADER_MAX - header + at, header + n - at);
        if (k < 0 && device_link_info(l).phase != DEVICE_LINK_UP)
            break;
        at += k > 0 ? (size_t)k : 0;
        run_a_while();
    }
    run_a_while();
}

static void say(const struct hub_message *m)
{
    uint8_t bytes[DEVICE_LINK_MESSAGE_MAX];
    size_t n = hub_message_encode(m, bytes, sizeof bytes);
    assert_true(n > 0);
    raw(WS_BINARY, bytes, n);
}

static void say_challenge(void)
{
    uint8_t nonce[DEVICE_NONCE_SIZE];
    memset(nonce, 'n', sizeof nonce);
    say(&(struct hub_message){.kind = HUB_MESSAGE_CHALLENGE, .nonce = nonce});
}

static void say_welcome(const char *device, bool is_new, bool waits)
{
    say(&(struct hub_message){
        .kind = HUB_MESSAGE_WELCOME,
        .welcome = {.device = span_of(device), .enrolled = is_new, .pending = waits}});
}

static void say_refused(enum device_reason reason, const char *text)
{
    say(&(struct hub_message){.kind = HUB_MESSAGE_REFUSED,
                              .refused = {.reason = reason, .text = span_of(text)}});
}

static void say_notice(const char *id)
{
    say(&(struct hub_message){
        .kind = HUB_MESSAGE_NOTICE,
        .notice = {.id = span_of(id), .access_token = span_of("token"), .tunnel = span_of("t-1")}});
}

static void say_withdrawn(const char *id)
{
    say(&(struct hub_message){.kind = HUB_MESSAGE_WITHDRAWN, .withdrawn = span_of(id)});
}

static void say_close(int code, const char *text)
{
    char bytes[125] = {(char)(code >> 8), (char)code};
    size_t n = (size_t)snprintf(bytes + 2, sizeof bytes - 2, "%s", text);
    raw(WS_CLOSE, bytes, 2 + n);
}

static void take(void)
{
    for (int i = 0; i < 50 && fd >= 0; i++) {
        run_a_while();
        ssize_t n = read(fd, in + n_in, sizeof in - n_in);
        if (n > 0)
            n_in += (size_t)n;
    }
}

/* The next frame that came; false: none has. The payload is at *p until the next call. */
static bool next_frame(enum ws_opcode *op, uint8_t **p, size_t *n)
{
    static uint8_t payload[DEVICE_LINK_MESSAGE_MAX];
    take();
    if (n_in < 2)
        return false;
    size_t at = 2;
    *op = in[0] & 15;
    assert_true((in[1] & 128) != 0);
    *n = in[1] & 127;
    if (*n == 126) {
        *n = (size_t)(in[2] << 8 | in[3]);
        at = 4;
    }
    at += 4;
    assert_true(*n <= sizeof payload && at + *n <= n_in);
    memcpy(payload, in + at, *n);
    ws_mask(payload, *n, in + at - 4, 0);
    *p = payload;
    n_in -= at + *n;
    memmove(in, in + at + *n, n_in);
    return true;
}

static struct device_message expect_message(enum device_message_kind kind)
{
    struct device_message m;
    enum ws_opcode op;
    uint8_t *p;
    size_t n;
    assert_true(next_frame(&op, &p, &n));
    assert_int_equal(op, WS_BINARY);
    assert_int_equal(device_message_decode(p, n, &m), ERR_OK);
    assert_int_equal(m.kind, kind);
    return m;
}

static void expect_frame(enum ws_opcode opcode)
{
    enum ws_opcode op;
    uint8_t *p;
    size_t n;
    assert_true(next_frame(&op, &p, &n));
    assert_int_equal(op, opcode);
}

static void expect_nothing(void)
{
    take();
    assert_int_equal(n_in, 0);
}

static enum device_link_phase phase(void)
{
    return device_link_info(l).phase;
}

/* The hub welcomes it, from the connection on. */
static void come_up(void)
{
    arrive();
    say_challenge();
    expect_message(DEVICE_MESSAGE_HELLO);
    say_welcome("press7", false, false);
    assert_int_equal(phase(), DEVICE_LINK_UP);
}

static void start_and_come_up(void)
{
    start();
    come_up();
}

/* It is lost for that reason, and tries again. */
static void expect_lost(enum err why, const char *words)
{
    run_a_while();
    assert_int_equal(downs, 1);
    assert_string_equal(err_name(last_why), err_name(why));
    if (strstr(last_text, words) == NULL)
        fail_msg("%s", last_text);
    assert_int_equal(phase(), DEVICE_LINK_WAITING);
    assert_string_equal(device_link_info(l).text, last_text);
    assert_int_equal(finishes, 0);
    downs = 0;
}

/* Its next try is somewhere within half of `most_ms` and all of it. */
static void expect_try_within(uint64_t most_ms)
{
    uint64_t pause = device_link_info(l).retry_ms - now_ms;
    int before = started;
    assert_in_range(pause, most_ms / 2, most_ms);
    later(pause);
    assert_int_equal(started, before);
    later(1);
    assert_int_equal(started, before + 1);
    assert_int_equal(phase(), DEVICE_LINK_CONNECTING);
}

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
            l = device_link_new(&options, &events, &options, &why);
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
        l = device_link_new(&options, &events, &options, &why);
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
    l = device_link_new(&options, &events, &options, &why);
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
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
