/* Clients that show a certificate: who is let in, under which name, and what resumption keeps. */
#include "tests/support/net.h"

#include "core/net/listener.h"
#include "core/tls/dn.h"
#include "core/tls/identity.h"
#include "core/tls/tls.h"
#include "tests/support/certificates.h"

#include <sys/wait.h>

/* NAME.pem, NAME.key; signed by `devices`, unless it says otherwise. */
static const char devices_script[] =
    "set -e; cd \"$D\"; exec 2>openssl.log\n"
    "ec() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; }\n"
    "sign() { openssl req -new -key $1.key -subj \"$2\" -out $1.csr;\n"
    "  printf \"basicConstraints=CA:$5\\n$6\\n\" >$1.ext;\n"
    "  openssl x509 -req -in $1.csr -CA $3.pem -CAkey $3.key -CAcreateserial -days $4 "
    "    -extfile $1.ext -out $1.pem; }\n"
    "ec devices; openssl req -x509 -new -key devices.key -days 30 -subj /CN=devices "
    "  -out devices.pem\n"
    "ec dev; sign dev /O=plant/CN=RemoteDevice1 devices 30 FALSE\n"
    "cp rsa.key devrsa.key; sign devrsa /CN=RemoteDevice2 devices 30 FALSE\n"
    "ec stranger; sign stranger /CN=RemoteDevice1 other 30 FALSE\n"
    "cp dev.key old.key; sign old /CN=RemoteDevice1 devices -1 FALSE\n"
    "cp dev.key twice.key; sign twice /CN=RemoteDevice1/CN=RemoteDevice2 devices 30 FALSE\n"
    "cp dev.key nameless.key; sign nameless /O=plant devices 30 FALSE\n"
    "cp dev.key sealed.key; sign sealed /CN=RemoteDevice1 devices 30 FALSE "
    "  keyUsage=critical,keyAgreement\n"
    "cp dev.key under.key; sign under /CN=RemoteDevice3 dev 30 FALSE; cat dev.pem >>under.pem\n"
    "ec line; sign line /CN=line devices 30 TRUE\n"
    "cp dev.key chained.key; sign chained /CN=RemoteDevice4 line 30 FALSE; "
    "  cat line.pem >>chained.pem\n"
    "openssl genrsa -out otherrsa.key 2048; sign otherrsa /CN=x devices 30 FALSE\n"
    "openssl req -x509 -new -key dev.key -days 30 -subj /CN=RemoteDevice1 -out alone.pem\n"
    "cp dev.key alone.key\n";

static struct trust *servers, *devices;

static struct trust *load_trust(const char *file)
{
    char text[256];
    enum err why;
    struct trust *t =
        trust_new(&(struct trust_sources){.file = certs_file(file)}, &why, text, sizeof text);
    if (t == NULL)
        fail_msg("%s", text);
    return t;
}

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

struct setup {
    const char *server, *client; /* certificates; client NULL: none */
    struct identity *as;         /* in place of client */
    bool asks;
    struct tls_session *session;
    struct tls_cache *cache;
};

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
    struct tls_server_options o = {
        .identity = server, .cache = s->cache, .client_trust = s->asks ? devices : NULL};
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

static void assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, part);
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

/* ---- OpenSSL ---- */

static pid_t run(char *const argv[], int *output)
{
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(fd[1], 1);
        dup2(null, 2);
        close(fd[0]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(fd[1]);
    *output = fd[0];
    return pid;
}

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
        pid_t pid = run(argv, &output);
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
        pid_t pid = run(argv, &output);
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

/* ---- */

static int setup(void **state)
{
    char command[sizeof devices_script + 128];
    (void)state;
    if (certs_make() != 0)
        return -1;
    snprintf(command, sizeof command, "D=%s\n%s", certs_directory, devices_script);
    if (system(command) != 0)
        return -1;
    servers = load_trust("ca.pem");
    devices = load_trust("devices.pem");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    trust_free(servers);
    trust_free(devices);
    return certs_remove();
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
        TEST(threads_share_what_they_may),
        cmocka_unit_test(names_are_read_strictly),
        cmocka_unit_test(one_name_is_wanted),
        cmocka_unit_test(damaged_ones_do_no_harm),
        TEST(openssl_shows_a_certificate),
        TEST(openssl_asks_for_a_certificate),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
