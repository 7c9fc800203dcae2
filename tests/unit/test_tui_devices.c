/* The list of a hub's devices: what is asked of the hub, what is selected, and the page of one. */
#include "tests/unit/tui_ui_help.h"
#include "tui/state/paged_list.h"

#define HUB "{\"schema\":1,\"program\":\"tunnel-hub\",\"role\":\"hub\",\"instance\":\"a\","
#define DEVICE(name, state) "{\"device\":\"" name "\",\"state\":\"" state "\"}"

/* A hub of 100 devices, of which rows `from` .. `from` + 2 are here. */
#define HUNDRED(from, a, b, c)                                                                     \
    HUB "\"devices\":{\"total\":100,\"away\":100,\"matching\":100,\"from\":" #from                 \
        ",\"rows\":[" DEVICE(a, "away") "," DEVICE(b, "away") "," DEVICE(c, "away") "]}}"

static struct model_wanted wanted(const struct dashboard *d)
{
    struct model_wanted w;
    ui_wanted(&d->ui, &d->m, &w);
    return w;
}

/* The answer is about the page of b. */
#define ONE "\"filter\":\"device=b\","

static void open_list(struct dashboard *d)
{
    show(d, HUNDRED(0, "a", "b", "c"));
    assert_int_equal(wanted(d).devices.rows, 0); /* nobody looks at them */
    assert_int_equal(press(d, 'D'), UI_REFRESH);
    assert_int_equal(d->ui.screen, SCREEN_DEVICES);
    assert_int_equal(wanted(d).devices.rows, paged_list_room(&d->ui));
}

static const char *selected_name(const struct dashboard *d)
{
    const struct snapshot_device *s = paged_list_selected(&d->ui, &d->m, PAGED_DEVICES);
    return s != NULL ? s->device : "";
}

static void only_a_hub_has_them(void **state)
{
    struct dashboard *d = *state;
    assert_int_equal(press(d, 'D'), UI_NOTHING);
    assert_int_equal(d->ui.screen, SCREEN_MAIN);
    assert_true(d->ui.message_bad);
}

static void the_selected_one_stays_selected(void **state)
{
    struct dashboard *d = *state;
    open_list(d);
    assert_string_equal(selected_name(d), "a");
    assert_int_equal(press(d, 'j'), UI_REFRESH);
    assert_string_equal(selected_name(d), "b");
    show(d, HUNDRED(0, "b", "a", "c"));
    assert_string_equal(selected_name(d), "b");
    assert_int_equal(d->ui.lists[PAGED_DEVICES].row, 0);
    show(d, HUNDRED(0, "x", "a", "c")); /* it is gone: whoever is in its place is selected */
    assert_string_equal(selected_name(d), "x");
}

static void rows_come_as_they_are_needed(void **state)
{
    struct dashboard *d = *state;
    size_t room = (size_t)paged_list_room(&d->ui);
    open_list(d);
    press(d, UIKEY_END);
    assert_int_equal(d->ui.lists[PAGED_DEVICES].row, 99);
    assert_int_equal(wanted(d).devices.from, 100 - room);
    assert_string_equal(selected_name(d), ""); /* not here yet */
    show(d, HUNDRED(97, "w", "y", "z"));
    assert_string_equal(selected_name(d), "z");
    press(d, 'k');
    assert_string_equal(selected_name(d), "y");
    press(d, UIKEY_HOME);
    assert_int_equal(wanted(d).devices.from, 0);
    press(d, UIKEY_PAGE_DOWN);
    assert_int_equal(d->ui.lists[PAGED_DEVICES].row, room - 1);
    show(d, HUB "\"devices\":{\"total\":100,\"matching\":0,\"rows\":[]}}");
    assert_int_equal(d->ui.lists[PAGED_DEVICES].row, 0);
    assert_int_equal(press(d, 'j'), UI_REFRESH);
    assert_int_equal(press(d, UIKEY_ENTER), UI_NOTHING);
    assert_int_equal(d->ui.screen, SCREEN_DEVICES);
}

