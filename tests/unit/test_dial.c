#include "core/net/address.h"
#include "core/net/dial.h"
#include "core/net/uv_error.h"
#include "tests/support/net.h"

/* ---- outcomes ---- */

struct call {
    struct probe probe;
    struct dial *dial;
    int done;
    enum err why;
};

static void on_done(void *owner, struct stream *s, enum err why)
{
    struct call *c = owner;
    assert_non_null(c->dial); /* dial_start has returned */
    c->dial = NULL;
    c->done++;
    c->why = why;
    assert_int_equal(s != NULL, why == ERR_OK);
    if (s != NULL)
        probe_own(&c->probe, s);
}

static void start(struct call *c, struct dial_options options)
{
    *c = (struct call){.done = 0};
    c->dial = dial_start(loop, &options, on_done, c);
    assert_non_null(c->dial);
    assert_int_equal(c->done, 0);
}

static enum err outcome(struct call *c)
{
    UNTIL(c->done > 0);
    assert_int_equal(c->done, 1);
    return c->why;
}

/* Dials what must fail. */
static enum err failure(struct dial_options options)
{
    struct call c;
    start(&c, options);
    enum err why = outcome(&c);
    assert_null(c.probe.stream);
    pass(5); /* a second `done` would come now */
    assert_int_equal(c.done, 1);
    return why;
}

static void assert_cancelled(struct call *c)
{
    dial_cancel(c->dial);
    pass(5);
    assert_int_equal(c->done, 0);
}

/* ---- servers ---- */

static int bind_tcp(const char *host, int port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_true(fd >= 0);
    inet_pton(AF_INET, host, &a.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    return ntohs(a.sin_port);
}

static int serve_tcp(const char *host)
{
    int fd = bind_tcp(host, 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/* A port on which nobody listens, and nobody will while fd is open. */
static int closed_port(int *fd)
{
    *fd = bind_tcp("127.0.0.1", 0);
    return port_of(*fd);
}

/* A server whose queue is full: further connects get no answer. */
struct stuffed {
    int server, clients[4];
};

static struct stuffed stuff(void)
{
    struct stuffed s = {.server = bind_tcp("127.0.0.1", 0)};
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    assert_int_equal(listen(s.server, 0), 0);
    getsockname(s.server, (struct sockaddr *)&a, &n);
    for (int i = 0; i < 4; i++) {
        s.clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(s.clients[i], (struct sockaddr *)&a, sizeof a);
    }
    return s;
}

static void unstuff(struct stuffed *s)
{
    for (int i = 0; i < 4; i++)
        close(s->clients[i]);
    close(s->server);
}

/* Both ends talk. */
static void assert_connected(struct call *c, int server)
{
    char got[4] = "";
    int fd = accept(server, NULL, NULL);
    assert_true(fd >= 0);
    c->probe.on_readable = drain;
    stream_read_on(c->probe.stream, true);
    assert_true(stream_write(c->probe.stream, (const uint8_t *)"ask", 3));
    assert_int_equal(read(fd, got, 3), 3);
    assert_string_equal(got, "ask");
    say(fd, "answer", 6);
    UNTIL(c->probe.size == 6);
    assert_memory_equal(c->probe.got, "answer", 6);
    assert_int_equal(c->probe.opened, 0);
    close(fd);
    probe_close(&c->probe);
}

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
    assert_goes_to(&h, (struct dial_options){.host = "lacking.test", .timeout_ms = 100}, 0);
    tear_down(&h);
}

static void goes_on_after_a_timeout(void **state)
{
    struct house h = build();
    (void)state;
    stuff_it(&h, 0);
    serve(&h, 1);
    assert_goes_to(
        &h, (struct dial_options){.host = "two.test", .timeout_ms = 30, .stagger_ms = NEVER_MS}, 1);
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
            .host = "behind.test", .port = port, .timeout_ms = 100, .bind = "127.0.0.1"}),
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

/* ---- unix paths ---- */

static int serve_unix(const char *path, int type)
{
    struct sockaddr_un a = unix_address(path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 0), 0);
    return fd;
}

static void connects_to_unix_paths(void **state)
{
    const char *path = in_dir("s");
    struct call c;
    int server = serve_unix(path, SOCK_STREAM);
    (void)state;
    start(&c, (struct dial_options){.host = path, .bind = "127.0.0.1"}); /* not for paths */
    assert_int_equal(outcome(&c), ERR_OK);
    assert_string_equal(c.probe.stream->name, path);
    assert_connected(&c, server);
    close(server);
    assert_int_equal(failure((struct dial_options){.host = path}), ERR_REFUSED); /* dead */
    unlink(path);
    assert_int_equal(failure((struct dial_options){.host = path}), ERR_NOT_FOUND);
}

