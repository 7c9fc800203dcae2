/* TLS streams: client and server of ours against each other over a socketpair, sometimes with
 * somebody in between; the record layer with crafted records; OpenSSL at the other end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/net/dial.h"
#include "core/net/listener.h"
#include "core/net/socket.h"
#include "core/tls/alert.h"
#include "core/tls/handshake.h"
#include "core/tls/record_reader.h"
#include "tests/support/certificates.h"

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define LARGEST 70000

static uint32_t seed = 1;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * sides >> 32);
}

/* ---- two ends, and who is between them ---- */

struct traffic {
    uint64_t to_send;   /* bytes still to be made */
    bool polite, ended; /* shutdown at the end; done */
    bool pauses;        /* the reader switches off now and then */
    uint64_t sent, received;
    br_sha256_context sent_hash, received_hash;
    long end; /* what ended reading */
    uint8_t data[LARGEST];
};

struct end {
    struct stream *s;
    struct pair *pair;
    bool opened, reading;
    enum err failed;
    unsigned readables;
    char problem[160];
    struct traffic *traffic;
};

struct middle {
    int fd[2];
    size_t chunk; /* most that is passed on at once */
    size_t passed[2];
    int cut;  /* direction to cut after `at` bytes; -1: none */
    int flip; /* direction to flip a bit in at `at` */
    size_t at;
    uint8_t held[2][4096];
    size_t n[2];
    bool done[2]; /* nothing more is passed */
    unsigned quiet;
};

struct pair {
    struct loop *loop;
    struct end client, server;
    struct middle *middle;
    bool late;
    bool polls; /* what it waits for may be our own dice */
    struct timer *timer;
};

static void on_late(void *owner)
{
    ((struct pair *)owner)->late = true;
}

static void on_opened(void *owner)
{
    struct end *e = owner;
    assert_false(e->opened);
    e->opened = true;
}

static void on_failed(void *owner, enum err why)
{
    struct end *e = owner;
    assert_int_equal(e->failed, ERR_OK);
    e->failed = why;
    snprintf(e->problem, sizeof e->problem, "%s", tls_problem(e->s));
}

static void on_readable(void *owner)
{
    struct end *e = owner;
    assert_true(e->reading);
    e->readables++;
}

static void on_writable(void *owner)
{
    (void)owner;
}

static const struct stream_events quiet_events = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .failed = on_failed};

static void read_on(struct end *e, bool on)
{
    e->reading = on;
    stream_read_on(e->s, on);
}

static void make_pipe(int fd[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), 0);
}

struct setup {
    const char *identity; /* NAME.pem, NAME.key */
    struct trust_sources trust;
    const char *host;
    struct tls_session *session;
    struct tls_cache *cache;
    int64_t client_now, server_now; /* 0: what the clock says */
    bool chacha_first, nested;
    struct middle *middle;
    struct turns *turns; /* the server's; NULL: it takes none */
};

/* What a server's handshake has waited for. */
struct turns {
    unsigned strange, known;
    bool waits;
};

static void on_waits(void *owner, bool known)
{
    struct turns *t = owner;
    assert_false(t->waits);
    t->waits = true;
    t->known += known;
    t->strange += !known;
}

static struct trust *trust;
static struct identity *identity;

static void load(const struct setup *s)
{
    enum err why;
    char text[256], key[64], certificate[64];
    snprintf(key, sizeof key, "%s.key", s->identity);
    snprintf(certificate, sizeof certificate, "%s.pem", s->identity);
    struct trust_sources from = s->trust;
    trust = trust_new(&from, &why, text, sizeof text);
    if (trust == NULL)
        fail_msg("%s", text);
    identity = identity_new(certs_file(certificate), certs_file(key), &why, text, sizeof text);
    if (identity == NULL)
        fail_msg("%s", text);
}

static void unload(void)
{
    trust_free(trust);
    identity_free(identity);
}

