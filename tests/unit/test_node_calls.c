/* What nodes say to each other, and the calls that carry it; the other node is a TLS server in the
 * same loop. */
#include "gateway/hub/cluster/node_client.h"
#include "tests/support/net.h"

#include "core/base/log.h"
#include "core/net/listener.h"

#define OK "HTTP/1.1 204 No Content\r\n\r\n"

static char dir[64], cert[100], key[100];
static struct identity *identity;
static struct trust *trust;
static struct cluster_keys *keys;

static struct {
    struct listener *listener;
    struct probe probe;
    int accepted;
    bool hangs;
    char address[80];
} node;

static struct node_client *client;
static struct {
    int n;
    char token[80], device[80];
} untold;

/* ---- messages ---- */

static int looked;

static void on_look(void *ctx, const char *from, const struct node_look *l)
{
    const struct node_look *wanted = ctx;
    assert_string_equal(from, "node1");
    assert_int_equal(l->kind, wanted[looked].kind);
    assert_string_equal(l->id, wanted[looked].id);
    looked++;
}

static void looks_are_read_as_written(void **state)
{
    struct node_look looks[] = {
        {NODE_LOOK_TUNNEL, "36bbe34e"}, {NODE_LOOK_DEVICE, "plant-7"}, {NODE_LOOK_ARRIVED, "p:7"}};
    struct buf b = {.limit = NODE_BODY_MAX};
    (void)state;
    looked = 0;
    assert_true(node_look_write("node1", looks, 3, &b));
    assert_int_equal(node_look_read((struct span){(const char *)b.data, b.size}, on_look, looks),
                     ERR_OK);
    assert_int_equal(looked, 3);
    buf_free(&b);
}

static void on_notice(void *ctx, const struct notice *q)
{
    (void)ctx;
    assert_string_equal(q->device, "plant7");
    assert_string_equal(q->tunnel, "36bbe34e");
    assert_string_equal(q->token, "AQGsecret");
    assert_int_equal(q->services->n, 2);
    assert_string_equal(q->services->items[1], "HTTP1");
    assert_string_equal(q->opened_by, "key1");
    assert_string_equal(q->why, "");
    looked++;
}

static void notice_of(struct notice *q, struct texts *services)
{
    assert_true(texts_add(services, span_of("SSH1")) && texts_add(services, span_of("HTTP1")));
    *q = (struct notice){.device = "plant7",
                         .tunnel = "36bbe34e",
                         .token = "AQGsecret",
                         .services = services,
                         .service = "",
                         .opened_by = "key1",
                         .why = ""};
}

static void notices_are_read_as_written(void **state)
{
    struct texts services = {0};
    struct notice q;
    struct buf b = {.limit = NODE_BODY_MAX};
    (void)state;
    looked = 0;
    notice_of(&q, &services);
    assert_true(node_notice_write(&q, &b));
    assert_int_equal(node_notice_read((struct span){(const char *)b.data, b.size}, on_notice, NULL),
                     ERR_OK);
    assert_int_equal(looked, 1);
    buf_free(&b);
    texts_free(&services);
}

static void never(void *ctx, const char *from, const struct node_look *l)
{
    (void)ctx, (void)from, (void)l;
    fail();
}

static void never_notice(void *ctx, const struct notice *q)
{
    (void)ctx, (void)q;
    fail();
}

/* A newer node's kinds are passed over; what is no message is refused. */
static void other_bodies(void **state)
{
    static const char *const wrong[] = {"",
                                        "nonsense",
                                        "[]",
                                        "{}",
                                        "{\"looks\":[]}",
                                        "{\"from\":\"a\",\"looks\":7}",
                                        "null",
                                        "{\"device\":\"d\",\"tunnel\":\"t\"}"};
    static const char newer[] = "{\"from\":\"a\",\"looks\":[{\"kind\":\"later\",\"id\":\"x\"},7,"
                                "{\"kind\":\"tunnel\"},{\"id\":\"x\"}]}";
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(node_look_read(span_of(wrong[i]), never, NULL), ERR_PROTOCOL);
        assert_int_equal(node_notice_read(span_of(wrong[i]), never_notice, NULL), ERR_PROTOCOL);
    }
    assert_int_equal(node_look_read(span_of(newer), never, NULL), ERR_OK);
    assert_int_equal(node_call_of(span_of("/cluster/v1/look")), NODE_CALL_LOOK);
    assert_int_equal(node_call_of(span_of("/cluster/v1/lock")), NODE_CALLS);
    assert_int_equal(node_call_of(span_of("/tunnel")), NODE_CALLS);
}

/* ---- the other node ---- */

static void node_opened(void *owner)
{
    struct probe *p = owner;
    p->opened++;
    stream_read_on(p->stream, true);
}

static const struct stream_events node_events = {.opened = node_opened,
                                                 .readable = probe_readable,
                                                 .writable = probe_writable,
                                                 .failed = probe_failed};

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    const struct tls_server_options o = {.identity = identity, .client_trust = trust};
    (void)owner, (void)l;
    node.accepted++;
    if (node.hangs)
        stream_set_owner(s, &node_events, &node.probe);
    node.probe.stream = node.hangs ? s : tls_server(loop, s, &o, &node_events, &node.probe);
}

/* What came after the PROXY header (16 bytes of LOCAL), as text. */
static const char *said(void)
{
    static char text[70000];
    size_t n = node.probe.size > 16 ? node.probe.size - 16 : 0;
    snprintf(text, sizeof text, "%.*s", (int)n, (const char *)node.probe.got + 16);
    return text;
}

