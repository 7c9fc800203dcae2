/* core/ws: WebSockets over a socket pair with a scripted peer. */
#include "core/base/buf.h"
#include "core/net/socket.h"
#include "core/ws/ws.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

static void assert_bytes(const struct buf *b, const void *p, size_t n)
{
    assert_int_equal(b->size, n);
    if (n > 0)
        assert_memory_equal(b->data, p, n);
}

enum moment { NEVER, IN_DATA, IN_MESSAGE_END, IN_WRITABLE, IN_PONG, IN_CLOSED };

/* Owner of the WebSocket under test, and the scripted peer at the other end. */
struct side {
    struct loop *loop;
    struct ws *ws;
    int fd; /* the peer's */

    struct buf got;  /* payload; a '|' after each message */
    size_t appetite; /* most that `data` takes at once; 0: everything */
    size_t room;     /* how much it takes before it wants a ws_resume */
    struct deferred feed;
    unsigned pauses, writables, pongs;
    struct buf pong;
    enum moment free_at, close_at;

    bool closed;
    enum err why;
    int code;
    char text[600];

    struct buf peer; /* what the peer has received and not looked at */
};

static bool at(struct side *s, enum moment moment)
{
    if (s->close_at == moment)
        ws_close(s->ws, 1001, "going");
    if (s->free_at != moment)
        return false;
    ws_free(s->ws);
    s->ws = NULL;
    return true;
}

static void feed(void *owner)
{
    struct side *s = owner;
    s->room = s->appetite;
    ws_resume(s->ws);
}

static size_t on_data(void *owner, uint8_t *p, size_t n)
{
    struct side *s = owner;
    size_t take = n;
    assert_false(s->closed);
    if (s->appetite > 0 && take > s->room)
        take = s->room;
    assert_true(buf_append(&s->got, p, take));
    memset(p, 0xee, take); /* ours to overwrite, but not the rest */
    if (s->appetite > 0)
        s->room -= take;
    if (at(s, IN_DATA))
        return take;
    if (take < n) {
        s->pauses++;
        loop_defer(s->loop, &s->feed);
    }
    return take;
}

static void on_message_end(void *owner)
{
    struct side *s = owner;
    assert_true(buf_append(&s->got, "|", 1));
    at(s, IN_MESSAGE_END);
}

static void on_writable(void *owner)
{
    struct side *s = owner;
    assert_true(ws_ready(s->ws));
    s->writables++;
    at(s, IN_WRITABLE);
}

static void on_pong(void *owner, const uint8_t *p, size_t n)
{
    struct side *s = owner;
    s->pongs++;
    buf_free(&s->pong);
    assert_true(buf_append(&s->pong, p, n));
    at(s, IN_PONG);
}

static void on_closed(void *owner, enum err why, int code, const char *text)
{
    struct side *s = owner;
    assert_false(s->closed);
    s->closed = true;
    s->why = why;
    s->code = code;
    snprintf(s->text, sizeof s->text, "%s", text);
    at(s, IN_CLOSED);
}

static const struct ws_events events = {.data = on_data,
                                        .message_end = on_message_end,
                                        .writable = on_writable,
                                        .pong = on_pong,
                                        .closed = on_closed};

static void begin(struct side *s, bool client)
{
    int fds[2];
    *s = (struct side){.got.limit = 1 << 22, .pong.limit = 125, .peer.limit = 1 << 22};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    s->loop = loop_new();
    assert_non_null(s->loop);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    s->fd = fds[1];
    deferred_init(&s->feed, feed, s);
    struct stream *stream = stream_from_fd(s->loop, fds[0]);
    assert_non_null(stream);
    s->ws = ws_new(s->loop, stream, client, &events, s);
    assert_non_null(s->ws);
    assert_ptr_equal(ws_stream(s->ws), stream);
}

static void end(struct side *s)
{
    loop_cancel(&s->feed);
    ws_free(s->ws);
    if (s->fd >= 0)
        close(s->fd);
    loop_free(s->loop);
    buf_free(&s->got);
    buf_free(&s->pong);
    buf_free(&s->peer);
}

/* One turn of the loop, and then the peer takes what there is (unless its buffer is full). */
static void turn(struct side *s, bool peer_reads)
{
    uv_run(loop_uv(s->loop), UV_RUN_NOWAIT);
    while (peer_reads && s->fd >= 0) {
        uint8_t *room = buf_room(&s->peer, 65536);
        assert_non_null(room);
        ssize_t n = recv(s->fd, room, 65536, 0);
        if (n <= 0)
            break;
        buf_added(&s->peer, (size_t)n);
    }
}

