/* WebSocket: messages, pings, rules. */
#include "tests/unit/ws_help.h"

static void messages_both_ways(void **state)
{
    (void)state;
    for (int client = 0; client <= 1; client++) {
        struct side s;
        uint8_t out[WS_HEADER_MAX + 300];
        begin(&s, client);
        peer_frame(&s, client, false, WS_BINARY, "one", 3);
        peer_frame(&s, client, true, WS_PING, "p1", 2);
        peer_frame(&s, client, false, WS_CONTINUATION, "", 0);
        peer_frame(&s, client, true, WS_CONTINUATION, "two", 3);
        peer_frame(&s, client, true, WS_BINARY, "", 0);
        peer_frame(&s, client, true, WS_PONG, "q", 1);
        UNTIL(&s, s.pongs == 1);
        assert_bytes(&s.got, "onetwo||", 8);
        assert_bytes(&s.pong, "q", 1);
        peer_expect(&s, client, WS_PONG, "p1", 2);
        static const size_t sizes[] = {0, 1, 125, 126, 300};
        for (size_t i = 0; i < COUNT(sizes); i++) {
            uint8_t want[300];
            memset(want, (int)('a' + i), sizeof want);
            memcpy(out + WS_HEADER_MAX, want, sizeof want);
            assert_true(ws_ready(s.ws));
            assert_true(ws_send(s.ws, out + WS_HEADER_MAX, sizes[i]));
            peer_expect(&s, client, WS_BINARY, want, sizes[i]);
        }
        assert_false(s.closed);
        end(&s);
    }
}

/* Masks must not repeat (5.3): the same payload twice looks different on the wire. */
static void masks_are_fresh(void **state)
{
    (void)state;
    struct side s;
    uint8_t seen[200][4], out[WS_HEADER_MAX + 1];
    begin(&s, true);
    for (size_t i = 0; i < COUNT(seen); i++) {
        assert_true(ws_send(s.ws, out + WS_HEADER_MAX, 1));
        UNTIL(&s, s.peer.size == 7);
        memcpy(seen[i], s.peer.data + 2, 4);
        buf_take(&s.peer, 7);
    }
    unsigned same = 0;
    for (size_t i = 1; i < COUNT(seen); i++)
        same += memcmp(seen[i], seen[i - 1], 4) == 0;
    assert_true(same < 3);
    end(&s);
}

static void every_split_and_every_appetite(void **state)
{
    (void)state;
    for (size_t appetite = 0; appetite < 4; appetite++) {
        struct buf b = {.limit = 1000};
        add_frame(&b, true, true, WS_BINARY, "first", 5);
        add_frame(&b, true, true, WS_PING, "e", 1);
        add_frame(&b, true, true, WS_BINARY, "more", 4);
        for (size_t cut = 0; cut <= b.size; cut++) {
            struct side s;
            begin(&s, true);
            s.appetite = s.room = appetite;
            peer_raw(&s, b.data, cut);
            uv_run(loop_uv(s.loop), UV_RUN_NOWAIT);
            peer_raw(&s, b.data + cut, b.size - cut);
            UNTIL(&s, s.got.size == 11);
            assert_bytes(&s.got, "first|more|", 11);
            peer_expect(&s, true, WS_PONG, "e", 1);
            end(&s);
        }
        buf_free(&b);
    }
}

/* Every appetite from one byte on, every cut of the input: nothing is lost or doubled. */
static void pausing_at_every_byte(void **state)
{
    (void)state;
    struct buf b = {.limit = 1000};
    add_frame(&b, false, false, WS_BINARY, "abcdefgh", 8);
    add_frame(&b, false, true, WS_PING, "ping", 4);
    add_frame(&b, false, true, WS_CONTINUATION, "ijklmnopq", 9);
    add_frame(&b, false, true, WS_BINARY, "rs", 2);
    for (size_t appetite = 1; appetite <= 20; appetite++)
        for (size_t cut = 0; cut < b.size; cut += appetite % 3 + 1) {
            struct side s;
            begin(&s, false);
            s.appetite = s.room = appetite;
            peer_raw(&s, b.data, cut);
            turn(&s, true);
            turn(&s, true);
            peer_raw(&s, b.data + cut, b.size - cut);
            UNTIL(&s, s.got.size == 21);
            assert_bytes(&s.got, "abcdefghijklmnopq|rs|", 21);
            if (appetite == 1)
                assert_true(s.pauses >= 18);
            peer_expect(&s, false, WS_PONG, "ping", 4);
            end(&s);
        }
    buf_free(&b);
}

