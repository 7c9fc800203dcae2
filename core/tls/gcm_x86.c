#include "core/tls/gcm_x86.h"

#ifdef __x86_64__
#include <cpuid.h>
#include <string.h>

#define TARGET __attribute__((target(GCM_X86_TARGET)))

/* ---- what the CPU has ---- */

/* Intel's manual, volume 1, "Detection of AVX Instructions": a set of instructions counts only when
 * the system saves its registers. */
#define CPU_BASE (bit_AES | bit_PCLMUL | bit_SSSE3 | bit_SSE4_1)
#define CPU_VECTORS (bit_VAES | bit_VPCLMULQDQ)
#define CPU_AVX512 (bit_AVX512F | bit_AVX512BW | bit_AVX512VL)
#define SAVED_AVX 0x06
#define SAVED_AVX512 0xe6

struct cpu {
    unsigned leaf1_ecx, leaf7_ebx, leaf7_ecx;
    unsigned long long saved;
};

static __attribute__((target("xsave"))) unsigned long long saved_registers(void)
{
    return (unsigned long long)_xgetbv(0);
}

static struct cpu read_cpu(void)
{
    struct cpu c = {0};
    unsigned eax, ebx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &c.leaf1_ecx, &edx))
        return c;
    if (!__get_cpuid_count(7, 0, &eax, &c.leaf7_ebx, &c.leaf7_ecx, &edx))
        c.leaf7_ebx = c.leaf7_ecx = 0;
    if ((c.leaf1_ecx & bit_OSXSAVE) != 0)
        c.saved = saved_registers();
    return c;
}

static bool all(unsigned long long have, unsigned long long bits)
{
    return (have & bits) == bits;
}

bool gcm_x86_has_aesni(void)
{
    return all(read_cpu().leaf1_ecx, CPU_BASE);
}

bool gcm_x86_has_vaes256(void)
{
    struct cpu c = read_cpu();
    return all(c.leaf1_ecx, CPU_BASE | bit_AVX) && all(c.leaf7_ebx, bit_AVX2) &&
           all(c.leaf7_ecx, CPU_VECTORS) && all(c.saved, SAVED_AVX);
}

bool gcm_x86_has_vaes512(void)
{
    struct cpu c = read_cpu();
    return gcm_x86_has_vaes256() && all(c.leaf7_ebx, CPU_AVX512) && all(c.saved, SAVED_AVX512);
}

/* ---- AES ---- */

/* SubWord and RotWord of FIPS 197 section 5.2, in all four words: the last round of AES on four
 * equal columns is SubBytes. */
static TARGET __m128i substitute(__m128i key, bool rotate, int rcon)
{
    __m128i last = _mm_shuffle_epi32(key, 0xff);
    if (rotate)
        last = _mm_or_si128(_mm_srli_epi32(last, 8), _mm_slli_epi32(last, 24));
    return _mm_aesenclast_si128(last, _mm_set1_epi32(rcon));
}

static TARGET __m128i next_key(__m128i key, __m128i word)
{
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, word);
}

static TARGET void expand(struct gcm_key *k, const uint8_t *key, size_t size)
{
    uint8_t(*to)[16] = k->u.own.round_keys;
    bool is_long = size == 32;
    int rcon = 1;
    k->u.own.rounds = is_long ? 14 : 10;
    memcpy(to, key, is_long ? 32 : 16);
    for (size_t i = is_long ? 2 : 1; i <= k->u.own.rounds; i++) {
        bool rotate = !is_long || i % 2 == 0;
        __m128i word = substitute(gcm_load(to[i - 1]), rotate, rotate ? rcon : 0);
        gcm_store(to[i], next_key(gcm_load(to[i - (is_long ? 2 : 1)]), word));
        if (rotate)
            rcon = rcon == 0x80 ? 0x1b : rcon << 1;
    }
}

static TARGET __m128i encrypt(const struct gcm_key *k, __m128i block)
{
    block = _mm_xor_si128(block, gcm_load(k->u.own.round_keys[0]));
    for (size_t i = 1; i < k->u.own.rounds; i++)
        block = _mm_aesenc_si128(block, gcm_load(k->u.own.round_keys[i]));
    return _mm_aesenclast_si128(block, gcm_load(k->u.own.round_keys[k->u.own.rounds]));
}

/* ---- GHASH ---- */

static TARGET __m128i multiply(__m128i a, __m128i b)
{
    __m128i middle =
        _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
    return gcm_reduce(_mm_clmulepi64_si128(a, b, 0x00), middle, _mm_clmulepi64_si128(a, b, 0x11));
}

static TARGET __m128i times_x(__m128i a)
{
    __m128i carries = _mm_slli_si128(_mm_srli_epi32(a, 31), 4);
    __m128i over = _mm_srai_epi32(_mm_shuffle_epi32(a, 0xff), 31);
    a = _mm_or_si128(_mm_slli_epi32(a, 1), carries);
    return _mm_xor_si128(a, _mm_and_si128(over, gcm_polynomial()));
}

static TARGET __m128i h_of(const struct gcm_key *k)
{
    return gcm_load(k->u.own.powers + (GCM_POWERS - 1) * 16);
}

TARGET void gcm_x86_init(struct gcm_key *k, const uint8_t *key, size_t size)
{
    expand(k, key, size);
    memset(k->u.own.powers, 0, sizeof k->u.own.powers);
    __m128i h = times_x(gcm_reverse(encrypt(k, _mm_setzero_si128()))), power = h;
    for (size_t i = GCM_POWERS; i-- > 0; power = multiply(power, h))
        gcm_store(k->u.own.powers + i * 16, power);
}

TARGET void gcm_x86_start(const struct gcm_key *k, struct gcm_state *s, const uint8_t *aad,
                          size_t n)
{
    __m128i hash = _mm_setzero_si128(), h = h_of(k);
    for (size_t at = 0; at < n; at += 16) {
        uint8_t block[16] = {0};
        memcpy(block, aad + at, n - at < 16 ? n - at : 16);
        hash = multiply(_mm_xor_si128(hash, gcm_reverse(gcm_load(block))), h);
    }
    gcm_store(s->hash, hash);
    gcm_store(s->tag_mask, encrypt(k, _mm_insert_epi32(gcm_load(s->nonce), 1 << 24, 3)));
    s->counter = 2;
}

TARGET void gcm_x86_finish(const struct gcm_key *k, struct gcm_state *s, const uint8_t lengths[16],
                           uint8_t tag[GCM_TAG])
{
    __m128i hash = _mm_xor_si128(gcm_load(s->hash), gcm_reverse(gcm_load(lengths)));
    hash = gcm_reverse(multiply(hash, h_of(k)));
    gcm_store(tag, _mm_xor_si128(hash, gcm_load(s->tag_mask)));
}

#else
typedef int not_for_this_architecture;
#endif
