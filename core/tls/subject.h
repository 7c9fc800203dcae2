/* The common name (CN) in a certificate's subject (RFC 5280 section 4.1.2.6), which says whose
 * certificate it is. */
#ifndef CORE_TLS_SUBJECT_H
#define CORE_TLS_SUBJECT_H

#include "core/tls/der.h"

#define SUBJECT_NAME_MAX 128

/* Writes the CN of the DER certificate. It must be the only one, of 1 to 128 printable ASCII
 * characters: what is shown, logged and compared can then mean nothing else than what was signed.
 * NULL, or a sentence that says what is wrong with it (out is empty then). */
const char *subject_common_name(const uint8_t *certificate, size_t n,
                                char out[static SUBJECT_NAME_MAX + 1]);

#endif
