/* core/base: encoding, hash, random and secret. */
#include "core/base/encoding.h"
#include "core/base/hash.h"
#include "core/base/random.h"
#include "core/base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void constant_time_compare_is_right(void **state)
{
    (void)state;
    assert_true(secret_equal(span_of("token"), span_of("token")));
    assert_false(secret_equal(span_of("token"), span_of("tokeN")));
    assert_false(secret_equal(span_of("Token"), span_of("token")));
    assert_false(secret_equal(span_of("token"), span_of("toke")));
    assert_false(secret_equal(span_of("toke"), span_of("token")));
    assert_false(secret_equal((struct span){"a\0", 2}, span_of("a")));
    assert_false(secret_equal(span_of("a"), (struct span){NULL, 0}));
    assert_true(secret_equal((struct span){NULL, 0}, span_of("")));
}

static void percent(void **state)
{
    char out[64], text[] = "a%20b%2Fc%zz%";
    (void)state;
    assert_true(percent_decode(text));
    assert_string_equal(text, "a b/c%zz%");
    char bad[] = "a%0ab";
    assert_false(percent_decode(bad));
    percent_encode(span_of("site=7 a~\xc3\xa4"), out);
    assert_string_equal(out, "site%3d7%20a~%c3%a4");
    assert_true(percent_decode(out));
    assert_string_equal(out, "site=7 a~\xc3\xa4");
}

static void base64_rfc4648_vectors(void **state)
{
    static const char *const vectors[][3] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+", "-__-"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t n = strlen(vectors[i][0]);
        char text[BASE64_SIZE(6)];
        uint8_t bytes[6];
        assert_int_equal(base64_encode(vectors[i][0], n, text, false), strlen(vectors[i][1]));
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(base64_encode(vectors[i][0], n, text, true), strlen(vectors[i][2]));
        assert_string_equal(text, vectors[i][2]);
        assert_int_equal(base64_decode(span_of(vectors[i][1]), bytes), n);
        assert_memory_equal(bytes, vectors[i][0], n);
    }
}

static void base64_is_strict(void **state)
{
    static const char *const bad[] = {
        "Z",        "Zg",   "Zg=",  "Zm9vY",  "Z===",     "====",    "=Zg=",         "Zg==Zg==",
        "Zm9v====", "Zg=a", "Z=g=", "Zm9v\n", "Zm9\n",    " Zm9",    "Zm-_",         "Zm9!",
        "Zm9\xc3",  "Zh==", "Zm9=", "Zv==",   "Zm8=Zm9v", "Zm9vZg=", "Zg==\n\n\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t n = strlen(bad[i]);
        uint8_t *bytes = malloc(n / 4 * 3 + 1);
        assert_non_null(bytes);
        assert_int_equal(base64_decode((struct span){bad[i], n}, bytes), -1);
        free(bytes);
    }
    uint8_t bytes[3];
    assert_int_equal(base64_decode((struct span){"Zm9\0", 4}, bytes), -1);
}

static void base64_and_hex_round_trip(void **state)
{
    (void)state;
    for (size_t n = 0; n < 70; n++) {
        uint8_t *from = malloc(n + 1), *to = malloc((n + 2) / 3 * 3 + 1);
        char *text = malloc(BASE64_SIZE(n)), *hex = malloc(2 * n + 1);
        assert_true(from != NULL && to != NULL && text != NULL && hex != NULL);
        random_bytes(from, n);
        size_t size = base64_encode(from, n, text, false);
        assert_int_equal(size, BASE64_SIZE(n) - 1);
        assert_int_equal(base64_decode((struct span){text, size}, to), n);
        assert_memory_equal(to, from, n);
        hex_encode(from, n, hex);
        assert_int_equal(strlen(hex), 2 * n);
        assert_true(hex_decode(span_of(hex), to, n));
        assert_memory_equal(to, from, n);
        free(from);
        free(to);
        free(text);
        free(hex);
    }
}

