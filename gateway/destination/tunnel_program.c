#include "gateway/destination/tunnel_program.h"

#include "core/base/budget.h"
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/control/control.h"
#include "core/tunnel/link.h"
#include "gateway/common/hub_check.h"
#include "gateway/common/telemetry.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct tunnel_program {
    const struct tunnel_program_options *options;
    const struct hub_config *hub; /* the present one */
    const struct tunnel_program_events *events;
    void *owner;
    struct loop *loop;
    struct control *control; /* NULL: nobody watches */
    struct monitor_tunnel *watched;
    struct trust *trust;
    struct budget budget;
    struct session *session;
    struct link *link;
    char instance[LINK_INSTANCE_SIZE];
    uv_signal_t signals[3];
    size_t n_signals;
    bool started, up, over;
    unsigned failures; /* tries in a row that led to nothing */
    enum err outcome;
};

void tunnel_program_end(struct tunnel_program *c, enum err outcome)
{
    if (!c->over)
        c->outcome = outcome;
    c->over = true;
    loop_stop(c->loop);
}

struct monitor *tunnel_program_monitor(const struct tunnel_program *c)
{
    return c->control != NULL ? control_monitor(c->control) : NULL;
}

struct monitor_tunnel *tunnel_program_watched(const struct tunnel_program *c)
{
    return c->watched;
}

/* ---- session ---- */

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct tunnel_program *c = owner;
    char text[80];
    enum err why = c->events->services(c->owner, ids, n);
    snprintf(text, sizeof text, "the tunnel is up, with %zu service%s", n, n == 1 ? "" : "s");
    if (why == ERR_OK)
        monitor_tunnel_event(c->watched, MONITOR_UP, ERR_OK, text);
    else
        tunnel_program_end(c, why);
    return why;
}

static void on_incoming(void *owner, struct conn *conn)
{
    struct tunnel_program *c = owner;
    c->events->incoming(c->owner, conn);
}

static void on_broken(void *owner, enum err why, const char *text)
{
    struct tunnel_program *c = owner;
    link_drop(c->link, why, text);
}

static void on_pressed(void *owner, const char *text)
{
    const struct tunnel_program *c = owner;
    monitor_tunnel_memory(c->watched, text);
}

static const struct session_events session_events = {
    .services = on_services,
    .incoming = on_incoming,
    .broken = on_broken,
    .pressed = on_pressed,
};

/* ---- link ---- */

static void on_up(void *owner)
{
    struct tunnel_program *c = owner;
    char name[300];
    c->up = true;
    c->failures = 0;
    log_info("Successfully established websocket connection with proxy server: %s",
             hub_config_url(c->hub, name, sizeof name));
}

static void on_down(void *owner, enum err why, const char *text)
{
    struct tunnel_program *c = owner;
    const struct tunnel_program_options *o = c->options;
    bool was_up = c->up;
    struct link_info now;
    link_get_info(c->link, &now);
    if (!now.repeated)
        monitor_tunnel_event(c->watched, MONITOR_DOWN, why, text);
    c->up = false;
    c->failures += !was_up;
    if (was_up && o->once) {
        log_fatal("%s; the settings forbid to reconnect", text);
        tunnel_program_end(c, ERR_LINK_LOST);
    } else if (o->give_up && c->failures > o->tries) {
        log_fatal("%s; giving up after %u tries", text, c->failures);
        tunnel_program_end(c, ERR_LINK_LOST);
    } else {
        log_error("%s; trying again", text);
    }
}

static void on_ending(void *owner, uint64_t left_ms)
{
    struct tunnel_program *c = owner;
    char text[200];
    log_warning("%s", telemetry_expiry(left_ms, text, sizeof text));
    monitor_tunnel_ending(c->watched, text);
}

