/* ConnectDevice: opens a tunnel to a device that is there, gives it notice, and answers when the
 * device has. Until then the call is owned by the registries and notices, each of which calls back
 * once. */
#include "gateway/hub/api/api_internal.h"

#include "gateway/hub/api/model.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_SECONDS 30
#define IDLE_SECONDS 600
#define WORDS_MAX (2 * NOTICE_WORDS_MAX)

struct connect {
    struct api *api;
    struct call *c;              /* gone when it is answered */
    struct tunnel_record tunnel; /* what is to be opened; its texts are kept for the notice */
    char *service;               /* exact name of the one that is wanted; "": not said */
    int64_t timeout_ms;
    /* Why it has failed, until its tunnel is gone. */
    enum fault fault;
    char words[WORDS_MAX];
};

static void connect_free(struct connect *n)
{
    tunnel_record_free(&n->tunnel);
    free(n->service);
    free(n);
}

/* ---- failures ---- */

static void answer_failed(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct connect *n = ctx;
    struct call *c = n->c;
    (void)why, (void)t; /* one that cannot be deleted ends after its idle time */
    answer_fault(c, n->fault, "%s", n->words);
    connect_free(n);
}

/* A tunnel to which nobody comes is deleted before the caller is told, so that it does not count
 * for the next try. */
