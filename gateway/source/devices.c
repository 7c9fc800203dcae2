#include "gateway/source/devices.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/secret.h"
#include "core/base/service_id.h"
#include "core/base/text.h"
#include "gateway/source/devices_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT "TunnelHub.ConnectDevice"
#define CLOSE "IoTSecuredTunneling.CloseTunnel"
#define CLOSE_MS 10000
#define LOOK_MIN_MS                                                                                \
    10 /* how often idle tunnels are looked for: ten times in idle_ms, between these */
#define LOOK_MAX_MS 5000
#define HUB_IDLE_MIN_S 10 /* of ConnectDevice's idleSeconds */
#define HUB_IDLE_MAX_S 86400

/* One that was opened on demand. The struct tunnels knows it by this address. */
struct device_tunnel {
    struct list node;
    struct devices *set;
    char fold[DEVICE_NAME_MAX + 1];
    char device[DEVICE_NAME_MAX + 1];
    char id[DEVICES_TUNNEL_ID + 1];
    uint64_t since, used; /* loop_now when it came, and when it was last seen in use */
    bool arrived;         /* the device has been there */
};

/* A device that the hub is asked for, and then, for a moment, that the answer was no. */
struct inquiry {
    struct list node;
    struct devices *set;
    char fold[DEVICE_NAME_MAX + 1];
    char service[SERVICE_ID_MAX + 1];
    struct api_call *call; /* NULL: it waits for `again`, or has its answer */
    struct timer *again;
    bool pausing;   /* `again` runs */
    bool other_key; /* the key was read anew for it */
    uint64_t since, until;
    struct devices_answer no;
};

struct devices {
    struct loop *loop;
    struct devices_options o;
    struct list tunnels, inquiries;
    size_t n_tunnels, n_inquiries;
    struct timer *look;
    char reason[100];
};

/* ---- tunnels ---- */

static void look_soon(struct devices *d)
{
    uint64_t ms = d->o.idle_ms / 10;
    ms = ms < LOOK_MIN_MS ? LOOK_MIN_MS : ms > LOOK_MAX_MS ? LOOK_MAX_MS : ms;
    if (d->n_tunnels + d->n_inquiries > 0)
        timer_start(d->look, ms);
}

static void tunnel_release(struct device_tunnel *t)
{
    t->set->n_tunnels--;
    list_remove(&t->node);
    free(t);
}

static void on_closed(void *owner, struct api_answer *a)
{
    (void)owner;
    if (a->why != ERR_OK) /* the hub closes it by itself when it has been idle */
        log_debug("a tunnel that is not needed was not closed: %s%s", a->failure.error, a->text);
}

/* Leaves the tunnel, and has the hub close it. */
static void tunnel_close(struct device_tunnel *t)
{
    struct devices *d = t->set;
    enum err why;
    cJSON *input = cJSON_CreateObject();
    cJSON_AddStringToObject(input, "tunnelId", t->id);
    cJSON_AddTrueToObject(input, "delete");
    d->o.api.call(d->o.api.api,
                  &(struct api_call_options){.target = CLOSE,
                                             .input = input,
                                             .timeout_ms = CLOSE_MS,
                                             .repeatable = true,
                                             .done = on_closed},
                  &why);
    tunnels_drop(d->o.tunnels, t);
    tunnel_release(t);
}

static void remember_no(struct devices *d, const char *fold, enum err why, const char *text);

/* The hub, or whoever closed it there, has ended it. Clients that it has not served yet are told so
 * once; else it would be asked for again and again. */
static void on_over(void *owner, enum err why, const char *text)
{
    struct device_tunnel *t = owner;
    struct devices *d = t->set;
    char words[DEVICES_ANSWER_TEXT];
    log_info("device %s: its tunnel is over: %s", t->device, text);
    snprintf(words, sizeof words, "device %.64s: %.100s", t->device, text);
    if (!t->arrived)
        remember_no(d, t->fold, err_http(why) == 503 ? why : ERR_TUNNEL_CLOSED, words);
    tunnels_drop(d->o.tunnels, t);
    tunnel_release(t);
}

