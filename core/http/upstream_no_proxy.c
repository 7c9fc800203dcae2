#include "core/base/str.h"
#include "core/http/upstream.h"

#include <arpa/inet.h>
#include <string.h>

/* A trailing dot only says that the name is complete. */
static struct span no_dot(struct span s)
{
    return s.n > 1 && s.p[s.n - 1] == '.' ? (struct span){s.p, s.n - 1} : s;
}

/* An address in 16 bytes; IPv4 as ::ffff:a.b.c.d, so that one comparison works for both. */
struct address {
    uint8_t bytes[16];
    int first; /* where the address's own bits begin: 96 or 0 */
};

static bool address_of(struct span s, struct address *out)
{
    char text[INET6_ADDRSTRLEN];
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = (struct span){s.p + 1, s.n - 2};
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    *out = (struct address){.bytes = {[10] = 0xff, [11] = 0xff}, .first = 96};
    if (inet_pton(AF_INET, text, out->bytes + 12) == 1)
        return true;
    *out = (struct address){.first = 0};
    return inet_pton(AF_INET6, text, out->bytes) == 1;
}

static bool same_bits(const struct address *a, const struct address *b, size_t bits)
{
    for (size_t i = 0; i < bits; i++)
        if (((a->bytes[i / 8] ^ b->bytes[i / 8]) >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

/* Whether an entry "10.0.0.0/8", "fd00::/8" or an address alone contains the address. */
static bool network_has(struct span entry, const struct address *host)
{
    struct address net;
    uint64_t bits;
    bool ranged = memchr(entry.p, '/', entry.n) != NULL;
    if (!address_of(span_cut(&entry, '/'), &net))
        return false;
    uint64_t own = 128 - (uint64_t)net.first;
    if (!ranged)
        bits = own;
    else if (!str_number(entry, own, &bits))
        return false;
    return same_bits(&net, host, (size_t)net.first + (size_t)bits);
}

/* Entries "example.com" and ".example.com" except the name and all names below it. */
static bool name_has(struct span entry, struct span host)
{
    if (entry.n >= 2 && entry.p[0] == '*' && entry.p[1] == '.')
        entry = (struct span){entry.p + 1, entry.n - 1};
    if (entry.n > 0 && entry.p[0] == '.')
        entry = (struct span){entry.p + 1, entry.n - 1};
    if (entry.n == 0 || entry.n > host.n)
        return false;
    size_t above = host.n - entry.n;
    return span_equal_nocase((struct span){host.p + above, entry.n}, entry) &&
           (above == 0 || host.p[above - 1] == '.');
}

/* Cuts ":port" off an entry; colons of an IPv6 address without brackets belong to the address. */
static bool port_fits(struct span *entry, int port)
{
    uint64_t wanted;
    const char *last = memrchr(entry->p, ':', entry->n), *first = memchr(entry->p, ':', entry->n);
    bool bracketed = entry->p[0] == '[';
    if (last == NULL || (!bracketed && last != first) || (bracketed && last[-1] != ']'))
        return true;
    struct span number = {last + 1, (size_t)(entry->p + entry->n - last - 1)};
    entry->n = (size_t)(last - entry->p);
    return str_number(number, 65535, &wanted) && (int)wanted == port;
}

static bool excepts(struct span entry, struct span host, int port)
{
    struct address address;
    if (entry.n == 0 || !port_fits(&entry, port))
        return false;
    entry = no_dot(entry);
    if (span_is(entry, "*"))
        return true;
    return address_of(host, &address) ? network_has(entry, &address) : name_has(entry, host);
}

bool upstream_excepted(const char *no_proxy, const char *host, int port)
{
    struct span rest = span_of(no_proxy), name = no_dot(span_of(host));
    while (rest.n > 0)
        if (excepts(span_trim(span_cut(&rest, ',')), name, port))
            return true;
    return false;
}

static const char *first_set(const char *const *names, const char *(*get)(const char *name))
{
    for (; *names != NULL; names++) {
        const char *value = get(*names);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

const char *upstream_from_env(const char *host, int port, const char *(*get)(const char *name))
{
    static const char *const proxies[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY",
                                          "all_proxy",   "ALL_PROXY",   NULL};
    static const char *const exceptions[] = {"no_proxy", "NO_PROXY", NULL};
    const char *proxy = first_set(proxies, get);
    return proxy != NULL && upstream_excepted(first_set(exceptions, get), host, port) ? NULL
                                                                                      : proxy;
}
