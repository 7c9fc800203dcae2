#include "gateway/hub/worker.h"

#include "gateway/hub/frontend.h"
#include "gateway/hub/worker_tables.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <uv.h>

#define DRAIN_LOOK_MS 50
/* Leaves a frontend a tenth of a core that a busy worker uses (sched(7)). */
#define FRONTEND_NICE 10

struct worker {
    struct worker_options o;
    struct loop *loop;
    struct mailbox *mailbox;
    struct frontend *frontend;    /* NULL at a worker */
    struct worker_tables *tables; /* NULL at a frontend */
    bool stopped;
    struct timer *drained; /* runs while draining */
    struct worker_stats stats;
    /* STOP, allocated beforehand because the thread cannot be reached otherwise */
    struct message *last;
    uv_thread_t thread;
};

/* ---- messages ---- */

static void on_bridge_reply(struct worker *w, void *message)
{
    frontend_bridge_reply(w->frontend, message);
}

static void on_forward(struct worker *w, void *message)
{
    frontend_forward(w->frontend, message);
}

static void on_cluster_keys(struct worker *w, void *message)
{
    struct message_cluster_keys *m = message;
    frontend_cluster_keys(w->frontend, m->keys);
    m->keys = NULL;
}

static void on_device_reply(struct worker *w, void *message)
{
    frontend_device_reply(w->frontend, message);
}

static bool has_clients(const struct worker *w)
{
    return w->frontend != NULL ? frontend_busy(w->frontend) : !worker_tables_empty(w->tables);
}

/* Tells the main thread once when no client is left and no connection waits for an answer. */
static void on_drain_look(void *owner)
{
    struct worker *w = owner;
    if (has_clients(w)) {
        timer_start(w->drained, DRAIN_LOOK_MS);
        return;
    }
    struct message *m = MESSAGE(struct message, MESSAGE_DRAINED, w->o.number);
    if (m != NULL) /* without memory, the grace time ends the drain */
        mailbox_post(w->o.hub, &m->mail);
}

static void on_drain(struct worker *w, void *message)
{
    const struct message_drain *m = message;
    if (w->tables != NULL)
        worker_tables_drain(w->tables, m->moves);
    timer_start(w->drained, 0);
}

static void free_parts(struct worker *w)
{
    frontend_free(w->frontend);
    worker_tables_free(w->tables);
    timer_free(w->drained);
}

/* After this only the mailbox keeps the loop from ending. */
static void on_stop(struct worker *w, void *message)
{
    (void)message;
    free_parts(w);
    w->stopped = true;
    loop_stop(w->loop);
}

static void on_accepted(struct worker *w, void *message)
{
    struct message_accepted *m = message;
    frontend_accept(w->frontend, m->fd, m->protocol);
    m->fd = -1;
}

static void on_admit_reply(struct worker *w, void *message)
{
    frontend_admit_reply(w->frontend, message);
}

static void on_api_reply(struct worker *w, void *message)
{
    frontend_api_reply(w->frontend, message);
}

static void on_identity(struct worker *w, void *message)
{
    struct message_identity *m = message;
    frontend_identity(w->frontend, m->identity, m->shown);
    m->identity = NULL;
}

typedef void receiver(struct worker *w, void *message);

/* Frees the message with what its receiver has left in it. Those without a row go to the tables. */
static void on_message(void *owner, struct mail *mail)
{
    static receiver *const receivers[MESSAGE_COUNT] = {
        [MESSAGE_ACCEPTED] = on_accepted,
        [MESSAGE_ADMIT_REPLY] = on_admit_reply,
        [MESSAGE_API_REPLY] = on_api_reply,
        [MESSAGE_IDENTITY] = on_identity,
        [MESSAGE_DRAIN] = on_drain,
        [MESSAGE_STOP] = on_stop,
        [MESSAGE_DEVICE_REPLY] = on_device_reply,
        [MESSAGE_BRIDGE_REPLY] = on_bridge_reply,
        [MESSAGE_FORWARD] = on_forward,
        [MESSAGE_CLUSTER_KEYS] = on_cluster_keys,
    };
    struct worker *w = owner;
    struct message *m = message_of(mail);
    if (!w->stopped && receivers[m->kind] != NULL)
        receivers[m->kind](w, m);
    else if (!w->stopped)
        worker_tables_receive(w->tables, m);
    message_free(m);
}

/* ---- life ---- */

static void run(void *arg)
{
    struct worker *w = arg;
    /* Sets the niceness of this thread alone; where that is not allowed, cores are shared evenly.
     */
    if (w->o.frontend)
        (void)setpriority(PRIO_PROCESS, 0, FRONTEND_NICE);
    loop_run(w->loop);
}

static bool open_tables(struct worker *w)
{
    const struct worker_tables_options o = {.loop = w->loop,
                                            .hub = w->o.hub,
                                            .number = w->o.number,
                                            .idle_ms = w->o.idle_ms,
                                            .stats = &w->stats};
    w->tables = worker_tables_new(&o);
    return w->tables != NULL;
}

static bool open_frontend(struct worker *w)
{
    struct frontend_options o = {.loop = w->loop,
                                 .hub = w->o.hub,
                                 .worker = w->o.number,
                                 .stats = &w->stats,
                                 .cache = w->o.cache,
                                 .device_trust = w->o.device_trust,
                                 .per_origin = w->o.per_origin,
                                 .exempt = w->o.exempt,
                                 .fronts = w->o.fronts};
    w->frontend = frontend_new(&o);
    return w->frontend != NULL;
}

static bool open_parts(struct worker *w)
{
    bool opened = w->o.frontend ? open_frontend(w) : open_tables(w);
    w->drained = timer_new(w->loop, on_drain_look, w);
    w->mailbox = mailbox_new(w->loop, on_message, w);
    w->last = MESSAGE(struct message, MESSAGE_STOP, w->o.number);
    return opened && w->drained != NULL && w->mailbox != NULL && w->last != NULL;
}

struct worker *worker_new(const struct worker_options *o)
{
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    w->o = *o;
    w->loop = loop_new();
    if (w->loop != NULL)
        loop_limit_blocks(w->loop, o->memory);
    if (w->loop != NULL && open_parts(w) && uv_thread_create(&w->thread, run, w) == 0)
        return w;
    free_parts(w);
    worker_free(w);
    return NULL;
}

void worker_post(struct worker *w, struct message *m)
{
    mailbox_post(w->mailbox, &m->mail);
}

const struct worker_stats *worker_stats_of(const struct worker *w)
{
    return &w->stats;
}

void worker_stop(struct worker *w)
{
    worker_post(w, w->last);
    w->last = NULL;
    uv_thread_join(&w->thread);
}

void worker_free(struct worker *w)
{
    mailbox_free(w->mailbox, message_discard);
    if (w->loop != NULL)
        loop_free(w->loop);
    free(w->last);
    free(w);
}
