/* An endpoint as curl and Prometheus ask it: the hub's operations listener is one. */
#include "tests/support/net.h"

#include "core/control/admin_server.h"

#define CRLF "\r\n"
#define HOST "Host: localhost" CRLF

/* ---- a hub to be watched ---- */

struct watched {
    struct admin_server *server;
    const char *unready;
    size_t metrics_size;
};

static const char *unready(void *owner)
{
    return ((struct watched *)owner)->unready;
}

static void metrics(void *owner, struct buf *out)
{
    struct watched *w = owner;
    for (size_t i = 0; i < w->metrics_size; i++)
        if (!buf_append(out, "m 1\n", 4))
            return;
}

static void begin(struct watched *w)
{
    struct admin_server_options o = {.loop = loop,
                                     .where = "127.0.0.1:0",
                                     .unready = unready,
                                     .metrics = metrics,
                                     .owner = w,
                                     .request_ms = 60000}; /* nothing here is about time */
    enum err why;
    *w = (struct watched){.metrics_size = 1};
    w->server = admin_server_new(&o, &why);
    assert_non_null(w->server);
    assert_int_equal(why, ERR_OK);
}

static int visit(const struct watched *w)
{
    const char *name = admin_server_name(w->server);
    assert_int_equal(strncmp(name, "127.0.0.1:", 10), 0);
    return connect_tcp("127.0.0.1", atoi(name + 10));
}

/* ---- asking ---- */

struct reply {
    char bytes[4096];
    size_t size;
    bool ended;
};

static bool goes_on(int fd, struct reply *r)
{
    ssize_t n = recv(fd, r->bytes + r->size, sizeof r->bytes - 1 - r->size, MSG_DONTWAIT);
    r->size += n > 0 ? (size_t)n : 0;
    r->bytes[r->size] = '\0';
    r->ended = r->ended || n == 0 || (n < 0 && errno == ECONNRESET);
    return !r->ended;
}

static struct reply fetch(const struct watched *w, const char *start_line)
{
    char request[300];
    struct reply r = {.size = 0};
    int fd = visit(w);
    snprintf(request, sizeof request, "%s HTTP/1.1" CRLF HOST "Connection: close" CRLF CRLF,
             start_line);
    say(fd, request, strlen(request));
    UNTIL(!goes_on(fd, &r));
    close(fd);
    return r;
}

static void assert_answer(const struct watched *w, const char *start_line, int status,
                          const char *line, const char *body)
{
    char begin_text[40];
    struct reply r = fetch(w, start_line);
    int n = snprintf(begin_text, sizeof begin_text, "HTTP/1.1 %d ", status);
    assert_int_equal(strncmp(r.bytes, begin_text, (size_t)n), 0);
    if (line != NULL)
        assert_non_null(strstr(r.bytes, line));
    const char *end = strstr(r.bytes, CRLF CRLF);
    assert_non_null(end);
    assert_string_equal(end + 4, body);
}

static void pages(void **state)
{
    static const char text[] = CRLF "Content-Type: text/plain; charset=utf-8" CRLF;
    static const char prometheus[] =
        CRLF "Content-Type: text/plain; version=0.0.4; charset=utf-8" CRLF;
    static const char lost[] = "Nothing is here. Try /healthz, /readyz, /metrics.\n";
    static const char method[] = "Ask with GET or HEAD.\n";
    struct watched w;
    (void)state;
    begin(&w);
    assert_answer(&w, "GET /healthz", 200, text, "ok\n");
    assert_answer(&w, "GET /healthz?verbose", 200, text, "ok\n");
    assert_answer(&w, "GET /readyz", 200, text, "ready\n");
    assert_answer(&w, "GET /metrics", 200, prometheus, "m 1\n");
    assert_answer(&w, "HEAD /healthz", 200, CRLF "Content-Length: 3" CRLF, "");
    assert_answer(&w, "HEAD /metrics", 200, CRLF "Content-Length: 4" CRLF, "");
    assert_answer(&w, "POST /metrics", 405, CRLF "Allow: GET, HEAD" CRLF, method);
    assert_answer(&w, "DELETE /readyz", 405, CRLF "Allow: GET, HEAD" CRLF, method);
    assert_answer(&w, "GET /", 404, text, lost);
    assert_answer(&w, "GET /healthz/", 404, text, lost);
    assert_answer(&w, "GET /healthzz", 404, text, lost);
    assert_answer(&w, "POST /tunnel", 404, text, lost);
    w.unready = "The state folder cannot be written.";
    assert_answer(&w, "GET /readyz", 503, text, "The state folder cannot be written.\n");
    assert_answer(&w, "HEAD /readyz", 503, CRLF "Content-Length: 36" CRLF, "");
    assert_answer(&w, "GET /healthz", 200, text, "ok\n");
    w.metrics_size = 0;
    assert_answer(&w, "GET /metrics", 200, CRLF "Content-Length: 0" CRLF, "");
    admin_server_free(w.server);
}

static bool has(int fd, struct reply *r, size_t n)
{
    goes_on(fd, r);
    return r->size >= n || r->ended;
}

