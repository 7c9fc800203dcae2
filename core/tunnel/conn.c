/* One connection in a session and the local stream it is pumped to and from. */
#include "core/net/tcp.h"
#include "core/tunnel/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARSE_READ 4096        /* a connection that last read less than this goes first */
#define DIALLING_LIMIT 4194304  /* bytes held while a service is being dialled; nobody waits */
#define DIALLING_TOTAL 67108864 /* ... for all of a session */
#define LOOK_AGAIN_MS 500       /* whether a client that has finished sending is still there */
#define LOOK_AT_BACKLOG_MS 20   /* whether the kernel has sent all */
#define LAST_WORDS_MS 2000      /* for the local side to close after our FIN */
#define HANDED_OVER 65536       /* of a native one at once: so often is it acknowledged */

/* ---- what is counted ---- */

static bool goes_up(const struct conn *c, bool from_local)
{
    return from_local == (c->session->role == SESSION_SOURCE);
}

/* The payload of one frame. */
static void count(struct conn *c, bool from_local, size_t n)
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

static void pause_ends(struct conn *c, bool from_local)
{
    bool up = goes_up(c, from_local);
    uint64_t *since = up ? &c->waits_up : &c->waits_down;
    if (*since == 0)
        return;
    (up ? &c->stats.paused_up : &c->stats.paused_down)->ms += loop_now(c->session->loop) - *since;
    *since = 0;
}

/* ---- life ---- */

struct conn *conn_create(struct session *s, struct service *service, uint32_t connection)
{
    struct conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->session = s;
    c->service = service;
    c->stream = service->stream;
    c->nameless = service->nameless;
    c->connection = connection;
    c->key = (struct conn_key){service, connection};
    list_init(&c->flow.kin);
    list_init(&c->flow.listing);
    list_init(&c->flow.hushed);
    list_init(&c->flow.starved);
    snprintf(c->id, sizeof c->id, "%s", service->id);
    c->stats.started_ms = loop_now(s->loop);
    c->early.limit = c->held.limit = c->sending.limit = DIALLING_LIMIT + FRAME_PAYLOAD_MAX;
    c->phase = CONN_DRAINING;
    list_init(&c->all);
    list_init(&c->control);
    list_init(&c->ring);
    list_append(&s->leaving, &c->all);
    s->n_leaving++;
    return c;
}

bool conn_register(struct conn *c)
{
    if (!map_put(&c->session->by_id, &c->key, sizeof c->key, c))
        return false;
    c->phase = CONN_LIVE;
    list_append(&c->service->conns, &c->all);
    c->service->live++;
    c->session->n_live++;
    c->session->n_leaving--;
    if (c->native)
        list_append(&c->session->natives, &c->flow.kin);
    return true;
}

bool conn_owes(const struct conn *c)
{
    return c->start_type != 0 || c->opened_owed || c->credit_owed || c->fin_owed || c->reset_owed;
}

void conn_owe(struct conn *c)
{
    if (!list_is_on(&c->control)) /* starts stay in their order */
        list_append(&c->session->control, &c->control);
    if (c->native)
        session_pump_later(c->session);
}

void conn_destroy(struct conn *c)
{
    if (c->native)
        native_retire(c);
    list_remove(&c->all);
    list_remove(&c->control);
    list_remove(&c->ring);
    c->session->n_leaving--;
    timer_free(c->timer);
    buf_free(&c->early);
    buf_free(&c->held);
    buf_free(&c->sending);
    free(c);
}

void conn_free_if_done(struct conn *c)
{
    if (c->phase == CONN_GONE && !conn_owes(c))
        conn_destroy(c);
}

static void unregister(struct conn *c)
{
    struct session *s = c->session;
    map_remove(&s->by_id, &c->key, sizeof c->key);
    if (s->stuck == c)
        s->stuck = NULL;
    list_append(&s->leaving, &c->all);
    list_remove(&c->ring);
    if (c->native)
        native_retire(c);
    c->service->live--;
    c->service = NULL;
    s->n_live--;
    s->n_leaving++;
}

