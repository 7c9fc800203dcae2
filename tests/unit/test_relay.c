/* The relay between two scripted ends: what passes, what is answered, what is thrown out, and that
 * nobody is read while the other side is full. */
#include "gateway/hub/relay/relay.h"

#include "core/tunnel/frame.h"
#include "gateway/hub/relay/rate_limiter.h"
#include "tests/support/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGES 512

struct end {
    bool full;     /* not ready */
    bool once;     /* full again after one message */
    bool in_input; /* resume must not come now */
    size_t n;      /* messages got */
    struct message {
        uint8_t *p;
        size_t n;
    } got[MESSAGES];
    int resumed, resumed_at; /* how often, and when: a count of all */
    int code;                /* rejected with it; -1: not */
    char text[128];
};

struct rig {
    struct loop *loop;
    struct relay *relay;
    struct end ends[SIDE_COUNT];
};

static bool end_is_ready(const void *end)
{
    return !((const struct end *)end)->full;
}

static void send_to_end(void *end, uint8_t *p, size_t n, size_t room)
{
    struct end *e = end;
    assert_false(e->full);
    assert_true(n > 0 && n <= LOOP_BLOCK - 16);
    assert_true(e->n < MESSAGES);
    e->got[e->n].p = malloc(n);
    assert_non_null(e->got[e->n].p);
    memcpy(e->got[e->n].p, p, n);
    e->got[e->n++].n = n;
    e->full = e->once;
    memset(p - room, 0xee, room + n); /* it may do that */
}

static void resume_end(void *end)
{
    struct end *e = end;
    assert_false(e->in_input);
    static int clock;
    e->resumed++;
    e->resumed_at = ++clock;
}

static void reject_end(void *end, int code, const char *text)
{
    struct end *e = end;
    assert_int_equal(e->code, -1);
    e->code = code;
    snprintf(e->text, sizeof e->text, "%s", text);
}

static const struct relay_end_ops ops = {
    .ready = end_is_ready, .send = send_to_end, .resume = resume_end, .reject = reject_end};

static void forget(struct end *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->got[i].p);
    *e = (struct end){.full = e->full, .once = e->once, .code = -1};
}

static struct rig *rig_with(const char *const *services, size_t n)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->loop = loop_new();
    r->relay = relay_new(r->loop, services, n);
    assert_non_null(r->relay);
    r->ends[0].code = r->ends[1].code = -1;
    return r;
}

static const char *const two[] = {"SSH1", "HTTP1"};

static void attach(struct rig *r, enum side side)
{
    static const struct relay_peer peer = {3, "aws.iot.securetunneling-3.0", "", ""};
    relay_attach(r->relay, side, &peer, &ops, &r->ends[side]);
}

