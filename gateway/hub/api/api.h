/* The control API: AWS IoT Secure Tunneling's eight operations (service model 2018-10-05, protocol
 * awsJson1.1), so that AWS's CLI and SDKs work with the hub, and the hub's own in the same form. It
 * takes one request and gives one answer; the caller does the HTTP. */
#ifndef GATEWAY_HUB_API_API_H
#define GATEWAY_HUB_API_API_H

#include "core/base/random.h"
#include "core/http/http.h"
#include "gateway/hub/api/audit.h"
#include "gateway/hub/api/keys.h"
#include "gateway/hub/api/limits.h"
#include "gateway/hub/devices/device_registry.h"
#include "gateway/hub/devices/notices.h"
#include "gateway/hub/registry/registry.h"

struct api;

struct api_options {
    struct registry *registry;
    struct device_registry *devices;
    struct notices *notices; /* NULL: devices are never there */
    struct audit *audit;
    const char *region, *account; /* for ARNs */
    bool allow_unsigned_loopback; /* unsigned calls from this machine are accepted */
    /* SEAL_KEY_SIZE bytes, which outlive the API: seal the symmetric keys of devices; NULL: no
     * device can have any. */
    const uint8_t *secrets_key;
    int64_t (*clock)(void); /* ms since the epoch; NULL: the real one */
};
struct api *api_new(const struct api_options *o); /* NULL: memory */
void api_free(struct api *a);            /* must follow the end of all that may call back */
void api_without_notices(struct api *a); /* they are freed. NULL is fine */
/* Sets keys and limits: before the first api_handle, and whenever the files were read again. The
 * API does not own them; they must live until the next api_rules. keys NULL: there are no access
 * keys. */
void api_rules(struct api *a, struct keys *keys, const struct limit_book *limits);
/* Closes the tunnels that were opened by access keys which are not among the keys any more; without
 * keys nobody's. What cannot be stored is tried again at the next api_tick. */
void api_revoke(struct api *a);
/* A tunnel was opened: perhaps by a key that was removed while that was being stored. */
void api_opened(struct api *a, const struct tunnel_record *t);
void api_tick(struct api *a);                          /* to be called each second */
void api_unsigned(struct api *a, bool allow_loopback); /* changes allow_unsigned_loopback */

/* Tells callers apart for api_left. All zeroes: none. */
struct api_caller_id {
    uint64_t where, number;
};
struct api_call {
    const struct http_head *head; /* views must live until `done` */
    struct span body;
    const char *client;          /* "address:port" */
    bool fronted;                /* a front says so: it is nobody on this machine */
    struct api_caller_id caller; /* no other call that waits has it */
};
struct api_answer {
    int status;
    char request_id[UUID_SIZE];
    const char *error; /* name of the exception, or NULL; for x-amzn-ErrorType */
    struct span body;  /* application/x-amz-json-1.1; a view that is gone after done */
    /* Another node of the cluster has the device's link, and has to be asked. The answer, a 503, is
     * for when it cannot be. NULL: this is the answer. */
    const char *node, *device;
};
#define API_CONTENT_TYPE "application/x-amz-json-1.1"
/* The headers of an answer, beside its type: lines with their CRLF. */
#define API_HEADERS_SIZE 200
void api_headers(const struct api_answer *a, char out[API_HEADERS_SIZE]);
/* Whether that request is for the API: it has X-Amz-Target, or its Content-Type is
 * application/x-amz-json-1.1. */
bool api_wants(const struct http_head *head);
/* Whether the call may wait for others than the hub, so that it matters whether its caller does. */
bool api_may_wait(const struct http_head *head);
/* Handles a call. done is called exactly once, perhaps from inside. */
void api_handle(struct api *a, const struct api_call *q,
                void (*done)(void *ctx, const struct api_answer *answer), void *ctx);
/* Who made that call does not wait any more, so what it waits for is given up. `done` comes all the
 * same, soon. Calls that wait for the hub alone, and callers that are unknown, are fine. */
void api_left(struct api *a, struct api_caller_id caller);
/* Writes the answer to a request that could not be read (too large, malformed, too slow), an error
 * in the API's form. */
void api_bad_request(int status, const char *text, struct api_answer *out, char *body, size_t size);

/* Calls so far by operation and result, for metrics. X-Amz-Target that is unknown counts as
 * OPERATION_COUNT. */
struct api_counts {
    uint64_t ok[OPERATION_COUNT + 1], failed[OPERATION_COUNT + 1];
    uint64_t cut; /* tunnels closed by CutKey or api_revoke */
};
const struct api_counts *api_counts(const struct api *a);

/* A new access token of a tunnel's end. */
#define ACCESS_TOKEN_SIZE 64 /* 47 characters and NUL */
void access_token_new(char out[ACCESS_TOKEN_SIZE]);

#endif
