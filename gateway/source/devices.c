#include "gateway/source/devices.h"

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/service_id.h"
#include "core/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT "TunnelHub.ConnectDevice"
#define MANY "too many devices are asked for at once: try again in a moment"
#define HUB_IDLE_MIN_S 10 /* of ConnectDevice's idleSeconds */
#define HUB_IDLE_MAX_S 86400

/* A device that the hub is asked for, and then, for a moment, that the answer was no. */
struct inquiry {
    struct list node;
    struct devices *set;
    char fold[DEVICE_NAME_MAX + 1];
    char service[SERVICE_ID_MAX + 1];
    enum { ASKING, PAUSING, ANSWERED } step;
    struct api_call *call; /* ASKING */
    struct timer *timer;   /* PAUSING: until it asks again; ANSWERED: until that is forgotten */
    bool other_key;        /* the key was read anew for it */
    uint64_t since;
    struct devices_answer no;
};

struct devices {
    struct loop *loop;
    struct devices_options o;
    struct device_tunnels *tunnels;
    struct list inquiries;
    size_t n;
    char reason[100];
};

/* ---- inquiries ---- */

static void release(struct inquiry *i)
{
    struct devices *d = i->set;
    d->o.api.cancel(i->call);
    d->n--;
    list_remove(&i->node);
    timer_free(i->timer);
    free(i);
}

static void ask_hub(struct inquiry *i);

/* ask_hub for those who wait already. */
static void ask_for_them(struct inquiry *i)
{
    struct forwards *forwards = i->set->o.forwards;
    ask_hub(i);
    if (i->step == ANSWERED)
        forwards_wake(forwards);
}

