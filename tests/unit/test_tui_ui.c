/* What each key does: every key of the help screen, prompts, selections that stick, filters, tags,
 * and the question before a stream is closed. */
#include "tui/state/columns.h"
#include "tui/state/help.h"
#include "tui/state/keys.h"
#include "tui/state/order.h"
#include "tui/state/ui.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CTRL(c) ((c)&31)
#define F(n) (UIKEY_F + (n))

#define HEAD "{\"schema\":1,\"program\":\"tunnel-gateway\",\"role\":\"source\",\"instance\":\"a\","
#define TUNNELS "\"tunnels\":[{\"name\":\"pump\",\"state\":\"up\"}],"
#define SERVICES                                                                                   \
    "\"services\":[{\"id\":\"SSH1\",\"tunnel\":\"pump\",\"host\":\"ssh1.tunnel\","                 \
    "\"state\":\"ready\"},{\"id\":\"HTTP1\",\"tunnel\":\"pump\",\"host\":\"http1.tunnel\","        \
    "\"state\":\"ready\",\"open\":2}],"
#define STREAM(id, service, rate)                                                                  \
    "{\"id\":" #id ",\"client\":\"127.0.0.1:" #id "\",\"service\":\"" service                      \
    "\",\"tunnel\":\"pump\",\"state\":\"open\",\"mean_down\":" #rate ",\"rate_down\":" #rate "}"
#define FOUR                                                                                       \
    STREAM(1, "SSH1", 10)                                                                          \
    "," STREAM(2, "HTTP1", 30) "," STREAM(3, "HTTP1", 20) "," STREAM(4, "SSH1", 20)

/* By rate: 2, then 3 and 4 (the same, so by id), then 1. */
static const char four[] = HEAD TUNNELS SERVICES "\"streams\":[" FOUR "]}";

struct dashboard {
    struct ui ui;
    struct model m;
};

static void show(struct dashboard *d, const char *json)
{
    struct snapshot s;
    char problem[200] = "";
    if (snapshot_read(span_of(json), &s, problem, sizeof problem) != ERR_OK)
        fail_msg("%s", problem);
    model_take(&d->m, &s, 1);
    ui_settle(&d->ui, &d->m);
}

static int setup(void **state)
{
    struct dashboard *d = calloc(1, sizeof *d);
    assert_non_null(d);
    model_init(&d->m, "/run/x.sock");
    ui_init(&d->ui);
    show(d, four);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct dashboard *d = *state;
    model_free(&d->m);
    free(d);
    return 0;
}

static unsigned press(struct dashboard *d, uint32_t key)
{
    return ui_key(&d->ui, &d->m, key);
}

static void type(struct dashboard *d, const char *text)
{
    for (; *text != '\0'; text++)
        assert_int_equal(press(d, (unsigned char)*text), UI_NOTHING);
}

static size_t listed(const struct dashboard *d)
{
    struct order o = order_streams(&d->ui, &d->m);
    size_t n = o.n;
    order_free(&o);
    return n;
}

/* The stream in the row that is selected. */
static uint64_t selected(const struct dashboard *d)
{
    struct order o = order_streams(&d->ui, &d->m);
    long row = order_stream_row(&o, &d->m, d->ui.stream);
    uint64_t id = row >= 0 ? d->m.shown.streams[o.at[row]].id : 0;
    order_free(&o);
    return id;
}

/* ---- moving ---- */

static void keys_move(void **state)
{
    static const struct {
        uint32_t key;
        uint64_t then;
    } steps[] = {
        {UIKEY_DOWN, 3}, {'j', 4},           {'j', 1},       {'j', 1},       {UIKEY_UP, 4},
        {'k', 3},        {UIKEY_HOME, 2},    {'k', 2},       {UIKEY_END, 1}, {'g', 2},
        {'G', 1},        {UIKEY_PAGE_UP, 2}, {CTRL('f'), 1}, {CTRL('b'), 2}, {UIKEY_PAGE_DOWN, 1}};
    struct dashboard *d = *state;
    assert_int_equal(d->ui.stream, 0); /* the first, whichever that is */
    assert_int_equal(selected(d), 2);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(press(d, steps[i].key), UI_NOTHING);
        assert_int_equal(d->ui.stream, steps[i].then);
    }
}

