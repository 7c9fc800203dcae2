/* The agent as a device that stands by: its link to the hub, whom it accepts, and its tunnels. */
#include "core/base/log.h"
#include "core/base/text.h"
#include "gateway/common/hub_check.h"
#include "gateway/destination/agent_role.h"
#include "gateway/destination/device_link.h"
#include "gateway/destination/device_notices.h"
#include "gateway/destination/device_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_MAX 300

struct device {
    const struct agent *agent;
    struct loop *loop;
    struct monitor *monitor;
    struct monitor_tunnel *watched; /* the link, as one of the monitor's tunnels */
    struct device_state *state;     /* NULL: a certificate says who it is */
    struct trust *trust;
    struct device_link *link;
    struct accepted_tunnels *tunnels;
    struct acceptance *acceptance;
    struct device_notices *notices;
    bool pending;
};

/* ---- notices ---- */

static void on_notice(void *owner, const struct hub_notice *n)
{
    struct device *d = owner;
    device_notices_take(d->notices, &d->agent->config->services, n);
}

static void on_withdrawn(void *owner, struct span id)
{
    struct device *d = owner;
    device_notices_withdraw(d->notices, id);
}

static void answer(void *owner, struct span id, bool accepted, enum device_code code,
                   struct span why)
{
    struct device *d = owner;
    device_link_answer(d->link, id, accepted, code, why);
}

static const struct tls_session *session(void *owner)
{
    const struct device *d = owner;
    return device_link_session(d->link);
}

/* ---- the link ---- */

static void on_status(void *owner, struct device_status *out)
{
    const struct device *d = owner;
    const struct services *map = &d->agent->config->services;
    for (size_t i = 0; i < map->n && out->n_services < DEVICE_LINK_SERVICES_MAX; i++)
        out->services[out->n_services++] = span_of(map->items[i].id);
    out->accepting = !acceptance_is_never(d->acceptance);
}

static size_t on_tunnels(void *owner, struct span out[DEVICE_LINK_TUNNELS_MAX])
{
    const struct device *d = owner;
    return accepted_tunnels_ids(d->tunnels, out);
}

/* That it could not be kept costs only what the next start says. */
static void keep_enrolment(struct device *d)
{
    char text[400];
    if (d->state != NULL && device_state_enrolled(d->state, text, sizeof text) != ERR_OK)
        log_error("the enrolment could not be noted: %s", text);
}

static void on_welcome(void *owner, struct span name, bool enrolled, bool pending)
{
    struct device *d = owner;
    char safe[2 * DEVICE_NAME_MAX], line[400];
    str_escape(name, safe, sizeof safe);
    d->pending = pending;
    keep_enrolment(d);
    snprintf(line, sizeof line, "device \"%s\" %s%s", safe,
             enrolled ? "is enrolled" : "is known to the hub",
             pending ? ", and waits for an operator's approval (tunnelctl devices approve)"
                     : ", and stands by");
    log_info("%s", line);
    if (!pending)
        monitor_tunnel_event(d->watched, MONITOR_UP, ERR_OK, line);
}

/* What a person can do about a refusal; "" for nothing that is sure to help. */
static const char *help_of(enum device_reason reason)
{
#define INVITE "; \"tunnelctl devices invite\" makes a join token (--join-token-file)"
    static const char *const help[] = {
        [DEVICE_REASON_UNKNOWN_DEVICE] = INVITE,
        [DEVICE_REASON_JOIN_TOKEN_UNKNOWN] = INVITE,
        [DEVICE_REASON_JOIN_TOKEN_EXPIRED] = INVITE,
        [DEVICE_REASON_JOIN_TOKEN_USED_UP] = INVITE,
        [DEVICE_REASON_NAME_NOT_INVITED] = INVITE,
        [DEVICE_REASON_NAME_TAKEN] =
            "; \"tunnelctl devices reset\" gives the name up for a new key",
        [DEVICE_REASON_DISABLED] = "; \"tunnelctl devices enable\" lets it in again",
        [DEVICE_REASON_REMOVED] = INVITE,
        [DEVICE_REASON_REPLACED] = ("; a second agent has the same key, as a copied disk has: give "
                                    "each a --state-dir and a name of its own"),
    };
#undef INVITE
    bool has = (size_t)reason < sizeof help / sizeof *help && help[reason] != NULL;
    return has ? help[reason] : "";
}

static void on_down(void *owner, enum err why, enum device_reason reason, const char *text)
{
    struct device *d = owner;
    bool again = device_link_info(d->link).repeated;
    const char *pace = reason != DEVICE_REASON_UNKNOWN ? " now and then" : "";
    d->pending = false;
    if (!again)
        monitor_tunnel_event(d->watched, MONITOR_DOWN, why, text);
    log_line(again ? LOG_DEBUG : LOG_ERROR, "%s; trying again%s%s", text, pace, help_of(reason));
}

