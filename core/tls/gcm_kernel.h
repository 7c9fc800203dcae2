/* What an implementation of AES-GCM is, for gcm.c and its tests.
 *
 * The kernels of our own share the key's layout: the round keys as FIPS 197 has them, and the
 * powers of H from H^16 down to H. So a group of m blocks, from the first on, is multiplied with
 * the m last powers, and a vector of several blocks with as many powers that lie one after the
 * other. */
#ifndef CORE_TLS_GCM_KERNEL_H
#define CORE_TLS_GCM_KERNEL_H

#include "core/tls/gcm.h"

/* A message on its way. */
struct gcm_state {
    uint8_t nonce[16];    /* the last four bytes are of no meaning */
    uint32_t counter;     /* of the next block, in the CPU's order of bytes */
    uint8_t hash[16];     /* GHASH so far, in the kernel's form */
    uint8_t tag_mask[16]; /* what the tag is XORed with */
};

struct gcm_kernel {
    const char *name;
    bool (*here)(
        void); /* whether this CPU has what it takes; NULL: not built for this architecture */
    void (*init)(struct gcm_key *k, const uint8_t *key, size_t size);
    /* Sets all of s but the nonce, which is there. */
    void (*start)(const struct gcm_key *k, struct gcm_state *s, const uint8_t *aad, size_t n);
    /* Each of both takes n bytes, n being a multiple of 16 except in the last call. */
    void (*seal)(const struct gcm_key *k, struct gcm_state *s, const uint8_t mask[16],
                 const uint8_t *from, uint8_t *to, size_t n);
    void (*open)(const struct gcm_key *k, struct gcm_state *s, const uint8_t *from, uint8_t *to,
                 size_t n);
    /* lengths: of additional data and text in bits, as SP 800-38D section 7.1 appends them. */
    void (*finish)(const struct gcm_key *k, struct gcm_state *s, const uint8_t lengths[16],
                   uint8_t tag[GCM_TAG]);
};

extern const struct gcm_kernel gcm_vaes512, gcm_vaes256, gcm_aesni, gcm_armv8, gcm_bearssl;
extern const struct gcm_kernel gcm_null; /* only in a build for measuring */

/* All kernels, the fastest first, and a NULL. */
extern const struct gcm_kernel *const gcm_kernels[];
bool gcm_here(const struct gcm_kernel *kernel);
void gcm_key_init_for(const struct gcm_kernel *kernel, struct gcm_key *k, const uint8_t *key,
                      size_t size);

#endif