/* The order changes, the selection stays with its stream; gone, it goes to the neighbour. */
static void the_selection_sticks(void **state)
{
    struct dashboard *d = *state;
    press(d, 'j');
    assert_int_equal(d->ui.stream, 3);
    show(d, HEAD SERVICES "\"streams\":[" STREAM(1, "SSH1", 50) "," STREAM(
                3, "HTTP1", 1) "," STREAM(4, "SSH1", 70) "]}");
    assert_int_equal(d->ui.stream, 3);
    assert_int_equal(d->ui.stream_row, 2);
    show(d, HEAD SERVICES "\"streams\":[" STREAM(1, "SSH1", 50) "," STREAM(4, "SSH1", 70) "]}");
    assert_int_equal(d->ui.stream, 1);
    show(d, HEAD SERVICES "\"streams\":[]}");
    press(d, 'j');
    press(d, UIKEY_ENTER);
    press(d, ' ');
    assert_int_equal(d->ui.screen, SCREEN_MAIN);
    assert_int_equal(d->ui.n_tags, 0);
}

static void the_first_row_is_not_a_stream(void **state)
{
    struct dashboard *d = *state;
    show(d, HEAD SERVICES "\"streams\":[" STREAM(1, "SSH1", 50) "," STREAM(2, "HTTP1", 1) "]}");
    assert_int_equal(selected(d), 1);
}

static void panes(void **state)
{
    struct dashboard *d = *state;
    press(d, UIKEY_TAB);
    assert_int_equal(d->ui.focus, PANE_SERVICES);
    press(d, 'j');
    assert_string_equal(d->ui.service, "pump/SSH1");
    assert_int_equal(d->ui.stream, 0);
    press(d, UIKEY_TAB);
    assert_int_equal(d->ui.focus, PANE_LOG);
    press(d, UIKEY_TAB);
    assert_int_equal(d->ui.focus, PANE_STREAMS);
    press(d, UIKEY_BACK_TAB);
    assert_int_equal(d->ui.focus, PANE_LOG);
    press(d, 'l'); /* 8 rows */
    press(d, 'l'); /* none: the focus cannot stay */
    assert_int_equal(d->ui.log_rows, 0);
    assert_int_equal(d->ui.focus, PANE_STREAMS);
    press(d, UIKEY_TAB);
    press(d, UIKEY_TAB);
    assert_int_equal(d->ui.focus, PANE_STREAMS); /* there is no log to go to */
    press(d, 'l');
    assert_int_equal(d->ui.log_rows, 3);
}

static void the_log_scrolls(void **state)
{
    struct dashboard *d = *state;
    for (int i = 0; i < 10; i++)
        model_note(&d->m, "note", i, "%d", i);
    d->ui.focus = PANE_LOG;
    press(d, 'k');
    press(d, 'k');
    assert_int_equal(d->ui.log_up, 2);
    press(d, 'j');
    assert_int_equal(d->ui.log_up, 1);
    press(d, 'g');
    assert_int_equal(d->ui.log_up, 7);
    press(d, 'G');
    assert_int_equal(d->ui.log_up, 0);
}

static void long_lists_scroll(void **state)
{
    struct dashboard *d = *state;
    press(d, 'G');
    assert_int_equal(d->ui.stream_top, 0);
    d->ui.rows = 12; /* room for three */
    ui_settle(&d->ui, &d->m);
    assert_int_equal(d->ui.stream_top, 1);
    press(d, 'g');
    assert_int_equal(d->ui.stream_top, 0);
}

static void following_the_newest(void **state)
{
    struct dashboard *d = *state;
    press(d, 'F');
    assert_int_equal(d->ui.stream, 4);
    show(d, HEAD SERVICES "\"streams\":[" FOUR "," STREAM(9, "SSH1", 0) "]}");
    assert_int_equal(d->ui.stream, 9);
    press(d, 'g'); /* whoever moves has stopped following */
    show(d, HEAD SERVICES "\"streams\":[" FOUR "," STREAM(10, "SSH1", 0) "]}");
    assert_int_equal(d->ui.stream, 2);
    assert_false(d->ui.follow);
}

/* ---- screens ---- */

