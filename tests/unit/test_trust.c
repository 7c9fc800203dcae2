/* Trust anchors, keys, and the names in certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/tls/certificate.h"
#include "core/tls/identity.h"
#include "core/tls/pem.h"
#include "core/tls/san.h"
#include "core/tls/trust.h"
#include "tests/support/certificates.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char text[256];

static void put_file(const char *name, const char *content)
{
    FILE *f = fopen(certs_file(name), "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct buf get_file(const char *name)
{
    struct buf b;
    assert_int_equal(pem_read(certs_file(name), &b), ERR_OK);
    return b;
}

static struct trust *load(const struct trust_sources *from)
{
    enum err why = ERR_COUNT;
    struct trust *t = trust_new(from, &why, text, sizeof text);
    if (t == NULL)
        fail_msg("%s", text);
    assert_int_equal(why, ERR_OK);
    return t;
}

static void refuse(const struct trust_sources *from, enum err expected, const char *says)
{
    enum err why = ERR_OK;
    text[0] = '\0';
    assert_null(trust_new(from, &why, text, sizeof text));
    assert_int_equal(why, expected);
    if (strstr(text, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, says);
}

/* ---- trust ---- */

static void test_file(void **state)
{
    (void)state;
    struct trust *t = load(&(struct trust_sources){.file = certs_file("ca.pem")});
    assert_int_equal(t->n, 1);
    assert_true(t->anchors[0].is_ca);
    assert_int_equal(t->anchors[0].key.key.key_type, BR_KEYTYPE_EC);
    trust_free(t);
    t = load(&(struct trust_sources){.file = certs_file("self.pem")});
    assert_false(t->anchors[0].is_ca);
    trust_free(t);
    t = load(&(struct trust_sources){.file = certs_file("v1.pem")});
    assert_true(t->anchors[0].first_version);
    trust_free(t);
    /* A chain: the leaf (no CA) and the CA; rsa.pem has an RSA leaf. */
    t = load(&(struct trust_sources){.file = certs_file("rsa.pem")});
    assert_int_equal(t->n, 2);
    assert_int_equal(t->anchors[0].key.key.key_type, BR_KEYTYPE_RSA);
    assert_false(t->anchors[0].is_ca);
    assert_int_equal(t->anchors[0].key.bits, 2048);
    trust_free(t);
}

/* One certificate, as editors, PowerShell, secret stores and Java's tools hand it over. */
static void test_files_as_they_come(void **state)
{
    (void)state;
    static const char *const made_by[] = {
        "{ printf '\\357\\273\\277'; cat ca.pem; }",
        "sed 's/$/\\r/' ca.pem",
        "{ printf '\\377\\376'; iconv -f utf-8 -t utf-16le ca.pem; }",
        "{ printf '\\376\\377'; iconv -f utf-8 -t utf-16be ca.pem; }",
        "openssl x509 -in ca.pem -outform der",
        "awk '{printf \"%s\\\\n\", $0}' ca.pem",
        "tr -d '\\n' <ca.pem | sed 's/-----BEGIN CERTIFICATE-----/&\\n/;s/-----END/\\n&/'",
        "{ echo 'Bag Attributes'; cat ca.pem; echo; }",
        "sed 's/ CERTIFICATE/ X509 CERTIFICATE/' ca.pem",
        "openssl x509 -in ca.pem -trustout",
    };
    for (size_t i = 0; i < sizeof made_by / sizeof *made_by; i++) {
        char command[512];
        snprintf(command, sizeof command, "cd %s && %s >shape.pem", certs_directory, made_by[i]);
        assert_int_equal(system(command), 0);
        struct trust *t = load(&(struct trust_sources){.file = certs_file("shape.pem")});
        assert_int_equal(t->n, 1);
        trust_free(t);
    }
}

/* OpenSSL's own form, and what it makes of it: `openssl verify -purpose sslserver` says error 28,
 * "certificate rejected", wherever this says no. */
