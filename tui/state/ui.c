#include "tui/state/ui.h"

#include "tui/state/columns.h"
#include "tui/state/help.h"
#include "tui/state/keys.h"
#include "tui/state/paged_list.h"
#include "tui/state/stream_list.h"
#include "tui/state/ui_internal.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS_BEFORE 80 /* until the terminal's size is known */
#define ROWS_BEFORE 24

void ui_init(struct ui *ui)
{
    *ui = (struct ui){.log_rows = 3,
                      .refresh = 1,
                      .sort = column_find(&stream_columns, "rate_down"),
                      .service_sort = column_find(&service_columns, "id"),
                      .lists[PAGED_DEVICES].sort = column_find(&device_columns, "state"),
                      .lists[PAGED_CLOSED].sort = column_find(&closed_columns, "closed_at"),
                      .lists[PAGED_NODES].sort = column_find(&node_columns, "state"),
                      .columns = COLUMNS_BEFORE,
                      .rows = ROWS_BEFORE};
}

static const struct key_binding *binding_of(const struct ui *ui, uint32_t key)
{
    unsigned here = key_screen(ui->screen);
    for (size_t i = 0; i < n_key_bindings; i++)
        for (int k = 0; k < 6 && key_bindings[i].keys[k] != 0; k++)
            if (key_bindings[i].keys[k] == key && (key_bindings[i].screens & here) != 0)
                return &key_bindings[i];
    return NULL;
}

/* Whether the key is that of the box for a lost program, which all screens have. */
static bool retries(const struct model *m, uint32_t key)
{
    return key == 'r' && m->link != MODEL_LIVE;
}

/* Pasted text goes to text entry only. Ctrl-C keeps its meaning, because no key would work if the
 * end of a paste were lost. */
static bool pasted(struct ui *ui, struct model *m, uint32_t key)
{
    bool was = ui->pasting;
    ui->pasting = key == UIKEY_PASTE || (was && key != UIKEY_PASTE_END && key != CTRL('c'));
    if (key == UIKEY_PASTE || key == UIKEY_PASTE_END)
        return true;
    if (!ui->pasting)
        return false;
    if (!ui_prompt_paste(ui, m, key))
        ui_say(ui, true, "pasted text is taken for a filter (/) or search (F3) only");
    return true;
}

static void settle(struct ui *ui, const struct model *m)
{
    int most = help_lay_out(ui->columns, column_role_of(&m->shown), NULL, NULL) - (ui->rows - 2);
    if (ui->help_top > (size_t)(most > 0 ? most : 0))
        ui->help_top = (size_t)(most > 0 ? most : 0);
    ui_settle(ui, m);
}

unsigned ui_key(struct ui *ui, struct model *m, uint32_t key)
{
    if (key != UIKEY_PASTE_END)
        ui->message[0] = '\0';
    ui->searching = 0;
    if (pasted(ui, m, key))
        return UI_NOTHING;
    if (ui->prompt != PROMPT_NONE)
        return ui_prompt_key(ui, m, key);
    if (retries(m, key))
        return UI_RETRY;
    const struct key_binding *binding = binding_of(ui, key);
    unsigned actions = binding != NULL ? binding->act(ui, m, key) : UI_NOTHING;
    if (ui->moment <= 0)
        model_present(m);
    if (binding != NULL)
        settle(ui, m);
    return actions;
}

/* ---- clicks ---- */

/* The column whose head is at x; -1: there is none. */
static int head_at(const struct ui *ui, const struct model *m, const struct columns *c, int x)
{
    struct columns_options o = columns_options(c, &m->shown, ui, ui->columns);
    struct columns_fit fit;
    columns_fit(c, &o, &fit);
    for (int i = 0; i < fit.n; i++)
        if (x >= fit.items[i].at && x < fit.items[i].at + fit.items[i].width)
            return fit.items[i].column;
    return -1;
}

static void click_head(struct ui *ui, const struct model *m, int x, bool services)
{
    int column = head_at(ui, m, services ? &service_columns : &stream_columns, x);
    int *sort = services ? &ui->service_sort : &ui->sort;
    bool *reverse = services ? &ui->service_reverse : &ui->reverse;
    if (column < 0 ||
        (services ? &service_columns : &stream_columns)->items[column].compare == NULL)
        return;
    *reverse = column == *sort ? !*reverse : false;
    *sort = column;
}

