/* Private to core/tls: a decoded certificate chain and its key. */
#ifndef CORE_TLS_IDENTITY_H
#define CORE_TLS_IDENTITY_H

#include "core/tls/certificate.h"
#include "core/tls/tls.h"

#include <stdatomic.h>

#define IDENTITY_MAX_CHAIN 8

struct identity {
    atomic_uint holders;
    br_x509_certificate chain[IDENTITY_MAX_CHAIN]; /* the end entity comes first */
    size_t n;
    struct certificate own;   /* the end entity, in chain[0]'s bytes */
    int64_t ends;             /* end of its validity: seconds since 1970 */
    unsigned issuer_key_type; /* BR_KEYTYPE_… of the key that signed the end entity */
    br_skey_decoder_context key;
    uint8_t id[br_sha256_SIZE]; /* the fingerprint; ties sessions to the identity shown */
};

#endif