/* Paused means that the peer is held up, not that we read on. */
static void a_paused_reader_stops_the_peer(void **state)
{
    (void)state;
    struct side s;
    static uint8_t block[100000];
    struct buf frame = {.limit = 200000};
    add_frame(&frame, false, true, WS_BINARY, block, sizeof block);
    begin(&s, false);
    s.appetite = 10; /* and no room: takes nothing */
    size_t sent = 0, idle = 0;
    while (idle < 50) {
        ssize_t n = send(s.fd, frame.data + sent % frame.size, frame.size - sent % frame.size,
                         MSG_NOSIGNAL);
        loop_cancel(&s.feed);
        turn(&s, true);
        loop_cancel(&s.feed);
        idle = n > 0 ? 0 : idle + 1;
        sent += n > 0 ? (size_t)n : 0;
        assert_true(sent < 8000000);
    }
    assert_int_equal(s.got.size, 0);
    s.appetite = 0;
    ws_resume(s.ws);
    assert_int_equal(s.got.size, 0); /* never from inside the call */
    UNTIL(&s, s.got.size >= sent / frame.size * (sizeof block + 1));
    buf_free(&frame);
    end(&s);
}

static void only_the_latest_ping_is_answered(void **state)
{
    (void)state;
    struct side s;
    struct buf b = {.limit = 10000};
    for (int i = 0; i < 50; i++) {
        char name[8];
        snprintf(name, sizeof name, "%02d", i);
        add_frame(&b, false, true, WS_PING, name, 2);
    }
    begin(&s, false);
    peer_raw(&s, b.data, b.size);
    peer_expect(&s, false, WS_PONG, "49", 2);
    settle(&s);
    assert_int_equal(s.peer.size, 0);
    buf_free(&b);
    end(&s);
}

static void our_pings(void **state)
{
    (void)state;
    struct side s;
    uint8_t longest[WS_CONTROL_MAX];
    memset(longest, 'x', sizeof longest);
    begin(&s, true);
    ws_ping(s.ws, "", 0);
    peer_expect(&s, true, WS_PING, "", 0);
    ws_ping(s.ws, longest, sizeof longest);
    peer_expect(&s, true, WS_PING, longest, sizeof longest);
    peer_frame(&s, true, true, WS_PONG, longest, sizeof longest);
    UNTIL(&s, s.pongs == 1);
    assert_bytes(&s.pong, longest, sizeof longest);
    end(&s);
}

static void writing_waits_and_controls_go_first(void **state)
{
    (void)state;
    for (int client = 0; client <= 1; client++) {
        struct side s;
        enum { N = 20000 };
        static uint8_t frame[WS_HEADER_MAX + N], want[N];
        begin(&s, client);
        size_t sent = fill(&s, frame, N);
        turn(&s, false);
        assert_int_equal(s.writables, 0);
        ws_ping(s.ws, "old", 3);
        ws_ping(s.ws, "new", 3); /* takes its place */
        peer_frame(&s, client, true, WS_PING, "1", 1);
        turn(&s, false);
        peer_frame(&s, client, true, WS_PING, "2", 1);
        for (int i = 0; i < 5; i++)
            turn(&s, false);
        assert_int_equal(s.writables, 0);
        UNTIL(&s, s.writables > 0);
        assert_true(ws_ready(s.ws));
        frame[WS_HEADER_MAX] = 'z';
        assert_true(ws_send(s.ws, frame + WS_HEADER_MAX, 1));
        for (size_t i = 0; i < sent; i++) {
            memset(want, (int)('A' + i % 26), N);
            peer_expect(&s, client, WS_BINARY, want, N);
        }
        peer_expect(&s, client, WS_PONG, "2", 1);
        peer_expect(&s, client, WS_PING, "new", 3);
        peer_expect(&s, client, WS_BINARY, "z", 1);
        end(&s);
    }
}

