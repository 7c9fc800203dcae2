/* The destination against real listeners on loopback; the hub's side is a script of frames. */
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/loop.h"
#include "core/ws/frame.h"
#include "gateway/destination/destination.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct destination *destination;
static struct session *session;
static struct services services;
static bool native;     /* The hub is, for tests that set it before they begin. */
static struct buf wire; /* what the session sent */
static struct buf text; /* the log */

/* ---- the ends around it ---- */

static bool ready(void *ctx)
{
    (void)ctx;
    return wire.size < 100000;
}

static bool send_message(void *ctx, uint8_t *p, size_t n)
{
    (void)ctx;
    assert_true(buf_append(&wire, p, n));
    return true;
}

static void resume(void *ctx)
{
    (void)ctx;
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    (void)owner;
    return destination_services(destination, ids, n);
}

static void on_incoming(void *owner, struct conn *c)
{
    (void)owner;
    destination_incoming(destination, c);
}

static void on_broken(void *owner, enum err why, const char *problem)
{
    (void)owner;
    (void)why;
    fail_msg("broken: %s", problem);
}

static const struct session_events session_events = {
    .services = on_services,
    .incoming = on_incoming,
    .broken = on_broken,
};

static void on_log(void *ctx, enum log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    buf_append(&text, line, strlen(line));
    buf_append(&text, "\n", 1);
}

static bool logged(const char *what)
{
    return text.size > 0 && memmem(text.data, text.size, what, strlen(what)) != NULL;
}

static void expect_log(const char *what)
{
    if (!logged(what))
        fail_msg("\"%s\" is not in the log:\n%.*s", what, (int)text.size, (const char *)text.data);
}

static void give(struct frame f)
{
    static uint8_t bytes[FRAME_MAX + WS_HEADER_MAX];
    size_t n = frame_encode(&f, bytes, sizeof bytes);
    assert_int_not_equal(n, 0);
    assert_int_equal(session_input(session, bytes, n), n);
}

static void start_connection(const char *service, uint32_t id)
{
    give((struct frame){.type = id == 1 ? FRAME_STREAM_START : FRAME_CONNECTION_START,
                        .stream = 1,
                        .connection = id,
                        .service = span_of(service)});
}

static void give_data(const char *service, uint32_t id, const char *data)
{
    give((struct frame){.type = FRAME_DATA,
                        .stream = 1,
                        .connection = id,
                        .service = span_of(service),
                        .payload = (const uint8_t *)data,
                        .payload_size = strlen(data)});
}

/* Payload of DATA frames that the session sent for a connection; and whether it sent a reset. */
static void look(uint32_t id, char *data, size_t size, bool *reset)
{
    size_t at = 0, used = 0;
    *reset = false;
    while (at + 2 <= wire.size) {
        size_t n = (size_t)wire.data[at] << 8 | wire.data[at + 1];
        struct frame f;
        assert_true(at + 2 + n <= wire.size);
        assert_int_equal(frame_decode(wire.data + at + 2, n, &f), ERR_OK);
        at += 2 + n;
        if (f.connection != id)
            continue;
        if (f.type == FRAME_CONNECTION_RESET)
            *reset = true;
        assert_true(used + f.payload_size < size);
        if (f.payload_size > 0)
            memcpy(data + used, f.payload, f.payload_size);
        used += f.payload_size;
    }
    data[used] = '\0';
}

static bool was_reset(uint32_t id)
{
    char data[4096];
    bool reset;
    look(id, data, sizeof data, &reset);
    return reset;
}

static bool got(uint32_t id, const char *expected)
{
    char data[4096];
    bool reset;
    look(id, data, sizeof data, &reset);
    return strcmp(data, expected) == 0;
}

/* ---- services: sockets that the test drives ---- */

