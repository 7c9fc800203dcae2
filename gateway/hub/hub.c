#include "gateway/hub/hub_cluster.h"
#include "gateway/hub/hub_internal.h"
#include "gateway/hub/hub_nodes.h"
#include "gateway/hub/hub_protocol.h"

#include "core/base/log.h"
#include "core/control/monitor_devices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 1000
#define DAY_MS 86400000
#define REFUSAL_LOG_WINDOW_MS 60000
#define TLS_CACHE_BYTES (1 << 20) /* some 10,000 sessions */
#define PLAIN_MODE 0666 /* of a web server's way in: it is another user, and the folder decides */

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

/* ---- listening ---- */

static void on_descriptor(void *owner, struct listener *l, int fd)
{
    const struct hub_listener *at = owner;
    struct hub *hub = at->hub;
    size_t frontend = hub->n_workers + hub->next_frontend;
    bool running = hub->n_threads > hub->n_workers; /* other nodes may call while this one joins */
    struct message_accepted *m =
        running ? MESSAGE(struct message_accepted, MESSAGE_ACCEPTED, frontend) : NULL;
    (void)l;
    if (m == NULL) {
        close(fd);
        return;
    }
    hub->next_frontend = (hub->next_frontend + 1) % (hub->n_threads - hub->n_workers);
    hub->accepted++;
    m->fd = fd;
    m->protocol = at->protocol;
    hub_post(hub, &m->message);
}

static const struct listener_events listener_events = {.descriptor = on_descriptor};

/* NULL: there are too many listeners. */
static struct hub_listener *new_listener(struct hub *hub, const struct hub_protocol *protocol)
{
    struct hub_listener *at = &hub->listeners[hub->n_listeners];
    if (hub->n_listeners == HUB_MAX_LISTENERS)
        return NULL;
    *at = (struct hub_listener){.hub = hub, .protocol = protocol};
    return at;
}

static const char *keep_listener(struct hub_listener *at, struct listener *l)
{
    if (l == NULL)
        return NULL;
    at->listener = l;
    at->hub->n_listeners++;
    return listener_name(l);
}

/* False: others than this machine would reach it. */
static bool guard_plain(const struct listener *l, enum err *why)
{
    *why = ERR_FORBIDDEN;
    if (!listener_is_local(l))
        return false;
    if (listener_port(l) != 0)
        return true;
    *why = chmod(listener_name(l), PLAIN_MODE) == 0 ? ERR_OK : err_from_errno(errno);
    return *why == ERR_OK;
}

const char *hub_listen(struct hub *hub, const struct hub_protocol *protocol, const char *where,
                       enum err *why)
{
    struct hub_listener *at = new_listener(hub, protocol);
    *why = ERR_LIMIT;
    if (at == NULL)
        return NULL;
    struct listener *l = listener_new(hub->o.loop, where, &listener_events, at, why);
    if (l == NULL || !protocol->plain || guard_plain(l, why))
        return keep_listener(at, l);
    listener_free(l);
    return NULL;
}

const char *hub_adopt(struct hub *hub, const struct hub_protocol *protocol, int fd, enum err *why)
{
    struct hub_listener *at = new_listener(hub, protocol);
    *why = ERR_LIMIT;
    if (at != NULL)
        return keep_listener(at, listener_from_fd(hub->o.loop, fd, &listener_events, at, why));
    close(fd);
    return NULL;
}

static void stop_listening(struct hub *hub)
{
    while (hub->n_listeners > 0)
        listener_free(hub->listeners[--hub->n_listeners].listener);
}

/* ---- rules: what SIGHUP reads again ---- */

static const char **path_of(struct hub_options *o, enum hub_path which)
{
    const char **const paths[PATHS] = {
        [PATH_CERT] = &o->cert_file,        [PATH_KEY] = &o->key_file,
        [PATH_FRONT_CERT] = &o->front_cert, [PATH_KEYS] = &o->keys_file,
        [PATH_LIMITS] = &o->limits_file,    [PATH_PRESET] = &o->limits_preset,
        [PATH_AUDIT] = &o->audit_file,
    };
    return paths[which];
}

/* Sets the error and its sentence, and returns false. */
static bool no_memory(enum err *why, char *text, size_t size)
{
    *why = ERR_NO_MEMORY;
    snprintf(text, size, "%s", err_text(*why));
    return false;
}

/* Replaces a path. False: no memory, and the old path is kept. */
static bool keep_path(struct hub *hub, enum hub_path which, const char *path)
{
    char *copy = path != NULL ? strdup(path) : NULL;
    if (path != NULL && copy == NULL)
        return false;
    free(hub->paths[which]);
    *path_of(&hub->o, which) = hub->paths[which] = copy;
    return true;
}

