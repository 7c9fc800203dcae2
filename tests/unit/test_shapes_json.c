/* What the API accepts as JSON at all. */
#include "core/base/json_write.h"
#include "core/base/unicode.h"
#include "gateway/hub/api/json.h"
#include "gateway/hub/api/shapes.h"

#include <cjson/cJSON.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- JSON ---- */

/* A copy of exactly that size, so that a read past its end is found. */
static cJSON *parse(struct span body, enum err *why, const char **text)
{
    char *copy = malloc(body.n > 0 ? body.n : 1);
    assert_non_null(copy);
    if (body.n > 0)
        memcpy(copy, body.p, body.n);
    cJSON *j = json_object((struct span){copy, body.n}, why, text);
    free(copy);
    return j;
}

static void is_json(const char *body)
{
    enum err why;
    const char *text;
    cJSON *j = parse(span_of(body), &why, &text);
    if (j == NULL)
        fail_msg("%s: %s", body, text);
    assert_int_equal(why, ERR_OK);
    cJSON_Delete(j);
}

static void is_not(struct span body, const char *words)
{
    enum err why;
    const char *text;
    cJSON *j = parse(body, &why, &text);
    if (j != NULL)
        fail_msg("%.*s was taken", (int)body.n, body.p);
    assert_int_equal(why, ERR_PROTOCOL);
    if (strstr(text, words) == NULL)
        fail_msg("%.*s: \"%s\" lacks \"%s\"", (int)body.n, body.p, text, words);
}

static void test_json(void **state)
{
    (void)state;
    is_json("{}");
    is_json(" \t\r\n{ } \n");
    is_json("{\"a\":[1,-0,0.5,1e9,1E+2,2.5e-3,true,false,null,\"\",{}],\"b\":{\"a\":[]}}");
    is_json("{\"\\u00e9\\ud83d\\ude00\":\"\xc3\xa9\xf0\x9f\x98\x80\\\"\\\\\\/\\b\\f\\n\\r\\t\"}");
    is_json("{\"a\":1,\"A\":2,\"\":3}");
}

static void test_not_json(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"", "no body"},
        {"  \n", "no body"},
        {"[]", "object"},
        {"null", "object"},
        {"\"a\"", "object"},
        {"\xef\xbb\xbf{}", "object"},
        {"{} {}", "after"},
        {"{}x", "after"},
        {"{", "not valid JSON"},
        {"{\"a\"", "not valid JSON"},
        {"{\"a\":", "not valid JSON"},
        {"{\"a\":1", "not valid JSON"},
        {"{\"a\":1,", "not valid JSON"},
        {"{\"a\":1,}", "not valid JSON"},
        {"{,}", "not valid JSON"},
        {"{a:1}", "not valid JSON"},
        {"{'a':1}", "not valid JSON"},
        {"{\"a\" 1}", "not valid JSON"},
        {"{\"a\":[1,]}", "not valid JSON"},
        {"{\"a\":[1}", "not valid JSON"},
        {"{\"a\":tru}", "not valid JSON"},
        {"{\"a\":TRUE}", "not valid JSON"},
        {"{\"a\":NaN}", "not valid JSON"},
        {"{\"a\":-}", "not valid JSON"},
        {"{\"a\":+1}", "not valid JSON"},
        {"{\"a\":.5}", "not valid JSON"},
        {"{\"a\":01}", "number"},
        {"{\"a\":1.}", "number"},
        {"{\"a\":1e}", "number"},
        {"{\"a\":1e+}", "number"},
        {"{\"a\":0x1}", "not valid JSON"},
        {"{\"a\":1 /* b */}", "not valid JSON"},
        {"{\"a\":\"b}", "ends inside"},
        {"{\"a\":\"b\n\"}", "control character"},
        {"{\"a\":\"\\x\"}", "escape"},
        {"{\"a\":\"\\u12g4\"}", "escape"},
        {"{\"a\":\"\\u0000\"}", "\\u0000"},
        {"{\"a\\u0000\":1}", "\\u0000"},
        {"{\"a\":\"\\ud800\"}", "surrogate"},
        {"{\"a\":\"\\ud800x\"}", "surrogate"},
        {"{\"a\":\"\\ud800\\n\"}", "surrogate"},
        {"{\"a\":\"\\ud800\\ud800\"}", "surrogate"},
        {"{\"a\":\"\\udc00\\ud800\"}", "surrogate"},
        {"{\"a\":\"\\udc00\\udc00\"}", "surrogate"},
        {"{\"a\":\"\xff\"}", "UTF-8"},
        {"{\"a\":\"\xc0\x80\"}", "UTF-8"},         /* overlong NUL */
        {"{\"a\":\"\xe0\x80\xaf\"}", "UTF-8"},     /* overlong slash */
        {"{\"a\":\"\xed\xa0\x80\"}", "UTF-8"},     /* a surrogate */
        {"{\"a\":\"\xf4\x90\x80\x80\"}", "UTF-8"}, /* above U+10FFFF */
        {"{\"a\":\"\xc3\"}", "UTF-8"},
        {"{\"a\":1,\"a\":1}", "twice"},
        {"{\"a\":1,\"\\u0061\":2}", "twice"},
        {"{\"x\":[{\"y\":{\"b\":1,\"c\":2,\"b\":3}}]}", "twice"},
        {"{\"\":1,\"\":2}", "twice"},
        {"{\"a\":[1e999]}", "too large"},
        {"{\"a\":-1e999}", "too large"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_not(span_of(cases[i].body), cases[i].words);
    is_not((struct span){"{\"a\":\"\0\"}", 9}, "control character");
    is_not((struct span){"{}\0", 3}, "after");
    is_not((struct span){"\0", 1}, "object");
}

