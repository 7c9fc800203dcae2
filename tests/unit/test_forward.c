/* A client's connection that is passed on to another node: the node here is a TLS server in the
 * same loop, the client one end of a pair of sockets. */
#include "gateway/hub/cluster/forward_table.h"
#include "gateway/hub/relay/buffered_stream.h"
#include "tests/support/node.h"

#include "core/net/listener.h"

#define REQUEST "PROXY and GET /tunnel HTTP/1.1\r\n\r\n"
#define SORRY "HTTP/1.1 503 Sorry\r\n\r\n"
#define IDLE_MS 60000

static struct {
    int n;
    enum err why;
    bool unreached;
    char text[160];
} gone;

static struct forward_table *table;
static struct forward_traffic traffic;

/* ---- what the hub is told ---- */

static void on_gone(void *owner, const struct forward_gone *g)
{
    (void)owner;
    gone.n++;
    gone.why = g->why;
    gone.unreached = g->unreached;
    memcpy(gone.text, g->text, sizeof gone.text);
    forward_ticket_free(g->ticket);
}

/* ---- one forward ---- */

static struct forward_ticket *ticket(const char *address)
{
    struct forward_ticket *t = calloc(1, sizeof *t);
    assert_non_null(t);
    snprintf(t->node, sizeof t->node, "node2");
    snprintf(t->address, sizeof t->address, "%s", address);
    t->keys = cluster_keys_ref(node_keys);
    t->traffic = &traffic;
    t->request.limit = t->sorry.limit = FORWARD_REQUEST_MAX;
    assert_true(buf_append(&t->request, (const uint8_t *)REQUEST, strlen(REQUEST)));
    assert_true(buf_append(&t->sorry, (const uint8_t *)SORRY, strlen(SORRY)));
    return t;
}

static void nothing(void *owner)
{
    (void)owner;
}

/* Returns the client's end. */
static int forward_here(void)
{
    static const struct stream_events none = {.readable = nothing, .writable = nothing};
    int fds[2];
    make_pair(TCP_PAIR, fds);
    struct stream *s = stream_from_fd(loop, fds[0]);
    assert_non_null(s);
    struct stream *buffered = buffered_stream_new(loop, s, &none, NULL);
    forward_table_join(table, ticket(node.address), buffered);
    return fds[1];
}

static bool node_has(const char *text)
{
    return node.probe.size == strlen(text) && memcmp(node.probe.got, text, node.probe.size) == 0;
}

static size_t take(int fd, char *out, size_t n)
{
    ssize_t got = recv(fd, out, n, MSG_DONTWAIT);
    return got > 0 ? (size_t)got : 0;
}

static void expect(int fd, const char *text)
{
    char out[200] = "";
    size_t n = 0;
    UNTIL((n += take(fd, out + n, sizeof out - 1 - n)) >= strlen(text));
    assert_string_equal(out, text);
}

/* ---- tests ---- */

static void bytes_pass_both_ways(void **state)
{
    (void)state;
    int client = forward_here();
    say(client, "early", 5);
    UNTIL(node_has(REQUEST "early"));
    assert_string_equal(node.peer, "localhost");
    assert_true(stream_write(node.probe.stream, (const uint8_t *)"answer", 6));
    expect(client, "answer");
    assert_int_equal(traffic.up, 5);
    assert_int_equal(traffic.down, 6);
    close(client);
    UNTIL(node.probe.end == ERR_EOF);
    probe_close(&node.probe);
    UNTIL(gone.n == 1);
    assert_int_equal(gone.why, ERR_OK);
}

/* What is half closed goes on the other way. */
static void the_client_ends_first(void **state)
{
    (void)state;
    int client = forward_here();
    UNTIL(node_has(REQUEST));
    shutdown(client, SHUT_WR);
    UNTIL(node.probe.end == ERR_EOF);
    assert_true(stream_write(node.probe.stream, (const uint8_t *)"answer", 6));
    stream_shutdown(node.probe.stream);
    expect(client, "answer");
    UNTIL(gone.n == 1);
    assert_int_equal(gone.why, ERR_OK);
    probe_close(&node.probe);
    close(client);
}

