#include "gateway/hub/azure_rest.h"

#include "core/base/clock.h"
#include "core/base/map.h"
#include "gateway/hub/azure/azure_request.h"
#include "gateway/hub/azure/sas.h"
#include "gateway/hub/azure/stream_record.h"
#include "gateway/hub/devices/device_keys.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 262     /* a name, and a port */
#define HEADERS_MAX 2048 /* a bridge's URL and a token among them */

struct azure_rest {
    struct azure_rest_options o;
    struct keys *keys;
    struct map waiting; /* struct azure_call by `caller` */
};

struct azure_call {
    struct azure_rest *rest;
    void (*done)(void *ctx, const struct azure_reply *answer);
    void *ctx;
    struct api_caller_id caller; /* key in `waiting`, if it has a number */
    struct azure_request request;
    char id[UUID_SIZE], client[80];
    char host[HOST_MAX + 1], base[HOST_MAX + sizeof "wss://:443"];
    char policy[SAS_NAME_MAX + 1]; /* "": nobody has proven to be one */
    struct keys *keys;             /* a reference; holds `key` */
    const struct access_key *key;
    char device[129]; /* its exact name, once it is known */
    int64_t began;
};

/* ---- answers ---- */

static void audit_azure(const struct azure_call *c, const char *result, const char *words,
                        int status, size_t size)
{
    const struct azure_rest_options *o = &c->rest->o;
    const struct stream_record r = {.azure_id = c->request.azure_id,
                                    .stream = c->request.stream,
                                    .version = c->request.version,
                                    .resource = o->account,
                                    .location = o->region,
                                    .code = status != 200 ? result : "",
                                    .words = words,
                                    .status = status != 200 ? status : 0,
                                    .duration_ms = o->clock() - c->began,
                                    .response_size = size,
                                    .stranger = c->key == NULL};
    stream_record_write(o->audit, &r);
}

/* size: bytes of the answer's body. */
static void audit(const struct azure_call *c, const char *result, const char *words, int status,
                  size_t size)
{
    if (c->rest->o.azure_format) {
        audit_azure(c, result, words, status, size);
        return;
    }
    struct log_field fields[] = {
        {"requestId", c->id, 0},
        {"key", c->policy, 0},
        {"client", c->client, 0},
        {"device", c->device[0] != '\0' ? c->device : c->request.azure_id, 0},
        {"stream", c->request.stream, 0},
        {"apiVersion", c->request.version, 0},
        {"result", result, 0},
        {"words", words, 0},
        {"status", NULL, status},
        {"milliseconds", NULL, c->rest->o.clock() - c->began},
    };
    if (c->key != NULL)
        audit_event(c->rest->o.audit, "stream", fields, sizeof fields / sizeof *fields);
    else
        audit_stranger(c->rest->o.audit, "stream", fields, sizeof fields / sizeof *fields);
}

static void finish(struct azure_call *c, const struct azure_reply *a)
{
    struct azure_rest *rest = c->rest;
    if (map_get(&rest->waiting, &c->caller, sizeof c->caller) == c)
        map_remove(&rest->waiting, &c->caller, sizeof c->caller);
    c->done(c->ctx, a);
    keys_free(c->keys);
    free(c);
}

static void answer_error(struct azure_call *c, enum azure_error e, const char *text)
{
    char headers[AZURE_ERROR_HEADERS_SIZE];
    struct json_writer w = {.bytes.limit = AZURE_ERROR_BODY_MAX};
    azure_error_write(&w, e, text, c->id, c->rest->o.clock());
    azure_error_headers(e, headers);
    const struct azure_reply a = {.status = azure_error_status(e),
                                  .type = AZURE_ERROR_TYPE,
                                  .headers = headers,
                                  .body = {(const char *)w.bytes.data, w.bytes.size}};
    audit(c, azure_error_code(e), text != NULL ? text : "", a.status, a.body.n);
    finish(c, &a);
    buf_free(&w.bytes);
}

/* Another node has the device, and writes the audit log's line. */
static void answer_elsewhere(struct azure_call *c, const char *node)
{
    char headers[AZURE_ERROR_HEADERS_SIZE];
    struct json_writer w = {.bytes.limit = AZURE_ERROR_BODY_MAX};
    azure_error_write(&w, AZURE_UNAVAILABLE, "The hub that has the device cannot be asked now.",
                      c->id, c->rest->o.clock());
    azure_error_headers(AZURE_UNAVAILABLE, headers);
    const struct azure_reply a = {.status = azure_error_status(AZURE_UNAVAILABLE),
                                  .type = AZURE_ERROR_TYPE,
                                  .headers = headers,
                                  .body = {(const char *)w.bytes.data, w.bytes.size},
                                  .node = node,
                                  .device = c->device};
    finish(c, &a);
    buf_free(&w.bytes);
}

