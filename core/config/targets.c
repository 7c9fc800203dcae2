#include "core/config/targets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535

/* An address with the number of its leading bits that count. */
struct network {
    int family; /* AF_INET, AF_INET6 */
    uint8_t bytes[16];
    unsigned bits;
};

struct target {
    struct network network;
    char name[TARGETS_NAME_MAX + 1]; /* not "": a host name in place of the network */
    uint32_t first, last;            /* ports */
};

struct targets {
    char *text;
    size_t n;
    struct target items[TARGETS_MAX];
};

/* A network allows addresses in one of these only if all of it is in there. */
static const struct network special[] = {
    {AF_INET, {0}, 8},            /* this network (RFC 1122, 3.2.1.3); Linux: this machine */
    {AF_INET, {127}, 8},          /* loopback */
    {AF_INET, {169, 254}, 16},    /* link-local (RFC 3927) */
    {AF_INET, {224}, 4},          /* multicast */
    {AF_INET, {240}, 4},          /* reserved, and 255.255.255.255 */
    {AF_INET6, {0}, 96},          /* IPv4-compatible (RFC 4291, 2.5.5.1) */
    {AF_INET6, {0}, 128},         /* unspecified */
    {AF_INET6, {[15] = 1}, 128},  /* loopback */
    {AF_INET6, {0xfe, 0x80}, 10}, /* link-local */
    {AF_INET6, {0xff}, 8},        /* multicast */
};
#define N_SPECIAL (sizeof special / sizeof *special)

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291, 2.5.5.2 */

/* ---- networks ---- */

static unsigned width(int family)
{
    return family == AF_INET ? 32 : 128;
}

/* Whether the first bits of both are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

static bool is_within(const struct network *inner, const struct network *outer)
{
    return inner->family == outer->family && inner->bits >= outer->bits &&
           same_bits(inner->bytes, outer->bytes, outer->bits);
}

/* Whether bits behind the prefix are set. */
static bool has_host_bits(const struct network *n)
{
    for (unsigned bit = n->bits; bit < width(n->family); bit++)
        if ((n->bytes[bit / 8] & 0x80 >> bit % 8) != 0)
            return true;
    return false;
}

/* One address, as a network of itself. False: it is none. */
static bool parse_address(struct span text, struct network *out)
{
    char copy[INET6_ADDRSTRLEN];
    *out = (struct network){.family = AF_INET};
    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, '\0', text.n) != NULL)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (inet_pton(AF_INET, copy, out->bytes) != 1) {
        out->family = AF_INET6;
        if (inet_pton(AF_INET6, copy, out->bytes) != 1)
            return false;
    }
    out->bits = width(out->family);
    return true;
}

static bool is_mapped(const struct network *n)
{
    return n->family == AF_INET6 && memcmp(n->bytes, mapped, sizeof mapped) == 0;
}

static void unmap(struct network *n)
{
    if (!is_mapped(n))
        return;
    memmove(n->bytes, n->bytes + sizeof mapped, 4);
    n->family = AF_INET;
    n->bits = 32;
}

/* ---- host names ---- */

static char folded(char c)
{
    return c == '.' || c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool same_name(const char *a, const char *b)
{
    while (*a != '\0' && folded(*a) == folded(*b))
        a++, b++;
    return *a == *b;
}

static bool is_name(struct span s)
{
    bool letter = false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool digit = c >= '0' && c <= '9', mark = c == '.' || c == '-' || c == '_';
        letter |= !digit && !mark;
        if (!digit && !mark && !(folded(c) >= 'a' && folded(c) <= 'z'))
            return false;
    }
    return letter && folded(s.p[0]) != '-' && folded(s.p[s.n - 1]) != '-';
}

/* ---- lists ---- */

/* Cuts "[v6]", "[v6]/64", "10.0.7.0/24" or "name" off; *rest is then ":PORTS". What has no colon is
 * all ports. */
