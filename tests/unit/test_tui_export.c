/* What key `x` writes. */
#include "core/base/buf.h"
#include "tests/unit/tui_ui_help.h"
#include "tui/state/export.h"

static void written(struct dashboard *d, enum export_format format, char *out, size_t size)
{
    struct buf b = {.limit = 65536};
    d->ui.format = format;
    assert_true(export_write(&d->ui, &d->m, &b));
    assert_true(b.size < size);
    snprintf(out, size, "%.*s", (int)b.size, b.size > 0 ? (const char *)b.data : "");
    out[b.size] = '\0';
    buf_free(&b);
}

static void json_lines(void **state)
{
    struct dashboard *d = *state;
    char text[8192];
    size_t n;
    assert_string_equal(export_noun(&d->ui, &d->m, &n), "streams");
    assert_int_equal(n, 4);
    written(d, EXPORT_JSON, text, sizeof text);
    static const char first[] = "{\"id\":2,\"client\":\"127.0.0.1:2\",\"service\":\"HTTP1\",";
    assert_int_equal(strncmp(text, first, sizeof first - 1), 0);
    assert_non_null(strstr(text, "\"rate_down\":30"));
    assert_null(strstr(text, "reason")); /* what is not known is left out */
    show(d, HEAD "\"streams\":[{\"id\":1,\"client\":\"a\\u001b[2J\\u202e\\\"\"}]}");
    written(d, EXPORT_JSON, text, sizeof text);
    assert_string_equal(text, "{\"id\":1,\"client\":\"a\\u001b[2J\\u202e\\\"\"}\n");
}

static void csv(void **state)
{
    struct dashboard *d = *state;
    char text[8192];
    press(d, UIKEY_TAB);
    written(d, EXPORT_CSV, text, sizeof text);
    assert_int_equal(strncmp(text, "service,tunnel,host,target,state,open,", 38), 0);
    assert_non_null(strstr(text, "\r\n\"HTTP1\",\"pump\",\"http1.tunnel\",,\"ready\",2,0,"));
    press(d, UIKEY_BACK_TAB);
    show(
        d, HEAD
        "\"streams\":[{\"id\":1,\"client\":\"=1+1\",\"process\":\"a\\\"b,\\n\",\"age\":1.5,\"idle\":0.000001}]}");
    written(d, EXPORT_CSV, text, sizeof text);
    assert_non_null(strstr(text, "\r\n1,\"'=1+1\",0,\"a\"\"b,\\x0a\","));
    assert_non_null(strstr(text, ",1.500000,0.000001,"));
}

static void groups_and_streams(void **state)
{
    struct dashboard *d = *state;
    char text[8192];
    press(d, 'a');
    press(d, 'a');
    press(d, 'a');
    press(d, ' ');
    written(d, EXPORT_CSV, text, sizeof text);
    assert_int_equal(strncmp(text, "group,other,open,", 17), 0);
    assert_non_null(strstr(text, ",peak,id,client,"));
    assert_non_null(strstr(text, "\r\n\"HTTP1\",0,2,"));
    assert_non_null(strstr(text, "\r\n,,,,,,,,,,,2,\"127.0.0.1:2\","));
    written(d, EXPORT_JSON, text, sizeof text);
    assert_int_equal(strncmp(text, "{\"group\":\"HTTP1\",\"open\":2,", 26), 0);
    assert_non_null(strstr(text, "\n{\"id\":2,"));
}

static void names_of_files(void **state)
{
    char name[80];
    (void)state;
    export_name("streams", EXPORT_CSV, 1768480867, 1, name, sizeof name);
    assert_string_equal(name, "tunnel-tui-streams-20260115-124107.csv");
    export_name("history", EXPORT_JSON, 1768480867.9, 12, name, sizeof name);
    assert_string_equal(name, "tunnel-tui-history-20260115-124107-12.jsonl");
    export_name("history", EXPORT_JSON, -1e300, 1, name, sizeof name);
    assert_string_equal(name, "tunnel-tui-history-19700101-000000.jsonl");
}

static void every_screen(void **state)
{
    static const uint32_t keys[] = {UIKEY_ENTER,  UIKEY_ESCAPE, UIKEY_TAB, UIKEY_ENTER,
                                    UIKEY_ESCAPE, UIKEY_TAB,    'h',       'h',
                                    '?',          UIKEY_ESCAPE};
    struct dashboard *d = *state;
    char text[8192];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        size_t n;
        press(d, keys[i]);
        export_noun(&d->ui, &d->m, &n);
        written(d, EXPORT_JSON, text, sizeof text);
        size_t lines = 0;
        for (const char *c = text; *c != '\0'; c++)
            lines += *c == '\n';
        assert_int_equal(lines, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_lines),     TEST(csv),          TEST(groups_and_streams),
        TEST(names_of_files), TEST(every_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
