#include "gateway/hub/relay/relay.h"

#include "core/tunnel/frame.h"
#include "core/ws/frame.h"
#include "gateway/hub/relay/frame_policy.h"
#include "gateway/hub/relay/rate_limiter.h"

#include <stdlib.h>

#define LIMITER_TURN 16384   /* bytes */
#define LIMITER_LOOK_MS 1000 /* the longest wait for a limiter at once */
/* SERVICE_IDS with every id at its longest. */
#define OWN_MAX (FRAME_SERVICES_MAX * (FRAME_SERVICE_MAX + 4) + FRAME_HEAD_MAX)
#define DEVICE_MAX 255 /* bytes of its name in PEER */

struct end {
    const struct relay_end_ops *ops;
    void *ctx; /* NULL: nobody is there */
    struct relay_peer peer;
    bool native;     /* it wants to know who is on the other side */
    bool peer_owed;  /* PEER has to be sent */
    bool hello_owed; /* SERVICE_IDS have to be sent */
    bool held;       /* the last relay_input left something */
    uint8_t *block;  /* for a frame in pieces: WS_HEADER_MAX bytes of room, then the frame */
    struct frame_cutter cutter;
};

struct relay {
    struct loop *loop;
    struct frame_policy *policy;
    struct end ends[SIDE_COUNT];
    bool left[SIDE_COUNT]; /* the last end there has said goodbye */
    uint32_t epoch;        /* of the pair of ends: counts attachments, on either side */
    struct rate_limiter *limiters[RELAY_LIMITERS];
    size_t n_limiters;
    /* fires when the limiters let bytes pass again; made with the first limiter */
    struct timer *paid;
    enum side first; /* whose turn it is then */
    size_t turn;     /* bytes that passed since the limiters last let some pass */
    bool took;       /* some passed since the timer fired */
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

/* ---- what the hub itself says ---- */

static void send_own(struct end *e, const struct frame *f)
{
    uint8_t out[WS_HEADER_MAX + OWN_MAX];
    size_t n = frame_encode(f, out + WS_HEADER_MAX, OWN_MAX);
    e->ops->send(e->ctx, out + WS_HEADER_MAX, n, WS_HEADER_MAX);
}

static void describe_peer(const struct relay *r, enum side side, struct frame *out)
{
    const struct end *other = &r->ends[side_other(side)];
    *out = (struct frame){.type = FRAME_PEER, .epoch = r->epoch};
    out->device = span_of(r->ends[side].peer.device); /* the tunnel's: both ends have it */
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

/* Takes what has to be said next to that end; false: nothing is owed. */
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

/* Says what is owed to that end as far as it can take it. True: nothing is owed any more. */
static bool say(struct relay *r, enum side side)
{
    struct end *e = &r->ends[side];
    struct frame f;
    while (e->ctx != NULL && ready(e) && next_owed(r, side, &f))
        send_own(e, &f);
    return e->ctx == NULL ||
           (!e->peer_owed && !e->hello_owed && !frame_policy_owes(r->policy, side));
}

/* Somebody has come or gone on the side across from that one. */
static void owe_peer(struct relay *r, enum side side)
{
    struct end *e = &r->ends[side];
    e->peer_owed = e->ctx != NULL && e->native;
}

/* What a native end says before it has heard that the other one is gone, or another native one, is
 * about the pair before, and nobody would use it. It is taken even from an end that takes nothing:
 * when neither side reads, some TCPs (Linux's, once small segments fill a receive buffer) refuse
 * the other side's acknowledgements, too, and nothing would ever move again. */
static bool is_stale(const struct relay *r, enum side side)
{
    const struct end *e = &r->ends[side], *other = &r->ends[side_other(side)];
    return e->peer_owed && (other->ctx == NULL || other->native);
}

/* ---- back-pressure ---- */

/* Whether the limiters let bytes pass; if not, the timer tells when they do. A turn is LIMITER_TURN
 * bytes at least, so that those with small messages get as much; the debt grows by it. Who has just
 * had one lets others on the same limiter go first; his millisecond is not lost, it becomes credit.
 */
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
    /* Not the whole of a long wait: limits may change. */
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

/* Whether the next message of that side can go where it has to. */
static bool may_take(struct relay *r, enum side side)
{
    struct end *other = &r->ends[side_other(side)];
    return (say(r, side) || is_stale(r, side)) && say(r, side_other(side)) &&
           (other->ctx == NULL || ready(other)) && paid(r);
}

/* After anything that may have changed that answer. */
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
    (void)side; /* both may have waited for it */
    wake(r);
}

/* What was right before the violation has been sent by now. */
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

static void forward(struct relay *r, enum side to, uint8_t *p, size_t n, size_t room)
{
    struct end *e = &r->ends[to];
    if (n > 0 && e->ctx != NULL && !is_stale(r, side_other(to))) /* nobody there: dropped */
        e->ops->send(e->ctx, p, n, room);
}

/* Whole frames that lie at p, up to where a message has to end: one message. Returns the bytes
 * used; 0: the first frame is not complete. */
static size_t step_in_place(struct relay *r, enum side side, uint8_t *p, size_t n, size_t room)
{
    struct frame_cutter look = {0}; /* without memory: cuts only what is whole */
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
    forward(r, side_other(side), p, run, room);
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
    e->cutter.memory = e->block + WS_HEADER_MAX;
    size_t used = frame_cut(&e->cutter, p, n, &frame, &size);
    if (frame == NULL)
        return used;
    enum frame_action v = frame_policy_check(r->policy, side, frame, size, &violation);
    if (passes(v))
        forward(r, side_other(side), frame - 2, size + 2, WS_HEADER_MAX);
    loop_unblock(r->loop, e->block);
    e->block = NULL;
    if (v == FRAME_REJECT)
        reject(r, side, &violation);
    return used;
}

size_t relay_input(struct relay *r, enum side side, uint8_t *p, size_t n, size_t room)
{
    struct end *e = &r->ends[side];
    size_t taken = 0;
    while (taken < n && e->ctx != NULL && may_take(r, side)) {
        size_t used = 0;
        if (e->cutter.have == 0)
            used = step_in_place(r, side, p + taken, n - taken, room + taken);
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
