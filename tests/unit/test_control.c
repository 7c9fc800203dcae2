/* The control endpoint: its socket, who is let in, snapshots, events and the end of streams. */
#include "tests/support/net.h"

#include "core/control/admin_server.h"
#include "core/control/control.h"
#include "core/control/event_stream_internal.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define CRLF "\r\n"

static struct control *control;
static char path[200];

struct flow {
    struct monitor_stream *stream;
    struct monitor_counters counters;
    unsigned closed;
};

static void look(void *ctx, struct monitor_counters *out)
{
    *out = ((const struct flow *)ctx)->counters;
}

static void close_flow(void *ctx)
{
    struct flow *f = ctx;
    f->closed++;
    monitor_stream_ended(f->stream, &(struct monitor_end){.why = ERR_OPERATOR});
}

static void start(struct flow *f, bool closable)
{
    *f = (struct flow){.counters = {.state = MONITOR_STREAM_OPEN}};
    f->stream = monitor_stream_began(
        control_monitor(control),
        &(struct monitor_stream_info){
            .client = "me", .look = look, .close = closable ? close_flow : NULL, .ctx = f});
}

static const char *unready_text;

static const char *unready(void *owner)
{
    (void)owner;
    return unready_text;
}

static struct control *open_at(const char *where, bool readonly, enum err *why, char *text)
{
    return control_new(&(struct control_setup){.loop = loop,
                                               .program = "tunnel-gateway",
                                               .role = "source",
                                               .path = where,
                                               .readonly = readonly,
                                               .unready = unready},
                       why, text, 400);
}

static void begin(bool readonly)
{
    char text[400];
    enum err why;
    snprintf(path, sizeof path, "%s", in_dir("run/admin.sock"));
    control = open_at(path, readonly, &why, text);
    assert_non_null(control);
    assert_int_equal(why, ERR_OK);
    assert_string_equal(control_where(control), path);
}

/* ---- asking ---- */

