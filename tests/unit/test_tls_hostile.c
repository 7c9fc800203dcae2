/* TLS: somebody in between, and records that nobody of ours would send. */
#include "tests/unit/tls_help.h"

/* ---- somebody in between ---- */

/* A turn. A record that was made longer lets both wait for each other for ever, which is a matter
 * of their owners' time-outs: the middle cuts the connection then. */
static void turn_or_cut(struct pair *p)
{
    struct middle *m = p->middle;
    size_t before = m->passed[0] + m->passed[1];
    turn(p);
    m->quiet = m->passed[0] + m->passed[1] == before ? m->quiet + 1 : 0;
    if (m->quiet > 500)
        m->done[0] = m->done[1] = true;
}

/* The server sends 100,000 bytes; the middle flips one bit or cuts at some place. What the client
 * ends with. */
static long spoiled(struct middle *m, struct pair *p)
{
    struct setup s = usual();
    s.middle = m;
    load(&s);
    begin(p, &s);
    while (!p->client.opened && p->client.failed == ERR_OK) {
        turn_or_cut(p);
        if (p->server.failed != ERR_OK)
            drop(&p->server);
    }
    long end = -(long)p->client.failed;
    if (p->client.opened) {
        start_traffic(&p->client, 0);
        start_traffic(&p->server, 100000);
        stream_set_owner(p->client.s, &traffic_events, &p->client);
        stream_set_owner(p->server.s, &traffic_events, &p->server);
        read_on(&p->client, true);
        while (p->client.traffic->end == 0) {
            if (p->server.failed == ERR_OK)
                send_some(&p->server);
            turn_or_cut(p);
        }
        end = p->client.traffic->end;
    }
    unload();
    return end;
}

static void end_spoiled(struct pair *p)
{
    free(p->client.traffic);
    free(p->server.traffic);
    finish(p);
}

static void test_tampered(void **state)
{
    (void)state;
    struct pair p;
    struct middle clean = {.chunk = 4096, .cut = -1, .flip = -1};
    assert_int_equal(spoiled(&clean, &p), -ERR_EOF);
    size_t whole = clean.passed[1];
    assert_int_equal(p.client.traffic->received, 100000);
    end_spoiled(&p);
    for (size_t at = 0; at < whole; at += at < 1400 ? 23 : 7919) {
        struct middle m = {.chunk = 4096, .cut = -1, .flip = 1, .at = at};
        long end = spoiled(&m, &p);
        /* Never an orderly end with all the data; mostly a TLS error. A longer length makes the
         * client wait for more than comes, until the connection ends. */
        bool told = end == -ERR_TLS || end == -ERR_RESET || end == -ERR_TLS_UNTRUSTED ||
                    end == -ERR_TLS_NAME || end == -ERR_TLS_CERTIFICATE ||
                    end == -ERR_TLS_EXPIRED || end == -ERR_EOF;
        if (!told || (end == -ERR_EOF && p.client.opened && p.server.opened))
            fail_msg("flipped at %zu: %s", at, err_name((enum err) - end));
        if (p.client.traffic != NULL)
            assert_true(p.client.traffic->received < 100000 || at > whole - 40);
        end_spoiled(&p);
    }
}

static void test_cut(void **state)
{
    (void)state;
    struct pair p;
    for (size_t at = 0; at < 60000; at += at < 1400 ? 37 : 7919) {
        struct middle m = {.chunk = 4096, .cut = 1, .flip = -1, .at = at};
        long end = spoiled(&m, &p);
        if (end != -ERR_EOF && end != -ERR_RESET)
            fail_msg("cut at %zu: %s", at, err_name((enum err) - end));
        if (end == -ERR_EOF && p.client.opened)
            assert_non_null(strstr(p.client.problem, "without close_notify"));
        if (end == -ERR_RESET)
            assert_non_null(strstr(p.client.problem, "middle of a TLS record"));
        end_spoiled(&p);
    }
}

