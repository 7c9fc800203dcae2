/* The relay: frames, messages, SERVICE_IDS, versions, bandwidth. */
#include "tests/unit/relay_help.h"

/* ---- SERVICE_IDS ---- */

static void test_services_first(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    attach(r, SIDE_SOURCE);
    struct end *e = &r->ends[SIDE_SOURCE];
    struct frame f;
    assert_int_equal(e->n, 1);
    assert_int_equal(frame_decode(e->got[0].p + 2, e->got[0].n - 2, &f), ERR_OK);
    assert_int_equal(f.type, FRAME_SERVICE_IDS);
    assert_int_equal(f.n_services, 2);
    assert_true(span_is(f.services[0], "SSH1"));
    assert_true(span_is(f.services[1], "HTTP1"));
    relay_writable(r->relay, SIDE_SOURCE);
    assert_int_equal(e->n, 1);
    /* not to clients of V1 only */
    static const struct relay_peer old = {1, "aws.iot.securetunneling-1.0", "", ""};
    relay_attach(r->relay, SIDE_DESTINATION, &old, &ops, &r->ends[SIDE_DESTINATION]);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    unrig(r);
}

static void test_services_of_a_plain_tunnel(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0, 2, 8, FRAME_SERVICE_IDS};
    struct rig *r = rig_with(NULL, 0);
    attach(r, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_DESTINATION].got[0].n, sizeof expected);
    assert_memory_equal(r->ends[SIDE_DESTINATION].got[0].p, expected, sizeof expected);
    unrig(r);
}

static void test_services_at_their_longest(void **state)
{
    (void)state;
    enum { N = 64 };
    static char ids[N][FRAME_SERVICE_MAX + 1];
    const char *list[N];
    struct frame f;
    for (size_t i = 0; i < N; i++) {
        memset(ids[i], 'a', FRAME_SERVICE_MAX);
        snprintf(ids[i], 4, "%03zu", i);
        ids[i][3] = 'a';
        list[i] = ids[i];
    }
    struct rig *r = rig_with(list, N);
    attach(r, SIDE_SOURCE);
    struct message *m = &r->ends[SIDE_SOURCE].got[0];
    assert_int_equal(frame_decode(m->p + 2, m->n - 2, &f), ERR_OK);
    assert_int_equal(f.n_services, N);
    assert_true(span_is(f.services[N - 1], ids[N - 1]));
    unrig(r);
}

/* The 101 may still be on its way: SERVICE_IDS wait, and nothing passes them. */
static void test_services_wait(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    uint8_t out[64];
    attach(r, SIDE_SOURCE);
    r->ends[SIDE_DESTINATION].full = true;
    attach(r, SIDE_DESTINATION);
    size_t n = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), 0);
    assert_true(relay_holds(r->relay, SIDE_SOURCE));
    r->ends[SIDE_DESTINATION].full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 2);
    got(r, SIDE_DESTINATION, 1, FRAME_STREAM_START, 1, "SSH1", 1);
    unrig(r);
}

/* ---- versions ---- */

