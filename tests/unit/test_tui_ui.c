/* Keys of the dashboard: moving, screens, filter and search. */
#include "tests/unit/tui_ui_help.h"

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
    static const uint32_t keys[] = {'?', F(1), '?'}, ends[] = {'?', UIKEY_ESCAPE, 'q'};
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
