/* The agent as the end of one tunnel. */
#include "core/base/log.h"
#include "gateway/destination/agent_role.h"

#include <stdio.h>
#include <stdlib.h>

struct agent_end {
    const struct agent *agent;
    struct tunnel_end *end;
    struct destination *destination;
};

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct agent_end *a = owner;
    char text[80];
    enum err why = destination_services(a->destination, ids, n);
    snprintf(text, sizeof text, "the tunnel is up, with %zu service%s", n, n == 1 ? "" : "s");
    if (why == ERR_OK)
        monitor_tunnel_event(tunnel_end_watched(a->end), MONITOR_UP, ERR_OK, text);
    return why;
}

static void on_incoming(void *owner, struct conn *c)
{
    struct agent_end *a = owner;
    destination_incoming(a->destination, c);
}

static void on_finished(void *owner, enum err why)
{
    struct agent_end *a = owner;
    program_run_end(a->agent->run, why == ERR_TUNNEL_CLOSED ? EXIT_SUCCESS : EXIT_FAILURE);
}

static const struct tunnel_end_events end_events = {
    .services = on_services,
    .incoming = on_incoming,
    .finished = on_finished,
};

static bool open_end(struct agent_end *a)
{
    struct tunnel_end_options o = a->agent->config->end;
    char text[400];
    enum err why;
    o.loop = program_run_loop(a->agent->run);
    o.monitor = program_run_monitor(a->agent->run);
    o.memory = a->agent->memory;
    a->end = tunnel_end_new(&o, &end_events, a, &why, text, sizeof text);
    if (a->end == NULL)
        log_fatal("%s", text);
    return a->end != NULL;
}

static bool open_destination(struct agent_end *a)
{
    struct destination_options o = a->agent->config->destination;
    o.monitor = program_run_monitor(a->agent->run);
    o.watched = tunnel_end_watched(a->end);
    a->destination = destination_new(program_run_loop(a->agent->run), &o);
    if (a->destination == NULL)
        log_fatal("%s", err_text(ERR_NO_MEMORY));
    return a->destination != NULL;
}

static void stop(void *role)
{
    struct agent_end *a = role;
    if (a == NULL)
        return;
    tunnel_end_stop(a->end);
    destination_free(a->destination);
    tunnel_end_free(a->end);
    free(a);
}

static void *start(const struct agent *agent)
{
    struct agent_end *a = calloc(1, sizeof *a);
    if (a == NULL) {
        log_fatal("%s", err_text(ERR_NO_MEMORY));
        return NULL;
    }
    a->agent = agent;
    if (open_end(a) && open_destination(a))
        return a;
    stop(a);
    return NULL;
}

static const char *unready(const void *role)
{
    const struct agent_end *a = role;
    if (!session_open(tunnel_end_session(a->end)))
        return "The tunnel is not connected to its hub.";
    return destination_unready(a->destination);
}

static bool apply(void *role, const struct agent_config *fresh)
{
    struct agent_end *a = role;
    const struct session *session = tunnel_end_session(a->end);
    const char *const *ids;
    char text[400];
    if (tunnel_end_change(a->end, &fresh->end, text, sizeof text) != ERR_OK) {
        log_error("SIGHUP: %s; going on with the configuration in use", text);
        return false;
    }
    if (destination_change(a->destination, &fresh->destination) != ERR_OK) {
        log_error("%s; going on with the mappings in use", err_text(ERR_NO_MEMORY));
        return false;
    }
    if (session_open(session)) {
        size_t n = session_services(session, &ids);
        destination_services(a->destination, ids, n);
    }
    return true;
}

const struct agent_role agent_tunnel = {
    .start = start,
    .stop = stop,
    .unready = unready,
    .apply = apply,
};
