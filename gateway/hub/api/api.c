#include "gateway/hub/api/api_internal.h"

#include "core/base/clock.h"
#include "core/http/server.h"
#include "gateway/hub/api/json.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX HTTP_ANSWER_MAX

/* ---- life ---- */

struct api *api_new(const struct api_options *o)
{
    struct api *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->registry = o->registry;
    a->devices = o->devices;
    a->notices = o->notices;
    a->audit = o->audit;
    a->secrets_key = o->secrets_key;
    a->allow_unsigned_loopback = o->allow_unsigned_loopback;
    a->clock = o->clock != NULL ? o->clock : clock_wall_ms;
    a->region = strdup(o->region);
    a->account = strdup(o->account);
    if (a->region != NULL && a->account != NULL)
        return a;
    api_free(a);
    return NULL;
}

void api_free(struct api *a)
{
    if (a == NULL)
        return;
    free(a->region);
    free(a->account);
    map_free(&a->waiting);
    free(a);
}

void api_without_notices(struct api *a)
{
    if (a != NULL)
        a->notices = NULL;
}

void api_rules(struct api *a, struct keys *keys, const struct limit_book *limits)
{
    a->keys = keys;
    a->limits = limits;
}

void api_unsigned(struct api *a, bool allow_loopback)
{
    a->allow_unsigned_loopback = allow_loopback;
}

const struct api_counts *api_counts(const struct api *a)
{
    return &a->counts;
}

void api_headers(const struct api_answer *a, char out[API_HEADERS_SIZE])
{
    const char *error = a->error != NULL ? a->error : "";
    snprintf(out, API_HEADERS_SIZE, "x-amzn-RequestId: %s\r\n%s%s%s", a->request_id,
             a->error != NULL ? "x-amzn-ErrorType: " : "", error, a->error != NULL ? "\r\n" : "");
}

/* ---- the operation ---- */

static bool has_type(const struct http_head *head)
{
    struct span value = http_header(head, "Content-Type");
    return http_header_count(head, "Content-Type") == 1 &&
           span_is_nocase(span_trim(span_cut(&value, ';')), API_CONTENT_TYPE);
}

bool api_may_wait(const struct http_head *head)
{
    struct span target = http_header(head, "X-Amz-Target");
    span_cut(&target, '.');
    return span_is(target, operation_name(OPERATION_CONNECT_DEVICE));
}

bool api_wants(const struct http_head *head)
{
    return http_header_count(head, "X-Amz-Target") > 0 || has_type(head);
}

static bool find_operation(struct call *c)
{
    struct span target = http_header(c->head, "X-Amz-Target");
    enum operation o;
    snprintf(c->target, sizeof c->target, "%.*s", (int)target.n, target.n > 0 ? target.p : "");
    struct span service = span_cut(&target, '.');
    if (http_header_count(c->head, "X-Amz-Target") != 1 || !operation_from(target, &o) ||
        !span_is(service, operation_service(o)))
        return false;
    c->operation = o;
    snprintf(c->target, sizeof c->target, "%s", operation_name(o));
    return true;
}

static bool route(struct call *c)
{
    if (!find_operation(c))
        return REFUSE(c, FAULT_UNKNOWN_OPERATION,
                      "X-Amz-Target names no operation of this service: it must be "
                      "IoTSecuredTunneling.OpenTunnel or the like.");
    if (!span_is(c->head->method, "POST"))
        return REFUSE(c, FAULT_UNKNOWN_OPERATION, "The method must be POST.");
    if (!has_type(c->head))
        return REFUSE(c, FAULT_SERIALIZATION, "Content-Type must be " API_CONTENT_TYPE ".");
    return true;
}

static bool read_input(struct call *c)
{
    enum err why;
    const char *problem;
    c->input = json_object(c->body, &why, &problem);
    if (c->input == NULL)
        return REFUSE(c, why == ERR_NO_MEMORY ? FAULT_INTERNAL : FAULT_SERIALIZATION, "%s",
                      problem);
    struct buf text = {.limit = 2 * SHAPES_MAX_TEXT};
    why = shapes_check(c->operation, c->input, (int64_t)limits_of_call(c)->lifetime_minutes, &text);
    if (why != ERR_OK)
        answer_fault(c,
                     why == ERR_PROTOCOL ? FAULT_SERIALIZATION
                     : why == ERR_USAGE  ? FAULT_VALIDATION
                                         : FAULT_INTERNAL,
                     "%.*s", (int)text.size, (const char *)text.data);
    buf_free(&text);
    return why == ERR_OK;
}