static void begin(struct pair *p, const struct setup *s)
{
    int fd[2], other[2];
    *p = (struct pair){.loop = loop_new(), .middle = s->middle};
    assert_non_null(p->loop);
    p->timer = timer_new(p->loop, on_late, p);
    timer_start(p->timer, PATIENCE_MS);
    p->client.pair = p->server.pair = p;
    make_pipe(fd);
    if (s->middle != NULL) {
        make_pipe(other);
        s->middle->fd[0] = fd[1];
        s->middle->fd[1] = other[0];
        fd[1] = other[1];
    }
    struct tls_client_options client = {.trust = trust,
                                        .host = s->host != NULL ? s->host : "localhost",
                                        .session = s->session,
                                        .chacha_first = s->chacha_first,
                                        .now = s->client_now};
    struct tls_server_options server = {.identity = identity,
                                        .cache = s->cache,
                                        .now = s->server_now,
                                        .waits = s->turns != NULL ? on_waits : NULL,
                                        .turns = s->turns};
    p->client.s =
        tls_client(p->loop, stream_from_fd(p->loop, fd[0]), &client, &quiet_events, &p->client);
    p->server.s =
        tls_server(p->loop, stream_from_fd(p->loop, fd[1]), &server, &quiet_events, &p->server);
    assert_non_null(p->client.s);
    assert_non_null(p->server.s);
}

static void drop(struct end *e)
{
    if (e->s != NULL)
        stream_close(e->s);
    e->s = NULL;
}

static void finish(struct pair *p)
{
    drop(&p->client);
    drop(&p->server);
    if (p->middle != NULL)
        for (int i = 0; i < 2; i++)
            close(p->middle->fd[i]);
    timer_free(p->timer);
    loop_free(p->loop);
}

/* What is cut off: the rest of the bytes in this direction. */
static void spoil(struct middle *m, int d)
{
    size_t from = m->passed[d], *n = &m->n[d];
    if (m->flip == d && from <= m->at && m->at < from + *n)
        m->held[d][m->at - from] ^= 1;
    if (m->cut == d && from + *n >= m->at) {
        *n = m->at - from;
        m->done[d] = true;
    }
    m->passed[d] += *n;
}

/* Passes bytes on in direction d (0: client to server). */
static void pass(struct middle *m, int d)
{
    size_t *n = &m->n[d];
    if (*n == 0 && !m->done[d]) {
        ssize_t got = read(m->fd[d], m->held[d], 1 + dice((uint32_t)m->chunk));
        m->done[d] = got == 0;
        if (got <= 0 && !m->done[d])
            return;
        *n = (size_t)got;
        spoil(m, d);
    }
    ssize_t put = *n > 0 ? write(m->fd[!d], m->held[d], *n) : 0;
    if (put > 0) {
        memmove(m->held[d], m->held[d] + put, *n - (size_t)put);
        *n -= (size_t)put;
    }
    if (*n == 0 && m->done[d])
        shutdown(m->fd[!d], SHUT_WR);
}

static void turn(struct pair *p)
{
    if (p->late)
        fail_msg("nothing happened for %d ms", PATIENCE_MS);
    if (p->middle != NULL) {
        pass(p->middle, 0);
        pass(p->middle, 1);
    }
    uv_run(loop_uv(p->loop), p->middle != NULL || p->polls ? UV_RUN_NOWAIT : UV_RUN_ONCE);
}

static void open_both(struct pair *p)
{
    while (!p->client.opened || !p->server.opened) {
        if (p->client.failed != ERR_OK || p->server.failed != ERR_OK)
            fail_msg("client: %s (%s), server: %s (%s)", err_name(p->client.failed),
                     p->client.problem, err_name(p->server.failed), p->server.problem);
        turn(p);
    }
}

static struct setup usual(void)
{
    return (struct setup){.identity = "ec", .trust.file = certs_file("ca.pem")};
}

/* ---- handshakes ---- */

static void greet(struct pair *p)
{
    char hello[8] = "";
    read_on(&p->server, true);
    assert_true(stream_write(p->client.s, (const uint8_t *)"hello", 5));
    while (p->server.readables == 0)
        turn(p);
    assert_int_equal(stream_pull(p->server.s, (uint8_t *)hello, sizeof hello), 5);
    assert_string_equal(hello, "hello");
    read_on(&p->server, false);
}

