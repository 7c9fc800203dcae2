/* tunnelctl's calls through web proxies. */
#include "tests/unit/ctl_call_help.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(through_a_proxy),
        test(proxies_that_refuse),
    };
    return cmocka_run_group_tests(tests, certs_begin, certs_end);
}
