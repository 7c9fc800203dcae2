/* core/base/p256: the vectors of RFC 6979, and what is no key. */
#include "core/base/encoding.h"
#include "core/base/hash.h"
#include "core/base/p256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* RFC 6979 section A.2.5, with SHA-256. */
#define X "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define U                                                                                          \
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"                           \
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define SAMPLE                                                                                     \
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"                             \
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define TEST                                                                                       \
    "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"                             \
    "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"

struct key {
    uint8_t secret[P256_SECRET_SIZE], point[P256_POINT_SIZE];
};

static struct key rfc_key(void)
{
    struct key k;
    assert_true(hex_decode(span_of(X), k.secret, sizeof k.secret));
    assert_true(p256_public(k.secret, k.point));
    return k;
}

static void hash_of(const char *text, uint8_t out[HASH_SIZE_MAX])
{
    struct hash h;
    hash_begin(&h, HASH_SHA256);
    hash_add(&h, text, strlen(text));
    hash_end(&h, out);
}

static void public_key_of_the_standard(void **state)
{
    char hex[2 * P256_POINT_SIZE + 1];
    struct key k = rfc_key();
    (void)state;
    hex_encode(k.point, sizeof k.point, hex);
    assert_string_equal(hex, U);
}

static void signatures_of_the_standard(void **state)
{
    static const struct {
        const char *text, *signature;
    } rows[] = {{"sample", SAMPLE}, {"test", TEST}};
    struct key k = rfc_key();
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t hash[HASH_SIZE_MAX], signature[P256_SIGNATURE_SIZE];
        char hex[2 * sizeof signature + 1];
        hash_of(rows[i].text, hash);
        assert_true(p256_sign(k.secret, hash, signature));
        hex_encode(signature, sizeof signature, hex);
        assert_string_equal(hex, rows[i].signature);
        assert_true(p256_check(k.point, hash, signature));
    }
}

static void every_changed_bit_is_seen(void **state)
{
    uint8_t hash[HASH_SIZE_MAX], signature[P256_SIGNATURE_SIZE];
    struct key k = rfc_key();
    (void)state;
    hash_of("sample", hash);
    assert_true(p256_sign(k.secret, hash, signature));
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= (uint8_t)(1 << i % 8);
        assert_false(p256_check(k.point, hash, signature));
        signature[i] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < sizeof k.point; i++) { /* the point is off the curve then */
        k.point[i] ^= (uint8_t)(1 << i % 8);
        assert_false(p256_check(k.point, hash, signature));
        k.point[i] ^= (uint8_t)(1 << i % 8);
    }
    hash[0] ^= 1;
    assert_false(p256_check(k.point, hash, signature));
}

static void numbers_out_of_range_are_no_secrets(void **state)
{
    static const char *const none[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", /* the order */
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    };
    static const char last[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
    uint8_t secret[P256_SECRET_SIZE], point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE];
    uint8_t hash[32] = {1};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_true(hex_decode(span_of(none[i]), secret, sizeof secret));
        assert_false(p256_public(secret, point));
        assert_false(p256_sign(secret, hash, signature));
    }
    assert_true(hex_decode(span_of(last), secret, sizeof secret));
    assert_true(p256_public(secret, point));
}

static void signatures_of_zeros_are_wrong(void **state)
{
    uint8_t hash[32] = {0}, signature[P256_SIGNATURE_SIZE] = {0};
    struct key k = rfc_key();
    (void)state;
    assert_false(p256_check(k.point, hash, signature));
    memset(signature, 0xff, sizeof signature);
    assert_false(p256_check(k.point, hash, signature));
}

static void keys_are_made_new(void **state)
{
    uint8_t a[P256_SECRET_SIZE], b[P256_SECRET_SIZE], point[P256_POINT_SIZE];
    (void)state;
    p256_make(a);
    p256_make(b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(p256_public(a, point));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_key_of_the_standard),
        cmocka_unit_test(signatures_of_the_standard),
        cmocka_unit_test(every_changed_bit_is_seen),
        cmocka_unit_test(numbers_out_of_range_are_no_secrets),
        cmocka_unit_test(signatures_of_zeros_are_wrong),
        cmocka_unit_test(keys_are_made_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
