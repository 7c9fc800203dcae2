/* What is asked of a program that sends pages, and what is made of its answers: rows, groups,
 * streams that have ended, a moment of the past. */
#include "tests/unit/tui_ui_help.h"
#include "tui/state/moment.h"
#include "tui/state/paged_list.h"

static struct model_wanted wanted(const struct dashboard *d)
{
    struct model_wanted w;
    ui_wanted(&d->ui, &d->m, &w);
    return w;
}

/* The program answers what is asked now. */
static void answer(struct dashboard *d, const char *members)
{
    char target[MODEL_TARGET], json[8192];
    struct model_wanted w = wanted(d);
    model_target(&d->m, &w, target);
    snprintf(json, sizeof json, HEAD "\"clock\":1000,\"time\":5000,%s}", members);
    show(d, json);
}

#define PAGE(total, matching, from, found)                                                         \
    "\"streams_page\":{\"total\":" #total ",\"matching\":" #matching ",\"from\":" #from            \
    ",\"found\":" #found ",\"filter\":\"\"}"

static struct list_row at(const struct dashboard *d, size_t row, size_t *n)
{
    struct stream_list l = stream_list_of(&d->ui, &d->m);
    struct list_row r = stream_list_row(&l, &d->m, row);
    *n = l.n;
    stream_list_free(&l);
    return r;
}

/* The key of the group in that row; "" where there is none. */
static const char *key_at(const struct dashboard *d, size_t row)
{
    static char key[MODEL_KEY];
    struct stream_list l = stream_list_of(&d->ui, &d->m);
    struct list_row r = stream_list_row(&l, &d->m, row);
    snprintf(key, sizeof key, "%s", r.group != NULL ? r.group->key : "");
    stream_list_free(&l);
    return key;
}

/* ---- pages ---- */

static void pages(void **state)
{
    struct dashboard *d = *state;
    size_t n;
    answer(d,
           "\"streams\":[" STREAM(9, "SSH1", 9) "," STREAM(8, "SSH1", 8) "]," PAGE(90, 80, 0, 0));
    assert_int_equal(at(d, 1, &n).stream->id, 8);
    assert_int_equal(n, 80);
    assert_null(at(d, 2, &n).stream);
    assert_true(ui_lacks(&d->ui, &d->m));
    press(d, 'G'); /* a row that is not here */
    assert_int_equal(d->ui.stream, 0);
    assert_int_equal(d->ui.stream_row, 79);
    struct model_wanted w = wanted(d);
    assert_true(w.streams.asked && w.streams.from > 50 && w.streams.from + w.streams.rows >= 80);
    answer(d,
           "\"streams\":[" STREAM(7, "SSH1", 9) "," STREAM(6, "SSH1", 8) "]," PAGE(90, 80, 78, 0));
    assert_int_equal(d->ui.stream, 6);
    assert_int_equal(wanted(d).find, 6);
    /* It has another row now, which the page does not have. */
    answer(d, "\"streams\":[" STREAM(7, "SSH1", 9) "]," PAGE(90, 80, 79, 5));
    assert_int_equal(d->ui.stream, 6);
    assert_int_equal(d->ui.stream_row, 4);
    assert_int_equal(d->ui.stream_top, 4);
    assert_true(wanted(d).streams.from <= 4);
    /* It is gone: who is in its place is selected. */
    answer(d,
           "\"streams\":[" STREAM(1, "SSH1", 9) "," STREAM(2, "SSH1", 9) "]," PAGE(90, 80, 4, 0));
    assert_int_equal(d->ui.stream, 1);
}

static void what_is_asked_follows_filter_and_sort(void **state)
{
    struct dashboard *d = *state;
    answer(d, "\"streams\":[]," PAGE(0, 0, 0, 0));
    press(d, '/');
    assert_int_equal(press(d, 'x'), UI_REFRESH);
    assert_string_equal(wanted(d).streams.filter, "x");
    assert_int_equal(press(d, UIKEY_ENTER), UI_REFRESH);
    assert_int_equal(press(d, 'r'), UI_REFRESH);
    assert_true(wanted(d).streams.reverse);
    assert_string_equal(wanted(d).streams.sort, "rate_down");
    assert_int_equal(press(d, UIKEY_ESCAPE), UI_REFRESH);
    assert_string_equal(wanted(d).streams.filter, "");
}

