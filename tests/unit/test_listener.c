/* Listeners: TCP, Unix, and those that listen already. */
#include "tests/unit/listener_help.h"

/* ---- listeners ---- */

static void listens_at_a_free_port(void **state)
{
    struct house h;
    char name[40];
    (void)state;
    assert_int_equal(open_house(&h, "127.0.0.1:0"), ERR_OK);
    assert_in_range(listener_port(h.listener), 1, 65535);
    snprintf(name, sizeof name, "127.0.0.1:%d", listener_port(h.listener));
    assert_string_equal(listener_name(h.listener), name);
    for (int i = 0; i < 5; i++)
        assert_welcome(&h, connect_tcp("127.0.0.1", listener_port(h.listener)));
    assert_int_equal(strncmp(h.guests[0].stream->name, "127.0.0.1:", 10), 0);
    int port = listener_port(h.listener);
    close_house(&h);
    snprintf(name, sizeof name, "127.0.0.1:%d", port);
    assert_int_equal(open_house(&h, name), ERR_OK); /* again at once */
    assert_int_equal(listener_port(h.listener), port);
    close_house(&h);
}

static void listens_at_v6(void **state)
{
    struct house h;
    (void)state;
    if (!have_ipv6())
        skip();
    assert_int_equal(open_house(&h, "[::1]:0"), ERR_OK);
    assert_int_equal(strncmp(listener_name(h.listener), "[::1]:", 6), 0);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6,
                             .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                             .sin6_port = htons((uint16_t)listener_port(h.listener))};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_welcome(&h, fd);
    close_house(&h);
}

/* By the addresses that it is bound to, whatever they are called. */
static void knows_who_can_reach_it(void **state)
{
    static const struct {
        const char *where;
        bool local;
    } cases[] = {
        {"127.0.0.1:0", true}, {"127.0.0.9:0", true}, {"localhost:0", true},
        {"two.test:0", true},  {"0", true},           {"0.0.0.0:0", false},
    };
    struct house h;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(open_house(&h, cases[i].where), ERR_OK);
        if (listener_is_local(h.listener) != cases[i].local)
            fail_msg("%s", cases[i].where);
        close_house(&h);
    }
    if (!have_ipv6())
        return;
    assert_int_equal(open_house(&h, "[::1]:0"), ERR_OK);
    assert_true(listener_is_local(h.listener));
    close_house(&h);
    assert_int_equal(open_house(&h, "[::]:0"), ERR_OK);
    assert_false(listener_is_local(h.listener));
    close_house(&h);
}

/* One port, on every address of the name. */
static void listens_at_every_address_of_a_name(void **state)
{
    static const char *const names[] = {"two.test:0", "twice.test:0", "two.test:0"};
    struct house h;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(open_house(&h, names[i]), ERR_OK);
        assert_welcome(&h, connect_tcp("127.0.0.1", listener_port(h.listener)));
        assert_welcome(&h, connect_tcp("127.0.0.2", listener_port(h.listener)));
        close_house(&h);
    }
    static const char *const local[] = {"localhost:0", ":0", "0"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(open_house(&h, local[i]), ERR_OK);
        assert_int_equal(strncmp(listener_name(h.listener), "localhost:", 10), 0);
        assert_welcome(&h, connect_tcp("127.0.0.1", listener_port(h.listener)));
        close_house(&h);
    }
}

/* Of a name's addresses, those that this machine does not have do not count; one must be left. */
static void addresses_that_are_not_here_do_not_count(void **state)
{
    struct house h;
    (void)state;
    assert_int_equal(open_house(&h, "lacking.test:0"), ERR_OK);
    assert_welcome(&h, connect_tcp("127.0.0.1", listener_port(h.listener)));
    close_house(&h);
    assert_int_equal(open_house(&h, "foreign.test:0"), ERR_UNREACHABLE);
    assert_int_equal(open_house(&h, "192.0.2.1:0"), ERR_UNREACHABLE);
}

