/* One end of a native session against scripted frames: what it says, what it believes, and what it
 * does not put up with. */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session_internal.h"
#include "core/ws/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WIRE_MAX 20000000
#define CHUNK 16128

struct end {
    struct session *session;
    struct buf wire; /* sent by it */
    bool full;
    enum err broken;
    int services, reachable, incoming, answers, ended;
    enum err answer, ended_why;
    struct conn *conn; /* the last incoming one */
    bool hold, refuse;
    enum err refusal;
    int fd; /* the far side of the socket that the last incoming connection was given */
};

static struct loop *loop;
static struct end e;
static uint32_t epoch;

static bool end_ready(void *ctx)
{
    return !((struct end *)ctx)->full;
}

static bool end_send(void *ctx, uint8_t *p, size_t n)
{
    struct end *to = ctx;
    assert_false(to->full);
    assert_true(buf_append(&to->wire, p, n));
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX + n);
    return true;
}

static void end_resume(void *ctx)
{
    (void)ctx;
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner, (void)ids, (void)n;
    e.services++;
    return ERR_OK;
}

/* As a link does. */
static void on_broken(void *owner, enum err why, const char *text)
{
    (void)owner;
    assert_non_null(text);
    e.broken = why;
    session_lost(e.session);
}

static void on_reachable(void *owner)
{
    (void)owner;
    e.reachable++;
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    (void)owner, (void)c;
    e.answers++;
    e.answer = why;
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    (void)owner, (void)c;
    e.ended++;
    e.ended_why = stats->why;
}

static const struct conn_events conn_events = {.answer = on_answer, .ended = on_ended};

static struct stream *pair(int *fd)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *fd = fds[1];
    struct stream *s = stream_from_fd(loop, fds[0]);
    assert_non_null(s);
    return s;
}

static void on_incoming(void *owner, struct conn *c)
{
    (void)owner;
    e.incoming++;
    e.conn = c;
    conn_set_owner(c, &conn_events, NULL);
    if (e.refuse)
        conn_refuse(c, e.refusal);
    else if (!e.hold)
        conn_attach(c, pair(&e.fd));
}

static const struct session_events session_events = {.services = on_services,
                                                     .incoming = on_incoming,
                                                     .broken = on_broken,
                                                     .reachable = on_reachable};

/* ---- the script ---- */

