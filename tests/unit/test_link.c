/* The link: up, down, and up again. */
#include "tests/unit/link_help.h"

/* ---- the end ---- */

static bool is_up(void)
{
    struct link_info now;
    link_get_info(end.link, &now);
    return now.phase == LINK_UP;
}

/* ---- tests ---- */

static bool round_trip_known(void)
{
    return link_round_trip_us(end.link) > 0;
}

static void poll_round_trip(void *owner)
{
    look();
    timer_start(*(struct timer **)owner, 1);
}

static void goes_up_and_pings(void **state)
{
    static const struct step script[] = {{0}};
    (void)state;
    begin(script, 1, NULL, 10);
    run_until(has_services);
    assert_true(is_up());
    assert_non_null(strstr(hub.request, "GET /tunnel?local-proxy-mode=source HTTP/1.1\r\n"));
    assert_non_null(strstr(hub.request, "access-token: secret-token\r\n"));
    assert_non_null(strstr(hub.request, "client-token: 12345678901234567890123456789012\r\n"));
    assert_non_null(strstr(hub.request, "Sec-WebSocket-Protocol: aws.iot.securetunneling-3.0\r\n"));
    struct timer *poll = timer_new(hub.loop, poll_round_trip, &poll);
    timer_start(poll, 1);
    run_until(round_trip_known);
    timer_free(poll);
    over();
}

/* What a hub that knows native sessions says counts only where we offered them, and only then. */
static void native_sessions_are_offered(void **state)
{
    static const struct step native[] = {{.native = true}}, other[] = {{0}};
    char instance[LINK_INSTANCE_SIZE], another[LINK_INSTANCE_SIZE];
    (void)state;
    link_instance(instance);
    link_instance(another);
    assert_int_equal(strlen(instance), 22);
    assert_string_not_equal(instance, another);

    end.instance = instance;
    begin(native, 1, NULL, 0);
    run_until(has_services);
    assert_non_null(strstr(hub.request, "Sec-WebSocket-Protocol: tunnel.native-1, "
                                        "aws.iot.securetunneling-3.0\r\n"));
    const char *header = strstr(hub.request, "tunnel-instance: ");
    assert_non_null(header);
    assert_memory_equal(header + 17, instance, 22);
    assert_true(session_peer(end.session)->native);
    assert_string_equal(session_peer(end.session)->instance, "the-other-one");
    over();

    end.instance = instance;
    begin(other, 1, NULL, 0); /* a hub that took the other one */
    run_until(has_services);
    assert_false(session_peer(end.session)->attached);
    over();

    end.instance = NULL;
    begin(other, 1, NULL, 0); /* not offered */
    run_until(has_services);
    assert_null(strstr(hub.request, "native"));
    assert_null(strstr(hub.request, "tunnel-instance"));
    assert_false(session_peer(end.session)->attached);
    over();
}

/* New options start what had given up, and leave alone what they do not change. */
static void goes_on_by_other_options(void **state)
{
    static const struct step script[] = {
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 20\r\n\r\nInvalid access token"},
        {0}};
    char text[200];
    enum err why;
    bool anew = false;
    (void)state;
    begin(script, 2, NULL, 0);
    run_until(is_finished);
    given.access_token = "another-token";
    given.proxy = "nonsense://";
    assert_int_not_equal(link_change(end.link, &given, &anew), ERR_OK);
    given.proxy = NULL;
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_true(anew);
    run_until(has_services);
    assert_non_null(strstr(hub.request, "access-token: another-token\r\n"));
    struct trust *other =
        trust_new(&(struct trust_sources){.file = hub.cert}, &why, text, sizeof text);
    assert_non_null(other);
    given.trust = other;
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_false(anew);
    assert_true(is_up());
    given.client_token = "x2345678901234567890123456789012";
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_true(anew);
    assert_false(is_up());
    over();
    assert_int_equal(hub.accepted, 2);
    trust_free(other);
}

static int downs_wanted;

static bool has_downs(void)
{
    return end.downs == downs_wanted;
}

static struct link_info after_downs(int n)
{
    struct link_info now;
    downs_wanted = n;
    run_until(has_downs);
    link_get_info(end.link, &now);
    return now;
}

static bool is_told_and_up_again(void)
{
    return end.endings > 0 && end.ups == 3 && end.services > 0;
}

/* An hour before, or at once when there is less; and once, however often it reconnects. */
static void it_tells_the_end(void **state)
{
    static const struct step script[] = {{.more = "Tunnel-Expires-In: 7200\r\n", .cut = true},
                                         {.more = "Tunnel-Expires-In: 1800\r\n", .cut = true},
                                         {.more = "Tunnel-Expires-In: 1799\r\n"}};
    struct link_info now;
    (void)state;
    begin(script, 3, NULL, 0);
    after_downs(1);
    assert_int_equal(end.endings, 0);
    link_get_info(end.link, &now);
    assert_in_range(now.expires_ms, loop_now(hub.loop) + 7000000, loop_now(hub.loop) + 7200000);
    run_until(is_told_and_up_again);
    assert_in_range(end.left_ms, 1700000, 1800000);
    assert_int_equal(end.endings, 1);
    over();
}

static int services_wanted, endings_wanted;

static bool has_so_many(void)
{
    return end.services == services_wanted && end.endings == endings_wanted;
}

static struct link_info after(int services, int endings)
{
    struct link_info now;
    services_wanted = services;
    endings_wanted = endings;
    run_until(has_so_many);
    link_get_info(end.link, &now);
    return now;
}

/* A new token is a new tunnel: its end is told although the old one's was, and when the hub does
 * not say when it is, the old one's does not count. */
