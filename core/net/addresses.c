#include "core/net/addresses.h"

#include "core/base/str.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool address_equal(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->any.sa_family == AF_INET6 && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
           memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
}

void address_set_port(union address *a, int port)
{
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons((uint16_t)port);
    else
        a->v6.sin6_port = htons((uint16_t)port);
}

bool address_parse(const char *text, union address *out)
{
    char host[INET6_ADDRSTRLEN];
    struct span all = span_of(text), port = all, address;
    uint64_t number;
    bool v6 = text[0] == '[';
    const char *end = v6 ? strchr(text, ']') : strchr(text, ':');
    *out = (union address){.any = {0}};
    if (end == NULL || (v6 && end[1] != ':'))
        return false;
    address = (struct span){text + v6, (size_t)(end - text) - v6};
    port = (struct span){end + 1 + v6, all.n - (size_t)(end - text) - 1 - v6};
    if (address.n >= sizeof host || port.n > 5 || !str_number(port, 65535, &number))
        return false;
    memcpy(host, address.p, address.n);
    host[address.n] = '\0';
    out->any.sa_family = v6 ? AF_INET6 : AF_INET;
    address_set_port(out, (int)number);
    return inet_pton(out->any.sa_family, host,
                     v6 ? (void *)&out->v6.sin6_addr : (void *)&out->v4.sin_addr) == 1;
}

const char *address_text(const union address *a, char out[static ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN];
    bool v4 = a->any.sa_family == AF_INET;
    inet_ntop(a->any.sa_family, v4 ? (const void *)&a->v4.sin_addr : (const void *)&a->v6.sin6_addr,
              host, sizeof host);
    snprintf(out, ADDRESS_TEXT, v4 ? "%s:%u" : "[%s]:%u", host,
             ntohs(v4 ? a->v4.sin_port : a->v6.sin6_port));
    return out;
}

void address_unmap(union address *a)
{
    if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        return;
    union address v4 = {.v4 = {.sin_family = AF_INET, .sin_port = a->v6.sin6_port}};
    memcpy(&v4.v4.sin_addr, &a->v6.sin6_addr.s6_addr[12], 4);
    *a = v4;
}

bool address_is_loopback(const struct sockaddr *a)
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    return a->sa_family == AF_INET6 &&
           (IN6_IS_ADDR_LOOPBACK(v6) || memcmp(v6, mapped, sizeof mapped) == 0);
}

void addresses_add(struct addresses *a, const struct sockaddr *address)
{
    union address one = {.any = {0}};
    if (a->n == ADDRESSES_MAX || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return;
    memcpy(&one, address, address->sa_family == AF_INET ? sizeof one.v4 : sizeof one.v6);
    address_set_port(&one, 0);
    for (size_t i = 0; i < a->n; i++)
        if (address_equal(&a->at[i], &one))
            return;
    a->at[a->n++] = one;
}

/* "localhost", "localhost.", "a.localhost" */
static bool is_localhost(const char *host)
{
    struct span s = span_of(host);
    static const struct span end = {"localhost", 9};
    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n < end.n || !span_equal_nocase((struct span){s.p + s.n - end.n, end.n}, end))
        return false;
    return s.n == end.n || s.p[s.n - end.n - 1] == '.';
}

bool addresses_known(const char *host, struct addresses *out)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *all = NULL;
    *out = (struct addresses){.n = 0};
    if (is_localhost(host)) {
        out->n = 2;
        out->at[0].v6 =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        out->at[1].v4 =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        return true;
    }
    if (host[0] == '\0' || getaddrinfo(host, NULL, &hints, &all) != 0)
        return false;
    for (const struct addrinfo *i = all; i != NULL; i = i->ai_next)
        addresses_add(out, i->ai_addr);
    freeaddrinfo(all);
    return out->n > 0;
}

bool host_is_loopback(const char *host)
{
    struct addresses all;
    bool loopback = addresses_known(host, &all);
    for (size_t i = 0; i < all.n; i++)
        loopback = loopback && address_is_loopback(&all.at[i].any);
    return loopback;
}

static bool same_family(const union address *a, const union address *b)
{
    return a->any.sa_family == b->any.sa_family;
}

void addresses_interleave(struct addresses *a)
{
    struct addresses out = {.n = a->n};
    size_t first = 0, seen[2] = {0, 0}; /* of the first address's family, of the other family */
    for (size_t i = 0; i < a->n; i++)
        first += same_family(&a->at[i], &a->at[0]);
    size_t pairs = first < a->n - first ? first : a->n - first;
    for (size_t i = 0; i < a->n; i++) {
        size_t which = same_family(&a->at[i], &a->at[0]) ? 0 : 1, k = seen[which]++;
        out.at[k < pairs ? 2 * k + which : pairs + k] = a->at[i];
    }
    *a = out;
}

void addresses_rotate(struct addresses *a, const union address *first, bool after)
{
    struct addresses out = {.n = a->n};
    size_t at = 0;
    while (at < a->n && !address_equal(&a->at[at], first))
        at++;
    if (at == a->n)
        return;
    for (size_t i = 0; i < a->n; i++)
        out.at[i] = a->at[(at + after + i) % a->n];
    *a = out;
}