static size_t index_of(const struct devices *d, const struct device_tunnel *t)
{
    const struct names_tunnel *list;
    size_t n = tunnels_list(d->o.tunnels, &list), i = 0;
    while (i < n && tunnels_owner(d->o.tunnels, i) != t)
        i++;
    return i;
}

/* It has accepted, but does not come. */
static void give_up(struct device_tunnel *t)
{
    char words[DEVICES_ANSWER_TEXT];
    snprintf(words, sizeof words,
             "device %.64s accepted, but did not connect in time; its agent's log tells why",
             t->device);
    log_warning("%s", words);
    remember_no(t->set, t->fold, ERR_DEVICE_SILENT, words);
    tunnel_close(t);
}

static void look_at_tunnel(struct devices *d, struct device_tunnel *t)
{
    size_t at = index_of(d, t);
    uint64_t now = loop_now(d->loop);
    bool in_use = tunnels_connections(d->o.tunnels, at) > 0;
    if (tunnels_is_up(d->o.tunnels, at) && !tunnels_has_no_device(d->o.tunnels, at))
        t->arrived = true;
    if (in_use)
        t->used = now;
    if (!t->arrived && !in_use && now - t->since >= DEVICES_ARRIVAL_MS) {
        give_up(t);
    } else if (now - t->used >= d->o.idle_ms) {
        log_info("device %s: its tunnel is closed, since nobody has used it for %" PRIu64 " s",
                 t->device, (now - t->used) / 1000);
        tunnel_close(t);
    }
}

static void look_at_tunnels(struct devices *d)
{
    list_each(node, &d->tunnels) look_at_tunnel(d, list_entry(node, struct device_tunnel, node));
}

/* A new tunnel takes the place of one that there is; that goes once its last connection has. */
static void replace(struct devices *d, const char *fold)
{
    list_each(node, &d->tunnels)
    {
        struct device_tunnel *t = list_entry(node, struct device_tunnel, node);
        if (strcmp(t->fold, fold) != 0)
            continue;
        tunnels_hide(d->o.tunnels, t);
        if (tunnels_connections(d->o.tunnels, index_of(d, t)) == 0)
            tunnel_close(t);
    }
}

/* Adds t's tunnel, over the connection that is ready. ERR_OK, or a sentence in text. */
static enum err add_tunnel(struct device_tunnel *t, const char *token, struct stream *ready,
                           char *text, size_t size)
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

static enum err open_tunnel(struct devices *d, const struct inquiry *i,
                            const struct devices_answer *a, struct stream *ready, char *text,
                            size_t size)
{
    struct device_tunnel *t = calloc(1, sizeof *t);
    if (t == NULL || d->n_tunnels == DEVICES_MAX) {
        snprintf(text, size, "%s",
                 t == NULL ? err_text(ERR_NO_MEMORY) : "too many devices at once");
        if (ready != NULL)
            stream_close(ready);
        enum err why = t == NULL ? ERR_NO_MEMORY : ERR_LIMIT;
        free(t);
        return why;
    }
    *t = (struct device_tunnel){.set = d, .since = loop_now(d->loop), .used = loop_now(d->loop)};
    memcpy(t->fold, i->fold, sizeof t->fold);
    memcpy(t->device, a->device, sizeof t->device);
    memcpy(t->id, a->tunnel_id, sizeof t->id);
    replace(d, i->fold);
    list_init(&t->node);
    list_append(&d->tunnels, &t->node);
    d->n_tunnels++;
    enum err why = add_tunnel(t, a->token, ready, text, size);
    if (why != ERR_OK)
        tunnel_release(t);
    return why;
}

/* ---- inquiries ---- */

static void inquiry_release(struct inquiry *i)
{
    struct devices *d = i->set;
    d->o.api.cancel(i->call);
    d->n_inquiries--;
    list_remove(&i->node);
    timer_free(i->again);
    free(i);
}

