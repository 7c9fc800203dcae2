#include "tests/support/net.h"

/* ---- streams: reading ---- */

static void reading_starts_switched_off(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        uint8_t *bytes;
        int fd = probe_pair((enum kind)kind, &p);
        say(fd, "abc", 3);
        pass(10);
        assert_int_equal(p.readable, 0);
        p.on_readable = drain;
        stream_read_on(p.stream, true);
        assert_int_equal(p.readable, 0); /* not from inside */
        UNTIL(p.size == 3);
        assert_int_equal(stream_peek(p.stream, 1, &bytes), 0);
        stream_read_on(p.stream, false);
        say(fd, "def", 3);
        pass(10);
        assert_int_equal(p.size, 3);
        stream_read_on(p.stream, true);
        UNTIL(p.size == 6);
        assert_string_equal(p.got, "abcdef");
        assert_int_equal(p.opened, 0); /* it was ready when it was handed out */
        probe_close(&p);
        close(fd);
    }
}

/* Records: a byte that says how long it is, and that many. Takes whole ones only. */
static void take_records(struct probe *p)
{
    uint8_t *bytes;
    long n;
    while ((n = stream_peek(p->stream, 1, &bytes)) > 0) {
        size_t whole = 1u + bytes[0];
        n = stream_peek(p->stream, whole, &bytes);
        if (n <= 0)
            break;
        assert_true((size_t)n >= whole);
        probe_keep(p, bytes, whole);
        bytes[0] = 0xff; /* they may be overwritten */
        stream_consume(p->stream, whole);
    }
    if (n < 0) {
        p->end = (enum err) - n;
        stream_read_on(p->stream, false);
    }
}

/* Three records, sent in three pieces, at every pair of places where they can be cut. */
static void records_are_peeked_at_every_split(void **state)
{
    static const uint8_t records[] = "\x03"
                                     "abc"
                                     "\x00"
                                     "\x05"
                                     "defgh";
    static const size_t before[] = {0, 0, 0, 0, 4, 5, 5, 5, 5, 5, 5, 11}; /* whole records */
    enum { N = 11 };
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i <= N; i++) {
            for (size_t j = i; j <= N; j++) {
                struct probe p;
                int fd = probe_pair((enum kind)kind, &p);
                p.on_readable = take_records;
                stream_read_on(p.stream, true);
                say(fd, records, i);
                UNTIL(p.size == before[i]);
                uv_run(loop_uv(loop), UV_RUN_NOWAIT);
                say(fd, records + i, j - i);
                UNTIL(p.size == before[j]);
                uv_run(loop_uv(loop), UV_RUN_NOWAIT);
                assert_int_equal(p.size, before[j]);
                say(fd, records + j, N - j);
                close(fd);
                UNTIL(p.end != ERR_OK);
                assert_int_equal(p.end, ERR_EOF);
                assert_int_equal(p.size, N);
                assert_memory_equal(p.got, records, N);
                probe_close(&p);
            }
        }
    }
}

static void pull_one(struct probe *p)
{
    uint8_t piece[3];
    long n = stream_pull(p->stream, piece, sizeof piece);
    if (n > 0)
        probe_keep(p, piece, (size_t)n);
    if (n < 0) {
        p->end = (enum err) - n;
        stream_read_on(p->stream, false);
    }
}

/* By turns: some of what is held, or straight from the kernel. */
static void peek_or_pull(struct probe *p)
{
    uint8_t *bytes;
    if (p->readable % 3 == 0) {
        long n = stream_peek(p->stream, 1, &bytes);
        if (n > 0) {
            size_t take = (size_t)n > 2 ? 2 : (size_t)n;
            probe_keep(p, bytes, take);
            stream_consume(p->stream, take);
        } else if (n < 0) {
            p->end = (enum err) - n;
            stream_read_on(p->stream, false);
        }
    } else {
        pull_one(p);
    }
}

/* However it is read, all bytes come in order, and the end comes after them, though only the first
 * `readable` is caused by new bytes. */
