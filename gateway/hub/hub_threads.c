/* Starts the hub's workers and frontends, and sends them messages. */
#include "gateway/hub/hub_internal.h"

#include "core/base/log.h"

#include <string.h>

void hub_post(struct hub *hub, struct message *m)
{
    if (m != NULL)
        worker_post(hub->threads[m->worker], m);
    else
        log_error("a client could not be told: %s", err_text(ERR_NO_MEMORY));
}

size_t hub_least_worker(const struct hub *hub)
{
    size_t least = 0;
    for (size_t i = 1; i < hub->n_workers; i++)
        if (hub->load[i] < hub->load[least])
            least = i;
    return least;
}

void hub_share_identity(struct hub *hub)
{
    for (size_t i = hub->n_workers; i < hub->n_threads; i++) {
        struct message_identity *m = MESSAGE(struct message_identity, MESSAGE_IDENTITY, i);
        if (m != NULL) {
            m->identity = identity_ref(hub->identity);
            memcpy(m->shown, hub->shown, sizeof m->shown);
        }
        hub_post(hub, m != NULL ? &m->message : NULL);
    }
}

void hub_share_cluster_keys(struct hub *hub)
{
    for (size_t i = hub->n_workers; hub->cluster_keys != NULL && i < hub->n_threads; i++) {
        struct message_cluster_keys *m =
            MESSAGE(struct message_cluster_keys, MESSAGE_CLUSTER_KEYS, i);
        if (m != NULL)
            m->keys = cluster_keys_ref(hub->cluster_keys);
        hub_post(hub, m != NULL ? &m->message : NULL);
    }
}

static bool start_threads(struct hub *hub, const struct worker_options *options, size_t n)
{
    struct worker_options w = *options;
    for (size_t i = 0; i < n; i++) {
        w.number = hub->n_threads;
        struct worker *worker = worker_new(&w);
        if (worker == NULL)
            return false;
        hub->threads[hub->n_threads++] = worker;
    }
    return true;
}

/* Starts as many frontends as workers, so that handshakes may use all cores that are idle. */
bool hub_start_threads(struct hub *hub)
{
    size_t n = hub->o.workers;
    struct worker_options worker = {
        .hub = hub->mailbox, .idle_ms = hub->o.idle_ms, .memory = hub->o.memory / n};
    struct worker_options frontend = {.hub = hub->mailbox,
                                      .frontend = true,
                                      .cache = hub->cache,
                                      .device_trust = hub->device_trust,
                                      .per_origin = (hub->o.per_address + n - 1) / n,
                                      .exempt = hub->o.exempt,
                                      .fronts = hub->o.fronts};
    if (!start_threads(hub, &worker, n))
        return false;
    hub->n_workers = n;
    if (!start_threads(hub, &frontend, n))
        return false;
    hub_share_identity(hub);
    hub_share_cluster_keys(hub);
    return true;
}
