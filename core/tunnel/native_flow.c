#include "core/tunnel/native_flow.h"

#include "core/tunnel/conn_io.h"
#include "core/tunnel/progress.h"

#define ECHO_MS 2000        /* between two measures of the round trip, at least */
#define CREDIT_DELAY_MS 100 /* a small amount handed on is acknowledged after so long */

void flow_open(struct conn *c)
{
    window_init(&c->window, host_now(c->host));
    native_of(c)->windows += c->window.size;
}

void flow_retire(struct conn *c)
{
    native_of(c)->windows -= c->window.size;
    c->window.size = 0;
    c->window.end = c->window.acked;
    queue_free(&c->kept, &c->host->out);
    conn_feed_waiters(c->host);
}

/* ---- what goes out ---- */

/* Kept bytes that have to be sent. */
static size_t read_kept(struct conn *c, uint8_t *p, size_t n)
{
    struct window *w = &c->window;
    n = window_may_resend(w, n);
    if (n == 0) {
        list_remove(&c->turn.ring);
        return 0;
    }
    queue_copy(&c->kept, (size_t)(w->sent - w->acked), p, n);
    w->sent += n;
    scheduler_more(&c->host->scheduler, &c->turn);
    flow_sent(c);
    return n;
}

/* How much of n may be read now; 0: it waits for that. */
static size_t may_read(struct conn *c, size_t n)
{
    size_t room = window_may_send(&c->window, n);
    if (room > 0 && !account_may(&c->host->out, BUDGET_BLOCK)) {
        size_t reserve = c->kept.size < CONN_RESERVE ? CONN_RESERVE - c->kept.size : 0;
        room = room < reserve ? room : reserve;
        if (room == 0)
            progress_wait(c);
    }
    if (room == 0) {
        stream_read_on(c->local, false);
        progress_unread(c);
        list_remove(&c->turn.ring);
        conn_pause_begins(c, true);
    }
    return room;
}

size_t flow_read(struct conn *c, uint8_t *p, size_t n)
{
    if (!window_all_sent(&c->window))
        return read_kept(c, p, n);
    if (c->local == NULL || c->local_ended) {
        list_remove(&c->turn.ring);
        return 0;
    }
    n = may_read(c, n);
    long got = n > 0 ? conn_pull(c, p, n) : -1;
    if (got < 0)
        return 0;
    if (!conn_keep(c, p, (size_t)got)) { /* it may have to be sent again */
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
        return 0;
    }
    c->window.sent += (size_t)got;
    progress_consider(c->host);
    return (size_t)got;
}

void flow_sent(struct conn *c)
{
    struct window *w = &c->window;
    if (!c->local_ended || w->fin_sent || !window_all_sent(w))
        return;
    w->fin_sent = w->fin_ever = true;
    conn_owe(c, CONN_OWES_FIN);
}

const char *flow_credited(struct conn *c, const struct frame *f)
{
    size_t freed;
    const char *wrong = window_credited(&c->window, f->received, f->window, f->fin, &freed);
    if (wrong != NULL)
        return wrong;
    queue_take(&c->kept, &c->host->out, freed);
    conn_feed_waiters(c->host);
    return NULL;
}

void flow_go_on(struct conn *c)
{
    if (c->local != NULL && !c->local_ended)
        stream_read_on(c->local, true);
    conn_want_to_send(c);
    flow_sent(c);
    host_pump_later(c->host);
}

/* ---- what comes in ---- */

static void owe_credit(struct conn *c)
{
    struct native *n = native_of(c);
    uint64_t now = host_now(c->host);
    window_tune(&c->window, &n->path, now, &n->windows, account_limit(&c->host->in));
    window_grant(&c->window, c->held.size);
    list_remove(&native_conn_of(c)->credit_delayed);
    conn_owe(c, CONN_OWES_CREDIT);
    n->echo_due = n->echo_due || now - n->echoed_ms >= ECHO_MS;
}

void flow_credit(struct conn *c, bool now)
{
    struct native *n = native_of(c);
    struct list *delayed = &native_conn_of(c)->credit_delayed;
    enum credit due = now ? CREDIT_NOW : window_credit_due(&c->window, c->held.size);
    if (due == CREDIT_NOW) {
        owe_credit(c);
    } else if (due == CREDIT_DELAYED && !list_is_on(delayed)) {
        if (list_empty(&n->credit_delayed))
            c->host->time->timer_start(n->credit_timer, CREDIT_DELAY_MS);
        list_append(&n->credit_delayed, delayed);
    }
}

void flow_credit_timer(void *native)
{
    struct native *n = native;
    while (!list_empty(&n->credit_delayed))
        owe_credit(&list_entry(n->credit_delayed.next, struct native_conn, credit_delayed)->conn);
}

/* ---- for who watches ---- */

static enum conn_bound outgoing_bound(const struct conn *c)
{
    const struct window *w = &c->window;
    bool paused = (c->host->role == SESSION_SOURCE ? c->waits_up : c->waits_down) != 0;
    if (!paused && window_all_sent(w))
        return CONN_BOUND_NOTHING;
    if (list_is_on(&c->budget_waiter))
        return CONN_BOUND_BUDGET;
    return w->sent >= w->limit ? CONN_BOUND_WINDOW : CONN_BOUND_PATH;
}

void flow_look(const struct conn *c, struct conn_info *out)
{
    const struct window *w = &c->window;
    bool source = c->host->role == SESSION_SOURCE;
    uint64_t in = w->granted - w->acked_out, sent = w->limit - w->acked;
    enum conn_bound in_bound = c->held.size > 0 ? CONN_BOUND_READER : CONN_BOUND_NOTHING;
    enum conn_bound out_bound = outgoing_bound(c);
    out->queue_limit = w->size;
    out->window_up = source ? sent : in;
    out->window_down = source ? in : sent;
    out->bound_up = source ? out_bound : in_bound;
    out->bound_down = source ? in_bound : out_bound;
}
