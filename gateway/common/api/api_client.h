/* A client of a hub's control API on a loop. Any number of calls may be under way, each on a
 * connection of its own, since an answer may take a minute. One connection more is kept ready, if
 * that is asked for, so that the next call costs one round trip; and whoever called may take its
 * connection over, for the tunnel that the answer is about. */
#ifndef GATEWAY_COMMON_API_API_CLIENT_H
#define GATEWAY_COMMON_API_API_CLIENT_H

#include "core/reach/reach.h"
#include "gateway/common/api/api_message.h"

#define API_ANSWER_MAX (1u << 20) /* bytes of an answer's body */
#define API_CALLS_MAX 64          /* at once */

struct api_client;
struct api_call;

struct api_client_options {
    struct api_caller caller;   /* what it points to lives as long as the client, or until the next
                                   api_client_change; so does the target's */
    struct reach_target target; /* memory and tls_session are the client's own */
    int64_t (*clock)(void);     /* ms since the epoch, for signatures */
    bool warm;                  /* one connection is kept ready */
};
struct api_client *api_client_new(struct loop *loop, const struct api_client_options *o);
void api_client_free(struct api_client *c); /* its calls are cancelled; NULL is fine */
/* Goes on with other options. Calls that have been sent go on, others are sent over new
 * connections. */
void api_client_change(struct api_client *c, const struct api_client_options *o);

struct api_answer {
    /* ERR_OK: `output` is an object. ERR_REJECTED: the API refused, in the words of `failure`. Any
     * other: the hub was not reached, or what came is no answer of a control API; `text` tells. */
    enum err why;
    struct api_failure failure;
    char text[400];       /* what follows on "the hub": "127.0.0.1:8443: connection refused" */
    const cJSON *output;  /* of ERR_OK and ERR_REJECTED (NULL: it had none); is wiped afterwards */
    struct stream *ready; /* with ERR_OK, if asked for: the connection, which whoever takes it sets
                             to NULL; NULL: the hub does not keep it */
};

struct api_call_options {
    const char *target;  /* "TunnelHub.ConnectDevice" */
    cJSON *input;        /* is taken over; NULL: there was no memory for it */
    uint64_t timeout_ms; /* for all of it */
    bool repeatable;     /* may be sent twice */
    bool takes_stream;   /* `ready` is wanted */
    /* Comes once, and never from inside api_client_call. */
    void (*done)(void *owner, struct api_answer *a);
    void *owner;
};
/* NULL: *why is ERR_NO_MEMORY, ERR_LIMIT, or that of api_request_write. */
struct api_call *api_client_call(struct api_client *c, const struct api_call_options *o,
                                 enum err *why);
void api_call_cancel(struct api_call *call); /* `done` does not come; NULL is fine */

/* The TLS session with the hub that was learnt last, for others that connect there. Lives as long
 * as the client. */
const struct tls_session *api_client_tls_session(const struct api_client *c);

/* Why the hub could not be reached last time, as in `text`; "": it was. */
const char *api_client_problem(const struct api_client *c);

#endif
