/* A session of V1 to V3 whose far end says whatever the input holds, given in pieces that its
 * second byte decides. Whatever it says, nothing crashes, each connection holds no more than it
 * may, and a session that was broken keeps no connection. */
#include "core/base/log.h"
#include "core/net/tcp.h"
#include "core/tunnel/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)
#define SOCKETS 8
#define QUEUE 65536

static struct loop *loop;
static struct session *session;
static int fds[SOCKETS];
static size_t n_fds;
static bool broken;

static bool ready(void *ctx)
{
    (void)ctx;
    return true;
}

static bool send_message(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX + n);
    return true;
}

static void resume(void *ctx)
{
    (void)ctx;
}

static const struct transport transport = {.ready = ready, .send = send_message, .resume = resume};

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner;
    for (size_t i = 0; i < n; i++)
        MUST(ids[i][0] != '\0');
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    (void)owner;
    MUST(why != ERR_OK && text != NULL);
    broken = true;
    session_lost(session);
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    (void)owner, (void)c, (void)stats;
}

static const struct conn_events conn_events = {.ended = on_ended};

/* Something to read lies there already, and its end. */
static void attach(struct conn *c)
{
    int pair[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    MUST(write(pair[1], "0123456789", 10) == 10);
    shutdown(pair[1], SHUT_WR);
    fds[n_fds++] = pair[1];
    struct stream *s = stream_from_fd(loop, pair[0]);
    MUST(s != NULL);
    conn_attach(c, s);
}

/* Every third one is being dialled for ever, and every third one refused. */
static void on_incoming(void *owner, struct conn *c)
{
    static unsigned turn;
    (void)owner;
    conn_own(c, &conn_events, NULL);
    if (++turn % 3 == 0)
        conn_refuse(c, ERR_REFUSED);
    else if (turn % 3 == 1 && n_fds < SOCKETS)
        attach(c);
}

static const struct session_events events = {
    .services = on_services, .incoming = on_incoming, .broken = on_broken};

static void turn(void)
{
    for (int i = 0; i < 3; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void begin(enum session_role role, int version)
{
    uint8_t out[100];
    const struct frame ids = {
        .type = FRAME_SERVICE_IDS, .n_services = 2, .services = {{"SSH1", 4}, {"HTTP1", 5}}};
    session =
        session_new(loop,
                    &(struct session_options){
                        .role = role, .version = version, .queue_limit = QUEUE, .first_stream = 1},
                    &events, NULL);
    MUST(session != NULL);
    session_attach(session, &transport);
    size_t n = frame_encode(&ids, out, sizeof out);
    MUST(session_input(session, out, n) == n);
    for (int i = 0; role == SESSION_SOURCE && i < 3; i++) {
        enum err why;
        struct conn *c = conn_open(session, i == 2 ? "HTTP1" : "SSH1", &conn_events, NULL, &why);
        if (c != NULL && i > 0)
            attach(c);
    }
    turn();
}

static void feed(const uint8_t *data, size_t size, size_t step)
{
    uint8_t *piece = malloc(step);
    MUST(piece != NULL);
    for (size_t at = 0; at < size && !broken;) {
        size_t n = size - at < step ? size - at : step;
        memcpy(piece, data + at, n);
        size_t taken = session_input(session, piece, n);
        MUST(taken <= n);
        turn();
        if (taken == 0 && session_stalled(session))
            break;
        at += taken;
    }
    free(piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    MUST(loop != NULL);
    broken = false;
    n_fds = 0;
    bool source = (data[0] & 1) != 0;
    int version = data[0] >> 1 & 3;
    begin(source ? SESSION_SOURCE : SESSION_DESTINATION,
          source ? (version == 0 ? 3 : version) : (version == 1));
    feed(data + 2, size - 2, (data[0] & 8) != 0 ? data[1] + 1U : size);
    if (broken)
        MUST(session_connections(session) == 0);
    session_free(session);
    for (size_t i = 0; i < n_fds; i++)
        close(fds[i]);
    loop_free(loop);
    return 0;
}
