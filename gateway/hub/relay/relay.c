#include "gateway/hub/relay/relay.h"

#include "core/tunnel/frame.h"
#include "gateway/hub/relay/frame_policy.h"
#include "gateway/hub/relay/rate_limiter.h"

#include <stdlib.h>

#define LIMITER_TURN 16384   /* bytes */
#define LIMITER_LOOK_MS 1000 /* the longest single wait for a limiter */
/* The size of SERVICE_IDS when every id has its greatest length. */
#define OWN_MAX (FRAME_SERVICES_MAX * (FRAME_SERVICE_MAX + 4) + FRAME_HEAD_MAX)
#define DEVICE_MAX 255 /* bytes of the device's name in PEER */

struct end {
    const struct relay_end_ops *ops;
    void *ctx; /* NULL when the side is free */
    struct relay_peer peer;
    bool native;     /* the end is told of the other end (PEER) */
    bool peer_owed;  /* PEER has to be sent */
    bool hello_owed; /* SERVICE_IDS have to be sent */
    bool held;       /* the last relay_input left something */
    uint8_t *block;  /* holds a frame that comes in pieces */
    struct frame_cutter cutter;
};

struct relay {
    struct loop *loop;
    struct frame_policy *policy;
    struct end ends[SIDE_COUNT];
    bool left[SIDE_COUNT]; /* the last end on this side does not come back */
    uint32_t epoch;        /* number of the pair of ends: counts attachments on both sides */
    struct rate_limiter *limiters[RELAY_LIMITERS];
    size_t n_limiters;
    /* Fires when the limiters let bytes pass again; made with the first limiter. */
    struct timer *paid;
    enum side first; /* the side whose turn it is when the timer fires */
    size_t turn;     /* bytes that passed since the limiters last let some pass */
    bool took;       /* bytes have passed since the timer fired */
};

struct relay *relay_new(struct loop *loop, const char *const *services, size_t n)
{
    struct relay *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->policy = frame_policy_new(services, n);
    if (r->policy != NULL)
        return r;
    free(r);
    return NULL;
}

void relay_free(struct relay *r)
{
    if (r == NULL)
        return;
    for (size_t side = 0; side < SIDE_COUNT; side++)
        loop_unblock(r->loop, r->ends[side].block);
    frame_policy_free(r->policy);
    timer_free(r->paid);
    free(r);
}

void *relay_attached(const struct relay *r, enum side side)
{
    return r->ends[side].ctx;
}

bool relay_holds(const struct relay *r, enum side side)
{
    return r->ends[side].held;
}

static bool ready(const struct end *e)
{
    return e->ctx != NULL && e->ops->ready(e->ctx);
}

bool relay_busy(const struct relay *r)
{
    for (size_t side = 0; side < SIDE_COUNT; side++) {
        const struct end *e = &r->ends[side];
        if (e->ctx != NULL && (e->held || !ready(e)))
            return true;
    }
    return false;
}

/* ---- the hub's own frames ---- */

static void send_own(struct end *e, const struct frame *f)
{
    uint8_t out[OWN_MAX];
    e->ops->send(e->ctx, out, frame_encode(f, out, sizeof out));
}

static void describe_peer(const struct relay *r, enum side side, struct frame *out)
{
    const struct end *other = &r->ends[side_other(side)];
    *out = (struct frame){.type = FRAME_PEER, .epoch = r->epoch};
    /* The tunnel's device, which both ends carry. */
    out->device = span_of(r->ends[side].peer.device);
    if (out->device.n > DEVICE_MAX)
        out->device.n = DEVICE_MAX;
    if (other->ctx == NULL) {
        out->left = r->left[side_other(side)];
        return;
    }
    out->attached = true;
    out->subprotocol = span_of(other->peer.protocol);
    out->instance = span_of(other->peer.instance);
}

/* Takes the next frame of the hub's own for that end. False: nothing is owed. */
static bool next_owed(struct relay *r, enum side side, struct frame *out)
{
    struct end *e = &r->ends[side];
    if (e->peer_owed) {
        e->peer_owed = false;
        describe_peer(r, side, out);
    } else if (e->hello_owed) {
        e->hello_owed = false;
        frame_policy_services(r->policy, out);
    } else if (frame_policy_owes(r->policy, side)) {
        frame_policy_next_owed(r->policy, side, out);
    } else {
        return false;
    }
    return true;
}