static void answer_stream(struct azure_call *c, const struct stream_answer *s)
{
    char headers[HEADERS_MAX];
    if (s->result == STREAM_ACCEPTED)
        snprintf(headers, sizeof headers,
                 "iothub-streaming-is-accepted: True\r\niothub-streaming-url: %s\r\n"
                 "iothub-streaming-auth-token: %s\r\n",
                 s->url, s->token);
    else
        snprintf(headers, sizeof headers, "iothub-streaming-is-accepted: False\r\n");
    audit(c, stream_result_name(s->result), s->words, 200, 0);
    finish(c, &(struct azure_reply){.status = 200, .headers = headers});
    explicit_bzero(headers, sizeof headers);
}

/* "az iot hub devicestream show" prints this of a hub. */
static void answer_endpoints(struct azure_call *c)
{
    char body[HOST_MAX + 100];
    int n = snprintf(body, sizeof body, "{\"streamingEndpoints\":[\"https://%s\"]}", c->host);
    finish(c, &(struct azure_reply){
                  .status = 200, .type = AZURE_ERROR_TYPE, .body = {body, (size_t)n}});
}

/* ---- the stream ---- */

static void on_stream(void *ctx, const struct stream_answer *s)
{
    static const enum azure_error errors[STREAM_RESULTS] = {
        [STREAM_OFFLINE] = AZURE_DEVICE_OFFLINE,
        [STREAM_SILENT] = AZURE_DEVICE_SILENT,
        [STREAM_QUOTA] = AZURE_QUOTA,
        [STREAM_THROTTLED] = AZURE_THROTTLED,
        [STREAM_BUSY] = AZURE_UNAVAILABLE,
        [STREAM_FAILED] = AZURE_SERVER,
        [STREAM_LEFT] = AZURE_UNAVAILABLE,
    };
    struct azure_call *c = ctx;
    if (s->result == STREAM_ACCEPTED || s->result == STREAM_REJECTED)
        answer_stream(c, s);
    else
        answer_error(c, errors[s->result], s->words[0] != '\0' ? s->words : NULL);
}

/* A device that the policy may not know of is unknown to it. */
static bool permitted(struct azure_call *c, const struct device_record *d)
{
    struct texts services = {0};
    struct access_request w = {.operation = OPERATION_CONNECT_DEVICE,
                               .thing = d->name,
                               .services = &services,
                               .tags = &d->labels};
    if (!key_sees(c->key, d->name, &d->labels)) {
        answer_error(c, AZURE_DEVICE_UNKNOWN, NULL);
        return false;
    }
    bool fine = texts_add(&services, span_of(c->request.stream));
    bool denied = fine && key_denies(c->key, &w) != NULL;
    texts_free(&services);
    if (!fine)
        answer_error(c, AZURE_SERVER, NULL);
    else if (denied)
        answer_error(c, AZURE_UNAUTHORIZED, "The policy may not open streams of that name.");
    return fine && !denied;
}

static void on_device(void *ctx, enum err why, const struct device_record *d)
{
    struct azure_call *c = ctx;
    if (why != ERR_OK) {
        answer_error(c, why == ERR_NOT_FOUND ? AZURE_DEVICE_UNKNOWN : AZURE_SERVER, NULL);
        return;
    }
    if (!permitted(c, d))
        return;
    snprintf(c->device, sizeof c->device, "%s", d->name);
    if (d->node != NULL) {
        answer_elsewhere(c, d->node);
        return;
    }
    const struct stream_spec q = {.device = d,
                                  .stream = c->request.stream,
                                  .policy = c->policy,
                                  .base = c->base,
                                  .connect_ms = c->request.connect_ms,
                                  .response_ms = c->request.response_ms};
    streams_ask(c->rest->o.streams, &q, on_stream, c);
}

/* ---- who asks ---- */

static enum sas_verdict verify(const struct azure_call *c, const struct sas *s, bool secondary)
{
    const struct device_secret *key = access_key_of_policy(c->key, secondary);
    char resource[AZURE_RESOURCE_SIZE] = "/";
    if (c->request.error == AZURE_NONE)
        azure_request_resource(&c->request, resource);
    return key == NULL ? SAS_MISMATCH
                       : sas_verify(s, key->bytes, key->n, span_of(c->host), span_of(resource),
                                    c->rest->o.clock());
}