static void rules_are_kept(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t n;
        enum err why;
        int code;
    } cases[] = {
        {{0xf2, 0}, 2, ERR_PROTOCOL, 1002},
        {{0x82, 127, 0, 0, 0, 0, 0, 2, 0, 5}, 10, ERR_TOO_LARGE, 1009},
        {{0x81, 2, 'h', 'i'}, 4, ERR_PROTOCOL, 1003},
        {{0x81, 0}, 2, ERR_PROTOCOL, 1003},
        {{0x01, 1, 'h'}, 3, ERR_PROTOCOL, 1003},
        {{0x88, 1, 3}, 3, ERR_PROTOCOL, 1002},
        {{0x88, 2, 3, 0xed}, 4, ERR_PROTOCOL, 1002},
        {{0x88, 3, 3, 0xe8, 0xff}, 5, ERR_PROTOCOL, 1002},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct side s;
        begin(&s, true);
        peer_raw(&s, cases[i].bytes, cases[i].n);
        UNTIL(&s, s.peer.size > 4);
        assert_false(ws_ready(s.ws));
        assert_false(s.closed); /* so that the peer can read it */
        static uint8_t more[100000];
        peer_raw(&s, more, sizeof more);
        struct ws_parser w;
        ws_parser_init(&w, true);
        struct ws_event e = ws_parse(&w, s.peer.data, s.peer.size);
        assert_int_equal(e.type, WS_PAYLOAD);
        assert_int_equal(w.op, WS_CLOSE);
        assert_int_equal(e.payload[0] << 8 | e.payload[1], cases[i].code);
        assert_true(e.n > 2); /* and says what was wrong */
        assert_int_equal(shutdown(s.fd, SHUT_WR), 0);
        UNTIL(&s, s.closed);
        assert_int_equal(s.why, cases[i].why);
        assert_int_equal(s.code, 0);
        assert_true(s.text[0] != '\0');
        assert_int_equal(s.got.size, 0);
        end(&s);
    }
}

static void the_time_of_the_last_bytes(void **state)
{
    (void)state;
    struct side s;
    begin(&s, true);
    uint64_t from = ws_received_at(s.ws);
    while (loop_now(s.loop) < from + 5) {
        usleep(1000);
        uv_run(loop_uv(s.loop), UV_RUN_NOWAIT);
    }
    assert_int_equal(ws_received_at(s.ws), from);
    peer_frame(&s, true, true, WS_PONG, "", 0);
    UNTIL(&s, s.pongs == 1);
    assert_true(ws_received_at(s.ws) >= from + 5);
    end(&s);
}

/* A message that decides what becomes of the connection: the next owner gets all that follows. */
static void the_stream_is_taken_between_messages(void **state)
{
    (void)state;
    for (int split = 0; split < 2; split++) {
        struct side s;
        begin(&s, false);
        s.pause_at = IN_MESSAGE_END;
        peer_frame(&s, false, true, WS_BINARY, "one", 3);
        if (split)
            UNTIL(&s, s.got.size == 4);
        peer_frame(&s, false, true, WS_PING, "p1", 2);
        peer_frame(&s, false, true, WS_BINARY, "two", 3);
        settle(&s);
        assert_bytes(&s.got, "one|", 4);
        struct stream *stream = ws_take(s.ws);
        s.pause_at = NEVER;
        s.ws = ws_new(s.loop, stream, false, &events, &s);
        assert_non_null(s.ws);
        UNTIL(&s, s.got.size == 8);
        assert_bytes(&s.got, "one|two|", 8);
        peer_expect(&s, false, WS_PONG, "p1", 2);
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_both_ways),
        cmocka_unit_test(masks_are_fresh),
        cmocka_unit_test(every_split_and_every_appetite),
        cmocka_unit_test(pausing_at_every_byte),
        cmocka_unit_test(a_paused_reader_stops_the_peer),
        cmocka_unit_test(only_the_latest_ping_is_answered),
        cmocka_unit_test(our_pings),
        cmocka_unit_test(writing_waits_and_controls_go_first),
        cmocka_unit_test(rules_are_kept),
        cmocka_unit_test(the_stream_is_taken_between_messages),
        cmocka_unit_test(the_time_of_the_last_bytes),
    };
    signal(SIGPIPE, SIG_IGN); /* as the programs do */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