/* Both ends there, their SERVICE_IDS forgotten. */
static struct rig *rig(void)
{
    struct rig *r = rig_with(two, 2);
    attach(r, SIDE_SOURCE);
    attach(r, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    return r;
}

static void unrig(struct rig *r)
{
    forget(&r->ends[0]);
    forget(&r->ends[1]);
    relay_free(r->relay);
    loop_free(r->loop);
    free(r);
}

/* ---- frames ---- */

static size_t put(uint8_t *out, int type, int32_t stream, const char *service, uint32_t connection,
                  const void *payload, size_t n)
{
    struct frame f = {.type = type,
                      .stream = stream,
                      .service = span_of(service),
                      .connection = connection,
                      .payload = payload,
                      .payload_size = n};
    size_t size = frame_encode(&f, out, FRAME_MAX);
    assert_true(size > 0);
    return size;
}

/* Offers n bytes with `room` bytes in front as one piece, from memory of exactly that size. */
static size_t offer(struct rig *r, enum side side, const uint8_t *p, size_t n, size_t room)
{
    uint8_t *copy = malloc(room + n);
    assert_non_null(copy);
    memcpy(copy + room, p, n);
    r->ends[side].in_input = true;
    size_t taken = relay_input(r->relay, side, copy + room, n, room);
    r->ends[side].in_input = false;
    free(copy);
    return taken;
}

static void say(struct rig *r, enum side side, int type, int32_t stream, const char *service,
                uint32_t connection)
{
    uint8_t out[FRAME_MAX];
    size_t n = put(out, type, stream, service, connection, type == FRAME_DATA ? "x" : NULL,
                   type == FRAME_DATA ? 1 : 0);
    assert_int_equal(offer(r, side, out, n, 6), n);
}

/* Message i of that end is this one frame. */
static void got(struct rig *r, enum side side, size_t i, int type, int32_t stream,
                const char *service, uint32_t connection)
{
    struct frame f = {0};
    struct end *e = &r->ends[side];
    assert_true(i < e->n);
    size_t n = e->got[i].n;
    assert_true(n >= 2);
    assert_int_equal(e->got[i].p[0] << 8 | e->got[i].p[1], n - 2);
    assert_int_equal(frame_decode(e->got[i].p + 2, n - 2, &f), ERR_OK);
    assert_int_equal(f.type, type);
    assert_int_equal(f.stream, stream);
    assert_true(span_is(f.service, service));
    assert_int_equal(f.connection, connection);
}

static void quiet(struct rig *r)
{
    assert_int_equal(r->ends[SIDE_SOURCE].n, 0);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
    assert_int_equal(r->ends[SIDE_DESTINATION].code, -1);
}

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
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), 0);
    assert_true(relay_holds(r->relay, SIDE_SOURCE));
    r->ends[SIDE_DESTINATION].full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), n);
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

/* ---- nobody there, peers that leave ---- */

static void test_no_destination(void **state)
{
    (void)state;
    struct rig *r = rig();
    relay_detach(r->relay, SIDE_DESTINATION);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    got(r, SIDE_SOURCE, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_DATA, 1, "SSH1", 1); /* was on its way: no violation */
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 2, "HTTP1", 0);
    got(r, SIDE_SOURCE, 1, FRAME_STREAM_RESET, 2, "HTTP1", 0);
    assert_int_equal(r->ends[SIDE_SOURCE].n, 2);
    /* the stream that was refused is no stream */
    attach(r, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 1);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_START, 1, "SSH1", 2);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 1);
    got(r, SIDE_SOURCE, 2, FRAME_STREAM_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 3, "SSH1", 3);
    got(r, SIDE_DESTINATION, 1, FRAME_STREAM_START, 3, "SSH1", 3);
    assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
    unrig(r);
}

static void test_survivor_gets_resets(void **state)
{
    (void)state;
    for (int lost = 0; lost < SIDE_COUNT; lost++) {
        struct rig *r = rig();
        enum side survivor = side_other((enum side)lost);
        say(r, SIDE_SOURCE, FRAME_STREAM_START, 7, "SSH1", 1);
        say(r, SIDE_SOURCE, FRAME_STREAM_START, 8, "HTTP1", 0);
        forget(&r->ends[survivor]);
        relay_detach(r->relay, (enum side)lost);
        assert_int_equal(r->ends[survivor].n, 2);
        got(r, survivor, 0, FRAME_STREAM_RESET, 7, "SSH1", 1);
        got(r, survivor, 1, FRAME_STREAM_RESET, 8, "HTTP1", 0);
        relay_detach(r->relay, (enum side)lost);
        assert_int_equal(r->ends[survivor].n, 2);
        unrig(r);
    }
}

/* The survivor cannot be written to: the resets wait, one message at a time, and the new peer's
 * STREAM_START (with the same id, as after a restart) does not pass them. */
static void test_resets_wait_and_go_first(void **state)
{
    (void)state;
    struct rig *r = rig();
    struct end *d = &r->ends[SIDE_DESTINATION];
    uint8_t out[64];
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "HTTP1", 1);
    forget(d);
    d->full = d->once = true;
    relay_detach(r->relay, SIDE_SOURCE);
    assert_int_equal(d->n, 0);
    attach(r, SIDE_SOURCE);
    size_t n = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), 0);
    for (size_t i = 1; i <= 2; i++) {
        d->full = false;
        relay_writable(r->relay, SIDE_DESTINATION);
        assert_int_equal(d->n, i);
    }
    got(r, SIDE_DESTINATION, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    got(r, SIDE_DESTINATION, 1, FRAME_STREAM_RESET, 1, "HTTP1", 1);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 0);
    d->full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), n);
    got(r, SIDE_DESTINATION, 2, FRAME_STREAM_START, 1, "SSH1", 1);
    unrig(r);
}

