/* gateway/ctl/call and reach: calls to a small server of ours, over TLS, straight and through a web
 * proxy. Everything is on one loop: while a call is waited for, the server works. */
#include "tests/support/net.h"

#include "core/base/buf.h"
#include "core/http/http.h"
#include "core/net/listener.h"
#include "core/tls/tls.h"
#include "gateway/ctl/call.h"
#include "tests/support/certificates.h"

#define REQUEST "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody"
#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
#define OK_ANSWER OK_HEAD "Content-Length: 2\r\n\r\n{}"

/* What one connection answers to its first, second, … request; it closes when there is no more. */
struct script {
    const char *answers[3];
    bool closes_after; /* the last one, and tells nobody */
    bool byte_by_byte, silent;
    size_t flood; /* this many more bytes */
};

static struct {
    struct listener *listener;
    struct identity *identity;
    struct stream *stream;
    struct http_reader *reader;
    struct buf out; /* what is still to be sent */
    const struct script *scripts;
    size_t n_scripts, accepted, requests, answered;
    bool proxy; /* speaks plain first */
    bool plain; /* greets like a server of another kind */
    const char *proxy_answer;
    char proxied[200];
    size_t flood;
    struct deferred pump;
} server;

static struct trust *trust;
static struct caller *caller;

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
    const char *answer = server.answered < 3 ? s->answers[server.answered] : NULL;
    server.requests++;
    if (s->silent)
        return;
    if (answer == NULL) {
        server_drop();
        return;
    }
    server.answered++;
    server.out.limit = 100000;
    buf_append(&server.out, answer, strlen(answer));
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

static int set_up(void **state)
{
    enum err why;
    char text[300];
    if (loop_begin(state) != 0)
        return -1;
    memset(&server, 0, sizeof server);
    deferred_init(&server.pump, server_pump, NULL);
    server.identity =
        identity_new(certs_file("ec.pem"), certs_file("ec.key"), &why, text, sizeof text);
    server.listener = listener_new(loop, "127.0.0.1:0", &listener_events, NULL, &why);
    trust =
        trust_new(&(struct trust_sources){.file = certs_file("ca.pem")}, &why, text, sizeof text);
    return server.identity != NULL && server.listener != NULL && trust != NULL ? 0 : -1;
}

static int tear_down(void **state)
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

static void make_caller(const struct upstream *proxy, uint64_t timeout_ms)
{
    struct caller_options o = {.target = {.host = "localhost",
                                          .port = listener_port(server.listener),
                                          .proxy = proxy,
                                          .trust = trust},
                               .timeout_ms = timeout_ms};
    caller = caller_new(loop, &o);
    assert_non_null(caller);
}

#define SERVE(...)                                                                                 \
    static const struct script scripts[] = {__VA_ARGS__};                                          \
    server.scripts = scripts;                                                                      \
    server.n_scripts = sizeof scripts / sizeof *scripts

static struct call_answer answer;
static char text[600];

static enum err post(void)
{
    return caller_post(caller, &(struct call_request){span_of(REQUEST), true}, &answer, text,
                       sizeof text);
}

static enum err post_once(void)
{
    return caller_post(caller, &(struct call_request){span_of(REQUEST), false}, &answer, text,
                       sizeof text);
}

static void assert_answer(int status, const char *body)
{
    assert_int_equal(answer.status, status);
    assert_int_equal(answer.body.size, strlen(body));
    if (answer.body.size > 0)
        assert_memory_equal(answer.body.data, body, answer.body.size);
    buf_wipe(&answer.body);
}

static void one_call(void **state)
{
    (void)state;
    SERVE({.answers = {"HTTP/1.1 400 Bad Request\r\nContent-Type: application/x-amz-json-1.1\r\n"
                       "x-amzn-ErrorType: Some:http://x\r\nContent-Length: 3\r\n\r\nabc"}});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_OK);
    assert_string_equal(answer.error, "Some:http://x");
    assert_string_equal(answer.type, "application/x-amz-json-1.1");
    assert_answer(400, "abc");
}

static void calls_on_one_connection(void **state)
{
    (void)state;
    SERVE({.answers = {OK_ANSWER, OK_ANSWER, OK_ANSWER}});
    make_caller(NULL, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(post(), ERR_OK);
        assert_answer(200, "{}");
    }
    assert_int_equal(server.accepted, 1);
    caller_rest(caller);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(server.accepted, 2);
}