static void details_and_back(void **state)
{
    struct dashboard *d = *state;
    assert_int_equal(press(d, UIKEY_ENTER), UI_REFRESH); /* for its history */
    assert_int_equal(d->ui.screen, SCREEN_STREAM);
    assert_int_equal(ui_detail(&d->ui), 2);
    assert_int_equal(press(d, 'j'), UI_REFRESH);
    assert_int_equal(ui_detail(&d->ui), 3);
    assert_int_equal(press(d, 'q'), UI_NOTHING); /* back, not out */
    assert_int_equal(d->ui.screen, SCREEN_MAIN);
    assert_int_equal(ui_detail(&d->ui), 0);
    press(d, UIKEY_TAB);
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.screen, SCREEN_SERVICE);
    assert_string_equal(d->ui.service, "pump/HTTP1");
    press(d, 'j');
    assert_string_equal(d->ui.service, "pump/SSH1");
    assert_int_equal(press(d, UIKEY_ESCAPE), UI_NOTHING);
    assert_int_equal(d->ui.screen, SCREEN_MAIN);
}

/* What is being read does not turn into another stream. */
static void details_stay_with_their_stream(void **state)
{
    struct dashboard *d = *state;
    press(d, UIKEY_ENTER);
    show(d, HEAD SERVICES "\"streams\":[" STREAM(1, "SSH1", 50) "]}");
    assert_int_equal(d->ui.screen, SCREEN_STREAM);
    assert_int_equal(d->ui.stream, 2);
}

static void help_comes_and_goes(void **state)
{
    static const uint32_t keys[] = {'?', F(1), 'h'}, ends[] = {'?', UIKEY_ESCAPE, 'q'};
    struct dashboard *d = *state;
    press(d, UIKEY_ENTER);
    for (int i = 0; i < 3; i++) {
        press(d, keys[i]);
        assert_int_equal(d->ui.screen, SCREEN_HELP);
        assert_int_equal(ui_detail(&d->ui), 2); /* goes on behind it */
        d->ui.rows = 10;
        press(d, 'j');
        assert_int_equal(d->ui.help_top, 1);
        press(d, 'G');
        assert_int_equal(d->ui.help_top,
                         (size_t)help_lay_out(d->ui.columns, COLUMN_SOURCE, NULL, NULL) - 8);
        d->ui.rows = 24;
        assert_int_equal(press(d, ends[i]), UI_NOTHING);
        assert_int_equal(d->ui.screen, SCREEN_STREAM);
    }
}

static void ways_out(void **state)
{
    struct dashboard *d = *state;
    assert_int_equal(press(d, UIKEY_ESCAPE), UI_NOTHING);
    assert_int_equal(press(d, 'q'), UI_QUIT);
    assert_int_equal(press(d, F(10)), UI_QUIT);
    assert_int_equal(press(d, CTRL('c')), UI_QUIT);
    press(d, '?');
    assert_int_equal(press(d, CTRL('c')), UI_QUIT);
    assert_int_equal(press(d, CTRL('l')), UI_REDRAW);
    assert_int_equal(press(d, CTRL('z')), UI_STOP);
    assert_int_equal(press(d, 'X'), UI_NOTHING);
    assert_int_equal(press(d, UIKEY_NONE), UI_NOTHING);
}

/* ---- filter and search ---- */

static void filters_work_while_one_types(void **state)
{
    struct dashboard *d = *state;
    press(d, '/');
    type(d, "ssh");
    assert_int_equal(listed(d), 2);
    type(d, "1 down/s>");
    assert_int_equal(listed(d), 2); /* half a word does not count */
    assert_string_equal(d->ui.problem, "down/s> needs a number, such as 1M");
    type(d, "15");
    assert_int_equal(listed(d), 1);
    assert_string_equal(d->ui.problem, "");
    press(d, UIKEY_BACKSPACE);
    press(d, UIKEY_BACKSPACE);
    press(d, CTRL('w'));
    assert_string_equal(d->ui.text, "ssh1 ");
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    assert_int_equal(listed(d), 2);
    assert_string_equal(d->ui.filter_text, "ssh1 ");
    press(d, 'n');
    assert_int_equal(d->ui.stream, 1); /* n goes through what is left */
    press(d, 'n');
    assert_int_equal(d->ui.stream, 4);
    press(d, UIKEY_ESCAPE);
    assert_int_equal(listed(d), 4);
    assert_int_equal(d->ui.stream, 4);
}

