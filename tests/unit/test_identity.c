/* What a server shows: certificate and key, DER, names. */
#include "tests/unit/trust_help.h"

/* ---- identity ---- */

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *certificate, *key;
        int type;
    } good[] = {
        {"rsa.pem", "rsa.key", BR_KEYTYPE_RSA},       {"rsa.pem", "rsa-pkcs1.key", BR_KEYTYPE_RSA},
        {"rsa.pem", "rsa-pkcs8.key", BR_KEYTYPE_RSA}, {"ec.pem", "ec.key", BR_KEYTYPE_EC},
        {"ec.pem", "ec-pkcs8.key", BR_KEYTYPE_EC},    {"openssl.pem", "ec.key", BR_KEYTYPE_EC},
    };
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && { openssl x509 -in ec.pem -trustout -setalias mine; cat ca.pem; } "
             ">openssl.pem",
             certs_directory);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        enum err why = ERR_COUNT;
        struct identity *id = identity_new(certs_file(good[i].certificate), certs_file(good[i].key),
                                           &why, text, sizeof text);
        if (id == NULL)
            fail_msg("%s", text);
        assert_int_equal(why, ERR_OK);
        assert_int_equal(id->n, 2);
        assert_int_equal(br_skey_decoder_key_type(&id->key), good[i].type);
        assert_int_equal(id->issuer_key_type, BR_KEYTYPE_EC);
        identity_free(id);
    }
}

static void test_bad_keys(void **state)
{
    (void)state;
    static const struct {
        const char *certificate, *key;
        enum err why;
        const char *says;
    } bad[] = {
        {"absent", "ec.key", ERR_NOT_FOUND, "absent"},
        {"ec.pem", "absent", ERR_NOT_FOUND, "absent"},
        {".", "ec.key", ERR_UNSUPPORTED, "it is no file, but a directory, a pipe or the like"},
        {"ec.pem", ".", ERR_UNSUPPORTED, "it is no file"},
        {"ec.key", "ec.key", ERR_USAGE, "no certificate in it"},
        {"ec.pem", "ec.pem", ERR_USAGE, "no private key in it"},
        {"ec.pem", "rsa.key", ERR_USAGE, "is an RSA key, but the certificate"},
        {"rsa.pem", "ec.key", ERR_USAGE, "is an EC key, but the certificate"},
        {"ec.pem", "ca.key", ERR_USAGE, "does not belong to the certificate"},
        {"ec.pem", "ec-params.key", ERR_USAGE, "does not belong to the certificate"},
        {"ec.pem", "ec-secret.key", ERR_USAGE, "is encrypted"},
        {"ec.pem", "ec-oldsecret.key", ERR_USAGE, "encrypted"},
        {"ec.pem", "ed.key", ERR_USAGE, "not supported"},
        {"ed.pem", "ed.key", ERR_USAGE, "Ed25519 keys are not supported"},
        {"pss.pem", "pss.key", ERR_USAGE, "RSA-PSS keys are not supported"},
        {"small.pem", "small.key", ERR_USAGE, "too short: RSA-1024 (2048 bits at least)"},
        {"many.pem", "ec.key", ERR_USAGE, "too many certificates"},
    };
    char command[256];
    make_strange_certificates();
    snprintf(command, sizeof command,
             "cd %s && cat ec.pem ec.pem ec.pem ec.pem ec.pem >many.pem && openssl req -x509 "
             "-newkey rsa:1024 -nodes -keyout small.key -subj /CN=s -out small.pem 2>/dev/null",
             certs_directory);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum err why = ERR_OK;
        text[0] = '\0';
        assert_null(identity_new(certs_file(bad[i].certificate), certs_file(bad[i].key), &why, text,
                                 sizeof text));
        if (why != bad[i].why || strstr(text, bad[i].says) == NULL)
            fail_msg("%s with %s: %s: \"%s\"", bad[i].certificate, bad[i].key, err_name(why), text);
    }
}

static void test_rsa_mismatch(void **state)
{
    (void)state;
    char command[256];
    enum err why = ERR_OK;
    snprintf(command, sizeof command, "cd %s && openssl genrsa -out rsa2.key 2048 2>/dev/null",
             certs_directory);
    assert_int_equal(system(command), 0);
    assert_null(
        identity_new(certs_file("rsa.pem"), certs_file("rsa2.key"), &why, text, sizeof text));
    assert_non_null(strstr(text, "does not belong"));
}

