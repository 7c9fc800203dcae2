#include "gateway/destination/hub_way.h"

#include "core/base/str.h"
#include "gateway/common/hub_check.h"

#include <stdlib.h>

enum err hub_way_take(struct hub_way *w, const struct hub_config *hub, const struct trust *trust,
                      struct identity *identity)
{
    const char *proxy = hub_check_web_proxy(hub);
    *w = (struct hub_way){
        .host = str_copy(hub->host),
        .bind = str_copy(hub->bind),
        .port = hub->port,
        .trust = trust,
        .identity = identity != NULL ? identity_ref(identity) : NULL,
    };
    if (w->host == NULL || (hub->bind != NULL && w->bind == NULL))
        return ERR_NO_MEMORY;
    enum err why = proxy != NULL ? upstream_parse(proxy, &w->proxy) : ERR_OK;
    w->proxied = proxy != NULL && why == ERR_OK;
    return why;
}

void hub_way_free(struct hub_way *w)
{
    if (w->proxied)
        upstream_free(&w->proxy);
    free(w->host);
    free(w->bind);
    identity_free(w->identity);
    *w = (struct hub_way){.host = NULL};
}

bool hub_way_same(const struct hub_way *a, const struct hub_way *b)
{
    return a->port == b->port && str_same(a->host, b->host) && str_same(a->bind, b->bind) &&
           a->proxied == b->proxied && (!a->proxied || upstream_same(&a->proxy, &b->proxy));
}

void hub_way_target(const struct hub_way *w, struct connector_target *out)
{
    out->host = w->host;
    out->port = w->port;
    out->proxy = w->proxied ? &w->proxy : NULL;
    out->bind = w->bind;
    out->trust = w->trust;
    out->identity = w->identity;
}
