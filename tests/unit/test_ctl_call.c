/* tunnelctl's calls. */
#include "tests/unit/ctl_call_help.h"

/* ---- calls ---- */

static enum err post_once(void)
{
    return caller_post(caller, &(struct call_request){span_of(REQUEST), false}, &answer, text,
                       sizeof text);
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
    };
    return cmocka_run_group_tests(tests, certs_begin, certs_end);
}
