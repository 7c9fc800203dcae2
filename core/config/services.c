#include "core/config/services_internal.h"

#include "core/base/service_id.h"
#include "core/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static bool only(struct span s, const char *more)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || (strchr(letters, s.p[i]) == NULL && strchr(more, s.p[i]) == NULL))
            return false;
    return s.n > 0;
}

/* ---- endpoints ---- */

#define DIALS "PORT, HOST:PORT, [IPv6]:PORT or /path/of.socket"
#define LISTENS "PORT, ADDRESS:PORT, [IPv6]:PORT or /path/of.socket"
#define FORWARDS LISTENS ", and :HOST:PORT behind it for a host behind the device"

static const char *const forms[] = {[SERVICES_DIAL_ONE] = DIALS,
                                    [SERVICES_DIAL] = DIALS,
                                    [SERVICES_LISTEN] = LISTENS,
                                    [SERVICES_FORWARD] = FORWARDS};

static enum err bad_endpoint(struct span endpoint, enum services_use use, const char *what,
                             char *problem, size_t size)
{
    char quoted[100];
    snprintf(problem, size, "\"%s\" %s: write %s", str_escape(endpoint, quoted, sizeof quoted),
             what, forms[use]);
    return ERR_USAGE;
}

static enum err split(struct span endpoint, enum services_use use, struct span *host,
                      struct span *port, char *problem, size_t size)
{
    struct span rest = endpoint;
    if (rest.n > 0 && rest.p[0] == '[') {
        rest.p++, rest.n--;
        *host = span_cut(&rest, ']');
        bool v6 = memchr(host->p, ':', host->n) != NULL;
        if (!v6 || !only(*host, ":.%") || rest.n < 2 || rest.p[0] != ':')
            return bad_endpoint(endpoint, use, "is not an address in brackets with a port", problem,
                                size);
        *port = (struct span){rest.p + 1, rest.n - 1};
        return ERR_OK;
    }
    if (memchr(rest.p, ':', rest.n) == NULL) {
        *port = rest;
        return ERR_OK;
    }
    *host = span_cut(&rest, ':');
    *port = rest;
    if (rest.n > 0 && memchr(rest.p, ':', rest.n) != NULL)
        return bad_endpoint(endpoint, use, "has too many colons (an IPv6 address goes in brackets)",
                            problem, size);
    if (host->n > 0 && !only(*host, "._-"))
        return bad_endpoint(endpoint, use, "has no valid host name", problem, size);
    return ERR_OK;
}

static enum err parse_path(struct span endpoint, enum services_use use, struct service_mapping *out,
                           char *problem, size_t size)
{
    if (endpoint.n >= sizeof((struct sockaddr_un *)0)->sun_path)
        return bad_endpoint(endpoint, use, "is too long for a socket's path", problem, size);
    out->host = span_dup(endpoint);
    return out->host != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err parse_endpoint(struct span endpoint, enum services_use use,
                               struct service_mapping *out, char *problem, size_t size)
{
    struct span host = {NULL, 0}, port = {NULL, 0};
    uint64_t number;
    if (endpoint.n > 0 && memchr(endpoint.p, '/', endpoint.n) != NULL)
        return parse_path(endpoint, use, out, problem, size);
    enum err why = split(endpoint, use, &host, &port, problem, size);
    if (why != ERR_OK)
        return why;
    bool listens = use == SERVICES_LISTEN || use == SERVICES_FORWARD;
    if (!str_number(port, 65535, &number) || (number == 0 && !listens))
        return bad_endpoint(endpoint, use,
                            listens ? "has no port from 0 to 65535" : "has no port from 1 to 65535",
                            problem, size);
    out->port = (int)number;
    out->host = host.n > 0 ? span_dup(host) : NULL;
    return host.n == 0 || out->host != NULL ? ERR_OK : ERR_NO_MEMORY;
}

/* ---- the map ---- */

static void service_clear(struct service_mapping *s)
{
    free(s->id);
    free(s->host);
    free(s->target);
    targets_free(s->targets);
}

void services_free(struct services *s)
{
    for (size_t i = 0; i < s->n; i++)
        service_clear(&s->items[i]);
    free(s->items);
    *s = (struct services){.n = 0};
}

const struct service_mapping *services_find(const struct services *s, const char *id)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].id, id) == 0)
            return &s->items[i];
    return NULL;
}

