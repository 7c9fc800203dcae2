/* The link: refused, by proxies too, and close codes. */
#include "tests/unit/link_help.h"

/* ---- tests ---- */

static void a_refusal_is_final_and_says_why(void **state)
{
    static const struct step script[] = {
        {.answer =
             "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" /* passed over, as other 1xx */
             "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 20\r\n\r\n"
             "Invalid access token"}};
    (void)state;
    begin(script, 1, NULL, 0);
    run_until(is_finished);
    assert_int_equal(end.why, ERR_REJECTED);
    assert_non_null(strstr(end.text, "400: Invalid access token"));
    assert_null(strstr(end.text, "secret-token"));
    assert_int_equal(hub.accepted, 1);
    over();
}

static void a_5xx_and_nonsense_are_retried(void **state)
{
    static const struct step script[] = {
        {.answer = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait"},
        {.answer = "SSH-2.0-OpenSSH\r\n\r\n"},
        {.junk = true},
        {.cut = true},
        {0}};
    (void)state;
    begin(script, 5, NULL, 0);
    run_until(has_services);
    assert_int_equal(hub.accepted, 5);
    assert_int_equal(end.downs, 4);
    assert_int_equal(end.finishes, 0);
    assert_true(hub.resumed > 0);
    over();
}

/* What stands in front of the hub for a moment does not end the link, whatever it answers. */
static void who_stands_in_between_is_not_final(void **state)
{
    static const struct step script[] = {
        {.answer = "HTTP/1.1 429 Slow down\r\nContent-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n"
                   "Content-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"},
        {.answer = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "4\r\nnope\r\n0\r\n\r\n"},
        {.answer = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n\r\n<html>"},
        {.answer = "HTTP/1.1 426 Upgrade Required\r\nchannel-id: x\r\nContent-Length: 0\r\n\r\n"},
        {0}};
    (void)state;
    begin(script, 7, NULL, 0);
    run_until(has_services);
    assert_int_equal(end.downs, 6);
    assert_int_equal(end.finishes, 0);
    over();
}

static void close_codes(void **state)
{
    static const struct {
        int code;
        enum err finished; /* ERR_OK: tried again */
    } cases[] = {{1000, ERR_TUNNEL_CLOSED}, {1001, ERR_OK},       {1012, ERR_OK},
                 {1008, ERR_REJECTED},      {1002, ERR_REJECTED}, {4000, ERR_REJECTED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct step script[] = {{.close_code = cases[i].code}};
        begin(script, 1, NULL, 0);
        run_until(cases[i].finished != ERR_OK ? is_finished : is_down);
        assert_int_equal(end.why, cases[i].finished != ERR_OK ? cases[i].finished : ERR_LINK_LOST);
        assert_non_null(strstr(end.text, "because"));
        assert_int_equal(strstr(end.text, "the connection to hub localhost:") != NULL,
                         cases[i].finished == ERR_OK);
        over();
    }
}

/* The tunnel goes on, but not with this token. */
static void a_replaced_token(void **state)
{
    static const struct step script[] = {
        {.close_code = 1000, .reason = "the access token was replaced"}};
    (void)state;
    begin(script, 1, NULL, 0);
    run_until(is_finished);
    assert_int_equal(end.why, ERR_TOKEN_REPLACED);
    assert_string_equal(end.text, "the hub closed the tunnel: the access token was replaced; give "
                                  "this end the new token");
    over();
}

static void through_a_proxy(void **state)
{
    static const struct step script[] = {{0}};
    (void)state;
    hub.proxy_answer = "HTTP/1.0 200 Connection established\r\n\r\n";
    begin(script, 1, "user:pa%20ss@", 0);
    run_until(has_services);
    assert_non_null(strstr(hub.proxy_request, "CONNECT localhost:443 HTTP/1.1\r\n"));
    assert_non_null(strstr(hub.proxy_request, "Host: localhost:443\r\n"));
    assert_non_null(strstr(hub.proxy_request, "dXNlcjpwYSBzcw=="));
    assert_non_null(strstr(hub.request, "Host: localhost\r\n"));
    over();
}

/* Straight and through a proxy; and again after the connection was lost. */
static void a_hub_that_asks_learns_who_we_are(void **state)
{
    static const struct step script[] = {{.cut = true}, {0}};
    (void)state;
    hub.asks = true;
    hub.proxy_answer = "HTTP/1.0 200 Connection established\r\n\r\n";
    for (int i = 0; i < 4; i++) {
        bool proxied = i % 2 == 1, shows = i >= 2;
        const char *answer = hub.proxy_answer;
        hub.proxy_answer = proxied ? answer : NULL;
        hub.proxy_request[0] = '\0';
        hub.shown = shows ? hub.identity : NULL;
        begin(script + proxied, 2 - (size_t)proxied, proxied ? "" : NULL, 0);
        run_until(has_services);
        assert_string_equal(hub.client_name, shows ? "localhost" : "nobody");
        assert_int_equal(hub.accepted, proxied ? 1 : 2);
        over();
        hub.proxy_answer = answer;
    }
}

static void a_proxy_that_wants_a_password(void **state)
{
    static const struct step script[] = {{0}};
    (void)state;
    hub.proxy_answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    begin(script, 1, "", 0);
    run_until(is_finished);
    assert_int_equal(end.why, ERR_REJECTED);
    assert_non_null(strstr(end.text, "407"));
    over();
}

static void wrong_authority_and_nobody_there(void **state)
{
    static const struct step script[] = {{0}};
    enum err why;
    char text[200];
    (void)state;
    struct trust *ours = hub.trust;
    hub.trust = trust_new(&(struct trust_sources){.system = true}, &why, text, sizeof text);
    begin(script, 1, NULL, 0);
    run_until(is_down);
    assert_int_equal(end.why, ERR_TLS_UNTRUSTED);
    assert_int_equal(end.finishes, 0);
    over();
    trust_free(hub.trust);
    hub.trust = ours;
    struct listener *gone = hub.listener;
    begin(script, 1, NULL, 0);
    listener_free(gone);
    hub.listener = NULL;
    run_until(is_down);
    assert_int_equal(end.why, ERR_REFUSED);
    assert_non_null(strstr(end.text, "hub localhost:"));
    over();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_refusal_is_final_and_says_why),
        T(a_5xx_and_nonsense_are_retried),
        T(who_stands_in_between_is_not_final),
        T(close_codes),
        T(a_replaced_token),
        T(through_a_proxy),
        T(a_hub_that_asks_learns_who_we_are),
        T(a_proxy_that_wants_a_password),
        T(wrong_authority_and_nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
