#include "tests/unit/relay_help.h"

static bool end_is_ready(const void *end)
{
    return !((const struct end *)end)->full;
}

static void send_to_end(void *end, const uint8_t *p, size_t n)
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

const struct relay_end_ops ops = {
    .ready = end_is_ready, .send = send_to_end, .resume = resume_end, .reject = reject_end};

void forget(struct end *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->got[i].p);
    *e = (struct end){.full = e->full, .once = e->once, .code = -1};
}

struct rig *rig_with(const char *const *services, size_t n)
{
    struct rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->loop = loop_new();
    r->relay = relay_new(r->loop, services, n);
    assert_non_null(r->relay);
    r->ends[0].code = r->ends[1].code = -1;
    return r;
}

const char *const two[] = {"SSH1", "HTTP1"};

void attach(struct rig *r, enum side side)
{
    static const struct relay_peer peer = {3, "aws.iot.securetunneling-3.0", "", ""};
    relay_attach(r->relay, side, &peer, &ops, &r->ends[side]);
}

struct rig *rig(void)
{
    struct rig *r = rig_with(two, 2);
    attach(r, SIDE_SOURCE);
    attach(r, SIDE_DESTINATION);
    forget(&r->ends[SIDE_SOURCE]);
    forget(&r->ends[SIDE_DESTINATION]);
    return r;
}

void unrig(struct rig *r)
{
    forget(&r->ends[0]);
    forget(&r->ends[1]);
    relay_free(r->relay);
    loop_free(r->loop);
    free(r);
}

/* ---- frames ---- */

size_t put(uint8_t *out, int type, int32_t stream, const char *service, uint32_t connection,
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

size_t offer(struct rig *r, enum side side, const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, p, n);
    r->ends[side].in_input = true;
    size_t taken = relay_input(r->relay, side, copy, n);
    r->ends[side].in_input = false;
    free(copy);
    return taken;
}

void say(struct rig *r, enum side side, int type, int32_t stream, const char *service,
         uint32_t connection)
{
    uint8_t out[FRAME_MAX];
    size_t n = put(out, type, stream, service, connection, type == FRAME_DATA ? "x" : NULL,
                   type == FRAME_DATA ? 1 : 0);
    assert_int_equal(offer(r, side, out, n), n);
}

void got(struct rig *r, enum side side, size_t i, int type, int32_t stream, const char *service,
         uint32_t connection)
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
