/* Published values of AES-GCM with nonces of 96 bits, from every kernel that this CPU has: those of
 * McGrew and Viega, "The Galois/Counter Mode of Operation" (2005), by their numbers there; some of
 * NIST's CAVP (gcmEncryptExtIV128.rsp, gcmEncryptExtIV256.rsp) and of Project Wycheproof
 * (aes_gcm_test.json). */
#include "core/base/encoding.h"
#include "core/tls/gcm_kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define LONGEST 64

static const struct vector {
    const char *name, *key, *nonce, *aad, *plain, *sealed, *tag;
} vectors[] = {
    {"McGrew-Viega 1", "00000000000000000000000000000000", "000000000000000000000000", "", "", "",
     "58e2fccefa7e3061367f1d57a4e7455a"},
    {"McGrew-Viega 2", "00000000000000000000000000000000", "000000000000000000000000", "",
     "00000000000000000000000000000000", "0388dace60b6a392f328c2b971b2fe78",
     "ab6e47d42cec13bdf53a67b21257bddf"},
    {"McGrew-Viega 3", "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {"McGrew-Viega 4", "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"McGrew-Viega 13", "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"McGrew-Viega 14", "0000000000000000000000000000000000000000000000000000000000000000",
     "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {"McGrew-Viega 15", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"McGrew-Viega 16", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {"CAVP gcmEncryptExtIV128, no text", "cf063a34d4a9a76c2c86787d3f96db71",
     "113b9785971864c83b01c787", "", "", "", "72ac8493e3a5228b5d130a69d2510e42"},
    {"CAVP gcmEncryptExtIV128, additional data", "77be63708971c4e240d1cb79e8d77feb",
     "e0e00f19fed7ba0136a797f3", "7a43ec1d9c0a5a78a0b16533a6213cab", "", "",
     "209fcc8d3675ed938e9c7166709dd946"},
    {"CAVP gcmEncryptExtIV128, text", "7fddb57453c241d03efbed3ac44e371c",
     "ee283a3fc75575e33efd4887", "", "d5de42b461646c255c87bd2962d3b9a2",
     "2ccda4a5415cb91e135c2a0f78c9b2fd", "b36d1df9b9d5e596f83e8b7f52971cb3"},
    {"CAVP gcmEncryptExtIV128, both", "c939cc13397c1d37de6ae0e1cb7c423c",
     "b3d8cc017cbb89b39e0f67e2", "24825602bd12a984e0092d3e448eda5f",
     "c3b3c41f113a31b73d9a5cd432103069", "93fe7d9e9bfd10348a5606e5cafa7354",
     "0032a1dc85f1c9786925a2e71d8272dd"},
    {"CAVP gcmEncryptExtIV256, no text",
     "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4", "516c33929df5a3284ff463d7",
     "", "", "", "bdc1ac884d332457a1d2664f168c76f0"},
    {"CAVP gcmEncryptExtIV256, additional data",
     "78dc4e0aaf52d935c3c01eea57428f00ca1fd475f5da86a49c8dd73d68c8e223", "d79cf22d504cc793c3fb6c8a",
     "b96baa8c1c75a671bfb2d08d06be5f36", "", "", "3e5d486aa2e30b22e040b85723a06e76"},
    {"CAVP gcmEncryptExtIV256, text",
     "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22", "0d18e06c7c725ac9e362e1ce",
     "", "2db5168e932556f8089a0622981d017d", "fa4362189661d163fcd6a56d8bf0405a",
     "d636ac1bbedd5cc3ee727dc2ab4a9489"},
    {"CAVP gcmEncryptExtIV256, both",
     "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b", "ac93a1a6145299bde902f21a",
     "1e0889016f67601c8ebea4943bc23ad6", "2d71bcfa914e4ac045b2aa60955fad24",
     "8995ae2e6df3dbf96fac7b7137bae67f", "eca5aa77d51d4a0a14d9c51e1da474ab"},
    {"Wycheproof aes_gcm 1", "5b9604fe14eadba931b0ccf34843dab9", "028318abc1824029138141a2", "",
     "001d0c231287c1182784554ca3a21908", "26073cc1d851beff176384dc9896d5ff",
     "0a3ea7a5487cb5f7d70fb6c58d038554"},
    {"Wycheproof aes_gcm 2", "5b9604fe14eadba931b0ccf34843dab9", "921d2507fa8007b7bd067d34",
     "00112233445566778899aabbccddeeff", "001d0c231287c1182784554ca3a21908",
     "49d8b9783e911913d87094d1f63cc765", "1e348ba07cca2cf04c618cb4d43a5b92"},
    {"Wycheproof aes_gcm, 10 bytes",
     "92ace3e348cd821092cd921aa3546374299ab46209691bc28b8752d17f123c20", "00112233445566778899aabb",
     "00000000ffffffff", "00010203040506070809", "e27abdd2d2a53d2f136b",
     "9a4a2579529301bcfb71c78d4060f52c"},
    {"Wycheproof aes_gcm, no text",
     "29d3a44f8723dc640239100c365423a312934ac80239212ac3df3421a2098123", "00112233445566778899aabb",
     "aabbccddeeff", "", "", "2a7d77fa526b8250cb296078926b5020"},
};

static size_t bytes_of(const char *hex, uint8_t *p)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        p[i] = (uint8_t)byte;
    }
    return n;
}

static void check(const struct gcm_kernel *kernel, const struct vector *v)
{
    uint8_t key[GCM_KEY_MAX], nonce[GCM_NONCE], aad[LONGEST], plain[LONGEST], sealed[LONGEST];
    uint8_t wanted_tag[GCM_TAG], tag[GCM_TAG], result[LONGEST];
    struct gcm_key k;
    size_t n = bytes_of(v->plain, plain), n_aad = bytes_of(v->aad, aad);
    assert_int_equal(bytes_of(v->sealed, sealed), n);
    assert_int_equal(bytes_of(v->nonce, nonce), GCM_NONCE);
    assert_int_equal(bytes_of(v->tag, wanted_tag), GCM_TAG);
    gcm_key_init_for(kernel, &k, key, bytes_of(v->key, key));
    gcm_seal(&k, nonce, aad, n_aad, &(struct gcm_span){.p = plain, .n = n}, 1, result, tag);
    if (memcmp(result, sealed, n) != 0 || memcmp(tag, wanted_tag, GCM_TAG) != 0)
        fail_msg("%s does not seal %s as published", kernel->name, v->name);
    memset(result, 0xa5, sizeof result);
    if (!gcm_open(&k, nonce, aad, n_aad, sealed, n, result, wanted_tag) ||
        memcmp(result, plain, n) != 0)
        fail_msg("%s does not open %s", kernel->name, v->name);
}

static void published_values(void **state)
{
    (void)state;
    for (size_t i = 0; gcm_kernels[i] != NULL; i++) {
        if (!gcm_here(gcm_kernels[i])) {
            print_message("%s is skipped: this CPU does not have it\n", gcm_kernels[i]->name);
            continue;
        }
        for (size_t v = 0; v < COUNT(vectors); v++)
            check(gcm_kernels[i], &vectors[v]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(published_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