static bool same_target(const struct service_mapping *a, const struct service_mapping *b)
{
    return str_same(a->target, b->target) && a->target_port == b->target_port;
}

/* The list of targets as text; NULL: there is none. */
static const char *list_of(const struct service_mapping *s)
{
    return s->targets != NULL ? targets_text(s->targets) : NULL;
}

bool services_same(const struct services *a, const struct services *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = str_same(a->items[i].id, b->items[i].id) &&
               str_same(a->items[i].host, b->items[i].host) &&
               a->items[i].port == b->items[i].port && a->items[i].proxy == b->items[i].proxy &&
               same_target(&a->items[i], &b->items[i]) &&
               str_same(list_of(&a->items[i]), list_of(&b->items[i]));
    return same;
}

bool services_unnamed(const struct services *s)
{
    return s->n == 1 && s->items[0].id[0] == '\0';
}

const char *service_where(const struct service_mapping *s, const char *default_host, char *out,
                          size_t size)
{
    const char *host = s->host != NULL ? s->host : default_host;
    if (s->targets != NULL || strchr(host, '/') != NULL)
        snprintf(out, size, "%s", s->targets != NULL ? targets_text(s->targets) : host);
    else
        snprintf(out, size, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, s->port);
    return out;
}

static enum err append(struct services *s, struct service_mapping *item)
{
    struct service_mapping *items = realloc(s->items, (s->n + 1) * sizeof *items);
    if (items == NULL)
        return ERR_NO_MEMORY;
    s->items = items;
    s->items[s->n++] = *item;
    return ERR_OK;
}

static void note_duplicate(struct services *s, const struct service_mapping *first)
{
    char where[150], target[TARGETS_HOST + 10];
    service_target(first, target, sizeof target);
    snprintf(s->warning, sizeof s->warning,
             "service id \"%.60s\" is mapped twice%s%s; the first mapping (%.100s) counts",
             first->id, target[0] != '\0' ? " to " : "", target,
             service_where(first, "port", where, sizeof where));
}

/* "proxy=v1" and the like: nothing that could be a service and its endpoint. */
static bool is_proxy_option(struct span piece)
{
    static const struct span begin = {"proxy=v", 7};
    return piece.n >= begin.n && span_equal((struct span){piece.p, begin.n}, begin) &&
           memchr(piece.p, ':', piece.n) == NULL && memchr(piece.p, '/', piece.n) == NULL;
}

/* Cuts ",proxy=v2" off the end. */
static enum err cut_proxy(struct span *value, int *proxy, char *problem, size_t size)
{
    size_t at = value->n;
    while (at > 0 && value->p[at - 1] != ',')
        at--;
    struct span last = span_trim((struct span){value->p + at, value->n - at});
    if (at == 0 || !is_proxy_option(last))
        return ERR_OK;
    *proxy = span_is(last, "proxy=v1") ? 1 : span_is(last, "proxy=v2") ? 2 : 0;
    if (*proxy == 0) {
        char quoted[100];
        snprintf(problem, size, "\"%s\" is none of proxy=v1 and proxy=v2",
                 str_escape(last, quoted, sizeof quoted));
        return ERR_USAGE;
    }
    *value = span_trim((struct span){value->p, at - 1});
    return ERR_OK;
}

/* What a service leads to. */
static enum err parse_value(struct span value, enum services_use use, struct service_mapping *out,
                            char *problem, size_t size)
{
    enum err why = ERR_OK;
    struct span target = {NULL, 0};
    if (use == SERVICES_DIAL)
        why = cut_proxy(&value, &out->proxy, problem, size);
    if (use == SERVICES_FORWARD)
        target = services_cut_target(&value);
    if (why != ERR_OK)
        return why;
    if (use != SERVICES_DIAL || !targets_is_list(value)) {
        why = parse_endpoint(value, use, out, problem, size);
        return why != ERR_OK || target.p == NULL
                   ? why
                   : services_parse_target(target, out, problem, size);
    }
    out->targets = targets_parse(value, &why, problem, size);
    return why;
}

/* The mapping that says the same service, and the same target, already. */
static const struct service_mapping *said_before(const struct services *s,
                                                 const struct service_mapping *item)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].id, item->id) == 0 && same_target(&s->items[i], item))
            return &s->items[i];
    return NULL;
}

