/* Certificates of clients: the name in one. */
#include "tests/unit/tls_client_auth_help.h"

/* ---- the name in a certificate ---- */

struct der_text {
    uint8_t p[2048];
    size_t n;
};

/* An element: tag, length, content. */
static struct der_text element(uint8_t tag, const void *content, size_t n)
{
    struct der_text out = {.p = {tag}};
    out.n = 1;
    assert_true(n < 2000);
    if (n >= 256) {
        out.p[out.n++] = 0x82;
        out.p[out.n++] = (uint8_t)(n >> 8);
    } else if (n >= 128) {
        out.p[out.n++] = 0x81;
    }
    out.p[out.n++] = (uint8_t)n;
    if (n > 0)
        memcpy(out.p + out.n, content, n);
    out.n += n;
    return out;
}

static struct der_text wrap(uint8_t tag, struct der_text in)
{
    return element(tag, in.p, in.n);
}

static void add(struct der_text *to, struct der_text what)
{
    memcpy(to->p + to->n, what.p, what.n);
    to->n += what.n;
}

/* A relative name: SET of one attribute. */
static struct der_text attribute(uint8_t last, uint8_t tag, const void *text, size_t n)
{
    struct der_text both = element(DER_OID, (const uint8_t[]){0x55, 0x04, last}, 3);
    add(&both, element(tag, text, n));
    return wrap(DER_SET, wrap(DER_SEQUENCE, both));
}

static void assert_subject(struct der_text subject, const char *name, const char *problem)
{
    char out[DN_COMMON_NAME_MAX + 1];
    const char *wrong = dn_common_name((struct der){subject.p, subject.n}, out);
    if (problem == NULL) {
        assert_null(wrong);
        assert_string_equal(out, name);
    } else {
        assert_non_null(wrong);
        assert_says(wrong, problem);
        assert_string_equal(out, "");
    }
}

#define CN 3

#define ORGANIZATION 10

#define UTF8 0x0C

#define BMP 0x1E

static void names_are_read_strictly(void **state)
{
    static const struct {
        uint8_t tag;
        const char *text;
        size_t n;
        const char *problem;
    } cases[] = {
        {UTF8, "RemoteDevice1", 13, NULL},
        {0x13, "a", 1, NULL},
        {0x14, "a:b_c-d", 7, NULL},
        {0x16, "with space", 10, NULL},
        {UTF8, "", 0, "empty"},
        {UTF8, "dev\0evil", 8, "printable"},
        {UTF8, "dev\0", 4, "printable"},
        {UTF8, "dev\n", 4, "printable"},
        {UTF8, "\x1b[2J", 4, "printable"},
        {UTF8, "dev\x7f", 4, "printable"},
        {UTF8, "d\xc3\xa9v", 4, "printable"},
        {BMP, "\0d\0e\0v", 6, "printable"},
        {DER_OCTETS, "dev", 3, "printable"},
    };
    char longest[DN_COMMON_NAME_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_subject(attribute(CN, cases[i].tag, cases[i].text, cases[i].n), cases[i].text,
                       cases[i].problem);
    memset(longest, 'x', sizeof longest);
    struct der_text subject = attribute(CN, UTF8, longest, DN_COMMON_NAME_MAX + 1);
    assert_subject(subject, NULL, "longer than 128");
    subject = attribute(CN, UTF8, longest, DN_COMMON_NAME_MAX);
    longest[DN_COMMON_NAME_MAX] = '\0';
    assert_subject(subject, longest, NULL);
}

static void one_name_is_wanted(void **state)
{
    struct der_text subject = attribute(ORGANIZATION, UTF8, "plant", 5);
    (void)state;
    assert_subject((struct der_text){.n = 0}, NULL, "no common name");
    assert_subject(subject, NULL, "no common name");
    add(&subject, attribute(CN, UTF8, "dev", 3));
    assert_subject(subject, "dev", NULL);
    add(&subject, attribute(ORGANIZATION, UTF8, "other", 5));
    assert_subject(subject, "dev", NULL);
    add(&subject, attribute(CN, UTF8, "dev", 3));
    assert_subject(subject, NULL, "several");
}

/* Cut anywhere, or with any byte changed: a name or a reason, and no byte read outside (ASan). */
static void damaged_ones_do_no_harm(void **state)
{
    struct der_text whole = attribute(CN, UTF8, "dev", 3);
    char out[DN_COMMON_NAME_MAX + 1];
    (void)state;
    for (size_t n = 0; n < whole.n; n++) {
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, whole.p, n);
        assert_non_null(dn_common_name((struct der){copy, n}, out));
        free(copy);
    }
    for (size_t at = 0; at < whole.n; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t *copy = malloc(whole.n);
            memcpy(copy, whole.p, whole.n);
            copy[at] = (uint8_t)value;
            const char *wrong = dn_common_name((struct der){copy, whole.n}, out);
            assert_int_equal(wrong == NULL, out[0] != '\0');
            free(copy);
        }
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_strictly),
        cmocka_unit_test(one_name_is_wanted),
        cmocka_unit_test(damaged_ones_do_no_harm),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