static void spin(void)
{
    for (int i = 0; i < 4; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
}

static void give(struct frame f)
{
    static uint8_t bytes[FRAME_MAX + WS_HEADER_MAX];
    size_t n = frame_encode(&f, bytes, sizeof bytes);
    assert_int_not_equal(n, 0);
    assert_int_equal(session_input(e.session, bytes, n), n);
    spin();
}

/* Takes the next frame that it sent. */
static bool sent(struct frame *f)
{
    static uint8_t bytes[FRAME_MAX];
    struct frame_cutter cutter = {0};
    uint8_t *frame;
    size_t size, used = frame_cut(&cutter, e.wire.data, e.wire.size, &frame, &size);
    if (frame == NULL)
        return false;
    memcpy(bytes, frame, size);
    buf_take(&e.wire, used);
    assert_int_equal(frame_decode(bytes, size, f), ERR_OK);
    assert_int_equal(f->stream, 0);
    return true;
}

static struct frame expect(int type, uint32_t connection)
{
    struct frame f;
    assert_true(sent(&f));
    assert_string_equal(frame_type_name(f.type), frame_type_name(type));
    assert_int_equal(f.connection, connection);
    return f;
}

static void expect_nothing(void)
{
    spin();
    assert_int_equal(e.wire.size, 0);
}

static void peer(const char *protocol, const char *instance)
{
    give((struct frame){.type = FRAME_PEER,
                        .epoch = ++epoch,
                        .attached = protocol != NULL,
                        .subprotocol = span_of(protocol != NULL ? protocol : ""),
                        .instance = span_of(instance)});
}

static void give_services(void)
{
    give((struct frame){
        .type = FRAME_SERVICE_IDS, .n_services = 2, .services = {{"SSH1", 4}, {"HTTP1", 5}}});
}

static void attach(void)
{
    buf_free(&e.wire);
    session_attach(
        e.session,
        &(struct transport){
            .ready = end_ready, .send = end_send, .resume = end_resume, .native = true, .ctx = &e});
}

/* The far end's last RESUME; begun: the last connection id that it has seen. */
static void far_resumes(uint32_t begun)
{
    give((struct frame){.type = FRAME_RESUME, .epoch = epoch, .received = begun});
}

static void give_echo_reply(void)
{
    struct frame f = expect(FRAME_ECHO, 0);
    uint8_t payload[8];
    assert_int_equal(f.payload_size, 8);
    memcpy(payload, f.payload, 8);
    give((struct frame){.type = FRAME_ECHO_REPLY, .payload = payload, .payload_size = 8});
}

/* Both have met: what comes next is a connection's. */
static void begin_with(struct session_options o)
{
    e = (struct end){.wire.limit = WIRE_MAX, .fd = -1};
    e.session = session_new(loop, &o, &session_events, NULL);
    assert_non_null(e.session);
    attach();
    peer(FRAME_NATIVE_PROTOCOL, "far");
    struct frame f = expect(FRAME_RESUME, 0);
    assert_int_equal(f.epoch, epoch);
    give_services();
    assert_false(session_reachable(e.session));
    far_resumes(0);
    assert_true(session_reachable(e.session));
    give_echo_reply();
    expect_nothing();
}

static void begin(enum session_role role)
{
    begin_with((struct session_options){.role = role});
}

static void finish(void)
{
    session_free(e.session);
    buf_free(&e.wire);
    if (e.fd >= 0)
        close(e.fd);
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    return loop == NULL;
}

/* What a failed test left behind must not keep the loop from ending. */
static void close_left_over(uv_handle_t *h, void *ctx)
{
    (void)ctx;
    if (h->type != UV_PREPARE && h->type != UV_IDLE && !uv_is_closing(h))
        uv_close(h, NULL);
}

static int teardown(void **state)
{
    (void)state;
    uv_walk(loop_uv(loop), close_left_over, NULL);
    loop_free(loop);
    return 0;
}

static struct conn *open_conn(void)
{
    enum err why;
    struct conn *c = conn_open(e.session, "SSH1", &conn_events, NULL, &why);
    assert_non_null(c);
    spin();
    return c;
}

static void give_data(uint32_t connection, size_t n)
{
    static uint8_t bytes[FRAME_PAYLOAD_MAX];
    give((struct frame){
        .type = FRAME_DATA, .connection = connection, .payload = bytes, .payload_size = n});
}

static void start(uint32_t connection)
{
    give((struct frame){
        .type = FRAME_CONNECTION_START, .connection = connection, .service = span_of("SSH1")});
}

static void credit(uint32_t connection, uint64_t received, uint32_t window, bool fin)
{
    give((struct frame){.type = FRAME_CREDIT,
                        .connection = connection,
                        .received = received,
                        .window = window,
                        .fin = fin});
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    spin();
}

/* The program at the last socket sees an end, and ends, too. */
static void hang_up(void)
{
    char byte[64];
    while (read(e.fd, byte, sizeof byte) > 0)
        ;
    close(e.fd);
    e.fd = -1;
    while (e.session->host.n_leaving > 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
}

/* ---- tests ---- */

static void meeting(void **state)
{
    (void)state;
    begin(SESSION_SOURCE);
    assert_int_equal(e.services, 1);
    assert_int_equal(e.reachable, 1);
    assert_true(session_peer(e.session)->native);
    assert_true(session_round_trip_us(e.session) > 0);
    give((struct frame){.type = FRAME_ECHO, .payload = (uint8_t *)"12345678", .payload_size = 8});
    struct frame f = expect(FRAME_ECHO_REPLY, 0);
    assert_memory_equal(f.payload, "12345678", 8);
    /* Nobody is there; then one who is not native: V3. */
    peer(NULL, "");
    assert_false(session_reachable(e.session));
    assert_true(session_device_offline(e.session));
    assert_int_equal(session_round_trip_us(e.session), 0);
    assert_true(session_peer(e.session)->seen_ms > 0);
    enum err why;
    assert_null(conn_open(e.session, "SSH1", &conn_events, NULL, &why));
    assert_int_equal(why, ERR_DEVICE_OFFLINE);
    peer("aws.iot.securetunneling-3.0", "");
    expect_nothing();
    assert_true(session_reachable(e.session));
    assert_false(session_device_offline(e.session));
    struct conn *c = conn_open(e.session, "SSH1", &conn_events, NULL, &why);
    assert_false(conn_native(c));
    struct frame start_frame;
    struct frame_cutter cutter = {0};
    uint8_t *frame;
    size_t size;
    frame_cut(&cutter, e.wire.data, e.wire.size, &frame, &size);
    assert_int_equal(frame_decode(frame, size, &start_frame), ERR_OK);
    assert_int_equal(start_frame.type, FRAME_STREAM_START);
    finish();
}

/* What the far end said before it knew of this transport is about another one. */
static void stale_messages_are_nothing(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    peer(FRAME_NATIVE_PROTOCOL, "far");
    struct frame f = expect(FRAME_RESUME, 1);
    assert_int_equal(f.epoch, epoch);
    expect(FRAME_RESUME, 0);
    give_data(1, 10);
    give((struct frame){.type = FRAME_CONNECTION_RESET, .connection = 1});
    give((struct frame){.type = FRAME_RESUME, .epoch = epoch - 1});
    start(2);
    assert_int_equal(e.incoming, 1);
    assert_int_equal(e.ended, 0);
    assert_int_equal(session_connections(e.session), 1);
    assert_int_equal(e.conn->window.received, 0);
    assert_false(session_reachable(e.session));
    finish();
}

static void openings_are_answered(void **state)
{
    static const enum err told[] = {ERR_REFUSED,    ERR_UNREACHABLE, ERR_TIMEOUT, ERR_RESOLVE,
                                    ERR_NO_SERVICE, ERR_FORBIDDEN,   ERR_LIMIT};
    (void)state;
    begin(SESSION_SOURCE);
    struct conn *c = open_conn();
    assert_true(conn_native(c));
    struct frame f = expect(FRAME_CONNECTION_START, 1);
    assert_true(span_is(f.service, "SSH1"));
    assert_true(conn_early(c, "early", 5)); /* right behind the start */
    f = expect(FRAME_DATA, 1);
    assert_int_equal(f.service.n, 0);
    assert_memory_equal(f.payload, "early", 5);
    assert_int_equal(e.answers, 0);
    give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
    assert_int_equal(e.answers, 1);
    assert_int_equal(e.answer, ERR_OK);
    for (uint32_t i = 0; i < sizeof told / sizeof *told; i++) {
        open_conn();
        expect(FRAME_CONNECTION_START, i + 2);
        give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = i + 2, .error = i + 1});
        assert_int_equal(e.answers, i + 2);
        assert_int_equal(e.answer, told[i]);
        assert_int_equal(e.ended_why, told[i]);
    }
    open_conn(); /* one that we do not know is a failure, too */
    expect(FRAME_CONNECTION_START, 9);
    give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 9, .error = 4711});
    assert_int_equal(e.answer, ERR_PEER_RESET);
    expect_nothing();
    assert_int_equal(e.broken, ERR_OK);
    finish();
}

