/* Native sessions at random: two ends and the hub's real relay over a network that splits, delays
 * and cuts, with hubs that are restarted, processes that are, and ends of V3 in between. For each
 * connection and direction what arrives is a prefix of what was sent, and all of it where nobody
 * disturbed it; nobody sends beyond a window, and nobody holds more than the budget.
 *
 * A second world has no cuts, but services and clients that stop reading, stay or give up, and more
 * of them all the time: a fresh connection to one that reads gets its answer within the stall time
 * all the same, and nothing of the others stays behind for long.
 *
 * Time is the test's own: a turn of the loop is a millisecond. SEED=n replays one seed;
 * TEST_PART=i/n plays the i-th part of all. */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session_internal.h"
#include "core/ws/frame.h"
#include "gateway/hub/relay/relay.h"
#include "tests/support/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_CONNS 8 /* of the first world */
#define MAX_PAIRS 48
#define CALM_AFTER 2500 /* turns; later nothing is disturbed that could hide a standstill */
#define MAX_TURNS 60000 /* many more than any seed needs */
#define SEEDS 10000
#define WIRE_MAX 400000

static uint64_t dice_state;

static unsigned dice(unsigned n)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice_state >> 33) % n;
}

/* ---- time ---- */

static const struct time_source world_time = {
    .now_ms = __wrap_loop_now,
    .now_ns = __wrap_uv_hrtime,
    .timer_new = __wrap_timer_new,
    .timer_start = __wrap_timer_start,
    .timer_stop = __wrap_timer_stop,
    .timer_free = __wrap_timer_free,
};

static void random_of_world(void *out, size_t n)
{
    uint8_t *p = out;
    while (n-- > 0)
        *p++ = (uint8_t)dice(256);
}

/* ---- the world ---- */

/* One side of a connection's bytes: the program at a socket. */
struct program {
    int fd; /* -1: closed */
    size_t to_send, sent, got;
    bool eof, half_closes, shut;
    struct conn *conn; /* alive in the session */
    bool was_open;
    int ended;
    enum err why;
};

static struct pair {
    struct program client, service;
    uint32_t connection;
    int32_t stream;
    bool native, disturbed, refused, answered, cut; /* cut: a transport was lost during its life */
    int dialling;                                   /* turns until the service answers */
    int number;
    bool hung, probe;                /* of the second world */
    uint64_t opened_ms, gives_up_ms; /* the client leaves; 0: never */
} pairs[MAX_PAIRS];

static struct end {
    struct session *session;
    enum side role;
    char instance[32];
    int processes;
    struct buf up, down; /* on their way to the hub, and from it */
    size_t room;
    bool attached, at_hub;   /* as the session and as the hub see it */
    bool cut;                /* nothing passes any more; both will notice */
    bool up_full, down_full; /* somebody waits for room */
    bool up_paused, down_paused;
    bool in_input, native;
} ends[SIDE_COUNT];

static struct loop *loop;
static struct relay *relay;
static uv_idle_t idle;
static size_t n_pairs, n_opened;
static int turns, trouble; /* how often something happens: once in so many turns */
static unsigned seed_now;
static bool stuck;

/* ---- the network ---- */

static bool session_may_send(void *ctx)
{
    struct end *e = ctx;
    bool ready = e->up.size < e->room;
    e->up_full = e->up_full || !ready;
    return ready;
}

static bool session_sends(void *ctx, uint8_t *p, size_t n)
{
    struct end *e = ctx;
    assert_true(e->attached && e->up.size < e->room);
    assert_true(buf_append(&e->up, p, n));
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX + n);
    return true;
}

static void session_resumes(void *ctx)
{
    struct end *e = ctx;
    assert_false(e->in_input);
    e->down_paused = false;
}

static bool hub_may_send(const void *end)
{
    struct end *e = (struct end *)(uintptr_t)end;
    bool ready = e->down.size < e->room;
    e->down_full = e->down_full || !ready;
    return ready;
}

static void hub_sends(void *end, uint8_t *p, size_t n, size_t room)
{
    struct end *e = end;
    assert_true(buf_append(&e->down, p, n));
    memset(p - room, 0xee, room + n);
}

static void hub_resumes(void *end)
{
    ((struct end *)end)->up_paused = false;
}