static void another_tunnel_has_another_end(void **state)
{
    static const struct step script[] = {
        {.more = "Tunnel-Expires-In: 1800\r\n"}, {.more = "Tunnel-Expires-In: 900\r\n"}, {0}};
    bool anew;
    (void)state;
    begin(script, 3, NULL, 0);
    after(1, 1);
    given.access_token = "second-token";
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    after(2, 2);
    assert_in_range(end.left_ms, 800000, 900000);
    given.access_token = "third-token";
    assert_int_equal(link_change(end.link, &given, &anew), ERR_OK);
    assert_int_equal(after(3, 2).expires_ms, 0);
    over();
}

/* Hubs that do not tell it, or nothing that makes sense. */
static void an_end_that_is_not_told(void **state)
{
    static const char *const headers[] = {NULL, "Tunnel-Expires-In: \r\n",
                                          "Tunnel-Expires-In: -5\r\n",
                                          "Tunnel-Expires-In: 99999999999999999999\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct step script[] = {{.more = headers[i]}};
        struct link_info now;
        begin(script, 1, NULL, 0);
        run_until(has_services);
        link_get_info(end.link, &now);
        assert_int_equal(now.expires_ms, 0);
        assert_int_equal(end.endings, 0);
        over();
    }
}

/* Its Retry-After counts when it is longer than our own pause, within bounds. */
static void comes_back_when_it_is_asked_to(void **state)
{
    static const struct {
        const char *later;
        uint64_t least, most;
    } cases[] = {{"120", 120000, 150000},
                 {"100000", 300000, 375000},
                 {"Sun, 06 Nov 2294 08:49:37 GMT", 300000, 375000},
                 {"0", 0, 40},
                 {"soon", 0, 40}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[200];
        const struct step script[] = {{.answer = answer}};
        snprintf(answer, sizeof answer,
                 "HTTP/1.1 429 Slow down\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
                 cases[i].later);
        begin(script, 1, NULL, 0);
        struct link_info now = after_downs(1);
        assert_in_range(now.retry_ms - loop_now(hub.loop), cases[i].least, cases[i].most);
        const char *told = strstr(end.text, "; as it asked, the next try is in ");
        assert_int_equal(told != NULL, cases[i].least > 0);
        if (told != NULL) /* the real wait */
            assert_in_range(strtoull(strpbrk(told, "0123456789"), NULL, 10) * 1000, cases[i].least,
                            cases[i].most);
        assert_null(strstr(now.text, "as it asked")); /* the same refusal is the same text */
        over();
    }
}

static void it_tells_how_it_is(void **state)
{
    static const char busy[] =
        "HTTP/1.1 503 Busy\r\nchannel-id: x\r\nContent-Length: 3\r\n\r\na\x1b!";
    static const struct step script[] = {
        {.answer = busy},
        {.answer = busy},
        {0},
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"},
    };
    struct link_info now;
    (void)state;
    begin(script, 4, NULL, 0);
    link_get_info(end.link, &now);
    uint64_t begun = now.since_ms;
    assert_int_equal(now.phase, LINK_CONNECTING);
    assert_int_equal(now.why, ERR_OK);
    assert_string_equal(now.text, "");

    now = after_downs(1);
    assert_int_equal(now.phase, LINK_WAITING);
    assert_int_equal(now.why, end.why);
    assert_non_null(strstr(now.text, "503: a\\x1b!"));
    assert_false(now.repeated);
    assert_true(now.retry_ms > begun);
    now = after_downs(2);
    assert_true(now.repeated);
    assert_int_equal(now.since_ms, begun); /* still not connected */
    assert_int_equal(now.connections, 0);

    run_until(has_services);
    link_get_info(end.link, &now);
    assert_int_equal(now.phase, LINK_UP);
    assert_int_equal(now.why, ERR_OK);
    assert_string_equal(now.text, "");
    assert_true(now.since_ms > begun);
    assert_int_equal(now.connections, 1);

    link_drop(end.link, ERR_TIMEOUT, "nothing came");
    link_get_info(end.link, &now);
    assert_int_equal(now.phase, LINK_WAITING);
    assert_int_equal(now.why, ERR_TIMEOUT);
    assert_string_equal(now.text, end.text);
    run_until(is_finished);
    link_get_info(end.link, &now);
    assert_int_equal(now.phase, LINK_OVER);
    assert_int_equal(now.why, ERR_REJECTED);
    assert_int_equal(now.connections, 1);
    assert_int_equal(now.retry_ms, 0);
    over();
}

static bool is_freed(void)
{
    return end.link == NULL;
}

static void may_be_freed_in_any_event(void **state)
{
    static const struct step scripts[] = {
        {0},
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"},
        {.answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"},
        {.answer = "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
        {.answer = "SSH-2.0-OpenSSH\r\n\r\n"},
        {.junk = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        begin(&scripts[i], 1, NULL, 0);
        end.free_in_event = true;
        run_until(is_freed);
        assert_int_equal(end.ups + end.downs + end.finishes, 1);
        over();
    }
    hub.proxy_answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    begin(scripts, 1, "", 0);
    end.free_in_event = true;
    run_until(is_freed);
    over();
}

static void a_silent_hub_is_given_up(void **state)
{
    static const struct step script[] = {{.mute = true}};
    (void)state;
    begin(script, 1, NULL, 20);
    run_until(is_down);
    assert_int_equal(end.why, ERR_TIMEOUT);
    over();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(goes_up_and_pings),
        T(native_sessions_are_offered),
        T(goes_on_by_other_options),
        T(comes_back_when_it_is_asked_to),
        T(it_tells_how_it_is),
        T(it_tells_the_end),
        T(another_tunnel_has_another_end),
        T(an_end_that_is_not_told),
        T(may_be_freed_in_any_event),
        T(a_silent_hub_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
