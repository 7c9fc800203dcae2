/* Secrets at rest: bytes sealed with a key so that nobody without it reads or changes them. The
 * cipher is ChaCha20 with Poly1305 (RFC 8439), BearSSL's; each sealing takes a new random nonce. */
#ifndef CORE_BASE_SEAL_H
#define CORE_BASE_SEAL_H

#include "core/base/str.h"

#define SEAL_KEY_SIZE 32
#define SEAL_EXTRA 29 /* bytes: a version, 12 of nonce, 16 of tag */

/* Writes n + SEAL_EXTRA bytes to out. about: what the bytes are of, such as a name; what is sealed
 * about one thing does not open about another. */
void seal(const uint8_t key[SEAL_KEY_SIZE], struct span about, const uint8_t *p, size_t n,
          uint8_t *out);
/* Writes n - SEAL_EXTRA bytes to out. False: another key or another `about`, or something in it was
 * changed; what is in out is then zeroes. */
bool seal_open(const uint8_t key[SEAL_KEY_SIZE], struct span about, const uint8_t *p, size_t n,
               uint8_t *out);

#endif
