/* A hub's clients: what comes from them is counted; one that is not read, because the other end of
 * its tunnel does not read either, hears from the hub all the same, and nobody drops it. */
#include "gateway/hub/relay/relay_end.h"

#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/frame.h"
#include "core/ws/frame.h"
#include "gateway/hub/relay/buffered_stream.h"
#include "gateway/hub/relay/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define IDLE_MS 60000

static struct loop *loop;
static struct relay *relay;
static struct list clients;
static struct worker_stats stats;
static struct account account;
static struct traffic traffic;
static uint64_t active;
static size_t departed;
static struct end_report last; /* its registration is gone */

static void run_a_while(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void on_gone(void *owner, const struct end_report *d)
{
    (void)owner;
    assert_true(d->text[0] != '\0');
    assert_true(d->why != ERR_OK);
    last = *d;
    registration_free(d->registration);
    departed++;
}

static struct registration *new_registration(enum side side)
{
    struct registration *t = calloc(1, sizeof *t);
    assert_non_null(t);
    *t = (struct registration){.serial = 1,
                               .tunnel = strdup("t"),
                               .label = strdup("t"),
                               .account = &account,
                               .traffic = &traffic,
                               .side = side,
                               .version = 3,
                               .protocol = "aws.iot.securetunneling-3.0",
                               .key = "AAAAAAAAAAAAAAAAAAAAAA=="};
    return t;
}

/* A client on that side, which has read its 101; its socket's far end. */
static int join(enum side side)
{
    struct relay_end_options o = {.loop = loop,
                                  .relay = relay,
                                  .stats = &stats,
                                  .list = &clients,
                                  .gone = on_gone,
                                  .active = &active};
    int fds[2], size = 8192;
    char answer[4096];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    struct stream *s = stream_from_fd(loop, fds[0]);
    assert_non_null(s);
    s = buffered_stream_new(loop, s, NULL, NULL);
    assert_non_null(s);
    relay_end_new(&o, new_registration(side), s);
    ssize_t n = read(fds[1], answer, sizeof answer - 1);
    assert_true(n > 0);
    answer[n] = '\0';
    assert_non_null(strstr(answer, "HTTP/1.1 101 "));
    assert_non_null(strstr(answer, "\r\nsec-websocket-protocol: aws.iot.securetunneling-3.0\r\n"));
    return fds[1];
}

static void tick(uint64_t now)
{
    list_each(node, &clients) relay_end_tick(relay_end_at(node), now, IDLE_MS);
    run_a_while();
}

/* Bytes of the message that was said last, without the WebSocket's. */
static size_t said;

/* Sends a tunnel frame as a client does, as far as the socket takes it. True: all of it. */
static bool say(int fd, int type, size_t payload)
{
    static const uint8_t mask[4], zeros[60000];
    static uint8_t out[WS_HEADER_MAX + FRAME_MAX];
    struct frame f = {.type = type,
                      .stream = 1,
                      .connection = 1,
                      .service = {"SSH1", 4},
                      .payload = zeros,
                      .payload_size = payload};
    uint8_t *p = out + WS_HEADER_MAX;
    size_t n = frame_encode(&f, p, FRAME_MAX), header = ws_header(p, true, WS_BINARY, n, mask),
           at = 0;
    said = n;
    for (ssize_t k; at < header + n; at += (size_t)k) {
        k = write(fd, p - header + at, header + n - at);
        if (k <= 0)
            return false;
        run_a_while();
    }
    return true;
}

/* Reads all that is there; tells whether a ping was the last of it. */
static bool got_ping(int fd)
{
    uint8_t bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);
    bool ping = n > 2 && bytes[0] == 0x89 && n == 2 + bytes[1];
    for (ssize_t i = 2; ping && i < n; i++)
        assert_in_range(bytes[i], '0', '9'); /* the reference program reads pongs as numbers */
    return ping;
}

static int begin(void **state)
{
    static const char *const services[] = {"SSH1"};
    (void)state;
    loop = loop_new();
    list_init(&clients);
    relay = relay_new(loop, services, 1);
    stats = (struct worker_stats){0};
    traffic = (struct traffic){0};
    departed = 0;
    return relay == NULL;
}

static int end(void **state)
{
    const struct close_reason over = {RELAY_DROP, ERR_SHUTDOWN, "over"};
    (void)state;
    while (!list_empty(&clients)) /* of a test that failed */
        relay_end_close(relay_end_at(clients.next), &over);
    relay_free(relay);
    loop_free(loop);
    return 0;
}

