/* A blocking HTTP request over TLS. The connection is kept for the next call when the server keeps
 * it, too. */
#ifndef GATEWAY_CTL_CALL_H
#define GATEWAY_CTL_CALL_H

#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/reach/reach.h"

#define CALL_ANSWER_MAX (16u << 20) /* bytes of a body */
#define CALL_REQUEST_MAX (1u << 20)

struct call_answer {
    int status;
    char error[128]; /* X-Amzn-ErrorType, or "" */
    char type[128];  /* Content-Type, or "" */
    struct buf body; /* owned by the caller, who wipes it with buf_wipe */
};

struct call_request {
    struct span bytes; /* the whole request, head and body */
    bool repeatable;   /* may be sent again when it is unknown whether it was carried out */
};

/* Carries a request: caller_post, or a test's function. ERR_OK: an answer came, whatever its
 * status. Any other error comes with a text that says what happened ("connection refused"). *answer
 * is zeroed first. */
typedef enum err call_post(void *carrier, const struct call_request *request,
                           struct call_answer *answer, char *text, size_t size);

struct caller;
struct caller_options {
    struct reach_target target; /* its pointers must be valid as long as the caller lives */
    uint64_t timeout_ms;        /* for one call; 0: 30,000 */
};
struct caller *caller_new(struct loop *loop, const struct caller_options *o); /* NULL: memory */
void caller_free(struct caller *c);                                           /* NULL is fine */

/* Runs the loop until the answer is there (call_post's contract; carrier: the caller). A kept
 * connection that turns out to be closed is replaced once, if no byte of an answer has come; so a
 * request that is not repeatable always gets a new connection. */
enum err caller_post(void *carrier, const struct call_request *request, struct call_answer *answer,
                     char *text, size_t size);
/* Closes the kept connection, if there is one, before a long wait. */
void caller_rest(struct caller *c);

#endif
