/* The life of one connection: its beginning, its ends in every state, and what it owes. */
#include "core/net/socket.h"
#include "core/tunnel/conn_internal.h"
#include "core/tunnel/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AT_BACKLOG_MS 20 /* whether the kernel has sent all */
#define LAST_WORDS_MS 2000    /* for the local side to close after our FIN */

/* ---- life ---- */

struct conn *conn_create(struct dialect *d, struct service *service, uint32_t connection)
{
    struct conn_host *h = d->host;
    struct conn *c = calloc(1, d->ops->conn_size);
    if (c == NULL)
        return NULL;
    c->host = h;
    c->dialect = d;
    c->service = service;
    c->stream = service->stream;
    c->nameless = service->nameless;
    c->connection = connection;
    _Static_assert(sizeof c->key == sizeof c->key.service + sizeof c->key.connection, "padding");
    c->key = (struct conn_key){service, connection};
    snprintf(c->id, sizeof c->id, "%s", service->id);
    c->stats.started_ms = host_now(h);
    c->phase = CONN_DRAINING;
    list_init(&c->all);
    list_init(&c->draining);
    list_init(&c->budget_waiter);
    list_init(&c->unread);
    turn_init(&c->turn, &d->open);
    list_append(&h->leaving, &c->all);
    h->n_leaving++;
    return c;
}

bool conn_register(struct conn *c)
{
    struct conn_host *h = c->host;
    if (!map_put(&h->by_id, &c->key, sizeof c->key, c))
        return false;
    c->phase = CONN_LIVE;
    list_append(&c->service->conns, &c->all);
    c->service->live++;
    h->n_live++;
    h->n_leaving--;
    return true;
}

struct conn *conn_find(const struct conn_host *h, const struct service *service,
                       uint32_t connection)
{
    struct conn_key key = {service, connection};
    return map_get(&h->by_id, &key, sizeof key);
}

static void drained(struct conn *c)
{
    if (list_is_on(&c->draining))
        c->host->n_draining--;
    list_remove(&c->draining);
}

void conn_destroy(struct conn *c)
{
    struct conn_host *h = c->host;
    c->dialect->ops->retire(c);
    list_remove(&c->all);
    turn_end(&c->turn);
    drained(c);
    h->n_leaving--;
    h->time->timer_free(c->timer);
    queue_free(&c->kept, &h->out);
    queue_free(&c->held, &h->in);
    free((void *)(uintptr_t)c->opening.p);
    free(c);
}

static bool owes(const struct conn *c)
{
    return c->start_type != 0 || c->owed != 0;
}

void conn_free_if_done(struct conn *c)
{
    if (c->phase == CONN_GONE && !owes(c))
        conn_destroy(c);
}

void conn_tell_room(struct conn *c)
{
    struct conn_host *h = c->host;
    if (h->room != NULL && c->service != NULL && c->service->live + 1 >= h->max_connections)
        h->room(h->room_owner);
}

static void unregister(struct conn *c)
{
    struct conn_host *h = c->host;
    map_remove(&h->by_id, &c->key, sizeof c->key);
    if (h->stall.stuck == c)
        h->stall.stuck = NULL;
    list_append(&h->leaving, &c->all);
    list_remove(&c->turn.ring);
    list_remove(&c->budget_waiter);
    list_remove(&c->unread);
    c->dialect->ops->retire(c);
    c->service->live--;
    conn_tell_room(c);
    c->service = NULL;
    h->n_live--;
    h->n_leaving++;
}

bool conn_all_delivered(const struct conn *c)
{
    return c->held.size == 0;
}

/* Whether the far side's end has come and all before it is delivered: only then may the local side
 * hear of an end. */
static bool ended_well(const struct conn *c)
{
    return conn_all_delivered(c) && c->stats.why != ERR_OPERATOR && c->dialect->ops->ended_well(c);
}

void conn_gone(struct conn *c)
{
    struct conn_host *h = c->host;
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
    h->time->timer_free(c->timer);
    c->timer = NULL;
    queue_free(&c->kept, &h->out);
    queue_free(&c->held, &h->in);
    c->writing = 0;
    c->phase = CONN_GONE;
    drained(c);
    c->dialect->ops->retire(c);
    if (events != NULL && !c->answered && events->answer != NULL) {
        c->answered = true;
        events->answer(owner, c, stats.why);
    }
    if (events != NULL)
        events->ended(owner, c, &stats);
    conn_free_if_done(c);
    host_unstall(h);
}