/* Once for the worker and once for the tunnel: messages whole, also what nobody got. */
static void what_comes_is_counted(void **state)
{
    uint64_t up = 0, down = 0;
    (void)state;
    int source = join(SIDE_SOURCE);
    run_a_while();
    assert_true(say(source, FRAME_STREAM_START, 0)); /* the other end is not there */
    up += said;
    int destination = join(SIDE_DESTINATION);
    run_a_while();
    const size_t sizes[] = {0, 1, 500, 20000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        static uint8_t bytes[65536];
        assert_true(say(source, i == 0 ? FRAME_STREAM_START : FRAME_DATA, sizes[i]));
        up += said;
        assert_true(say(destination, FRAME_DATA, sizes[i] / 2));
        down += said;
        while (read(source, bytes, sizeof bytes) > 0 || read(destination, bytes, sizeof bytes) > 0)
            run_a_while();
    }
    assert_true(up > 20000 && down > 10000);
    assert_int_equal(stat_get(&traffic.received[SIDE_SOURCE]), up);
    assert_int_equal(stat_get(&traffic.received[SIDE_DESTINATION]), down);
    assert_int_equal(stat_get(&stats.from_source), up);
    assert_int_equal(stat_get(&stats.from_destination), down);
    shutdown(source, SHUT_WR);
    run_a_while();
    assert_int_equal(departed, 1);
    assert_int_equal(last.why, ERR_EOF);
    close(source);
    close(destination);
    run_a_while();
    assert_int_equal(departed, 2);
    assert_int_equal(stat_get(&stats.clients), 0);
}

static void who_is_held_hears_from_the_hub(void **state)
{
    uint8_t bytes[4096];
    (void)state;
    int source = join(SIDE_SOURCE), destination = join(SIDE_DESTINATION);
    run_a_while();
    assert_int_equal(stat_get(&stats.clients), 2);
    ssize_t hello = read(source, bytes, sizeof bytes); /* SERVICE_IDS, if not with the 101 */
    assert_true(hello > 0 || hello == -1);
    uint64_t now = loop_now(loop);
    tick(now + 10000);
    assert_false(got_ping(source)); /* it is read: nothing needs to be said */

    assert_true(say(source, FRAME_STREAM_START, 0));
    for (int i = 0; i < 100 && say(source, FRAME_DATA, 60000); i++)
        run_a_while();
    assert_true(relay_holds(relay, SIDE_SOURCE));
    assert_true(stat_get(&stats.from_source) > 60000); /* what was taken, */
    assert_int_equal(stat_get(&traffic.received[SIDE_SOURCE]), stat_get(&stats.from_source));
    for (uint64_t at = now + 20000; at < now + 5 * IDLE_MS; at += 20000) {
        tick(at);
        assert_true(got_ping(source));
        tick(at + 1000);
        assert_false(got_ping(source)); /* not at every tick */
    }
    assert_non_null(relay_attached(relay, SIDE_SOURCE));
    assert_non_null(relay_attached(relay, SIDE_DESTINATION));
    /* Who does not read for very long is dropped at last. */
    tick(now + 12 * IDLE_MS);
    assert_null(relay_attached(relay, SIDE_DESTINATION));
    assert_int_equal(departed, 1);

    assert_int_equal(last.why, ERR_SILENT);

    relay_end_close(relay_end_at(clients.next),
                    &(struct close_reason){RELAY_DROP, ERR_SHUTDOWN, "over"});
    assert_int_equal(departed, 2);
    assert_int_equal(last.why, ERR_SHUTDOWN);
    assert_string_equal(last.text, "over");
    assert_int_equal(stat_get(&stats.clients), 0);
    close(source);
    close(destination);
}

/* Neither is read, since neither reads: their silence is not excused for ever. */
static void who_hold_up_each_other_end(void **state)
{
    (void)state;
    int source = join(SIDE_SOURCE), destination = join(SIDE_DESTINATION);
    run_a_while();
    assert_true(say(source, FRAME_STREAM_START, 0));
    run_a_while();
    for (int i = 0; i < 100 && say(source, FRAME_DATA, 60000); i++)
        run_a_while();
    for (int i = 0; i < 100 && say(destination, FRAME_DATA, 60000); i++)
        run_a_while();
    assert_true(relay_holds(relay, SIDE_SOURCE));
    assert_true(relay_holds(relay, SIDE_DESTINATION));
    uint64_t now = loop_now(loop);
    tick(now + 5 * IDLE_MS);
    assert_int_equal(departed, 0);
    for (uint64_t i = 6; i <= 13; i++)
        tick(now + i * IDLE_MS);
    assert_int_equal(departed, 2);
    assert_int_equal(last.why, ERR_SILENT);
    close(source);
    close(destination);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {TEST(what_comes_is_counted),
                                       TEST(who_is_held_hears_from_the_hub),
                                       TEST(who_hold_up_each_other_end)};
    log_setup(LOG_OFF, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
