/* IP addresses for limits and access lists: the origin of a connection, and lists of addresses. */
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
union address;

struct ip ip_of_peer(int fd); /* the address of a socket's other end */
/* The same for a stream; zeros for one that is no socket. */
struct ip ip_of_stream(struct stream *s);
struct ip ip_of_address(const union address *a); /* an IPv4 or IPv6 one */
/* The origin that one limit applies to: an IPv4 address, or the /64 of an IPv6 address, since one
 * host can have all of its addresses (RFC 4291 section 2.5.1). */
struct ip ip_origin(struct ip ip);

#define IP_LIST_MAX 64
struct ip_list {
    struct ip_net {
        struct ip ip;
        unsigned bits;
    } nets[IP_LIST_MAX];
    size_t n;
};
/* Adds "192.0.2.7", "10.0.0.0/8" or "2001:db8::/32". ERR_USAGE: the text has another form;
 * ERR_LIMIT: the list is full. */
enum err ip_list_add(struct ip_list *l, const char *text);
bool ip_list_has(const struct ip_list *l, struct ip ip);

#endif