static void escape_drops_the_filter(void **state)
{
    static const uint32_t begins[] = {'/', F(4)}, ends[] = {UIKEY_ESCAPE, CTRL('c')};
    struct dashboard *d = *state;
    for (int i = 0; i < 2; i++) {
        press(d, begins[i]);
        type(d, "nothing");
        assert_int_equal(listed(d), 0);
        assert_int_equal(press(d, ends[i]), UI_NOTHING);
        assert_int_equal(d->ui.prompt, PROMPT_NONE);
        assert_int_equal(listed(d), 4);
    }
}

/* Every key is text there: none quits, closes, or asks. */
static void text_entry_owns_every_key(void **state)
{
    struct dashboard *d = *state;
    press(d, '/');
    type(d, "qKy?r s/");
    assert_string_equal(d->ui.text, "qKy?r s/");
    press(d, F(10));
    press(d, UIKEY_TAB);
    press(d, 0x1b);
    press(d, 0xe9);
    press(d, 0x1f4a7);
    assert_string_equal(d->ui.text, "qKy?r s/\xc3\xa9\xf0\x9f\x92\xa7");
    press(d, UIKEY_BACKSPACE);
    press(d, UIKEY_BACKSPACE);
    assert_string_equal(d->ui.text, "qKy?r s/");
    press(d, CTRL('u'));
    assert_string_equal(d->ui.text, "");
    for (int i = 0; i < 3 * UI_TEXT_MAX; i++)
        press(d, 0x1f4a7);
    assert_int_equal(strlen(d->ui.text), UI_TEXT_MAX);
    press(d, CTRL('u'));
    press(d, UIKEY_BACKSPACE); /* out, as in other programs */
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
}

static void search_hides_nothing(void **state)
{
    struct dashboard *d = *state;
    press(d, F(3));
    type(d, "ssh");
    assert_int_equal(listed(d), 4);
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.stream, 4);
    press(d, 'n');
    assert_int_equal(d->ui.stream, 1);
    press(d, 'n');
    assert_int_equal(d->ui.stream, 4); /* around */
    press(d, 'N');
    assert_int_equal(d->ui.stream, 1);
    press(d, UIKEY_ESCAPE);
    assert_string_equal(d->ui.search_text, "");
    press(d, F(3));
    type(d, "zzz");
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.stream, 1);
    assert_true(d->ui.message_bad);
    press(d, F(3));
    press(d, UIKEY_ESCAPE);
    assert_string_equal(d->ui.search_text, "");
}

static void from_the_command_line(void **state)
{
    struct dashboard *d = *state;
    assert_true(ui_set_filter(&d->ui, "service=ssh"));
    assert_int_equal(listed(d), 2);
    assert_string_equal(d->ui.filter_text, "service=ssh");
    assert_false(ui_set_filter(&d->ui, "size>1"));
    assert_string_equal(d->ui.message, "there is no field \"size\"");
    assert_int_equal(listed(d), 2);
    assert_true(ui_set_sort(&d->ui, "AGE"));
    assert_int_equal(d->ui.sort, column_find(&stream_columns, "age"));
    assert_false(d->ui.reverse);
    assert_true(ui_set_sort(&d->ui, "-rate_up"));
    assert_true(d->ui.reverse);
    assert_true(ui_set_sort(&d->ui, "down/s"));
    assert_int_equal(d->ui.sort, column_find(&stream_columns, "rate_down"));
    assert_false(ui_set_sort(&d->ui, "colour"));
    assert_string_equal(d->ui.message, "there is no column \"colour\"");
}

/* ---- sort and columns ---- */

static void sorting(void **state)
{
    struct dashboard *d = *state;
    int before = d->ui.sort;
    press(d, '>');
    assert_int_equal(d->ui.sort, column_find(&stream_columns, "rate_up"));
    press(d, '<');
    assert_int_equal(d->ui.sort, before);
    press(d, 'r');
    assert_true(d->ui.reverse);
    assert_int_equal(selected(d), 1);
    press(d, UIKEY_TAB);
    press(d, '>');
    assert_int_equal(d->ui.service_sort, column_find(&service_columns, "host"));
    press(d, 'r');
    assert_true(d->ui.service_reverse);
    assert_int_equal(d->ui.sort, before);
    for (int i = 0; i < 50; i++)
        press(d, '<'); /* around and around */
}

