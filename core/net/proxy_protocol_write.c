#include "core/net/proxy_protocol.h"

#include "core/net/addresses.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define PP2_TYPE_AUTHORITY 0x02
#define VERSION_2_LOCAL 0x20
#define VERSION_2_PROXY 0x21
#define TCP_OVER_IPV4 0x11
#define TCP_OVER_IPV6 0x21
#define UNSPEC 0x00
#define V2_HEAD 16 /* bytes up to the length, with it */

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291, 2.5.5.2 */

/* ---- the two ends, in one family ---- */

struct ends {
    int family; /* AF_INET, AF_INET6; AF_UNSPEC: the client is not known */
    uint8_t client[16], service[16];
    uint16_t client_port, service_port;
};

static void to_v4(const union address *a, uint8_t out[16])
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    if (a->any.sa_family == AF_INET)
        memcpy(out, &a->v4.sin_addr, 4);
    else if (IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr))
        memcpy(out, loopback, 4);
}

static void to_v6(const union address *a, uint8_t out[16])
{
    if (a->any.sa_family == AF_INET6) {
        memcpy(out, &a->v6.sin6_addr, 16);
        return;
    }
    memcpy(out, mapped, sizeof mapped);
    memcpy(out + sizeof mapped, &a->v4.sin_addr, 4);
}

static uint16_t port_of(const union address *a)
{
    return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

static struct ends ends_of(const struct proxy_header *h)
{
    struct ends e = {.family = AF_UNSPEC};
    union address client, service;
    if (!address_parse(h->client, &client))
        return e;
    address_unmap(&client);
    e.family = client.any.sa_family;
    e.client_port = port_of(&client);
    (e.family == AF_INET ? to_v4 : to_v6)(&client, e.client);
    if (address_parse(h->service, &service)) {
        address_unmap(&service);
        e.service_port = port_of(&service);
        (e.family == AF_INET ? to_v4 : to_v6)(&service, e.service);
    }
    return e;
}

/* ---- version 1 ---- */

/* IPv4 inside IPv6 is written in hexadecimal, too: the protocol knows no dots there. */
static const char *text_of(int family, const uint8_t *bytes, char out[INET6_ADDRSTRLEN])
{
    if (family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0)
        snprintf(out, INET6_ADDRSTRLEN, "::ffff:%x:%x", bytes[12] << 8 | bytes[13],
                 bytes[14] << 8 | bytes[15]);
    else
        inet_ntop(family, bytes, out, INET6_ADDRSTRLEN);
    return out;
}

static size_t write_v1(const struct ends *e, char *out)
{
    char client[INET6_ADDRSTRLEN], service[INET6_ADDRSTRLEN];
    int n = e->family == AF_UNSPEC ? snprintf(out, PROXY_HEADER_MAX, "PROXY UNKNOWN\r\n")
                                   : snprintf(out, PROXY_HEADER_MAX, "PROXY %s %s %s %u %u\r\n",
                                              e->family == AF_INET ? "TCP4" : "TCP6",
                                              text_of(e->family, e->client, client),
                                              text_of(e->family, e->service, service),
                                              e->client_port, e->service_port);
    return (size_t)n;
}

/* ---- version 2 ---- */

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

static uint8_t *put_16(uint8_t *at, size_t number)
{
    return put(at, (const uint8_t[]){(uint8_t)(number >> 8), (uint8_t)number}, 2);
}

static uint8_t *put_addresses(uint8_t *at, const struct ends *e)
{
    size_t n = e->family == AF_INET ? 4 : 16;
    at = put(at, e->client, n);
    at = put(at, e->service, n);
    return put_16(put_16(at, e->client_port), e->service_port);
}

static uint8_t *put_tlv(uint8_t *at, uint8_t type, const char *text)
{
    size_t n = strnlen(text, PROXY_HEADER_TEXT_MAX);
    if (n == 0)
        return at;
    *at = type;
    return put(put_16(at + 1, n), text, n);
}

static size_t write_v2(const struct proxy_header *h, const struct ends *e, uint8_t *out)
{
    bool known = e->family != AF_UNSPEC;
    uint8_t *at = put(out, signature, sizeof signature);
    *at++ = known ? VERSION_2_PROXY : VERSION_2_LOCAL;
    *at++ = !known ? UNSPEC : e->family == AF_INET ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
    at = out + V2_HEAD;
    if (known) {
        at = put_addresses(at, e);
        at = put_tlv(at, PROXY_HEADER_OPENED_BY, h->opened_by);
    }
    if (known && (size_t)(at - out) + 3 + strlen(h->asked) <= PROXY_HEADER_ENOUGH)
        at = put_tlv(at, PP2_TYPE_AUTHORITY, h->asked);
    put_16(out + V2_HEAD - 2, (size_t)(at - out) - V2_HEAD);
    return (size_t)(at - out);
}

size_t proxy_protocol_write(const struct proxy_header *h, uint8_t out[PROXY_HEADER_MAX])
{
    struct ends e = ends_of(h);
    return h->version == 1 ? write_v1(&e, (char *)out) : write_v2(h, &e, out);
}
