/* Two sessions joined by a strict transport, with random sizes, pauses, aborts and losses: whatever
 * happens, every connection ends on both sides, bytes are never changed, and those that nobody
 * disturbed arrive all. The transport offers what was not taken only after `resume`, and says
 * `writable` only when it was full, so a wake-up that is lost shows as a standstill. */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session.h"
#include "core/ws/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_CONNS 10
#define CALM_AFTER 1000   /* turns; later nothing is disturbed that could hide a standstill */
#define MAX_TURNS 2000000 /* many more than any seed needs; a broken one waits for its reader */
#define SEEDS 800

/* One side of a connection's bytes: the program at a socket. */
struct side {
    int fd; /* -1: closed */
    size_t to_send, sent, got;
    bool eof;
    struct conn *conn; /* alive in the session */
    bool was_open;
    int ended;
};

static struct pair {
    struct side client, service;
    int32_t stream;
    uint32_t connection;
    bool half_close, disturbed, refused;
    int dialling; /* turns until the service answers */
    int number;
} pairs[MAX_CONNS];

static struct end {
    struct session *session;
    struct end *peer;
    struct buf wire;
    size_t room, offset; /* offset: as if a block began there */
    bool paused, waits, in_input;
} source, destination;

static struct loop *loop;
static uv_idle_t idle;
static uint64_t dice_state;
static size_t n_pairs, n_opened;
static int turns, loss_at, version;
static bool stuck;

static unsigned dice(unsigned n)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice_state >> 33) % n;
}

/* ---- transport ---- */

static bool end_ready(void *ctx)
{
    struct end *e = ctx;
    bool ready = e->wire.size < e->room;
    e->waits = e->waits || !ready;
    return ready;
}

static bool end_send(void *ctx, uint8_t *p, size_t n)
{
    struct end *e = ctx;
    assert_true(e->wire.size < e->room);
    assert_true(buf_append(&e->wire, p, n));
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX + n);
    e->waits = e->wire.size >= e->room;
    return true;
}

static void end_resume(void *ctx)
{
    struct end *e = ctx; /* the one that reads */
    assert_false(e->in_input);
    e->paused = false;
}

/* Offers what `from` has sent, as a WebSocket would. */
static void carry(struct end *from)
{
    struct end *to = from->peer;
    uint8_t bytes[20000];
    while (from->wire.size > 0 && !to->paused && dice(8) > 0) {
        size_t n = 1 + dice(dice(3) == 0 ? 40 : 20000);
        n = n < from->wire.size ? n : from->wire.size;
        memcpy(bytes, from->wire.data, n);
        to->in_input = true;
        size_t taken = session_input(to->session, bytes, n);
        to->in_input = false;
        assert_true(taken <= n);
        buf_take(&from->wire, taken);
        to->paused = taken < n;
    }
    if (from->waits && from->wire.size < from->room) {
        from->waits = false;
        session_writable(from->session);
    }
}

static void attach(struct end *e)
{
    buf_free(&e->wire);
    e->paused = e->waits = false;
    session_attach(
        e->session,
        &(struct transport){.ready = end_ready, .send = end_send, .resume = end_resume, .ctx = e});
}

static void give_services(struct end *e)
{
    uint8_t bytes[100];
    struct frame f = {.type = FRAME_SERVICE_IDS, .n_services = 1, .services = {{"SSH1", 4}}};
    size_t n = frame_encode(&f, bytes, sizeof bytes);
    assert_int_equal(session_input(e->session, bytes, n), n);
}

static void lose_transport(void)
{
    for (size_t i = 0; i < n_opened; i++)
        pairs[i].disturbed = true;
    session_detach(source.session, ERR_LINK_LOST);
    session_detach(destination.session, ERR_LINK_LOST);
    attach(&source);
    attach(&destination);
    give_services(&source);
    give_services(&destination);
}

/* ---- events ---- */

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner, (void)ids, (void)n;
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    (void)owner, (void)why;
    fail_msg("broken: %s", text);
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct side *s = owner;
    (void)stats;
    assert_ptr_equal(s->conn, c);
    s->conn = NULL;
    s->ended++;
}

