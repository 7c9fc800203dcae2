/* The AES and PMULL instructions of ARMv8 (64 bits), eight blocks at once. Whether the CPU has them
 * is asked of the system; where the compiler cannot be told to use them in single functions, it
 * must be told to use them everywhere (-march=armv8-a+crypto), or this kernel is left out. */
#include "core/tls/gcm_kernel.h"

#if defined __aarch64__ && defined __linux__ && defined __ARM_NEON && !defined __AARCH64EB__ &&    \
    (defined __ARM_FEATURE_AES || defined __ARM_FEATURE_CRYPTO || !defined __clang__)
#include <arm_neon.h>
#include <sys/auxv.h>

#define TARGET __attribute__((target("+crypto")))
#define ARM_INLINE static inline __attribute__((always_inline)) TARGET

/* From <asm/hwcap.h>, part of the system's interface. */
#define HAS_AES (1ul << 3)
#define HAS_PMULL (1ul << 4)

static bool has_aes(void)
{
    return (getauxval(AT_HWCAP) & (HAS_AES | HAS_PMULL)) == (HAS_AES | HAS_PMULL);
}

/* ---- blocks ---- */

typedef uint8x16_t gcm_block;
#define gcm_load vld1q_u8
#define gcm_store vst1q_u8
#define gcm_xor veorq_u8
#define gcm_zero() vdupq_n_u8(0)
#define gcm_up(x) vextq_u8(gcm_zero(), x, 12)
/* GHASH's field has its bits in reverse order; so a byte's are turned. */
#define gcm_turn vrbitq_u8

#define WORDS(x) vreinterpretq_u32_u8(x)
#define BYTES(x) vreinterpretq_u8_u32(x)
#define HALVES(x) vreinterpretq_u64_u8(x)
#define LOW(x) ((poly64_t)vgetq_lane_u64(HALVES(x), 0))
#define HIGH(x) ((poly64_t)vgetq_lane_u64(HALVES(x), 1))

ARM_INLINE gcm_block gcm_counter(const struct gcm_state *s, uint32_t counter)
{
    return BYTES(vsetq_lane_u32(counter, WORDS(gcm_load(s->nonce)), 3));
}

ARM_INLINE gcm_block clmul(poly64_t a, poly64_t b)
{
    return vreinterpretq_u8_p128(vmull_p64(a, b));
}

/* The halves of a and b that `which` names, as in PCLMULQDQ. */
ARM_INLINE gcm_block half_product(gcm_block a, gcm_block b, unsigned which)
{
    return clmul((which & 0x01) != 0 ? HIGH(a) : LOW(a), (which & 0x10) != 0 ? HIGH(b) : LOW(b));
}

/* The element that a product of three parts is, the middle one being 64 bits up; x^128 is x^7 + x^2
 * + x + 1. */
ARM_INLINE gcm_block gcm_reduce(gcm_block low, gcm_block middle, gcm_block high)
{
    gcm_block zero = gcm_zero();
    low = gcm_xor(low, vextq_u8(zero, middle, 8));
    high = gcm_xor(high, vextq_u8(middle, zero, 8));
    gcm_block folded = clmul(HIGH(high), 0x87);
    low = gcm_xor(low, vextq_u8(zero, folded, 8));
    high = gcm_xor(high, vextq_u8(folded, zero, 8));
    return gcm_xor(low, clmul(LOW(high), 0x87));
}

/* ---- one block ---- */

static TARGET gcm_block encrypt(const struct gcm_key *k, gcm_block block)
{
    unsigned last = k->u.own.rounds;
    for (unsigned i = 0; i + 1 < last; i++)
        block = vaesmcq_u8(vaeseq_u8(block, gcm_load(k->u.own.round_keys[i])));
    block = vaeseq_u8(block, gcm_load(k->u.own.round_keys[last - 1]));
    return gcm_xor(block, gcm_load(k->u.own.round_keys[last]));
}

/* The last round of AES on four equal columns is SubBytes. */
static TARGET gcm_block substitute(gcm_block key, bool rotate, uint32_t rcon)
{
    uint32x4_t word = WORDS(vaeseq_u8(BYTES(vdupq_laneq_u32(WORDS(key), 3)), gcm_zero()));
    if (rotate)
        word = vorrq_u32(vshrq_n_u32(word, 8), vshlq_n_u32(word, 24));
    return gcm_xor(BYTES(word), BYTES(vdupq_n_u32(rcon)));
}

static TARGET gcm_block multiply(gcm_block a, gcm_block power)
{
    return gcm_reduce(half_product(a, power, 0x00),
                      gcm_xor(half_product(a, power, 0x01), half_product(a, power, 0x10)),
                      half_product(a, power, 0x11));
}

#define power_form(h) (h)
#define SETUP(name) static void name
#include "core/tls/gcm_setup.h"

/* ---- groups ---- */

#define V gcm_block
#define COUNT 8
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

#define v_load gcm_load
#define v_store gcm_store
#define v_xor gcm_xor
#define v_xor3(a, b, c) gcm_xor(a, gcm_xor(b, c))
#define v_add(a, b) BYTES(vaddq_u32(WORDS(a), WORDS(b)))
#define v_begin(x, key) (x)
#define v_round(x, key) vaesmcq_u8(vaeseq_u8(x, key))
#define v_end(x, before, last) gcm_xor(vaeseq_u8(x, before), last)
#define ROUND_KEY(r) ((r)-1)
#define v_multiply half_product
#define v_turn gcm_turn
#define v_zero gcm_zero
#define v_spread(x) (x)
#define v_widen(x) (x)
#define v_fold(x) (x)
#define v_lanes() BYTES(vsetq_lane_u32(1, vdupq_n_u32(0), 3))
#define v_lane_numbers() gcm_zero()
#define v_swap_counter(x) BYTES(vcopyq_laneq_u32(WORDS(x), 3, WORDS(vrev32q_u8(x)), 3))
#include "core/tls/gcm_wide.h"

const struct gcm_kernel gcm_armv8 = {
    .name = "armv8",
    .here = has_aes,
    .init = init,
    .start = start,
    .seal = seal,
    .open = open,
    .finish = finish,
};
#else
const struct gcm_kernel gcm_armv8 = {.name = "armv8"};
#endif
