/* The REST interface of Azure's service programs (azure/azure_request.h), on the main thread: who
 * asks, whether he may, and the answer that a device's stream gets. The caller does the HTTP. */
#ifndef GATEWAY_HUB_AZURE_REST_H
#define GATEWAY_HUB_AZURE_REST_H

#include "gateway/hub/api/api.h"
#include "gateway/hub/streams.h"

struct azure_rest;

struct azure_rest_options {
    struct device_registry *devices;
    struct streams *streams;
    struct audit *audit;
    bool azure_format;            /* lines about streams are Azure's (azure/stream_record.h) */
    const char *region, *account; /* for those */
    int64_t (*clock)(void);       /* ms since the epoch; NULL: the real one */
};
struct azure_rest *azure_rest_new(const struct azure_rest_options *o); /* NULL: no memory */
void azure_rest_free(struct azure_rest *a); /* must follow the end of all that may call back */
/* The keys to apply from now on, which live until the next ones; NULL: there are no policies. */
void azure_rest_rules(struct azure_rest *a, struct keys *keys);

struct azure_reply {
    int status;
    const char *type;    /* of the body; NULL: there is none */
    const char *headers; /* lines, each with its CRLF; a view, like the body; may hold a token */
    struct span body;
    const char *node, *device; /* as in struct api_answer */
};
/* Handles a call that azure_wants. done is called exactly once, perhaps from inside. */
void azure_rest_handle(struct azure_rest *a, const struct api_call *q,
                       void (*done)(void *ctx, const struct azure_reply *answer), void *ctx);
/* As api_left. */
void azure_rest_left(struct azure_rest *a, struct api_caller_id caller);
#endif
