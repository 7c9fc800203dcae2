#include "tests/support/net.h"

struct loop *loop;

uv_timer_t watchdog, tick;

void on_watchdog(uv_timer_t *t)
{
    (void)t;
    fprintf(stderr, "what the test waits for did not come in 90 seconds\n");
    abort();
}

int loop_begin(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    loop = loop_new();
    assert_non_null(loop);
    uv_timer_init(loop_uv(loop), &watchdog);
    uv_timer_start(&watchdog, on_watchdog, WATCHDOG_MS, 0);
    uv_timer_init(loop_uv(loop), &tick);
    return 0;
}

/* What a failed test left behind must not keep the loop from ending. (Its memory is leaked, so that
 * a test which forgets something does not pass.) */
static void close_left_over(uv_handle_t *h, void *ctx)
{
    (void)ctx;
    if (h->type != UV_PREPARE && h->type != UV_IDLE && !uv_is_closing(h))
        uv_close(h, NULL);
}

int loop_end(void **state)
{
    (void)state;
    uv_walk(loop_uv(loop), close_left_over, NULL);
    loop_free(loop);
    return 0;
}

void on_tick(uv_timer_t *t)
{
    (void)t;
}

static void on_passed(uv_timer_t *t)
{
    uv_stop(t->loop);
    uv_close((uv_handle_t *)t, (uv_close_cb)free);
}

void pass(uint64_t ms)
{
    uv_timer_t *t = malloc(sizeof *t);
    assert_non_null(t);
    uv_timer_init(loop_uv(loop), t);
    uv_update_time(loop_uv(loop));
    uv_timer_start(t, on_passed, ms, 0);
    loop_run(loop);
}

/* How often the loop turns in `ms` milliseconds. */
static void on_turn(uv_prepare_t *p)
{
    ++*(int *)p->data;
}

int turns_in(uint64_t ms)
{
    uv_prepare_t *prepare = malloc(sizeof *prepare);
    int turns = 0;
    assert_non_null(prepare);
    uv_prepare_init(loop_uv(loop), prepare);
    prepare->data = &turns;
    uv_prepare_start(prepare, on_turn);
    pass(ms);
    uv_close((uv_handle_t *)prepare, (uv_close_cb)free);
    return turns;
}

/* ---- an owner ---- */

static void probe_opened(void *owner)
{
    ((struct probe *)owner)->opened++;
}

void probe_readable(void *owner)
{
    struct probe *p = owner;
    assert_false(p->inside);
    assert_non_null(p->stream);
    p->readable++;
    p->inside = true;
    if (p->on_readable != NULL)
        p->on_readable(p);
    p->inside = false;
}

void probe_writable(void *owner)
{
    struct probe *p = owner;
    assert_false(p->inside);
    assert_non_null(p->stream);
    assert_true(stream_ready(p->stream));
    p->writable++;
    p->inside = true;
    if (p->on_writable != NULL)
        p->on_writable(p);
    p->inside = false;
}

void probe_failed(void *owner, enum err why)
{
    struct probe *p = owner;
    assert_false(p->inside);
    assert_non_null(p->stream);
    p->failed++;
    p->why = why;
    p->inside = true;
    if (p->on_failed != NULL)
        p->on_failed(p);
    p->inside = false;
}

const struct stream_events probe_events = {
    .opened = probe_opened,
    .readable = probe_readable,
    .writable = probe_writable,
    .failed = probe_failed,
};

void probe_own(struct probe *p, struct stream *s)
{
    assert_non_null(s);
    p->stream = s;
    stream_set_owner(s, &probe_events, p);
}

void probe_close(struct probe *p)
{
    if (p->stream != NULL)
        stream_close(p->stream);
    p->stream = NULL;
    free(p->got);
    p->got = NULL;
    p->room = 0;
}

void probe_keep(struct probe *p, const uint8_t *bytes, size_t n)
{
    if (p->size + n >= p->room) { /* by half as much again: a sanitizer's realloc always copies */
        p->room = (p->size + n + 1) * 3 / 2;
        p->got = realloc(p->got, p->room);
        assert_non_null(p->got);
    }
    memcpy(p->got + p->size, bytes, n);
    p->size += n;
    p->got[p->size] = '\0';
}

void drain(struct probe *p)
{
    uint8_t *bytes;
    long n = stream_peek(p->stream, 1, &bytes);
    if (n > 0) {
        probe_keep(p, bytes, (size_t)n);
        stream_consume(p->stream, (size_t)n);
    } else if (n < 0) {
        p->end = (enum err) - n;
        stream_read_on(p->stream, false);
    }
}

/* ---- plain sockets ---- */

