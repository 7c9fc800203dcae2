#include "core/tunnel/conn_io.h"

#include "core/net/socket.h"
#include "core/tunnel/idle.h"
#include "core/tunnel/progress.h"

#define CONN_DIALLING_LIMIT 4194304 /* bytes held while a service is dialled; nobody waits */

/* ---- down: from the session to the local stream ---- */

/* The local stream has taken n bytes of what is held. */
static void handed_over(struct conn *c, size_t n)
{
    queue_take(&c->held, &c->host->in, n);
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
    if (c->phase == CONN_LIVE)
        c->dialect->ops->delivered(c);
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
        progress_begin(c, &c->in);
    if (!queue_append(&c->held, &c->host->in, p + taken, n - taken)) {
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
        return false;
    }
    progress_consider(c->host);
    conn_flush(c);
    return true;
}

/* Whether it may hold n bytes more: while there is room for all, and a little in any case. Of V1 to
 * V3 each one has a limit, which one message alone may exceed; of native ones the window is it. */
static bool may_hold(struct conn *c, size_t n)
{
    const struct conn_host *h = c->host;
    size_t held = c->held.size;
    if (c->unwritable)
        return true; /* it is thrown away */
    if (!c->dialect->ops->windows && c->local != NULL && held > 0 && held + n > h->queue_limit)
        return false;
    return held + n <= CONN_RESERVE || h->in.used == 0 || account_may(&h->in, n);
}

/* Of V1 to V3, while its service is dialled: nobody is kept waiting by it, and a first message does
 * not use up what is left. */
static bool dials_too_much(struct conn *c, size_t n)
{
    const struct account *in = &c->host->in;
    size_t held = c->held.size;
    return c->local == NULL && !c->dialect->ops->windows &&
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
    c->window.received += taken;
    return c->part == n || may_hold(c, n - c->part);
}

/* ---- several frames at once ---- */

static bool has_room(const struct conn_host *h, size_t n)
{
    return h->gather.n < GATHER_MOST && account_may(&h->in, h->gather.size + n + BUDGET_BLOCK);
}

bool conn_gathers(const struct conn_host *h, const struct frame *f)
{
    const struct gather *g = &h->gather;
    return g->may && g->conn != NULL && f->type == FRAME_DATA && f->stream == 0 &&
           f->connection == g->conn->connection && has_room(h, f->payload_size);
}

/* Whether the bytes wait where they are; its local stream takes everything at present. */
static bool gather(struct conn *c, const uint8_t *p, size_t n)
{
    struct gather *g = &c->host->gather;
    bool begins = g->conn == NULL && g->may && c->dialect->ops->windows && c->answered &&
                  c->part == 0 && c->tap.down == NULL && c->local != NULL && !c->unwritable &&
                  conn_all_delivered(c) && stream_ready(c->local) && has_room(c->host, n);
    if (g->conn != c && !begins)
        return false;
    g->conn = c;
    g->parts[g->n++] = (struct iovec){.iov_base = (uint8_t *)(uintptr_t)p, .iov_len = n};
    g->size += n;
    conn_count(c, false, n);
    conn_count_frame(c, false);
    c->window.received += n;
    c->heard_at = host_now(c->host);
    return true;
}

/* Holds what the local stream has not taken of the parts. */
static bool hold_rest(struct conn *c, const struct gather *g, size_t taken)
{
    progress_begin(c, &c->in);
    for (size_t i = 0; i < g->n; i++) {
        size_t done = taken < g->parts[i].iov_len ? taken : g->parts[i].iov_len;
        if (!queue_append(&c->held, &c->host->in, (uint8_t *)g->parts[i].iov_base + done,
                          g->parts[i].iov_len - done))
            return false;
        taken -= done;
    }
    progress_consider(c->host);
    return true;
}

void conn_settle(struct conn_host *h)
{
    struct gather g = h->gather;
    struct conn *c = g.conn;
    if (c == NULL)
        return;
    h->gather = (struct gather){.may = g.may};
    size_t taken = stream_try_write_parts(c->local, g.parts, g.n);
    c->handed += taken;
    if (taken == g.size)
        c->dialect->ops->delivered(c);
    else if (hold_rest(c, &g, taken))
        conn_flush(c);
    else
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
}

