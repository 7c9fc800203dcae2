/* Certificates of clients: connections, resumption, many at once, OpenSSL. */
#include "tests/support/openssl.h"
#include "tests/unit/tls_client_auth_help.h"

static struct identity *load_identity(const char *name)
{
    char text[256], certificate[64], key[64];
    enum err why;
    snprintf(certificate, sizeof certificate, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    struct identity *i =
        identity_new(certs_file(certificate), certs_file(key), &why, text, sizeof text);
    if (i == NULL)
        fail_msg("%s", text);
    return i;
}

/* ---- one connection ---- */

struct pair {
    struct probe client, server;
};

/* The certificates are given away at once: the handshake holds what it needs. */
static void begin(struct pair *p, const struct setup *s)
{
    int fds[2];
    *p = (struct pair){.client = {.stream = NULL}};
    make_pair(UNIX_PAIR, fds);
    struct identity *server = load_identity(s->server);
    struct identity *client = s->client != NULL ? load_identity(s->client) : s->as;
    struct tls_client_options c = {
        .trust = servers, .host = "localhost", .session = s->session, .identity = client};
    struct tls_server_options o = {.identity = server,
                                   .cache = s->cache,
                                   .client_trust = s->asks ? devices : NULL,
                                   .cache_certified = s->certified};
    p->client.stream =
        tls_client(loop, stream_from_fd(loop, fds[0]), &c, &probe_events, &p->client);
    p->server.stream =
        tls_server(loop, stream_from_fd(loop, fds[1]), &o, &probe_events, &p->server);
    assert_non_null(p->client.stream);
    assert_non_null(p->server.stream);
    identity_free(server);
    if (s->client != NULL)
        identity_free(client);
}

static void end(struct pair *p)
{
    probe_close(&p->client);
    probe_close(&p->server);
}

static void talk(struct probe *from, struct probe *to)
{
    to->on_readable = drain;
    stream_read_on(to->stream, true);
    assert_true(stream_write(from->stream, (const uint8_t *)"hello", 5));
    UNTIL(to->size == 5);
    assert_memory_equal(to->got, "hello", 5);
    stream_read_on(to->stream, false);
}

static void assert_text(const char *text, const char *wanted)
{
    if (wanted == NULL ? text != NULL : text == NULL || strcmp(text, wanted) != 0)
        fail_msg("\"%s\" is not \"%s\"", text, wanted);
}

static void expect_name(const struct setup *s, const char *name, bool resumed)
{
    struct pair p;
    begin(&p, s);
    UNTIL(p.client.opened + p.client.failed > 0 && p.server.opened + p.server.failed > 0);
    if (p.client.failed + p.server.failed > 0)
        fail_msg("client: %s, server: %s", tls_problem(p.client.stream),
                 tls_problem(p.server.stream));
    assert_text(tls_peer_name(p.server.stream), name);
    assert_null(tls_peer_name(p.client.stream));
    assert_int_equal(tls_resumed(p.client.stream), resumed);
    assert_int_equal(tls_resumed(p.server.stream), resumed);
    talk(&p.client, &p.server);
    talk(&p.server, &p.client);
    end(&p);
}

/* The server says `why` and `says` in its log, and the client hears `alert`. */
static void expect_refusal(const struct setup *s, enum err why, const char *says, const char *alert)
{
    struct pair p;
    begin(&p, s);
    UNTIL(p.client.failed > 0 && p.server.failed > 0);
    assert_int_equal(p.server.opened, 0);
    assert_int_equal(p.client.opened, 0);
    assert_string_equal(err_name(p.server.why), err_name(why));
    assert_says(tls_problem(p.server.stream), says);
    assert_says(tls_problem(p.client.stream), alert);
    assert_null(tls_peer_name(p.server.stream));
    end(&p);
}

static void the_name_is_proven(void **state)
{
    (void)state;
    static const char *const kinds[] = {"ec", "rsa"};
    for (int i = 0; i < 2; i++) {
        expect_name(&(struct setup){kinds[i], "dev", .asks = true}, "RemoteDevice1", false);
        expect_name(&(struct setup){kinds[i], "devrsa", .asks = true}, "RemoteDevice2", false);
        expect_name(&(struct setup){kinds[i], "chained", .asks = true}, "RemoteDevice4", false);
    }
}

static void who_shows_nothing_has_no_name(void **state)
{
    (void)state;
    expect_name(&(struct setup){"ec", NULL, .asks = true}, NULL, false);
    expect_name(&(struct setup){"rsa", NULL, .asks = true}, NULL, false);
    expect_name(&(struct setup){"ec", "dev", .asks = false}, NULL, false);
}

static void wrong_ones_are_refused(void **state)
{
    static const struct {
        const char *client;
        enum err why;
        const char *says, *alert;
    } cases[] = {
        {"stranger", ERR_TLS_UNTRUSTED, "not signed by a trusted", "alert 48"},
        {"alone", ERR_TLS_UNTRUSTED, "not signed by a trusted", "alert 48"},
        {"old", ERR_TLS_EXPIRED, "expired", "alert 45"},
        {"under", ERR_TLS_CERTIFICATE, "not an authority's", "alert 42"},
        {"sealed", ERR_TLS_CERTIFICATE, "not meant for this use", "alert 42"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refusal(&(struct setup){"ec", cases[i].client, .asks = true}, cases[i].why,
                       cases[i].says, cases[i].alert);
    expect_refusal(&(struct setup){"ec", "stranger", .asks = true}, ERR_TLS_UNTRUSTED,
                   "not signed by a trusted", "not in the hub's --device-ca");
    /* Nobody minds where nobody asks. */
    expect_name(&(struct setup){"ec", "stranger", .asks = false}, NULL, false);
}

/* Somebody else's certificate, which anyone can get hold of, without its key. */
static void a_stolen_certificate_is_refused(void **state)
{
    static const char *const kinds[][2] = {{"dev", "line"}, {"devrsa", "otherrsa"}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct identity *victim = load_identity(kinds[i][0]), *thief = load_identity(kinds[i][1]);
        br_skey_decoder_context key = victim->key;
        victim->key = thief->key;
        expect_refusal(&(struct setup){"ec", .as = victim, .asks = true}, ERR_TLS, "prove",
                       "alert 51");
        victim->key = key;
        identity_free(victim);
        identity_free(thief);
    }
}

/* They are let in, nameless, and the log can say why. */
static void odd_names_are_none(void **state)
{
    static const char *const cases[][2] = {{"twice", "several common names"},
                                           {"nameless", "no common name"}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair p;
        begin(&p, &(struct setup){"ec", cases[i][0], .asks = true});
        UNTIL(p.client.opened == 1 && p.server.opened == 1);
        assert_null(tls_peer_name(p.server.stream));
        assert_says(tls_problem(p.server.stream), cases[i][1]);
        talk(&p.client, &p.server);
        end(&p);
    }
}

static void a_name_goes_along(void **state)
{
    struct pair p;
    (void)state;
    begin(&p, &(struct setup){"ec", "dev", .asks = true});
    UNTIL(p.client.opened == 1 && p.server.opened == 1);
    UNTIL(stream_leave(p.server.stream));
    assert_true(stream_join(p.server.stream, loop));
    assert_text(tls_peer_name(p.server.stream), "RemoteDevice1");
    talk(&p.client, &p.server);
    end(&p);
}

/* ---- resumption ---- */

/* Whoever is resumed there has shown a certificate; nobody else is. */
static void a_cache_of_the_certified(void **state)
{
    struct tls_cache *cache = tls_cache_new(8192);
    struct tls_session nobody = {{0}}, somebody = {{0}};
    struct identity *dev = load_identity("dev");
    (void)state;
    struct setup as_nobody = {"ec", .asks = true, .certified = true, .session = &nobody,
                              .cache = cache};
    struct setup as_dev = {
        "ec", .as = dev, .asks = true, .certified = true, .session = &somebody, .cache = cache};
    expect_name(&as_nobody, NULL, false);
    expect_name(&as_nobody, NULL, false);
    expect_name(&as_dev, "RemoteDevice1", false);
    expect_name(&as_dev, NULL, true);
    as_nobody.session = &somebody; /* another identity's session is not offered at all */
    expect_name(&as_nobody, NULL, false);
    identity_free(dev);
    tls_cache_free(cache);
}

static void resumption_keeps_who_is_who(void **state)
{
    struct tls_cache *cache = tls_cache_new(8192);
    struct tls_session nobody = {{0}}, somebody = {{0}};
    struct identity *dev = load_identity("dev"), *devrsa = load_identity("devrsa");
    (void)state;
    struct setup as_nobody = {"ec", .asks = true, .session = &nobody, .cache = cache};
    struct setup as_dev = {"ec", .as = dev, .asks = true, .session = &somebody, .cache = cache};
    expect_name(&as_nobody, NULL, false);
    expect_name(&as_nobody, NULL, true); /* a nameless one stays nameless */
    expect_name(&as_dev, "RemoteDevice1", false);
    expect_name(&as_dev, "RemoteDevice1", false); /* a name is proven every time */
    as_dev.session = &nobody;
    expect_name(&as_dev, "RemoteDevice1", false); /* a nameless session does not take it away */
    as_dev.as = devrsa;
    as_dev.session = &somebody;
    expect_name(&as_dev, "RemoteDevice2", false); /* nor does somebody else's give one */
    as_nobody.session = &somebody;
    expect_name(&as_nobody, NULL, false);
    expect_name(&as_nobody, NULL, true);
    as_dev.asks = false; /* where nobody asks, one who has a certificate resumes as well */
    expect_name(&as_dev, NULL, false);
    expect_name(&as_dev, NULL, true);
    identity_free(dev);
    identity_free(devrsa);
    tls_cache_free(cache);
}

/* ---- many at once ---- */

#define HANDSHAKES 40

struct racer {
    struct loop *loop;
    struct tls_cache *cache;
    struct identity *identity;
    int left, resumed, wrong;
    struct tls_session session;
    struct stream *client, *server;
    int opened;
};

static void start_handshake(struct racer *r);

static void racer_opened(void *owner)
{
    struct racer *r = owner;
    if (++r->opened < 2)
        return;
    r->resumed += tls_resumed(r->server);
    stream_close(r->client);
    stream_close(r->server);
    if (--r->left > 0)
        start_handshake(r);
}

static void racer_failed(void *owner, enum err why)
{
    struct racer *r = owner;
    (void)why;
    r->wrong++;
    loop_stop(r->loop);
}

static void racer_other(void *owner)
{
    (void)owner;
}

static const struct stream_events racer_events = {.opened = racer_opened,
                                                  .readable = racer_other,
                                                  .writable = racer_other,
                                                  .failed = racer_failed};

static void start_handshake(struct racer *r)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        abort();
    struct identity *mine = identity_ref(r->identity);
    struct tls_client_options c = {.trust = servers, .host = "localhost", .session = &r->session};
    struct tls_server_options o = {.identity = mine, .cache = r->cache, .client_trust = devices};
    r->opened = 0;
    r->client = tls_client(r->loop, stream_from_fd(r->loop, fds[0]), &c, &racer_events, r);
    r->server = tls_server(r->loop, stream_from_fd(r->loop, fds[1]), &o, &racer_events, r);
    identity_free(mine);
}

static void race(void *ctx)
{
    struct racer *r = ctx;
    start_handshake(r);
    loop_run(r->loop);
}

/* On threads of their own, with one certificate, one trust and one cache for all. */
static void threads_share_what_they_may(void **state)
{
    struct racer racers[3] = {{.left = 0}};
    uv_thread_t threads[3];
    struct tls_cache *cache = tls_cache_new(8192);
    struct identity *identity = load_identity("ec");
    (void)state;
    for (int i = 0; i < 3; i++) {
        racers[i] = (struct racer){
            .loop = loop_new(), .cache = cache, .identity = identity, .left = HANDSHAKES};
        assert_int_equal(uv_thread_create(&threads[i], race, &racers[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        uv_thread_join(&threads[i]);
        assert_int_equal(racers[i].wrong, 0);
        assert_int_equal(racers[i].left, 0);
        assert_int_equal(racers[i].resumed, HANDSHAKES - 1);
        loop_free(racers[i].loop);
    }
    identity_free(identity);
    tls_cache_free(cache);
}

/* ---- OpenSSL ---- */

struct host {
    struct probe server;
    struct identity *identity;
};

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    struct host *h = owner;
    (void)l;
    struct tls_server_options o = {.identity = h->identity, .client_trust = devices};
    h->server.stream = tls_server(loop, s, &o, &probe_events, &h->server);
}

static const struct listener_events listening = {.accepted = on_accepted};

static void openssl_shows_a_certificate(void **state)
{
    static const char *const names[][3] = {{"dev", "devices.pem", "RemoteDevice1"},
                                           {"devrsa", "devices.pem", "RemoteDevice2"},
                                           {"chained", "line.pem", "RemoteDevice4"}};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct host h = {.identity = load_identity("ec")};
        char where[32], file[64], key[64];
        enum err why;
        int output;
        struct listener *l = listener_new(loop, "127.0.0.1:0", &listening, &h, &why);
        assert_non_null(l);
        snprintf(where, sizeof where, "127.0.0.1:%d", listener_port(l));
        snprintf(file, sizeof file, "%s.pem", names[i][0]);
        snprintf(key, sizeof key, "%s.key", names[i][0]);
        char *const argv[] = {"openssl",
                              "s_client",
                              "-connect",
                              where,
                              "-quiet",
                              "-cert",
                              (char *)(uintptr_t)certs_file(file),
                              "-cert_chain",
                              (char *)(uintptr_t)certs_file(names[i][1]),
                              "-key",
                              (char *)(uintptr_t)certs_file(key),
                              NULL};
        pid_t pid = openssl_start(argv, &output);
        UNTIL(h.server.opened + h.server.failed > 0);
        if (h.server.failed > 0)
            fail_msg("%s: %s", names[i][0], tls_problem(h.server.stream));
        assert_text(tls_peer_name(h.server.stream), names[i][2]);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(output);
        probe_close(&h.server);
        listener_free(l);
        identity_free(h.identity);
    }
}

static int server_port(int output)
{
    char line[256];
    int port = 0;
    FILE *f = fdopen(dup(output), "r");
    while (port == 0 && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strrchr(line, ':');
        if (strncmp(line, "ACCEPT", 6) == 0 && colon != NULL)
            port = atoi(colon + 1);
    }
    fclose(f);
    return port;
}

/* -Verify: without a good certificate it lets nobody in. */
static void openssl_asks_for_a_certificate(void **state)
{
    static const char *const names[] = {"dev", "devrsa", "chained", NULL};
    (void)state;
    for (int i = 0; i < 4; i++) {
        int output;
        char *const argv[] = {"openssl",
                              "s_server",
                              "-rev",
                              "-accept",
                              "127.0.0.1:0",
                              "-cert",
                              (char *)(uintptr_t)certs_file("ec.pem"),
                              "-key",
                              (char *)(uintptr_t)certs_file("ec.key"),
                              "-tls1_2",
                              "-CAfile",
                              (char *)(uintptr_t)certs_file("devices.pem"),
                              "-Verify",
                              "3",
                              "-verify_return_error",
                              NULL};
        pid_t pid = openssl_start(argv, &output);
        int fd = connect_tcp("127.0.0.1", server_port(output));
        struct identity *identity = names[i] != NULL ? load_identity(names[i]) : NULL;
        struct tls_client_options c = {.trust = servers, .host = "localhost", .identity = identity};
        struct probe p = {.on_readable = drain};
        p.stream = tls_client(loop, stream_from_fd(loop, fd), &c, &probe_events, &p);
        UNTIL(p.opened + p.failed > 0);
        assert_int_equal(p.opened, names[i] != NULL);
        if (names[i] != NULL) {
            stream_read_on(p.stream, true);
            assert_true(stream_write(p.stream, (const uint8_t *)"abc\n", 4));
            UNTIL(p.size == 4);
            assert_memory_equal(p.got, "cba\n", 4);
        } else {
            assert_says(tls_problem(p.stream), "demands a client certificate");
        }
        probe_close(&p);
        if (identity != NULL)
            identity_free(identity);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(output);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)
    const struct CMUnitTest tests[] = {
        TEST(the_name_is_proven),
        TEST(who_shows_nothing_has_no_name),
        TEST(wrong_ones_are_refused),
        TEST(a_stolen_certificate_is_refused),
        TEST(odd_names_are_none),
        TEST(a_name_goes_along),
        TEST(resumption_keeps_who_is_who),
        TEST(a_cache_of_the_certified),
        TEST(threads_share_what_they_may),
        TEST(openssl_shows_a_certificate),
        TEST(openssl_asks_for_a_certificate),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
