/* Decides by the Origin that browsers send (RFC 6454; Fetch, "Origin header") which web pages may
 * ask for services by plain http requests. Pure. */
#ifndef GATEWAY_SOURCE_ORIGINS_H
#define GATEWAY_SOURCE_ORIGINS_H

#include "core/http/http.h"
#include "gateway/source/names.h"

#define ORIGINS_MAX 64

/* A zeroed struct lets every page ask. */
struct origins {
    bool checked;            /* Not every page may ask. */
    bool tunnel;             /* Pages whose host is below a suffix may ask. */
    bool same;               /* Pages of the very host that is asked for may ask. */
    char *list[ORIGINS_MAX]; /* origins that may ask: "https://dash.example:8443", "null" */
    size_t n;
};
void origins_free(struct origins *o); /* zeroed afterwards */

/* Adds "any", or a comma-separated list of "tunnel", "same", "null" and origins. ERR_USAGE: text is
 * neither. */
enum err origins_add(struct origins *o, const char *text);

/* Whether a request for host (as in its target) may pass. A request without Origin may: no page's
 * script or form sends it, or the browser does not tell. */
bool origins_allow(const struct origins *o, const struct names *names, const struct http_head *head,
                   struct span host);

#endif
