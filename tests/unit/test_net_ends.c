/* Streams of sockets: how they end, idle ones, those made from descriptors. */
#include "tests/unit/net_help.h"

/* ---- streams: ends ---- */

static void shutdown_ends_one_direction(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        char bytes[10] = "";
        int fd = probe_pair((enum kind)kind, &p);
        p.on_readable = drain;
        stream_read_on(p.stream, true);
        assert_true(stream_write(p.stream, (const uint8_t *)"last", 4));
        stream_shutdown(p.stream);
        stream_shutdown(p.stream); /* twice is once */
        pass(5);
        assert_int_equal(recv(fd, bytes, sizeof bytes, MSG_WAITALL), 4);
        assert_string_equal(bytes, "last");
        assert_int_equal(recv(fd, bytes, sizeof bytes, 0), 0);
        say(fd, "answer", 6); /* the other direction goes on */
        UNTIL(p.size == 6);
        assert_int_equal(p.end, ERR_OK);
        close(fd);
        UNTIL(p.end == ERR_EOF);
        assert_int_equal(p.failed, 0);
        probe_close(&p);
    }
}

static void shutdown_comes_after_what_is_pending(void **state)
{
    enum { N = 10 << 20 };
    uint8_t *bytes = malloc(N);
    (void)state;
    fill(bytes, 0, N);
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        size_t received = 0;
        int fd = probe_pair((enum kind)kind, &p);
        assert_false(stream_write(p.stream, bytes, N));
        stream_shutdown(p.stream);
        while (received < N) {
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
            received += sip(fd, received);
        }
        UNTIL(p.writable == 1);
        UNTIL(recv(fd, bytes, 1, MSG_DONTWAIT) == 0); /* a busy machine may deliver it later */
        bytes[0] = pattern(0);
        probe_close(&p);
        close(fd);
    }
    free(bytes);
}

static void the_other_side_may_end_first(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        char bytes[10] = "";
        int fd = probe_pair((enum kind)kind, &p);
        p.on_readable = drain;
        stream_read_on(p.stream, true);
        say(fd, "abc", 3);
        shutdown(fd, SHUT_WR);
        UNTIL(p.end == ERR_EOF);
        assert_int_equal(p.size, 3);
        for (int i = 0; i < 3; i++) {
            assert_true(stream_write(p.stream, (const uint8_t *)"x", 1));
            assert_int_equal(read(fd, bytes, sizeof bytes), 1);
        }
        assert_int_equal(p.failed, 0);
        probe_close(&p);
        assert_int_equal(read(fd, bytes, sizeof bytes), 0);
        close(fd);
    }
}

/* The same end is read in both cases. For TCP the kernel may not say it (no sock_diag); then "gone"
 * is never claimed. */
static void only_who_closed_is_gone(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        int fd = probe_pair((enum kind)kind, &p);
        p.on_readable = drain;
        stream_read_on(p.stream, true);
        shutdown(fd, SHUT_WR);
        UNTIL(p.end == ERR_EOF);
        assert_false(stream_peer_gone(p.stream));
        int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 4 /* NETLINK_SOCK_DIAG */);
        close(fd);
        if (kind == UNIX_PAIR || diag >= 0)
            UNTIL(stream_peer_gone(p.stream));
        if (diag >= 0)
            close(diag);
        probe_close(&p);
    }
}

/* Writes until the kernel says that nobody listens. */
static void write_until_failed(struct probe *p)
{
    for (int i = 0; i < 1000 && p->failed == 0; i++) {
        if (stream_ready(p->stream))
            stream_try_write(p->stream, (const uint8_t *)"x", 1);
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
}

static void a_failure_is_told_once(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        uint8_t *bytes;
        int fd = probe_pair((enum kind)kind, &p);
        reset(fd);
        write_until_failed(&p);
        assert_int_equal(p.failed, 1);
        assert_int_equal(p.why, ERR_RESET);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(stream_peek(p.stream, 1, &bytes), -ERR_RESET);
            assert_true(stream_ready(p.stream));
            assert_true(stream_write(p.stream, (const uint8_t *)"y", 1)); /* taken: into nothing */
            assert_int_equal(stream_try_write(p.stream, (const uint8_t *)"y", 1), 0);
            stream_shutdown(p.stream);
        }
        pass(5);
        assert_int_equal(p.failed, 1);
        probe_close(&p);
    }
}