static void ask_hub(struct inquiry *i);

static void on_again(void *owner)
{
    struct inquiry *i = owner;
    i->pausing = false;
    ask_hub(i);
}

static struct inquiry *inquiry_of(const struct devices *d, const char *fold)
{
    list_each(node, &d->inquiries)
    {
        struct inquiry *i = list_entry(node, struct inquiry, node);
        if (strcmp(i->fold, fold) == 0)
            return i;
    }
    return NULL;
}

static void drop_answered(struct devices *d)
{
    uint64_t now = loop_now(d->loop);
    list_each(node, &d->inquiries)
    {
        struct inquiry *i = list_entry(node, struct inquiry, node);
        if (i->call == NULL && !i->pausing && now >= i->until)
            inquiry_release(i);
    }
}

static struct inquiry *inquiry_new(struct devices *d, const char *fold, enum err *why)
{
    if (d->n_inquiries == DEVICES_MAX)
        drop_answered(d);
    *why = d->n_inquiries < DEVICES_MAX ? ERR_NO_MEMORY : ERR_LIMIT;
    struct inquiry *i = *why == ERR_LIMIT ? NULL : calloc(1, sizeof *i);
    if (i == NULL)
        return NULL;
    *i = (struct inquiry){.set = d, .since = loop_now(d->loop)};
    i->again = timer_new(d->loop, on_again, i);
    if (i->again == NULL) {
        free(i);
        return NULL;
    }
    snprintf(i->fold, sizeof i->fold, "%s", fold);
    list_init(&i->node);
    list_append(&d->inquiries, &i->node);
    d->n_inquiries++;
    look_soon(d);
    return i;
}

/* Unless the device is being asked for just now. */
static void remember_no(struct devices *d, const char *fold, enum err why, const char *text)
{
    enum err ignored;
    struct inquiry *i = inquiry_of(d, fold);
    if (i != NULL && (i->call != NULL || i->pausing))
        return;
    if (i == NULL && (i = inquiry_new(d, fold, &ignored)) == NULL)
        return;
    i->no = (struct devices_answer){.why = why};
    i->until = loop_now(d->loop) + DEVICES_REMEMBER_MS;
    text_copy(span_of(text), TEXT_ASCII, i->no.text, sizeof i->no.text);
}

/* Remembers i->no for a moment, and tells those who wait. */
static void answered_no(struct inquiry *i)
{
    struct devices *d = i->set;
    i->until = loop_now(d->loop) + DEVICES_REMEMBER_MS;
    i->no.token = NULL;
    log_debug("device %s: %s", i->fold, i->no.text);
    forwards_wake(d->o.forwards);
}

static void ask_again(struct inquiry *i)
{
    i->pausing = true;
    timer_start(i->again, DEVICES_AGAIN_MS);
}

static void answered_yes(struct inquiry *i, struct stream *ready)
{
    struct devices *d = i->set;
    char text[DEVICES_ANSWER_TEXT];
    struct devices_answer *a = &i->no;
    a->why = open_tunnel(d, i, a, ready, text, sizeof text);
    if (a->why != ERR_OK) {
        text_copy(span_of(text), TEXT_ASCII, a->text, sizeof a->text);
        answered_no(i);
        return;
    }
    log_info("device %s: the hub gave a tunnel after %" PRIu64 " ms", a->device,
             loop_now(d->loop) - i->since);
    inquiry_release(i);
    look_soon(d);
    forwards_wake(d->o.forwards);
}

static bool renew_key(struct inquiry *i)
{
    const struct devices_options *o = &i->set->o;
    if (i->other_key || o->renew_key == NULL)
        return false;
    i->other_key = true;
    return o->renew_key(o->owner);
}

