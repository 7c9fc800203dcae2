/* Whether a device accepts who wants in: real commands of its owner, on the test's own clock. */
#include "tests/support/clock.h"
#include "tests/support/memory.h"
#include "tests/support/net.h"

#include "core/base/log.h"
#include "gateway/destination/acceptance.h"

#include <sys/stat.h>

#define LATE "the device's own command did not answer in time"
#define RULES "the device's own rules say no"
#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct acceptance *acceptance;
static struct device_request request;

struct heard {
    int calls;
    bool accepted;
    enum device_code code;
    char why[2 * ACCEPTANCE_WORDS_MAX];
};

static void on_done(void *owner, bool accepted, enum device_code code, const char *why)
{
    struct heard *h = owner;
    h->calls++;
    h->accepted = accepted;
    h->code = code;
    snprintf(h->why, sizeof h->why, "%s", why);
}

static void handle_is_left(uv_handle_t *h, void *ctx)
{
    if (h->type == UV_PROCESS || h->type == UV_NAMED_PIPE)
        ++*(int *)ctx;
}

/* Processes and pipes that the loop still has. */
static int handles(void)
{
    int n = 0;
    uv_walk(loop_uv(loop), handle_is_left, &n);
    return n;
}

static void process_runs(uv_handle_t *h, void *ctx)
{
    if (h->type == UV_PROCESS && uv_is_active(h))
        ++*(int *)ctx;
}

/* Processes of whose end the loop has not heard. */
static int running(void)
{
    int n = 0;
    uv_walk(loop_uv(loop), process_runs, &n);
    return n;
}

static int begin(void **state)
{
    log_setup(LOG_OFF, false);
    if (dir_begin(state) != 0)
        return 1;
    acceptance = acceptance_new(loop, NULL, false);
    request = (struct device_request){.tunnel = "t-1",
                                      .services = "SSH1,HTTP1",
                                      .service = "SSH1",
                                      .opened_by = "me",
                                      .why = "because"};
    return acceptance == NULL;
}

static int end(void **state)
{
    static const char *const files[] = {"script", "child", "fifo", "told"};
    acceptance_free(acceptance);
    UNTIL(handles() == 0);
    assert_true(list_empty(&timers));
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(in_dir(files[i]));
    return dir_end(state);
}

/* Its command is a script of those lines. */
static void script(const char *lines)
{
    char command[200];
    FILE *f = fopen(in_dir("script"), "w");
    assert_non_null(f);
    fprintf(f, "cd %s\n%s\n", work_dir, lines);
    fclose(f);
    snprintf(command, sizeof command, "/bin/sh %s", in_dir("script"));
    assert_int_equal(acceptance_command(acceptance, command), ERR_OK);
}

static struct acceptance_question *ask(struct heard *h)
{
    *h = (struct heard){0};
    return acceptance_ask(acceptance, "press7", &request, on_done, h);
}

static void answered(struct heard *h, bool accepted, const char *why)
{
    if (h->calls == 0)
        UNTIL(h->calls > 0);
    assert_int_equal(h->calls, 1);
    assert_int_equal(h->accepted, accepted);
    assert_string_equal(h->why, why);
}

static void ask_and_hear(bool accepted, const char *why)
{
    struct heard h;
    assert_non_null(ask(&h));
    assert_int_equal(h.calls, 0);
    answered(&h, accepted, why);
    assert_int_equal(h.code, accepted ? DEVICE_CODE_UNKNOWN : DEVICE_CODE_REFUSED);
}

static void later(uint64_t ms)
{
    now_ms += ms;
    fire_timers();
}

/* What the script has written into a file: a number and a line feed. 0: not yet. */
static long number(const char *name)
{
    FILE *f = fopen(in_dir(name), "r");
    long n = 0;
    char c;
    if (f == NULL)
        return 0;
    if (fscanf(f, "%ld%c", &n, &c) != 2)
        n = 0;
    fclose(f);
    return n;
}

