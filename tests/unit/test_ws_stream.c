/* core/ws/ws_stream: bytes in a WebSocket's messages, over a socket pair with a scripted peer. */
#include "tests/support/net.h"

#include "core/base/buf.h"
#include "core/ws/ws.h"
#include "core/ws/ws_stream.h"

#define BIG 300000

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

/* The stream under test, and its peer. */
struct side {
    struct probe probe;
    int fd; /* the peer's; does not block */
    bool client, finished;
    struct buf got;    /* the payload that the peer received */
    size_t largest;    /* frame of it */
    unsigned pongs;    /* that it received */
    int closes, close; /* Close frames that it received; the last one's code */
    bool ended;        /* it received the transport's end */
    struct buf raw;
    struct ws_parser parser;
};

static void begin(struct side *s, bool client)
{
    int fds[2];
    *s = (struct side){.client = client, .got.limit = 1 << 24, .raw.limit = 1 << 24};
    make_pair(TCP_PAIR, fds);
    s->fd = fds[1];
    assert_int_equal(fcntl(s->fd, F_SETFL, O_NONBLOCK), 0);
    ws_parser_init(&s->parser, client);
    s->probe.on_readable = drain;
    struct stream *lower = stream_from_fd(loop, fds[0]);
    assert_non_null(lower);
    probe_own(&s->probe, ws_stream_new(loop, lower, client, &probe_events, &s->probe));
}

static void end(struct side *s)
{
    probe_close(&s->probe);
    if (s->fd >= 0)
        close(s->fd);
    buf_free(&s->got);
    buf_free(&s->raw);
}

/* ---- the peer ---- */

static void add_frame(const struct side *s, struct buf *b, bool fin, enum ws_opcode op,
                      const void *p, size_t n)
{
    uint8_t header[WS_HEADER_MAX];
    const uint8_t *mask = s->client ? NULL : MASK;
    size_t size = ws_header(header + sizeof header, fin, op, n, mask);
    assert_true(buf_append(b, header + sizeof header - size, size));
    assert_true(buf_append(b, p, n));
    if (mask != NULL)
        ws_mask(b->data + b->size - n, n, mask, 0);
}