static void hex_is_strict(void **state)
{
    uint8_t out[2];
    char text[5];
    (void)state;
    hex_encode("\x09\xaf", 2, text);
    assert_string_equal(text, "09af");
    assert_true(hex_decode(span_of("09aF"), out, 2));
    assert_memory_equal(out, "\x09\xaf", 2);
    assert_true(hex_decode(span_of(""), out, 0));
    assert_false(hex_decode(span_of("09a"), out, 2));
    assert_false(hex_decode(span_of("09aff"), out, 2));
    assert_false(hex_decode(span_of("09ag"), out, 2));
    assert_false(hex_decode(span_of("09/:"), out, 2));
    assert_false(hex_decode(span_of("@`+ "), out, 2));
}

static void random_bytes_differ(void **state)
{
    uint8_t a[64], b[64];
    (void)state;
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    random_bytes(NULL, 0);
}

static void uuids_are_of_version_4(void **state)
{
    char id[UUID_SIZE], other[UUID_SIZE];
    (void)state;
    for (int i = 0; i < 100; i++) {
        random_uuid(id);
        random_uuid(other);
        assert_string_not_equal(id, other);
        assert_int_equal(strlen(id), 36);
        assert_int_equal(id[14], '4');
        assert_non_null(strchr("89ab", id[19]));
        for (size_t k = 0; k < 36; k++)
            assert_true(k == 8 || k == 13 || k == 18 || k == 23
                            ? id[k] == '-'
                            : strchr("0123456789abcdef", id[k]) != NULL);
    }
}

/* RFC 1321 A.5, RFC 3174 7.3 (TEST1), FIPS 180-2 B.1 and B.2, in every split. */
static void hashes_of_the_standards(void **state)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const struct {
        enum hash_kind kind;
        const char *text, *hash;
    } vectors[] = {
        {HASH_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
        {HASH_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
        {HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {HASH_SHA256, two_blocks,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t n = strlen(vectors[i].text);
        for (size_t cut = 0; cut <= n; cut++) {
            struct hash h;
            uint8_t out[HASH_SIZE_MAX];
            char hex[2 * HASH_SIZE_MAX + 1];
            hash_begin(&h, vectors[i].kind);
            hash_add(&h, vectors[i].text, cut);
            hash_add(&h, NULL, 0);
            hash_add(&h, vectors[i].text + cut, n - cut);
            hex_encode(out, hash_end(&h, out), hex);
            assert_string_equal(hex, vectors[i].hash);
        }
    }
}

/* RFC 4231, test cases 2 and 6: a key longer than a block is hashed first. */
static void hmacs_of_the_standard(void **state)
{
    uint8_t long_key[131], out[HASH_SHA256_SIZE];
    char hex[2 * sizeof out + 1];
    struct hmac h;
    (void)state;
    hmac_begin(&h, "Jefe", 4);
    hmac_add(&h, "what do ya want ", 16);
    hmac_add(&h, "for nothing?", 12);
    hmac_end(&h, out);
    hex_encode(out, sizeof out, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(long_key, 0xaa, sizeof long_key);
    hmac_begin(&h, long_key, sizeof long_key);
    hmac_add(&h, "Test Using Larger Than Block-Size Key - Hash Key First", 54);
    hmac_end(&h, out);
    hex_encode(out, sizeof out, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void no_secret_is_freed_too(void **state)
{
    (void)state;
    secret_free(NULL);
    secret_free(strdup("token"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_time_compare_is_right),
        cmocka_unit_test(base64_rfc4648_vectors),
        cmocka_unit_test(percent),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(base64_and_hex_round_trip),
        cmocka_unit_test(hex_is_strict),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(uuids_are_of_version_4),
        cmocka_unit_test(hashes_of_the_standards),
        cmocka_unit_test(hmacs_of_the_standard),
        cmocka_unit_test(no_secret_is_freed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