/* Turns until `condition` holds: bounded, so that what never comes fails the test. */
#define UNTIL(s, condition)                                                                        \
    do {                                                                                           \
        for (unsigned turns_ = 0; !(condition); turns_++) {                                        \
            if (turns_ > 200000)                                                                   \
                fail_msg("never: %s", #condition);                                                 \
            turn((s), true);                                                                       \
        }                                                                                          \
    } while (0)

static void settle(struct side *s)
{
    for (int i = 0; i < 8; i++)
        turn(s, true);
}

static void peer_raw(struct side *s, const void *p, size_t n)
{
    const uint8_t *from = p;
    for (unsigned tries = 0; n > 0; tries++) {
        ssize_t sent = send(s->fd, from, n, MSG_NOSIGNAL);
        assert_true(sent > 0 || errno == EAGAIN);
        assert_true(tries < 100000);
        if (sent > 0) {
            from += sent;
            n -= (size_t)sent;
        } else {
            turn(s, true);
        }
    }
}

/* Appends a frame as the peer of `client` sends it. */
static void add_frame(struct buf *b, bool client, bool fin, enum ws_opcode op, const void *p,
                      size_t n)
{
    uint8_t header[WS_HEADER_MAX];
    const uint8_t *mask = client ? NULL : MASK;
    size_t size = ws_header(header + sizeof header, fin, op, n, mask);
    assert_true(buf_append(b, header + sizeof header - size, size));
    assert_true(buf_append(b, p, n));
    if (mask != NULL)
        ws_mask(b->data + b->size - n, n, mask, 0);
}

static void peer_frame(struct side *s, bool client, bool fin, enum ws_opcode op, const void *p,
                       size_t n)
{
    struct buf b = {.limit = 1 << 20};
    add_frame(&b, client, fin, op, p, n);
    peer_raw(s, b.data, b.size);
    buf_free(&b);
}

/* Takes the next frame out of what the peer has received, waiting for it. */
static void peer_expect(struct side *s, bool client, enum ws_opcode op, const void *p, size_t n)
{
    struct ws_parser w;
    struct buf payload = {.limit = 1 << 20};
    ws_parser_init(&w, client);
    for (unsigned turns = 0;; turns++) {
        assert_true(turns < 100000);
        struct ws_event e = ws_parse(&w, s->peer.data, s->peer.size);
        size_t used = e.used;
        assert_int_not_equal(e.type, WS_ERROR);
        if (e.type == WS_PAYLOAD) {
            assert_true(buf_append(&payload, e.payload, e.n));
            ws_parser_took(&w, e.n);
            used += e.n;
        }
        if (used > 0)
            buf_take(&s->peer, used);
        if (e.type == WS_FRAME_END)
            break;
        if (e.type == WS_NEED_MORE)
            turn(s, true);
    }
    assert_int_equal(w.op, op);
    assert_true(w.fin);
    assert_bytes(&payload, p, n);
    buf_free(&payload);
}

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

/* Sends until the stream takes no more, from two buffers in turn; returns how many were sent. */
static size_t fill(struct side *s, uint8_t *frame, size_t n)
{
    size_t sent = 0;
    bool taken = true;
    while (taken) {
        memset(frame + WS_HEADER_MAX, (int)('A' + sent % 26), n);
        taken = ws_send(s->ws, frame + WS_HEADER_MAX, n);
        sent++;
        assert_true(sent < 10000);
    }
    assert_false(ws_ready(s->ws));
    return sent;
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
        cmocka_unit_test(the_peer_closes),
        cmocka_unit_test(the_peer_closes_while_we_write),
        cmocka_unit_test(we_close),
        cmocka_unit_test(we_close_and_the_peer_hangs_up_or_errs),
        cmocka_unit_test(we_close_while_paused),
        cmocka_unit_test(a_silent_peer_does_not_hold_us),
        cmocka_unit_test(the_connection_just_ends),
        cmocka_unit_test(a_goodbye_is_heard_after_a_failed_write),
        cmocka_unit_test(rules_are_kept),
        cmocka_unit_test(freeing_inside_any_event),
        cmocka_unit_test(freeing_inside_closed_for_every_reason),
        cmocka_unit_test(closing_inside_any_event),
        cmocka_unit_test(the_time_of_the_last_bytes),
    };
    signal(SIGPIPE, SIG_IGN); /* as the programs do */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