/* Sets key and policy when the token is good. */
static enum sas_verdict check_token(struct azure_call *c, struct span token)
{
    struct sas s;
    enum sas_verdict v = sas_parse(token, &s);
    if (v != SAS_OK)
        return v;
    c->key = c->rest->keys != NULL ? keys_find(c->rest->keys, span_of(s.policy)) : NULL;
    if (c->key == NULL || access_key_of_policy(c->key, false) == NULL)
        return c->key = NULL, SAS_UNKNOWN;
    v = verify(c, &s, false);
    if (v == SAS_MISMATCH)
        v = verify(c, &s, true);
    if (v != SAS_OK)
        return c->key = NULL, v;
    c->keys = keys_ref(c->rest->keys);
    snprintf(c->policy, sizeof c->policy, "%s", s.policy);
    return v;
}

static bool authorized(struct azure_call *c, const struct http_head *head)
{
    size_t n = http_header_count(head, "Authorization");
    enum sas_verdict v = n == 1   ? check_token(c, http_header(head, "Authorization"))
                         : n == 0 ? SAS_MISSING
                                  : SAS_MALFORMED;
    if (v == SAS_OK)
        return true;
    answer_error(c, AZURE_UNAUTHORIZED, sas_text(v));
    return false;
}

/* What the caller calls the hub goes into URLs. */
static bool take_host(struct azure_call *c, const struct http_head *head)
{
    struct span host = http_header(head, "Host");
    bool port = false;
    for (size_t i = 0; i < host.n; i++) {
        if (!isalnum((unsigned char)host.p[i]) && strchr("-.:[]_", host.p[i]) == NULL)
            return false;
        port = host.p[i] == ':' || (port && host.p[i] != ']');
    }
    if (host.n == 0 || host.n > HOST_MAX)
        return false;
    snprintf(c->host, sizeof c->host, "%.*s", (int)host.n, host.p);
    snprintf(c->base, sizeof c->base, "wss://%s%s", c->host, port ? "" : ":443");
    return true;
}

/* ---- calls ---- */

static struct azure_call *call_new(struct azure_rest *a, const struct api_call *q)
{
    struct azure_call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->rest = a;
    c->caller = q->caller;
    c->request = azure_request_read(q->head);
    c->began = a->o.clock();
    snprintf(c->client, sizeof c->client, "%s", q->client);
    random_uuid(c->id);
    return c;
}

static void begin(struct azure_call *c, const struct http_head *head)
{
    struct azure_rest *a = c->rest;
    if (!take_host(c, head)) {
        answer_error(c, AZURE_ARGUMENT, "The Host header names no host.");
        return;
    }
    if (c->request.kind == AZURE_ENDPOINTS && c->request.error == AZURE_NONE) {
        answer_endpoints(c);
        return;
    }
    if (!authorized(c, head))
        return;
    if (c->request.error != AZURE_NONE) {
        answer_error(c, c->request.error, c->request.problem);
        return;
    }
    if (c->caller.number != 0) /* without memory the call goes on to its end in any case */
        map_put(&a->waiting, &c->caller, sizeof c->caller, c);
    device_registry_get_azure(a->o.devices, span_of(c->request.azure_id), on_device, c);
}

void azure_rest_handle(struct azure_rest *a, const struct api_call *q,
                       void (*done)(void *ctx, const struct azure_reply *answer), void *ctx)
{
    struct azure_call *c = call_new(a, q);
    if (c == NULL) {
        done(ctx, &(struct azure_reply){.status = 500}); /* there is no memory to say why */
        return;
    }
    c->done = done;
    c->ctx = ctx;
    begin(c, q->head);
}

void azure_rest_left(struct azure_rest *a, struct api_caller_id caller)
{
    const struct azure_call *c = map_get(&a->waiting, &caller, sizeof caller);
    if (c != NULL)
        streams_left(a->o.streams, c);
}

/* ---- life ---- */

void azure_rest_rules(struct azure_rest *a, struct keys *keys)
{
    a->keys = keys;
}

struct azure_rest *azure_rest_new(const struct azure_rest_options *o)
{
    struct azure_rest *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->o = *o;
    if (a->o.clock == NULL)
        a->o.clock = clock_wall_ms;
    return a;
}

void azure_rest_free(struct azure_rest *a)
{
    if (a == NULL)
        return;
    map_free(&a->waiting);
    free(a);
}