static struct span cut_host(struct span *rest)
{
    struct span all = *rest;
    size_t at = 0;
    if (all.n > 0 && all.p[0] == '[') {
        const char *end = memchr(all.p, ']', all.n);
        at = end != NULL ? (size_t)(end - all.p) : 0;
    }
    const char *colon = at < all.n ? memchr(all.p + at, ':', all.n - at) : NULL;
    size_t n = colon != NULL ? (size_t)(colon - all.p) : 0;
    *rest = (struct span){all.p + n, all.n - n};
    return (struct span){all.p, n};
}

static bool parse_ports(struct span text, uint32_t *first, uint32_t *last)
{
    uint64_t from, to;
    struct span rest = text, begin = span_trim(span_cut(&rest, '-'));
    if (!str_number(begin, PORT_MAX, &from))
        return false;
    to = from;
    if (begin.n < span_trim(text).n && !str_number(span_trim(rest), PORT_MAX, &to))
        return false;
    *first = (uint32_t)from;
    *last = (uint32_t)to;
    return from > 0 && from <= to;
}

/* "10.0.7.0/24" or "[fd00::]/64", or without bits. False: it is not. */
static bool parse_network(struct span text, struct network *out, unsigned *bits)
{
    struct span rest = text, address = span_cut(&rest, '/');
    bool bracketed = address.n > 1 && address.p[0] == '[' && address.p[address.n - 1] == ']';
    uint64_t given;
    if (bracketed)
        address = (struct span){address.p + 1, address.n - 2};
    if (!parse_address(address, out) || bracketed != (out->family == AF_INET6))
        return false;
    given = out->bits;
    if (memchr(text.p, '/', text.n) != NULL && !str_number(rest, out->bits, &given))
        return false;
    *bits = (unsigned)given;
    return true;
}

bool targets_is_list(struct span text)
{
    struct span rest = text, host = cut_host(&rest);
    struct network network;
    unsigned bits;
    uint32_t first, last;
    if (host.n == 0) /* a network whose ports were forgotten */
        return memchr(text.p, '/', text.n) != NULL && parse_network(text, &network, &bits);
    if (host.p[0] == '/')
        return false;
    if (memchr(text.p, ',', text.n) != NULL)
        return true;
    if (memchr(host.p, '/', host.n) != NULL)
        return parse_network(host, &network, &bits);
    rest = (struct span){rest.p + 1, rest.n - 1};
    return memchr(rest.p, '-', rest.n) != NULL && parse_ports(rest, &first, &last);
}

static enum err bad(struct span item, const char *what, char *problem, size_t size)
{
    char quoted[100];
    snprintf(problem, size, "\"%s\" %s", str_escape(item, quoted, sizeof quoted), what);
    return ERR_USAGE;
}

static enum err parse_host(struct span host, struct target *t, char *problem, size_t size)
{
    unsigned bits;
    *t = (struct target){.first = 0};
    if (parse_network(host, &t->network, &bits)) {
        if (is_mapped(&t->network))
            return bad(host, "is an IPv4 address in IPv6: write it as IPv4", problem, size);
        t->network.bits = bits;
        if (has_host_bits(&t->network))
            return bad(host, "has bits behind its prefix: write the network's first address",
                       problem, size);
        return ERR_OK;
    }
    if (!is_name(host))
        return bad(host, "is no network (10.0.7.0/24, [fd00:7::]/64), address or host name",
                   problem, size);
    if (host.n > TARGETS_NAME_MAX)
        return bad(host, "is too long: with its port it has to fit 63 characters", problem, size);
    memcpy(t->name, host.p, host.n);
    return ERR_OK;
}

/* The name that would be meant, too. NULL: there is none. */
static const char *alike(const struct targets *list, const struct target *t)
{
    for (size_t i = 0; t->name[0] != '\0' && i < list->n; i++)
        if (same_name(list->items[i].name, t->name) && strcmp(list->items[i].name, t->name) != 0)
            return list->items[i].name;
    return NULL;
}

