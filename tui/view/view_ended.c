/* The streams that have ended. */
#include "tui/view/view_internal.h"

#include <stdio.h>

enum { COUNTS = 1, HEAD = 2, FIRST = 3 };

/* "1-20 of 9,812" */
static void range_text(const struct canvas *v, enum paged_kind kind, char *out, size_t size)
{
    struct paged_facts f = paged_list_facts(v->m, kind);
    size_t top = v->ui->lists[kind].top, end = top + (size_t)paged_list_room(v->ui);
    char all[FORMAT_SIZE];
    format_thousands(f.matching, all);
    if (end > f.matching)
        end = f.matching;
    if (f.matching == 0)
        snprintf(out, size, "0 of %llu", (unsigned long long)f.total);
    else
        snprintf(out, size, "%zu-%zu of %s", top + 1, end, all);
}

void draw_list_range(struct canvas *v, enum paged_kind kind, int row, int used)
{
    char range[80];
    range_text(v, kind, range, sizeof range);
    int wanted = grid_width(span_of(range));
    if (used + 2 + wanted < v->g->columns)
        grid_text(v->g, row, v->g->columns - 1 - wanted, wanted, span_of(range), ROLE_QUIET);
}

static void draw_nothing(struct canvas *v, const struct paged_facts *f)
{
    const char *noun = column_row_noun(v->role);
    if (!f->known)
        grid_print(v->g, FIRST, 2, -1, ROLE_QUIET, "%s keeps none, or has not answered yet",
                   v->s->program != NULL ? v->s->program : "the program");
    else if (f->problem[0] != '\0')
        grid_print(v->g, FIRST, 2, -1, ROLE_BAD, "%s", f->problem);
    else if (f->total > 0)
        grid_print(v->g, FIRST, 2, -1, ROLE_QUIET, "no %s that has ended fits the filter", noun);
    else
        grid_print(v->g, FIRST, 2, -1, ROLE_QUIET, "no %s has ended yet", noun);
}

void draw_ended(struct canvas *v)
{
    struct paged_facts f = paged_list_facts(v->m, PAGED_CLOSED);
    int rows = v->g->rows - FIRST - 1;
    char number[FORMAT_SIZE];
    draw_title(v);
    if (v->g->rows <= FIRST)
        return;
    format_thousands(f.total, number);
    if (f.total > 0) {
        int at = 1 + grid_print(v->g, COUNTS, 1, -1, ROLE_TEXT, "The last %s %s%s that ended",
                                number, column_row_noun(v->role), f.total == 1 ? "" : "s");
        draw_list_range(v, PAGED_CLOSED, COUNTS, at);
    }
    draw_paged_table(v, PAGED_CLOSED, HEAD, FIRST, rows > 0 ? rows : 0);
    if (f.matching == 0 && rows > 0)
        draw_nothing(v, &f);
}