static void hub_rejects(void *end, int code, const char *text)
{
    (void)end;
    fail_msg("seed %u: the hub closes: %d %s", seed_now, code, text);
}

static const struct relay_end_ops hub_ops = {hub_may_send, hub_sends, hub_resumes, hub_rejects};

static size_t piece(size_t n)
{
    size_t most = 1 + dice(dice(3) == 0 ? 40 : 20000);
    return n < most ? n : most;
}

/* From the session to the hub. */
static void carry_up(struct end *e)
{
    uint8_t bytes[20016];
    while (e->at_hub && !e->cut && e->up.size > 0 && !e->up_paused && dice(6) > 0) {
        size_t n = piece(e->up.size), room = dice(15);
        memcpy(bytes + room, e->up.data, n);
        size_t taken = relay_input(relay, e->role, bytes + room, n, room);
        buf_take(&e->up, taken);
        e->up_paused = taken < n;
    }
    if (e->attached && e->up_full && e->up.size < e->room) {
        e->up_full = false;
        session_writable(e->session);
    }
}

/* From the hub to the session. */
static void carry_down(struct end *e)
{
    uint8_t bytes[20000];
    while (e->attached && !e->cut && e->down.size > 0 && !e->down_paused && dice(6) > 0) {
        size_t n = piece(e->down.size);
        memcpy(bytes, e->down.data, n);
        e->in_input = true;
        size_t taken = session_input(e->session, bytes, n);
        e->in_input = false;
        buf_take(&e->down, taken);
        e->down_paused = taken < n;
    }
    if (e->at_hub && e->down_full && e->down.size < e->room) {
        e->down_full = false;
        relay_writable(relay, e->role);
    }
}

/* Native ones outlive it. */
static void disturb_plain(void)
{
    for (size_t i = 0; i < n_opened; i++) {
        pairs[i].cut = true;
        pairs[i].disturbed = pairs[i].disturbed || !pairs[i].native;
    }
}

static void disturb_all(void)
{
    for (size_t i = 0; i < n_opened; i++)
        pairs[i].disturbed = true;
}

static void hub_notices(struct end *e)
{
    if (e->at_hub)
        relay_detach(relay, e->role);
    e->at_hub = false;
}

static void session_notices(struct end *e)
{
    e->attached = false;
    session_lost(e->session);
}

static void connect_end(struct end *e)
{
    static const struct relay_peer plain = {3, "aws.iot.securetunneling-3.0", "", ""};
    struct relay_peer peer = {3, FRAME_NATIVE_PROTOCOL, e->instance, "device"};
    hub_notices(e); /* replaced by the newer one */
    buf_free(&e->up);
    buf_free(&e->down);
    e->native = turns > CALM_AFTER || dice(40) > 0;
    if (!e->native)
        disturb_all();
    e->cut = e->up_full = e->down_full = e->up_paused = e->down_paused = false;
    e->at_hub = e->attached = true;
    session_attach(e->session, &(struct transport){.ready = session_may_send,
                                                   .send = session_sends,
                                                   .resume = session_resumes,
                                                   .native = e->native,
                                                   .ctx = e});
    relay_attach(relay, e->role, e->native ? &peer : &plain, &hub_ops, e);
}

static void new_hub(void)
{
    static const char *const services[] = {"SSH1"};
    for (int i = 0; relay != NULL && i < SIDE_COUNT; i++) {
        ends[i].at_hub = false;
        ends[i].cut = true;
    }
    relay_free(relay);
    relay = relay_new(loop, services, 1);
    assert_non_null(relay);
}

/* ---- the sessions ---- */

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner, (void)ids, (void)n;
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    (void)owner, (void)why;
    fail_msg("seed %u: broken: %s", seed_now, text);
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct program *s = owner;
    assert_ptr_equal(s->conn, c);
    s->conn = NULL;
    s->ended++;
    s->why = stats->why;
}

static struct pair *pair_of_client(struct program *s)
{
    return (struct pair *)(void *)((char *)s - offsetof(struct pair, client));
}

static struct stream *open_side(struct program *s)
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

static void on_answer(void *owner, struct conn *c, enum err why)
{
    struct pair *p = pair_of_client(owner);
    p->answered = why == ERR_OK;
    if (p->answered && p->client.fd < 0)
        conn_attach(c, open_side(&p->client));
}

