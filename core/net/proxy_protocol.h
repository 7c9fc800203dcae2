/* The PROXY protocol's header, versions 1 and 2, as its sender writes it: the first bytes to a
 * service, which say who the client is. Pure.
 *
 * After https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt: section 2.1 (version 1), 2.2
 * (version 2: signature, 0x21 for "version 2, PROXY" or 0x20 for "LOCAL", family, length,
 * addresses, TLVs), 2.2.2
 * (PP2_TYPE_AUTHORITY), 2.2.8 (types from 0xE0 on are each application's own). */
#ifndef CORE_NET_PROXY_PROTOCOL_H
#define CORE_NET_PROXY_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define PROXY_HEADER_MAX 512
/* The type of the TLV that has the id of the access key which opened the tunnel. */
#define PROXY_HEADER_OPENED_BY 0xE0
#define PROXY_HEADER_TEXT_MAX 255 /* bytes of a text that are sent at most */
/* nginx before 1.23.3 reads no more in front of TLS: longer headers have no PP2_TYPE_AUTHORITY. */
#define PROXY_HEADER_ENOUGH 107

struct proxy_header {
    int version; /* 1 or 2 */
    /* Both as address_parse takes them. A client that is not known is "UNKNOWN" in version 1
     * (section 2.1: when the line cannot be filled correctly), and in version 2 LOCAL, with nothing
     * else: receivers must accept that, and may reject the command PROXY with the family UNSPEC, as
     * haproxy and Apache do. Of a service that is not known (a unix socket) address and port are
     * 0.
     */
    const char *client, *service;
    const char *opened_by; /* an access key's id; "": not known. Version 2 has it */
    const char *asked;     /* the host name that the client asked for; "": not known. Version 2 */
};

/* Returns the number of bytes written. The family is the client's: a service of the other one is
 * written as ::ffff:a.b.c.d, or as the loopback or unspecified address of IPv4. */
size_t proxy_protocol_write(const struct proxy_header *h, uint8_t out[PROXY_HEADER_MAX]);

#endif
