/* Addresses as they are written in options. Pure. */
#ifndef CORE_NET_ADDRESS_H
#define CORE_NET_ADDRESS_H

#include <stdbool.h>

/* "host:port", "[v6]:port", ":port" or "port" → host (brackets off, NULL when absent) and port
 * (0 when absent). host is malloc'd. False: not one of these, or port above 65535. */
bool address_split(const char *text, char **host, int *port);

/* True for an IPv4 or IPv6 literal, without brackets. */
bool address_is_ip(const char *host);

#endif
