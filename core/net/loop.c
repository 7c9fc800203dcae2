#include "core/net/loop.h"

#include "core/base/log.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define SPARE_BLOCKS 64 /* kept for reuse: 4 MB at most */
#define LEAVE_ROUNDS 20
#define LEAVE_ROUND_MS 10
#define NS_PER_MS 1000000
#define LOG_TICK_MS 5000 /* while the log has left lines out */
/* A timer that is so late tells of a pause, after which others are heard for so long first. */
#define PAUSE_MS 200

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* runs deferred work before the loop sleeps */
    uv_idle_t idle;  /* active while there is deferred work, since the loop must not sleep then */
    uint64_t log_at; /* when the log was last asked for lines that it has left out */
    uint64_t excused_until; /* timers wait after a pause */
    struct list deferred;
    uint8_t *spare[SPARE_BLOCKS];
    size_t n_spare, n_lent, most_lent; /* most_lent: 0: no limit */
    struct resolver *resolver;
};

struct timer {
    uv_timer_t uv;
    void (*fire)(void *owner);
    void *owner;
    uint64_t due;
    bool excused; /* it has waited after a pause */
};

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

/* The log needs no timer of its own: every program has an event within seconds, such as a ping. */
static void watch_log(struct loop *l)
{
    uint64_t now = loop_now(l);
    if (!log_pending() || now - l->log_at < LOG_TICK_MS)
        return;
    l->log_at = now;
    log_tick();
}

/* Work that deferred work defers waits for the next round, so that sockets get their turn. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *l = prepare->data;
    struct list now;
    list_init(&now);
    while (!list_empty(&l->deferred))
        list_append(&now, l->deferred.next);
    while (!list_empty(&now)) {
        struct deferred *d = list_entry(now.next, struct deferred, node);
        list_remove(&d->node);
        d->run(d->owner);
    }
    if (list_empty(&l->deferred))
        uv_idle_stop(&l->idle);
    else
        uv_idle_start(&l->idle, on_idle);
    watch_log(l);
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    if (uv_loop_init(&l->uv) != 0) {
        free(l);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* the result of a write tells of a closed pipe */
    list_init(&l->deferred);
    uv_prepare_init(&l->uv, &l->prepare);
    uv_idle_init(&l->uv, &l->idle);
    l->prepare.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_unref((uv_handle_t *)&l->prepare);
    return l;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_free(struct loop *l)
{
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    while (uv_run(&l->uv, UV_RUN_DEFAULT) != 0) {
        /* A loop_stop that came too late has ended that run early. */
    }
    uv_loop_close(&l->uv);
    while (l->n_spare > 0)
        free(l->spare[--l->n_spare]);
    free(l);
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

uint64_t loop_now(struct loop *l)
{
    return uv_now(&l->uv);
}

uint8_t *loop_block(struct loop *l)
{
    if (l->most_lent > 0 && l->n_lent >= l->most_lent)
        return NULL;
    uint8_t *block = l->n_spare > 0 ? l->spare[--l->n_spare] : malloc(LOOP_BLOCK);
    l->n_lent += block != NULL;
    return block;
}

void loop_limit_blocks(struct loop *l, size_t bytes)
{
    l->most_lent = (bytes + LOOP_BLOCK - 1) / LOOP_BLOCK;
}

bool loop_blocks_short(const struct loop *l)
{
    return l->most_lent > 0 && l->n_lent >= l->most_lent - l->most_lent / 4;
}

void loop_block_moved(struct loop *from, struct loop *to)
{
    if (from != NULL)
        from->n_lent--;
    if (to != NULL)
        to->n_lent++;
}

void loop_unblock(struct loop *l, uint8_t *block)
{
    if (l != NULL && block != NULL)
        l->n_lent--;
    if (l != NULL && block != NULL && l->n_spare < SPARE_BLOCKS)
        l->spare[l->n_spare++] = block;
    else
        free(block);
}

struct resolver **loop_resolver(struct loop *l)
{
    return &l->resolver;
}

void deferred_init(struct deferred *d, void (*run)(void *owner), void *owner)
{
    list_init(&d->node);
    d->run = run;
    d->owner = owner;
}

void loop_defer(struct loop *l, struct deferred *d)
{
    if (list_is_on(&d->node))
        return;
    list_append(&l->deferred, &d->node);
    /* Starting idle is harmless when on_prepare comes anyway, and needed when on_prepare is the
     * caller. */
    uv_idle_start(&l->idle, on_idle);
}

void loop_cancel(struct deferred *d)
{
    list_remove(&d->node);
}

/* libuv looks at its timers before it looks at sockets. So after a pause of the whole process (it
 * was stopped, or its machine was moved) whoever has been silent for too long would be ended while
 * its bytes wait in the kernel. All timers wait for these, once and in their order. */
static void on_timer(uv_timer_t *uv)
{
    struct timer *t = uv->data;
    struct loop *l = list_entry(uv->loop, struct loop, uv);
    uint64_t now = uv_now(uv->loop);
    if (!t->excused && now > t->due + PAUSE_MS && now >= l->excused_until)
        l->excused_until = now + PAUSE_MS;
    if (!t->excused && now < l->excused_until) {
        t->excused = true;
        uv_timer_start(uv, on_timer, l->excused_until - now, 0);
        return;
    }
    t->fire(t->owner);
}

struct timer *timer_new(struct loop *l, void (*fire)(void *owner), void *owner)
{
    struct timer *t = malloc(sizeof *t);
    if (t == NULL)
        return NULL;
    uv_timer_init(&l->uv, &t->uv);
    t->uv.data = t;
    t->fire = fire;
    t->owner = owner;
    return t;
}

/* libuv counts from the time at which the loop's turn began: what was done since then (a
 * handshake's arithmetic, the JSON of a fleet) would be taken off. */
void timer_start(struct timer *t, uint64_t ms)
{
    uint64_t now = uv_hrtime() / NS_PER_MS, turn = uv_now(t->uv.loop);
    uint64_t wait = ms + (now > turn ? now - turn : 0);
    t->due = turn + wait;
    t->excused = false;
    uv_timer_start(&t->uv, on_timer, wait, 0);
}

void timer_stop(struct timer *t)
{
    if (t != NULL)
        uv_timer_stop(&t->uv);
}

static void on_timer_closed(uv_handle_t *uv)
{
    free(uv->data);
}

void timer_free(struct timer *t)
{
    if (t != NULL)
        uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}

/* ---- the end of a program ---- */

/* A thread of the process still waits for a resolver. */
static bool still_resolving;

static bool settles(uv_loop_t *uv)
{
    for (int i = 0; i < LEAVE_ROUNDS; i++) {
        if (uv_run(uv, UV_RUN_NOWAIT) == 0)
            return true;
        uv_sleep(LEAVE_ROUND_MS);
    }
    return false;
}

void loop_block_signals(void)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
}

void loop_leave(struct loop *l)
{
    if (settles(loop_uv(l)))
        loop_free(l);
    else
        still_resolving = true;
}

void loop_exit(int code)
{
    log_end();
    if (still_resolving) {
        fflush(NULL);
        _exit(code); /* exit would wait for the thread */
    }
    exit(code);
}
