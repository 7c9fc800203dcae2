/* Streams that go from one loop to another: with what they hold, at bad moments, and over and over
 * between threads while bytes flow both ways. */
#include "tests/support/net.h"

#include "core/net/mailbox.h"
#include "core/tls/tls.h"
#include "tests/support/certificates.h"

#include <sys/resource.h>

static struct loop *other;
static struct trust *trust;
static struct identity *identities[2]; /* EC, RSA */

/* Turns both loops until it is so. */
#define EITHER(condition)                                                                          \
    do {                                                                                           \
        while (!(condition)) {                                                                     \
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);                                                  \
            uv_run(loop_uv(other), UV_RUN_NOWAIT);                                                 \
            usleep(100);                                                                           \
        }                                                                                          \
    } while (0)

static int both_begin(void **state)
{
    other = loop_new();
    return other != NULL ? loop_begin(state) : -1;
}

static int both_end(void **state)
{
    loop_free(other);
    return loop_end(state);
}

static void move_to(struct probe *p, struct loop *to)
{
    assert_true(stream_leave(p->stream));
    assert_true(stream_join(p->stream, to));
}

static void assert_got(struct probe *p, const char *text)
{
    EITHER(p->size >= strlen(text) || p->end != ERR_OK);
    assert_int_equal(p->size, strlen(text));
    assert_memory_equal(p->got, text, p->size);
    p->size = 0;
}

/* ---- sockets ---- */

static void what_was_not_read_goes_along(void **state)
{
    (void)state;
    for (enum kind kind = UNIX_PAIR; kind < KINDS; kind++) {
        struct probe p;
        uint8_t *bytes, *again;
        int fd = probe_pair(kind, &p);
        stream_read_on(p.stream, true);
        say(fd, "first and ", 10);
        UNTIL(p.readable > 0 && stream_peek(p.stream, 10, &bytes) == 10);
        stream_consume(p.stream, 6);
        assert_int_equal(stream_peek(p.stream, 1, &bytes), 4);
        say(fd, "second", 6); /* with the kernel */
        assert_true(stream_leave(p.stream));
        p.on_readable = drain;
        assert_true(stream_join(p.stream, other));
        int before = p.readable;
        for (int i = 0; i < 5; i++) /* reading is off */
            uv_run(loop_uv(other), UV_RUN_NOWAIT);
        assert_int_equal(p.readable, before);
        assert_int_equal(stream_peek(p.stream, 1, &again), 4);
        assert_ptr_equal(again, bytes); /* who points into it may go on */
        stream_read_on(p.stream, true);
        assert_got(&p, "and second");
        say(fd, "third", 5);
        assert_got(&p, "third");
        move_to(&p, loop);
        stream_read_on(p.stream, true);
        assert_true(stream_write(p.stream, (const uint8_t *)"back", 4));
        char back[5] = "";
        assert_int_equal(recv(fd, back, 4, MSG_WAITALL), 4);
        assert_string_equal(back, "back");
        close(fd);
        EITHER(p.end == ERR_EOF);
        move_to(&p, other);
        assert_int_equal(stream_peek(p.stream, 1, &bytes), -ERR_EOF); /* stays so */
        probe_close(&p);
    }
}

/* What comes while it is on no loop is told on the new one, the end too. */
static void what_comes_on_the_way_is_told(void **state)
{
    (void)state;
    for (enum kind kind = UNIX_PAIR; kind < KINDS; kind++) {
        struct probe p;
        int fd = probe_pair(kind, &p);
        assert_true(stream_leave(p.stream));
        say(fd, "on the way", 10);
        close(fd);
        p.on_readable = drain;
        assert_true(stream_join(p.stream, other));
        stream_read_on(p.stream, true);
        assert_got(&p, "on the way");
        EITHER(p.end == ERR_EOF);
        probe_close(&p);
    }
}

/* More than the kernel takes; returns the block, to be freed. */
static uint8_t *fill(struct stream *s, size_t *size)
{
    *size = 16 << 20;
    uint8_t *block = calloc(1, *size);
    assert_non_null(block);
    assert_false(stream_write(s, block, *size));
    return block;
}

