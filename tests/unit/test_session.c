/* Sessions: two ends joined by a small in-memory hub (V1 to V3), and one end against scripted
 * frames. */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session.h"
#include "core/ws/frame.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WIRE_MAX 400000

/* One direction of the pretended hub: messages are kept as bytes and handed on in pieces. */
struct end {
    struct session *session;
    struct end *peer; /* NULL: a script reads `wire` itself */
    struct buf wire;  /* sent by this end, not yet given to the peer */
    size_t room;      /* bytes that the transport takes before it is full */
    bool resume;
    enum err broken;
    size_t n_ids;
    /* destination */
    int service_fd; /* the far side of the socket that the last incoming connection was given */
    int incoming;
    bool refuse, hold;
    struct conn *held_conn;
    /* connections */
    int answers, ended;
    enum err answer, ended_why;
    struct conn_stats stats;
};

static struct loop *loop;

static bool end_ready(void *ctx)
{
    struct end *e = ctx;
    return e->wire.size < e->room;
}

static bool end_send(void *ctx, uint8_t *p, size_t n)
{
    struct end *e = ctx;
    memset(p - WS_HEADER_MAX, 0xee, WS_HEADER_MAX); /* as a WebSocket would overwrite it */
    assert_true(end_ready(e));
    assert_true(buf_append(&e->wire, p, n));
    return true;
}

static void end_resume(void *ctx)
{
    ((struct end *)ctx)->resume = true;
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct end *e = owner;
    (void)ids;
    e->n_ids = n;
    return ERR_OK;
}

static void on_broken(void *owner, enum err why, const char *text)
{
    struct end *e = owner;
    assert_non_null(text);
    e->broken = why;
}

static void on_answer(void *owner, struct conn *c, enum err why)
{
    struct end *e = owner;
    (void)c;
    e->answers++;
    e->answer = why;
}

static void on_ended(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct end *e = owner;
    (void)c;
    e->ended++;
    e->ended_why = stats->why;
    e->stats = *stats;
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
    struct end *e = owner;
    e->incoming++;
    conn_set_owner(c, &conn_events, e);
    if (e->refuse)
        conn_refuse(c, ERR_REFUSED);
    else if (e->hold)
        e->held_conn = c;
    else
        conn_attach(c, pair(&e->service_fd));
}

static const struct session_events session_events = {
    .services = on_services,
    .incoming = on_incoming,
    .broken = on_broken,
};

static void attach(struct end *e)
{
    session_attach(
        e->session,
        &(struct transport){.ready = end_ready, .send = end_send, .resume = end_resume, .ctx = e});
}

static void begin(struct end *e, enum session_role role, int version, size_t queue_limit)
{
    *e = (struct end){.wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1};
    struct session_options o = {
        .role = role, .version = version, .first_stream = 7, .queue_limit = queue_limit};
    e->session = session_new(loop, &o, &session_events, e);
    assert_non_null(e->session);
    attach(e);
}

static void finish(struct end *e)
{
    session_free(e->session);
    buf_free(&e->wire);
    if (e->service_fd >= 0)
        close(e->service_fd);
}

/* Gives e a frame as the far end would send it. */
static void give(struct end *e, struct frame f)
{
    static uint8_t bytes[FRAME_MAX + WS_HEADER_MAX];
    size_t n = frame_encode(&f, bytes, sizeof bytes);
    assert_int_not_equal(n, 0);
    assert_int_equal(session_input(e->session, bytes, n), n);
}

static void give_services(struct end *e, size_t n, const char *const *ids)
{
    struct frame f = {.type = FRAME_SERVICE_IDS, .n_services = n};
    for (size_t i = 0; i < n; i++)
        f.services[i] = span_of(ids[i]);
    give(e, f);
}

static const char *const two[] = {"SSH1", "HTTP1"};

/* Takes the next frame that e sent; false when there is none. */
static bool sent(struct end *e, struct frame *f)
{
    static uint8_t bytes[FRAME_MAX];
    struct frame_cutter cutter = {0};
    uint8_t *frame;
    size_t size, used = frame_cut(&cutter, e->wire.data, e->wire.size, &frame, &size);
    if (frame == NULL)
        return false;
    memcpy(bytes, frame, size);
    buf_take(&e->wire, used);
    assert_int_equal(frame_decode(bytes, size, f), ERR_OK);
    return true;
}

static void expect(struct end *e, int type, int32_t stream, const char *service,
                   uint32_t connection)
{
    struct frame f;
    assert_true(sent(e, &f));
    assert_string_equal(frame_type_name(f.type), frame_type_name(type));
    assert_int_equal(f.stream, stream);
    assert_true(span_is(f.service, service));
    assert_int_equal(f.connection, connection);
}

static void expect_nothing(struct end *e)
{
    assert_int_equal(e->wire.size, 0);
}

/* Moves what `from` sent to its peer in pieces of at most `piece` bytes. True: something moved. */
static bool carry(struct end *from, size_t piece)
{
    struct end *to = from->peer;
    uint8_t bytes[3000];
    bool moved = false;
    while (from->wire.size > 0) {
        size_t n = from->wire.size < piece ? from->wire.size : piece;
        n = n < sizeof bytes ? n : sizeof bytes;
        memcpy(bytes, from->wire.data, n);
        size_t taken = session_input(to->session, bytes, n);
        buf_take(&from->wire, taken);
        moved = moved || taken > 0;
        if (taken < n)
            break;
    }
    session_writable(from->session);
    return moved;
}

static struct {
    struct end source, destination;
    size_t piece;
    bool (*done)(void);
} world;

static uv_idle_t idle;

static void turn(uv_idle_t *i)
{
    (void)i;
    carry(&world.source, world.piece);
    carry(&world.destination, world.piece);
    if (world.done())
        loop_stop(loop);
}

