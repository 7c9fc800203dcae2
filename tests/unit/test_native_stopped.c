#include "tests/unit/native_random_help.h"

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
        c = conn_open(s, "SSH1", NULL, &client_events, &p->client, &why);
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
    };
    log_setup(LOG_FATAL, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
