#include "tui/view/view_internal.h"

#include "tui/state/device_list.h"
#include "tui/state/log_lines.h"

#include <stdio.h>
#include <string.h>

struct table {
    const struct columns *columns;
    size_t more; /* number of rows that do not fit, which is shown in the first column's head */
    struct columns_fit fit;
    int sort;
    bool reverse, focus;
};

/* ---- head ---- */

static void draw_head(struct canvas *v, int row, const struct table *t)
{
    enum role role = t->focus ? ROLE_HEAD : ROLE_HEAD_OTHER;
    grid_fill(v->g, row, 0, v->g->columns, ' ', role);
    for (int i = 0; i < t->fit.n; i++) {
        const struct columns_fitted *f = &t->fit.items[i];
        const struct column *c = &t->columns->items[f->column];
        struct span title = span_of(c->titles[v->role]);
        int width = grid_width(title), at = f->at;
        if (c->number && width < f->width)
            at += f->width - width;
        grid_text(v->g, row, at, f->width, title, role);
        if (i == 0 && t->more > 0 && f->width - width >= 4)
            grid_print(v->g, row, at + width + 1, f->width - width - 1, role, "+%zu", t->more);
        if (f->column == t->sort)
            grid_put(v->g, row, at - 1, t->reverse ? '^' : 'v', role);
    }
}

/* ---- cells ---- */

static void paint_word(struct canvas *v, int row, const struct columns_fitted *f, struct span text,
                       const char *word)
{
    long found = filter_find(text, word);
    if (found < 0)
        return;
    int from = grid_width((struct span){text.p, (size_t)found});
    int width = grid_width(span_of(word));
    if (from + width <= f->width)
        grid_paint(v->g, row, f->at + from, width, ROLE_MATCH);
}

/* Highlights what the search and the filter's plain words found. */
static void paint_matches(struct canvas *v, int row, const struct columns_fitted *f,
                          struct span text)
{
    const struct filter *filter = &v->ui->filter;
    paint_word(v, row, f, text, v->ui->search_text);
    for (size_t i = 0; i < filter->n; i++)
        if (filter->words[i].compare == 0 && !filter->words[i].invert)
            paint_word(v, row, f, text, filter->words[i].text);
}

static void draw_cell(struct canvas *v, int row, const struct column *c,
                      const struct columns_fitted *f, const struct column_text *text)
{
    if (c->number) {
        grid_text_right(v->g, row, f->at, f->width, text->text, text->role);
        return;
    }
    int used = grid_text(v->g, row, f->at, f->width, text->text, text->role);
    if (text->more.n > 0 && f->width - used >= 4)
        grid_text(v->g, row, f->at + used + 1, f->width - used - 1, text->more, ROLE_QUIET);
}

static void draw_cells(struct canvas *v, int row, const struct table *t, const void *item)
{
    for (int i = 0; i < t->fit.n; i++) {
        const struct columns_fitted *f = &t->fit.items[i];
        const struct column *c = &t->columns->items[f->column];
        struct column_text text = {.role = ROLE_TEXT};
        c->write(item, v->ui->units, f->width, &text);
        draw_cell(v, row, c, f, &text);
    }
}

static void draw_matches(struct canvas *v, int row, const struct table *t, const void *item)
{
    if (v->ui->search_text[0] == '\0' && v->ui->filter.n == 0)
        return;
    for (int i = 0; i < t->fit.n; i++) {
        struct column_text text = {.role = ROLE_TEXT};
        const struct columns_fitted *f = &t->fit.items[i];
        t->columns->items[f->column].write(item, v->ui->units, f->width, &text);
        if (!t->columns->items[f->column].number)
            paint_matches(v, row, f, text.text);
    }
}

/* ---- streams ---- */

static bool is_tagged(const struct ui *ui, uint64_t id)
{
    for (size_t i = 0; i < ui->n_tags; i++)
        if (ui->tags[i] == id)
            return true;
    return false;
}

/* Draws the reason of a stream's end in the place of its rates. */
static void draw_reason(struct canvas *v, int row, const struct table *t, const char *reason)
{
    int from = -1, to = 0;
    for (int i = 0; i < t->fit.n; i++) {
        const struct columns_fitted *f = &t->fit.items[i];
        if (t->columns->items[f->column].kind != COLUMN_RATE)
            continue;
        from = from < 0 ? f->at : from;
        to = f->at + f->width;
    }
    if (from < 0)
        return;
    grid_fill(v->g, row, from, to - from, ' ', ROLE_QUIET);
    grid_text_right(v->g, row, from, to - from, span_of(reason), ROLE_QUIET);
}