static void on_answer(void *owner, struct api_answer *a)
{
    struct inquiry *i = owner;
    struct devices *d = i->set;
    i->call = NULL;
    devices_answer_read(a, i->fold, clock_wall_ms(), &i->no);
    if (i->no.why == ERR_OK) {
        struct stream *ready = a->ready;
        a->ready = NULL;
        answered_yes(i, ready);
    } else if (i->no.unreached && loop_now(d->loop) - i->since < FORWARD_WAIT_MS) {
        ask_again(i);
    } else if (i->no.of_key && renew_key(i)) {
        ask_hub(i);
    } else {
        answered_no(i);
    }
}

static uint64_t idle_seconds(const struct devices_options *o)
{
    uint64_t ms = o->idle_ms > o->tunnel->end.resume_ms ? o->idle_ms : o->tunnel->end.resume_ms;
    uint64_t s = (ms + 999) / 1000;
    return s < HUB_IDLE_MIN_S ? HUB_IDLE_MIN_S : s > HUB_IDLE_MAX_S ? HUB_IDLE_MAX_S : s;
}

static void ask_hub(struct inquiry *i)
{
    struct devices *d = i->set;
    cJSON *input = cJSON_CreateObject();
    enum err why;
    bool made = cJSON_AddStringToObject(input, "device", i->fold) != NULL &&
                cJSON_AddStringToObject(input, "service", i->service) != NULL &&
                cJSON_AddStringToObject(input, "reason", d->reason) != NULL &&
                cJSON_AddNumberToObject(input, "timeoutSeconds",
                                        (double)((d->o.timeout_ms + 999) / 1000)) != NULL &&
                cJSON_AddNumberToObject(input, "idleSeconds", (double)idle_seconds(&d->o)) != NULL;
    if (!made) {
        cJSON_Delete(input);
        input = NULL;
    }
    log_debug("device %s: the hub is asked for a tunnel (service %s)", i->fold, i->service);
    i->call =
        d->o.api.call(d->o.api.api,
                      &(struct api_call_options){.target = CONNECT,
                                                 .input = input,
                                                 .timeout_ms = d->o.timeout_ms + DEVICES_MARGIN_MS,
                                                 .repeatable = true,
                                                 .takes_stream = true,
                                                 .done = on_answer,
                                                 .owner = i},
                      &why);
    if (i->call != NULL)
        return;
    i->no = (struct devices_answer){.why = why};
    i->until = 0; /* it need not be remembered, since nobody was asked */
    snprintf(i->no.text, sizeof i->no.text, "device %.64s: %s", i->fold,
             why == ERR_LIMIT ? "too many devices are asked for at once: try again in a moment"
                              : err_text(why));
}

/* ---- requests ---- */

static enum err refuse(enum err why, const char *words, const struct forward_question *q,
                       char text[FORWARD_TEXT])
{
    snprintf(text, FORWARD_TEXT, "%s", q->quiet ? err_text(why) : words);
    return why;
}

static enum err keep_waiting(const struct devices *d, const char *fold,
                             const struct forward_question *q, struct forward_target *out,
                             char text[FORWARD_TEXT])
{
    char words[DEVICES_ANSWER_TEXT];
    out->awaited = true;
    out->wait_ms = d->o.timeout_ms + DEVICES_MARGIN_MS;
    snprintf(words, sizeof words, "device %.64s did not answer in time", fold);
    return refuse(ERR_DEVICE_SILENT, words, q, text);
}

/* Whether that answer is one to this question, too. */
static bool answers(const struct inquiry *i, struct span service, uint64_t now)
{
    return now < i->until && (!i->no.of_service || span_is_nocase(service, i->service));
}

static void begin(struct inquiry *i, struct span service)
{
    i->since = loop_now(i->set->loop);
    i->until = 0;
    i->other_key = false;
    snprintf(i->service, sizeof i->service, "%.*s", (int)service.n, service.p);
    ask_hub(i);
}

