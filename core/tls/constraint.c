#include "core/tls/constraint.h"

#include "core/base/str.h"
#include "core/tls/dn.h"
#include "core/tls/san.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_PAIRS (1 << 20) /* as OpenSSL; some 10 ms */

struct name {
    uint8_t tag; /* of a GeneralName */
    struct der value;
};

static struct span span_of_der(struct der d)
{
    return (struct span){(const char *)d.p, d.n};
}

static bool ends_with(struct der name, struct der end)
{
    return name.n >= end.n && (end.n == 0 || strncasecmp((const char *)name.p + name.n - end.n,
                                                         (const char *)end.p, end.n) == 0);
}

static bool same_nocase(struct der a, struct der b)
{
    return a.n == b.n && ends_with(a, b);
}

/* ---- one name and one base, by kind ---- */

static bool dns_within(struct der name, struct der base)
{
    if (!ends_with(name, base))
        return false;
    return name.n == base.n || base.n == 0 || base.p[0] == '.' ||
           name.p[name.n - base.n - 1] == '.';
}

/* For e-mail addresses and URIs: a base with a dot in front is a domain, one without is a host. */
static bool host_within(struct der host, struct der base)
{
    return base.n > 0 && base.p[0] == '.' ? host.n > base.n && ends_with(host, base)
                                          : same_nocase(host, base);
}

static bool email_within(struct der name, struct der base)
{
    const uint8_t *at = name.n > 0 ? memrchr(name.p, '@', name.n) : NULL;
    if (at == NULL)
        return false;
    size_t local = (size_t)(at - name.p) + 1; /* includes the @ */
    struct der host = {at + 1, name.n - local};
    if (base.n == 0 || memrchr(base.p, '@', base.n) == NULL)
        return host_within(host, base);
    return base.n == name.n && memcmp(base.p, name.p, local) == 0 && same_nocase(name, base);
}

/* Compares the host of a URI with an authority; a URI without one (urn:…) is not within any
 * base. */
static bool uri_within(struct der name, struct der base)
{
    struct span rest = span_of_der(name);
    span_cut(&rest, ':');
    if (rest.n < 3 || memcmp(rest.p, "//", 2) != 0)
        return false;
    rest = (struct span){rest.p + 2, rest.n - 2};
    struct span host = span_cut(&rest, '/');
    host = span_cut(&host, '?');
    host = span_cut(&host, '#');
    const char *at = host.n > 0 ? memrchr(host.p, '@', host.n) : NULL;
    if (at != NULL)
        host = (struct span){at + 1, host.n - (size_t)(at + 1 - host.p)};
    host = span_cut(&host, ':');
    return host_within((struct der){(const uint8_t *)host.p, host.n}, base);
}

/* The base is an address and a mask. */
static bool address_within(struct der name, struct der base)
{
    if (base.n != 2 * name.n)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (((name.p[i] ^ base.p[i]) & base.p[name.n + i]) != 0)
            return false;
    return true;
}

/* Both are the Name in the GeneralName's explicit tag. */
static bool directory_within(struct der name, struct der base)
{
    struct der a, b;
    return der_expect(&name, DER_SEQUENCE, &a) && der_expect(&base, DER_SEQUENCE, &b) &&
           dn_within(a, b);
}

static const struct rule {
    uint8_t tag;
    bool (*within)(struct der name, struct der base);
} rules[] = {
    {SAN_EMAIL, email_within}, {SAN_DNS, dns_within},         {SAN_DIRECTORY, directory_within},
    {SAN_URI, uri_within},     {SAN_ADDRESS, address_within},
};

/* ---- all of them ---- */

struct judging {
    const struct certificate *authority;
    unsigned pairs;
    bool damaged;
};

/* Counts the subtrees for this kind of name, and those that contain the name. A kind without a rule
 * counts as outside every permitted subtree and inside every excluded one; so does a subtree with
 * limits on the depth, which RFC 5280 does not allow. */
