/* AES-NI and PCLMULQDQ, eight blocks at once: every x86-64 CPU since about 2010, in the encoding
 * that needs no AVX, which small ones lack. */
#include "core/tls/gcm_x86.h"

#ifdef __x86_64__
#define TARGET __attribute__((target(GCM_X86_TARGET)))
#define V __m128i
#define COUNT 8
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define v_load gcm_load
#define v_store gcm_store
#define v_xor _mm_xor_si128
#define v_xor3(a, b, c) _mm_xor_si128(a, _mm_xor_si128(b, c))
#define v_add _mm_add_epi32
#define v_begin v_xor
#define v_round _mm_aesenc_si128
#define v_end(x, before, last) _mm_aesenclast_si128(x, last)
#define ROUND_KEY(r) (r)
#define v_multiply _mm_clmulepi64_si128
#define v_turn gcm_turn
#define v_zero _mm_setzero_si128
#define v_spread(x) (x)
#define v_widen(x) (x)
#define v_fold(x) (x)
#define v_lanes() _mm_set_epi32(1, 0, 0, 0)
#define v_lane_numbers() _mm_setzero_si128()
#define v_swap_counter(x)                                                                          \
    _mm_shuffle_epi8(x, _mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0))
#include "core/tls/gcm_wide.h"

const struct gcm_kernel gcm_aesni = {
    .name = "aesni",
    .here = gcm_x86_has_aesni,
    .init = gcm_x86_init,
    .start = gcm_x86_start,
    .seal = seal,
    .open = open,
    .finish = gcm_x86_finish,
};
#else
const struct gcm_kernel gcm_aesni = {.name = "aesni"};
#endif
