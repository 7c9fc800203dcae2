/* The life of one connection: its begin, its ends in every state, and what owners do with it. Its
 * bytes are conn_bytes.c's. */
#include "core/net/tcp.h"
#include "core/tunnel/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 500     /* whether a client that has finished sending is still there */
#define LOOK_AT_BACKLOG_MS 20 /* whether the kernel has sent all */
#define LAST_WORDS_MS 2000    /* for the local side to close after our FIN */

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
    c->stats.started_ms = time_now(&s->time);
    c->phase = CONN_DRAINING;
    list_init(&c->all);
    list_init(&c->draining);
    list_init(&c->unread);
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

static void drained(struct conn *c)
{
    if (list_is_on(&c->draining))
        c->session->n_draining--;
    list_remove(&c->draining);
}

void conn_destroy(struct conn *c)
{
    if (c->native)
        native_retire(c);
    list_remove(&c->all);
    list_remove(&c->control);
    list_remove(&c->ring);
    list_remove(&c->unread);
    drained(c);
    c->session->n_leaving--;
    c->session->time.timer_free(c->timer);
    queue_free(&c->early, &c->session->out);
    queue_free(&c->held, &c->session->in);
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
    list_remove(&c->unread);
    if (c->native)
        native_retire(c);
    c->service->live--;
    session_room(s, c->service);
    c->service = NULL;
    s->n_live--;
    s->n_leaving++;
}

/* Whether the far side's end has come and all before it is delivered: only then may the local side
 * hear of an end. V1 to V3 say every end by a reset, so theirs counts as one where nothing else is
 * known; but when the service ended first, its client's end can come no more. */
static bool ended_well(const struct conn *c)
{
    enum err why = c->stats.why;
    if (!conn_all_delivered(c) || why == ERR_OPERATOR)
        return false;
    if (c->native)
        return c->flow.fin_received || why == ERR_OK;
    if (c->session->role == SESSION_SOURCE)
        return err_is_end(why) || why == ERR_PEER_RESET;
    return err_is_end(why) && why != ERR_SERVICE_CLOSED;
}