static void expect_good(const struct setup *s, bool resumed)
{
    struct pair p;
    begin(&p, s);
    open_both(&p);
    greet(&p);
    assert_int_equal(tls_resumed(p.client.s), resumed);
    assert_int_equal(tls_resumed(p.server.s), resumed);
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

/* ---- data ---- */

static void start_traffic(struct end *e, uint64_t bytes)
{
    struct traffic *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->to_send = bytes;
    t->polite = true;
    br_sha256_init(&t->sent_hash);
    br_sha256_init(&t->received_hash);
    e->traffic = t;
}

static void send_some(struct end *e)
{
    struct traffic *t = e->traffic;
    while (stream_ready(e->s) && !t->ended) {
        if (t->to_send == 0) {
            if (t->polite)
                stream_shutdown(e->s);
            t->ended = true;
            return;
        }
        size_t n = dice(3) != 0 ? dice(LARGEST + 1) : dice(40);
        if (n > t->to_send)
            n = t->to_send;
        for (size_t i = 0; i < n; i++)
            t->data[i] = (uint8_t)(dice(256));
        br_sha256_update(&t->sent_hash, t->data, n);
        t->to_send -= n;
        t->sent += n;
        size_t taken = dice(4) == 0 ? stream_try_write(e->s, t->data, n) : 0;
        assert_true(taken <= n);
        if (!stream_write(e->s, t->data + taken, n - taken))
            assert_false(stream_ready(e->s));
        if (dice(4) == 0)
            return; /* the rest in another iteration */
    }
}

static void traffic_writable(void *owner)
{
    struct end *e = owner;
    assert_true(stream_ready(e->s));
    send_some(e);
}

static void count(struct traffic *t, const uint8_t *p, size_t n)
{
    br_sha256_update(&t->received_hash, p, n);
    t->received += n;
}

static long take(struct end *e, uint8_t *buffer, size_t size)
{
    uint8_t *p;
    if (dice(2) == 0) {
        long got = stream_pull(e->s, buffer, 1 + dice((uint32_t)size - 1));
        if (got > 0)
            count(e->traffic, buffer, (size_t)got);
        return got;
    }
    size_t want = dice(3) == 0 ? 1 + dice(32768) : 1;
    long got = stream_peek(e->s, want, &p);
    if (got <= 0 && want > 1) /* not so much yet, or never */
        got = stream_peek(e->s, 1, &p);
    else if (got > 0)
        assert_true((size_t)got >= want);
    if (got > 0) {
        size_t used = dice(4) == 0 ? 1 + dice((uint32_t)got) : (size_t)got;
        count(e->traffic, p, used);
        memset(p, 0xAA, used); /* allowed */
        stream_consume(e->s, used);
    }
    return got;
}

static void traffic_readable(void *owner)
{
    struct end *e = owner;
    struct traffic *t = e->traffic;
    uint8_t buffer[40000];
    assert_true(e->reading);
    long got = 1;
    for (unsigned i = dice(6); got > 0 && i < 6; i++)
        got = take(e, buffer, sizeof buffer);
    if (got < 0) {
        t->end = got;
        snprintf(e->problem, sizeof e->problem, "%s", tls_problem(e->s));
        read_on(e, false);
    } else if (t->pauses && dice(3) == 0)
        read_on(e, false);
}

static const struct stream_events traffic_events = {
    .readable = traffic_readable, .writable = traffic_writable, .failed = on_failed};

static void run_traffic(struct pair *p)
{
    struct end *ends[] = {&p->client, &p->server};
    for (int i = 0; i < 2; i++) {
        stream_set_owner(ends[i]->s, &traffic_events, ends[i]);
        read_on(ends[i], true);
    }
    uint64_t seen = UINT64_MAX;
    p->polls = true;
    while (p->client.traffic->end == 0 || p->server.traffic->end == 0) {
        uint64_t now = p->client.traffic->received + p->server.traffic->received;
        if (now != seen)
            timer_start(p->timer, PATIENCE_MS);
        seen = now;
        for (int i = 0; i < 2; i++) {
            struct end *e = ends[i];
            assert_int_equal(e->failed, ERR_OK);
            send_some(e);
            if (!e->reading && e->traffic->end == 0 && dice(3) == 0)
                read_on(e, true);
        }
        turn(p);
    }
}

static void compare(struct traffic *from, struct traffic *to)
{
    uint8_t a[br_sha256_SIZE], b[br_sha256_SIZE];
    assert_int_equal(from->sent, to->received);
    br_sha256_out(&from->sent_hash, a);
    br_sha256_out(&to->received_hash, b);
    assert_memory_equal(a, b, sizeof a);
}

/* A second handshake inside the first connection. */
static void nest(struct pair *p)
{
    p->client.opened = p->server.opened = false;
    p->client.s = tls_client(p->loop, p->client.s,
                             &(struct tls_client_options){.trust = trust, .host = "localhost"},
                             &quiet_events, &p->client);
    p->server.s =
        tls_server(p->loop, p->server.s, &(struct tls_server_options){.identity = identity},
                   &quiet_events, &p->server);
    open_both(p);
}

static void exchange(struct setup *s, uint64_t up, uint64_t down, bool pauses)
{
    struct pair p;
    load(s);
    begin(&p, s);
    open_both(&p);
    if (s->nested)
        nest(&p);
    start_traffic(&p.client, up);
    start_traffic(&p.server, down);
    p.client.traffic->pauses = p.server.traffic->pauses = pauses;
    run_traffic(&p);
    compare(p.client.traffic, p.server.traffic);
    compare(p.server.traffic, p.client.traffic);
    assert_int_equal(p.client.traffic->end, -ERR_EOF);
    assert_int_equal(p.server.traffic->end, -ERR_EOF);
    assert_string_equal(p.client.problem, "closed by the other side");
    free(p.client.traffic);
    free(p.server.traffic);
    finish(&p);
    unload();
}

/* ---- turns ---- */

static void wait_for_step(struct pair *p, const struct turns *t)
{
    while (!t->waits)
        turn(p);
    /* Nothing goes on by itself, and nothing spins. */
    p->polls = true;
    for (int i = 0; i < 20; i++)
        turn(p);
    p->polls = false;
    assert_false(p->server.opened);
    assert_false(p->client.opened);
}

static void take_step(struct pair *p, struct turns *t)
{
    wait_for_step(p, t);
    t->waits = false;
    tls_turn(p->server.s);
}

/* A handshake in turns: two steps with an operation of a key; of one that is resumed the hello. */
static void test_turns(void **state)
{
    (void)state;
    struct tls_session session = {{0}};
    struct turns turns = {0};
    struct setup s = usual();
    s.session = &session;
    s.cache = tls_cache_new(4096);
    s.turns = &turns;
    load(&s);
    for (int resumed = 0; resumed < 2; resumed++) {
        struct pair p;
        turns = (struct turns){0};
        begin(&p, &s);
        for (int i = 0; i < 2 - resumed; i++)
            take_step(&p, &turns);
        open_both(&p);
        tls_turn(p.server.s); /* nothing waits: nothing happens */
        greet(&p);
        assert_int_equal(turns.strange, !resumed);
        assert_int_equal(turns.known, 1);
        assert_int_equal(tls_resumed(p.server.s), resumed);
        finish(&p);
    }
    unload();
    tls_cache_free(s.cache);
}

/* Who leaves before its turn, or sends more before it, costs no step; it can be closed then. */
static void test_gone_before_its_turn(void **state)
{
    (void)state;
    struct turns turns = {0};
    struct setup s = usual();
    struct pair p;
    s.turns = &turns;
    load(&s);
    begin(&p, &s);
    wait_for_step(&p, &turns);
    drop(&p.client);
    while (p.server.failed == ERR_OK)
        turn(&p);
    assert_string_equal(err_name(p.server.failed), err_name(ERR_EOF));
    tls_turn(p.server.s);
    finish(&p);
    turns = (struct turns){0};
    begin(&p, &s);
    wait_for_step(&p, &turns);
    finish(&p);
    unload();
}

static void test_data(void **state)
{
    (void)state;
    struct setup s = usual();
    exchange(&s, 3000000, 2000000, false);
    s.chacha_first = true;
    exchange(&s, 1000000, 3000000, true);
    exchange(&s, 0, 0, false);
    exchange(&s, 2000000, 0, true);
}

static void test_data_in_pieces(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 7, 300, 4096};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct middle m = {.chunk = chunks[i], .cut = -1, .flip = -1};
        struct setup s = usual();
        s.middle = &m;
        exchange(&s, 1 + 20000 * chunks[i] / (i + 1), 10000 * chunks[i], i % 2 != 0);
    }
}

