/* Streams move to another loop: TLS. */
#include "tests/unit/stream_move_help.h"

/* ---- TLS ---- */

struct secure {
    struct probe client, server;
};

static void secure_begin(struct secure *t, struct loop *at)
{
    int fds[2];
    *t = (struct secure){.client = {.stream = NULL}};
    make_pair(TCP_PAIR, fds);
    struct tls_client_options c = {.trust = trust, .host = "localhost"};
    struct tls_server_options s = {.identity = identities[0]};
    t->client.stream = tls_client(at, stream_from_fd(at, fds[0]), &c, &probe_events, &t->client);
    t->server.stream = tls_server(at, stream_from_fd(at, fds[1]), &s, &probe_events, &t->server);
    assert_non_null(t->client.stream);
    assert_non_null(t->server.stream);
}

static void secure_open(struct secure *t)
{
    secure_begin(t, loop);
    UNTIL(t->client.opened == 1 && t->server.opened == 1);
}

static void secure_end(struct secure *t)
{
    probe_close(&t->client);
    probe_close(&t->server);
}

static void tell(struct probe *from, const char *text)
{
    assert_true(stream_write(from->stream, (const uint8_t *)text, strlen(text)));
}

/* Waits until `want` bytes lie at the stream, which is on `loop` or `other`. */
static uint8_t *wait_peek(struct probe *p, size_t want)
{
    uint8_t *bytes = NULL;
    p->on_readable = NULL;
    stream_read_on(p->stream, true);
    EITHER(stream_peek(p->stream, want, &bytes) >= (long)want);
    return bytes;
}

static void a_record_in_use_goes_along(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.client, "half");
    uint8_t *bytes = wait_peek(&t.server, 4);
    stream_consume(t.server.stream, 2);
    tell(&t.client, " way");
    pass(5);
    move_to(&t.server, other);
    uint8_t *again;
    assert_int_equal(stream_peek(t.server.stream, 1, &again), 2);
    assert_ptr_equal(again, bytes + 2);
    t.server.on_readable = drain;
    stream_read_on(t.server.stream, true);
    assert_got(&t.server, "lf way");
    tell(&t.server, "answer");
    t.client.on_readable = drain;
    move_to(&t.client, other);
    stream_read_on(t.client.stream, true);
    assert_got(&t.client, "answer");
    secure_end(&t);
}

/* Bytes of several records that were peeked at once, which have a block of their own. */
static void carried_bytes_go_along(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.server, "abc");
    wait_peek(&t.client, 3);
    tell(&t.server, "def");
    uint8_t *bytes = wait_peek(&t.client, 6), *again;
    stream_consume(t.client.stream, 1);
    move_to(&t.client, other);
    assert_int_equal(stream_peek(t.client.stream, 1, &again), 5);
    assert_ptr_equal(again, bytes + 1);
    t.client.on_readable = drain;
    stream_read_on(t.client.stream, true); /* it is reminded of them there */
    assert_got(&t.client, "bcdef");
    tell(&t.server, "ghi");
    assert_got(&t.client, "ghi");
    secure_end(&t);
}

/* With every kind of thing held, and on a thread of its own. */
static void a_secure_one_that_left_can_be_closed(void **state)
{
    (void)state;
    for (int held = 0; held < 3; held++) {
        struct secure t;
        uv_thread_t thread;
        secure_open(&t);
        if (held > 0) {
            tell(&t.server, "abc");
            wait_peek(&t.client, 3);
        }
        if (held > 1) {
            tell(&t.server, "def");
            wait_peek(&t.client, 6);
        }
        assert_true(stream_leave(t.client.stream));
        assert_int_equal(uv_thread_create(&thread, close_it, t.client.stream), 0);
        uv_thread_join(&thread);
        t.client.stream = NULL;
        t.server.on_readable = drain;
        stream_read_on(t.server.stream, true);
        UNTIL(t.server.end != ERR_OK);
        assert_true(t.server.end == ERR_EOF || t.server.end == ERR_RESET);
        secure_end(&t);
    }
}

static void leave_when_opened(void *owner)
{
    struct probe *p = owner;
    p->opened++;
    assert_true(stream_leave(p->stream));
}

/* Not in the handshake, but in the event that tells its end, while its last bytes are still here.
 */
static void it_may_leave_when_the_handshake_is_done(void **state)
{
    static const struct stream_events leaving = {.opened = leave_when_opened,
                                                 .readable = probe_readable,
                                                 .writable = probe_writable,
                                                 .failed = probe_failed};
    struct secure t;
    (void)state;
    secure_begin(&t, loop);
    assert_false(stream_leave(t.client.stream));
    assert_false(stream_leave(t.server.stream));
    stream_set_owner(t.client.stream, &leaving, &t.client);
    stream_set_owner(t.server.stream, &leaving, &t.server);
    UNTIL(t.client.opened == 1 && t.server.opened == 1);
    probe_own(&t.client, t.client.stream);
    probe_own(&t.server, t.server.stream);
    assert_true(stream_join(t.client.stream, other));
    assert_true(stream_join(t.server.stream, other));
    t.server.on_readable = t.client.on_readable = drain;
    stream_read_on(t.client.stream, true);
    stream_read_on(t.server.stream, true);
    tell(&t.client, "hello");
    assert_got(&t.server, "hello");
    tell(&t.server, "welcome");
    assert_got(&t.client, "welcome");
    secure_end(&t);
}

static void what_was_written_leaves_first(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.client, "in a batch"); /* not flushed yet */
    move_to(&t.client, other);
    t.server.on_readable = drain;
    stream_read_on(t.server.stream, true);
    assert_got(&t.server, "in a batch");
    move_to(&t.client, loop);
    size_t size;
    uint8_t *block = fill(t.client.stream, &size);
    assert_false(stream_leave(t.client.stream));
    t.server.limit = size;
    UNTIL(t.server.size == size && t.client.writable == 1);
    EITHER(stream_leave(t.client.stream));
    assert_true(stream_join(t.client.stream, other));
    t.server.size = 0;
    stream_shutdown(t.client.stream);
    EITHER(t.server.end == ERR_EOF);
    secure_end(&t);
    free(block);
}

/* The end was read before; it is still the end, and a reader hears of it again. */
static void the_end_goes_along(void **state)
{
    struct secure t;
    (void)state;
    secure_open(&t);
    tell(&t.server, "last");
    stream_shutdown(t.server.stream);
    t.client.on_readable = drain;
    stream_read_on(t.client.stream, true);
    EITHER(t.client.end == ERR_EOF);
    move_to(&t.client, other);
    t.client.end = ERR_OK;
    stream_read_on(t.client.stream, true);
    EITHER(t.client.end == ERR_EOF);
    assert_string_equal(tls_problem(t.client.stream), "closed by the other side");
    secure_end(&t);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, both_begin, both_end)
    const struct CMUnitTest tests[] = {
        TEST(a_record_in_use_goes_along),           TEST(carried_bytes_go_along),
        TEST(a_secure_one_that_left_can_be_closed), TEST(it_may_leave_when_the_handshake_is_done),
        TEST(what_was_written_leaves_first),        TEST(the_end_goes_along),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
