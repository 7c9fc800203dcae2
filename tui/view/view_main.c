#include "tui/state/moment.h"
#include "tui/view/view_internal.h"

#include <stdio.h>
#include <string.h>

/* ---- rates and totals ---- */

static void draw_rates(struct canvas *v)
{
    struct series down = model_series(v, true), up = model_series(v, false);
    draw_series(v, 1, v->l.graph_rows, &down);
    draw_series(v, 1 + v->l.graph_rows, v->l.graph_rows, &up);
}

/* The totals of the moment that is looked at. */
static void totals_then_text(const struct canvas *v, char *out, size_t size)
{
    struct snapshot_then t = moment_totals(v->ui, v->m);
    char down[FORMAT_SIZE] = "?", up[FORMAT_SIZE] = "?", failed[48] = "";
    if (t.counted) {
        format_bytes(t.bytes_down, down);
        format_bytes(t.bytes_up, up);
    }
    if (t.failed > 0)
        snprintf(failed, sizeof failed, "  %llu failed", (unsigned long long)t.failed);
    if (t.known)
        snprintf(out, size, "Then down %s  up %s  %llu open  %llu served%s", down, up,
                 (unsigned long long)t.open, (unsigned long long)t.served, failed);
    else
        snprintf(out, size, "Then down ?  up ?  ? open  ? served");
}

/* Writes the totals. less: 0 for all of them, 2 for the fewest. */
static void totals_text(const struct canvas *v, int less, char *out, size_t size)
{
    bool wide = v->g->columns >= 110;
    char down[FORMAT_SIZE], up[FORMAT_SIZE], max[48] = "", served[96] = "", refused[48] = "";
    char idle[48] = "";
    const struct snapshot_counts *t = &v->s->totals;
    if (v->ui->moment > 0) {
        totals_then_text(v, out, size);
        return;
    }
    (wide ? format_bytes_long : format_bytes)(t->bytes_down, down);
    (wide ? format_bytes_long : format_bytes)(t->bytes_up, up);
    if (t->bytes_down == 0) /* in a sentence zero is not a dash */
        snprintf(down, sizeof down, "0");
    if (t->bytes_up == 0)
        snprintf(up, sizeof up, "0");
    if (wide)
        snprintf(max, sizeof max, " (max %llu)", (unsigned long long)t->max);
    if (less < 1)
        snprintf(served, sizeof served, "  %llu served", (unsigned long long)t->served);
    if (less < 1 && t->failed > 0)
        snprintf(served + strlen(served), sizeof served - strlen(served), "  %llu failed",
                 (unsigned long long)t->failed);
    if (less < 2)
        snprintf(refused, sizeof refused, "  %llu refused", (unsigned long long)t->refused);
    if (v->s->open_tunnels > t->open)
        snprintf(idle, sizeof idle, "  %llu without ends",
                 (unsigned long long)(v->s->open_tunnels - t->open));
    snprintf(out, size, "Total down %s  up %s  %llu open%s%s%s%s", down, up,
             (unsigned long long)t->open, max, idle, served, refused);
}

size_t streams_in_all(const struct canvas *v)
{
    return v->s->streams_page.known ? v->s->streams_page.total : v->s->n_streams;
}

/* "1-5 of 5" */
static void range_text(const struct canvas *v, char *out, size_t size)
{
    size_t top = v->ui->stream_top, n = v->list.n, rows = (size_t)v->l.n_streams;
    size_t end = top + rows < n ? top + rows : n, all = streams_in_all(v);
    char by[48] = "";
    out[0] = '\0';
    if (v->ui->moment > 0 && !v->list.here)
        return;
    if (v->list.grouped)
        snprintf(by, sizeof by, "by %s  ", groups_noun(v->ui->groups.by, v->role == COLUMN_HUB));
    if (all > 0 && (n == 0 || top >= n))
        snprintf(out, size, "%s0 of %zu", by, all);
    else if (n > 0)
        snprintf(out, size, "%s%zu-%zu of %zu", by, top + 1, end, n);
}

