/* The access token in what people hand over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/token_text.h"

#include <stdlib.h>
#include <string.h>

#define TOKEN "st1.AbC-d_eF+/09=="

static void expect(const char *text, size_t n, const char *wanted, const char *problem)
{
    char *copy = malloc(n + 1), *token = NULL; /* so that ASan sees a byte too far */
    memcpy(copy, text, n);
    const char *wrong = token_text((struct span){copy, n}, &token);
    if (problem != NULL) {
        assert_null(token);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, problem));
    } else {
        if (wrong != NULL)
            fail_msg("\"%s\": %s", text, wrong);
        assert_string_equal(token, wanted);
    }
    free(token);
    free(copy);
}

static void as_it_comes(void **state)
{
    static const char *const shapes[] = {
        TOKEN,
        TOKEN "\n",
        TOKEN "\r\n",
        TOKEN "\r",
        "  " TOKEN "\t \n",
        "\n\n" TOKEN "\n",
        "# my token\n" TOKEN "\n",
        TOKEN "\n# and what it is for\n",
        "\xef\xbb\xbf" TOKEN "\r\n",
        "\xef\xbb\xbf# note\r\n" TOKEN "\r\n",
        "\"" TOKEN "\"\n",
        "'" TOKEN "'",
        "AWSIOT_TUNNEL_ACCESS_TOKEN=" TOKEN "\n",
        "export AWSIOT_TUNNEL_ACCESS_TOKEN=\"" TOKEN "\"\n",
        "TOKEN = '" TOKEN "'",
        "\"TOKEN=" TOKEN "\"",
        TOKEN "\xc2\xa0\n",
        "\xe2\x80\x8b" TOKEN " \xe2\x80\x8b",
        "sourceAccessToken: " TOKEN "\n",
        "  access-token = '" TOKEN "'",
        "\"sourceAccessToken\": \"" TOKEN "\",\n",
        "source token:  " TOKEN,
        "\xe2\x80\x9c" TOKEN "\xe2\x80\x9d",
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        expect(shapes[i], strlen(shapes[i]), TOKEN, NULL);
}

static void in_utf_16(void **state)
{
    static const char text[] = "TOKEN=" TOKEN "\r\n";
    char wide[2 * sizeof text + 2];
    (void)state;
    for (int big = 0; big < 2; big++) {
        size_t n = 0;
        wide[n++] = big ? '\xfe' : '\xff';
        wide[n++] = big ? '\xff' : '\xfe';
        for (size_t i = 0; text[i] != '\0'; i++) {
            wide[n + (size_t)big] = text[i];
            wide[n + (size_t)!big] = '\0';
            n += 2;
        }
        expect(wide, n, TOKEN, NULL);
        expect(wide, 14, NULL, "no token"); /* cut behind its name */
        wide[n - 5] ^= 1;
        wide[n - 6] ^= 1;
        expect(wide, n, NULL, "UTF-16 with characters");
    }
}

/* What looks a little like it, and is a token. */
static void left_alone(void **state)
{
    static const char *const tokens[] = {"abc=",   "ABC==", "abcTOKEN=x", "token:x",
                                         "abc: x", "x,",    "a\"b",       "\"",
                                         "a b",    "TOKEN", "x#y",        "\xff\xfd"};
    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        expect(tokens[i], strlen(tokens[i]), tokens[i], NULL);
}

static void wrong_ones(void **state)
{
    static const char *const none[] = {"",       "\n",       " \r\n\t",      "# only this", "\"\"",
                                       "TOKEN=", "TOKEN=''", "\xef\xbb\xbf", "\xff\xfe"};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        expect(none[i], strlen(none[i]), NULL, "no token");
    expect("{\"sourceAccessToken\": \"x\"}", 26, NULL, "JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_comes),
        cmocka_unit_test(in_utf_16),
        cmocka_unit_test(left_alone),
        cmocka_unit_test(wrong_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
