#include "tui/state/ui_internal.h"

#include "tui/state/columns.h"
#include "tui/state/device_list.h"
#include "tui/state/log_lines.h"
#include "tui/state/row_filter.h"

#include <limits.h>
#include <string.h>

struct layout ui_layout(const struct ui *ui, const struct model *m)
{
    bool hub = column_role_of(&m->shown) == COLUMN_HUB;
    return layout_of(ui->columns, ui->rows, hub ? 0 : m->shown.n_services, ui->log_rows);
}

/* ---- the selections ---- */

/* The selected row, or its neighbour when its stream or service is not listed. */
static size_t selected_row(long found, size_t row, size_t n)
{
    if (found >= 0)
        return (size_t)found;
    return row < n ? row : n > 0 ? n - 1 : 0;
}

static size_t stream_row(const struct ui *ui, const struct model *m, const struct order *o)
{
    return selected_row(order_stream_row(o, m, ui->stream), ui->stream_row, o->n);
}

uint64_t ui_selected(const struct ui *ui, const struct model *m)
{
    struct order o = order_streams(ui, m);
    uint64_t id = o.n > 0 ? m->shown.streams[o.at[stream_row(ui, m, &o)]].id : 0;
    if (ui->screen == SCREEN_STREAM)
        id = ui->stream;
    order_free(&o);
    return id;
}

static size_t moved(size_t row, long by, size_t n)
{
    if (n == 0)
        return 0;
    if (by < 0)
        return row > (size_t)-by ? row - (size_t)-by : 0;
    return (size_t)by < n - 1 - row ? row + (size_t)by : n - 1;
}

static void step_streams(struct ui *ui, const struct model *m, long by)
{
    struct order o = order_streams(ui, m);
    if (o.n > 0) {
        ui->stream_row = moved(stream_row(ui, m, &o), by, o.n);
        ui->stream = m->shown.streams[o.at[ui->stream_row]].id;
    }
    ui->follow = false;
    order_free(&o);
}

static void step_services(struct ui *ui, const struct model *m, long by)
{
    struct order o = order_services(ui, m);
    if (o.n > 0) {
        size_t row = selected_row(order_service_row(&o, m, ui->service), ui->service_row, o.n);
        ui->service_row = moved(row, by, o.n);
        service_name(&m->shown.services[o.at[ui->service_row]], ui->service, sizeof ui->service);
    }
    order_free(&o);
}

static void step_log(struct ui *ui, const struct model *m, long by)
{
    size_t n = log_count(ui, m), rows = (size_t)ui_layout(ui, m).n_log;
    size_t most = n > rows ? n - rows : 0;
    ui->log_up = moved(ui->log_up < most ? ui->log_up : most, -by, most + 1);
}

void ui_step(struct ui *ui, const struct model *m, long rows)
{
    if (ui->screen == SCREEN_HELP)
        ui->help_top =
            moved(ui->help_top, rows, INT_MAX); /* ui_key limits it to the existing rows */
    else if (ui->screen == SCREEN_DEVICES)
        device_list_step(ui, m, rows);
    else if (ui->screen == SCREEN_DEVICE)
        return; /* its page has no rows to move in */
    else if (ui->screen == SCREEN_SERVICE ||
             (ui->screen == SCREEN_MAIN && ui->focus == PANE_SERVICES))
        step_services(ui, m, rows);
    else if (ui->screen == SCREEN_MAIN && ui->focus == PANE_LOG)
        step_log(ui, m, rows);
    else
        step_streams(ui, m, rows);
}

static long page(const struct ui *ui, const struct model *m)
{
    struct layout l = ui_layout(ui, m);
    int rows = ui->screen == SCREEN_DEVICES ? device_list_room(ui)
               : ui->screen != SCREEN_MAIN  ? ui->rows - 2
               : ui->focus == PANE_SERVICES ? l.n_services
               : ui->focus == PANE_LOG      ? l.n_log
                                            : l.n_streams;
    return rows > 1 ? rows - 1 : 1;
}

unsigned ui_move(struct ui *ui, struct model *m, uint32_t key)
{
    switch (key) {
    case UIKEY_UP:
    case 'k':
        ui_step(ui, m, -1);
        break;
    case UIKEY_DOWN:
    case 'j':
        ui_step(ui, m, 1);
        break;
    case UIKEY_PAGE_UP:
    case CTRL('b'):
        ui_step(ui, m, -page(ui, m));
        break;
    case UIKEY_PAGE_DOWN:
    case CTRL('f'):
        ui_step(ui, m, page(ui, m));
        break;
    case UIKEY_HOME:
    case 'g':
        ui_step(ui, m, -INT_MAX);
        break;
    default:
        ui_step(ui, m, INT_MAX);
    }
    /* For the history of another stream, or for rows that are not here yet. */
    return ui->screen == SCREEN_STREAM || ui->screen == SCREEN_DEVICES ? UI_REFRESH : UI_NOTHING;
}

