/* Certification paths: a table of what certificates look like, and what we and `openssl verify` say
 * to each. path_certificates.sh makes the certificates at the start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/tls/constraint.h"
#include "core/tls/path.h"
#include "core/tls/pem.h"
#include "core/tls/san.h"
#include "tests/support/certificates.h"

#include <time.h>

enum theirs { THEY_ACCEPT, THEY_REFUSE, NOBODY_ASKS };

struct shape {
    const char *what;
    const char *trusted, *leaf,
        *shown; /* files without .pem; shown: behind the leaf, with blanks */
    enum err why;
    const char *says;
    enum theirs theirs;
    const char *host; /* NULL: localhost */
    int days;         /* later than now */
    bool device;      /* a client's */
    bool partial;     /* openssl's -partial_chain: a trusted one need not be self-signed */
};

#define ACCEPT .theirs = THEY_ACCEPT
#define REFUSE .theirs = THEY_REFUSE
#define NOT_ASKED .theirs = NOBODY_ASKS
#define GOOD ERR_OK, "", ACCEPT
#define BAD ERR_TLS_CERTIFICATE
#define UNKNOWN ERR_TLS_UNTRUSTED

static const struct shape shapes[] = {
    {"straight", "ca", "plain", "", GOOD},
    {"one between", "ca", "leaf", "inter", GOOD},
    {"two between", "ca", "deep", "inter2 inter", GOOD},
    {"with the root", "ca", "leaf", "inter ca", GOOD},
    {"out of order", "ca", "deep", "inter inter2", GOOD},
    {"root first", "ca", "deep", "ca inter inter2", GOOD},
    {"doubled", "ca", "leaf", "leaf inter inter leaf", GOOD},
    {"strays", "ca", "leaf", "other plain len0 inter deep", GOOD},
    {"many roots", "other ca x1", "leaf", "inter", GOOD},
    {"one is missing", "ca", "leaf", "", UNKNOWN, "issued by O=Field, CN=inter", REFUSE},
    {"one of two is missing", "ca", "deep", "inter2", UNKNOWN, "issued by O=Field, CN=inter",
     REFUSE},
    {"another root", "other", "leaf", "inter", UNKNOWN, "issued by O=Field, CN=ca", REFUSE},
    {"another root, with its own", "other", "leaf", "inter ca", UNKNOWN, "CN=ca is self-signed",
     REFUSE},
    {"self-signed", "ca", "own2", "", UNKNOWN, "CN=own2 is self-signed", REFUSE},
    {"self-signed and trusted", "own2", "own2", "", GOOD},
    {"self-signed, no authority, and trusted", "own", "own", "", GOOD},
    {"an intermediate is trusted", "inter", "leaf", "", GOOD, .partial = true},
    {"the leaf is trusted", "plain", "plain", "", GOOD, .partial = true},
    {"an impostor of the issuer", "ca", "leaf", "impostor", UNKNOWN, "is self-signed", REFUSE},
    {"an impostor of the trusted", "impostor", "leaf", "inter", UNKNOWN, "signature", REFUSE},
    {"an impostor before the issuer", "ca", "leaf", "impostor inter", GOOD},
    {"a name in other letters", "ca", "leaf", "loud", GOOD},

    {"all in time", "shortca", "fromshort", "", GOOD, .days = 5},
    {"the root has expired", "shortca", "fromshort", "", ERR_TLS_EXPIRED,
     "expired: that of O=Field, CN=shortca was valid until", REFUSE, .days = 20},
    {"the one between has expired", "ca", "belowshort", "shortint", ERR_TLS_EXPIRED,
     "expired: that of O=Field, CN=shortint was valid until", REFUSE, .days = 20},
    {"the leaf has expired", "ca", "brief", "", ERR_TLS_EXPIRED,
     "expired: that of O=Field, CN=brief was valid until", REFUSE, .days = 20},
    {"not yet valid", "ca", "plain", "", ERR_TLS_EXPIRED, "not yet valid: that of", REFUSE,
     .days = -2},
    {"cross-signed, new root", "x1", "le", "r3 x1cross", GOOD},
    {"cross-signed, old root", "oldroot", "le", "r3 x1cross", GOOD},
    {"expired cross-sign, new root", "x1", "le", "r3 x1old", GOOD, .days = 20},
    {"expired cross-sign, old root", "oldroot", "le", "r3 x1old", ERR_TLS_EXPIRED, "expired",
     REFUSE, .days = 20},
    {"expired cross-sign and a good one", "oldroot", "le", "r3 x1old x1cross", GOOD, .days = 5},

    {"a root that only may sign", "nobasic", "undernobasic", "", GOOD},
    {"a root of version 1", "v1ca", "underv1", "", GOOD},
    {"a root that does not say what it is", "nothing", "undernothing", "", BAD,
     "not an authority's", REFUSE},
    {"version 1 between", "ca", "underv1int", "v1int", BAD, "not an authority's", REFUSE},
    {"may sign, but no authority", "ca", "underusage", "usageint", BAD, "not an authority's",
     REFUSE},
    {"no authority", "ca", "underfalse", "falseint", BAD, "not an authority's", REFUSE},
    {"an end entity signs", "ca", "leaf", "plain inter2", UNKNOWN, "not signed by", REFUSE},
    {"may not sign", "ca", "undernosign", "nosign", BAD, "not an authority's", REFUSE},
    {"a root that may not sign", "rootnosign", "underrootnosign", "", BAD, "not an authority's",
     REFUSE},
    {"path length kept", "ca", "ok0", "len0", GOOD},
    {"path length exceeded", "ca", "bad0", "below0 len0", BAD, "path length", REFUSE},
    {"root's path length kept", "rootlen0", "rl", "", GOOD},
    {"root's path length exceeded", "rootlen0", "rlbad", "rlint", BAD, "path length", REFUSE},
    {"root's path length of 1 kept", "rootlen1", "rl1", "rl1int", GOOD},

    {"a new key of the root, self-issued", "roll", "underrolled", "rolled", GOOD},
    {"its constraints below that", "roll", "outside", "rolled", BAD, "CN=outside", REFUSE},

    {"for servers", "ca", "ekus", "", GOOD},
    {"for both", "ca", "ekub", "", GOOD},
    {"for clients", "ca", "ekuc", "", BAD, "not meant for TLS servers", REFUSE},
    {"for mail", "ca", "ekumail", "", BAD, "not meant for TLS servers", REFUSE},
    {"for anything (RFC 5280; GnuTLS accepts it)", "ca", "ekuany", "", ERR_OK, "", REFUSE},
    {"an authority for clients", "ca", "underintc", "intc", BAD, "not meant for TLS servers",
     REFUSE},
    {"a root for clients", "rootc", "underrootc", "", BAD, "not meant for TLS servers", REFUSE},
    {"key for signatures", "ca", "kusig", "", GOOD},
    {"key for lists", "ca", "kucrl", "", BAD, "digitalSignature", REFUSE},
    {"key to encrypt with (ECDHE signs)", "ca", "kuenc", "", BAD, "digitalSignature", NOT_ASKED},

    {"unknown, critical", "ca", "unknown", "", BAD, "critical extension", REFUSE},
    {"unknown, not critical", "ca", "unknown2", "", GOOD},
    {"critical policies", "ca", "policy", "policyint", GOOD},
    {"must-staple", "ca", "staple", "", GOOD},

    {"RSA-1024 root", "small", "fromsmall", "", BAD, "too short: RSA-1024", REFUSE},
    {"RSA-1024 leaf", "ca", "smallleaf", "", BAD, "too short: RSA-1024", REFUSE},
    {"RSA-2048 root, SHA-512", "rsaca", "fromrsa", "", GOOD},
    {"RSA-4096 root, SHA-384", "big", "frombig", "", GOOD},
    {"P-384 root", "p384", "from384", "", GOOD},
    {"P-521 root", "p521", "from521", "", GOOD},
    {"SHA-1", "rsaca", "sha1", "", BAD, "signed by SHA-1 with RSA", REFUSE},
    {"RSA-PSS (BearSSL has none)", "rsaca", "pss", "", BAD, "signed by RSA-PSS", ACCEPT},
    {"Ed25519 root (BearSSL has none)", "edca", "fromed", "", BAD, "Ed25519", ACCEPT},
    {"Ed25519 leaf (BearSSL has none)", "ca", "edleaf", "", BAD, "Ed25519", ACCEPT},
    {"secp256k1 leaf (BearSSL has none)", "ca", "k256", "", BAD, "another curve", ACCEPT},

    {"constrained root", "ncroot", "ncroot1", "", GOOD},
    {"constrained root, another name", "ncroot", "ncroot2", "", BAD,
     "CN=ncroot may not sign for elsewhere.example", REFUSE, "elsewhere.example"},
    {"constrained root, one between", "ncroot", "ncroot3", "ncrooti", BAD,
     "CN=ncroot may not sign for elsewhere.example", REFUSE, "elsewhere.example"},
    {"permitted, critical", "ca", "both", "bothi", GOOD},
    {"permitted", "ca", "soft", "softi", GOOD},
    {"not permitted", "ca", "softno", "softnoi", BAD, "may not sign for localhost", REFUSE},
    {"not permitted, critical", "ca", "hardno", "hardnoi", BAD, "may not sign for localhost",
     REFUSE},
    {"excluded", "ca", "excl", "excli", BAD, "may not sign for localhost", REFUSE},
    {"another one excluded", "ca", "exclother", "exclotheri", GOOD},
    {"address not permitted", "ca", "ipno", "ipnoi", BAD, "may not sign for 127.0.0.1", REFUSE},
    {"address excluded", "ca", "ipexcl", "ipexcli", BAD, "may not sign for 127.0.0.1", REFUSE},
    {"only IPv6 permitted", "ca", "ip6", "ip6i", BAD, "may not sign for 127.0.0.1", REFUSE},
    {"below a domain", "ca", "sub", "subi", GOOD, "hub.plant.example"},
    {"below a domain with a dot", "ca", "subdot", "subdoti", GOOD, "hub.plant.example"},
    {"the domain itself, with a dot", "ca", "dotself", "dotselfi", BAD, "plant.example", REFUSE,
     "plant.example"},
    {"ends like the domain", "ca", "suffix", "suffixi", BAD, "robotplant", REFUSE,
     "robotplant.example"},
    {"in other letters", "ca", "case", "casei", GOOD, "hub.plant.example"},
    {"one of two names", "ca", "second", "secondi", BAD, "elsewhere.example", REFUSE,
     "hub.plant.example"},
    {"common name not permitted", "ca", "cnno", "cnnoi", BAD, "may not sign for hub.elsewhere",
     REFUSE, "hub.elsewhere.example"},
    {"common name permitted", "ca", "cnyes", "cnyesi", GOOD, "hub.plant.example"},
    {"mail constrained, none there", "ca", "emailonly", "emailonlyi", GOOD},
    {"mail not permitted", "ca", "emailno", "emailnoi", BAD, "a@b.example", REFUSE},
    {"mail permitted", "ca", "emailyes", "emailyesi", GOOD},
    {"URI not permitted", "ca", "urino", "urinoi", BAD, "https://b.example/x", REFUSE},
    {"URI permitted", "ca", "uriyes", "uriyesi", GOOD},
    {"subject permitted", "ca", "dn", "dni", GOOD},
    {"subject not permitted", "ca", "dnno", "dnnoi", BAD, "CN=dnno", REFUSE},
    {"subject excluded", "ca", "dnexcl", "dnexcli", BAD, "CN=dnexcl", REFUSE},
    {"a kind that is not there", "ca", "rid", "ridi", GOOD},
    {"constrained, one between", "ca", "nctwo", "ncmid bothi", GOOD},
    {"constrained, one between, another name", "ca", "nctwono", "ncmid bothi", BAD, "elsewhere",
     REFUSE, "elsewhere.example"},
    {"wildcard around an excluded one", "ca", "wild", "wildi", BAD, "secret.plant.example",
     NOT_ASKED, "secret.plant.example"},
    {"wildcard, another one excluded", "ca", "wild", "wildi", GOOD, "open.plant.example"},
    {"an address as a host name", "ca", "spelled", "spelledi", BAD, "127.0.0.1", NOT_ASKED,
     "127.0.0.1"},

    {"address", "ca", "plain", "", GOOD, "127.0.0.1"},
    {"another address", "ca", "plain", "", ERR_TLS_NAME, "not 127.0.0.2", REFUSE, "127.0.0.2"},
    {"another name", "ca", "plain", "", ERR_TLS_NAME, "for localhost, not elsewhere.example",
     REFUSE, "elsewhere.example"},
    {"wildcard", "ca", "wildcard", "", GOOD, "hub.plant.example"},
    {"wildcard, two labels", "ca", "wildcard", "", ERR_TLS_NAME, "not a.hub", REFUSE,
     "a.hub.plant.example"},
    {"wildcard, none", "ca", "wildcard", "", ERR_TLS_NAME, "not plant", REFUSE, "plant.example"},
    {"wildcard of a top level", "ca", "toplevel", "", ERR_TLS_NAME, "not hub.example", REFUSE,
     "hub.example"},
    {"common name only", "ca", "cn", "", GOOD},
    {"common name beside an address", "ca", "cnip", "", GOOD},
    {"common name beside a host name", "ca", "cnsan", "", ERR_TLS_NAME, "for elsewhere", REFUSE},
    {"no subject", "ca", "bare", "", GOOD},

    {"device", "ca", "dev", "", GOOD, .device = true},
    {"device without a purpose", "ca", "plain", "", GOOD, .device = true},
    {"device with a server's", "ca", "devserver", "", BAD, "not meant for TLS clients", REFUSE,
     .device = true},
    {"device of an authority for clients", "ca", "underintc", "intc", GOOD, .device = true},
    {"device outside of the subjects", "ca", "dnno", "dnnoi", BAD, "CN=dnno", REFUSE,
     .device = true},
};