static void on_finished(void *owner, enum err why, const char *text)
{
    struct tunnel_program *c = owner;
    if (!c->over) /* else its cause has been told */
        log_line(why == ERR_TUNNEL_CLOSED    ? LOG_INFO
                 : why == ERR_TOKEN_REPLACED ? LOG_ERROR
                                             : LOG_FATAL,
                 "%s", text);
    monitor_tunnel_event(c->watched, MONITOR_OVER, why, text);
    tunnel_program_end(c, why);
}

static const struct link_events link_events = {
    .up = on_up,
    .down = on_down,
    .ending = on_ending,
    .finished = on_finished,
};

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct tunnel_program *c = handle->data;
    log_info("%s: closing", number == SIGTERM ? "SIGTERM" : "SIGINT");
    tunnel_program_end(c, ERR_SHUTDOWN);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct tunnel_program *c = handle->data;
    (void)number;
    if (!process_terminal_gone()) {
        c->events->reload(c->owner);
        return;
    }
    log_info("SIGHUP: the terminal is gone: closing");
    tunnel_program_end(c, ERR_SHUTDOWN);
}

static bool catch (struct tunnel_program *c, int number, uv_signal_cb f)
{
    uv_signal_t *signal = &c->signals[c->n_signals];
    if (uv_signal_init(loop_uv(c->loop), signal) != 0)
        return false;
    c->n_signals++;
    signal->data = c;
    return uv_signal_start(signal, f, number) == 0;
}

static bool catch_signals(struct tunnel_program *c)
{
    signal(SIGPIPE, SIG_IGN);
    return catch (c, SIGTERM, on_signal) && catch (c, SIGINT, on_signal) &&
           (c->events->reload == NULL || catch (c, SIGHUP, on_hangup));
}

/* ---- for who watches ---- */

static void show(void *ctx, struct monitor_tunnel_state *out)
{
    const struct tunnel_program *c = ctx;
    if (c->link != NULL)
        telemetry_link(c->link, c->session, out);
}

static const char *unready(void *owner)
{
    const struct tunnel_program *c = owner;
    if (c->session == NULL || !session_open(c->session))
        return "The tunnel is not connected to its hub.";
    return c->events->unready != NULL ? c->events->unready(c->owner) : NULL;
}

static enum err start_control(struct tunnel_program *c)
{
    const struct tunnel_program_control *o = &c->options->control;
    char text[400], url[300];
    enum err why = ERR_OK;
    if (o->program == NULL)
        return ERR_OK;
    c->control = control_new(
        &(struct control_setup){
            .loop = c->loop,
            .program = o->program,
            .role = c->options->role == SESSION_SOURCE ? "source" : "destination",
            .path = o->path,
            .readonly = o->readonly,
            .ops = o->ops,
            .unready = unready,
            .owner = c,
        },
        &why, text, sizeof text);
    if (c->control == NULL) {
        log_fatal("%s", text);
        return why;
    }
    c->watched = monitor_tunnel_add(
        control_monitor(c->control),
        &(struct monitor_tunnel_info){"", hub_config_url(c->hub, url, sizeof url), show, c});
    return ERR_OK;
}

/* ---- life ---- */

static struct link_options link_options(const struct tunnel_program *c,
                                        const struct tunnel_program_options *o,
                                        const struct trust *trust)
{
    const struct hub_config *hub = o->hub;
    return (struct link_options){
        .host = hub->host,
        .port = hub->port,
        .role = c->options->role,
        .access_token = hub->access_token,
        .client_token = hub->client_token,
        .subprotocol = hub->subprotocol,
        .instance = c->options->native ? c->instance : NULL,
        .trust = trust,
        .identity = o->identity,
        .proxy = o->web_proxy,
        .ping_ms = hub->ping_ms,
        .retry_first_ms = hub->retry_ms,
        .agent = c->options->user_agent,
    };
}

static enum err start_link(struct tunnel_program *c)
{
    const struct link_options o = link_options(c, c->options, c->trust);
    enum err why;
    c->link = link_new(c->loop, c->session, &o, &link_events, c, &why);
    if (c->link == NULL)
        log_fatal("The proxy's URL (--web-proxy, or the environment) %s", upstream_wrong(why));
    return c->link != NULL ? ERR_OK : why;
}

