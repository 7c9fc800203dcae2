#include "core/tunnel/stall.h"

#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/progress.h"

#define LOOKS_A_TURN 512 /* some system calls each */
#define ENOUGH 65536     /* room for any message */

static void each(struct conn_host *h, void (*visit)(struct conn *c, void *ctx), void *ctx)
{
    for (size_t i = 0; i < h->services.n; i++)
        list_each(node, &h->services.all[i].conns) visit(list_entry(node, struct conn, all), ctx);
    list_each(node, &h->draining) visit(list_entry(node, struct conn, draining), ctx);
}

static void look_at(struct conn *c, void *ctx)
{
    (void)ctx;
    progress_look(c);
}

/* ---- who goes ---- */

struct choice {
    bool in; /* for room in `in`, or else in `out` */
    struct conn *worst;
    size_t memory;
};

/* Of the stall time, so that whoever waits for room gets his answer within it: a request may wait
 * at one end, and its answer at the other one. Where nobody is at one of the two ends, half of that
 * is enough. */
static uint64_t stall_limit(const struct conn *c)
{
    uint64_t third = c->host->stall_ms / 3;
    return c->phase != CONN_LIVE || c->deserted ? third / 2 : third;
}

static void choose(struct conn *c, void *ctx)
{
    struct choice *choice = ctx;
    size_t memory = choice->in ? c->held.memory : c->kept.memory;
    if (memory <= choice->memory ||
        !progress_stopped(c, choice->in ? &c->in : &c->out, stall_limit(c)))
        return;
    choice->worst = c;
    choice->memory = memory;
}

static void drop(struct conn *c, const char *why)
{
    struct conn_host *h = c->host;
    char id[4 * sizeof c->id];
    log_warning("%sa connection to service \"%s\" is dropped: %s", h->title,
                str_escape(span_of(c->id), id, sizeof id), why);
    h->stall.dropped++;
    conn_finish(c, ERR_STALLED, c->phase == CONN_LIVE, CONN_NOW);
}

/* Whoever takes the most without moving, until there is some room: for more than the next one that
 * comes and stops. */
static void relieve(struct conn_host *h, bool in)
{
    const struct account *a = in ? &h->in : &h->out;
    while (!account_may(a, ENOUGH + account_limit(a) / 8)) {
        struct choice choice = {.in = in};
        each(h, choose, &choice);
        if (choice.worst == NULL)
            return;
        drop(choice.worst, in ? "nothing was read from it while others waited"
                              : "the other end took nothing of it while others waited");
    }
}

/* In V1 to V3 a reader that has stopped holds up all the others. Alone it may. */
static void relieve_stuck(struct conn_host *h)
{
    struct conn *c = h->stall.stuck;
    if (h->n_live == 1)
        c->in.at = host_now(h);
    else if (progress_stopped(c, &c->in, h->stall_ms))
        drop(c, "nothing was read from it while others waited");
}

static void on_watch(void *owner)
{
    struct conn_host *h = owner;
    struct stall *s = &h->stall;
    s->timer_runs = false;
    s->looked_ms = host_now(h);
    each(h, look_at, NULL);
    if (s->stalled && s->full)
        relieve(h, true);
    else if (s->stalled && s->stuck != NULL)
        relieve_stuck(h);
    if (s->stalled && s->full && account_may(&h->in, ENOUGH)) /* room that other sessions left */
        host_unstall(h);
    if (!list_empty(&s->budget_waiters) && h->native->open) {
        relieve(h, false);
        conn_feed_waiters(h);
    }
    progress_consider(h);
}

/* ---- clients that have left ---- */

/* One that broke wants nothing any more. What one that has gone in good order has sent is still
 * delivered, but nobody waits for an answer: it is over when all is there, or does not get there.
 */
static void look_whether_there(struct conn *c)
{
    enum stream_presence presence = stream_presence(c->local);
    if (presence == STREAM_BROKEN && !c->local_ended) {
        conn_finish(c, ERR_CLIENT_RESET, true, CONN_NOW);
        return;
    }
    c->deserted = presence != STREAM_THERE;
    progress_look(c);
    bool stopped = c->kept.size > 0 && progress_stopped(c, &c->out, c->host->stall_ms);
    if (c->deserted && (c->window.fin_acked || stopped))
        conn_finish(c, ERR_CLIENT_CLOSED, true, CONN_NOW);
}

/* Those of this turn go to the end of the line. */
static void on_look(void *owner)
{
    struct conn_host *h = owner;
    struct stall *s = &h->stall;
    struct list turn;
    int n = LOOKS_A_TURN;
    list_init(&turn);
    while (!list_empty(&s->unread) && n-- > 0)
        list_append(&turn, s->unread.next);
    while (!list_empty(&turn)) {
        struct conn *c = list_entry(turn.next, struct conn, unread);
        list_append(&s->unread, &c->unread);
        look_whether_there(c);
    }
    s->presence_timer_runs = false;
    if (!list_empty(&s->unread))
        progress_look_later(h);
}

/* ---- life ---- */

bool stall_init(struct conn_host *h)
{
    list_init(&h->stall.budget_waiters);
    list_init(&h->stall.unread);
    h->stall.timer = h->time->timer_new(h->loop, on_watch, h);
    h->stall.presence_timer = h->time->timer_new(h->loop, on_look, h);
    return h->stall.timer != NULL && h->stall.presence_timer != NULL;
}

void stall_free(struct conn_host *h)
{
    h->time->timer_free(h->stall.timer);
    h->time->timer_free(h->stall.presence_timer);
}