/* What a surviving peer sends about streams of a lost one must not reach the new one. */
static void test_late_words(void **state)
{
    (void)state;
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    relay_detach(r->relay, SIDE_DESTINATION);
    attach(r, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    say(r, SIDE_SOURCE, FRAME_DATA, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 1, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_RESET, 1, "SSH1", 1);
    quiet(r);
    /* but late words of a stream that both knew are passed on */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 2, "SSH1", 1);
    say(r, SIDE_DESTINATION, FRAME_STREAM_RESET, 2, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_DATA, 2, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_STREAM_RESET, 2, "SSH1", 1);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 3);
    /* except those that the reference program would take for the present stream's */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 3, "SSH1", 1);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 2, "SSH1", 1);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 4);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_RESET, 3, "SSH1", 1);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 5);
    assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
    unrig(r);
}

/* A CONNECTION_START that crosses the STREAM_RESET must not look like a start to the destination.
 */
static void test_connection_start_after_reset(void **state)
{
    (void)state;
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    say(r, SIDE_DESTINATION, FRAME_STREAM_RESET, 1, "SSH1", 1);
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_START, 1, "SSH1", 2);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    got(r, SIDE_SOURCE, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    unrig(r);
}

/* ---- offences ---- */

static void test_offences(void **state)
{
    (void)state;
    static const struct {
        enum side side;
        int type;
        int32_t stream;
        const char *service;
        int code;
        const char *words;
    } cases[] = {
        {SIDE_DESTINATION, FRAME_STREAM_START, 1, "SSH1", 1008, "must not come from a destination"},
        {SIDE_DESTINATION, FRAME_CONNECTION_START, 1, "SSH1", 1008, "CONNECTION_START must not"},
        {SIDE_SOURCE, FRAME_SESSION_RESET, 0, "", 1008,
         "SESSION_RESET must not come from a source"},
        {SIDE_DESTINATION, FRAME_SESSION_RESET, 0, "", 1008, "SESSION_RESET must not"},
        {SIDE_SOURCE, FRAME_SERVICE_IDS, 0, "", 1008, "SERVICE_IDS must not"},
        {SIDE_SOURCE, FRAME_UNKNOWN, 1, "SSH1", 1002, "not a message"},
        {SIDE_SOURCE, 99, 1, "SSH1", 1008, "unknown message type 99"},
        {SIDE_SOURCE, FRAME_STREAM_START, 0, "SSH1", 1008, "streamId 0"},
        {SIDE_SOURCE, FRAME_DATA, 0, "SSH1", 1008, "streamId 0"},
        {SIDE_SOURCE, FRAME_STREAM_START, 1, "NOPE", 1008, "not in this tunnel"},
        {SIDE_DESTINATION, FRAME_CONNECTION_RESET, 1, "NOPE", 1008, "not in this tunnel"},
        {SIDE_SOURCE, FRAME_DATA, 1, "HTTP1", 1008, "without a STREAM_START"},
        {SIDE_DESTINATION, FRAME_DATA, 1, "HTTP1", 1008, "without a STREAM_START"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *r = rig();
        struct end *e = &r->ends[cases[i].side], *other = &r->ends[side_other(cases[i].side)];
        say(r, SIDE_SOURCE, FRAME_STREAM_START, 4, "SSH1", 1);
        forget(&r->ends[SIDE_DESTINATION]);
        say(r, cases[i].side, cases[i].type, cases[i].stream, cases[i].service, 1);
        assert_int_equal(e->code, cases[i].code);
        if (strstr(e->text, cases[i].words) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", e->text, cases[i].words);
        assert_null(relay_attached(r->relay, cases[i].side));
        assert_int_equal(e->n, 0);
        /* the other one lives on, and is told that the stream is over */
        assert_int_equal(other->code, -1);
        assert_int_equal(other->n, 1);
        got(r, side_other(cases[i].side), 0, FRAME_STREAM_RESET, 4, "SSH1", 1);
        unrig(r);
    }
}

static void test_service_mixing(void **state)
{
    (void)state;
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "", 0);
    say(r, SIDE_DESTINATION, FRAME_DATA, 1, "SSH1", 0);
    assert_int_equal(r->ends[SIDE_DESTINATION].code, 1008);
    unrig(r);
}

static void test_damaged(void **state)
{
    (void)state;
    static const uint8_t damaged[] = {0, 3, 0xff, 0xff, 0xff};
    static const uint8_t empty[] = {0, 0};
    struct rig *r = rig();
    assert_int_equal(offer(r, SIDE_SOURCE, damaged, sizeof damaged, 0), sizeof damaged);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1002);
    assert_int_equal(offer(r, SIDE_DESTINATION, empty, sizeof empty, 0), sizeof empty);
    assert_int_equal(r->ends[SIDE_DESTINATION].code, 1002);
    unrig(r);
}