static void run_until(bool (*done)(void))
{
    world.done = done;
    loop_run(loop);
}

static void join(int version, size_t piece, size_t queue_limit)
{
    begin(&world.source, SESSION_SOURCE, version, queue_limit);
    begin(&world.destination, SESSION_DESTINATION, 0, queue_limit);
    world.source.peer = &world.destination;
    world.destination.peer = &world.source;
    world.piece = piece;
    if (version == 1) {
        give_services(&world.source, 1, two);
        give_services(&world.destination, 1, two);
    } else {
        give_services(&world.source, 2, two);
        give_services(&world.destination, 2, two);
    }
    uv_idle_init(loop_uv(loop), &idle);
    uv_idle_start(&idle, turn);
}

static void part(void)
{
    uv_close((uv_handle_t *)&idle, NULL);
    finish(&world.source);
    finish(&world.destination);
    uv_run(loop_uv(loop), UV_RUN_DEFAULT); /* the close callbacks */
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    loop = loop_new();
    return loop == NULL;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

/* ---- what goes over the wire ---- */

static struct conn *open_conn(struct end *e, const char *service)
{
    enum err why;
    struct conn *c = conn_open(e->session, service, &conn_events, e, &why);
    assert_int_equal(why, c != NULL ? ERR_OK : why);
    return c;
}

static void v3_trace(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    enum err why;
    assert_null(conn_open(e.session, "SSH1", &conn_events, &e, &why));
    assert_int_equal(why, ERR_HUB_DOWN);
    give_services(&e, 2, two);
    assert_int_equal(e.n_ids, 2);
    assert_null(conn_open(e.session, "NOPE", &conn_events, &e, &why));
    assert_int_equal(why, ERR_NO_SERVICE);

    struct conn *a = open_conn(&e, "SSH1");
    expect(&e, FRAME_STREAM_START, 7, "SSH1", 1);
    struct conn *b = open_conn(&e, "SSH1");
    expect(&e, FRAME_CONNECTION_START, 7, "SSH1", 2);
    open_conn(&e, "HTTP1");
    expect(&e, FRAME_STREAM_START, 8, "HTTP1", 1);
    conn_abort(a, ERR_CLIENT_CLOSED);
    expect(&e, FRAME_CONNECTION_RESET, 7, "SSH1", 1);
    assert_int_equal(e.ended, 1);
    assert_int_equal(e.answers, 0);
    /* A reset of the stream ends what is on it; the next one opens another stream. */
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_RESET, .stream = 7, .service = span_of("SSH1"), .connection = 1});
    assert_int_equal(e.ended, 2);
    assert_int_equal(e.answer, ERR_PEER_RESET);
    expect_nothing(&e);
    open_conn(&e, "SSH1");
    expect(&e, FRAME_STREAM_START, 9, "SSH1", 3);
    /* When this end leaves the hub resets the whole stream. */
    b = open_conn(&e, "SSH1");
    expect(&e, FRAME_CONNECTION_START, 9, "SSH1", 4);
    conn_abort(b, ERR_SHUTDOWN);
    expect_nothing(&e);
    /* Late and duplicate resets are nothing. */
    give(&e, (struct frame){.type = FRAME_STREAM_RESET, .stream = 7, .service = span_of("SSH1")});
    give(&e, (struct frame){.type = FRAME_CONNECTION_RESET,
                            .stream = 9,
                            .service = span_of("SSH1"),
                            .connection = 1});
    assert_int_equal(e.ended, 3);
    /* All of them. */
    give(&e, (struct frame){.type = FRAME_SESSION_RESET});
    assert_int_equal(e.ended, 5);
    assert_int_equal(session_connections(e.session), 0);
    assert_int_equal(e.broken, ERR_OK);
    finish(&e);
}

/* A hub's ids get into names, logs and pages: a list with one that breaks the rule is refused. */
static void bad_service_ids(void **state)
{
    static const char *const lists[][2] = {
        {"SSH1", "a\nreturn 1//"}, {"a\x1b[2J", "SSH1"}, {"caf\xc3\xa9", "SSH1"}, {"a b", "SSH1"}};
    static const char *const empty_one[] = {"", "SSH1"};
    struct end e;
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        begin(&e, SESSION_SOURCE, 3, 0);
        give_services(&e, 2, lists[i]);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        assert_int_equal(e.n_ids, 0);
        assert_false(session_open(e.session));
        finish(&e);
    }
    begin(&e, SESSION_SOURCE, 3, 0); /* no service, as in an empty list */
    give_services(&e, 2, empty_one);
    assert_int_equal(e.broken, ERR_OK);
    assert_int_equal(e.n_ids, 1);
    finish(&e);
}

static void v2_and_v1_traces(void **state)
{
    (void)state;
    for (int version = 1; version <= 2; version++) {
        struct end e;
        begin(&e, SESSION_SOURCE, version, 0);
        give_services(&e, 1, two);
        const char *id = version == 2 ? "SSH1" : "";
        struct conn *c = open_conn(&e, "SSH1");
        expect(&e, FRAME_STREAM_START, 7, id, 0);
        enum err why;
        assert_null(conn_open(e.session, "SSH1", &conn_events, &e, &why));
        assert_int_equal(why, ERR_BUSY);
        conn_abort(c, ERR_CLIENT_CLOSED);
        expect(&e, FRAME_STREAM_RESET, 7, id, 0);
        open_conn(&e, "SSH1");
        expect(&e, FRAME_STREAM_START, 8, id, 0);
        finish(&e);
    }
}