static void answer(void)
{
    node.probe.size = 16;
    assert_true(stream_write(node.probe.stream, (const uint8_t *)OK, strlen(OK)));
}

static void on_untold(void *owner, const struct notice *q)
{
    (void)owner;
    untold.n++;
    snprintf(untold.token, sizeof untold.token, "%s", q->token);
    snprintf(untold.device, sizeof untold.device, "%s", q->device);
}

static void look(const char *id)
{
    node_client_look(client, &(struct node_at){"node2", node.address},
                     &(struct node_look){NODE_LOOK_TUNNEL, id});
}

static void give_notice(void)
{
    struct texts services = {0};
    struct notice q;
    notice_of(&q, &services);
    node_client_notice(client, &(struct node_at){"node2", node.address}, &q);
    texts_free(&services);
}

/* ---- calls ---- */

static void calls_follow_each_other_on_one_connection(void **state)
{
    static const uint8_t local[16] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    (void)state;
    look("one");
    UNTIL(strstr(said(), "\"one\"") != NULL);
    assert_memory_equal(node.probe.got, local, sizeof local);
    assert_non_null(strstr(said(), "POST /cluster/v1/look HTTP/1.1\r\n"));
    look("two");
    look("three");
    give_notice();
    assert_int_equal(node_client_counts(client).waiting, 4);
    answer();
    UNTIL(strstr(said(), "AQGsecret") != NULL);
    answer();
    UNTIL(strstr(said(), "\"two\"") != NULL && strstr(said(), "\"three\"") != NULL);
    answer();
    UNTIL(node_client_counts(client).waiting == 0);
    assert_int_equal(node.accepted, 1);
    assert_int_equal(node_client_counts(client).told[NODE_CALL_LOOK], 2);
    assert_int_equal(node_client_counts(client).told[NODE_CALL_NOTICE], 1);
    assert_int_equal(untold.n, 0);
}

/* A notice comes back, to be kept; hints are lost, and nothing waits for one time-out each. */
static void a_node_that_hangs_costs_what_waits_for_it(void **state)
{
    (void)state;
    node.hangs = true;
    look("one");
    give_notice();
    look("two");
    UNTIL(untold.n == 1);
    assert_string_equal(untold.token, "AQGsecret");
    assert_string_equal(untold.device, "plant7");
    assert_int_equal(node_client_counts(client).waiting, 0);
    assert_int_equal(node_client_counts(client).lost[NODE_CALL_LOOK], 2);
}

static void a_node_that_refuses(void **state)
{
    static const char no[] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    (void)state;
    give_notice();
    UNTIL(strstr(said(), "AQGsecret") != NULL);
    assert_true(stream_write(node.probe.stream, (const uint8_t *)no, strlen(no)));
    UNTIL(untold.n == 1);
}

static void the_queue_has_an_end(void **state)
{
    (void)state;
    node.hangs = true;
    for (int i = 0; i < NODE_QUEUE_MAX + 10; i++)
        look("again");
    assert_true(node_client_counts(client).lost[NODE_CALL_LOOK] > 0);
    assert_true(node_client_counts(client).waiting <= NODE_QUEUE_MAX + 1);
}

/* ---- set-up ---- */

static int begin(void **state)
{
    static const struct listener_events events = {.accepted = on_accepted};
    enum err why;
    if (loop_begin(state) != 0)
        return -1;
    log_setup(LOG_OFF, false);
    memset(&node, 0, sizeof node);
    memset(&untold, 0, sizeof untold);
    node.probe.on_readable = drain;
    node.listener = listener_new(loop, "localhost:0", &events, NULL, &why);
    client = node_client_new(
        &(struct node_client_options){.loop = loop, .self = "node1", .untold = on_untold});
    if (node.listener == NULL || client == NULL)
        return -1;
    node_client_keys(client, cluster_keys_ref(keys));
    snprintf(node.address, sizeof node.address, "localhost:%d", listener_port(node.listener));
    return 0;
}

static int end(void **state)
{
    node_client_free(client);
    if (node.probe.stream != NULL)
        probe_close(&node.probe);
    listener_free(node.listener);
    free(node.probe.got);
    return loop_end(state);
}

static int once(void **state)
{
    char command[700], text[200];
    enum err why;
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test_node_calls.XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
             "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
             "-keyout %s -out %s 2>/dev/null",
             key, cert);
    if (system(command) != 0)
        return -1;
    identity = identity_new(cert, key, &why, text, sizeof text);
    trust =
        trust_new(&(struct trust_sources){.file = cert, .clients = true}, &why, text, sizeof text);
    keys = cluster_keys_new(&(struct cluster_key_files){cert, key, cert}, &why, text, sizeof text);
    return identity != NULL && trust != NULL && keys != NULL ? 0 : -1;
}

static int at_last(void **state)
{
    (void)state;
    cluster_keys_free(keys);
    identity_free(identity);
    trust_free(trust);
    unlink(cert);
    unlink(key);
    return rmdir(dir);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_are_read_as_written),
        cmocka_unit_test(notices_are_read_as_written),
        cmocka_unit_test(other_bodies),
        T(calls_follow_each_other_on_one_connection),
        T(a_node_that_hangs_costs_what_waits_for_it),
        T(a_node_that_refuses),
        T(the_queue_has_an_end),
    };
    return cmocka_run_group_tests(tests, once, at_last);
}
