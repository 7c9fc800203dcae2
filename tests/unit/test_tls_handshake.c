/* TLS: who is let in, and what both sides agree on. */
#include "tests/unit/tls_help.h"

/* ---- handshakes ---- */

static void expect_good(const struct setup *s, bool resumed)
{
    struct pair p;
    begin(&p, s);
    open_both(&p);
    greet(&p);
    assert_int_equal(tls_resumed(p.client.s), resumed);
    assert_int_equal(tls_resumed(p.server.s), resumed);
    uint8_t shown[TLS_FINGERPRINT], seen[TLS_FINGERPRINT];
    identity_fingerprint(identity, shown);
    tls_peer_fingerprint(p.client.s, seen);
    assert_memory_equal(seen, shown, sizeof seen);
    finish(&p);
}

static void expect_failure(const struct setup *s, enum err why, const char *says,
                           const char *server)
{
    struct pair p;
    begin(&p, s);
    while (p.client.failed == ERR_OK || p.server.failed == ERR_OK) {
        assert_false(p.client.opened);
        assert_false(p.server.opened);
        turn(&p);
    }
    assert_string_equal(err_name(p.client.failed), err_name(why));
    if (strstr(p.client.problem, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", p.client.problem, says);
    if (strstr(p.server.problem, server) == NULL)
        fail_msg("server: \"%s\" does not say \"%s\"", p.server.problem, server);
    finish(&p);
}

static void expect_bad(const struct setup *s, enum err why, const char *says, const char *server)
{
    load(s);
    expect_failure(s, why, says, server);
    unload();
}

static void test_good(void **state)
{
    (void)state;
    const struct setup good[] = {
        {.identity = "ec", .trust.file = certs_file("ca.pem")},
        {.identity = "rsa", .trust.file = certs_file("ca.pem")},
        {.identity = "ec", .trust.file = certs_file("ca.pem"), .chacha_first = true},
        {.identity = "rsa", .trust.file = certs_file("ca.pem"), .chacha_first = true},
        {.identity = "ec", .trust.directory = certs_directory},
        {.identity = "ec", .trust.file = certs_file("ca.pem"), .host = "127.0.0.1"},
        {.identity = "ec", .trust.file = certs_file("ca.pem"), .host = "::1"},
        {.identity = "ec", .trust.file = certs_file("ca.pem"), .host = "0:0:0:0:0:0:0:1"},
        {.identity = "ec", .trust.file = certs_file("ca.pem"), .host = "LOCALHOST."},
        {.identity = "rsa", .trust.file = certs_file("ca.pem"), .host = "a7.plant.example"},
        {.identity = "text", .trust.file = certs_file("ca.pem"), .host = "127.0.0.1"},
        {.identity = "mixed", .trust.file = certs_file("ca.pem"), .host = "10.9.8.7"},
        {.identity = "self", .trust.file = certs_file("self.pem")},
        {.identity = "v1", .trust.file = certs_file("v1.pem")},
        {.identity = "old", .trust.insecure = true},
        {.identity = "rsa", .trust.insecure = true, .host = "elsewhere"},
        {.identity = "self", .trust.insecure = true, .host = "192.0.2.1"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct setup s = good[i];
        load(&s);
        expect_good(&s, false);
        unload();
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *identity, *trust, *host;
        enum err why;
        const char *says, *server;
    } bad[] = {
        {"ec", "other.pem", "localhost", ERR_TLS_UNTRUSTED, "not signed by a trusted", "alert 48"},
        {"self", "ca.pem", "localhost", ERR_TLS_UNTRUSTED, "not signed by a trusted", "alert 48"},
        {"ec", "ec.crt", "localhost.example", ERR_TLS_NAME, "for localhost, not localhost.example",
         "alert 42"},
        {"ec", "ca.pem", "example.com", ERR_TLS_NAME, "for localhost, not example.com", "alert 42"},
        {"ec", "ca.pem", "127.0.0.2", ERR_TLS_NAME, "for localhost, not 127.0.0.2", "alert 42"},
        {"ec", "ca.pem", "::2", ERR_TLS_NAME, "not ::2", "alert 42"},
        {"rsa", "ca.pem", "127.0.0.1", ERR_TLS_NAME, "not 127.0.0.1", "alert 42"},
        {"rsa", "ca.pem", "a.b.plant.example", ERR_TLS_NAME, "not a.b.plant", "alert 42"},
        {"mixed", "ca.pem", "127.0.0.1", ERR_TLS_NAME, "certificate is for", "alert 42"},
        {"v1", "v1.pem", "127.0.0.1", ERR_TLS_NAME, "another host name than 127.0.0.1", "alert 42"},
        {"old", "ca.pem", "localhost", ERR_TLS_EXPIRED, "expired", "alert 45"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct setup s = {.identity = bad[i].identity,
                          .trust.file = certs_file(bad[i].trust),
                          .host = bad[i].host};
        expect_bad(&s, bad[i].why, bad[i].says, bad[i].server);
    }
}

/* Names that cannot be checked must not pass for names that need no check. */
static void test_odd_names(void **state)
{
    (void)state;
    char host[400] = "";
    for (size_t n = 0; n < sizeof host; n += n == 250 ? 1 : n == 260 ? 130 : n < 250 ? 250 : 1) {
        struct setup s = usual();
        memset(host, 'a', n);
        host[n] = '\0';
        s.host = host;
        expect_bad(&s, ERR_TLS_NAME,
                   n > 0 && n < 256 ? "certificate is for localhost, not aaa" : "empty or too long",
                   "alert 42");
    }
}

static void test_resumption(void **state)
{
    (void)state;
    struct tls_session session = {{0}};
    struct tls_cache *cache = tls_cache_new(4096);
    struct setup s = usual();
    s.session = &session;
    s.cache = cache;
    load(&s);
    expect_good(&s, false);
    expect_good(&s, true);
    expect_good(&s, true);
    /* With another host it is not offered, so that the name is checked again. */
    s.host = "127.0.0.1";
    expect_good(&s, false);
    expect_good(&s, true);
    /* Another trust, though the same certificates: not offered either. */
    unload();
    load(&s);
    expect_good(&s, false);
    /* The server has forgotten: a full handshake, and a new session. */
    tls_cache_free(cache);
    s.cache = cache = tls_cache_new(4096);
    expect_good(&s, false);
    expect_good(&s, true);
    /* A server without a cache. */
    s.cache = NULL;
    expect_good(&s, false);
    unload();
    tls_cache_free(cache);
    tls_cache_free(tls_cache_new(0));
}

/* A session is as good as the certificate behind it, and no longer; both ends see to that. */
static void test_resumption_ends(void **state)
{
    (void)state;
    struct tls_session session = {{0}};
    struct tls_cache *cache = tls_cache_new(4096);
    struct setup s = usual();
    int64_t now = (int64_t)time(NULL), day = 86400;
    s.session = &session;
    s.cache = cache;
    load(&s);
    expect_good(&s, false);
    s.client_now = s.server_now = now + 29 * day;
    expect_good(&s, true);
    s.server_now = now + 31 * day; /* a server asks for a full handshake then */
    expect_good(&s, false);
    s.server_now = 0;
    expect_good(&s, true);
    s.client_now = now + 31 * day; /* a client does not offer it */
    expect_failure(&s, ERR_TLS_EXPIRED, "certificate expired: that of CN=ec was valid until",
                   "alert 45");
    unload();
    tls_cache_free(cache);
}

static void test_new_certificate(void **state)
{
    (void)state;
    struct tls_session session = {{0}};
    struct tls_cache *cache = tls_cache_new(4096);
    struct setup s = usual();
    char text[256];
    enum err why;
    s.session = &session;
    s.cache = cache;
    load(&s);
    expect_good(&s, false);
    expect_good(&s, true);
    identity_free(identity);
    identity = identity_new(certs_file("ec.pem"), certs_file("ec.key"), &why, text, sizeof text);
    expect_good(&s, true); /* read again, but the same */
    identity_free(identity);
    identity = identity_new(certs_file("rsa.pem"), certs_file("rsa.key"), &why, text, sizeof text);
    expect_good(&s, false);
    expect_good(&s, true);
    unload();
    tls_cache_free(cache);
}

/* An insecure session must not get a verifying client past its checks. */
static void test_resumption_verifies(void **state)
{
    (void)state;
    struct tls_session session = {{0}};
    struct tls_cache *cache = tls_cache_new(4096);
    struct setup s = {
        .identity = "ec", .trust.insecure = true, .session = &session, .cache = cache};
    load(&s);
    expect_good(&s, false);
    expect_good(&s, true);
    unload();
    s.trust = (struct trust_sources){.file = certs_file("other.pem")};
    expect_bad(&s, ERR_TLS_UNTRUSTED, "trusted", "alert 48");
    tls_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_resumption_verifies),
        cmocka_unit_test(test_resumption_ends),
        cmocka_unit_test(test_new_certificate),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