static void empty(int fd, struct probe *p, size_t size)
{
    static char buffer[65536];
    for (size_t got = 0; got < size; uv_run(loop_uv(loop), UV_RUN_NOWAIT)) {
        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
    }
    UNTIL(p->writable == 1);
}

static void pending_bytes_hold_it(void **state)
{
    (void)state;
    for (enum kind kind = UNIX_PAIR; kind < KINDS; kind++) {
        struct probe p;
        size_t size;
        int fd = probe_pair(kind, &p);
        uint8_t *block = fill(p.stream, &size);
        assert_false(stream_leave(p.stream));
        empty(fd, &p, size);
        move_to(&p, other);
        move_to(&p, loop);
        stream_shutdown(p.stream);
        assert_false(stream_leave(p.stream));
        EITHER(stream_leave(p.stream));
        assert_true(stream_join(p.stream, other));
        p.on_readable = drain;
        stream_read_on(p.stream, true);
        say(fd, "still", 5); /* a half-closed one goes on reading */
        assert_got(&p, "still");
        stream_shutdown(p.stream); /* once more: no harm */
        probe_close(&p);
        close(fd);
        free(block);
    }
}

/* The write fails in its old loop and the owner hears of it in the new one. */
static void a_failure_goes_along(void **state)
{
    struct probe p;
    (void)state;
    int fd = probe_pair(TCP_PAIR, &p);
    reset(fd);
    while (p.failed == 0 && stream_try_write(p.stream, (const uint8_t *)"x", 1) == 1)
        usleep(100);
    assert_int_equal(p.failed, 0);
    move_to(&p, other);
    EITHER(p.failed == 1);
    pass(5);
    move_to(&p, loop);
    pass(5);
    assert_int_equal(p.failed, 1);
    probe_close(&p);
}

static void close_it(void *ctx)
{
    stream_close(ctx);
}

/* On a thread without any loop; with and without something held. */
static void one_that_left_can_be_closed_anywhere(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        struct probe p;
        uint8_t *bytes;
        char c;
        uv_thread_t thread;
        int fd = probe_pair(TCP_PAIR, &p);
        stream_read_on(p.stream, true);
        say(fd, "held", 4);
        UNTIL(p.readable > 0);
        if (held)
            assert_int_equal(stream_peek(p.stream, 4, &bytes), 4);
        else
            assert_int_equal(stream_pull(p.stream, (uint8_t[4]){0}, 4), 4);
        assert_true(stream_leave(p.stream));
        assert_int_equal(uv_thread_create(&thread, close_it, p.stream), 0);
        uv_thread_join(&thread);
        p.stream = NULL;
        assert_true(stirs(fd));
        assert_int_equal(read(fd, &c, 1), 0);
        close(fd);
        probe_close(&p);
    }
}

static void leave_for_other(struct probe *p)
{
    p->on_readable = drain;
    p->on_writable = NULL;
    p->on_failed = NULL;
    assert_true(stream_leave(p->stream));
    p->opened++; /* left */
}

static void it_may_leave_inside_an_event(void **state)
{
    struct probe p;
    uint8_t *bytes;
    size_t size;
    (void)state;
    int fd = probe_pair(TCP_PAIR, &p);
    p.on_readable = leave_for_other; /* from the socket */
    stream_read_on(p.stream, true);
    say(fd, "one", 3);
    UNTIL(p.opened == 1);
    assert_true(stream_join(p.stream, other));
    stream_read_on(p.stream, true);
    assert_got(&p, "one");
    move_to(&p, loop);
    say(fd, "two", 3);
    p.on_readable = NULL;
    stream_read_on(p.stream, true);
    UNTIL(stream_peek(p.stream, 1, &bytes) == 3);
    p.on_readable = leave_for_other; /* from deferred work: the bytes are held */
    UNTIL(p.opened == 2);
    assert_true(stream_join(p.stream, loop)); /* the same again */
    stream_read_on(p.stream, true);
    assert_got(&p, "two");
    uint8_t *block = fill(p.stream, &size);
    p.on_writable = leave_for_other;
    p.writable = 0;
    empty(fd, &p, size);
    assert_int_equal(p.opened, 3);
    stream_close(p.stream);
    p.stream = NULL;
    probe_close(&p);
    close(fd);
    free(block);
}