static void bytes_come_in_order_and_before_the_end(void **state)
{
    static void (*const ways[])(struct probe *) = {drain, pull_one, peek_or_pull};
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t way = 0; way < 3; way++) {
            uint8_t sent[1000], *bytes;
            struct probe p;
            int fd = probe_pair((enum kind)kind, &p);
            for (size_t i = 0; i < sizeof sent; i++)
                sent[i] = (uint8_t)(i * 7);
            p.on_readable = ways[way];
            say(fd, sent, sizeof sent);
            close(fd);
            stream_read_on(p.stream, true);
            UNTIL(p.end != ERR_OK);
            assert_int_equal(p.end, ERR_EOF);
            assert_int_equal(p.size, sizeof sent);
            assert_memory_equal(p.got, sent, sizeof sent);
            for (int i = 0; i < 2; i++) { /* it stays so */
                assert_int_equal(stream_peek(p.stream, 1, &bytes), -ERR_EOF);
                assert_int_equal(stream_pull(p.stream, sent, 1), -ERR_EOF);
            }
            assert_int_equal(p.failed, 0);
            probe_close(&p);
        }
    }
}

static void peek_twice(struct probe *p)
{
    uint8_t *bytes, *more;
    long n = stream_peek(p->stream, 1, &bytes);
    if (n <= 0)
        return;
    assert_in_range(n, 1, LOOP_BLOCK);
    assert_int_equal(stream_peek(p->stream, 1, &more), n); /* the same ones */
    assert_ptr_equal(more, bytes);
    p->size += (size_t)n;
    stream_consume(p->stream, (size_t)n);
    assert_int_equal(stream_peek(p->stream, 1, &more), 0); /* and no second read(2) */
}

static void one_read_for_one_readable(void **state)
{
    enum { N = 150000 };
    static uint8_t sent[N];
    struct probe p;
    int fd = probe_pair(TCP_PAIR, &p), size = 2 * N;
    (void)state;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    p.on_readable = peek_twice;
    say(fd, sent, N); /* more than two blocks: they lie in the kernel before the first read */
    stream_read_on(p.stream, true);
    UNTIL(p.size == N);
    assert_true(p.readable >= 3);
    probe_close(&p);
    close(fd);
}

static void peek_one(struct probe *p)
{
    uint8_t *bytes;
    p->size = (size_t)stream_peek(p->stream, 1, &bytes);
}

static void held_bytes_make_it_readable(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        uint8_t *bytes;
        int fd = probe_pair((enum kind)kind, &p);
        p.on_readable = peek_one; /* and leaves them there */
        say(fd, "abcdef", 6);
        stream_read_on(p.stream, true);
        UNTIL(p.readable >= 4); /* again and again */
        assert_int_equal(p.size, 6);
        stream_read_on(p.stream, false);
        int before = p.readable;
        pass(5);
        assert_int_equal(p.readable, before);
        stream_read_on(p.stream, true); /* with bytes held */
        assert_int_equal(p.readable, before);
        UNTIL(p.readable > before);
        stream_read_on(p.stream, false);
        assert_int_equal(stream_peek(p.stream, 1, &bytes), 6);
        stream_consume(p.stream, 2);
        stream_read_on(p.stream, true);
        p.on_readable = drain;
        p.size = 0;
        UNTIL(p.size == 4);
        assert_memory_equal(p.got, "cdef", 4);
        before = p.readable;
        pass(5); /* and when nothing is held, it is quiet */
        assert_int_equal(p.readable, before);
        probe_close(&p);
        close(fd);
    }
}

static void want_ten(struct probe *p)
{
    uint8_t *bytes;
    long n = stream_peek(p->stream, 10, &bytes);
    assert_true(n <= 0 || n >= 10);
    if (n > 0)
        p->size = (size_t)n;
    if (n < 0) {
        p->end = (enum err) - n;
        stream_read_on(p->stream, false);
    }
}

/* Held bytes that are too few for the owner must not keep the loop busy; the end must come through
 * though, and what is left can still be had. A new owner who wants less is told at once. */