static void a_port_in_use_is_told(void **state)
{
    struct house first, second;
    char name[40];
    (void)state;
    assert_int_equal(open_house(&first, "127.0.0.2:0"), ERR_OK);
    assert_int_equal(open_house(&second, listener_name(first.listener)), ERR_ADDRESS_IN_USE);
    snprintf(name, sizeof name, "two.test:%d", listener_port(first.listener));
    assert_int_equal(open_house(&second, name), ERR_ADDRESS_IN_USE); /* on one of them */
    assert_welcome(&first, connect_tcp("127.0.0.2", listener_port(first.listener)));
    close_house(&first);
}

static void bad_addresses_are_told(void **state)
{
    static const struct {
        const char *where;
        enum err why;
    } cases[] = {
        {"", ERR_USAGE},
        {":", ERR_USAGE},
        {"127.0.0.1:", ERR_USAGE},
        {"127.0.0.1:65536", ERR_USAGE},
        {"127.0.0.1:x", ERR_USAGE},
        {"[::1", ERR_USAGE},
        {"no-such-host.invalid:0", ERR_RESOLVE},
        {"/no/such/directory/s", ERR_NOT_FOUND},
    };
    struct house h;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(open_house(&h, cases[i].where), cases[i].why);
    char longest[300] = "/tmp/";
    memset(longest + 5, 'x', 200);
    assert_int_equal(open_house(&h, longest), ERR_USAGE);
}

static void a_listener_may_leave_when_somebody_comes(void **state)
{
    struct house h;
    int fds[5];
    (void)state;
    assert_int_equal(open_house(&h, "two.test:0"), ERR_OK);
    h.leave = true;
    for (int i = 0; i < 5; i++)
        fds[i] = connect_tcp("127.0.0.1", listener_port(h.listener));
    UNTIL(h.listener == NULL);
    pass(5);
    assert_int_equal(h.n, 1);
    say(fds[0], "abc", 3); /* who is in stays in */
    UNTIL(h.guests[0].size == 3);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    close_house(&h);
    listener_free(NULL);
}

static void a_crowd_is_let_in(void **state)
{
    enum { N = 200 };
    struct house h;
    int fds[N];
    (void)state;
    assert_int_equal(open_house(&h, "127.0.0.1:0"), ERR_OK);
    for (int round = 0; round < N / 50; round++) {
        for (int i = 0; i < 50; i++)
            fds[i] = connect_tcp("127.0.0.1", listener_port(h.listener));
        UNTIL(h.n == 50);
        for (int i = 0; i < 50; i++) {
            close(fds[i]);
            probe_close(&h.guests[i]);
        }
        h.n = 0;
    }
    close_house(&h);
}

/* ---- unix listeners ---- */

static void listens_at_a_path(void **state)
{
    const char *path = in_dir("s");
    struct house h;
    struct stat st;
    mode_t before = umask(0);
    (void)state;
    assert_int_equal(open_house(&h, path), ERR_OK);
    assert_true(listener_is_local(h.listener));
    assert_int_equal(umask(before), 0); /* put back as it was */
    assert_string_equal(listener_name(h.listener), path);
    assert_int_equal(listener_port(h.listener), 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0600);
    for (int i = 0; i < 3; i++)
        assert_welcome(&h, connect_unix(path));
    char name[40];
    snprintf(name, sizeof name, "pid %ld", (long)getpid());
    assert_string_equal(h.guests[0].stream->name, name);
    close_house(&h);
    assert_int_equal(lstat(path, &st), -1); /* removed */
}

