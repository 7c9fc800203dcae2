/* ECDSA on the curve P-256 (FIPS 186-5), over BearSSL. A signature needs no random number (RFC
 * 6979). A secret is a number in 32 bytes, a public key the uncompressed point (SEC 1 section
 * 2.3.3), a signature the numbers r and s in 32 bytes each. */
#ifndef CORE_BASE_P256_H
#define CORE_BASE_P256_H

#include <stdbool.h>
#include <stdint.h>

#define P256_SECRET_SIZE 32
#define P256_POINT_SIZE 65
#define P256_SIGNATURE_SIZE 64

void p256_make(uint8_t secret[P256_SECRET_SIZE]);
/* False: the number is 0, or not below the curve's order. */
bool p256_public(const uint8_t secret[P256_SECRET_SIZE], uint8_t point[P256_POINT_SIZE]);

/* hash: what is signed, hashed with SHA-256. False: the secret is none. */
bool p256_sign(const uint8_t secret[P256_SECRET_SIZE], const uint8_t hash[32],
               uint8_t signature[P256_SIGNATURE_SIZE]);
/* False also for a point that is not on the curve. */
bool p256_check(const uint8_t point[P256_POINT_SIZE], const uint8_t hash[32],
                const uint8_t signature[P256_SIGNATURE_SIZE]);

#endif
