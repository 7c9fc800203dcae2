#include "tui/print_tables.h"

#include "core/format/format.h"
#include "tui/state/columns.h"
#include "tui/state/log_lines.h"
#include "tui/state/order.h"
#include "tui/view/render.h"

#include <stdio.h>
#include <string.h>

#define GAP 2 /* blanks between columns */

/* ---- tables, by the columns of the screen ---- */

struct table {
    const struct columns *columns;
    enum column_role role;
    const struct ui *ui;
    size_t n;
    const void *(*row)(const struct model *m, const struct order *order, size_t i);
    const struct model *m;
    const struct order *order;
};

static void write_cell(const struct table *t, const struct column *c, const void *row,
                       struct column_text *out)
{
    *out = (struct column_text){.role = ROLE_TEXT, .ascii = t->ui->ascii};
    c->write(row, t->ui->units, GRID_MAX, out);
}

static int cell_width(const struct column_text *text)
{
    int more = grid_width(text->more);
    return grid_width(text->text) + (more > 0 ? more + 1 : 0);
}

static void measure(const struct table *t, int widths[])
{
    uint64_t lacking = columns_lacking(t->columns, &t->m->shown);
    for (int i = 0; i < t->columns->n; i++) {
        const struct column *c = &t->columns->items[i];
        widths[i] = 0;
        if (!column_is_in(c, t->role, SHOW_BOTH) || (lacking >> i & 1) != 0)
            continue;
        widths[i] = grid_width(span_of(c->titles[t->role]));
        for (size_t r = 0; r < t->n; r++) {
            struct column_text text;
            write_cell(t, c, t->row(t->m, t->order, r), &text);
            if (cell_width(&text) > widths[i])
                widths[i] = cell_width(&text);
        }
    }
}

static void put_cell(struct grid *g, int at, int width, bool right, const struct column_text *text)
{
    if (right) {
        grid_text_right(g, 0, at, width, text->text, ROLE_TEXT);
        return;
    }
    int used = grid_text(g, 0, at, width, text->text, ROLE_TEXT);
    if (text->more.n > 0)
        grid_text(g, 0, at + used + 1, width - used - 1, text->more, ROLE_TEXT);
}

/* Prints one row; NULL: the titles. */
static bool print_row(const struct table *t, const int widths[], const void *row, struct grid *g,
                      struct buf *out)
{
    int at = 0;
    grid_clear(g);
    for (int i = 0; i < t->columns->n; i++) {
        const struct column *c = &t->columns->items[i];
        struct column_text text = {.text = span_of(c->titles[t->role])};
        if (widths[i] == 0)
            continue;
        if (row != NULL)
            write_cell(t, c, row, &text);
        put_cell(g, at, widths[i], c->number, &text);
        at += widths[i] + GAP;
    }
    return render_grid(g, false, out);
}

static bool print_table(const struct table *t, struct buf *out)
{
    int widths[COLUMNS_MAX], sum = 0;
    struct grid g = {0};
    measure(t, widths);
    for (int i = 0; i < t->columns->n; i++)
        sum += widths[i] + GAP;
    bool ok = grid_resize(&g, sum, 1) && print_row(t, widths, NULL, &g, out);
    for (size_t r = 0; ok && r < t->n; r++)
        ok = print_row(t, widths, t->row(t->m, t->order, r), &g, out);
    grid_free(&g);
    return ok;
}

static const void *stream_row(const struct model *m, const struct order *order, size_t i)
{
    return &m->shown.streams[order->at[i]];
}

static const void *service_row(const struct model *m, const struct order *order, size_t i)
{
    return &m->shown.services[order->at[i]];
}

static bool print_streams(const struct model *m, const struct ui *ui, long utc_offset,
                          struct buf *out)
{
    (void)utc_offset;
    struct order order = order_streams(ui, m);
    struct table t = {&stream_columns, column_role_of(&m->shown), ui, order.n, stream_row, m,
                      &order};
    bool ok = print_table(&t, out);
    order_free(&order);
    return ok;
}

static bool print_services(const struct model *m, const struct ui *ui, long utc_offset,
                           struct buf *out)
{
    (void)utc_offset;
    struct order order = order_services(ui, m);
    struct table t = {
        &service_columns, column_role_of(&m->shown), ui, order.n, service_row, m, &order};
    bool ok = print_table(&t, out);
    order_free(&order);
    return ok;
}

/* ---- lines ---- */

