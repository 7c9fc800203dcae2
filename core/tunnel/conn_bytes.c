/* The bytes of one connection: counted, down to its local stream, up from it, and how it is for who
 * watches. */
#include "core/net/tcp.h"
#include "core/tunnel/internal.h"

#include <string.h>

#define SPARSE_READ 4096 /* a connection that last read less than this goes first */
/* ---- what is counted ---- */

static bool goes_up(const struct conn *c, bool from_local)
{
    return from_local == (c->session->role == SESSION_SOURCE);
}

/* The payload of one frame. */
void conn_count(struct conn *c, bool from_local, size_t n)
{
    bool up = goes_up(c, from_local);
    if (!up && c->stats.down == 0)
        c->stats.answered_ms = time_now(&c->session->time);
    *(up ? &c->stats.up : &c->stats.down) += n;
    *(up ? &c->stats.frames_up : &c->stats.frames_down) += 1;
}

static void pause_begins(struct conn *c, bool from_local)
{
    bool up = goes_up(c, from_local);
    uint64_t *since = up ? &c->waits_up : &c->waits_down;
    if (*since != 0)
        return;
    *since = time_now(&c->session->time);
    (up ? &c->stats.paused_up : &c->stats.paused_down)->times++;
}

void conn_pause_ends(struct conn *c, bool from_local)
{
    bool up = goes_up(c, from_local);
    uint64_t *since = up ? &c->waits_up : &c->waits_down;
    if (*since == 0)
        return;
    (up ? &c->stats.paused_up : &c->stats.paused_down)->ms += time_now(&c->session->time) - *since;
    *since = 0;
}

/* ---- down: from the session to the local stream ---- */

/* The local stream has taken n bytes of what is held. */
static void handed_over(struct conn *c, size_t n)
{
    queue_take(&c->held, &c->session->in, n);
    c->handed += n;
}

void conn_flush(struct conn *c)
{
    if (c->local == NULL || !stream_ready(c->local))
        return;
    handed_over(c, c->writing);
    c->writing = 0;
    while (c->held.size > 0) {
        const uint8_t *p;
        size_t n = queue_front(&c->held, &p);
        if (!stream_write(c->local, p, n)) {
            c->writing = n;
            break;
        }
        handed_over(c, n);
    }
    if (c->native && c->phase == CONN_LIVE)
        native_delivered(c);
    else if (c->phase == CONN_DRAINING && conn_all_delivered(c))
        conn_close_softly(c);
}

/* What the local stream takes at once of n bytes: all of them, most of the time. */
static size_t hand_on(struct conn *c, const uint8_t *p, size_t n)
{
    if (c->local == NULL || !conn_all_delivered(c) || !stream_ready(c->local))
        return 0;
    size_t taken = stream_try_write(c->local, p, n);
    c->handed += taken;
    return taken;
}

static bool accept_data(struct conn *c, const uint8_t *p, size_t n)
{
    size_t taken = hand_on(c, p, n);
    if (taken == n || c->unwritable)
        return true;
    if (c->held.size == 0)
        stall_begin(c, &c->in);
    if (!queue_append(&c->held, &c->session->in, p + taken, n - taken)) {
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
        return false;
    }
    stall_consider(c->session);
    conn_flush(c);
    return true;
}

/* Whether it may hold n bytes more: while there is room for all, and a little in any case. Of V1 to
 * V3 each one has a limit, which one message alone may exceed; of native ones the window is it. */
static bool may_hold(struct conn *c, size_t n)
{
    const struct session *s = c->session;
    size_t held = c->held.size;
    if (c->unwritable)
        return true; /* it is thrown away */
    if (!c->native && c->local != NULL && held > 0 && held + n > s->queue_limit)
        return false;
    return held + n <= CONN_RESERVE || s->in.used == 0 || account_may(&s->in, n);
}

/* Of V1 to V3, while its service is dialled: nobody is kept waiting by it, and a first message does
 * not use up what is left. */
static bool dials_too_much(struct conn *c, size_t n)
{
    const struct account *in = &c->session->in;
    size_t held = c->held.size;
    return c->local == NULL && !c->native &&
           (held + n > CONN_DIALLING_LIMIT || !may_hold(c, n) ||
            (held > 0 && !account_may(in, n + account_limit(in) / 4)));
}

/* What its local stream takes of the frame needs no room in the budget. A tap looks at whole
 * frames. */
static bool take_part(struct conn *c, const uint8_t *p, size_t n)
{
    if (c->tap.down != NULL)
        return false;
    size_t taken = hand_on(c, p + c->part, n - c->part);
    c->part += taken;
    c->flow.received += taken;
    return c->part == n || may_hold(c, n - c->part);
}

bool conn_deliver(struct conn *c, const uint8_t *p, size_t n)
{
    if (dials_too_much(c, n)) {
        conn_finish(c, ERR_LIMIT, true, CONN_NOW);
        return true;
    }
    if (!may_hold(c, n - c->part) && !take_part(c, p, n)) {
        pause_begins(c, false);
        return false;
    }
    conn_pause_ends(c, false);
    conn_count(c, false, n);
    p += c->part;
    n -= c->part;
    c->part = 0;
    c->flow.received += n;
    c->heard_at = time_now(&c->session->time);
    struct conn_insert insert = {0};
    bool over = c->tap.down != NULL && !c->tap.down(c->tap.ctx, p, n, &insert);
    if (!accept_data(c, p, insert.at) ||
        !accept_data(c, (const uint8_t *)insert.text.p, insert.text.n) ||
        !accept_data(c, p + insert.at, n - insert.at))
        return true;
    if (c->native)
        native_delivered(c);
    bool first = !c->answered && c->events != NULL && c->events->answer != NULL;
    c->answered = true;
    if (over)
        conn_finish(c, ERR_OK, true, CONN_FLUSH);
    if (first) /* it holds these bytes and has no stream yet: it is still there */
        c->events->answer(c->owner, c, ERR_OK);
    return true;
}

