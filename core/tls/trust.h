/* Private to core/tls: a set of trust anchors. */
#ifndef CORE_TLS_TRUST_H
#define CORE_TLS_TRUST_H

#include "core/tls/tls.h"

#include <bearssl.h>

struct trust {
    bool insecure;
    br_x509_trust_anchor *anchors;
    size_t n, capacity;
    uint8_t id[16]; /* random: ties sessions to the trust they were verified with */
};

/* Adds every certificate of the PEM text that is not there yet, and counts all in *found. Objects
 * that are something else, or certificates that cannot be read, are passed over. False: no memory
 * or above 10,000 anchors. */
bool trust_add_pem(struct trust *t, const void *text, size_t n, size_t *found);

#endif