struct reply {
    char bytes[65536];
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

static void ask(int fd, const char *start_line)
{
    char request[300];
    int n = snprintf(request, sizeof request, "%s HTTP/1.1" CRLF "Host: x" CRLF CRLF, start_line);
    say(fd, request, (size_t)n);
}

static bool contains(int fd, struct reply *r, const char *text)
{
    goes_on(fd, r);
    return strstr(r->bytes, text) != NULL;
}

/* The status; the whole answer is in *r. */
static int fetch(const char *start_line, struct reply *r)
{
    char request[300];
    int fd = connect_unix(path);
    int n = snprintf(request, sizeof request,
                     "%s HTTP/1.1" CRLF "Host: x" CRLF "Connection: close" CRLF CRLF, start_line);
    *r = (struct reply){.size = 0};
    say(fd, request, (size_t)n);
    UNTIL(!goes_on(fd, r));
    close(fd);
    return atoi(r->bytes + 9);
}

/* ---- tests ---- */

static void only_ours(void **state)
{
    struct stat st;
    (void)state;
    umask(0);
    begin(false);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_dir("run"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    control_free(control);
    assert_int_equal(stat(path, &st), -1); /* it cleans up */
    umask(022);
}

/* A folder in which others may write is none for a control socket. */
static void open_folder(void **state)
{
    char text[400];
    enum err why;
    (void)state;
    mkdir(in_dir("shared"), 0700);
    chmod(in_dir("shared"), 0777);
    assert_null(open_at(in_dir("shared/admin.sock"), false, &why, text));
    assert_int_equal(why, ERR_PERMISSION);
    assert_non_null(strstr(text, "others may write"));
    assert_null(open_at(in_dir("no/such/admin.sock"), false, &why, text));
    assert_int_equal(why, ERR_NOT_FOUND);
    assert_null(open_at("admin.sock", false, &why, text));
    assert_int_equal(why, ERR_USAGE);
}

static void one_at_a_time(void **state)
{
    char text[400];
    enum err why;
    (void)state;
    begin(false);
    assert_null(open_at(path, false, &why, text));
    assert_int_equal(why, ERR_ADDRESS_IN_USE);
    assert_non_null(strstr(text, "another tunnel-gateway"));
    control_free(control);
}

/* At the default place it is no mistake. */
static void default_place(void **state)
{
    char text[400], first[300];
    enum err why;
    struct stat st;
    (void)state;
    setenv("XDG_RUNTIME_DIR", in_dir(""), 1);
    control = open_at(NULL, false, &why, text);
    assert_non_null(control);
    snprintf(first, sizeof first, "%s", control_where(control));
    assert_non_null(strstr(first, "/tunnel-gateway/admin.sock"));
    struct control *other = open_at(NULL, false, &why, text);
    assert_non_null(other);
    assert_null(control_where(other));
    assert_non_null(control_monitor(other));
    control_free(other);
    assert_int_equal(stat(first, &st), 0); /* the first one's is still there */
    control_free(control);
    control = open_at("off", false, &why, text);
    assert_non_null(control);
    assert_null(control_where(control));
    control_free(control);
    unsetenv("XDG_RUNTIME_DIR");
}

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static const char *long_environment(const char *name)
{
    static char text[300];
    (void)name;
    memset(text, '/', sizeof text - 1);
    return text;
}

static const char *relative_environment(const char *name)
{
    (void)name;
    return "run";
}

static void paths(void **state)
{
    char out[100];
    (void)state;
    assert_true(control_path("tunnel-hub", no_environment, out, sizeof out));
    assert_string_equal(out, "/run/tunnel-hub/admin.sock");
    assert_true(control_path("tunnel-hub", relative_environment, out, sizeof out));
    assert_string_equal(out, "/run/tunnel-hub/admin.sock");
    assert_false(control_path("tunnel-hub", long_environment, out, sizeof out));
}

static void snapshots(void **state)
{
    struct reply r;
    struct flow f;
    (void)state;
    begin(true);
    start(&f, true);
    assert_int_equal(fetch("GET /v1/snapshot", &r), 200);
    assert_non_null(strstr(r.bytes, "Content-Type: application/json" CRLF));
    assert_non_null(strstr(r.bytes, "\"schema\":1,\"program\":\"tunnel-gateway\""));
    assert_non_null(strstr(r.bytes, "\"readonly\":true"));
    assert_non_null(strstr(r.bytes, "\"client\":\"me\""));
    assert_null(strstr(r.bytes, "\"history\":{\"down\""));
    assert_int_equal(fetch("GET /v1/snapshot?events=0&detail=1&x=y", &r), 200);
    assert_non_null(strstr(r.bytes, "\"history\":{\"down\""));
    assert_int_equal(fetch("GET /v1/snapshot?detail=-1&history=x&&=", &r), 200);
    assert_int_equal(fetch("HEAD /v1/snapshot", &r), 200);
    assert_int_equal(fetch("POST /v1/snapshot", &r), 405);
    assert_int_equal(fetch("GET /v1/snapshots", &r), 404);
    assert_non_null(strstr(r.bytes, "/v1/events"));
    assert_int_equal(fetch("GET /healthz", &r), 200);
    assert_int_equal(fetch("GET /readyz", &r), 200);
    unready_text = "No tunnel is up.";
    assert_int_equal(fetch("GET /readyz", &r), 503);
    assert_non_null(strstr(r.bytes, CRLF CRLF "No tunnel is up.\n"));
    unready_text = NULL;
    assert_int_equal(fetch("GET /metrics", &r), 200);
    assert_non_null(strstr(r.bytes, "tunnel_events_dropped_total 0\n"));
    assert_int_equal(fetch("DELETE /v1/streams/1", &r), 403);
    assert_non_null(strstr(r.bytes, "read-only"));
    assert_int_equal(f.closed, 0);
    control_free(control);
}

static void closing_streams(void **state)
{
    struct reply r;
    struct flow f, fixed;
    (void)state;
    begin(false);
    start(&f, true);
    start(&fixed, false);
    assert_int_equal(fetch("DELETE /v1/streams/3", &r), 404);
    assert_int_equal(fetch("DELETE /v1/streams/", &r), 404);
    assert_int_equal(fetch("DELETE /v1/streams/1x", &r), 404);
    assert_int_equal(fetch("DELETE /v1/streams/99999999999999999999", &r), 404);
    assert_int_equal(fetch("GET /v1/streams/1", &r), 405);
    assert_int_equal(fetch("DELETE /v1/streams/2", &r), 403);
    assert_int_equal(f.closed, 0);
    assert_int_equal(fetch("DELETE /v1/streams/1", &r), 204);
    assert_int_equal(f.closed, 1);
    assert_int_equal(fetch("DELETE /v1/streams/1", &r), 404); /* listed, but over */
    assert_int_equal(fetch("GET /v1/snapshot", &r), 200);
    assert_non_null(strstr(r.bytes, "\"reason\":\"operator\""));
    control_free(control);
}

static void followers(void **state)
{
    struct reply r = {.size = 0}, gone = {.size = 0};
    struct flow f;
    (void)state;
    begin(false);
    int fd = connect_unix(path), other = connect_unix(path);
    ask(fd, "GET /v1/events");
    ask(other, "GET /v1/events");
    UNTIL(contains(fd, &r, "application/x-ndjson" CRLF));
    UNTIL(contains(other, &gone, "application/x-ndjson" CRLF));
    close(other);
    start(&f, true);
    monitor_stream_opened(f.stream, NULL, "");
    UNTIL(contains(fd, &r, "{\"event\":\"open\",\"number\":1,"));
    monitor_stream_answered(f.stream);
    close_flow(&f);
    UNTIL(contains(fd, &r, "{\"event\":\"close\",\"number\":2,"));
    UNTIL(contains(fd, &r, "}\n{"));
    assert_false(r.ended);
    control_free(control);
    UNTIL(!goes_on(fd, &r));
    close(fd);
}

/* Reads until the number of a `dropped` line is there; counts the lines before. */
static uint64_t read_dropped(int fd, size_t *lines)
{
    static char bytes[4 << 20];
    size_t size = 0;
    char *found = NULL;
    while (found == NULL || strchr(found, '\n') == NULL) {
        ssize_t n = recv(fd, bytes + size, sizeof bytes - 1 - size, MSG_DONTWAIT);
        size += n > 0 ? (size_t)n : 0;
        bytes[size] = '\0';
        found = strstr(bytes, "{\"event\":\"dropped\"");
        uv_run(loop_uv(loop), UV_RUN_NOWAIT);
    }
    for (const char *p = bytes; (p = strstr(p, "{\"event\":\"down\"")) != NULL; p++)
        (*lines)++;
    return strtoull(strstr(found, "\"count\":") + 8, NULL, 10);
}

static void look_at_tunnel(void *ctx, struct monitor_tunnel_state *out)
{
    (void)ctx;
    out->link = MONITOR_UP;
}

/* Nobody waits for a reader that does not read, and it holds no more than it may. */
static void a_stuck_reader(void **state)
{
    enum { EVENTS = 20000 };
    struct reply r = {.size = 0}, metrics;
    size_t lines = 0;
    (void)state;
    begin(false);
    struct monitor_tunnel *t = monitor_tunnel_add(
        control_monitor(control),
        &(struct monitor_tunnel_info){.name = "", .hub = "wss://h", .look = look_at_tunnel});
    int fd = connect_unix(path);
    ask(fd, "GET /v1/events");
    UNTIL(contains(fd, &r, CRLF CRLF));
    for (int i = 0; i < EVENTS; i++)
        monitor_tunnel_event(t, MONITOR_DOWN, ERR_TIMEOUT, "a text of some length, to fill it");
    assert_int_equal(fetch("GET /metrics", &metrics), 200); /* others are served */
    uint64_t dropped = read_dropped(fd, &lines);
    assert_true(dropped > 0);
    assert_int_equal(lines + dropped, EVENTS);
    assert_int_equal(fetch("GET /metrics", &metrics), 200);
    char line[80];
    snprintf(line, sizeof line, "tunnel_events_dropped_total %llu\n", (unsigned long long)dropped);
    assert_non_null(strstr(metrics.bytes, line));
    monitor_tunnel_event(t, MONITOR_UP, ERR_OK, "");
    UNTIL(contains(fd, &r, "{\"event\":\"up\",\"number\":20001,"));
    close(fd);
    control_free(control);
}

static void too_many_readers(void **state)
{
    int fds[EVENTS_MAX_READERS];
    struct reply r;
    (void)state;
    begin(false);
    for (size_t i = 0; i < EVENTS_MAX_READERS; i++) {
        r = (struct reply){.size = 0};
        fds[i] = connect_unix(path);
        ask(fds[i], "GET /v1/events");
        UNTIL(contains(fds[i], &r, CRLF CRLF));
    }
    r = (struct reply){.size = 0};
    int late = connect_unix(path);
    ask(late, "GET /v1/events");
    UNTIL(!goes_on(late, &r));
    assert_int_equal(r.size, 0);
    close(late);
    for (size_t i = 0; i < EVENTS_MAX_READERS; i++)
        close(fds[i]);
    do /* until a place is free */
        late = connect_unix(path), ask(late, "GET /v1/events"), pass(1);
    while (!contains(late, &r, CRLF CRLF) && (close(late), true));
    close(late);
    control_free(control);
}

/* Another user, who could get at the socket, is turned away; root is not. */
static void another_user(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    begin(false);
    chmod(in_dir(""), 0755);
    chmod(in_dir("run"), 0755);
    chmod(path, 0666);
    pid_t child = fork();
    if (child == 0) {
        struct reply r = {.size = 0};
        if (setuid(65534) != 0)
            _exit(2);
        int fd = connect_unix(path);
        static const char request[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        if (write(fd, request, sizeof request - 1) < 0)
            _exit(0); /* it was shown the door before it could ask */
        while (goes_on(fd, &r) && r.size == 0)
            usleep(1000);
        _exit(r.size == 0 ? 0 : 1);
    }
    int status = -1;
    UNTIL(waitpid(child, &status, WNOHANG) == child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    control_free(control);
}

/* The folders stay: another program may be about to use them. */
static int teardown(void **state)
{
    static const char *const folders[] = {"run", "shared", "tunnel-gateway"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        rmdir(in_dir(folders[i]));
    return dir_end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ours),       cmocka_unit_test(open_folder),
        cmocka_unit_test(one_at_a_time),   cmocka_unit_test(default_place),
        cmocka_unit_test(paths),           cmocka_unit_test(snapshots),
        cmocka_unit_test(closing_streams), cmocka_unit_test(followers),
        cmocka_unit_test(a_stuck_reader),  cmocka_unit_test(too_many_readers),
        cmocka_unit_test(another_user),
    };
    return cmocka_run_group_tests(tests, dir_begin, teardown);
}
