/* What is accepted at a frontend, from its TLS handshake to the protocol of its listener: HTTPS,
 * and one of the test's own beside it. */
#include "tests/support/net.h"

#include "core/net/mailbox.h"
#include "gateway/hub/frontend_internal.h"
#include "gateway/hub/hub_protocol.h"
#include "tests/support/certificates.h"

static struct trust *trust;
static struct mailbox *hub;
static struct worker_stats stats;
static struct frontend *frontend;
static int n_refused;

/* ---- a protocol: says again what it is told, until the other side ends ---- */

struct echo {
    struct pending_conn *pending;
    struct stream *stream;
};
static int n_started, n_ended;

static void echo_readable(void *owner)
{
    struct echo *e = owner;
    uint8_t *bytes;
    long n = stream_peek(e->stream, 1, &bytes);
    if (n > 0 && stream_write(e->stream, bytes, (size_t)n))
        stream_consume(e->stream, (size_t)n);
    if (n < 0)
        pending_conn_free(e->pending);
}

static void echo_failed(void *owner, enum err why)
{
    (void)why;
    pending_conn_free(((struct echo *)owner)->pending);
}

static void *echo_start(struct pending_conn *v, struct stream *s)
{
    static const struct stream_events events = {.readable = echo_readable, .failed = echo_failed};
    struct echo *e = calloc(1, sizeof *e);
    assert_non_null(e);
    *e = (struct echo){.pending = v, .stream = s};
    stream_set_owner(s, &events, e);
    stream_read_on(s, true);
    n_started++;
    return e;
}

static void echo_end(void *session)
{
    struct echo *e = session;
    stream_close(e->stream);
    free(e);
    n_ended++;
}

static const struct hub_protocol echo_protocol = {.start = echo_start, .end = echo_end};

/* ---- the frontend ---- */

static void on_mail(void *owner, struct mail *mail)
{
    (void)owner;
    struct message *m = message_of(mail);
    n_refused += m->kind == MESSAGE_REFUSED;
    message_free(m);
}

static int begin(void **state)
{
    char text[256];
    enum err why;
    loop_begin(state);
    n_started = n_ended = n_refused = 0;
    memset(&stats, 0, sizeof stats);
    hub = mailbox_new(loop, on_mail, NULL);
    struct frontend_options o = {.loop = loop, .hub = hub, .stats = &stats, .max_pending = 2};
    frontend = frontend_new(&o);
    assert_non_null(frontend);
    struct identity *identity =
        identity_new(certs_file("ec.pem"), certs_file("ec.key"), &why, text, sizeof text);
    assert_non_null(identity);
    uint8_t shown[TLS_FINGERPRINT];
    identity_fingerprint(identity, shown);
    frontend_identity(frontend, identity, shown);
    return 0;
}

static int end(void **state)
{
    frontend_free(frontend);
    mailbox_free(hub, message_discard);
    return loop_end(state);
}

/* A client whose connection was accepted for that protocol; on its way in. */
static void come(struct probe *client, const struct hub_protocol *protocol)
{
    int fds[2];
    struct tls_client_options c = {.trust = trust, .host = "localhost"};
    make_pair(TCP_PAIR, fds);
    *client = (struct probe){.on_readable = drain};
    client->stream = tls_client(loop, stream_from_fd(loop, fds[0]), &c, &probe_events, client);
    assert_non_null(client->stream);
    frontend_accept(frontend, fds[1], protocol);
}

static void says(struct probe *client, const char *text)
{
    assert_true(stream_write(client->stream, (const uint8_t *)text, strlen(text)));
    stream_read_on(client->stream, true);
}

static void hears(struct probe *client, const char *begin_of_it)
{
    size_t n = strlen(begin_of_it);
    UNTIL(client->size >= n || client->end != ERR_OK);
    assert_true(client->size >= n);
    assert_memory_equal(client->got, begin_of_it, n);
}

static void each_listener_has_its_protocol(void **state)
{
    struct probe browser, other;
    (void)state;
    come(&browser, &https_protocol);
    come(&other, &echo_protocol);
    UNTIL(browser.opened == 1 && other.opened == 1);
    says(&other, "GET hello\r\n\r\n");
    says(&browser, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    hears(&other, "GET hello\r\n\r\n");
    hears(&browser, "HTTP/1.1 200 ");
    assert_int_equal(stat_get(&stats.handshakes), 2);
    assert_int_equal(stat_get(&stats.pending), 2);
    probe_close(&other);
    UNTIL(n_ended == 1);
    assert_int_equal(stat_get(&stats.pending), 1);
    assert_int_equal(n_started, 1);
    assert_int_equal(n_refused, 0);
    probe_close(&browser);
}

static void sessions_end_with_the_frontend(void **state)
{
    struct probe client;
    (void)state;
    come(&client, &echo_protocol);
    UNTIL(n_started == 1);
    frontend_free(frontend);
    frontend = NULL;
    assert_int_equal(n_ended, 1);
    stream_read_on(client.stream, true);
    UNTIL(client.end != ERR_OK || client.failed == 1);
    probe_close(&client);
}

/* In time to make room, and told by its name. */
static void sessions_make_room(void **state)
{
    struct probe first, second, third;
    (void)state;
    come(&first, &echo_protocol);
    come(&second, &https_protocol);
    UNTIL(n_started == 1 && second.opened == 1);
    UNTIL(loop_now(loop) -
              list_entry(frontend->pending.next, struct pending_conn, node)->slot.since >
          1000);
    come(&third, &echo_protocol);
    UNTIL(third.opened == 1);
    assert_int_equal(n_ended, 1);
    UNTIL(n_refused == 1);
    assert_int_equal(stat_get(&stats.pending), 2);
    probe_close(&first);
    probe_close(&second);
    probe_close(&third);
}

static int setup(void **state)
{
    char text[256];
    enum err why;
    (void)state;
    if (certs_make() != 0)
        return -1;
    trust =
        trust_new(&(struct trust_sources){.file = certs_file("ca.pem")}, &why, text, sizeof text);
    return trust != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    trust_free(trust);
    return certs_remove();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(each_listener_has_its_protocol),
        TEST(sessions_end_with_the_frontend),
        TEST(sessions_make_room),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
