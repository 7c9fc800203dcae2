/* TLS: bytes both ways, and how much one turn of the loop may do. */
#include "tests/unit/tls_help.h"

/* ---- data ---- */

static void run_traffic(struct pair *p)
{
    struct end *ends[] = {&p->client, &p->server};
    for (int i = 0; i < 2; i++) {
        stream_set_owner(ends[i]->s, &traffic_events, ends[i]);
        read_on(ends[i], true);
    }
    uint64_t seen = UINT64_MAX;
    p->polls = true;
    while (p->client.traffic->end == 0 || p->server.traffic->end == 0) {
        uint64_t now = p->client.traffic->received + p->server.traffic->received;
        if (now != seen)
            timer_start(p->timer, PATIENCE_MS);
        seen = now;
        for (int i = 0; i < 2; i++) {
            struct end *e = ends[i];
            assert_int_equal(e->failed, ERR_OK);
            send_some(e);
            if (!e->reading && e->traffic->end == 0 && dice(3) == 0)
                read_on(e, true);
        }
        turn(p);
    }
}

static void compare(struct traffic *from, struct traffic *to)
{
    uint8_t a[br_sha256_SIZE], b[br_sha256_SIZE];
    assert_int_equal(from->sent, to->received);
    br_sha256_out(&from->sent_hash, a);
    br_sha256_out(&to->received_hash, b);
    assert_memory_equal(a, b, sizeof a);
}

/* A second handshake inside the first connection. */
static void nest(struct pair *p)
{
    p->client.opened = p->server.opened = false;
    p->client.s = tls_client(p->loop, p->client.s,
                             &(struct tls_client_options){.trust = trust, .host = "localhost"},
                             &quiet_events, &p->client);
    p->server.s =
        tls_server(p->loop, p->server.s, &(struct tls_server_options){.identity = identity},
                   &quiet_events, &p->server);
    open_both(p);
}

static void exchange(struct setup *s, uint64_t up, uint64_t down, bool pauses)
{
    struct pair p;
    load(s);
    begin(&p, s);
    open_both(&p);
    if (s->nested)
        nest(&p);
    start_traffic(&p.client, up);
    start_traffic(&p.server, down);
    p.client.traffic->pauses = p.server.traffic->pauses = pauses;
    run_traffic(&p);
    compare(p.client.traffic, p.server.traffic);
    compare(p.server.traffic, p.client.traffic);
    assert_int_equal(p.client.traffic->end, -ERR_EOF);
    assert_int_equal(p.server.traffic->end, -ERR_EOF);
    assert_string_equal(p.client.problem, "closed by the other side");
    free(p.client.traffic);
    free(p.server.traffic);
    finish(&p);
    unload();
}

/* ---- turns ---- */

static void wait_for_step(struct pair *p, const struct turns *t)
{
    while (!t->waits)
        turn(p);
    /* Nothing goes on by itself, and nothing spins. */
    p->polls = true;
    for (int i = 0; i < 20; i++)
        turn(p);
    p->polls = false;
    assert_false(p->server.opened);
    assert_false(p->client.opened);
}

static void take_step(struct pair *p, struct turns *t)
{
    wait_for_step(p, t);
    t->waits = false;
    tls_turn(p->server.s);
}

/* A handshake in turns: two steps with an operation of a key; of one that is resumed the hello. */
static void test_turns(void **state)
{
    (void)state;
    struct tls_session session = {{0}};
    struct turns turns = {0};
    struct setup s = usual();
    s.session = &session;
    s.cache = tls_cache_new(4096);
    s.turns = &turns;
    load(&s);
    for (int resumed = 0; resumed < 2; resumed++) {
        struct pair p;
        turns = (struct turns){0};
        begin(&p, &s);
        for (int i = 0; i < 2 - resumed; i++)
            take_step(&p, &turns);
        open_both(&p);
        tls_turn(p.server.s); /* nothing waits: nothing happens */
        greet(&p);
        assert_int_equal(turns.strange, !resumed);
        assert_int_equal(turns.known, 1);
        assert_int_equal(tls_resumed(p.server.s), resumed);
        finish(&p);
    }
    unload();
    tls_cache_free(s.cache);
}

