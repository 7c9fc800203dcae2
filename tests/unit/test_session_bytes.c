/* A session: bytes from a client to a service and back; the tap. */
#include "tests/unit/session_help.h"

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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(echo_all_versions),
        T(early_data_goes_first),
        T(slow_reader_loses_nothing),
        T(client_may_half_close),
        T(silence_after_half_close_ends_it),
        T(a_client_that_left_ends_it),
        T(data_waits_for_the_dial),
        T(losing_the_transport_ends_all),
        T(a_tap_bounds_one_exchange),
        T(a_tap_may_end_it_before_attach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