/* Whether the hub has said that it does not have the device's key. */
static bool is_unknown_there(enum device_reason reason)
{
    return reason == DEVICE_REASON_UNKNOWN_DEVICE || reason == DEVICE_REASON_NAME_TAKEN ||
           reason == DEVICE_REASON_NAME_NOT_INVITED || reason == DEVICE_REASON_NAME_INVALID ||
           reason == DEVICE_REASON_JOIN_TOKEN_UNKNOWN ||
           reason == DEVICE_REASON_JOIN_TOKEN_EXPIRED || reason == DEVICE_REASON_JOIN_TOKEN_USED_UP;
}

/* A key that was made for nothing is taken back, so that an image that is made of this machine does
 * not give one key to many. */
static void on_finished(void *owner, enum device_reason reason, const char *text)
{
    struct device *d = owner;
    char problem[400];
    log_fatal("%s%s", text, help_of(reason));
    if (d->state != NULL && is_unknown_there(reason) &&
        device_state_remove(d->state, problem, sizeof problem) != ERR_OK)
        log_error("%s", problem);
    program_run_end(d->agent->run, EXIT_FAILURE);
}

static const struct device_link_events link_events = {
    .status = on_status,
    .tunnels = on_tunnels,
    .welcome = on_welcome,
    .notice = on_notice,
    .withdrawn = on_withdrawn,
    .down = on_down,
    .finished = on_finished,
};

/* ---- for who watches ---- */

static void show_link(void *ctx, struct monitor_tunnel_state *out)
{
    static const enum monitor_link links[] = {
        [DEVICE_LINK_CONNECTING] = MONITOR_CONNECTING,
        [DEVICE_LINK_PENDING] = MONITOR_CONNECTING,
        [DEVICE_LINK_UP] = MONITOR_UP,
        [DEVICE_LINK_WAITING] = MONITOR_DOWN,
        [DEVICE_LINK_OVER] = MONITOR_OVER,
    };
    const struct device *d = ctx;
    struct device_link_info now = device_link_info(d->link);
    out->link = links[now.phase];
    out->since_ms = now.since_ms;
    out->retry_ms = now.retry_ms;
    out->round_trip_us = now.round_trip_us;
    out->connections = now.connections;
    out->why = now.why;
    out->text = now.phase == DEVICE_LINK_PENDING ? "waits for an operator's approval" : now.text;
}

static void show_device(void *ctx, struct monitor_device_state *out)
{
    const struct device *d = ctx;
    const struct device_link_info now = device_link_info(d->link);
    out->present = now.phase == DEVICE_LINK_UP;
    out->pending = now.phase == DEVICE_LINK_PENDING;
    out->refusal = now.refusal;
    out->accepting = !acceptance_is_never(d->acceptance);
    out->tunnels = accepted_tunnels_count(d->tunnels);
}

static void watch(struct device *d)
{
    const struct agent_config *c = d->agent->config;
    char url[URL_MAX];
    hub_config_url(&c->hub, url, sizeof url);
    d->watched = monitor_tunnel_add(
        d->monitor, &(struct monitor_tunnel_info){c->device.name, url, show_link, d});
    monitor_device(d->monitor, c->device.name, show_device, d);
}

static const char *unready(const void *role)
{
    const struct device *d = role;
    switch (device_link_info(d->link).phase) {
    case DEVICE_LINK_UP:
        return NULL;
    case DEVICE_LINK_PENDING:
        return "The device waits for an operator's approval.";
    default:
        return "The device is not connected to its hub.";
    }
}

/* ---- life ---- */

static struct device_link_options link_options(const struct device *d, const struct agent_config *c,
                                               const struct trust *trust)
{
    return (struct device_link_options){
        .loop = d->loop,
        .user_agent = c->end.user_agent,
        .version = TUNNEL_VERSION,
        .name = c->device.name,
        .key = d->state != NULL ? &device_state_identity(d->state)->key : NULL,
        .enrolled = d->state == NULL || device_state_identity(d->state)->enrolled,
        .hub = &c->hub,
        .fixed_pings = c->fixed_pings,
        .join_token = c->device.join_token,
        .trust = trust,
        .identity = c->end.identity,
    };
}

static struct accepted_tunnels_options
tunnels_options(const struct device *d, const struct agent_config *c, const struct trust *trust)
{
    struct accepted_tunnels_options o = {
        .end = c->end, .destination = c->destination, .most = c->device.max_tunnels};
    o.end.loop = d->loop;
    o.end.monitor = d->monitor;
    o.end.memory = d->agent->memory;
    o.end.trust = trust;
    o.destination.monitor = d->monitor;
    return o;
}

