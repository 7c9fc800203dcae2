#include "gateway/source/device_tunnels.h"

#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/service_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOSE "IoTSecuredTunneling.CloseTunnel"
#define CLOSE_MS 10000 /* for the hub's answer */

/* Idle tunnels are looked for ten times in idle_ms, but not at other intervals than these. */
#define LOOK_MIN_MS 10
#define LOOK_MAX_MS 5000

/* The struct tunnels knows it by this address. */
struct device_tunnel {
    struct list node;
    struct device_tunnels *set;
    char fold[DEVICE_NAME_MAX + 1];
    char device[DEVICE_NAME_MAX + 1];
    char id[DEVICES_TUNNEL_ID + 1];
    char service[SERVICE_ID_MAX + 1]; /* for whose sake it was asked for */
    uint64_t since, used;             /* loop_now when it came, and when it was last seen in use */
    bool arrived;                     /* the device has been there */
};

struct device_tunnels {
    struct loop *loop;
    struct device_tunnels_options o;
    struct list all;
    size_t n;
    struct timer *look;
};

/* ---- ends ---- */

static void look_soon(struct device_tunnels *d)
{
    uint64_t ms = d->o.idle_ms / 10;
    ms = ms < LOOK_MIN_MS ? LOOK_MIN_MS : ms > LOOK_MAX_MS ? LOOK_MAX_MS : ms;
    if (d->n > 0)
        timer_start(d->look, ms);
}

static void release(struct device_tunnel *t)
{
    t->set->n--;
    list_remove(&t->node);
    free(t);
}

static void on_closed(void *owner, struct api_answer *a)
{
    (void)owner;
    if (a->why != ERR_OK) /* the hub closes it by itself when it has been idle */
        log_debug("a tunnel that is not needed was not closed: %s%s", a->failure.error, a->text);
}

static void ask_to_close(const struct device_tunnel *t)
{
    const struct devices_api *api = &t->set->o.api;
    cJSON *input = cJSON_CreateObject();
    enum err why;
    cJSON_AddStringToObject(input, "tunnelId", t->id);
    cJSON_AddTrueToObject(input, "delete");
    api->call(api->api,
              &(struct api_call_options){.target = CLOSE,
                                         .input = input,
                                         .timeout_ms = CLOSE_MS,
                                         .repeatable = true,
                                         .done = on_closed},
              &why);
}

static void leave(struct device_tunnel *t)
{
    struct tunnels *tunnels = t->set->o.tunnels;
    ask_to_close(t);
    tunnels_hide(tunnels, t);
    tunnels_drop(tunnels, t);
    release(t);
}

/* Clients that wait are told `why`; else they would have the device asked for again and again. */
static void fail(struct device_tunnel *t, enum err why, const char *text)
{
    const struct device_tunnels_options *o = &t->set->o;
    tunnels_hide(o->tunnels, t);
    if (!t->arrived)
        o->failed(o->owner, t->fold, why, text);
}

/* The hub, or whoever closed it there, has ended it. */
static void on_over(void *owner, enum err why, const char *text)
{
    struct device_tunnel *t = owner;
    struct tunnels *tunnels = t->set->o.tunnels;
    char words[DEVICES_ANSWER_TEXT];
    snprintf(words, sizeof words, "device %.64s: %.100s", t->device, text);
    log_info("device %s: its tunnel is over: %s", t->device, text);
    fail(t, err_http(why) == 503 ? why : ERR_TUNNEL_CLOSED, words);
    tunnels_drop(tunnels, t);
    release(t);
}

/* ---- looking after them ---- */

static size_t index_of(const struct device_tunnels *d, const struct device_tunnel *t)
{
    const struct names_tunnel *list;
    size_t n = tunnels_list(d->o.tunnels, &list), i = 0;
    while (i < n && tunnels_owner(d->o.tunnels, i) != t)
        i++;
    return i;
}

/* The device has accepted, but does not come. */
static void give_up(struct device_tunnel *t)
{
    char words[DEVICES_ANSWER_TEXT];
    snprintf(words, sizeof words,
             "device %.64s accepted, but did not connect in time; its agent's log tells why",
             t->device);
    log_warning("%s", words);
    fail(t, ERR_DEVICE_SILENT, words);
    leave(t);
}

/* Notes whether the device has come and whether the tunnel is in use. True: it is. */
static bool note_use(struct device_tunnels *d, struct device_tunnel *t)
{
    size_t at = index_of(d, t);
    bool in_use = tunnels_connections(d->o.tunnels, at) > 0;
    if (tunnels_is_up(d->o.tunnels, at) && !tunnels_has_no_device(d->o.tunnels, at))
        t->arrived = true;
    if (in_use)
        t->used = loop_now(d->loop);
    return in_use;
}

static void look_at(struct device_tunnels *d, struct device_tunnel *t)
{
    uint64_t now = loop_now(d->loop);
    note_use(d, t);
    if (!t->arrived && now - t->since >= DEVICE_TUNNELS_ARRIVAL_MS) {
        give_up(t);
    } else if (now - t->used >= d->o.idle_ms) {
        log_info("device %s: its tunnel is closed, since nobody has used it for %" PRIu64 " s",
                 t->device, (now - t->used) / 1000);
        leave(t);
    }
}

static void on_look(void *owner)
{
    struct device_tunnels *d = owner;
    list_each(node, &d->all) look_at(d, list_entry(node, struct device_tunnel, node));
    look_soon(d);
}

