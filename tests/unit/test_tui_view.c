/* The picture at every size, and before there is anything to show. What it shows in detail is
 * compared with the pictures in tests/tui/golden. */
#include "tui/view/view.h"
#include "tui/view/width.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char picture[] =
    "{\"schema\":1,\"program\":\"tunnel-gateway\",\"role\":\"source\",\"instance\":\"a\","
    "\"host\":\"gw\",\"listen\":[\"[::1]:1080\"],\"time\":1000,\"uptime\":50,"
    "\"tunnels\":[{\"name\":\"\xe6\xb3\xb5\",\"state\":\"up\",\"round_trip\":0.02}],"
    "\"services\":[{\"id\":\"\xe6\xb3\xb5\xe6\x88\xbf\",\"tunnel\":\"\xe6\xb3\xb5\",\"host\":"
    "\"a.tunnel\",\"state\":\"ready\"}],"
    "\"streams\":[{\"id\":1,\"client\":\"[2001:db8::1]:50312\",\"service\":"
    "\"\xe6\xb3\xb5\xe6\x88\xbf\",\"tunnel\":\"\xe6\xb3\xb5\",\"state\":\"open\",\"age\":4},"
    "{\"id\":2,\"client\":\"\\u001b[2J\",\"state\":\"closed\",\"reason\":\"eof\"}],"
    "\"history\":{\"seconds\":{\"last\":3,\"down\":[1,2,3],\"up\":[3,2,1]}},"
    "\"events\":{\"last\":1,\"list\":[{\"event\":\"open\",\"number\":1,\"time\":990,"
    "\"id\":1,\"client\":\"\xe6\xb3\xb5\"}]}}";

struct scene {
    struct model m;
    struct ui ui;
    struct grid g;
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    model_init(&s->m, "/run/here.sock");
    ui_init(&s->ui);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    model_free(&s->m);
    grid_free(&s->g);
    free(s);
    return 0;
}

static void take(struct scene *s)
{
    struct snapshot snapshot;
    char problem[200] = "";
    if (snapshot_read(span_of(picture), &snapshot, problem, sizeof problem) != ERR_OK)
        fail_msg("%s", problem);
    model_take(&s->m, &snapshot, 10);
}

static void draw(struct scene *s, int columns, int rows, const struct glyphs *glyphs)
{
    struct view_context c = {.glyphs = glyphs, .now = 12, .time = 1002, .version = "1"};
    s->ui.columns = columns;
    s->ui.rows = rows;
    ui_settle(&s->ui, &s->m);
    assert_true(grid_resize(&s->g, columns, rows));
    view_draw(&s->m, &s->ui, &c, &s->g);
    for (int i = 0; i < columns * rows; i++) {
        const struct cell *cell = &s->g.cells[i];
        int width = cell->c != 0 ? char_width(cell->c) : 0;
        bool after_wide = i % columns > 0 && cell[-1].c != 0 && char_width(cell[-1].c) == 2;
        assert_true(cell->role < ROLE_COUNT);
        assert_int_equal(cell->c == 0, after_wide);
        assert_true(cell->c == 0 || width == 1 || (width == 2 && i % columns < columns - 1));
    }
}

/* Whether the ASCII text is somewhere in a row, all of it with that role. */
static bool shows(const struct scene *s, const char *text, enum role role)
{
    int n = (int)strlen(text), cells = s->g.columns * s->g.rows;
    for (int i = 0; i + n <= cells; i++) {
        int same = 0;
        while (same < n && s->g.cells[i + same].c == (unsigned char)text[same] &&
               s->g.cells[i + same].role == role)
            same++;
        if (same == n)
            return true;
    }
    return false;
}

static void every_size(void **state)
{
    static const char *const keys[] = {"", "?", "s", "c", "/pump", "K"};
    struct scene *s = *state;
    take(s);
    for (int screen = SCREEN_MAIN; screen <= SCREEN_HELP; screen++)
        for (int columns = 1; columns < 260; columns += columns < 130 ? 3 : 37)
            for (int rows = 1; rows < 64; rows += rows < 33 ? 2 : 15) {
                s->ui.screen = (enum screen)screen;
                s->ui.stream = 1;
                strcpy(s->ui.service, "\xe6\xb3\xb5/\xe6\xb3\xb5\xe6\x88\xbf");
                draw(s, columns, rows, columns % 2 == 0 ? &glyphs_ascii : &glyphs_utf8);
            }
    s->ui.screen = SCREEN_MAIN;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (int columns = 1; columns < 90; columns += 8)
            for (int rows = 1; rows < 30; rows += 4) {
                for (const char *p = keys[k]; *p != '\0'; p++)
                    ui_key(&s->ui, &s->m, (unsigned char)*p);
                draw(s, columns, rows, &glyphs_utf8);
                ui_key(&s->ui, &s->m, UIKEY_ESCAPE);
                ui_key(&s->ui, &s->m, UIKEY_ESCAPE);
            }
}

static void before_the_first_picture(void **state)
{
    struct scene *s = *state;
    draw(s, 80, 24, &glyphs_ascii);
    assert_true(shows(s, "NOT CONNECTED", ROLE_BAD));
    assert_true(shows(s, "Connecting", ROLE_BAD));
    assert_true(shows(s, "/run/here.sock", ROLE_TEXT));
    model_lost(&s->m, "no such file", 1, 14);
    draw(s, 80, 24, &glyphs_ascii);
    assert_true(shows(s, "Not connected: no such file", ROLE_BAD));
    assert_true(shows(s, "retry in 2 s", ROLE_TEXT));
    draw(s, 40, 6, &glyphs_ascii);
    draw(s, 1, 1, &glyphs_ascii);
}

/* Two things that are never called by one name. */
static void lost_and_down_differ(void **state)
{
    struct scene *s = *state;
    take(s);
    draw(s, 80, 24, &glyphs_ascii);
    assert_true(shows(s, "UP", ROLE_OK));
    s->m.shown.tunnels[0].state = "down";
    draw(s, 80, 24, &glyphs_ascii);
    assert_true(shows(s, "HUB DOWN", ROLE_BUSY));
    assert_true(shows(s, "open", ROLE_OK)); /* the data is live */
    model_lost(&s->m, "closed", 11, 13);
    draw(s, 80, 24, &glyphs_ascii);
    assert_true(shows(s, "GATEWAY LOST", ROLE_BAD));
    assert_false(shows(s, "open", ROLE_OK));
    assert_true(shows(s, "retry in 1 s", ROLE_TEXT));
}

static void what_cannot_be_done_is_grey(void **state)
{
    struct scene *s = *state;
    take(s);
    draw(s, 80, 24, &glyphs_ascii);
    assert_true(shows(s, "K", ROLE_KEY));
    assert_false(shows(s, "K", ROLE_QUIET));
    s->m.shown.readonly = true;
    draw(s, 80, 24, &glyphs_ascii);
    assert_false(shows(s, "K", ROLE_KEY));
    assert_true(shows(s, "KKill", ROLE_QUIET));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_size),
        TEST(before_the_first_picture),
        TEST(lost_and_down_differ),
        TEST(what_cannot_be_done_is_grey),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
