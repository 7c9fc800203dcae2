/* The link: a hub that sends it to another one. The scripted hub is both of them: it is called
 * localhost first, and 127.0.0.1 where it sends us; its certificate is for both. */
#include "core/tunnel/redirect.h"
#include "tests/unit/link_help.h"

#define REDIRECT(where) "HTTP/1.1 307 Temporary Redirect\r\nLocation: " where "\r\n\r\n"

static char there[200];

/* A redirect to that host, at the port of the scripted hub. */
static const char *to(const char *host)
{
    snprintf(there, sizeof there, REDIRECT("wss://%s:%d/tunnel?x=y"), host,
             listener_port(hub.listener));
    return there;
}

static void start(const struct step *script, size_t n, const char *proxy)
{
    end.instance = "kXo2pQ7y1mC0r9dUe5ZbWg";
    begin(script, n, proxy, 0);
}

static void it_is_followed(void **state)
{
    (void)state;
    char host[40];
    const struct step script[] = {{.answer = to("127.0.0.1")}, {0}};
    start(script, 2, NULL);
    run_until(has_services);
    assert_int_equal(hub.accepted, 2);
    assert_int_equal(end.downs, 0);
    snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%d\r\n", listener_port(hub.listener));
    assert_non_null(strstr(hub.request, host));
    assert_non_null(strstr(hub.request, "GET /tunnel?local-proxy-mode=source HTTP/1.1\r\n"));
    assert_non_null(strstr(hub.request, "access-token: secret-token\r\n"));
    assert_null(strstr(hub.request, "tunnel-redirect"));
    over();
}

static void it_is_said_that_it_would_be(void **state)
{
    static const struct step script[] = {{0}};
    (void)state;
    start(script, 1, NULL);
    run_until(has_services);
    assert_non_null(strstr(hub.request, "\r\ntunnel-redirect: follow\r\n"));
    over();
}

/* The next try begins where the first one did. */
static void the_next_try_begins_at_the_configured_hub(void **state)
{
    (void)state;
    const struct step script[] = {
        {.answer = to("127.0.0.1")}, {.cut = true}, {.answer = to("127.0.0.1")}, {0}};
    start(script, 4, NULL);
    run_until(has_services);
    assert_int_equal(hub.accepted, 4);
    assert_int_equal(end.ups, 2);
    over();
}

/* A resumed session shows no certificate, so the hub is asked again, for one. */
static void a_resumed_session_is_made_anew(void **state)
{
    (void)state;
    const struct step script[] = {
        {.cut = true}, {.answer = to("127.0.0.1")}, {.answer = to("127.0.0.1")}, {0}};
    start(script, 4, NULL);
    run_until(has_services);
    assert_int_equal(hub.accepted, 4);
    assert_int_equal(hub.resumed, 1);
    assert_int_equal(end.downs, 1);
    over();
}

static void through_the_same_proxy(void **state)
{
    (void)state;
    char connect[80];
    const struct step script[] = {{.answer = to("127.0.0.1")}, {0}};
    hub.proxy_answer = "HTTP/1.0 200 Connection established\r\n\r\n";
    start(script, 2, "");
    run_until(has_services);
    snprintf(connect, sizeof connect, "CONNECT 127.0.0.1:%d HTTP/1.1\r\n",
             listener_port(hub.listener));
    assert_non_null(strstr(hub.proxy_request, connect));
    over();
}

/* Any of these is no end: the way to the hub may be another one at the next try. */
static void refused(const struct step *script, size_t n, enum err why, const char *text)
{
    start(script, n, NULL);
    run_until(is_down);
    assert_int_equal(end.why, why);
    if (strstr(end.text, text) == NULL)
        fail_msg("%s", end.text);
    over();
}

static void only_within_the_certificate(void **state)
{
    (void)state;
    const struct step script[] = {{.answer = to("evil.example")}};
    refused(script, 1, ERR_TLS_NAME,
            "its redirect is not followed: its certificate is not for evil.example");
}

static void only_once(void **state)
{
    (void)state;
    const struct step script[] = {{.answer = to("127.0.0.1")}, {.answer = there}};
    refused(script, 2, ERR_PROTOCOL,
            ", to which the hub sent us: its redirect is not followed: it was sent to another one "
            "again");
}

/* As localproxy, which does as the program that it stands in for. */
static void an_end_that_is_never_native_follows_none(void **state)
{
    (void)state;
    const struct step script[] = {{.answer = to("127.0.0.1")}, {0}};
    end.instance = NULL;
    begin(script, 2, NULL, 0);
    run_until(is_down);
    assert_int_equal(end.why, ERR_REJECTED);
    assert_null(strstr(hub.request, "tunnel-redirect"));
    over();
}

static void other_schemes_are_logins(void **state)
{
    static const struct step script[] = {{.answer = REDIRECT("https://login.example/")}};
    (void)state;
    refused(script, 1, ERR_REJECTED, "it points to https://login.example/");
}

static void malformed_ones(void **state)
{
    static const char *const answers[] = {
        REDIRECT("wss://"),
        REDIRECT("wss:///tunnel"),
        REDIRECT("wss://a b/"),
        REDIRECT("wss://:8443/"),
        REDIRECT("wss://u@h/"),
        REDIRECT("wss://h:70000/"),
        REDIRECT("wss://.h/"),
        REDIRECT("wss://[::1/"),
        REDIRECT("wss://h/\r\nLocation: wss://h/"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const struct step script[] = {{.answer = answers[i]}};
        refused(script, 1, ERR_PROTOCOL, "its redirect is not followed: it ");
    }
}

/* The try after one that came to nothing by a redirect is for the hub itself. */
static void after_a_failure_it_stays(void **state)
{
    (void)state;
    const struct step script[] = {{.answer = REDIRECT("wss://127.0.0.1:1/tunnel")}, {0}};
    start(script, 2, NULL);
    run_until(has_services);
    assert_int_equal(end.downs, 1);
    assert_int_equal(hub.accepted, 2);
    assert_null(strstr(hub.request, "tunnel-redirect"));
    over();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(it_is_followed),
        T(it_is_said_that_it_would_be),
        T(the_next_try_begins_at_the_configured_hub),
        T(a_resumed_session_is_made_anew),
        T(through_the_same_proxy),
        T(only_within_the_certificate),
        T(only_once),
        T(an_end_that_is_never_native_follows_none),
        T(other_schemes_are_logins),
        T(malformed_ones),
        T(after_a_failure_it_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