static int listen_on(const char *address, int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t size = sizeof a;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    assert_int_equal(listen(fd, 16), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* A port at which connections are refused for as long as the descriptor is open. */
static int refusing(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void too_late(void *owner)
{
    (void)owner;
    fail_msg("nothing happened in time; the log:\n%.*s", (int)text.size, (const char *)text.data);
}

/* Runs the loop until the condition holds; fails after 90 s. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        struct timer *watch = timer_new(loop, too_late, NULL);                                     \
        timer_start(watch, 90000);                                                                 \
        while (!(condition))                                                                       \
            uv_run(loop_uv(loop), UV_RUN_ONCE);                                                    \
        timer_free(watch);                                                                         \
    } while (0)

static int accept_one(int fd)
{
    int accepted = -1;
    UNTIL((accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    return accepted;
}

static size_t receive_more(int fd, char *data, size_t size, size_t *have)
{
    ssize_t n = recv(fd, data + *have, size - 1 - *have, MSG_DONTWAIT);
    *have += n > 0 ? (size_t)n : 0;
    return *have;
}

static void read_exactly(int fd, const char *expected)
{
    char data[200] = "";
    size_t have = 0;
    UNTIL(receive_more(fd, data, sizeof data, &have) == strlen(expected));
    assert_string_equal(data, expected);
}

static void begin(const char *map, const struct destination_options *more, size_t n,
                  const char *const *ids)
{
    char problem[200];
    struct destination_options o = *more;
    assert_int_equal(services_parse(&services, map, SERVICES_DIAL, problem, sizeof problem),
                     ERR_OK);
    o.services = &services;
    destination = destination_new(loop, &o);
    session = session_new(loop, &(struct session_options){.role = SESSION_DESTINATION},
                          &session_events, NULL);
    assert_non_null(destination);
    assert_non_null(session);
    session_attach(session,
                   &(struct transport){
                       .ready = ready, .send = send_message, .resume = resume, .native = native});
    struct frame f = {.type = FRAME_SERVICE_IDS, .n_services = n};
    for (size_t i = 0; i < n; i++)
        f.services[i] = span_of(ids[i]);
    give(f);
}
/* Options first, then the services of the tunnel. */
#define BEGIN(map, options, ...)                                                                   \
    begin(map, &(struct destination_options){options},                                             \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),                             \
          (const char *const[]){__VA_ARGS__})
#define RETRIES(n, ms) .retries = (n), .retry_delay_ms = (ms)
#define HOSTS(to, from) .default_host = (to), .bind = (from)
#define PLAIN .match = DESTINATION_ANY

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    wire = (struct buf){.limit = 1000000};
    text = (struct buf){.limit = 1000000};
    log_redirect(on_log, NULL);
    return loop != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    destination_free(destination);
    if (session != NULL)
        session_free(session);
    destination = NULL;
    session = NULL;
    native = false;
    loop_free(loop);
    services_free(&services);
    buf_free(&wire);
    buf_free(&text);
    log_redirect(NULL, NULL);
    return 0;
}

/* ---- tests ---- */

static void both_ways(void **state)
{
    (void)state;
    int port = 0, fd = listen_on("127.0.0.1", &port);
    char map[80], line[200];
    snprintf(map, sizeof map, "ECHO=127.0.0.1:%d", port);
    BEGIN(map, PLAIN, "ECHO");
    start_connection("ECHO", 1);
    give_data("ECHO", 1, "before it is dialled"); /* held */
    int service = accept_one(fd);
    read_exactly(service, "before it is dialled");
    assert_int_equal(destination_active(destination), 1);
    assert_int_equal(send(service, "answer", 6, 0), 6);
    UNTIL(got(1, "answer"));
    close(service);
    UNTIL(destination_active(destination) == 0);
    assert_true(was_reset(1));
    snprintf(line, sizeof line, "Connected to 127.0.0.1:%d for service \"ECHO\"", port);
    expect_log(line);
    snprintf(line, sizeof line, "stream service=ECHO target=127.0.0.1:%d ms=", port);
    expect_log(line);
    expect_log(" up=20 down=6 reason=service-closed\n");
    close(fd);
}

static void refused_leaves_others_alone(void **state)
{
    (void)state;
    int port = 0, closed, fd = listen_on("127.0.0.1", &port), bound = refusing(&closed);
    char map[80];
    snprintf(map, sizeof map, "A=127.0.0.1:%d,B=127.0.0.1:%d", port, closed);
    BEGIN(map, PLAIN, "A", "B");
    start_connection("A", 1);
    int service = accept_one(fd);
    give((struct frame){
        .type = FRAME_STREAM_START, .stream = 5, .connection = 9, .service = span_of("B")});
    UNTIL(was_reset(9));
    expect_log("reason=refused\n");
    expect_log("-- connection refused\n");
    give_data("A", 1, "still here");
    read_exactly(service, "still here");
    assert_int_equal(destination_active(destination), 1);
    close(service);
    close(fd);
    close(bound);
}

static void retries_until_it_is_there(void **state)
{
    (void)state;
    int port, bound = refusing(&port);
    char map[80];
    snprintf(map, sizeof map, "127.0.0.1:%d", port);
    BEGIN(map, RETRIES(1000, 5), "SSH1");
    start_connection("SSH1", 1);
    give_data("SSH1", 1, "patience");
    UNTIL(logged("trying again"));
    assert_int_equal(listen(bound, 4), 0);
    int service = accept_one(bound);
    read_exactly(service, "patience");
    close(service);
    close(bound);
}

static void retries_run_out(void **state)
{
    (void)state;
    int port, bound = refusing(&port);
    char map[80];
    snprintf(map, sizeof map, "127.0.0.1:%d", port);
    BEGIN(map, RETRIES(2, 1), "SSH1");
    start_connection("SSH1", 1);
    UNTIL(was_reset(1));
    size_t tries = 0;
    for (size_t i = 0; i + 9 <= text.size; i++)
        tries += memcmp(text.data + i, "Could not", 9) == 0;
    assert_int_equal(tries, 3);
    close(bound);
}

static void reset_while_it_retries(void **state)
{
    (void)state;
    int port, bound = refusing(&port);
    char map[80];
    snprintf(map, sizeof map, "127.0.0.1:%d", port);
    BEGIN(map, RETRIES(1000, 60000), "SSH1");
    start_connection("SSH1", 1);
    UNTIL(logged("trying again"));
    give((struct frame){
        .type = FRAME_CONNECTION_RESET, .stream = 1, .connection = 1, .service = span_of("SSH1")});
    UNTIL(destination_active(destination) == 0);
    expect_log("reason=client-closed\n");
    close(bound);
}

static void unmapped(void **state)
{
    (void)state;
    BEGIN("A=1", PLAIN, "A", "B");
    expect_log("The tunnel has service \"B\", but nothing is mapped to it here");
    start_connection("B", 1);
    UNTIL(was_reset(1));
    expect_log("stream service=B target=\"\" ms=0 up=0 down=0 reason=no-service\n");
    assert_int_equal(destination_active(destination), 0);
}

static void one_mapping_and_no_ids(void **state)
{
    (void)state;
    int port = 0, fd = listen_on("127.0.0.1", &port);
    char map[80];
    snprintf(map, sizeof map, "SSH1=127.0.0.1:%d", port);
    begin(map, &(struct destination_options){.match = DESTINATION_ANY}, 0, NULL);
    start_connection("", 1);
    int service = accept_one(fd);
    close(service);
    UNTIL(destination_active(destination) == 0);
    close(fd);
}

static void default_host_and_bind(void **state)
{
    (void)state;
    int port = 0, fd = listen_on("127.0.0.3", &port);
    char map[80];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    snprintf(map, sizeof map, "A=%d,B=127.0.0.3:%d", port, port);
    BEGIN(map, HOSTS("127.0.0.3", "127.0.0.4"), "A", "B");
    for (uint32_t id = 1; id <= 2; id++) {
        start_connection(id == 1 ? "A" : "B", 1);
        int service = accept_one(fd);
        assert_int_equal(getpeername(service, (struct sockaddr *)&from, &size), 0);
        assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f000004);
        close(service);
    }
    close(fd);
}