static const struct conn_events conn_events = {.ended = on_ended};

static struct stream *open_side(struct side *s)
{
    int fds[2], size = 4096 + (int)dice(30000);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    s->fd = fds[1];
    struct stream *stream = stream_from_fd(loop, fds[0]);
    assert_non_null(stream);
    return stream;
}

static void on_incoming(void *owner, struct conn *c)
{
    struct pair *p = NULL;
    (void)owner;
    for (size_t i = 0; i < n_opened; i++)
        if (pairs[i].stream == conn_stream_id(c) && pairs[i].connection == conn_id(c))
            p = &pairs[i];
    assert_non_null(p);
    p->service.conn = c;
    p->service.was_open = true;
    conn_set_owner(c, &conn_events, &p->service);
    if (p->refused)
        conn_refuse(c, ERR_REFUSED);
    else if (p->dialling == 0)
        conn_attach(c, open_side(&p->service));
}

static const struct session_events session_events = {
    .services = on_services, .incoming = on_incoming, .broken = on_broken};

/* ---- the programs at both ends ---- */

static uint8_t byte_at(const struct pair *p, bool up, size_t at)
{
    return (uint8_t)(at * 31 + at / 251 + (size_t)p->number * 7 + up);
}

static void hang_up(struct side *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void write_some(struct pair *p, struct side *s, bool up)
{
    uint8_t bytes[6000];
    size_t n = s->to_send - s->sent, most = 1 + dice(sizeof bytes);
    n = n < most ? n : most;
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(p, up, s->sent + i);
    ssize_t done = n > 0 ? send(s->fd, bytes, n, MSG_NOSIGNAL) : 0;
    if (done > 0)
        s->sent += (size_t)done;
}

static void read_some(struct pair *p, struct side *s, bool up)
{
    uint8_t bytes[6000];
    ssize_t n = recv(s->fd, bytes, 1 + dice(sizeof bytes), 0);
    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], byte_at(p, up, s->got++));
    s->eof = s->eof || n == 0 || (n < 0 && errno != EAGAIN);
}

static void play(struct pair *p)
{
    struct side *c = &p->client, *s = &p->service;
    if (s->conn != NULL && p->dialling > 0 && --p->dialling == 0)
        conn_attach(s->conn, open_side(s));
    if (c->fd >= 0 && dice(2) == 0)
        write_some(p, c, true);
    if (c->fd >= 0 && dice(6) == 0)
        read_some(p, c, false);
    if (s->fd >= 0 && dice(2) == 0)
        write_some(p, s, false);
    if (s->fd >= 0 && dice(6) == 0)
        read_some(p, s, true);
    if (c->fd >= 0 && p->half_close && c->sent == c->to_send)
        shutdown(c->fd, SHUT_WR);
    if (c->fd >= 0 && c->eof)
        hang_up(c);
    if (s->fd >= 0 && (s->eof || (s->sent == s->to_send && s->got == c->to_send)))
        hang_up(s);
    if (turns > CALM_AFTER || dice(3000) != 0)
        return;
    p->disturbed = true;
    struct side *victim = dice(2) == 0 ? c : s;
    if (dice(2) == 0)
        hang_up(victim);
    else if (victim->conn != NULL)
        conn_abort(victim->conn, ERR_OPERATOR);
}

/* A connection that may be aborted before anybody has heard of it. */
static void open_next(void)
{
    struct pair *p = &pairs[n_opened];
    enum err why;
    struct conn *c = conn_open(source.session, "SSH1", NULL, &conn_events, &p->client, &why);
    if (c == NULL) {
        assert_int_equal(why, ERR_BUSY);
        return;
    }
    p->client.conn = c;
    p->client.was_open = true;
    p->stream = conn_stream_id(c);
    p->connection = conn_id(c);
    n_opened++;
    if (dice(20) == 0) {
        p->disturbed = true;
        conn_abort(c, ERR_OPERATOR); /* ERR_SHUTDOWN is told by the transport's end */
    } else {
        conn_attach(c, open_side(&p->client));
    }
}

static bool is_over(const struct pair *p)
{
    return p->client.ended == 1 && p->service.conn == NULL && p->client.fd < 0 && p->service.fd < 0;
}

