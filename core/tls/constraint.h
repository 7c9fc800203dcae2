/* Name constraints (RFC 5280 section 4.2.1.10): for which names an authority may sign. */
#ifndef CORE_TLS_CONSTRAINT_H
#define CORE_TLS_CONSTRAINT_H

#include "core/tls/certificate.h"

#define CONSTRAINT_NAME 96

/* Whether the authority may sign for every name of the certificate below it: subject, alternative
 * names, e-mail addresses in the subject; for an end entity without dNSName also its common names,
 * which then count as host names, and an address spelled out as dNSName counts as address, too. All
 * of host names, addresses, directory names, e-mail addresses and URIs are compared; a constraint
 * on another kind of name forbids all names of that kind. False: name has the one it may not, for
 * people (empty: something is damaged, or there are more than a million pairs to compare). */
bool constraint_allows(const struct certificate *authority, const struct certificate *below,
                       bool end_entity, char name[static CONSTRAINT_NAME]);

/* The same for a host name or address that was called. */
bool constraint_allows_host(const struct certificate *authority, const char *host);

#endif
