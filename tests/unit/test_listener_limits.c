/* Listeners: no descriptors left, and those for other threads. */
#include "tests/unit/listener_help.h"

/* ---- out of descriptors ---- */

#define FILLERS 512

struct scarcity {
    struct rlimit before;
    int fillers[FILLERS], n;
};

/* Leaves `left` free descriptors. */
static void use_up(struct scarcity *s, int left)
{
    struct rlimit few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &s->before), 0);
    few = (struct rlimit){.rlim_cur = FILLERS / 2, .rlim_max = s->before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (s->n = 0; s->n < FILLERS; s->n++) {
        s->fillers[s->n] = dup(STDERR_FILENO);
        if (s->fillers[s->n] < 0)
            break;
    }
    assert_in_range(s->n, left, FILLERS - 1);
    for (int i = 0; i < left; i++)
        close(s->fillers[--s->n]);
}

static void give_back(struct scarcity *s)
{
    for (int i = 0; i < s->n; i++)
        close(s->fillers[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &s->before), 0);
}

static int warnings;

static void count_warning(void *ctx, enum log_level level, const char *line)
{
    (void)ctx, (void)line;
    warnings += level == LOG_WARNING;
}

static void connect_all(const struct house *h, const int *fds, int n)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)listener_port(h->listener)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < n; i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)&a, sizeof a), 0);
}

