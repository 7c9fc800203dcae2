/* A hub's clients: one that is not read, because the other end of its tunnel does not read either,
 * hears from the hub all the same, and nobody drops it. */
#include "gateway/hub/client.h"

#include "core/base/log.h"
#include "core/net/tcp.h"
#include "core/tunnel/frame.h"
#include "core/ws/frame.h"
#include "gateway/hub/relay.h"
#include "gateway/hub/spill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define IDLE_MS 60000

static struct loop *loop;
static struct list clients;

static void run_a_while(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

/* A client on that side; its socket's far end. */
static int join(struct tunnel *t, enum side side)
{
    struct request r = {.kind = REQUEST_TUNNEL,
                        .side = side,
                        .protocol = "aws.iot.securetunneling-3.0",
                        .version = 3};
    int fds[2], size = 8192;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    struct stream *s = stream_from_fd(loop, fds[0]);
    assert_non_null(s);
    s = spill_new(loop, s, NULL, NULL);
    assert_non_null(s);
    client_new(loop, &clients, t, &r, s, "channel");
    return fds[1];
}

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

static void who_is_held_hears_from_the_hub(void **state)
{
    char id[] = "t", name[] = "";
    const char *const services[] = {"SSH1"};
    struct tunnel_record record = {.id = id, .name = name};
    struct tunnel t = {.record = &record};
    uint8_t bytes[4096];
    (void)state;
    loop = loop_new();
    list_init(&clients);
    t.relay = relay_new(loop, services, 1);
    int source = join(&t, SIDE_SOURCE), destination = join(&t, SIDE_DESTINATION);
    run_a_while();
    assert_true(read(source, bytes, sizeof bytes) > 0); /* SERVICE_IDS */
    uint64_t now = loop_now(loop);
    clients_tick(&clients, now + 10000, IDLE_MS);
    run_a_while();
    assert_false(got_ping(source)); /* it is read: nothing needs to be said */

    assert_true(say(source, FRAME_STREAM_START, 0));
    for (int i = 0; i < 100 && say(source, FRAME_DATA, 60000); i++)
        run_a_while();
    assert_true(relay_holds(t.relay, SIDE_SOURCE));
    for (uint64_t at = now + 20000; at < now + 5 * IDLE_MS; at += 20000) {
        clients_tick(&clients, at, IDLE_MS);
        run_a_while();
        assert_true(got_ping(source));
        clients_tick(&clients, at + 1000, IDLE_MS);
        run_a_while();
        assert_false(got_ping(source)); /* not at every tick */
    }
    assert_non_null(relay_end(t.relay, SIDE_SOURCE));
    assert_non_null(relay_end(t.relay, SIDE_DESTINATION));
    /* Who does not read for very long is dropped at last. */
    clients_tick(&clients, now + 12 * IDLE_MS, IDLE_MS);
    assert_null(relay_end(t.relay, SIDE_DESTINATION));

    clients_drop(&clients, "over");
    relay_free(t.relay);
    close(source);
    close(destination);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_held_hears_from_the_hub)};
    log_setup(LOG_OFF, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
