#include "tests/support/redis.h"

#include "core/base/random.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX 64
#define ANSWER_MAX 65536

/* Below the ports that the kernel gives to outgoing connections; and so is the one that servers of
 * a Redis Cluster have for each other, 10000 above. */
static int free_port(void)
{
    for (;;) {
        uint16_t dice = 0;
        random_bytes(&dice, sizeof dice);
        int port = 10000 + dice % 12000;
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool mine = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        if (mine)
            return port;
    }
}

/* Runs argv with its output in `fd`, and ends it when this test ends. clock: the file with its
 * clock's offset, or NULL. */
static pid_t run_with_clock(const char *const *argv, int fd, const char *clock)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (clock != NULL) {
        setenv("LD_PRELOAD", CLOCK_SHIM, 1);
        setenv("CLOCK_SHIM", clock, 1);
    }
    dup2(fd, 1);
    dup2(fd, 2);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static pid_t run(const char *const *argv, int fd)
{
    return run_with_clock(argv, fd, NULL);
}

const char *redis_test_cli(struct redis_test *t, const char *const *args)
{
    static char answer[ANSWER_MAX];
    char socket[96];
    const char *argv[ARGS_MAX] = {"redis-cli", "-s", socket};
    size_t n = 3, size = 0;
    int fds[2];
    snprintf(socket, sizeof socket, "%s/redis.sock", t->folder);
    for (size_t i = 0; args[i] != NULL && n + 1 < ARGS_MAX; i++)
        argv[n++] = args[i];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = run(argv, fds[1]);
    close(fds[1]);
    for (ssize_t got; size + 1 < sizeof answer &&
                      (got = read(fds[0], answer + size, sizeof answer - 1 - size)) > 0;)
        size += (size_t)got;
    close(fds[0]);
    waitpid(pid, NULL, 0);
    while (size > 0 && answer[size - 1] == '\n')
        size--;
    answer[size] = 0;
    return answer;
}

