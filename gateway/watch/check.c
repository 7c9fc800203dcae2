#include "gateway/watch/check.h"

#include "core/http/upstream.h"
#include "core/tls/tls.h"

#include <stdio.h>

enum err check_hub(const struct hub_config *hub, char *text, size_t size)
{
    const struct trust_sources from = {.file = hub->ca,
                                       .directory = hub->capath,
                                       .system = hub->system_ca,
                                       .insecure = hub->insecure};
    struct upstream proxy;
    enum err why = ERR_OK;
    struct trust *trust = trust_new(&from, &why, text, size);
    if (trust == NULL)
        return why;
    trust_free(trust);
    if (hub->web_proxy == NULL)
        return ERR_OK;
    why = upstream_parse(hub->web_proxy, &proxy);
    if (why == ERR_OK)
        upstream_free(&proxy);
    else
        snprintf(text, size, "--web-proxy %s", upstream_wrong(why));
    return why;
}