static void without_descriptors_it_stays(void **state)
{
    struct rlimit before, now;
    struct probe p;
    (void)state;
    int fd = probe_pair(TCP_PAIR, &p);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    now = before;
    now.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    bool left = stream_leave(p.stream);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(left);
    p.on_readable = drain;
    stream_read_on(p.stream, true);
    say(fd, "here", 4);
    assert_got(&p, "here");
    probe_close(&p);
    close(fd);
}

/* ---- TLS ---- */

struct secure {
    struct probe client, server;
};

static void secure_begin(struct secure *t, struct loop *at)
{
    int fds[2];
    *t = (struct secure){.client = {.stream = NULL}};
    make_pair(TCP_PAIR, fds);
    struct tls_client_options c = {.trust = trust, .host = "localhost"};
    struct tls_server_options s = {.identity = identities[0]};
    t->client.stream = tls_client(at, stream_from_fd(at, fds[0]), &c, &probe_events, &t->client);
    t->server.stream = tls_server(at, stream_from_fd(at, fds[1]), &s, &probe_events, &t->server);
    assert_non_null(t->client.stream);
    assert_non_null(t->server.stream);
}

static void secure_open(struct secure *t)
{
    secure_begin(t, loop);
    UNTIL(t->client.opened == 1 && t->server.opened == 1);
}

static void secure_end(struct secure *t)
{
    probe_close(&t->client);
    probe_close(&t->server);
}

static void tell(struct probe *from, const char *text)
{
    assert_true(stream_write(from->stream, (const uint8_t *)text, strlen(text)));
}

/* Waits until `want` bytes lie at the stream, which is on `loop` or `other`. */
static uint8_t *wait_peek(struct probe *p, size_t want)
{
    uint8_t *bytes = NULL;
    p->on_readable = NULL;
    stream_read_on(p->stream, true);
    EITHER(stream_peek(p->stream, want, &bytes) >= (long)want);
    return bytes;
}

static void a_record_in_use_goes_along(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.client, "half");
    uint8_t *bytes = wait_peek(&t.server, 4);
    stream_consume(t.server.stream, 2);
    tell(&t.client, " way");
    pass(5);
    move_to(&t.server, other);
    uint8_t *again;
    assert_int_equal(stream_peek(t.server.stream, 1, &again), 2);
    assert_ptr_equal(again, bytes + 2);
    t.server.on_readable = drain;
    stream_read_on(t.server.stream, true);
    assert_got(&t.server, "lf way");
    tell(&t.server, "answer");
    t.client.on_readable = drain;
    move_to(&t.client, other);
    stream_read_on(t.client.stream, true);
    assert_got(&t.client, "answer");
    secure_end(&t);
}

/* Bytes of several records that were peeked at once, which have a block of their own. */
static void carried_bytes_go_along(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.server, "abc");
    wait_peek(&t.client, 3);
    tell(&t.server, "def");
    uint8_t *bytes = wait_peek(&t.client, 6), *again;
    stream_consume(t.client.stream, 1);
    move_to(&t.client, other);
    assert_int_equal(stream_peek(t.client.stream, 1, &again), 5);
    assert_ptr_equal(again, bytes + 1);
    t.client.on_readable = drain;
    stream_read_on(t.client.stream, true); /* it is reminded of them there */
    assert_got(&t.client, "bcdef");
    tell(&t.server, "ghi");
    assert_got(&t.client, "ghi");
    secure_end(&t);
}

/* With every kind of thing held, and on a thread of its own. */
static void a_secure_one_that_left_can_be_closed(void **state)
{
    (void)state;
    for (int held = 0; held < 3; held++) {
        struct secure t;
        uv_thread_t thread;
        secure_open(&t);
        if (held > 0) {
            tell(&t.server, "abc");
            wait_peek(&t.client, 3);
        }
        if (held > 1) {
            tell(&t.server, "def");
            wait_peek(&t.client, 6);
        }
        assert_true(stream_leave(t.client.stream));
        assert_int_equal(uv_thread_create(&thread, close_it, t.client.stream), 0);
        uv_thread_join(&thread);
        t.client.stream = NULL;
        t.server.on_readable = drain;
        stream_read_on(t.server.stream, true);
        UNTIL(t.server.end != ERR_OK);
        assert_true(t.server.end == ERR_EOF || t.server.end == ERR_RESET);
        secure_end(&t);
    }
}

