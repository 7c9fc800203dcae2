/* The names that a certificate is for: its subjectAltName extension (RFC 5280 section 4.2.1.6).
 * BearSSL matches host names itself; addresses it does not know, so they are compared here. */
#ifndef CORE_TLS_SAN_H
#define CORE_TLS_SAN_H

#include "core/tls/der.h"

/* Whether the DER certificate is for this address: `bytes` (4 or 16) among its iPAddress entries.
 * Only when it has none of these, a dNSName that spells `text` exactly counts too: home-made
 * certificates do that. False as well for everything that is not DER. */
bool san_has_address(const uint8_t *certificate, size_t n, const uint8_t *address, size_t bytes,
                     const char *text);

/* Writes the certificate's first name or address for people (printable, cut to fit); the empty
 * string when it has none. Returns out. */
char *san_first(const uint8_t *certificate, size_t n, char *out, size_t size);

#endif
