#include "tui/state/stream_list.h"

#include "tui/state/columns.h"
#include "tui/state/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct membership {
    const struct grouping *of;
    bool hub;
};

static bool is_member(const struct snapshot_stream *s, const void *owner)
{
    const struct membership *m = owner;
    char key[MODEL_KEY];
    groups_key(s, m->of->by, m->hub, key);
    return strcmp(key, m->of->open_key) == 0;
}

/* Whether the streams that are here are those of the open group. */
static bool answers(const struct ui *ui, const struct model *m)
{
    const struct model_wanted *w = &m->answered;
    return model_has_all(m) ||
           (w->one_group && strcmp(w->group, ui->groups.open_key) == 0 && w->groups != NULL &&
            strcmp(w->groups, groups_name(ui->groups.by)) == 0);
}

static size_t row_of_group(const struct groups *g, const char *key, bool other)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->items[i].other == other && (other || strcmp(g->items[i].key, key) == 0))
            return i;
    return SIZE_MAX;
}

static struct stream_list grouped(const struct ui *ui, const struct model *m)
{
    const struct grouping *of = &ui->groups;
    struct stream_list l = {.grouped = true, .groups = groups_of(m, of->by), .open = SIZE_MAX};
    if (of->open)
        l.open = row_of_group(&l.groups, of->open_key, false);
    l.here = l.groups.n > 0 && (l.open == SIZE_MAX || answers(ui, m));
    if (l.open != SIZE_MAX && l.here) {
        struct membership members = {of, column_role_of(&m->shown) == COLUMN_HUB};
        l.streams = order_streams_that(ui, m, is_member, &members);
    }
    l.n = l.groups.n + l.streams.total;
    return l;
}

/* Whether no answer will have them. */
static bool is_untold(const struct ui *ui, const struct model *m)
{
    const struct snapshot_page *page = &m->shown.streams_page;
    uint64_t during, wanted = moment_ms(ui, &during);
    if (wanted == 0)
        return m->paused && page->at > 0;
    return !page->known || (m->answered.at_ms == wanted && !(page->at > 0));
}

struct stream_list stream_list_of(const struct ui *ui, const struct model *m)
{
    if (!moment_is_here(ui, m))
        return (struct stream_list){.open = SIZE_MAX, .untold = is_untold(ui, m)};
    if (ui->groups.by != GROUP_NONE)
        return grouped(ui, m);
    struct stream_list l = {.open = SIZE_MAX};
    l.here = !m->shown.streams_page.known || !m->answered.one_group;
    if (l.here)
        l.streams = order_streams(ui, m);
    l.n = l.streams.total;
    return l;
}

void stream_list_free(struct stream_list *l)
{
    groups_free(&l->groups);
    order_free(&l->streams);
}

size_t stream_list_first(const struct stream_list *l)
{
    return !l->grouped ? 0 : l->open != SIZE_MAX ? l->open + 1 : l->n;
}

struct list_row stream_list_row(const struct stream_list *l, const struct model *m, size_t row)
{
    size_t first = stream_list_first(l), after = first + l->streams.total;
    if (l->grouped && (row < first || row >= after)) {
        size_t at = row < first ? row : row - l->streams.total;
        return (struct list_row){at < l->groups.n ? &l->groups.items[at] : NULL, NULL};
    }
    return (struct list_row){NULL, order_stream(&l->streams, m, row - first)};
}

/* The row where the selection is now; -1: it is not in the list. */
static long found(const struct stream_list *l, const struct ui *ui, const struct model *m)
{
    const struct grouping *g = &ui->groups;
    const struct snapshot_page *page = &m->shown.streams_page;
    if (l->grouped && g->on_group) {
        size_t at = row_of_group(&l->groups, g->key, g->other);
        if (at == SIZE_MAX)
            return -1;
        return (long)(at < stream_list_first(l) ? at : at + l->streams.total);
    }
    long row = order_stream_row(&l->streams, m, ui->stream);
    if (row < 0 && page->known && ui->stream != 0 && m->answered.find == ui->stream &&
        page->found > 0 && page->found <= l->streams.total)
        row = (long)page->found - 1;
    return row < 0 ? -1 : row + (long)stream_list_first(l);
}

size_t stream_list_selected(const struct stream_list *l, const struct ui *ui, const struct model *m)
{
    long row = found(l, ui, m);
    if (row >= 0)
        return (size_t)row;
    return ui->stream_row < l->n ? ui->stream_row : l->n > 0 ? l->n - 1 : 0;
}

void stream_list_select(const struct stream_list *l, struct ui *ui, const struct model *m,
                        size_t row)
{
    struct list_row r = stream_list_row(l, m, row);
    struct grouping *g = &ui->groups;
    ui->stream_row = row;
    g->on_group = r.group != NULL;
    ui->stream = r.stream != NULL ? r.stream->id : 0;
    if (r.group == NULL)
        return;
    g->other = r.group->other;
    snprintf(g->key, sizeof g->key, "%s", r.group->key);
}

const struct snapshot_group *stream_list_group(const struct stream_list *l, const struct ui *ui,
                                               const struct model *m)
{
    if (!l->grouped || l->n == 0)
        return NULL;
    return stream_list_row(l, m, stream_list_selected(l, ui, m)).group;
}
