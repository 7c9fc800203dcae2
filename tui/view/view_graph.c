#include "tui/state/moment.h"
#include "tui/view/view_internal.h"

#include <stdio.h>

enum { LEFT = 15, RIGHT = 13 }; /* widths of rate and peak */

/* Whether rate and peak are wider, for long units. */
static bool is_wide(const struct canvas *v)
{
    return v->g->columns >= 100;
}

static int left_of(const struct canvas *v)
{
    return is_wide(v) ? 19 : LEFT;
}

static int graph_width(const struct canvas *v)
{
    return v->g->columns - left_of(v) - 2 - (is_wide(v) ? 19 : RIGHT);
}

static struct graph graph_of(const struct canvas *v, const struct series *s)
{
    return (struct graph){.samples = s->samples,
                          .n = s->n,
                          .last = s->last,
                          .interval = s->interval,
                          .window = s->window,
                          .logarithmic = v->ui->logarithmic,
                          .style = v->c->glyphs->ascii ? GRAPH_ASCII : v->ui->graph,
                          .role = s->role};
}

static void rate_text(const struct canvas *v, double rate, const char *suffix,
                      char out[FORMAT_SIZE])
{
    char number[FORMAT_SIZE];
    if (is_wide(v)) {
        format_rate_long(rate, v->ui->units, out);
        return;
    }
    format_rate(rate, v->ui->units, number);
    snprintf(out, FORMAT_SIZE, "%.8s%s", number, number[0] == '-' ? "" : suffix);
}

void draw_series(struct canvas *v, int row, int height, const struct series *s)
{
    char text[FORMAT_SIZE];
    struct graph graph = graph_of(v, s);
    int left = left_of(v), width = graph_width(v), last = row + height - 1;
    if (width < 1)
        return;
    grid_text(v->g, row, 1, 5, span_of(s->label), ROLE_TEXT);
    rate_text(v, s->now, "/s", text);
    if (s->now >= 0)
        grid_text_right(v->g, row, 6, left - 7, span_of(text), s->role);
    uint64_t back = s->back >= 0 ? graph_scroll(&graph, width, (uint64_t)s->back) : 0;
    double peak = graph_draw(&graph, v->g, row, left + 1, width, height);
    int marked = s->back >= 0 ? graph_cell(&graph, width, back) : -1;
    for (int i = row; i <= last && marked >= 0; i++)
        grid_paint(v->g, i, left + 1 + marked, 1, ROLE_SELECTED);
    for (int i = row; i <= last; i++) {
        grid_put(v->g, i, left, v->c->glyphs->vertical, ROLE_QUIET);
        grid_put(v->g, i, left + 1 + width, v->c->glyphs->vertical, ROLE_QUIET);
    }
    rate_text(v, peak, "", text);
    grid_text(v->g, row, left + width + 3, 4, span_of("peak"), ROLE_QUIET);
    grid_text_right(v->g, row, left + width + 8, v->g->columns - 1 - left - width - 8,
                    span_of(text), s->role);
}

unsigned series_span(const struct canvas *v, const struct series *s)
{
    struct graph graph = graph_of(v, s);
    return graph_span(&graph, graph_width(v));
}

struct series model_series(const struct canvas *v, bool down)
{
    static const unsigned windows[] = {
        [WINDOW_MINUTE] = 60, [WINDOW_TEN] = 600, [WINDOW_HOUR] = 3600};
    struct moment_history h = moment_history_of(v->ui, v->m);
    const uint64_t *samples = down ? h.all->down : h.all->up;
    struct series s = {.label = down ? "Down" : "Up",
                       .role = down ? ROLE_DOWN : ROLE_UP,
                       .samples = samples,
                       .n = h.n,
                       .last = h.last,
                       .interval = h.interval,
                       .window = windows[v->ui->window],
                       .now = down ? v->s->totals.rate_down : v->s->totals.rate_up,
                       .back = moment_back(v->ui, v->m)};
    if (s.back >= 0)
        s.now = (double)samples[h.n - 1 - (size_t)s.back] / h.interval;
    return s;
}
