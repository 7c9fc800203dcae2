/* Name constraints (RFC 5280 section 4.2.1.10): the names that an authority may sign. */
#ifndef CORE_TLS_CONSTRAINT_H
#define CORE_TLS_CONSTRAINT_H

#include "core/tls/certificate.h"

#define CONSTRAINT_NAME 96

/* Whether the authority may sign every name of the certificate below it: subject, alternative
 * names, and e-mail addresses in the subject. For an end entity without dNSName its common names
 * count as host names, too, and an address spelled out as dNSName counts as an address as well.
 * Host names, addresses, directory names, e-mail addresses and URIs are compared; a constraint on
 * another kind of name forbids all names of that kind. False: `name` is the forbidden name, for
 * people (empty: something is damaged, or there are more than a million pairs to compare). */
bool constraint_allows(const struct certificate *authority, const struct certificate *below,
                       bool end_entity, char name[static CONSTRAINT_NAME]);

/* Whether the authority may sign the host name or address that was called. */
bool constraint_allows_host(const struct certificate *authority, const char *host);

#endif