static void test_trust_settings(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        bool servers, clients;
    } cases[] = {{"-addtrust serverAuth", true, false},
                 {"-addtrust clientAuth", false, true},
                 {"-addtrust serverAuth -addtrust clientAuth -setalias x", true, true},
                 {"-addtrust anyExtendedKeyUsage", true, true},
                 {"-addtrust emailProtection", false, false},
                 {"-addreject serverAuth", false, true},
                 {"-addreject emailProtection", true, true},
                 {"-addtrust serverAuth -addreject anyExtendedKeyUsage", false, false}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        bool clients = i % 2 != 0;
        char command[512];
        snprintf(command, sizeof command,
                 "cd %s && openssl x509 -in ca.pem -trustout %s -out trusted.pem", certs_directory,
                 cases[i / 2].settings);
        assert_int_equal(system(command), 0);
        const struct trust_sources from = {.file = certs_file("trusted.pem"), .clients = clients};
        if (clients ? cases[i / 2].clients : cases[i / 2].servers) {
            struct trust *t = load(&from);
            assert_int_equal(t->n, 1);
            assert_true(t->anchors[0].is_ca);
            trust_free(t);
        } else {
            refuse(&from, ERR_USAGE,
                   clients ? "not trusted for TLS clients" : "not trusted for TLS servers");
        }
    }
}

/* Settings that are damaged trust nothing; the certificate in front of them may be read anyhow. */
static void test_settings_cut_off(void **state)
{
    (void)state;
    struct buf whole;
    struct trust t = {.purpose = PURPOSE_SERVER};
    size_t found = 0;
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && { echo '-----BEGIN TRUSTED CERTIFICATE-----'; "
             "{ openssl x509 -in ca.pem -outform der; printf '\\060\\003\\060'; } | base64; "
             "echo '-----END TRUSTED CERTIFICATE-----'; } >cut.pem",
             certs_directory);
    assert_int_equal(system(command), 0);
    whole = get_file("cut.pem");
    assert_true(trust_add_pem(&t, whole.data, whole.size, &found));
    assert_int_equal(found, 0);
    assert_true(t.distrusted);
    buf_free(&whole);
    trust_clear(&t);
}

static void test_bad_files(void **state)
{
    (void)state;
    put_file("empty", "");
    put_file("garbage", "-----BEGIN CERTIFICATE-----\nMIIB????\n-----END CERTIFICATE-----\n");
    put_file("zeros", "-----BEGIN CERTIFICATE-----\nAAAAAAAAAAAAAAAA\n-----END CERTIFICATE-----\n");
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -new -key ed.key -days 9 -subj /CN=ed -out ed.pem && "
             "openssl req -x509 -newkey rsa-pss -nodes -keyout pss.key -days 9 -subj /CN=pss "
             "-out pss.pem 2>/dev/null",
             certs_directory);
    assert_int_equal(system(command), 0);
    refuse(&(struct trust_sources){.file = certs_file("ed.pem")}, ERR_USAGE,
           "a key that is not supported: Ed25519");
    refuse(&(struct trust_sources){.file = certs_file("pss.pem")}, ERR_USAGE, "RSA-PSS");
    refuse(&(struct trust_sources){.file = certs_file("empty")}, ERR_USAGE, "no certificate in it");
    refuse(&(struct trust_sources){.file = certs_file("garbage")}, ERR_USAGE, "no certificate");
    refuse(&(struct trust_sources){.file = certs_file("zeros")}, ERR_USAGE, "no certificate");
    refuse(&(struct trust_sources){.file = certs_file("ca.key")}, ERR_USAGE, "no certificate");
    refuse(&(struct trust_sources){.file = certs_file("absent")}, ERR_NOT_FOUND, "absent");
    refuse(&(struct trust_sources){.file = certs_directory}, ERR_IO, certs_directory);
    refuse(&(struct trust_sources){.directory = certs_file("absent")}, ERR_NOT_FOUND, "absent");
    assert_int_equal(mkdir(certs_file("bare"), 0700), 0);
    refuse(&(struct trust_sources){.directory = certs_file("bare")}, ERR_USAGE, "no certificate");
}

