/* Streams of sockets: reading and writing. */
#include "tests/unit/net_help.h"

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
    uint8_t *bytes, *taken[8];
    size_t n_taken = 0, begin = p->size;
    long n;
    assert_true(stream_steady(p->stream));
    while ((n = stream_peek(p->stream, 1, &bytes)) > 0) {
        size_t whole = 1u + bytes[0];
        n = stream_peek(p->stream, whole, &bytes);
        if (n <= 0)
            break;
        assert_true((size_t)n >= whole);
        probe_keep(p, bytes, whole);
        bytes[0] = 0xff; /* they may be overwritten */
        stream_consume(p->stream, whole);
        taken[n_taken++] = bytes;
    }
    for (size_t i = 0; i < n_taken; i++) { /* they are where they were */
        size_t size = (uint8_t)p->got[begin];
        assert_memory_equal(taken[i] + 1, p->got + begin + 1, size);
        begin += 1 + size;
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
    enum { N = 2 * LOOP_BLOCK + 1000 };
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