static void sorting_from_a_list(void **state)
{
    static const uint32_t keys[] = {'s', F(6)};
    struct dashboard *d = *state;
    for (int i = 0; i < 2; i++) {
        press(d, keys[i]);
        assert_int_equal(d->ui.prompt, PROMPT_SORT);
        press(d, 'g');
        press(d, 'j');
        press(d, UIKEY_ENTER);
        assert_int_equal(d->ui.prompt, PROMPT_NONE);
        assert_int_equal(d->ui.sort, column_find(&stream_columns, "client"));
        assert_int_equal(selected(d), 1); /* text goes up */
        press(d, keys[i]);
        press(d, 'G');
        press(d, UIKEY_ESCAPE);
        assert_int_equal(d->ui.sort, column_find(&stream_columns, "client"));
    }
    press(d, 's');
    assert_int_equal(press(d, 'q'), UI_NOTHING);
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
}

static void columns_are_chosen(void **state)
{
    struct dashboard *d = *state;
    press(d, 'c');
    press(d, 'j');
    press(d, ' ');
    assert_int_equal(d->ui.hidden, 1u << column_find(&stream_columns, "client"));
    press(d, ' ');
    assert_int_equal(d->ui.hidden, 0);
    press(d, ' ');
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    assert_int_not_equal(d->ui.hidden, 0);
}

static void columns_fit_their_screen(void **state)
{
    (void)state;
    for (int role = 0; role < COLUMN_ROLES; role++)
        for (int totals = SHOW_BOTH; totals <= SHOW_TOTALS; totals++)
            for (int width = 1; width < 300; width++) {
                struct columns_options o = {.role = (enum column_role)role,
                                            .totals = (enum totals)totals,
                                            .at = 2,
                                            .width = width};
                struct columns_fit fit;
                columns_fit(&stream_columns, &o, &fit);
                assert_true(fit.n >= 1);
                const struct columns_fitted *last = &fit.items[fit.n - 1];
                assert_true(last->at + last->width <= width || fit.n == 1);
                for (int i = 1; i < fit.n; i++)
                    assert_true(fit.items[i].at ==
                                fit.items[i - 1].at + fit.items[i - 1].width + 1);
            }
}

/* ---- what the picture shows ---- */

static void toggles(void **state)
{
    struct dashboard *d = *state;
    press(d, 'u');
    assert_int_equal(d->ui.units, UNITS_BITS);
    press(d, 'u');
    assert_int_equal(d->ui.units, UNITS_BYTES);
    press(d, 't');
    assert_int_equal(d->ui.totals, SHOW_RATES);
    press(d, 't');
    assert_int_equal(d->ui.totals, SHOW_TOTALS);
    press(d, 't');
    assert_int_equal(d->ui.totals, SHOW_BOTH);
    press(d, 'w');
    assert_int_equal(d->ui.window, WINDOW_TEN);
    press(d, 'w');
    assert_int_equal(d->ui.window, WINDOW_HOUR);
    press(d, 'w');
    assert_int_equal(d->ui.window, WINDOW_MINUTE);
    press(d, 'L');
    assert_true(d->ui.logarithmic);
    assert_int_equal(press(d, 'M'), UI_MOUSE);
    assert_true(d->ui.mouse);
    press(d, 'l');
    assert_int_equal(d->ui.log_rows, 8);
}

static void refresh_time(void **state)
{
    struct dashboard *d = *state;
    assert_int_equal(press(d, '+'), UI_REFRESH);
    assert_true(d->ui.refresh == 2);
    for (int i = 0; i < 9; i++)
        press(d, '+');
    assert_true(d->ui.refresh == 10);
    for (int i = 0; i < 9; i++)
        press(d, '-');
    assert_true(d->ui.refresh == 0.2);
    d->ui.refresh = 3; /* as an option may have it */
    press(d, '-');
    assert_true(d->ui.refresh == 2);
}

static void pauses(void **state)
{
    static const uint32_t keys[] = {'p', 'Z'};
    struct dashboard *d = *state;
    for (int i = 0; i < 2; i++) {
        press(d, keys[i]);
        assert_true(d->m.paused);
        show(d, HEAD SERVICES "\"streams\":[" STREAM(1, "SSH1", 50) "]}");
        assert_int_equal(listed(d), 4);
        press(d, keys[i]);
        assert_false(d->m.paused);
        assert_int_equal(listed(d), 1);
        show(d, four);
    }
    d->ui.focus = PANE_SERVICES; /* nothing to tag */
    press(d, ' ');
    assert_true(d->m.paused);
}