static void leave_when_opened(void *owner)
{
    struct probe *p = owner;
    p->opened++;
    assert_true(stream_leave(p->stream));
}

/* Not in the handshake, but in the event that tells its end, while its last bytes are still here.
 */
static void it_may_leave_when_the_handshake_is_done(void **state)
{
    static const struct stream_events leaving = {.opened = leave_when_opened,
                                                 .readable = probe_readable,
                                                 .writable = probe_writable,
                                                 .failed = probe_failed};
    struct secure t;
    (void)state;
    secure_begin(&t, loop);
    assert_false(stream_leave(t.client.stream));
    assert_false(stream_leave(t.server.stream));
    stream_set_owner(t.client.stream, &leaving, &t.client);
    stream_set_owner(t.server.stream, &leaving, &t.server);
    UNTIL(t.client.opened == 1 && t.server.opened == 1);
    probe_own(&t.client, t.client.stream);
    probe_own(&t.server, t.server.stream);
    assert_true(stream_join(t.client.stream, other));
    assert_true(stream_join(t.server.stream, other));
    t.server.on_readable = t.client.on_readable = drain;
    stream_read_on(t.client.stream, true);
    stream_read_on(t.server.stream, true);
    tell(&t.client, "hello");
    assert_got(&t.server, "hello");
    tell(&t.server, "welcome");
    assert_got(&t.client, "welcome");
    secure_end(&t);
}

static void what_was_written_leaves_first(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.client, "in a batch"); /* not flushed yet */
    move_to(&t.client, other);
    t.server.on_readable = drain;
    stream_read_on(t.server.stream, true);
    assert_got(&t.server, "in a batch");
    move_to(&t.client, loop);
    size_t size;
    uint8_t *block = fill(t.client.stream, &size);
    assert_false(stream_leave(t.client.stream));
    t.server.limit = size;
    UNTIL(t.server.size == size && t.client.writable == 1);
    EITHER(stream_leave(t.client.stream));
    assert_true(stream_join(t.client.stream, other));
    t.server.size = 0;
    stream_shutdown(t.client.stream);
    EITHER(t.server.end == ERR_EOF);
    secure_end(&t);
    free(block);
}

/* The end was read before; it is still the end, and a reader hears of it again. */
static void the_end_goes_along(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.server, "last");
    stream_shutdown(t.server.stream);
    t.client.on_readable = drain;
    stream_read_on(t.client.stream, true);
    EITHER(t.client.end == ERR_EOF);
    move_to(&t.client, other);
    t.client.end = ERR_OK;
    stream_read_on(t.client.stream, true);
    EITHER(t.client.end == ERR_EOF);
    assert_string_equal(tls_problem(t.client.stream), "closed by the other side");
    secure_end(&t);
}

/* ---- between threads ---- */

#define WORKERS 3
#define PAIRS 8
#define BYTES (3u << 20) /* in each direction */
#define CHUNK 40000

struct worker {
    struct loop *loop;
    struct mailbox *box;
    uv_thread_t thread;
};

static struct worker workers[WORKERS];
static struct mailbox *home; /* where travellers come back to */

/* One end of a connection: sends and checks a pattern, and moves on whenever it likes. */
struct traveller {
    struct mail mail;
    struct stream *stream;
    uint32_t seed;
    unsigned at, moves, refused;
    size_t sent, received, chunk, stay; /* until so much is received */
    bool wrong, shut, ended, again;
    struct mailbox *here;
    uint8_t out[CHUNK], in[CHUNK];
};

static const struct stream_events travel;
static struct mail stop;

static uint32_t dice(struct traveller *t, uint32_t sides)
{
    t->seed = t->seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)t->seed * sides >> 32);
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

static bool leaving(const struct traveller *t)
{
    return !t->ended && t->received >= t->stay;
}