/* ---- ours ---- */

#define MOST 16

struct pile {
    struct certificate all[MOST];
    uint8_t *bytes[MOST];
    size_t n;
};

static bool on_certificate(void *ctx, const char *name, const uint8_t *der, size_t n)
{
    struct pile *p = ctx;
    assert_string_equal(name, "CERTIFICATE");
    assert_true(p->n < MOST && n > 0);
    p->bytes[p->n] = malloc(n);
    memcpy(p->bytes[p->n], der, n);
    const char *problem = certificate_parse(&p->all[p->n], p->bytes[p->n], n);
    if (problem != NULL)
        fail_msg("%s", problem);
    p->n++;
    return true;
}

static void load(struct pile *p, const char *names)
{
    char list[256], file[64];
    snprintf(list, sizeof list, "%s", names);
    for (char *rest = list, *one; (one = strsep(&rest, " ")) != NULL;) {
        struct buf text;
        if (one[0] == '\0')
            continue;
        snprintf(file, sizeof file, "%s.pem", one);
        assert_int_equal(pem_read(certs_file(file), &text), ERR_OK);
        assert_true(pem_each(text.data, text.size, on_certificate, p));
        buf_free(&text);
    }
}

static void unload(struct pile *p)
{
    while (p->n > 0)
        free(p->bytes[--p->n]);
}

