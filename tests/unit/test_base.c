/* core/base: errors, buffers, spans, numbers, escaping. */
#include "tests/unit/base_help.h"

/* ---- err ---- */

static void err_names_are_distinct_and_plain(void **state)
{
    (void)state;
    for (int a = 0; a < ERR_COUNT; a++) {
        const char *name = err_name((enum err)a);
        assert_true(strlen(name) > 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        assert_true(strlen(err_text((enum err)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(name, err_name((enum err)b));
    }
    assert_int_equal(ERR_OK, 0);
    assert_int_equal(err_from_errno(ENOENT), ERR_NOT_FOUND);
    assert_int_equal(err_from_errno(EACCES), ERR_PERMISSION);
    assert_int_equal(err_from_errno(EMFILE), ERR_NO_DESCRIPTORS);
    assert_int_equal(err_from_errno(EIO), ERR_IO);
    assert_string_equal(err_name(ERR_PEER_RESET), "peer-reset");
    assert_string_equal(err_name(ERR_OK), "ok");
    assert_string_equal(err_text(ERR_OK), "complete"); /* of an HTTP exchange, to people */
    assert_string_equal(err_name(ERR_TLS_UNTRUSTED), "tls-untrusted");
    assert_string_equal(err_text(ERR_REFUSED), "connection refused");
}

static void err_answers_are_in_range(void **state)
{
    (void)state;
    for (int e = 1; e < ERR_COUNT; e++) {
        assert_in_range(err_socks5((enum err)e), 1, 8);
        assert_in_range(err_http((enum err)e), 400, 599);
    }
    assert_int_equal(err_socks5(ERR_OK), 0);
    assert_int_equal(err_http(ERR_OK), 200);
    assert_int_equal(err_socks5(ERR_REFUSED), 5);
    assert_int_equal(err_socks5(ERR_ADDRESS_TYPE), 8);
    assert_int_equal(err_http(ERR_AUTH), 407);
}

/* Whoever adds a reason has to say whether it is an end. */
static void few_reasons_are_ends(void **state)
{
    static const enum err ends[] = {ERR_OK, ERR_EOF, ERR_CLIENT_CLOSED, ERR_SERVICE_CLOSED};
    size_t found = 0;
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++)
        found += err_is_end((enum err)e);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_true(err_is_end(ends[i]));
    assert_int_equal(found, sizeof ends / sizeof *ends);
}

/* ---- buf ---- */

static void buf_stays_below_its_limit(void **state)
{
    struct buf b = {.limit = 10};
    (void)state;
    assert_true(buf_append(&b, NULL, 0));
    assert_true(buf_append(&b, "0123456", 7));
    assert_false(buf_append(&b, "abcd", 4));
    assert_int_equal(b.size, 7);
    assert_memory_equal(b.data, "0123456", 7);
    assert_null(buf_room(&b, 4));
    assert_null(buf_room(&b, SIZE_MAX));
    uint8_t *room = buf_room(&b, 3);
    assert_non_null(room);
    memcpy(room, "789", 3);
    buf_added(&b, 3);
    assert_memory_equal(b.data, "0123456789", 10);
    assert_false(buf_append(&b, "x", 1));
    assert_true(buf_append(&b, "x", 0));
    buf_take(&b, 4);
    assert_memory_equal(b.data, "456789", 6);
    assert_true(buf_append(&b, "abcd", 4));
    assert_memory_equal(b.data, "456789abcd", 10);
    buf_take(&b, 10);
    assert_int_equal(b.size, 0);
    buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.limit, 10);
    assert_true(buf_append(&b, "again", 5));
    buf_free(&b);
    buf_free(&b);
    struct buf none = {.limit = 0};
    assert_false(buf_append(&none, "x", 1));
    assert_false(buf_printf(&none, "x"));
    assert_true(buf_printf(&none, "%s", ""));
    buf_take(&none, 0);
    buf_free(&none);
}

static void buf_agrees_with_a_model(void **state)
{
    static uint8_t model[3000], piece[700];
    struct buf b = {.limit = sizeof model};
    size_t size = 0;
    uint8_t next = 0;
    (void)state;
    for (int step = 0; step < 20000; step++) {
        size_t n = dice(step % 1000 < 500 ? 700 : 20);
        if (dice(2) == 0) {
            for (size_t i = 0; i < n; i++)
                piece[i] = next++;
            bool fits = size + n <= sizeof model;
            assert_int_equal(buf_append(&b, piece, n), fits);
            if (fits)
                memcpy(model + size, piece, n);
            size += fits ? n : 0;
        } else {
            n = n < size ? n : size;
            buf_take(&b, n);
            memmove(model, model + n, size -= n);
        }
        assert_int_equal(b.size, size);
        if (size > 0)
            assert_memory_equal(b.data, model, size);
    }
    buf_free(&b);
}

static void buf_prints(void **state)
{
    struct buf b = {.limit = 12};
    (void)state;
    assert_true(buf_printf(&b, "%d-%s", 17, "abc"));
    assert_int_equal(b.size, 6);
    assert_memory_equal(b.data, "17-abc", 6);
    assert_false(buf_printf(&b, "%s", "1234567"));
    assert_int_equal(b.size, 6);
    assert_true(buf_printf(&b, "%s", "123456")); /* to the last byte: the NUL does not count */
    assert_int_equal(b.size, 12);
    assert_memory_equal(b.data, "17-abc123456", 12);
    buf_free(&b);
    b.limit = 100000;
    for (int i = 0; i < 9000; i++)
        assert_true(buf_printf(&b, "%d,", i % 10));
    assert_int_equal(b.size, 18000);
    assert_memory_equal(b.data + 17998, "9,", 2);
    buf_free(&b);
}

static void *wiped;

static size_t wiped_size;

/* In place of the C library's: what was wiped cannot be looked at once it is freed. */
void explicit_bzero(void *p, size_t n)
{
    wiped = p;
    wiped_size = n;
    memset(p, 0, n);
}

/* What _FORTIFY_SOURCE makes of it. */
void __explicit_bzero_chk(void *p, size_t n, size_t room)
{
    assert_true(n <= room);
    explicit_bzero(p, n);
}

static void buf_wipe_leaves_nothing(void **state)
{
    struct buf b = {.limit = 1000};
    (void)state;
    buf_wipe(&b);
    assert_true(buf_append(&b, "secret", 6));
    uint8_t *small = b.memory;
    size_t small_size = b.capacity;
    assert_non_null(buf_room(&b, small_size)); /* moves to larger memory */
    assert_ptr_equal(wiped, small);
    assert_int_equal(wiped_size, small_size);
    buf_take(&b, 3);
    uint8_t *memory = b.memory;
    size_t size = b.capacity;
    buf_wipe(&b);
    assert_ptr_equal(wiped, memory);
    assert_int_equal(wiped_size, size);
    assert_null(b.data);
    assert_null(b.memory);
    assert_int_equal(b.size, 0);
    assert_int_equal(b.capacity, 0);
    assert_int_equal(b.limit, 1000);
}

/* ---- spans ---- */

static void spans_compare(void **state)
{
    struct span empty = {NULL, 0};
    (void)state;
    assert_int_equal(span_of(NULL).n, 0);
    assert_int_equal(span_of("abc").n, 3);
    assert_true(span_equal(empty, span_of("")));
    assert_true(span_equal_nocase(empty, span_of("")));
    assert_true(span_is(empty, ""));
    assert_true(span_is(span_of("abc"), "abc"));
    assert_false(span_is(span_of("abc"), "ab"));
    assert_false(span_is(span_of("ab"), "abc"));
    assert_false(span_is(span_of("abc"), "abd"));
    assert_false(span_is(span_of("abc"), "ABC"));
    assert_true(span_is_nocase(span_of("aBcZ09-"), "AbCz09-"));
    assert_false(span_is_nocase(span_of("@[`{"), "`{@["));
    assert_false(span_equal_nocase((struct span){"a\0b", 3}, (struct span){"a\0c", 3}));
    assert_true(span_equal_nocase((struct span){"a\0B", 3}, (struct span){"A\0b", 3}));
}

static void assert_span(struct span s, const char *text)
{
    assert_int_equal(s.n, strlen(text));
    if (s.n > 0)
        assert_memory_equal(s.p, text, s.n);
}

static void spans_trim_and_cut(void **state)
{
    (void)state;
    assert_span(span_trim(span_of(" \t a b\t ")), "a b");
    assert_span(span_trim(span_of(" \t ")), "");
    assert_span(span_trim(span_of("")), "");
    assert_span(span_trim(span_of("\na\r")), "\na\r");
    struct span rest = span_of("a,,bc,");
    assert_span(span_cut(&rest, ','), "a");
    assert_span(rest, ",bc,");
    assert_span(span_cut(&rest, ','), "");
    assert_span(span_cut(&rest, ','), "bc");
    assert_span(rest, "");
    assert_span(span_cut(&rest, ','), "");
    assert_span(span_cut(&rest, ','), "");
    rest = span_of("no separator");
    assert_span(span_cut(&rest, ','), "no separator");
    assert_span(rest, "");
    rest = (struct span){NULL, 0};
    assert_span(span_cut(&rest, ','), "");
    assert_null(rest.p);
}

static void spans_have_lines(void **state)
{
    (void)state;
    struct span rest = span_of("a\r\n\n\rb\r\r\nlast\r");
    assert_span(span_line(&rest), "a");
    assert_span(span_line(&rest), "");
    assert_span(span_line(&rest), "\rb\r");
    assert_span(span_line(&rest), "last");
    assert_span(span_line(&rest), "");
    assert_span(span_trim_lines(span_of("a\nb \r\n\n")), "a\nb ");
    assert_span(span_trim_lines(span_of("\na")), "\na");
    assert_span(span_trim_lines(span_of("\r\n")), "");
    assert_span(span_trim_lines((struct span){NULL, 0}), "");
}

static void spans_are_copied(void **state)
{
    (void)state;
    char *copy = span_dup((struct span){"abcdef", 3});
    assert_string_equal(copy, "abc");
    free(copy);
    copy = span_dup((struct span){NULL, 0});
    assert_string_equal(copy, "");
    free(copy);
}

/* ---- numbers ---- */

static void numbers_are_strict(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"7", 6, false, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"000065535", 65535, true, 65535},
        {"99999", 65535, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"28446744073709551615", UINT64_MAX, false, 0},
        {"184467440737095516150", UINT64_MAX, false, 0},
        {"", 10, false, 0},
        {"-1", 10, false, 0},
        {"+1", 10, false, 0},
        {" 1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"1x", 10, false, 0},
        {"0x1", 10, false, 0},
        {"1.0", 10, false, 0},
        {"/", 100, false, 0},
        {":", 100, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 4711;
        assert_int_equal(str_number(span_of(cases[i].text), cases[i].max, &value), cases[i].good);
        assert_int_equal(value, cases[i].good ? cases[i].value : 4711);
    }
    uint64_t value;
    assert_false(str_number((struct span){"1\0", 2}, 10, &value));
    assert_true(str_number((struct span){"123", 2}, 100, &value));
    assert_int_equal(value, 12);
}

static void test_words(void **state)
{
    (void)state;
    char text[] = "  /usr/bin/hook\t-v  'two words'  ", none[] = " \t", *out[5];
    assert_int_equal(str_words(text, out, 4), 4);
    const char *const words[] = {"/usr/bin/hook", "-v", "'two", "words'"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(out[i], words[i]);
    assert_null(out[4]);
    char more[] = "a b c";
    assert_int_equal(str_words(more, out, 2), 2);
    assert_null(out[2]);
    assert_int_equal(str_words(none, out, 4), 0);
    assert_null(out[0]);
}

/* ---- escaping ---- */

static void escape_shows_what_strangers_sent(void **state)
{
    char out[64];
    (void)state;
    assert_string_equal(str_escape(span_of("plain ~!"), out, sizeof out), "plain ~!");
    assert_string_equal(str_escape(span_of("a\"b\\c"), out, sizeof out), "a\\\"b\\\\c");
    assert_string_equal(str_escape((struct span){"\0\n\x1b\x7f\x80\xff", 6}, out, sizeof out),
                        "\\x00\\x0a\\x1b\\x7f\\x80\\xff");
    assert_string_equal(str_escape(span_of(NULL), out, sizeof out), "");
    assert_ptr_equal(str_escape(span_of("x"), out, sizeof out), out);
}

static void escape_cuts(void **state)
{
    char out[64];
    (void)state;
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 9), "abcdefgh");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 8), "abcd...");
    assert_string_equal(str_escape(span_of("a\n"), out, 6), "a\\x0a");
    assert_string_equal(str_escape(span_of("a\n"), out, 5), "a...");
    assert_string_equal(str_escape(span_of("\n\n"), out, 8), "\\x0a...");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 4), "...");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 3), "..");
    assert_string_equal(str_escape(span_of("abcdefgh"), out, 1), "");
    assert_string_equal(str_escape(span_of(""), out, 1), "");
}

