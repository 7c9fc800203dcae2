/* WebSocket: how connections end. */
#include "tests/unit/ws_help.h"

static void assert_peer_sees_end(struct side *s)
{
    uint8_t byte;
    assert_int_equal(s->peer.size, 0);
    ssize_t n = -1;
    for (unsigned turns = 0; turns < 100000 && n < 0; turns++) {
        uv_run(loop_uv(s->loop), UV_RUN_NOWAIT);
        n = recv(s->fd, &byte, 1, 0);
    }
    assert_int_equal(n, 0);
}

static void the_peer_closes(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        size_t n;
        int code;
        const char *text;
        size_t echo;
    } cases[] = {
        {"", 0, 1005, "", 0},
        {"\x03\xe8", 2, 1000, "", 2},
        {"\x03\xe9"
         "going\n\"away\" \xc3\xa9",
         17, 1001, "going\\x0a\\\"away\\\" \\xc3\\xa9", 2},
    };
    for (int client = 0; client <= 1; client++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct side s;
            begin(&s, client);
            peer_frame(&s, client, true, WS_BINARY, "last", 4);
            peer_frame(&s, client, true, WS_CLOSE, cases[i].payload, cases[i].n);
            UNTIL(&s, s.closed);
            assert_int_equal(s.why, ERR_EOF);
            assert_int_equal(s.code, cases[i].code);
            assert_string_equal(s.text, cases[i].text);
            assert_bytes(&s.got, "last|", 5);
            assert_false(ws_ready(s.ws));
            peer_expect(&s, client, WS_CLOSE, cases[i].payload, cases[i].echo);
            assert_peer_sees_end(&s);
            end(&s);
        }
}

/* The echo waits behind what is pending, and `closed` for the echo. */
static void the_peer_closes_while_we_write(void **state)
{
    (void)state;
    struct side s;
    enum { N = 30000 };
    static uint8_t frame[WS_HEADER_MAX + N], want[N];
    begin(&s, true);
    size_t sent = fill(&s, frame, N);
    peer_frame(&s, true, true, WS_CLOSE, "\x03\xe8", 2);
    for (int i = 0; i < 10; i++)
        turn(&s, false);
    assert_false(s.closed);
    UNTIL(&s, s.closed);
    assert_int_equal(s.code, 1000);
    assert_int_equal(s.writables, 0);
    for (size_t i = 0; i < sent; i++) {
        memset(want, (int)('A' + i % 26), N);
        peer_expect(&s, true, WS_BINARY, want, N);
    }
    peer_expect(&s, true, WS_CLOSE, "\x03\xe8", 2);
    end(&s);
}

static void we_close(void **state)
{
    (void)state;
    for (int client = 0; client <= 1; client++) {
        struct side s;
        begin(&s, client);
        ws_close(s.ws, 1001, "bye");
        ws_close(s.ws, 1000, "once is enough");
        ws_ping(s.ws, "x", 1);
        assert_false(ws_ready(s.ws));
        peer_expect(&s, client, WS_CLOSE,
                    "\x03\xe9"
                    "bye",
                    5);
        /* What the peer sent before it saw our Close does not matter any more. */
        peer_frame(&s, client, true, WS_BINARY, "late", 4);
        peer_frame(&s, client, true, WS_TEXT, "late", 4);
        peer_frame(&s, client, true, WS_PING, "late", 4);
        settle(&s);
        assert_false(s.closed);
        assert_int_equal(s.got.size, 0);
        peer_frame(&s, client, true, WS_CLOSE, "\x03\xe9", 2);
        UNTIL(&s, s.closed);
        assert_int_equal(s.why, ERR_OK);
        assert_int_equal(s.code, 1001);
        assert_int_equal(s.peer.size, 0); /* nothing behind our Close */
        end(&s);
    }
}