/* What was answered for one screen is not taken for another's rows. */
static void answers_of_other_screens(void **state)
{
    struct dashboard *d = *state;
    size_t n;
    answer(d, SERVICES "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(90, 80, 0, 0));
    press(d, 'j');
    press(d, 'k');
    assert_int_equal(d->ui.stream, 9);
    press(d, UIKEY_TAB);
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.screen, SCREEN_SERVICE);
    struct model_wanted w = wanted(d);
    assert_true(w.one_group);
    assert_string_equal(w.groups, "service");
    assert_string_equal(w.group, "HTTP1");
    assert_string_equal(w.streams.filter, "device=pump");
    answer(d, SERVICES "\"streams\":[" STREAM(5, "HTTP1", 9) "]," PAGE(1, 1, 0, 0));
    at(d, 0, &n);
    assert_int_equal(n, 0);
    assert_int_equal(d->ui.stream, 9); /* it stays */
    assert_int_equal(press(d, UIKEY_ESCAPE), UI_REFRESH);
    assert_false(wanted(d).one_group);
}

static void a_search_gets_more_rows(void **state)
{
    struct dashboard *d = *state;
    answer(d, "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(90, 80, 0, 0));
    press(d, F(3));
    press(d, '7');
    assert_int_equal(wanted(d).streams.rows, MODEL_PAGE_MAX);
    press(d, UIKEY_ENTER);
    assert_int_equal(d->ui.searching, 'n');
    answer(d, "\"streams\":[" STREAM(9, "SSH1", 9) "," STREAM(7, "SSH1", 8) "]," PAGE(90, 2, 0, 0));
    assert_int_equal(d->ui.stream, 7);
    assert_int_equal(d->ui.searching, 0);
}

/* ---- groups ---- */

#define GROUPS                                                                                     \
    "\"groups\":{\"by\":\"client\",\"rows\":[{\"key\":\"ssh\",\"open\":2,\"bytes_down\":9},"       \
    "{\"key\":\"a=b c\",\"open\":1,\"bytes_down\":5},{\"other\":true,\"served\":3}]},"

static void groups_of_a_program(void **state)
{
    struct dashboard *d = *state;
    size_t n;
    answer(d, "\"streams\":[]," PAGE(3, 3, 0, 0));
    assert_int_equal(press(d, 'a'), UI_REFRESH);
    assert_string_equal(wanted(d).groups, "client");
    assert_false(wanted(d).one_group);
    assert_int_equal(wanted(d).streams.rows, 0);
    answer(d, GROUPS "\"streams\":[]," PAGE(3, 3, 0, 0));
    assert_string_equal(key_at(d, 0), "ssh");
    at(d, 0, &n);
    assert_int_equal(n, 3);
    press(d, 'j');
    assert_int_equal(press(d, ' '), UI_REFRESH);
    assert_string_equal(wanted(d).group, "a=b c");
    at(d, 0, &n);
    assert_int_equal(n, 3); /* its streams are on their way */
    answer(d, GROUPS "\"streams\":[" STREAM(7, "SSH1", 9) "]," PAGE(3, 1, 0, 0));
    assert_int_equal(at(d, 2, &n).stream->id, 7);
    assert_int_equal(n, 4);
    assert_true(at(d, 3, &n).group->other);
    press(d, 'G');
    press(d, ' ');
    assert_true(d->ui.message_bad); /* that one cannot be opened */
    press(d, 'k');
    assert_int_equal(d->ui.stream, 7);
    press(d, 'k');
    assert_true(d->ui.groups.on_group);
    assert_int_equal(press(d, UIKEY_ENTER), UI_REFRESH); /* closes it */
    assert_false(wanted(d).one_group);
}

static void a_group_is_closed(void **state)
{
    struct dashboard *d = *state;
    answer(d, "\"streams\":[]," PAGE(3, 3, 0, 0));
    press(d, 'a');
    answer(d, GROUPS "\"streams\":[]," PAGE(3, 3, 0, 0));
    assert_int_equal(press(d, 'K'), UI_REFRESH);
    assert_int_equal(d->ui.prompt, PROMPT_GATHER);
    assert_string_equal(wanted(d).group, "ssh");
    assert_int_equal(wanted(d).streams.rows, UI_TAGS_MAX);
    answer(d, GROUPS
           "\"streams\":[" STREAM(7, "SSH1", 9) "," STREAM(9, "SSH1", 9) "]," PAGE(3, 2, 0, 0));
    assert_int_equal(d->ui.prompt, PROMPT_CLOSE);
    assert_int_equal(d->ui.n_closing, 2);
    assert_string_equal(d->ui.closing_of, "ssh");
    assert_int_equal(press(d, 'y'), UI_CLOSE | UI_REFRESH);
    assert_int_equal(ui_closing(&d->ui, 0), 7);
    press(d, 'K');
    press(d, 'n'); /* before the answer */
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
    answer(d, GROUPS "\"streams\":[]," PAGE(3, 3, 0, 0));
    assert_int_equal(d->ui.prompt, PROMPT_NONE);
}

/* Of an older program, or a recording. */
static void groups_of_what_is_listed(void **state)
{
    struct dashboard *d = *state;
    size_t n;
    press(d, 'a');
    press(d, 'a');
    press(d, 'a'); /* by service */
    assert_string_equal(key_at(d, 0), "HTTP1");
    at(d, 0, &n);
    assert_int_equal(n, 2);
    press(d, ' ');
    assert_int_equal(at(d, 1, &n).stream->id, 2);
    assert_int_equal(n, 4);
    press(d, 'K');
    assert_int_equal(d->ui.prompt, PROMPT_CLOSE);
    assert_int_equal(d->ui.n_closing, 2);
    press(d, 'n');
    press(d, 'a');
    press(d, 'a');
    assert_int_equal(d->ui.groups.by, GROUP_NONE);
    assert_int_equal(selected(d), 2);
}

static void keys_of_groups(void **state)
{
    static const struct {
        const char *process, *client, *key;
    } rows[] = {{"ssh", "127.0.0.1:22", "ssh"},
                {"", "127.0.0.1:50312", "127.0.0.1"},
                {"", "[2001:db8::1]:22", "2001:db8::1"},
                {"", "/run/x:1", "/run/x:1"},
                {"", "", ""},
                {"", "[", "["},
                {"", "[]:1", ""},
                {"", ":", ""}};
    char key[MODEL_KEY];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct snapshot_stream s = {
            .process = rows[i].process, .client = rows[i].client, .user = ""};
        groups_key(&s, GROUP_CLIENT, false, key);
        assert_string_equal(key, rows[i].key);
    }
    const struct snapshot_stream s = {.user = "", .pid = 3, .uid = 1000};
    groups_key(&s, GROUP_USER, false, key);
    assert_string_equal(key, "uid 1000");
}

