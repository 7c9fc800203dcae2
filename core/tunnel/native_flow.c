#include "core/tunnel/native_flow.h"

#include "core/tunnel/conn_io.h"
#include "core/tunnel/progress.h"

#define ECHO_MS 2000        /* between two measures of the round trip, at least */
#define LARGE_READ 4096     /* bytes */
#define CREDIT_DELAY_MS 100 /* a small amount handed on is acknowledged after so long */

_Static_assert(QUEUE_PART == SESSION_QUANTUM, "a frame is what lies together in the queue");

void flow_open(struct conn *c)
{
    window_init(&c->window, host_now(c->host));
    native_of(c)->windows += c->window.size;
}

static void undelay(struct conn *c)
{
    struct list *delayed = &native_conn_of(c)->credit_delayed;
    native_of(c)->n_delayed -= list_is_on(delayed);
    list_remove(delayed);
}

void flow_retire(struct conn *c)
{
    native_of(c)->windows -= c->window.size;
    undelay(c);
    c->window.size = 0;
    c->window.end = c->window.acked;
    queue_free(&c->kept, &c->host->out);
    conn_feed_waiters(c->host);
}

/* ---- what goes out ---- */

/* The next of the kept bytes that have to be sent: those that lie together. */
static size_t next_kept(struct conn *c, const uint8_t **p)
{
    struct window *w = &c->window;
    size_t n = window_may_resend(w, c->dialect->quantum);
    if (n == 0) {
        list_remove(&c->turn.ring);
        return 0;
    }
    size_t together = queue_at(&c->kept, (size_t)(w->sent - w->acked), p);
    n = together < n ? together : n;
    w->sent += n;
    conn_count_frame(c, true);
    if (!window_all_sent(w))
        scheduler_keep(&c->host->scheduler, &c->turn);
    else if (!c->drained)
        scheduler_more(&c->host->scheduler, &c->turn);
    else
        list_remove(&c->turn.ring);
    flow_sent(c);
    return n;
}

/* How much of n may be read now; 0: it waits for that. */
static size_t may_read(struct conn *c, size_t n)
{
    size_t room = window_may_send(&c->window, n);
    if (room > c->dialect->quantum && !account_may(&c->host->out, CONN_PARTS * BUDGET_BLOCK))
        room = c->dialect->quantum;
    if (room > 0 && !account_may(&c->host->out, BUDGET_BLOCK)) {
        size_t reserve = c->kept.size < CONN_RESERVE ? CONN_RESERVE - c->kept.size : 0;
        room = room < reserve ? room : reserve;
        if (room == 0)
            progress_wait(c);
    }
    if (room == 0) {
        conn_listen(c, false);
        progress_unread(c);
        list_remove(&c->turn.ring);
        conn_pause_begins(c, true);
    }
    return room;
}

/* Who sends a lot is read straight to where its bytes are kept; a few bytes, which need a small
 * block only, are copied there. */
static bool fill_kept(struct conn *c)
{
    bool bulk = c->turn.last_read >= LARGE_READ;
    bool only = scheduler_alone(&c->host->scheduler, &c->turn);
    size_t parts = !bulk ? 1 : only ? CONN_PARTS : TURN_MOST;
    size_t n = may_read(c, parts * QUEUE_PART);
    if (n == 0)
        return false;
    if (bulk && n >= LARGE_READ)
        return conn_pull_kept(c, n) > 0;
    uint8_t *p = host_payload(c->host);
    long got = conn_pull(c, p, n);
    if (got > 0 && !conn_keep(c, p, (size_t)got)) { /* it may have to be sent again */
        conn_finish(c, ERR_NO_MEMORY, true, CONN_NOW);
        return false;
    }
    return got > 0;
}

size_t flow_read(struct conn *c, const uint8_t **p)
{
    if (!window_all_sent(&c->window))
        return next_kept(c, p);
    if (c->local == NULL || c->local_ended) {
        list_remove(&c->turn.ring);
        return 0;
    }
    if (!fill_kept(c))
        return 0;
    progress_consider(c->host);
    return next_kept(c, p);
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
    if (!c->listens || !window_all_sent(&c->window))
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
    undelay(c);
    conn_owe(c, CONN_OWES_CREDIT);
    n->echo_due = n->echo_due || now - n->echoed_ms >= ECHO_MS;
}

void flow_credit(struct conn *c, bool now)
{
    struct native *n = native_of(c);
    struct list *delayed = &native_conn_of(c)->credit_delayed;
    enum credit due = now ? CREDIT_NOW : window_credit_due(&c->window, c->held.size, n->n_delayed);
    if (due == CREDIT_NOW) {
        owe_credit(c);
    } else if (due == CREDIT_DELAYED && !list_is_on(delayed)) {
        if (list_empty(&n->credit_delayed))
            c->host->time->timer_start(n->credit_timer, CREDIT_DELAY_MS);
        list_append(&n->credit_delayed, delayed);
        n->n_delayed++;
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
