/* The client of the control API against a small server on the same loop, over TLS. */
#include "tests/support/net.h"

#include "core/base/clock.h"
#include "core/base/list.h"
#include "core/http/server.h"
#include "core/net/listener.h"
#include "core/tls/tls.h"
#include "gateway/common/api/api_client.h"
#include "tests/support/certificates.h"

/* ---- the server ---- */

struct peer {
    struct list node;
    struct stream *stream; /* until its handshake is done */
    struct http_conn *conn;
};

static struct list peers = {&peers, &peers};
static struct listener *listener;
static struct identity *identity;
static struct trust *trust;
static size_t accepted, posts, pings;
static bool silent;
static struct http_response answer; /* to a POST */
static char said[4000];             /* of the last POST */

static void peer_free(struct peer *p)
{
    list_remove(&p->node);
    http_conn_free(p->conn);
    if (p->stream != NULL)
        stream_close(p->stream);
    free(p);
}

static void on_closed(void *owner, const char *why)
{
    (void)why;
    peer_free(owner);
}

static void on_request(void *owner, const struct http_head *head, struct span body)
{
    struct peer *p = owner;
    if (span_is(head->method, "GET")) {
        assert_true(span_is(head->target, "/healthz"));
        pings++;
        http_conn_answer(p->conn, &(struct http_response){.status = 200, .body = {"ok", 2}});
        return;
    }
    posts++;
    snprintf(said, sizeof said, "%.*s", (int)body.n, body.p);
    if (!silent)
        http_conn_answer(p->conn, &answer);
}

static void on_opened(void *owner)
{
    static const struct http_conn_events events = {.request = on_request, .closed = on_closed};
    struct peer *p = owner;
    struct stream *s = p->stream;
    p->stream = NULL;
    p->conn = http_conn_new(loop, s, &(struct http_conn_options){.max_body = 0}, &events, p);
    assert_non_null(p->conn);
}

static void on_failed(void *owner, enum err why)
{
    (void)why;
    peer_free(owner);
}

static void on_accepted(void *owner, struct listener *l, struct stream *s)
{
    static const struct stream_events events = {.opened = on_opened, .failed = on_failed};
    struct peer *p = calloc(1, sizeof *p);
    (void)owner, (void)l;
    assert_non_null(p);
    accepted++;
    list_init(&p->node);
    list_append(&peers, &p->node);
    p->stream = tls_server(loop, s, &(struct tls_server_options){.identity = identity}, &events, p);
    assert_non_null(p->stream);
}

static void drop_peers(void)
{
    while (!list_empty(&peers))
        peer_free(list_entry(peers.next, struct peer, node));
}

/* ---- the client ---- */

static struct api_client *client;
static struct api_url endpoint;
static struct sigv4_credentials key = {.key_id = (char *)(uintptr_t) "AKID",
                                       .secret = (char *)(uintptr_t) "secret"};

struct result {
    int n;
    enum err why;
    char error[128], text[400], value[40];
    struct stream *ready;
};

static void on_done(void *owner, struct api_answer *a)
{
    struct result *r = owner;
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(a->output, "value"));
    r->n++;
    r->why = a->why;
    snprintf(r->error, sizeof r->error, "%s", a->failure.error);
    snprintf(r->text, sizeof r->text, "%s", a->text);
    snprintf(r->value, sizeof r->value, "%s", value != NULL ? value : "");
    r->ready = a->ready;
    a->ready = NULL;
}

static struct api_client_options options(bool warm)
{
    return (struct api_client_options){
        .caller = {&endpoint, &key, "us-east-1", "test"},
        .target = {.host = endpoint.host, .port = endpoint.port, .trust = trust},
        .clock = clock_wall_ms,
        .warm = warm};
}

static struct api_call *call(struct result *r, uint64_t timeout_ms, enum err *why)
{
    cJSON *input = cJSON_CreateObject();
    cJSON_AddStringToObject(input, "device", "pump-07");
    return api_client_call(client,
                           &(struct api_call_options){.target = "TunnelHub.ConnectDevice",
                                                      .input = input,
                                                      .timeout_ms = timeout_ms,
                                                      .repeatable = true,
                                                      .takes_stream = true,
                                                      .done = on_done,
                                                      .owner = r},
                           why);
}

