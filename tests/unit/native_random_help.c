#include "tests/unit/native_random_help.h"

#define WIRE_MAX 400000

static uint64_t dice_state;

unsigned dice(unsigned n)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice_state >> 33) % n;
}

/* ---- time ---- */

const struct time_source world_time = {
    .now_ms = __wrap_loop_now,
    .now_ns = __wrap_uv_hrtime,
    .timer_new = __wrap_timer_new,
    .timer_start = __wrap_timer_start,
    .timer_stop = __wrap_timer_stop,
    .timer_free = __wrap_timer_free,
};

void random_of_world(void *out, size_t n)
{
    uint8_t *p = out;
    while (n-- > 0)
        *p++ = (uint8_t)dice(256);
}

/* ---- the world ---- */

struct pair pairs[MAX_PAIRS];

struct end ends[SIDE_COUNT];

struct loop *loop;

static struct relay *relay;

static uv_idle_t idle;

size_t n_pairs, n_opened;

int turns, trouble;

unsigned seed_now;

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

static bool session_sends_parts(void *ctx, const struct span *parts, size_t n)
{
    struct end *e = ctx;
    assert_true(e->attached && e->up.size < e->room);
    for (size_t i = 0; i < n; i++)
        assert_true(buf_append(&e->up, parts[i].p, parts[i].n));
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

static void hub_sends(void *end, const uint8_t *p, size_t n)
{
    struct end *e = end;
    assert_true(buf_append(&e->down, p, n));
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

void carry_up(struct end *e)
{
    uint8_t bytes[20000];
    while (e->at_hub && !e->cut && e->up.size > 0 && !e->up_paused && dice(6) > 0) {
        size_t n = piece(e->up.size);
        memcpy(bytes, e->up.data, n);
        size_t taken = relay_input(relay, e->role, bytes, n);
        buf_take(&e->up, taken);
        e->up_paused = taken < n;
    }
    if (e->attached && e->up_full && e->up.size < e->room) {
        e->up_full = false;
        session_writable(e->session);
    }
}

void carry_down(struct end *e)
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

void disturb_all(void)
{
    for (size_t i = 0; i < n_opened; i++)
        pairs[i].disturbed = true;
}

void hub_notices(struct end *e)
{
    if (e->at_hub)
        relay_detach(relay, e->role);
    e->at_hub = false;
}

void connect_end(struct end *e)
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
    session_attach(e->session,
                   &(struct transport){.ready = session_may_send,
                                       .send = session_sends,
                                       .send_parts = dice(3) > 0 ? session_sends_parts : NULL,
                                       .resume = session_resumes,
                                       .native = e->native,
                                       .ctx = e});
    relay_attach(relay, e->role, e->native ? &peer : &plain, &hub_ops, e);
}

void new_hub(void)
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

struct stream *open_side(struct program *s)
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

const struct conn_events client_events = {.answer = on_answer, .ended = on_ended};

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

const struct session_events session_events = {
    .services = on_services, .incoming = on_incoming, .broken = on_broken};

/* ---- the programs at both ends ---- */

#define PIECE 12000

const uint8_t *bytes_at(const struct pair *p, bool up, size_t at, size_t n)
{
    static uint8_t all[2 << 20];
    static bool made;
    size_t from = (size_t)p->number * 20011 + (up ? 10007 : 0) + at;
    for (size_t i = 0; !made && i < sizeof all; i++)
        all[i] = (uint8_t)(i * 31 + i / 251);
    made = true;
    assert_true(from + n <= sizeof all);
    return all + from;
}

void hang_up(struct program *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void write_some(struct pair *p, struct program *s, bool up)
{
    size_t n = s->to_send - s->sent, most = 1 + dice(PIECE);
    n = n < most ? n : most;
    ssize_t done = n > 0 ? send(s->fd, bytes_at(p, up, s->sent, n), n, MSG_NOSIGNAL) : 0;
    if (done > 0)
        s->sent += (size_t)done;
    if (done < 0 && errno != EAGAIN)
        hang_up(s);
    if (s->fd >= 0 && s->half_closes && !s->shut && s->sent == s->to_send) {
        s->shut = true;
        shutdown(s->fd, SHUT_WR);
    }
}

void read_some(struct pair *p, struct program *s, bool up)
{
    uint8_t bytes[PIECE];
    ssize_t n = recv(s->fd, bytes, 1 + dice(sizeof bytes), 0);
    if (n > 0 && memcmp(bytes, bytes_at(p, up, s->got, (size_t)n), (size_t)n) != 0)
        fail_msg("seed %u: connection %d, %s: what comes behind byte %zu is wrong", seed_now,
                 p->number, up ? "up" : "down", s->got);
    s->got += n > 0 ? (size_t)n : 0;
    s->eof = s->eof || n == 0 || (n < 0 && errno != EAGAIN);
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

void check_sums(const struct session *s)
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

/* ---- one world ---- */

void end_world(void)
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

void begin_world(unsigned seed)
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

void run_world(void (*each_turn)(uv_idle_t *i))
{
    uv_idle_init(loop_uv(loop), &idle);
    uv_idle_start(&idle, each_turn);
    loop_run(loop);
}

void seeds(unsigned all, unsigned *from, unsigned *to)
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
