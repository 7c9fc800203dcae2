/* The addresses of a host: those that are known without a name server, and the order in which they
 * are tried. Pure. */
#ifndef CORE_NET_ADDRESSES_H
#define CORE_NET_ADDRESSES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define ADDRESSES_MAX 32 /* addresses of one name; further ones are ignored */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct addresses {
    size_t n;
    union address at[ADDRESSES_MAX]; /* without port */
};

/* Adds an IPv4 or IPv6 address that is not in the list yet, with port 0. */
void addresses_add(struct addresses *a, const struct sockaddr *address);

/* True for a host that needs no name server: numeric addresses, also "fe80::1%eth0" and the old
 * forms of inet_aton(3), and localhost with all names below it, which are ::1 and 127.0.0.1
 * whatever /etc/hosts says (RFC 6761 section 6.3). Sets *out. */
bool addresses_known(const char *host, struct addresses *out);

/* RFC 8305 section 4: from now on the families alternate, beginning with that of the first address;
 * within a family the order stays. */
void addresses_interleave(struct addresses *a);

/* Moves the addresses before `first` to the end, so that it comes first (`after`: so that it comes
 * last). An address that is not in the list changes nothing. */
void addresses_rotate(struct addresses *a, const union address *first, bool after);

void address_set_port(union address *a, int port);
/* Reads "192.0.2.7:50312" or "[2001:db8::7]:50312". False: that is neither. */
bool address_parse(const char *text, union address *out);

/* Writes the same form, which is that of stream->name. Returns out. */
#define ADDRESS_TEXT 56
const char *address_text(const union address *a, char out[static ADDRESS_TEXT]);
/* Makes an IPv4 address that came as an IPv6 one (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) itself;
 * leaves all others as they are. */
void address_unmap(union address *a);

/* Whether a lies in 127.0.0.0/8, also as ::ffff:127.0.0.0/104, or is ::1. */
bool address_is_loopback(const struct sockaddr *a);
/* Whether addresses_known knows the host and its addresses are loopback: false for every name but
 * localhost. */
bool host_is_loopback(const char *host);

#endif