/* TLS through TLS, as through an https proxy: what the inner one peeks for lies in several records
 * of the outer one. */
static void test_nested(void **state)
{
    (void)state;
    struct setup s = usual();
    s.nested = true;
    exchange(&s, 1500000, 1000000, false);
    s = usual();
    s.nested = true;
    exchange(&s, 500000, 1000000, true);
    struct middle m = {.chunk = 900, .cut = -1, .flip = -1};
    s = usual();
    s.nested = true;
    s.middle = &m;
    exchange(&s, 200000, 300000, true);
}

/* One message of every size near where something changes, each on its own. */
static void test_sizes(void **state)
{
    (void)state;
    static const size_t around[] = {0, 16384, 16384 - 29, 32768, 65535, 65536, LOOP_BLOCK, LARGEST};
    struct setup s = usual();
    struct pair p;
    static uint8_t out[LARGEST + 40], in[LARGEST + 40];
    load(&s);
    begin(&p, &s);
    open_both(&p);
    read_on(&p.server, true);
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)dice(256);
    for (size_t k = 0; k < sizeof around / sizeof *around; k++)
        for (size_t n = around[k] > 33 ? around[k] - 33 : 0; n < around[k] + 33; n++) {
            size_t got = 0;
            if (n > sizeof out)
                break;
            bool taken = stream_write(p.client.s, out, n);
            timer_start(p.timer, PATIENCE_MS);
            while (got < n || !stream_ready(p.client.s)) {
                long part = stream_pull(p.server.s, in + got, sizeof in - got);
                assert_true(part >= 0);
                got += (size_t)part;
                if (part == 0)
                    turn(&p);
            }
            assert_true(taken || n > 0);
            assert_int_equal(got, n);
            assert_memory_equal(in, out, n);
        }
    finish(&p);
    unload();
}

