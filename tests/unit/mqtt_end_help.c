#include "tests/unit/mqtt_end_help.h"

#include "core/base/log.h"
#include "core/net/socket.h"
#include "gateway/hub/relay/buffered_stream.h"

#include <errno.h>
#include <unistd.h>

struct loop *loop;
struct device_table *table;
static wire_end_new *const wires[DEVICE_WIRES] = {[DEVICE_WIRE_MQTT] = mqtt_end_new};
int fd; /* the client's end */
struct device_ticket ticket;
size_t memory_at; /* the request for memory that fails when it joins; 0: none */
size_t n_said, departed;
struct mqtt_said said; /* the last one */
char said_text[MQTT_SAID_TEXT_MAX + 1];
struct device_gone last;
static uint8_t in[1 << 20]; /* what the client has received and not looked at */
size_t n_in;
bool in_ended;

void run_a_while(void)
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
bool shut, reading;

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

void join(void)
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

int begin(void **state)
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

int end(void **state)
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

void later(uint64_t ms)
{
    now_ms += ms;
    fire_timers();
    run_a_while();
}

/* ---- the client ---- */

void say(const void *p, size_t n)
{
    for (size_t at = 0; at < n && departed == 0;) {
        ssize_t k = write(fd, (const char *)p + at, n - at);
        at += k > 0 ? (size_t)k : 0;
        run_a_while();
    }
}

void say_times(const void *p, size_t n, size_t times)
{
    for (size_t i = 0; i < times; i++)
        say(p, n);
}

void take(void)
{
    for (int i = 0; i < 50; i++) {
        run_a_while();
        ssize_t n = read(fd, in + n_in, sizeof in - n_in);
        if (n > 0)
            n_in += (size_t)n;
        in_ended = in_ended || n == 0;
    }
}

void expect(const void *p, size_t n)
{
    take();
    assert_true(n_in >= n);
    assert_memory_equal(in, p, n);
    n_in -= n;
    memmove(in, in + n, n_in);
}

void expect_nothing(void)
{
    take();
    assert_int_equal(n_in, 0);
}

/* Drops what came; returns how many PINGRESP it was, if it is nothing else. */
size_t take_pongs(void)
{
    take();
    for (size_t i = 0; i < n_in; i += 2)
        assert_memory_equal(in + i, "\xd0\x00", 2);
    size_t n = n_in / 2;
    n_in = 0;
    return n;
}

/* SUBSCRIBE to a filter, `times` times in one packet. */
size_t subscribe(uint8_t *out, const char *filter, size_t times, uint8_t qos)
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

void say_subscribe(const char *filter, uint8_t qos)
{
    uint8_t bytes[512];
    say(bytes, subscribe(bytes, filter, 1, qos));
}

/* PUBLISH to a topic with QoS 0 and so many zeroes. */
void say_publish(const char *topic, size_t payload)
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
void expect_thrown_out(enum err why)
{
    take();
    assert_int_equal(departed, 1);
    assert_true(last.misbehaved);
    assert_string_equal(err_name(last.why), err_name(why));
    assert_true(worker_table_empty(device_table_base(table)));
    assert_true(in_ended);
}

/* It is gone, and that is nobody's fault. */
void expect_gone(enum err why, const char *text)
{
    assert_int_equal(departed, 1);
    assert_false(last.misbehaved);
    assert_string_equal(err_name(last.why), err_name(why));
    assert_string_equal(last.text, text);
    assert_true(worker_table_empty(device_table_base(table)));
}

/* ---- the hub ---- */

void publish(const char *payload, bool again)
{
    device_table_send(table, SERIAL, mqtt_letter_new(NOTIFY, span_of(payload), again));
    run_a_while();
}

void publish_much(size_t n)
{
    static char payload[MQTT_QUEUED_MAX + 1];
    memset(payload, 'x', sizeof payload);
    device_table_send(table, SERIAL, mqtt_letter_new(NOTIFY, (struct span){payload, n}, false));
    run_a_while();
}

void send_away(void)
{
    device_table_send(table, SERIAL, mqtt_letter_last());
    run_a_while();
}

/* Fills what the kernel takes for a client that does not read, and more that waits at the hub. */
void fill_up(void)
{
    for (int i = 0; i < 4; i++)
        publish_much(MQTT_QUEUED_MAX / 5);
    assert_int_equal(departed, 0);
}
