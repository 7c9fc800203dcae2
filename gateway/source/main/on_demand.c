#include "gateway/source/main/on_demand.h"

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/tunnel/connector.h"
#include "gateway/common/hub_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The access key. */
struct key {
    struct aws_profile profile;
    char region[API_URL_REGION];
};

/* The way to the hub. Tunnels share the trust, and keep the one that they began with. */
struct way {
    struct list older; /* in on_demand's */
    struct trust *trust;
    struct upstream proxy;
};

struct on_demand {
    const struct config_devices *config;
    struct tunnel_options tunnel;
    struct key key;
    struct way *way;
    struct list older; /* ways whose trust tunnels may still use */
    struct api_client *api;
    struct devices_api calls; /* of `api` */
    struct devices *devices;
};

static enum err key_read(const struct config_devices *c, struct key *out, char *text, size_t size)
{
    return config_devices_key(c, &out->profile, out->region, text, size);
}

static void way_free(struct way *w)
{
    if (w == NULL)
        return;
    list_remove(&w->older);
    trust_free(w->trust);
    upstream_free(&w->proxy);
    free(w);
}

static enum err way_read(const struct config_devices *c, struct way *out, char *text, size_t size)
{
    const char *proxy = hub_check_web_proxy(&c->hub);
    enum err why = ERR_OK;
    if (proxy != NULL && (why = upstream_parse(proxy, &out->proxy)) != ERR_OK)
        snprintf(text, size, "the proxy's URL (--web-proxy, or the environment) %s",
                 upstream_wrong(why));
    if (why == ERR_OK)
        out->trust = hub_check_trust(&c->hub, &why, text, size);
    return why;
}

static struct way *way_new(const struct config_devices *c, char *text, size_t size)
{
    struct way *w = calloc(1, sizeof *w);
    if (w == NULL) {
        snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
        return NULL;
    }
    list_init(&w->older);
    if (way_read(c, w, text, size) == ERR_OK)
        return w;
    way_free(w);
    return NULL;
}

static struct api_client_options api_options(const struct on_demand *d)
{
    const struct config_devices *c = d->config;
    return (struct api_client_options){
        .caller = {.endpoint = &c->endpoint,
                   .credentials = &d->key.profile.credentials,
                   .region = d->key.region,
                   .agent = c->tunnel.end.user_agent},
        .target = {.host = c->endpoint.host,
                   .port = c->endpoint.port,
                   .proxy = d->way->proxy.host != NULL ? &d->way->proxy : NULL,
                   .trust = d->way->trust,
                   .unsent_limit = CONNECTOR_UNSENT_LIMIT,
                   .unread_limit = CONNECTOR_UNREAD_LIMIT},
        .clock = clock_wall_ms,
        .warm = true,
    };
}

/* ---- changes ---- */

static void use_key(struct on_demand *d, struct key *fresh)
{
    struct key before = d->key;
    d->key = *fresh;
    const struct api_client_options o = api_options(d);
    api_client_change(d->api, &o);
    aws_profile_free(&before.profile);
}

static bool same_key(const struct key *a, const struct key *b)
{
    const struct sigv4_credentials *x = &a->profile.credentials, *y = &b->profile.credentials;
    return str_same(x->key_id, y->key_id) && str_same(x->secret, y->secret) &&
           str_same(x->token, y->token);
}

/* Keys are replaced in their file; who was told to use the old one may come later than that. */
static bool renew_key(void *owner)
{
    struct on_demand *d = owner;
    struct key fresh = {.region = ""};
    char text[600] = "";
    enum err why = key_read(d->config, &fresh, text, sizeof text);
    if (why != ERR_OK)
        log_error("The access key for devices: %s", text);
    if (why != ERR_OK || same_key(&fresh, &d->key)) {
        aws_profile_free(&fresh.profile);
        return false;
    }
    use_key(d, &fresh);
    log_info("The access key for devices was read again: it is %s now",
             d->key.profile.credentials.key_id);
    return true;
}