/* A reader that stops: what the writer can get rid of is bounded, and goes on later. */
static void test_back_pressure(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    static uint8_t data[65536], in[65536];
    size_t sent = 0, got = 0;
    load(&s);
    begin(&p, &s);
    open_both(&p);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    while (stream_write(p.client.s, data, sizeof data)) {
        sent += sizeof data;
        assert_true(sent < 4000000);
        uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
    }
    sent += sizeof data;
    assert_false(stream_ready(p.client.s));
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
    assert_false(stream_ready(p.client.s));
    assert_int_equal(p.server.readables, 0);
    read_on(&p.server, true);
    while (got < sent) {
        long part = stream_pull(p.server.s, in, sizeof data - got % sizeof data);
        assert_true(part >= 0);
        assert_memory_equal(in, data + got % sizeof data, (size_t)part);
        got += (size_t)part;
        if (part == 0)
            turn(&p);
    }
    assert_true(stream_ready(p.client.s));
    finish(&p);
    unload();
}

/* `readable` comes again while something is left, and when reading is switched on again. */
static void test_reminders(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    uint8_t c;
    load(&s);
    begin(&p, &s);
    open_both(&p);
    assert_true(stream_write(p.client.s, (const uint8_t *)"abc", 3));
    read_on(&p.server, true);
    for (unsigned i = 0; i < 3; i++) {
        while (p.server.readables == 0)
            turn(&p);
        assert_int_equal(stream_pull(p.server.s, &c, 1), 1);
        assert_int_equal(c, 'a' + i);
        p.server.readables = 0;
        if (i == 0) {
            read_on(&p.server, false);
            for (int k = 0; k < 5; k++)
                uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
            assert_int_equal(p.server.readables, 0);
            read_on(&p.server, true);
            assert_int_equal(p.server.readables, 0); /* never from inside the call */
        }
    }
    assert_int_equal(stream_pull(p.server.s, &c, 1), 0);
    /* Several records that lie below, taken one per event. */
    for (int i = 0; i < 4; i++)
        assert_true(stream_write(p.client.s, (const uint8_t[16384]){(uint8_t)i}, 16384));
    p.server.readables = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t *at;
        while (p.server.readables == 0)
            turn(&p);
        assert_int_equal(stream_peek(p.server.s, 1, &at), 16384);
        assert_int_equal(at[0], i);
        stream_consume(p.server.s, 16384);
        p.server.readables = 0;
    }
    /* The end is told too. */
    drop(&p.client);
    while (p.server.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, &c, 1), -ERR_EOF);
    assert_string_equal(tls_problem(p.server.s), "closed by the other side");
    read_on(&p.server, false);
    p.server.readables = 0;
    read_on(&p.server, true);
    while (p.server.readables == 0)
        turn(&p);
    finish(&p);
    unload();
}

