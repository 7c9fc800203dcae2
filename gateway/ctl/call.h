/* One HTTP request over TLS and its answer, waited for. The connection is kept for the next call
 * when the server keeps it, too. */
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
    struct buf body; /* the caller's; wiped with buf_wipe by whoever it is given to */
};

struct call_request {
    struct span bytes; /* whole, head and body */
    bool repeatable;   /* twice is as good as once, should nobody know whether it was done */
};

/* Who carries requests: caller_post, or a test's. ERR_OK: an
 * answer came, whatever its status. Otherwise a text that says what happened ("connection
 * refused"). *answer is zeroed first. */
typedef enum err call_post(void *carrier, const struct call_request *request,
                           struct call_answer *answer, char *text, size_t size);

struct caller;
struct caller_options {
    struct reach_target target; /* what it points to must live as long as the caller */
    uint64_t timeout_ms;        /* for one call; 0: 30,000 */
};
struct caller *caller_new(struct loop *loop, const struct caller_options *o); /* NULL: memory */
void caller_free(struct caller *c);                                           /* NULL is fine */

/* Runs the loop until the answer is there (call_post's contract; carrier: the caller). A connection
 * that was kept and turns out to be closed is replaced once, when nothing of an answer has come; so
 * a request that is not repeatable goes over a new one. */
enum err caller_post(void *carrier, const struct call_request *request, struct call_answer *answer,
                     char *text, size_t size);
/* Gives up the connection that was kept, if there is one: before a long wait. */
void caller_rest(struct caller *c);

#endif