static void turn(uv_idle_t *i)
{
    (void)i;
    bool over = n_opened == n_pairs;
    if (++turns == loss_at)
        lose_transport();
    carry(&source);
    carry(&destination);
    if (n_opened < n_pairs && dice(20) == 0)
        open_next();
    for (size_t k = 0; k < n_opened; k++) {
        play(&pairs[k]);
        over = over && is_over(&pairs[k]);
    }
    stuck = turns > MAX_TURNS;
    if (over || stuck)
        loop_stop(loop);
}

/* ---- one world ---- */

static void begin(struct end *e, struct end *peer, enum session_role role, int number)
{
    struct session_options o = {
        .role = role, .version = number, .queue_limit = 500 + dice(1 + dice(60000))};
    *e = (struct end){.peer = peer, .wire.limit = 400000, .room = 1 + dice(40000)};
    e->session = session_new(loop, &o, &session_events, e);
    assert_non_null(e->session);
    attach(e);
    give_services(e);
}

static void prepare_pairs(void)
{
    memset(pairs, 0, sizeof pairs);
    n_opened = 0;
    n_pairs = 1 + dice(1 + dice(MAX_CONNS));
    for (size_t i = 0; i < n_pairs; i++) {
        struct pair *p = &pairs[i];
        p->client = (struct side){.fd = -1, .to_send = dice(3) == 0 ? dice(150000) : dice(2000)};
        p->service = (struct side){.fd = -1, .to_send = dice(3) == 0 ? dice(150000) : dice(2000)};
        p->number = (int)i;
        p->half_close = version == 3 && dice(3) == 0;
        p->refused = dice(12) == 0;
        p->dialling = dice(2) == 0 ? 0 : 1 + (int)dice(60);
    }
}

static void check(unsigned seed, const struct pair *p)
{
    if (stuck && !is_over(p))
        fail_msg("seed %u: connection %d stands still: up %zu/%zu, down %zu/%zu, stalled %d %d",
                 seed, p->number, p->service.got, p->client.to_send, p->client.got,
                 p->service.to_send, session_stalled(source.session),
                 session_stalled(destination.session));
    assert_true(p->service.ended == p->service.was_open);
    if (p->disturbed || p->refused)
        return;
    if (p->service.got != p->client.to_send || p->client.got != p->service.to_send)
        fail_msg("seed %u: connection %d lost bytes: up %zu/%zu, down %zu/%zu", seed, p->number,
                 p->service.got, p->client.to_send, p->client.got, p->service.to_send);
}

static void play_seed(unsigned seed)
{
    dice_state = seed;
    for (int i = 0; i < 4; i++)
        dice(2);
    loop = loop_new();
    version = 1 + (int)dice(5);
    version = version > 3 ? 3 : version;
    turns = 0;
    loss_at = dice(4) == 0 ? 1 + (int)dice(2000) : 0;
    begin(&source, &destination, SESSION_SOURCE, version);
    begin(&destination, &source, SESSION_DESTINATION, version == 1 ? 1 : 0);
    prepare_pairs();
    uv_idle_init(loop_uv(loop), &idle);
    uv_idle_start(&idle, turn);
    loop_run(loop);
    for (size_t i = 0; i < n_opened; i++)
        check(seed, &pairs[i]);
    assert_int_equal(session_connections(source.session), 0);
    assert_int_equal(session_connections(destination.session), 0);
    uv_close((uv_handle_t *)&idle, NULL);
    session_free(source.session);
    session_free(destination.session);
    buf_free(&source.wire);
    buf_free(&destination.wire);
    for (size_t i = 0; i < n_opened; i++) {
        hang_up(&pairs[i].client);
        hang_up(&pairs[i].service);
    }
    loop_free(loop);
}

static void whatever_happens_everything_ends_and_nothing_is_lost(void **state)
{
    (void)state;
    const char *only = getenv("SEED");
    unsigned from = only != NULL ? (unsigned)atoi(only) : 1, to = only != NULL ? from : SEEDS;
    for (unsigned seed = from; seed <= to; seed++)
        play_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_everything_ends_and_nothing_is_lost),
    };
    log_setup(LOG_FATAL, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