static long number_in(const char *name)
{
    UNTIL(number(name) != 0);
    return number(name);
}

/* Nobody may be there to take note of the end of one whose parent has gone: a zombie has ended. */
static bool has_ended(long pid)
{
    char path[64], process_state = 'Z';
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return true;
    if (fscanf(f, "%*d %*s %c", &process_state) != 1)
        process_state = 'Z';
    fclose(f);
    return process_state == 'Z';
}

/* ---- without asking anybody ---- */

static void by_itself(void **state)
{
    struct heard h;
    (void)state;
    assert_null(ask(&h));
    answered(&h, true, "");
    script("exit 0");
    acceptance_set(acceptance, true);
    assert_true(acceptance_is_never(acceptance));
    assert_null(ask(&h)); /* nor is the command asked */
    answered(&h, false, "");
    assert_int_equal(h.code, DEVICE_CODE_MAINTENANCE);
    acceptance_set(acceptance, false);
    assert_int_equal(acceptance_command(acceptance, NULL), ERR_OK);
    assert_null(ask(&h));
    answered(&h, true, "");
}

static void cannot_be_run(void **state)
{
    static const char *const commands[] = {"/nonexistent/command x", "no-such-command-anywhere",
                                           "/"};
    struct heard h;
    (void)state;
    for (size_t i = 0; i < COUNT(commands); i++) {
        assert_int_equal(acceptance_command(acceptance, commands[i]), ERR_OK);
        assert_null(ask(&h));
        answered(&h, false, "the device's own command cannot be run");
        assert_int_equal(h.code, DEVICE_CODE_REFUSED);
    }
    script("exit 0"); /* and it takes no place among those that run */
    ask_and_hear(true, "");
}

/* ---- what it answers ---- */

static void reasons(void **state)
{
    static const struct {
        const char *lines, *why;
    } rows[] = {
        {"exit 1", RULES},
        {"echo not now; exit 1", "not now"},
        {"echo; echo '  not now  '; echo nor later; exit 7", "not now"},
        {"echo aside >&2; echo not now; exit 1", "not now"},
        {"echo it broke >&2; exit 1", "it broke"},
        {"echo '   '; echo it broke >&2; exit 1", "it broke"},
        {"printf 'no line feed'; exit 1", "no line feed"},
        {"printf 'a\\000b\\n'; exit 1", "ab"},
        {"printf '\\033[31mred\\302\\205'; exit 1", "\\x1b[31mred\\xc2\\x85"},
        {"kill -9 $$", RULES},
        {"echo yes; kill -15 $$", "yes"},
    };
    (void)state;
    script("echo words of no use; exit 0");
    ask_and_hear(true, "");
    for (size_t i = 0; i < COUNT(rows); i++) {
        script(rows[i].lines);
        ask_and_hear(false, rows[i].why);
    }
}

/* It may say as much as it likes: the first line counts, as far as it fits. */
static void says_much(void **state)
{
    char why[ACCEPTANCE_WORDS_MAX] = "";
    (void)state;
    memset(why, 'x', sizeof why - 4);
    strcat(why, "...");
    script("head -c 3000000 /dev/zero | tr '\\0' x; exit 1");
    ask_and_hear(false, why);
    script("yes | head -c 3000000; yes no | head -c 3000000 >&2; exit 1");
    ask_and_hear(false, "y");
}