/* The local side is over: tell the owner, and leave when nothing is owed. */
void conn_gone(struct conn *c)
{
    struct session *s = c->session;
    conn_pause_ends(c, true);
    conn_pause_ends(c, false);
    struct conn_stats stats = c->stats;
    const struct conn_events *events = c->events;
    void *owner = c->owner;
    if (c->local != NULL) {
        stream_reset_on_close(c->local, !ended_well(c));
        stream_close(c->local);
    }
    c->local = NULL;
    c->session->time.timer_free(c->timer);
    c->timer = NULL;
    queue_free(&c->early, &s->out);
    queue_free(&c->held, &s->in);
    c->writing = 0;
    c->phase = CONN_GONE;
    drained(c);
    if (c->native)
        native_retire(c);
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
void conn_linger(struct conn *c)
{
    struct session *s = c->session;
    uint64_t silence = time_now(&s->time) - c->heard_at;
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
static void look_at_drain(struct conn *c);

static void on_timer(void *owner)
{
    struct conn *c = owner;
    if (c->phase == CONN_LIVE)
        conn_linger(c);
    else if (c->phase == CONN_DRAINING)
        look_at_drain(c);
    else if (!ended_well(c))
        break_off(c);
    else
        conn_gone(c);
}

static void start_timer(struct conn *c, uint64_t ms)
{
    if (c->timer == NULL)
        c->timer = c->session->time.timer_new(c->session->time.ctx, on_timer, c);
    if (c->timer != NULL)
        c->session->time.timer_start(c->timer, ms);
}

/* The local side of a connection that did not come to its end gets what there is, and then no end
 * but a reset: it must not take a part for the whole. */
static void break_off(struct conn *c)
{
    uint64_t waited = time_now(&c->session->time) - c->heard_at;
    if (stream_backlog(c->local) > 0 && waited < LAST_WORDS_MS) {
        start_timer(c, LOOK_AT_BACKLOG_MS);
        if (c->timer != NULL)
            return;
    }
    conn_gone(c);
}

/* Everything is delivered: FIN, then wait for the local side's, so that the kernel does not answer
 * late bytes with a reset that would take undelivered ones along. */
void conn_close_softly(struct conn *c)
{
    c->phase = CONN_CLOSING;
    if (!ended_well(c)) {
        c->heard_at = time_now(&c->session->time);
        stream_read_on(c->local, false);
        break_off(c);
        return;
    }
    if (!c->flow.shut)
        stream_shutdown(c->local);
    if (c->local_ended) {
        conn_gone(c);
        return;
    }
    start_timer(c, LAST_WORDS_MS);
    if (c->timer == NULL)
        conn_gone(c);
    else
        stream_read_on(c->local, true);
}

bool conn_all_delivered(const struct conn *c)
{
    return c->held.size == 0;
}

/* ---- what is still delivered after the end ---- */

/* It has got a part only, and must not take that for the whole. */
static void give_up(struct conn *c)
{
    c->stats.why = ERR_STALLED;
    conn_gone(c);
}

/* Nobody is at the far end any more, so a local side that takes nothing is not waited for for
 * ever. */
static void look_at_drain(struct conn *c)
{
    if (stall_drains(c))
        start_timer(c, c->session->stall_ms / 4 + 1);
    else
        give_up(c);
}

/* As many of them as there may be live ones; the oldest goes first. */
static void begin_draining(struct conn *c)
{
    struct session *s = c->session;
    if (s->n_draining >= s->max_connections)
        give_up(list_entry(s->draining.next, struct conn, draining));
    list_append(&s->draining, &c->draining);
    s->n_draining++;
    start_timer(c, s->stall_ms / 4 + 1);
    if (c->timer == NULL)
        give_up(c);
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
        bool said_all = tell && why == ERR_OK && native_said_all(c);
        if (c->start_type != 0)
            session_start_unsent(s, c->service, c);
        unregister(c);
        c->phase = CONN_DRAINING;
        c->stats.why = why;
        c->credit_owed = c->credit_owed && !tell;
        c->fin_owed = said_all;
        if (!conn_owes(c))
            list_remove(&c->control);
        if (c->timer != NULL)
            c->session->time.timer_stop(c->timer);
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
        conn_gone(c);
    else if (c->local != NULL && conn_all_delivered(c) && c->phase == CONN_DRAINING)
        conn_close_softly(c);
    else if (c->phase == CONN_DRAINING && !list_is_on(&c->draining)) {
        if (c->local != NULL)
            stream_read_on(c->local, false);
        begin_draining(c);
    }
    session_pump(s);
}

/* ---- for owners ---- */

void conn_set_owner(struct conn *c, const struct conn_events *events, void *owner)
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

uint32_t conn_id(const struct conn *c)
{
    return c->connection;
}

bool conn_native(const struct conn *c)
{
    return c->native;
}

int32_t conn_stream_id(const struct conn *c)
{
    return c->stream;
}

bool conn_early(struct conn *c, const void *p, size_t n)
{
    if (n == 0 || c->phase != CONN_LIVE)
        return true;
    struct queue *q = c->native ? &c->flow.kept : &c->early;
    if (q->size == 0)
        stall_begin(c, &c->flow.out);
    if (!queue_append(q, &c->session->out, p, n))
        return false;
    if (c->native)
        conn_count(c, true, n);
    conn_want_to_send(c); /* behind its start: control frames go first */
    session_pump(c->session);
    return true;
}

size_t conn_early_room(const struct conn *c)
{
    size_t there = c->native ? c->flow.kept.size : c->early.size;
    size_t most = account_may(&c->session->out, BUDGET_BLOCK) ? FLOW_INITIAL : CONN_RESERVE;
    return there < most ? most - there : 0;
}

void conn_tap(struct conn *c, const struct conn_tap *tap)
{
    c->tap = *tap;
}

void conn_attach(struct conn *c, struct stream *stream)
{
    stream_set_owner(stream, &conn_local_events, c);
    stream_reset_on_close(stream, true); /* until its end has come */
    c->local = stream;
    c->answered = true;
    stream_read_on(stream, c->phase == CONN_LIVE);
    if (c->native && c->phase == CONN_LIVE && c->session->role == SESSION_DESTINATION) {
        c->opened_owed = true;
        conn_owe(c);
    }
    if (c->phase == CONN_DRAINING && conn_all_delivered(c))
        conn_close_softly(c);
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
    /* In V1 to V3 a reset would be the ordinary end. When we leave, the hub resets the whole stream
     * in our place, which says more. */
    bool tell = c->phase == CONN_LIVE && (c->native || why != ERR_SHUTDOWN);
    c->answered = true; /* the owner knows */
    conn_finish(c, why, tell, CONN_NOW);
}
