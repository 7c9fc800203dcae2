#include "core/tunnel/idle.h"

#include "core/net/socket.h"
#include "core/tunnel/conn_internal.h"

#define LOOKS 32         /* in one idle time */
#define LOOK_LEAST_MS 10 /* from look to look */

static uint64_t limit_ms(const struct conn_host *h)
{
    uint64_t own = h->idle_ms, hub = h->transport.stream_idle_ms;
    return own == 0 || (hub != 0 && hub < own) ? hub : own;
}

/* ---- one connection ---- */

/* What came, what went, what the local side took, and what the far end says that its local side
 * took. */
static uint64_t moved(const struct conn *c)
{
    return c->stats.up + c->stats.down + c->handed + c->window.acked;
}

static size_t backlog(const struct conn *c)
{
    return c->local != NULL ? stream_backlog(c->local) : 0;
}

/* The kernel's buffer takes a lot that is read later. It is asked only while it is known to hold
 * something. */
static bool backlog_moves(struct conn *c)
{
    size_t before = c->idle_backlog;
    if (before == 0)
        return false;
    c->idle_backlog = backlog(c);
    return c->idle_backlog < before;
}

static bool waits_for_link(const struct conn *c)
{
    bool source = c->host->role == SESSION_SOURCE;
    bool has_bytes = (source ? c->waits_up : c->waits_down) != 0;
    return !c->dialect->open || (has_bytes && !host_ready(c->host));
}

static void look(struct conn *c)
{
    if (moved(c) != c->idle.done)
        idle_begin(c);
    else if (backlog_moves(c) || waits_for_link(c))
        c->idle.at = host_now(c->host);
}

static bool is_quiet(struct conn *c, uint64_t ms)
{
    if (c->local == NULL)
        return false; /* it is being opened, which takes its own time */
    look(c);
    return host_now(c->host) - c->idle.at >= ms;
}

static void consider(struct conn_host *h)
{
    uint64_t limit = limit_ms(h), pause = limit / LOOKS;
    if (h->idle_timer_runs || limit == 0 || h->n_live == 0)
        return;
    h->idle_timer_runs = true;
    h->time->timer_start(h->idle_timer, pause > LOOK_LEAST_MS ? pause : LOOK_LEAST_MS);
}

void idle_begin(struct conn *c)
{
    c->idle = (struct progress){.done = moved(c), .at = host_now(c->host)};
    c->idle_backlog = backlog(c);
    consider(c->host);
}

bool idle_explains_reset(struct conn *c)
{
    uint64_t limit = limit_ms(c->host);
    return limit != 0 && is_quiet(c, limit - limit / 8);
}

/* ---- all of them ---- */

static void take_idle(struct conn_host *h, uint64_t limit, struct list *ending)
{
    for (size_t i = 0; i < h->services.n; i++)
        list_each(node, &h->services.all[i].conns)
        {
            if (is_quiet(list_entry(node, struct conn, all), limit))
                list_append(ending, node);
        }
}

static void on_look(void *owner)
{
    struct conn_host *h = owner;
    struct list ending;
    uint64_t limit = limit_ms(h);
    h->idle_timer_runs = false;
    list_init(&ending);
    if (limit != 0)
        take_idle(h, limit, &ending);
    while (!list_empty(&ending))
        conn_finish(list_entry(ending.next, struct conn, all), ERR_IDLE, true, CONN_NOW);
    consider(h);
}

void idle_changed(struct conn_host *h)
{
    h->idle_timer_runs = false;
    consider(h);
}

/* ---- life ---- */

bool idle_init(struct conn_host *h)
{
    h->idle_timer = h->time->timer_new(h->loop, on_look, h);
    return h->idle_timer != NULL;
}

void idle_free(struct conn_host *h)
{
    h->time->timer_free(h->idle_timer);
}