static int bind_unix(const char *path, int type)
{
    struct sockaddr_un a = unix_address(path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void a_dead_socket_is_replaced(void **state)
{
    const char *path = in_dir("s");
    struct house h;
    (void)state;
    close(bind_unix(path, SOCK_STREAM)); /* the file stays */
    assert_int_equal(open_house(&h, path), ERR_OK);
    assert_welcome(&h, connect_unix(path));
    close_house(&h);
}

static void a_live_socket_is_left_alone(void **state)
{
    const char *path = in_dir("s");
    struct house first, second;
    (void)state;
    assert_int_equal(open_house(&first, path), ERR_OK);
    assert_int_equal(open_house(&second, path), ERR_ADDRESS_IN_USE);
    pass(5); /* the look at it is a visitor, too */
    assert_welcome(&first, connect_unix(path));
    close_house(&first);
    /* One whose queue is full would let us wait, or look dead. */
    struct sockaddr_un a = unix_address(path);
    int server = bind_unix(path, SOCK_STREAM), clients[8];
    assert_int_equal(listen(server, 0), 0);
    for (int i = 0; i < 8; i++) {
        clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(clients[i], (struct sockaddr *)&a, sizeof a);
    }
    assert_int_equal(open_house(&second, path), ERR_ADDRESS_IN_USE);
    assert_int_equal(access(path, F_OK), 0);
    for (int i = 0; i < 8; i++)
        close(clients[i]);
    close(server);
    unlink(path);
}

static void other_files_are_left_alone(void **state)
{
    const char *path = in_dir("s");
    struct house h;
    struct stat st;
    char bytes[8] = "";
    (void)state;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    say(fd, "content", 7);
    close(fd);
    assert_int_equal(open_house(&h, path), ERR_ADDRESS_IN_USE);
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, bytes, 7), 7);
    assert_string_equal(bytes, "content");
    close(fd);
    unlink(path);
    fd = bind_unix(path, SOCK_DGRAM); /* somebody's, who does not take streams */
    assert_int_equal(open_house(&h, path), ERR_ADDRESS_IN_USE);
    assert_int_equal(lstat(path, &st), 0);
    close(fd);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(open_house(&h, path), ERR_ADDRESS_IN_USE);
    rmdir(path);
    assert_int_equal(symlink("/nowhere/s", path), 0);
    assert_int_equal(open_house(&h, path), ERR_ADDRESS_IN_USE);
    assert_int_equal(lstat(path, &st), 0);
    unlink(path);
}

/* ---- sockets that listen already ---- */

static int listening_inet(const struct sockaddr *a, socklen_t n)
{
    int fd = socket(a->sa_family, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, a, n), 0);
    assert_int_equal(listen(fd, 10), 0);
    return fd;
}

static enum err open_given(struct house *h, int fd)
{
    enum err why = ERR_INTERNAL;
    *h = (struct house){.n = 0};
    h->listener = listener_from_fd(loop, fd, &house_events, h, &why);
    assert_int_equal(h->listener != NULL, why == ERR_OK);
    return why;
}

static void listens_at_a_given_socket(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct house h;
    char name[40];
    (void)state;
    int fd = listening_inet((struct sockaddr *)&a, sizeof a);
    assert_int_equal(open_given(&h, fd), ERR_OK);
    assert_in_range(listener_port(h.listener), 1, 65535);
    snprintf(name, sizeof name, "127.0.0.1:%d", listener_port(h.listener));
    assert_string_equal(listener_name(h.listener), name);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    for (int i = 0; i < 3; i++)
        assert_welcome(&h, connect_tcp("127.0.0.1", listener_port(h.listener)));
    assert_int_equal(strncmp(h.guests[0].stream->name, "127.0.0.1:", 10), 0);
    close_house(&h);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    if (!have_ipv6())
        return;
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_int_equal(open_given(&h, listening_inet((struct sockaddr *)&a6, sizeof a6)), ERR_OK);
    snprintf(name, sizeof name, "[::1]:%d", listener_port(h.listener));
    assert_string_equal(listener_name(h.listener), name);
    close_house(&h);
}

static void a_given_path_is_not_removed(void **state)
{
    struct house h;
    struct stat st;
    (void)state;
    const char *path = in_dir("given.sock");
    int fd = bind_unix(path, SOCK_STREAM);
    assert_int_equal(listen(fd, 10), 0);
    assert_int_equal(open_given(&h, fd), ERR_OK);
    assert_string_equal(listener_name(h.listener), path);
    assert_int_equal(listener_port(h.listener), 0);
    assert_welcome(&h, connect_unix(path));
    assert_int_equal(strncmp(h.guests[0].stream->name, "pid ", 4), 0);
    close_house(&h);
    assert_int_equal(lstat(path, &st), 0);
    unlink(path);
}

static void a_given_abstract_socket_has_a_name(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct house h;
    (void)state;
    int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "test_listener.%ld", (long)getpid());
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    assert_int_equal(open_given(&h, listening_inet((struct sockaddr *)&a, size)), ERR_OK);
    assert_int_equal(listener_name(h.listener)[0], '@');
    assert_string_equal(listener_name(h.listener) + 1, a.sun_path + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, size), 0);
    assert_welcome(&h, fd);
    close_house(&h);
}