static const char *host_of(const struct shape *s)
{
    return s->device ? NULL : s->host != NULL ? s->host : "localhost";
}

static bool ask_ourselves(const struct shape *s, int64_t now)
{
    struct pile trusted = {.n = 0}, shown = {.n = 0};
    struct path_verdict v;
    load(&trusted, s->trusted);
    load(&shown, s->leaf);
    load(&shown, s->shown);
    path_verify(&(struct path_question){.shown = shown.all,
                                        .n = shown.n,
                                        .anchors = trusted.all,
                                        .n_anchors = trusted.n,
                                        .purpose = s->device ? PURPOSE_CLIENT : PURPOSE_SERVER,
                                        .host = host_of(s),
                                        .now = now},
                &v);
    bool right = v.why == s->why && strstr(v.text, s->says) != NULL;
    if (!right)
        print_error("%s: we say %s: \"%s\"\n", s->what, err_name(v.why), v.text);
    if (v.why == ERR_OK && v.ends <= now) {
        print_error("%s: good until %lld only\n", s->what, (long long)v.ends);
        right = false;
    }
    unload(&trusted);
    unload(&shown);
    return right;
}

/* ---- theirs ---- */

/* "-trusted a.pem -trusted b.pem" of "a b". */
static void add_files(char *command, size_t size, const char *option, const char *names)
{
    while (*names != '\0') {
        size_t n = strcspn(names, " "), used = strlen(command);
        snprintf(command + used, size - used, " %s %.*s.pem", option, (int)n, names);
        names += n + strspn(names + n, " ");
    }
}

