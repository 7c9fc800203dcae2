#include "tui/view/view_internal.h"

#include "tui/state/columns_write.h"
#include "tui/state/log_lines.h"
#include "tui/state/moment.h"

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

static struct column_text empty_text(const struct canvas *v)
{
    return (struct column_text){.role = ROLE_TEXT,
                                .ascii = v->c->glyphs->ascii || v->ui->graph == GRAPH_ASCII};
}

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
        struct column_text text = empty_text(v);
        c->write(item, v->ui->units, f->width, &text);
        draw_cell(v, row, c, f, &text);
    }
}

static void draw_matches(struct canvas *v, int row, const struct table *t, const void *item)
{
    if (v->ui->search_text[0] == '\0' && v->ui->filter.n == 0)
        return;
    for (int i = 0; i < t->fit.n; i++) {
        struct column_text text = empty_text(v);
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

/* ---- groups ---- */

/* The numbers of a group that a column has. */
static void write_sum(const struct column *c, const struct snapshot_group *g, enum units units,
                      struct column_text *out)
{
    bool down = strcmp(c->name, "bytes_down") == 0 || strcmp(c->name, "rate_down") == 0;
    bool known = c->kind == COLUMN_TOTAL ? g->then.counted : g->then.rated;
    if (column_put_unknown(g->past && !known, out))
        return;
    if (c->kind == COLUMN_TOTAL)
        format_bytes(down ? g->bytes_down : g->bytes_up, out->buffer);
    else
        format_rate(down ? g->rate_down : g->rate_up, units, out->buffer);
    column_put_number(out, down ? ROLE_DOWN : ROLE_UP);
}

static void group_text(const struct canvas *v, const struct snapshot_group *g, char *out,
                       size_t size)
{
    char failed[32] = "", peak[FORMAT_SIZE];
    if (g->past && !g->then.known) {
        snprintf(out, size, "? open  ? served");
        return;
    }
    if (g->failed > 0)
        snprintf(failed, sizeof failed, "  %llu failed", (unsigned long long)g->failed);
    format_rate(g->peak, v->ui->units, peak);
    snprintf(out, size, "%llu open  %llu served%s%s%s", (unsigned long long)g->open,
             (unsigned long long)g->served, failed, g->peak > 0 ? "  peak " : "",
             g->peak > 0 ? peak : "");
}

/* A group's name and counts, and its sums in the columns of the streams' bytes and rates. */
static void draw_group_row(struct canvas *v, int row, const struct table *t,
                           const struct snapshot_group *g, bool open, bool selected)
{
    int end = v->g->columns, at = 2;
    char text[160];
    enum role chosen = t->focus ? ROLE_SELECTED : ROLE_SELECTED_OTHER;
    for (int i = 0; i < t->fit.n; i++) {
        const struct columns_fitted *f = &t->fit.items[i];
        const struct column *c = &t->columns->items[f->column];
        struct column_text sum = empty_text(v);
        if (c->kind != COLUMN_TOTAL && c->kind != COLUMN_RATE)
            continue;
        write_sum(c, g, v->ui->units, &sum);
        draw_cell(v, row, c, f, &sum);
        end = f->at < end ? f->at : end;
    }
    const char *name = g->other ? "(all others)" : g->key[0] == '\0' ? "(none)" : g->key;
    group_text(v, g, text, sizeof text);
    grid_put(v->g, row, at, g->other ? ' ' : open ? '-' : '+', ROLE_KEY);
    int room = end - at - 3, wanted = grid_width(span_of(text)) + 2;
    int width = room - wanted > 12 ? room - wanted : room;
    int used =
        grid_text(v->g, row, at + 2, width, span_of(name), g->open > 0 ? ROLE_KEY : ROLE_QUIET);
    if (room - used > 10)
        grid_text(v->g, row, at + 4 + used, room - used - 2, span_of(text), ROLE_QUIET);
    if (!selected)
        return;
    grid_paint(v->g, row, 0, v->g->columns, chosen);
    grid_put(v->g, row, 0, '>', chosen);
}

/* ---- the streams' pane ---- */

static void draw_nothing(struct canvas *v, int row)
{
    const char *noun = column_row_noun(v->role);
    if (v->s->schema == 0)
        return;
    if (v->ui->screen == SCREEN_DEVICE)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "no tunnel leads to it now");
    else if (v->ui->filter.n > 0)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "no %s matches the filter", noun);
    else if (v->ui->moment > 0)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "no %s was open at that moment", noun);
    else if (v->role == COLUMN_HUB)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "nothing goes through the hub now");
    else
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "no %s is open", noun);
}