static void fail(struct connect *n, enum fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail(struct connect *n, enum fault fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(n->words, sizeof n->words, format, args);
    va_end(args);
    n->fault = fault;
    registry_close(n->c->api->registry, n->c->tunnel, true, answer_failed, n);
}

static bool refuse_away(struct call *c, const char *device, int64_t since)
{
    c->last_seen = since;
    return REFUSE(c, FAULT_DEVICE_AWAY, "Device %s is away.", device);
}

/* ---- the device's answer ---- */

static void answer_accepted(struct connect *n)
{
    struct call *c = n->c;
    c->fresh[SIDE_DESTINATION] = false; /* that token is the device's */
    json_open(&c->out, NULL, '{');
    json_text(&c->out, "device", span_of(n->tunnel.thing));
    json_text(&c->out, "tunnelId", span_of(c->tunnel));
    write_arn(c, "tunnelArn", c->tunnel);
    write_tokens(c);
    json_text(&c->out, "service", span_of(n->service));
    write_texts(c, "services", &n->tunnel.services);
    json_close(&c->out, '}');
    connect_free(n);
    answer_ok(c);
}

static void on_answer(void *ctx, const struct notice_answer *a)
{
    struct connect *n = ctx;
    const char *device = n->tunnel.thing;
    const char *words =
        a->result == NOTICE_REJECTED && a->words[0] != '\0' ? a->words : device_code_text(a->code);
    switch (a->result) {
    case NOTICE_ACCEPTED:
        answer_accepted(n);
        break;
    case NOTICE_AWAY:
        n->c->last_seen = a->since;
        fail(n, FAULT_DEVICE_AWAY, "Device %s is away.", device);
        break;
    case NOTICE_REJECTED:
        fail(n, FAULT_DEVICE_REJECTED, "%s", words);
        break;
    case NOTICE_SILENT:
        fail(n, FAULT_DEVICE_SILENT, "Device %s is there, and did not answer within %" PRId64 " s.",
             device, n->timeout_ms / 1000);
        break;
    case NOTICE_FULL:
        fail(n, FAULT_LIMIT_EXCEEDED, "Too many others are asking for device %s: try again.",
             device);
        break;
    case NOTICE_CROWDED:
        fail(n, FAULT_LIMIT_EXCEEDED,
             "This access key has %d tunnels to device %s already: close those that are not "
             "needed, or let their idle time pass.",
             NOTICE_TUNNELS_PER_KEY, device);
        break;
    case NOTICE_UNFIT:
        fail(n, FAULT_DEVICE_REJECTED, "Device %s is there by a wire that knows no tunnels.",
             device);
        break;
    default:
        fail(n, n->c->left ? FAULT_CALLER_LEFT : FAULT_DEVICE_AWAY,
             "The tunnel to device %s was closed before it answered.", device);
        break;
    }
}

/* ---- the caller leaves ---- */

static void on_given_up(void *ctx, enum err why, const struct tunnel_record *t)
{
    (void)ctx, (void)why, (void)t; /* else it ends after its idle time */
}

/* With the tunnel its notice ends, and the device is told. Before there is one, the next step sees
 * that nobody waits. */
void api_left(struct api *a, struct api_caller_id caller)
{
    struct call *c = map_get(&a->waiting, &caller, sizeof caller);
    if (c == NULL || c->left)
        return;
    c->left = true;
    if (c->tunnel[0] != '\0')
        registry_close(a->registry, c->tunnel, true, on_given_up, NULL);
}

/* ---- the tunnel ---- */

static char *copy_text(const char *text)
{
    return strdup(text != NULL ? text : "");
}

static bool copy_tunnel(const struct connect *n, struct tunnel_record *to)
{
    const struct tunnel_record *from = &n->tunnel;
    to->key_id = strdup(from->key_id);
    to->thing = strdup(from->thing);
    to->description = strdup(from->description);
    to->lifetime_minutes = from->lifetime_minutes;
    to->idle_ms = from->idle_ms;
    return to->key_id != NULL && to->thing != NULL && to->description != NULL &&
           texts_copy(&to->services, &from->services) && tags_copy(&to->tags, &from->tags);
}

static void on_opened(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct connect *n = ctx;
    struct call *c = n->c;
    if (why != ERR_OK) {
        connect_free(n);
        answer_open_error(c, why);
        return;
    }
    note_tunnel(c, t);
    if (c->left) {
        on_answer(n, &(struct notice_answer){.result = NOTICE_ENDED});
        return;
    }
    const struct notice q = {.device = n->tunnel.thing,
                             .tunnel = c->tunnel,
                             .token = c->token[SIDE_DESTINATION],
                             .services = &n->tunnel.services,
                             .service = n->service,
                             .opened_by = c->key_id,
                             .why = n->tunnel.description,
                             .timeout_ms = (uint64_t)n->timeout_ms};
    if (c->api->notices != NULL)
        notices_ask(c->api->notices, &q, on_answer, n);
    else
        on_answer(n, &(struct notice_answer){.result = NOTICE_ENDED});
}

static void open_now(struct connect *n)
{
    struct call *c = n->c;
    struct tunnel_record r = {0};
    const char *token[SIDE_COUNT];
    if (!copy_tunnel(n, &r)) {
        connect_free(n);
        answer_error(c, ERR_NO_MEMORY);
    } else {
        c->fresh[SIDE_SOURCE] = c->fresh[SIDE_DESTINATION] = true;
        tokens_new(c, token);
        drop_input(c);
        registry_open(c->api->registry, &r, token, (size_t)limits_of_call(c)->tunnels_per_key,
                      on_opened, n);
    }
    tunnel_record_free(&r);
}

static int64_t seconds_ms(const struct call *c, const char *name, int64_t otherwise)
{
    const cJSON *j = shape_member(c->input, name);
    return 1000 * (j != NULL ? (int64_t)j->valuedouble : otherwise);
}

/* The tunnel carries the device's labels as its tags, so that keys which see the one by them see
 * the other, too. */
static bool fill(struct connect *n, const struct device_record *d)
{
    struct call *c = n->c;
    struct tunnel_record *r = &n->tunnel;
    int64_t most = (int64_t)limits_of_call(c)->lifetime_minutes;
    r->key_id = copy_text(c->key_id);
    r->thing = copy_text(d->name);
    r->description = copy_text(input_text(c->input, "reason"));
    r->lifetime_minutes = most < MODEL_LIFETIME_MINUTES ? most : MODEL_LIFETIME_MINUTES;
    r->idle_ms = seconds_ms(c, "idleSeconds", IDLE_SECONDS);
    n->timeout_ms = seconds_ms(c, "timeoutSeconds", TIMEOUT_SECONDS);
    if (r->key_id != NULL && r->thing != NULL && r->description != NULL &&
        tags_copy(&r->tags, &d->labels))
        return true;
    answer_error(c, ERR_NO_MEMORY);
    return false;
}

static bool note_services(struct connect *n)
{
    struct buf b = {.limit = 16384};
    for (size_t i = 0; i < n->tunnel.services.n; i++)
        buf_printf(&b, "%s%s", i > 0 ? "," : "", n->tunnel.services.items[i]);
    char *text = span_dup((struct span){(const char *)b.data, b.size});
    buf_free(&b);
    bool fine = note_text(n->c, "services", text != NULL ? text : "");
    free(text);
    return fine;
}

static bool check_device(struct call *c, const struct device_record *d)
{
    if (c->left)
        return REFUSE(c, FAULT_CALLER_LEFT, "Nobody waits for device %s any more.", d->name);
    if (d->state == DEVICE_ENABLED)
        return true;
    return REFUSE(c, FAULT_DEVICE_NOT_ENABLED,
                  d->state == DEVICE_PENDING ? "Device %s is not approved yet."
                                             : "Device %s is disabled.",
                  d->name);
}

/* Who is away is told so before anything is stored. */
static bool check_presence(struct call *c, const struct device_record *d)
{
    const struct device_presence *p = presence_of(c, d->name);
    if (p != NULL && p->present)
        return true;
    return refuse_away(c, d->name, p != NULL && p->since > d->last_seen ? p->since : d->last_seen);
}

void connect_device(struct call *c, const struct device_record *d)
{
    const char *reason = input_text(c->input, "reason");
    struct connect *n = calloc(1, sizeof *n);
    if (n == NULL) {
        answer_error(c, ERR_NO_MEMORY);
        return;
    }
    if (d->node != NULL) {
        free(n);
        answer_elsewhere(c, d->node);
        return;
    }
    n->c = c;
    struct access_request w = {.services = &n->tunnel.services};
    if ((reason == NULL || note_text(c, "reason", reason)) && check_device(c, d) &&
        choose_services(c, d, &n->tunnel.services, &n->service) && note_services(n) &&
        permitted_device(c, &w, d) && check_presence(c, d) && fill(n, d))
        open_now(n);
    else
        connect_free(n);
}
