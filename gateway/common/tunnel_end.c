#include "gateway/common/tunnel_end.h"

#include "core/base/log.h"
#include "gateway/common/hub_check.h"
#include "gateway/common/telemetry.h"

#include <stdio.h>
#include <stdlib.h>

#define TITLE_MAX 200
#define URL_MAX 300

struct tunnel_end {
    const struct tunnel_end_events *events;
    void *owner;
    char title[TITLE_MAX];             /* "tunnel plant7: ", or "" */
    char url[URL_MAX];                 /* of the hub: "wss://hub.example:443" */
    char instance[LINK_INSTANCE_SIZE]; /* of this session: another one knows nothing of it */
    enum session_role role;
    bool native, once, give_up;
    unsigned tries;
    struct trust *trust; /* its own; NULL: it is shared */
    struct session *session;
    struct monitor_tunnel *watched;
    struct link *link; /* NULL: it has left the hub */
    bool up, over;     /* over: `finished` was called */
    unsigned failures; /* tries in a row that led to nothing */
};

static bool is_alone(const struct tunnel_end *e)
{
    return e->title[0] == '\0';
}

struct link_info tunnel_end_info(const struct tunnel_end *e)
{
    struct link_info now;
    link_get_info(e->link, &now);
    return now;
}

static void finish(struct tunnel_end *e, enum err why)
{
    if (e->over)
        return;
    e->over = true;
    e->events->finished(e->owner, why);
}

/* ---- session ---- */

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct tunnel_end *e = owner;
    enum err why = e->events->services(e->owner, ids, n);
    if (why != ERR_OK && is_alone(e))
        finish(e, why);
    return why;
}

static void on_incoming(void *owner, struct conn *conn)
{
    struct tunnel_end *e = owner;
    e->events->incoming(e->owner, conn);
}

static void on_broken(void *owner, enum err why, const char *text)
{
    struct tunnel_end *e = owner;
    link_drop(e->link, why, text);
}

static void on_reachable(void *owner)
{
    struct tunnel_end *e = owner;
    if (e->events->reachable != NULL)
        e->events->reachable(e->owner);
}

static void on_pressed(void *owner, const char *text)
{
    const struct tunnel_end *e = owner;
    monitor_tunnel_memory(e->watched, text);
}

static void on_peer(void *owner)
{
    struct tunnel_end *e = owner;
    if (e->events->peer != NULL)
        e->events->peer(e->owner);
}

static const struct session_events session_events = {
    .services = on_services,
    .incoming = on_incoming,
    .broken = on_broken,
    .reachable = on_reachable,
    .pressed = on_pressed,
    .peer = on_peer,
};

/* ---- link ---- */

static void on_up(void *owner)
{
    struct tunnel_end *e = owner;
    e->up = true;
    e->failures = 0;
    log_info("Successfully established websocket connection with proxy server: %s", e->url);
}

static void give_up(struct tunnel_end *e, const char *text, const char *how)
{
    log_fatal("%s%s; %s", e->title, text, how);
    finish(e, ERR_LINK_LOST);
}

/* Of several tunnels the same failure at every try is told once. */
static void on_down(void *owner, enum err why, const char *text)
{
    struct tunnel_end *e = owner;
    bool was_up = e->up, again = tunnel_end_info(e).repeated;
    char how[60];
    if (!again)
        monitor_tunnel_event(e->watched, MONITOR_DOWN, why, text);
    e->up = false;
    e->failures += !was_up;
    snprintf(how, sizeof how, "giving up after %u tries", e->failures);
    if (was_up && e->once)
        give_up(e, text, "the settings forbid to reconnect");
    else if (e->give_up && e->failures > e->tries)
        give_up(e, text, how);
    else
        log_line(again && !is_alone(e) ? LOG_DEBUG : LOG_ERROR, "%s%s; trying again", e->title,
                 text);
}

static void on_ending(void *owner, uint64_t left_ms)
{
    struct tunnel_end *e = owner;
    char text[200];
    log_warning("%s%s", e->title, telemetry_expiry(left_ms, text, sizeof text));
    monitor_tunnel_ending(e->watched, text);
}

static enum log_level level_of(const struct tunnel_end *e, enum err why)
{
    if (why == ERR_TUNNEL_CLOSED)
        return LOG_INFO;
    return is_alone(e) && why != ERR_TOKEN_REPLACED ? LOG_FATAL : LOG_ERROR;
}

static void on_finished(void *owner, enum err why, const char *text)
{
    struct tunnel_end *e = owner;
    if (!e->over) /* else its cause has been told */
        log_line(level_of(e, why), "%s%s", e->title, text);
    monitor_tunnel_event(e->watched, MONITOR_OVER, why, text);
    finish(e, why);
}

static const struct link_events link_events = {
    .up = on_up,
    .down = on_down,
    .ending = on_ending,
    .finished = on_finished,
};

/* ---- for who watches ---- */

static void show(void *ctx, struct monitor_tunnel_state *out)
{
    const struct tunnel_end *e = ctx;
    telemetry_link(e->link, e->session, out);
}

/* ---- life ---- */

static struct link_options link_options(const struct tunnel_end *e,
                                        const struct tunnel_end_options *o,
                                        const struct trust *trust)
{
    const struct hub_config *hub = o->hub;
    return (struct link_options){
        .host = hub->host,
        .port = hub->port,
        .role = e->role,
        .access_token = hub->access_token,
        .client_token = hub->client_token,
        .subprotocol = hub->subprotocol,
        .instance = e->native ? e->instance : NULL,
        .trust = trust,
        .identity = o->identity,
        .proxy = hub_check_web_proxy(hub),
        .ping_ms = hub->ping_ms,
        .retry_first_ms = hub->retry_ms,
        .agent = o->user_agent,
    };
}

