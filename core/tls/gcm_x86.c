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
static TARGET gcm_block substitute(gcm_block key, bool rotate, uint32_t rcon)
{
    __m128i last = _mm_shuffle_epi32(key, 0xff);
    if (rotate)
        last = _mm_or_si128(_mm_srli_epi32(last, 8), _mm_slli_epi32(last, 24));
    return _mm_aesenclast_si128(last, _mm_set1_epi32((int)rcon));
}

static TARGET gcm_block encrypt(const struct gcm_key *k, gcm_block block)
{
    block = _mm_xor_si128(block, gcm_load(k->u.own.round_keys[0]));
    for (size_t i = 1; i < k->u.own.rounds; i++)
        block = _mm_aesenc_si128(block, gcm_load(k->u.own.round_keys[i]));
    return _mm_aesenclast_si128(block, gcm_load(k->u.own.round_keys[k->u.own.rounds]));
}

/* ---- GHASH ---- */

static TARGET gcm_block multiply(gcm_block a, gcm_block power)
{
    __m128i middle =
        _mm_xor_si128(_mm_clmulepi64_si128(a, power, 0x01), _mm_clmulepi64_si128(a, power, 0x10));
    return gcm_reduce(_mm_clmulepi64_si128(a, power, 0x00), middle,
                      _mm_clmulepi64_si128(a, power, 0x11));
}

/* What a power of H is kept as. */
static TARGET gcm_block power_form(gcm_block a)
{
    __m128i carries = _mm_slli_si128(_mm_srli_epi32(a, 31), 4);
    __m128i over = _mm_srai_epi32(_mm_shuffle_epi32(a, 0xff), 31);
    a = _mm_or_si128(_mm_slli_epi32(a, 1), carries);
    return _mm_xor_si128(a, _mm_and_si128(over, gcm_polynomial()));
}

/* ---- what does one block at a time ---- */

#define SETUP(name) void gcm_x86_##name
#include "core/tls/gcm_setup.h"

#else
typedef int not_for_this_architecture;
#endif