/* Every size, in memory of exactly that size. */
static void escape_never_writes_too_far(void **state)
{
    char text[20], whole[100];
    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t n = dice(sizeof text + 1);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(dice(3) == 0 ? dice(256) : 'a' + dice(26));
        size_t full = strlen(str_escape((struct span){text, n}, whole, sizeof whole));
        for (size_t size = 1; size <= full + 1; size++) {
            char *out = malloc(size);
            assert_non_null(out);
            str_escape((struct span){text, n}, out, size);
            assert_true(strlen(out) < size);
            if (size == full + 1)
                assert_string_equal(out, whole);
            else if (size >= 4)
                assert_string_equal(out + strlen(out) - 3, "...");
            free(out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(err_names_are_distinct_and_plain),
        cmocka_unit_test(err_answers_are_in_range),
        cmocka_unit_test(few_reasons_are_ends),
        cmocka_unit_test(buf_stays_below_its_limit),
        cmocka_unit_test(buf_agrees_with_a_model),
        cmocka_unit_test(buf_prints),
        cmocka_unit_test(buf_wipe_leaves_nothing),
        cmocka_unit_test(spans_compare),
        cmocka_unit_test(spans_trim_and_cut),
        cmocka_unit_test(spans_have_lines),
        cmocka_unit_test(spans_are_copied),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(escape_shows_what_strangers_sent),
        cmocka_unit_test(escape_cuts),
        cmocka_unit_test(escape_never_writes_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
