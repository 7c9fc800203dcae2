/* Distinguished names (RFC 5280 section 4.1.2.4), as the content of an RDNSequence. */
#ifndef CORE_TLS_DN_H
#define CORE_TLS_DN_H

#include "core/tls/der.h"

/* Whether both names are the same by section 7.1: the case of ASCII letters, the kind of string and
 * the number of spaces make no difference. */
bool dn_same(struct der a, struct der b);
/* Whether `name` is `base` or lies below it. */
bool dn_within(struct der name, struct der base);

/* Calls `each` for every value of the attribute 2.5.4.`last`, or of emailAddress for DN_EMAIL,
 * until it returns false. False: `each` has returned false, or the name is damaged. */
#define DN_COMMON_NAME 3
#define DN_EMAIL 0
typedef bool dn_value(void *ctx, struct der value);
bool dn_each(struct der name, uint8_t last, dn_value *each, void *ctx);

/* Writes the common name (CN), which says who owns the certificate. It must be the only one, of 1
 * to 128 printable ASCII characters, so that what is shown, logged and compared cannot mean
 * anything else than what was signed. NULL, or a sentence that says what is wrong with it (out is
 * empty then). */
#define DN_COMMON_NAME_MAX 128
const char *dn_common_name(struct der name, char out[static DN_COMMON_NAME_MAX + 1]);

/* Writes "O=Field, CN=ca": printable, cut to fit. Returns out. */
char *dn_text(struct der name, char *out, size_t size);

#endif
