#include "gateway/hub/hub_cluster.h"
#include "gateway/hub/hub_internal.h"
#include "gateway/hub/hub_nodes.h"
#include "gateway/hub/hub_protocol.h"

#include "core/base/log.h"
#include "core/control/monitor_devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define DAY_MS 86400000
#define REFUSAL_LOG_WINDOW_MS 60000
#define TLS_CACHE_BYTES (1 << 20) /* some 10,000 sessions */

/* ---- messages ---- */

static void end_drain(struct hub *hub)
{
    timer_stop(hub->grace);
    hub->drained(hub->drained_owner);
}

static void on_drained(struct hub *hub, void *message)
{
    if (--hub->undrained == 0)
        end_drain(hub);
    message_free(message);
}

typedef void receiver(struct hub *hub, void *message);

/* Each receiver takes the message over, because most keep it until they have an answer. */
static void on_message(void *owner, struct mail *mail)
{
    static receiver *const receivers[MESSAGE_COUNT] = {
        [MESSAGE_ADMIT_REQUEST] = admission_requested,
        [MESSAGE_MIGRATE_OUT] = admission_migrate,
        [MESSAGE_DETACHED] = admission_detached,
        [MESSAGE_API_REQUEST] = hub_called,
        [MESSAGE_API_LEFT] = hub_caller_left,
        [MESSAGE_REFUSED] = admission_refused,
        [MESSAGE_DRAINED] = on_drained,
        [MESSAGE_DEVICE_HELLO] = device_desk_hello,
        [MESSAGE_MQTT_HELLO] = device_desk_mqtt,
        [MESSAGE_DEVICE_OUT] = device_desk_out,
        [MESSAGE_DEVICE_SAID] = device_desk_said,
        [MESSAGE_DEVICE_GONE] = device_desk_gone,
        [MESSAGE_BRIDGE_HELLO] = bridge_desk_hello,
        [MESSAGE_BRIDGE_OUT] = bridge_desk_out,
        [MESSAGE_BRIDGE_GONE] = bridge_desk_gone,
        [MESSAGE_FORWARD_OUT] = forward_desk_out,
        [MESSAGE_FORWARD_GONE] = forward_desk_gone,
        [MESSAGE_INNER_WANTED] = bridge_desk_inner_wanted,
        [MESSAGE_INNER_LEFT] = bridge_desk_inner_left,
        [MESSAGE_INNER_GONE] = bridge_desk_inner_gone,
    };
    struct message *m = message_of(mail);
    receivers[m->kind](owner, m);
}

/* Reads the last messages after the workers have stopped. Only ends that are gone matter then. */
static void on_last_message(void *owner, struct mail *mail)
{
    struct message *m = message_of(mail);
    if (m->kind == MESSAGE_DETACHED)
        admission_detached(owner, m);
    else if (m->kind == MESSAGE_DEVICE_GONE)
        device_desk_gone(owner, m);
    else if (m->kind == MESSAGE_BRIDGE_GONE)
        bridge_desk_gone(owner, m);
    else if (m->kind == MESSAGE_FORWARD_GONE)
        forward_desk_gone(owner, m);
    else
        message_free(m);
}

/* ---- life ---- */

static void on_tick(void *owner)
{
    struct hub *hub = owner;
    timer_start(hub->tick, TICK_MS);
    refusal_log_tick(hub->refusal_log, loop_now(hub->o.loop));
    accounts_tick(hub->accounts, loop_now(hub->o.loop));
    bridge_desk_tick(hub->bridges);
    api_tick(hub->api);
    hub_alerts_tick(hub);
    if (loop_now(hub->o.loop) - hub->certificate_told >= DAY_MS)
        hub_tell_certificate(hub, true);
}

/* Tunnels and devices of this hub alone. */
static bool open_local(struct hub *hub, enum err *why, char *text, size_t size)
{
    hub->devices = device_registry_new(&(struct device_registry_options){.loop = hub->o.loop});
    if (hub->devices == NULL)
        return hub_no_memory(why, text, size);
    struct registry_options r = {.loop = hub->o.loop,
                                 .folder = hub->o.state_folder,
                                 .companion = device_registry_companion(hub->devices),
                                 .keyed = admission_keyed,
                                 .owner = hub};
    hub->registry = registry_new(&r, why, text, size);
    return hub->registry != NULL && hub_check_secrets_key(hub, why, text, size);
}