static bool look_at_certificate(struct hub *hub, char *text, size_t size)
{
    bool problem =
        identity_problem(hub->identity, IDENTITY_SERVER, (int64_t)time(NULL), text, size);
    monitor_certificate(hub->monitor, 1000 * identity_ends(hub->identity), problem ? text : NULL);
    return problem;
}

/* Logs when the certificate expires: at the start, after a reload, and every day. */
static void tell_certificate(struct hub *hub, bool problems_only)
{
    char text[256];
    bool problem = look_at_certificate(hub, text, sizeof text);
    hub->certificate_told = loop_now(hub->o.loop);
    hub_alert_certificate(hub);
    if (problem)
        log_warning("%s: %s", hub->o.cert_file, text);
    else if (!problems_only)
        log_info("%s: %s", hub->o.cert_file, text);
    hub_look_at_announced(hub);
}

static bool read_shown(const struct hub_options *from, const struct identity *own,
                       uint8_t out[TLS_FINGERPRINT], enum err *why, char *text, size_t size)
{
    if (from->front_cert != NULL)
        return certificate_file_fingerprint(from->front_cert, out, why, text, size);
    identity_fingerprint(own, out);
    return true;
}

static bool load_identity(struct hub *hub, const struct hub_options *from, enum err *why,
                          char *text, size_t size)
{
    uint8_t shown[TLS_FINGERPRINT];
    struct identity *i = identity_new(from->cert_file, from->key_file, why, text, size);
    bool good = i != NULL && read_shown(from, i, shown, why, text, size);
    if (good &&
        (!keep_path(hub, PATH_CERT, from->cert_file) || !keep_path(hub, PATH_KEY, from->key_file) ||
         !keep_path(hub, PATH_FRONT_CERT, from->front_cert)))
        good = no_memory(why, text, size);
    if (!good) {
        identity_free(i);
        return false;
    }
    memcpy(hub->shown, shown, sizeof hub->shown);
    identity_free(hub->identity);
    hub->identity = i;
    tell_certificate(hub, false);
    return true;
}

/* Replaces keys and limits together, or neither of them. */
static bool load_rules(struct hub *hub, const struct hub_options *from, enum err *why, char *text,
                       size_t size)
{
    struct limit_book *limits =
        limits_read(from->limits_preset, from->limits_file, why, text, size);
    struct keys *keys = NULL;
    if (limits != NULL && from->keys_file != NULL)
        keys = keys_read(from->keys_file, why, text, size);
    bool good = limits != NULL && (keys != NULL || from->keys_file == NULL);
    if (!good || !keep_path(hub, PATH_LIMITS, from->limits_file) ||
        !keep_path(hub, PATH_PRESET, from->limits_preset) ||
        !keep_path(hub, PATH_KEYS, from->keys_file)) {
        limits_free(limits);
        keys_free(keys);
        return good && no_memory(why, text, size);
    }
    api_rules(hub->api, keys, limits);
    accounts_rules(hub->accounts, limits);
    device_registry_limit(hub->devices, (size_t)limits_of(limits, "")->devices);
    streams_rules(hub->streams, limits);
    azure_rest_rules(hub->azure, keys);
    keys_free(hub->keys);
    limits_free(hub->limits);
    hub->keys = keys;
    hub->limits = limits;
    api_revoke(hub->api);
    return true;
}

static bool reload_identity(struct hub *hub, const struct hub_options *from)
{
    char text[512];
    enum err why;
    if (load_identity(hub, from, &why, text, sizeof text)) {
        hub_share_identity(hub);
        log_info("certificate and key were read again");
        return true;
    }
    log_error("%s; going on with the certificate in use", text);
    return false;
}

static bool reload_rules(struct hub *hub, const struct hub_options *from)
{
    char text[512];
    enum err why;
    if (load_rules(hub, from, &why, text, sizeof text)) {
        log_info("access keys and limits were read again; access keys: %zu",
                 hub->keys != NULL ? keys_count(hub->keys) : 0);
        return true;
    }
    log_error("%s; going on with the keys and limits in use", text);
    return false;
}

static bool reload_audit(struct hub *hub, const struct hub_options *from)
{
    enum err why = audit_reopen(hub->audit, from->audit_file);
    if (why == ERR_OK && !keep_path(hub, PATH_AUDIT, from->audit_file))
        why = ERR_NO_MEMORY;
    if (why == ERR_OK)
        return true;
    log_error("%s: %s; going on with the audit log in use", from->audit_file, err_text(why));
    return false;
}

/* The command is the options'; hooks have a copy of it. */
static bool reload_hook(struct hub *hub, const struct hub_options *from)
{
    hub->o.hook = from->hook;
    hub->o.hook_refusals = from->hook_refusals;
    if (hub_alerts_set(hub) == ERR_OK)
        return true;
    log_error("--hook: %s; going on with the command in use", err_text(ERR_NO_MEMORY));
    return false;
}