enum err tunnel_program_change(struct tunnel_program *c, const struct tunnel_program_options *fresh)
{
    char text[300];
    bool anew = false;
    enum err why;
    struct trust *trust = hub_check_trust(fresh->hub, &why, text, sizeof text);
    if (trust == NULL) {
        log_error("%s; going on with the certificates in use", text);
        return why;
    }
    const struct link_options o = link_options(c, fresh, trust);
    why = link_change(c->link, &o, &anew);
    if (why != ERR_OK) {
        log_error(
            "The proxy's URL (--web-proxy, or the environment) %s; going on with the settings "
            "in use",
            upstream_wrong(why));
        trust_free(trust);
        return why;
    }
    trust_free(c->trust);
    c->trust = trust;
    c->hub = fresh->hub;
    session_change(c->session, &(struct session_options){.max_connections = fresh->max_connections,
                                                         .linger_ms = fresh->linger_ms,
                                                         .stall_ms = fresh->stall_ms,
                                                         .resume_ms = fresh->resume_ms});
    if (anew)
        log_info("Attempting to establish web socket connection with endpoint %s",
                 hub_config_url(fresh->hub, text, sizeof text));
    return ERR_OK;
}

static enum err start(struct tunnel_program *c)
{
    const struct hub_config *hub = c->hub;
    enum err why = ERR_NO_MEMORY;
    char text[300] = "out of memory";
    link_instance(c->instance);
    c->loop = loop_new();
    if (c->loop == NULL || !catch_signals(c)) {
        log_fatal("No event loop: out of memory or file descriptors");
        return why;
    }
    c->trust = hub_check_trust(hub, &why, text, sizeof text);
    if (c->trust == NULL) {
        log_fatal("%s", text);
        return why;
    }
    budget_init(&c->budget, c->options->memory != 0 ? c->options->memory : TUNNEL_PROGRAM_MEMORY);
    c->session = session_new(c->loop,
                             &(struct session_options){
                                 .role = c->options->role,
                                 .version = c->options->version,
                                 .max_connections = c->options->max_connections,
                                 .linger_ms = c->options->linger_ms,
                                 .stall_ms = c->options->stall_ms,
                                 .resume_ms = c->options->resume_ms,
                                 .memory = &c->budget,
                             },
                             &session_events, c);
    if (c->session == NULL) {
        log_fatal("Out of memory");
        return ERR_NO_MEMORY;
    }
    why = start_control(c);
    if (why != ERR_OK)
        return why;
    c->started = true;
    why = c->events->started(c->owner, c, c->loop, c->session);
    if (why != ERR_OK)
        return why;
    log_info("Attempting to establish web socket connection with endpoint %s",
             hub_config_url(hub, text, sizeof text));
    return start_link(c);
}

static void stop(struct tunnel_program *c)
{
    if (c->loop == NULL)
        return;
    monitor_tunnel_remove(c->watched);
    if (c->link != NULL)
        link_free(c->link);
    if (c->started)
        c->events->stopping(c->owner);
    if (c->session != NULL)
        session_free(c->session);
    if (c->loop != NULL)
        budget_free(&c->budget);
    control_free(c->control); /* what the others told it is told by now */
    loop_block_signals();
    for (size_t i = 0; i < c->n_signals; i++)
        uv_close((uv_handle_t *)&c->signals[i], NULL);
    loop_leave(c->loop);
    if (c->trust != NULL)
        trust_free(c->trust);
}

enum err tunnel_program_run(const struct tunnel_program_options *options,
                            const struct tunnel_program_events *events, void *owner)
{
    struct tunnel_program c = {
        .options = options, .hub = options->hub, .events = events, .owner = owner};
    enum err why = start(&c);
    if (why == ERR_OK) {
        loop_run(c.loop);
        why = c.outcome;
    }
    stop(&c);
    return why;
}