/* ---- calls ---- */

static struct call *call_new(struct api *a, const struct api_call *q)
{
    struct call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (struct call){.api = a,
                       .head = q->head,
                       .body = q->body,
                       .caller = q->caller,
                       .operation = OPERATION_COUNT,
                       .out.bytes.limit = ANSWER_MAX};
    snprintf(c->client, sizeof c->client, "%s", q->client);
    c->fronted = q->fronted;
    random_uuid(c->request_id);
    return c;
}

/* One of the three, by what the input names: nothing that has to be there, a tunnel, or a device.
 */
static const struct {
    operation_run *run, *about_tunnel;
    device_run *about_device;
} operations[OPERATION_COUNT] = {
    [OPERATION_OPEN] = {.run = open_tunnel},
    [OPERATION_CLOSE] = {.about_tunnel = close_tunnel},
    [OPERATION_DESCRIBE] = {.about_tunnel = describe_tunnel},
    [OPERATION_LIST] = {.run = list_tunnels},
    [OPERATION_ROTATE] = {.about_tunnel = rotate_token},
    [OPERATION_TAG] = {.about_tunnel = tag_resource},
    [OPERATION_UNTAG] = {.about_tunnel = untag_resource},
    [OPERATION_LIST_TAGS] = {.about_tunnel = list_tags},
    [OPERATION_CUT_KEY] = {.run = cut_key},
    [OPERATION_CONNECT_DEVICE] = {.about_device = connect_device},
    [OPERATION_LIST_DEVICES] = {.run = list_devices},
    [OPERATION_DESCRIBE_DEVICE] = {.about_device = describe_device},
    [OPERATION_UPDATE_DEVICE] = {.about_device = update_device},
    [OPERATION_RESET_DEVICE] = {.about_device = reset_device},
    [OPERATION_DELETE_DEVICE] = {.about_device = delete_device},
    [OPERATION_CREATE_DEVICE] = {.run = create_device},
    [OPERATION_ROTATE_DEVICE_KEYS] = {.about_device = rotate_device_keys},
    [OPERATION_CREATE_INVITATION] = {.run = create_invitation},
    [OPERATION_LIST_INVITATIONS] = {.run = list_invitations},
    [OPERATION_DELETE_INVITATION] = {.run = delete_invitation},
};

static void on_found(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct call *c = ctx;
    if (why != ERR_OK) {
        answer_unseen(c, why);
        return;
    }
    note_tunnel(c, t);
    operations[c->operation].about_tunnel(c, t);
}

/* Without memory the call goes on to its end, whether or not somebody waits for it. */
static void keep_caller(struct call *c)
{
    if (c->operation == OPERATION_CONNECT_DEVICE && c->caller.number != 0)
        map_put(&c->api->waiting, &c->caller, sizeof c->caller, c);
}

static void operate(struct call *c)
{
    struct span id;
    keep_caller(c);
    if (operations[c->operation].about_device != NULL)
        about_device(c, operations[c->operation].about_device);
    else if (operations[c->operation].run != NULL)
        operations[c->operation].run(c, NULL);
    else if (named_tunnel(c, &id))
        registry_get(c->api->registry, id, on_found, c);
}

void api_handle(struct api *a, const struct api_call *q,
                void (*done)(void *ctx, const struct api_answer *answer), void *ctx)
{
    struct call *c = call_new(a, q);
    if (c == NULL) {
        struct api_answer answer;
        char body[128];
        api_bad_request(500, "The hub is out of memory.", &answer, body, sizeof body);
        a->counts.failed[OPERATION_COUNT]++;
        done(ctx, &answer);
        return;
    }
    c->done = done;
    c->ctx = ctx;
    if (route(c) && authorize(c) && read_input(c))
        operate(c);
}
