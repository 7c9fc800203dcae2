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

#endif