void make_pair(enum kind kind, int fds[2])
{
    if (kind == UNIX_PAIR) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        return;
    }
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server >= 0);
    assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(server, 1), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&a, &n), 0);
    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fds[1], (struct sockaddr *)&a, sizeof a), 0);
    fds[0] = accept(server, NULL, NULL);
    assert_true(fds[0] >= 0);
    close(server);
}

int probe_pair(enum kind kind, struct probe *p)
{
    int fds[2];
    make_pair(kind, fds);
    *p = (struct probe){.opened = 0};
    probe_own(p, stream_from_fd(loop, fds[0]));
    return fds[1];
}

void say(int fd, const void *bytes, size_t n)
{
    assert_int_equal(write(fd, bytes, n), n);
}

void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

int connect_tcp(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof a.sun_path);
    memcpy(a.sun_path, path, strlen(path));
    return a;
}

int connect_unix(const char *path)
{
    struct sockaddr_un a = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

bool stirs(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 10000) == 1;
}

/* ---- names ---- */

/* NAME.test as several addresses, in this order, whatever this machine's resolver knows. */
static const struct {
    const char *name;
    const char *addresses[4];
} fake_names[] = {
    {"two.test", {"127.0.0.1", "127.0.0.2"}},
    {"three.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"}},
    {"mixed.test", {"2001:db8::1", "2001:db8::2", "127.0.0.1", "127.0.0.2"}},
    {"prompt.test", {"127.0.0.1"}}, /* no gate holds it back */
    {"twice.test", {"127.0.0.1", "127.0.0.1", "127.0.0.2"}},
    {"lacking.test", {"2001:db8::1", "127.0.0.1"}},
    {"behind.test", {"127.0.0.1", "2001:db8::1"}},
    {"foreign.test", {"2001:db8::1"}},
};

uv_sem_t *resolver_gate;

int names_begun, names_resolved;

static struct addrinfo *fake_address(const char *text)
{
    struct addrinfo *a = calloc(1, sizeof *a);
    struct sockaddr_in6 *at = calloc(1, sizeof *at);
    if (uv_ip4_addr(text, 0, (struct sockaddr_in *)(void *)at) != 0)
        uv_ip6_addr(text, 0, at);
    *a = (struct addrinfo){.ai_family = at->sin6_family,
                           .ai_socktype = SOCK_STREAM,
                           .ai_addr = (struct sockaddr *)at,
                           .ai_addrlen = at->sin6_family == AF_INET6 ? sizeof *at
                                                                     : sizeof(struct sockaddr_in),
                           .ai_flags = 0x7e57};
    return a;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if ((hints->ai_flags & AI_NUMERICHOST) != 0) /* asks nobody */
        return real(name, service, hints, out);
    uv_sem_t *gate = strcmp(name, "prompt.test") != 0 ? resolver_gate : NULL;
    const char *end = strchr(name, '.');
    __atomic_add_fetch(&names_begun, 1, __ATOMIC_SEQ_CST);
    if (gate != NULL)
        uv_sem_wait(gate);
    __atomic_add_fetch(&names_resolved, 1, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < sizeof fake_names / sizeof *fake_names; i++) {
        if (strcmp(name, fake_names[i].name) != 0)
            continue;
        struct addrinfo **next = out;
        for (size_t j = 0; j < 4 && fake_names[i].addresses[j] != NULL; j++) {
            *next = fake_address(fake_names[i].addresses[j]);
            next = &(*next)->ai_next;
        }
        return 0;
    }
    /* A machine without a name server would take long to say so. */
    if (strcmp(name, "no-such-host.invalid") == 0 ||
        (end != NULL && strcmp(end, ".unknown.test") == 0))
        return EAI_NONAME;
    if (strcmp(name, "no-server.invalid") == 0)
        return EAI_AGAIN;
    return real(name, service, hints, out);
}

void freeaddrinfo(struct addrinfo *all)
{
    void (*real)(struct addrinfo *);
    if (all == NULL || all->ai_flags != 0x7e57) {
        *(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
        real(all);
        return;
    }
    while (all != NULL) {
        struct addrinfo *next = all->ai_next;
        free(all->ai_addr);
        free(all);
        all = next;
    }
}

bool have_ipv6(void)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool have = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return have;
}

/* ---- a directory for sockets ---- */

char work_dir[64];

int dir_begin(void **state)
{
    snprintf(work_dir, sizeof work_dir, "/tmp/test_net.XXXXXX");
    if (mkdtemp(work_dir) == NULL)
        return -1;
    return loop_begin(state);
}

const char *in_dir(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", work_dir, name);
    return path;
}

int dir_end(void **state)
{
    loop_end(state);
    return rmdir(work_dir); /* every test removes what it made, and so do listeners */
}
