/* tui/render, replay, once and theme: what there is of the dashboard without a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tui/print_tables.h"
#include "tui/replay.h"
#include "tui/state/key.h"
#include "tui/view/render.h"
#include "tui/view/theme.h"

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct model m;
static struct ui ui;
static double now;
static char problem[200];
static struct buf out = {.limit = 1 << 20};

static int begin(void **state)
{
    (void)state;
    model_init(&m, "x");
    ui_init(&ui);
    ui.columns = 80;
    ui.rows = 24;
    now = 0;
    problem[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    model_free(&m);
    buf_free(&out);
    return 0;
}

static enum err play(const char *text)
{
    return replay_play(span_of(text), &m, &ui, &now, problem, sizeof problem);
}

static void written(const char *text)
{
    assert_true(buf_append(&out, "", 1));
    assert_string_equal((char *)out.data, text);
    buf_free(&out);
}

/* ---- render ---- */

static void test_grids(void **state)
{
    (void)state;
    struct grid g = {0};
    assert_true(grid_resize(&g, 6, 3));
    grid_text(&g, 0, 0, -1, span_of("a\xc3\xa4\xe6\xbc\xa2z"), ROLE_BAD);
    grid_put(&g, 1, 5, 0x1f600, ROLE_OK); /* no room for its second half */
    grid_put(&g, 2, 1, 0x2588, ROLE_DOWN);
    assert_true(render_grid(&g, false, &out));
    written("a\xc3\xa4\xe6\xbc\xa2z\n     ?\n \xe2\x96\x88\n");
    assert_true(render_grid(&g, true, &out));
    assert_int_equal(out.size, 21);
    assert_memory_equal(out.data, "!!!!!.\n", 7);
    assert_memory_equal(out.data + 14, ".d....\n", 7);
    buf_free(&out);
    struct buf small = {.limit = 5};
    assert_false(render_grid(&g, false, &small));
    buf_free(&small);
    grid_free(&g);
}

static void test_role_letters(void **state)
{
    (void)state;
    struct grid g = {0};
    assert_true(grid_resize(&g, ROLE_COUNT, 1));
    for (int role = 0; role < ROLE_COUNT; role++)
        grid_put(&g, 0, role, 'x', (enum role)role);
    assert_true(render_grid(&g, true, &out));
    assert_int_equal(out.size, ROLE_COUNT + 1);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        assert_true(out.data[i] > ' ');
        assert_ptr_equal(memchr(out.data, out.data[i], out.size), out.data + i);
    }
    buf_free(&out);
    grid_free(&g);
}

static void test_keys(void **state)
{
    (void)state;
    static const uint32_t wanted[] = {
        'j', UIKEY_ENTER, '<', '>', '<', 'X', '>',  '<',        UIKEY_F + 1,    UIKEY_F + 12,
        '<', 'F',         '1', '3', '>', 3,   0xe4, UIKEY_NONE, UIKEY_BACK_TAB, '<'};
    struct span keys = span_of("j<Enter><><X><<F1><F12><F13><C-c>\xc3\xa4\xff<BackTab><");
    uint32_t key;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        assert_true(render_key(&keys, &key));
        assert_int_equal(key, wanted[i]);
    }
    assert_false(render_key(&keys, &key));
}

/* ---- replay ---- */

#define SHOT(more) "{\"schema\":1,\"program\":\"tunnel-gateway\",\"instance\":\"a\"," more "}\n"

static void test_replay(void **state)
{
    (void)state;
    assert_int_equal(
        play(SHOT("\"pid\":1") "\n" SHOT(
            "\"pid\":2,\"time\":100") "  "
                                      "{\"event\":\"open\",\"number\":7,\"client\":\"c\"}\r\n"
                                      "{\"event\":\"keys\",\"text\":\"up\"}"),
        ERR_OK);
    assert_int_equal(m.shown.pid, 2);
    assert_int_equal(m.link, MODEL_LIVE);
    assert_int_equal(m.n_events, 1);
    assert_true(now == 2);
    assert_int_equal(ui.units, UNITS_BITS);
    assert_true(m.paused);
    assert_int_equal(play("{\"event\":\"lost\",\"text\":\"gone\",\"age\":8,\"count\":4}"), ERR_OK);
    assert_int_equal(m.link, MODEL_LOST);
    assert_true(now == 10 && m.tries == 4 && m.heard_at == 2 && m.retry_at > now);
    assert_string_equal(m.problem, "gone");
    assert_int_equal(play(SHOT("\"pid\":3")), ERR_OK);
    assert_int_equal(m.link, MODEL_LIVE);
    assert_int_equal(m.shown.pid, 2); /* paused */
}

