#include "core/tunnel/progress.h"

#include "core/base/log.h"
#include "core/net/socket.h"

#include <stdio.h>

#define WATCH_MS 500 /* at most, from look to look */
#define SOON_MS 20   /* at least, when somebody begins to wait */
#define LOOK_MS 1000 /* whether those who are not read are still there */
#define LOG_MS 60000 /* between two lines in the log that say the same */

/* ---- who moves ---- */

void progress_begin(const struct conn *c, struct progress *p)
{
    *p = (struct progress){.at = host_now(c->host)};
}

/* A trickle is no progress: a sixty-fourth of what waits is. */
static void look(struct progress *p, uint64_t done, size_t waits, uint64_t now)
{
    if (waits > 0 && done < p->done + waits / 64 + 1)
        return;
    p->done = done;
    p->at = now;
}

/* The kernel's buffer takes a lot that nobody reads. */
static uint64_t read_by_local_side(const struct conn *c)
{
    size_t backlog = c->local != NULL ? stream_backlog(c->local) : 0;
    uint64_t given = c->handed + c->writing;
    return given > backlog ? given - backlog : 0;
}

void progress_look(struct conn *c)
{
    uint64_t now = host_now(c->host);
    if (!c->dialect->open)
        c->out.at = now; /* nobody can acknowledge it at present */
    if (c->held.size > 0)
        look(&c->in, read_by_local_side(c), c->held.size, now);
    if (c->kept.size > 0)
        look(&c->out, c->window.acked, c->kept.size, now);
}

bool progress_stopped(const struct conn *c, const struct progress *p, uint64_t ms)
{
    return host_now(c->host) - p->at >= ms;
}

bool progress_drains(struct conn *c)
{
    progress_look(c);
    return !progress_stopped(c, &c->in, c->host->stall_ms);
}

/* ---- when that is looked at ---- */

static bool half_full(const struct account *a)
{
    return a->used > account_limit(a) / 2;
}

static void watch_in(struct conn_host *h, uint64_t ms)
{
    h->time->timer_start(h->stall.timer, ms);
    h->stall.timer_runs = true;
}

/* Begins early: who has stopped long ago is known then when somebody has to go. */
void progress_consider(struct conn_host *h)
{
    const struct stall *s = &h->stall;
    uint64_t ms = h->stall_ms / 16 + 1;
    if (!s->timer_runs &&
        (s->stalled || !list_empty(&s->budget_waiters) || half_full(&h->in) || half_full(&h->out)))
        watch_in(h, ms < WATCH_MS ? ms : WATCH_MS);
}

/* Somebody waits; but a session with thousands of connections is not looked through for each
 * message that waits. */
static void watch_soon(struct conn_host *h)
{
    watch_in(h, host_now(h) - h->stall.looked_ms < SOON_MS ? SOON_MS : 0);
}

static void tell(struct conn_host *h, const char *what, const struct account *a)
{
    struct stall *s = &h->stall;
    char text[200];
    uint64_t now = host_now(h);
    s->times++;
    if (s->logged_ms != 0 && now - s->logged_ms < LOG_MS)
        return;
    s->logged_ms = now;
    snprintf(text, sizeof text,
             "the memory budget is used up: %zu bytes %s; who has stopped reading will be dropped",
             a->used, what);
    log_warning("%s%s", h->title, text);
    if (h->events->pressed != NULL)
        h->events->pressed(h->owner, text);
}

void progress_blocked(struct conn *c, size_t n)
{
    struct conn_host *h = c->host;
    struct stall *s = &h->stall;
    bool full = !account_may(&h->in, n);
    if (full && !s->full)
        tell(h, "are held for local sides", &h->in);
    s->full = s->full || full;
    if (s->stuck != c && !c->dialect->ops->windows)
        progress_begin(c, &c->in);
    s->stuck = c->dialect->ops->windows ? NULL : c;
    watch_soon(h); /* not now: the transport is being read */
}

void progress_wait(struct conn *c)
{
    struct conn_host *h = c->host;
    if (list_empty(&h->stall.budget_waiters)) {
        tell(h, "are kept for the other end", &h->out);
        watch_soon(h);
    }
    list_append(&h->stall.budget_waiters, &c->budget_waiter);
}

void progress_look_later(struct conn_host *h)
{
    h->stall.presence_timer_runs = true;
    h->time->timer_start(h->stall.presence_timer, LOOK_MS);
}

void progress_unread(struct conn *c)
{
    struct conn_host *h = c->host;
    if (h->role != SESSION_SOURCE)
        return; /* what a service has said is delivered, whether it is still there or not */
    if (!list_is_on(&c->unread))
        list_append(&h->stall.unread, &c->unread);
    if (!h->stall.presence_timer_runs)
        progress_look_later(h);
}