/* False: it has ended. */
static bool wait_for_pong(struct redis_test *t)
{
    for (int i = 0; i < 3000; i++) {
        const char *said = REDIS_CLI(t, "PING");
        if (strcmp(said, "PONG") == 0 || strstr(said, "NOAUTH") != NULL ||
            (t->loading && strstr(said, "LOADING") != NULL)) {
            t->loading = false;
            return true;
        }
        if (waitpid(t->pid, NULL, WNOHANG) == t->pid)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    t->pid = 0;
    return false;
}

/* False: this is a start with the port and the file that it had. */
static bool make_folder(struct redis_test *t)
{
    if (t->folder[0] != 0)
        return false;
    strcpy(t->folder, "/tmp/tunnel-redis-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    return true;
}

static void clock_file(const struct redis_test *t, char *out, size_t size)
{
    snprintf(out, size, "%s/clock", t->folder);
}

void redis_test_clock(struct redis_test *t, int64_t seconds)
{
    char path[96];
    clock_file(t, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, &seconds, sizeof seconds, 0), sizeof seconds);
    close(fd);
}

static bool start(struct redis_test *t, const char *const *argv)
{
    char clock[96];
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    clock_file(t, clock, sizeof clock);
    if (t->clock && access(clock, F_OK) != 0)
        redis_test_clock(t, 0);
    t->pid = run_with_clock(argv, nowhere, t->clock ? clock : NULL);
    close(nowhere);
    return wait_for_pong(t);
}

static bool start_server(struct redis_test *t, const char *const *more)
{
    char port[16], socket[96], log[96];
    snprintf(port, sizeof port, "%d", t->port);
    snprintf(socket, sizeof socket, "%s/redis.sock", t->folder);
    snprintf(log, sizeof log, "%s/log", t->folder);
    snprintf(t->url, sizeof t->url, "unix:%s", socket);
    snprintf(t->tcp, sizeof t->tcp, "redis://127.0.0.1:%d", t->port);
    const char *argv[ARGS_MAX] = {"redis-server",
                                  "--port",
                                  port,
                                  "--bind",
                                  "127.0.0.1",
                                  "--unixsocket",
                                  socket,
                                  "--dir",
                                  t->folder,
                                  "--logfile",
                                  log,
                                  "--save",
                                  "",
                                  "--appendonly",
                                  "yes",
                                  "--appendfsync",
                                  "no"};
    size_t n = 0;
    while (argv[n] != NULL)
        n++;
    for (size_t i = 0; more != NULL && more[i] != NULL && n + 1 < ARGS_MAX; i++)
        argv[n++] = more[i];
    return start(t, argv);
}

void redis_test_start(struct redis_test *t, const char *const *more)
{
    bool fresh = make_folder(t);
    for (int i = 0; i < 5; i++) { /* somebody else may have the port by now */
        if (fresh)
            t->port = free_port();
        if (start_server(t, more))
            return;
    }
    fail_msg("redis-server in %s does not start", t->folder);
}

void redis_test_start_sentinel(struct redis_test *t, int master, const char *more)
{
    char path[96];
    make_folder(t);
    t->port = free_port();
    snprintf(path, sizeof path, "%s/sentinel.conf", t->folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "port %d\nbind 127.0.0.1\ndir %s\nlogfile %s/log\nunixsocket %s/redis.sock\n"
            "sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 1000\n"
            "sentinel failover-timeout main 3000\n%s",
            t->port, t->folder, t->folder, t->folder, master, more);
    fclose(f);
    assert_true(start(t, (const char *const[]){"redis-server", path, "--sentinel", NULL}));
}

void redis_test_kill(struct redis_test *t)
{
    if (t->pid == 0)
        return;
    kill(t->pid, SIGKILL);
    waitpid(t->pid, NULL, 0);
    t->pid = 0;
}

void redis_test_stop(struct redis_test *t)
{
    redis_test_kill(t);
    if (t->folder[0] == 0)
        return;
    pid_t pid = run((const char *const[]){"rm", "-rf", t->folder, NULL}, 2);
    waitpid(pid, NULL, 0);
    t->folder[0] = 0;
}

/* ---- through a client ---- */

struct asked {
    bool done;
    char text[ANSWER_MAX];
    size_t size;
};

static void add(struct asked *a, const char *text, size_t n)
{
    if (a->size > 0 && a->size + 1 < sizeof a->text)
        a->text[a->size++] = ' ';
    if (n > sizeof a->text - 1 - a->size)
        n = sizeof a->text - 1 - a->size;
    memcpy(a->text + a->size, text, n);
    a->size += n;
    a->text[a->size] = 0;
}

static void add_reply(struct asked *a, const struct redis_reply *r)
{
    struct span text = redis_text(r);
    char number[24];
    for (size_t i = 0; i < redis_count(r); i++)
        add_reply(a, redis_item(r, i));
    if (text.p != NULL) {
        add(a, text.p, text.n);
    } else if (redis_count(r) == 0) {
        snprintf(number, sizeof number, "%" PRId64, redis_integer(r));
        add(a, number, strlen(number));
    }
}

static void on_done(void *ctx, enum err why, const struct redis_reply *reply)
{
    struct asked *a = ctx;
    a->done = true;
    if (why == ERR_OK)
        add_reply(a, reply);
    else
        a->size = (size_t)snprintf(a->text, sizeof a->text, "(%s)", err_name(why));
}

/* What the test did before counts for nobody's time limit. */
static void begin_to_ask(struct loop *loop, struct asked *a)
{
    uv_update_time(loop_uv(loop));
    a->done = false;
    a->size = 0;
    a->text[0] = 0;
}

static const char *wait_for(struct loop *loop, struct asked *a)
{
    while (!a->done)
        uv_run(loop_uv(loop), UV_RUN_ONCE);
    return a->text;
}

static size_t spans(const char *const *args, struct span *out)
{
    size_t n = 0;
    for (; args[n] != NULL && n < REDIS_ARGS_MAX; n++)
        out[n] = span_of(args[n]);
    return n;
}

const char *redis_test_ask(struct loop *loop, struct redis *r, const char *const *args)
{
    static struct asked a;
    struct span all[REDIS_ARGS_MAX];
    size_t n = spans(args, all);
    begin_to_ask(loop, &a);
    redis_ask(r, all, n, n > 1 ? 1 : 0, on_done, &a);
    return wait_for(loop, &a);
}

const char *redis_test_call(struct loop *loop, struct redis *r, const char *function,
                            const char *key, const char *const *args)
{
    static struct asked a;
    struct span all[REDIS_ARGS_MAX];
    size_t n = spans(args, all);
    begin_to_ask(loop, &a);
    redis_call(r, function, key, all, n, on_done, &a);
    return wait_for(loop, &a);
}

/* ---- a loop ---- */

#define TICK_MS 20

static uv_timer_t tick;

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

struct loop *redis_test_loop(void)
{
    struct loop *loop = loop_new();
    assert_non_null(loop);
    uv_timer_init(loop_uv(loop), &tick);
    uv_timer_start(&tick, on_tick, TICK_MS, TICK_MS);
    return loop;
}

void redis_test_loop_free(struct loop *loop)
{
    uv_close((uv_handle_t *)&tick, NULL);
    loop_free(loop);
}
