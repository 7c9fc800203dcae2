/* The names that a certificate is for: its subjectAltName extension (RFC 5280 section 4.2.1.6), as
 * the content of its GeneralNames (certificate.h); empty when it has none. */
#ifndef CORE_TLS_SAN_H
#define CORE_TLS_SAN_H

#include "core/tls/der.h"

enum san_tag { /* tags of a GeneralName */
               SAN_EMAIL = DER_CONTEXT + 1,
               SAN_DNS = DER_CONTEXT + 2,
               SAN_DIRECTORY = DER_CONTEXT_CONSTRUCTED + 4,
               SAN_URI = DER_CONTEXT + 6,
               SAN_ADDRESS = DER_CONTEXT + 7,
};

/* Whether a certificate with these names and this subject (RDNSequence, its content) is valid for
 * this host name: it is one of its dNSNames, or, when there are none, one of its common names. A
 * "*" may stand for the whole first label, when two labels follow (RFC 6125 section 6.4). */
bool san_has_host(struct der names, struct der subject, const char *host);

/* Whether this address is among them: `bytes` (4 or 16) in an iPAddress entry. Only when the names
 * have no iPAddress, a dNSName that spells `text` exactly counts too, since home-made certificates
 * are made that way. False also when the names are not DER. */
bool san_has_address(struct der names, const uint8_t *address, size_t bytes, const char *text);

/* Writes the first host name or address for people (printable, cut to fit), or the empty string
 * when there is none. Returns out. */
char *san_first(struct der names, char *out, size_t size);

/* Writes one GeneralName for people: printable, cut to fit. Returns out. */
char *san_text(uint8_t tag, struct der name, char *out, size_t size);

#endif
