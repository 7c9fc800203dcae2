/* From a host name to the service that it leads to, or to the sentence why it leads to none. */
#include "core/base/service_id.h"
#include "gateway/source/names_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How alike an id and the label that was asked for must be, in the order of trying. */
enum likeness { EXACT, CASE_BLIND, FOLDED, LIKENESSES };

enum { NONE = -1, SEVERAL = -2 };

/* ---- matching ---- */

static bool same_fold(struct span a, struct span b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (names_folded(a.p[i]) != names_folded(b.p[i]))
            return false;
    return true;
}

static bool alike(struct span asked, const char *id, enum likeness how)
{
    if (how == EXACT)
        return span_is(asked, id);
    return how == CASE_BLIND ? span_is_nocase(asked, id) : same_fold(asked, span_of(id));
}

struct hits {
    int index;              /* the one hit, NONE or SEVERAL */
    enum likeness likeness; /* of the step that hit */
};

/* Finds the ids that are like `asked`; `id` gives the i-th id of `from`. */
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

/* Adds the ids that are like *asked (NULL: all ids), with an ellipsis when they do not fit. */
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

/* Returns what precedes the longest suffix that fits; empty when none does. */
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

static enum err refuse_foreign(const struct names *n, const struct names_question *q,
                               struct names_answer *out)
{
    char safe[400];
    if (q->literal || names_is_address(q->host))
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

/* How many of the tunnels are configured ones, which come first. */
static size_t configured(const struct names_question *q)
{
    size_t n = 0;
    while (n < q->n_tunnels && !q->tunnels[n].on_demand)
        n++;
    return n;
}

/* A host name without a tunnel means the user name's, else the nameless, else the only tunnel. */
static int default_tunnel(const struct names_question *q)
{
    size_t n = configured(q);
    if (q->hint != NULL && q->hint[0] != '\0') {
        struct hits hits = find(span_of(q->hint), n, tunnel_id, q->tunnels);
        if (hits.index >= 0)
            return hits.index;
    }
    for (size_t i = 0; i < n; i++)
        if (q->tunnels[i].name[0] == '\0')
            return (int)i;
    return n == 1 ? 0 : n == 0 ? NONE : SEVERAL;
}

static enum err picked(size_t index, struct names_answer *out)
{
    out->tunnel = index;
    out->tunnel_found = true;
    return ERR_OK;
}

/* The tunnel of that name, a configured one or else one that was opened on demand. */
static enum err named_tunnel(const struct names_question *q, struct span device,
                             struct names_answer *out)
{
    size_t n = configured(q);
    struct hits hits = find(device, n, tunnel_id, q->tunnels);
    out->device = device;
    if (hits.index == SEVERAL)
        return ambiguous(q, device, hits, n, tunnel_id, q->tunnels, out);
    if (hits.index >= 0)
        return picked((size_t)hits.index, out);
    hits = find(device, q->n_tunnels - n, tunnel_id, q->tunnels + n);
    if (hits.index >= 0) /* no two of them fold to the same label */
        return picked(n + (size_t)hits.index, out);
    return missing(q, device, "tunnel", n, tunnel_id, q->tunnels, out);
}

static enum err pick_tunnel(const struct names *n, const struct names_question *q,
                            struct span device, struct names_answer *out)
{
    if (device.n > 0)
        return named_tunnel(q, device, out);
    int index = default_tunnel(q);
    if (index >= 0)
        return picked((size_t)index, out);
    if (q->devices && q->hint != NULL && service_id_is(span_of(q->hint)))
        return named_tunnel(q, span_of(q->hint), out);
    if (index == NONE && q->devices) {
        add(out->text, "which device? say service.device.%.60s", names_suffix(n));
        return ERR_NO_SERVICE;
    }
    add(out->text, "several tunnels: name one as in service.tunnel-name.suffix");
    if (!q->quiet) {
        add(out->text, "; have ");
        add_ids(out->text, configured(q), tunnel_id, q->tunnels, NULL, EXACT);
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

struct labels {
    struct span target, service, device; /* Those that are not there are empty. */
};

/* A name must not change its meaning when a tunnel is opened on demand. */
static bool is_configured(const struct names_question *q, struct span label)
{
    return find(label, configured(q), tunnel_id, q->tunnels).index != NONE;
}

/* Splits "service", "service.device", "target.service" or "target.service.device" at its dots; ids,
 * targets and tunnel names hold none. False: it is something else. */
static bool split(const struct names_question *q, struct span text, struct labels *out)
{
    struct span label[3] = {{NULL, 0}}, rest = text;
    struct names_target unused;
    size_t n = 0;
    *out = (struct labels){.service = {NULL, 0}};
    for (bool more = true; more && n < 3; n++) {
        more = rest.n > 0 && memchr(rest.p, '.', rest.n) != NULL;
        label[n] = span_cut(&rest, '.');
        if (label[n].n == 0)
            return false;
    }
    bool target =
        n > 1 && names_target(label[0], &unused) && (n == 3 || !is_configured(q, label[1]));
    if (rest.n > 0 || text.p[text.n - 1] == '.' || (n == 3 && !target))
        return false;
    *out = (struct labels){
        .target = target ? label[0] : rest, .service = label[target], .device = label[target + 1]};
    return true;
}

/* ---- aliases ---- */

/* Whether both are names of one tunnel or device. */
static bool same_device(const struct names_question *q, struct span a, struct span b)
{
    size_t n = configured(q);
    int one = find(a, n, tunnel_id, q->tunnels).index;
    return one == find(b, n, tunnel_id, q->tunnels).index && (one >= 0 || same_fold(a, b));
}

static bool same_target(struct span a, struct span b)
{
    struct names_target one, other;
    names_target(a, &one);
    names_target(b, &other);
    return strcmp(one.host, other.host) == 0 && one.port == other.port;
}

/* An alias for a device is not meant where the name says another one: SSH1 of one device stays what
 * it is although SSH1 alone is another one's. */
static bool is_meant(const struct names_question *q, const struct labels *name,
                     const struct labels *alias)
{
    return name->device.n == 0 || alias->device.n == 0 ||
           same_device(q, name->device, alias->device);
}

/* An alias may add a host to a name that has none; it never says otherwise than the name that it
 * stands in. */
static bool contradicts(const struct labels *name, const struct labels *alias)
{
    return name->target.n > 0 && alias->target.n > 0 && !same_target(name->target, alias->target);
}

static enum err refuse_alias(const struct names_question *q, struct span label, const char *alias,
                             struct names_answer *out)
{
    add_quoted(out->text, "no service", label);
    add(out->text, " there: it is an alias that says itself where it leads");
    if (!q->quiet)
        add_quoted(out->text, ", to", span_of(alias));
    return ERR_NO_SERVICE;
}

/* What an alias stands for takes the place of the service, and of what the name does not say. */
static enum err read_labels(const struct names *n, const struct names_question *q, struct span text,
                            struct labels *out, struct names_answer *answer)
{
    struct labels other;
    bool good = split(q, text, out);
    const char *alias = good ? names_alias_of(n, out->service) : NULL;
    if (alias != NULL)
        good = split(q, span_of(alias), &other);
    if (!good) {
        add_quoted(answer->text, "no service", text);
        add(answer->text, "; say service.%.60s or service.name.%.60s", names_suffix(n),
            names_suffix(n));
        return ERR_NO_SERVICE;
    }
    if (alias == NULL || !is_meant(q, out, &other))
        return ERR_OK;
    if (contradicts(out, &other))
        return refuse_alias(q, out->service, alias, answer);
    out->service = other.service;
    out->target = out->target.n > 0 ? out->target : other.target;
    out->device = out->device.n > 0 ? out->device : other.device;
    return ERR_OK;
}

enum err names_resolve(const struct names *n, const struct names_question *q,
                       struct names_answer *out)
{
    *out = (struct names_answer){.service = ""};
    struct span host = q->host;
    struct labels labels;
    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    struct span rest = before_suffix(n, host);
    if (q->literal || rest.n == 0)
        return refuse_foreign(n, q, out);
    enum err why = read_labels(n, q, rest, &labels, out);
    if (why != ERR_OK)
        return why;
    out->label = labels.service;
    names_target(labels.target, &out->target);
    why = pick_tunnel(n, q, labels.device, out);
    return why != ERR_OK ? why : pick_service(q, labels.service, out);
}