static const struct conn_events client_events = {.answer = on_answer, .ended = on_ended};
static const struct conn_events service_events = {.ended = on_ended};

static void on_incoming(void *owner, struct conn *c)
{
    struct pair *p = NULL;
    (void)owner;
    for (size_t i = 0; i < n_opened; i++)
        if (pairs[i].stream == conn_stream_id(c) && pairs[i].connection == conn_id(c) &&
            pairs[i].native == conn_native(c) && !pairs[i].service.was_open)
            p = &pairs[i];
    if (p == NULL) { /* the source has forgotten it, as it was never answered */
        conn_refuse(c, ERR_REFUSED);
        return;
    }
    p->service.conn = c;
    p->service.was_open = true;
    conn_set_owner(c, &service_events, &p->service);
    if (p->refused)
        conn_refuse(c, ERR_REFUSED);
    else if (p->dialling == 0)
        conn_attach(c, open_side(&p->service));
}

static const struct session_events session_events = {
    .services = on_services, .incoming = on_incoming, .broken = on_broken};

static void start_process(struct end *e)
{
    struct session_options o = {.role =
                                    e->role == SIDE_SOURCE ? SESSION_SOURCE : SESSION_DESTINATION,
                                .budget = dice(4) == 0 ? 20000 + dice(300000) : 0,
                                .time = &world_time,
                                .random = random_of_world};
    snprintf(e->instance, sizeof e->instance, "%s%d", side_name(e->role), ++e->processes);
    e->session = session_new(loop, &o, &session_events, e);
    assert_non_null(e->session);
}

/* ---- the programs at both ends ---- */

static uint8_t byte_at(const struct pair *p, bool up, size_t at)
{
    return (uint8_t)(at * 31 + at / 251 + (size_t)p->number * 7 + up);
}

static void hang_up(struct program *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void write_some(struct pair *p, struct program *s, bool up)
{
    uint8_t bytes[12000];
    size_t n = s->to_send - s->sent, most = 1 + dice(sizeof bytes);
    n = n < most ? n : most;
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(p, up, s->sent + i);
    ssize_t done = n > 0 ? send(s->fd, bytes, n, MSG_NOSIGNAL) : 0;
    if (done > 0)
        s->sent += (size_t)done;
    if (done < 0 && errno != EAGAIN)
        hang_up(s);
    if (s->fd >= 0 && s->half_closes && !s->shut && s->sent == s->to_send) {
        s->shut = true;
        shutdown(s->fd, SHUT_WR);
    }
}

static void read_some(struct pair *p, struct program *s, bool up)
{
    uint8_t bytes[12000];
    ssize_t n = recv(s->fd, bytes, 1 + dice(sizeof bytes), 0);
    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] != byte_at(p, up, s->got++))
            fail_msg("seed %u: connection %d, %s: byte %zu is wrong", seed_now, p->number,
                     up ? "up" : "down", s->got - 1);
    s->eof = s->eof || n == 0 || (n < 0 && errno != EAGAIN);
}

/* A side that has all it wants closes; one that ends first by half waits for the other's end. */
static void play_side(struct pair *p, struct program *s, const struct program *other, bool up)
{
    if (s->fd >= 0 && dice(2) == 0)
        write_some(p, s, up);
    if (s->fd >= 0 && dice(5) == 0)
        read_some(p, s, !up);
    bool has_all = s->got == other->to_send && (s->eof || !s->half_closes);
    if (s->fd >= 0 && s->sent == s->to_send && (has_all || s->eof))
        hang_up(s);
}

static void play(struct pair *p)
{
    if (p->service.conn != NULL && !p->refused && p->dialling > 0 && --p->dialling == 0)
        conn_attach(p->service.conn, open_side(&p->service));
    play_side(p, &p->client, &p->service, true);
    play_side(p, &p->service, &p->client, false);
    if (turns > CALM_AFTER || dice(4000) != 0)
        return;
    struct program *victim = dice(2) == 0 ? &p->client : &p->service;
    p->disturbed = true;
    if (dice(2) == 0)
        hang_up(victim);
    else if (victim->conn != NULL)
        conn_abort(victim->conn, ERR_SHUTDOWN);
}