/* At the limit a connection whose client has said its last word makes room. */
static void lingering_connections_make_room(void **state)
{
    struct end e = {.wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1};
    struct session_options o = {
        .role = SESSION_SOURCE, .version = 3, .first_stream = 7, .max_connections = 2};
    int fds[2];
    enum err why;
    (void)state;
    e.session = session_new(loop, &o, &session_events, &e);
    attach(&e);
    give_services(&e, 2, two);
    for (int i = 0; i < 2; i++)
        conn_attach(open_conn(&e, "SSH1"), pair(&fds[i]));
    assert_null(conn_open(e.session, "SSH1", &conn_events, &e, &why));
    assert_int_equal(why, ERR_LIMIT);
    shutdown(fds[1], SHUT_WR);
    for (int i = 0; i < 3; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_non_null(open_conn(&e, "SSH1"));
    assert_int_equal(e.ended_why, ERR_STREAM_REPLACED);
    finish(&e);
    close(fds[0]);
    close(fds[1]);
}

static void tunnel_without_services(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 0, NULL);
    assert_int_equal(e.n_ids, 0);
    open_conn(&e, "");
    expect(&e, FRAME_STREAM_START, 7, "", 1);
    finish(&e);
}

static void destination_refuses(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    e.refuse = true;
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 3, .service = span_of("SSH1"), .connection = 1});
    expect(&e, FRAME_CONNECTION_RESET, 3, "SSH1", 1);
    give(&e, (struct frame){.type = FRAME_STREAM_START, .stream = 4, .service = span_of("HTTP1")});
    expect(&e, FRAME_STREAM_RESET, 4, "HTTP1", 0);
    give(&e, (struct frame){.type = FRAME_CONNECTION_START,
                            .stream = 3,
                            .service = span_of("SSH1"),
                            .connection = 2});
    expect(&e, FRAME_CONNECTION_RESET, 3, "SSH1", 2);
    assert_int_equal(e.incoming, 3);
    assert_int_equal(e.ended, 3);
    /* A service that is not there is refused, not a reason to drop everyone. */
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 5, .service = span_of("NOPE"), .connection = 9});
    assert_int_equal(e.incoming, 3);
    assert_int_equal(e.broken, ERR_OK);
    finish(&e);
}

static void destination_replaces_an_active_stream(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    e.hold = true;
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 3, .service = span_of("SSH1"), .connection = 1});
    give(&e, (struct frame){.type = FRAME_CONNECTION_START,
                            .stream = 3,
                            .service = span_of("SSH1"),
                            .connection = 2});
    assert_int_equal(session_connections(e.session), 2);
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 4, .service = span_of("SSH1"), .connection = 1});
    assert_int_equal(session_connections(e.session), 1);
    assert_int_equal(e.ended_why, ERR_STREAM_REPLACED);
    assert_int_equal(e.incoming, 3);
    /* An id that is open already is reset at once. */
    give(&e, (struct frame){.type = FRAME_CONNECTION_START,
                            .stream = 4,
                            .service = span_of("SSH1"),
                            .connection = 1});
    expect(&e, FRAME_CONNECTION_RESET, 4, "SSH1", 1);
    assert_int_equal(session_connections(e.session), 0);
    finish(&e);
}

static void protocol_violations(void **state)
{
    static const struct frame bad[] = {
        {.type = FRAME_STREAM_START, .stream = 1, .connection = 1, .service = {"SSH1", 4}},
        {.type = FRAME_CONNECTION_START, .stream = 1, .connection = 1, .service = {"SSH1", 4}},
        {.type = FRAME_UNKNOWN, .stream = 1},
        {.type = 99},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct end e;
        begin(&e, SESSION_SOURCE, 3, 0);
        give_services(&e, 2, two);
        give(&e, bad[i]);
        assert_int_equal(e.broken, ERR_PROTOCOL);
        finish(&e);
    }
    struct end e;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    give(&e, (struct frame){.type = 99, .ignorable = true});
    give(&e, (struct frame){.type = FRAME_DATA,
                            .stream = 77,
                            .service = span_of("SSH1"),
                            .connection = 5,
                            .payload = (const uint8_t *)"x",
                            .payload_size = 1});
    give(&e,
         (struct frame){.type = FRAME_CONNECTION_RESET, .stream = 1, .service = span_of("NOPE")});
    give_services(&e, 2, two);
    give_services(&e, 1, two);
    assert_int_equal(e.n_ids, 2);
    assert_int_equal(e.broken, ERR_OK);
    uint8_t junk[] = {0, 3, 0xff, 0xff, 0xff};
    session_input(e.session, junk, sizeof junk);
    assert_int_equal(e.broken, ERR_PROTOCOL);
    finish(&e);
}

/* ---- bytes from a client to a service and back ---- */

static int client_fd;
static size_t to_send, sent_up, got_down;
static size_t got_up;
static bool reader_waits;

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 131 + (i >> 9));
}

/* The client writes `to_send` bytes, the service echoes them. */
static bool echoed(void)
{
    uint8_t bytes[5000];
    while (sent_up < to_send) {
        size_t n = to_send - sent_up < sizeof bytes ? to_send - sent_up : sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = byte_at(sent_up + i);
        ssize_t wrote = write(client_fd, bytes, n);
        if (wrote <= 0)
            break;
        sent_up += (size_t)wrote;
    }
    if (world.destination.service_fd >= 0) {
        static uint8_t pending[8192];
        static size_t have;
        if (have == 0) {
            ssize_t got = read(world.destination.service_fd, pending, sizeof pending);
            have = got > 0 ? (size_t)got : 0;
        }
        if (have > 0) {
            ssize_t wrote = write(world.destination.service_fd, pending, have);
            if (wrote > 0) {
                memmove(pending, pending + wrote, have - (size_t)wrote);
                have -= (size_t)wrote;
            }
        }
    }
    ssize_t got = reader_waits ? 0 : read(client_fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < got; i++)
        assert_int_equal(bytes[i], byte_at(got_down++));
    return got_down == to_send;
}

static bool ended_both(void)
{
    return world.source.ended == 1 && world.destination.ended == 1;
}

static char client_got[100];