/* Prometheus keeps its connection. */
static void stays_open(void **state)
{
    static const char request[] = "GET /metrics HTTP/1.1" CRLF HOST CRLF;
    struct watched w;
    struct reply one = {.size = 0}, two = {.size = 0};
    (void)state;
    begin(&w);
    int fd = visit(&w);
    say(fd, request, sizeof request - 1);
    UNTIL(has(fd, &one, 1) && strstr(one.bytes, "m 1\n") != NULL);
    say(fd, request, sizeof request - 1);
    UNTIL(has(fd, &two, one.size));
    assert_string_equal(one.bytes, two.bytes);
    admin_server_free(w.server); /* with a client that is still there */
    UNTIL(!goes_on(fd, &two));
    close(fd);
}

/* More than fit are cut at a line, and the answer still arrives. */
static void many_metrics(void **state)
{
    struct watched w;
    struct reply r = {.size = 0};
    size_t total = 0;
    (void)state;
    begin(&w);
    w.metrics_size = ADMIN_ANSWER_MAX;
    int fd = visit(&w);
    say(fd, "GET /metrics HTTP/1.0" CRLF CRLF, 25);
    while (!r.ended) {
        r.size = 0;
        goes_on(fd, &r);
        total += r.size;
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    assert_in_range(total, ADMIN_ANSWER_MAX - 1000, ADMIN_ANSWER_MAX + 512);
    close(fd);
    admin_server_free(w.server);
}

static bool answers(int fd)
{
    static const char request[] = "GET /healthz HTTP/1.1" CRLF HOST CRLF;
    struct reply r = {.size = 0};
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return false;
    UNTIL(has(fd, &r, 1));
    return strncmp(r.bytes, "HTTP/1.1 200 OK" CRLF, 17) == 0;
}

/* Who comes when all places are taken gets that of the one who was silent for longest. */
static void crowded(void **state)
{
    struct watched w;
    int fds[ADMIN_MAX_CLIENTS + 1];
    (void)state;
    begin(&w);
    for (size_t i = 0; i < ADMIN_MAX_CLIENTS; i++) {
        fds[i] = visit(&w);
        assert_true(answers(fds[i]));
    }
    assert_true(answers(fds[0]));
    fds[ADMIN_MAX_CLIENTS] = visit(&w);
    assert_true(answers(fds[ADMIN_MAX_CLIENTS]));
    struct reply r = {.size = 0};
    UNTIL(!goes_on(fds[1], &r));
    assert_int_equal(r.size, 0);
    assert_true(answers(fds[0]));
    assert_true(answers(fds[2]));
    for (size_t i = 0; i <= ADMIN_MAX_CLIENTS; i++)
        close(fds[i]);
    admin_server_free(w.server);
}

static int status_of(const struct watched *w, const char *version, const char *host)
{
    char request[300];
    struct reply r = {.size = 0};
    int fd = visit(w);
    snprintf(request, sizeof request,
             "GET /metrics HTTP/%s" CRLF "%s%s%sConnection: close" CRLF CRLF, version,
             host != NULL ? "Host: " : "", host != NULL ? host : "", host != NULL ? CRLF : "");
    say(fd, request, strlen(request));
    UNTIL(!goes_on(fd, &r));
    close(fd);
    return atoi(r.bytes + strlen("HTTP/1.1 "));
}

static const char *name(void *owner, size_t i)
{
    static const char *const names[] = {"hub.example", "hub"};
    (void)owner;
    return i < sizeof names / sizeof *names ? names[i] : NULL;
}

/* A web page whose name leads here may not read what is here. */
static void asked_as_itself(void **state)
{
    static const struct {
        const char *version, *host;
        int status;
    } rows[] = {
        {"1.1", "127.0.0.1", 200},
        {"1.1", "127.0.0.1:9464", 200},
        {"1.1", "[::1]:9464", 200},
        {"1.1", "localhost:1", 200},
        {"1.1", "LOCALHOST", 200},
        {"1.1", "hub:9464", 200},
        {"1.1", "Hub.Example", 200},
        {"1.0", NULL, 200},
        {"1.1", "evil.example", 421},
        {"1.0", "evil.example", 421},
        {"1.1", "hub.example.", 421},
        {"1.1", "", 421},
        {"1.1", "localhost.evil.example", 421},
        {"1.1", "127.0.0.1.evil", 421},
        {"1.1", ":9464", 421},
    };
    struct watched w;
    enum err why;
    char own[80] = "";
    (void)state;
    begin(&w);
    admin_server_free(w.server);
    struct admin_server_options o = {.loop = loop,
                                     .where = "127.0.0.1:0",
                                     .unready = unready,
                                     .metrics = metrics,
                                     .name = name,
                                     .owner = &w};
    w.server = admin_server_new(&o, &why);
    assert_non_null(w.server);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (status_of(&w, rows[i].version, rows[i].host) != rows[i].status)
            fail_msg("HTTP/%s, %s", rows[i].version, rows[i].host);
    assert_int_equal(gethostname(own, sizeof own - 1), 0);
    assert_int_equal(status_of(&w, "1.1", own), 200);
    admin_server_free(w.server);
}

static void address_in_use(void **state)
{
    struct watched w;
    enum err why;
    (void)state;
    begin(&w);
    struct admin_server_options o = {.loop = loop, .where = admin_server_name(w.server)};
    assert_null(admin_server_new(&o, &why));
    assert_int_equal(why, ERR_ADDRESS_IN_USE);
    admin_server_free(w.server);
    admin_server_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),        cmocka_unit_test(stays_open),
        cmocka_unit_test(many_metrics), cmocka_unit_test(asked_as_itself),
        cmocka_unit_test(crowded),      cmocka_unit_test(address_in_use),
    };
    return cmocka_run_group_tests(tests, loop_begin, loop_end);
}