/* ---- up: from the local stream to the session ---- */

static void local_over(struct conn *c, enum err why)
{
    struct session *s = c->session;
    list_remove(&c->ring);
    if (why == ERR_EOF && c->tap.torn != NULL && c->tap.torn(c->tap.ctx))
        why = ERR_RESET;
    if (why == ERR_RESET && s->role == SESSION_SOURCE)
        why = ERR_CLIENT_RESET;
    if (why != ERR_EOF) {
        conn_finish(c, why, c->phase == CONN_LIVE, CONN_NOW);
        return;
    }
    c->local_ended = true;
    session_room(c->session, c->service);
    stream_read_on(c->local, false);
    if (c->phase == CONN_CLOSING)
        conn_gone(c);
    else if (c->phase == CONN_LIVE && c->native)
        native_local_ended(c);
    else if (c->phase == CONN_LIVE && s->role == SESSION_DESTINATION)
        conn_finish(c, ERR_SERVICE_CLOSED, true, CONN_FLUSH);
    else if (c->phase == CONN_LIVE) {
        c->heard_at = time_now(&s->time);
        conn_linger(c);
    }
}

size_t conn_read(struct conn *c, uint8_t *p, size_t n)
{
    if (c->native && !flow_all_sent(c))
        return flow_again(c, p, n);
    if (c->native && (c->local == NULL || c->local_ended)) {
        list_remove(&c->ring);
        return 0;
    }
    if (c->native && (n = flow_room(c, n)) == 0) {
        list_remove(&c->ring);
        pause_begins(c, true);
        return 0;
    }
    if (c->early.size > 0) {
        size_t take = c->early.size < n ? c->early.size : n;
        queue_copy(&c->early, 0, p, take);
        queue_take(&c->early, &c->session->out, take);
        conn_count(c, true, take);
        if (c->local == NULL && c->early.size == 0)
            list_remove(&c->ring);
        return take;
    }
    conn_pause_ends(c, true);
    list_remove(&c->unread);
    long got = stream_pull(c->local, p, n);
    if (got < 0) {
        local_over(c, (enum err) - got);
        return 0;
    }
    size_t size = (size_t)got;
    c->last_read = size;
    if (size < n) {
        list_remove(&c->ring);
        stream_read_on(c->local, true);
    } else {
        list_append(&c->session->bulk, &c->ring);
    }
    if (size > 0 && c->tap.up != NULL && !c->up_done) {
        size_t may = c->tap.up(c->tap.ctx, p, size);
        c->up_done = may < size;
        size = may;
    } else if (c->up_done) {
        size = 0; /* read on only to learn of the client's end */
    }
    if (size > 0)
        conn_count(c, true, size);
    if (c->native && !flow_keep(c, p, size)) {
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
        return 0;
    }
    return size;
}

void conn_want_to_send(struct conn *c)
{
    struct session *s = c->session;
    if (c->native && !s->synced)
        return; /* all of them are asked when it is */
    if (!list_is_on(&c->ring))
        list_append(c->last_read < SPARSE_READ ? &s->sparse : &s->bulk, &c->ring);
}

static void on_readable(void *owner)
{
    struct conn *c = owner;
    struct session *s = c->session;
    if (c->phase == CONN_CLOSING) {
        uint8_t lost[4096];
        long got = stream_pull(c->local, lost, sizeof lost);
        if (got < 0)
            local_over(c, (enum err) - got);
        return;
    }
    if (!session_ready(s) || (c->native && !s->synced)) {
        stream_read_on(c->local, false);
        pause_begins(c, true);
        stall_unread(c);
    }
    conn_want_to_send(c);
    session_pump(s);
}

static void on_writable(void *owner)
{
    struct conn *c = owner;
    struct session *s = c->session;
    conn_flush(c);
    session_unstall(s);
}

/* What the local side said before it went away (an early HTTP 413, say) may still be there to read;
 * reading then ends with the error. */
static void on_failed(void *owner, enum err why)
{
    struct conn *c = owner;
    struct session *s = c->session;
    if (c->phase != CONN_LIVE || c->local_ended || c->unwritable) {
        local_over(c, why);
        return;
    }
    c->unwritable = true;
    queue_free(&c->held, &s->in);
    c->writing = 0;
    if (c->native)
        native_delivered(c);
    conn_want_to_send(c);
    session_pump(s);
    session_unstall(s);
}

const struct stream_events conn_local_events = {
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

/* ---- for who watches ---- */

static uint64_t lasting(const struct conn *c, uint64_t since)
{
    return since != 0 ? time_now(&c->session->time) - since : 0;
}

void conn_get_info(const struct conn *c, struct conn_info *out)
{
    bool source = c->session->role == SESSION_SOURCE;
    bool over = c->phase != CONN_LIVE, local_done = c->local_ended || c->up_done;
    bool far_done = over || c->flow.fin_received;
    size_t from_local = c->early.size + c->flow.kept.size, to_local = c->held.size;
    *out = (struct conn_info){
        .stats = c->stats,
        .held_up = source ? from_local : to_local,
        .held_down = source ? to_local : from_local,
        .queue_limit = c->native ? c->flow.window : c->session->queue_limit,
        .ended_up = source ? local_done : far_done,
        .ended_down = source ? far_done : local_done,
        .over = over,
    };
    if (c->native)
        flow_look(c, out);
    out->stats.paused_up.ms += lasting(c, c->waits_up);
    out->stats.paused_down.ms += lasting(c, c->waits_down);
}
