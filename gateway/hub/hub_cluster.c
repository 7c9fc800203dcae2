#include "gateway/hub/hub_cluster.h"

#include "core/base/log.h"
#include "core/net/address.h"
#include "gateway/hub/cluster/node_client.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/devices/shared/shared_devices.h"
#include "gateway/hub/hub_internal.h"
#include "gateway/hub/hub_nodes.h"
#include "gateway/hub/redis/redis.h"
#include "gateway/hub/registry/shared/shared_registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ID_FILE "cluster"
#define NO_HOST "--cluster-listen has no host that others can dial"

static bool fail(enum err *why, enum err e, char *text, size_t size, const char *sentence)
{
    *why = e;
    snprintf(text, size, "%s", sentence);
    return false;
}

/* ---- keys ---- */

/* Whether nodes with the same authority let this one in, in both directions. Their clocks may be
 * right where ours is wrong, so its time is only worth a warning. */
static bool others_take(const struct hub_cluster_options *c, const struct cluster_keys *k,
                        enum err *why, char *text, size_t size)
{
    const struct identity *i = cluster_keys_identity(k);
    char sentence[300], *host = NULL;
    int port;
    int64_t now = (int64_t)time(NULL);
    bool good =
        address_split(c->listen, &host, &port) && host != NULL &&
        identity_is_trusted(i, cluster_keys_servers(k), host, now, why, sentence,
                            sizeof sentence) &&
        identity_is_trusted(i, cluster_keys_clients(k), NULL, now, why, sentence, sizeof sentence);
    if (host == NULL)
        return fail(why, ERR_USAGE, text, size, NO_HOST);
    free(host);
    if (good)
        return true;
    snprintf(text, size, "%s: the other nodes will refuse it: %s", c->keys.cert, sentence);
    if (*why != ERR_TLS_EXPIRED)
        return false;
    log_warning("%s", text);
    return true;
}

static struct cluster_keys *read_keys(const struct hub_options *o, enum err *why, char *text,
                                      size_t size)
{
    struct cluster_keys *keys = cluster_keys_new(&o->cluster.keys, why, text, size);
    if (keys == NULL || others_take(&o->cluster, keys, why, text, size))
        return keys;
    cluster_keys_free(keys);
    return NULL;
}

static bool load_keys(struct hub *hub, const struct hub_options *from, enum err *why, char *text,
                      size_t size)
{
    struct cluster_keys *keys = read_keys(from, why, text, size);
    if (keys == NULL)
        return false;
    cluster_keys_free(hub->cluster_keys);
    hub->cluster_keys = keys;
    forward_desk_keys(hub->forwards, cluster_keys_ref(keys));
    node_client_keys(hub->node_client, cluster_keys_ref(keys));
    return true;
}

bool hub_reload_cluster(struct hub *hub, const struct hub_options *from)
{
    char text[512];
    enum err why;
    if (!hub_is_node(hub))
        return true;
    if (load_keys(hub, from, &why, text, sizeof text)) {
        hub_share_cluster_keys(hub);
        log_info("the cluster's certificate, key and authority were read again");
        return true;
    }
    log_error("%s; going on with those in use", text);
    return false;
}

bool hub_check_cluster(const struct hub_options *o, char *text, size_t size)
{
    enum err why;
    struct cluster_keys *keys = o->cluster.url != NULL ? read_keys(o, &why, text, size) : NULL;
    cluster_keys_free(keys);
    return keys != NULL || o->cluster.url == NULL;
}

void hub_look_at_announced(const struct hub *hub)
{
    const char *where = hub->o.cluster.announce;
    char *host = NULL;
    int port;
    if (where != NULL && hub->o.front_cert == NULL && address_split(where, &host, &port) &&
        host != NULL && !identity_has_host(hub->identity, host))
        log_warning("%s: the certificate is not for %s, to which --announce has clients sent: they "
                    "will refuse it and come back",
                    hub->o.cert_file, host);
    free(host);
}

/* ---- what happens to nodes ---- */