/* The other nodes may call from now on. */
static bool join_cluster(struct hub *hub, enum err *why, char *text, size_t size)
{
    const char *where = hub->o.cluster.listen;
    if (!hub_open_cluster(hub, why, text, size))
        return false;
    if (hub->o.cluster.url == NULL)
        return true;
    const char *name = hub_listen(hub, &cluster_protocol, where, why);
    if (name == NULL) {
        snprintf(text, size, "cannot listen on %s: %s", where, listener_problem(where, *why));
        return false;
    }
    log_info("Listening for other nodes on %s", name);
    return hub_join_cluster(hub, name, why, text, size);
}

static bool open_registry(struct hub *hub, enum err *why, char *text, size_t size)
{
    if (!(hub_is_node(hub) ? hub_open_shared : open_local)(hub, why, text, size))
        return false;
    hub->subscriber = (struct registry_subscriber){.events = &admission_events, .owner = hub};
    registry_subscribe(hub->registry, &hub->subscriber);
    hub->desk = device_desk_new(hub, hub->o.device_approve);
    hub->bridges = bridge_desk_new(hub);
    if (hub->desk == NULL || hub->bridges == NULL || !hub_open_streams(hub))
        return hub_no_memory(why, text, size);
    struct api_options a = {.registry = hub->registry,
                            .devices = hub->devices,
                            .notices = device_desk_notices(hub->desk),
                            .audit = hub->audit,
                            .secrets_key = hub_secrets_key(hub),
                            .region = hub->o.region,
                            .account = hub->o.account,
                            .allow_unsigned_loopback = hub->o.allow_unsigned_loopback};
    hub->api = api_new(&a);
    *why = ERR_NO_MEMORY;
    return hub->api != NULL;
}

static bool open_trust(struct hub *hub, enum err *why, char *text, size_t size)
{
    struct trust_sources from = {.file = hub->o.device_ca, .clients = true};
    if (hub->o.device_ca == NULL)
        return true;
    hub->device_trust = trust_new(&from, why, text, size);
    return hub->device_trust != NULL;
}

static bool open_parts(struct hub *hub)
{
    hub->accounts = accounts_new();
    hub->refusal_log = refusal_log_new(REFUSAL_LOG_WINDOW_MS, admission_refusal_repeated, hub);
    hub->tick = timer_new(hub->o.loop, on_tick, hub);
    hub->cache = tls_cache_new(TLS_CACHE_BYTES);
    hub->mailbox = mailbox_new(hub->o.loop, on_message, hub);
    return hub->accounts != NULL && hub->refusal_log != NULL && hub->tick != NULL &&
           hub->cache != NULL && hub->mailbox != NULL && hub_alerts_open(hub);
}

struct hub *hub_new(const struct hub_options *options, enum err *why, char *text, size_t size)
{
    struct hub *hub = calloc(1, sizeof *hub);
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(*why));
    if (hub == NULL)
        return NULL;
    hub->o = *options;
    if (open_parts(hub) && hub_load_identity(hub, options, why, text, size) &&
        open_trust(hub, why, text, size) && hub_open_audit(hub, why, text, size) &&
        hub_read_secrets_key(hub, why, text, size) && join_cluster(hub, why, text, size) &&
        open_registry(hub, why, text, size) && hub_load_rules(hub, options, why, text, size) &&
        hub_start_threads(hub)) {
        timer_start(hub->tick, TICK_MS);
        log_info("open tunnels: %zu; access keys: %zu; workers: %zu",
                 registry_open_count(hub->registry), hub->keys != NULL ? keys_count(hub->keys) : 0,
                 hub->n_workers);
        return hub;
    }
    hub_free(hub);
    return NULL;
}

