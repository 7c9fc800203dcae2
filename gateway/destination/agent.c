#include "gateway/destination/agent.h"

#include "core/base/log.h"

struct agent {
    const struct destination_options *options;
    const struct agent_reload *reload;
    struct tunnel_program *client;
    struct session *session;
    struct destination *destination;
};

static enum err on_started(void *owner, struct tunnel_program *c, struct loop *loop,
                           struct session *session)
{
    struct agent *a = owner;
    struct destination_options o = *a->options;
    a->client = c;
    a->session = session;
    o.monitor = tunnel_program_monitor(c);
    o.watched = tunnel_program_watched(c);
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

static void on_reload(void *owner)
{
    struct agent *a = owner;
    a->reload->read(a->reload->owner, a);
}

enum err agent_change(struct agent *a, const struct tunnel_program_options *client,
                      const struct destination_options *destination)
{
    const char *const *ids;
    enum err why = tunnel_program_change(a->client, client);
    if (why != ERR_OK)
        return why;
    why = destination_change(a->destination, destination);
    if (why != ERR_OK) {
        log_error("%s; going on with the mappings in use", err_text(why));
        return why;
    }
    if (session_open(a->session)) {
        size_t n = session_services(a->session, &ids);
        destination_services(a->destination, ids, n);
    }
    return ERR_OK;
}

enum err agent_run(const struct tunnel_program_options *client,
                   const struct destination_options *destination, const struct agent_reload *reload)
{
    const struct tunnel_program_events events = {
        .started = on_started,
        .services = on_services,
        .incoming = on_incoming,
        .stopping = on_stopping,
        .reload = reload != NULL ? on_reload : NULL,
        .unready = unready,
    };
    struct agent a = {.options = destination, .reload = reload};
    struct tunnel_program_options options = *client;
    options.role = SESSION_DESTINATION;
    return tunnel_program_run(&options, &events, &a);
}
