/* The addresses of a host: what they are without asking anybody, and in which order they are tried.
 * Pure. */
#ifndef CORE_NET_ADDRESSES_H
#define CORE_NET_ADDRESSES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define ADDRESSES_MAX 32 /* of one name; further ones are not looked at */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct addresses {
    size_t n;
    union address at[ADDRESSES_MAX]; /* without port */
};

/* Adds what is IPv4 or IPv6 and not there yet, with port 0. */
void addresses_add(struct addresses *a, const struct sockaddr *address);

/* True for what needs no name server: numeric addresses, also "fe80::1%eth0" and the old forms of
 * inet_aton(3), and localhost with all names below it, which are ::1 and 127.0.0.1 whatever
 * /etc/hosts says (RFC 6761 section 6.3). Sets *out. */
bool addresses_known(const char *host, struct addresses *out);

/* RFC 8305 section 4: from now on the families alternate, beginning with the first one's; within a
 * family the order stays. */
void addresses_interleave(struct addresses *a);

/* Moves what stands before `first` behind the rest, so that it comes first (after: comes last). An
 * address that is not there changes nothing. */
void addresses_rotate(struct addresses *a, const union address *first, bool after);

void address_set_port(union address *a, int port);

/* 127.0.0.0/8, also as ::ffff:127.0.0.0/104, and ::1. */
bool address_is_loopback(const struct sockaddr *a);
/* The same of a host by what addresses_known knows: false for every name but localhost. */
bool host_is_loopback(const char *host);

#endif