static void the_server_ends_the_connection(void **state)
{
    (void)state;
    SERVE({.answers = {OK_HEAD "Connection: close\r\nContent-Length: 2\r\n\r\n{}"},
           .closes_after = true},
          {.answers = {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"}},
          {.answers = {OK_ANSWER}});
    make_caller(NULL, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(post(), ERR_OK);
        assert_answer(200, "{}");
    }
    assert_int_equal(server.accepted, 3);
}

/* It hangs up on a kept connection, either before our request or upon it: asked again, once. */
static void a_kept_connection_is_gone(void **state)
{
    (void)state;
    SERVE({.answers = {OK_ANSWER}, .closes_after = true}, {.answers = {OK_ANSWER}},
          {.answers = {OK_ANSWER}}, {.answers = {NULL}});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    UNTIL(server.stream == NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(post(), ERR_OK);
        assert_answer(200, "{}");
    }
    assert_int_equal(server.accepted, 3);
    assert_int_equal(post(), ERR_EOF);
    assert_string_equal(text, "it hung up without an answer");
    assert_int_equal(server.accepted, 4);
    buf_wipe(&answer.body);
}

/* Whether the server has done it before it hung up, nobody knows: it is sent once, and not where
 * that is likely. */
static void what_is_not_repeatable_is_sent_once(void **state)
{
    (void)state;
    SERVE({.answers = {OK_ANSWER, NULL}}, {.answers = {OK_ANSWER, NULL}}, {.answers = {NULL}},
          {.answers = {OK_ANSWER}});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(server.accepted, 1);
    assert_int_equal(post_once(), ERR_OK); /* the kept one would have hung up */
    assert_answer(200, "{}");
    assert_int_equal(server.accepted, 2);
    assert_int_equal(post_once(), ERR_EOF);
    assert_int_equal(server.accepted, 3);
    buf_wipe(&answer.body);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(server.accepted, 4);
}

static void what_was_half_answered_is_not_asked_again(void **state)
{
    (void)state;
    SERVE({.answers = {OK_ANSWER, "HTTP/1.1 200"}, .closes_after = true});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_not_equal(post(), ERR_OK);
    assert_int_equal(server.accepted, 1);
    buf_wipe(&answer.body);
}

static void bodies_of_all_kinds(void **state)
{
    (void)state;
    SERVE({.answers = {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
                               "5;x=y\r\nhello\r\n1\r\n,\r\nA\r\n world 123\r\n0\r\nT: x\r\n\r\n",
                       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n" OK_HEAD
                       "Content-Length: 2\r\n\r\n{}",
                       OK_HEAD "\r\nuntil the end"},
           .closes_after = true},
          {.answers = {"HTTP/1.1 204 No Content\r\n\r\n"}});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "hello, world 123");
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "until the end");
    assert_int_equal(server.accepted, 1);
    assert_int_equal(post(), ERR_OK);
    assert_answer(204, "");
}

static void byte_by_byte(void **state)
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

/* Bytes behind an answer belong to no call. */
static void too_many_bytes(void **state)
{
    (void)state;
    SERVE({.answers = {OK_ANSWER "more"}}, {.answers = {OK_ANSWER}});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(post(), ERR_OK);
    assert_answer(200, "{}");
    assert_int_equal(server.accepted, 2);
}

static void broken_answers(void **state)
{
    static const struct {
        const char *answer, *told;
        enum err why;
    } cases[] = {
        {"SSH-2.0-x\r\n\r\n", "the answer is not HTTP", ERR_PROTOCOL},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "the answer is not HTTP",
         ERR_PROTOCOL},
        {OK_HEAD "Content-Length: 10\r\n\r\nshort", "the answer was cut off", ERR_EOF},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", "the answer was cut off", ERR_EOF},
        {"HTTP/1.1 200 OK\r\nContent-", "it hung up without an answer", ERR_EOF},
        {"HTTP/1.1 100 Continue\r\n\r\n", "it hung up without an answer", ERR_EOF},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script script = {.answers = {cases[i].answer}, .closes_after = true};
        server.scripts = &script;
        server.n_scripts = 1;
        server.accepted = 0;
        make_caller(NULL, 0);
        assert_int_equal(post(), cases[i].why);
        assert_string_equal(text, cases[i].told);
        assert_int_equal(server.accepted, 1);
        buf_wipe(&answer.body);
        caller_free(caller);
        caller = NULL;
    }
}

static void an_answer_without_end(void **state)
{
    (void)state;
    SERVE({.answers = {OK_HEAD "\r\n"}, .flood = CALL_ANSWER_MAX + 1});
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_TOO_LARGE);
    assert_true(answer.body.size <= CALL_ANSWER_MAX);
    buf_wipe(&answer.body);
}

static void silence(void **state)
{
    (void)state;
    SERVE({.silent = true});
    make_caller(NULL, 100);
    assert_int_equal(post(), ERR_TIMEOUT);
    assert_string_equal(text, "no answer within 0 s");
    buf_wipe(&answer.body);
}

