/* What the kernels for x86-64 share: one layout of keys and of GHASH's state, and their
 * arithmetic.
 *
 * GHASH's field has its bits in reverse order. Blocks are therefore used with their bytes reversed,
 * and the powers of H are kept multiplied by x, which makes the product of both come out in its
 * place without a shift (Gueron and Kounavis, "Intel Carry-Less Multiplication Instruction and its
 * Usage for Computing the GCM Mode", 2014; reduction as in Gueron, "AES-GCM software performance",
 * 2013). */
#ifndef CORE_TLS_GCM_X86_H
#define CORE_TLS_GCM_X86_H

#include "core/tls/gcm_kernel.h"

#ifdef __x86_64__
#include <immintrin.h>

#define GCM_X86_TARGET "aes,pclmul,ssse3,sse4.1"
#define GCM_X86_INLINE static inline __attribute__((always_inline, target(GCM_X86_TARGET)))

bool gcm_x86_has_aesni(void);
bool gcm_x86_has_vaes256(void);
bool gcm_x86_has_vaes512(void);

/* gcm_setup.h for x86-64. */
void gcm_x86_init(struct gcm_key *k, const uint8_t *key, size_t size);
void gcm_x86_start(const struct gcm_key *k, struct gcm_state *s, const uint8_t *aad, size_t n);
void gcm_x86_finish(const struct gcm_key *k, struct gcm_state *s, const uint8_t lengths[16],
                    uint8_t tag[GCM_TAG]);

typedef __m128i gcm_block;
#define gcm_xor _mm_xor_si128
#define gcm_zero _mm_setzero_si128
#define gcm_up(x) _mm_slli_si128(x, 4)

GCM_X86_INLINE gcm_block gcm_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

GCM_X86_INLINE void gcm_store(uint8_t *p, __m128i x)
{
    _mm_storeu_si128((__m128i *)(void *)p, x);
}

GCM_X86_INLINE __m128i gcm_turn(__m128i x)
{
    return _mm_shuffle_epi8(x, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* x^128 + x^127 + x^126 + x^121 + 1, without the first. */
GCM_X86_INLINE __m128i gcm_polynomial(void)
{
    return _mm_set_epi64x((long long)0xc200000000000000ULL, 1);
}

GCM_X86_INLINE __m128i gcm_reduce_half(__m128i x)
{
    __m128i folded = _mm_clmulepi64_si128(gcm_polynomial(), x, 0x01);
    return _mm_xor_si128(_mm_shuffle_epi32(x, 0x4e), folded);
}

/* The element that a product of three parts is, the middle one being 64 bits up. */
GCM_X86_INLINE __m128i gcm_reduce(__m128i low, __m128i middle, __m128i high)
{
    low = _mm_xor_si128(low, _mm_slli_si128(middle, 8));
    high = _mm_xor_si128(high, _mm_srli_si128(middle, 8));
    return _mm_xor_si128(high, gcm_reduce_half(gcm_reduce_half(low)));
}

/* The block with this counter, in the CPU's order of bytes. */
GCM_X86_INLINE __m128i gcm_counter(const struct gcm_state *s, uint32_t counter)
{
    return _mm_insert_epi32(gcm_load(s->nonce), (int)counter, 3);
}

#endif
#endif