static void open_next(void)
{
    struct pair *p = &pairs[n_opened];
    enum err why;
    uint8_t early[3000];
    struct conn *c = conn_open(ends[SIDE_SOURCE].session, "SSH1", &client_events, &p->client, &why);
    if (c == NULL) {
        bool away = session_device_offline(ends[SIDE_SOURCE].session);
        assert_int_equal(why, away ? ERR_DEVICE_OFFLINE : ERR_HUB_DOWN);
        return;
    }
    p->client.conn = c;
    p->client.was_open = true;
    p->connection = conn_id(c);
    p->stream = conn_stream_id(c);
    p->native = conn_native(c);
    n_opened++;
    bool same = strcmp(session_peer(ends[SIDE_SOURCE].session)->instance,
                       ends[SIDE_DESTINATION].instance) == 0 &&
                ends[SIDE_DESTINATION].native;
    p->cut = ends[SIDE_SOURCE].cut || ends[SIDE_DESTINATION].cut;
    p->disturbed = !p->native || !same; /* the one that it is for is not there any more */
    size_t n = dice(2) == 0 ? dice(sizeof early) : 0;
    n = n < p->client.to_send ? n : p->client.to_send;
    for (size_t i = 0; i < n; i++)
        early[i] = byte_at(p, true, i);
    p->client.sent = n;
    assert_true(conn_early(c, early, n));
    if (!p->native || dice(2) == 0)
        conn_attach(c, open_side(&p->client));
}

static bool is_over(const struct pair *p)
{
    return p->client.ended == 1 && p->service.conn == NULL && p->client.fd < 0 && p->service.fd < 0;
}

/* ---- trouble ---- */

static void restart_process(struct end *e)
{
    disturb_all();
    session_free(e->session);
    e->attached = false;
    e->cut = true;
    start_process(e);
}

static void make_trouble(void)
{
    struct end *e = &ends[dice(2)];
    if (turns > CALM_AFTER || dice((unsigned)trouble) != 0)
        return;
    disturb_plain();
    unsigned what = dice(20);
    if (what == 0)
        restart_process(e);
    else if (what < 6)
        new_hub();
    else
        e->cut = true;
}

/* Each notices a cut in its own time; the session then comes back. */
static void mend(struct end *e)
{
    if (e->cut && e->at_hub && dice(20) == 0)
        hub_notices(e);
    if (e->cut && e->attached && dice(20) == 0)
        session_notices(e);
    if (!e->attached && dice(10) == 0)
        connect_end(e);
    if (turns > CALM_AFTER && e->attached && !e->native && !e->cut) {
        disturb_all();
        e->cut = true;
    }
}

/* ---- what must hold at any time ---- */

static void add_sums(const struct conn *c, size_t *in, size_t *out, size_t *windows)
{
    const struct window *w = &c->window;
    *in += c->held.memory;
    *out += c->kept.memory;
    if (!conn_native(c) || c->phase != CONN_LIVE)
        return;
    *windows += w->size;
    assert_true(w->acked <= w->sent && w->sent <= w->limit);
    assert_true(w->sent <= w->end && w->end == w->acked + c->kept.size);
    assert_true(w->received <= w->granted && w->granted - w->acked_out <= WINDOW_MOST);
}

static void check_sums(const struct session *s)
{
    const struct conn_host *h = &s->host;
    size_t in = 0, out = 0, windows = 0, n = 0;
    for (size_t i = 0; i < h->services.n; i++)
        list_each(node, &h->services.all[i].conns)
        {
            add_sums(list_entry(node, struct conn, all), &in, &out, &windows);
            n++;
        }
    list_each(node, &h->leaving)
    {
        add_sums(list_entry(node, struct conn, all), &in, &out, &windows);
        n++;
    }
    assert_int_equal(in, h->in.used);
    assert_int_equal(out, h->out.used);
    assert_int_equal(windows, s->native.windows);
    assert_true(in <= account_limit(&h->in) + n * 2 * CONN_RESERVE + BUDGET_BLOCK);
    assert_true(out <= account_limit(&h->out) + n * 2 * CONN_RESERVE + BUDGET_BLOCK);
}