/* A client that stays although the node has ended is seen off. */
static void the_node_ends_first(void **state)
{
    (void)state;
    int client = forward_here();
    UNTIL(node_has(REQUEST));
    assert_true(stream_write(node.probe.stream, (const uint8_t *)"bye", 3));
    probe_close(&node.probe);
    expect(client, "bye");
    UNTIL(gone.n == 1);
    assert_int_equal(gone.why, ERR_OK);
    close(client);
}

static void the_client_is_reset(void **state)
{
    (void)state;
    int client = forward_here();
    UNTIL(node_has(REQUEST));
    reset(client);
    UNTIL(gone.n == 1 && (node.probe.end != ERR_OK || node.probe.failed > 0));
    assert_int_not_equal(gone.why, ERR_OK);
    probe_close(&node.probe);
}

static void nobody_is_there(void **state)
{
    (void)state;
    listener_free(node.listener);
    node.listener = NULL;
    pass(1);
    int client = forward_here();
    expect(client, SORRY);
    close(client);
    UNTIL(gone.n == 1);
    assert_true(gone.unreached);
    assert_int_equal(gone.why, ERR_REFUSED);
    assert_non_null(strstr(gone.text, "node node2 cannot be reached"));
}

static void a_node_that_hangs(void **state)
{
    (void)state;
    node.hangs = true;
    int client = forward_here();
    UNTIL(node.accepted == 1);
    expect(client, SORRY);
    UNTIL(gone.n == 1);
    assert_true(gone.unreached);
    assert_int_equal(gone.why, ERR_TIMEOUT);
    probe_close(&node.probe);
    close(client);
}

/* Who does not take its bytes stops the other one: nothing is queued beyond a block. */
static void back_pressure(void **state)
{
    static uint8_t block[65536];
    size_t sent = 0, seen = 0;
    (void)state;
    int client = forward_here();
    UNTIL(node_has(REQUEST));
    stream_read_on(node.probe.stream, false);
    for (int quiet = 0; quiet < 50;) {
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = (uint8_t)((sent + i) * 31 >> 3);
        ssize_t n = send(client, block, sizeof block, MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        pass(2);
    }
    assert_true(sent < 40000000);
    stream_read_on(node.probe.stream, true);
    shutdown(client, SHUT_WR);
    UNTIL(node.probe.end == ERR_EOF);
    size_t before = strlen(REQUEST);
    assert_int_equal(node.probe.size, before + sent);
    for (; seen < sent; seen++)
        assert_int_equal(node.probe.got[before + seen], (uint8_t)(seen * 31 >> 3));
    probe_close(&node.probe);
    UNTIL(gone.n == 1);
    close(client);
}

static void a_drain_ends_the_silent(void **state)
{
    (void)state;
    int client = forward_here();
    UNTIL(node_has(REQUEST));
    worker_table_drain(forward_table_base(table));
    UNTIL(gone.n == 1);
    assert_int_equal(gone.why, ERR_SHUTDOWN);
    assert_true(worker_table_empty(forward_table_base(table)));
    probe_close(&node.probe);
    close(client);
}

/* ---- set-up ---- */

static int begin(void **state)
{
    if (node_begin(state) != 0)
        return -1;
    memset(&gone, 0, sizeof gone);
    memset(&traffic, 0, sizeof traffic);
    table = forward_table_new(
        &(struct forward_table_options){.loop = loop, .idle_ms = IDLE_MS, .gone = on_gone});
    return table != NULL ? 0 : -1;
}

static int end(void **state)
{
    worker_table_free(forward_table_base(table));
    return node_end(state);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(bytes_pass_both_ways), T(the_client_ends_first),   T(the_node_ends_first),
        T(the_client_is_reset),  T(nobody_is_there),         T(a_node_that_hangs),
        T(back_pressure),        T(a_drain_ends_the_silent),
    };
    return cmocka_run_group_tests(tests, node_once, node_at_last);
}
