#include "gateway/destination/device_request.h"

#include "core/base/secret.h"

#include <stdlib.h>
#include <string.h>

/* Service ids have no commas. */
static char *join(const struct span *ids, size_t n)
{
    size_t size = 1;
    for (size_t i = 0; i < n; i++)
        size += ids[i].n + 1;
    char *text = calloc(1, size), *at = text;
    for (size_t i = 0; text != NULL && i < n; i++) {
        if (i > 0)
            *at++ = ',';
        memcpy(at, ids[i].p, ids[i].n);
        at += ids[i].n;
    }
    return text;
}

struct device_request *device_request_new(const struct hub_notice *n)
{
    struct device_request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    memcpy(r->id, n->id.p, n->id.n);
    r->tunnel = span_dup(n->tunnel);
    r->access_token = span_dup(n->access_token);
    r->services = join(n->services, n->n_services);
    r->service = span_dup(n->service);
    r->opened_by = span_dup(n->opened_by);
    r->why = span_dup(n->why);
    r->answer_ms = n->answer_ms;
    if (r->tunnel != NULL && r->access_token != NULL && r->services != NULL && r->service != NULL &&
        r->opened_by != NULL && r->why != NULL)
        return r;
    device_request_free(r);
    return NULL;
}

void device_request_free(struct device_request *r)
{
    if (r == NULL)
        return;
    secret_free(r->access_token);
    free(r->tunnel);
    free(r->services);
    free(r->service);
    free(r->opened_by);
    free(r->why);
    free(r);
}