static void the_destination_answers(void **state)
{
    (void)state;
    begin_with((struct session_options){.role = SESSION_DESTINATION, .max_connections = 2});
    start(1);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 1).error, 0);
    e.refuse = true;
    e.refusal = ERR_TIMEOUT;
    start(2);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 2).error, 3);
    e.refusal = ERR_NO_DESCRIPTORS;
    start(3);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 3).error, 15);
    give((struct frame){
        .type = FRAME_CONNECTION_START, .connection = 5, .service = span_of("NOPE")});
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 5).error, 5);
    e.refuse = false;
    e.hold = true;
    start(6);
    expect_nothing();
    start(7);
    assert_int_equal(expect(FRAME_CONNECTION_OPENED, 7).error, 7);
    assert_int_equal(session_connections(e.session), 2);
    conn_abort(e.conn, ERR_SHUTDOWN);
    spin();
    expect(FRAME_CONNECTION_RESET, 6);
    finish();
}

/* Each direction ends by itself, and the connection when both sides know that both have. */
static void half_close(void **state)
{
    (void)state;
    for (int local_first = 0; local_first < 2; local_first++) {
        char byte;
        begin(SESSION_DESTINATION);
        start(1);
        expect(FRAME_CONNECTION_OPENED, 1);
        for (int step = 0; step < 2; step++) {
            if ((step == 0) == (local_first == 1)) {
                say(e.fd, "last");
                shutdown(e.fd, SHUT_WR);
                spin();
                assert_int_equal(expect(FRAME_DATA, 1).payload_size, 4);
                expect(FRAME_CONNECTION_FIN, 1);
                credit(1, 4, WINDOW_INITIAL, true);
            } else {
                give_data(1, 3);
                give((struct frame){.type = FRAME_CONNECTION_FIN, .connection = 1});
                struct frame f = expect(FRAME_CREDIT, 1);
                assert_int_equal(f.received, 3);
                assert_true(f.fin);
                assert_int_equal(read(e.fd, &(char[3]){0}, 3), 3);
                assert_int_equal(read(e.fd, &byte, 1), 0);
            }
            assert_int_equal(e.ended, step);
        }
        assert_int_equal(e.ended_why, local_first ? ERR_SERVICE_CLOSED : ERR_CLIENT_CLOSED);
        expect_nothing();
        assert_int_equal(e.broken, ERR_OK);
        finish();
    }
}

