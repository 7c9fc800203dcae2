/* Windows of native connections, and what is kept until the far end has handed it on
 * (share/doc/native.md, "Flow control"). */
#include "core/tunnel/internal.h"

#define ECHO_MS 2000 /* between two measures of the round trip, at least */
#define HUSH_MS 100  /* a small amount handed on is acknowledged after so long */

/* ---- what goes out ---- */

static uint64_t end_of(const struct flow *f)
{
    return f->acked + f->kept.size;
}

bool flow_all_sent(const struct conn *c)
{
    return c->flow.sent == end_of(&c->flow);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

size_t flow_again(struct conn *c, uint8_t *p, size_t n)
{
    struct flow *f = &c->flow;
    n = (size_t)least(n, least(end_of(f), f->limit) - f->sent);
    if (n == 0) {
        list_remove(&c->ring);
        return 0;
    }
    queue_copy(&f->kept, (size_t)(f->sent - f->acked), p, n);
    f->sent += n;
    list_append(&c->session->bulk, &c->ring);
    if (flow_all_sent(c) && c->local_ended)
        native_sent(c);
    return n;
}

size_t flow_room(struct conn *c, size_t n)
{
    struct session *s = c->session;
    struct flow *f = &c->flow;
    size_t room = (size_t)least(n, f->limit - f->sent);
    if (room > 0 && !account_may(&s->out, BUDGET_BLOCK)) {
        size_t reserve = f->kept.size < CONN_RESERVE ? CONN_RESERVE - f->kept.size : 0;
        room = (size_t)least(room, reserve);
        if (room == 0) {
            stall_starved(s);
            list_append(&s->starved, &f->starved);
        }
    }
    if (room == 0) {
        stream_read_on(c->local, false);
        stall_unread(c);
    }
    return room;
}

bool flow_keep(struct conn *c, const uint8_t *p, size_t n)
{
    struct session *s = c->session;
    struct flow *f = &c->flow;
    if (f->kept.size == 0)
        stall_begin(c, &f->out);
    if (!queue_append(&f->kept, &s->out, p, n))
        return false;
    f->sent += n;
    stall_consider(s);
    return true;
}

void flow_feed_starved(struct session *s)
{
    if (list_empty(&s->starved))
        return;
    while (!list_empty(&s->starved) && account_may(&s->out, BUDGET_BLOCK)) {
        struct conn *c = list_entry(s->starved.next, struct conn, flow.starved);
        list_remove(&c->flow.starved);
        conn_want_to_send(c);
    }
    session_pump_later(s);
}

const char *flow_credited(struct conn *c, const struct frame *m)
{
    struct session *s = c->session;
    struct flow *f = &c->flow;
    if (m->received < f->acked)
        return "a credit that goes back";
    if (m->received > f->sent || (m->fin && (!f->fin_sent || m->received != f->sent)))
        return "a credit for what was not sent";
    if (m->window > FLOW_MOST || m->received + m->window < f->limit)
        return "a window that is wrong";
    size_t n = (size_t)(m->received - f->acked);
    queue_take(&f->kept, &s->out, n);
    f->acked = m->received;
    f->limit = m->received + m->window;
    f->fin_acked = m->fin;
    flow_feed_starved(s);
    return NULL;
}

void flow_go_on(struct conn *c)
{
    if (c->local != NULL && !c->local_ended)
        stream_read_on(c->local, true);
    conn_want_to_send(c);
    native_sent(c);
    session_pump_later(c->session);
}

/* ---- what comes in ---- */

/* What a tap put in between is held, too, so this may seem to go back for a while. */
static uint64_t consumed(const struct conn *c)
{
    const struct flow *f = &c->flow;
    uint64_t handed_on = f->received > c->held.size ? f->received - c->held.size : 0;
    return handed_on > f->told ? handed_on : f->told;
}

void flow_measured(struct session *s, uint64_t round_trip_us)
{
    s->round_trip_us = round_trip_us > 0 ? round_trip_us : 1;
    s->trips_us[s->n_trips++ % FLOW_TRIPS] = s->round_trip_us;
}

/* Of the path alone: the shortest of the last ones, since most wait behind bulk data. */
static uint64_t own_trip_us(const struct session *s)
{
    uint64_t shortest = UINT64_MAX;
    for (size_t i = 0; i < FLOW_TRIPS; i++)
        if (s->trips_us[i] != 0 && s->trips_us[i] < shortest)
            shortest = s->trips_us[i];
    return shortest != UINT64_MAX ? shortest : 0;
}

/* The window that a lap shows to be right, when all of it was used. If that took hardly longer than
 * the path's own round trip, the window was what held the sender up. Else it was the path, or the
 * reader: then it is a third more than what passes in a round trip, and no more is in flight that
 * a keystroke would wait behind. */
static uint32_t fitting(const struct session *s, const struct flow *f, uint64_t elapsed_ms)
{
    uint64_t trip_ms = own_trip_us(s) / 1000 + 1, right = 2 * (uint64_t)f->window;
    if (4 * elapsed_ms > 5 * trip_ms)
        right = (f->received - f->lap) * trip_ms * 4 / (3 * elapsed_ms);
    right = right < FLOW_INITIAL ? FLOW_INITIAL : right;
    return (uint32_t)least(right, FLOW_MOST);
}

/* Large windows pay when the budget is used up. */
static void tune(struct conn *c)
{
    struct session *s = c->session;
    struct flow *f = &c->flow;
    uint64_t now = time_now(&s->time);
    uint32_t before = f->window;
    size_t most = account_limit(&s->in);
    if (s->windows > most && f->window > FLOW_INITIAL) {
        f->window /= 2;
    } else if (f->received - f->lap >= f->window) {
        uint32_t right = fitting(s, f, now - f->lap_at);
        if (right < before || s->windows + (right - before) <= most)
            f->window = right;
        f->lap = f->received;
        f->lap_at = now;
    }
    s->windows += f->window;
    s->windows -= before;
}

static void owe_credit(struct conn *c)
{
    struct flow *f = &c->flow;
    tune(c);
    list_remove(&f->hushed);
    f->told = consumed(c);
    if (f->told + f->window > f->granted) /* what was granted stays granted */
        f->granted = f->told + f->window;
    c->credit_owed = true;
    conn_owe(c);
    if (time_now(&c->session->time) - c->session->echoed_ms >= ECHO_MS)
        c->session->echo_owed = true;
}

/* So much is handed on before it is acknowledged. A sender on a long path needs steps that are
 * small against its window, or it would stand still between them. */
static uint64_t step(const struct flow *f)
{
    return f->window / 8 > FLOW_INITIAL / 2 ? f->window / 8 : FLOW_INITIAL / 2;
}

void flow_credit(struct conn *c, bool now)
{
    struct session *s = c->session;
    struct flow *f = &c->flow;
    uint64_t fresh = consumed(c) - f->told;
    if (now || fresh >= step(f)) {
        owe_credit(c);
    } else if (fresh > 0 && !list_is_on(&f->hushed)) {
        if (list_empty(&s->hushed))
            s->time.timer_start(s->hush, HUSH_MS);
        list_append(&s->hushed, &f->hushed);
    }
}

void flow_timer(void *owner)
{
    struct session *s = owner;
    while (!list_empty(&s->hushed))
        owe_credit(list_entry(s->hushed.next, struct conn, flow.hushed));
}

/* ---- for who watches ---- */

static enum conn_bound outgoing_bound(const struct conn *c)
{
    const struct flow *f = &c->flow;
    bool paused = (c->session->role == SESSION_SOURCE ? c->waits_up : c->waits_down) != 0;
    if (!paused && flow_all_sent(c))
        return CONN_BOUND_NOTHING;
    if (list_is_on(&f->starved))
        return CONN_BOUND_BUDGET;
    return f->sent >= f->limit ? CONN_BOUND_WINDOW : CONN_BOUND_PATH;
}

void flow_look(const struct conn *c, struct conn_info *out)
{
    const struct flow *f = &c->flow;
    bool source = c->session->role == SESSION_SOURCE;
    uint64_t in = f->granted - f->told, sent = f->limit - f->acked;
    enum conn_bound in_bound = c->held.size > 0 ? CONN_BOUND_READER : CONN_BOUND_NOTHING;
    enum conn_bound out_bound = outgoing_bound(c);
    out->window_up = source ? sent : in;
    out->window_down = source ? in : sent;
    out->bound_up = source ? out_bound : in_bound;
    out->bound_down = source ? in_bound : out_bound;
}
