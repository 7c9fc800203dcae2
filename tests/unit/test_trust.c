/* Whom a client trusts. */
#include "tests/unit/trust_help.h"

static void put_file(const char *name, const char *content)
{
    FILE *f = fopen(certs_file(name), "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
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
    make_strange_certificates();
    refuse(&(struct trust_sources){.file = certs_file("ed.pem")}, ERR_USAGE,
           "a key that is not supported: Ed25519");
    refuse(&(struct trust_sources){.file = certs_file("pss.pem")}, ERR_USAGE, "RSA-PSS");
    refuse(&(struct trust_sources){.file = certs_file("empty")}, ERR_USAGE, "no certificate in it");
    refuse(&(struct trust_sources){.file = certs_file("garbage")}, ERR_USAGE, "no certificate");
    refuse(&(struct trust_sources){.file = certs_file("zeros")}, ERR_USAGE, "no certificate");
    refuse(&(struct trust_sources){.file = certs_file("ca.key")}, ERR_USAGE, "no certificate");
    refuse(&(struct trust_sources){.file = certs_file("absent")}, ERR_NOT_FOUND, "absent");
    refuse(&(struct trust_sources){.file = certs_directory}, ERR_UNSUPPORTED,
           "no file, but a directory");
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
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