static void the_hub_filters(void **state)
{
    struct dashboard *d = *state;
    open_list(d);
    press(d, '/');
    for (const char *c = "site=7"; *c != '\0'; c++)
        assert_int_equal(press(d, (uint32_t)*c), UI_REFRESH);
    assert_string_equal(wanted(d).devices.filter, "site=7");
    assert_string_equal(d->ui.filter_text, ""); /* that of tunnels is another one */
    assert_int_equal(press(d, UIKEY_ENTER), UI_REFRESH);
    assert_string_equal(wanted(d).devices.filter, "site=7");
    assert_int_equal(press(d, UIKEY_ESCAPE), UI_REFRESH); /* first the filter goes */
    assert_string_equal(wanted(d).devices.filter, "");
    assert_int_equal(d->ui.screen, SCREEN_DEVICES);
    press(d, UIKEY_ESCAPE);
    assert_int_equal(d->ui.screen, SCREEN_MAIN);
    assert_int_equal(wanted(d).devices.rows, 0);
}

/* Services and labels have no order, so they are passed over. */
static void the_hub_sorts(void **state)
{
    static const char *const orders[] = {"state_for", "address", "version", "device", "state"};
    struct dashboard *d = *state;
    d->ui.columns = 120; /* all of them are shown */
    open_list(d);
    assert_string_equal(wanted(d).devices.sort, "state");
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        assert_int_equal(press(d, '>'), UI_REFRESH);
        assert_string_equal(wanted(d).devices.sort, orders[i]);
    }
    press(d, '<');
    assert_string_equal(wanted(d).devices.sort, "device");
    press(d, 'r');
    assert_true(wanted(d).devices.reverse);
}

static void the_page_of_one(void **state)
{
    struct dashboard *d = *state;
    open_list(d);
    press(d, 'j');
    assert_int_equal(press(d, UIKEY_ENTER), UI_REFRESH);
    assert_int_equal(d->ui.screen, SCREEN_DEVICE);
    assert_string_equal(wanted(d).devices.filter, "device=b");
    assert_int_equal(wanted(d).devices.from, 0);
    show(d, HUB "\"devices\":{\"total\":100,\"matching\":1," ONE
                "\"rows\":[" DEVICE("b", "away") "]}}");
    assert_string_equal(selected_name(d), "b");
    show(d,
         HUB "\"devices\":{\"total\":99,\"matching\":0," ONE "\"rows\":[]}}"); /* it was removed */
    assert_null(paged_list_selected(&d->ui, &d->m, PAGED_DEVICES));
    assert_int_equal(d->ui.screen, SCREEN_DEVICE);
    assert_int_equal(press(d, 'q'), UI_REFRESH);
    assert_int_equal(d->ui.screen, SCREEN_DEVICES);
    show(d, HUNDRED(0, "a", "c", "d"));
    assert_string_equal(selected_name(d), "c"); /* the row where it was */
}

static void clicks(void **state)
{
    struct dashboard *d = *state;
    open_list(d);
    ui_click(&d->ui, &d->m, 5, 3, 1);
    assert_string_equal(selected_name(d), "c");
    ui_click(&d->ui, &d->m, 2, 3, 1); /* the head of the first column */
    assert_string_equal(wanted(d).devices.sort, "device");
    ui_click(&d->ui, &d->m, 2, 3, 1);
    assert_true(wanted(d).devices.reverse);
    ui_click(&d->ui, &d->m, 4, 3, 2);
    assert_int_equal(d->ui.screen, SCREEN_DEVICE);
    assert_string_equal(wanted(d).devices.filter, "device=b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_a_hub_has_them),
        TEST(the_selected_one_stays_selected),
        TEST(rows_come_as_they_are_needed),
        TEST(the_hub_filters),
        TEST(the_hub_sorts),
        TEST(the_page_of_one),
        TEST(clicks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