static bool ask_openssl(const struct shape *s, int64_t now)
{
    char command[1024], host[128] = "";
    if (s->theirs == NOBODY_ASKS)
        return true;
    if (!s->device)
        snprintf(host, sizeof host, "-verify_%s %s",
                 strspn(host_of(s), "0123456789.") == strlen(host_of(s)) ? "ip" : "hostname",
                 host_of(s));
    snprintf(command, sizeof command,
             "cd %s; exec >verdict 2>&1 openssl verify -auth_level 2 -attime %lld -purpose %s %s "
             "%s",
             certs_directory, (long long)now, s->device ? "sslclient" : "sslserver", host,
             s->partial ? "-partial_chain" : "");
    add_files(command, sizeof command, "-trusted", s->trusted);
    add_files(command, sizeof command, "-untrusted", s->leaf);
    add_files(command, sizeof command, "-untrusted", s->shown);
    add_files(command, sizeof command, "", s->leaf);
    bool accepted = system(command) == 0;
    if (accepted == (s->theirs == THEY_ACCEPT))
        return true;
    snprintf(command, sizeof command, "cat %s/verdict", certs_directory);
    print_error("%s: openssl %s it:\n", s->what, accepted ? "accepts" : "refuses");
    if (system(command) != 0)
        print_error("there is no verdict\n");
    return false;
}

