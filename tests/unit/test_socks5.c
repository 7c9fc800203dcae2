/* core/reach/socks5: the client's words, byte by byte. */
#include "core/reach/socks5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct buf out;

static void assert_sent(const char *bytes, size_t n)
{
    assert_int_equal(out.size, n);
    assert_memory_equal(out.data, bytes, n);
    buf_take(&out, n);
}

#define SENT(bytes) assert_sent(bytes, sizeof(bytes) - 1)

/* Byte by byte; what is left of the bytes when it is done. Returns 0 or the error. */
static enum err hear(struct socks5 *s, const char *bytes, size_t n, size_t *left, const char **text)
{
    size_t i = 0;
    while (i < n && s->step != SOCKS5_DONE) {
        long used = socks5_feed(s, (const uint8_t *)bytes + i, 1, &out, text);
        if (used < 0)
            return (enum err) - used;
        i += (size_t)used;
    }
    *left = n - i;
    return ERR_OK;
}

static enum err heard(struct socks5 *s, const char *bytes, size_t n, size_t *left)
{
    const char *text = NULL;
    enum err why = hear(s, bytes, n, left, &text);
    if (why != ERR_OK) {
        assert_non_null(text);
        assert_true(text[0] != '\0');
    }
    return why;
}

#define HEAR(s, bytes, left) heard(s, bytes, sizeof(bytes) - 1, left)

static struct socks5 begun(const char *user, const char *password)
{
    struct socks5 s = {.user = user, .password = password, .host = "hub.example", .port = 443};
    buf_free(&out);
    out.limit = 2000;
    assert_true(socks5_begin(&s, &out));
    return s;
}

static void a_name_without_login(void **state)
{
    struct socks5 s = begun(NULL, NULL);
    size_t left;
    (void)state;
    SENT("\5\1\0");
    assert_int_equal(HEAR(&s, "\5\0", &left), ERR_OK);
    SENT("\5\1\0\3\13hub.example\1\xbb");
    assert_int_equal(HEAR(&s, "\5\0\0\1\0\0\0\0\0\0tls", &left), ERR_OK);
    assert_int_equal(s.step, SOCKS5_DONE);
    assert_int_equal(left, 3); /* the target's */
    buf_free(&out);
}

static void user_and_password(void **state)
{
    struct socks5 s = begun("me", "secret");
    size_t left;
    (void)state;
    SENT("\5\2\0\2");
    assert_int_equal(HEAR(&s, "\5\2", &left), ERR_OK);
    SENT("\1\2me\6secret");
    assert_int_equal(HEAR(&s, "\1\0", &left), ERR_OK);
    SENT("\5\1\0\3\13hub.example\1\xbb");
    assert_int_equal(HEAR(&s, "\5\0\0\3\4name\0\1", &left), ERR_OK);
    assert_int_equal(s.step, SOCKS5_DONE);
    s = begun("me", "secret"); /* it may do without */
    SENT("\5\2\0\2");
    assert_int_equal(HEAR(&s, "\5\0", &left), ERR_OK);
    SENT("\5\1\0\3\13hub.example\1\xbb");
    buf_free(&out);
}

static void addresses_go_as_addresses(void **state)
{
    static const struct {
        const char *text, *sent;
        size_t n;
    } cases[] = {
        {"192.0.2.7", "\5\1\0\1\300\0\2\7\1\xbb", 10},
        {"2001:db8::7", "\5\1\0\4\x20\1\r\xb8\0\0\0\0\0\0\0\0\0\0\0\7\1\xbb", 22},
    };
    size_t left;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct addresses a;
        struct socks5 s = begun(NULL, NULL);
        assert_true(addresses_known(cases[i].text, &a));
        s.address = &a.at[0];
        SENT("\5\1\0");
        assert_int_equal(HEAR(&s, "\5\0", &left), ERR_OK);
        assert_sent(cases[i].sent, cases[i].n);
        assert_int_equal(HEAR(&s, "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &left), ERR_OK);
        assert_int_equal(s.step, SOCKS5_DONE);
        buf_free(&out);
    }
}

static void refusals_are_told(void **state)
{
    static const struct {
        const char *user, *bytes;
        size_t n;
        enum err why;
        bool elsewhere;
    } cases[] = {
        {NULL, "\5\xff", 2, ERR_AUTH, false},
        {NULL, "\5\2", 2, ERR_PROTOCOL, false},
        {"me", "\5\xff", 2, ERR_AUTH, false},
        {"me", "\5\2\1\1", 4, ERR_AUTH, false},
        {"me", "\5\2\5\1", 4, ERR_AUTH, false},
        {"me", "\5\2\0\0", 3, ERR_PROTOCOL, false},
        {NULL, "\5\1", 2, ERR_PROTOCOL, false},
        {NULL, "\4\0", 1, ERR_PROTOCOL, false},
        {NULL, "HTTP/1.1 400", 1, ERR_PROTOCOL, false},
        {NULL, "\5\0\5\1", 4, ERR_REJECTED, true}, /* no more is needed to know */
        {NULL, "\5\0\5\2", 4, ERR_REJECTED, false},
        {NULL, "\5\0\5\3", 4, ERR_UNREACHABLE, true},
        {NULL, "\5\0\5\4", 4, ERR_UNREACHABLE, true},
        {NULL, "\5\0\5\5", 4, ERR_REFUSED, true},
        {NULL, "\5\0\5\6", 4, ERR_TIMEOUT, true},
        {NULL, "\5\0\5\7", 4, ERR_UNSUPPORTED, false},
        {NULL, "\5\0\5\10", 4, ERR_UNSUPPORTED, true},
        {NULL, "\5\0\5\11", 4, ERR_PROTOCOL, false},
        {NULL, "\5\0\5\0\0\2", 6, ERR_PROTOCOL, false},
        {NULL, "\5\0\4\0", 3, ERR_PROTOCOL, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct socks5 s = begun(cases[i].user, "pw");
        size_t left = 99;
        if (heard(&s, cases[i].bytes, cases[i].n, &left) != cases[i].why ||
            s.elsewhere != cases[i].elsewhere)
            fail_msg("case %zu", i);
        buf_free(&out);
    }
}

static void what_is_too_long_is_not_begun(void **state)
{
    char long_text[300];
    (void)state;
    memset(long_text, 'x', sizeof long_text);
    long_text[256] = '\0';
    struct socks5 s = {.host = long_text};
    out = (struct buf){.limit = 2000};
    assert_false(socks5_begin(&s, &out));
    s = (struct socks5){.host = "h", .user = long_text, .password = ""};
    assert_false(socks5_begin(&s, &out));
    s = (struct socks5){.host = "h", .user = "", .password = long_text};
    assert_false(socks5_begin(&s, &out));
    long_text[255] = '\0';
    s = (struct socks5){.host = long_text, .user = long_text, .password = long_text};
    assert_true(socks5_begin(&s, &out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_without_login),          cmocka_unit_test(user_and_password),
        cmocka_unit_test(addresses_go_as_addresses),     cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(what_is_too_long_is_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