/* What one side may send, the other one takes. */
static void check_windows(const struct pair *p)
{
    const struct conn *a = p->client.conn, *b = p->service.conn;
    if (a == NULL || b == NULL || !p->native)
        return;
    assert_true(a->window.limit <= b->window.granted && b->window.limit <= a->window.granted);
    assert_true(a->window.acked <= b->window.received && b->window.acked <= a->window.received);
}

static void turn(uv_idle_t *i)
{
    (void)i;
    bool over = n_opened == n_pairs;
    turns++;
    now_ms++;
    fire_timers();
    make_trouble();
    for (int k = 0; k < SIDE_COUNT; k++) {
        mend(&ends[k]);
        carry_up(&ends[k]);
        carry_down(&ends[k]);
        check_sums(ends[k].session);
    }
    if (n_opened < n_pairs && dice(20) == 0)
        open_next();
    for (size_t k = 0; k < n_opened; k++) {
        play(&pairs[k]);
        check_windows(&pairs[k]);
        over = over && is_over(&pairs[k]);
    }
    stuck = turns > MAX_TURNS;
    if (over || stuck)
        loop_stop(loop);
}

/* ---- one world ---- */

static size_t amount(void)
{
    unsigned how = dice(8);
    return how == 0 ? dice(600000) : how < 3 ? dice(60000) : dice(3000);
}

static void prepare_pairs(void)
{
    memset(pairs, 0, sizeof pairs);
    n_opened = 0;
    n_pairs = 1 + dice(1 + dice(MAX_CONNS));
    for (size_t i = 0; i < n_pairs; i++) {
        struct pair *p = &pairs[i];
        p->client = (struct program){.fd = -1, .to_send = amount(), .half_closes = dice(2) == 0};
        p->service = (struct program){.fd = -1, .to_send = amount(), .half_closes = dice(2) == 0};
        p->number = (int)i;
        p->refused = dice(12) == 0;
        p->dialling = dice(2) == 0 ? 0 : 1 + (int)dice(60);
    }
}

static void check(const struct pair *p)
{
    if (stuck && !is_over(p))
        fail_msg("seed %u: connection %d stands still: up %zu/%zu, down %zu/%zu; client conn %d fd "
                 "%d, service conn %d fd %d",
                 seed_now, p->number, p->service.got, p->client.to_send, p->client.got,
                 p->service.to_send, p->client.conn != NULL, p->client.fd, p->service.conn != NULL,
                 p->service.fd);
    assert_int_equal(p->service.ended, p->service.was_open);
    if (p->disturbed || !p->native)
        return;
    if (p->refused) {
        if (!p->cut && p->client.why != ERR_REFUSED)
            fail_msg("seed %u: connection %d was refused, but ended with %s", seed_now, p->number,
                     err_name(p->client.why));
        return;
    }
    if (p->service.got != p->client.to_send || p->client.got != p->service.to_send)
        fail_msg("seed %u: connection %d lost bytes: up %zu/%zu, down %zu/%zu (%s, %s)", seed_now,
                 p->number, p->service.got, p->client.to_send, p->client.got, p->service.to_send,
                 err_name(p->client.why), err_name(p->service.why));
    if ((p->client.why != ERR_CLIENT_CLOSED && p->client.why != ERR_SERVICE_CLOSED) ||
        (p->service.why != ERR_CLIENT_CLOSED && p->service.why != ERR_SERVICE_CLOSED))
        fail_msg("seed %u: connection %d ended with %s and %s", seed_now, p->number,
                 err_name(p->client.why), err_name(p->service.why));
}

static void end_world(void)
{
    uv_close((uv_handle_t *)&idle, NULL);
    for (int i = 0; i < SIDE_COUNT; i++) {
        session_free(ends[i].session);
        buf_free(&ends[i].up);
        buf_free(&ends[i].down);
    }
    relay_free(relay);
    relay = NULL;
    for (size_t i = 0; i < n_opened; i++) {
        hang_up(&pairs[i].client);
        hang_up(&pairs[i].service);
    }
    loop_free(loop);
}

static void begin_world(unsigned seed)
{
    seed_now = seed;
    dice_state = seed;
    for (int i = 0; i < 4; i++)
        dice(2);
    loop = loop_new();
    list_init(&timers);
    now_ms = 1000;
    turns = 0;
    new_hub();
    for (int i = 0; i < SIDE_COUNT; i++)
        ends[i] = (struct end){.role = (enum side)i, .up.limit = WIRE_MAX, .down.limit = WIRE_MAX};
}

