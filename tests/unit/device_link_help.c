#include "tests/unit/device_link_help.h"

#include "core/base/log.h"
#include "core/device/device_proof.h"
#include "core/net/socket.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct loop *loop;
struct device_link *l;
struct device_link_options options;
struct hub_config hub;
struct device_key key;
int fd = -1; /* the hub's end; -1: there is no connection */

/* ---- the connector ---- */

struct connector try;
int started, cancelled;
bool connecting, no_connector;

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

int welcomes, notices, withdrawals, downs, finishes;
bool enrolled, pending;
char name[DEVICE_NAME_MAX + 1], last_id[DEVICE_LINK_ID_MAX + 1], last_text[500];
enum err last_why;
enum device_reason last_reason;
bool accepting;

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

const struct device_link_events link_events = {
    .status = on_status,
    .tunnels = on_tunnels,
    .welcome = on_welcome,
    .notice = on_notice,
    .withdrawn = on_withdrawn,
    .down = on_down,
    .finished = on_finished,
};

/* ---- from the beginning to the end ---- */

void run_a_while(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

void later(uint64_t ms)
{
    now_ms += ms;
    fire_timers();
    run_a_while();
}

void hang_up(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
    run_a_while();
}

int begin(void **state)
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

void start(void)
{
    enum err why;
    l = device_link_new(&options, &link_events, &options, &why);
    assert_non_null(l);
    assert_int_equal(device_link_info(l).phase, DEVICE_LINK_CONNECTING);
    assert_int_equal(started, 0); /* not before the loop runs */
    later(1);
    assert_int_equal(started, 1);
}

int end(void **state)
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

size_t memory_at;           /* the request for memory that fails from the connection on; 0: none */
static uint8_t in[1 << 20]; /* what the hub has received and not looked at */
size_t n_in;

void arrive(void)
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

void unreached(const struct connector_failure *f)
{
    assert_true(connecting);
    connecting = false;
    try.events->failed(try.owner, f);
}

void raw(enum ws_opcode op, const void *p, size_t n)
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

void say_challenge(void)
{
    uint8_t nonce[DEVICE_NONCE_SIZE];
    memset(nonce, 'n', sizeof nonce);
    say(&(struct hub_message){.kind = HUB_MESSAGE_CHALLENGE, .nonce = nonce});
}

void say_welcome(const char *device, bool is_new, bool waits)
{
    say(&(struct hub_message){
        .kind = HUB_MESSAGE_WELCOME,
        .welcome = {.device = span_of(device), .enrolled = is_new, .pending = waits}});
}

void say_refused(enum device_reason reason, const char *text)
{
    say(&(struct hub_message){.kind = HUB_MESSAGE_REFUSED,
                              .refused = {.reason = reason, .text = span_of(text)}});
}

void say_notice(const char *id)
{
    say(&(struct hub_message){
        .kind = HUB_MESSAGE_NOTICE,
        .notice = {.id = span_of(id), .access_token = span_of("token"), .tunnel = span_of("t-1")}});
}

void say_withdrawn(const char *id)
{
    say(&(struct hub_message){.kind = HUB_MESSAGE_WITHDRAWN, .withdrawn = span_of(id)});
}

void say_close(int code, const char *text)
{
    char bytes[125] = {(char)(code >> 8), (char)code};
    size_t n = (size_t)snprintf(bytes + 2, sizeof bytes - 2, "%s", text);
    raw(WS_CLOSE, bytes, 2 + n);
}

void take(void)
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

struct device_message expect_message(enum device_message_kind kind)
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

void expect_frame(enum ws_opcode opcode)
{
    enum ws_opcode op;
    uint8_t *p;
    size_t n;
    assert_true(next_frame(&op, &p, &n));
    assert_int_equal(op, opcode);
}

void expect_nothing(void)
{
    take();
    assert_int_equal(n_in, 0);
}

enum device_link_phase phase(void)
{
    return device_link_info(l).phase;
}

/* The hub welcomes it, from the connection on. */
void come_up(void)
{
    arrive();
    say_challenge();
    expect_message(DEVICE_MESSAGE_HELLO);
    say_welcome("press7", false, false);
    assert_int_equal(phase(), DEVICE_LINK_UP);
}

void start_and_come_up(void)
{
    start();
    come_up();
}

/* It is lost for that reason, and tries again. */
void expect_lost(enum err why, const char *words)
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
void expect_try_within(uint64_t most_ms)
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