/* Sends the hub's own frames to that end as far as it can take them. True: nothing is owed any
 * more. */
static bool say(struct relay *r, enum side side)
{
    struct end *e = &r->ends[side];
    struct frame f;
    while (e->ctx != NULL && ready(e) && next_owed(r, side, &f))
        send_own(e, &f);
    return e->ctx == NULL ||
           (!e->peer_owed && !e->hello_owed && !frame_policy_owes(r->policy, side));
}

/* PEER becomes due because the other side's end has come or gone. */
static void owe_peer(struct relay *r, enum side side)
{
    struct end *e = &r->ends[side];
    e->peer_owed = e->ctx != NULL && e->native;
}

/* What a native end sends before it has heard that the other end is gone or replaced belongs to the
 * pair before, and no end would use it. It is read even from an end that takes nothing: when
 * neither side reads, some TCPs (Linux's, once small segments fill a receive buffer) refuse the
 * other side's acknowledgements, too, and nothing would ever move again. */
static bool is_stale(const struct relay *r, enum side side)
{
    const struct end *e = &r->ends[side], *other = &r->ends[side_other(side)];
    return e->peer_owed && (other->ctx == NULL || other->native);
}

/* ---- back-pressure ---- */

/* Whether the limiters let bytes pass; if not, the timer tells when they do. A turn is LIMITER_TURN
 * bytes at least, so that tunnels with small messages get as much; the debt grows accordingly. A
 * relay that has just had a turn lets others on the same limiter go first; its millisecond is not
 * lost but becomes credit. */
static bool paid(struct relay *r)
{
    uint64_t now = loop_now(r->loop), wait = 0;
    for (size_t i = 0; i < r->n_limiters; i++) {
        uint64_t own = rate_limiter_wait(r->limiters[i], now);
        wait = own > wait ? own : wait;
    }
    if (wait == 0)
        r->turn = 0;
    if (wait == 0 || (r->turn > 0 && r->turn < LIMITER_TURN))
        return true;
    /* A long wait is cut short, because limits may change meanwhile. */
    timer_start(r->paid, (wait < LIMITER_LOOK_MS ? wait : LIMITER_LOOK_MS) + (r->took ? 1 : 0));
    return false;
}

static void charge(struct relay *r, enum side side, size_t n)
{
    for (size_t i = 0; i < r->n_limiters; i++)
        rate_limiter_charge(r->limiters[i], loop_now(r->loop), n);
    r->first = side_other(side);
    r->turn += n;
    r->took = true;
}

/* Whether the next message of that side can be passed on. */
static bool may_take(struct relay *r, enum side side)
{
    struct end *other = &r->ends[side_other(side)];
    return (say(r, side) || is_stale(r, side)) && say(r, side_other(side)) &&
           (other->ctx == NULL || ready(other)) && paid(r);
}

/* To be called after anything that may have changed the result of may_take. */
static void wake(struct relay *r)
{
    enum side side = r->first;
    for (size_t i = 0; i < SIDE_COUNT; i++, side = side_other(side)) {
        struct end *e = &r->ends[side];
        say(r, side);
        if (e->ctx == NULL || !e->held || !may_take(r, side))
            continue;
        e->held = false;
        e->ops->resume(e->ctx);
    }
}

static void on_paid(void *owner)
{
    struct relay *r = owner;
    r->took = false;
    wake(r);
}

bool relay_add_limiter(struct relay *r, struct rate_limiter *m)
{
    if (r->paid == NULL && (r->paid = timer_new(r->loop, on_paid, r)) == NULL)
        return false;
    r->limiters[r->n_limiters++] = m;
    return true;
}

/* ---- ends ---- */