/* ---- those that have ended ---- */

static void ended(void **state)
{
    struct dashboard *d = *state;
    assert_int_equal(press(d, 'h'), UI_REFRESH);
    struct model_wanted w = wanted(d);
    assert_true(w.closed.asked);
    assert_int_equal(w.streams.rows, 0);
    assert_string_equal(w.closed.sort, "closed_at");
    answer(d, "\"closed\":{\"total\":50,\"matching\":50,\"from\":0,\"rows\":[{\"id\":11,\"state\":"
              "\"closed\",\"reason\":\"peer-reset\"},{\"id\":10,\"state\":\"closed\"}]}");
    press(d, 'j');
    assert_string_equal(d->ui.lists[PAGED_CLOSED].name, "10");
    assert_int_equal(press(d, UIKEY_ENTER), UI_REFRESH);
    assert_int_equal(d->ui.screen, SCREEN_STREAM);
    assert_non_null(model_stream(&d->m, 10));
    w = wanted(d);
    assert_string_equal(w.closed.filter, "id=10");
    assert_int_equal(w.closed.rows, 1);
    press(d, 'K');
    assert_int_equal(d->ui.prompt, PROMPT_NONE); /* it has ended */
    press(d, 'j');                               /* nothing to move in */
    assert_int_equal(d->ui.stream, 10);
    press(d, UIKEY_ESCAPE);
    assert_int_equal(d->ui.screen, SCREEN_HISTORY);
    press(d, 'h');
    assert_int_equal(d->ui.screen, SCREEN_MAIN);
}