static void test_directory(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && mkdir plain hashed && cp ca.pem other.pem ca.key openssl.log plain &&"
             " mkfifo plain/fifo && mkdir plain/sub && ln -s /nowhere plain/dangling &&"
             " cat ca.pem other.pem >plain/bundle.crt &&"
             " cp ca.pem other.pem hashed && openssl rehash hashed",
             certs_directory);
    assert_int_equal(system(command), 0);
    struct trust *t = load(&(struct trust_sources){.directory = certs_file("plain")});
    assert_int_equal(t->n, 2);
    trust_free(t);
    t = load(&(struct trust_sources){.directory = certs_file("hashed")});
    assert_int_equal(t->n, 2);
    trust_free(t);
    t = load(
        &(struct trust_sources){.directory = certs_file("hashed"), .file = certs_file("self.pem")});
    assert_int_equal(t->n, 3);
    trust_free(t);
}

static void test_system(void **state)
{
    (void)state;
    setenv("SSL_CERT_FILE", certs_file("ca.pem"), 1);
    unsetenv("SSL_CERT_DIR");
    struct trust *t = load(&(struct trust_sources){.file = NULL});
    assert_int_equal(t->n, 1);
    trust_free(t);
    t = load(&(struct trust_sources){.file = certs_file("other.pem"), .system = true});
    assert_int_equal(t->n, 2);
    trust_free(t);
    t = load(&(struct trust_sources){.insecure = true});
    assert_int_equal(t->n, 0);
    trust_free(t);
    setenv("SSL_CERT_FILE", "/nonexistent/file", 1);
    refuse(&(struct trust_sources){.file = NULL}, ERR_NOT_FOUND, "/nonexistent/file");
    refuse(&(struct trust_sources){.file = NULL}, ERR_NOT_FOUND, "name a CA file");
    t = load(&(struct trust_sources){.directory = certs_file("hashed"), .system = true});
    assert_int_equal(t->n, 2);
    trust_free(t);
    /* A list, of which some are not there; and either variable is enough. */
    char list[256];
    snprintf(list, sizeof list, "/nonexistent:%s::%s", certs_file("bare"), certs_file("hashed"));
    setenv("SSL_CERT_DIR", list, 1);
    t = load(&(struct trust_sources){.file = NULL});
    assert_int_equal(t->n, 2);
    trust_free(t);
    unsetenv("SSL_CERT_FILE");
    t = load(&(struct trust_sources){.file = NULL});
    assert_int_equal(t->n, 2);
    trust_free(t);
    setenv("SSL_CERT_DIR", "/nonexistent:/neither", 1);
    refuse(&(struct trust_sources){.file = NULL}, ERR_NOT_FOUND, "/nonexistent:/neither");
    setenv("SSL_CERT_FILE", certs_file("self.pem"), 1);
    t = load(&(struct trust_sources){.file = NULL});
    assert_int_equal(t->n, 1);
    trust_free(t);
    unsetenv("SSL_CERT_DIR");
    setenv("SSL_CERT_FILE", certs_file("ca.key"), 1);
    refuse(&(struct trust_sources){.file = certs_file("other.pem"), .system = true}, ERR_USAGE,
           "ca.key");
    unsetenv("SSL_CERT_FILE");
}

/* Every cut and every flipped byte of a PEM file is either understood or passed over. */
static void test_damaged(void **state)
{
    (void)state;
    struct buf whole = get_file("ca.pem");
    for (size_t i = 0; i < whole.size; i += 3) {
        struct trust t = {0};
        size_t found = 0;
        assert_true(trust_add_pem(&t, whole.data, i, &found));
        whole.data[i] ^= 0x15;
        assert_true(trust_add_pem(&t, whole.data, whole.size, &found));
        whole.data[i] ^= 0x15;
        trust_clear(&t);
    }
    struct trust t = {0};
    size_t found = 0;
    /* The last line without its newline still counts. */
    assert_true(trust_add_pem(&t, whole.data, whole.size - 1, &found));
    assert_int_equal(found, 1);
    assert_true(trust_add_pem(&t, whole.data, whole.size, &found));
    assert_int_equal(found, 2);
    assert_int_equal(t.n, 1);
    trust_clear(&t);
    buf_free(&whole);
}

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

static int setup(void **state)
{
    (void)state;
    return certs_make();
}

static int teardown(void **state)
{
    (void)state;
    return certs_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_trust_settings),
        cmocka_unit_test(test_settings_cut_off),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_files_as_they_come),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_system),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_rsa_mismatch),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_der),
        cmocka_unit_test(test_san_crafted),
        cmocka_unit_test(test_san_real),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