static void copying(void **state)
{
    struct dashboard *d = *state;
    assert_int_equal(press(d, 'y'), UI_NOTHING);
    assert_true(d->ui.message_bad);
    d->ui.copy = true;
    assert_int_equal(press(d, 'y'), UI_COPY);
    assert_string_equal(d->ui.copied, "2");
    press(d, UIKEY_TAB);
    press(d, 'j');
    assert_int_equal(press(d, 'y'), UI_COPY);
    assert_string_equal(d->ui.copied, "ssh1.tunnel");
}

/* ---- closing ---- */

static void tags(void **state)
{
    struct dashboard *d = *state;
    press(d, ' ');
    press(d, ' ');
    assert_int_equal(d->ui.n_tags, 2);
    assert_int_equal(d->ui.tags[0], 2);
    assert_int_equal(d->ui.tags[1], 3);
    assert_int_equal(d->ui.stream, 4); /* on to the next */
    press(d, 'k');
    press(d, ' ');
    assert_int_equal(d->ui.n_tags, 1);
    show(d, HEAD SERVICES "\"streams\":[" STREAM(1, "SSH1", 50) "," STREAM(2, "SSH1", 1) "]}");
    assert_int_equal(d->ui.n_tags, 1);
    press(d, 'U');
    assert_int_equal(d->ui.n_tags, 0);
    press(d, ' ');
    show(d, HEAD SERVICES "\"streams\":[]}");
    assert_int_equal(d->ui.n_tags, 0);
}

static void closing_asks(void **state)
{
    static const uint32_t keys[] = {'K', F(9), UIKEY_DELETE};
    static const uint32_t others[] = {'n', 'Y', UIKEY_ENTER, UIKEY_ESCAPE, ' ', 'q', 'K'};
    struct dashboard *d = *state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        press(d, keys[i % 3]);
        assert_int_equal(d->ui.prompt, PROMPT_CLOSE);
        assert_int_equal(ui_closing(&d->ui, 0), 2);
        assert_int_equal(press(d, others[i]), UI_NOTHING);
        assert_int_equal(d->ui.prompt, PROMPT_NONE);
        assert_int_equal(ui_closing(&d->ui, 0), 0);
    }
    press(d, 'K');
    /* What is asked about stays that, whatever comes to the top meanwhile. */
    show(d, HEAD SERVICES "\"streams\":[" FOUR "," STREAM(9, "SSH1", 99) "]}");
    assert_int_equal(press(d, 'y'), UI_CLOSE | UI_REFRESH);
    assert_int_equal(ui_closing(&d->ui, 0), 2);
    assert_int_equal(ui_closing(&d->ui, 1), 0);
    assert_int_equal(press(d, 'k'), UI_NOTHING); /* k is up */
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
}

static void tagged_streams_are_closed(void **state)
{
    struct dashboard *d = *state;
    press(d, ' ');
    press(d, ' ');
    press(d, 'K');
    assert_int_equal(press(d, 'y'), UI_CLOSE | UI_REFRESH);
    assert_int_equal(ui_closing(&d->ui, 0), 2);
    assert_int_equal(ui_closing(&d->ui, 1), 3);
    assert_int_equal(ui_closing(&d->ui, 2), 0);
    assert_int_equal(d->ui.n_tags, 0);
    press(d, ' ');
    press(d, UIKEY_ENTER); /* of what is in detail, not of what is tagged elsewhere */
    press(d, 'K');
    assert_int_equal(press(d, 'y'), UI_CLOSE | UI_REFRESH);
    assert_int_equal(ui_closing(&d->ui, 0), d->ui.stream);
    assert_int_equal(ui_closing(&d->ui, 1), 0);
}

static void not_everything_can_be_closed(void **state)
{
    struct dashboard *d = *state;
    show(d, HEAD SERVICES "\"streams\":[{\"id\":5,\"state\":\"closed\"}]}");
    press(d, 'K');
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    assert_true(d->ui.message_bad);
    show(d, HEAD SERVICES "\"readonly\":true,\"streams\":[" FOUR "]}");
    press(d, 'K');
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    show(d, four);
    press(d, UIKEY_TAB);
    press(d, 'K');
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    press(d, UIKEY_BACK_TAB);
    model_lost(&d->m, "gone", 2, 3);
    press(d, 'K');
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    assert_true(d->ui.message_bad);
}