bool hub_reload(struct hub *hub, const struct hub_options *fresh)
{
    const struct hub_options now =
        hub->o; /* a copy, since its paths may be replaced by themselves */
    const struct hub_options *from = fresh != NULL ? fresh : &now;
    hub->o.allow_unsigned_loopback = from->allow_unsigned_loopback;
    hub->o.device_approve = from->device_approve;
    api_unsigned(hub->api, from->allow_unsigned_loopback);
    device_desk_approve(hub->desk, from->device_approve);
    bool hook = fresh == NULL || reload_hook(hub, fresh);
    bool identity = reload_identity(hub, from), rules = reload_rules(hub, from),
         cluster = hub_reload_cluster(hub, from);
    return reload_audit(hub, from) && identity && rules && hook && cluster;
}

bool hub_check(const struct hub_options *o, char *text, size_t size)
{
    enum err why;
    const struct trust_sources from = {.file = o->device_ca, .clients = true};
    uint8_t shown[TLS_FINGERPRINT];
    struct identity *identity = identity_new(o->cert_file, o->key_file, &why, text, size);
    bool certificates = identity != NULL && read_shown(o, identity, shown, &why, text, size);
    struct limit_book *limits =
        certificates ? limits_read(o->limits_preset, o->limits_file, &why, text, size) : NULL;
    struct keys *keys =
        limits != NULL && o->keys_file != NULL ? keys_read(o->keys_file, &why, text, size) : NULL;
    bool good = limits != NULL && (keys != NULL || o->keys_file == NULL);
    struct trust *trust = good && o->device_ca != NULL ? trust_new(&from, &why, text, size) : NULL;
    good = good && (trust != NULL || o->device_ca == NULL);
    uint8_t key[SEAL_KEY_SIZE];
    good = good && (o->secrets_file == NULL ||
                    device_keys_read_secret(o->secrets_file, key, text, size) == ERR_OK);
    explicit_bzero(key, sizeof key);
    good = good && hooks_check(o->hook.command, text, size);
    good = good && hub_check_cluster(o, text, size);
    trust_free(trust);
    keys_free(keys);
    limits_free(limits);
    identity_free(identity);
    return good;
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
        tell_certificate(hub, true);
}

static bool open_audit(struct hub *hub, enum err *why, char *text, size_t size)
{
    hub->audit = audit_new(hub->o.audit_file, why);
    if (hub->audit == NULL) {
        snprintf(text, size, "%s: %s", hub->o.audit_file, err_text(*why));
        return false;
    }
    if (!keep_path(hub, PATH_AUDIT, hub->o.audit_file))
        return no_memory(why, text, size);
    if (hub->o.cluster.url != NULL)
        audit_node(hub->audit, hub->o.cluster.node);
    struct log_field version = {"version", TUNNEL_VERSION, 0};
    audit_event(hub->audit, "start", &version, 1);
    return true;
}

/* Tunnels and devices of this hub alone. */
static bool open_local(struct hub *hub, enum err *why, char *text, size_t size)
{
    hub->devices = device_registry_new(&(struct device_registry_options){.loop = hub->o.loop});
    if (hub->devices == NULL)
        return no_memory(why, text, size);
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
        return no_memory(why, text, size);
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
    if (open_parts(hub) && load_identity(hub, options, why, text, size) &&
        open_trust(hub, why, text, size) && open_audit(hub, why, text, size) &&
        hub_read_secrets_key(hub, why, text, size) && join_cluster(hub, why, text, size) &&
        open_registry(hub, why, text, size) && load_rules(hub, options, why, text, size) &&
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
    if (m != NULL)
        look_at_certificate(hub, problem, sizeof problem);
    else
        presences_unwatch(&hub->presences);
}

/* The threads stop first, since they use what is shared. Their last messages follow, and then the
 * registry, whose last answers may still go to them. */
void hub_free(struct hub *hub)
{
    if (hub == NULL)
        return;
    stop_listening(hub);
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

void hub_drain(struct hub *hub, uint64_t grace_ms, void (*done)(void *owner), void *owner)
{
    stop_listening(hub);
    hooks_stop(hub->alerts.hooks);
    hub_drain_cluster(hub);
    hub->drained = done;
    hub->drained_owner = owner;
    hub->undrained = hub->n_threads;
    hub->grace = timer_new(hub->o.loop, on_grace_over, hub);
    if (hub->grace == NULL) {
        done(owner);
        return;
    }
    timer_start(hub->grace, grace_ms);
    for (size_t i = 0; i < hub->n_threads; i++)
        post_drain(hub, i);
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