static bool client_hung_up(void)
{
    char bytes[100];
    ssize_t got = read(client_fd, bytes, sizeof bytes);
    if (got > 0) {
        memcpy(client_got, bytes, (size_t)got);
        got_down += (size_t)got;
    }
    return got == 0;
}

/* Both ends counted as many, and took the time of the first one down. */
static void same_frames(const struct conn_stats *a, const struct conn_stats *b)
{
    assert_in_range(a->frames_up, (a->up + SESSION_QUANTUM - 1) / SESSION_QUANTUM, a->up);
    assert_in_range(a->frames_down, (a->down + SESSION_QUANTUM - 1) / SESSION_QUANTUM, a->down);
    assert_int_equal(a->frames_up, b->frames_up);
    assert_int_equal(a->frames_down, b->frames_down);
    assert_true(a->answered_ms >= a->started_ms);
    assert_true(b->answered_ms >= b->started_ms);
}

static void echo_all_versions(void **state)
{
    static const size_t pieces[] = {1, 7, 1000, 3000};
    (void)state;
    for (int version = 1; version <= 3; version++) {
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            join(version, pieces[p], 0);
            to_send = pieces[p] == 1 ? 50000 : 600000;
            sent_up = got_down = 0;
            struct conn *c = open_conn(&world.source, "SSH1");
            struct stream *s = pair(&client_fd);
            assert_true(conn_early(c, "", 0));
            conn_attach(c, s);
            run_until(echoed);
            /* The service ends: both sides are told and count the same bytes. */
            close(world.destination.service_fd);
            world.destination.service_fd = -1;
            run_until(client_hung_up);
            close(client_fd);
            run_until(ended_both);
            assert_int_equal(world.destination.ended_why, ERR_SERVICE_CLOSED);
            assert_int_equal(world.source.ended_why, ERR_SERVICE_CLOSED);
            assert_int_equal(world.source.stats.up, to_send);
            assert_int_equal(world.source.stats.down, to_send);
            assert_int_equal(world.destination.stats.up, to_send);
            assert_int_equal(world.destination.stats.down, to_send);
            same_frames(&world.source.stats, &world.destination.stats);
            part();
        }
    }
}

static const char early[] = "early words ";
static char service_got[200];
static size_t service_n;

static bool service_heard(void)
{
    if (world.destination.service_fd >= 0) {
        ssize_t got = read(world.destination.service_fd, service_got + service_n,
                           sizeof service_got - service_n - 1);
        service_n += got > 0 ? (size_t)got : 0;
    }
    service_got[service_n] = '\0';
    return strcmp(service_got, "early words and late ones") == 0;
}

static void early_data_goes_first(void **state)
{
    (void)state;
    join(3, 5, 0);
    service_n = 0;
    struct conn *c = open_conn(&world.source, "SSH1");
    assert_true(conn_early(c, early, strlen(early)));
    struct stream *s = pair(&client_fd);
    assert_int_equal(write(client_fd, "and late ones", 13), 13);
    conn_attach(c, s);
    run_until(service_heard);
    close(client_fd);
    part();
}

static bool client_at_end(void)
{
    uint8_t bytes[5000];
    ssize_t got = reader_waits ? -1 : read(client_fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < got; i++)
        assert_int_equal(bytes[i], byte_at(got_down++));
    if (world.destination.service_fd >= 0 && sent_up < to_send) {
        uint8_t out[4096];
        size_t n = to_send - sent_up < sizeof out ? to_send - sent_up : sizeof out;
        for (size_t i = 0; i < n; i++)
            out[i] = byte_at(sent_up + i);
        ssize_t wrote = write(world.destination.service_fd, out, n);
        sent_up += wrote > 0 ? (size_t)wrote : 0;
        if (sent_up == to_send) {
            close(world.destination.service_fd);
            world.destination.service_fd = -1;
        }
    }
    /* The reader begins only when the service has sent all and hung up, or everything is stuck. */
    if (reader_waits && (session_stalled(world.source.session) || sent_up == to_send))
        reader_waits = false;
    return got == 0;
}

/* The service sends and hangs up at once; a client that reads late still gets every byte, and is
 * not allowed to make anyone hold more than the limit. */
static void slow_reader_loses_nothing(void **state)
{
    (void)state;
    for (int version = 1; version <= 3; version++) {
        join(version, 3000, 100000);
        to_send = 3000000;
        sent_up = got_down = 0;
        reader_waits = true;
        struct conn *c = open_conn(&world.source, "SSH1");
        conn_attach(c, pair(&client_fd));
        run_until(client_at_end);
        assert_int_equal(got_down, to_send);
        close(client_fd);
        run_until(ended_both);
        part();
    }
}

static bool reply_came(void)
{
    static int wait;
    char bytes[100];
    if (world.destination.service_fd < 0)
        return false;
    if (wait == 0 && read(world.destination.service_fd, bytes, sizeof bytes) == 7)
        wait = 1;
    if (wait > 0 && ++wait == 50) {
        assert_int_equal(write(world.destination.service_fd, "answer", 6), 6);
        wait = 0;
    }
    ssize_t got = read(client_fd, bytes, sizeof bytes);
    assert_int_not_equal(got, 0); /* not the end: the answer */
    return got == 6;
}

static void client_may_half_close(void **state)
{
    (void)state;
    join(3, 3000, 0);
    struct conn *c = open_conn(&world.source, "SSH1");
    conn_attach(c, pair(&client_fd));
    assert_int_equal(write(client_fd, "request", 7), 7);
    shutdown(client_fd, SHUT_WR);
    run_until(reply_came);
    close(client_fd);
    part();
}

static bool lingered(void)
{
    return world.source.ended == 1;
}