static void a_pending_write_that_fails_is_told(void **state)
{
    enum { N = 10 << 20 };
    uint8_t *bytes = calloc(1, N), *p_bytes;
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        int fd = probe_pair((enum kind)kind, &p);
        assert_false(stream_write(p.stream, bytes, N));
        pass(2);
        reset(fd);
        UNTIL(p.writable == 1 && p.failed == 1);
        assert_int_equal(p.why, ERR_RESET);
        assert_true(stream_write(p.stream, bytes, N));
        assert_int_equal(stream_peek(p.stream, 1, &p_bytes), -ERR_RESET);
        pass(5);
        assert_int_equal(p.writable, 1);
        assert_int_equal(p.failed, 1);
        probe_close(&p);
    }
    free(bytes);
}

/* An error that peek has said is not told again. */
static void a_failure_that_was_read_is_not_told(void **state)
{
    struct probe p;
    int fd = probe_pair(TCP_PAIR, &p);
    (void)state;
    p.on_readable = drain;
    stream_read_on(p.stream, true);
    pass(2);
    reset(fd);
    UNTIL(p.end != ERR_OK);
    assert_int_equal(p.end, ERR_RESET);
    assert_int_equal(stream_try_write(p.stream, (const uint8_t *)"x", 1), 0);
    pass(5);
    assert_int_equal(p.failed, 0);
    probe_close(&p);
}

/* Neither a failed write that peek was quicker to say, nor a failed read behind bytes that are
 * held. */
static void a_failure_is_not_told_after_peek_said_it(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        uint8_t *bytes;
        int fd = probe_pair((enum kind)kind, &p);
        reset(fd);
        pass(2);
        assert_int_equal(stream_try_write(p.stream, (const uint8_t *)"x", 1), 0);
        assert_int_equal(stream_peek(p.stream, 1, &bytes), -ERR_RESET);
        pass(5);
        assert_int_equal(p.failed, 0);
        probe_close(&p);
    }
    struct probe p, heir = {.on_readable = drain};
    int fd = probe_pair(TCP_PAIR, &p);
    p.on_readable = want_ten;
    stream_read_on(p.stream, true);
    say(fd, "abc", 3);
    UNTIL(p.readable == 1);
    reset(fd);
    UNTIL(p.end == ERR_RESET);
    probe_own(&heir, p.stream);
    stream_read_on(heir.stream, true);
    UNTIL(heir.end == ERR_RESET);
    assert_string_equal(heir.got, "abc");
    pass(5);
    assert_int_equal(p.failed + heir.failed, 0);
    probe_close(&heir);
}

/* A server that answers and goes away while we still send: its answer is not lost. */
static void last_words_survive_a_failed_write(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        uint8_t bytes[10];
        int fd = probe_pair((enum kind)kind, &p);
        stream_try_write(p.stream, (const uint8_t *)"request", 7);
        say(fd, "413", 3);
        close(fd); /* with the request unread: a reset */
        write_until_failed(&p);
        assert_int_equal(p.failed, 1);
        assert_int_equal(stream_pull(p.stream, bytes, 2), 2);
        assert_memory_equal(bytes, "41", 2);
        assert_int_equal(stream_pull(p.stream, bytes, sizeof bytes), 1);
        assert_int_equal(stream_pull(p.stream, bytes, sizeof bytes), -ERR_RESET);
        probe_close(&p);
    }
}

/* ---- streams: closing inside events ---- */

static void close_inside(struct probe *p)
{
    uint8_t *bytes;
    stream_peek(p->stream, 1, &bytes); /* something is held, or not */
    probe_close(p);
}