/* The local side is over: tell the owner, and leave when nothing is owed. */
static void gone(struct conn *c)
{
    struct session *s = c->session;
    pause_ends(c, true);
    pause_ends(c, false);
    struct conn_stats stats = c->stats;
    const struct conn_events *events = c->events;
    void *owner = c->owner;
    if (c->local != NULL && stats.why == ERR_OPERATOR)
        stream_close_hard(c->local);
    if (c->local != NULL)
        stream_close(c->local);
    else
        s->dialling -= c->held.size;
    c->local = NULL;
    timer_free(c->timer);
    c->timer = NULL;
    buf_free(&c->early);
    buf_free(&c->held);
    buf_free(&c->sending);
    c->phase = CONN_GONE;
    if (c->native) {
        flow_account(c);
        native_retire(c);
    }
    if (events != NULL && !c->answered && events->answer != NULL) {
        c->answered = true;
        events->answer(owner, c, stats.why);
    }
    if (events != NULL)
        events->ended(owner, c, &stats);
    conn_free_if_done(c);
    session_unstall(s);
}

static void start_timer(struct conn *c, uint64_t ms);

/* The client has finished sending, which V1 to V3 cannot say to the far end. It may still wait for
 * an answer, until `linger_ms` of silence; when it is gone altogether nobody waits. A process that
 * is just closing may look alive for a moment, so the look is repeated. */
static void linger(struct conn *c)
{
    struct session *s = c->session;
    uint64_t silence = loop_now(s->loop) - c->heard_at;
    if (stream_peer_gone(c->local)) {
        conn_finish(c, ERR_CLIENT_CLOSED, true, CONN_NOW);
    } else if (silence >= s->linger_ms) {
        conn_finish(c, ERR_LINGERED, true, CONN_FLUSH);
    } else {
        uint64_t left = s->linger_ms - silence;
        start_timer(c, left < LOOK_AGAIN_MS ? left : LOOK_AGAIN_MS);
    }
}

static void break_off(struct conn *c);

static void on_timer(void *owner)
{
    struct conn *c = owner;
    if (c->phase == CONN_LIVE)
        linger(c);
    else if (native_broke(c))
        break_off(c);
    else
        gone(c);
}

static void start_timer(struct conn *c, uint64_t ms)
{
    if (c->timer == NULL)
        c->timer = timer_new(c->session->loop, on_timer, c);
    if (c->timer != NULL)
        timer_start(c->timer, ms);
}

/* The client of a native connection that did not come to its end gets what there is, and then no
 * end but a reset: it must not take a part for the whole. */
static void break_off(struct conn *c)
{
    uint64_t waited = loop_now(c->session->loop) - c->heard_at;
    if (stream_backlog(c->local) > 0 && waited < LAST_WORDS_MS) {
        start_timer(c, LOOK_AT_BACKLOG_MS);
        if (c->timer != NULL)
            return;
    }
    stream_close_hard(c->local);
    gone(c);
}

/* Everything is delivered: FIN, then wait for the local side's, so that the kernel does not answer
 * late bytes with a reset that would take undelivered ones along. */
static void close_softly(struct conn *c)
{
    c->phase = CONN_CLOSING;
    if (native_broke(c)) {
        c->heard_at = loop_now(c->session->loop);
        stream_read_on(c->local, false);
        break_off(c);
        return;
    }
    if (!c->flow.shut)
        stream_shutdown(c->local);
    if (c->local_ended) {
        gone(c);
        return;
    }
    start_timer(c, LAST_WORDS_MS);
    if (c->timer == NULL)
        gone(c);
    else
        stream_read_on(c->local, true);
}

bool conn_all_delivered(const struct conn *c)
{
    return c->held.size == 0 && c->sending.size == 0;
}

/* An answer to its opening is the last word of a native one that was refused. */
static void owe_end(struct conn *c)
{
    if (c->refusal != ERR_OK)
        c->opened_owed = true;
    else
        c->reset_owed = true;
    conn_owe(c);
}