static void is_told_who_wants_what(void **state)
{
    static const char *const lines[] = {"TUNNEL_DEVICE=press7",
                                        "TUNNEL_ID=t-1",
                                        "TUNNEL_SERVICES=SSH1,HTTP1",
                                        "TUNNEL_SERVICE=SSH1",
                                        "TUNNEL_WHO=a\\x0aTUNNEL_OTHER=b",
                                        "TUNNEL_WHY=\\x1b[2J"};
    (void)state;
    setenv("TUNNEL_JOIN_TOKEN", "secret", 1);
    setenv("ITS_OWN", "kept", 1);
    request.opened_by = "a\nTUNNEL_OTHER=b";
    request.why = "\x1b[2J";
    /* What is not in the list, or is there twice, is the reason. */
    script("env | grep ^TUNNEL_ | sort > told; echo $ITS_OWN; exit 1");
    ask_and_hear(false, "kept");
    FILE *f = fopen(in_dir("told"), "r");
    char line[200];
    size_t n = 0;
    assert_non_null(f);
    for (; fgets(line, sizeof line, f) != NULL; n++) {
        bool known = false;
        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < COUNT(lines); i++)
            known = known || strcmp(line, lines[i]) == 0;
        if (!known)
            fail_msg("%s", line);
    }
    fclose(f);
    assert_int_equal(n, COUNT(lines));
    unsetenv("TUNNEL_JOIN_TOKEN");
    unsetenv("ITS_OWN");
}

/* Blanks separate arguments, and there is no shell. */
static void arguments(void **state)
{
    char command[200];
    (void)state;
    script("echo \"$#:$1:$2:$3\"; exit 1");
    snprintf(command, sizeof command, "  /bin/sh \t%s  a 'b $HOME", in_dir("script"));
    assert_int_equal(acceptance_command(acceptance, command), ERR_OK);
    ask_and_hear(false, "3:a:'b:$HOME");
}

/* ---- time ---- */

/* The limit is the hub's and a moment, but never more than our own. Whoever it has started dies
 * with it. */
static void too_late(void **state)
{
    static const struct {
        uint64_t answer_ms, limit_ms;
    } rows[] = {{0, ACCEPTANCE_COMMAND_MS},
                {1000, 1000 + ACCEPTANCE_GRACE_MS},
                {ACCEPTANCE_COMMAND_MS - ACCEPTANCE_GRACE_MS - 1, ACCEPTANCE_COMMAND_MS - 1},
                {ACCEPTANCE_COMMAND_MS - 1, ACCEPTANCE_COMMAND_MS},
                {UINT32_MAX, ACCEPTANCE_COMMAND_MS}};
    struct heard h;
    (void)state;
    script("sleep 1000 & echo $! > child; trap '' TERM; wait; exit 0");
    for (size_t i = 0; i < COUNT(rows); i++) {
        request.answer_ms = rows[i].answer_ms;
        unlink(in_dir("child"));
        assert_non_null(ask(&h));
        long child = number_in("child");
        later(rows[i].limit_ms);
        assert_int_equal(h.calls, 0);
        later(1);
        answered(&h, false, LATE);
        UNTIL(handles() == 0);
        UNTIL(has_ended(child));
    }
}

/* It has ended, and something that it has started holds its output. */
static void leaves_a_process_behind(void **state)
{
    static const struct {
        const char *lines;
        bool accepted;
        const char *why;
    } rows[] = {
        {"sleep 1000 & echo $! > child; exit 0", true, ""},
        {"echo busy; sleep 1000 & echo $! > child; exit 1", false, "busy"},
    };
    struct heard h;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        script(rows[i].lines);
        unlink(in_dir("child"));
        assert_non_null(ask(&h));
        long child = number_in("child");
        UNTIL(running() == 0);
        assert_int_equal(h.calls, 0);
        later(10000);
        answered(&h, rows[i].accepted, rows[i].why);
        assert_false(has_ended(child)); /* what goes on after its end is its own affair */
        kill((pid_t)child, SIGKILL);
    }
}

/* ---- many ---- */