/* Never touches t after it has gone. Refused with nothing pending: no event would come. */
static void go(struct traveller *t)
{
    bool done = t->wrong || (t->ended && t->shut);
    if (!done && !leaving(t))
        return;
    if (!stream_ready(t->stream) || !stream_leave(t->stream)) {
        t->refused++;
        t->again = stream_ready(t->stream);
        if (t->again)
            mailbox_post(t->here, &t->mail);
        return;
    }
    t->moves++;
    t->stay = t->received + 1 + dice(t, 200000);
    t->at = (t->at + 1 + dice(t, WORKERS - 1)) % WORKERS;
    mailbox_post(done ? home : workers[t->at].box, &t->mail);
}

static void send_on(struct traveller *t)
{
    while (stream_ready(t->stream) && t->sent < BYTES && !leaving(t)) {
        size_t left = BYTES - t->sent;
        t->chunk = 1 + dice(t, CHUNK);
        t->chunk = t->chunk < left ? t->chunk : left;
        for (size_t i = 0; i < t->chunk; i++)
            t->out[i] = pattern(t->sent + i);
        t->sent += t->chunk;
        stream_write(t->stream, t->out, t->chunk);
    }
    if (stream_ready(t->stream) && t->sent == BYTES && !t->shut) {
        t->shut = true;
        stream_shutdown(t->stream);
    }
}

static void travel_readable(void *owner)
{
    struct traveller *t = owner;
    uint8_t *p = t->in;
    if (t->again)
        return;
    bool in_place = dice(t, 2) == 0;
    long n = in_place ? stream_peek(t->stream, 1 + dice(t, 2) * dice(t, 20000), &p)
                      : stream_pull(t->stream, p, 1 + dice(t, CHUNK));
    if (n < 0 && stream_peek(t->stream, 1, &p) > 0) /* less than it wanted is left */
        n = stream_pull(t->stream, p = t->in, CHUNK), in_place = false;
    t->ended = t->ended || n < 0;
    t->wrong = t->wrong || (n < 0 && (n != -ERR_EOF || t->received != BYTES));
    if (n > 0 && in_place) /* sometimes something stays */
        n = n > 3 && t->received + (size_t)n < BYTES && dice(t, 2) == 0 ? n - 3 : n;
    for (long i = 0; i < n; i++)
        t->wrong = t->wrong || p[i] != pattern(t->received + (size_t)i);
    t->received += n > 0 ? (size_t)n : 0;
    if (n > 0 && in_place)
        stream_consume(t->stream, (size_t)n);
    send_on(t);
    go(t);
}

static void travel_writable(void *owner)
{
    struct traveller *t = owner;
    send_on(t);
    if (!t->again)
        go(t);
}

static void travel_failed(void *owner, enum err why)
{
    struct traveller *t = owner;
    (void)why;
    t->wrong = true;
}

static const struct stream_events travel = {
    .opened = travel_writable,
    .readable = travel_readable,
    .writable = travel_writable,
    .failed = travel_failed,
};

static bool tries_again(struct traveller *t)
{
    if (!t->again)
        return false;
    t->again = false;
    go(t);
    return true;
}

static void on_arrival(void *owner, struct mail *m)
{
    struct worker *w = owner;
    struct traveller *t = list_entry(m, struct traveller, mail);
    if (m == &stop) {
        mailbox_post(home, m);
        mailbox_free(w->box, NULL);
        return;
    }
    if (tries_again(t))
        return;
    t->here = w->box;
    stream_set_owner(t->stream, &travel, t);
    if (!stream_join(t->stream, w->loop))
        abort();
    stream_read_on(t->stream, true);
    send_on(t);
    go(t);
}

static void work(void *ctx)
{
    loop_run(((struct worker *)ctx)->loop);
}

static unsigned came_home;
static bool stopped;

static void on_home(void *owner, struct mail *m)
{
    (void)owner;
    if (m == &stop)
        stopped = true;
    else if (!tries_again(list_entry(m, struct traveller, mail)))
        came_home++;
}

static struct traveller travellers[2 * PAIRS];