static void we_close_and_the_peer_hangs_up_or_errs(void **state)
{
    (void)state;
    struct side s;
    begin(&s, true);
    ws_close(s.ws, 1000, NULL);
    peer_expect(&s, true, WS_CLOSE, "\x03\xe8", 2);
    assert_int_equal(shutdown(s.fd, SHUT_WR), 0);
    UNTIL(&s, s.closed);
    assert_int_equal(s.why, ERR_EOF);
    assert_int_equal(s.code, 0);
    end(&s);
    begin(&s, true);
    ws_close(s.ws, 1000, NULL);
    peer_expect(&s, true, WS_CLOSE, "\x03\xe8", 2);
    peer_raw(&s, "\xff\xff", 2);
    UNTIL(&s, s.closed);
    assert_int_equal(s.why, ERR_PROTOCOL);
    assert_int_equal(s.peer.size, 0);
    end(&s);
}

/* A reader that was paused is not asked any more once it closes. */
static void we_close_while_paused(void **state)
{
    (void)state;
    struct side s;
    begin(&s, false);
    s.appetite = 10; /* and no room */
    peer_frame(&s, false, true, WS_BINARY, "never looked at", 15);
    UNTIL(&s, s.pauses > 0);
    loop_cancel(&s.feed);
    ws_close(s.ws, 1000, NULL);
    peer_expect(&s, false, WS_CLOSE, "\x03\xe8", 2);
    peer_frame(&s, false, true, WS_CLOSE, "\x03\xe8", 2);
    UNTIL(&s, s.closed);
    assert_int_equal(s.why, ERR_OK);
    assert_int_equal(s.got.size, 0);
    end(&s);
}

static void a_silent_peer_does_not_hold_us(void **state)
{
    (void)state;
    struct side s;
    begin(&s, true);
    ws_close(s.ws, 1000, NULL);
    uint64_t from = loop_now(s.loop);
    while (!s.closed)
        uv_run(loop_uv(s.loop), UV_RUN_ONCE);
    assert_int_equal(s.why, ERR_TIMEOUT);
    assert_int_equal(s.code, 0);
    assert_true(loop_now(s.loop) - from >= 1900);
    end(&s);
}

static void the_connection_just_ends(void **state)
{
    (void)state;
    static const uint8_t half[] = {0x82, 5, 'a', 'b'};
    for (size_t n = 0; n <= sizeof half; n++) {
        struct side s;
        begin(&s, true);
        peer_raw(&s, half, n);
        close(s.fd);
        s.fd = -1;
        UNTIL(&s, s.closed);
        assert_int_equal(s.why, ERR_EOF);
        assert_int_equal(s.code, 0);
        assert_bytes(&s.got, "ab", n > 2 ? n - 2 : 0);
        end(&s);
    }
}

/* A stream whose writes have failed while there are still bytes to be read. */
struct broken {
    struct stream stream;
    uint8_t bytes[32];
    size_t at, end;
};

static struct broken *broken_of(struct stream *s)
{
    return (struct broken *)(void *)s;
}

static void broken_read_on(struct stream *s, bool on)
{
    (void)s, (void)on;
}

static long broken_peek(struct stream *s, size_t want, uint8_t **p)
{
    struct broken *b = broken_of(s);
    *p = b->bytes + b->at;
    assert_int_equal(want, 1);
    return b->at < b->end ? (long)(b->end - b->at) : -(long)ERR_RESET;
}

static void broken_consume(struct stream *s, size_t n)
{
    broken_of(s)->at += n;
}

static bool broken_write(struct stream *s, const uint8_t *p, size_t n)
{
    (void)s, (void)p, (void)n;
    return true;
}

static bool broken_ready(const struct stream *s)
{
    (void)s;
    return true;
}

static void broken_end(struct stream *s)
{
    (void)s;
}

static const struct stream_ops broken_ops = {.read_on = broken_read_on,
                                             .peek = broken_peek,
                                             .consume = broken_consume,
                                             .write = broken_write,
                                             .ready = broken_ready,
                                             .shutdown = broken_end,
                                             .close = broken_end};

