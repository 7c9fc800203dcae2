/* Private to names.h: names.c keeps suffixes and aliases, names_resolve.c goes from a host name to
 * a service, names_canonical.c back. */
#ifndef GATEWAY_SOURCE_NAMES_INTERNAL_H
#define GATEWAY_SOURCE_NAMES_INTERNAL_H

#include "gateway/source/names.h"

#define NAMES_HOST_MAX 253 /* characters of a host name (RFC 1035, 2.3.4, without the last dot) */

/* The target of the alias with that label, in any case; NULL: there is none. */
const char *names_alias_of(const struct names *n, struct span label);
/* Whether the host is an IPv4 or IPv6 address, in brackets or without. */
bool names_is_address(struct span host);

char names_lower(char c);
char names_folded(char c); /* in lower case, and '-' in place of ':' and '_' */

#endif