/* Traces of share/doc/protocol.md. */
static void test_versions_pass(void **state)
{
    (void)state;
    static const struct {
        const char *service;
        uint32_t connection;
    } versions[] = {{"SSH1", 1}, {"SSH1", 0}, {"", 0}, {"", 1}};
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
        const char *s = versions[v].service;
        uint32_t c = versions[v].connection;
        struct rig *r = rig();
        say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, s, c);
        say(r, SIDE_SOURCE, FRAME_DATA, 1, s, c);
        say(r, SIDE_DESTINATION, FRAME_DATA, 1, s, c);
        if (c > 0) {
            say(r, SIDE_SOURCE, FRAME_CONNECTION_START, 1, s, c + 1);
            say(r, SIDE_DESTINATION, FRAME_CONNECTION_RESET, 1, s, c + 1);
        }
        say(r, SIDE_SOURCE, FRAME_STREAM_RESET, 1, s, c);
        say(r, SIDE_DESTINATION, FRAME_STREAM_RESET, 1, s, c);
        assert_int_equal(r->ends[SIDE_DESTINATION].n, c > 0 ? 4 : 3);
        assert_int_equal(r->ends[SIDE_SOURCE].n, c > 0 ? 3 : 2);
        got(r, SIDE_DESTINATION, 0, FRAME_STREAM_START, 1, s, c);
        got(r, SIDE_DESTINATION, 1, FRAME_DATA, 1, s, c);
        got(r, SIDE_SOURCE, 0, FRAME_DATA, 1, s, c);
        /* over: nothing is owed to the survivor */
        relay_detach(r->relay, SIDE_SOURCE);
        assert_int_equal(r->ends[SIDE_DESTINATION].n, c > 0 ? 4 : 3);
        unrig(r);
    }
}

static void test_negative_ids(void **state)
{
    (void)state;
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, -5, "SSH1", 0xffffffff);
    say(r, SIDE_DESTINATION, FRAME_DATA, -5, "SSH1", 0xffffffff);
    got(r, SIDE_DESTINATION, 0, FRAME_STREAM_START, -5, "SSH1", 0xffffffff);
    relay_detach(r->relay, SIDE_DESTINATION);
    got(r, SIDE_SOURCE, 1, FRAME_STREAM_RESET, -5, "SSH1", 1);
    unrig(r);
}

/* ---- messages ---- */

/* One message of several frames stays one, but for what must not be glued. */
static void test_message_for_message(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[512];
    size_t n = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0), start = n;
    n += put(out + n, FRAME_DATA, 1, "SSH1", 1, "a", 1);
    n += put(out + n, FRAME_CONNECTION_START, 1, "SSH1", 2, NULL, 0);
    n += put(out + n, FRAME_DATA, 1, "SSH1", 2, "b", 1);
    n += put(out + n, FRAME_STREAM_RESET, 1, "SSH1", 1, NULL, 0);
    size_t reset = n;
    n += put(out + n, FRAME_STREAM_START, 2, "SSH1", 1, NULL, 0);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n), n);
    struct end *d = &r->ends[SIDE_DESTINATION];
    assert_int_equal(d->n, 3);
    assert_int_equal(d->got[0].n, start);
    assert_int_equal(d->got[1].n, reset - start);
    assert_int_equal(d->got[2].n, n - reset);
    unrig(r);
}

/* The same bytes in any split come out as the same bytes, in messages of whole frames. */
static void check_split(const uint8_t *all, size_t n, unsigned seed, size_t most)
{
    struct rig *r = rig();
    struct end *d = &r->ends[SIDE_DESTINATION];
    uint8_t *joined = malloc(n);
    size_t at = 0, have = 0;
    assert_non_null(joined);
    srand(seed);
    while (at < n) {
        size_t piece = most == 1 ? 1 : 1 + (size_t)rand() % most;
        if (piece > n - at)
            piece = n - at;
        assert_int_equal(offer(r, SIDE_SOURCE, all + at, piece), piece);
        at += piece;
    }
    for (size_t i = 0; i < d->n; i++) {
        for (size_t k = 0; k < d->got[i].n;)
            k += 2 + ((size_t)d->got[i].p[k] << 8 | d->got[i].p[k + 1]),
                assert_true(k <= d->got[i].n);
        assert_true(have + d->got[i].n <= n);
        memcpy(joined + have, d->got[i].p, d->got[i].n);
        have += d->got[i].n;
    }
    assert_int_equal(have, n);
    assert_memory_equal(joined, all, n);
    assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
    free(joined);
    unrig(r);
}

