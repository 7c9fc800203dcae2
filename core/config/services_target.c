/* The host behind the device in a listening map: ":HOST:PORT" behind where to listen. */
#include "core/config/services_internal.h"

#include <stdio.h>
#include <string.h>

struct span services_cut_target(struct span *value)
{
    static const struct span none = {NULL, 0};
    const char *colon = value->n > 0 ? memrchr(value->p, ':', value->n) : NULL;
    const char *end = value->p + value->n;
    if (colon == NULL || colon == value->p)
        return none;
    bool bracketed = colon[-1] == ']';
    const char *before = memrchr(value->p, bracketed ? '[' : ':', (size_t)(colon - value->p));
    if (before != NULL && bracketed)
        before = before > value->p ? before - 1 : NULL;
    if (before == NULL || before == value->p || before + 1 == colon || *before != ':' ||
        before[-1] == ':' || memchr(before, '/', (size_t)(end - before)) != NULL)
        return none;
    value->n = (size_t)(before - value->p);
    return (struct span){before + 1, (size_t)(end - before) - 1};
}

enum err services_parse_target(struct span target, struct service_mapping *out, char *problem,
                               size_t size)
{
    char name[TARGETS_HOST], quoted[100];
    const char *colon = memrchr(target.p, ':', target.n);
    struct span host = {target.p, (size_t)(colon - target.p)};
    struct span digits = {colon + 1, target.n - host.n - 1};
    uint64_t port = 0;
    bool is_host = targets_host(host, name);
    if (!is_host || !str_number(digits, 65535, &port) || port == 0) {
        snprintf(problem, size, "\"%s\" %s", str_escape(target, quoted, sizeof quoted),
                 is_host ? "has no port from 1 to 65535 of the host behind the device"
                         : "names no host behind the device: write HOST:PORT or [IPv6]:PORT");
        return ERR_USAGE;
    }
    out->target_port = (int)port;
    out->target = str_copy(name);
    return out->target != NULL ? ERR_OK : ERR_NO_MEMORY;
}

const char *service_target(const struct service_mapping *s, char *out, size_t size)
{
    out[0] = '\0';
    if (s->target != NULL)
        snprintf(out, size, strchr(s->target, ':') != NULL ? "[%s]:%d" : "%s:%d", s->target,
                 s->target_port);
    return out;
}
