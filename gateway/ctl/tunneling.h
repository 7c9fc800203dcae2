/* A client of the tunneling service (service model 2018-10-05, protocol awsJson1.1): takes and
 * gives JSON, signs as AWS's own clients do, and turns errors into sentences. */
#ifndef GATEWAY_CTL_TUNNELING_H
#define GATEWAY_CTL_TUNNELING_H

#include "core/aws/sigv4.h"
#include "gateway/common/api/api_url.h"
#include "gateway/ctl/call.h"
#include "gateway/ctl/ctl_json.h"

/* Results of calls, which are exit codes, too. */
enum outcome { CTL_OK, CTL_FAILED, CTL_UNREACHABLE };

struct tunneling {
    struct api_url endpoint;
    const struct sigv4_credentials *credentials; /* NULL: calls are unsigned */
    const char *region;
    call_post *post;
    void *carrier;
    int64_t (*clock)(void); /* ms since the epoch */
    char error[128];        /* name of the last failure's exception, or "" if it was no exception */
    char problem[1400];     /* a sentence about the last failure */
};

/* Calls an operation: "OpenTunnel", or one that only hubs have, "TunnelHub.CutKey". Takes the input
 * over; NULL means that there was no memory for it. CTL_OK: *output is an object that the caller
 * owns. Otherwise *output is NULL and s->problem says why and what to do. */
enum outcome tunneling_call(struct tunneling *s, const char *operation, cJSON *input,
                            cJSON **output);

/* Gets all pages of an operation that lists, as one array: what is in their member of that name.
 * Takes the input over. */
enum outcome tunneling_pages(struct tunneling *s, const char *operation, const char *member,
                             cJSON *input, cJSON **all);
/* Gets all pages of ListTunnels as one array of summaries, newest first. thing: NULL for all. */
enum outcome tunneling_list(struct tunneling *s, const char *thing, cJSON **summaries);
/* Gets DescribeTunnel's "tunnel". */
enum outcome tunneling_describe(struct tunneling *s, const char *id, cJSON **tunnel);

#endif
