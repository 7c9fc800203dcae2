/* Private to core/tls: a decoded certificate chain and its key. */
#ifndef CORE_TLS_IDENTITY_H
#define CORE_TLS_IDENTITY_H

#include "core/tls/tls.h"

#include <bearssl.h>
#include <stdatomic.h>

#define IDENTITY_MAX_CHAIN 8

struct identity {
    atomic_uint holders;
    br_x509_certificate chain[IDENTITY_MAX_CHAIN]; /* the end entity's first */
    size_t n;
    unsigned issuer_key_type; /* BR_KEYTYPE_… that signed the first */
    br_skey_decoder_context key;
    uint8_t id[16]; /* random: ties sessions to who we said we are */
};

#endif
