/* The tunneling service: its operations with JSON in and out (service model 2018-10-05, protocol
 * awsJson1.1), signed as AWS's own clients do, and its errors as sentences. */
#ifndef GATEWAY_CTL_TUNNELING_H
#define GATEWAY_CTL_TUNNELING_H

#include "core/aws/sigv4.h"
#include "gateway/ctl/api_url.h"
#include "gateway/ctl/call.h"
#include "gateway/ctl/ctl_json.h"

/* What calls come to; also exit codes. */
enum outcome { CTL_OK, CTL_FAILED, CTL_UNREACHABLE };

struct tunneling {
    struct api_url endpoint;
    const struct sigv4_credentials *credentials; /* NULL: calls are not signed */
    const char *region;
    call_post *post;
    void *carrier;
    int64_t (*clock)(void); /* ms since the epoch */
    char error[128];        /* the exception's name, or "" when the last failure was no such */
    char problem[1400];     /* a sentence about the last failure */
};

/* Calls an operation ("OpenTunnel"). Takes the input over; NULL means that there was no memory for
 * it. Without CTL_OK *output is NULL and s->problem says why and what to do; else the answer is an
 * object and the caller's. */
enum outcome tunneling_call(struct tunneling *s, const char *operation, cJSON *input,
                            cJSON **output);

/* All pages of ListTunnels as one array of summaries, newest first. thing: NULL for all. */
enum outcome tunneling_list(struct tunneling *s, const char *thing, cJSON **summaries);
/* DescribeTunnel's "tunnel". */
enum outcome tunneling_describe(struct tunneling *s, const char *id, cJSON **tunnel);

#endif