static void test_shapes(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int64_t now = (int64_t)time(NULL) + 86400 * shapes[i].days;
        wrong += !ask_ourselves(&shapes[i], now);
        wrong += !ask_openssl(&shapes[i], now);
    }
    assert_int_equal(wrong, 0);
}

/* ---- hostile ones ---- */

static struct path_verdict verify(const struct pile *shown, const struct pile *trusted)
{
    struct path_verdict v;
    path_verify(&(struct path_question){.shown = shown->all,
                                        .n = shown->n,
                                        .anchors = trusted->all,
                                        .n_anchors = trusted->n,
                                        .purpose = PURPOSE_SERVER,
                                        .host = "localhost",
                                        .now = (int64_t)time(NULL)},
                &v);
    return v;
}

/* No byte of what is signed can be another one, wherever it stands in the path. */
static void test_changed_bytes(void **state)
{
    struct pile trusted = {.n = 0}, shown = {.n = 0};
    (void)state;
    load(&trusted, "ca");
    load(&shown, "leaf inter");
    assert_int_equal(verify(&shown, &trusted).why, ERR_OK);
    for (size_t k = 0; k < shown.n; k++) {
        struct certificate whole = shown.all[k];
        for (size_t i = 0; i < whole.whole.n; i += 1 + i % 3) {
            shown.bytes[k][i] ^= 0x21;
            if (certificate_parse(&shown.all[k], shown.bytes[k], whole.whole.n) == NULL)
                assert_int_not_equal(verify(&shown, &trusted).why, ERR_OK);
            shown.bytes[k][i] ^= 0x21;
        }
        shown.all[k] = whole;
    }
    assert_int_equal(verify(&shown, &trusted).why, ERR_OK);
    unload(&trusted);
    unload(&shown);
}

