/* Private to core/tls: a decoded certificate chain and its key. */
#ifndef CORE_TLS_IDENTITY_H
#define CORE_TLS_IDENTITY_H

#include "core/tls/tls.h"

#include <bearssl.h>

#define IDENTITY_MAX_CHAIN 8

struct identity {
    br_x509_certificate chain[IDENTITY_MAX_CHAIN]; /* the end entity's first */
    size_t n;
    unsigned issuer_key_type; /* BR_KEYTYPE_… that signed the first */
    br_skey_decoder_context key;
};

#endif