/* Writes what the graphs and numbers mean. */
static void meaning_text(const struct canvas *v, bool wide, char *out, size_t size)
{
    char span[FORMAT_SIZE];
    struct series down = model_series(v, true);
    const char *units = v->ui->units == UNITS_BITS ? "bits" : "bytes";
    const char *scale = v->ui->logarithmic ? " log" : "";
    unsigned seconds = series_span(v, &down);
    if (seconds >= 300)
        snprintf(span, sizeof span, "%u min", (seconds + 30) / 60);
    else
        snprintf(span, sizeof span, "%u s", seconds);
    if (wide)
        snprintf(out, size, "graph %s%s   %s   every %g s", span, scale, units, v->ui->refresh);
    else
        snprintf(out, size, "%s%s %s", span, scale, units);
}

static void right_text(const struct canvas *v, bool wide, char *out, size_t size)
{
    char clock[FORMAT_SIZE];
    format_clock(v->s->time, v->c->utc_offset, false, clock);
    if (v->m->link == MODEL_LOST)
        snprintf(out, size, "last %s", clock);
    else if (v->l.range == v->l.totals)
        range_text(v, out, size);
    else
        meaning_text(v, wide, out, size);
}

static void draw_totals(struct canvas *v)
{
    char left[256], right[80];
    int columns = v->g->columns, row = v->l.totals;
    right_text(v, columns >= 110, right, sizeof right);
    int wanted = grid_width(span_of(right));
    /* The range is shown nowhere else. */
    int room = columns - 2 - (v->l.range == v->l.totals ? wanted + 2 : 0);
    for (int less = 0; less <= 2; less++) {
        totals_text(v, less, left, sizeof left);
        if (grid_width(span_of(left)) <= room)
            break;
    }
    int used = grid_text(v->g, row, 1, columns - 2, span_of(left), ROLE_TEXT);
    if (used + 4 + wanted > columns) {
        right_text(v, false, right, sizeof right);
        wanted = grid_width(span_of(right));
    }
    if (used + 4 + wanted <= columns)
        grid_text(v->g, row, columns - 1 - wanted, wanted, span_of(right), ROLE_QUIET);
}

/* ---- separating lines ---- */

static void draw_line(struct canvas *v, int row)
{
    if (row > 0)
        grid_fill(v->g, row, 0, v->g->columns, v->c->glyphs->horizontal, ROLE_QUIET);
}

/* Draws the row above the log, which shows how far the log is scrolled back, and which streams are
 * visible. */
static void draw_range(struct canvas *v)
{
    char range[80], log[80];
    range_text(v, range, sizeof range);
    int at = v->g->columns - 1 - (int)strlen(range);
    if (v->l.log_line > 0 && range[0] != '\0') {
        grid_fill(v->g, v->l.range, at - 2, (int)strlen(range) + 2, ' ', ROLE_QUIET);
        at--;
    }
    grid_text(v->g, v->l.range, at, -1, span_of(range), ROLE_QUIET);
    if (v->ui->focus != PANE_LOG || v->l.n_log == 0)
        return;
    snprintf(log, sizeof log, v->ui->log_up > 0 ? " LOG, %zu newer below " : " LOG ",
             v->ui->log_up);
    grid_text(v->g, v->l.range, 0, -1, span_of(log), ROLE_HEAD);
}

void draw_main(struct canvas *v)
{
    const struct layout *l = &v->l;
    if (v->s->schema == 0)
        return; /* the box shows why */
    draw_rates(v);
    draw_totals(v);
    draw_line(v, l->service_line);
    draw_line(v, l->stream_line);
    draw_line(v, l->log_line);
    if (l->n_services > 0) {
        struct order services = order_services(v->ui, v->m);
        draw_service_table(v, l->service_head, l->services, l->n_services, &services);
        order_free(&services);
    }
    draw_stream_table(v, l->stream_head, l->streams, l->n_streams, v->ui->focus == PANE_STREAMS);
    if (l->range != l->totals)
        draw_range(v);
    draw_log(v, l->log, l->n_log);
}