static void peer_send(struct side *s, const void *p, size_t n)
{
    const uint8_t *from = p;
    while (n > 0) {
        ssize_t sent = send(s->fd, from, n, MSG_NOSIGNAL);
        assert_true(sent > 0 || errno == EAGAIN);
        from += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
}

static void peer_frame(struct side *s, bool fin, enum ws_opcode op, const void *p, size_t n)
{
    struct buf b = {.limit = 1 << 20};
    add_frame(s, &b, fin, op, p, n);
    peer_send(s, b.data, b.size);
    buf_free(&b);
}

static void frame_came(struct side *s, struct buf *control)
{
    int code;
    struct span text;
    s->pongs += s->parser.op == WS_PONG;
    if (s->parser.op == WS_CLOSE) {
        assert_true(ws_close_parse(control->data, control->size, &code, &text));
        s->closes++;
        s->close = code;
    }
    buf_free(control);
}

/* Takes what has come for the peer; true, so that it may stand in a condition. */
static bool peer_reads(struct side *s)
{
    struct buf control = {.limit = 125};
    uint8_t *room = buf_room(&s->raw, 65536);
    assert_non_null(room);
    ssize_t n = recv(s->fd, room, 65536, 0);
    s->ended = s->ended || n == 0;
    assert_true(n >= 0 || errno == EAGAIN); /* never a reset */
    buf_added(&s->raw, n > 0 ? (size_t)n : 0);
    for (;;) {
        struct ws_event e = ws_parse(&s->parser, s->raw.data, s->raw.size);
        assert_int_not_equal(e.type, WS_ERROR);
        size_t used = e.used;
        if (e.type == WS_PAYLOAD) {
            bool data = s->parser.op < WS_CLOSE;
            assert_true(buf_append(data ? &s->got : &control, e.payload, e.n));
            used += e.n;
            size_t frame = (size_t)(s->parser.at + s->parser.left);
            s->largest = data && frame > s->largest ? frame : s->largest;
            ws_parser_took(&s->parser, e.n);
        }
        if (used > 0)
            buf_take(&s->raw, used);
        if (e.type == WS_FRAME_END)
            frame_came(s, &control);
        if (e.type == WS_NEED_MORE)
            break;
    }
    return true;
}

static uint8_t *pattern(size_t n)
{
    uint8_t *p = malloc(n);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(i * 7 + i / 251);
    return p;
}

static void on_finished(void *owner)
{
    struct probe *p = owner;
    struct side *s = (struct side *)(void *)p; /* its first member */
    s->finished = true;
}

/* ---- bytes ---- */

static void frames_of_all_sizes_are_bytes(void **state)
{
    (void)state;
    for (int client = 0; client <= 1; client++) {
        struct side s;
        begin(&s, client);
        stream_read_on(s.probe.stream, true);
        peer_frame(&s, true, WS_BINARY, "one ", 4);
        peer_frame(&s, false, WS_BINARY, "t", 1);
        peer_frame(&s, true, WS_PING, "ping", 4);
        peer_frame(&s, false, WS_CONTINUATION, "", 0);
        peer_frame(&s, true, WS_CONTINUATION, "wo", 2);
        peer_frame(&s, true, WS_BINARY, "", 0);
        peer_frame(&s, true, WS_PONG, "unasked", 7);
        UNTIL(s.probe.size == 7);
        assert_string_equal((char *)s.probe.got, "one two");
        UNTIL(peer_reads(&s) && s.pongs == 1);
        uint8_t *bytes = pattern(BIG);
        peer_frame(&s, true, WS_BINARY, bytes, 100000);
        peer_frame(&s, true, WS_BINARY, bytes + 100000, BIG - 100000); /* over WS_FRAME_MAX */
        UNTIL(s.probe.size == 7 + BIG);
        assert_memory_equal(s.probe.got + 7, bytes, BIG);
        assert_int_equal(s.probe.end, ERR_OK);
        free(bytes);
        end(&s);
    }
}

static void one_byte_in_each_frame(void **state)
{
    (void)state;
    struct side s;
    struct buf b = {.limit = 1 << 20};
    uint8_t *bytes = pattern(20000);
    begin(&s, false);
    stream_read_on(s.probe.stream, true);
    for (size_t i = 0; i < 20000; i++)
        add_frame(&s, &b, true, WS_BINARY, bytes + i, 1);
    peer_send(&s, b.data, b.size);
    UNTIL(s.probe.size == 20000);
    assert_memory_equal(s.probe.got, bytes, 20000);
    free(bytes);
    buf_free(&b);
    end(&s);
}

static size_t wanted;

static void want_all(struct probe *p)
{
    uint8_t *bytes;
    long n = stream_peek(p->stream, wanted, &bytes);
    if (n < (long)wanted)
        return;
    probe_keep(p, bytes, wanted);
    stream_consume(p->stream, wanted);
}

static void a_peek_spans_frames(void **state)
{
    (void)state;
    struct side s;
    uint8_t *bytes = pattern(6 * 32768);
    begin(&s, false);
    s.probe.on_readable = want_all;
    stream_read_on(s.probe.stream, true);
    wanted = 32768;
    for (size_t at = 0; at < 6 * 32768; at += 3 * 4096)
        peer_frame(&s, true, WS_BINARY, bytes + at, 3 * 4096);
    UNTIL(s.probe.size == 6 * 32768);
    assert_memory_equal(s.probe.got, bytes, 6 * 32768);
    int told = s.probe.readable;
    peer_frame(&s, true, WS_BINARY, bytes, 10);
    UNTIL(s.probe.readable > told);
    told = s.probe.readable;
    assert_true(turns_in(20) > 0);
    assert_int_equal(s.probe.readable, told); /* not again before there is more */
    char few[100];
    assert_int_equal(stream_pull(s.probe.stream, (uint8_t *)few, sizeof few), 10);
    assert_memory_equal(few, bytes, 10);
    free(bytes);
    end(&s);
}

static void nothing_is_read_ahead(void **state)
{
    (void)state;
    struct side s;
    uint8_t *p;
    begin(&s, false);
    peer_frame(&s, true, WS_PING, "", 0);
    UNTIL(peer_reads(&s) && s.pongs == 1); /* although reading is off */
    peer_frame(&s, true, WS_BINARY, "later", 5);
    pass(20);
    assert_int_equal(s.probe.readable, 0);
    assert_int_equal(stream_peek(s.probe.stream, 1, &p), 0);
    uint8_t *bytes = pattern(1000);
    struct buf b = {.limit = 1 << 20};
    add_frame(&s, &b, true, WS_BINARY, bytes, 1000);
    size_t most = 0;
    ssize_t n;
    for (int tries = 0; tries < 200; tries++) {
        while ((n = send(s.fd, b.data, b.size, MSG_NOSIGNAL)) == (ssize_t)b.size)
            most += b.size;
        if (n > 0)
            break;
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    assert_true(most < 16 << 20); /* the kernel's buffers are full: the peer has to wait */
    assert_true(turns_in(20) < 1000);
    stream_read_on(s.probe.stream, true);
    UNTIL(s.probe.size > 5);
    assert_memory_equal(s.probe.got, "later", 5);
    free(bytes);
    buf_free(&b);
    end(&s);
}

static void what_is_written_comes_in_frames(void **state)
{
    (void)state;
    for (int client = 0; client <= 1; client++) {
        struct side s;
        uint8_t *bytes = pattern(40 * BIG);
        begin(&s, client);
        assert_true(stream_write(s.probe.stream, bytes, 0));
        assert_true(stream_ready(s.probe.stream));
        assert_false(stream_write(s.probe.stream, bytes, 40 * BIG)); /* more than a kernel takes */
        assert_false(stream_ready(s.probe.stream));
        UNTIL(peer_reads(&s) && s.got.size == 40 * BIG);
        UNTIL(s.probe.writable == 1);
        assert_memory_equal(s.got.data, bytes, 40 * BIG);
        assert_int_equal(s.largest, WS_STREAM_FRAME);
        assert_int_equal(s.probe.failed, 0);
        size_t taken = stream_try_write(s.probe.stream, bytes, 1000);
        assert_int_equal(taken, 1000);
        UNTIL(peer_reads(&s) && s.got.size == 40 * BIG + 1000);
        assert_int_equal(s.probe.writable, 1);
        free(bytes);
        end(&s);
    }
}

/* ---- ends ---- */

static void the_peer_closes(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        size_t n;
        int code;
    } cases[] = {{"", 0, 1005}, {"\x03\xe8", 2, 1000}, {"\x03\xe9", 2, 1001}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct side s;
        uint8_t *p;
        begin(&s, false);
        stream_read_on(s.probe.stream, true);
        peer_frame(&s, true, WS_BINARY, "last", 4);
        peer_frame(&s, true, WS_CLOSE, cases[i].payload, cases[i].n);
        UNTIL(s.probe.end != ERR_OK);
        assert_int_equal(s.probe.end, ERR_EOF);
        assert_string_equal((char *)s.probe.got, "last");
        UNTIL(peer_reads(&s) && s.ended);
        assert_int_equal(s.closes, 1);
        assert_int_equal(s.close, cases[i].code);
        assert_int_equal(stream_peek(s.probe.stream, 1, &p), -ERR_EOF); /* stays so */
        assert_true(stream_write(s.probe.stream, (const uint8_t *)"nobody", 6));
        assert_true(stream_ready(s.probe.stream));
        stream_shutdown(s.probe.stream);
        assert_int_equal(s.probe.failed, 0);
        end(&s);
    }
}

/* The peer may say something after its Close, such as TLS's close_notify; it is not reset for
 * that, however long it takes. */
static void after_a_close_the_end_is_awaited(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct side s;
        begin(&s, false);
        stream_read_on(s.probe.stream, true);
        if (which == 0)
            peer_frame(&s, true, WS_CLOSE, "\x03\xe8", 2);
        ws_stream_finish(s.probe.stream, 1000, NULL, on_finished);
        if (which == 1) {
            peer_frame(&s, true, WS_BINARY, "crossing", 8);
            UNTIL(peer_reads(&s) && s.closes == 1);
            peer_frame(&s, true, WS_CLOSE, "\x03\xe8", 2);
        }
        UNTIL(peer_reads(&s) && s.ended);
        assert_int_equal(s.closes, 1);
        peer_send(&s, "and still", 9);
        pass(20);
        peer_send(&s, "and still", 9);
        pass(20);
        assert_false(s.finished);
        peer_reads(&s);
        close(s.fd);
        s.fd = -1;
        UNTIL(s.finished);
        assert_int_equal(s.probe.size, 0);
        end(&s);
    }
}

