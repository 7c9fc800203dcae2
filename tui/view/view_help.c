#include "tui/state/help.h"
#include "tui/view/view_page.h"

#include <stdio.h>

/* The screen's row for a row of the help; 0: it is not between the title and the last row. */
static int screen_row(const struct canvas *v, int row)
{
    row -= (int)v->ui->help_top - 1;
    return row >= 1 && row < v->g->rows - 1 ? row : 0;
}

static void draw_text(void *owner, const struct help_text *t)
{
    struct canvas *v = owner;
    int row = screen_row(v, t->row);
    enum role role = t->closes && v->s->readonly ? ROLE_QUIET : t->role;
    if (row != 0)
        grid_text(v->g, row, t->column, -1, span_of(t->text), role);
}

static void draw_program(struct canvas *v, int row)
{
    char line[512], up[FORMAT_SIZE];
    const struct snapshot *s = v->s;
    if (s == NULL || s->schema == 0)
        return;
    format_age(s->uptime, up);
    snprintf(line, sizeof line, "%.40s %.20s up %s   %.256s%s", s->program, s->version, up,
             v->m->socket, s->readonly ? "   read only" : "");
    draw_text(v, &(struct help_text){row, 1, line, ROLE_QUIET, false});
}

void draw_help(struct canvas *v)
{
    char version[64];
    snprintf(version, sizeof version, "tunnel-tui %.40s",
             v->c->version != NULL ? v->c->version : "");
    page_begin(v, 0, "Help", version, ROLE_TITLE);
    draw_program(v, help_lay_out(v->g->columns, v->role, draw_text, v) - 1);
}