void relay_attach(struct relay *r, enum side side, const struct relay_peer *peer,
                  const struct relay_end_ops *ops, void *end)
{
    bool native = peer->instance[0] != '\0';
    r->ends[side] = (struct end){.ops = ops,
                                 .ctx = end,
                                 .peer = *peer,
                                 .native = native,
                                 .peer_owed = native,
                                 .hello_owed = peer->version > 1};
    r->left[side] = false;
    r->epoch++;
    frame_policy_attach(r->policy, side, native);
    owe_peer(r, side_other(side));
    wake(r);
}

void relay_detach(struct relay *r, enum side side)
{
    struct end *e = &r->ends[side];
    if (e->ctx == NULL)
        return;
    loop_unblock(r->loop, e->block);
    *e = (struct end){0};
    frame_policy_detach(r->policy, side);
    owe_peer(r, side_other(side));
    wake(r);
}

void relay_leave(struct relay *r, enum side side)
{
    r->left[side] = r->ends[side].ctx != NULL;
    relay_detach(r, side);
}

void relay_writable(struct relay *r, enum side side)
{
    (void)side; /* both sides may have waited for it */
    wake(r);
}

/* The valid frames before the violation have been sent by now. */
static void reject(struct relay *r, enum side side, const struct violation *why)
{
    struct end e = r->ends[side];
    relay_detach(r, side);
    e.ops->reject(e.ctx, why->code, why->text);
}

/* ---- forwarding ---- */

static bool passes(enum frame_action v)
{
    return v == FRAME_PASS || v == FRAME_PASS_ALONE;
}

static void forward(struct relay *r, enum side to, const uint8_t *p, size_t n)
{
    struct end *e = &r->ends[to];
    if (n > 0 && e->ctx != NULL && !is_stale(r, side_other(to))) /* dropped when the side is free */
        e->ops->send(e->ctx, p, n);
}

/* Sends the whole frames that lie at p as one message, up to where a message has to end. Returns
 * the bytes used; 0: the first frame is not complete. */
static size_t step_in_place(struct relay *r, enum side side, uint8_t *p, size_t n)
{
    struct frame_cutter look = {0}; /* has no memory, so it cuts only whole frames */
    enum frame_action v = FRAME_PASS;
    struct violation violation;
    size_t run = 0, used = 0, size;
    uint8_t *frame;
    while (v == FRAME_PASS && used < n) {
        size_t took = frame_cut(&look, p + used, n - used, &frame, &size);
        if (frame == NULL || used + took > FRAME_MAX)
            break;
        v = frame_policy_check(r->policy, side, frame, size, &violation);
        used += took;
        if (passes(v))
            run = used;
    }
    forward(r, side_other(side), p, run);
    if (v == FRAME_REJECT)
        reject(r, side, &violation);
    return used;
}

/* Puts a frame together that came in pieces, and sends it when it is complete. */
static size_t step_assembled(struct relay *r, enum side side, uint8_t *p, size_t n)
{
    static const struct violation no_memory = {.code = 0, .text = "out of memory"};
    struct end *e = &r->ends[side];
    struct violation violation;
    uint8_t *frame;
    size_t size;
    if (e->block == NULL && (e->block = loop_block(r->loop)) == NULL) {
        reject(r, side, &no_memory);
        return n;
    }
    e->cutter.memory = e->block;
    size_t used = frame_cut(&e->cutter, p, n, &frame, &size);
    if (frame == NULL)
        return used;
    enum frame_action v = frame_policy_check(r->policy, side, frame, size, &violation);
    if (passes(v))
        forward(r, side_other(side), frame - 2, size + 2);
    loop_unblock(r->loop, e->block);
    e->block = NULL;
    if (v == FRAME_REJECT)
        reject(r, side, &violation);
    return used;
}

size_t relay_input(struct relay *r, enum side side, uint8_t *p, size_t n)
{
    struct end *e = &r->ends[side];
    size_t taken = 0;
    while (taken < n && e->ctx != NULL && may_take(r, side)) {
        size_t used = 0;
        if (e->cutter.have == 0)
            used = step_in_place(r, side, p + taken, n - taken);
        if (used == 0)
            used = step_assembled(r, side, p + taken, n - taken);
        taken += used;
        charge(r, side, used);
    }
    if (e->ctx == NULL)
        return n;
    e->held = taken < n;
    say(r, side);
    return taken;
}