bool conn_deliver(struct conn *c, const uint8_t *p, size_t n)
{
    if (gather(c, p, n))
        return true;
    if (dials_too_much(c, n)) {
        conn_finish(c, ERR_LIMIT, true, CONN_NOW);
        return true;
    }
    if (!may_hold(c, n - c->part) && !take_part(c, p, n)) {
        conn_pause_begins(c, false);
        progress_blocked(c, n);
        return false;
    }
    if (c->host->stall.stuck == c)
        c->host->stall.stuck = NULL;
    conn_pause_ends(c, false);
    conn_count(c, false, n);
    conn_count_frame(c, false);
    p += c->part;
    n -= c->part;
    c->part = 0;
    c->window.received += n;
    c->heard_at = host_now(c->host);
    struct conn_insert insert = {0};
    bool over = c->tap.down != NULL && !c->tap.down(c->tap.ctx, p, n, &insert);
    if (!accept_data(c, p, insert.at) ||
        !accept_data(c, (const uint8_t *)insert.text.p, insert.text.n) ||
        !accept_data(c, p + insert.at, n - insert.at))
        return true;
    c->dialect->ops->delivered(c);
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
    list_remove(&c->turn.ring);
    if (why == ERR_EOF && c->tap.torn != NULL && c->tap.torn(c->tap.ctx))
        why = ERR_RESET;
    if (why == ERR_RESET && c->host->role == SESSION_SOURCE)
        why = ERR_CLIENT_RESET;
    if (why != ERR_EOF) {
        conn_finish(c, why, c->phase == CONN_LIVE, CONN_NOW);
        return;
    }
    c->local_ended = true;
    c->heard_at = host_now(c->host);
    conn_tell_room(c);
    conn_listen(c, false);
    if (c->phase == CONN_CLOSING)
        conn_gone(c);
    else if (c->phase == CONN_LIVE)
        c->dialect->ops->local_ended(c);
}

/* What the tap lets pass of n bytes at p. */
static size_t tapped(struct conn *c, const uint8_t *p, size_t n)
{
    if (c->up_done)
        return 0; /* read on only to learn of the client's end */
    if (n == 0 || c->tap.up == NULL)
        return n;
    size_t may = c->tap.up(c->tap.ctx, p, n);
    c->up_done = may < n;
    return may;
}

/* A bulk one that did not fill the room keeps its place where others wait for their turns: until
 * its own comes again there is more, most of the time, and nobody has to tell. */
static bool keeps_its_place(const struct conn *c, size_t got)
{
    const struct scheduler *s = &c->host->scheduler;
    return got > 0 && turn_is_bulk(&c->turn) && !scheduler_alone(s, &c->turn);
}

/* Reads into the parts, of n bytes together, and puts c where it belongs in the rings. Returns how
 * many bytes the tap lets pass, or -1 when c may be gone. */
static long pull(struct conn *c, const struct iovec *parts, size_t n_parts, size_t n)
{
    conn_pause_ends(c, true);
    list_remove(&c->unread);
    long got = stream_pull_parts(c->local, parts, n_parts);
    if (got < 0)
        return got;
    size_t left = (size_t)got, passed = 0;
    turn_read(&c->turn, left);
    c->drained = left < n && !keeps_its_place(c, left);
    if (c->drained) {
        list_remove(&c->turn.ring);
        conn_listen(c, true);
    } else {
        scheduler_more(&c->host->scheduler, &c->turn);
        if (!c->listens)
            progress_unread(c);
    }
    for (; left > 0; parts++) {
        size_t part = parts->iov_len < left ? parts->iov_len : left;
        size_t may = tapped(c, parts->iov_base, part);
        if (may > 0)
            conn_count(c, true, may);
        passed += may;
        left -= part;
    }
    return (long)passed;
}

long conn_pull(struct conn *c, uint8_t *p, size_t n)
{
    const struct iovec part = {.iov_base = p, .iov_len = n};
    long got = pull(c, &part, 1, n);
    if (got >= 0)
        return got;
    local_over(c, (enum err) - got);
    return -1;
}