static enum err inquire(struct devices *d, const struct names_answer *a,
                        const struct forward_question *q, struct forward_target *out,
                        char text[FORWARD_TEXT])
{
    char fold[DEVICE_NAME_MAX + 1];
    enum err why;
    if (!device_name_fold(a->device, fold) || !service_id_is(a->label))
        return refuse(
            ERR_DEVICE_UNKNOWN,
            "no device or service has such a name: letters, digits, '-', '_' and ':' only", q,
            text);
    struct inquiry *i = inquiry_of(d, fold);
    if (i == NULL && (i = inquiry_new(d, fold, &why)) == NULL)
        return refuse(why,
                      why == ERR_LIMIT ? "too many devices are asked for at once" : err_text(why),
                      q, text);
    if (i->call == NULL && !i->pausing) {
        if (answers(i, a->label, loop_now(d->loop)))
            return refuse(i->no.why, i->no.text, q, text);
        begin(i, a->label);
        if (i->call == NULL)
            return refuse(i->no.why, i->no.text, q, text);
    }
    return keep_waiting(d, fold, q, out, text);
}

/* Whether the device's tunnel has no answer, but another one might. */
static bool wants_another(const struct device_tunnel *t, enum err why,
                          const struct forward_target *out)
{
    return why == ERR_NO_SERVICE || (why == ERR_DEVICE_OFFLINE && !out->awaited && t->arrived);
}

/* A client of that tunnel, which may still be coming up. */
static void note_use(struct devices *d, struct device_tunnel *t, enum err why,
                     struct forward_target *out)
{
    uint64_t now = loop_now(d->loop);
    t->used = now;
    t->arrived = t->arrived || why == ERR_OK;
    if (why == ERR_DEVICE_OFFLINE && !t->arrived)
        out->awaited = true;
    if (out->awaited && !t->arrived)
        out->wait_ms = DEVICES_ARRIVAL_MS;
}

enum err devices_resolve(void *devices, const struct forward_question *q,
                         struct forward_target *out, char text[FORWARD_TEXT])
{
    struct devices *d = devices;
    struct names_answer answer;
    enum err why = tunnels_look(d->o.tunnels, q, true, out, &answer, text);
    struct device_tunnel *t =
        answer.tunnel_found ? tunnels_owner(d->o.tunnels, answer.tunnel) : NULL;
    if (answer.device.n == 0 || (answer.tunnel_found && t == NULL) || why == ERR_AMBIGUOUS)
        return why;
    if (t != NULL && !wants_another(t, why, out)) {
        note_use(d, t, why, out);
        return why;
    }
    return inquire(d, &answer, q, out, text);
}

/* ---- life ---- */

static void on_look(void *owner)
{
    struct devices *d = owner;
    drop_answered(d);
    look_at_tunnels(d);
    look_soon(d);
}

static void write_reason(char *out, size_t size)
{
    char host[65] = "";
    char safe[70];
    gethostname(host, sizeof host - 1);
    text_copy(span_of(host), TEXT_ASCII, safe, sizeof safe);
    snprintf(out, size, "tunnel-gateway on %s", safe);
}

struct devices *devices_new(struct loop *loop, const struct devices_options *o)
{
    struct devices *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    *d = (struct devices){.loop = loop, .o = *o, .look = timer_new(loop, on_look, d)};
    list_init(&d->tunnels);
    list_init(&d->inquiries);
    write_reason(d->reason, sizeof d->reason);
    if (d->look != NULL)
        return d;
    free(d);
    return NULL;
}

void devices_change(struct devices *d, const struct devices_options *fresh)
{
    d->o.tunnel = fresh->tunnel;
    d->o.idle_ms = fresh->idle_ms;
    d->o.timeout_ms = fresh->timeout_ms;
    look_soon(d);
}

void devices_free(struct devices *d)
{
    if (d == NULL)
        return;
    list_each(node, &d->inquiries) inquiry_release(list_entry(node, struct inquiry, node));
    list_each(node, &d->tunnels)
    {
        struct device_tunnel *t = list_entry(node, struct device_tunnel, node);
        tunnels_drop(d->o.tunnels, t);
        tunnel_release(t);
    }
    timer_free(d->look);
    free(d);
}