static void silence_after_half_close_ends_it(void **state)
{
    (void)state;
    join(3, 3000, 0);
    finish(&world.source);
    world.source = (struct end){
        .wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1, .peer = &world.destination};
    struct session_options o = {.role = SESSION_SOURCE, .version = 3, .linger_ms = 20};
    world.source.session = session_new(loop, &o, &session_events, &world.source);
    attach(&world.source);
    give_services(&world.source, 2, two);
    struct conn *c = open_conn(&world.source, "SSH1");
    conn_attach(c, pair(&client_fd));
    shutdown(client_fd, SHUT_WR);
    run_until(lingered);
    assert_int_equal(world.source.ended_why, ERR_LINGERED);
    close(client_fd);
    part();
}

/* A client that is gone altogether is not waited for. */
static void a_client_that_left_ends_it(void **state)
{
    (void)state;
    join(3, 3000, 0);
    struct conn *c = open_conn(&world.source, "SSH1");
    conn_attach(c, pair(&client_fd));
    assert_int_equal(write(client_fd, "bye", 3), 3);
    close(client_fd);
    run_until(lingered);
    assert_int_equal(world.source.ended_why, ERR_CLIENT_CLOSED);
    assert_int_equal(world.source.stats.up, 3);
    part();
}

static bool destination_has_held(void)
{
    return world.destination.held_conn != NULL && world.source.wire.size == 0 && sent_up == to_send;
}

static bool pump_client(void)
{
    uint8_t bytes[4096];
    while (sent_up < to_send) {
        size_t n = to_send - sent_up < sizeof bytes ? to_send - sent_up : sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = byte_at(sent_up + i);
        ssize_t wrote = write(client_fd, bytes, n);
        if (wrote <= 0)
            break;
        sent_up += (size_t)wrote;
    }
    return destination_has_held();
}

static bool service_has_all(void)
{
    uint8_t bytes[5000];
    ssize_t got = read(world.destination.service_fd, bytes, sizeof bytes);
    for (ssize_t i = 0; i < got; i++)
        assert_int_equal(bytes[i], byte_at(got_up++));
    return got_up == to_send;
}

/* What comes while the service is being dialled is kept for it. */
static void data_waits_for_the_dial(void **state)
{
    (void)state;
    join(3, 3000, 0);
    world.destination.hold = true;
    to_send = 900000;
    sent_up = got_up = 0;
    struct conn *c = open_conn(&world.source, "SSH1");
    conn_attach(c, pair(&client_fd));
    run_until(pump_client);
    conn_attach(world.destination.held_conn, pair(&world.destination.service_fd));
    run_until(service_has_all);
    close(client_fd);
    part();
}

static bool both_ended(void)
{
    return world.source.ended == 1 && world.destination.ended == 1;
}

static void losing_the_transport_ends_all(void **state)
{
    (void)state;
    join(3, 3000, 0);
    to_send = 1000;
    sent_up = got_down = 0;
    struct conn *c = open_conn(&world.source, "SSH1");
    conn_attach(c, pair(&client_fd));
    run_until(echoed);
    session_detach(world.source.session, ERR_LINK_LOST);
    session_detach(world.destination.session, ERR_LINK_LOST);
    close(client_fd);
    close(world.destination.service_fd);
    world.destination.service_fd = -1;
    run_until(both_ended);
    assert_int_equal(world.source.ended_why, ERR_LINK_LOST);
    /* And a new transport serves new ones, with a stream id not used before. */
    buf_free(&world.source.wire);
    buf_free(&world.destination.wire);
    attach(&world.source);
    attach(&world.destination);
    give_services(&world.source, 2, two);
    give_services(&world.destination, 2, two);
    sent_up = got_down = 0;
    c = open_conn(&world.source, "SSH1");
    assert_int_equal(conn_stream_id(c), 8);
    conn_attach(c, pair(&client_fd));
    run_until(echoed);
    close(client_fd);
    part();
}

/* ---- readers that stop ---- */

static void on_nothing(void *owner)
{
    (void)owner;
}

/* One that reads nothing holds up the session for stall_ms and is dropped then; the other one gets
 * what waited behind it. Alone it may stop for as long as it likes. */