static void test_broken_recordings(void **state)
{
    (void)state;
    assert_int_equal(play(SHOT("\"pid\":1") "{\"x\":1}\n"), ERR_PROTOCOL);
    assert_string_equal(problem, "line 2: there is no schema number in it");
    assert_int_equal(play("\n\nnonsense"), ERR_PROTOCOL);
    assert_string_equal(problem, "line 3: it is not a JSON object");
    assert_int_equal(play("{\"schema\":9}"), ERR_UNSUPPORTED);
    assert_int_equal(play(SHOT("\"pid\":\"x\"")), ERR_PROTOCOL);
    assert_string_equal(problem, "line 1: \"pid\" is not a number");
}

/* ---- once ---- */

static const char busy[] = SHOT(
    "\"version\":\"0.1.0\",\"role\":\"source\",\"host\":\"gw1\",\"pid\":42,\"uptime\":100,"
    "\"totals\":{\"open\":2},"
    "\"tunnels\":[{\"name\":\"pump\",\"hub\":\"wss://h\",\"state\":\"up\",\"round_trip\":0.023}],"
    "\"services\":[{\"id\":\"SSH1\",\"tunnel\":\"pump\",\"state\":\"ready\",\"open\":1}],"
    "\"streams\":[{\"id\":1,\"client\":\"127.0.0.1:5\",\"service\":\"SSH1\",\"state\":\"open\"},"
    "{\"id\":22,\"client\":\"evil\\u001b[2J\",\"service\":\"HTTP1\",\"state\":\"half\","
    "\"bytes_down\":2048}],"
    "\"events\":{\"list\":[{\"event\":\"down\",\"number\":1,\"time\":3661,\"tunnel\":\"pump\","
    "\"text\":\"no\"}]}");

/* The n-th line of what was written, without its end. */
static const char *line(unsigned n)
{
    static char text[300];
    struct span rest = {(char *)out.data, out.size}, at = {0};
    for (unsigned i = 0; i < n; i++)
        at = span_cut(&rest, '\n');
    snprintf(text, sizeof text, "%.*s", (int)at.n, at.p);
    return text;
}

static void test_tables(void **state)
{
    (void)state;
    assert_int_equal(play(busy), ERR_OK);
    assert_true(print_tables(&m, &ui, TABLE_STREAMS, 0, &out));
    assert_null(memchr(out.data, 27, out.size));
    assert_non_null(strstr(line(1), "ID"));
    assert_non_null(strstr(line(1), "CLIENT"));
    assert_true(strstr(line(2), "evil?[2J") != NULL || strstr(line(3), "evil?[2J") != NULL);
    assert_string_equal(line(4), "");
    buf_free(&out);
    assert_true(ui_set_filter(&ui, "service=SSH1"));
    assert_true(print_tables(&m, &ui, TABLE_STREAMS, 0, &out));
    assert_non_null(strstr(line(2), "127.0.0.1:5"));
    assert_string_equal(line(3), "");
    buf_free(&out);
    assert_true(print_tables(&m, &ui, TABLE_SERVICES, 0, &out));
    assert_non_null(strstr(line(2), "SSH1"));
    buf_free(&out);
    assert_true(print_tables(&m, &ui, TABLE_ALL, 0, &out));
    assert_non_null(strstr(line(1), "tunnel-gateway 0.1.0 gw1, pid 42"));
    assert_non_null(strstr(line(3), "tunnel pump up"));
}

static void test_sorted(void **state)
{
    (void)state;
    assert_int_equal(play(busy), ERR_OK);
    assert_true(ui_set_sort(&ui, "down"));
    assert_true(print_tables(&m, &ui, TABLE_STREAMS, 0, &out));
    assert_non_null(strstr(line(2), "22"));
    buf_free(&out);
    assert_true(ui_set_sort(&ui, "-down"));
    assert_true(print_tables(&m, &ui, TABLE_STREAMS, 0, &out));
    assert_non_null(strstr(line(3), "22"));
}

static void test_log(void **state)
{
    (void)state;
    assert_int_equal(play(busy), ERR_OK);
    assert_true(print_tables(&m, &ui, TABLE_LOG, 3600, &out));
    assert_memory_equal(line(1), "02:01:01 ", 9);
    assert_non_null(strstr(line(1), "no"));
    assert_string_equal(line(2), "");
}