static size_t open_tunnels(void *ctx)
{
    const struct hub *hub = ctx;
    return registry_open_count(hub->registry);
}

void hub_set_monitor(struct hub *hub, struct monitor *m)
{
    char problem[256];
    if (hub == NULL)
        return;
    monitor_open_tunnels(m != NULL ? m : hub->monitor, m != NULL ? open_tunnels : NULL, hub);
    if (m != NULL)
        device_desk_watch(hub->desk, m);
    else
        monitor_devices(hub->monitor, NULL);
    bridge_desk_watch(hub->bridges, m);
    forward_desk_watch(hub->forwards, m);
    hub_watch_nodes(hub, m);
    hub->monitor = m;
    hub_alerts_watch(hub);
    if (m != NULL)
        hub_look_at_certificate(hub, problem, sizeof problem);
    else
        presences_unwatch(&hub->presences);
}

/* The threads stop first, since they use what is shared. Their last messages follow, and then the
 * registry, whose last answers may still go to them. */
void hub_free(struct hub *hub)
{
    if (hub == NULL)
        return;
    hub_stop_listening(hub);
    if (hub->alerts.hooks != NULL)
        hooks_stop(hub->alerts.hooks);
    for (size_t i = 0; i < hub->n_threads; i++)
        worker_stop(hub->threads[i]);
    mailbox_free(hub->mailbox, on_last_message);
    streams_end(hub->streams);
    bridge_desk_end(hub->bridges);
    device_desk_end(hub->desk);
    api_without_notices(hub->api);
    hub_free_shared(hub);
    device_desk_free(hub->desk);
    bridge_desk_free(hub->bridges);
    streams_free(hub->streams);
    azure_rest_free(hub->azure);
    api_free(hub->api);
    for (size_t i = 0; i < hub->n_threads; i++)
        worker_free(hub->threads[i]);
    forward_desk_free(hub->forwards);
    presences_free(&hub->presences); /* their registrations were in messages that were not read */
    audit_free(hub->audit);
    keys_free(hub->keys);
    limits_free(hub->limits);
    accounts_free(hub->accounts);
    refusal_log_free(hub->refusal_log);
    hooks_free(hub->alerts.hooks);
    timer_free(hub->tick);
    timer_free(hub->grace);
    tls_cache_free(hub->cache);
    trust_free(hub->device_trust);
    identity_free(hub->identity);
    for (size_t i = 0; i < PATHS; i++)
        free(hub->paths[i]);
    explicit_bzero(hub->secrets_key, sizeof hub->secrets_key);
    free(hub);
}

/* ---- the end ---- */

static void on_grace_over(void *owner)
{
    end_drain(owner);
}

static void post_drain(struct hub *hub, size_t thread)
{
    struct message_drain *m = MESSAGE(struct message_drain, MESSAGE_DRAIN, thread);
    if (m != NULL)
        m->moves = hub_is_node(hub);
    hub_post(hub, m != NULL ? &m->message : NULL);
}

static void drain(struct hub *hub)
{
    timer_start(hub->grace, hub->grace_ms);
    hub_stop_listening(hub);
    for (size_t i = 0; i < hub->n_threads; i++)
        post_drain(hub, i);
}

void hub_drain(struct hub *hub, uint64_t grace_ms, void (*done)(void *owner), void *owner)
{
    hooks_stop(hub->alerts.hooks);
    hub->drained = done;
    hub->drained_owner = owner;
    hub->undrained = hub->n_threads;
    hub->grace = timer_new(hub->o.loop, on_grace_over, hub);
    if (hub->grace == NULL) {
        done(owner);
        return;
    }
    hub->grace_ms = grace_ms;
    hub_drain_cluster(hub, drain);
}

const char *hub_unready(const struct hub *hub)
{
    if (hub->grace != NULL)
        return "the hub is shutting down";
    if (hub_cluster_unready(hub) != NULL)
        return hub_cluster_unready(hub);
    if (!registry_healthy(hub->registry))
        return "tunnels cannot be stored";
    return hub->n_listeners == 0 ? "nobody can connect yet" : NULL;
}