/* What is written in one iteration and then closed still arrives. */
static void test_close(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    uint8_t in[32];
    load(&s);
    begin(&p, &s);
    open_both(&p);
    read_on(&p.server, true);
    assert_true(stream_write(p.client.s, (const uint8_t *)"last words", 10));
    drop(&p.client);
    while (p.server.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, in, sizeof in), 10);
    while (stream_pull(p.server.s, in, sizeof in) == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, in, sizeof in), -ERR_EOF);
    finish(&p);
    /* Closing at any moment of a handshake leaks nothing. */
    for (int turns = 0; turns < 12; turns++) {
        begin(&p, &s);
        for (int i = 0; i < turns; i++)
            uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
        drop(turns % 2 != 0 ? &p.client : &p.server);
        for (int i = 0; i < 3; i++)
            uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
        finish(&p);
    }
    unload();
}

/* A failed write is told once, and what the other side said before it went can still be read. */
static void test_failed_write(void **state)
{
    (void)state;
    static const uint8_t data[65536];
    struct setup s = usual();
    struct pair p;
    uint8_t in[16] = "";
    load(&s);
    begin(&p, &s);
    open_both(&p);
    assert_true(stream_write(p.server.s, (const uint8_t *)"bye", 3));
    drop(&p.server);
    while (p.client.failed == ERR_OK) {
        assert_true(stream_write(p.client.s, data, sizeof data));
        turn(&p);
    }
    assert_int_equal(p.client.failed, ERR_RESET);
    assert_string_equal(p.client.problem, err_text(ERR_RESET));
    assert_true(stream_write(p.client.s, data, sizeof data)); /* "taken" */
    assert_int_equal(stream_try_write(p.client.s, data, sizeof data), 0);
    assert_int_equal(stream_pull(p.client.s, in, sizeof in), 3);
    assert_string_equal((char *)in, "bye");
    assert_true(stream_pull(p.client.s, in, sizeof in) < 0);
    for (int i = 0; i < 5; i++)
        uv_run(loop_uv(p.loop), UV_RUN_NOWAIT);
    finish(&p);
    unload();
}

/* Half-close: after the client's end the server still sends. */
static void test_half_close(void **state)
{
    (void)state;
    struct setup s = usual();
    struct pair p;
    uint8_t in[16];
    load(&s);
    begin(&p, &s);
    open_both(&p);
    stream_shutdown(p.client.s);
    read_on(&p.server, true);
    while (p.server.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.server.s, in, 1), -ERR_EOF);
    assert_true(stream_write(p.server.s, (const uint8_t *)"answer", 6));
    read_on(&p.client, true);
    while (p.client.readables == 0)
        turn(&p);
    assert_int_equal(stream_pull(p.client.s, in, sizeof in), 6);
    finish(&p);
    unload();
}

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
    bool resumed;
    load(&s);
    struct handshake *c = handshake_client(
        &(struct tls_client_options){.trust = trust, .host = "localhost", .chacha_first = chacha});
    struct handshake *v = handshake_server(&(struct tls_server_options){.identity = identity});
    while (move(c, v) || move(v, c))
        ;
    assert_int_equal(handshake_state(c), HANDSHAKE_DONE);
    assert_int_equal(handshake_state(v), HANDSHAKE_DONE);
    assert_true(handshake_finish(c, client, &resumed));
    assert_true(handshake_finish(v, server, &resumed));
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

/* ---- OpenSSL ---- */

static pid_t run_openssl(char *const argv[], int *output)
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
        pid_t pid = run_openssl(argv, &output);
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
        pid_t pid = run_openssl(argv, &output);
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
        pid_t pid = run_openssl(argv, &output);
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

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
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
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_odd_names),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_resumption_verifies),
        cmocka_unit_test(test_resumption_ends),
        cmocka_unit_test(test_new_certificate),
        cmocka_unit_test(test_said_in_words),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_gone_before_its_turn),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_data_in_pieces),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_reminders),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_failed_write),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_junk),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_idle_records),
        cmocka_unit_test(test_broken_records),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_openssl_server),
        cmocka_unit_test(test_openssl_client),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