static void tells_bad_unix_paths(void **state)
{
    char longer[200], *path = strdup(in_dir("s"));
    (void)state;
    int server = serve_unix(path, SOCK_STREAM), clients[8];
    for (int i = 0; i < 8; i++) { /* a queue that is full */
        struct sockaddr_un a = unix_address(path);
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(clients[i], (struct sockaddr *)&a, sizeof a);
    }
    assert_int_equal(failure((struct dial_options){.host = path}), ERR_REFUSED);
    for (int i = 0; i < 8; i++)
        close(clients[i]);
    close(server);
    unlink(path);
    /* Longer than a socket's path can be, with a server at what would be left when it is cut. */
    snprintf(longer, sizeof longer, "%s/%0*d", work_dir, 120, 0);
    size_t whole = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    char *cut = strndup(longer, whole);
    server = serve_unix(cut, SOCK_STREAM);
    assert_int_equal(failure((struct dial_options){.host = longer}), ERR_USAGE);
    struct call c;
    start(&c, (struct dial_options){.host = cut}); /* the longest */
    assert_int_equal(outcome(&c), ERR_OK);
    probe_close(&c.probe);
    close(server);
    unlink(cut);
    free(cut);
    free(path);
}

/* ---- the local address ---- */

static void goes_out_from_the_address_asked_for(void **state)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    struct call c;
    int server = serve_tcp("127.0.0.1");
    (void)state;
    start(&c,
          (struct dial_options){.host = "127.0.0.1", .port = port_of(server), .bind = "127.0.0.3"});
    assert_int_equal(outcome(&c), ERR_OK);
    int fd = accept(server, (struct sockaddr *)&a, &n);
    assert_true(fd >= 0);
    assert_int_equal(ntohl(a.sin_addr.s_addr), 0x7f000003);
    close(fd);
    probe_close(&c.probe);
    close(server);
}

static void tells_bad_local_addresses(void **state)
{
    int fd, port = closed_port(&fd);
    (void)state;
    assert_int_equal(
        failure((struct dial_options){.host = "127.0.0.1", .port = port, .bind = "not-an-address"}),
        ERR_USAGE);
    assert_int_equal(
        failure((struct dial_options){.host = "127.0.0.1", .port = port, .bind = "192.0.2.1"}),
        ERR_UNREACHABLE);
    assert_int_equal(
        failure((struct dial_options){.host = "127.0.0.1", .port = port, .bind = "::1"}),
        ERR_UNREACHABLE);
    /* An address of another family is passed over and does not hide what was wrong before. */
    assert_int_equal(
        failure((struct dial_options){.host = "behind.test", .port = port, .bind = "127.0.0.1"}),
        ERR_REFUSED);
    close(fd);
}

/* ---- cancelling ---- */

static void cancels_before_anything_happened(void **state)
{
    struct call c;
    int fd, port = closed_port(&fd);
    (void)state;
    start(&c, (struct dial_options){.host = "127.0.0.1", .port = port});
    assert_cancelled(&c);
    start(&c, (struct dial_options){.host = "/nowhere/s"});
    assert_cancelled(&c);
    start(&c, (struct dial_options){.host = "127.0.0.1", .port = port, .bind = "bad"});
    assert_cancelled(&c);
    close(fd);
}

static void cancels_while_connecting(void **state)
{
    struct stuffed s = stuff();
    struct call c;
    (void)state;
    start(&c, (struct dial_options){.host = "127.0.0.1", .port = port_of(s.server)});
    pass(20);
    assert_int_equal(c.done, 0);
    assert_cancelled(&c);
    unstuff(&s);
}

/* At each turn of the loop from the start to the end, for each kind of dial. */
static void cancels_at_every_turn(void **state)
{
    int fd, port = closed_port(&fd), server = serve_tcp("127.0.0.2");
    struct dial_options kinds[] = {
        {.host = "127.0.0.1", .port = port},
        {.host = "two.test", .port = port},
        {.host = "two.test", .port = port_of(server)},
        {.host = "foreign.test", .port = port, .timeout_ms = 20}, /* no route, or no answer */
        {.host = "127.0.0.2", .port = port_of(server)},
        {.host = in_dir("none")},
    };
    (void)state;
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        bool finished = false;
        for (int turns = 0; !finished; turns++) {
            struct call c;
            start(&c, kinds[kind]);
            for (int i = 0; i < turns && c.done == 0; i++)
                uv_run(loop_uv(loop), UV_RUN_ONCE);
            finished = c.done > 0;
            if (finished)
                probe_close(&c.probe);
            else
                assert_cancelled(&c);
            assert_true(turns < 1000);
        }
    }
    close(fd);
    close(server);
}

static void on_done_and_dial_again(void *owner, struct stream *s, enum err why);

struct chain {
    int left, port;
    enum err why;
};

static void dial_again(struct chain *chain)
{
    struct dial_options o = {.host = "127.0.0.1", .port = chain->port};
    assert_non_null(dial_start(loop, &o, on_done_and_dial_again, chain));
}

static void on_done_and_dial_again(void *owner, struct stream *s, enum err why)
{
    struct chain *chain = owner;
    assert_null(s);
    chain->why = why;
    if (--chain->left > 0)
        dial_again(chain);
}

