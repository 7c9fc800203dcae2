/* Who has to go so that the others can go on: readers that have stopped while the memory budget is
 * used up, or while they hold up a session of V1 to V3; and local sides that have left without
 * being read (share/doc/native.md, "Memory"). */
#include "core/base/log.h"
#include "core/net/tcp.h"
#include "core/tunnel/internal.h"

#include <stdio.h>

#define WATCH_MS 500     /* at most, from look to look */
#define SOON_MS 20       /* at least, when somebody begins to wait */
#define LOOK_MS 1000     /* whether those who are not read are still there */
#define LOOKS_A_TURN 512 /* some system calls each */
#define TELL_MS 60000    /* between two lines in the log that say the same */
#define ENOUGH 65536     /* room for any message */

/* ---- who moves ---- */

void stall_begin(const struct conn *c, struct progress *p)
{
    *p = (struct progress){.at = time_now(&c->session->time)};
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

static void look_at(struct conn *c, void *ctx)
{
    uint64_t now = time_now(&c->session->time);
    (void)ctx;
    if (c->native && !c->session->synced)
        c->flow.out.at = now; /* nobody can acknowledge it at present */
    if (c->held.size > 0)
        look(&c->in, read_by_local_side(c), c->held.size, now);
    if (c->flow.kept.size > 0)
        look(&c->flow.out, c->flow.acked, c->flow.kept.size, now);
}

static bool has_stopped(const struct conn *c, const struct progress *p, uint64_t ms)
{
    return time_now(&c->session->time) - p->at >= ms;
}

bool stall_drains(struct conn *c)
{
    look_at(c, NULL);
    return !has_stopped(c, &c->in, c->session->stall_ms);
}

static void each(struct session *s, void (*visit)(struct conn *c, void *ctx), void *ctx)
{
    list_each(node, &s->natives) visit(list_entry(node, struct conn, flow.kin), ctx);
    for (size_t i = 0; i < s->n_services; i++)
        list_each(node, &s->services[i].conns)
        {
            struct conn *c = list_entry(node, struct conn, all);
            if (!c->native)
                visit(c, ctx);
        }
    list_each(node, &s->draining) visit(list_entry(node, struct conn, draining), ctx);
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
static uint64_t patience(const struct conn *c)
{
    uint64_t third = c->session->stall_ms / 3;
    return c->phase != CONN_LIVE || c->deserted ? third / 2 : third;
}

static void choose(struct conn *c, void *ctx)
{
    struct choice *choice = ctx;
    size_t memory = choice->in ? c->held.memory : c->flow.kept.memory;
    if (memory <= choice->memory ||
        !has_stopped(c, choice->in ? &c->in : &c->flow.out, patience(c)))
        return;
    choice->worst = c;
    choice->memory = memory;
}

static void drop(struct conn *c, const char *why)
{
    struct session *s = c->session;
    char id[4 * sizeof c->id];
    log_warning("%s: a connection to service \"%s\" is dropped: %s", s->name,
                str_escape(span_of(c->id), id, sizeof id), why);
    s->pressure.dropped++;
    conn_finish(c, ERR_STALLED, c->phase == CONN_LIVE, CONN_NOW);
}

/* Whoever takes the most without moving, until there is some room: for more than the next one that
 * comes and stops. */
static void relieve(struct session *s, bool in)
{
    const struct account *a = in ? &s->in : &s->out;
    while (!account_may(a, ENOUGH + account_limit(a) / 8)) {
        struct choice choice = {.in = in};
        each(s, choose, &choice);
        if (choice.worst == NULL)
            return;
        drop(choice.worst, in ? "nothing was read from it while others waited"
                              : "the other end took nothing of it while others waited");
    }
}

/* In V1 to V3 a reader that has stopped holds up all the others. Alone it may. */
static void relieve_stuck(struct session *s)
{
    struct conn *c = s->stuck;
    if (s->n_live == 1)
        c->in.at = time_now(&s->time);
    else if (has_stopped(c, &c->in, s->stall_ms))
        drop(c, "nothing was read from it while others waited");
}

/* ---- when ---- */

static bool half_full(const struct account *a)
{
    return a->used > account_limit(a) / 2;
}

static void watch_in(struct session *s, uint64_t ms)
{
    s->time.timer_start(s->watch, ms);
    s->watching = true;
}

/* Begins early: who has stopped long ago is known then when somebody has to go. */
void stall_consider(struct session *s)
{
    uint64_t ms = s->stall_ms / 16 + 1;
    if (!s->watching &&
        (s->stalled || !list_empty(&s->starved) || half_full(&s->in) || half_full(&s->out)))
        watch_in(s, ms < WATCH_MS ? ms : WATCH_MS);
}

/* Somebody waits; but a session with thousands of connections is not looked through for each
 * message that waits. */
static void watch_soon(struct session *s)
{
    watch_in(s, time_now(&s->time) - s->watched_ms < SOON_MS ? SOON_MS : 0);
}

void stall_watch(void *owner)
{
    struct session *s = owner;
    s->watching = false;
    s->watched_ms = time_now(&s->time);
    each(s, look_at, NULL);
    if (s->stalled && s->full)
        relieve(s, true);
    else if (s->stalled && s->stuck != NULL)
        relieve_stuck(s);
    if (s->stalled && s->full && account_may(&s->in, ENOUGH)) /* room that other sessions left */
        session_unstall(s);
    if (!list_empty(&s->starved) && s->synced) {
        relieve(s, false);
        flow_feed_starved(s);
    }
    stall_consider(s);
}

static void tell(struct session *s, const char *what, const struct account *a)
{
    char text[200];
    uint64_t now = time_now(&s->time);
    s->pressure.times++;
    if (s->told_ms != 0 && now - s->told_ms < TELL_MS)
        return;
    s->told_ms = now;
    snprintf(text, sizeof text,
             "the memory budget is used up: %zu bytes %s; who has stopped reading will be dropped",
             a->used, what);
    log_warning("%s: %s", s->name, text);
    if (s->events->pressed != NULL)
        s->events->pressed(s->owner, text);
}

void stall_blocked(struct session *s, struct conn *c, size_t n)
{
    bool full = !account_may(&s->in, n);
    if (full && !s->full)
        tell(s, "are held for local sides", &s->in);
    s->full = s->full || full;
    if (s->stuck != c && !c->native)
        stall_begin(c, &c->in);
    s->stuck = c->native ? NULL : c;
    watch_soon(s); /* not now: the transport is being read */
}

void stall_starved(struct session *s)
{
    if (!list_empty(&s->starved))
        return;
    tell(s, "are kept for the other end", &s->out);
    watch_soon(s);
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
    look_at(c, NULL);
    bool stopped = c->flow.kept.size > 0 && has_stopped(c, &c->flow.out, c->session->stall_ms);
    if (c->deserted && (c->flow.fin_acked || stopped))
        conn_finish(c, ERR_CLIENT_CLOSED, true, CONN_NOW);
}

void stall_unread(struct conn *c)
{
    struct session *s = c->session;
    if (s->role != SESSION_SOURCE)
        return; /* what a service has said is delivered, whether it is still there or not */
    if (!list_is_on(&c->unread))
        list_append(&s->unread, &c->unread);
    if (s->looking)
        return;
    s->looking = true;
    s->time.timer_start(s->look, LOOK_MS);
}

/* Those of this turn go to the end of the line. */
void stall_look(void *owner)
{
    struct session *s = owner;
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
    s->looking = !list_empty(&s->unread);
    if (s->looking)
        s->time.timer_start(s->look, LOOK_MS);
}