static void close_at_once(struct probe *p)
{
    probe_close(p);
}

static void streams_may_be_closed_inside_events(void **state)
{
    enum { N = 10 << 20 };
    uint8_t *bytes = calloc(1, N), *held;
    static void (*const ways[])(struct probe *) = {close_inside, close_at_once};
    (void)state;
    for (int i = 0; i < 2 * KINDS; i++) {
        struct probe p;
        int fd = probe_pair((enum kind)(i / 2), &p);
        p.on_readable = ways[i % 2];
        say(fd, "abc", 3);
        stream_read_on(p.stream, true);
        UNTIL(p.readable == 1);
        pass(2);
        assert_int_equal(p.readable, 1);
        close(fd);

        fd = probe_pair((enum kind)(i / 2), &p); /* woken for bytes that are held */
        say(fd, "abc", 3);
        stream_read_on(p.stream, true);
        UNTIL(p.readable > 0 && stream_peek(p.stream, 1, &held) == 3);
        stream_read_on(p.stream, false);
        pass(1);
        p.readable = 0;
        p.on_readable = ways[i % 2];
        stream_read_on(p.stream, true);
        UNTIL(p.readable == 1);
        pass(2);
        close(fd);

        fd = probe_pair((enum kind)(i / 2), &p);
        p.on_writable = ways[i % 2];
        assert_false(stream_write(p.stream, bytes, N));
        while (p.writable == 0) {
            swallow(fd);
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        }
        close(fd);
        pass(2);

        fd = probe_pair((enum kind)(i / 2), &p); /* writable of a failed write; no `failed` after */
        p.on_writable = ways[i % 2];
        assert_false(stream_write(p.stream, bytes, N));
        reset(fd);
        UNTIL(p.writable == 1);
        pass(2);
        assert_int_equal(p.failed, 0);

        fd = probe_pair((enum kind)(i / 2), &p);
        p.on_failed = ways[i % 2];
        reset(fd);
        for (int tries = 0; p.failed == 0 && tries < 1000; tries++) {
            stream_try_write(p.stream, bytes, 1);
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        }
        assert_int_equal(p.failed, 1);
        pass(2);
    }
    free(bytes);
}

static void closing_drops_what_is_pending(void **state)
{
    uint8_t *bytes = calloc(1, 10 << 20);
    struct probe p;
    int fd = probe_pair(TCP_PAIR, &p);
    (void)state;
    assert_false(stream_write(p.stream, bytes, 10 << 20));
    stream_shutdown(p.stream);
    probe_close(&p);
    free(bytes); /* before the loop turns */
    pass(5);
    assert_int_equal(p.writable + p.failed + p.readable, 0);
    close(fd);
}

/* ---- streams: idle ---- */

/* Paused, in every state of the other side: the loop sleeps. */
static void paused_streams_cost_nothing(void **state)
{
    uint8_t *bytes = calloc(1, 10 << 20), *held;
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (int how = 0; how < 6; how++) {
            struct probe p;
            int fd = probe_pair((enum kind)kind, &p);
            if (how % 2 == 1) { /* bytes are held, and there are more */
                say(fd, "abc", 3);
                stream_read_on(p.stream, true);
                UNTIL(p.readable > 0);
                assert_int_equal(stream_peek(p.stream, 1, &held), 3);
                stream_read_on(p.stream, false);
                say(fd, "def", 3);
            }
            if (how / 2 == 0)
                shutdown(fd, SHUT_WR);
            else if (how / 2 == 1)
                close(fd);
            else
                reset(fd);
            pass(2);
            int readable = p.readable;
            assert_true(turns_in(30) < 10);
            assert_int_equal(p.readable, readable);
            if (how / 2 == 0) { /* with a write pending, too */
                assert_false(stream_write(p.stream, bytes, 10 << 20));
                assert_true(turns_in(30) < 10);
                close(fd);
            }
            probe_close(&p);
        }
    }
    free(bytes);
}