unsigned ui_next_pane(struct ui *ui, struct model *m, uint32_t key)
{
    struct layout l = ui_layout(ui, m);
    bool there[PANE_COUNT] = {[PANE_STREAMS] = l.n_streams > 0,
                              [PANE_SERVICES] = l.n_services > 0,
                              [PANE_LOG] = l.n_log > 0};
    int by = key == UIKEY_BACK_TAB ? PANE_COUNT - 1 : 1;
    for (int i = 0; i < PANE_COUNT; i++) {
        ui->focus = (enum pane)(((int)ui->focus + by) % PANE_COUNT);
        if (there[ui->focus])
            break;
    }
    return UI_NOTHING;
}

/* ---- matches ---- */

unsigned ui_next_match(struct ui *ui, struct model *m, uint32_t key)
{
    struct order o = order_streams(ui, m);
    size_t row = stream_row(ui, m, &o), by = key == 'N' ? o.n - 1 : 1, i = 1;
    while (i <= o.n && /* without a search text the filter's matches count */
           !row_filter_contains(&m->shown.streams[o.at[(row + i * by) % o.n]], ui->search_text))
        i++;
    if (i > o.n) {
        ui_say(ui, true, "nothing matches \"%s\"", ui->search_text);
    } else {
        ui->stream_row = (row + i * by) % o.n;
        ui->stream = m->shown.streams[o.at[ui->stream_row]].id;
        ui->follow = false;
    }
    order_free(&o);
    return UI_NOTHING;
}

/* ---- pages ---- */

unsigned ui_enter(struct ui *ui, struct model *m, uint32_t key)
{
    (void)key;
    if (ui->screen == SCREEN_DEVICES) {
        if (device_list_selected(ui, m) == NULL)
            return UI_NOTHING;
        device_list_step(ui, m, 0);
        ui->screen = SCREEN_DEVICE;
        return UI_REFRESH;
    }
    if (ui->focus == PANE_LOG)
        return UI_NOTHING;
    ui_step(ui, m, 0); /* turns "the first row" into a selection of its own */
    if (ui->focus == PANE_SERVICES && m->shown.n_services > 0)
        ui->screen = SCREEN_SERVICE;
    else if (ui->focus == PANE_STREAMS && ui_selected(ui, m) != 0)
        ui->screen = SCREEN_STREAM;
    return UI_REFRESH;
}

/* ---- after a new snapshot ---- */

static size_t scrolled(size_t top, size_t row, size_t n, int room)
{
    size_t rows = room > 0 ? (size_t)room : 1;
    if (row < top)
        top = row;
    if (row >= top + rows)
        top = row - rows + 1;
    size_t last = n > rows ? n - rows : 0;
    return top < last ? top : last;
}

/* The row of the newest stream, by id. */
static size_t newest(const struct model *m, const struct order *o)
{
    size_t row = 0;
    for (size_t i = 1; i < o->n; i++)
        if (m->shown.streams[o->at[i]].id > m->shown.streams[o->at[row]].id)
            row = i;
    return row;
}

static void settle_streams(struct ui *ui, const struct model *m, int room)
{
    struct order o = order_streams(ui, m);
    size_t row = ui->follow ? newest(m, &o) : stream_row(ui, m, &o);
    bool detail = ui->screen == SCREEN_STREAM; /* a page that is being read keeps its stream */
    if (o.n > 0 && !detail && (ui->stream != 0 || ui->follow))
        ui->stream = m->shown.streams[o.at[row]].id;
    ui->stream_row = row;
    ui->stream_top = scrolled(ui->stream_top, row, o.n, room);
    order_free(&o);
}

static void settle_services(struct ui *ui, const struct model *m, int room)
{
    struct order o = order_services(ui, m);
    size_t row = selected_row(order_service_row(&o, m, ui->service), ui->service_row, o.n);
    if (o.n > 0 && ui->service[0] != '\0' && ui->screen != SCREEN_SERVICE)
        service_name(&m->shown.services[o.at[row]], ui->service, sizeof ui->service);
    ui->service_row = row;
    ui->service_top = scrolled(ui->service_top, row, o.n, room);
    order_free(&o);
}

/* Removes the tags of streams that the program no longer lists. */
static void settle_tags(struct ui *ui, const struct model *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < ui->n_tags; i++)
        if (model_stream(m, ui->tags[i]) != NULL)
            ui->tags[kept++] = ui->tags[i];
    ui->n_tags = kept;
}

void ui_settle(struct ui *ui, const struct model *m)
{
    struct layout l = ui_layout(ui, m);
    settle_streams(ui, m, l.n_streams);
    settle_services(ui, m, l.n_services);
    settle_tags(ui, m);
    device_list_settle(ui, m);
    if ((ui->focus == PANE_SERVICES && l.n_services == 0) ||
        (ui->focus == PANE_LOG && l.n_log == 0))
        ui->focus = PANE_STREAMS;
    if (ui->log_up > 0)
        step_log(ui, m, 0);
}