static void finishing_gives_up_what_waits(void **state)
{
    (void)state;
    struct side s;
    uint8_t *bytes = pattern(40 * BIG);
    begin(&s, false);
    assert_false(stream_write(s.probe.stream, bytes, 40 * BIG));
    ws_stream_finish(s.probe.stream, 1008, "enough", on_finished);
    memset(bytes, 0, 40 * BIG);
    free(bytes); /* not the stream's any more */
    UNTIL(peer_reads(&s) && s.closes == 1);
    assert_int_equal(s.close, 1008);
    assert_true(s.got.size < 40 * BIG);
    close(s.fd);
    s.fd = -1;
    UNTIL(s.finished);
    end(&s);
}

/* A peer that closes and leaves at once, or is gone: there is nothing to wait for. */
static void finishing_after_the_end(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct side s;
        begin(&s, false);
        stream_read_on(s.probe.stream, true);
        if (which == 0)
            peer_frame(&s, true, WS_CLOSE, "", 0);
        if (which == 2)
            reset(s.fd);
        else
            close(s.fd);
        s.fd = -1;
        UNTIL(s.probe.end != ERR_OK || s.probe.failed > 0);
        ws_stream_finish(s.probe.stream, 1000, NULL, on_finished);
        assert_false(s.finished);
        UNTIL(s.finished);
        end(&s);
    }
}