/* A FIN waits for what has to go before it. */
static void a_fin_goes_last(void **state)
{
    (void)state;
    begin(SESSION_SOURCE);
    struct conn *c = open_conn();
    expect(FRAME_CONNECTION_START, 1);
    static uint8_t much[WINDOW_INITIAL + 1000];
    assert_true(conn_early(c, much, sizeof much));
    spin();
    conn_attach(c, pair(&e.fd));
    close(e.fd);
    e.fd = -1;
    spin();
    size_t n = 0;
    while (n < WINDOW_INITIAL)
        n += expect(FRAME_DATA, 1).payload_size;
    expect_nothing();
    credit(1, 5000, WINDOW_INITIAL, false);
    assert_int_equal(expect(FRAME_DATA, 1).payload_size, 1000);
    expect(FRAME_CONNECTION_FIN, 1);
    expect_nothing();
    finish();
}

/* ---- windows ---- */

static size_t drain(int fd)
{
    static char bytes[65536];
    size_t all = 0;
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0; all += (size_t)n)
        spin();
    return all;
}

/* What is told to who watches. */
static void assert_bound(enum conn_bound down, enum conn_bound up, uint64_t window_down)
{
    struct conn_info now;
    conn_get_info(e.conn, &now);
    assert_int_equal(now.bound_down, down);
    assert_int_equal(now.bound_up, up);
    assert_int_equal(now.window_down, window_down);
}

static void a_sender_keeps_to_the_window(void **state)
{
    static char bytes[65536];
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    size_t written = 0, got = 0;
    struct frame f;
    assert_bound(CONN_BOUND_NOTHING, CONN_BOUND_NOTHING, WINDOW_INITIAL);
    for (int i = 0; i < 60; i++) {
        ssize_t n = write(e.fd, bytes, sizeof bytes);
        written += n > 0 ? (size_t)n : 0;
        spin();
    }
    while (sent(&f))
        got += f.payload_size;
    assert_int_equal(got, WINDOW_INITIAL);
    assert_true(written > got);
    assert_bound(CONN_BOUND_WINDOW, CONN_BOUND_NOTHING, WINDOW_INITIAL);
    credit(1, 100000, WINDOW_INITIAL, false);
    while (sent(&f))
        got += f.payload_size;
    assert_int_equal(got, WINDOW_INITIAL + 100000);
    credit(1, 100000, WINDOW_INITIAL, false); /* said again: nothing */
    expect_nothing();
    assert_int_equal(e.broken, ERR_OK);
    finish();
}

/* A client that breaks while it is not read is named as one that breaks while it is: that is no
 * fault of its service. */