static void test_payload_limit(void **state)
{
    (void)state;
    uint8_t *out = malloc(FRAME_MAX), *payload = calloc(1, FRAME_PAYLOAD_MAX + 1);
    struct rig *r = rig();
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, payload, FRAME_PAYLOAD_MAX);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 14), n);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 2);
    assert_int_equal(r->ends[SIDE_DESTINATION].got[1].n, n);
    n = put(out, FRAME_DATA, 1, "SSH1", 1, payload, FRAME_PAYLOAD_MAX + 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 14), n);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1009);
    unrig(r);
    free(out);
    free(payload);
}

static void test_unknown_ignorable(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[64];
    struct frame f = {.type = 99, .ignorable = true};
    size_t n = frame_encode(&f, out, sizeof out);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n, 6), n);
    assert_int_equal(r->ends[SIDE_SOURCE].n, 1);
    assert_memory_equal(r->ends[SIDE_SOURCE].got[0].p, out, n);
    unrig(r);
}

/* What was right before the violation, in the same message, has been delivered; and before the
 * STREAM_RESET. */
static void test_offence_behind_data(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[128];
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, "bye", 3);
    n += put(out + n, FRAME_SESSION_RESET, 0, "", 0, NULL, 0);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), n);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1008);
    got(r, SIDE_DESTINATION, 1, FRAME_DATA, 1, "SSH1", 1);
    got(r, SIDE_DESTINATION, 2, FRAME_STREAM_RESET, 1, "SSH1", 1);
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
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), n);
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
        assert_int_equal(offer(r, SIDE_SOURCE, all + at, piece, (size_t)rand() % 15), piece);
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
    assert_int_equal(offer(r, SIDE_SOURCE, out, n - 1, 6), n - 1);
    relay_detach(r->relay, SIDE_SOURCE);
    attach(r, SIDE_SOURCE);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 2); /* start, reset */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 2, "SSH1", 1);
    got(r, SIDE_DESTINATION, 2, FRAME_STREAM_START, 2, "SSH1", 1);
    unrig(r);
}

/* ---- back-pressure ---- */

static void test_full(void **state)
{
    (void)state;
    struct rig *r = rig();
    struct end *d = &r->ends[SIDE_DESTINATION], *s = &r->ends[SIDE_SOURCE];
    uint8_t out[256];
    size_t start = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    size_t n = start + put(out + start, FRAME_DATA, 1, "SSH1", 1, "a", 1);
    d->once = true;
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), start); /* the second message waits */
    assert_true(relay_holds(r->relay, SIDE_SOURCE));
    assert_false(relay_holds(r->relay, SIDE_DESTINATION));
    relay_writable(r->relay, SIDE_DESTINATION); /* false alarm */
    assert_int_equal(s->resumed, 0);
    say(r, SIDE_DESTINATION, FRAME_DATA, 1, "SSH1", 1); /* the other way is free */
    assert_int_equal(s->n, 1);
    d->full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    assert_int_equal(s->resumed, 1);
    assert_false(relay_holds(r->relay, SIDE_SOURCE));
    assert_int_equal(offer(r, SIDE_SOURCE, out + start, n - start, 6), n - start);
    assert_int_equal(d->n, 2);
    unrig(r);
}

