/* A session: readers that stop, and who has to wait for them. */
#include "tests/unit/session_help.h"

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
        T(a_stuck_reader_is_dropped_for_the_others),
        T(what_v3_holds_has_a_budget),
        T(what_v3_leaves_behind_goes),
        T(a_full_transport_pauses_up),
        T(a_slow_reader_pauses_down),
        T(the_last_words_of_a_service_that_resets),
        T(sparse_goes_before_bulk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