static void test_splits(void **state)
{
    (void)state;
    static uint8_t all[200000], payload[FRAME_PAYLOAD_MAX];
    static const size_t sizes[] = {1, 100, 0, 4000, FRAME_PAYLOAD_MAX, 2, 16128, 30000};
    size_t n = put(all, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        n += put(all + n, FRAME_DATA, 1, "SSH1", 1, payload, sizes[i]);
    check_split(all, n, 1, 1);
    check_split(all, n, 1, SIZE_MAX); /* one piece, more than a message may have */
    for (unsigned seed = 1; seed <= 20; seed++)
        check_split(all, n, seed, seed % 3 == 0 ? 7 : seed % 3 == 1 ? 5000 : 65000);
}

/* An end that leaves in the middle of a frame leaves nothing of it behind. */
static void test_cut_off(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[64];
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, "abc", 3);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n - 1), n - 1);
    relay_detach(r->relay, SIDE_SOURCE);
    attach(r, SIDE_SOURCE);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 2); /* start, reset */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 2, "SSH1", 1);
    got(r, SIDE_DESTINATION, 2, FRAME_STREAM_START, 2, "SSH1", 1);
    unrig(r);
}

/* ---- everything at once, at random ---- */

struct player {
    uint8_t todo[4096]; /* bytes to offer */
    size_t have;
    bool held, here;
};

/* Ends come and go, fill up and drain, send right and late frames in any split. Whoever is held is
 * resumed once there is room, and nobody who follows the rules is thrown out. */
static void play(unsigned seed)
{
    struct rig *r = rig_with(two, 2);
    struct player players[SIDE_COUNT] = {0};
    int32_t next_stream = 1;
    uint32_t passed = 0;
    srand(seed);
    for (int step = 0; step < 3000; step++) {
        enum side side = (enum side)(rand() % 2);
        struct player *p = &players[side];
        struct end *e = &r->ends[side];
        switch (rand() % 8) {
        case 0:
            if (p->here && rand() % 10 == 0) {
                relay_detach(r->relay, side);
                *p = (struct player){0};
            }
            break;
        case 1:
            if (!p->here) {
                e->full = rand() % 2 == 0;
                attach(r, side);
                p->here = true;
            }
            break;
        case 2:
            e->full = true;
            break;
        case 3:
        case 4:
            e->full = false;
            e->once = rand() % 2 == 0;
            if (p->here)
                relay_writable(r->relay, side);
            break;
        case 5:
            if (side == SIDE_SOURCE && p->here && p->have < 2000) {
                const char *service = two[rand() % 2];
                p->have +=
                    put(p->todo + p->have, FRAME_STREAM_START, next_stream, service, 1, NULL, 0);
                for (int i = rand() % 4; i > 0; i--)
                    p->have +=
                        put(p->todo + p->have, FRAME_DATA, next_stream, service, 1, "data", 4);
                if (rand() % 3 == 0)
                    p->have += put(p->todo + p->have, FRAME_STREAM_RESET, next_stream, service, 1,
                                   NULL, 0);
                next_stream++;
            } else if (p->here && p->have < 2000) {
                p->have += put(p->todo + p->have, FRAME_CONNECTION_RESET, 1 + rand() % next_stream,
                               two[rand() % 2], 1, NULL, 0);
            }
            break;
        default:
            if (p->here && p->have > 0 && (!p->held || e->resumed > 0)) {
                size_t n = 1 + (size_t)rand() % p->have;
                e->resumed = 0;
                size_t taken = offer(r, side, p->todo, n);
                p->held = taken < n;
                assert_int_equal(p->held, relay_holds(r->relay, side));
                memmove(p->todo, p->todo + taken, p->have - taken);
                p->have -= taken;
                passed += (uint32_t)taken;
            }
        }
        assert_int_equal(e->code, -1);
        if (e->n > MESSAGES / 2) {
            int resumed = e->resumed;
            forget(e);
            e->resumed = resumed;
        }
    }
    /* with room everywhere nobody stays held */
    for (int i = 0; i < SIDE_COUNT; i++)
        r->ends[i].full = r->ends[i].once = false;
    for (int i = 0; i < SIDE_COUNT; i++)
        if (players[i].here)
            relay_writable(r->relay, (enum side)i);
    for (int i = 0; i < SIDE_COUNT; i++) {
        assert_false(relay_holds(r->relay, (enum side)i));
        if (players[i].held)
            assert_true(r->ends[i].resumed > 0);
    }
    assert_true(passed > 1000);
    unrig(r);
}