/* Every second pair speaks TLS; of these, every second one has an RSA certificate. */
static void depart(int pair)
{
    struct traveller *a = &travellers[2 * pair], *b = a + 1;
    int fds[2];
    make_pair(pair % 4 < 2 ? TCP_PAIR : UNIX_PAIR, fds);
    struct stream *s[2] = {stream_from_fd(loop, fds[0]), stream_from_fd(loop, fds[1])};
    for (int i = 0; i < 2; i++)
        a[i] = (struct traveller){.stream = s[i], .here = home, .seed = (uint32_t)(2 * pair + i)};
    if (pair % 2 == 0) {
        for (int i = 0; i < 2; i++) {
            probe_own(&(struct probe){0}, s[i]); /* nothing is told: reading is off */
            assert_true(stream_leave(s[i]));
            mailbox_post(workers[i].box, &a[i].mail);
        }
        return;
    }
    struct tls_client_options c = {.trust = trust, .host = "localhost"};
    struct tls_server_options o = {.identity = identities[pair / 2 % 2]};
    a->stream = tls_client(loop, s[0], &c, &travel, a);
    b->stream = tls_server(loop, s[1], &o, &travel, b);
    assert_non_null(a->stream);
    assert_non_null(b->stream);
}

static void stop_workers(void)
{
    for (int i = 0; i < WORKERS; i++) {
        stopped = false;
        mailbox_post(workers[i].box, &stop);
        UNTIL(stopped);
        uv_thread_join(&workers[i].thread);
        loop_free(workers[i].loop);
    }
}

static void they_travel_while_bytes_flow(void **state)
{
    unsigned moves = 0, refused = 0;
    (void)state;
    home = mailbox_new(loop, on_home, NULL);
    for (int i = 0; i < WORKERS; i++) {
        workers[i].loop = loop_new();
        workers[i].box = mailbox_new(workers[i].loop, on_arrival, &workers[i]);
        assert_int_equal(uv_thread_create(&workers[i].thread, work, &workers[i]), 0);
    }
    for (int i = 0; i < PAIRS; i++)
        depart(i);
    UNTIL(came_home == 2 * PAIRS);
    stop_workers();
    for (int i = 0; i < 2 * PAIRS; i++) {
        struct traveller *t = &travellers[i];
        assert_false(t->wrong);
        assert_int_equal(t->received, BYTES);
        assert_int_equal(t->sent, BYTES);
        assert_true(t->moves >= 2);
        stream_close(t->stream);
        moves += t->moves;
        refused += t->refused;
    }
    print_message("%u moves, %u were refused at first\n", moves, refused);
    assert_true(moves >= 100);
    assert_true(refused > 0);
    mailbox_free(home, NULL);
}

/* ---- */

static struct identity *load(const char *certificate, const char *key)
{
    char text[256];
    enum err why;
    return identity_new(certs_file(certificate), certs_file(key), &why, text, sizeof text);
}

static int setup(void **state)
{
    char text[256];
    enum err why;
    (void)state;
    if (certs_make() != 0)
        return -1;
    trust =
        trust_new(&(struct trust_sources){.file = certs_file("ca.pem")}, &why, text, sizeof text);
    identities[0] = load("ec.pem", "ec.key");
    identities[1] = load("rsa.pem", "rsa.key");
    return trust != NULL && identities[0] != NULL && identities[1] != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    trust_free(trust);
    identity_free(identities[0]);
    identity_free(identities[1]);
    return certs_remove();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, both_begin, both_end)
    const struct CMUnitTest tests[] = {
        TEST(what_was_not_read_goes_along),
        TEST(what_comes_on_the_way_is_told),
        TEST(pending_bytes_hold_it),
        TEST(a_failure_goes_along),
        TEST(one_that_left_can_be_closed_anywhere),
        TEST(it_may_leave_inside_an_event),
        TEST(without_descriptors_it_stays),
        TEST(a_record_in_use_goes_along),
        TEST(carried_bytes_go_along),
        TEST(a_secure_one_that_left_can_be_closed),
        TEST(it_may_leave_when_the_handshake_is_done),
        TEST(what_was_written_leaves_first),
        TEST(the_end_goes_along),
        TEST(they_travel_while_bytes_flow),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