/* Prints one line, escaped as on the screen. */
static bool print_line(struct buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool print_line(struct buf *out, const char *format, ...)
{
    struct buf text = {.limit = 8192};
    struct grid g = {0};
    va_list args;
    va_start(args, format);
    bool ok = buf_vprintf(&text, format, args) && grid_resize(&g, GRID_MAX, 1);
    va_end(args);
    if (ok) {
        grid_text(&g, 0, 0, -1, (struct span){(char *)text.data, text.size}, ROLE_TEXT);
        ok = render_grid(&g, false, out);
    }
    grid_free(&g);
    buf_free(&text);
    return ok;
}

static bool print_tunnel(const struct snapshot_tunnel *t, struct buf *out)
{
    char age[FORMAT_SIZE], trip[FORMAT_SIZE], far[FORMAT_SIZE], left[FORMAT_SIZE];
    char memory[60] = "";
    if (t->memory_full > 0)
        snprintf(memory, sizeof memory, ", memory full %llu times%s",
                 (unsigned long long)t->memory_full, t->memory_short ? " and now" : "");
    format_age(t->state_for, age);
    format_wait(t->round_trip, trip);
    format_wait(t->far_round_trip, far);
    format_left(t->expires_in, left);
    return print_line(out, "tunnel%s%s %s for %s, hub %s%s%s%s%s%s%s%s%s%s",
                      *t->name != '\0' ? " " : "", t->name, t->state, age, t->hub,
                      t->round_trip > 0 ? " " : "", t->round_trip > 0 ? trip : "",
                      t->far_round_trip > 0 ? ", other end " : "", t->far_round_trip > 0 ? far : "",
                      t->expires_in > 0 ? ", ends in " : "", t->expires_in > 0 ? left : "", memory,
                      *t->text != '\0' ? ": " : "", t->text);
}

static bool print_tunnels(const struct model *m, const struct ui *ui, long utc_offset,
                          struct buf *out)
{
    bool ok = true;
    (void)ui, (void)utc_offset;
    for (size_t i = 0; ok && i < m->shown.n_tunnels; i++)
        ok = print_tunnel(&m->shown.tunnels[i], out);
    return ok;
}

static bool print_log(const struct model *m, const struct ui *ui, long utc_offset, struct buf *out)
{
    size_t at[MODEL_EVENTS], n = log_select(ui, m, 0, at, MODEL_EVENTS);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        const struct snapshot_event *e = &m->events[at[i]].e;
        struct log_line line;
        char clock[FORMAT_SIZE];
        log_line_write(e, &line);
        format_clock(e->time, utc_offset, false, clock);
        ok = print_line(out, "%s %-5s %s", clock, line.word, line.text);
    }
    return ok;
}

static bool print_head(const struct model *m, const struct ui *ui, struct buf *out)
{
    const struct snapshot *s = &m->shown;
    const struct snapshot_counts *t = &s->totals;
    char up[FORMAT_SIZE], down[FORMAT_SIZE], rate_up[FORMAT_SIZE], rate_down[FORMAT_SIZE];
    char age[FORMAT_SIZE];
    format_age(s->uptime, age);
    format_bytes_long(t->bytes_down, down);
    format_bytes_long(t->bytes_up, up);
    format_rate_long(t->rate_down, ui->units, rate_down);
    format_rate_long(t->rate_up, ui->units, rate_up);
    bool ok = print_line(out, "%s %s %s, pid %lld, up for %s", s->program, s->version, s->host,
                         (long long)s->pid, age);
    return ok && print_line(out,
                            "down %s, %s   up %s, %s   %llu open (max %llu), %llu served, "
                            "%llu refused, %llu failed",
                            down, rate_down, up, rate_up, (unsigned long long)t->open,
                            (unsigned long long)t->max, (unsigned long long)t->served,
                            (unsigned long long)t->refused, (unsigned long long)t->failed);
}

static bool print_store(const struct snapshot_store *s, struct buf *out)
{
    char age[FORMAT_SIZE];
    if (s->name == NULL || strcmp(s->state, "failing") != 0)
        return true;
    format_age(s->state_for, age);
    return print_line(out, "%s, for %s", s->text, age);
}

typedef bool print_pane(const struct model *m, const struct ui *ui, long utc_offset,
                        struct buf *out);
static print_pane *const panes[] = {[TABLE_SERVICES] = print_services,
                                    [TABLE_STREAMS] = print_streams,
                                    [TABLE_LOG] = print_log,
                                    [TABLE_TUNNELS] = print_tunnels};

bool print_tables(const struct model *m, const struct ui *ui, enum table_pane pane, long utc_offset,
                  struct buf *out)
{
    /* Its tunnels are in the table of streams. */
    bool hub = column_role_of(&m->shown) == COLUMN_HUB;
    if (pane != TABLE_ALL)
        return panes[pane == TABLE_TUNNELS && hub ? TABLE_STREAMS : pane](m, ui, utc_offset, out);
    return print_head(m, ui, out) && print_store(&m->shown.store, out) &&
           print_tunnels(m, ui, utc_offset, out) && print_line(out, "%s", "") &&
           print_services(m, ui, utc_offset, out) && print_line(out, "%s", "") &&
           print_streams(m, ui, utc_offset, out);
}

/* ---- health ---- */

enum health print_health(const struct model *m, struct buf *out)
{
    const struct snapshot *s = &m->shown;
    char age[FORMAT_SIZE];
    enum health health = HEALTH_FINE;
    for (size_t i = 0; i < s->n_tunnels; i++) {
        const struct snapshot_tunnel *t = &s->tunnels[i];
        if (strcmp(t->state, "up") == 0)
            continue;
        if (strcmp(t->state, "no-device") != 0)
            health = HEALTH_HUB_DOWN;
        else if (health == HEALTH_FINE)
            health = HEALTH_NO_DEVICE;
        print_tunnel(t, out);
    }
    if (s->store.name != NULL && strcmp(s->store.state, "failing") == 0)
        health = HEALTH_HUB_DOWN;
    print_store(&s->store, out);
    format_age(s->uptime, age);
    if (health == HEALTH_FINE)
        print_line(out, "%s is up for %s, %llu open", s->program, age,
                   (unsigned long long)s->totals.open);
    return health;
}