static void too_few_bytes_wait_for_more(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p, heir = {.opened = 0};
        uint8_t *bytes, piece[3];
        int fd = probe_pair((enum kind)kind, &p);
        p.on_readable = want_ten;
        stream_read_on(p.stream, true);
        say(fd, "abcdefgh", 8);
        UNTIL(p.readable == 1);
        assert_true(turns_in(20) < 10);
        assert_int_equal(p.readable, 1);
        say(fd, "i", 1);
        UNTIL(p.readable == 2);
        say(fd, "jk", 2);
        UNTIL(p.size == 11);
        stream_consume(p.stream, 5);
        UNTIL(p.readable >= 4); /* six are left: told once more, and that was too few again */
        assert_true(turns_in(20) < 10);
        shutdown(fd, SHUT_WR);
        UNTIL(p.end == ERR_EOF);
        heir.on_readable = drain;
        probe_own(&heir, p.stream);
        stream_read_on(heir.stream, true);
        stream_read_on(heir.stream, true);
        UNTIL(heir.size == 6);
        assert_string_equal(heir.got, "fghijk");
        UNTIL(heir.end == ERR_EOF);
        assert_int_equal(stream_peek(heir.stream, 1, &bytes), -ERR_EOF);
        assert_int_equal(stream_pull(heir.stream, piece, 3), -ERR_EOF);
        probe_close(&heir);
        close(fd);
    }
}

/* Reading is on all the time, and nothing more comes. */
static void too_few_for_one_are_enough_for_another(void **state)
{
    struct probe p, heir = {.on_readable = drain};
    uint8_t piece[3];
    int fd = probe_pair(TCP_PAIR, &p);
    (void)state;
    p.on_readable = want_ten;
    stream_read_on(p.stream, true);
    say(fd, "abcdefgh", 8);
    UNTIL(p.readable == 1);
    assert_int_equal(stream_pull(p.stream, piece, 3), 3); /* outside of an event */
    assert_memory_equal(piece, "abc", 3);
    UNTIL(p.readable == 2); /* things have changed: told again */
    assert_true(turns_in(20) < 10);
    assert_int_equal(p.readable, 2);
    probe_own(&heir, p.stream);
    stream_read_on(heir.stream, true);
    UNTIL(heir.size == 5);
    assert_string_equal(heir.got, "defgh");
    probe_close(&heir);
    close(fd);
}

/* Takes one byte, then hands the stream over while reading is on: the rest makes it readable for
 * the new owner although nothing more comes. */
static struct probe heir_of_rest;

static void take_one_and_hand_over(struct probe *p)
{
    uint8_t *bytes;
    assert_true(stream_peek(p->stream, 1, &bytes) > 1);
    stream_consume(p->stream, 1);
    probe_own(&heir_of_rest, p->stream);
    p->stream = NULL;
}

static void a_new_owner_is_told_of_what_is_held(void **state)
{
    struct probe p;
    int fd = probe_pair(TCP_PAIR, &p);
    (void)state;
    heir_of_rest = (struct probe){.on_readable = drain};
    p.on_readable = take_one_and_hand_over;
    say(fd, "abc", 3);
    stream_read_on(p.stream, true);
    UNTIL(heir_of_rest.size == 2);
    assert_string_equal(heir_of_rest.got, "bc");
    assert_int_equal(p.readable, 1);
    probe_close(&heir_of_rest);
    close(fd);
}

static void want_much(struct probe *p)
{
    uint8_t *bytes;
    long n = stream_peek(p->stream, 32768, &bytes);
    if (n > 0) {
        for (long i = 0; i < n; i++)
            assert_int_equal(bytes[i], (p->size + (size_t)i) % 251);
        size_t take = p->size < 100 ? 1 : 32000; /* so that what is left has to be moved */
        p->size += take;
        stream_consume(p->stream, take);
    }
    if (n < 0) {
        p->end = (enum err) - n;
        stream_read_on(p->stream, false);
    }
}

static void the_largest_want_is_met(void **state)
{
    enum { N = 200000 };
    static uint8_t sent[N];
    struct probe p;
    int fd = probe_pair(TCP_PAIR, &p), size = 2 * N;
    (void)state;
    for (size_t i = 0; i < N; i++)
        sent[i] = (uint8_t)(i % 251);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    p.on_readable = want_much;
    say(fd, sent, N);
    close(fd);
    stream_read_on(p.stream, true);
    UNTIL(p.end == ERR_EOF);
    assert_true(p.size + 32768 > N);
    probe_close(&p);
}

/* ---- streams: writing ---- */

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 13 + (i >> 9));
}

