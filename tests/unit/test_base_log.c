/* core/base: the log. */
#include "tests/unit/base_help.h"

/* ---- log ---- */

static struct {
    enum log_level level;
    char line[70000];
    int count;
} seen;

static void see(void *ctx, enum log_level level, const char *line)
{
    assert_ptr_equal(ctx, &seen);
    seen.level = level;
    seen.count++;
    snprintf(seen.line, sizeof seen.line, "%s", line);
}

static int log_begin(void **state)
{
    (void)state;
    seen.count = 0;
    seen.line[0] = '\0';
    log_redirect(see, &seen);
    return 0;
}

static int log_over(void **state)
{
    (void)state;
    log_redirect(NULL, NULL);
    log_setup(LOG_INFO, false);
    log_limit(LOG_BURST, LOG_A_MINUTE);
    return 0;
}

/* What stands behind "[2024-05-06 07:08:09.123] [info] ". */
static const char *plain_tail(void)
{
    int year, month, day, hour, minute, second, ms, n = 0;
    char level[16];
    int got = sscanf(seen.line, "[%4d-%2d-%2d %2d:%2d:%2d.%3d] [%15[a-z]] %n", &year, &month, &day,
                     &hour, &minute, &second, &ms, level, &n);
    assert_int_equal(got, 8);
    assert_true(n > 0);
    assert_true(year >= 2024);
    return seen.line + n;
}

/* What stands behind {"time":"2024-05-06T07:08:09.123Z", */
static const char *json_tail(void)
{
    int year, month, day, hour, minute, second, ms, n = 0;
    int got = sscanf(seen.line, "{\"time\":\"%4d-%2d-%2dT%2d:%2d:%2d.%3dZ\",%n", &year, &month,
                     &day, &hour, &minute, &second, &ms, &n);
    assert_int_equal(got, 7);
    assert_true(n > 0);
    return seen.line + n;
}

static void log_levels_filter(void **state)
{
    (void)state;
    for (int level = LOG_OFF; level <= LOG_TRACE; level++) {
        log_setup((enum log_level)level, false);
        for (int message = LOG_OFF; message <= LOG_TRACE; message++) {
            bool wanted = message != LOG_OFF && message <= level;
            int before = seen.count;
            assert_int_equal(log_wants((enum log_level)message), wanted);
            log_line((enum log_level)message, "x");
            log_event((enum log_level)message, "x", NULL, 0);
            assert_int_equal(seen.count - before, wanted ? 2 : 0);
            if (wanted)
                assert_int_equal(seen.level, message);
        }
    }
    log_setup((enum log_level)99, false);
    assert_true(log_wants(LOG_TRACE));
}

static int evaluations;

static int evaluated(void)
{
    return ++evaluations;
}

static void log_macros_have_their_levels(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_debug("%d", evaluated());
    assert_int_equal(evaluations, 0); /* costs nothing when nobody wants it */
    log_info("i");
    assert_int_equal(seen.level, LOG_INFO);
    log_warning("w");
    assert_int_equal(seen.level, LOG_WARNING);
    log_error("e");
    assert_int_equal(seen.level, LOG_ERROR);
    log_fatal("f");
    assert_int_equal(seen.level, LOG_FATAL);
    log_setup(LOG_DEBUG, false);
    log_debug("%d", evaluated());
    assert_string_equal(plain_tail(), "1");
}

static void log_lines_for_people(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_line(LOG_WARNING, "%s: %d", "port", 7);
    assert_string_equal(plain_tail(), "port: 7");
    assert_non_null(strstr(seen.line, "] [warning] port"));
    log_info("forged\n[2024-01-01] [info] \x1b[2Jline\r\t\x7f");
    assert_string_equal(plain_tail(), "forged\\x0a[2024-01-01] [info] \\x1b[2Jline\\x0d\\x09\\x7f");
    log_info("gr\xc3\xbc\xc3\x9f \"q\" \\ \xc2\x9b");
    assert_string_equal(plain_tail(), "gr\xc3\xbc\xc3\x9f \"q\" \\ \\xc2\\x9b");
}

