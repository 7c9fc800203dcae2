#include "tui/state/ui_internal.h"

#include "tui/state/columns.h"
#include "tui/state/device_tunnels.h"
#include "tui/state/log_lines.h"
#include "tui/state/moment.h"
#include "tui/state/paged_list.h"
#include "tui/state/row_filter.h"
#include "tui/state/stream_list.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* ---- the selections ---- */

/* The selected row, or its neighbour when its stream or service is not listed. */
static size_t selected_row(long found, size_t row, size_t n)
{
    if (found >= 0)
        return (size_t)found;
    return row < n ? row : n > 0 ? n - 1 : 0;
}

uint64_t ui_selected(const struct ui *ui, const struct model *m)
{
    if (ui->screen == SCREEN_STREAM)
        return ui->stream;
    struct stream_list l = stream_list_of(ui, m);
    struct list_row r = stream_list_row(&l, m, stream_list_selected(&l, ui, m));
    uint64_t id = r.stream != NULL ? r.stream->id : 0;
    stream_list_free(&l);
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
    struct stream_list l = stream_list_of(ui, m);
    if (l.n > 0)
        stream_list_select(&l, ui, m, moved(stream_list_selected(&l, ui, m), by, l.n));
    ui->follow = false;
    stream_list_free(&l);
}