static void fill(uint8_t *p, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = pattern(at + i);
}

/* Reads what is there without waiting and checks it; returns how much. */
static size_t sip(int fd, size_t at)
{
    uint8_t bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], pattern(at + (size_t)i));
    return n > 0 ? (size_t)n : 0;
}

/* As sip, whatever the bytes are. */
static size_t swallow(int fd)
{
    char bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

static void try_write_stops_when_the_reader_does(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        uint8_t bytes[5000];
        size_t sent = 0, received = 0, n, taken;
        int fd = probe_pair((enum kind)kind, &p);
        assert_int_equal(stream_try_write(p.stream, bytes, 0), 0);
        do {
            n = sizeof bytes;
            fill(bytes, sent, n);
            taken = stream_try_write(p.stream, bytes, n);
            assert_true(taken <= n);
            sent += taken;
            assert_true(sent < 32 << 20); /* the kernel's own bounds */
        } while (taken > 0);
        assert_true(stream_ready(p.stream)); /* never pending */
        pass(5);
        assert_int_equal(p.writable, 0); /* nobody asked */
        while (received < sent) {
            assert_true(stirs(fd));
            received += sip(fd, received);
        }
        fill(bytes, sent, 100);
        while (taken == 0) /* there is room again */
            taken = stream_try_write(p.stream, bytes, 100);
        assert_int_equal(p.failed, 0);
        probe_close(&p);
        close(fd);
    }
}

static void write_waits_for_the_reader(void **state)
{
    enum { N = 12 << 20 };
    uint8_t *bytes = malloc(N);
    (void)state;
    fill(bytes, 0, N);
    for (int kind = 0; kind < KINDS; kind++) {
        struct probe p;
        size_t received = 0;
        int fd = probe_pair((enum kind)kind, &p);
        assert_true(stream_ready(p.stream));
        assert_true(stream_write(p.stream, bytes, 0));
        assert_false(stream_write(p.stream, bytes, N));
        assert_false(stream_ready(p.stream));
        assert_int_equal(stream_try_write(p.stream, bytes, 1), 0);
        assert_true(turns_in(20) < 10); /* pending costs nothing */
        assert_int_equal(p.writable, 0);
        while (received < N) {
            uv_run(loop_uv(loop), UV_RUN_NOWAIT);
            received += sip(fd, received);
            assert_true(p.writable == 0 || received > 0);
        }
        UNTIL(p.writable == 1);
        assert_true(stream_ready(p.stream));
        assert_true(stream_write(p.stream, bytes, 10)); /* goes at once */
        pass(5);
        assert_int_equal(p.writable, 1); /* once for each pending write */
        assert_int_equal(sip(fd, 0), 10);
        probe_close(&p);
        close(fd);
    }
    free(bytes);
}

static uint8_t *more_bytes;

static void write_again(struct probe *p)
{
    while (p->size < 8 && stream_ready(p->stream)) {
        p->size++;
        stream_write(p->stream, more_bytes, 3 << 20);
    }
}

static void writing_goes_on_from_writable(void **state)
{
    size_t received = 0;
    struct probe p;
    int fd = probe_pair(TCP_PAIR, &p);
    (void)state;
    more_bytes = calloc(1, 3 << 20);
    p.on_writable = write_again;
    p.inside = true;
    write_again(&p);
    p.inside = false;
    while (received < (size_t)8 * (3 << 20)) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        received += swallow(fd);
    }
    assert_int_equal(p.size, 8);
    probe_close(&p);
    close(fd);
    free(more_bytes);
}

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

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(reading_starts_switched_off),
        NET_TEST(records_are_peeked_at_every_split),
        NET_TEST(bytes_come_in_order_and_before_the_end),
        NET_TEST(one_read_for_one_readable),
        NET_TEST(held_bytes_make_it_readable),
        NET_TEST(too_few_bytes_wait_for_more),
        NET_TEST(too_few_for_one_are_enough_for_another),
        NET_TEST(a_new_owner_is_told_of_what_is_held),
        NET_TEST(the_largest_want_is_met),
        NET_TEST(try_write_stops_when_the_reader_does),
        NET_TEST(write_waits_for_the_reader),
        NET_TEST(writing_goes_on_from_writable),
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
