/* Dialling: addresses of a name in turn and side by side. */
#include "tests/unit/dial_help.h"

/* ---- tests ---- */

static void connects_to_a_literal(void **state)
{
    struct call c;
    char name[32];
    int server = serve_tcp("127.0.0.1"), before = names_begun;
    (void)state;
    start(&c, (struct dial_options){.host = "127.0.0.1", .port = port_of(server)});
    assert_int_equal(outcome(&c), ERR_OK);
    assert_int_equal(names_begun, before); /* nobody was asked */
    snprintf(name, sizeof name, "127.0.0.1:%d", port_of(server));
    assert_string_equal(c.probe.stream->name, name);
    assert_connected(&c, server);
    close(server);
}

static void connects_to_v6(void **state)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t n = sizeof a;
    struct call c;
    (void)state;
    if (!have_ipv6())
        skip();
    int server = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(server, 1), 0);
    getsockname(server, (struct sockaddr *)&a, &n);
    start(&c, (struct dial_options){.host = "::1", .port = ntohs(a.sin6_port)});
    assert_int_equal(outcome(&c), ERR_OK);
    assert_int_equal(strncmp(c.probe.stream->name, "[::1]:", 6), 0);
    assert_connected(&c, server);
    close(server);
}

/* Whatever /etc/hosts and name servers say, or do not say. */
static void connects_to_localhost(void **state)
{
    static const char *const names[] = {"localhost", "LocalHost.", "app.localhost"};
    int server = serve_tcp("127.0.0.1"), before = names_begun;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct call c;
        start(&c, (struct dial_options){.host = names[i], .port = port_of(server)});
        assert_int_equal(outcome(&c), ERR_OK);
        assert_connected(&c, server);
    }
    assert_int_equal(names_begun, before); /* nobody was asked */
    close(server);
}

/* One port on 127.0.0.1, .2 and .3, ours alone whoever else runs: connections are refused until
 * `serve` or `stuff_it`. */
struct house {
    int port, fds[3], clients[3][4];
};

static bool take_port(int fd, int host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)host)};
    return bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
}

static struct house build(void)
{
    struct house h = {.port = 0};
    bool mine = false;
    memset(h.clients, -1, sizeof h.clients);
    while (!mine) {
        h.port = 0;
        mine = true;
        for (int i = 0; i < 3; i++) {
            h.fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            mine = mine && take_port(h.fds[i], i, h.port);
            h.port = mine ? port_of(h.fds[i]) : 0;
        }
        for (int i = 0; i < 3 && !mine; i++)
            close(h.fds[i]);
    }
    return h;
}

static void serve(struct house *h, int host)
{
    assert_int_equal(listen(h->fds[host], 8), 0);
}

/* From now on nobody is answered there. */
static void stuff_it(struct house *h, int host)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)h->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)host)};
    assert_int_equal(listen(h->fds[host], 0), 0);
    for (int i = 0; i < 4; i++) {
        h->clients[host][i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(h->clients[host][i], (struct sockaddr *)&a, sizeof a);
    }
}

static void tear_down(struct house *h)
{
    for (int host = 0; host < 3; host++) {
        close(h->fds[host]);
        for (int i = 0; i < 4; i++)
            if (h->clients[host][i] >= 0)
                close(h->clients[host][i]);
    }
}

static void assert_goes_to(struct house *h, struct dial_options options, int host)
{
    struct call c;
    char name[32];
    snprintf(name, sizeof name, "127.0.0.%d:%d", host + 1, h->port);
    options.port = h->port;
    start(&c, options);
    assert_int_equal(outcome(&c), ERR_OK);
    assert_string_equal(c.probe.stream->name, name);
    assert_connected(&c, h->fds[host]);
}

#define NEVER_MS 3600000 /* the test's watchdog comes first */

/* A refusal, and a missing route, do not wait for the next address's turn. */
static void goes_on_at_once_after_a_refusal(void **state)
{
    struct house h = build();
    (void)state;
    serve(&h, 2);
    assert_goes_to(&h, (struct dial_options){.host = "three.test", .stagger_ms = NEVER_MS}, 2);
    serve(&h, 0);
    assert_goes_to(&h, (struct dial_options){.host = "lacking.test", .timeout_ms = 1000}, 0);
    tear_down(&h);
}

