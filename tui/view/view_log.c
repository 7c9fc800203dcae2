#include "tui/state/log_lines.h"
#include "tui/view/view_internal.h"

enum { ROWS_MAX = GRID_MAX };

void draw_event(struct canvas *v, int row, const struct snapshot_event *e)
{
    char clock[FORMAT_SIZE];
    struct log_line line;
    format_clock(e->time, v->c->utc_offset, false, clock);
    log_line_write(e, &line);
    grid_text(v->g, row, 1, 8, span_of(clock), ROLE_QUIET);
    grid_text(v->g, row, 10, 5, span_of(line.word), line.role);
    grid_text(v->g, row, 16, -1, span_of(line.text), ROLE_TEXT);
}

void draw_log(struct canvas *v, int row, int rows)
{
    size_t at[ROWS_MAX];
    size_t n =
        log_select(v->ui, v->m, v->ui->log_up, at, (size_t)(rows < ROWS_MAX ? rows : ROWS_MAX));
    for (size_t i = 0; i < n; i++)
        draw_event(v, row + (int)i, &v->m->events[at[i]].e);
}