/* ---- clicks ---- */

static void clicks_in_lists(void **state)
{
    struct dashboard *d = *state;
    press(d, 'h');
    answer(d, "\"closed\":{\"total\":50,\"matching\":50,\"from\":0,\"rows\":[{\"id\":11,\"state\":"
              "\"closed\"},{\"id\":10,\"state\":\"closed\"}]}");
    assert_int_equal(ui_click(&d->ui, &d->m, 4, 10, 1), UI_REFRESH);
    assert_string_equal(d->ui.lists[PAGED_CLOSED].name, "10");
    ui_click(&d->ui, &d->m, 4, 10, 4); /* the wheel */
    assert_string_equal(d->ui.lists[PAGED_CLOSED].name, "11");
    ui_click(&d->ui, &d->m, 2, 8, 1); /* on CLIENT */
    assert_string_equal(wanted(d).closed.sort, "client");
    ui_click(&d->ui, &d->m, 2, 8, 1);
    assert_true(wanted(d).closed.reverse);
    ui_click(&d->ui, &d->m, 3, 10, 2);
    assert_int_equal(d->ui.screen, SCREEN_STREAM);
}

static void clicks_in_groups(void **state)
{
    struct dashboard *d = *state; /* services from row 4, streams from row 8 */
    press(d, 'a');
    press(d, 'a');
    press(d, 'a');
    ui_click(&d->ui, &d->m, 9, 10, 1);
    assert_true(d->ui.groups.on_group);
    assert_string_equal(d->ui.groups.key, "SSH1");
    ui_click(&d->ui, &d->m, 8, 10, 2); /* opens it */
    assert_true(d->ui.groups.open);
    assert_string_equal(d->ui.groups.open_key, "HTTP1");
    ui_click(&d->ui, &d->m, 9, 10, 1);
    assert_int_equal(d->ui.stream, 2);
    ui_click(&d->ui, &d->m, 9, 10, 5);
    assert_int_equal(d->ui.stream, 3);
    press(d, 'K');
    ui_click(&d->ui, &d->m, 8, 10, 1); /* answers nothing */
    assert_int_equal(d->ui.prompt, PROMPT_CLOSE);
}

/* ---- a moment ---- */

#define PAST                                                                                       \
    "\"history\":{\"seconds\":{\"last\":50,\"down\":[1,2,3,4,5],\"up\":[5,4,3,2,1]},\"tens\":{"    \
    "\"last\":5,\"down\":[7,8],\"up\":[8,7]}}"

static void moments(void **state)
{
    struct dashboard *d = *state;
    double ago;
    answer(d, PAST);
    assert_int_equal(moment_back(&d->ui, &d->m), -1);
    assert_true(moment_time(&d->ui, &d->m, &ago) == 0);
    press(d, UIKEY_LEFT);
    press(d, UIKEY_LEFT);
    assert_int_equal(moment_back(&d->ui, &d->m), 2);
    assert_true(moment_time(&d->ui, &d->m, &ago) == 4998);
    assert_true(ago == 2);
    for (int i = 0; i < 9; i++)
        press(d, UIKEY_LEFT);
    assert_int_equal(moment_back(&d->ui, &d->m), 4); /* the history has no more */
    press(d, 'w');
    press(d, 'w');
    assert_int_equal(moment_back(&d->ui, &d->m), 0); /* of ten seconds each */
    press(d, UIKEY_RIGHT);                           /* by a minute */
    assert_int_equal(moment_back(&d->ui, &d->m), -1);
    press(d, UIKEY_LEFT);
    assert_int_equal(moment_back(&d->ui, &d->m), 1);
    press(d, UIKEY_ESCAPE);
    assert_int_equal(moment_back(&d->ui, &d->m), -1);
    press(d, UIKEY_RIGHT);
    assert_int_equal(moment_back(&d->ui, &d->m), -1);
}

