#include "tests/unit/native_random_help.h"

#define MAX_CONNS 8 /* of the first world */

#define MAX_TURNS 60000 /* many more than any seed needs */

#define SEEDS 10000

/* ---- the world ---- */

static bool stuck;

/* ---- the network ---- */

/* Native ones outlive it. */
static void disturb_plain(void)
{
    for (size_t i = 0; i < n_opened; i++) {
        pairs[i].cut = true;
        pairs[i].disturbed = pairs[i].disturbed || !pairs[i].native;
    }
}

static void session_notices(struct end *e)
{
    e->attached = false;
    session_lost(e->session);
}

/* ---- the sessions ---- */

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
    struct conn *c =
        conn_open(ends[SIDE_SOURCE].session, "SSH1", NULL, &client_events, &p->client, &why);
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
    size_t n = dice(2) == 0 ? dice(3000) : 0;
    n = n < p->client.to_send ? n : p->client.to_send;
    p->client.sent = n;
    assert_true(conn_early(c, bytes_at(p, true, 0, n), n));
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

static void whatever_happens_nothing_is_lost_doubled_or_reordered(void **state)
{
    unsigned from, to;
    (void)state;
    seeds(SEEDS, &from, &to);
    for (unsigned seed = from; seed <= to; seed++)
        play_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_nothing_is_lost_doubled_or_reordered),
    };
    log_setup(LOG_FATAL, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
