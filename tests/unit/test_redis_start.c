/* What the client of Redis says of servers that will not do, at its start: sentences for people. */
#include "gateway/hub/redis/redis.h"

#include "tests/support/redis.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct redis_test server;
static struct loop *loop;
static pid_t strange; /* a server that is none */

static int begin(void **state)
{
    (void)state;
    loop = loop_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    loop_free(loop);
    redis_test_stop(&server);
    if (strange > 0) {
        kill(strange, SIGKILL);
        waitpid(strange, NULL, 0);
    }
    strange = 0;
    return 0;
}

#define PLENTY_MS 20000 /* for a server and a client on a busy machine */

/* The error and the sentence, or "fine". timeout_ms: 0 where it does not matter. */
static const char *start(const char *url, const char *password_file, uint64_t timeout_ms)
{
    static char text[512];
    enum err why = ERR_OK;
    struct redis *r =
        redis_new(&(struct redis_options){.loop = loop,
                                          .url = url,
                                          .password_file = password_file,
                                          .timeout_ms = timeout_ms != 0 ? timeout_ms : PLENTY_MS},
                  &why, text, sizeof text);
    assert_true((r != NULL) == (why == ERR_OK));
    redis_free(r);
    return why == ERR_OK ? "fine" : text;
}

#define SAYS(text, what)                                                                           \
    do {                                                                                           \
        const char *said = (text);                                                                 \
        if (strstr(said, (what)) == NULL)                                                          \
            fail_msg("\"%s\" does not say \"%s\"", said, (what));                                  \
    } while (0)

static void nobody_is_there(void **state)
{
    (void)state;
    SAYS(start("redis://127.0.0.1:1", NULL, 0),
         "Redis at 127.0.0.1:1 cannot be reached: connection "
         "refused");
    SAYS(start("unix:/nowhere/redis.sock", NULL, 0), "/nowhere/redis.sock cannot be reached");
    SAYS(start("redis://redis.invalid", NULL, 0), "redis.invalid:6379 cannot be reached");
    SAYS(start("redis:x", NULL, 0), "the address of Redis is none of");
}

static const char *with_login(const char *login)
{
    static char url[128];
    snprintf(url, sizeof url, "redis://%s@127.0.0.1:%d", login, server.port);
    return url;
}

static void passwords(void **state)
{
    (void)state;
    char path[128];
    redis_test_start(&server, (const char *const[]){"--requirepass", "right", NULL});
    SAYS(start(server.tcp, NULL, 0), "wants a password, and none was given");
    SAYS(start(with_login(":wrong"), NULL, 0), "does not take the password: WRONGPASS");
    SAYS(start(with_login("nobody:right"), NULL, 0), "does not take the user's name with");
    SAYS(start(with_login(":right"), NULL, 0), "fine");
    SAYS(start(with_login("default:right"), NULL, 0), "fine");

    snprintf(path, sizeof path, "%s/password", server.folder);
    FILE *f = fopen(path, "w");
    fputs("right\n", f);
    fclose(f);
    chmod(path, 0644);
    SAYS(start(server.url, path, 0), path);
    chmod(path, 0600);
    SAYS(start(server.url, path, 0), "fine");
    SAYS(start(with_login(":wrong"), path, 0), "fine"); /* the file's counts */
    SAYS(start(server.url, "/nowhere/password", 0), "/nowhere/password");
}

static void a_password_that_nobody_wants(void **state)
{
    (void)state;
    redis_test_start(&server, NULL);
    SAYS(start(with_login(":x"), NULL, 0), "was given a password that it does not want");
}

static void rights(void **state)
{
    (void)state;
    redis_test_start(&server, NULL);
    assert_string_equal(
        REDIS_CLI(&server, "ACL", "SETUSER", "hub", "on", ">x", "~tunnel:*", "+@all", "-function"),
        "OK");
    SAYS(start(with_login("hub:x"), NULL, 0), "denies this user a command that is needed");
    assert_string_equal(REDIS_CLI(&server, "ACL", "SETUSER", "hub", "-@all", "+function|load",
                                  "+function|list", "+fcall", "+@read", "+@write"),
                        "OK");
    SAYS(start(with_login("hub:x"), NULL, 0), "denies this user a command that is needed");
    assert_string_equal(REDIS_CLI(&server, "ACL", "SETUSER", "hub", "+info"), "OK");
    SAYS(start(with_login("hub:x"), NULL, 0), "fine");
}

static void what_would_lose_data(void **state)
{
    (void)state;
    redis_test_start(&server, NULL);
    SAYS(start(server.url, NULL, 0), "fine");
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory-policy", "volatile-lru");
    SAYS(start(server.url, NULL, 0), "may throw away what it keeps: its maxmemory-policy is "
                                     "volatile-lru; set it to noeviction");
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    REDIS_CLI(&server, "CONFIG", "SET", "appendonly", "no");
    SAYS(start(server.url, NULL, 0), "would forget what it acknowledged");
    REDIS_CLI(&server, "CONFIG", "SET", "appendonly", "yes");
    REDIS_CLI(&server, "REPLICAOF", "127.0.0.1", "1");
    SAYS(start(server.url, NULL, 0), "is a replica, which takes no writes; name its master");
}