static void break_off(struct conn *c);
static void look_at_drain(struct conn *c);

static void on_timer(void *owner)
{
    struct conn *c = owner;
    if (c->phase == CONN_LIVE)
        c->dialect->ops->local_ended(c);
    else if (c->phase == CONN_DRAINING)
        look_at_drain(c);
    else if (!ended_well(c))
        break_off(c);
    else
        conn_gone(c);
}

void conn_start_timer(struct conn *c, uint64_t ms)
{
    const struct conn_host *h = c->host;
    if (c->timer == NULL)
        c->timer = h->time->timer_new(h->loop, on_timer, c);
    if (c->timer != NULL)
        h->time->timer_start(c->timer, ms);
}

/* The local side of a connection that did not come to its end gets what there is, and then no end
 * but a reset: it must not take a part for the whole. */
static void break_off(struct conn *c)
{
    uint64_t waited = host_now(c->host) - c->heard_at;
    if (stream_backlog(c->local) > 0 && waited < LAST_WORDS_MS) {
        conn_start_timer(c, LOOK_AT_BACKLOG_MS);
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
        c->heard_at = host_now(c->host);
        conn_listen(c, false);
        break_off(c);
        return;
    }
    if (!c->window.shut)
        stream_shutdown(c->local);
    if (c->local_ended) {
        conn_gone(c);
        return;
    }
    conn_start_timer(c, LAST_WORDS_MS);
    if (c->timer == NULL)
        conn_gone(c);
    else
        conn_listen(c, true);
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
    if (progress_drains(c))
        conn_start_timer(c, c->host->stall_ms / 4 + 1);
    else
        give_up(c);
}

/* As many of them as there may be live ones; the oldest goes first. */
static void begin_draining(struct conn *c)
{
    struct conn_host *h = c->host;
    if (h->n_draining >= h->max_connections)
        give_up(list_entry(h->draining.next, struct conn, draining));
    list_append(&h->draining, &c->draining);
    h->n_draining++;
    conn_start_timer(c, h->stall_ms / 4 + 1);
    if (c->timer == NULL)
        give_up(c);
}

/* An answer to its opening is the last word of a native one that was refused. */
static void owe_end(struct conn *c)
{
    conn_owe(c, c->refusal != ERR_OK ? CONN_OWES_OPENED : CONN_OWES_RESET);
}

static void end_life(struct conn *c, enum err why, bool tell)
{
    c->dialect->ops->ending(c, why, tell);
    unregister(c);
    c->phase = CONN_DRAINING;
    c->stats.why = why;
    if (!owes(c))
        list_remove(&c->turn.control);
    if (c->timer != NULL)
        c->host->time->timer_stop(c->timer);
}

void conn_finish(struct conn *c, enum err why, bool tell, enum conn_how how)
{
    struct conn_host *h = c->host;
    if (c->phase == CONN_LIVE)
        end_life(c, why, tell);
    if (c->start_type != 0) { /* the far end has never heard of it, and is owed nothing */
        c->start_type = 0;
        c->owed = 0;
        list_remove(&c->turn.control);
    } else if (tell && !(c->owed & CONN_OWES_RESET) && h->attached) {
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
            conn_listen(c, false);
        begin_draining(c);
    }
    h->pump(h);
}

/* ---- what it says to the far end ---- */

void conn_owe(struct conn *c, unsigned owed)
{
    c->owed |= owed;
    scheduler_owe(&c->host->scheduler, &c->turn); /* starts stay in their order */
    host_pump_later(c->host);
}

void conn_listen(struct conn *c, bool on)
{
    c->listens = on;
    stream_read_on(c->local, on);
}

void conn_want_to_send(struct conn *c)
{
    scheduler_want(&c->host->scheduler, &c->turn);
}