/* Who leaves before its turn, or sends more before it, costs no step; it can be closed then. */
static void test_gone_before_its_turn(void **state)
{
    (void)state;
    struct turns turns = {0};
    struct setup s = usual();
    struct pair p;
    s.turns = &turns;
    load(&s);
    begin(&p, &s);
    wait_for_step(&p, &turns);
    drop(&p.client);
    while (p.server.failed == ERR_OK)
        turn(&p);
    assert_string_equal(err_name(p.server.failed), err_name(ERR_EOF));
    tls_turn(p.server.s);
    finish(&p);
    turns = (struct turns){0};
    begin(&p, &s);
    wait_for_step(&p, &turns);
    finish(&p);
    unload();
}

static void test_data(void **state)
{
    (void)state;
    struct setup s = usual();
    exchange(&s, 3000000, 2000000, false);
    s.chacha_first = true;
    exchange(&s, 1000000, 3000000, true);
    exchange(&s, 0, 0, false);
    exchange(&s, 2000000, 0, true);
}

static void test_data_in_pieces(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 7, 300, 4096};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct middle m = {.chunk = chunks[i], .cut = -1, .flip = -1};
        struct setup s = usual();
        s.middle = &m;
        exchange(&s, 1 + 20000 * chunks[i] / (i + 1), 10000 * chunks[i], i % 2 != 0);
    }
}

/* TLS through TLS, as through an https proxy: what the inner one peeks for lies in several records
 * of the outer one. */
static void test_nested(void **state)
{
    (void)state;
    struct setup s = usual();
    s.nested = true;
    exchange(&s, 1500000, 1000000, false);
    s = usual();
    s.nested = true;
    exchange(&s, 500000, 1000000, true);
    struct middle m = {.chunk = 900, .cut = -1, .flip = -1};
    s = usual();
    s.nested = true;
    s.middle = &m;
    exchange(&s, 200000, 300000, true);
}

/* One message of every size near where something changes, each on its own. */
static void test_sizes(void **state)
{
    (void)state;
    static const size_t around[] = {0, 16384, 16384 - 29, 32768, 65535, 65536, LOOP_BLOCK, LARGEST};
    struct setup s = usual();
    struct pair p;
    static uint8_t out[LARGEST + 40], in[LARGEST + 40];
    load(&s);
    begin(&p, &s);
    open_both(&p);
    read_on(&p.server, true);
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)dice(256);
    for (size_t k = 0; k < sizeof around / sizeof *around; k++)
        for (size_t n = around[k] > 33 ? around[k] - 33 : 0; n < around[k] + 33; n++) {
            size_t got = 0;
            if (n > sizeof out)
                break;
            bool taken = stream_write(p.client.s, out, n);
            timer_start(p.timer, PATIENCE_MS);
            while (got < n || !stream_ready(p.client.s)) {
                long part = stream_pull(p.server.s, in + got, sizeof in - got);
                assert_true(part >= 0);
                got += (size_t)part;
                if (part == 0)
                    turn(&p);
            }
            assert_true(taken || n > 0);
            assert_int_equal(got, n);
            assert_memory_equal(in, out, n);
        }
    finish(&p);
    unload();
}

/* A reader that stops: what the writer can get rid of is bounded, and goes on later. */
static void test_back_pressure(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    static uint8_t data[65536], in[65536];
    size_t sent = 0, got = 0;
    load(&s);
    begin(&p, &s);
    open_both(&p);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    while (stream_write(p.client.s, data, sizeof data)) {
        sent += sizeof data;
        assert_true(sent < 4000000);
        uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
    }
    sent += sizeof data;
    assert_false(stream_ready(p.client.s));
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
    assert_false(stream_ready(p.client.s));
    assert_int_equal(p.server.readables, 0);
    read_on(&p.server, true);
    while (got < sent) {
        long part = stream_pull(p.server.s, in, sizeof data - got % sizeof data);
        assert_true(part >= 0);
        assert_memory_equal(in, data + got % sizeof data, (size_t)part);
        got += (size_t)part;
        if (part == 0)
            turn(&p);
    }
    assert_true(stream_ready(p.client.s));
    finish(&p);
    unload();
}

