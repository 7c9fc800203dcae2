/* VAES and VPCLMULQDQ with AVX-512, sixteen blocks at once in four vectors of four: Intel's servers
 * since Ice Lake, AMD since Zen 4. All of these keep their clock rate with wide vectors. */
#include "core/tls/gcm_x86.h"

#ifdef __x86_64__
#define TARGET                                                                                     \
    __attribute__((target(GCM_X86_TARGET ",avx2,avx512f,avx512bw,avx512vl,vaes,vpclmulqdq")))
#define V __m512i
#define COUNT 4
#define EACH(X) X(0) X(1) X(2) X(3)

#define v_load(p) _mm512_loadu_si512((const void *)(p))
#define v_store(p, x) _mm512_storeu_si512((void *)(p), x)
#define v_xor _mm512_xor_si512
#define v_xor3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define v_add _mm512_add_epi32
#define v_begin v_xor
#define v_round _mm512_aesenc_epi128
#define v_end(x, before, last) _mm512_aesenclast_epi128(x, last)
#define ROUND_KEY(r) (r)
#define v_multiply _mm512_clmulepi64_epi128
#define v_turn(x)                                                                                  \
    _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,   \
                                                               11, 12, 13, 14, 15)))
#define v_zero _mm512_setzero_si512
#define v_spread _mm512_broadcast_i32x4
#define v_widen _mm512_zextsi128_si512
#define v_halves(x) _mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1))
#define v_fold(x) fold(v_halves(x))
#define v_lanes() _mm512_broadcast_i32x4(_mm_set_epi32(4, 0, 0, 0))
#define v_lane_numbers() _mm512_set_epi32(3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)
#define v_swap_counter(x)                                                                          \
    _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, \
                                                               5, 4, 3, 2, 1, 0)))

static inline __attribute__((always_inline)) TARGET __m128i fold(__m256i x)
{
    return _mm_xor_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}
#include "core/tls/gcm_wide.h"

const struct gcm_kernel gcm_vaes512 = {
    .name = "vaes512",
    .here = gcm_x86_has_vaes512,
    .init = gcm_x86_init,
    .start = gcm_x86_start,
    .seal = seal,
    .open = open,
    .finish = gcm_x86_finish,
};
#else
const struct gcm_kernel gcm_vaes512 = {.name = "vaes512"};
#endif
