/* What the screen needs of the next snapshot: no more rows than are on it, and some around them. */
#include "tui/state/device_tunnels.h"
#include "tui/state/moment.h"
#include "tui/state/paged_list.h"
#include "tui/state/stream_list.h"
#include "tui/state/ui_internal.h"

#include <stdio.h>
#include <string.h>

static enum screen screen_of(const struct ui *ui)
{
    return ui->screen == SCREEN_HELP ? ui->before_help : ui->screen;
}

uint64_t ui_detail(const struct ui *ui)
{
    return screen_of(ui) == SCREEN_STREAM ? ui->stream : 0;
}

/* ---- the streams' pane ---- */

/* The rows of streams on the screen, `from` .. `to`, counted from the first stream that fits. */
struct range {
    size_t from, to;
};

static struct range visible(const struct ui *ui, const struct model *m, const struct stream_list *l)
{
    int rows = ui_layout(ui, m).n_streams;
    size_t room = rows > 0 ? (size_t)rows : 1, first = stream_list_first(l);
    size_t top = ui->stream_top > first ? ui->stream_top - first : 0;
    size_t before = first > ui->stream_top ? first - ui->stream_top : 0; /* rows of groups */
    return (struct range){top, before < room ? top + room - before : top};
}

bool ui_lacks(const struct ui *ui, const struct model *m)
{
    struct stream_list l = stream_list_of(ui, m);
    struct range r = visible(ui, m, &l);
    bool lacks = !l.here;
    for (size_t row = r.from; row < r.to && row < l.streams.total; row++)
        lacks = lacks || order_stream(&l.streams, m, row) == NULL;
    stream_list_free(&l);
    bool comes = m->shown.streams_page.known && (!m->paused || ui->moment > 0);
    return comes && screen_of(ui) == SCREEN_MAIN && lacks;
}

static void want_group(const char *groups, const char *key, struct model_wanted *out)
{
    out->groups = groups;
    out->one_group = true;
    snprintf(out->group, sizeof out->group, "%s", key);
}

/* What the pause keeps: all streams, if they are not too many, else those that fit, around the
 * screen. */
static void want_kept(const struct model *m, struct range r, struct model_wanted *out)
{
    bool all = m->shown.streams_page.total <= MODEL_PAGE_MAX;
    size_t half = MODEL_PAGE_MAX / 2;
    out->kept = true;
    out->streams.rows = MODEL_PAGE_MAX;
    out->streams.from = all || r.from < half ? 0 : r.from - half;
    if (!all)
        return;
    out->streams.filter[0] = '\0';
    out->one_group = false;
}

static void want_pane(const struct ui *ui, const struct model *m, struct model_wanted *out)
{
    struct stream_list l = stream_list_of(ui, m);
    struct range r = visible(ui, m, &l);
    size_t around = (r.to - r.from) / 2;
    stream_list_free(&l);
    out->streams.from = r.from > around ? r.from - around : 0;
    out->streams.rows = r.to + around - out->streams.from;
    if (ui->search_text[0] != '\0') {
        out->streams.from = r.from > MODEL_PAGE_MAX / 2 ? r.from - MODEL_PAGE_MAX / 2 : 0;
        out->streams.rows = MODEL_PAGE_MAX;
    }
    if (ui->groups.by != GROUP_NONE) {
        out->groups = groups_name(ui->groups.by);
        if (ui->groups.open)
            want_group(out->groups, ui->groups.open_key, out);
        else
            out->streams.rows = 0;
    }
    out->at_ms = moment_ms(ui, &out->during_ms);
    if (m->keeping)
        want_kept(m, r, out);
}

/* ---- other screens ---- */

/* All streams of the selected group, to be closed. */
static void want_closing(const struct ui *ui, struct model_wanted *out)
{
    out->streams.rows = UI_TAGS_MAX;
    want_group(groups_name(ui->groups.by), ui->groups.key, out);
}

/* Adds a word to a filter, if it can be one. */
static void add_word(char filter[MODEL_FILTER], const char *name, const char *value)
{
    size_t n = strlen(filter), more = strlen(name) + strlen(value) + 3;
    if (value[0] != '\0' && strchr(value, ' ') == NULL && n + more <= MODEL_FILTER)
        snprintf(filter + n, MODEL_FILTER - n, "%s%s=%s", n > 0 ? " " : "", name, value);
}

/* The streams of one service in one tunnel. */
static void want_service(const struct ui *ui, const struct model *m, struct model_wanted *out)
{
    const struct snapshot_service *s = service_find(m, ui->service);
    if (s == NULL)
        return;
    out->streams.rows = (size_t)(ui->rows > 1 ? ui->rows : 1);
    add_word(out->streams.filter, "device", s->tunnel);
    want_group(groups_name(GROUP_SERVICE), s->id, out);
}

static void want_device(const struct ui *ui, struct model_wanted *out)
{
    const char *name = ui->lists[PAGED_DEVICES].name;
    out->devices = paged_list_wanted(ui, PAGED_DEVICES);
    out->devices.from = 0;
    snprintf(out->devices.filter, sizeof out->devices.filter, "device=%s", name);
    out->streams.rows = (size_t)(ui->rows > 1 ? ui->rows : 1);
    want_group(groups_name(GROUP_DEVICE), name, out);
}

/* Of the streams whose ids have these digits the one itself has the lowest. */
static void want_ended(const struct ui *ui, struct model_wanted *out)
{
    out->closed = (struct model_page){.asked = true, .rows = 1, .sort = "id", .reverse = true};
    snprintf(out->closed.filter, sizeof out->closed.filter, "id=%llu",
             (unsigned long long)ui->stream);
}

/* Of the past it is known that it was there; its page is that of now, or of its end. */
static void want_past_stream(const struct ui *ui, struct model_wanted *out)
{
    want_ended(ui, out);
    out->streams = out->closed;
}

static void want_stream(const struct ui *ui, const struct model *m, struct model_wanted *out)
{
    if (ui->before_stream == SCREEN_HISTORY)
        want_ended(ui, out);
    else if (ui->moment > 0)
        want_past_stream(ui, out);
    else if (ui->before_stream == SCREEN_DEVICE)
        want_device(ui, out);
    else
        want_pane(ui, m, out);
}

void ui_wanted(const struct ui *ui, const struct model *m, struct model_wanted *out)
{
    *out = (struct model_wanted){.detail = ui_detail(ui)};
    out->streams = (struct model_page){
        .asked = true, .sort = stream_columns.items[ui->sort].name, .reverse = ui->reverse};
    snprintf(out->streams.filter, sizeof out->streams.filter, "%s", ui->filter_text);
    out->find = ui->follow ? m->newest_stream : ui->stream;
    enum screen screen = screen_of(ui);
    enum paged_kind kind = paged_list_on(screen);
    if (ui->prompt == PROMPT_GATHER)
        want_closing(ui, out);
    else if (kind == PAGED_DEVICES)
        out->devices = paged_list_wanted(ui, kind);
    else if (kind == PAGED_CLOSED)
        out->closed = paged_list_wanted(ui, kind);
    else if (screen == SCREEN_SERVICE)
        want_service(ui, m, out);
    else if (screen == SCREEN_DEVICE)
        want_device(ui, out);
    else if (screen == SCREEN_STREAM)
        want_stream(ui, m, out);
    else if (screen != SCREEN_NODES) /* nodes are in each snapshot */
        want_pane(ui, m, out);
}