/* `readable` comes again while something is left, and when reading is switched on again. */
static void test_reminders(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    uint8_t c;
    load(&s);
    begin(&p, &s);
    open_both(&p);
    assert_true(stream_write(p.client.s, (const uint8_t *)"abc", 3));
    read_on(&p.server, true);
    for (unsigned i = 0; i < 3; i++) {
        while (p.server.readables == 0)
            turn(&p);
        assert_int_equal(stream_pull(p.server.s, &c, 1), 1);
        assert_int_equal(c, 'a' + i);
        p.server.readables = 0;
        if (i == 0) {
            read_on(&p.server, false);
            for (int k = 0; k < 5; k++)
                uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
            assert_int_equal(p.server.readables, 0);
            read_on(&p.server, true);
            assert_int_equal(p.server.readables, 0); /* never from inside the call */
        }
    }
    assert_int_equal(stream_pull(p.server.s, &c, 1), 0);
    /* Several records that lie below, taken one per event. */
    for (int i = 0; i < 4; i++)
        assert_true(stream_write(p.client.s, (const uint8_t[16384]){(uint8_t)i}, 16384));
    p.server.readables = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t *at;
        while (p.server.readables == 0)
            turn(&p);
        assert_int_equal(stream_peek(p.server.s, 1, &at), 16384);
        assert_int_equal(at[0], i);
        stream_consume(p.server.s, 16384);
        p.server.readables = 0;
    }
    /* The end is told too. */
    drop(&p.client);
    while (p.server.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, &c, 1), -ERR_EOF);
    assert_string_equal(tls_problem(p.server.s), "closed by the other side");
    read_on(&p.server, false);
    p.server.readables = 0;
    read_on(&p.server, true);
    while (p.server.readables == 0)
        turn(&p);
    finish(&p);
    unload();
}

/* What is written in one iteration and then closed still arrives. */
static void test_close(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    uint8_t in[32];
    load(&s);
    begin(&p, &s);
    open_both(&p);
    read_on(&p.server, true);
    assert_true(stream_write(p.client.s, (const uint8_t *)"last words", 10));
    drop(&p.client);
    while (p.server.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, in, sizeof in), 10);
    while (stream_pull(p.server.s, in, sizeof in) == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, in, sizeof in), -ERR_EOF);
    finish(&p);
    /* Closing at any moment of a handshake leaks nothing. */
    for (int turns = 0; turns < 12; turns++) {
        begin(&p, &s);
        for (int i = 0; i < turns; i++)
            uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
        drop(turns % 2 != 0 ? &p.client : &p.server);
        for (int i = 0; i < 3; i++)
            uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
        finish(&p);
    }
    unload();
}

/* A failed write is told once, and what the other side said before it went can still be read. */
static void test_failed_write(void **state)
{
    (void)state;
    static const uint8_t data[65536];
    struct setup s = usual();
    struct pair p;
    uint8_t in[16] = "";
    load(&s);
    begin(&p, &s);
    open_both(&p);
    assert_true(stream_write(p.server.s, (const uint8_t *)"bye", 3));
    drop(&p.server);
    while (p.client.failed == ERR_OK) {
        assert_true(stream_write(p.client.s, data, sizeof data));
        turn(&p);
    }
    assert_int_equal(p.client.failed, ERR_RESET);
    assert_string_equal(p.client.problem, err_text(ERR_RESET));
    assert_true(stream_write(p.client.s, data, sizeof data)); /* "taken" */
    assert_int_equal(stream_try_write(p.client.s, data, sizeof data), 0);
    assert_int_equal(stream_pull(p.client.s, in, sizeof in), 3);
    assert_string_equal((char *)in, "bye");
    assert_true(stream_pull(p.client.s, in, sizeof in) < 0);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
    finish(&p);
    unload();
}

/* Half-close: after the client's end the server still sends. */
static void test_half_close(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    uint8_t in[16];
    load(&s);
    begin(&p, &s);
    open_both(&p);
    stream_shutdown(p.client.s);
    read_on(&p.server, true);
    while (p.server.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, in, 1), -ERR_EOF);
    assert_true(stream_write(p.server.s, (const uint8_t *)"answer", 6));
    read_on(&p.client, true);
    while (p.client.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.client.s, in, sizeof in), 6);
    finish(&p);
    unload();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),         cmocka_unit_test(test_gone_before_its_turn),
        cmocka_unit_test(test_data),          cmocka_unit_test(test_data_in_pieces),
        cmocka_unit_test(test_nested),        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_back_pressure), cmocka_unit_test(test_reminders),
        cmocka_unit_test(test_close),         cmocka_unit_test(test_failed_write),
        cmocka_unit_test(test_half_close),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
