/* Streams move to another loop: sockets, and between threads. */
#include "tests/unit/stream_move_help.h"

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
        stream_shutdown(p.stream); /* and so does an end behind them */
        assert_false(stream_leave(p.stream));
        empty(fd, &p, size);
        EITHER(stream_leave(p.stream));
        assert_true(stream_join(p.stream, loop));
        move_to(&p, other);
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

/* ---- between threads ---- */

#define WORKERS 3

#define PAIRS 8

#define BYTES (3u << 20) /* in each direction */

struct worker {
    struct loop *loop;
    struct mailbox *box;
    uv_thread_t thread;
};

static struct worker workers[WORKERS];

static struct mailbox *home; /* where travellers come back to */

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
        TEST(they_travel_while_bytes_flow),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