static void a_full_one(void **state)
{
    (void)state;
    redis_test_start(&server, NULL);
    REDIS_CLI(&server, "CONFIG", "SET", "maxmemory", "1");
    SAYS(start(server.url, NULL, 0), "has no room: OOM");
}

static void other_kinds(void **state)
{
    (void)state;
    char url[128];
    redis_test_start(&server, NULL);
    snprintf(url, sizeof url, "redis+cluster://127.0.0.1:%d", server.port);
    SAYS(start(url, NULL, 0), "says: ERR This instance has cluster support disabled");
    redis_test_stop(&server);
    redis_test_start(&server, (const char *const[]){"--cluster-enabled", "yes", NULL});
    SAYS(start(server.tcp, NULL, 0), "is part of a Redis Cluster");
}

/* Until it has loaded its data it is waited for. */
static void one_that_loads(void **state)
{
    (void)state;
    redis_test_start(&server, NULL);
    REDIS_CLI(&server, "EVAL", "for i = 1, 5000 do redis.call('SET', 'k' .. i, 1) end", "0");
    redis_test_kill(&server);
    server.loading = true;
    redis_test_start(&server, (const char *const[]){"--key-load-delay", "500", NULL});
    SAYS(REDIS_CLI(&server, "PING"), "LOADING");
    SAYS(start(server.url, NULL, 0), "fine"); /* it answers once in 1,024 keys only */
    assert_string_equal(REDIS_CLI(&server, "DBSIZE"), "5000");
}

/* ---- servers that are none ---- */

enum manner { ONCE, ENDLESS, NEVER, LEAVES };

/* Answers each connection with `text` in its manner. Returns its address. */
static const char *strange_server(const char *text, enum manner manner)
{
    static char url[48];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    snprintf(url, sizeof url, "redis://127.0.0.1:%d", ntohs(at.sin_port));
    if (strange > 0) {
        kill(strange, SIGKILL);
        waitpid(strange, NULL, 0);
    }
    strange = fork();
    if (strange == 0) {
        char got[4096];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        for (;;) {
            int c = accept(fd, NULL, NULL);
            if (read(c, got, sizeof got) > 0 && manner != NEVER) {
                while (write(c, text, strlen(text)) > 0 && manner == ENDLESS)
                    ;
            }
            while (manner != LEAVES && read(c, got, sizeof got) > 0)
                ;
            close(c);
        }
    }
    close(fd);
    return url;
}

static void what_is_not_redis(void **state)
{
    (void)state;
    static char piece[65536];
    memset(piece, '1', sizeof piece - 1);
    SAYS(start(strange_server("HTTP/1.1 400 Bad Request\r\n\r\n", ONCE), NULL, 0), "is not Redis");
    SAYS(start(strange_server("+hello\r\n", ONCE), NULL, 0), "it is not Redis");
    SAYS(start(strange_server("+x\r\n+y\r\n", ONCE), NULL, 0), "not Redis");
    SAYS(start(strange_server("-ERR unknown command \x1b[31m\r\n", ONCE), NULL, 0),
         "does not take what it is asked: ERR unknown command \\x1b[31m");
    SAYS(start(strange_server(piece, ENDLESS), NULL, 0), "is not Redis");
    SAYS(start(strange_server("*100000\r\n*100000\r\n", ENDLESS), NULL, 0), "is not Redis");
    SAYS(start(strange_server("*1000000\r\n:1\r\n:1\r\n:1\r\n:1\r\n", ENDLESS), NULL, 0),
         "is not Redis");
    memcpy(piece, "$500000000\r\n", 12);
    SAYS(start(strange_server(piece, ENDLESS), NULL, 0), "is not Redis");
    SAYS(start(strange_server("+PONG\r\n", ENDLESS), NULL, 0), "not Redis");
    SAYS(start(strange_server("", NEVER), NULL, 1000), "does not answer within 1000 ms");
    SAYS(start(strange_server("", LEAVES), NULL, 0), "does it want TLS?");
    SAYS(start(strange_server("$27\r\nredis_version:6.2.14\r\nx:1\r\n\r\n", ONCE), NULL, 0),
         "is Redis 6.2.14, which is too old: 7 or later is needed");
    /* Begins a reply and does not end it. */
    SAYS(start(strange_server("$100\r\nab", ONCE), NULL, 1000), "does not answer within 1000 ms");
}

#define START_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        START_TEST(nobody_is_there),
        START_TEST(passwords),
        START_TEST(a_password_that_nobody_wants),
        START_TEST(rights),
        START_TEST(what_would_lose_data),
        START_TEST(a_full_one),
        START_TEST(other_kinds),
        START_TEST(one_that_loads),
        START_TEST(what_is_not_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