/* Takes one item. host: that of the item before, or none so far; is set. */
static enum err add(struct targets *list, struct span item, struct target *host, char *problem,
                    size_t size)
{
    struct span ports = item, name = span_trim(cut_host(&ports));
    if (list->n == TARGETS_MAX)
        return bad(item, "is one target more than a service can have (256)", problem, size);
    if (name.n > 0) {
        enum err why = parse_host(name, host, problem, size);
        if (why != ERR_OK)
            return why;
        ports = (struct span){ports.p + 1, ports.n - 1};
    } else if (list->n == 0 && memchr(ports.p, '/', ports.n) == NULL) {
        return bad(item, "has no host: write NETWORK/BITS:PORT,PORT-PORT or HOST:PORT", problem,
                   size);
    }
    if (name.n == 0 && memchr(ports.p, '/', ports.n) != NULL)
        return bad(item, "has no port: write NETWORK/BITS:PORT,PORT-PORT", problem, size);
    if (!parse_ports(ports, &host->first, &host->last))
        return bad(item, "has no port, or range of ports, from 1 to 65535", problem, size);
    const char *other = alike(list, host);
    if (other != NULL) {
        char text[120];
        snprintf(text, sizeof text, "and %s are the same in a host name, which has '-' for both",
                 other);
        return bad(item, text, problem, size);
    }
    list->items[list->n++] = *host;
    return ERR_OK;
}

struct targets *targets_parse(struct span text, enum err *why, char *problem, size_t size)
{
    struct targets *list = calloc(1, sizeof *list);
    struct target host = {.first = 0};
    struct span rest = span_trim(text);
    bool more = list != NULL && (list->text = span_dup(rest)) != NULL;
    *why = more ? ERR_OK : ERR_NO_MEMORY;
    if (!more)
        snprintf(problem, size, "out of memory");
    while (more && *why == ERR_OK) {
        more = rest.n > 0 && memchr(rest.p, ',', rest.n) != NULL;
        *why = add(list, span_trim(span_cut(&rest, ',')), &host, problem, size);
    }
    if (*why == ERR_OK)
        return list;
    targets_free(list);
    return NULL;
}

void targets_free(struct targets *t)
{
    if (t == NULL)
        return;
    free(t->text);
    free(t);
}

const char *targets_text(const struct targets *t)
{
    return t->text;
}

/* ---- the check ---- */

bool targets_host(struct span text, char out[TARGETS_HOST])
{
    struct network network;
    unsigned bits;
    if (memchr(text.p, '/', text.n) == NULL && parse_network(text, &network, &bits))
        return inet_ntop(network.family, network.bytes, out, TARGETS_HOST) != NULL;
    if (!is_name(text) || text.n > TARGETS_NAME_MAX)
        return false;
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

static bool allows_address(const struct network *listed, const struct network *address)
{
    if (!is_within(address, listed))
        return false;
    for (size_t i = 0; i < N_SPECIAL; i++)
        if (is_within(address, &special[i]) && !is_within(listed, &special[i]))
            return false;
    return true;
}

bool targets_allow(const struct targets *t, const char *host, uint32_t port,
                   char dial[TARGETS_HOST])
{
    struct network address;
    bool numeric = parse_address(span_of(host), &address);
    if (numeric)
        unmap(&address);
    for (size_t i = 0; i < t->n; i++) {
        const struct target *it = &t->items[i];
        if (port < it->first || port > it->last)
            continue;
        if (numeric && it->name[0] == '\0' && allows_address(&it->network, &address)) {
            inet_ntop(address.family, address.bytes, dial, TARGETS_HOST);
            return true;
        }
        if (!numeric && it->name[0] != '\0' && same_name(it->name, host)) {
            snprintf(dial, TARGETS_HOST, "%s", it->name);
            return true;
        }
    }
    return false;
}