static void on_redis(void *owner, bool up)
{
    (void)owner;
    if (up)
        log_info("Redis answers again");
    else
        log_warning("Redis does not answer: what runs goes on; new tunnels, first uses of tokens "
                    "and changes have to wait");
}

static void audit_change(struct hub *hub, const char *event, const char *name, const char *state)
{
    struct log_field fields[] = {{"name", name, 0}, {"state", state, 0}};
    audit_event(hub->audit, event, fields, 2);
}

static void on_fenced(void *owner)
{
    struct hub *hub = owner;
    log_warning("this node was taken for dead; it claims again what it has");
    audit_change(hub, "node-fenced", hub->o.cluster.node, "up");
    registry_reclaim(hub->registry);
    device_registry_reclaim(hub->devices);
}

static void on_taken(void *owner, const char *text)
{
    struct hub *hub = owner;
    log_error("%s; this hub ends", text);
    audit_change(hub, "node-taken", hub->o.cluster.node, "dead");
    if (hub->o.cluster.taken != NULL)
        hub->o.cluster.taken(hub->o.cluster.owner);
}

static void on_node_changed(void *owner, const struct node_info *n)
{
    struct hub *hub = owner;
    const char *state = node_state_name(n->state);
    log_info("node %s at %s: %s", n->name, n->address, state);
    audit_change(hub, "node", n->name, state);
    if (n->state == NODE_DRAINING && strcmp(n->name, hub->o.cluster.node) == 0)
        hub_tell_draining(hub);
}

static void figures(void *owner, struct node_figures *out)
{
    const struct hub *hub = owner;
    out->tunnels = hub->presences.size;
    out->devices = hub->desk != NULL ? notices_present(device_desk_notices(hub->desk)) : 0;
    for (size_t i = 0; i < hub->n_threads; i++) {
        const struct worker_stats *s = worker_stats_of(hub->threads[i]);
        out->ends += stat_get(&s->clients);
        out->bytes += stat_get(&s->from_source) + stat_get(&s->from_destination);
    }
}

/* ---- joining ---- */

/* What others are told: the host as it was given, with the real port. */
static bool own_address(const char *given, const char *real, char *out, size_t size)
{
    char *host = NULL;
    int port;
    const char *colon = strrchr(real, ':');
    bool good = address_split(given, &host, &port) && host != NULL && colon != NULL;
    if (good)
        snprintf(out, size, strchr(host, ':') != NULL ? "[%s]%s" : "%s%s", host, colon);
    free(host);
    return good;
}

static bool join(struct hub *hub, const char *address, enum err *why, char *text, size_t size)
{
    const struct hub_cluster_options *c = &hub->o.cluster;
    char file[600];
    const struct redis_options r = {.loop = hub->o.loop,
                                    .url = c->url,
                                    .password_file = c->password_file,
                                    .sentinel_password_file = c->sentinel_password_file,
                                    .changed = on_redis,
                                    .owner = hub};
    hub->redis = redis_new(&r, why, text, size);
    if (hub->redis == NULL)
        return false;
    if (mkdir(hub->o.state_folder, 0700) != 0 && errno != EEXIST)
        return fail(why, err_from_errno(errno), text, size, hub->o.state_folder);
    snprintf(file, sizeof file, "%s/" ID_FILE, hub->o.state_folder);
    const struct nodes_options n = {.loop = hub->o.loop,
                                    .redis = hub->redis,
                                    .name = c->node,
                                    .address = address,
                                    .announce = c->announce != NULL ? c->announce : "",
                                    .version = TUNNEL_VERSION,
                                    .id_file = file,
                                    .lease_ms = c->lease_ms,
                                    .figures = figures,
                                    .fenced = on_fenced,
                                    .taken = on_taken,
                                    .changed = on_node_changed,
                                    .owner = hub};
    hub->nodes = nodes_new(&n, why, text, size);
    return hub->nodes != NULL;
}

/* A notice could not be told to the node that had the device's link: it is kept here. */
static void on_untold(void *owner, const struct notice *q)
{
    const struct hub *hub = owner;
    if (hub->desk != NULL)
        notices_give_back(device_desk_notices(hub->desk), q);
}