static struct result ask_within(uint64_t timeout_ms)
{
    struct result r = {.n = 0};
    enum err why;
    assert_non_null(call(&r, timeout_ms, &why));
    assert_int_equal(r.n, 0);
    UNTIL(r.n > 0);
    return r;
}

static struct result ask(void)
{
    return ask_within(20000);
}

static void answers(int status, const char *headers, const char *body)
{
    answer = (struct http_response){
        .status = status, .type = "text/plain", .headers = headers, .body = span_of(body)};
}

static int begin(void **state)
{
    static const struct listener_events events = {.accepted = on_accepted};
    enum err why;
    char text[300], url[60];
    loop_begin(state);
    accepted = posts = pings = 0;
    silent = false;
    identity = identity_new(certs_file("ec.pem"), certs_file("ec.key"), &why, text, sizeof text);
    trust =
        trust_new(&(struct trust_sources){.file = certs_file("ca.pem")}, &why, text, sizeof text);
    listener = listener_new(loop, "127.0.0.1:0", &events, NULL, &why);
    assert_true(identity != NULL && trust != NULL && listener != NULL);
    snprintf(url, sizeof url, "https://localhost:%d", listener_port(listener));
    assert_int_equal(api_url_read(url, &endpoint, text, sizeof text), ERR_OK);
    answers(200, NULL, "{\"value\":\"yes\"}");
    const struct api_client_options o = options(false);
    client = api_client_new(loop, &o);
    assert_non_null(client);
    return 0;
}

static int end(void **state)
{
    api_client_free(client);
    drop_peers();
    listener_free(listener);
    identity_free(identity);
    trust_free(trust);
    api_url_free(&endpoint);
    return loop_end(state);
}

/* ---- tests ---- */

static void connection_is_handed_out(void **state)
{
    (void)state;
    struct result r = ask();
    assert_int_equal(r.why, ERR_OK);
    assert_string_equal(r.value, "yes");
    assert_string_equal(said, "{\"device\":\"pump-07\"}");
    assert_non_null(r.ready);
    assert_string_equal(api_client_problem(client), "");
    stream_close(r.ready);
    answer.close = true; /* this one cannot be used again */
    r = ask();
    assert_int_equal(r.why, ERR_OK);
    assert_null(r.ready);
    assert_int_equal(accepted, 2);
}

