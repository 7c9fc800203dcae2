/* Starts the hub's workers and frontends, and sends them messages. */
#include "gateway/hub/hub_internal.h"

#include "core/base/log.h"

void hub_post(struct hub *o, struct message *m)
{
    if (m != NULL)
        worker_post(o->threads[m->worker], m);
    else
        log_error("a client could not be told: %s", err_text(ERR_NO_MEMORY));
}

void hub_share_identity(struct hub *o)
{
    for (size_t i = o->n_workers; i < o->n_threads; i++) {
        struct message_identity *m = MESSAGE(struct message_identity, MESSAGE_IDENTITY, i);
        if (m != NULL)
            m->identity = identity_ref(o->identity);
        hub_post(o, m != NULL ? &m->message : NULL);
    }
}

static bool start_threads(struct hub *o, const struct worker_options *options, size_t n)
{
    struct worker_options w = *options;
    for (size_t i = 0; i < n; i++) {
        w.number = o->n_threads;
        struct worker *worker = worker_new(&w);
        if (worker == NULL)
            return false;
        o->threads[o->n_threads++] = worker;
    }
    return true;
}

/* Starts as many frontends as workers, so that handshakes may use all cores that are idle. */
bool hub_start_threads(struct hub *o)
{
    size_t n = o->o.workers;
    struct worker_options worker = {
        .hub = o->mailbox, .idle_ms = o->o.idle_ms, .memory = o->o.memory / n};
    struct worker_options frontend = {.hub = o->mailbox,
                                      .frontend = true,
                                      .cache = o->cache,
                                      .device_trust = o->device_trust,
                                      .per_origin = (o->o.per_address + n - 1) / n,
                                      .exempt = o->o.exempt};
    if (!start_threads(o, &worker, n))
        return false;
    o->n_workers = n;
    if (!start_threads(o, &frontend, n))
        return false;
    hub_share_identity(o);
    return true;
}