/* The peer says why it leaves, and leaves: that is heard although our own write fails first. */
static void a_goodbye_is_heard_after_a_failed_write(void **state)
{
    (void)state;
    static const uint8_t goodbye[] = {0x82, 4, 'l', 'a', 's', 't', 0x88, 2, 3, 0xe8};
    for (size_t n = 0; n <= sizeof goodbye; n++) {
        struct broken b = {.stream = {.ops = &broken_ops}, .end = n};
        struct side s = {.got.limit = 100, .fd = -1, .loop = loop_new()};
        memcpy(b.bytes, goodbye, n);
        deferred_init(&s.feed, feed, &s);
        s.ws = ws_new(s.loop, &b.stream, true, &events, &s);
        assert_non_null(s.ws);
        b.stream.events->failed(b.stream.owner, ERR_RESET);
        assert_true(s.closed);
        assert_int_equal(s.why, n == sizeof goodbye ? ERR_EOF : ERR_RESET);
        assert_int_equal(s.code, n == sizeof goodbye ? 1000 : 0);
        assert_int_equal(s.got.size, n <= 2 ? 0 : n >= 6 ? 5 : n - 2);
        end(&s);
    }
}

static void freeing_inside_any_event(void **state)
{
    (void)state;
    enum { N = 30000 };
    static uint8_t frame[WS_HEADER_MAX + N];
    for (enum moment moment = IN_DATA; moment <= IN_CLOSED; moment++) {
        struct side s;
        struct buf b = {.limit = 1000};
        if (moment != IN_WRITABLE) {
            add_frame(&b, true, true, WS_BINARY, "data", 4);
            add_frame(&b, true, true, WS_PONG, "p", 1);
            add_frame(&b, true, true, WS_CLOSE, "\x03\xe8", 2);
        }
        begin(&s, true);
        s.free_at = moment;
        if (moment == IN_WRITABLE)
            fill(&s, frame, N);
        peer_raw(&s, b.data, b.size);
        UNTIL(&s, s.ws == NULL);
        assert_int_equal(s.closed, moment == IN_CLOSED);
        settle(&s);
        assert_int_equal(s.closed, moment == IN_CLOSED);
        buf_free(&b);
        end(&s);
    }
}

static void freeing_inside_closed_for_every_reason(void **state)
{
    (void)state;
    struct side s;
    begin(&s, true);
    s.free_at = IN_CLOSED; /* the end of the connection */
    close(s.fd);
    s.fd = -1;
    UNTIL(&s, s.ws == NULL);
    end(&s);
    begin(&s, true);
    s.free_at = IN_CLOSED; /* a broken rule */
    peer_raw(&s, "\xff\xff", 2);
    settle(&s);
    close(s.fd);
    s.fd = -1;
    UNTIL(&s, s.ws == NULL);
    end(&s);
    begin(&s, true);
    s.free_at = IN_CLOSED; /* time */
    ws_close(s.ws, 1000, NULL);
    while (s.ws != NULL)
        uv_run(loop_uv(s.loop), UV_RUN_ONCE);
    end(&s);
    ws_free(NULL);
}

static void closing_inside_any_event(void **state)
{
    (void)state;
    enum { N = 30000 };
    static uint8_t frame[WS_HEADER_MAX + N];
    for (int i = 0; i < 2 * (IN_CLOSED - IN_DATA); i++) {
        enum moment moment = (enum moment)(IN_DATA + i / 2);
        struct side s;
        begin(&s, false);
        s.close_at = moment;
        s.appetite = s.room = i % 2 == 1 ? 2 : 0;
        if (moment == IN_WRITABLE)
            fill(&s, frame, N);
        peer_frame(&s, false, true, WS_BINARY, "data", 4);
        peer_frame(&s, false, true, WS_PONG, "p", 1);
        peer_frame(&s, false, true, WS_CLOSE, "\x03\xe8", 2);
        UNTIL(&s, s.closed);
        assert_int_equal(s.why, moment == IN_WRITABLE ? ERR_EOF : ERR_OK);
        assert_int_equal(s.code, 1000);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peer_closes),
        cmocka_unit_test(the_peer_closes_while_we_write),
        cmocka_unit_test(we_close),
        cmocka_unit_test(we_close_and_the_peer_hangs_up_or_errs),
        cmocka_unit_test(we_close_while_paused),
        cmocka_unit_test(a_silent_peer_does_not_hold_us),
        cmocka_unit_test(the_connection_just_ends),
        cmocka_unit_test(a_goodbye_is_heard_after_a_failed_write),
        cmocka_unit_test(freeing_inside_any_event),
        cmocka_unit_test(freeing_inside_closed_for_every_reason),
        cmocka_unit_test(closing_inside_any_event),
    };
    signal(SIGPIPE, SIG_IGN); /* as the programs do */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