static void refusals(void **state)
{
    static const struct {
        int status;
        const char *headers, *body;
        enum err why;
        const char *error, *text;
    } cases[] = {
        {400, NULL, "{\"__type\":\"a.b#DeviceAwayException\",\"message\":\"x\",\"value\":\"v\"}",
         ERR_REJECTED, "DeviceAwayException", ""},
        {403, "x-amzn-ErrorType: AccessDeniedException:http://x/\r\n", "", ERR_REJECTED,
         "AccessDeniedException", ""},
        {502, NULL, "<html>", ERR_PROTOCOL, "", "it answers HTTP 502 (Bad Gateway), and not as"},
        {200, NULL, "[]", ERR_PROTOCOL, "", "it answers HTTP 200"},
        {200, NULL, "{", ERR_PROTOCOL, "", "it answers HTTP 200"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        answers(cases[i].status, cases[i].headers, cases[i].body);
        struct result r = ask();
        assert_int_equal(r.why, cases[i].why);
        assert_string_equal(r.error, cases[i].error);
        assert_non_null(strstr(r.text, cases[i].text));
        assert_string_equal(r.value, i == 0 ? "v" : "");
        assert_null(r.ready);
    }
}

static void nobody_answers(void **state)
{
    (void)state;
    silent = true;
    struct result r = ask_within(1000); /* the handshake is over by then, on a busy machine, too */
    assert_int_equal(r.why, ERR_TIMEOUT);
    assert_non_null(strstr(r.text, "no answer in time"));
    assert_non_null(strstr(api_client_problem(client), "no answer in time"));
    listener_free(listener);
    listener = NULL;
    drop_peers();
    r = ask();
    assert_int_equal(r.why, ERR_REFUSED);
    assert_non_null(strstr(r.text, "connection refused"));
}

static void many_calls(void **state)
{
    static struct result all[API_CALLS_MAX + 1];
    struct api_call *first = NULL;
    enum err why;
    (void)state;
    silent = true;
    memset(all, 0, sizeof all);
    for (int i = 0; i < API_CALLS_MAX; i++) {
        struct api_call *c = call(&all[i], 20000, &why);
        assert_non_null(c);
        first = i == 0 ? c : first;
    }
    assert_null(call(&all[API_CALLS_MAX], 20000, &why));
    assert_int_equal(why, ERR_LIMIT);
    UNTIL(posts > 3);
    api_call_cancel(first);
    api_call_cancel(NULL);
    assert_non_null(call(&all[0], 20000, &why));
    api_client_free(client);
    client = NULL;
    for (int i = 0; i <= API_CALLS_MAX; i++)
        assert_int_equal(all[i].n, 0);
}

static bool is_kept(void)
{
    return pings > 0 && api_client_problem(client)[0] == '\0';
}

static void connection_is_kept_ready(void **state)
{
    const struct api_client_options o = options(true);
    (void)state;
    assert_string_not_equal(api_client_problem(client), "");
    api_client_change(client, &o);
    UNTIL(is_kept());
    assert_int_equal(accepted, 1);
    struct result r = ask();
    assert_int_equal(accepted, 1);
    assert_non_null(r.ready);
    UNTIL(pings == 2); /* the next one */
    assert_int_equal(accepted, 2);
    stream_close(r.ready);
    /* One that the server has closed is made anew. */
    UNTIL(is_kept());
    drop_peers();
    r = ask();
    assert_int_equal(r.why, ERR_OK);
    stream_close(r.ready);
}

static void keys_that_cannot_sign(void **state)
{
    struct sigv4_credentials bad = {.key_id = (char *)(uintptr_t) "a/b",
                                    .secret = (char *)(uintptr_t) "secret"};
    struct result r = {.n = 0};
    enum err why;
    (void)state;
    struct api_client_options o = options(false);
    o.caller.credentials = &bad;
    api_client_change(client, &o);
    assert_null(call(&r, 1000, &why));
    assert_int_equal(why, ERR_USAGE);
    assert_int_equal(accepted, 0);
}

/* Bytes that the other machine has not taken are seen through TLS, and by that a way that is cut.
 */
static void backlog_is_seen(void **state)
{
    struct probe c = {.stream = NULL}, s = {.stream = NULL};
    int fds[2];
    (void)state;
    make_pair(UNIX_PAIR, fds);
    c.stream = tls_client(loop, stream_from_fd(loop, fds[0]),
                          &(struct tls_client_options){.trust = trust, .host = "localhost"},
                          &probe_events, &c);
    s.stream = tls_server(loop, stream_from_fd(loop, fds[1]),
                          &(struct tls_server_options){.identity = identity}, &probe_events, &s);
    UNTIL(c.opened == 1 && s.opened == 1);
    UNTIL(tls_backlog(c.stream) == 0);
    stream_read_on(s.stream, false);
    assert_true(stream_write(c.stream, (const uint8_t *)"hello", 5));
    UNTIL(tls_backlog(c.stream) > 0);
    s.on_readable = drain;
    stream_read_on(s.stream, true);
    UNTIL(s.size == 5 && tls_backlog(c.stream) == 0);
    probe_close(&c);
    probe_close(&s);
}

static int certs_begin(void **state)
{
    (void)state;
    return certs_make();
}

static int certs_end(void **state)
{
    (void)state;
    return certs_remove();
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(connection_is_handed_out), test(refusals),
        test(nobody_answers),           test(many_calls),
        test(connection_is_kept_ready), test(keys_that_cannot_sign),
        test(backlog_is_seen),
    };
    return cmocka_run_group_tests(tests, certs_begin, certs_end);
}
