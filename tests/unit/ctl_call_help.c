#include "tests/unit/ctl_call_help.h"

struct server server;

struct trust *trust;

struct caller *caller;

/* ---- the server ---- */

static void server_drop(void)
{
    loop_cancel(&server.pump);
    if (server.stream != NULL)
        stream_close(server.stream);
    server.stream = NULL;
    http_reader_free(server.reader);
    server.reader = NULL;
    buf_free(&server.out);
}

static const struct script *script_now(void)
{
    size_t at = server.accepted - 1;
    return &server.scripts[at < server.n_scripts ? at : server.n_scripts - 1];
}

static void server_after(void)
{
    const struct script *s = script_now();
    if (server.answered == 3 || s->answers[server.answered] == NULL)
        if (s->closes_after)
            server_drop();
}

static void server_pump(void *owner)
{
    static uint8_t filler[16384];
    (void)owner;
    while (server.stream != NULL && stream_ready(server.stream)) {
        size_t n = script_now()->byte_by_byte ? 1 : server.out.size;
        if (server.out.size == 0 && server.flood == 0) {
            server_after();
            return;
        }
        if (server.out.size > 0) {
            uint8_t byte = server.out.data[0];
            bool one = n == 1;
            if (!stream_write(server.stream, one ? &byte : server.out.data, n))
                return;
            buf_take(&server.out, n);
            if (one) {
                loop_defer(loop, &server.pump);
                return;
            }
        } else {
            n = server.flood < sizeof filler ? server.flood : sizeof filler;
            server.flood -= n;
            memset(filler, 'x', sizeof filler);
            if (!stream_write(server.stream, filler, n))
                return;
        }
    }
}

static void server_answer(void)
{
    const struct script *s = script_now();
    const char *next = server.answered < 3 ? s->answers[server.answered] : NULL;
    server.requests++;
    if (s->silent)
        return;
    if (next == NULL) {
        server_drop();
        return;
    }
    server.answered++;
    server.out.limit = 100000;
    buf_append(&server.out, next, strlen(next));
    server.flood = s->flood;
    server_pump(NULL);
}

static void server_opened(void *owner)
{
    (void)owner;
    server.reader = http_reader_new(HTTP_REQUEST, 8000);
    stream_read_on(server.stream, true);
}

static void server_failed(void *owner, enum err why)
{
    (void)owner, (void)why;
    server_drop();
}

static void server_writable(void *owner)
{
    if (server.out.size > 0)
        buf_take(&server.out, server.out.size);
    server_pump(owner);
}

static void server_readable(void *owner);

static const struct stream_events server_events = {.opened = server_opened,
                                                   .readable = server_readable,
                                                   .writable = server_writable,
                                                   .failed = server_failed};

static void server_tls(void)
{
    struct tls_server_options o = {.identity = server.identity};
    server.stream = tls_server(loop, server.stream, &o, &server_events, NULL);
    assert_non_null(server.stream);
}

static void server_proxy(const struct http_head *head)
{
    snprintf(server.proxied, sizeof server.proxied, "%.*s %.*s", (int)head->method.n,
             head->method.p, (int)head->target.n, head->target.p);
    http_reader_free(server.reader);
    server.reader = NULL;
    server.proxy = false;
    stream_read_on(server.stream, false);
    stream_write(server.stream, (const uint8_t *)server.proxy_answer, strlen(server.proxy_answer));
    if (strstr(server.proxy_answer, " 200 ") != NULL)
        server_tls();
}

/* Requests have four bytes of body. */
static void server_readable(void *owner)
{
    uint8_t *p;
    long n;
    (void)owner;
    while (server.stream != NULL && (n = stream_peek(server.stream, 1, &p)) != 0) {
        if (n < 0) {
            server_drop();
            return;
        }
        if (http_reader_head(server.reader) == NULL) {
            long used = http_reader_feed(server.reader, p, (size_t)n);
            assert_true(used > 0);
            stream_consume(server.stream, (size_t)used);
            if (http_reader_head(server.reader) != NULL && server.proxy) {
                server_proxy(http_reader_head(server.reader));
                return;
            }
        } else if (stream_peek(server.stream, 4, &p) >= 4) {
            stream_consume(server.stream, 4);
            http_reader_free(server.reader);
            server.reader = http_reader_new(HTTP_REQUEST, 8000);
            server_answer();
        } else {
            return;
        }
    }
}

static void server_accepted(void *owner, struct listener *l, struct stream *s)
{
    (void)owner, (void)l;
    server_drop();
    server.accepted++;
    server.answered = 0;
    server.stream = s;
    stream_set_owner(s, &server_events, NULL);
    if (server.plain)
        stream_write(s, (const uint8_t *)"SSH-2.0-nothing\r\n", 17);
    else if (server.proxy)
        server_opened(NULL);
    else
        server_tls();
}

static const struct listener_events listener_events = {.accepted = server_accepted};

int set_up(void **state)
{
    enum err why;
    char problem[300];
    if (loop_begin(state) != 0)
        return -1;
    memset(&server, 0, sizeof server);
    deferred_init(&server.pump, server_pump, NULL);
    server.identity =
        identity_new(certs_file("ec.pem"), certs_file("ec.key"), &why, problem, sizeof problem);
    server.listener = listener_new(loop, "127.0.0.1:0", &listener_events, NULL, &why);
    trust = trust_new(&(struct trust_sources){.file = certs_file("ca.pem")}, &why, problem,
                      sizeof problem);
    return server.identity != NULL && server.listener != NULL && trust != NULL ? 0 : -1;
}

int tear_down(void **state)
{
    caller_free(caller);
    caller = NULL;
    server_drop();
    listener_free(server.listener);
    identity_free(server.identity);
    trust_free(trust);
    return loop_end(state);
}

/* ---- calls ---- */

void make_caller(const struct upstream *proxy, uint64_t timeout_ms)
{
    struct caller_options o = {.target = {.host = "localhost",
                                          .port = listener_port(server.listener),
                                          .proxy = proxy,
                                          .trust = trust},
                               .timeout_ms = timeout_ms};
    caller = caller_new(loop, &o);
    assert_non_null(caller);
}

struct call_answer answer;

char text[600];

enum err post(void)
{
    return caller_post(caller, &(struct call_request){span_of(REQUEST), true}, &answer, text,
                       sizeof text);
}

void assert_answer(int status, const char *body)
{
    assert_int_equal(answer.status, status);
    assert_int_equal(answer.body.size, strlen(body));
    if (answer.body.size > 0)
        assert_memory_equal(answer.body.data, body, answer.body.size);
    buf_wipe(&answer.body);
}

void byte_by_byte(void **state)
{
    (void)state;
    SERVE({.answers = {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", OK_ANSWER},
           .byte_by_byte = true});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(server.accepted, 1);
}

int certs_begin(void **state)
{
    (void)state;
    return certs_make();
}

int certs_end(void **state)
{
    (void)state;
    return certs_remove();
}
