#include "gateway/common/hub_check.h"

#include "core/base/log.h"
#include "core/base/process.h"
#include "core/http/upstream.h"

#include <stdio.h>

#define MEMORY_LEAST 1048576
#define MEMORY_MOST 68719476736

struct trust *hub_check_trust(const struct hub_config *hub, enum err *why, char *text, size_t size)
{
    const struct trust_sources from = {.file = hub->ca,
                                       .directory = hub->capath,
                                       .system = hub->system_ca,
                                       .insecure = hub->insecure};
    *why = ERR_OK;
    return trust_new(&from, why, text, size);
}

const char *hub_check_web_proxy(const struct hub_config *hub)
{
    return hub->web_proxy != NULL ? hub->web_proxy
                                  : upstream_from_env(hub->host, hub->port, process_environment);
}

enum err hub_check_options(const struct hub_config *hub, char *text, size_t size)
{
    struct upstream proxy;
    enum err why;
    struct trust *trust = hub_check_trust(hub, &why, text, size);
    if (trust == NULL)
        return why;
    trust_free(trust);
    const char *url = hub_check_web_proxy(hub);
    if (url == NULL)
        return ERR_OK;
    why = upstream_parse(url, &proxy);
    if (why == ERR_OK)
        upstream_free(&proxy);
    else
        snprintf(text, size, "the proxy's URL (--web-proxy, or the environment) %s",
                 upstream_wrong(why));
    return why;
}

enum err check_memory(struct options *o, size_t *out)
{
    uint64_t bytes = 0;
    enum err why = options_size(o, "memory-budget", MEMORY_LEAST, MEMORY_MOST, &bytes);
    *out = (size_t)bytes;
    return why;
}

int check_program(const struct program *p, const struct options *o, const struct hub_config *hub)
{
    char text[400];
    if (hub_check_options(hub, text, sizeof text) == ERR_OK)
        return program_checked(p, o) ? 0 : 1;
    log_fatal("%s", text);
    return 1;
}
