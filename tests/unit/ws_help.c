#include "tests/unit/ws_help.h"

static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

void assert_bytes(const struct buf *b, const void *p, size_t n)
{
    assert_int_equal(b->size, n);
    if (n > 0)
        assert_memory_equal(b->data, p, n);
}

bool at(struct side *s, enum moment moment)
{
    if (s->close_at == moment)
        ws_close(s->ws, 1001, "going");
    if (s->pause_at == moment)
        ws_pause(s->ws);
    if (s->free_at != moment)
        return false;
    ws_free(s->ws);
    s->ws = NULL;
    return true;
}

void feed(void *owner)
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

const struct ws_events events = {.data = on_data,
                                 .message_end = on_message_end,
                                 .writable = on_writable,
                                 .pong = on_pong,
                                 .closed = on_closed};

void begin(struct side *s, bool client)
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

void end(struct side *s)
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

void turn(struct side *s, bool peer_reads)
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

void settle(struct side *s)
{
    for (int i = 0; i < 8; i++)
        turn(s, true);
}

void peer_raw(struct side *s, const void *p, size_t n)
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

void add_frame(struct buf *b, bool client, bool fin, enum ws_opcode op, const void *p, size_t n)
{
    uint8_t header[WS_HEADER_MAX];
    const uint8_t *mask = client ? NULL : MASK;
    size_t size = ws_header(header + sizeof header, fin, op, n, mask);
    assert_true(buf_append(b, header + sizeof header - size, size));
    assert_true(buf_append(b, p, n));
    if (mask != NULL)
        ws_mask(b->data + b->size - n, n, mask, 0);
}

void peer_frame(struct side *s, bool client, bool fin, enum ws_opcode op, const void *p, size_t n)
{
    struct buf b = {.limit = 1 << 20};
    add_frame(&b, client, fin, op, p, n);
    peer_raw(s, b.data, b.size);
    buf_free(&b);
}

void peer_expect(struct side *s, bool client, enum ws_opcode op, const void *p, size_t n)
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

size_t fill(struct side *s, uint8_t *frame, size_t n)
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
