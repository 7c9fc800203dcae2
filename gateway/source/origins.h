/* Which web pages may ask for services by plain http requests, told by the Origin that browsers
 * send (RFC 6454; Fetch, "Origin header"). Pure. */
#ifndef GATEWAY_SOURCE_ORIGINS_H
#define GATEWAY_SOURCE_ORIGINS_H

#include "core/http/http.h"
#include "gateway/source/names.h"

#define ORIGINS_MAX 64

/* A zeroed struct lets every page ask. */
struct origins {
    bool checked;            /* not everybody may */
    bool tunnel;             /* pages whose host is below a suffix may */
    bool same;               /* pages of the very host that is asked for may */
    char *list[ORIGINS_MAX]; /* these may: "https://dash.example:8443", "null" */
    size_t n;
};
void origins_free(struct origins *o); /* zeroed afterwards */

/* "any", or a list with commas of "tunnel", "same", "null" and origins. ERR_USAGE: it is neither.
 */
enum err origins_add(struct origins *o, const char *text);

/* Whether a request for host (as in its target) may pass. One without Origin may: it is not a
 * page's script or form that asks, or the browser does not tell. */
bool origins_allow(const struct origins *o, const struct names *names, const struct http_head *head,
                   struct span host);

#endif