/* Why there is no list. */
static void draw_untold(struct canvas *v, int row)
{
    const char *noun = column_row_noun(v->role);
    if (v->ui->moment <= 0)
        grid_print(v->g, row, 2, -1, ROLE_QUIET, "the pause has kept the %ss of the past only",
                   noun);
    else if (!v->s->streams_page.known)
        grid_print(v->g, row, 2, -1, ROLE_QUIET,
                   "a recording does not tell which %ss were open at that moment", noun);
    else
        grid_print(v->g, row, 2, -1, ROLE_QUIET,
                   "%s does not tell which %ss were open at that moment", v->s->program, noun);
}

static struct table stream_table(const struct canvas *v, bool focus)
{
    struct table t = {&stream_columns, 0, {0}, v->ui->sort, v->ui->reverse, focus};
    struct columns_options o = columns_options(t.columns, v->s, v->ui, v->g->columns);
    columns_fit(t.columns, &o, &t.fit);
    return t;
}

void draw_stream_table(struct canvas *v, int head, int first, int rows, bool focus)
{
    const struct stream_list *l = &v->list;
    struct table t = stream_table(v, focus);
    size_t selected = stream_list_selected(l, v->ui, v->m);
    draw_head(v, head, &t);
    if (l->n == 0 && l->here && rows > 0)
        draw_nothing(v, first);
    if (l->untold && rows > 0)
        draw_untold(v, first);
    for (int i = 0; i < rows && v->ui->stream_top + (size_t)i < l->n; i++) {
        size_t at = v->ui->stream_top + (size_t)i;
        struct list_row r = stream_list_row(l, v->m, at);
        if (r.group != NULL)
            draw_group_row(v, first + i, &t, r.group, at == l->open, at == selected);
        else if (r.stream != NULL)
            draw_stream_row(v, first + i, &t, r.stream, at == selected);
        else if (v->m->paused && !v->m->keeping)
            grid_print(v->g, first + i, 2, -1, ROLE_QUIET,
                       "not among the rows that the pause has kept");
    }
}

void draw_its_table(struct canvas *v, int head, int first, int rows, const struct order *which,
                    long selected)
{
    struct table t = stream_table(v, selected >= 0);
    size_t top = selected >= rows ? (size_t)(selected - rows + 1) : 0;
    draw_head(v, head, &t);
    if (which->total == 0 && rows > 0)
        draw_nothing(v, first);
    for (int i = 0; i < rows && top + (size_t)i < which->total; i++) {
        const struct snapshot_stream *s = order_stream(which, v->m, top + (size_t)i);
        if (s != NULL)
            draw_stream_row(v, first + i, &t, s, (long)top + i == selected);
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
        struct snapshot_service s = moment_service(v->ui, v->m, &v->s->services[which->at[at]]);
        draw_cells(v, first + i, &t, &s);
        if (focus && (long)at == selected) {
            grid_paint(v->g, first + i, 0, v->g->columns, ROLE_SELECTED);
            grid_put(v->g, first + i, 0, '>', ROLE_SELECTED);
        }
    }
}

/* ---- lists with a screen of their own ---- */

/* The place of the labels; NULL: they have none on this screen. */
static const struct columns_fitted *place_of_labels(const struct table *t)
{
    for (int i = 0; i < t->fit.n; i++)
        if (strcmp(t->columns->items[t->fit.items[i].column].name, "labels") == 0)
            return &t->fit.items[i];
    return NULL;
}

static void draw_paged_row(struct canvas *v, enum paged_kind kind, int row, const struct table *t,
                           const void *item)
{
    const struct columns_fitted *labels = place_of_labels(t);
    draw_cells(v, row, t, item);
    if (kind == PAGED_DEVICES && labels != NULL)
        draw_labels(v, row, labels->at, labels->width, item);
    if (kind == PAGED_DEVICES &&
        strcmp(((const struct snapshot_device *)item)->state, "disabled") == 0)
        grid_paint(v->g, row, 0, v->g->columns, ROLE_QUIET);
    if (item != paged_list_selected(v->ui, v->m, kind))
        return;
    grid_paint(v->g, row, 0, v->g->columns, ROLE_SELECTED);
    grid_put(v->g, row, 0, '>', ROLE_SELECTED);
}

void draw_paged_table(struct canvas *v, enum paged_kind kind, int head, int first, int rows)
{
    const struct paged_list *l = &v->ui->lists[kind];
    struct table t = {paged_list_columns(kind), 0, {0}, l->sort, l->reverse, true};
    struct columns_options o = columns_options(t.columns, v->s, v->ui, v->g->columns);
    columns_fit(t.columns, &o, &t.fit);
    draw_head(v, head, &t);
    const struct columns_fitted *labels = place_of_labels(&t);
    if (labels != NULL)
        draw_labels_head(v, head, labels->at, labels->width, ROLE_HEAD);
    for (int i = 0; i < rows; i++) {
        const void *item = paged_list_at(v->m, kind, l->top + (size_t)i);
        if (item != NULL)
            draw_paged_row(v, kind, first + i, &t, item);
    }
}