static void run_world(void (*each_turn)(uv_idle_t *i))
{
    uv_idle_init(loop_uv(loop), &idle);
    uv_idle_start(&idle, each_turn);
    loop_run(loop);
}

static void play_seed(unsigned seed)
{
    begin_world(seed);
    trouble = dice(4) == 0 ? 1000000 : 50 + (int)dice(600);
    for (int i = 0; i < SIDE_COUNT; i++) {
        ends[i].room = 1 + dice(40000);
        start_process(&ends[i]);
    }
    prepare_pairs();
    run_world(turn);
    for (size_t i = 0; i < n_opened; i++)
        check(&pairs[i]);
    for (int i = 0; i < SIDE_COUNT; i++)
        assert_int_equal(session_connections(ends[i].session), 0);
    end_world();
}

/* Which ones of so many are to be played. */
static void seeds(unsigned all, unsigned *from, unsigned *to)
{
    const char *only = getenv("SEED"), *part = getenv("TEST_PART");
    unsigned i = 1, n = 1;
    *from = 1;
    *to = all;
    if (part != NULL && sscanf(part, "%u/%u", &i, &n) == 2) {
        *from = all / n * (i - 1) + 1;
        *to = i == n ? all : all / n * i;
    }
    if (only != NULL)
        *from = *to = (unsigned)atoi(only);
}

static void whatever_happens_nothing_is_lost_doubled_or_reordered(void **state)
{
    unsigned from, to;
    (void)state;
    seeds(SEEDS, &from, &to);
    for (unsigned seed = from; seed <= to; seed++)
        play_seed(seed);
}

/* ---- the world of those who have stopped ---- */

#define HUNG_SEEDS 24
#define HUNG_TURNS 9000
#define HUNG_CALM 4500 /* turns before the end: no more of them come */
#define HUNG_STALL_MS 900
#define HUNG_BUDGET 600000 /* hardly more than two first windows */

static int probes;
static bool no_more;

static void start_hung_process(struct end *e)
{
    struct session_options o = {
        .role = e->role == SIDE_SOURCE ? SESSION_SOURCE : SESSION_DESTINATION,
        .budget = HUNG_BUDGET * (1 + dice(4)), /* one end may have more than the other takes */
        .stall_ms = HUNG_STALL_MS,
        .time = &world_time,
        .random = random_of_world};
    snprintf(e->instance, sizeof e->instance, "%s%d", side_name(e->role), ++e->processes);
    e->session = session_new(loop, &o, &session_events, e);
    assert_non_null(e->session);
}

/* A hung one sends a lot in at least one direction to somebody who does not read. */
static void become(struct pair *p, bool probe)
{
    int number = p->number;
    *p = (struct pair){.client.fd = -1, .service.fd = -1, .number = number};
    p->probe = probe;
    p->hung = !probe;
    if (probe) {
        p->client.to_send = 1 + dice(3000);
        p->service.to_send = 1 + dice(3000);
        return;
    }
    unsigned way = dice(3);
    p->client.to_send = way != 1 ? dice(600000) : dice(100);
    p->service.to_send = way != 0 ? dice(600000) : dice(100);
    p->dialling = dice(4) == 0 ? (int)dice(300) : 0;
    p->gives_up_ms = dice(4) != 0 ? now_ms + dice(3 * HUNG_STALL_MS) : 0;
}

static void open_hung(struct pair *p)
{
    enum err why;
    struct session *s = ends[SIDE_SOURCE].session;
    struct conn *c = NULL;
    if (session_peer(s)->native)
        c = conn_open(s, "SSH1", &client_events, &p->client, &why);
    if (c == NULL)
        return;
    p->client.conn = c;
    p->client.was_open = true;
    p->connection = conn_id(c);
    p->native = conn_native(c);
    p->opened_ms = now_ms;
    conn_attach(c, open_side(&p->client));
}