static void a_stuck_reader_is_dropped_for_the_others(void **state)
{
    struct end e = {.wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1};
    struct session_options o = {.role = SESSION_SOURCE,
                                .version = 3,
                                .first_stream = 7,
                                .queue_limit = 50000,
                                .stall_ms = 20};
    static uint8_t block[20000];
    static uint8_t wire[FRAME_MAX];
    int stuck_fd, other_fd;
    (void)state;
    e.session = session_new(loop, &o, &session_events, &e);
    attach(&e);
    give_services(&e, 2, two);
    conn_attach(open_conn(&e, "SSH1"), pair(&stuck_fd));
    struct frame f = {.type = FRAME_DATA,
                      .stream = 7,
                      .service = span_of("SSH1"),
                      .connection = 1,
                      .payload = block,
                      .payload_size = sizeof block};
    size_t n = frame_encode(&f, wire, sizeof wire);
    while (session_input(e.session, wire, n) == n) {
    }
    assert_true(session_stalled(e.session));
    uint64_t begun = loop_now(loop);
    struct timer *wake = timer_new(loop, on_nothing, NULL);
    while (loop_now(loop) - begun < 100) {
        timer_start(wake, 5);
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
    assert_int_equal(e.ended, 0);
    conn_attach(open_conn(&e, "SSH1"), pair(&other_fd));
    while (e.ended == 0) {
        timer_start(wake, 5);
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
    assert_int_equal(e.ended_why, ERR_STALLED);
    assert_true(e.resume);
    f.connection = 2;
    f.payload_size = 5;
    n = frame_encode(&f, wire, sizeof wire);
    assert_int_equal(session_input(e.session, wire, n), n);
    assert_int_equal(read(other_fd, block, sizeof block), 5);
    timer_free(wake);
    finish(&e);
    close(stuck_fd);
    close(other_fd);
}

static void sleep_in_loop(uint64_t ms)
{
    uint64_t begun = loop_now(loop);
    struct timer *wake = timer_new(loop, on_nothing, NULL);
    while (loop_now(loop) - begun < ms) {
        timer_start(wake, ms);
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    }
    timer_free(wake);
}

/* ---- what is held for services that have stopped ---- */

enum { STOPPED = 12, STOPPED_BUDGET = 200000 };

/* A destination, and the far ends of its services' sockets, which nobody reads. */
static struct end stopped;
static int stopped_fds[STOPPED], n_stopped;

static void begin_stopped(size_t max_connections, size_t budget)
{
    struct session_options o = {.role = SESSION_DESTINATION,
                                .queue_limit = 100000,
                                .max_connections = max_connections,
                                .budget = budget,
                                .stall_ms = 40};
    stopped = (struct end){.wire.limit = WIRE_MAX, .room = 65536, .service_fd = -1};
    stopped.session = session_new(loop, &o, &session_events, &stopped);
    attach(&stopped);
    give_services(&stopped, 2, two);
    n_stopped = 0;
}

static void finish_stopped(void)
{
    while (n_stopped > 0)
        close(stopped_fds[--n_stopped]);
    stopped.service_fd = -1;
    finish(&stopped);
}

static void start_stopped(int i)
{
    give(&stopped, (struct frame){.type = i == 0 ? FRAME_STREAM_START : FRAME_CONNECTION_START,
                                  .stream = 7,
                                  .service = span_of("SSH1"),
                                  .connection = (uint32_t)i + 1});
    stopped_fds[n_stopped++] = stopped.service_fd;
}

static struct session_pressure pressure(void)
{
    struct session_pressure p;
    session_pressure(stopped.session, &p);
    return p;
}

/* More and more for that one, until no more is taken. */
static void fill_stopped(int i)
{
    static uint8_t block[16000], wire[FRAME_MAX];
    struct frame f = {.type = FRAME_DATA,
                      .stream = 7,
                      .service = span_of("SSH1"),
                      .connection = (uint32_t)i + 1,
                      .payload = block,
                      .payload_size = sizeof block};
    size_t n = frame_encode(&f, wire, sizeof wire);
    while (session_input(stopped.session, wire, n) == n) {
    }
    assert_true(session_stalled(stopped.session));
}

static void wait_ended(int n)
{
    while (stopped.ended < n)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(stopped.ended_why, ERR_STALLED);
}

/* Each has its own limit, all share a budget, and those that hold the most go when more comes. */
static void what_v3_holds_has_a_budget(void **state)
{
    (void)state;
    begin_stopped(0, STOPPED_BUDGET);
    start_stopped(0);
    start_stopped(1);
    fill_stopped(0); /* up to its own limit, */
    assert_in_range(pressure().held, 80000, 120000);
    assert_false(pressure().now);
    wait_ended(1); /* while it holds up the other one */
    assert_int_equal(pressure().held, 0);
    fill_stopped(1);
    for (int i = 2; i < STOPPED; i++) {
        start_stopped(i);
        fill_stopped(i);
        assert_in_range(pressure().held, 80000, STOPPED_BUDGET);
        wait_ended(stopped.ended + 1);
    }
    assert_true(pressure().times > 0 && pressure().dropped >= STOPPED - 2);
    finish_stopped();
}

/* When the source goes, what it has left is not kept for ever, and of no more connections than
 * there may be: the oldest ones give way. */
static void what_v3_leaves_behind_goes(void **state)
{
    (void)state;
    begin_stopped(2, 2 * STOPPED_BUDGET);
    for (int round = 0; round < 3; round++) {
        start_stopped(0);
        fill_stopped(0);
        session_lost(stopped.session);
        attach(&stopped);
        give_services(&stopped, 2, two);
        assert_int_equal(stopped.ended, round < 2 ? 0 : 1);
    }
    uint64_t begun = loop_now(loop);
    wait_ended(3);
    assert_true(loop_now(loop) - begun >= 40);
    assert_int_equal(pressure().held, 0);
    finish_stopped();
}

/* What a client sends waits while the transport is full. */
static void a_full_transport_pauses_up(void **state)
{
    struct end e;
    struct conn_info now;
    int fd;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 2, two);
    struct conn *c = open_conn(&e, "SSH1");
    conn_attach(c, pair(&fd));
    conn_get_info(c, &now);
    assert_int_equal(now.stats.paused_up.times, 0);
    e.room = 0;
    assert_int_equal(write(fd, "words", 5), 5);
    do {
        sleep_in_loop(5);
        conn_get_info(c, &now);
    } while (now.stats.paused_up.ms < 20);
    assert_int_equal(now.stats.paused_up.times, 1);
    assert_int_equal(now.stats.up, 0);
    e.room = 65536;
    session_writable(e.session);
    conn_get_info(c, &now);
    assert_int_equal(now.stats.up, 5);
    assert_int_equal(now.stats.frames_up, 1);
    assert_int_equal(now.stats.answered_ms, 0);
    uint64_t paused = now.stats.paused_up.ms;
    sleep_in_loop(10); /* it lasts no longer */
    conn_get_info(c, &now);
    assert_int_equal(now.stats.paused_up.ms, paused);
    assert_int_equal(now.stats.paused_down.times, 0);
    assert_false(now.ended_up || now.ended_down || now.over);
    shutdown(fd, SHUT_WR);
    while (!now.ended_up) {
        sleep_in_loop(1);
        conn_get_info(c, &now);
    }
    assert_false(now.ended_down);
    finish(&e);
    close(fd);
}

/* What comes for a client that does not read waits, and is held up to the limit. */
static void a_slow_reader_pauses_down(void **state)
{
    enum { LIMIT = 50000 };
    static uint8_t block[20000], wire[FRAME_MAX];
    struct end e;
    struct conn_info now;
    int fd;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, LIMIT);
    give_services(&e, 2, two);
    struct conn *c = open_conn(&e, "SSH1");
    conn_attach(c, pair(&fd));
    struct frame f = {.type = FRAME_DATA,
                      .stream = 7,
                      .service = span_of("SSH1"),
                      .connection = 1,
                      .payload = block,
                      .payload_size = sizeof block};
    size_t n = frame_encode(&f, wire, sizeof wire);
    uint64_t frames = 0;
    for (; session_input(e.session, wire, n) == n; frames++)
        assert_true(frames < 1000);
    do {
        sleep_in_loop(5);
        assert_int_equal(session_input(e.session, wire, n), 0);
        conn_get_info(c, &now);
    } while (now.stats.paused_down.ms < 20);
    assert_int_equal(now.stats.paused_down.times, 1);
    assert_int_equal(now.stats.frames_down, frames);
    assert_int_equal(now.stats.down, frames * sizeof block);
    assert_int_equal(now.queue_limit, LIMIT);
    assert_in_range(now.held_down, 1, LIMIT);
    assert_int_equal(now.held_up, 0);
    conn_abort(c, ERR_OPERATOR);
    assert_int_equal(e.ended_why, ERR_OPERATOR);
    assert_true(e.stats.paused_down.ms >= 20); /* also in what the owner is told at the end */
    finish(&e);
    close(fd);
}