static void draw_stream_row(struct canvas *v, int row, const struct table *t,
                            const struct snapshot_stream *s, bool selected)
{
    bool tagged = is_tagged(v->ui, s->id);
    draw_cells(v, row, t, s);
    if (s->state == SNAPSHOT_CLOSED) {
        draw_reason(v, row, t, s->reason);
        grid_paint(v->g, row, 0, v->g->columns, ROLE_QUIET);
    }
    if (tagged)
        grid_paint(v->g, row, 0, v->g->columns, ROLE_TAGGED);
    if (selected)
        grid_paint(v->g, row, 0, v->g->columns, t->focus ? ROLE_SELECTED : ROLE_SELECTED_OTHER);
    if (selected)
        grid_put(v->g, row, 0, '>', t->focus ? ROLE_SELECTED : ROLE_SELECTED_OTHER);
    if (tagged)
        grid_put(v->g, row, 1, '*', ROLE_TAGGED);
    draw_matches(v, row, t, s);
}

static size_t selected_row(const struct canvas *v, const struct order *which)
{
    long row = order_stream_row(which, v->m, v->ui->stream);
    size_t before = v->ui->stream_row;
    return row >= 0 ? (size_t)row : before < which->n ? before : which->n > 0 ? which->n - 1 : 0;
}

static void draw_nothing(struct canvas *v, int row)
{
    const char *noun = column_row_noun(v->role);
    if (v->s->schema == 0)
        return;
    if (v->ui->screen == SCREEN_DEVICE)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "no tunnel leads to it now");
    else if (v->ui->filter.n > 0)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "no %s matches the filter", noun);
    else if (v->role == COLUMN_HUB)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "nothing goes through the hub now");
    else
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "no %s is open", noun);
}

void draw_stream_table(struct canvas *v, int head, int first, int rows, const struct order *which,
                       size_t top, bool focus)
{
    struct table t = {&stream_columns, 0, {0}, v->ui->sort, v->ui->reverse, focus};
    struct columns_options o = columns_options(t.columns, v->s, v->ui, v->g->columns);
    size_t selected = selected_row(v, which);
    columns_fit(t.columns, &o, &t.fit);
    draw_head(v, head, &t);
    if (which->n == 0 && rows > 0)
        draw_nothing(v, first);
    for (int i = 0; i < rows && top + (size_t)i < which->n; i++) {
        size_t at = top + (size_t)i;
        draw_stream_row(v, first + i, &t, &v->s->streams[which->at[at]],
                        at == selected && v->ui->screen == SCREEN_MAIN);
    }
}

/* ---- services ---- */

void draw_service_table(struct canvas *v, int head, int first, int rows, const struct order *which)
{
    bool focus = v->ui->focus == PANE_SERVICES;
    size_t more = which->n > (size_t)rows ? which->n - (size_t)rows : 0;
    struct table t = {&service_columns,       more, {0}, v->ui->service_sort,
                      v->ui->service_reverse, focus};
    struct columns_options o = columns_options(t.columns, v->s, v->ui, v->g->columns);
    long selected = order_service_row(which, v->m, v->ui->service);
    columns_fit(t.columns, &o, &t.fit);
    draw_head(v, head, &t);
    for (int i = 0; i < rows && v->ui->service_top + (size_t)i < which->n; i++) {
        size_t at = v->ui->service_top + (size_t)i;
        draw_cells(v, first + i, &t, &v->s->services[which->at[at]]);
        if (focus && (long)at == selected) {
            grid_paint(v->g, first + i, 0, v->g->columns, ROLE_SELECTED);
            grid_put(v->g, first + i, 0, '>', ROLE_SELECTED);
        }
    }
}

/* ---- devices ---- */

void draw_device_table(struct canvas *v, int head, int first, int rows)
{
    const struct device_list *l = &v->ui->devices;
    struct table t = {&device_columns, 0, {0}, l->sort, l->reverse, true};
    struct columns_options o = columns_options(t.columns, v->s, v->ui, v->g->columns);
    columns_fit(t.columns, &o, &t.fit);
    draw_head(v, head, &t);
    for (int i = 0; i < rows; i++) {
        const struct snapshot_device *d = device_list_at(v->m, l->top + (size_t)i);
        if (d == NULL)
            continue;
        draw_cells(v, first + i, &t, d);
        if (strcmp(d->state, "disabled") == 0)
            grid_paint(v->g, first + i, 0, v->g->columns, ROLE_QUIET);
        if (d != device_list_selected(v->ui, v->m))
            continue;
        grid_paint(v->g, first + i, 0, v->g->columns, ROLE_SELECTED);
        grid_put(v->g, first + i, 0, '>', ROLE_SELECTED);
    }
}