/* The page of one shows another; a group is none. */
static void step_detail(struct ui *ui, const struct model *m, long by)
{
    struct stream_list l = stream_list_of(ui, m);
    size_t row = l.n > 0 ? moved(stream_list_selected(&l, ui, m), by, l.n) : 0;
    if (ui->before_stream == SCREEN_MAIN && stream_list_row(&l, m, row).stream != NULL)
        stream_list_select(&l, ui, m, row);
    stream_list_free(&l);
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
    else if (paged_list_on(ui->screen) < PAGED_KINDS)
        paged_list_step(ui, m, paged_list_on(ui->screen), rows);
    else if (ui->screen == SCREEN_DEVICE)
        device_tunnels_step(ui, m, rows);
    else if (ui->screen == SCREEN_STREAM)
        step_detail(ui, m, rows);
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
    int rows = paged_list_on(ui->screen) < PAGED_KINDS ? paged_list_room(ui)
               : ui->screen != SCREEN_MAIN             ? ui->rows - 2
               : ui->focus == PANE_SERVICES            ? l.n_services
               : ui->focus == PANE_LOG                 ? l.n_log
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
    ui_settle(ui, m); /* scrolls, so that it is known which rows are missing */
    /* For the history of another stream, or for rows that are not here yet. */
    return ui->screen == SCREEN_STREAM || paged_list_on(ui->screen) < PAGED_KINDS || ui_lacks(ui, m)
               ? UI_REFRESH
               : UI_NOTHING;
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

/* Whether more rows than those of the screen are here, if there are more. */
static bool can_search(const struct model *m)
{
    const struct snapshot_page *page = &m->shown.streams_page;
    return !page->known || m->paused || m->answered.streams.rows >= MODEL_PAGE_MAX ||
           m->shown.n_streams >= page->matching;
}

static void match(struct ui *ui, const struct model *m, uint32_t key)
{
    struct stream_list l = stream_list_of(ui, m);
    size_t row = stream_list_selected(&l, ui, m), at = row, i = 1;
    for (; i <= l.n; i++) { /* without a search text the filter's matches count */
        at = (row + (key == 'N' ? l.n - i : i)) % l.n;
        const struct snapshot_stream *s = stream_list_row(&l, m, at).stream;
        if (s != NULL && row_filter_contains(s, ui->search_text))
            break;
    }
    if (i > l.n) {
        ui_say(ui, true, "nothing matches \"%s\"", ui->search_text);
    } else {
        stream_list_select(&l, ui, m, at);
        ui->follow = false;
    }
    stream_list_free(&l);
}

unsigned ui_next_match(struct ui *ui, struct model *m, uint32_t key)
{
    if (ui->search_text[0] == '\0' || can_search(m)) {
        match(ui, m, key);
        return m->shown.streams_page.known ? UI_REFRESH : UI_NOTHING;
    }
    ui->searching = key;
    return UI_REFRESH;
}

/* Goes on with a search once its rows are here. */
static void settle_search(struct ui *ui, const struct model *m)
{
    if (ui->searching == 0 || !can_search(m))
        return;
    match(ui, m, ui->searching);
    ui->searching = 0;
}

/* ---- pages ---- */

static unsigned open_stream(struct ui *ui, uint64_t id)
{
    ui->before_stream = ui->screen;
    ui->stream = id;
    ui->screen = SCREEN_STREAM;
    return UI_REFRESH;
}

/* The fleet of one node. */
static unsigned enter_node(struct ui *ui, const struct model *m, const struct snapshot_node *n)
{
    struct paged_list *l = &ui->lists[PAGED_DEVICES];
    if (!m->shown.devices.known) {
        ui_say(ui, true, "this hub has no devices");
        return UI_NOTHING;
    }
    snprintf(l->filter, sizeof l->filter, "node=%s", n->node);
    l->row = l->top = 0;
    l->name[0] = '\0';
    ui->screen = SCREEN_DEVICES;
    return UI_REFRESH;
}

static unsigned enter_list(struct ui *ui, const struct model *m)
{
    enum paged_kind kind = paged_list_on(ui->screen);
    const void *row = paged_list_selected(ui, m, kind);
    if (row == NULL)
        return UI_NOTHING;
    paged_list_step(ui, m, kind, 0);
    if (kind == PAGED_CLOSED)
        return open_stream(ui, ((const struct snapshot_stream *)row)->id);
    if (kind == PAGED_NODES)
        return enter_node(ui, m, row);
    ui->screen = SCREEN_DEVICE;
    ui->device_tunnel = 0;
    return UI_REFRESH;
}

static unsigned enter_device(struct ui *ui, const struct model *m)
{
    const struct snapshot_stream *s = device_tunnels_selected(ui, m);
    return s != NULL ? open_stream(ui, s->id) : UI_NOTHING;
}

unsigned ui_enter(struct ui *ui, struct model *m, uint32_t key)
{
    if (paged_list_on(ui->screen) < PAGED_KINDS)
        return enter_list(ui, m);
    if (ui->screen == SCREEN_DEVICE)
        return enter_device(ui, m);
    if (ui->focus == PANE_LOG)
        return UI_NOTHING;
    if (ui->focus == PANE_STREAMS && ui_fold(ui, m, key) != UI_NOTHING)
        return UI_REFRESH;
    ui_step(ui, m, 0); /* turns "whatever is in the row" into a selection of its own */
    if (ui->focus == PANE_SERVICES && m->shown.n_services > 0)
        ui->screen = SCREEN_SERVICE;
    else if (ui->focus == PANE_STREAMS && ui_selected(ui, m) != 0)
        return open_stream(ui, ui_selected(ui, m));
    return UI_REFRESH;
}

/* Opens the selected group, or closes it. UI_NOTHING: none is selected. */
unsigned ui_fold(struct ui *ui, struct model *m, uint32_t key)
{
    struct stream_list l = stream_list_of(ui, m);
    struct grouping *of = &ui->groups;
    (void)key;
    const struct snapshot_group *g = stream_list_group(&l, ui, m);
    if (g != NULL)
        stream_list_select(&l, ui, m, stream_list_selected(&l, ui, m));
    bool any = g != NULL, other = any && g->other;
    stream_list_free(&l);
    if (other)
        ui_say(ui, true, "these are all whose names are not kept; they cannot be listed");
    else if (any) {
        of->open = !of->open || strcmp(of->open_key, of->key) != 0;
        snprintf(of->open_key, sizeof of->open_key, "%s", of->key);
    }
    return any ? UI_REFRESH : UI_NOTHING;
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

/* The row of the newest stream, by id, of those that are here. */
static size_t newest(const struct stream_list *l, const struct model *m)
{
    const struct order *o = &l->streams;
    size_t row = 0;
    for (size_t i = 1; i < o->n; i++)
        if (m->shown.streams[o->at[i]].id > m->shown.streams[o->at[row]].id)
            row = i;
    return stream_list_first(l) + o->from + row;
}

/* Follows the newest stream. Where the program sends pages it is the one that the last event told
 * of, if the filter lets it through. */
static void follow_newest(const struct stream_list *l, struct ui *ui, const struct model *m)
{
    const struct snapshot_page *page = &m->shown.streams_page;
    if (!page->known && l->streams.n > 0) {
        stream_list_select(l, ui, m, newest(l, m));
    } else if (page->found > 0 && m->answered.find == m->newest_stream) {
        ui->stream = m->newest_stream;
        ui->groups.on_group = false;
    }
}

/* Whether it is not known where the selected stream is: its row was not asked for yet. */
static bool is_elsewhere(const struct ui *ui, const struct model *m)
{
    return m->shown.streams_page.known && !ui->groups.on_group && ui->stream != 0 &&
           m->answered.find != ui->stream;
}

static void settle_streams(struct ui *ui, const struct model *m, int room)
{
    struct stream_list l = stream_list_of(ui, m);
    bool detail = ui->screen == SCREEN_STREAM; /* a page that is being read keeps its stream */
    if (l.here && ui->follow && !detail)
        follow_newest(&l, ui, m);
    size_t row = stream_list_selected(&l, ui, m);
    const struct snapshot_stream *s = stream_list_row(&l, m, row).stream;
    bool own = ui->stream != 0 || ui->groups.on_group || row > 0;
    bool same = s != NULL && s->id == ui->stream;
    if (l.here && l.n > 0 && !detail && own && !same && !is_elsewhere(ui, m)) {
        bool known = m->shown.streams_page.found > 0 && m->answered.find == ui->stream;
        if (!known || ui->groups.on_group) /* its row is known, and comes with the next look */
            stream_list_select(&l, ui, m, row);
    }
    if (l.here) {
        ui->stream_row = row;
        ui->stream_top = scrolled(ui->stream_top, row, l.n, room);
    }
    stream_list_free(&l);
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

/* Removes the tags of streams that the program no longer lists, where it lists all. */
static void settle_tags(struct ui *ui, const struct model *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < ui->n_tags; i++)
        if (m->shown.streams_page.known || model_stream(m, ui->tags[i]) != NULL)
            ui->tags[kept++] = ui->tags[i];
    ui->n_tags = kept;
}

void ui_settle(struct ui *ui, const struct model *m)
{
    struct layout l = ui_layout(ui, m);
    settle_search(ui, m);
    settle_streams(ui, m, l.n_streams);
    settle_services(ui, m, l.n_services);
    settle_tags(ui, m);
    for (int kind = 0; kind < PAGED_KINDS; kind++)
        paged_list_settle(ui, m, (enum paged_kind)kind);
    device_tunnels_settle(ui, m);
    moment_settle(ui, m);
    ui_settle_close(ui, m);
    if ((ui->focus == PANE_SERVICES && l.n_services == 0) ||
        (ui->focus == PANE_LOG && l.n_log == 0))
        ui->focus = PANE_STREAMS;
    if (ui->log_up > 0)
        step_log(ui, m, 0);
}
