/* VAES and VPCLMULQDQ with AVX2, sixteen blocks at once in eight vectors of two: AMD since Zen 3,
 * Intel since Alder Lake. */
#include "core/tls/gcm_x86.h"

#ifdef __x86_64__
#define TARGET __attribute__((target(GCM_X86_TARGET ",avx2,vaes,vpclmulqdq")))
#define V __m256i
#define COUNT 8
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define v_load(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define v_store(p, x) _mm256_storeu_si256((__m256i *)(void *)(p), x)
#define v_xor _mm256_xor_si256
#define v_xor3(a, b, c) _mm256_xor_si256(a, _mm256_xor_si256(b, c))
#define v_add _mm256_add_epi32
#define v_begin v_xor
#define v_round _mm256_aesenc_epi128
#define v_end(x, before, last) _mm256_aesenclast_epi128(x, last)
#define ROUND_KEY(r) (r)
#define v_multiply _mm256_clmulepi64_epi128
#define v_turn(x)                                                                                  \
    _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9,  \
                                                                    10, 11, 12, 13, 14, 15)))
#define v_zero _mm256_setzero_si256
#define v_spread _mm256_broadcastsi128_si256
#define v_widen _mm256_zextsi128_si256
#define v_fold(x) _mm_xor_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1))
#define v_lanes() _mm256_set_epi32(2, 0, 0, 0, 2, 0, 0, 0)
#define v_lane_numbers() _mm256_set_epi32(1, 0, 0, 0, 0, 0, 0, 0)
#define v_swap_counter(x)                                                                          \
    _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(_mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8,  \
                                                                    7, 6, 5, 4, 3, 2, 1, 0)))
#include "core/tls/gcm_wide.h"

const struct gcm_kernel gcm_vaes256 = {
    .name = "vaes256",
    .here = gcm_x86_has_vaes256,
    .init = gcm_x86_init,
    .start = gcm_x86_start,
    .seal = seal,
    .open = open,
    .finish = gcm_x86_finish,
};
#else
const struct gcm_kernel gcm_vaes256 = {.name = "vaes256"};
#endif
