#include "core/net/ip.h"

#include "core/base/str.h"
#include "core/net/addresses.h"
#include "core/net/socket_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MAPPED 12 /* bytes in front of an IPv4 address */
#define SUBNET 8  /* bytes of a /64 */

static const uint8_t mapped[MAPPED] = {[10] = 0xff, [11] = 0xff};

static struct ip of_v4(const void *address)
{
    struct ip ip;
    memcpy(ip.bytes, mapped, MAPPED);
    memcpy(ip.bytes + MAPPED, address, sizeof ip.bytes - MAPPED);
    return ip;
}

static bool is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, mapped, MAPPED) == 0;
}

struct ip ip_of_address(const union address *a)
{
    struct ip ip = {{0}};
    if (a->any.sa_family == AF_INET)
        return of_v4(&a->v4.sin_addr);
    if (a->any.sa_family == AF_INET6)
        memcpy(ip.bytes, &a->v6.sin6_addr, sizeof ip.bytes);
    return ip;
}

struct ip ip_of_peer(int fd)
{
    union {
        union address known;
        struct sockaddr any;
        struct sockaddr_storage room;
    } a;
    socklen_t n = sizeof a;
    return getpeername(fd, &a.any, &n) == 0 ? ip_of_address(&a.known) : (struct ip){{0}};
}

struct ip ip_of_stream(struct stream *s)
{
    const struct socket_stream *t = socket_of(s);
    return t != NULL ? ip_of_peer(socket_descriptor(t)) : (struct ip){{0}};
}

struct ip ip_origin(struct ip ip)
{
    if (!is_v4(&ip))
        memset(ip.bytes + SUBNET, 0, sizeof ip.bytes - SUBNET);
    return ip;
}

/* ---- lists ---- */

static bool parse(struct span text, struct ip *ip, unsigned *width)
{
    char address[INET6_ADDRSTRLEN];
    struct in_addr v4;
    snprintf(address, sizeof address, "%.*s", text.n < sizeof address ? (int)text.n : 0, text.p);
    *width = 128;
    if (inet_pton(AF_INET6, address, ip->bytes) == 1)
        return true;
    *width = 32;
    if (inet_pton(AF_INET, address, &v4) != 1)
        return false;
    *ip = of_v4(&v4);
    return true;
}

enum err ip_list_add(struct ip_list *l, const char *text)
{
    struct span bits = span_of(text), address = span_cut(&bits, '/');
    struct ip_net net;
    uint64_t given;
    unsigned width;
    if (l->n == IP_LIST_MAX)
        return ERR_LIMIT;
    if (!parse(address, &net.ip, &width))
        return ERR_USAGE;
    given = width;
    if (strchr(text, '/') != NULL && !str_number(bits, width, &given))
        return ERR_USAGE;
    net.bits = 128 - width + (unsigned)given;
    l->nets[l->n++] = net;
    return ERR_OK;
}

static bool is_in(const struct ip *ip, const struct ip_net *net)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(ip->bytes, net->ip.bytes, whole) != 0)
        return false;
    return rest == 0 || ((ip->bytes[whole] ^ net->ip.bytes[whole]) >> (8 - rest)) == 0;
}

bool ip_list_has(const struct ip_list *l, struct ip ip)
{
    for (size_t i = 0; i < l->n; i++)
        if (is_in(&ip, &l->nets[i]))
            return true;
    return false;
}