/* ---- the streams of a moment, and of a pause ---- */

#define AT(total, at)                                                                              \
    "\"streams_page\":{\"total\":" #total ",\"matching\":" #total ",\"filter\":\"\",\"at\":" at "}"
#define SAMPLES                                                                                    \
    "\"history\":{\"seconds\":{\"last\":9,\"down\":[1,2,3,4,5,6,7,8,9],"                           \
    "\"up\":[1,2,3,4,5,6,7,8,9]}},"

static bool is_here(const struct dashboard *d, bool *untold)
{
    struct stream_list l = stream_list_of(&d->ui, &d->m);
    bool here = l.here;
    *untold = l.untold;
    stream_list_free(&l);
    return here;
}

static void streams_of_a_moment(void **state)
{
    struct dashboard *d = *state;
    bool untold;
    size_t n;
    answer(d, SAMPLES "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(1, 1, 0, 0));
    assert_int_equal(wanted(d).at_ms, 0);
    assert_true(press(d, UIKEY_LEFT) & UI_REFRESH);
    struct model_wanted w = wanted(d);
    assert_int_equal(w.at_ms, 999000);
    assert_int_equal(w.during_ms, 1000);
    char target[MODEL_TARGET];
    model_target(&d->m, &w, target);
    assert_non_null(strstr(target, "&at=999000&during=1000"));
    assert_null(strstr(target, "trend"));
    /* Those of the present are no answer, and stand in no list. */
    assert_false(is_here(d, &untold));
    assert_false(untold);
    assert_true(ui_lacks(&d->ui, &d->m));
    answer(d,
           SAMPLES "\"streams\":[" STREAM(3, "SSH1", 9) "," STREAM(2, "SSH1", 9) "]," AT(2, "999"));
    assert_true(is_here(d, &untold));
    assert_int_equal(at(d, 0, &n).stream->id, 3);
    assert_int_equal(n, 2);
    assert_true(at(d, 0, &n).stream->then && !at(d, 0, &n).stream->counted);
    press(d, UIKEY_ESCAPE);
    assert_int_equal(wanted(d).at_ms, 0);
    assert_false(is_here(d, &untold));
    assert_false(untold);
    /* An hour has columns of ten seconds. */
    press(d, 'w');
    press(d, 'w');
    d->ui.moment = 990;
    assert_int_equal(wanted(d).during_ms, 10000);
}

/* An older program answers as if nothing had been said of a moment. */
static void moments_that_are_not_told(void **state)
{
    struct dashboard *d = *state;
    bool untold;
    answer(d, SAMPLES "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(1, 1, 0, 0));
    press(d, UIKEY_LEFT);
    answer(d, SAMPLES "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(1, 1, 0, 0));
    assert_false(is_here(d, &untold));
    assert_true(untold);
    press(d, UIKEY_ESCAPE);
    assert_true(is_here(d, &untold));
    show(d, HEAD "\"clock\":1000,\"time\":5000," SAMPLES "\"streams\":[" STREAM(9, "SSH1", 9) "]}");
    press(d, UIKEY_LEFT); /* a recording has no pages */
    assert_false(is_here(d, &untold));
    assert_true(untold);
}

static void a_pause_keeps_rows(void **state)
{
    struct dashboard *d = *state;
    size_t n;
    type(d, "/SSH1");
    press(d, UIKEY_ENTER);
    answer(d, "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(4, 3, 0, 0));
    press(d, 'p');
    assert_true(d->m.keeping);
    struct model_wanted w = wanted(d);
    assert_true(w.kept);
    assert_int_equal(w.streams.rows, MODEL_PAGE_MAX);
    assert_string_equal(w.streams.filter, ""); /* all of them, since they are few */
    answer(d, "\"streams\":[" FOUR "]," PAGE(4, 4, 0, 0));
    assert_false(d->m.keeping);
    assert_false(wanted(d).kept);
    /* What comes now is for after the pause. */
    answer(d, "\"streams\":[" STREAM(77, "SSH1", 9) "]," PAGE(1, 1, 0, 0));
    assert_int_equal(at(d, 0, &n).stream->id, 4);
    assert_int_equal(at(d, 1, &n).stream->id, 1);
    assert_int_equal(n, 2);
    press(d, 'r');
    assert_int_equal(at(d, 0, &n).stream->id, 1);
    press(d, UIKEY_ESCAPE); /* without a filter */
    assert_int_equal(at(d, 0, &n).stream->id, 1);
    assert_int_equal(n, 4);
    press(d, 'p');
    assert_int_equal(at(d, 0, &n).stream->id, 77);
}

static void a_pause_without_an_answer(void **state)
{
    struct dashboard *d = *state;
    answer(d, "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(4, 3, 0, 0));
    press(d, 'p');
    assert_true(d->m.keeping);
    model_lost(&d->m, "gone", 1, 2);
    assert_false(d->m.keeping); /* what comes when it is back is no picture of then */
    assert_false(wanted(d).kept);
    press(d, 'p');
    press(d, 'p');
    assert_false(d->m.keeping);
}

/* More than it keeps: those around the screen, of those that fit. */
static void a_pause_of_very_many(void **state)
{
    struct dashboard *d = *state;
    answer(d, "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(90000, 80000, 0, 0));
    d->ui.stream_row = d->ui.stream_top = 50000;
    d->ui.stream = 0;
    press(d, 'p');
    struct model_wanted w = wanted(d);
    assert_int_equal(w.streams.rows, MODEL_PAGE_MAX);
    assert_true(w.streams.from > 40000 && w.streams.from < 50000);
}

static void a_moment_in_a_pause(void **state)
{
    struct dashboard *d = *state;
    bool untold;
    size_t n;
    answer(d, SAMPLES "\"streams\":[" STREAM(9, "SSH1", 9) "]," PAGE(1, 1, 0, 0));
    press(d, 'p');
    press(d, UIKEY_LEFT);
    answer(d, SAMPLES "\"streams\":[" STREAM(3, "SSH1", 9) "]," AT(1, "999"));
    assert_int_equal(at(d, 0, &n).stream->id, 3);
    press(d, UIKEY_LEFT);
    answer(d, SAMPLES "\"streams\":[" STREAM(2, "SSH1", 9) "]," AT(1, "998"));
    assert_int_equal(at(d, 0, &n).stream->id, 2);
    press(d, UIKEY_ESCAPE); /* the pause's own again */
    assert_true(is_here(d, &untold));
    assert_int_equal(at(d, 0, &n).stream->id, 9);
    press(d, UIKEY_LEFT);
    answer(d, SAMPLES "\"streams\":[" STREAM(3, "SSH1", 9) "]," AT(1, "999"));
    press(d, 'p'); /* the pause ends while the moment stays */
    answer(d, SAMPLES "\"streams\":[" STREAM(4, "SSH1", 9) "]," AT(1, "999"));
    assert_int_equal(at(d, 0, &n).stream->id, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pages),
        TEST(what_is_asked_follows_filter_and_sort),
        TEST(answers_of_other_screens),
        TEST(a_search_gets_more_rows),
        TEST(groups_of_a_program),
        TEST(a_group_is_closed),
        TEST(groups_of_what_is_listed),
        TEST(keys_of_groups),
        TEST(ended),
        TEST(clicks_in_lists),
        TEST(clicks_in_groups),
        TEST(moments),
        TEST(streams_of_a_moment),
        TEST(moments_that_are_not_told),
        TEST(a_pause_keeps_rows),
        TEST(a_pause_without_an_answer),
        TEST(a_pause_of_very_many),
        TEST(a_moment_in_a_pause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