/* ---- lost ---- */

static void r_tries_again(void **state)
{
    struct dashboard *d = *state;
    model_lost(&d->m, "gone", 2, 3);
    assert_int_equal(press(d, 'r'), UI_RETRY);
    assert_false(d->ui.reverse);
    press(d, UIKEY_ENTER);
    assert_int_equal(press(d, 'r'), UI_RETRY);
    press(d, UIKEY_ESCAPE);
    press(d, '/');
    assert_int_equal(press(d, 'r'), UI_NOTHING);
    press(d, UIKEY_ESCAPE);
    show(d, four);
    assert_int_equal(press(d, 'r'), UI_NOTHING);
    assert_true(d->ui.reverse);
}

static void keys_before_the_first_picture(void **state)
{
    struct dashboard *d = *state;
    struct model never;
    model_init(&never, "/run/x.sock");
    for (size_t i = 0; i < n_key_bindings; i++)
        for (int k = 0; k < 6 && key_bindings[i].keys[k] != 0; k++) {
            ui_key(&d->ui, &never, key_bindings[i].keys[k]);
            ui_key(&d->ui, &never, UIKEY_ESCAPE);
        }
    assert_int_equal(d->ui.n_closing, 0);
    model_free(&never);
}

/* ---- mouse ---- */

static void clicks(void **state)
{
    struct dashboard *d = *state; /* title, graphs, totals; services from row 4 */
    ui_click(&d->ui, &d->m, 6, 10, 1);
    assert_int_equal(d->ui.focus, PANE_SERVICES);
    assert_string_equal(d->ui.service, "pump/SSH1");
    ui_click(&d->ui, &d->m, 9, 10, 1);
    assert_int_equal(d->ui.focus, PANE_STREAMS);
    assert_int_equal(d->ui.stream, 3);
    ui_click(&d->ui, &d->m, 0, 0, 5);
    assert_int_equal(d->ui.stream, 4);
    ui_click(&d->ui, &d->m, 0, 0, 4);
    assert_int_equal(d->ui.stream, 3);
    ui_click(&d->ui, &d->m, 7, 9, 1); /* on CLIENT */
    assert_int_equal(d->ui.sort, column_find(&stream_columns, "client"));
    ui_click(&d->ui, &d->m, 7, 9, 1);
    assert_true(d->ui.reverse);
    ui_click(&d->ui, &d->m, 4, 1, 1);
    assert_true(d->ui.service_reverse);
    ui_click(&d->ui, &d->m, 21, 1, 1);
    assert_int_equal(d->ui.focus, PANE_LOG);
    assert_int_equal(ui_click(&d->ui, &d->m, 8, 10, 2), UI_REFRESH);
    assert_int_equal(d->ui.screen, SCREEN_STREAM);
    press(d, UIKEY_ESCAPE);
    press(d, 'K');
    assert_int_equal(ui_click(&d->ui, &d->m, 8, 10, 1), UI_NOTHING);
    assert_int_equal(d->ui.prompt, PROMPT_CLOSE); /* answers nothing */
    ui_click(&d->ui, &d->m, -5, 5000, 1);
}

/* ---- the table of keys ---- */