bool hub_open_cluster(struct hub *hub, enum err *why, char *text, size_t size)
{
    hub->forwards = forward_desk_new(hub);
    hub->node_client = node_client_new(&(struct node_client_options){
        .loop = hub->o.loop, .self = hub->o.cluster.node, .untold = on_untold, .owner = hub});
    if (hub->forwards == NULL || hub->node_client == NULL)
        return fail(why, ERR_NO_MEMORY, text, size, err_text(ERR_NO_MEMORY));
    return hub->o.cluster.url == NULL || load_keys(hub, &hub->o, why, text, size);
}

bool hub_join_cluster(struct hub *hub, const char *listens, enum err *why, char *text, size_t size)
{
    char address[300];
    if (own_address(hub->o.cluster.listen, listens, address, sizeof address))
        return join(hub, address, why, text, size);
    return fail(why, ERR_USAGE, text, size, NO_HOST);
}

/* ---- the registries ---- */

static void on_hint(void *owner, const char *to, const char *kind, const char *id)
{
    hub_tell_changed(owner, to, &(struct node_look){node_look_of(kind), id});
}

bool hub_open_shared(struct hub *hub, enum err *why, char *text, size_t size)
{
    hub->devices =
        shared_devices_new(&(struct shared_devices_options){.loop = hub->o.loop,
                                                            .redis = hub->redis,
                                                            .nodes = hub->nodes,
                                                            .secrets_key = hub_secrets_key(hub),
                                                            .hint = on_hint,
                                                            .owner = hub},
                           why, text, size);
    if (hub->devices == NULL)
        return false;
    hub->registry = shared_registry_new(&(struct shared_registry_options){.loop = hub->o.loop,
                                                                          .redis = hub->redis,
                                                                          .nodes = hub->nodes,
                                                                          .keyed = admission_keyed,
                                                                          .hint = on_hint,
                                                                          .owner = hub});
    return hub->registry != NULL || fail(why, ERR_NO_MEMORY, text, size, err_text(ERR_NO_MEMORY));
}

void hub_free_shared(struct hub *hub)
{
    registry_free(hub->registry);
    device_registry_free(hub->devices);
    nodes_free(hub->nodes);
    redis_free(hub->redis);
    node_client_free(hub->node_client);
    cluster_keys_free(hub->cluster_keys);
}

/* ---- being told ---- */

static void on_look(void *ctx, const char *from, const struct node_look *l)
{
    hub_told_to_look(ctx, from, l);
}

static void on_notice(void *ctx, const struct notice *q)
{
    const struct hub *hub = ctx;
    notices_give(device_desk_notices(hub->desk), q);
}

static int take_call(struct hub *hub, enum node_call call, struct span body)
{
    enum err why = ERR_NOT_FOUND;
    if (call == NODE_CALL_LOOK)
        why = node_look_read(body, on_look, hub);
    else if (call == NODE_CALL_NOTICE)
        why = node_notice_read(body, on_notice, hub);
    return why == ERR_OK ? 204 : why == ERR_NOT_FOUND ? 404 : why == ERR_PROTOCOL ? 400 : 503;
}

int hub_node_called(struct hub *hub, const struct http_head *head, struct span body)
{
    bool post = span_is(head->method, "POST") && hub_is_node(hub);
    return post ? take_call(hub, node_call_of(head->target), body) : 404;
}

/* ---- the end ---- */

static void on_others_know(void *owner)
{
    struct hub *hub = owner;
    hub->drain(hub);
}

void hub_drain_cluster(struct hub *hub, void (*drain)(struct hub *hub))
{
    hub->drain = drain;
    if (hub->nodes != NULL)
        nodes_drain(hub->nodes, on_others_know);
    else
        drain(hub);
}

static void on_left(void *owner)
{
    struct hub *hub = owner;
    hub->left(hub->left_owner);
}

void hub_leave(struct hub *hub, void (*done)(void *owner), void *owner)
{
    hub->left = done;
    hub->left_owner = owner;
    if (hub->nodes != NULL)
        nodes_leave(hub->nodes, on_left);
    else
        done(owner);
}