void conn_feed_waiters(struct conn_host *h)
{
    struct list *waiters = &h->stall.budget_waiters;
    if (list_empty(waiters))
        return;
    while (!list_empty(waiters) && account_may(&h->out, BUDGET_BLOCK)) {
        struct conn *c = list_entry(waiters->next, struct conn, budget_waiter);
        list_remove(&c->budget_waiter);
        conn_want_to_send(c);
    }
    host_pump_later(h);
}

void conn_send(struct conn *c, int type, const uint8_t *payload, size_t n)
{
    struct frame f = {.type = type, .stream = c->stream, .connection = c->connection};
    c->dialect->ops->fill(c, &f);
    host_send(c->host, &f, payload, n);
}

/* A start goes before all, a reset behind all. */
static int next_owed(struct conn *c)
{
    int start = c->start_type;
    c->start_type = 0;
    if (start != 0)
        return start;
    static const int types[] = {FRAME_CONNECTION_OPENED, FRAME_CREDIT, FRAME_CONNECTION_FIN};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (c->owed & 1u << i) {
            c->owed &= ~(1u << i);
            return types[i];
        }
    c->owed = 0;
    return c->connection != 0 ? FRAME_CONNECTION_RESET : FRAME_STREAM_RESET;
}

void conn_send_owed(struct conn *c)
{
    int type = next_owed(c);
    if (!owes(c))
        list_remove(&c->turn.control);
    size_t n = type == FRAME_CONNECTION_START ? c->opening.n : 0;
    conn_send(c, type, (const uint8_t *)c->opening.p, n);
    conn_free_if_done(c);
}

/* ---- what is counted ---- */

static bool goes_up(const struct conn *c, bool from_local)
{
    return from_local == (c->host->role == SESSION_SOURCE);
}

void conn_count(struct conn *c, bool from_local, size_t n)
{
    bool up = goes_up(c, from_local);
    if (!up && c->stats.down == 0)
        c->stats.answered_ms = host_now(c->host);
    *(up ? &c->stats.up : &c->stats.down) += n;
}

void conn_count_frame(struct conn *c, bool from_local)
{
    *(goes_up(c, from_local) ? &c->stats.frames_up : &c->stats.frames_down) += 1;
}

void conn_pause_begins(struct conn *c, bool from_local)
{
    bool up = goes_up(c, from_local);
    uint64_t *since = up ? &c->waits_up : &c->waits_down;
    if (*since != 0)
        return;
    *since = host_now(c->host);
    (up ? &c->stats.paused_up : &c->stats.paused_down)->times++;
}

void conn_pause_ends(struct conn *c, bool from_local)
{
    bool up = goes_up(c, from_local);
    uint64_t *since = up ? &c->waits_up : &c->waits_down;
    if (*since == 0)
        return;
    (up ? &c->stats.paused_up : &c->stats.paused_down)->ms += host_now(c->host) - *since;
    *since = 0;
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

void conn_opening(const struct conn *c, struct opening *out)
{
    opening_decode(c->opening, out);
}

uint32_t conn_id(const struct conn *c)
{
    return c->connection;
}

bool conn_native(const struct conn *c)
{
    return c->dialect->ops->answers;
}

int32_t conn_stream_id(const struct conn *c)
{
    return c->stream;
}

void conn_tap(struct conn *c, const struct conn_tap *tap)
{
    c->tap = *tap;
}

void conn_refuse(struct conn *c, enum err why)
{
    if (c->dialect->ops->answers)
        c->refusal = why;
    conn_finish(c, why, true, CONN_NOW);
}

bool conn_lingers(const struct conn *c)
{
    return c->phase == CONN_LIVE && c->local_ended && c->dialect->ops->lingers;
}

bool conn_make_room(struct conn *c)
{
    bool may = conn_lingers(c) && conn_all_delivered(c) && stream_backlog(c->local) == 0;
    if (may)
        conn_finish(c, ERR_STREAM_REPLACED, true, CONN_FLUSH);
    return may;
}

void conn_abort(struct conn *c, enum err why)
{
    /* In V1 to V3 a reset would be the ordinary end. When we leave, the hub resets the whole stream
     * in our place, which says more. */
    bool tell = c->phase == CONN_LIVE && !(why == ERR_SHUTDOWN && c->dialect->ops->leave_resets);
    c->answered = true; /* the owner knows */
    conn_finish(c, why, tell, CONN_NOW);
}