/* A service that answers and resets before it has read everything: the answer arrives. */
static void the_last_words_of_a_service_that_resets(void **state)
{
    int fds[2], listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    struct end e;
    struct frame f;
    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&a, &size);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)connect(fds[0], (struct sockaddr *)&a, sizeof a);
    fds[1] = accept(listener, NULL, NULL);
    close(listener);

    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    e.hold = true;
    f = (struct frame){
        .type = FRAME_STREAM_START, .stream = 3, .service = span_of("SSH1"), .connection = 1};
    give(&e, f);
    f = (struct frame){.type = FRAME_DATA,
                       .stream = 3,
                       .service = span_of("SSH1"),
                       .connection = 1,
                       .payload = (const uint8_t *)"body",
                       .payload_size = 4};
    conn_attach(e.held_conn, stream_from_fd(loop, fds[0]));
    give(&e, f);
    assert_int_equal(write(fds[1], "413", 3), 3);
    close(fds[1]); /* with "body" unread: a reset */
    give(&e, f);   /* fails */
    while (e.ended == 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_true(sent(&e, &f));
    assert_int_equal(f.type, FRAME_DATA);
    assert_int_equal(f.payload_size, 3);
    expect(&e, FRAME_CONNECTION_RESET, 3, "SSH1", 1);
    finish(&e);
}

/* ---- the tap ---- */

static size_t tap_up(void *ctx, const uint8_t *p, size_t n)
{
    size_t *left = ctx;
    (void)p;
    n = n < *left ? n : *left;
    *left -= n;
    return n;
}

static bool tap_down(void *ctx, const uint8_t *p, size_t n, struct conn_insert *insert)
{
    (void)ctx;
    if (memchr(p, '!', n) != NULL)
        *insert = (struct conn_insert){3, {"<->", 3}};
    return memchr(p, '!', n) == NULL;
}

static bool service_got_five(void)
{
    if (world.destination.service_fd >= 0) {
        ssize_t got = read(world.destination.service_fd, service_got + service_n,
                           sizeof service_got - service_n - 1);
        service_n += got > 0 ? (size_t)got : 0;
    }
    return service_n == 5;
}

static void a_tap_bounds_one_exchange(void **state)
{
    (void)state;
    join(3, 3000, 0);
    service_n = got_down = 0;
    size_t left = 5;
    struct conn *c = open_conn(&world.source, "HTTP1");
    conn_tap(c, &(struct conn_tap){.up = tap_up, .down = tap_down, .ctx = &left});
    struct stream *s = pair(&client_fd);
    assert_int_equal(write(client_fd, "firstsecond", 11), 11);
    conn_attach(c, s);
    run_until(service_got_five);
    assert_memory_equal(service_got, "first", 5);
    assert_int_equal(write(world.destination.service_fd, "reply!", 6), 6);
    run_until(client_hung_up);
    assert_int_equal(got_down, 9);
    assert_memory_equal(client_got, "rep<->ly!", 9);
    assert_int_equal(service_n, 5);
    close(client_fd);
    run_until(both_ended);
    assert_int_equal(world.source.ended_why, ERR_OK);
    part();
}

/* The whole exchange may be over before the owner has attached its stream. */
static void a_tap_may_end_it_before_attach(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 2, two);
    size_t left = 100;
    struct conn *c = open_conn(&e, "HTTP1");
    conn_tap(c, &(struct conn_tap){.up = tap_up, .down = tap_down, .ctx = &left});
    give(&e, (struct frame){.type = FRAME_DATA,
                            .stream = 7,
                            .service = span_of("HTTP1"),
                            .connection = 1,
                            .payload = (const uint8_t *)"reply!",
                            .payload_size = 6});
    assert_int_equal(e.answers, 1);
    assert_int_equal(e.answer, ERR_OK);
    assert_int_equal(e.ended, 0);
    got_down = 0;
    conn_attach(c, pair(&client_fd));
    while (!client_hung_up())
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(got_down, 9);
    assert_memory_equal(client_got, "rep<->ly!", 9);
    close(client_fd);
    while (e.ended == 0)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    assert_int_equal(e.ended_why, ERR_OK);
    finish(&e);
}

/* ---- starts that never left ---- */

