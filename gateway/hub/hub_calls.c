/* Calls by HTTP that frontends have taken: of the control API, and of Azure's REST interface. */
#include "gateway/hub/azure/azure_request.h"
#include "gateway/hub/cluster/nodes.h"
#include "gateway/hub/hub_cluster.h"
#include "gateway/hub/hub_internal.h"
#include "gateway/hub/hub_nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hub_answer {
    int status;
    const char *type;    /* static storage, or NULL */
    const char *headers; /* "" for none */
    struct span body;
};

static struct message_api_reply *reply_new(const struct message_api_request *call,
                                           const struct hub_answer *a)
{
    struct message_api_reply *m =
        MESSAGE(struct message_api_reply, MESSAGE_API_REPLY, call->message.worker);
    if (m == NULL)
        return NULL;
    m->pending_id = call->pending_id;
    m->status = a->status;
    m->type = a->type;
    m->headers = strdup(a->headers);
    m->body = malloc(a->body.n + 1);
    if (m->headers == NULL || m->body == NULL) {
        message_free(&m->message);
        return NULL;
    }
    if (a->body.n > 0)
        memcpy(m->body, a->body.p, a->body.n);
    m->size = a->body.n;
    return m;
}

static void reply(struct message_api_request *call, const struct hub_answer *a)
{
    struct message_api_reply *m = reply_new(call, a);
    hub_post(call->hub, m != NULL ? &m->message : NULL);
    message_free(&call->message);
}

/* ---- streams ---- */

static uint64_t now_of(void *owner)
{
    const struct hub *hub = owner;
    return loop_now(hub->o.loop);
}

/* A name without a port means the one of https. */
static const char *base_of(void *owner)
{
    struct hub *hub = owner;
    const char *name = hub->o.public_name;
    if (name == NULL && hub->n_listeners > 0)
        name = listener_name(hub->listeners[0].listener);
    if (name == NULL)
        name = "";
    const char *colon = strrchr(name, ':');
    bool port = colon != NULL && strchr(colon, ']') == NULL;
    snprintf(hub->base, sizeof hub->base, "wss://%s%s", name, port ? "" : ":443");
    return hub->base;
}

static void token_new(char *out, size_t size)
{
    char token[ACCESS_TOKEN_SIZE];
    access_token_new(token);
    snprintf(out, size, "%s", token);
    explicit_bzero(token, sizeof token);
}

bool hub_open_streams(struct hub *hub)
{
    const struct streams_options s = {.registry = hub->registry,
                                      .notices = device_desk_notices(hub->desk),
                                      .bridges = hub->bridges,
                                      .accounts = hub->accounts,
                                      .token_new = token_new,
                                      .now = now_of,
                                      .base = base_of,
                                      .owner = hub};
    hub->streams = streams_new(&s);
    if (hub->streams == NULL)
        return false;
    device_desk_stand_in(hub->desk, bridge_desk_destination);
    bridge_desk_on_wanted(hub->bridges, streams_wanted, hub->streams);
    hub->azure = azure_rest_new(&(struct azure_rest_options){.devices = hub->devices,
                                                             .streams = hub->streams,
                                                             .audit = hub->audit,
                                                             .azure_format = hub->o.audit_azure,
                                                             .region = hub->o.region,
                                                             .account = hub->o.account});
    return hub->azure != NULL;
}

/* ---- calls ---- */

/* The node that has the device has to hear of the call. True: the call is gone. */
static bool go_elsewhere(struct message_api_request *m, const char *node, const char *device)
{
    struct hub *hub = m->hub;
    const struct node_info *n = hub_other_node(hub, node);
    bool sent = n != NULL && forward_desk_send(hub->forwards, n,
                                               &(struct forward_client){
                                                   .frontend = m->message.worker,
                                                   .pending_id = m->pending_id,
                                                   .client = m->client,
                                                   .channel = "",
                                                   .forwarded = m->forwarded,
                                                   .what = "call",
                                                   .id = device,
                                                   .thing = device,
                                                   .side = SIDE_COUNT,
                                               });
    if (sent)
        message_free(&m->message);
    return sent;
}

static void on_called(void *ctx, const struct api_answer *a)
{
    char headers[API_HEADERS_SIZE];
    if (a->node != NULL && go_elsewhere(ctx, a->node, a->device))
        return;
    api_headers(a, headers);
    reply(ctx, &(struct hub_answer){a->status, API_CONTENT_TYPE, headers, a->body});
}

static void on_stream(void *ctx, const struct azure_reply *a)
{
    if (a->node != NULL && go_elsewhere(ctx, a->node, a->device))
        return;
    reply(ctx,
          &(struct hub_answer){a->status, a->type, a->headers != NULL ? a->headers : "", a->body});
}

void hub_called(struct hub *hub, void *message)
{
    struct message_api_request *m = message;
    struct api_call c = {.head = &m->head,
                         .body = m->body,
                         .client = m->client,
                         .fronted = m->fronted,
                         .caller = {m->message.worker, m->pending_id}};
    m->hub = hub;
    if (m->from_node) {
        int status = hub_node_called(hub, &m->head, m->body);
        reply(m, &(struct hub_answer){status, NULL, "", {"", 0}});
        return;
    }
    if (azure_wants(&m->head))
        azure_rest_handle(hub->azure, &c, on_stream, m);
    else
        api_handle(hub->api, &c, on_called, m);
}

void hub_caller_left(struct hub *hub, void *message)
{
    const struct message_api_left *m = message;
    struct api_caller_id caller = {m->message.worker, m->pending_id};
    api_left(hub->api, caller);
    azure_rest_left(hub->azure, caller);
    message_free(message);
}