/* No key means two things on one screen, and what has a key in the bar has that key. */
static void keys_mean_one_thing(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_key_bindings; i++)
        for (size_t k = 0; k < n_key_bindings; k++)
            for (int a = 0; a < 6 && i != k && key_bindings[i].keys[a] != 0; a++)
                for (int b = 0; b < 6 && key_bindings[k].keys[b] != 0; b++)
                    assert_true(key_bindings[i].keys[a] != key_bindings[k].keys[b] ||
                                (key_bindings[i].screens & key_bindings[k].screens) == 0);
    for (size_t i = 0; i < n_key_bindings; i++)
        assert_int_equal(key_bindings[i].bar == NULL, key_bindings[i].bar_key == NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- pastes ---- */

/* "Kyoto" asks with K and answers with y, were it typed. */
static void pastes_are_no_commands(void **state)
{
    struct dashboard *d = *state;
    press(d, UIKEY_PASTE);
    type(d, "Kyoto q");
    press(d, UIKEY_ENTER);
    press(d, UIKEY_PASTE_END);
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    assert_int_equal(d->ui.totals, SHOW_BOTH);
    assert_int_equal(d->ui.screen, SCREEN_MAIN);
    assert_true(d->ui.message_bad);
    assert_non_null(strstr(d->ui.message, "pasted text"));
    assert_int_equal(press(d, 'q'), UI_QUIT); /* keys are keys again */
}

static void pastes_answer_no_question(void **state)
{
    struct dashboard *d = *state;
    press(d, 'K');
    assert_int_equal(d->ui.prompt, PROMPT_CLOSE);
    press(d, UIKEY_PASTE);
    type(d, "yes");
    press(d, UIKEY_PASTE_END);
    assert_int_equal(d->ui.prompt, PROMPT_CLOSE);
    assert_int_equal(press(d, 'y'), UI_CLOSE | UI_REFRESH);
}

static void pastes_into_a_filter(void **state)
{
    struct dashboard *d = *state;
    press(d, '/');
    press(d, UIKEY_PASTE);
    type(d, "service=");
    press(d, UIKEY_ESCAPE);
    type(d, "SSH1");
    press(d, UIKEY_ENTER);
    press(d, UIKEY_TAB);
    type(d, "q");
    press(d, UIKEY_PASTE_END);
    assert_int_equal(d->ui.prompt, PROMPT_FILTER);
    assert_string_equal(d->ui.text, "service=SSH1  q");
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    assert_string_equal(d->ui.filter_text, "service=SSH1  q");
}

/* The end of a paste may never come. */
static void ctrl_c_ends_a_paste(void **state)
{
    struct dashboard *d = *state;
    press(d, UIKEY_PASTE);
    assert_int_equal(press(d, 'q'), UI_NOTHING);
    assert_int_equal(press(d, CTRL('c')), UI_QUIT);
    assert_false(d->ui.pasting);
}

/* Where the terminal does not tell a paste: an answer comes alone. */
static void answers_come_alone(void **state)
{
    struct dashboard *d = *state;
    d->ui.read = 2;
    press(d, 'K');
    assert_int_equal(press(d, 'y'), UI_NOTHING);
    assert_int_equal(press(d, 'n'), UI_NOTHING);
    assert_int_equal(d->ui.prompt, PROMPT_CLOSE);
    d->ui.read = 1;
    assert_int_equal(press(d, 'y'), UI_CLOSE | UI_REFRESH);
}

static void graph_styles(void **state)
{
    struct dashboard *d = *state;
    enum graph_style before = d->ui.graph;
    press(d, 'B');
    assert_int_not_equal(d->ui.graph, before);
    assert_non_null(strstr(d->ui.message, "TUNNEL_TUI_GRAPH="));
    press(d, 'B');
    press(d, 'B');
    assert_int_equal(d->ui.graph, before);
    d->ui.ascii = true;
    press(d, 'B');
    assert_int_equal(d->ui.graph, before);
    assert_true(d->ui.message_bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_move),
        TEST(the_selection_sticks),
        TEST(the_first_row_is_not_a_stream),
        TEST(panes),
        TEST(the_log_scrolls),
        TEST(long_lists_scroll),
        TEST(following_the_newest),
        TEST(details_and_back),
        TEST(details_stay_with_their_stream),
        TEST(help_comes_and_goes),
        TEST(ways_out),
        TEST(filters_work_while_one_types),
        TEST(escape_drops_the_filter),
        TEST(text_entry_owns_every_key),
        TEST(search_hides_nothing),
        TEST(from_the_command_line),
        TEST(sorting),
        TEST(sorting_from_a_list),
        TEST(columns_are_chosen),
        TEST(columns_fit_their_screen),
        TEST(toggles),
        TEST(refresh_time),
        TEST(pauses),
        TEST(copying),
        TEST(tags),
        TEST(closing_asks),
        TEST(tagged_streams_are_closed),
        TEST(not_everything_can_be_closed),
        TEST(r_tries_again),
        TEST(keys_before_the_first_picture),
        TEST(clicks),
        TEST(pastes_are_no_commands),
        TEST(pastes_answer_no_question),
        TEST(pastes_into_a_filter),
        TEST(ctrl_c_ends_a_paste),
        TEST(answers_come_alone),
        TEST(graph_styles),
        TEST(keys_mean_one_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