static void a_client_breaks_unread(void **state)
{
    static char bytes[65536];
    int client;
    (void)state;
    begin(SESSION_SOURCE);
    e.conn = open_conn();
    conn_attach(e.conn, pair(&client));
    give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
    for (int i = 0; i < 60; i++) {
        assert_true(write(client, bytes, sizeof bytes) > 0 || i > 0);
        spin();
    }
    assert_bound(CONN_BOUND_NOTHING, CONN_BOUND_WINDOW, WINDOW_INITIAL);
    give_data(1, 1000);
    close(client); /* with these unread, which is a reset */
    while (e.ended == 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(e.ended_why, ERR_CLIENT_RESET);
    finish();
}

/* Credit comes with half a window, or after a while. */
static void credit_is_given(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    size_t given = 0;
    for (; given + CHUNK < WINDOW_INITIAL / 2; given += CHUNK) {
        give_data(1, CHUNK);
        drain(e.fd);
    }
    assert_int_equal(e.wire.size, 0);
    give_data(1, CHUNK);
    drain(e.fd);
    struct frame f = expect(FRAME_CREDIT, 1);
    given += CHUNK;
    assert_int_equal(f.received, given);
    assert_int_equal(f.window, WINDOW_INITIAL);
    give_data(1, 10);
    assert_int_equal(e.wire.size, 0);
    while (e.wire.size == 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(expect(FRAME_CREDIT, 1).received, given + 10);
    finish();
}

/* A connection whose reader has stopped fills its own window; the others go on. */
static void a_stopped_reader_stops_nobody_else(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    int stopped = e.fd;
    for (size_t n = 0; n < WINDOW_INITIAL; n += WINDOW_INITIAL / 16)
        give_data(1, WINDOW_INITIAL / 16);
    assert_bound(CONN_BOUND_NOTHING, CONN_BOUND_READER, WINDOW_INITIAL);
    start(2);
    assert_false(session_stalled(e.session));
    for (int i = 0; i < 10; i++) {
        give_data(2, 1000);
        assert_int_equal(drain(e.fd), 1000);
    }
    assert_int_equal(e.ended, 0);
    assert_int_equal(drain(stopped), WINDOW_INITIAL); /* it was only slow */
    close(stopped);
    finish();
}

/* Only when all of them together hold more than the budget is nothing read any more. */
static void the_budget_bounds_all(void **state)
{
    static uint8_t bytes[FRAME_MAX + WS_HEADER_MAX], zeros[50000];
    (void)state;
    begin_with((struct session_options){.role = SESSION_DESTINATION, .budget = 500000});
    struct conn *conns[4];
    size_t n = 0;
    e.hold = true;
    for (uint32_t i = 0; i < 4; i++) {
        start(i + 1);
        conns[i] = e.conn;
    }
    for (uint32_t i = 0; i < 20; i++) {
        struct frame f = {.type = FRAME_DATA,
                          .connection = 1 + i % 4,
                          .payload = zeros,
                          .payload_size = sizeof zeros};
        n = frame_encode(&f, bytes, sizeof bytes);
        if (session_input(e.session, bytes, n) < n)
            break;
    }
    assert_true(session_stalled(e.session));
    assert_in_range(e.session->host.in.used, 450000, 500000);
    conn_attach(conns[0], pair(&e.fd));
    assert_true(drain(e.fd) >= 100000);
    spin();
    assert_false(session_stalled(e.session));
    assert_int_equal(session_input(e.session, bytes, n), n);
    finish();
}

/* ---- resume ---- */

/* The transport is lost, and both come back. */
static void meet_again(const char *instance)
{
    session_lost(e.session);
    spin();
    attach();
    peer(FRAME_NATIVE_PROTOCOL, instance);
    give_services();
}

static void resumed(uint32_t connection, uint64_t received, bool fin)
{
    give((struct frame){.type = FRAME_RESUME,
                        .epoch = epoch,
                        .connection = connection,
                        .received = received,
                        .fin = fin});
}

static void what_was_lost_is_sent_again(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    give_data(1, 7);
    say(e.fd, "0123456789");
    expect(FRAME_DATA, 1);
    shutdown(e.fd, SHUT_WR);
    spin();
    expect(FRAME_CONNECTION_FIN, 1);
    meet_again("far");
    struct frame f = expect(FRAME_RESUME, 1);
    assert_int_equal(f.received, 7);
    assert_false(f.fin);
    assert_int_equal(expect(FRAME_RESUME, 0).received, 1);
    expect_nothing(); /* the far end has not said what it has */
    resumed(1, 4, false);
    far_resumes(1);
    expect(FRAME_ECHO, 0);
    expect(FRAME_CONNECTION_OPENED, 1);
    assert_int_equal(expect(FRAME_CREDIT, 1).received, 7);
    f = expect(FRAME_DATA, 1);
    assert_int_equal(f.payload_size, 6);
    assert_memory_equal(f.payload, "456789", 6);
    expect(FRAME_CONNECTION_FIN, 1);
    expect_nothing();
    assert_int_equal(e.ended, 0);
    finish();
}

/* One whose start was lost begins anew; one that has ended over there is over. */
static void starts_that_were_lost(void **state)
{
    (void)state;
    begin(SESSION_SOURCE);
    open_conn();
    expect(FRAME_CONNECTION_START, 1);
    open_conn();
    expect(FRAME_CONNECTION_START, 2);
    e.full = true;
    open_conn(); /* its start never left */
    session_lost(e.session);
    spin();
    enum err why;
    assert_null(conn_open(e.session, "SSH1", &conn_events, NULL, &why));
    assert_int_equal(why, ERR_HUB_DOWN);
    e.full = false;
    attach();
    peer(FRAME_NATIVE_PROTOCOL, "far");
    give_services();
    expect(FRAME_RESUME, 1);
    expect(FRAME_RESUME, 2);
    expect(FRAME_RESUME, 0);
    far_resumes(1);
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.answer, ERR_PEER_RESET);
    expect(FRAME_ECHO, 0);
    expect(FRAME_CONNECTION_START, 2);
    expect(FRAME_CONNECTION_START, 3);
    expect_nothing();
    finish();
}

static void another_process_knows_nothing(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    expect(FRAME_CONNECTION_OPENED, 1);
    meet_again("another");
    hang_up();
    assert_int_equal(e.ended, 1);
    expect(FRAME_RESUME, 0);
    far_resumes(0);
    expect(FRAME_ECHO, 0);
    start(1); /* its first one */
    expect(FRAME_CONNECTION_OPENED, 1);
    assert_int_equal(e.broken, ERR_OK);
    finish();
}

static void patience_has_an_end(void **state)
{
    (void)state;
    begin_with((struct session_options){.role = SESSION_DESTINATION, .resume_ms = 20});
    start(1);
    session_lost(e.session);
    spin();
    assert_int_equal(e.ended, 0);
    char byte;
    while (read(e.fd, &byte, 1) != 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    hang_up();
    assert_int_equal(e.ended_why, ERR_LINK_LOST);
    finish();
}

static void the_end_of_a_link_ends_all(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    start(1);
    session_detach(e.session, ERR_TUNNEL_CLOSED);
    hang_up();
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.ended_why, ERR_TUNNEL_CLOSED);
    finish();
}

/* ---- those who mean harm ---- */

/* With connection 1 open at the far end, on which 10 bytes have gone each way, this ends the
 * session and all that is in it. */
static void offends(enum session_role role, struct frame f)
{
    static uint8_t payload[FRAME_PAYLOAD_MAX];
    begin(role);
    if (role == SESSION_SOURCE) {
        struct conn *c = open_conn();
        give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
        conn_attach(c, pair(&e.fd));
    } else {
        start(1);
    }
    say(e.fd, "0123456789");
    give_data(1, 10);
    credit(1, 5, WINDOW_INITIAL, false);
    assert_int_equal(e.broken, ERR_OK);
    if (f.payload_size > 0)
        f.payload = payload;
    give(f);
    assert_int_equal(e.broken, ERR_PROTOCOL);
    hang_up();
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.ended_why, ERR_PROTOCOL);
    assert_int_equal(session_connections(e.session), 0);
    assert_int_equal(e.session->host.in.used + e.session->host.out.used + e.session->native.windows,
                     0);
    finish();
}