static void as_many_as_may_run(void **state)
{
    struct heard h[ACCEPTANCE_AT_ONCE + 1], more;
    struct acceptance_question *q[ACCEPTANCE_AT_ONCE];
    (void)state;
    script("read x < fifo; exit 1");
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    for (size_t i = 0; i < ACCEPTANCE_AT_ONCE; i++)
        assert_non_null(q[i] = ask(&h[i]));
    assert_null(ask(&more));
    answered(&more, false, "");
    assert_int_equal(more.code, DEVICE_CODE_BUSY);
    acceptance_cancel(q[3]);
    assert_non_null(ask(&h[ACCEPTANCE_AT_ONCE]));
    assert_null(ask(&more));
    later(ACCEPTANCE_COMMAND_MS + 1);
    for (size_t i = 0; i < COUNT(h); i++)
        if (i != 3)
            answered(&h[i], false, LATE);
    assert_int_equal(h[3].calls, 0);
    script("exit 0");
    ask_and_hear(true, "");
}

/* Those that were asked before have their answers from the old command. */
static void another_command(void **state)
{
    struct heard h;
    (void)state;
    script("echo old; exit 1");
    assert_non_null(ask(&h));
    assert_int_equal(acceptance_command(acceptance, NULL), ERR_OK);
    answered(&h, false, "old");
}

/* ---- the end ---- */

static void not_wanted_any_more(void **state)
{
    struct heard h;
    (void)state;
    script("sleep 1000 & echo $! > child; wait");
    struct acceptance_question *q = ask(&h);
    long child = number_in("child");
    acceptance_cancel(q);
    UNTIL(handles() == 0);
    UNTIL(has_ended(child));
    later(2 * ACCEPTANCE_COMMAND_MS);
    assert_int_equal(h.calls, 0);
}

/* In the moment between its end and the end of its output. */
static void not_wanted_after_its_end(void **state)
{
    struct heard h;
    (void)state;
    script("sleep 1000 & echo $! > child; exit 0");
    struct acceptance_question *q = ask(&h);
    long child = number_in("child");
    UNTIL(running() == 0);
    acceptance_cancel(q);
    UNTIL(handles() == 0);
    assert_int_equal(h.calls, 0);
    kill((pid_t)child, SIGKILL);
}

static void freed_while_it_runs(void **state)
{
    struct heard h[3];
    (void)state;
    script("sleep 1000");
    for (size_t i = 0; i < COUNT(h); i++)
        assert_non_null(ask(&h[i]));
    acceptance_free(acceptance);
    acceptance = NULL;
    acceptance_free(NULL);
    UNTIL(handles() == 0);
    for (size_t i = 0; i < COUNT(h); i++)
        assert_int_equal(h[i].calls, 0);
}

/* ---- memory ---- */

static void without_memory(void **state)
{
    struct heard h;
    bool failed = true;
    (void)state;
    for (size_t n = 1; failed; n++) {
        memory_fails(n);
        struct acceptance *a = acceptance_new(loop, "x", false);
        failed = memory_failed();
        assert_int_equal(a == NULL, failed);
        acceptance_free(a);
    }
    script("exit 0");
    ask_and_hear(true, "");
    memory_fails(1);
    assert_int_equal(acceptance_command(acceptance, "another"), ERR_NO_MEMORY);
    assert_true(memory_failed());
    failed = true;
    for (size_t n = 1; failed; n++) {
        memory_fails(n);
        struct acceptance_question *q = ask(&h);
        failed = memory_failed();
        assert_int_equal(q == NULL, failed);
        if (failed)
            answered(&h, false, n == 1 ? "" : "the device's own command cannot be run");
    }
    answered(&h, true, "");
    UNTIL(handles() == 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(by_itself),
        TEST(cannot_be_run),
        TEST(reasons),
        TEST(says_much),
        TEST(is_told_who_wants_what),
        TEST(arguments),
        TEST(too_late),
        TEST(leaves_a_process_behind),
        TEST(as_many_as_may_run),
        TEST(another_command),
        TEST(not_wanted_any_more),
        TEST(not_wanted_after_its_end),
        TEST(freed_while_it_runs),
        TEST(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
