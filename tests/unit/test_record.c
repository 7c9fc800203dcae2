/* What is known of a tunnel, as plain data. */
#include "gateway/hub/registry/record.h"

#include "core/base/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_hash(void **state)
{
    (void)state;
    uint8_t hash[TOKEN_HASH];
    char hex[2 * TOKEN_HASH + 1];
    token_hash(span_of("abc"), hash); /* FIPS 180-4's example */
    hex_encode(hash, sizeof hash, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    token_hash((struct span){NULL, 0}, hash);
    hex_encode(hash, sizeof hash, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_texts(void **state)
{
    (void)state;
    struct texts t = {0}, copy = {0};
    char text[16];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "SSH%d", i);
        assert_true(texts_add(&t, span_of(text)));
    }
    assert_true(texts_copy(&copy, &t));
    texts_free(&t);
    assert_int_equal(t.n, 0);
    assert_null(t.items);
    assert_int_equal(copy.n, 100);
    assert_string_equal(copy.items[99], "SSH99");
    assert_true(texts_have(&copy, (struct span){"SSH42xyz", 5}));
    assert_false(texts_have(&copy, span_of("SSH")));
    assert_false(texts_have(&copy, span_of("SSH100")));
    assert_false(texts_have(&t, span_of("SSH1")));
    texts_free(&copy);
}

static void test_tags(void **state)
{
    (void)state;
    struct tags t = {0}, copy = {0};
    assert_true(tags_set(&t, span_of("site"), span_of("north")));
    assert_true(tags_set(&t, span_of("line"), span_of("")));
    assert_true(tags_set(&t, span_of("site"), span_of("south")));
    assert_int_equal(t.n, 2);
    assert_string_equal(t.items[0].key, "site");
    assert_string_equal(t.items[0].value, "south");
    assert_string_equal(t.items[1].value, "");
    assert_true(tags_copy(&copy, &t));
    assert_true(tags_remove(&t, span_of("site")));
    assert_false(tags_remove(&t, span_of("site")));
    assert_false(tags_remove(&t, span_of("lin")));
    assert_int_equal(t.n, 1);
    assert_string_equal(t.items[0].key, "line");
    tags_free(&t);
    assert_int_equal(t.n, 0);
    assert_string_equal(copy.items[0].value, "south");
    tags_free(&copy);
}

/* Adding and removing in all orders, against an array that is too simple to be wrong. */
static void test_tags_random(void **state)
{
    (void)state;
    struct tags t = {0};
    bool there[40] = {0};
    uint32_t random = 7;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        size_t which = (random >> 20) % 40, n = 0;
        char key[8];
        snprintf(key, sizeof key, "k%zu", which);
        if ((random >> 12) % 2 == 0)
            assert_true(tags_set(&t, span_of(key), span_of(key)));
        else
            assert_int_equal(tags_remove(&t, span_of(key)), there[which]);
        there[which] = (random >> 12) % 2 == 0;
        for (size_t k = 0; k < 40; k++)
            n += there[k];
        assert_int_equal(t.n, n);
    }
    tags_free(&t);
}

static void test_record_free(void **state)
{
    (void)state;
    struct tunnel_record r = {.id = strdup("t"), .thing = strdup("plant7"), .number = 7};
    assert_true(texts_add(&r.services, span_of("SSH1")));
    assert_true(tags_set(&r.tags, span_of("a"), span_of("b")));
    tunnel_record_free(&r);
    assert_null(r.id);
    assert_int_equal(r.number, 0);
    assert_int_equal(r.services.n, 0);
    tunnel_record_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_tags),        cmocka_unit_test(test_tags_random),
        cmocka_unit_test(test_record_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
