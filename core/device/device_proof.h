/* The proof that a device owns its key: a signature over what the hub and it both know of this one
 * connection. The nonce is the hub's and new each time, so nothing can be replayed and no clock is
 * needed; the certificate is the one that TLS was set up with, so who sits in the middle with
 * another one gets a proof that is good for nothing. */
#ifndef CORE_DEVICE_DEVICE_PROOF_H
#define CORE_DEVICE_DEVICE_PROOF_H

#include "core/base/p256.h"
#include "core/base/str.h"

#define DEVICE_NONCE_SIZE 32
#define DEVICE_PROOF_LABEL "tunnel.device-1 proof"

struct device_proof {
    struct span host;           /* the hub's, as the device dialled it, without port; any case */
    struct span device;         /* its name */
    const uint8_t *point;       /* P256_POINT_SIZE bytes: its public key */
    const uint8_t *nonce;       /* DEVICE_NONCE_SIZE bytes */
    const uint8_t *certificate; /* 32 bytes: SHA-256 of the hub's leaf certificate in DER */
};

/* What is signed, with SHA-256, is the label, the host in lower case, the name, the point, the
 * nonce and the certificate's hash, each preceded by its length in two bytes, big-endian. False:
 * the secret is none. */
bool device_proof_sign(const struct device_proof *p, const uint8_t secret[P256_SECRET_SIZE],
                       uint8_t signature[P256_SIGNATURE_SIZE]);
bool device_proof_check(const struct device_proof *p, const uint8_t signature[P256_SIGNATURE_SIZE]);

#endif
