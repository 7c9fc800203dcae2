/* Addresses as they are written in options. Pure. */
#ifndef CORE_NET_ADDRESS_H
#define CORE_NET_ADDRESS_H

#include <stdbool.h>

/* Splits "host:port", "[v6]:port", ":port" or "port" into host (without brackets, NULL when absent)
 * and port (0 when absent). host is malloc'd. False: the text has none of these forms, or the port
 * is above 65535. */
bool address_split(const char *text, char **host, int *port);

/* True for an IPv4 or IPv6 literal, without brackets. */
bool address_is_ip(const char *host);

/* Whether a stream's name (stream->name) is that of a client on this machine: a loopback address,
 * or the end of a unix socket. */
bool address_is_local(const char *name);

#endif