enum err services_add(struct services *s, struct span id, struct span value, enum services_use use,
                      char *problem, size_t size)
{
    struct service_mapping item = {0};
    char quoted[100];
    if (id.p != NULL && !service_id_is(id)) {
        snprintf(problem, size, "\"%s\" is not a service id: it has " SERVICE_ID_RULE,
                 str_escape(id, quoted, sizeof quoted));
        return ERR_USAGE;
    }
    enum err why = parse_value(value, use, &item, problem, size);
    if (why == ERR_OK && (item.id = span_dup(id)) == NULL)
        why = ERR_NO_MEMORY;
    const struct service_mapping *first = why == ERR_OK ? said_before(s, &item) : NULL;
    if (first != NULL && id.p != NULL) {
        note_duplicate(s, first);
        service_clear(&item);
        return ERR_OK;
    }
    if (why == ERR_OK)
        why = append(s, &item);
    if (why != ERR_OK)
        service_clear(&item);
    if (why == ERR_NO_MEMORY)
        snprintf(problem, size, "out of memory");
    return why;
}

/* Cuts the id off "ID=endpoint"; an '=' after a '/' belongs to a path, and one after a comma to
 * what follows. */
static struct span cut_id(struct span *mapping)
{
    const char *equals = mapping->n > 0 ? memchr(mapping->p, '=', mapping->n) : NULL;
    size_t before = equals != NULL ? (size_t)(equals - mapping->p) : 0;
    if (equals == NULL || memchr(mapping->p, '/', before) != NULL ||
        memchr(mapping->p, ',', before) != NULL)
        return (struct span){NULL, 0};
    return span_trim(span_cut(mapping, '='));
}

static size_t up_to_comma(struct span s, size_t from)
{
    const char *comma = from < s.n ? memchr(s.p + from, ',', s.n - from) : NULL;
    return comma != NULL ? (size_t)(comma - s.p) : s.n;
}

/* How much of rest is its first mapping. "PLC=10.0.7.0/24:102" goes on with "502" and "cam1:80"
 * behind commas: what has no id belongs to the mapping before, if that has a host; and so does
 * "proxy=v2". */
static size_t mapping_size(struct span rest, enum services_use use)
{
    size_t n = up_to_comma(rest, 0);
    struct span value = span_trim((struct span){rest.p, n});
    cut_id(&value);
    value = span_trim(value);
    bool host =
        value.n > 0 && memchr("/:", value.p[0], 2) == NULL && memchr(value.p, ':', value.n) != NULL;
    while (use == SERVICES_DIAL && n < rest.n) {
        size_t end = up_to_comma(rest, n + 1);
        struct span piece = span_trim((struct span){rest.p + n + 1, end - n - 1}), unused = piece;
        bool more = host && piece.n > 0 && piece.p[0] != '/' && cut_id(&unused).p == NULL;
        if (is_proxy_option(piece))
            return end; /* which is the last word */
        if (!more)
            break;
        n = end;
    }
    return n;
}

static bool mixes_unnamed(const struct services *s)
{
    return s->n > 1 && services_find(s, "") != NULL;
}

enum err services_parse(struct services *s, const char *text, enum services_use use, char *problem,
                        size_t size)
{
    struct span rest = span_of(text);
    char quoted[100];
    bool more = true;
    while (more) {
        size_t n = mapping_size(rest, use);
        more = n < rest.n;
        struct span mapping = span_trim((struct span){rest.p, n}), id = cut_id(&mapping);
        rest = (struct span){rest.p + n + more, rest.n - n - more};
        if (mapping.n == 0 && id.p == NULL) {
            snprintf(problem, size, "\"%s\" has an empty mapping in it",
                     str_escape(span_of(text), quoted, sizeof quoted));
            return ERR_USAGE;
        }
        enum err why = services_add(s, id, span_trim(mapping), use, problem, size);
        if (why != ERR_OK)
            return why;
    }
    if (mixes_unnamed(s)) {
        snprintf(problem, size,
                 "\"%s\": with several mappings each needs a service id, as in SSH1=22,HTTP1=80",
                 str_escape(span_of(text), quoted, sizeof quoted));
        return ERR_USAGE;
    }
    return ERR_OK;
}