static void goes_on_after_a_timeout(void **state)
{
    struct house h = build();
    (void)state;
    stuff_it(&h, 0);
    serve(&h, 1);
    assert_goes_to(
        &h, (struct dial_options){.host = "two.test", .timeout_ms = 500, .stagger_ms = NEVER_MS},
        1);
    tear_down(&h);
}

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Two addresses say nothing, and nobody waits for their time-outs; their sockets are closed. */
static void goes_on_beside_a_silent_address(void **state)
{
    const struct dial_options o = {.host = "three.test", .timeout_ms = NEVER_MS, .stagger_ms = 1};
    struct house h = build();
    (void)state;
    stuff_it(&h, 0);
    stuff_it(&h, 1);
    serve(&h, 2);
    assert_goes_to(&h, o, 2); /* libuv opens what it keeps */
    pass(5);
    int before = open_descriptors();
    assert_goes_to(&h, o, 2);
    pass(5);
    assert_int_equal(open_descriptors(), before);
    tear_down(&h);
}

static void cancels_several_attempts(void **state)
{
    struct house h = build();
    struct call c;
    (void)state;
    for (int i = 0; i < 3; i++)
        stuff_it(&h, i);
    start(&c, (struct dial_options){.host = "three.test", .port = h.port, .stagger_ms = 1});
    pass(20);
    assert_cancelled(&c);
    tear_down(&h);
}

/* ---- what is remembered ---- */

static void begins_where_it_went_well(void **state)
{
    struct dial_memory memory = {.failed = false};
    struct house h = build();
    struct dial_options o = {
        .host = "two.test", .timeout_ms = NEVER_MS, .stagger_ms = 1, .memory = &memory};
    (void)state;
    stuff_it(&h, 0);
    serve(&h, 1);
    assert_goes_to(&h, o, 1);
    o.stagger_ms = NEVER_MS; /* so it has to be the first one now */
    assert_goes_to(&h, o, 1);
    assert_false(memory.failed);
    tear_down(&h);
}

/* An address that takes connections and then serves nobody does not keep the others away. */
static void begins_behind_what_failed_later(void **state)
{
    struct dial_memory memory = {.failed = false};
    struct house h = build();
    (void)state;
    for (int i = 0; i < 3; i++)
        serve(&h, i);
    for (int i = 0; i < 4; i++) {
        assert_goes_to(&h, (struct dial_options){.host = "three.test", .memory = &memory}, i % 3);
        memory.failed = true;
    }
    tear_down(&h);
}

/* A failure is told by what says most. */
static void a_missing_route_hides_nothing(void **state)
{
    int fd, port = closed_port(&fd);
    (void)state;
    assert_int_equal(
        failure((struct dial_options){
            .host = "behind.test", .port = port, .timeout_ms = 1000, .bind = "127.0.0.1"}),
        ERR_REFUSED);
    close(fd);
}

static void tells_refusals(void **state)
{
    int fd, port = closed_port(&fd);
    (void)state;
    assert_int_equal(failure((struct dial_options){.host = "127.0.0.1", .port = port}),
                     ERR_REFUSED);
    assert_int_equal(failure((struct dial_options){.host = "localhost", .port = port}),
                     ERR_REFUSED);
    assert_int_equal(failure((struct dial_options){.host = "two.test", .port = port}), ERR_REFUSED);
    close(fd);
}

static void tells_timeouts(void **state)
{
    struct stuffed s = stuff();
    (void)state;
    uint64_t begin = uv_hrtime();
    assert_int_equal(failure((struct dial_options){
                         .host = "127.0.0.1", .port = port_of(s.server), .timeout_ms = 60}),
                     ERR_TIMEOUT);
    assert_true(uv_hrtime() - begin >= 50 * 1000000u);
    unstuff(&s);
}

static void tells_unknown_names(void **state)
{
    (void)state;
    assert_int_equal(failure((struct dial_options){.host = "no-such-host.invalid", .port = 1}),
                     ERR_RESOLVE);
    assert_int_equal(failure((struct dial_options){.host = "no-server.invalid", .port = 1}),
                     ERR_RESOLVE);
    assert_int_equal(failure((struct dial_options){.host = "", .port = 1}), ERR_RESOLVE);
    char longest[400];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(failure((struct dial_options){.host = longest, .port = 1}), ERR_RESOLVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(connects_to_a_literal),
        NET_TEST(connects_to_v6),
        NET_TEST(connects_to_localhost),
        NET_TEST(goes_on_after_a_timeout),
        NET_TEST(goes_on_at_once_after_a_refusal),
        NET_TEST(goes_on_beside_a_silent_address),
        NET_TEST(cancels_several_attempts),
        NET_TEST(begins_where_it_went_well),
        NET_TEST(begins_behind_what_failed_later),
        NET_TEST(a_missing_route_hides_nothing),
        NET_TEST(tells_refusals),
        NET_TEST(tells_timeouts),
        NET_TEST(tells_unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
