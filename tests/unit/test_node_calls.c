/* What nodes say to each other, and the calls that carry it; the other node is a TLS server in the
 * same loop. */
#include "gateway/hub/cluster/node_client.h"
#include "tests/support/node.h"

#include "core/base/log.h"
#include "core/net/listener.h"

#define OK "HTTP/1.1 204 No Content\r\n\r\n"

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
        {NODE_LOOK_TUNNEL, "36bbe34e"},
        {NODE_LOOK_DEVICE, "plant-7"},
        {NODE_LOOK_ARRIVED, "p:7"},
        {NODE_LOOK_NODE, "hub-1"},
    };
    struct buf b = {.limit = NODE_BODY_MAX};
    (void)state;
    looked = 0;
    assert_true(node_look_write("node1", looks, 4, &b));
    assert_int_equal(node_look_read((struct span){(const char *)b.data, b.size}, on_look, looks),
                     ERR_OK);
    assert_int_equal(looked, 4);
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

static bool give_notice(void)
{
    struct texts services = {0};
    struct notice q;
    notice_of(&q, &services);
    bool taken = node_client_notice(client, &(struct node_at){"node2", node.address}, &q);
    texts_free(&services);
    return taken;
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

/* What waits for it at an address where it does not answer is told at its new one. */
static void a_node_that_moves(void **state)
{
    char old[sizeof node.address];
    (void)state;
    snprintf(old, sizeof old, "127.0.0.1:%d", listener_port(node.listener));
    node.hangs = true;
    node_client_look(client, &(struct node_at){"node2", old},
                     &(struct node_look){NODE_LOOK_TUNNEL, "one"});
    UNTIL(node.accepted == 1);
    probe_close(&node.probe);
    node.hangs = false;
    node.probe.size = 0;
    give_notice();
    UNTIL(strstr(said(), "\"one\"") != NULL);
    answer();
    UNTIL(strstr(said(), "AQGsecret") != NULL);
    answer();
    UNTIL(node_client_counts(client).waiting == 0);
    assert_int_equal(untold.n, 0);
    assert_int_equal(node_client_counts(client).lost[NODE_CALL_LOOK], 0);
}

/* Such as one whose words are longer than a call may be. */
static void a_notice_that_cannot_be_written(void **state)
{
    static char words[NODE_BODY_MAX + 1];
    struct texts services = {0};
    struct notice q;
    (void)state;
    memset(words, 'w', sizeof words - 1);
    notice_of(&q, &services);
    q.why = words;
    assert_false(node_client_notice(client, &(struct node_at){"node2", node.address}, &q));
    texts_free(&services);
    assert_int_equal(untold.n, 0);
    assert_int_equal(node_client_counts(client).waiting, 0);
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
    assert_false(give_notice()); /* it stays here, and is not given back besides */
    assert_int_equal(untold.n, 0);
}

/* ---- set-up ---- */

static int begin(void **state)
{
    if (node_begin(state) != 0)
        return -1;
    log_setup(LOG_OFF, false);
    memset(&untold, 0, sizeof untold);
    client = node_client_new(
        &(struct node_client_options){.loop = loop, .self = "node1", .untold = on_untold});
    if (client == NULL)
        return -1;
    node_client_keys(client, cluster_keys_ref(node_keys));
    return 0;
}

static int end(void **state)
{
    node_client_free(client);
    return node_end(state);
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
        T(a_node_that_moves),
        T(a_notice_that_cannot_be_written),
        T(a_node_that_refuses),
        T(the_queue_has_an_end),
    };
    return cmocka_run_group_tests(tests, node_once, node_at_last);
}