static void drop_older(struct on_demand *d)
{
    list_each(node, &d->older) way_free(list_entry(node, struct way, older));
}

static void use_way(struct on_demand *d, struct way *fresh)
{
    if (!devices_have_tunnels(d->devices))
        drop_older(d);
    list_append(&d->older, &d->way->older);
    d->way = fresh;
}

/* What each tunnel begins with. */
static void make_tunnel(struct on_demand *d)
{
    d->tunnel = d->config->tunnel;
    d->tunnel.end.trust = d->way->trust;
    d->tunnel.end.tls_session = api_client_tls_session(d->api);
}

static struct api_call *call(void *api, const struct api_call_options *o, enum err *why)
{
    return api_client_call(api, o, why);
}

static struct devices_options devices_options(struct on_demand *d, struct tunnels *tunnels,
                                              struct forwards *forwards)
{
    return (struct devices_options){
        .api = d->calls,
        .tunnels = tunnels,
        .forwards = forwards,
        .tunnel = &d->tunnel,
        .idle_ms = d->config->idle_ms,
        .timeout_ms = d->config->timeout_ms,
        .renew_key = renew_key,
        .owner = d,
    };
}

enum err on_demand_change(struct on_demand *d, const struct config_devices *c, char *text,
                          size_t size)
{
    struct key fresh = {.region = ""};
    struct way *way = way_new(c, text, size);
    enum err why = way != NULL ? key_read(c, &fresh, text, size) : ERR_USAGE;
    d->config = c;
    if (way != NULL)
        use_way(d, way);
    if (why == ERR_OK) {
        use_key(d, &fresh);
    } else {
        const struct api_client_options o = api_options(d);
        api_client_change(d->api, &o);
        aws_profile_free(&fresh.profile);
    }
    make_tunnel(d);
    const struct devices_options o = devices_options(d, NULL, NULL);
    devices_change(d->devices, &o);
    return why;
}

/* ---- life ---- */

static bool make_parts(struct on_demand *d, struct loop *loop, struct tunnels *tunnels,
                       struct forwards *forwards, char *text, size_t size)
{
    d->way = way_new(d->config, text, size);
    if (d->way == NULL || key_read(d->config, &d->key, text, size) != ERR_OK)
        return false;
    const struct api_client_options api = api_options(d);
    d->api = api_client_new(loop, &api);
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    if (d->api == NULL)
        return false;
    d->calls = (struct devices_api){.call = call, .cancel = api_call_cancel, .api = d->api};
    make_tunnel(d);
    const struct devices_options devices = devices_options(d, tunnels, forwards);
    d->devices = devices_new(loop, &devices);
    return d->devices != NULL;
}

struct on_demand *on_demand_new(struct loop *loop, const struct config_devices *c,
                                struct tunnels *tunnels, struct forwards *forwards, char *text,
                                size_t size)
{
    struct on_demand *d = calloc(1, sizeof *d);
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    if (d == NULL)
        return NULL;
    d->config = c;
    list_init(&d->older);
    if (make_parts(d, loop, tunnels, forwards, text, size))
        return d;
    on_demand_free(d);
    return NULL;
}

void on_demand_leave(struct on_demand *d)
{
    if (d != NULL)
        devices_leave(d->devices);
}

void on_demand_free(struct on_demand *d)
{
    if (d == NULL)
        return;
    devices_free(d->devices);
    api_client_free(d->api);
    drop_older(d);
    way_free(d->way);
    aws_profile_free(&d->key.profile);
    free(d);
}

struct devices *on_demand_devices(struct on_demand *d)
{
    return d->devices;
}

const struct devices_api *on_demand_api(const struct on_demand *d)
{
    return &d->calls;
}

const char *on_demand_problem(const struct on_demand *d)
{
    return api_client_problem(d->api);
}