static void shutdown_is_a_close_behind_the_bytes(void **state)
{
    (void)state;
    struct side s;
    uint8_t *bytes = pattern(40 * BIG);
    begin(&s, false);
    stream_read_on(s.probe.stream, true);
    assert_false(stream_write(s.probe.stream, bytes, 40 * BIG));
    stream_shutdown(s.probe.stream);
    UNTIL(peer_reads(&s) && s.closes == 1);
    assert_int_equal(s.close, 1000);
    assert_int_equal(s.got.size, 40 * BIG);
    assert_memory_equal(s.got.data, bytes, 40 * BIG);
    assert_int_equal(s.probe.writable, 1);
    peer_frame(&s, true, WS_BINARY, "too late", 8);
    assert_int_equal(s.probe.end, ERR_OK);
    peer_frame(&s, true, WS_CLOSE, "\x03\xe8", 2);
    UNTIL(s.probe.end != ERR_OK);
    assert_int_equal(s.probe.end, ERR_EOF);
    assert_int_equal(s.probe.size, 0);
    UNTIL(peer_reads(&s) && s.ended);
    free(bytes);
    end(&s);
}

/* For a peer that would take a Close for the end of both ways. */
static void a_patient_end_lets_the_peer_finish(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct side s;
        begin(&s, false);
        ws_stream_patient(s.probe.stream, 100);
        stream_read_on(s.probe.stream, true);
        assert_true(stream_write(s.probe.stream, (const uint8_t *)"question", 8));
        uint64_t began = loop_now(loop);
        stream_shutdown(s.probe.stream);
        pass(20);
        peer_reads(&s);
        assert_int_equal(s.closes, 0);
        peer_frame(&s, true, WS_BINARY, "answer", 6);
        if (which == 0)
            peer_frame(&s, true, WS_CLOSE, "\x03\xe8", 2);
        UNTIL(peer_reads(&s) && s.closes == 1);
        assert_true(which == 0 || loop_now(loop) - began >= 100);
        if (which == 1)
            peer_frame(&s, true, WS_CLOSE, "\x03\xe8", 2);
        UNTIL(s.probe.end == ERR_EOF);
        assert_string_equal((char *)s.probe.got, "answer");
        end(&s);
    }
}

static struct stream *given;

static void on_given_up(void *ctx, struct stream *s)
{
    given = s;
    ws_stream_finish(s, 1001, "gone", on_finished);
    (void)ctx;
}

/* An owner that knows nothing of WebSockets closes it; whoever made it ends it in order. */
static void a_kept_stream_is_handed_over(void **state)
{
    (void)state;
    struct side s;
    begin(&s, false);
    ws_stream_keep(s.probe.stream, on_given_up, &s.probe);
    stream_close(s.probe.stream);
    assert_ptr_equal(given, s.probe.stream);
    UNTIL(peer_reads(&s) && s.closes == 1);
    assert_int_equal(s.close, 1001);
    peer_frame(&s, true, WS_CLOSE, "\x03\xe9", 2);
    UNTIL(peer_reads(&s) && s.ended);
    assert_false(s.finished);
    close(s.fd);
    s.fd = -1;
    UNTIL(s.finished);
    end(&s);
}

static void a_ping_shows_who_is_there(void **state)
{
    (void)state;
    struct side s;
    begin(&s, false);
    pass(20);
    uint64_t before = ws_stream_heard_at(s.probe.stream);
    ws_stream_ping(s.probe.stream);
    pass(20);
    assert_int_equal(ws_stream_heard_at(s.probe.stream), before);
    peer_frame(&s, true, WS_PONG, "", 0);
    UNTIL(ws_stream_heard_at(s.probe.stream) > before);
    end(&s);
}

static void an_end_without_a_close_is_none(void **state)
{
    (void)state;
    struct side s;
    begin(&s, false);
    stream_read_on(s.probe.stream, true);
    peer_frame(&s, true, WS_BINARY, "half", 4);
    close(s.fd);
    s.fd = -1;
    UNTIL(s.probe.end != ERR_OK);
    assert_int_equal(s.probe.end, ERR_RESET);
    assert_string_equal((char *)s.probe.got, "half");
    end(&s);
}