static void each_offence_ends_the_session(void **state)
{
    static const struct frame either[] = {
        {.type = FRAME_DATA, .connection = 0, .payload_size = 1},
        {.type = FRAME_DATA, .connection = 2, .payload_size = 1},
        {.type = FRAME_CONNECTION_FIN, .connection = 2},
        {.type = FRAME_CREDIT, .connection = 2, .window = WINDOW_INITIAL},
        /* going back; what was not sent; a FIN that was not sent; windows */
        {.type = FRAME_CREDIT, .connection = 1, .received = 4, .window = WINDOW_INITIAL + 1},
        {.type = FRAME_CREDIT, .connection = 1, .received = 11, .window = WINDOW_INITIAL},
        {.type = FRAME_CREDIT, .connection = 1, .received = UINT64_MAX, .window = 1},
        {.type = FRAME_CREDIT,
         .connection = 1,
         .received = 10,
         .window = WINDOW_INITIAL,
         .fin = true},
        {.type = FRAME_CREDIT, .connection = 1, .received = 10, .window = WINDOW_INITIAL - 6},
        {.type = FRAME_CREDIT, .connection = 1, .received = 10, .window = WINDOW_MOST + 1},
        {.type = FRAME_ECHO, .payload_size = 9},
        {.type = FRAME_ECHO},
    };
    (void)state;
    for (int role = 0; role < 2; role++)
        for (size_t i = 0; i < sizeof either / sizeof *either; i++)
            offends((enum session_role)role, either[i]);
    offends(SESSION_SOURCE, (struct frame){.type = FRAME_CONNECTION_START, .connection = 2});
    offends(SESSION_DESTINATION, (struct frame){.type = FRAME_CONNECTION_START, .connection = 1});
    offends(SESSION_DESTINATION, (struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
}

static void data_beyond_the_window(void **state)
{
    (void)state;
    begin(SESSION_DESTINATION);
    e.hold = true;
    start(1);
    for (size_t n = 0; n < WINDOW_INITIAL; n += WINDOW_INITIAL / 16)
        give_data(1, WINDOW_INITIAL / 16);
    assert_int_equal(e.broken, ERR_OK);
    give_data(1, 1);
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish();
}

static void more_behind_a_fin(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) {
        begin(SESSION_DESTINATION);
        start(1);
        give((struct frame){.type = FRAME_CONNECTION_FIN, .connection = 1});
        assert_int_equal(e.broken, ERR_OK);
        if (again)
            give((struct frame){.type = FRAME_CONNECTION_FIN, .connection = 1});
        else
            give_data(1, 1);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        finish();
    }
}

static void resumes_of_what_never_was(void **state)
{
    static const struct {
        uint32_t connection;
        uint64_t received;
        bool fin;
    } wrong[] = {{2, 0, false}, {1, 4, false}, {1, 11, false}, {1, 10, true}, {1, 1ull << 63, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin(SESSION_SOURCE);
        struct conn *c = open_conn();
        give((struct frame){.type = FRAME_CONNECTION_OPENED, .connection = 1});
        conn_attach(c, pair(&e.fd));
        say(e.fd, "0123456789");
        credit(1, 5, WINDOW_INITIAL, false);
        meet_again("far");
        resumed(wrong[i].connection, wrong[i].received, wrong[i].fin);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        hang_up();
        assert_int_equal(e.ended, 1);
        finish();
    }
    static uint8_t much[WINDOW_INITIAL + 20000];
    begin(SESSION_SOURCE);
    assert_true(conn_early(open_conn(), much, sizeof much));
    spin();
    meet_again("far");
    resumed(1, WINDOW_INITIAL + 10000, false); /* kept, but beyond the window: it never left */
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish();
    begin(SESSION_DESTINATION);
    far_resumes(0); /* in mid-session */
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(meeting),
        T(stale_messages_are_nothing),
        T(openings_are_answered),
        T(the_destination_answers),
        T(half_close),
        T(a_fin_goes_last),
        T(a_sender_keeps_to_the_window),
        T(a_client_breaks_unread),
        T(credit_is_given),
        T(a_stopped_reader_stops_nobody_else),
        T(the_budget_bounds_all),
        T(what_was_lost_is_sent_again),
        T(starts_that_were_lost),
        T(another_process_knows_nothing),
        T(patience_has_an_end),
        T(the_end_of_a_link_ends_all),
        T(each_offence_ends_the_session),
        T(data_beyond_the_window),
        T(more_behind_a_fin),
        T(resumes_of_what_never_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
