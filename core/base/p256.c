#include "core/base/p256.h"

#include "core/base/random.h"

#include <bearssl.h>
#include <string.h>

/* n, the order of the curve's group (FIPS 186-5 and SP 800-186 section 3.2.1.3). */
static const uint8_t order[P256_SECRET_SIZE] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static bool is_secret(const uint8_t secret[P256_SECRET_SIZE])
{
    static const uint8_t zero[P256_SECRET_SIZE];
    return memcmp(secret, zero, sizeof zero) != 0 && memcmp(secret, order, sizeof order) < 0;
}

/* BearSSL's structures are not const, though it only reads them. */
static unsigned char *readable(const uint8_t *p)
{
    return (unsigned char *)(uintptr_t)p;
}

static br_ec_private_key private_key(const uint8_t *secret)
{
    return (br_ec_private_key){BR_EC_secp256r1, readable(secret), P256_SECRET_SIZE};
}

void p256_make(uint8_t secret[P256_SECRET_SIZE])
{
    do
        random_bytes(secret, P256_SECRET_SIZE);
    while (!is_secret(secret)); /* once in 2^32 */
}

bool p256_public(const uint8_t secret[P256_SECRET_SIZE], uint8_t point[P256_POINT_SIZE])
{
    uint8_t q[BR_EC_KBUF_PUB_MAX_SIZE];
    br_ec_private_key key = private_key(secret);
    if (!is_secret(secret) ||
        br_ec_compute_pub(br_ec_get_default(), NULL, q, &key) != P256_POINT_SIZE)
        return false;
    memcpy(point, q, P256_POINT_SIZE);
    return true;
}

bool p256_sign(const uint8_t secret[P256_SECRET_SIZE], const uint8_t hash[32],
               uint8_t signature[P256_SIGNATURE_SIZE])
{
    br_ec_private_key key = private_key(secret);
    return is_secret(secret) &&
           br_ecdsa_sign_raw_get_default()(br_ec_get_default(), &br_sha256_vtable, hash, &key,
                                           signature) == P256_SIGNATURE_SIZE;
}

bool p256_check(const uint8_t point[P256_POINT_SIZE], const uint8_t hash[32],
                const uint8_t signature[P256_SIGNATURE_SIZE])
{
    br_ec_public_key key = {BR_EC_secp256r1, readable(point), P256_POINT_SIZE};
    return br_ecdsa_vrfy_raw_get_default()(br_ec_get_default(), hash, 32, &key, signature,
                                           P256_SIGNATURE_SIZE) != 0;
}
