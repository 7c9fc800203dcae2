/* Hashes of bytes that come in pieces (RFC 1321, RFC 6234), and HMAC with SHA-256 (RFC 2104). They
 * are BearSSL's, which only this module and core/tls know. */
#ifndef CORE_BASE_HASH_H
#define CORE_BASE_HASH_H

#include <bearssl.h>
#include <stddef.h>
#include <stdint.h>

enum hash_kind { HASH_MD5, HASH_SHA1, HASH_SHA256 };
#define HASH_SHA1_SIZE 20
#define HASH_SHA256_SIZE 32
#define HASH_SIZE_MAX 32

/* The members are private. */
struct hash {
    br_hash_compat_context state;
};
void hash_begin(struct hash *h, enum hash_kind kind);
void hash_add(struct hash *h, const void *p, size_t n);
/* Writes the hash to out, returns its size, and wipes h. */
size_t hash_end(struct hash *h, uint8_t out[HASH_SIZE_MAX]);

struct hmac {
    br_hmac_context state;
};
void hmac_begin(struct hmac *h, const void *key, size_t n);
void hmac_add(struct hmac *h, const void *p, size_t n);
void hmac_end(struct hmac *h, uint8_t out[HASH_SHA256_SIZE]); /* wipes h */

#endif
