/* What the log of clients tells the monitor. */
#include "tests/support/net.h"

#include "core/base/log.h"
#include "core/control/report.h"
#include "gateway/source/access_log.h"

static struct monitor *monitor;
static struct access_log *all;
static int fd; /* the client's end */
static struct probe probe;

static uint64_t now(void *clock)
{
    (void)clock;
    return 1000;
}

static int64_t wall(void *clock)
{
    (void)clock;
    return 1790000000000;
}

static int begin(void **state)
{
    log_setup(LOG_OFF, false);
    loop_begin(state);
    monitor = monitor_new(&(struct monitor_options){
        .program = "test", .role = "source", .version = "0", .now = now, .wall = wall});
    all = access_log_new(loop, monitor);
    assert_non_null(monitor);
    assert_non_null(all);
    fd = probe_pair(UNIX_PAIR, &probe);
    return 0;
}

static int end(void **state)
{
    access_log_free(all);
    monitor_free(monitor);
    probe_close(&probe);
    close(fd);
    return loop_end(state);
}

/* The snapshot has this text. */
static void shows(const char *text)
{
    struct json_writer w = {.bytes.limit = 1 << 20};
    report_snapshot(monitor, &(struct snapshot_query){.history = 0}, &w);
    assert_false(w.failed);
    assert_true(buf_append(&w.bytes, "", 1));
    if (strstr((const char *)w.bytes.data, text) == NULL)
        fail_msg("%s is not in %s", text, (const char *)w.bytes.data);
    buf_free(&w.bytes);
}

static void look(void *ctx, struct monitor_counters *out)
{
    *out = *(const struct monitor_counters *)ctx;
}

static struct monitor_counters counters;

static struct access_log_entry client(const char *asked)
{
    struct access_log_entry c;
    counters = (struct monitor_counters){.state = MONITOR_STREAM_CONNECTING};
    assert_true(access_log_began(all,
                                 &(struct access_log_options){.stream = probe.stream,
                                                              .protocol = "socks5",
                                                              .asked = span_of(asked),
                                                              .look = look,
                                                              .ctx = &counters},
                                 &c));
    assert_string_equal(c.asked, asked);
    assert_string_equal(c.name, probe.stream->name);
    return c;
}

static void one_that_is_served(void **state)
{
    char pid[40];
    (void)state;
    struct access_log_entry c = client("ssh1.tunnel");
    snprintf(pid, sizeof pid, "\"pid\":%ld", (long)getpid());
    shows(pid);
    shows("\"asked\":\"ssh1.tunnel\"");
    access_log_opened(&c, NULL, "", NULL);
    access_log_answered(&c);
    counters = (struct monitor_counters){.state = MONITOR_STREAM_OPEN, .up = 7, .down = 70};
    access_log_ended(&c, &(struct access_log_end){.service = "SSH1", .why = ERR_CLIENT_CLOSED});
    counters.down = 0; /* it is not looked at any more */
    access_log_forget(&c);
    shows("\"served\":1,\"refused\":0,\"failed\":0,\"bytes_down\":70,\"bytes_up\":7");
    shows("\"reason\":\"client-closed\"");
}

/* Each counts once, also when it had begun; the first is told, then how many more there were. */
static void refusals_of_a_kind(void **state)
{
    (void)state;
    access_log_refused(all, "a:1", "socks5", "one.example", ERR_FORBIDDEN, "not here");
    for (int i = 0; i < 3; i++) {
        struct access_log_entry c = client("two.example");
        access_log_refuse(&c, ERR_FORBIDDEN, NULL);
        access_log_forget(&c);
    }
    access_log_refused(all, "a:2", "socks5", "three.example", ERR_FORBIDDEN, NULL);
    shows("\"refused\":5");
    shows("\"refusals\":{\"forbidden\":5}");
    shows("\"text\":\"not here\"");
    shows("\"events\":{\"last\":1,");
    access_log_free(all); /* as if the interval were over */
    shows("\"events\":{\"last\":2,");
    shows("\"count\":4");
    shows("\"asked\":\"three.example\"");
    shows("\"refusals\":{\"forbidden\":5}");
    all = NULL;
}

static void another_kind_is_told(void **state)
{
    (void)state;
    access_log_refused(all, "a:1", "socks5", "x", ERR_FORBIDDEN, NULL);
    access_log_refused(all, "a:1", "http", "x", ERR_FORBIDDEN, NULL);
    access_log_refused(all, "a:1", "http", "x", ERR_NO_SERVICE, NULL);
    shows("\"events\":{\"last\":3,");
}

static void nobody_watches(void **state)
{
    struct access_log_entry c;
    (void)state;
    struct access_log *alone = access_log_new(loop, NULL);
    assert_non_null(alone);
    assert_true(access_log_began(alone,
                                 &(struct access_log_options){.stream = probe.stream,
                                                              .protocol = "http",
                                                              .asked = span_of("x")},
                                 &c));
    access_log_opened(&c, NULL, "", NULL);
    access_log_answered(&c);
    access_log_ended(&c, &(struct access_log_end){.service = "X"});
    access_log_forget(&c);
    access_log_refused(alone, "a:1", "http", "x", ERR_FORBIDDEN, NULL);
    access_log_free(alone);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define test(f) cmocka_unit_test_setup_teardown(f, begin, end)
        test(one_that_is_served),
        test(refusals_of_a_kind),
        test(another_kind_is_told),
        test(nobody_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