/* Sixteen authorities that all have the name of each other's issuer: paths without end. */
static void test_maze(void **state)
{
    char command[1024];
    struct pile trusted = {.n = 0}, shown = {.n = 0};
    (void)state;
    snprintf(command, sizeof command,
             "cd %s && for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do openssl req -x509 -new -key "
             "ca.key -subj /CN=maze -days 9 -set_serial $i; done >maze.pem 2>/dev/null && "
             "openssl req -x509 -new -key other.key -subj /CN=maze -days 9 -out goal.pem",
             certs_directory);
    assert_int_equal(system(command), 0);
    load(&trusted, "goal other");
    load(&shown, "maze");
    assert_int_equal(verify(&shown, &trusted).why, ERR_TLS_UNTRUSTED);
    unload(&trusted);
    unload(&shown);
}

/* What cannot be understood permits nothing and excludes all. */
static void test_damaged_constraints(void **state)
{
    static const uint8_t address[] = {SAN_ADDRESS, 4, 127, 0, 0, 1};
    static const struct {
        uint8_t bytes[12];
        size_t n;
        bool excluded, allowed;
    } cases[] = {
        {{0x30, 10, SAN_ADDRESS, 8, 10, 0, 0, 0, 255, 0, 0, 0}, 12, true, true},
        {{0x30, 10, SAN_ADDRESS, 8, 127, 0, 0, 0, 255, 0, 0, 0}, 12, true, false},
        {{0x30, 10, SAN_ADDRESS, 8, 127, 0, 0, 0, 255, 0, 0, 0}, 12, false, true},
        {{0x30, 10, SAN_ADDRESS, 8, 127, 0, 0, 0, 255, 0, 0, 0}, 11, false, false}, /* cut */
        {{0x30, 10, SAN_ADDRESS, 8, 10, 0, 0, 0, 255, 0, 0, 0}, 11, true, false},
        {{0x30, 7, SAN_ADDRESS, 5, 10, 0, 0, 0, 255}, 9, true, false}, /* no address with mask */
        {{0x30, 5, SAN_DNS, 0, 0x80, 1, 9}, 7, true, true},            /* of another kind */
        {{0x31, 2, SAN_DNS, 0}, 4, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct der list = {cases[i].bytes, cases[i].n};
        struct certificate below = {.names = {address, sizeof address}},
                           authority = {.is_ca = true};
        char name[CONSTRAINT_NAME];
        *(cases[i].excluded ? &authority.excluded : &authority.permitted) = list;
        if (constraint_allows(&authority, &below, true, name) != cases[i].allowed)
            fail_msg("case %zu", i);
    }
}

static void test_order(void **state)
{
    static const struct {
        const char *files;
        size_t leaf, n, order[4];
    } cases[] = {
        {"leaf inter ca", 0, 3, {0, 1, 2}},
        {"ca inter leaf", 2, 3, {2, 1, 0}},
        {"leaf leaf inter", 0, 2, {0, 2}},
        {"deep other inter plain inter2", 0, 3, {0, 4, 2}},
        {"leaf impostor inter", 0, 2, {0, 2}},
        {"own2", 0, 1, {0}},
        {"leaf", 0, 1, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pile p = {.n = 0};
        size_t order[MOST];
        load(&p, cases[i].files);
        assert_int_equal(path_order(p.all, p.n, cases[i].leaf, order), cases[i].n);
        assert_memory_equal(order, cases[i].order, cases[i].n * sizeof *order);
        unload(&p);
    }
}

static int setup(void **state)
{
    (void)state;
    strcpy(certs_directory, "/tmp/path-test-XXXXXX");
    if (mkdtemp(certs_directory) == NULL)
        return -1;
    char command[512];
    snprintf(command, sizeof command, "sh " PATH_CERTIFICATES " %s", certs_directory);
    if (system(command) == 0)
        return 0;
    snprintf(command, sizeof command, "tail -5 %s/made.log >&2", certs_directory);
    return system(command) != 0 ? -2 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return certs_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes), cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_maze),   cmocka_unit_test(test_damaged_constraints),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