static void a_start_that_never_left_opens_no_stream(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 2, two);
    e.room = 0;
    struct conn *a = open_conn(&e, "SSH1");
    open_conn(&e, "SSH1");
    conn_abort(a, ERR_CLIENT_CLOSED);
    conn_abort(open_conn(&e, "HTTP1"), ERR_CLIENT_CLOSED);
    open_conn(&e, "HTTP1");
    e.room = 65536;
    session_writable(e.session);
    expect(&e, FRAME_STREAM_START, 7, "SSH1", 2); /* the next in line opens it */
    expect(&e, FRAME_STREAM_START, 9, "HTTP1", 2);
    expect_nothing(&e);
    finish(&e);
}

static void on_ended_again(void *owner, struct conn *c, const struct conn_stats *stats)
{
    struct end *e = owner;
    (void)c, (void)stats;
    if (e->ended++ == 0)
        open_conn(e, "SSH1");
}

/* A connection that is opened while its service's stream is being reset belongs to the next one. */
static void ended_may_open_the_next(void **state)
{
    static const struct conn_events again = {.ended = on_ended_again};
    struct end e;
    enum err why;
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 2, two);
    assert_non_null(conn_open(e.session, "SSH1", &again, &e, &why));
    expect(&e, FRAME_STREAM_START, 7, "SSH1", 1);
    give(&e, (struct frame){.type = FRAME_STREAM_RESET, .stream = 7, .service = span_of("SSH1")});
    assert_int_equal(e.ended, 1);
    assert_int_equal(session_connections(e.session), 1);
    expect(&e, FRAME_STREAM_START, 8, "SSH1", 2);
    finish(&e);
}

/* What is refused is reset under the name that it came with: another service's connection of the
 * same number is not meant. */
static void a_refusal_names_the_service_asked_for(void **state)
{
    struct end e;
    (void)state;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 5, .service = span_of("NOPE"), .connection = 1});
    expect(&e, FRAME_CONNECTION_RESET, 5, "NOPE", 1);
    finish(&e);
}

/* The largest payload among the frames that e has sent. */
static size_t largest_sent(struct end *e, int fd)
{
    static uint8_t block[60000];
    struct frame f;
    size_t largest = 0, total = 0;
    assert_int_equal(write(fd, block, sizeof block), sizeof block);
    while (total < sizeof block) {
        uv_run(loop_uv(loop), UV_RUN_ONCE);
        while (sent(e, &f)) {
            largest = f.payload_size > largest ? f.payload_size : largest;
            total += f.payload_size;
        }
    }
    assert_int_equal(total, sizeof block);
    return largest;
}

/* A destination's source may be Amazon's, which large frames kill; a destination copes. */
static void frames_fit_the_far_end(void **state)
{
    struct end e;
    int fd;
    (void)state;
    begin(&e, SESSION_DESTINATION, 0, 0);
    give_services(&e, 2, two);
    give(&e,
         (struct frame){
             .type = FRAME_STREAM_START, .stream = 5, .service = span_of("SSH1"), .connection = 1});
    assert_int_equal(largest_sent(&e, e.service_fd), SESSION_QUANTUM_FOREIGN);
    finish(&e);
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 2, two);
    conn_attach(open_conn(&e, "SSH1"), pair(&fd));
    buf_free(&e.wire);
    assert_int_equal(largest_sent(&e, fd), SESSION_QUANTUM);
    finish(&e);
    close(fd);
}

/* ---- fairness ---- */

/* Ten bulk connections and a sparse one while the transport takes one frame at a time. */
static void sparse_goes_before_bulk(void **state)
{
    enum { BULK = 10 };
    struct end e;
    int fds[BULK + 1];
    static uint8_t block[60000];
    (void)state;
    begin(&e, SESSION_SOURCE, 3, 0);
    give_services(&e, 2, two);
    for (int i = 0; i <= BULK; i++)
        conn_attach(open_conn(&e, "SSH1"), pair(&fds[i]));
    buf_free(&e.wire);
    e.room = 1;
    for (int i = 0; i < BULK; i++)
        assert_true(write(fds[i], block, sizeof block) > SESSION_QUANTUM);
    unsigned served[BULK + 2] = {0};
    int sparse_at = -1;
    for (int i = 0; i < 40; i++) {
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
        struct frame f;
        assert_true(sent(&e, &f));
        served[f.connection]++;
        if (f.connection == BULK + 1) {
            sparse_at = i;
            assert_int_equal(f.payload_size, 3);
        }
        if (i == 12)
            assert_int_equal(write(fds[BULK], "key", 3), 3);
        uv_run(loop_uv(loop),
               UV_RUN_NOWAIT); /* it is seen to be readable while the transport is full */
        session_writable(e.session);
    }
    assert_in_range(sparse_at, 13, 15);
    for (int i = 1; i <= BULK; i++)
        assert_in_range(served[i], 3, 4);
    finish(&e);
    for (int i = 0; i <= BULK; i++)
        close(fds[i]);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(v3_trace),
        T(v2_and_v1_traces),
        T(bad_service_ids),
        T(lingering_connections_make_room),
        T(tunnel_without_services),
        T(destination_refuses),
        T(destination_replaces_an_active_stream),
        T(protocol_violations),
        T(echo_all_versions),
        T(early_data_goes_first),
        T(slow_reader_loses_nothing),
        T(client_may_half_close),
        T(silence_after_half_close_ends_it),
        T(a_client_that_left_ends_it),
        T(data_waits_for_the_dial),
        T(losing_the_transport_ends_all),
        T(a_stuck_reader_is_dropped_for_the_others),
        T(what_v3_holds_has_a_budget),
        T(what_v3_leaves_behind_goes),
        T(a_full_transport_pauses_up),
        T(a_slow_reader_pauses_down),
        T(the_last_words_of_a_service_that_resets),
        T(a_tap_bounds_one_exchange),
        T(a_tap_may_end_it_before_attach),
        T(a_start_that_never_left_opens_no_stream),
        T(ended_may_open_the_next),
        T(a_refusal_names_the_service_asked_for),
        T(frames_fit_the_far_end),
        T(sparse_goes_before_bulk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