static void click_stream(struct ui *ui, const struct model *m, size_t row)
{
    struct stream_list l = stream_list_of(ui, m);
    if (row < l.n) {
        stream_list_select(&l, ui, m, row);
        ui->follow = false;
    }
    stream_list_free(&l);
}

static void click_service(struct ui *ui, const struct model *m, size_t row)
{
    struct order o = order_services(ui, m);
    if (row < o.n) {
        service_name(&m->shown.services[o.at[row]], ui->service, sizeof ui->service);
        ui->service_row = row;
    }
    order_free(&o);
}

static bool inside(int row, int first, int n)
{
    return row >= first && row < first + n;
}

/* False: the click is not on something that opens. */
static bool click_main(struct ui *ui, const struct model *m, int row, int x)
{
    struct layout l = ui_layout(ui, m);
    if (inside(row, l.services, l.n_services)) {
        ui->focus = PANE_SERVICES;
        click_service(ui, m, ui->service_top + (size_t)(row - l.services));
        return true;
    }
    if (inside(row, l.streams, l.n_streams)) {
        ui->focus = PANE_STREAMS;
        click_stream(ui, m, ui->stream_top + (size_t)(row - l.streams));
        return true;
    }
    if (inside(row, l.log, l.n_log))
        ui->focus = PANE_LOG;
    else if (l.n_services > 0 && l.service_head > 0 && row == l.service_head)
        click_head(ui, m, x, true);
    else if (l.stream_head > 0 && row == l.stream_head)
        click_head(ui, m, x, false);
    return false;
}

static bool click_list(struct ui *ui, const struct model *m, int row, int x)
{
    enum { HEAD = 2, FIRST = 3 };
    enum paged_kind kind = paged_list_on(ui->screen);
    const struct columns *c = paged_list_columns(kind);
    struct paged_list *l = &ui->lists[kind];
    int column = row == HEAD ? head_at(ui, m, c, x) : -1;
    if (inside(row, FIRST, paged_list_room(ui)))
        return paged_list_pick(ui, m, kind, l->top + (size_t)(row - FIRST));
    if (column < 0 || c->items[column].compare == NULL)
        return false;
    l->reverse = column == l->sort ? !l->reverse : false;
    l->sort = column;
    return false;
}

/* True: the click is on something that opens. */
static bool click(struct ui *ui, const struct model *m, int row, int x)
{
    return ui->screen == SCREEN_MAIN                 ? click_main(ui, m, row, x)
           : paged_list_on(ui->screen) < PAGED_KINDS ? click_list(ui, m, row, x)
                                                     : false;
}

unsigned ui_click(struct ui *ui, struct model *m, int row, int column, int button)
{
    unsigned actions = UI_NOTHING;
    ui->message[0] = '\0';
    if (ui->prompt != PROMPT_NONE)
        return UI_NOTHING; /* a stray click answers no question */
    if (button == 4 || button == 5)
        ui_step(ui, m, button == 4 ? -1 : 1);
    else if (click(ui, m, row, column) && button == 2)
        actions = ui_enter(ui, m, UIKEY_ENTER);
    settle(ui, m);
    bool asks = paged_list_on(ui->screen) < PAGED_KINDS || m->shown.streams_page.known;
    return asks ? actions | UI_REFRESH : actions;
}

/* ---- for the app ---- */

bool ui_set_filter(struct ui *ui, const char *text)
{
    if (strlen(text) > UI_TEXT_MAX) {
        ui_say(ui, true, "longer than %d bytes", UI_TEXT_MAX);
        return false;
    }
    if (!filter_parse(text, &ui->filter, ui->message, sizeof ui->message)) {
        ui->message_bad = true;
        return false;
    }
    snprintf(ui->filter_text, sizeof ui->filter_text, "%s", text);
    return true;
}

bool ui_set_sort(struct ui *ui, const char *name)
{
    bool reverse = name[0] == '-';
    int column = column_find(&stream_columns, name + reverse);
    if (column < 0 || stream_columns.items[column].compare == NULL) {
        char quoted[40];
        ui_say(ui, true, "there is no column \"%s\"",
               str_escape(span_of(name + reverse), quoted, sizeof quoted));
        return false;
    }
    ui->sort = column;
    ui->reverse = reverse;
    return true;
}
