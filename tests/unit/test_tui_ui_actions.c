/* Keys of the dashboard: sorting, columns, closing; the mouse, and pastes. */
#include "tests/unit/tui_ui_help.h"

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