static void log_lines_in_json(void **state)
{
    (void)state;
    log_setup(LOG_INFO, true);
    log_error("a \"b\" \\ \n \xfc %d", 5);
    assert_string_equal(json_tail(), "\"level\":\"error\",\"message\":"
                                     "\"a \\\"b\\\" \\\\ \\u000a \xef\xbf\xbd 5\"}");
    log_info("gr\xc3\xbc\xc3\x9f \xe2\x80\xae");
    assert_string_equal(json_tail(), "\"level\":\"info\",\"message\":"
                                     "\"gr\xc3\xbc\xc3\x9f \\u202e\"}");
}

static void log_cuts_long_messages(void **state)
{
    static char text[20000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    log_setup(LOG_INFO, false);
    log_info("%s", text);
    assert_int_equal(strlen(plain_tail()), LOG_TEXT_MAX);
    assert_string_equal(seen.line + strlen(seen.line) - 5, "xx...");
    memset(text, 1, sizeof text - 1);
    log_setup(LOG_INFO, true);
    log_info("%s", text);
    const char *tail = json_tail();
    assert_string_equal(tail + strlen(tail) - 11, "\\u0001...\"}");
    text[LOG_TEXT_MAX] = '\0'; /* the longest that is not cut */
    log_info("%s", text);
    tail = json_tail();
    assert_string_equal(tail + strlen(tail) - 8, "\\u0001\"}");
}

static const struct log_field fields[] = {
    {"client", "127.0.0.1:5", 0}, {"name", "a b", 0},       {"empty", "", 0},
    {"bad", "\"\n\\=", 0},        {"bytes", NULL, 1234567}, {"below", NULL, -5},
};

static void log_events_in_both_formats(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_event(LOG_INFO, "stream", fields, 6);
    assert_string_equal(plain_tail(), "stream client=127.0.0.1:5 name=\"a b\" empty=\"\" "
                                      "bad=\"\\\"\\x0a\\\\=\" bytes=1234567 below=-5");
    log_setup(LOG_INFO, true);
    log_event(LOG_INFO, "stream", fields, 6);
    assert_string_equal(json_tail(), "\"level\":\"info\",\"event\":\"stream\","
                                     "\"client\":\"127.0.0.1:5\",\"name\":\"a b\",\"empty\":\"\","
                                     "\"bad\":\"\\\"\\u000a\\\\=\","
                                     "\"bytes\":1234567,\"below\":-5}");
}

static void log_events_cut_long_fields(void **state)
{
    static char text[5000];
    struct log_field field = {"k", text, 0};
    (void)state;
    memset(text, '"', sizeof text - 1);
    for (int json = 0; json <= 1; json++) {
        log_setup(LOG_INFO, json == 1);
        log_event(LOG_INFO, "e", &field, 1);
        assert_in_range(strlen(seen.line), 500, (json + 1) * LOG_FIELD_MAX + 100);
        assert_string_equal(strstr(seen.line, "..."), json == 1 ? "...\"}" : "...\"");
    }
    memset(text, 'x', sizeof text - 1);
    memcpy(text + LOG_FIELD_MAX - 4, "\xe2\x82\xac", 3); /* no character is cut in two */
    log_event(LOG_INFO, "e", &field, 1);
    assert_string_equal(seen.line + strlen(seen.line) - 7, "xx...\"}");
}

static void many_lines(int n)
{
    for (int i = 0; i < n; i++)
        log_info("Connected to %d", i);
}

/* The first ones are there, the others are counted; other kinds have their own. */
static void log_leaves_out_what_repeats(void **state)
{
    (void)state;
    log_setup(LOG_INFO, false);
    log_limit(100, 1);
    many_lines(1000);
    assert_int_equal(seen.count, 100);
    assert_string_equal(plain_tail(), "Connected to 99");
    assert_true(log_pending());
    log_info("another");
    log_event(LOG_INFO, "stream", fields, 1);
    assert_int_equal(seen.count, 102);
    log_tick();
    assert_int_equal(seen.count, 102);
    log_end();
    assert_int_equal(seen.count, 103);
    assert_string_equal(plain_tail(), "left-out lines=900 seconds=0 like=\"Connected to 999\"");
    assert_int_equal(seen.level, LOG_INFO);
    assert_false(log_pending());
}

static void log_leaves_nothing_out(void **state)
{
    (void)state;
    log_limit(10, 1);
    log_setup(LOG_DEBUG, false);
    many_lines(1000);
    assert_int_equal(seen.count, 1000);
    log_setup(LOG_INFO, false);
    for (int i = 0; i < 100; i++)
        log_fatal("%d", i);
    assert_int_equal(seen.count, 1100);
    assert_false(log_pending());
}

/* Descriptor 2 while f runs is one end of what `make` makes. Returns the other. */
static int stderr_to(int fds[2], void (*f)(void))
{
    int before = dup(STDERR_FILENO);
    log_redirect(NULL, NULL);
    dup2(fds[1], STDERR_FILENO);
    log_setup(LOG_INFO, false);
    f();
    dup2(before, STDERR_FILENO);
    log_setup(LOG_INFO, false);
    close(before);
    close(fds[1]);
    return fds[0];
}

static size_t read_all(int fd, char *to, size_t room)
{
    size_t n = 0;
    for (ssize_t got; n < room - 1 && (got = read(fd, to + n, room - 1 - n)) > 0;)
        n += (size_t)got;
    to[n] = '\0';
    close(fd);
    return n;
}

static int reader; /* the other end of descriptor 2 */

static char taken[400000];

/* Until nothing is taken any more, and then with room again. */
static void fill_and_drain(void)
{
    log_limit(100000, 1);
    for (int i = 0; i < 6000; i++)
        log_info("line %d", i);
    size_t room = 100000, n = 0;
    for (ssize_t got; n < room && (got = recv(reader, taken, room - n, MSG_DONTWAIT)) > 0;)
        n += (size_t)got;
    for (ssize_t got; n == 0 && (got = read(reader, taken, room)) > 0;)
        n += (size_t)got;
    assert_true(n > 0);
    log_info("back again");
}

/* Nobody reads: lines are lost and counted, and the program goes on. */
static void nobody_reads(int fds[2])
{
    long lines = 0;
    reader = fds[0];
    read_all(stderr_to(fds, fill_and_drain), taken, sizeof taken);
    const char *back = strstr(taken, "back again"), *lost = strstr(taken, "] lost lines=");
    assert_non_null(back);
    assert_non_null(lost);
    assert_true(lost < back);
    assert_int_equal(sscanf(lost, "] lost lines=%ld", &lines), 1);
    assert_in_range(lines, 1000, 5999);
}

static void log_loses_lines_that_no_pipe_takes(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    nobody_reads(fds);
}

static void log_loses_lines_that_no_socket_takes(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    nobody_reads(fds);
}

static void say_hello(void)
{
    log_info("to people");
}

/* Without a redirection: one write per line to descriptor 2. */
static void log_goes_to_stderr(void **state)
{
    char got[200] = "";
    int fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    read_all(stderr_to(fds, say_hello), got, sizeof got);
    assert_string_equal(strstr(got, "[info]"), "[info] to people\n");
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, log_begin, log_over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(log_levels_filter),
        LOG_TEST(log_macros_have_their_levels),
        LOG_TEST(log_lines_for_people),
        LOG_TEST(log_lines_in_json),
        LOG_TEST(log_cuts_long_messages),
        LOG_TEST(log_leaves_out_what_repeats),
        LOG_TEST(log_leaves_nothing_out),
        LOG_TEST(log_loses_lines_that_no_pipe_takes),
        LOG_TEST(log_loses_lines_that_no_socket_takes),
        LOG_TEST(log_events_in_both_formats),
        LOG_TEST(log_events_cut_long_fields),
        LOG_TEST(log_goes_to_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