static void broken_rules_are_told_behind_the_bytes(void **state)
{
    (void)state;
    struct side s;
    begin(&s, false);
    stream_read_on(s.probe.stream, true);
    peer_frame(&s, true, WS_BINARY, "good", 4);
    peer_frame(&s, true, WS_TEXT, "bad", 3);
    UNTIL(peer_reads(&s) && s.closes == 1);
    assert_int_equal(s.close, 1003);
    close(s.fd);
    s.fd = -1;
    UNTIL(s.probe.end != ERR_OK);
    assert_int_equal(s.probe.end, ERR_PROTOCOL);
    assert_string_equal((char *)s.probe.got, "good");
    end(&s);
}

/* A write that waits is over, too, so that its bytes may go. */
static void a_reset_frees_what_waits(void **state)
{
    (void)state;
    struct side s;
    uint8_t *bytes = pattern(40 * BIG);
    begin(&s, false);
    assert_false(stream_write(s.probe.stream, bytes, 40 * BIG));
    reset(s.fd);
    s.fd = -1;
    UNTIL(s.probe.writable == 1 && s.probe.failed == 1);
    assert_true(stream_write(s.probe.stream, bytes, 40 * BIG));
    free(bytes);
    end(&s);
}

static void close_it(struct probe *p)
{
    stream_close(p->stream);
    p->stream = NULL;
}

static void it_may_be_closed_in_any_event(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct side s;
        uint8_t *bytes = pattern(40 * BIG);
        begin(&s, false);
        stream_read_on(s.probe.stream, which == 0);
        s.probe.on_readable = s.probe.on_writable = s.probe.on_failed = close_it;
        if (which == 0)
            peer_frame(&s, true, WS_BINARY, "bytes", 5);
        else
            assert_false(stream_write(s.probe.stream, bytes, 40 * BIG));
        if (which == 2) {
            reset(s.fd);
            s.fd = -1;
        }
        UNTIL((which != 1 || peer_reads(&s)) && s.probe.stream == NULL);
        free(bytes);
        end(&s);
    }
}

/* ---- from loop to loop ---- */

static void it_moves_with_what_it_holds(void **state)
{
    (void)state;
    struct side s;
    struct buf b = {.limit = 1 << 20};
    uint8_t *p;
    struct loop *other = loop_new();
    assert_non_null(other);
    begin(&s, false);
    s.probe.on_readable = NULL;
    stream_read_on(s.probe.stream, true);
    add_frame(&s, &b, true, WS_BINARY, "first second third", 18);
    peer_send(&s, b.data, 15); /* in the middle of the frame */
    UNTIL(stream_peek(s.probe.stream, 9, &p) >= 9);
    stream_consume(s.probe.stream, 6);
    assert_true(stream_leave(s.probe.stream));
    assert_true(stream_join(s.probe.stream, other));
    s.probe.on_readable = drain;
    stream_read_on(s.probe.stream, true);
    peer_send(&s, b.data + 15, b.size - 15);
    assert_true(stream_write(s.probe.stream, (const uint8_t *)"back", 4));
    for (int turns = 0; s.probe.size < 12 || s.got.size < 4; turns++) {
        assert_true(turns < 10000);
        uv_run(loop_uv(other), UV_RUN_NOWAIT);
        peer_reads(&s);
    }
    assert_string_equal((char *)s.probe.got, "second third");
    end(&s);
    buf_free(&b);
    loop_free(other);
}

#define WS_STREAM_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WS_STREAM_TEST(frames_of_all_sizes_are_bytes),
        WS_STREAM_TEST(one_byte_in_each_frame),
        WS_STREAM_TEST(a_peek_spans_frames),
        WS_STREAM_TEST(nothing_is_read_ahead),
        WS_STREAM_TEST(what_is_written_comes_in_frames),
        WS_STREAM_TEST(the_peer_closes),
        WS_STREAM_TEST(after_a_close_the_end_is_awaited),
        WS_STREAM_TEST(finishing_gives_up_what_waits),
        WS_STREAM_TEST(finishing_after_the_end),
        WS_STREAM_TEST(shutdown_is_a_close_behind_the_bytes),
        WS_STREAM_TEST(a_patient_end_lets_the_peer_finish),
        WS_STREAM_TEST(a_kept_stream_is_handed_over),
        WS_STREAM_TEST(a_ping_shows_who_is_there),
        WS_STREAM_TEST(an_end_without_a_close_is_none),
        WS_STREAM_TEST(broken_rules_are_told_behind_the_bytes),
        WS_STREAM_TEST(a_reset_frees_what_waits),
        WS_STREAM_TEST(it_may_be_closed_in_any_event),
        WS_STREAM_TEST(it_moves_with_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
