#include "gateway/source/main/on_demand.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/tunnel/connector.h"
#include "gateway/common/hub_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the API client's options point to. */
struct access {
    struct aws_profile profile;
    char region[API_URL_REGION];
    struct trust *trust;
    struct upstream proxy;
};

struct on_demand {
    const struct config_devices *config;
    struct access access;
    struct api_client *api;
    struct devices *devices;
};

static void access_free(struct access *a)
{
    aws_profile_free(&a->profile);
    trust_free(a->trust);
    upstream_free(&a->proxy);
}

static enum err access_read(const struct config_devices *c, struct access *out, char *text,
                            size_t size)
{
    const char *proxy = hub_check_web_proxy(&c->hub);
    *out = (struct access){.trust = NULL};
    enum err why = config_devices_key(c, &out->profile, out->region, text, size);
    if (why == ERR_OK && proxy != NULL && (why = upstream_parse(proxy, &out->proxy)) != ERR_OK)
        snprintf(text, size, "the proxy's URL (--web-proxy, or the environment) %s",
                 upstream_wrong(why));
    if (why == ERR_OK)
        out->trust = hub_check_trust(&c->hub, &why, text, size);
    return why;
}

static struct api_client_options api_options(const struct config_devices *c, const struct access *a)
{
    return (struct api_client_options){
        .caller = {.endpoint = &c->endpoint,
                   .credentials = &a->profile.credentials,
                   .region = a->region,
                   .agent = c->tunnel.end.user_agent},
        .target = {.host = c->endpoint.host,
                   .port = c->endpoint.port,
                   .proxy = a->proxy.host != NULL ? &a->proxy : NULL,
                   .trust = a->trust,
                   .unsent_limit = CONNECTOR_UNSENT_LIMIT,
                   .unread_limit = CONNECTOR_UNREAD_LIMIT},
        .clock = clock_wall_ms,
        .warm = true,
    };
}

static bool same_key(const struct access *a, const struct access *b)
{
    const struct sigv4_credentials *x = &a->profile.credentials, *y = &b->profile.credentials;
    return str_same(x->key_id, y->key_id) && str_same(x->secret, y->secret) &&
           str_same(x->token, y->token);
}

static void use(struct on_demand *d, struct access *fresh)
{
    struct access before = d->access;
    d->access = *fresh;
    const struct api_client_options o = api_options(d->config, &d->access);
    api_client_change(d->api, &o);
    access_free(&before);
}

/* Keys are replaced in their file; who was told to use the old one may come later than that. */
static bool renew_key(void *owner)
{
    struct on_demand *d = owner;
    struct access fresh;
    char text[600] = "";
    enum err why = access_read(d->config, &fresh, text, sizeof text);
    bool other = why == ERR_OK && !same_key(&fresh, &d->access);
    if (why != ERR_OK)
        log_error("The access key for devices: %s", text);
    if (!other) {
        access_free(&fresh);
        return false;
    }
    use(d, &fresh);
    log_info("The access key for devices was read again: it is %s now",
             d->access.profile.credentials.key_id);
    return true;
}

static struct api_call *call(void *api, const struct api_call_options *o, enum err *why)
{
    return api_client_call(api, o, why);
}

static struct devices_options devices_options(struct on_demand *d, struct tunnels *tunnels,
                                              struct forwards *forwards)
{
    return (struct devices_options){
        .api = {.call = call, .cancel = api_call_cancel, .api = d->api},
        .tunnels = tunnels,
        .forwards = forwards,
        .tunnel = &d->config->tunnel,
        .idle_ms = d->config->idle_ms,
        .timeout_ms = d->config->timeout_ms,
        .renew_key = renew_key,
        .owner = d,
    };
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
    if (access_read(c, &d->access, text, size) == ERR_OK) {
        const struct api_client_options o = api_options(c, &d->access);
        d->api = api_client_new(loop, &o);
    }
    if (d->api != NULL) {
        const struct devices_options o = devices_options(d, tunnels, forwards);
        d->devices = devices_new(loop, &o);
    }
    if (d->devices != NULL)
        return d;
    on_demand_free(d);
    return NULL;
}

enum err on_demand_change(struct on_demand *d, const struct config_devices *c, char *text,
                          size_t size)
{
    struct access fresh;
    enum err why = access_read(c, &fresh, text, size);
    d->config = c;
    if (why == ERR_OK) {
        use(d, &fresh);
    } else {
        /* What it had lives on in d->access; only the address is the fresh one's. */
        const struct api_client_options o = api_options(c, &d->access);
        api_client_change(d->api, &o);
        access_free(&fresh);
    }
    const struct devices_options o = devices_options(d, NULL, NULL);
    devices_change(d->devices, &o);
    return why;
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
    access_free(&d->access);
    free(d);
}

struct devices *on_demand_devices(struct on_demand *d)
{
    return d->devices;
}

struct api_client *on_demand_api(struct on_demand *d)
{
    return d->api;
}

const char *on_demand_problem(const struct on_demand *d)
{
    return api_client_problem(d->api);
}
