#include "gateway/source/names.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 253
#define SUFFIXES_MAX 16
#define ALIASES_MAX 1024

struct alias {
    char *label, *target;
};

struct names {
    char *suffixes[SUFFIXES_MAX];
    size_t n_suffixes;
    struct alias *aliases;
    size_t n_aliases;
};

/* How alike an id and what was asked for must be; tried in this order. */
enum likeness { EXACT, CASE_BLIND, FOLDED, LIKENESSES };

enum { NONE = -1, SEVERAL = -2 };

struct names *names_new(void)
{
    return calloc(1, sizeof(struct names));
}

void names_free(struct names *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->n_suffixes; i++)
        free(n->suffixes[i]);
    for (size_t i = 0; i < n->n_aliases; i++) {
        free(n->aliases[i].label);
        free(n->aliases[i].target);
    }
    free(n->aliases);
    free(n);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static char folded(char c)
{
    return c == ':' || c == '_' ? '-' : lower(c);
}

static bool host_character(char c)
{
    c = lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_suffix(struct span s)
{
    if (s.n == 0 || s.n > HOST_MAX || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!host_character(s.p[i]) || (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.')))
            return false;
    return true;
}

enum err names_add_suffix(struct names *n, const char *suffix)
{
    struct span s = span_trim(span_of(suffix));
    if (s.n > 0 && s.p[0] == '.')
        s = (struct span){s.p + 1, s.n - 1};
    if (!is_suffix(s))
        return ERR_USAGE;
    for (size_t i = 0; i < n->n_suffixes; i++)
        if (span_is_nocase(s, n->suffixes[i]))
            return ERR_OK;
    if (n->n_suffixes == SUFFIXES_MAX)
        return ERR_LIMIT;
    char *copy = span_dup(s);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    for (char *p = copy; *p != '\0'; p++)
        *p = lower(*p);
    n->suffixes[n->n_suffixes++] = copy;
    return ERR_OK;
}

const char *names_suffix_at(const struct names *n, size_t i)
{
    if (n->n_suffixes == 0)
        return i == 0 ? "tunnel" : NULL;
    return i < n->n_suffixes ? n->suffixes[i] : NULL;
}

const char *names_suffix(const struct names *n)
{
    return names_suffix_at(n, 0);
}

static const char *alias_of(const struct names *n, struct span label)
{
    for (size_t i = 0; i < n->n_aliases; i++)
        if (span_is_nocase(label, n->aliases[i].label))
            return n->aliases[i].target;
    return NULL;
}

enum err names_add_alias(struct names *n, const char *label, const char *target)
{
    struct span l = span_trim(span_of(label)), t = span_trim(span_of(target));
    if (l.n == 0 || t.n == 0 || alias_of(n, l) != NULL)
        return ERR_USAGE;
    if (n->n_aliases == ALIASES_MAX)
        return ERR_LIMIT;
    struct alias *more = realloc(n->aliases, (n->n_aliases + 1) * sizeof *more);
    if (more == NULL)
        return ERR_NO_MEMORY;
    n->aliases = more;
    struct alias *a = &more[n->n_aliases];
    *a = (struct alias){span_dup(l), span_dup(t)};
    if (a->label == NULL || a->target == NULL) {
        free(a->label);
        free(a->target);
        return ERR_NO_MEMORY;
    }
    n->n_aliases++;
    return ERR_OK;
}

const char *names_alias_at(const struct names *n, size_t i)
{
    return i < n->n_aliases ? n->aliases[i].label : NULL;
}

/* ---- matching ---- */

static bool alike(struct span asked, const char *id, enum likeness how)
{
    if (how == EXACT)
        return span_is(asked, id);
    if (how == CASE_BLIND)
        return span_is_nocase(asked, id);
    if (strlen(id) != asked.n)
        return false;
    for (size_t i = 0; i < asked.n; i++)
        if (folded(asked.p[i]) != folded(id[i]))
            return false;
    return true;
}

struct hits {
    int index;              /* the one hit, NONE or SEVERAL */
    enum likeness likeness; /* of the step that hit */
};

/* `id` gives the i-th id of `from`. */
static struct hits find(struct span asked, size_t n, const char *(*id)(const void *from, size_t i),
                        const void *from)
{
    for (enum likeness how = EXACT; how < LIKENESSES; how++) {
        int hit = NONE;
        for (size_t i = 0; i < n; i++)
            if (alike(asked, id(from, i), how))
                hit = hit == NONE ? (int)i : SEVERAL;
        if (hit != NONE)
            return (struct hits){hit, how};
    }
    return (struct hits){NONE, EXACT};
}

static const char *service_id(const void *from, size_t i)
{
    return ((const struct names_tunnel *)from)->services[i];
}

static const char *tunnel_id(const void *from, size_t i)
{
    return ((const struct names_tunnel *)from)[i].name;
}

/* ---- sentences ---- */

static void add(char text[NAMES_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add(char text[NAMES_TEXT], const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, NAMES_TEXT - used, format, args);
    va_end(args);
}

static void add_quoted(char text[NAMES_TEXT], const char *before, struct span asked)
{
    char safe[72];
    add(text, "%s \"%s\"", before, str_escape(asked, safe, sizeof safe));
}

/* ", " and the ids that are alike (NULL: all of them), with an ellipsis when they do not fit. */
static void add_ids(char text[NAMES_TEXT], size_t n, const char *(*id)(const void *, size_t),
                    const void *from, const struct span *asked, enum likeness how)
{
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        char safe[140];
        if (asked != NULL && !alike(*asked, id(from, i), how))
            continue;
        str_escape(span_of(id(from, i)), safe, sizeof safe);
        if (strlen(text) + strlen(safe) + 24 > NAMES_TEXT) {
            add(text, "%s", first ? "..." : ",...");
            return;
        }
        add(text, "%s%s", first ? "" : ",", safe[0] != '\0' ? safe : "(default)");
        first = false;
    }
}

/* ---- resolving ---- */

static bool is_address(struct span host)
{
    char text[64];
    unsigned char address[16];
    if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct span){host.p + 1, host.n - 2};
    if (host.n == 0 || host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* What stands before the longest suffix that fits; empty when none does. */
static struct span before_suffix(const struct names *n, struct span host)
{
    size_t longest = 0;
    const char *text;
    for (size_t i = 0; (text = names_suffix_at(n, i)) != NULL; i++) {
        struct span suffix = span_of(text);
        if (host.n < suffix.n + 2 || host.p[host.n - suffix.n - 1] != '.')
            continue;
        struct span end = {host.p + host.n - suffix.n, suffix.n};
        if (span_equal_nocase(end, suffix) && suffix.n > longest)
            longest = suffix.n;
    }
    return longest > 0 ? (struct span){host.p, host.n - longest - 1} : (struct span){host.p, 0};
}

/* "tunnel" and ".tunnel" are ours, too: they lead nowhere, but nobody else is to hear of them. */
bool names_is_foreign(const struct names *n, struct span host, bool literal)
{
    const char *text;
    while (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    if (literal || is_address(host))
        return true;
    for (size_t i = 0; (text = names_suffix_at(n, i)) != NULL; i++) {
        struct span suffix = span_of(text), end = host;
        if (host.n < suffix.n)
            continue;
        end = (struct span){host.p + host.n - suffix.n, suffix.n};
        if (span_equal_nocase(end, suffix) && (end.p == host.p || end.p[-1] == '.'))
            return false;
    }
    return true;
}

static enum err refuse_foreign(const struct names *n, const struct names_question *q,
                               struct names_answer *out)
{
    char safe[400];
    if (q->literal || is_address(q->host))
        add(out->text, "only *.%.60s names, no addresses; use remote DNS (socks5h, socks4a)",
            names_suffix(n));
    else
        add(out->text, "%.80s does not end in .%.60s; --direct would allow it",
            str_escape(q->host, safe, sizeof safe), names_suffix(n));
    return ERR_FORBIDDEN;
}

static enum err missing(const struct names_question *q, struct span asked, const char *what,
                        size_t count, const char *(*id)(const void *, size_t), const void *from,
                        struct names_answer *out)
{
    add(out->text, "no %s", what);
    add_quoted(out->text, "", asked);
    if (!q->quiet) {
        add(out->text, "; have ");
        add_ids(out->text, count, id, from, NULL, EXACT);
    }
    return ERR_NO_SERVICE;
}

static enum err ambiguous(const struct names_question *q, struct span asked, struct hits hits,
                          size_t count, const char *(*id)(const void *, size_t), const void *from,
                          struct names_answer *out)
{
    add_quoted(out->text, "ambiguous name", asked);
    if (!q->quiet) {
        add(out->text, ": ");
        add_ids(out->text, count, id, from, &asked, hits.likeness);
    }
    add(out->text, "; use an alias");
    return ERR_AMBIGUOUS;
}

/* No tunnel in the host name: the user name, the nameless one, the only one. */
static int default_tunnel(const struct names_question *q)
{
    if (q->hint != NULL && q->hint[0] != '\0') {
        struct hits hits = find(span_of(q->hint), q->n_tunnels, tunnel_id, q->tunnels);
        if (hits.index >= 0)
            return hits.index;
    }
    for (size_t i = 0; i < q->n_tunnels; i++)
        if (q->tunnels[i].name[0] == '\0')
            return (int)i;
    return q->n_tunnels == 1 ? 0 : SEVERAL;
}

static enum err pick_tunnel(const struct names_question *q, struct span device,
                            struct names_answer *out)
{
    if (device.n > 0) {
        struct hits hits = find(device, q->n_tunnels, tunnel_id, q->tunnels);
        if (hits.index == NONE)
            return missing(q, device, "tunnel", q->n_tunnels, tunnel_id, q->tunnels, out);
        if (hits.index == SEVERAL)
            return ambiguous(q, device, hits, q->n_tunnels, tunnel_id, q->tunnels, out);
        out->tunnel = (size_t)hits.index;
        out->tunnel_found = true;
        return ERR_OK;
    }
    int index = default_tunnel(q);
    if (index >= 0) {
        out->tunnel = (size_t)index;
        out->tunnel_found = true;
        return ERR_OK;
    }
    add(out->text, "several tunnels: name one as in service.tunnel-name.suffix");
    if (!q->quiet) {
        add(out->text, "; have ");
        add_ids(out->text, q->n_tunnels, tunnel_id, q->tunnels, NULL, EXACT);
    }
    return ERR_AMBIGUOUS;
}

static enum err pick_service(const struct names_question *q, struct span service,
                             struct names_answer *out)
{
    const struct names_tunnel *t = &q->tunnels[out->tunnel];
    if (!t->known) {
        add(out->text, "not connected to the hub");
        if (t->name[0] != '\0' && !q->quiet)
            add_quoted(out->text, ", tunnel", span_of(t->name));
        return ERR_HUB_DOWN;
    }
    if (t->n_services == 0) {
        out->service = "";
        return ERR_OK;
    }
    struct hits hits = find(service, t->n_services, service_id, t);
    if (hits.index == NONE)
        return missing(q, service, "service", t->n_services, service_id, t, out);
    if (hits.index == SEVERAL)
        return ambiguous(q, service, hits, t->n_services, service_id, t, out);
    out->service = t->services[hits.index];
    return ERR_OK;
}

/* "service.device" at its last dot; ids and tunnel names hold none. */
static struct span split(struct span rest, struct span *device)
{
    *device = (struct span){rest.p, 0};
    for (size_t i = rest.n; i-- > 0;) {
        if (rest.p[i] != '.')
            continue;
        *device = (struct span){rest.p + i + 1, rest.n - i - 1};
        return (struct span){rest.p, i};
    }
    return rest;
}

enum err names_resolve(const struct names *n, const struct names_question *q,
                       struct names_answer *out)
{
    *out = (struct names_answer){.service = ""};
    struct span host = q->host, device;
    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    struct span rest = before_suffix(n, host);
    if (q->literal || rest.n == 0)
        return refuse_foreign(n, q, out);
    const char *alias = alias_of(n, rest);
    struct span service = split(alias != NULL ? span_of(alias) : rest, &device);
    if (alias == NULL && device.n > 0 && (alias = alias_of(n, service)) != NULL) {
        struct span other;
        service = split(span_of(alias), &other);
        device = other.n > 0 ? other : device;
    }
    if (service.n == 0 || memchr(service.p, '.', service.n) != NULL || rest.p[rest.n - 1] == '.') {
        add_quoted(out->text, "no service", rest);
        add(out->text, "; say service.%.60s or service.name.%.60s", names_suffix(n),
            names_suffix(n));
        return ERR_NO_SERVICE;
    }
    enum err why = pick_tunnel(q, device, out);
    return why != ERR_OK ? why : pick_service(q, service, out);
}