/* A hub that gives tunnels without the service that was asked for would be asked without end. */
static bool was_just_asked(const struct device_tunnel *t, struct span service)
{
    return span_is_nocase(service, t->service) &&
           loop_now(t->set->loop) - t->since < DEVICE_TUNNELS_ARRIVAL_MS;
}

bool device_tunnel_is_short(const struct device_tunnel *t, struct span service, enum err why,
                            const struct forward_target *out)
{
    return (why == ERR_NO_SERVICE && !was_just_asked(t, service)) ||
           (why == ERR_DEVICE_OFFLINE && !out->awaited && t->arrived);
}

void device_tunnel_used(struct device_tunnel *t, enum err why, struct forward_target *out)
{
    t->used = loop_now(t->set->loop);
    t->arrived = t->arrived || why == ERR_OK;
    if (why == ERR_DEVICE_OFFLINE && !t->arrived)
        out->awaited = true;
    if (out->awaited && !t->arrived)
        out->wait_ms = DEVICE_TUNNELS_ARRIVAL_MS;
}

/* ---- opening ---- */

/* A new tunnel takes the place of one that there is; that goes once its last connection has. */
static void replace(struct device_tunnels *d, const char *fold)
{
    list_each(node, &d->all)
    {
        struct device_tunnel *t = list_entry(node, struct device_tunnel, node);
        if (strcmp(t->fold, fold) != 0)
            continue;
        tunnels_hide(d->o.tunnels, t);
        if (tunnels_connections(d->o.tunnels, index_of(d, t)) == 0)
            leave(t);
    }
}

/* The tunnel that nobody has used for longest makes room for another device. For one whose device
 * has not come yet a client waits, so it stays. */
static void make_room(struct device_tunnels *d)
{
    struct device_tunnel *oldest = NULL;
    if (d->n < DEVICE_TUNNELS_MAX)
        return;
    list_each(node, &d->all)
    {
        struct device_tunnel *t = list_entry(node, struct device_tunnel, node);
        if (!note_use(d, t) && t->arrived && (oldest == NULL || t->used < oldest->used))
            oldest = t;
    }
    if (oldest == NULL)
        return;
    log_info("device %s: its tunnel, unused for %" PRIu64 " s, makes room for another device",
             oldest->device, (loop_now(d->loop) - oldest->used) / 1000);
    leave(oldest);
}

static enum err add(struct device_tunnel *t, const char *token, struct stream *ready, char *text,
                    size_t size)
{
    struct tunnel_options o = *t->set->o.tunnel;
    struct hub_config hub = *o.end.hub;
    hub.access_token = hub.client_token = NULL;
    enum err why = hub_config_set_token(&hub, token);
    o.name = t->device;
    o.over = on_over;
    o.owner = t;
    o.end.hub = &hub;
    o.end.ready = ready;
    if (why == ERR_OK) {
        why = tunnels_add(t->set->o.tunnels, &o, text, size);
    } else {
        snprintf(text, size, "%s", err_text(why));
        if (ready != NULL)
            stream_close(ready);
    }
    secret_free(hub.access_token);
    secret_free(hub.client_token);
    return why;
}

static struct device_tunnel *make(struct device_tunnels *d, const char *fold, const char *service,
                                  const struct devices_answer *a)
{
    struct device_tunnel *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (struct device_tunnel){.set = d, .since = loop_now(d->loop), .used = loop_now(d->loop)};
    snprintf(t->fold, sizeof t->fold, "%s", fold);
    snprintf(t->service, sizeof t->service, "%s", service);
    memcpy(t->device, a->device, sizeof t->device);
    memcpy(t->id, a->tunnel_id, sizeof t->id);
    list_init(&t->node);
    list_append(&d->all, &t->node);
    d->n++;
    return t;
}

enum err device_tunnels_open(struct device_tunnels *d, const char *fold, const char *service,
                             const struct devices_answer *a, struct stream *ready, char *text,
                             size_t size)
{
    replace(d, fold);
    make_room(d);
    enum err why = d->n < DEVICE_TUNNELS_MAX ? ERR_NO_MEMORY : ERR_LIMIT;
    struct device_tunnel *t = why == ERR_LIMIT ? NULL : make(d, fold, service, a);
    if (t == NULL) {
        snprintf(text, size, "%s", why == ERR_LIMIT ? "too many devices at once" : err_text(why));
        if (ready != NULL)
            stream_close(ready);
        return why;
    }
    why = add(t, a->token, ready, text, size);
    if (why != ERR_OK)
        release(t);
    look_soon(d);
    return why;
}

/* ---- life ---- */

struct device_tunnels *device_tunnels_new(struct loop *loop, const struct device_tunnels_options *o)
{
    struct device_tunnels *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    *d = (struct device_tunnels){.loop = loop, .o = *o, .look = timer_new(loop, on_look, d)};
    list_init(&d->all);
    if (d->look != NULL)
        return d;
    free(d);
    return NULL;
}

void device_tunnels_change(struct device_tunnels *d, const struct tunnel_options *tunnel,
                           uint64_t idle_ms)
{
    d->o.tunnel = tunnel;
    d->o.idle_ms = idle_ms;
    look_soon(d);
}

size_t device_tunnels_count(const struct device_tunnels *d)
{
    return d->n;
}

void device_tunnels_leave(struct device_tunnels *d)
{
    list_each(node, &d->all) leave(list_entry(node, struct device_tunnel, node));
}

void device_tunnels_free(struct device_tunnels *d)
{
    if (d == NULL)
        return;
    list_each(node, &d->all) release(list_entry(node, struct device_tunnel, node));
    timer_free(d->look);
    free(d);
}
