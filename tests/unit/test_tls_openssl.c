/* TLS: against the openssl program. */
#include "tests/support/openssl.h"
#include "tests/unit/tls_help.h"

/* ---- OpenSSL ---- */

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

struct dialled {
    struct stream *s;
    bool done;
};

static void on_dialled(void *owner, struct stream *s, enum err why)
{
    struct dialled *d = owner;
    (void)why;
    d->s = s;
    d->done = true;
}

static void dial_openssl(struct pair *p, const struct setup *s, int port)
{
    struct dialled d = {0};
    *p = (struct pair){.loop = loop_new()};
    p->timer = timer_new(p->loop, on_late, p);
    timer_start(p->timer, PATIENCE_MS);
    p->client.pair = p;
    dial_start(p->loop, &(struct dial_options){.host = "127.0.0.1", .port = port}, on_dialled, &d);
    while (!d.done)
        turn(p);
    assert_non_null(d.s);
    p->client.s = tls_client(p->loop, d.s,
                             &(struct tls_client_options){.trust = trust,
                                                          .host = "localhost",
                                                          .session = s->session,
                                                          .chacha_first = s->chacha_first},
                             &quiet_events, &p->client);
}

static void hang_up(struct pair *p)
{
    drop(&p->client);
    timer_free(p->timer);
    loop_free(p->loop);
}

static void talk_to_openssl(struct pair *p, const struct setup *s, int port, bool resumed)
{
    char answer[16] = "";
    size_t got = 0;
    dial_openssl(p, s, port);
    while (!p->client.opened) {
        if (p->client.failed != ERR_OK)
            fail_msg("%s", p->client.problem);
        turn(p);
    }
    assert_int_equal(tls_resumed(p->client.s), resumed);
    assert_true(stream_write(p->client.s, (const uint8_t *)"abcdef\n", 7));
    read_on(&p->client, true);
    while (got < 7) {
        long part = stream_pull(p->client.s, (uint8_t *)answer + got, sizeof answer - 1 - got);
        assert_true(part >= 0);
        got += (size_t)part;
        if (part == 0)
            turn(p);
    }
    assert_string_equal(answer, "fedcba\n"); /* s_server -rev */
    hang_up(p);
}

static void test_openssl_server(void **state)
{
    (void)state;
    static const char *const names[] = {"ec", "rsa"};
    static const char *const ciphers[] = {"ALL", "CHACHA20", "AES256", "ALL"};
    for (size_t i = 0; i < 4; i++) {
        char certificate[128], key[128];
        struct tls_session session = {{0}};
        struct setup s = {.identity = names[i % 2],
                          .trust.file = certs_file("ca.pem"),
                          .session = &session,
                          .chacha_first = i == 3};
        struct pair p;
        int output;
        load(&s);
        snprintf(certificate, sizeof certificate, "%s/%s.pem", certs_directory, names[i % 2]);
        snprintf(key, sizeof key, "%s/%s.key", certs_directory, names[i % 2]);
        char *const argv[] = {"openssl",     "s_server",
                              "-rev",        "-accept",
                              "127.0.0.1:0", "-cert",
                              certificate,   "-key",
                              key,           "-cert_chain",
                              certificate,   "-tls1_2",
                              "-cipher",     (char *)(uintptr_t)ciphers[i],
                              NULL};
        pid_t pid = openssl_start(argv, &output);
        int port = server_port(output);
        assert_true(port > 0);
        talk_to_openssl(&p, &s, port, false);
        talk_to_openssl(&p, &s, port, true);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(output);
        unload();
    }
}

/* Servers that want what is not spoken here. */
static void test_said_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *identity, *option, *says;
    } cases[] = {
        {"ec", "-tls1_3", "it does not speak TLS 1.2"},
        {"ed", "-tls1_2", "nothing in common"},
    };
    char command[256];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -new -key ed.key -days 9 -subj /CN=ed -out ed.pem",
             certs_directory);
    assert_int_equal(system(command), 0);
    struct setup s = usual();
    load(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char certificate[128], key[128];
        int output;
        struct pair p;
        snprintf(certificate, sizeof certificate, "%s/%s.pem", certs_directory, cases[i].identity);
        snprintf(key, sizeof key, "%s/%s.key", certs_directory, cases[i].identity);
        char *const argv[] = {
            "openssl",   "s_server", "-accept", "127.0.0.1:0", "-cert",
            certificate, "-key",     key,       "-rev",        (char *)(uintptr_t)cases[i].option,
            NULL};
        pid_t pid = openssl_start(argv, &output);
        dial_openssl(&p, &s, server_port(output));
        while (p.client.failed == ERR_OK && !p.client.opened)
            turn(&p);
        if (p.client.opened || strstr(p.client.problem, cases[i].says) == NULL)
            fail_msg("%s: \"%s\"", cases[i].option, p.client.problem);
        hang_up(&p);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(output);
    }
    unload();
}

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    struct pair *p = owner;
    (void)l;
    p->server.s = tls_server(p->loop, s, &(struct tls_server_options){.identity = identity},
                             &quiet_events, &p->server);
}

static const struct listener_events listening = {.accepted = on_accepted};

static void test_openssl_client(void **state)
{
    (void)state;
    static const struct {
        const char *name, *cipher;
    } cases[] = {{"ec", "ALL"},
                 {"rsa", "ALL"},
                 {"ec", "CHACHA20"},
                 {"rsa", "AES256-GCM-SHA384"},
                 {"rsa", "ECDHE-RSA-AES256-GCM-SHA384"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct setup s = {.identity = cases[i].name, .trust.file = certs_file("ca.pem")};
        struct pair p = {.loop = loop_new()};
        char where[32], ca[128], got[8] = "";
        enum err why;
        int output;
        load(&s);
        p.server.pair = &p;
        p.timer = timer_new(p.loop, on_late, &p);
        timer_start(p.timer, PATIENCE_MS);
        struct listener *l = listener_new(p.loop, "127.0.0.1:0", &listening, &p, &why);
        assert_non_null(l);
        snprintf(where, sizeof where, "127.0.0.1:%d", listener_port(l));
        snprintf(ca, sizeof ca, "%s/ca.pem", certs_directory);
        char *const argv[] = {"openssl",
                              "s_client",
                              "-connect",
                              where,
                              "-CAfile",
                              ca,
                              "-verify_return_error",
                              "-servername",
                              "any.name",
                              "-quiet",
                              "-cipher",
                              (char *)(uintptr_t)cases[i].cipher,
                              NULL};
        pid_t pid = openssl_start(argv, &output);
        while (!p.server.opened && p.server.failed == ERR_OK)
            turn(&p);
        if (strcmp(cases[i].cipher, "AES256-GCM-SHA384") == 0) { /* no ECDHE: not ours */
            assert_int_equal(p.server.failed, ERR_TLS);
            assert_non_null(strstr(p.server.problem, "agree"));
        } else {
            assert_true(p.server.opened);
            assert_true(stream_write(p.server.s, (const uint8_t *)"served", 6));
            uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
            stream_shutdown(p.server.s);
            for (size_t at = 0; at < 6;) {
                ssize_t n = read(output, got + at, sizeof got - 1 - at);
                assert_true(n > 0);
                at += (size_t)n;
            }
            assert_string_equal(got, "served");
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        close(output);
        listener_free(l);
        drop(&p.server);
        timer_free(p.timer);
        loop_free(p.loop);
        unload();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_said_in_words),
        cmocka_unit_test(test_openssl_server),
        cmocka_unit_test(test_openssl_client),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