static void a_server_that_does_not_speak_tls(void **state)
{
    (void)state;
    server.plain = true;
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_TLS);
    assert_non_null(strstr(text, "does not speak TLS (it begins with \"SSH-2\")"));
    buf_wipe(&answer.body);
}

static void nobody_listens(void **state)
{
    (void)state;
    make_caller(NULL, 0);
    listener_free(server.listener);
    server.listener = NULL;
    assert_int_equal(post(), ERR_REFUSED);
    assert_string_equal(text, "connection refused");
    buf_wipe(&answer.body);
}

static void certificates_that_are_not_right(void **state)
{
    char problem[300];
    enum err why;
    (void)state;
    SERVE({.answers = {OK_ANSWER}});
    trust_free(trust);
    trust = trust_new(&(struct trust_sources){.file = certs_file("other.pem")}, &why, problem,
                      sizeof problem);
    make_caller(NULL, 0);
    assert_int_equal(post(), ERR_TLS_UNTRUSTED);
    assert_true(text[0] != '\0');
    assert_int_equal(server.requests, 0);
    buf_wipe(&answer.body);
}

static void an_oversized_request(void **state)
{
    (void)state;
    char *large = malloc(CALL_REQUEST_MAX + 1);
    assert_non_null(large);
    memset(large, 'x', CALL_REQUEST_MAX + 1);
    make_caller(NULL, 0);
    assert_int_equal(caller_post(caller,
                                 &(struct call_request){{large, CALL_REQUEST_MAX + 1}, true},
                                 &answer, text, sizeof text),
                     ERR_TOO_LARGE);
    free(large);
    assert_int_equal(server.accepted, 0);
}

/* ---- web proxies ---- */

static struct upstream proxy_here(void)
{
    static char host[] = "127.0.0.1";
    return (struct upstream){.host = host, .port = listener_port(server.listener)};
}

static void through_a_proxy(void **state)
{
    struct upstream proxy = proxy_here();
    char want[100];
    (void)state;
    SERVE({.answers = {OK_ANSWER, OK_ANSWER}});
    server.proxy = true;
    server.proxy_answer = "HTTP/1.1 200 Fine\r\n\r\n";
    make_caller(&proxy, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(post(), ERR_OK);
        assert_answer(200, "{}");
    }
    snprintf(want, sizeof want, "CONNECT localhost:%d", proxy.port);
    assert_string_equal(server.proxied, want);
    assert_int_equal(server.accepted, 1);
}

static void proxies_that_refuse(void **state)
{
    static const struct {
        const char *answer, *told;
        enum err why;
    } cases[] = {
        {"HTTP/1.1 407 Who are you\r\n\r\n",
         "it wants a login (407; it does not say which): give user:password", ERR_REJECTED},
        {"HTTP/1.1 403 No\r\n\r\n", " refused the way to localhost:", ERR_REJECTED},
        {"what?\r\n\r\n", "its answer is not HTTP", ERR_PROTOCOL},
    };
    (void)state;
    struct upstream proxy = proxy_here();
    SERVE({.silent = true});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server.proxy = true;
        server.proxy_answer = cases[i].answer;
        make_caller(&proxy, 0);
        assert_int_equal(post(), cases[i].why);
        assert_non_null(strstr(text, "the proxy 127.0.0.1:"));
        assert_non_null(strstr(text, cases[i].told));
        buf_wipe(&answer.body);
        caller_free(caller);
        caller = NULL;
    }
    listener_free(server.listener);
    server.listener = NULL;
    struct caller_options o = {
        .target = {.host = "localhost", .port = 1, .proxy = &proxy, .trust = trust}};
    caller = caller_new(loop, &o);
    assert_int_equal(post(), ERR_REFUSED);
    assert_non_null(strstr(text, "the proxy 127.0.0.1:"));
    buf_wipe(&answer.body);
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

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(one_call),
        test(calls_on_one_connection),
        test(the_server_ends_the_connection),
        test(a_kept_connection_is_gone),
        test(what_is_not_repeatable_is_sent_once),
        test(what_was_half_answered_is_not_asked_again),
        test(bodies_of_all_kinds),
        test(byte_by_byte),
        test(too_many_bytes),
        test(broken_answers),
        test(an_answer_without_end),
        test(silence),
        test(a_server_that_does_not_speak_tls),
        test(nobody_listens),
        test(certificates_that_are_not_right),
        test(an_oversized_request),
        test(through_a_proxy),
        test(proxies_that_refuse),
    };
    return cmocka_run_group_tests(tests, certs_begin, certs_end);
}