/* Both read a little of what comes at first, and then no more. */
static void play_hung(struct pair *p)
{
    if (p->service.conn != NULL && p->dialling > 0 && --p->dialling == 0)
        conn_attach(p->service.conn, open_side(&p->service));
    if (p->client.fd >= 0)
        write_some(p, &p->client, true);
    if (p->service.fd >= 0)
        write_some(p, &p->service, false);
    if (p->client.fd >= 0 && p->client.got < 100)
        read_some(p, &p->client, false);
    if (p->service.fd >= 0 && p->service.got < 100)
        read_some(p, &p->service, true);
    bool gives_up = no_more || (p->gives_up_ms != 0 && now_ms >= p->gives_up_ms);
    if (gives_up || p->client.conn == NULL)
        hang_up(&p->client);
    if (p->service.conn == NULL && p->client.conn == NULL)
        hang_up(&p->service);
}

/* Says its words, and gets an answer to them. */
static void play_probe(struct pair *p)
{
    if (p->client.fd >= 0)
        write_some(p, &p->client, true);
    if (p->service.fd >= 0)
        read_some(p, &p->service, true);
    if (p->service.fd >= 0 && p->service.got > 0)
        write_some(p, &p->service, false);
    if (p->client.fd >= 0)
        read_some(p, &p->client, false);
    if (p->client.got == 0 && now_ms - p->opened_ms > HUNG_STALL_MS)
        fail_msg("seed %u, at %llu: connection %u got no answer: up %zu/%zu", seed_now,
                 (unsigned long long)now_ms, p->connection, p->service.got, p->client.to_send);
    if (p->client.got == 0)
        return;
    probes++;
    hang_up(&p->client);
    hang_up(&p->service);
}

static void play_slot(struct pair *p)
{
    bool over =
        p->client.conn == NULL && p->service.conn == NULL && p->client.fd < 0 && p->service.fd < 0;
    if (over && no_more) {
        p->opened_ms = 0;
        return;
    }
    if (over && p->number > 0 && dice(200) != 0)
        return;
    if (over) {
        become(p, p->number == 0);
        open_hung(p);
    } else if (p->probe && p->client.got == 0) {
        play_probe(p);
    } else if (p->hung) {
        play_hung(p);
    }
}

/* The calm at the end shows that nothing stays behind: only hung services are left, and they do not
 * say so themselves. */
static void hung_turn(uv_idle_t *i)
{
    (void)i;
    turns++;
    now_ms++;
    no_more = turns > HUNG_TURNS - HUNG_CALM;
    fire_timers();
    for (int k = 0; k < SIDE_COUNT; k++) {
        carry_up(&ends[k]);
        carry_down(&ends[k]);
        check_sums(ends[k].session);
    }
    for (size_t k = 0; k < n_opened; k++)
        play_slot(&pairs[k]);
    if (turns == HUNG_TURNS)
        loop_stop(loop);
}

static void play_hung_seed(unsigned seed)
{
    begin_world(seed);
    turns = CALM_AFTER + 1; /* both are native */
    for (int i = 0; i < SIDE_COUNT; i++) {
        ends[i].room = 1 + dice(40000);
        start_hung_process(&ends[i]);
        connect_end(&ends[i]);
    }
    turns = 0;
    memset(pairs, 0, sizeof pairs);
    n_opened = 2 + dice(MAX_PAIRS - 1);
    for (size_t i = 0; i < n_opened; i++) {
        pairs[i].number = (int)i;
        pairs[i].client.fd = pairs[i].service.fd = -1;
    }
    probes = 0;
    no_more = false;
    run_world(hung_turn);
    if (probes <= 3)
        fail_msg("seed %u: only %d connections had their turn", seed, probes);
    for (int i = 0; i < SIDE_COUNT; i++) {
        const struct conn_host *s = &ends[i].session->host;
        if (s->in.used + s->out.used + s->n_live + s->n_leaving > 0)
            fail_msg("seed %u: %s still has %zu live and %zu other ones, and holds %zu and %zu "
                     "bytes",
                     seed, side_name((enum side)i), s->n_live, s->n_leaving, s->in.used,
                     s->out.used);
    }
    end_world();
}

static void who_has_stopped_stops_nobody_else(void **state)
{
    unsigned from, to;
    (void)state;
    seeds(HUNG_SEEDS, &from, &to);
    for (unsigned seed = from; seed <= to; seed++)
        play_hung_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_stopped_stops_nobody_else),
        cmocka_unit_test(whatever_happens_nothing_is_lost_doubled_or_reordered),
    };
    log_setup(LOG_FATAL, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
