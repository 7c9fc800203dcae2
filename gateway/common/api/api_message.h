/* Calls of a hub's control API, or of AWS's (protocol awsJson1.1), as bytes: the signed request,
 * and what a refusal says. Pure. */
#ifndef GATEWAY_COMMON_API_API_MESSAGE_H
#define GATEWAY_COMMON_API_API_MESSAGE_H

#include "core/aws/sigv4.h"
#include "core/base/buf.h"
#include "gateway/common/api/api_url.h"

#include <cjson/cJSON.h>

struct api_caller {
    const struct api_url *endpoint;
    const struct sigv4_credentials *credentials; /* NULL: calls are unsigned */
    const char *region;
    const char *agent; /* User-Agent: "tunnelctl/1.0.0" */
};

/* Appends a call of `target`, the value of X-Amz-Target ("TunnelHub.ConnectDevice"), with that JSON
 * as its body, signed for `now` (ms since the epoch). ERR_TOO_LARGE, or as sigv4_sign. */
enum err api_request_write(const struct api_caller *who, const char *target, const char *body,
                           int64_t now, struct buf *out);

struct api_failure {
    char error[128];   /* the exception's name: "AccessDeniedException" */
    char message[900]; /* the service's own words: one line of shown UTF-8, without a full stop */
};
/* Reads a refusal. header: X-Amzn-ErrorType, or "". body: the answer's JSON, or NULL. False: this
 * is no refusal of a control API, since neither of them names an exception; out has empty texts. */
bool api_failure_read(const char *header, const cJSON *body, struct api_failure *out);

/* Overwrites all texts in j and deletes it. NULL is fine. */
void api_json_wipe(cJSON *j);

#endif
