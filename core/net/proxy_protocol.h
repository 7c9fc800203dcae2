/* The PROXY protocol's header, versions 1 and 2: the first bytes of a connection, by which who
 * passes it on says who the client is. Written toward services by an agent, read from balancers by
 * a hub. Pure.
 *
 * After https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt: section 2.1 (version 1), 2.2
 * (version 2: signature, 0x21 for "version 2, PROXY" or 0x20 for "LOCAL", family, length,
 * addresses, TLVs), 2.2.2 (PP2_TYPE_AUTHORITY), 2.2.3 (PP2_TYPE_CRC32C), 2.2.8 (types from 0xE0 on
 * are each application's own). */
#ifndef CORE_NET_PROXY_PROTOCOL_H
#define CORE_NET_PROXY_PROTOCOL_H

#include "core/base/str.h"
#include "core/net/addresses.h"

/* ---- writing ---- */

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

/* ---- reading ---- */

/* Bytes that a header of version 2 may have; the field would allow 65,551. nginx's limit is the
 * same, and what the balancers of clouds send has some hundred. A line of version 1 has 107 at most
 * (section 2.1). */
#define PROXY_PROTOCOL_MAX 4096

enum proxy_protocol_state { PROXY_PROTOCOL_MORE, PROXY_PROTOCOL_DONE, PROXY_PROTOCOL_BAD };

/* What a header that was read says. */
struct proxy_told {
    int version; /* 1 or 2 */
    /* Whether it names a client. False: the sender speaks for itself (LOCAL: a health check), does
     * not know (UNKNOWN, UNSPEC), or the client has no TCP address (a unix socket, UDP). The
     * addresses of the connection itself hold then, by sections 2.1 and 2.2. */
    bool known;
    union address client, service; /* with ports; both of one family. Valid when known */
    struct span tlvs;              /* for proxy_protocol_tlv: lies in the bytes that were read */
};

/* Reads the header at the start of a connection, whose first n bytes are at p. As long as the
 * answer is MORE, the caller keeps them and asks again when it has *size bytes of the connection or
 * more; so nothing is kept here between calls. DONE: the header has *size bytes, and *told is set.
 * BAD: these bytes are no header, or one that breaks the rules; *why is a sentence about the
 * sender, without a full stop, in static storage. size may be set in that case, too; told is not.
 *
 * A checksum must fit (section 2.2.3), and TLVs must fill the header exactly; of unknown types they
 * are allowed. */
enum proxy_protocol_state proxy_protocol_read(const uint8_t *p, size_t n, size_t *size,
                                              struct proxy_told *told, const char **why);

/* Whether the first n > 0 bytes at p are those of a header, or begin as one does. */
bool proxy_protocol_begins(const uint8_t *p, size_t n);

/* Cuts the next TLV off: its type and its value, which lies in *tlvs. False: there is none. */
bool proxy_protocol_tlv(struct span *tlvs, uint8_t *type, struct span *value);

#endif