static bool is_ended(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void assert_alive(struct probe *guest, int fd)
{
    char byte;
    size_t before = guest->size;
    say(fd, "?", 1);
    UNTIL(guest->size == before + 1);
    assert_true(stream_write(guest->stream, (const uint8_t *)"!", 1));
    assert_int_equal(read(fd, &byte, 1), 1);
}

/* Two of twelve find a place; ten are refused, those who are served notice nothing, and when there
 * is room again, newcomers are let in. */
static void out_of_descriptors_newcomers_are_refused(void **state)
{
    enum { N = 12 };
    struct house h;
    struct scarcity s;
    int fds[N], old, refused = 0;
    (void)state;
    assert_int_equal(open_house(&h, "127.0.0.1:0"), ERR_OK);
    old = connect_tcp("127.0.0.1", listener_port(h.listener));
    UNTIL(h.n == 1);
    for (int i = 0; i < N; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    warnings = 0;
    log_redirect(count_warning, NULL);
    use_up(&s, 2);
    connect_all(&h, fds, N);
    while (refused < N - 2) {
        uv_run(loop_uv(loop), UV_RUN_ONCE);
        assert_alive(&h.guests[0], old);
        refused = 0;
        for (int i = 0; i < N; i++)
            refused += is_ended(fds[i]);
    }
    assert_int_equal(h.n, 3);
    assert_int_equal(refused, N - 2);
    assert_int_equal(warnings, 1); /* one line for all of them */
    assert_true(turns_in(30) < 10);
    assert_alive(&h.guests[0], old);
    assert_alive(&h.guests[1], fds[0]);
    assert_alive(&h.guests[2], fds[1]);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    UNTIL(h.guests[1].end != ERR_OK && h.guests[2].end != ERR_OK);
    probe_close(&h.guests[1]); /* makes room */
    probe_close(&h.guests[2]);
    pass(2);
    assert_welcome(&h, connect_tcp("127.0.0.1", listener_port(h.listener)));
    assert_int_equal(warnings, 2); /* and one that it is over */
    assert_welcome(&h, connect_tcp("127.0.0.1", listener_port(h.listener)));
    assert_int_equal(warnings, 2);
    assert_alive(&h.guests[0], old);
    give_back(&s);
    log_redirect(NULL, NULL);
    close(old);
    close_house(&h);
}

/* Not even the spare descriptor is left: newcomers wait, nothing spins, and later they come in. */
static void without_a_spare_descriptor_newcomers_wait(void **state)
{
    enum { N = 6 };
    struct house h;
    struct scarcity s;
    int fds[N], old;
    (void)state;
    assert_int_equal(open_house(&h, "127.0.0.1:0"), ERR_OK);
    old = connect_tcp("127.0.0.1", listener_port(h.listener));
    UNTIL(h.n == 1);
    for (int i = 0; i < N; i++)
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    log_redirect(count_warning, NULL);
    use_up(&s, 0);
    no_open = true;
    connect_all(&h, fds, 1);
    UNTIL(is_ended(fds[0])); /* refused; but the spare one could not be had again */
    int taken = dup(STDERR_FILENO);
    assert_true(taken >= 0);
    connect_all(&h, fds + 1, N - 1);
    assert_alive(&h.guests[0], old);
    assert_true(turns_in(60) < 20);
    assert_alive(&h.guests[0], old);
    for (int i = 1; i < N; i++)
        assert_false(is_ended(fds[i]));
    assert_int_equal(h.n, 1);
    no_open = false;
    close(taken);
    give_back(&s);
    UNTIL(h.n == N);
    for (int i = 1; i < N; i++)
        assert_alive(&h.guests[i], fds[i]);
    assert_alive(&h.guests[0], old);
    log_redirect(NULL, NULL);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    close(old);
    close_house(&h);
}

/* Freed while it waits for descriptors. */
static void a_waiting_listener_may_be_freed(void **state)
{
    struct house h;
    struct scarcity s;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)state;
    assert_int_equal(open_house(&h, "127.0.0.1:0"), ERR_OK);
    log_redirect(count_warning, NULL);
    use_up(&s, 0);
    no_open = true;
    connect_all(&h, &fd, 1);
    UNTIL(is_ended(fd));
    int taken = dup(STDERR_FILENO);
    connect_all(&h, &other, 1);
    pass(5);
    no_open = false;
    close_house(&h);
    close(taken);
    give_back(&s);
    pass(120); /* longer than it would have waited */
    log_redirect(NULL, NULL);
    close(fd);
    close(other);
}

/* ---- for other threads ---- */

struct gate {
    struct listener *listener;
    int fds[8], n;
    bool leave;
};

static void on_descriptor(void *owner, struct listener *l, int fd)
{
    struct gate *g = owner;
    assert_ptr_equal(l, g->listener);
    assert_true(g->n < 8);
    g->fds[g->n++] = fd;
    if (g->leave) {
        listener_free(l);
        g->listener = NULL;
    }
}

/* A stream can be made of it later, and on another loop. */
static void newcomers_may_come_bare(void **state)
{
    static const struct listener_events bare = {.descriptor = on_descriptor};
    static const char *const wheres[] = {"127.0.0.1:0", "path"};
    enum err why;
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct gate g = {.n = 0};
        const char *path = in_dir("bare.sock");
        g.listener = listener_new(loop, i == 0 ? wheres[0] : path, &bare, &g, &why);
        assert_non_null(g.listener);
        int fd = i == 0 ? connect_tcp("127.0.0.1", listener_port(g.listener)) : connect_unix(path);
        UNTIL(g.n == 1);
        assert_true((fcntl(g.fds[0], F_GETFL) & O_NONBLOCK) != 0);
        assert_true((fcntl(g.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
        struct loop *other = loop_new();
        struct stream *s = stream_from_fd(other, g.fds[0]);
        assert_non_null(s);
        assert_true(stream_write(s, (const uint8_t *)"hi", 2));
        char hi[3] = "";
        assert_int_equal(recv(fd, hi, 2, MSG_WAITALL), 2);
        assert_string_equal(hi, "hi");
        stream_close(s);
        loop_free(other);
        close(fd);
        g.leave = true;
        fd = i == 0 ? connect_tcp("127.0.0.1", listener_port(g.listener)) : connect_unix(path);
        UNTIL(g.n == 2);
        close(g.fds[1]);
        close(fd);
        assert_null(g.listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(newcomers_may_come_bare),
        NET_TEST(out_of_descriptors_newcomers_are_refused),
        NET_TEST(without_a_spare_descriptor_newcomers_wait),
        NET_TEST(a_waiting_listener_may_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