static void test_every_prefix(void **state)
{
    static const char body[] =
        "{\"tags\":[{\"key\":\"\\u00e9\\ud83d\\ude00\",\"value\":\"\xc3\xa9\"}],"
        "\"n\":-12.5e+3,\"t\":true,\"f\":false,\"z\":null}";
    (void)state;
    is_json(body);
    for (size_t n = 0; n < sizeof body - 1; n++)
        is_not((struct span){body, n}, "The request");
}

/* {"a":[[…]]} with that many objects and arrays. */
static void nest(char *out, size_t depth)
{
    out += sprintf(out, "{\"a\":");
    for (size_t i = 1; i < depth; i++)
        out += sprintf(out, "[");
    for (size_t i = 1; i < depth; i++)
        out += sprintf(out, "]");
    sprintf(out, "%s}", depth == 1 ? "0" : "");
}

static void test_nesting(void **state)
{
    char *body = calloc(1, 140000);
    (void)state;
    assert_non_null(body);
    nest(body, 1);
    is_json(body);
    nest(body, JSON_DEPTH);
    is_json(body);
    nest(body, JSON_DEPTH + 1);
    is_not(span_of(body), "nested too deeply");
    nest(body, 60000);
    is_not(span_of(body), "nested too deeply");
    free(body);
}

static void test_many_names(void **state)
{
    struct buf b = {.limit = 1 << 17};
    (void)state;
    assert_true(buf_printf(&b, "{\"n0\":0"));
    for (int i = 1; i < 6000; i++)
        assert_true(buf_printf(&b, ",\"n%d\":0", i));
    assert_true(buf_append(&b, "}", 2));
    is_json((const char *)b.data);
    b.size -= 2;
    assert_true(buf_append(&b, ",\"n77\":1}", 10));
    is_not(span_of((const char *)b.data), "twice");
    buf_free(&b);
}

static void test_long_numbers(void **state)
{
    char digits[JSON_NUMBER_MAX + 2], body[128];
    (void)state;
    memset(digits, '7', sizeof digits);
    snprintf(body, sizeof body, "{\"a\":%.*s}", JSON_NUMBER_MAX, digits);
    is_json(body);
    snprintf(body, sizeof body, "{\"a\":%.*s}", JSON_NUMBER_MAX + 1, digits);
    is_not(span_of(body), "too long");
}

/* ---- characters ---- */

static void test_classes(void **state)
{
    static const struct {
        uint32_t c;
        enum unicode_class class;
    } cases[] = {
        {0, UNICODE_CONTROL},      {'\n', UNICODE_CONTROL},   {' ', UNICODE_TEXT},
        {'!', UNICODE_OTHER},      {'0', UNICODE_TEXT},       {'A', UNICODE_TEXT},
        {'_', UNICODE_OTHER},      {0x7f, UNICODE_CONTROL},   {0x85, UNICODE_CONTROL},
        {0xa0, UNICODE_TEXT},      {0xad, UNICODE_CONTROL},   {0xdf, UNICODE_TEXT},
        {0x301, UNICODE_OTHER},    {0x4e2d, UNICODE_TEXT},    {0x200b, UNICODE_CONTROL},
        {0x200d, UNICODE_CONTROL}, {0x2028, UNICODE_TEXT},    {0x202e, UNICODE_CONTROL},
        {0x20ac, UNICODE_OTHER},   {0xd800, UNICODE_CONTROL}, {0xe000, UNICODE_CONTROL},
        {0xfeff, UNICODE_CONTROL}, {0xffff, UNICODE_CONTROL}, {0x1f600, UNICODE_OTHER},
        {0x20000, UNICODE_TEXT},   {0x378, UNICODE_CONTROL},  {0x10ffff, UNICODE_CONTROL},
        {0xe0100, UNICODE_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (unicode_class_of(cases[i].c) != cases[i].class)
            fail_msg("U+%04X", cases[i].c);
    size_t n[3] = {0}, runs = 0; /* as Unicode 14.0 has them */
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        n[unicode_class_of(c)]++;
        runs += c == 0 || unicode_class_of(c) != unicode_class_of(c - 1);
    }
    assert_int_equal(n[UNICODE_OTHER], 10968);
    assert_int_equal(n[UNICODE_TEXT], 133566);
    assert_int_equal(n[UNICODE_CONTROL], 969578);
    assert_int_equal(runs, 1973);
}

static void test_utf8(void **state)
{
    (void)state;
    size_t counted = 0;
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 61) {
        char s[4];
        uint32_t out = 0xffffffff;
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned first[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t i = 0; i < n; i++) {
            unsigned bits = c >> 6 * (n - 1 - i);
            s[i] = (char)(i == 0 ? first[n] | bits : 0x80 | (bits & 0x3f));
        }
        char written[4];
        assert_int_equal(utf8_encode(c, written), n);
        assert_memory_equal(written, s, n);
        bool surrogate = c >= 0xd800 && c < 0xe000;
        assert_int_equal(utf8_decode((struct span){s, n}, &out), surrogate ? 0 : n);
        assert_true(surrogate || out == c);
        for (size_t less = 0; less < n; less++)
            assert_int_equal(utf8_decode((struct span){s, less}, &out), 0);
        counted++;
    }
    assert_true(counted > 12000);
    assert_int_equal(utf8_count(span_of("Gr\xc3\xb6\xc3\x9f\x65 \xf0\x9f\x98\x80")), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),         cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_every_prefix), cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_many_names),   cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_classes),      cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
