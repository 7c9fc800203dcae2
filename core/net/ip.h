/* IP addresses as far as limits are concerned: where a connection comes from, and lists of
 * addresses. */
#ifndef CORE_NET_IP_H
#define CORE_NET_IP_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip {
    uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2); zeros: no IP address */
};

struct stream;

struct ip ip_of_peer(int fd);             /* of the other end of a socket */
struct ip ip_of_stream(struct stream *s); /* the same; of a stream that is no socket: zeros */
/* Whom one limit is for: an IPv4 address, or the /64 of an IPv6 address, all of which one host can
 * have (RFC 4291 section 2.5.1). */
struct ip ip_origin(struct ip ip);

#define IP_LIST_MAX 64
struct ip_list {
    struct ip_net {
        struct ip ip;
        unsigned bits;
    } nets[IP_LIST_MAX];
    size_t n;
};
/* "192.0.2.7", "10.0.0.0/8" or "2001:db8::/32". ERR_USAGE: none of these; ERR_LIMIT: full. */
enum err ip_list_add(struct ip_list *l, const char *text);
bool ip_list_has(const struct ip_list *l, struct ip ip);

#endif