long conn_pull_kept(struct conn *c, size_t n)
{
    struct iovec parts[CONN_PARTS];
    size_t room = 0, n_parts = queue_reserve(&c->kept, &c->host->out, n, parts, CONN_PARTS);
    bool first = c->kept.size == 0;
    for (size_t i = 0; i < n_parts; i++)
        room += parts[i].iov_len;
    long got = n_parts > 0 ? pull(c, parts, n_parts, room) : -(long)ERR_NO_MEMORY;
    queue_commit(&c->kept, &c->host->out, got > 0 ? (size_t)got : 0);
    if (got < 0) {
        local_over(c, (enum err) - got);
        return -1;
    }
    if (first && got > 0)
        progress_begin(c, &c->out);
    c->window.end += (size_t)got;
    return got;
}

bool conn_keep(struct conn *c, const uint8_t *p, size_t n)
{
    if (c->kept.size == 0)
        progress_begin(c, &c->out);
    if (!queue_append(&c->kept, &c->host->out, p, n))
        return false;
    c->window.end += n;
    return true;
}

static void on_readable(void *owner)
{
    struct conn *c = owner;
    struct conn_host *h = c->host;
    if (c->phase == CONN_CLOSING) {
        uint8_t lost[4096];
        long got = stream_pull(c->local, lost, sizeof lost);
        if (got < 0)
            local_over(c, (enum err) - got);
        return;
    }
    if (!host_ready(h) || !c->dialect->open) {
        conn_listen(c, false);
        conn_pause_begins(c, true);
        progress_unread(c);
    }
    conn_want_to_send(c);
    h->pump(h);
}

static void on_writable(void *owner)
{
    struct conn *c = owner;
    struct conn_host *h = c->host;
    conn_flush(c);
    host_unstall(h);
}

/* What the local side said before it went away (an early HTTP 413, say) may still be there to read;
 * reading then ends with the error. */
static void on_failed(void *owner, enum err why)
{
    struct conn *c = owner;
    struct conn_host *h = c->host;
    if (c->phase != CONN_LIVE || c->local_ended || c->unwritable) {
        local_over(c, why);
        return;
    }
    c->unwritable = true;
    queue_free(&c->held, &h->in);
    c->writing = 0;
    c->dialect->ops->delivered(c);
    conn_want_to_send(c);
    h->pump(h);
    host_unstall(h);
}

static const struct stream_events local_events = {
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

/* ---- for owners ---- */

bool conn_early(struct conn *c, const void *p, size_t n)
{
    if (n == 0 || c->phase != CONN_LIVE)
        return true;
    if (!conn_keep(c, p, n))
        return false;
    if (c->dialect->ops->windows) /* else when it is sent */
        conn_count(c, true, n);
    conn_want_to_send(c); /* behind its start: control frames go first */
    c->host->pump(c->host);
    return true;
}

size_t conn_early_room(const struct conn *c)
{
    size_t most = account_may(&c->host->out, BUDGET_BLOCK) ? WINDOW_INITIAL : CONN_RESERVE;
    return c->kept.size < most ? most - c->kept.size : 0;
}

void conn_attach(struct conn *c, struct stream *stream)
{
    stream_set_owner(stream, &local_events, c);
    stream_reset_on_close(stream, true); /* until its end has come */
    c->local = stream;
    c->answered = true;
    idle_begin(c);
    conn_listen(c, c->phase == CONN_LIVE);
    if (c->phase == CONN_LIVE)
        c->dialect->ops->attached(c);
    if (c->phase == CONN_DRAINING && conn_all_delivered(c))
        conn_close_softly(c);
    else
        conn_flush(c);
}

/* ---- for who watches ---- */

static uint64_t lasting(const struct conn *c, uint64_t since)
{
    return since != 0 ? host_now(c->host) - since : 0;
}

void conn_get_info(const struct conn *c, struct conn_info *out)
{
    bool source = c->host->role == SESSION_SOURCE;
    bool over = c->phase != CONN_LIVE, local_done = c->local_ended || c->up_done;
    bool far_done = over || c->window.fin_received;
    *out = (struct conn_info){
        .stats = c->stats,
        .held_up = source ? c->kept.size : c->held.size,
        .held_down = source ? c->held.size : c->kept.size,
        .queue_limit = c->host->queue_limit,
        .ended_up = source ? local_done : far_done,
        .ended_down = source ? far_done : local_done,
        .over = over,
    };
    c->dialect->ops->look(c, out);
    out->stats.paused_up.ms += lasting(c, c->waits_up);
    out->stats.paused_down.ms += lasting(c, c->waits_down);
}
