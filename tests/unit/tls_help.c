#include "tests/unit/tls_help.h"

static uint32_t seed = 1;

uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * sides >> 32);
}

/* ---- two ends, and who is between them ---- */

void on_late(void *owner)
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

const struct stream_events quiet_events = {
    .opened = on_opened, .readable = on_readable, .writable = on_writable, .failed = on_failed};

void read_on(struct end *e, bool on)
{
    e->reading = on;
    stream_read_on(e->s, on);
}

void make_pipe(int fd[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(fd[i], F_SETFL, O_NONBLOCK), 0);
}

static void on_waits(void *owner, bool known)
{
    struct turns *t = owner;
    assert_false(t->waits);
    t->waits = true;
    t->known += known;
    t->strange += !known;
}

struct trust *trust;

struct identity *identity;

void load(const struct setup *s)
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

void unload(void)
{
    trust_free(trust);
    identity_free(identity);
}

void begin(struct pair *p, const struct setup *s)
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

void drop(struct end *e)
{
    if (e->s != NULL)
        stream_close(e->s);
    e->s = NULL;
}

void finish(struct pair *p)
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

void turn(struct pair *p)
{
    if (p->late)
        fail_msg("nothing happened for %d ms", PATIENCE_MS);
    if (p->middle != NULL) {
        pass(p->middle, 0);
        pass(p->middle, 1);
    }
    uv_run(loop_uv(p->loop), p->middle != NULL || p->polls ? UV_RUN_NOWAIT : UV_RUN_ONCE);
}

void open_both(struct pair *p)
{
    while (!p->client.opened || !p->server.opened) {
        if (p->client.failed != ERR_OK || p->server.failed != ERR_OK)
            fail_msg("client: %s (%s), server: %s (%s)", err_name(p->client.failed),
                     p->client.problem, err_name(p->server.failed), p->server.problem);
        turn(p);
    }
}

struct setup usual(void)
{
    return (struct setup){.identity = "ec", .trust.file = certs_file("ca.pem")};
}

/* ---- handshakes ---- */

void greet(struct pair *p)
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

/* ---- data ---- */

void start_traffic(struct end *e, uint64_t bytes)
{
    struct traffic *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->to_send = bytes;
    t->polite = true;
    br_sha256_init(&t->sent_hash);
    br_sha256_init(&t->received_hash);
    e->traffic = t;
}

/* Sends n bytes as spans, each with a mask of its own, that turn into those at t->data. */
static void send_spans(struct end *e, size_t n)
{
    struct traffic *t = e->traffic;
    struct stream_span spans[4];
    size_t n_spans = 1 + dice(4), at = 0;
    uint8_t *clear = malloc(n);
    assert_true(clear != NULL);
    for (size_t i = 0; i < n_spans; i++) {
        size_t part = i + 1 < n_spans ? dice((uint32_t)(n - at) + 1) : n - at;
        spans[i] = (struct stream_span){.p = clear + at, .n = part};
        for (size_t k = 0; k < 4 && dice(4) > 0; k++)
            spans[i].mask[k] = (uint8_t)dice(256);
        for (size_t k = 0; k < part; k++)
            clear[at + k] = t->data[at + k] ^ spans[i].mask[k % 4];
        at += part;
    }
    if (!stream_write_spans(e->s, spans, n_spans))
        assert_false(stream_ready(e->s));
    free(clear);
}

void send_some(struct end *e)
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
        if (n > 0 && n <= LOOP_BLOCK && dice(3) == 0) {
            send_spans(e, n);
            continue;
        }
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

const struct stream_events traffic_events = {
    .readable = traffic_readable, .writable = traffic_writable, .failed = on_failed};

int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    return certs_make();
}

int teardown(void **state)
{
    (void)state;
    return certs_remove();
}