/* What people put into one file, and what is sent. */
static void test_order(void **state)
{
    (void)state;
    static const struct {
        const char *files;
        size_t n;
    } cases[] = {
        {"ec.crt ca.pem", 2},
        {"ca.pem ec.crt", 2},
        {"ec.key ca.pem other.pem rsa.crt ec.crt", 2},
        {"ec.crt ec.crt ca.pem ca.pem", 2},
        {"ec.crt other.pem", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[256];
        enum err why = ERR_OK;
        snprintf(command, sizeof command, "cd %s && cat %s >file.pem", certs_directory,
                 cases[i].files);
        assert_int_equal(system(command), 0);
        struct identity *id =
            identity_new(certs_file("file.pem"), certs_file("ec.key"), &why, text, sizeof text);
        if (id == NULL)
            fail_msg("%s: %s", cases[i].files, text);
        assert_int_equal(id->n, cases[i].n);
        assert_memory_equal(id->own.subject.p + id->own.subject.n - 2, "ec", 2);
        identity_free(id);
    }
}

/* What others will mind in a certificate of a hundred days, or of those days. */
static void test_problems(void **state)
{
    (void)state;
    static const struct {
        const char *extensions;
        int days, later; /* in days */
        enum identity_use use;
        bool problem;
        const char *says;
    } cases[] = {
        {"", 100, 0, IDENTITY_SERVER, false, "for localhost, issued by CN=long, valid until 20"},
        {"", 29, 0, IDENTITY_SERVER, true, "the certificate expires on 20"},
        {"", 10, 0, IDENTITY_SERVER, true, " UTC, in "},
        {"", 100, 101, IDENTITY_SERVER, true, "the certificate expired on 20"},
        {"", 100, -2, IDENTITY_SERVER, true, "is not valid before 20"},
        {"", 800, 390, IDENTITY_SERVER, true, "the authority's certificate of CN=long expired"},
        {"extendedKeyUsage=serverAuth", 100, 0, IDENTITY_SERVER, false, ""},
        {"extendedKeyUsage=clientAuth", 100, 0, IDENTITY_SERVER, true, "not meant for TLS servers"},
        {"extendedKeyUsage=clientAuth", 100, 0, IDENTITY_CLIENT, false, ""},
        {"keyUsage=keyEncipherment", 100, 0, IDENTITY_SERVER, true, "digitalSignature"},
        {"authorityInfoAccess=caIssuers;URI:http://ca.example/", 100, 0, IDENTITY_SERVER, false,
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[1024];
        enum err why = ERR_OK;
        snprintf(command, sizeof command,
                 "cd %s && { [ -f long.pem ] || openssl req -x509 -new -key ca.key -days 380 "
                 "-subj /CN=long -out long.pem; } && "
                 "printf 'subjectAltName=DNS:localhost\n%s\n' >ext && "
                 "openssl x509 -req -in ec.csr -CA long.pem -CAkey ca.key -set_serial 7 -days %d "
                 "-extfile ext -out problem.pem 2>/dev/null && cp problem.pem lonely.pem && "
                 "cat long.pem >>problem.pem",
                 certs_directory, cases[i].extensions, cases[i].days);
        assert_int_equal(system(command), 0);
        struct identity *id =
            identity_new(certs_file("problem.pem"), certs_file("ec.key"), &why, text, sizeof text);
        assert_non_null(id);
        int64_t now = (int64_t)time(NULL) + 86400 * cases[i].later;
        bool problem = identity_problem(id, cases[i].use, now, text, sizeof text);
        if (problem != cases[i].problem || strstr(text, cases[i].says) == NULL)
            fail_msg("case %zu: %d, \"%s\"", i, problem, text);
        identity_free(id);
    }
    /* The last one, without its issuer's, which it tells where to find. */
    enum err why;
    struct identity *id =
        identity_new(certs_file("lonely.pem"), certs_file("ec.key"), &why, text, sizeof text);
    assert_true(identity_problem(id, IDENTITY_SERVER, (int64_t)time(NULL), text, sizeof text));
    assert_non_null(strstr(text, "stands alone: only who has that of its issuer, CN=long"));
    identity_free(id);
}

/* What others with a trust of theirs make of it. */
static void test_trusted(void **state)
{
    (void)state;
    static const struct {
        const char *extensions, *host;
        int later; /* in days */
        bool clients;
        enum err why;
        const char *ca;
    } cases[] = {
        {"", "hub-1.internal", 0, false, ERR_OK, "ca.pem"},
        {"", NULL, 0, true, ERR_OK, "ca.pem"},
        {"", "hub-2.internal", 0, false, ERR_TLS_NAME, "ca.pem"},
        {"", "127.0.0.1", 0, false, ERR_TLS_NAME, "ca.pem"},
        {"", "hub-1.internal", 0, false, ERR_TLS_UNTRUSTED, "other.pem"},
        {"", NULL, 0, true, ERR_TLS_UNTRUSTED, "other.pem"},
        {"", NULL, 11, true, ERR_TLS_EXPIRED, "ca.pem"},
        {"extendedKeyUsage=serverAuth", "hub-1.internal", 0, false, ERR_OK, "ca.pem"},
        {"extendedKeyUsage=serverAuth", NULL, 0, true, ERR_TLS_CERTIFICATE, "ca.pem"},
        {"extendedKeyUsage=clientAuth", "hub-1.internal", 0, false, ERR_TLS_CERTIFICATE, "ca.pem"},
        {"extendedKeyUsage=clientAuth", NULL, 0, true, ERR_OK, "ca.pem"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[512];
        enum err why = ERR_OK;
        snprintf(command, sizeof command,
                 "cd %s && printf 'subjectAltName=DNS:hub-1.internal\n%s\n' >ext && "
                 "openssl x509 -req -in ec.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 10 "
                 "-extfile ext -out node.pem 2>/dev/null",
                 certs_directory, cases[i].extensions);
        assert_int_equal(system(command), 0);
        struct identity *id =
            identity_new(certs_file("node.pem"), certs_file("ec.key"), &why, text, sizeof text);
        assert_non_null(id);
        struct trust *trust = trust_new(
            &(struct trust_sources){.file = certs_file(cases[i].ca), .clients = cases[i].clients},
            &why, text, sizeof text);
        assert_non_null(trust);
        int64_t now = (int64_t)time(NULL) + 86400 * cases[i].later;
        bool good = identity_is_trusted(id, trust, cases[i].host, now, &why, text, sizeof text);
        if (why != cases[i].why || good != (why == ERR_OK) || good != (text[0] == 0))
            fail_msg("case %zu: %d, \"%s\"", i, (int)why, text);
        trust_free(trust);
        assert_true(identity_has_host(id, "hub-1.internal"));
        assert_false(identity_has_host(id, "hub-9.example"));
        identity_free(id);
    }
}

/* ---- DER and subjectAltName ---- */

static void test_der(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[8];
        size_t n;
        bool good;
        size_t content;
    } cases[] = {
        {{0x04, 0x00}, 2, true, 0},
        {{0x04, 0x02, 1, 2}, 4, true, 2},
        {{0x04, 0x02, 1}, 3, false, 0},          /* cut */
        {{0x04}, 1, false, 0},                   /* no length */
        {{0}, 0, false, 0},                      /* nothing */
        {{0x04, 0x80, 0, 0}, 4, false, 0},       /* indefinite */
        {{0x04, 0x81, 0x02, 1, 2}, 5, false, 0}, /* length not minimal */
        {{0x04, 0x82, 0x00, 0x02, 1, 2}, 6, false, 0},
        {{0x04, 0x85, 0, 0, 0, 0, 1, 1}, 8, false, 0},
        {{0x04, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, 6, false, 0}, /* beyond everything */
        {{0x1F, 0x01, 1}, 3, false, 0},                      /* high tag */
        {{0x04, 0x82, 1}, 3, false, 0},                      /* cut in the length */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct der in = {cases[i].bytes, cases[i].n}, content;
        uint8_t tag;
        assert_int_equal(der_next(&in, &tag, &content), cases[i].good);
        if (cases[i].good) {
            assert_int_equal(content.n, cases[i].content);
            assert_int_equal(in.n, 0);
        } else {
            assert_ptr_equal(in.p, cases[i].bytes);
        }
    }
    uint8_t large[131] = {0x04, 0x81, 0x80};
    struct der in = {large, sizeof large}, content;
    assert_true(der_expect(&in, DER_OCTETS, &content));
    assert_int_equal(content.n, 128);
    in = (struct der){large, sizeof large};
    assert_false(der_expect(&in, DER_SEQUENCE, &content));
    assert_int_equal(in.n, sizeof large);
}

static const uint8_t loopback[] = {127, 0, 0, 1};

static bool names_loopback(struct der names)
{
    return san_has_address(names, loopback, 4, "127.0.0.1");
}

static void test_san_crafted(void **state)
{
    (void)state;
    static const struct {
        uint8_t names[24];
        size_t n;
        bool match;
        const char *first;
    } cases[] = {
        {{0x87, 4, 127, 0, 0, 1}, 6, true, "127.0.0.1"},
        {{0x87, 4, 127, 0, 0, 2}, 6, false, "127.0.0.2"},
        {{0x82, 1, 'x', 0x87, 4, 127, 0, 0, 1}, 9, true, "x"},
        {{0x82, 9, '1', '2', '7', '.', '0', '.', '0', '.', '1'}, 11, true, "127.0.0.1"},
        {{0x82, 8, '1', '2', '7', '.', '0', '.', '0', '.'}, 10, false, "127.0.0."},
        /* an address that does not match rules the text out */
        {{0x82, 9, '1', '2', '7', '.', '0', '.', '0', '.', '1', 0x87, 4, 1, 1, 1, 1},
         17,
         false,
         "127.0.0.1"},
        {{0x87, 3, 127, 0, 0}, 5, false, ""},
        {{0x87, 5, 127, 0, 0, 1, 0}, 7, false, ""},
        {{0x86, 4, 127, 0, 0, 1}, 6, false, ""},                   /* a URI */
        {{0x87, 4, 127, 0, 0, 1, 0x82, 9}, 8, false, "127.0.0.1"}, /* damaged behind it */
        {{0}, 0, false, ""},
        {{0x82, 3, 'a', 0, 'b'}, 5, false, "a\\x00b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char first[40];
        struct der names = {cases[i].names, cases[i].n};
        assert_int_equal(names_loopback(names), cases[i].match);
        assert_string_equal(san_first(names, first, sizeof first), cases[i].first);
    }
}

struct leaf_check {
    unsigned seen;
};

/* What the certificate says, and with any bit of it changed no byte outside it is read (ASan). */
static void with_each_bit_changed(const uint8_t *p, size_t n)
{
    char first[40];
    for (size_t i = 0; i < n; i++)
        for (unsigned flip = 1; flip < 256; flip <<= 1) {
            struct certificate c;
            uint8_t *copy = malloc(n);
            assert_non_null(copy);
            memcpy(copy, p, n);
            copy[i] ^= (uint8_t)flip;
            if (certificate_parse(&c, copy, n) == NULL) {
                names_loopback(c.names);
                san_first(c.names, first, sizeof first);
            }
            free(copy);
        }
}

static bool on_leaf(void *ctx, const char *name, const uint8_t *der, size_t n)
{
    struct leaf_check *c = ctx;
    static const uint8_t v6[16] = {[15] = 1}, other[16] = {[15] = 2};
    char first[40];
    struct certificate parsed;
    assert_string_equal(name, "CERTIFICATE");
    assert_null(certificate_parse(&parsed, der, n));
    struct der names = parsed.names;
    if (c->seen++ == 0) {
        assert_true(names_loopback(names));
        assert_true(san_has_address(names, v6, 16, "::1"));
        assert_false(san_has_address(names, other, 16, "::2"));
        assert_false(san_has_address(names, v6, 4, "0.0.0.0"));
        assert_string_equal(san_first(names, first, sizeof first), "localhost");
        with_each_bit_changed(der, n);
    } else {
        assert_false(names_loopback(names)); /* the CA's: no names at all */
        assert_string_equal(san_first(names, first, sizeof first), "");
    }
    return true;
}

static void test_san_real(void **state)
{
    (void)state;
    struct buf pem = get_file("ec.pem");
    struct leaf_check c = {0};
    assert_true(pem_each(pem.data, pem.size, on_leaf, &c));
    assert_int_equal(c.seen, 2);
    buf_free(&pem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),         cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_rsa_mismatch), cmocka_unit_test(test_order),
        cmocka_unit_test(test_problems),     cmocka_unit_test(test_trusted),
        cmocka_unit_test(test_der),          cmocka_unit_test(test_san_crafted),
        cmocka_unit_test(test_san_real),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