static void what_does_not_listen_is_refused(void **state)
{
    struct house h;
    int fds[2];
    (void)state;
    int bad[] = {open("/dev/null", O_RDONLY), socket(AF_INET, SOCK_STREAM, 0),
                 socket(AF_INET, SOCK_DGRAM, 0), socket(AF_UNIX, SOCK_SEQPACKET, 0), -1};
    struct sockaddr_un a = {.sun_family = AF_UNIX}; /* takes a free abstract name */
    assert_int_equal(bind(bad[3], (struct sockaddr *)&a, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(bad[3], 1), 0);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(open_given(&h, bad[i]), ERR_USAGE);
        assert_int_equal(fcntl(bad[i], F_GETFD), -1); /* it was taken over */
    }
    make_pair(TCP_PAIR, fds); /* connected, not listening */
    assert_int_equal(open_given(&h, fds[0]), ERR_USAGE);
    close(fds[1]);
}

/* Who comes while it is held waits, and is let in afterwards, also from within an accept. */
static void test_held(void **state)
{
    struct house h;
    int fds[3];
    (void)state;
    assert_int_equal(open_house(&h, "127.0.0.1:0"), ERR_OK);
    listener_hold(h.listener, true);
    for (int i = 0; i < 3; i++)
        fds[i] = connect_tcp("127.0.0.1", listener_port(h.listener));
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(h.n, 0);
    h.hold = 2;
    listener_hold(h.listener, false);
    UNTIL(h.n == 2);
    for (int i = 0; i < 20; i++)
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    assert_int_equal(h.n, 2);
    listener_hold(h.listener, false);
    UNTIL(h.n == 3);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    close_house(&h);
}

/* What a user is told, of whatever went wrong. */
static void test_problems(void **state)
{
    static const struct {
        const char *where, *says;
    } cases[] = {
        {"192.0.2.7:1080", "no interface of this machine has that address"},
        {"127.0.0.1:65536", "neither ADDRESS:PORT"},
        {"127.0.0.1:x", "neither ADDRESS:PORT"},
        {"/nowhere/here/x.sock", "there is no such folder"},
        {"name.invalid:1080", "name does not resolve"},
        {"/a-path-that-is-longer-than-the-107-bytes-that-a-unix-socket-can-have-as-it-goes-on-and-"
         "on-"
         "and-on-and-on-and-on",
         "longer than 107 bytes"},
    };
    struct house h;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum err why = open_house(&h, cases[i].where);
        assert_int_not_equal(why, ERR_OK);
        assert_non_null(strstr(listener_problem(cases[i].where, why), cases[i].says));
    }
    assert_string_equal(listener_problem("127.0.0.1:1080", ERR_ADDRESS_IN_USE),
                        "in use by another program");
    assert_non_null(strstr(listener_problem("[::1]:443", ERR_PERMISSION), "CAP_NET_BIND_SERVICE"));
    assert_string_equal(listener_problem("[::1]:1443", ERR_PERMISSION), "permission denied");
    assert_string_equal(listener_problem("/run/x:443", ERR_PERMISSION), "permission denied");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(listens_at_a_free_port),
        NET_TEST(listens_at_v6),
        NET_TEST(listens_at_every_address_of_a_name),
        NET_TEST(knows_who_can_reach_it),
        NET_TEST(addresses_that_are_not_here_do_not_count),
        NET_TEST(a_port_in_use_is_told),
        NET_TEST(bad_addresses_are_told),
        NET_TEST(a_listener_may_leave_when_somebody_comes),
        NET_TEST(a_crowd_is_let_in),
        DIR_TEST(listens_at_a_path),
        DIR_TEST(a_dead_socket_is_replaced),
        DIR_TEST(a_live_socket_is_left_alone),
        DIR_TEST(other_files_are_left_alone),
        NET_TEST(listens_at_a_given_socket),
        DIR_TEST(a_given_path_is_not_removed),
        NET_TEST(a_given_abstract_socket_has_a_name),
        NET_TEST(what_does_not_listen_is_refused),
        NET_TEST(test_problems),
        NET_TEST(test_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