static void on_time(void *owner)
{
    struct inquiry *i = owner;
    if (i->step == PAUSING)
        ask_for_them(i);
    else
        release(i);
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

static struct inquiry *inquiry_new(struct devices *d, const char *fold, enum err *why)
{
    *why = d->n < DEVICES_MAX ? ERR_NO_MEMORY : ERR_LIMIT;
    struct inquiry *i = *why == ERR_LIMIT ? NULL : calloc(1, sizeof *i);
    if (i == NULL)
        return NULL;
    *i = (struct inquiry){.set = d, .timer = timer_new(d->loop, on_time, i)};
    if (i->timer == NULL) {
        free(i);
        return NULL;
    }
    snprintf(i->fold, sizeof i->fold, "%s", fold);
    list_init(&i->node);
    list_append(&d->inquiries, &i->node);
    d->n++;
    return i;
}

/* Remembers i->no for a moment. */
static void remember(struct inquiry *i)
{
    i->step = ANSWERED;
    i->no.token = NULL;
    timer_start(i->timer, DEVICES_REMEMBER_MS);
}

/* A tunnel that there was has come to nothing. */
static void on_failed(void *owner, const char *fold, enum err why, const char *text)
{
    struct devices *d = owner;
    enum err ignored;
    struct inquiry *i = inquiry_of(d, fold);
    if (i == NULL)
        i = inquiry_new(d, fold, &ignored);
    else if (i->step != ANSWERED)
        return; /* the device is asked for already */
    if (i == NULL)
        return;
    i->no = (struct devices_answer){.why = why};
    text_copy(span_of(text), TEXT_ASCII, i->no.text, sizeof i->no.text);
    remember(i);
}

static void answered_no(struct inquiry *i)
{
    struct forwards *forwards = i->set->o.forwards;
    log_debug("device %s: %s", i->fold, i->no.text);
    remember(i);
    forwards_wake(forwards);
}

static void answered_yes(struct inquiry *i, struct stream *ready)
{
    struct devices *d = i->set;
    char text[DEVICES_ANSWER_TEXT];
    struct devices_answer *a = &i->no;
    a->why = device_tunnels_open(d->tunnels, i->fold, i->service, a, ready, text, sizeof text);
    if (a->why != ERR_OK) {
        text_copy(span_of(text), TEXT_ASCII, a->text, sizeof a->text);
        answered_no(i);
        return;
    }
    log_info("device %s: the hub gave a tunnel after %" PRIu64 " ms", a->device,
             loop_now(d->loop) - i->since);
    release(i);
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
        i->step = PAUSING;
        timer_start(i->timer, DEVICES_AGAIN_MS);
    } else if (i->no.of_key && renew_key(i)) {
        ask_for_them(i);
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
    uint64_t seconds = (d->o.timeout_ms + 999) / 1000;
    cJSON *input = cJSON_CreateObject();
    enum err why;
    bool made = cJSON_AddStringToObject(input, "device", i->fold) != NULL &&
                cJSON_AddStringToObject(input, "service", i->service) != NULL &&
                cJSON_AddStringToObject(input, "reason", d->reason) != NULL &&
                cJSON_AddNumberToObject(input, "timeoutSeconds", (double)seconds) != NULL &&
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
    i->step = i->call != NULL ? ASKING : ANSWERED;
    if (i->call != NULL)
        return;
    i->no = (struct devices_answer){.why = why};
    snprintf(i->no.text, sizeof i->no.text, "device %.64s: %s", i->fold,
             why == ERR_LIMIT ? MANY : err_text(why));
    remember(i);
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

/* Whether its answer is one to this question, too. */
static bool answers(const struct inquiry *i, struct span service)
{
    return !i->no.of_service || span_is_nocase(service, i->service);
}

static void begin(struct inquiry *i, struct span service)
{
    i->since = loop_now(i->set->loop);
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
    bool fresh = i == NULL;
    if (fresh && (i = inquiry_new(d, fold, &why)) == NULL)
        return refuse(why, why == ERR_LIMIT ? MANY : err_text(why), q, text);
    if (fresh || (i->step == ANSWERED && !answers(i, a->label)))
        begin(i, a->label);
    if (i->step == ANSWERED)
        return refuse(i->no.why, i->no.text, q, text);
    return keep_waiting(d, fold, q, out, text);
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
    if (t != NULL && !device_tunnel_is_short(t, answer.label, why, out)) {
        device_tunnel_used(t, why, out);
        return why;
    }
    return inquire(d, &answer, q, out, text);
}

/* ---- life ---- */

static void write_reason(char *out, size_t size)
{
    char host[65] = "", safe[70];
    gethostname(host, sizeof host - 1);
    text_copy(span_of(host), TEXT_ASCII, safe, sizeof safe);
    snprintf(out, size, "tunnel-gateway on %s", safe);
}

struct devices *devices_new(struct loop *loop, const struct devices_options *o)
{
    struct devices *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    *d = (struct devices){.loop = loop, .o = *o};
    d->tunnels = device_tunnels_new(loop, &(struct device_tunnels_options){.api = o->api,
                                                                           .tunnels = o->tunnels,
                                                                           .tunnel = o->tunnel,
                                                                           .idle_ms = o->idle_ms,
                                                                           .failed = on_failed,
                                                                           .owner = d});
    list_init(&d->inquiries);
    write_reason(d->reason, sizeof d->reason);
    if (d->tunnels != NULL)
        return d;
    free(d);
    return NULL;
}

void devices_change(struct devices *d, const struct devices_options *fresh)
{
    d->o.tunnel = fresh->tunnel;
    d->o.idle_ms = fresh->idle_ms;
    d->o.timeout_ms = fresh->timeout_ms;
    device_tunnels_change(d->tunnels, fresh->tunnel, fresh->idle_ms);
}

void devices_leave(struct devices *d)
{
    device_tunnels_leave(d->tunnels);
}

bool devices_have_tunnels(const struct devices *d)
{
    return device_tunnels_count(d->tunnels) > 0;
}

void devices_free(struct devices *d)
{
    if (d == NULL)
        return;
    list_each(node, &d->inquiries) release(list_entry(node, struct inquiry, node));
    device_tunnels_free(d->tunnels);
    free(d);
}