static void speak(const char *bytes, size_t n, bool to_client, enum err why, const char *says)
{
    struct pair p;
    struct setup s = usual();
    int fd[2];
    load(&s);
    begin(&p, &s);
    struct end *e = to_client ? &p.client : &p.server;
    drop(&p.client);
    drop(&p.server);
    make_pipe(fd);
    struct stream *lower = stream_from_fd(p.loop, fd[0]);
    e->s = to_client ? tls_client(p.loop, lower,
                                  &(struct tls_client_options){.trust = trust, .host = "localhost"},
                                  &quiet_events, e)
                     : tls_server(p.loop, lower, &(struct tls_server_options){.identity = identity},
                                  &quiet_events, e);
    assert_int_equal(write(fd[1], bytes, n), (ssize_t)n);
    shutdown(fd[1], SHUT_WR);
    while (e->failed == ERR_OK)
        turn(&p);
    assert_string_equal(err_name(e->failed), err_name(why));
    if (strstr(e->problem, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", e->problem, says);
    finish(&p);
    close(fd[1]);
    unload();
}

static void test_junk(void **state)
{
    (void)state;
    static const char large[] = "\x16\x03\x01\xff\xff zzz", sslv2[] = "\x80\x2e\x01\x00\x02";
    static const char old[] = "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01"
                              "01234567890123456789012345678901\x00\x00\x02\x00\x2f\x01\x00";
    static const char alert[] = "\x15\x03\x01\x00\x02\x02\x46", nothing[] = "\x16\x03\x01\x00\x00";
    for (int to_client = 0; to_client < 2; to_client++) {
        speak("GET / HTTP/1.1\r\n\r\n", 18, to_client, ERR_TLS, "not TLS");
        speak("HTTP/1.1 400 Bad Request\r\n\r\n", 28, to_client, ERR_TLS, "begins with \"HTTP/\"");
        speak("SSH-2.0-OpenSSH_9.2\r\n", 21, to_client, ERR_TLS, "begins with \"SSH-2\"");
        speak("\x05\x01\x00\x00\x00", 5, to_client, ERR_TLS, "\\x05\\x01\\x00");
        speak(sslv2, 5, to_client, ERR_TLS, "not TLS");
        speak(large, sizeof large - 1, to_client, ERR_TLS, "not TLS");
        speak("", 0, to_client, ERR_EOF, "closed by the other side during");
        speak("\x16\x03", 2, to_client, ERR_EOF, "closed by the other side during");
        speak(nothing, 5, to_client, ERR_EOF, "closed by the other side during");
        speak("\x16\x03\x01\x00\x05zzzzz", 10, to_client, ERR_TLS, "");
        speak("\x17\x03\x03\x00\x05zzzzz", 10, to_client, ERR_TLS, "");
        speak(alert, 7, to_client, ERR_TLS, "alert 70 from the other side (protocol version)");
    }
    speak(old, sizeof old - 1, false, ERR_TLS, "agree");
    for (int i = 0; i < 60; i++) {
        char noise[300] = "\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03";
        for (size_t k = i % 2 != 0 ? 11 : 5; k < sizeof noise; k++)
            noise[k] = (char)dice(256);
        struct pair p;
        struct setup s = usual();
        int fd[2];
        load(&s);
        begin(&p, &s);
        drop(&p.client);
        drop(&p.server);
        make_pipe(fd);
        p.server.s = tls_server(p.loop, stream_from_fd(p.loop, fd[0]),
                                &(struct tls_server_options){.identity = identity}, &quiet_events,
                                &p.server);
        assert_int_equal(write(fd[1], noise, sizeof noise), sizeof noise);
        shutdown(fd[1], SHUT_WR);
        while (p.server.failed == ERR_OK)
            turn(&p);
        assert_false(p.server.opened);
        finish(&p);
        close(fd[1]);
        unload();
    }
}

/* ---- the machine itself, and crafted records ---- */

static bool move(struct handshake *from, struct handshake *to)
{
    uint8_t flight[16384];
    if (handshake_state(from) != HANDSHAKE_WRITES)
        return false;
    size_t n = handshake_take(from, flight, sizeof flight);
    for (size_t at = 0; at < n;) {
        size_t size = record_size(flight + at);
        assert_true(size > 0 && at + size <= n);
        assert_int_equal(handshake_state(to), HANDSHAKE_READS);
        handshake_feed(to, flight + at, size);
        at += size;
    }
    return n > 0;
}

static void make_keys(struct record_layer *client, struct record_layer *server, bool chacha)
{
    struct setup s = usual();
    struct handshake_result result;
    load(&s);
    struct handshake *c = handshake_client(
        &(struct tls_client_options){.trust = trust, .host = "localhost", .chacha_first = chacha});
    struct handshake *v = handshake_server(&(struct tls_server_options){.identity = identity});
    while (move(c, v) || move(v, c))
        ;
    assert_int_equal(handshake_state(c), HANDSHAKE_DONE);
    assert_int_equal(handshake_state(v), HANDSHAKE_DONE);
    assert_true(handshake_finish(c, client, &result));
    assert_true(handshake_finish(v, server, &result));
    handshake_free(c);
    handshake_free(v);
    unload();
}

struct bench {
    struct loop *loop;
    struct record_layer client, server;
    struct inbox in;
    struct record_layer *peer; /* who seals what `in` reads */
    int fd;
    unsigned readables;
};

static void bench_readable(void *owner)
{
    ((struct bench *)owner)->readables++;
}

static void bench_failed(void *owner, enum err why)
{
    (void)owner;
    fail_msg("%s", err_name(why));
}

static const struct stream_events bench_events = {.readable = bench_readable,
                                                  .failed = bench_failed};

static void set_bench(struct bench *b, bool is_client, bool chacha)
{
    int fd[2];
    *b = (struct bench){.loop = loop_new()};
    make_keys(&b->client, &b->server, chacha);
    make_pipe(fd);
    b->fd = fd[1];
    struct stream *lower = stream_from_fd(b->loop, fd[0]);
    stream_set_owner(lower, &bench_events, b);
    stream_read_on(lower, true);
    b->in = (struct inbox){.loop = b->loop,
                           .lower = lower,
                           .keys = is_client ? &b->client : &b->server,
                           .is_client = is_client,
                           .alert = -1};
    b->peer = is_client ? &b->server : &b->client;
}

static void clear_bench(struct bench *b)
{
    inbox_free(&b->in);
    stream_close(b->in.lower);
    close(b->fd);
    loop_free(b->loop);
}

static void craft(struct bench *b, enum record_type type, const void *p, size_t n)
{
    uint8_t record[RECORD_MAX + 64];
    memcpy(record + b->peer->front, p, n);
    size_t size = record_seal(b->peer, type, record, n);
    assert_int_equal(size, b->peer->front + n + b->peer->back);
    assert_int_equal(write(b->fd, record, size), (ssize_t)size);
}

/* Peeks until something comes; how much it is. */
static long wait_peek(struct bench *b, size_t want, uint8_t **p)
{
    long got;
    while ((got = inbox_peek(&b->in, want, p)) == 0) {
        assert_true(b->readables < 1000);
        uv_run(loop_uv(b->loop), UV_RUN_ONCE);
    }
    return got;
}

static void expect_data(struct bench *b, const char *text)
{
    uint8_t *p;
    long got = wait_peek(b, strlen(text), &p);
    assert_true(got >= (long)strlen(text));
    assert_memory_equal(p, text, strlen(text));
    inbox_consume(&b->in, strlen(text));
}

static void expect_end(struct bench *b, enum err why, int alert, const char *says)
{
    uint8_t *p;
    long got = wait_peek(b, 1, &p);
    assert_int_equal(got, -(long)why);
    assert_int_equal(b->in.alert, alert);
    if (strstr(b->in.problem, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", b->in.problem, says);
    assert_int_equal(inbox_peek(&b->in, 1, &p), -(long)why); /* and stays so */
}

static void test_records(void **state)
{
    (void)state;
    static const uint8_t hello_request[4], client_hello[] = {1, 0, 0, 2, 3, 3};
    for (int chacha = 0; chacha < 2; chacha++) {
        struct bench b;
        set_bench(&b, true, chacha);
        assert_int_equal(b.client.front, chacha ? 5 : 13);
        assert_int_equal(b.client.max_plain, RECORD_MAX_PLAIN);
        craft(&b, RECORD_DATA, "one", 3);
        craft(&b, RECORD_HANDSHAKE, hello_request, 4);
        craft(&b, RECORD_DATA, "", 0);
        craft(&b, RECORD_DATA, "two", 3);
        expect_data(&b, "one");
        expect_data(&b, "two");
        /* More than a record at once: "want" is honoured. */
        craft(&b, RECORD_DATA, "th", 2);
        craft(&b, RECORD_DATA, "r", 1);
        craft(&b, RECORD_DATA, "ee four", 7);
        expect_data(&b, "three");
        expect_data(&b, " four");
        craft(&b, RECORD_ALERT, (const uint8_t[]){ALERT_WARNING, 0}, 2);
        expect_end(&b, ERR_EOF, -1, "closed by the other side");
        clear_bench(&b);

        set_bench(&b, false, chacha); /* a server is not asked that */
        craft(&b, RECORD_HANDSHAKE, hello_request, 4);
        expect_end(&b, ERR_TLS, 10, "does not belong");
        clear_bench(&b);

        set_bench(&b, false, chacha); /* renegotiation */
        craft(&b, RECORD_HANDSHAKE, client_hello, sizeof client_hello);
        expect_end(&b, ERR_TLS, 10, "does not belong");
        clear_bench(&b);

        set_bench(&b, true, chacha);
        craft(&b, RECORD_ALERT, (const uint8_t[]){ALERT_FATAL, 42}, 2);
        expect_end(&b, ERR_TLS, -1, "alert 42 from the other side (bad certificate)");
        clear_bench(&b);

        set_bench(&b, true, chacha);
        craft(&b, RECORD_ALERT, (const uint8_t[]){ALERT_FATAL, 42, 1}, 3);
        expect_end(&b, ERR_TLS, 50, "malformed");
        clear_bench(&b);

        set_bench(&b, true, chacha);
        craft(&b, RECORD_CHANGE_CIPHER_SPEC, "\1", 1);
        expect_end(&b, ERR_TLS, 10, "does not belong");
        clear_bench(&b);
    }
}

static void test_idle_records(void **state)
{
    (void)state;
    struct bench b;
    set_bench(&b, true, false);
    for (int i = 0; i < 32; i++)
        craft(&b, RECORD_DATA, "", 0);
    craft(&b, RECORD_DATA, "x", 1);
    expect_data(&b, "x");
    for (int i = 0; i < 33; i++)
        craft(&b, RECORD_DATA, "", 0);
    expect_end(&b, ERR_TLS, 10, "without content");
    clear_bench(&b);
}

static void test_broken_records(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        enum err why;
        int alert;
        const char *says;
    } cases[] = {
        {"\x17\x03\x03\x00\x05zzzzz", 10, ERR_TLS, 20, "damaged"}, /* too short for a tag */
        {"\x17\x03\x03\x00\x00", 5, ERR_TLS, 20, "damaged"},
        {"\x17\x03\x01\x00\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 37, ERR_TLS, 20, "damaged"},
        {"\x17\x03\x03\x00\x20zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 37, ERR_TLS, 20, "damaged"},
        {"\x17\x03\x03\x48\x01", 5, ERR_TLS, 22, "not a TLS record"},
        {"\x18\x03\x03\x00\x05", 5, ERR_TLS, 22, "not a TLS record"}, /* heartbeat */
        {"\x17\x02\x03\x00\x05", 5, ERR_TLS, 22, "not a TLS record"},
        {"HTTP/1.1", 8, ERR_TLS, 22, "not a TLS record"},
        {"", 0, ERR_EOF, -1, "without close_notify"},
        {"\x17", 1, ERR_RESET, -1, "middle"},
        {"\x17\x03\x03\x00\x20zzz", 8, ERR_RESET, -1, "middle"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench b;
        set_bench(&b, i % 2 == 0, i % 4 < 2);
        craft(&b, RECORD_DATA, "good", 4);
        assert_int_equal(write(b.fd, cases[i].bytes, cases[i].n), (ssize_t)cases[i].n);
        shutdown(b.fd, SHUT_WR);
        expect_data(&b, "good");
        expect_end(&b, cases[i].why, cases[i].alert, cases[i].says);
        clear_bench(&b);
    }
}

/* A record that was seen already, and records in the wrong order. */
static void test_replay(void **state)
{
    (void)state;
    struct bench b;
    uint8_t record[128];
    set_bench(&b, true, false);
    memcpy(record + b.peer->front, "once", 4);
    size_t n = record_seal(b.peer, RECORD_DATA, record, 4);
    assert_int_equal(write(b.fd, record, n), (ssize_t)n);
    assert_int_equal(write(b.fd, record, n), (ssize_t)n);
    expect_data(&b, "once");
    expect_end(&b, ERR_TLS, 20, "damaged");
    clear_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tampered),     cmocka_unit_test(test_cut),
        cmocka_unit_test(test_junk),         cmocka_unit_test(test_records),
        cmocka_unit_test(test_idle_records), cmocka_unit_test(test_broken_records),
        cmocka_unit_test(test_replay),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