static bool open_state(struct device *d, char *text, size_t size)
{
    const struct device_config *c = &d->agent->config->device;
    enum err why;
    if (c->by_certificate)
        return true;
    d->state =
        device_state_open(c->directory, c->name, c->known ? &c->identity : NULL, &why, text, size);
    return d->state != NULL;
}

static bool open_parts(struct device *d, char *text, size_t size)
{
    const struct agent_config *c = d->agent->config;
    enum err why;
    d->trust = hub_check_trust(&c->hub, &why, text, size);
    if (d->trust == NULL || !open_state(d, text, size))
        return false;
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    const struct accepted_tunnels_options tunnels = tunnels_options(d, c, d->trust);
    const struct device_link_options link = link_options(d, c, d->trust);
    d->acceptance = acceptance_new(d->loop, c->device.accept_command, c->device.accept_never);
    d->tunnels = accepted_tunnels_new(&tunnels);
    if (d->acceptance == NULL || d->tunnels == NULL)
        return false;
    d->notices = device_notices_new(&(struct device_notices_options){.acceptance = d->acceptance,
                                                                     .tunnels = d->tunnels,
                                                                     .device = c->device.name,
                                                                     .answer = answer,
                                                                     .session = session,
                                                                     .owner = d});
    if (d->notices == NULL)
        return false;
    d->link = device_link_new(&link, &link_events, d, &why);
    if (d->link == NULL && why != ERR_NO_MEMORY)
        snprintf(text, size, "the proxy's URL (--web-proxy, or the environment) %s",
                 upstream_wrong(why));
    return d->link != NULL;
}

static void stop(void *role)
{
    struct device *d = role;
    if (d == NULL)
        return;
    monitor_device(d->monitor, NULL, NULL, NULL);
    monitor_tunnel_remove(d->watched);
    device_link_free(d->link);
    device_notices_free(d->notices);
    accepted_tunnels_free(d->tunnels);
    acceptance_free(d->acceptance);
    device_state_close(d->state);
    trust_free(d->trust);
    free(d);
}

static void *start(const struct agent *agent)
{
    struct device *d = calloc(1, sizeof *d);
    char text[400], url[URL_MAX];
    if (d == NULL) {
        log_fatal("%s", err_text(ERR_NO_MEMORY));
        return NULL;
    }
    d->agent = agent;
    d->loop = program_run_loop(agent->run);
    d->monitor = program_run_monitor(agent->run);
    if (!open_parts(d, text, sizeof text)) {
        log_fatal("%s", text);
        stop(d);
        return NULL;
    }
    watch(d);
    hub_config_url(&agent->config->hub, url, sizeof url);
    log_info("device \"%s\" connects to %s%s", agent->config->device.name, url,
             acceptance_is_never(d->acceptance) ? ", and accepts nobody (--accept never)" : "");
    return d;
}

/* ---- while it runs ---- */

static void accept_or_not(void *role, bool never)
{
    struct device *d = role;
    if (acceptance_is_never(d->acceptance) == never)
        return;
    acceptance_set(d->acceptance, never);
    log_info("notices are %s from now on", never ? "rejected" : "accepted");
    device_link_tell(d->link);
}

static bool is_same_device(const struct device *d, const struct agent_config *fresh)
{
    const struct device_config *a = &d->agent->config->device, *b = &fresh->device;
    return a->by_certificate == b->by_certificate && strcmp(a->name, b->name) == 0;
}

/* The services that the hub is told come from the configuration that is in use by then. */
static bool apply(void *role, const struct agent_config *fresh)
{
    struct device *d = role;
    char text[400];
    enum err why;
    if (!is_same_device(d, fresh)) {
        log_error("SIGHUP: which device this is, and how it proves that, is decided at the start; "
                  "going on with the configuration in use");
        return false;
    }
    struct trust *trust = hub_check_trust(&fresh->hub, &why, text, sizeof text);
    if (trust == NULL) {
        log_error("SIGHUP: %s; going on with the configuration in use", text);
        return false;
    }
    const struct device_link_options link = link_options(d, fresh, trust);
    const struct accepted_tunnels_options tunnels = tunnels_options(d, fresh, trust);
    why = acceptance_command(d->acceptance, fresh->device.accept_command);
    if (why == ERR_OK)
        why = device_link_change(d->link, &link);
    if (why != ERR_OK) {
        log_error("SIGHUP: %s; going on with the configuration in use",
                  why == ERR_NO_MEMORY ? err_text(why) : upstream_wrong(why));
        trust_free(trust);
        return false;
    }
    accepted_tunnels_change(d->tunnels, &tunnels);
    trust_free(d->trust);
    d->trust = trust;
    return true;
}

static void applied(void *role)
{
    struct device *d = role;
    device_link_tell(d->link);
}

const struct agent_role agent_device = {
    .start = start,
    .stop = stop,
    .unready = unready,
    .apply = apply,
    .applied = applied,
    .accept = accept_or_not,
};