/* When the full end leaves, the one that waited goes on. */
static void test_full_end_leaves(void **state)
{
    (void)state;
    struct rig *r = rig();
    uint8_t out[64];
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    r->ends[SIDE_DESTINATION].full = true;
    size_t n = put(out, FRAME_DATA, 1, "SSH1", 1, "a", 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), 0);
    relay_detach(r->relay, SIDE_DESTINATION);
    assert_int_equal(r->ends[SIDE_SOURCE].resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), n);
    unrig(r);
}

/* A source that does not read its resets is not read either: nothing piles up. */
static void test_refused_source_that_does_not_read(void **state)
{
    (void)state;
    struct rig *r = rig();
    struct end *s = &r->ends[SIDE_SOURCE];
    uint8_t out[256];
    relay_detach(r->relay, SIDE_DESTINATION);
    size_t first = put(out, FRAME_STREAM_START, 1, "SSH1", 1, NULL, 0);
    size_t n = first + put(out + first, FRAME_STREAM_START, 2, "SSH1", 1, NULL, 0);
    s->full = true;
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), first);
    assert_int_equal(s->n, 0);
    s->full = false;
    relay_writable(r->relay, SIDE_SOURCE);
    assert_int_equal(s->n, 1);
    assert_int_equal(s->resumed, 1);
    assert_int_equal(offer(r, SIDE_SOURCE, out + first, n - first, 6), n - first);
    got(r, SIDE_SOURCE, 0, FRAME_STREAM_RESET, 1, "SSH1", 1);
    got(r, SIDE_SOURCE, 1, FRAME_STREAM_RESET, 2, "SSH1", 1);
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
                size_t taken = offer(r, side, p->todo, n, (size_t)rand() % 15);
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

/* ---- native ends ---- */

static void attach_native(struct rig *r, enum side side, const char *instance)
{
    const struct relay_peer peer = {3, FRAME_NATIVE_PROTOCOL, instance, "plant7"};
    relay_attach(r->relay, side, &peer, &ops, &r->ends[side]);
}

/* Message i of that end is a PEER that says this; instance NULL: nobody. Returns its epoch. */
static uint32_t got_peer(struct rig *r, enum side side, size_t i, const char *protocol,
                         const char *instance)
{
    struct frame f;
    struct end *e = &r->ends[side];
    assert_true(i < e->n);
    assert_int_equal(frame_decode(e->got[i].p + 2, e->got[i].n - 2, &f), ERR_OK);
    assert_int_equal(f.type, FRAME_PEER);
    assert_int_equal(f.attached, instance != NULL);
    assert_true(span_is(f.subprotocol, protocol));
    assert_true(span_is(f.instance, instance != NULL ? instance : ""));
    return f.epoch;
}

/* Each native end is told who is there, before anything else and at each change; the epoch grows
 * with each new pair. */
static void test_peers_are_told(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    struct end *source = &r->ends[SIDE_SOURCE];
    attach_native(r, SIDE_SOURCE, "A");
    uint32_t alone = got_peer(r, SIDE_SOURCE, 0, "", NULL);
    got(r, SIDE_SOURCE, 1, FRAME_SERVICE_IDS, 0, "", 0);
    attach_native(r, SIDE_DESTINATION, "B");
    uint32_t paired = got_peer(r, SIDE_SOURCE, 2, FRAME_NATIVE_PROTOCOL, "B");
    assert_int_equal(got_peer(r, SIDE_DESTINATION, 0, FRAME_NATIVE_PROTOCOL, "A"), paired);
    assert_true(paired > alone);
    relay_detach(r->relay, SIDE_DESTINATION);
    got_peer(r, SIDE_SOURCE, 3, "", NULL);
    attach(r, SIDE_DESTINATION);
    assert_true(got_peer(r, SIDE_SOURCE, 4, "aws.iot.securetunneling-3.0", "") > paired);
    assert_int_equal(source->n, 5);
    /* an end of V3 is told nothing */
    forget(&r->ends[SIDE_DESTINATION]);
    relay_detach(r->relay, SIDE_SOURCE);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    unrig(r);
}