static void done_may_dial_again(void **state)
{
    int fd;
    struct chain chain = {.left = 5, .port = closed_port(&fd)};
    (void)state;
    dial_again(&chain);
    UNTIL(chain.left == 0);
    assert_int_equal(chain.why, ERR_REFUSED);
    close(fd);
}

static void options_need_not_outlive_the_call(void **state)
{
    struct call c;
    int server = serve_tcp("127.0.0.1");
    char *host = strdup("127.0.0.1"), *local = strdup("127.0.0.1");
    (void)state;
    start(&c, (struct dial_options){.host = host, .bind = local, .port = port_of(server)});
    memset(host, 'x', 3);
    memset(local, 'x', 3);
    free(host);
    free(local);
    assert_int_equal(outcome(&c), ERR_OK);
    assert_connected(&c, server);
    close(server);
}

/* ---- addresses as text ---- */

static void addresses_are_split(void **state)
{
    static const struct {
        const char *text;
        bool good;
        const char *host;
        int port;
    } cases[] = {
        {"127.0.0.1:80", true, "127.0.0.1", 80},
        {"127.0.0.1", true, "127.0.0.1", 0},
        {"host.example:65535", true, "host.example", 65535},
        {"host", true, "host", 0},
        {"1host", true, "1host", 0},
        {":5555", true, NULL, 5555},
        {"5555", true, NULL, 5555},
        {"0", true, NULL, 0},
        {":0", true, NULL, 0},
        {"[::1]:22", true, "::1", 22},
        {"[::1]", true, "::1", 0},
        {"[fe80::1%lo]:22", true, "fe80::1%lo", 22},
        {"::1", true, "::1", 0},
        {"fe80::1:2", true, "fe80::1:2", 0},
        {"", false, NULL, 0},
        {":", false, NULL, 0},
        {"host:", false, NULL, 0},
        {"host:65536", false, NULL, 0},
        {"65536", false, NULL, 0},
        {"99999999999999999999", false, NULL, 0},
        {"host:x", false, NULL, 0},
        {"host:-1", false, NULL, 0},
        {"host: 1", false, NULL, 0},
        {"host:1:2", false, NULL, 0},
        {"[::1", false, NULL, 0},
        {"[]", false, NULL, 0},
        {"[]:1", false, NULL, 0},
        {"[::1]:", false, NULL, 0},
        {"[::1]x", false, NULL, 0},
        {"[::1]22", false, NULL, 0},
        {"[::1]:65536", false, NULL, 0},
        {"[host]:1", false, NULL, 0},
        {"[127.0.0.1]:1", false, NULL, 0},
        {"[::g]:1", false, NULL, 0},
        {"::1]:22", false, NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *host = NULL;
        int port = -1;
        bool good = address_split(cases[i].text, &host, &port);
        if (good != cases[i].good)
            fail_msg("\"%s\" is %s", cases[i].text, good ? "taken" : "refused");
        if (good) {
            assert_int_equal(port, cases[i].port);
            assert_int_equal(host == NULL, cases[i].host == NULL);
            if (host != NULL)
                assert_string_equal(host, cases[i].host);
            free(host);
        }
    }
}

static void literals_are_known(void **state)
{
    (void)state;
    assert_true(address_is_ip("127.0.0.1"));
    assert_true(address_is_ip("::1"));
    assert_true(address_is_ip("::ffff:1.2.3.4"));
    assert_false(address_is_ip("127.0.0"));
    assert_false(address_is_ip("127.0.0.256"));
    assert_false(address_is_ip("[::1]"));
    assert_false(address_is_ip("localhost"));
    assert_false(address_is_ip(""));
}

static void libuv_errors_have_ours(void **state)
{
    (void)state;
    assert_int_equal(err_from_uv(0), ERR_OK);
    assert_int_equal(err_from_uv(7), ERR_OK);
    assert_int_equal(err_from_uv(UV_ECONNREFUSED), ERR_REFUSED);
    assert_int_equal(err_from_uv(UV_EOF), ERR_EOF);
    assert_int_equal(err_from_uv(UV_EMFILE), ERR_NO_DESCRIPTORS);
    assert_int_equal(err_from_uv(UV_EAI_NONAME), ERR_RESOLVE);
    assert_int_equal(err_from_uv(UV_EISDIR), ERR_IO);
    assert_int_equal(err_from_uv(-4242), ERR_IO);
}

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)
#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, dir_begin, dir_end)

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
        DIR_TEST(connects_to_unix_paths),
        DIR_TEST(tells_bad_unix_paths),
        NET_TEST(goes_out_from_the_address_asked_for),
        NET_TEST(tells_bad_local_addresses),
        NET_TEST(cancels_before_anything_happened),
        NET_TEST(cancels_while_connecting),
        DIR_TEST(cancels_at_every_turn),
        NET_TEST(done_may_dial_again),
        NET_TEST(options_need_not_outlive_the_call),
        cmocka_unit_test(addresses_are_split),
        cmocka_unit_test(literals_are_known),
        cmocka_unit_test(libuv_errors_have_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
