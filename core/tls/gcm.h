/* AES-GCM (NIST SP 800-38D) with a nonce of 96 bits, as the records of TLS 1.2 use it (RFC 5288):
 * AES in counter mode and GHASH in one pass over the data, from one place to another.
 *
 * The work is done by a kernel, which is chosen by what the CPU has: gcm_kernel.h says what a
 * kernel is, and each gcm_NAME.c is one. All of them take the same time for the same lengths,
 * whatever key and data are: they have no branch, index or variable-time instruction that depends
 * on either.
 *
 * Nothing in here fails but gcm_open, or keeps memory. A key may be used by several threads. */
#ifndef CORE_TLS_GCM_H
#define CORE_TLS_GCM_H

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_KEY_MAX 32
#define GCM_NONCE 12
#define GCM_TAG 16
#define GCM_POWERS 16

struct gcm_kernel;

/* A key, made ready for its kernel; 512 bytes. It holds no pointers into itself and may be copied
 * and moved; its owner wipes it. The members are private. */
struct gcm_key {
    const struct gcm_kernel *kernel;
    union {
        struct {
            unsigned rounds;                 /* 10 or 14 */
            uint8_t round_keys[15][16];      /* in the order of FIPS 197 */
            uint8_t powers[GCM_POWERS * 16]; /* of H, the highest first */
        } own;
        struct {
            br_aes_gen_ctr_keys aes;
            br_ghash ghash;
            uint8_t h[16];
        } bearssl;
    } u;
};

/* Bytes to be sealed, XORed with a WebSocket's mask on the way (RFC 6455 section 5.3), mask[0]
 * being for the first of them. Zeros: no mask. */
struct gcm_span {
    const uint8_t *p;
    size_t n;
    uint8_t mask[4];
};

/* Takes a key of 16 or 32 bytes, for the kernel that is fastest on this CPU. */
void gcm_key_init(struct gcm_key *k, const uint8_t *key, size_t size);

/* Encrypts the spans, one after the other, to `to`, and authenticates the result and n_aad bytes of
 * additional data. All spans together have less than 2^32 * 16 - 32 bytes. `to` overlaps no span,
 * but may be the start of an only one. A nonce may be used only once with a key.
 *
 * One span without a mask costs what an interface for one block of bytes would cost; a mask costs
 * nothing; each border between spans costs about as much as 100 bytes do. */
void gcm_seal(const struct gcm_key *k, const uint8_t nonce[GCM_NONCE], const uint8_t *aad,
              size_t n_aad, const struct gcm_span *spans, size_t n_spans, uint8_t *to,
              uint8_t tag[GCM_TAG]);

/* Decrypts n bytes from `from` to `to`, which is the same place or does not overlap it. False:
 * they, the additional data or the tag are not what was sealed; then `to` has n zeros. */
bool gcm_open(const struct gcm_key *k, const uint8_t nonce[GCM_NONCE], const uint8_t *aad,
              size_t n_aad, const uint8_t *from, size_t n, uint8_t *to, const uint8_t tag[GCM_TAG]);

/* The name of the kernel that gcm_key_init takes: the fastest that this CPU has, or the one that
 * the environment names in TUNNEL_CPU, which is for tests. */
const char *gcm_name(void);
/* Whether TUNNEL_CPU is unset or names a kernel that this CPU has. False: the sentence is in text,
 * and gcm_key_init goes on as if it were unset. */
bool gcm_cpu_valid(char *text, size_t size);
/* Whether AES-GCM is faster here than ChaCha20-Poly1305. */
bool gcm_fast(void);

#endif