static void count(struct judging *j, struct der subtrees, const struct name *n, bool excluded,
                  unsigned *of_kind, unsigned *within)
{
    struct der subtree, base;
    uint8_t tag;
    *of_kind = *within = 0;
    while (subtrees.n > 0 && !j->damaged) {
        j->damaged = !der_expect(&subtrees, DER_SEQUENCE, &subtree) ||
                     !der_next(&subtree, &tag, &base) || ++j->pairs > MAX_PAIRS ||
                     (tag == SAN_ADDRESS && base.n != 8 && base.n != 32);
        if (j->damaged || tag != n->tag)
            continue;
        ++*of_kind;
        size_t i = 0;
        while (i < sizeof rules / sizeof *rules && rules[i].tag != tag)
            i++;
        bool known = i < sizeof rules / sizeof *rules && subtree.n == 0;
        *within += known ? rules[i].within(n->value, base) : excluded;
    }
}

static bool allows(struct judging *j, const struct name *n)
{
    unsigned permitting, in_permitted, excluding, in_excluded;
    count(j, j->authority->permitted, n, false, &permitting, &in_permitted);
    count(j, j->authority->excluded, n, true, &excluding, &in_excluded);
    return !j->damaged && (permitting == 0 || in_permitted > 0) && in_excluded == 0;
}

/* Parses the text as an address and returns the bytes of out that it takes: 4, 16, or 0 for no
 * address. */
static size_t address_of(struct der text, uint8_t out[static 16])
{
    char host[INET6_ADDRSTRLEN];
    if (text.n >= sizeof host)
        return 0;
    memcpy(host, text.p, text.n);
    host[text.n] = '\0';
    return inet_pton(AF_INET, host, out) == 1 ? 4 : inet_pton(AF_INET6, host, out) == 1 ? 16 : 0;
}

/* Checks a host name, which may be an address. */
static bool allows_host(struct judging *j, struct der host)
{
    uint8_t address[16];
    struct name name = {SAN_DNS, host},
                spelled = {SAN_ADDRESS, {address, address_of(host, address)}};
    return allows(j, &name) && (spelled.value.n == 0 || allows(j, &spelled));
}

bool constraint_allows_host(const struct certificate *authority, const char *host)
{
    struct judging j = {.authority = authority};
    uint8_t address[16];
    struct der text = {(const uint8_t *)host, strlen(host)};
    struct name spelled = {SAN_ADDRESS, {address, address_of(text, address)}};
    struct name name = {SAN_DNS, text};
    return allows(&j, spelled.value.n > 0 ? &spelled : &name);
}

struct subject_names {
    struct judging *judging;
    uint8_t tag;
    char *refused; /* CONSTRAINT_NAME bytes */
};

static bool in_subject(void *ctx, struct der value)
{
    struct subject_names *s = ctx;
    struct name n = {s->tag, value};
    bool ok = s->tag == SAN_DNS ? allows_host(s->judging, value) : allows(s->judging, &n);
    if (!ok && !s->judging->damaged)
        str_escape(span_of_der(value), s->refused, CONSTRAINT_NAME);
    return ok;
}

static bool allows_subject(struct judging *j, const struct certificate *below, char *refused)
{
    struct name directory = {SAN_DIRECTORY, below->subject_name};
    struct subject_names emails = {j, SAN_EMAIL, refused};
    if (below->subject.n > 0 && !allows(j, &directory)) {
        dn_text(below->subject, refused, CONSTRAINT_NAME);
        return false;
    }
    return dn_each(below->subject, DN_EMAIL, in_subject, &emails);
}

static bool allows_alternatives(struct judging *j, struct der names, bool *has_dns, char *refused)
{
    struct name n;
    while (names.n > 0) {
        if (!der_next(&names, &n.tag, &n.value))
            return false;
        *has_dns = *has_dns || n.tag == SAN_DNS;
        if (n.tag == SAN_DNS ? allows_host(j, n.value) : allows(j, &n))
            continue;
        san_text(n.tag, n.value, refused, CONSTRAINT_NAME);
        return false;
    }
    return true;
}

bool constraint_allows(const struct certificate *authority, const struct certificate *below,
                       bool end_entity, char name[static CONSTRAINT_NAME])
{
    struct judging j = {.authority = authority};
    struct subject_names hosts = {&j, SAN_DNS, name};
    bool has_dns = false;
    name[0] = '\0';
    if (authority->permitted.n == 0 && authority->excluded.n == 0)
        return true;
    return allows_subject(&j, below, name) &&
           allows_alternatives(&j, below->names, &has_dns, name) &&
           (!end_entity || has_dns || dn_each(below->subject, DN_COMMON_NAME, in_subject, &hosts));
}