void conn_finish(struct conn *c, enum err why, bool tell, enum conn_how how)
{
    struct session *s = c->session;
    if (c->phase == CONN_LIVE) {
        if (c->start_type != 0)
            session_start_unsent(s, c->service, c);
        unregister(c);
        c->phase = CONN_DRAINING;
        c->stats.why = why;
        c->credit_owed = c->credit_owed && !tell;
        c->fin_owed = false;
        if (!conn_owes(c))
            list_remove(&c->control);
        if (c->timer != NULL)
            timer_stop(c->timer);
    }
    if (c->start_type != 0) { /* the far end has never heard of it */
        c->start_type = 0;
        list_remove(&c->control);
    } else if (tell && !c->reset_owed && s->attached) {
        owe_end(c);
    }
    if (c->phase == CONN_GONE)
        return;
    if (how == CONN_NOW || (c->local == NULL && conn_all_delivered(c)))
        gone(c);
    else if (c->local != NULL && conn_all_delivered(c) && c->phase == CONN_DRAINING)
        close_softly(c);
    else if (c->local != NULL && c->phase == CONN_DRAINING)
        stream_read_on(c->local, false);
    session_pump(s);
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
        close_softly(c);
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
    pause_ends(c, false);
    bool dialling = c->local == NULL && !c->native;
    if (dialling && (held + n > DIALLING_LIMIT || c->session->dialling + n > DIALLING_TOTAL)) {
        conn_finish(c, ERR_LIMIT, true, CONN_NOW);
        return true;
    }
    count(c, false, n);
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
        gone(c);
    else if (c->phase == CONN_LIVE && c->native)
        native_local_ended(c);
    else if (c->phase == CONN_LIVE && s->role == SESSION_DESTINATION)
        conn_finish(c, ERR_SERVICE_CLOSED, true, CONN_FLUSH);
    else if (c->phase == CONN_LIVE) {
        c->heard_at = loop_now(s->loop);
        linger(c);
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
        count(c, true, take);
        if (c->local == NULL && c->early.size == 0)
            list_remove(&c->ring);
        return take;
    }
    pause_ends(c, true);
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
        count(c, true, size);
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

static const struct stream_events local_events = {
    .readable = on_readable,
    .writable = on_writable,
    .failed = on_failed,
};

/* ---- for owners ---- */

void conn_own(struct conn *c, const struct conn_events *events, void *owner)
{
    c->events = events;
    c->owner = owner;
}

const char *conn_service(const struct conn *c)
{
    return c->id;
}

struct session *conn_session(const struct conn *c)
{
    return c->session;
}

const struct conn_stats *conn_statistics(const struct conn *c)
{
    return &c->stats;
}

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

uint32_t conn_id(const struct conn *c)
{
    return c->connection;
}

bool conn_native(const struct conn *c)
{
    return c->native;
}

int32_t conn_stream(const struct conn *c)
{
    return c->stream;
}

bool conn_early(struct conn *c, const void *p, size_t n)
{
    if (n == 0 || c->phase != CONN_LIVE)
        return true;
    if (c->native ? !ring_append(&c->flow.kept, p, n) : !buf_append(&c->early, p, n))
        return false;
    if (c->native) {
        count(c, true, n);
        c->session->kept += n;
    }
    conn_want_to_send(c); /* behind its start: control frames go first */
    session_pump(c->session);
    return true;
}

void conn_tap(struct conn *c, const struct conn_tap *tap)
{
    c->tap = *tap;
}

void conn_attach(struct conn *c, struct stream *stream)
{
    stream_own(stream, &local_events, c);
    c->local = stream;
    c->session->dialling -= c->held.size;
    c->answered = true;
    stream_read_on(stream, c->phase == CONN_LIVE);
    if (c->native && c->phase == CONN_LIVE && c->session->role == SESSION_DESTINATION) {
        c->opened_owed = true;
        conn_owe(c);
    }
    if (c->phase == CONN_DRAINING && conn_all_delivered(c))
        close_softly(c);
    else
        conn_flush(c);
}

void conn_refuse(struct conn *c, enum err why)
{
    if (c->native)
        c->refusal = why;
    conn_finish(c, why, true, CONN_NOW);
}

void conn_abort(struct conn *c, enum err why)
{
    c->answered = true; /* the owner knows */
    conn_finish(c, why, c->phase == CONN_LIVE, CONN_NOW);
}
