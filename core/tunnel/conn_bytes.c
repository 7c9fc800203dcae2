/* The bytes of one connection: counted, down to its local stream, up from it, and how it is for who
 * watches. */
#include "core/net/tcp.h"
#include "core/tunnel/internal.h"

#include <string.h>

#define SPARSE_READ 4096        /* a connection that last read less than this goes first */
#define DIALLING_TOTAL 67108864 /* held while services are being dialled, in a session */
#define HANDED_OVER 65536       /* of a native one at once: so often is it acknowledged */
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
        c->stats.answered_ms = loop_now(c->session->loop);
    *(up ? &c->stats.up : &c->stats.down) += n;
    *(up ? &c->stats.frames_up : &c->stats.frames_down) += 1;
}

static void pause_begins(struct conn *c, bool from_local)
{
    bool up = goes_up(c, from_local);
    uint64_t *since = up ? &c->waits_up : &c->waits_down;
    if (*since != 0)
        return;
    *since = loop_now(c->session->loop);
    (up ? &c->stats.paused_up : &c->stats.paused_down)->times++;
}

void conn_pause_ends(struct conn *c, bool from_local)
{
    bool up = goes_up(c, from_local);
    uint64_t *since = up ? &c->waits_up : &c->waits_down;
    if (*since == 0)
        return;
    (up ? &c->stats.paused_up : &c->stats.paused_down)->ms += loop_now(c->session->loop) - *since;
    *since = 0;
}

/* ---- down: from the session to the local stream ---- */

/* What is handed over must not move: buffers swap, or, so that much of it can be acknowledged
 * piece by piece, a piece is copied. */
static void next_piece(struct conn *c)
{
    c->sending.size = 0;
    if (c->native && c->held.size > HANDED_OVER &&
        buf_append(&c->sending, c->held.data, HANDED_OVER)) {
        buf_take(&c->held, HANDED_OVER);
        return;
    }
    struct buf full = c->held;
    c->held = c->sending;
    c->sending = full;
}

void conn_flush(struct conn *c)
{
    if (c->local == NULL || !stream_ready(c->local))
        return;
    c->sending.size = 0;
    while (c->held.size > 0) {
        next_piece(c);
        if (!stream_write(c->local, c->sending.data, c->sending.size))
            break;
        c->sending.size = 0;
    }
    if (conn_all_delivered(c)) {
        buf_free(&c->held);
        buf_free(&c->sending);
    }
    if (c->native)
        flow_account(c);
    if (c->native && c->phase == CONN_LIVE)
        native_delivered(c);
    else if (c->phase == CONN_DRAINING && conn_all_delivered(c))
        conn_close_softly(c);
}

static bool accept_data(struct conn *c, const uint8_t *p, size_t n)
{
    size_t taken = 0;
    if (c->local != NULL && conn_all_delivered(c) && stream_ready(c->local))
        taken = stream_try_write(c->local, p, n);
    if (taken == n || c->unwritable)
        return true;
    if (!buf_append(&c->held, p + taken, n - taken)) {
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
        return false;
    }
    if (c->local == NULL)
        c->session->dialling += n;
    conn_flush(c);
    return true;
}

/* Whether it may hold n bytes more. A native one has a window: only the sum is looked at. */
static bool may_hold(struct conn *c, size_t n)
{
    const struct session *s = c->session;
    size_t held = c->held.size + c->sending.size;
    if (c->native)
        return s->held + n <= s->budget;
    return c->local == NULL || held == 0 || held + n <= s->queue_limit;
}

bool conn_deliver(struct conn *c, const uint8_t *p, size_t n)
{
    size_t held = c->held.size + c->sending.size;
    if (!may_hold(c, n)) {
        pause_begins(c, false);
        return false;
    }
    conn_pause_ends(c, false);
    bool dialling = c->local == NULL && !c->native;
    if (dialling && (held + n > CONN_DIALLING_LIMIT || c->session->dialling + n > DIALLING_TOTAL)) {
        conn_finish(c, ERR_LIMIT, true, CONN_NOW);
        return true;
    }
    conn_count(c, false, n);
    c->flow.received += n;
    c->heard_at = loop_now(c->session->loop);
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
    if (why != ERR_EOF) {
        conn_finish(c, why, c->phase == CONN_LIVE, CONN_NOW);
        return;
    }
    c->local_ended = true;
    stream_read_on(c->local, false);
    if (c->phase == CONN_CLOSING)
        conn_gone(c);
    else if (c->phase == CONN_LIVE && c->native)
        native_local_ended(c);
    else if (c->phase == CONN_LIVE && s->role == SESSION_DESTINATION)
        conn_finish(c, ERR_SERVICE_CLOSED, true, CONN_FLUSH);
    else if (c->phase == CONN_LIVE) {
        c->heard_at = loop_now(s->loop);
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
        memcpy(p, c->early.data, take);
        buf_take(&c->early, take);
        if (c->early.size == 0)
            buf_free(&c->early);
        conn_count(c, true, take);
        if (c->local == NULL && c->early.size == 0)
            list_remove(&c->ring);
        return take;
    }
    conn_pause_ends(c, true);
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
    buf_free(&c->held);
    if (c->native) {
        c->sending.size = 0;
        native_delivered(c);
    }
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
    return since != 0 ? loop_now(c->session->loop) - since : 0;
}

void conn_look(const struct conn *c, struct conn_present *out)
{
    bool source = c->session->role == SESSION_SOURCE;
    bool over = c->phase != CONN_LIVE, local_done = c->local_ended || c->up_done;
    bool far_done = over || c->flow.fin_received;
    size_t from_local = c->early.size + c->flow.kept.size,
           to_local = c->held.size + c->sending.size;
    *out = (struct conn_present){
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
