/* The gate for texts from outside. */
#include "core/base/err.h"
#include "core/base/service_id.h"
#include "core/base/text.h"
#include "core/base/unicode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* What goes in, as UTF-8 and as ASCII comes out, as JSON. */
static const struct {
    const char *in, *utf8, *ascii, *json;
} cases[] = {
    {"", "", "", ""},
    {"SSH1 ~", "SSH1 ~", "SSH1 ~", "SSH1 ~"},
    {"\x1b[2J\r\x7f", "\\x1b[2J\\x0d\\x7f", "\\x1b[2J\\x0d\\x7f", "\\u001b[2J\\u000d\\u007f"},
    {"a\n\tb", "a\\x0a\\x09b", "a\\x0a\\x09b", "a\n\tb"},
    {"caf\xc3\xa9", "caf\xc3\xa9", "caf\\xc3\\xa9", "caf\xc3\xa9"},
    {"\xc2\x9b" /* CSI */, "\\xc2\\x9b", "\\xc2\\x9b", "\\u009b"},
    {"\xc2\x85" /* NEL */, "\\xc2\\x85", "\\xc2\\x85", "\\u0085"},
    {"\xe2\x80\xae" /* RLO */, "\\xe2\\x80\\xae", "\\xe2\\x80\\xae", "\\u202e"},
    {"\xe2\x81\xa6" /* LRI */, "\\xe2\\x81\\xa6", "\\xe2\\x81\\xa6", "\\u2066"},
    {"\xe2\x80\xa8" /* LS */, "\\xe2\\x80\\xa8", "\\xe2\\x80\\xa8", "\\u2028"},
    {"\xe2\x80\x8b" /* no width */, "\\xe2\\x80\\x8b", "\\xe2\\x80\\x8b", "\\u200b"},
    {"\xef\xbb\xbf" /* BOM */, "\\xef\\xbb\\xbf", "\\xef\\xbb\\xbf", "\\ufeff"},
    {"\xf3\xa0\x81\xa1" /* tag a */, "\\xf3\\xa0\\x81\\xa1", "\\xf3\\xa0\\x81\\xa1",
     "\\udb40\\udc61"},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", "\\xf0\\x9f\\x98\\x80", "\xf0\x9f\x98\x80"},
    {"\x9b[2J\xff\xc3", "\\x9b[2J\\xff\\xc3", "\\x9b[2J\\xff\\xc3", "\\ufffd[2J\\ufffd\\ufffd"},
    {"\xc0\x9b\xed\xa0\x80", "\\xc0\\x9b\\xed\\xa0\\x80", "\\xc0\\x9b\\xed\\xa0\\x80",
     "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"},
};

static void assert_holds(struct buf *out, const char *text)
{
    assert_true(buf_append(out, "", 1));
    assert_string_equal((char *)out->data, text);
    buf_free(out);
}

static void forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[100];
        struct span in = span_of(cases[i].in);
        struct buf utf8 = {.limit = 100}, json = {.limit = 100};
        assert_string_equal(text_copy(in, TEXT_UTF8, text, sizeof text), cases[i].utf8);
        assert_string_equal(text_copy(in, TEXT_ASCII, text, sizeof text), cases[i].ascii);
        assert_true(text_put(&utf8, in));
        assert_holds(&utf8, cases[i].utf8);
        assert_true(text_put_json(&json, in));
        assert_holds(&json, cases[i].json);
    }
}

/* Whatever comes in, what comes out is valid UTF-8 without a control among it. */
static void nothing_else_passes(void **state)
{
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char in[24], out[100];
        for (size_t i = 0; i < sizeof in; i++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t kind = seed >> 29;
            in[i] = (char)(kind < 3 ? seed >> 8 : kind < 6 ? 0x80 | (seed >> 8 & 0x3f) : 0xc2);
        }
        struct span rest = span_of(
            text_copy((struct span){in, sizeof in}, TEXT_UTF8, out, sizeof out - seed % 90));
        while (rest.n > 0) {
            uint32_t c;
            size_t n = utf8_decode(rest, &c);
            assert_true(n > 0 && text_shows(c));
            assert_true(c >= 0xa0 || (c >= ' ' && c <= '~'));
            rest = (struct span){rest.p + n, rest.n - n};
        }
    }
}

static void copies_are_cut(void **state)
{
    char text[12];
    (void)state;
    assert_string_equal(text_copy(span_of("12345678901"), TEXT_UTF8, text, 12), "12345678901");
    assert_string_equal(text_copy(span_of("123456789012"), TEXT_UTF8, text, 12), "12345678...");
    assert_string_equal(text_copy(span_of("12345\x1b\x1b"), TEXT_UTF8, text, 12), "12345...");
    assert_string_equal(text_copy(span_of("1234567\xc3\xa9\xc3\xa9"), TEXT_UTF8, text, 12),
                        "1234567\xc3\xa9\xc3\xa9");
    assert_string_equal(text_copy(span_of("1234567\xc3\xa9\xc3\xa9\xc3\xa9"), TEXT_UTF8, text, 12),
                        "1234567...");
    assert_string_equal(text_copy(span_of("\x1b"), TEXT_UTF8, text, 4), "...");
}

static void limits(void **state)
{
    struct buf out = {.limit = 4};
    (void)state;
    assert_false(text_put(&out, span_of("a\x1b")));
    assert_false(text_put_json(&out, span_of("\x1b")));
    buf_free(&out);
}

static void lines(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    (void)state;
    assert_non_null(f);
    assert_true(text_line(f, "%s: %d", "one\x1b[2J\ntwo", 7));
    fclose(f);
    assert_string_equal(text, "one\\x1b[2J\\x0atwo: 7\n");
    free(text);
}

static void service_ids(void **state)
{
    char longest[SERVICE_ID_MAX + 2];
    (void)state;
    static const char *const bad[] = {"",    " SSH1",       "SSH1\n",   "a\x1b", "a.b",
                                      "a/b", "a\"",         "a'b",      "a,b",   "a=b",
                                      "a\\", "caf\xc3\xa9", "\xc2\x9b", "<b>",   "*/"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(service_id_is(span_of(bad[i])));
    assert_false(service_id_is((struct span){"a\0b", 3}));
    assert_true(service_id_is(span_of("plc:modbus_2-A")));
    memset(longest, 'a', sizeof longest);
    assert_true(service_id_is((struct span){longest, SERVICE_ID_MAX}));
    assert_false(service_id_is((struct span){longest, SERVICE_ID_MAX + 1}));
}

/* Each error has a name and a text of its own, those of both ends of the table as they are written
 * there. */
static void errors(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_OK), "ok");
    assert_string_equal(err_text(ERR_OK), "complete");
    assert_string_equal(err_name(ERR_PEER_RESET), "peer-reset");
    assert_string_equal(err_text(ERR_PEER_RESET), "the far end reset the connection");
    assert_int_equal(err_socks5(ERR_PEER_RESET), 5);
    assert_int_equal(err_http(ERR_PEER_RESET), 502);
    assert_string_equal(err_name(ERR_INTERNAL), "internal");
    assert_string_equal(err_text(ERR_INTERNAL), "internal error");
    for (enum err e = ERR_OK; e < ERR_COUNT; e++)
        for (enum err other = ERR_OK; other < e; other++) {
            assert_string_not_equal(err_name(e), err_name(other));
            assert_string_not_equal(err_text(e), err_text(other));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),          cmocka_unit_test(nothing_else_passes),
        cmocka_unit_test(copies_are_cut), cmocka_unit_test(limits),
        cmocka_unit_test(lines),          cmocka_unit_test(service_ids),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