static enum err wrong_proxy(enum err why, char *text, size_t size)
{
    snprintf(text, size, "the proxy's URL (--web-proxy, or the environment) %s",
             upstream_wrong(why));
    return why;
}

static bool make_session(struct tunnel_end *e, const struct tunnel_end_options *o)
{
    const struct session_options options = {
        .role = o->role,
        .version = o->version,
        .max_connections = o->max_connections,
        .linger_ms = o->linger_ms,
        .stall_ms = o->stall_ms,
        .resume_ms = o->resume_ms,
        .idle_ms = o->idle_ms,
        .memory = o->memory,
        .title = e->title,
    };
    e->session = session_new(o->loop, &options, &session_events, e);
    return e->session != NULL;
}

/* *own: what must be freed with the end. NULL: *why and a sentence. */
static const struct trust *trust_of(const struct tunnel_end_options *o, struct trust **own,
                                    enum err *why, char *text, size_t size)
{
    *own = o->trust == NULL ? hub_check_trust(o->hub, why, text, size) : NULL;
    return o->trust == NULL ? *own : o->trust;
}

static enum err make_link(struct tunnel_end *e, const struct tunnel_end_options *o,
                          const struct trust *trust, char *text, size_t size)
{
    struct link_options options = link_options(e, o, trust);
    enum err why;
    options.ready = o->ready;
    options.tls_session = o->tls_session;
    e->link = link_new(o->loop, e->session, &options, &link_events, e, &why);
    if (e->link == NULL)
        return wrong_proxy(why, text, size);
    e->watched = monitor_tunnel_add(
        o->monitor, &(struct monitor_tunnel_info){o->name != NULL ? o->name : "", e->url, show, e});
    return ERR_OK;
}

static enum err make_parts(struct tunnel_end *e, const struct tunnel_end_options *o, char *text,
                           size_t size)
{
    enum err why;
    const struct trust *trust = trust_of(o, &e->trust, &why, text, size);
    if (trust != NULL && make_session(e, o))
        return make_link(e, o, trust, text, size);
    if (o->ready != NULL)
        stream_close(o->ready);
    if (trust == NULL)
        return why;
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    return ERR_NO_MEMORY;
}

static void tell_attempt(const struct tunnel_end *e)
{
    log_info("Attempting to establish web socket connection with endpoint %s", e->url);
}

struct tunnel_end *tunnel_end_new(const struct tunnel_end_options *o,
                                  const struct tunnel_end_events *events, void *owner,
                                  enum err *why, char *text, size_t size)
{
    struct tunnel_end *e = calloc(1, sizeof *e);
    if (e == NULL) {
        if (o->ready != NULL)
            stream_close(o->ready);
        *why = ERR_NO_MEMORY;
        snprintf(text, size, "%s", err_text(*why));
        return NULL;
    }
    *e = (struct tunnel_end){
        .events = events,
        .owner = owner,
        .role = o->role,
        .native = o->native,
        .once = o->once,
        .give_up = o->give_up,
        .tries = o->tries,
    };
    link_instance(e->instance);
    hub_config_url(o->hub, e->url, sizeof e->url);
    if (o->title != NULL)
        snprintf(e->title, sizeof e->title, "%s: ", o->title);
    *why = make_parts(e, o, text, size);
    if (*why != ERR_OK) {
        tunnel_end_free(e);
        return NULL;
    }
    if (is_alone(e))
        tell_attempt(e);
    return e;
}

enum err tunnel_end_change(struct tunnel_end *e, const struct tunnel_end_options *fresh, char *text,
                           size_t size)
{
    bool anew = false;
    enum err why;
    struct trust *own;
    const struct trust *trust = trust_of(fresh, &own, &why, text, size);
    if (trust == NULL)
        return why;
    const struct link_options options = link_options(e, fresh, trust);
    why = link_change(e->link, &options, &anew);
    if (why != ERR_OK) {
        trust_free(own);
        return wrong_proxy(why, text, size);
    }
    trust_free(e->trust);
    e->trust = own;
    e->over = false;
    hub_config_url(fresh->hub, e->url, sizeof e->url);
    session_change(e->session, &(struct session_options){.max_connections = fresh->max_connections,
                                                         .linger_ms = fresh->linger_ms,
                                                         .stall_ms = fresh->stall_ms,
                                                         .resume_ms = fresh->resume_ms,
                                                         .idle_ms = fresh->idle_ms});
    if (anew && is_alone(e))
        tell_attempt(e);
    else if (anew)
        log_info("%sconnects to the hub anew", e->title);
    return ERR_OK;
}

void tunnel_end_retire(struct tunnel_end *e)
{
    if (e != NULL)
        session_detach(e->session, ERR_TUNNEL_CLOSED);
    tunnel_end_stop(e);
}

void tunnel_end_stop(struct tunnel_end *e)
{
    if (e == NULL)
        return;
    monitor_tunnel_remove(e->watched);
    e->watched = NULL;
    if (e->link != NULL)
        link_free(e->link);
    e->link = NULL;
}

void tunnel_end_free(struct tunnel_end *e)
{
    if (e == NULL)
        return;
    tunnel_end_stop(e);
    if (e->session != NULL)
        session_free(e->session);
    trust_free(e->trust);
    free(e);
}

struct session *tunnel_end_session(const struct tunnel_end *e)
{
    return e->session;
}

struct monitor_tunnel *tunnel_end_watched(const struct tunnel_end *e)
{
    return e->watched;
}
