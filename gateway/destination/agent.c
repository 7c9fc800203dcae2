#include "gateway/destination/agent.h"

#include "core/base/log.h"

struct agent {
    const struct destination_options *options;
    struct destination *destination;
};

static enum err on_started(void *owner, struct client *c, struct loop *loop,
                           struct session *session)
{
    struct agent *a = owner;
    struct destination_options o = *a->options;
    (void)session;
    o.monitor = client_monitor(c);
    o.watched = client_watched(c);
    a->destination = destination_new(loop, &o);
    if (a->destination == NULL)
        log_fatal("Out of memory");
    return a->destination != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct agent *a = owner;
    return destination_services(a->destination, ids, n);
}

static void on_incoming(void *owner, struct conn *c)
{
    struct agent *a = owner;
    destination_incoming(a->destination, c);
}

static void on_stopping(void *owner)
{
    struct agent *a = owner;
    destination_free(a->destination);
}

static const char *unready(void *owner)
{
    const struct agent *a = owner;
    return destination_unready(a->destination);
}

static const struct client_events events = {
    .started = on_started,
    .services = on_services,
    .incoming = on_incoming,
    .stopping = on_stopping,
    .unready = unready,
};

enum err agent_run(const struct client_options *client,
                   const struct destination_options *destination)
{
    struct agent a = {.options = destination};
    struct client_options options = *client;
    options.role = SESSION_DESTINATION;
    return client_run(&options, &events, &a);
}