static void test_check(void **state)
{
    (void)state;
    assert_int_equal(play(busy), ERR_OK);
    assert_int_equal(print_health(&m, &out), HEALTH_FINE);
    assert_string_equal(line(1), "tunnel-gateway is up for 1m40, 2 open");
    buf_free(&out);
    assert_int_equal(
        play(SHOT("\"tunnels\":[{\"state\":\"up\"},{\"name\":\"b\",\"hub\":\"wss://h\","
                  "\"state\":\"down\",\"state_for\":5,\"text\":\"refused\"}]")),
        ERR_OK);
    assert_int_equal(print_health(&m, &out), HEALTH_HUB_DOWN);
    assert_string_equal(line(1), "tunnel b down for 5s, hub wss://h: refused");
    buf_free(&out);
    assert_int_equal(
        play(SHOT("\"tunnels\":[{\"state\":\"up\"},{\"name\":\"b\",\"hub\":\"wss://h\","
                  "\"state\":\"no-device\",\"state_for\":5,\"text\":\"gone\"}]")),
        ERR_OK);
    assert_int_equal(print_health(&m, &out), HEALTH_NO_DEVICE);
}

/* ---- theme ---- */

static void test_depths(void **state)
{
    (void)state;
    static const struct {
        const char *wanted, *no_color, *term;
        int colours;
        enum depth depth;
    } cases[] = {
        {"auto", NULL, "xterm", 8, DEPTH_16},
        {"auto", NULL, "xterm-256color", 256, DEPTH_256},
        {"auto", "", "xterm", 16, DEPTH_16},
        {"auto", "1", "xterm", 256, DEPTH_PLAIN},
        {"auto", NULL, "dumb", 256, DEPTH_MONO},
        {"auto", NULL, NULL, 256, DEPTH_MONO},
        {"auto", NULL, "vt100", -1, DEPTH_MONO},
        {"never", NULL, "xterm", 256, DEPTH_PLAIN},
        {"16", "1", "xterm", 256, DEPTH_16},
        {"256", "1", "dumb", 8, DEPTH_256},
        {"auto", NULL, "xterm-direct", 1 << 24, DEPTH_16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(
            theme_depth(cases[i].wanted, cases[i].no_color, cases[i].term, cases[i].colours),
            cases[i].depth);
}

static void test_looks(void **state)
{
    (void)state;
    for (int role = 0; role < ROLE_COUNT; role++) {
        const struct look *plain = theme_look(DEPTH_PLAIN, (enum role)role);
        assert_true(plain->text == -1 && plain->back == -1 && !plain->dim);
        const struct look *mono = theme_look(DEPTH_MONO, (enum role)role);
        assert_true(mono->text == -1 && mono->back == -1);
        assert_in_range(theme_look(DEPTH_16, (enum role)role)->text + 1, 0, 8);
        assert_in_range(theme_look(DEPTH_256, (enum role)role)->text + 1, 0, 256);
    }
    assert_true(theme_look(DEPTH_MONO, ROLE_QUIET)->dim);
    assert_false(theme_look(DEPTH_16, ROLE_QUIET)->dim);
    assert_true(theme_look(DEPTH_PLAIN, ROLE_SELECTED)->reverse);
}

static const char *const *variables; /* name, value, ..., NULL */

static const char *variable(const char *name)
{
    for (size_t i = 0; variables[i] != NULL; i += 2)
        if (strcmp(variables[i], name) == 0)
            return variables[i + 1];
    return NULL;
}

static void test_graphs(void **state)
{
    static const struct {
        const char *variables[5];
        enum graph_style style;
    } cases[] = {
        {{NULL}, GRAPH_BLOCKS},
        {{"TERM", "xterm-256color", NULL}, GRAPH_BLOCKS},
        {{"TERM", "screen", NULL}, GRAPH_BLOCKS},
        {{"TERM", "linux", NULL}, GRAPH_ASCII},
        {{"TERM", "linux", "VTE_VERSION", "6800", NULL}, GRAPH_ASCII},
        {{"TERM", "xterm-kitty", NULL}, GRAPH_BRAILLE},
        {{"TERM", "foot-extra", NULL}, GRAPH_BRAILLE},
        {{"TERM", "xterm-256color", "VTE_VERSION", "6800", NULL}, GRAPH_BRAILLE},
        {{"TERM", "xterm-256color", "VTE_VERSION", "", NULL}, GRAPH_BLOCKS},
        {{"TERM", "xterm-256color", "TERM_PROGRAM", "iTerm.app", NULL}, GRAPH_BRAILLE},
        {{"TERM", "xterm-256color", "TERM_PROGRAM", "Apple_Terminal", NULL}, GRAPH_BLOCKS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        variables = cases[i].variables;
        assert_int_equal(theme_graph(variable), cases[i].style);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_grids),
        TEST(test_role_letters),
        TEST(test_keys),
        TEST(test_replay),
        TEST(test_broken_recordings),
        TEST(test_tables),
        TEST(test_sorted),
        TEST(test_log),
        TEST(test_check),
        TEST(test_depths),
        TEST(test_looks),
        TEST(test_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
