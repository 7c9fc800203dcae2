#include "gateway/hub/hub_cluster.h"
#include "gateway/hub/hub_internal.h"

#include "core/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

bool hub_no_memory(enum err *why, char *text, size_t size)
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

bool hub_look_at_certificate(struct hub *hub, char *text, size_t size)
{
    bool problem =
        identity_problem(hub->identity, IDENTITY_SERVER, (int64_t)time(NULL), text, size);
    monitor_certificate(hub->monitor, 1000 * identity_ends(hub->identity), problem ? text : NULL);
    return problem;
}

void hub_tell_certificate(struct hub *hub, bool problems_only)
{
    char text[256];
    bool problem = hub_look_at_certificate(hub, text, sizeof text);
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

bool hub_load_identity(struct hub *hub, const struct hub_options *from, enum err *why, char *text,
                       size_t size)
{
    uint8_t shown[TLS_FINGERPRINT];
    struct identity *i = identity_new(from->cert_file, from->key_file, why, text, size);
    bool good = i != NULL && read_shown(from, i, shown, why, text, size);
    if (good &&
        (!keep_path(hub, PATH_CERT, from->cert_file) || !keep_path(hub, PATH_KEY, from->key_file) ||
         !keep_path(hub, PATH_FRONT_CERT, from->front_cert)))
        good = hub_no_memory(why, text, size);
    if (!good) {
        identity_free(i);
        return false;
    }
    memcpy(hub->shown, shown, sizeof hub->shown);
    identity_free(hub->identity);
    hub->identity = i;
    hub_tell_certificate(hub, false);
    return true;
}

/* Replaces keys and limits together, or neither of them. */
bool hub_load_rules(struct hub *hub, const struct hub_options *from, enum err *why, char *text,
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
        return good && hub_no_memory(why, text, size);
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

bool hub_open_audit(struct hub *hub, enum err *why, char *text, size_t size)
{
    hub->audit = audit_new(hub->o.audit_file, why);
    if (hub->audit == NULL) {
        snprintf(text, size, "%s: %s", hub->o.audit_file, err_text(*why));
        return false;
    }
    if (!keep_path(hub, PATH_AUDIT, hub->o.audit_file))
        return hub_no_memory(why, text, size);
    if (hub->o.cluster.url != NULL)
        audit_node(hub->audit, hub->o.cluster.node);
    struct log_field version = {"version", TUNNEL_VERSION, 0};
    audit_event(hub->audit, "start", &version, 1);
    return true;
}

/* ---- again ---- */

static bool reload_identity(struct hub *hub, const struct hub_options *from)
{
    char text[512];
    enum err why;
    if (hub_load_identity(hub, from, &why, text, sizeof text)) {
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
    if (hub_load_rules(hub, from, &why, text, sizeof text)) {
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