/* What was meant for the end before is not given out before both know of the new one. */
static void test_nothing_passes_a_peer(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    uint8_t out[64];
    attach_native(r, SIDE_SOURCE, "A");
    attach_native(r, SIDE_DESTINATION, "B");
    relay_detach(r->relay, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    r->ends[SIDE_SOURCE].full = true;
    forget(&r->ends[SIDE_DESTINATION]);
    attach_native(r, SIDE_DESTINATION, "C");
    size_t n = put(out, FRAME_RESUME, 0, "", 0, NULL, 0);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n, 6), 0);
    r->ends[SIDE_SOURCE].full = false;
    relay_writable(r->relay, SIDE_SOURCE);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n, 6), n);
    got_peer(r, SIDE_SOURCE, 0, FRAME_NATIVE_PROTOCOL, "C");
    got(r, SIDE_SOURCE, 1, FRAME_RESUME, 0, "", 0);
    unrig(r);
}

/* A native end that takes nothing, and does not know yet that the other one is gone or another one,
 * is read all the same: its words are about the pair before. Once it knows, they pass. */
static void test_stale_words_are_taken(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    struct end *source = &r->ends[SIDE_SOURCE], *destination = &r->ends[SIDE_DESTINATION];
    uint8_t out[64];
    size_t n = put(out, FRAME_ECHO_REPLY, 0, "", 0, "12345678", 8);
    attach_native(r, SIDE_SOURCE, "A");
    attach_native(r, SIDE_DESTINATION, "B");
    source->full = destination->full = true;
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n, 6), 0);
    relay_detach(r->relay, SIDE_SOURCE);
    assert_int_equal(destination->resumed, 1);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n, 6), n);
    source->full = false;
    forget(source);
    forget(destination);
    attach_native(r, SIDE_SOURCE, "C");
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n, 6), n);
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n / 2, 6), n / 2);
    assert_int_equal(offer(r, SIDE_DESTINATION, out + n / 2, n - n / 2, 6), n - n / 2);
    assert_int_equal(source->n, 2); /* PEER and SERVICE_IDS */
    destination->full = false;
    relay_writable(r->relay, SIDE_DESTINATION);
    got_peer(r, SIDE_DESTINATION, 0, FRAME_NATIVE_PROTOCOL, "C");
    assert_int_equal(offer(r, SIDE_DESTINATION, out, n, 6), n);
    got(r, SIDE_SOURCE, 2, FRAME_ECHO_REPLY, 0, "", 0);
    unrig(r);
}

static const int native_types[] = {FRAME_DATA,      FRAME_CONNECTION_RESET, FRAME_CONNECTION_FIN,
                                   FRAME_CREDIT,    FRAME_RESUME,           FRAME_ECHO,
                                   FRAME_ECHO_REPLY};
#define NATIVE_TYPES (sizeof native_types / sizeof *native_types)

/* Native messages pass between two native ends, in both directions, and go nowhere else. */
static void test_native_messages(void **state)
{
    (void)state;
    struct rig *r = rig_with(two, 2);
    attach_native(r, SIDE_SOURCE, "A");
    attach_native(r, SIDE_DESTINATION, "B");
    for (size_t i = 0; i < NATIVE_TYPES; i++)
        for (int side = 0; side < SIDE_COUNT; side++) {
            enum side to = side_other((enum side)side);
            forget(&r->ends[to]);
            say(r, (enum side)side, native_types[i], 0, "", 5);
            got(r, to, 0, native_types[i], 0, "", 5);
        }
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    say(r, SIDE_SOURCE, FRAME_CONNECTION_START, 0, "SSH1", 6);
    got(r, SIDE_DESTINATION, 0, FRAME_CONNECTION_START, 0, "SSH1", 6);
    say(r, SIDE_DESTINATION, FRAME_CONNECTION_OPENED, 0, "", 6);
    got(r, SIDE_SOURCE, 0, FRAME_CONNECTION_OPENED, 0, "", 6);
    /* V3 between the same two */
    say(r, SIDE_SOURCE, FRAME_STREAM_START, 1, "SSH1", 1);
    got(r, SIDE_DESTINATION, 1, FRAME_STREAM_START, 1, "SSH1", 1);
    relay_detach(r->relay, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    for (int other = 0; other < 2; other++) { /* nobody, then an end of V3 */
        for (size_t i = 0; i < NATIVE_TYPES; i++)
            say(r, SIDE_SOURCE, native_types[i], 0, "", 5);
        assert_int_equal(r->ends[SIDE_SOURCE].code, -1);
        if (other == 1)
            break;
        attach(r, SIDE_DESTINATION);
        forget(&r->ends[SIDE_DESTINATION]);
    }
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 0);
    unrig(r);
}