static void quiet_streams_cost_nothing(void **state)
{
    struct probe p;
    int fd = probe_pair(TCP_PAIR, &p);
    (void)state;
    p.on_readable = drain;
    stream_read_on(p.stream, true);
    say(fd, "abc", 3);
    UNTIL(p.size == 3);
    assert_true(turns_in(30) < 10);
    stream_shutdown(p.stream);
    pass(2);
    assert_true(turns_in(30) < 10);
    probe_close(&p);
    close(fd);
}

/* ---- streams: from descriptors ---- */

static void only_streams_become_streams(void **state)
{
    int file = open("/dev/null", O_RDWR), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    (void)state;
    assert_null(stream_from_fd(loop, file));
    assert_int_equal(fcntl(file, F_GETFD), -1); /* closed */
    assert_null(stream_from_fd(loop, datagrams));
    assert_int_equal(fcntl(datagrams, F_GETFD), -1);
    assert_null(stream_from_fd(loop, -1));
}

static void pipes_become_streams(void **state)
{
    int fds[2];
    struct probe p = {.on_readable = drain};
    (void)state;
    assert_int_equal(pipe(fds), 0);
    probe_own(&p, stream_from_fd(loop, fds[0]));
    stream_read_on(p.stream, true);
    say(fds[1], "abc", 3);
    UNTIL(p.size == 3);
    close(fds[1]);
    UNTIL(p.end == ERR_EOF);
    probe_close(&p);
    assert_int_equal(pipe(fds), 0);
    probe_own(&p, stream_from_fd(loop, fds[1]));
    assert_true(stream_write(p.stream, (const uint8_t *)"x", 1));
    stream_unsent_limit(p.stream, 1000); /* no effect, no harm */
    probe_close(&p);
    close(fds[0]);
}

static void sockets_are_set_up(void **state)
{
    struct sockaddr_in a;
    socklen_t size = sizeof a;
    char name[40];
    int fds[2], on;
    struct probe p = {.opened = 0};
    (void)state;
    make_pair(TCP_PAIR, fds);
    getsockname(fds[1], (struct sockaddr *)&a, &size);
    probe_own(&p, stream_from_fd(loop, fds[0]));
    snprintf(name, sizeof name, "127.0.0.1:%d", ntohs(a.sin_port));
    assert_string_equal(p.stream->name, name);
    stream_unsent_limit(p.stream, 4096);
    static const struct {
        int level, option, value;
    } wanted[] = {
        {IPPROTO_TCP, 1 /* TCP_NODELAY */, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, 25 /* TCP_NOTSENT_LOWAT */, 4096},
    };
    for (size_t i = 0; i < 3; i++) {
        size = sizeof on;
        assert_int_equal(getsockopt(fds[0], wanted[i].level, wanted[i].option, &on, &size), 0);
        assert_int_equal(on, wanted[i].value);
    }
    probe_close(&p);
    close(fds[1]);
    snprintf(name, sizeof name, "pid %ld", (long)getpid());
    int fd = probe_pair(UNIX_PAIR, &p);
    assert_string_equal(p.stream->name, name);
    probe_close(&p);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(shutdown_ends_one_direction),
        NET_TEST(shutdown_comes_after_what_is_pending),
        NET_TEST(the_other_side_may_end_first),
        NET_TEST(only_who_closed_is_gone),
        NET_TEST(a_failure_is_told_once),
        NET_TEST(a_pending_write_that_fails_is_told),
        NET_TEST(a_failure_that_was_read_is_not_told),
        NET_TEST(a_failure_is_not_told_after_peek_said_it),
        NET_TEST(last_words_survive_a_failed_write),
        NET_TEST(streams_may_be_closed_inside_events),
        NET_TEST(closing_drops_what_is_pending),
        NET_TEST(paused_streams_cost_nothing),
        NET_TEST(quiet_streams_cost_nothing),
        NET_TEST(only_streams_become_streams),
        NET_TEST(pipes_become_streams),
        NET_TEST(sockets_are_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
