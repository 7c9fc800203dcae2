/* Signatures version 4: what was changed is found, and what is too old. */
#include "tests/unit/sigv4_help.h"

static void skew(void **state)
{
    (void)state;
    static const struct {
        int64_t offset;
        enum sigv4_verdict verdict;
    } cases[] = {
        {0, SIGV4_OK},
        {15 * 60 * 1000, SIGV4_OK},
        {-15 * 60 * 1000, SIGV4_OK},
        {15 * 60 * 1000 + 1, SIGV4_EXPIRED},
        {15 * 60 * 1000 + 1000, SIGV4_EXPIRED},
        {-15 * 60 * 1000 - 1, SIGV4_EXPIRED},
        {-15 * 60 * 1000 - 1000, SIGV4_EXPIRED},
        {-NOW, SIGV4_EXPIRED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request r = open_tunnel;
        r.now += cases[i].offset;
        assert_int_equal(check(&r), cases[i].verdict);
    }
}

static void every_digit_counts(void **state)
{
    (void)state;
    char value[] = SCHEME CREDENTIAL ", " SIGNED ", " SIGNATURE;
    char *digits = value + strlen(value) - 64;
    for (size_t i = 0; i < 64; i++) {
        char right = digits[i];
        digits[i] = right == '0' ? '1' : '0';
        assert_int_equal(check_authorization(value), SIGV4_MISMATCH);
        digits[i] = right;
    }
    assert_int_equal(check_authorization(value), SIGV4_OK);
}

static void signed_headers_count(void **state)
{
    (void)state;
    static const struct {
        const char *name, *changed;
        enum sigv4_verdict when_changed, when_removed, when_doubled;
    } cases[] = {
        {"X-Amz-Target", "IoTSecuredTunneling.CloseTunnel", SIGV4_MISMATCH, SIGV4_HEADERS,
         SIGV4_HEADERS},
        {"Content-Type", "application/x-amz-json-1.0", SIGV4_MISMATCH, SIGV4_HEADERS,
         SIGV4_MISMATCH},
        {"X-Amz-Date", "20261120T204351Z", SIGV4_MISMATCH, SIGV4_INCOMPLETE, SIGV4_INCOMPLETE},
        {"X-Amz-Security-Token", "Fwo+/=Session", SIGV4_MISMATCH, SIGV4_HEADERS, SIGV4_MISMATCH},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct request *from = i == 3 ? &with_token : &open_tunnel;
        size_t line = 0;
        while (strcmp(from->lines[line].name, cases[i].name) != 0)
            line++;
        struct request r = *from;
        r.lines[line].value = cases[i].changed;
        assert_int_equal(check(&r), cases[i].when_changed);
        r = *from;
        r.lines[line].name = "X-Other";
        assert_int_equal(check(&r), cases[i].when_removed);
        r = *from;
        add(&r, cases[i].name, from->lines[line].value);
        assert_int_equal(check(&r), cases[i].when_doubled);
    }
    struct request r = open_tunnel;
    r.lines[0].value = "127.0.0.1:18766";
    assert_int_equal(check(&r), SIGV4_MISMATCH);
    r = open_tunnel;
    r.lines[0].name = "X-Host";
    assert_int_equal(check(&r), SIGV4_HEADERS);
}

static void the_rest_counts(void **state)
{
    (void)state;
    struct request r = open_tunnel;
    r.lines[1].value = "gzip"; /* not signed */
    assert_int_equal(check(&r), SIGV4_OK);
    r.target = "/x";
    assert_int_equal(check(&r), SIGV4_MISMATCH);
    r.target = "/?a=1";
    assert_int_equal(check(&r), SIGV4_MISMATCH);
    r.target = "http://127.0.0.1:18765/";
    assert_int_equal(check(&r), SIGV4_MISMATCH);
    r = open_tunnel;
    r.body = "";
    assert_int_equal(check(&r), SIGV4_MISMATCH);
    assert_int_equal(check_secret(&open_tunnel, ""), SIGV4_MISMATCH);
    assert_int_equal(check_secret(&open_tunnel, SECRET "x"), SIGV4_MISMATCH);
    assert_int_equal(check_secret(&open_tunnel, "wJalrXUtnFEMj"), SIGV4_MISMATCH);
}

static void every_byte_of_the_body_counts(void **state)
{
    (void)state;
    struct request r = open_tunnel;
    char *body = strdup(open_tunnel.body);
    r.body = body;
    for (size_t i = 0; body[i] != '\0'; i++) {
        body[i] ^= 1;
        assert_int_equal(check(&r), SIGV4_MISMATCH);
        body[i] ^= 1;
    }
    assert_int_equal(check(&r), SIGV4_OK);
    free(body);
}

static void named_body(void **state)
{
    (void)state;
    static const char right[] = "7656dde480ce3cba091bb98bfce503d79eb3d14512c83a79bf9b7bc54db87b3d";
    static const char *const wrong[] = {
        "", "UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "7656DDE480CE3CBA091BB98BFCE503D79EB3D14512C83A79BF9B7BC54DB87B3D",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
    struct request r = open_tunnel;
    add(&r, "x-amz-content-sha256", right);
    assert_int_equal(check(&r), SIGV4_OK);
    add(&r, "X-Amz-Content-SHA256", right);
    assert_int_equal(check(&r), SIGV4_MISMATCH);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        r = open_tunnel;
        add(&r, "x-amz-content-sha256", wrong[i]);
        assert_int_equal(check(&r), SIGV4_MISMATCH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skew),
        cmocka_unit_test(every_digit_counts),
        cmocka_unit_test(signed_headers_count),
        cmocka_unit_test(the_rest_counts),
        cmocka_unit_test(every_byte_of_the_body_counts),
        cmocka_unit_test(named_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
