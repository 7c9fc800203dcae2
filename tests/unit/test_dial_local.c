/* Dialling: Unix paths, the local address, cancelling, addresses as text. */
#include "tests/unit/dial_help.h"

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

#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, dir_begin, dir_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
