#include "gateway/source/origins.h"

#include "gateway/source/proxy.h"

#include <stdlib.h>
#include <string.h>

void origins_free(struct origins *o)
{
    for (size_t i = 0; i < o->n; i++)
        free(o->list[i]);
    *o = (struct origins){.n = 0};
}

/* Takes the host from "scheme://host[:port]". False: the origin has another form. */
static bool host_of(struct span origin, char host[PROXY_HOST_MAX + 1])
{
    struct span rest = origin, scheme = span_cut(&rest, ':');
    int port;
    if (rest.n < 3 || memcmp(rest.p, "//", 2) != 0)
        return false;
    if (!span_is_nocase(scheme, "http") && !span_is_nocase(scheme, "https"))
        return false;
    return proxy_authority((struct span){rest.p + 2, rest.n - 2}, host, &port);
}

static enum err add_one(struct origins *o, struct span one)
{
    char host[PROXY_HOST_MAX + 1];
    if (span_is(one, "tunnel")) {
        o->tunnel = true;
    } else if (span_is(one, "same")) {
        o->same = true;
    } else if (!span_is(one, "null") && !host_of(one, host)) {
        return ERR_USAGE;
    } else if (o->n == ORIGINS_MAX) {
        return ERR_LIMIT;
    } else {
        o->list[o->n] = span_dup(one);
        if (o->list[o->n] == NULL)
            return ERR_NO_MEMORY;
        o->n++;
    }
    o->checked = true;
    return ERR_OK;
}

enum err origins_add(struct origins *o, const char *text)
{
    struct span rest = span_of(text);
    enum err why = ERR_OK;
    if (span_is(rest, "any"))
        return ERR_OK;
    if (rest.n == 0)
        return ERR_USAGE;
    while (rest.n > 0 && why == ERR_OK)
        why = add_one(o, span_trim(span_cut(&rest, ',')));
    return why;
}

/* Ports and schemes are not compared, since a service has neither. */
static bool is_same(const char *host, struct span asked)
{
    struct span own = span_of(host);
    while (own.n > 0 && own.p[own.n - 1] == '.')
        own.n--;
    while (asked.n > 0 && asked.p[asked.n - 1] == '.')
        asked.n--;
    return span_equal_nocase(own, asked);
}

bool origins_allow(const struct origins *o, const struct names *names, const struct http_head *head,
                   struct span host)
{
    char page[PROXY_HOST_MAX + 1];
    struct span origin = http_header(head, "Origin");
    size_t given = http_header_count(head, "Origin");
    if (!o->checked || given == 0)
        return true;
    if (given > 1)
        return false; /* No browser sends two. */
    for (size_t i = 0; i < o->n; i++)
        if (span_is_nocase(origin, o->list[i]))
            return true;
    return host_of(origin, page) &&
           ((o->tunnel && !names_is_foreign(names, span_of(page), false)) ||
            (o->same && is_same(page, host)));
}
