/* A session: starts that never left. */
#include "tests/unit/session_help.h"

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
    assert_non_null(conn_open(e.session, "SSH1", NULL, &again, &e, &why));
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

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_start_that_never_left_opens_no_stream),
        T(ended_may_open_the_next),
        T(a_refusal_names_the_service_asked_for),
        T(frames_fit_the_far_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
