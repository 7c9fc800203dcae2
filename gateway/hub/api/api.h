/* The control API: AWS IoT Secure Tunneling's eight operations (service model 2018-10-05, protocol
 * awsJson1.1), so that AWS's CLI and SDKs work with the hub. One request in, one answer out; who
 * carries them is not its business. */
#ifndef GATEWAY_HUB_API_API_H
#define GATEWAY_HUB_API_API_H

#include "core/base/random.h"
#include "core/http/http.h"
#include "gateway/hub/api/audit.h"
#include "gateway/hub/api/keys.h"
#include "gateway/hub/api/limits.h"
#include "gateway/hub/registry/registry.h"

struct api;

struct api_options {
    struct registry *registry;
    struct audit *audit;
    const char *region, *account; /* for ARNs */
    bool allow_unsigned_loopback; /* calls without signature from this machine are fine */
    int64_t (*clock)(void);       /* ms since the epoch; NULL: the real one */
};
struct api *api_new(const struct api_options *o); /* NULL: memory */
void api_free(struct api *a);                     /* after the registry, which may call back */
/* Before the first api_handle, and whenever the files were read anew. It does not own keys and
 * limits: they must live until the next api_rules. keys may be NULL: nobody has one. */
void api_rules(struct api *a, struct keys *keys, const struct limit_book *limits);
void api_unsigned(struct api *a, bool allow_loopback); /* another allow_unsigned_loopback */

struct api_call {
    const struct http_head *head; /* views must live until `done` */
    struct span body;
    const char *client; /* "address:port" */
};
struct api_answer {
    int status;
    char request_id[UUID_SIZE];
    const char *error; /* name of the exception, or NULL; for x-amzn-ErrorType */
    struct span body;  /* application/x-amz-json-1.1; a view, gone after done */
};
/* Whether that request is for the API: it has X-Amz-Target, or its Content-Type is
 * application/x-amz-json-1.1. */
bool api_wants(const struct http_head *head);
/* done is called exactly once, perhaps from inside. */
void api_handle(struct api *a, const struct api_call *q,
                void (*done)(void *ctx, const struct api_answer *answer), void *ctx);
/* The answer to a request that could not be read (too large, malformed, too slow): an error in the
 * API's own form. */
void api_bad_request(int status, const char *text, struct api_answer *out, char *body, size_t size);

/* Calls so far by operation and result, for metrics. X-Amz-Target that is unknown counts as
 * OPERATION_COUNT. */
struct api_counts {
    uint64_t ok[OPERATION_COUNT + 1], failed[OPERATION_COUNT + 1];
};
const struct api_counts *api_counts(const struct api *a);

#endif