static void offends(bool native, enum side side, int type)
{
    struct rig *r = rig_with(two, 2);
    if (native)
        attach_native(r, side, "A");
    else
        attach(r, side);
    attach_native(r, side_other(side), "B");
    forget(&r->ends[side_other(side)]);
    say(r, side, type, 0, "", 5);
    assert_int_equal(r->ends[side].code, 1008);
    got_peer(r, side_other(side), 0, "", NULL); /* it has gone, and this is all that came */
    assert_int_equal(r->ends[side_other(side)].n, 1);
    unrig(r);
}

static void test_native_offences(void **state)
{
    (void)state;
    for (size_t i = 0; i < NATIVE_TYPES; i++)
        offends(false, SIDE_SOURCE, native_types[i]);
    offends(true, SIDE_SOURCE, FRAME_PEER);
    offends(true, SIDE_DESTINATION, FRAME_PEER);
    offends(true, SIDE_SOURCE, FRAME_CONNECTION_OPENED);
    offends(true, SIDE_DESTINATION, FRAME_CONNECTION_START);
    offends(true, SIDE_SOURCE, FRAME_STREAM_START); /* those that native ends do not have */
    offends(true, SIDE_SOURCE, FRAME_STREAM_RESET);
    /* An end that is not native cannot speak to one by calling it ignorable. */
    struct rig *r = rig_with(two, 2);
    uint8_t out[64];
    struct frame f = {.type = FRAME_RESUME, .ignorable = true};
    attach(r, SIDE_SOURCE);
    attach_native(r, SIDE_DESTINATION, "B");
    forget(&r->ends[SIDE_DESTINATION]);
    size_t n = frame_encode(&f, out, sizeof out);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), n);
    f.type = FRAME_PEER;
    n = frame_encode(&f, out, sizeof out);
    assert_int_equal(offer(r, SIDE_SOURCE, out, n, 6), n);
    assert_int_equal(r->ends[SIDE_SOURCE].code, 1008);
    got_peer(r, SIDE_DESTINATION, 0, "", NULL);
    assert_int_equal(r->ends[SIDE_DESTINATION].n, 1);
    unrig(r);
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
        size_t taken = offer(r, side, out, n, 6);
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
        cmocka_unit_test(test_no_destination),
        cmocka_unit_test(test_survivor_gets_resets),
        cmocka_unit_test(test_resets_wait_and_go_first),
        cmocka_unit_test(test_late_words),
        cmocka_unit_test(test_connection_start_after_reset),
        cmocka_unit_test(test_offences),
        cmocka_unit_test(test_service_mixing),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_payload_limit),
        cmocka_unit_test(test_unknown_ignorable),
        cmocka_unit_test(test_offence_behind_data),
        cmocka_unit_test(test_message_for_message),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_end_leaves),
        cmocka_unit_test(test_refused_source_that_does_not_read),
        cmocka_unit_test(test_peers_are_told),
        cmocka_unit_test(test_nothing_passes_a_peer),
        cmocka_unit_test(test_stale_words_are_taken),
        cmocka_unit_test(test_native_messages),
        cmocka_unit_test(test_native_offences),
        cmocka_unit_test(test_metered),
        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