static void test_at_random(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 40; seed++)
        play(seed);
}

/* ---- bandwidth ---- */

#define CHUNK 5000

#define CHUNKS 20

#define TURN 4 /* chunks: LIMITER_TURN of the relay, and what begins within it */

/* Offers one more chunk if its turn has come; counts those that were taken. */
static void go_on(struct rig *r, enum side side, int *resumed, size_t *passed)
{
    uint8_t out[FRAME_MAX], payload[CHUNK] = {0};
    if (r->ends[side].resumed == *resumed)
        return;
    *resumed = r->ends[side].resumed;
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, payload, CHUNK);
    while (*passed < CHUNKS) {
        size_t taken = offer(r, side, out, n);
        if (taken == 0)
            return;
        assert_int_equal(taken, n);
        ++*passed;
    }
}

/* All four ways once; whether all have passed everything. Of a tunnel's two, who was resumed first
 * goes on first, as WebSockets do. */
static bool all_go_on(struct rig *rigs[2], int resumed[4], size_t passed[4])
{
    bool done = true;
    for (size_t i = 0; i < 2; i++) {
        struct rig *r = rigs[i];
        bool swap = r->ends[0].resumed_at > r->ends[1].resumed_at;
        for (size_t k = 0; k < 2; k++) {
            size_t way = i * 2 + (swap ? 1 - k : k);
            go_on(r, (enum side)(way % 2), &resumed[way], &passed[way]);
            done = done && passed[way] == CHUNKS;
        }
    }
    return done;
}

static size_t spread(const size_t passed[4])
{
    size_t least = CHUNKS, most = 0;
    for (size_t i = 0; i < 4; i++) {
        least = passed[i] < least ? passed[i] : least;
        most = passed[i] > most ? passed[i] : most;
    }
    return most - least;
}

/* Two tunnels on one limiter, both busy both ways: nothing is lost, each way gets its turns, and
 * all of it takes as long as it must. */
static void test_metered(void **state)
{
    _Atomic uint64_t rate = 1000000;
    struct rate_limiter limiter;
    struct rig *rigs[2];
    int resumed[4] = {-1, -1, -1, -1};
    size_t passed[4] = {0};
    (void)state;
    rate_limiter_init(&limiter, &rate, 0); /* with credit the first would have it all */
    for (size_t i = 0; i < 2; i++) {
        rigs[i] = rig();
        say(rigs[i], SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
        assert_true(relay_add_limiter(rigs[i]->relay, &limiter));
    }
    uint64_t begin = now_ms;
    while (!all_go_on(rigs, resumed, passed)) {
        assert_true(spread(passed) <= TURN); /* nobody starves */
        now_ms++;
        fire_timers();
    }
    uint64_t due = 4 * CHUNKS * CHUNK / 1000; /* the last turn is in debt, each may wait a little */
    assert_in_range(now_ms - begin, due - TURN * CHUNK / 1000, due + 4 * CHUNKS / TURN);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rigs[i]->ends[SIDE_SOURCE].n, CHUNKS);
        assert_int_equal(rigs[i]->ends[SIDE_DESTINATION].n, CHUNKS + 1);
        unrig(rigs[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_services_first),
        cmocka_unit_test(test_services_of_a_plain_tunnel),
        cmocka_unit_test(test_services_at_their_longest),
        cmocka_unit_test(test_services_wait),
        cmocka_unit_test(test_versions_pass),
        cmocka_unit_test(test_negative_ids),
        cmocka_unit_test(test_message_for_message),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_metered),
        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