static void ends_with_connections_open(void **state)
{
    (void)state;
    int port = 0, closed, fd = listen_on("127.0.0.1", &port), bound = refusing(&closed);
    char map[80];
    snprintf(map, sizeof map, "A=127.0.0.1:%d,B=127.0.0.1:%d", port, closed);
    BEGIN(map, RETRIES(9, 60000), "A", "B");
    start_connection("A", 1);
    int service = accept_one(fd);
    start_connection("A", 2); /* being dialled */
    give((struct frame){
        .type = FRAME_STREAM_START, .stream = 5, .connection = 9, .service = span_of("B")});
    UNTIL(logged("trying again"));
    destination_free(destination);
    destination = NULL;
    expect_log("reason=shutdown\n");
    close(service);
    close(fd);
    close(bound);
}

static void matches(void **state)
{
    (void)state;
    static const char *const ab[] = {"A", "B"};
    static const struct {
        const char *map;
        size_t n;
        enum err any, whole, exact;
    } cases[] = {
        {"A=1,B=2", 2, ERR_OK, ERR_OK, ERR_OK},
        {"B=2,A=1", 2, ERR_OK, ERR_OK, ERR_OK},
        {"A=1", 2, ERR_OK, ERR_USAGE, ERR_USAGE},
        {"A=1,B=2,C=3", 2, ERR_OK, ERR_OK, ERR_USAGE},
        {"A=1,C=2", 2, ERR_OK, ERR_USAGE, ERR_USAGE},
        {"A=1", 0, ERR_OK, ERR_OK, ERR_USAGE},
        {"22", 2, ERR_OK, ERR_OK, ERR_OK},
        {"22", 0, ERR_OK, ERR_OK, ERR_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const enum err expected[] = {[DESTINATION_ANY] = cases[i].any,
                                     [DESTINATION_SUBSET] = cases[i].any,
                                     [DESTINATION_WHOLE] = cases[i].whole,
                                     [DESTINATION_EXACT] = cases[i].exact};
        for (int match = DESTINATION_ANY; match <= DESTINATION_EXACT; match++) {
            struct services map = {0};
            char problem[200];
            assert_int_equal(
                services_parse(&map, cases[i].map, SERVICES_DIAL, problem, sizeof problem), ERR_OK);
            struct destination *d = destination_new(
                loop, &(struct destination_options){.services = &map,
                                                    .match = (enum destination_match)match});
            assert_int_equal(destination_services(d, ab, cases[i].n), expected[match]);
            destination_free(d);
            services_free(&map);
        }
    }
}

/* Who serves nothing says so, in the log and to who asks. */
static void fits_nothing(void **state)
{
    (void)state;
    static const char *const ids[] = {"SSH1", "HTTP1"};
    static const struct {
        const char *map;
        size_t n;
        bool useless;
        const char *said; /* besides; NULL: nothing */
    } cases[] = {
        {"SSH1=22", 2, false, NULL},
        {"SSH1:22", 2, true, "for the tunnel's service of that name write -d SSH1=22"},
        {"SSH1:22", 1, false, "for the tunnel's service of that name write -d SSH1=22"},
        {"localhost:22", 1, false, NULL},
        {"22", 2, true, "map each with -d"},
        {"22", 0, false, NULL},
        {"SSH=22", 2, true, "Service \"SSH\" is mapped here"},
        {"SSH=22,WEB=80", 0, true, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct services map = {0};
        char problem[200];
        text.size = 0;
        log_limit(LOG_BURST, LOG_A_MINUTE);
        assert_int_equal(services_parse(&map, cases[i].map, SERVICES_DIAL, problem, sizeof problem),
                         ERR_OK);
        struct destination *d =
            destination_new(loop, &(struct destination_options){.services = &map});
        assert_null(destination_unready(d));
        assert_int_equal(destination_services(d, ids, cases[i].n), ERR_OK);
        assert_int_equal(destination_unready(d) != NULL, cases[i].useless);
        assert_int_equal(logged("none of its services is served"), cases[i].useless);
        assert_int_equal(logged("of that name"), strchr(cases[i].map, ':') != NULL &&
                                                     strncmp(cases[i].map, "SSH1", 4) == 0);
        if (cases[i].said != NULL && !logged(cases[i].said))
            fail_msg("%s: \"%s\" was not said", cases[i].map, cases[i].said);
        destination_free(d);
        services_free(&map);
    }
}

static void read_bytes(int fd, const char *expected, size_t size)
{
    char data[200] = "";
    size_t have = 0;
    UNTIL(receive_more(fd, data, size + 1, &have) >= size);
    assert_int_equal(have, size);
    assert_memory_equal(data, expected, size);
}

/* It is in front of what the client says, also of one that spoke while the service was dialled. */
static void header_comes_first(void **state)
{
    char map[100];
    int port = 0, fd = listen_on("127.0.0.1", &port);
    (void)state;
    snprintf(map, sizeof map, "A=127.0.0.1:%d,proxy=v1", port);
    BEGIN(map, PLAIN, "A");
    start_connection("A", 1);
    give_data("A", 1, "hello");
    int accepted = accept_one(fd);
    read_exactly(accepted, "PROXY UNKNOWN\r\nhello");
    close(accepted);
    close(fd);
}

static void peer_is(const char *instance, uint32_t number)
{
    give((struct frame){.type = FRAME_PEER,
                        .attached = true,
                        .epoch = number,
                        .subprotocol = span_of(FRAME_NATIVE_PROTOCOL),
                        .instance = span_of(instance)});
    give((struct frame){.type = FRAME_RESUME, .epoch = number});
}

/* A native source tells who the client is; the key that opened the tunnel is added. */
static void header_of_a_native_source(void **state)
{
    char map[60], expected[100] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x1d\xc0\0\2\7\x7f\0\0\1\xc4\x88";
    int port = 0, fd = listen_on("127.0.0.1", &port);
    uint8_t said[OPENING_MAX];
    const struct opening o = {.client = "192.0.2.7:50312", .asked = "a.x.tun"};
    (void)state;
    memcpy(expected + 26, (const char[]){(char)(port >> 8), (char)port}, 2);
    memcpy(expected + 28, "\xe0\0\4AKID\2\0\7a.x.tun", 17);
    snprintf(map, sizeof map, "A=127.0.0.1:%d,proxy=v2", port);
    native = true;
    BEGIN(map, PLAIN, "A");
    assert_int_equal(destination_opened_by(destination, "other"), ERR_OK);
    assert_int_equal(destination_opened_by(destination, "AKID"), ERR_OK);
    peer_is("far", 1);
    give((struct frame){.type = FRAME_CONNECTION_START,
                        .connection = 1,
                        .service = span_of("A"),
                        .payload = said,
                        .payload_size = opening_encode(&o, said)});
    int accepted = accept_one(fd);
    read_bytes(accepted, expected, 45);
    close(accepted);
    close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ways),
        TEST(refused_leaves_others_alone),
        TEST(retries_until_it_is_there),
        TEST(retries_run_out),
        TEST(reset_while_it_retries),
        TEST(unmapped),
        TEST(one_mapping_and_no_ids),
        TEST(default_host_and_bind),
        TEST(ends_with_connections_open),
        TEST(matches),
        TEST(fits_nothing),
        TEST(header_comes_first),
        TEST(header_of_a_native_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
