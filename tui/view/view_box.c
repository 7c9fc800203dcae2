#include "tui/state/column_picker.h"
#include "tui/view/view_internal.h"

#include <stdio.h>
#include <string.h>

struct box {
    int row, column, height, width; /* place and size of its inside */
};

/* Draws a frame around an empty inside, in the middle of the rows between title and keys. */
static bool open_box(struct canvas *v, int height, int width, struct box *b)
{
    const struct glyphs *glyphs = v->c->glyphs;
    int rows = v->g->rows, columns = v->g->columns;
    if (height > rows - 4)
        height = rows - 4;
    if (width > columns - 4)
        width = columns - 4;
    if (height < 1 || width < 20)
        return false;
    *b = (struct box){2 + (rows - 4 - height) / 2, (columns - width) / 2, height, width};
    for (int row = b->row - 1; row <= b->row + height; row++) {
        bool edge = row < b->row || row == b->row + height;
        grid_fill(v->g, row, b->column - 1, width + 2, edge ? glyphs->horizontal : ' ', ROLE_TEXT);
        grid_put(v->g, row, b->column - 1, glyphs->vertical, ROLE_TEXT);
        grid_put(v->g, row, b->column + width, glyphs->vertical, ROLE_TEXT);
    }
    grid_put(v->g, b->row - 1, b->column - 1, glyphs->top_left, ROLE_TEXT);
    grid_put(v->g, b->row - 1, b->column + width, glyphs->top_right, ROLE_TEXT);
    grid_put(v->g, b->row + height, b->column - 1, glyphs->bottom_left, ROLE_TEXT);
    grid_put(v->g, b->row + height, b->column + width, glyphs->bottom_right, ROLE_TEXT);
    return true;
}

/* ---- not connected ---- */

static void line(struct canvas *v, const struct box *b, int row, const char *left, enum role role,
                 const char *right)
{
    int wanted = grid_width(span_of(right));
    if (row >= b->height)
        return;
    if (wanted > b->width - 4)
        wanted = 0;
    grid_text(v->g, b->row + row, b->column + 2, b->width - 4 - (wanted > 0 ? wanted + 1 : 0),
              span_of(left), role);
    if (wanted > 0)
        grid_text(v->g, b->row + row, b->column + b->width - 2 - wanted, wanted, span_of(right),
                  ROLE_TEXT);
}

static void draw_link(struct canvas *v)
{
    static const char *const names[] = {"gateway", "agent", "hub"};
    char first[320], retry[80], wait[FORMAT_SIZE];
    bool lost = v->m->link == MODEL_LOST;
    struct box b;
    if (!open_box(v, lost ? 4 : 3, 68, &b))
        return;
    double left = v->m->retry_at - v->c->now;
    format_seconds(left, wait);
    if (left > 0)
        snprintf(retry, sizeof retry, "retry in %s (try %u)", wait, v->m->tries);
    else
        snprintf(retry, sizeof retry, "trying now");
    if (lost)
        snprintf(first, sizeof first, "Lost the %s: %s", names[v->role], v->m->problem);
    else if (v->m->problem[0] != '\0')
        snprintf(first, sizeof first, "Not connected: %s", v->m->problem);
    else
        snprintf(first, sizeof first, "Connecting");
    line(v, &b, 0, first, ROLE_BAD, "");
    line(v, &b, 1, v->m->socket, ROLE_TEXT, retry);
    if (lost)
        line(v, &b, 2, "The tables show the last known state, not the present.", ROLE_TEXT, "");
    line(v, &b, lost ? 3 : 2, "", ROLE_TEXT, "r retry now    q quit");
}

/* ---- lists ---- */

static void draw_list(struct canvas *v)
{
    const struct ui *ui = v->ui;
    bool columns = ui->prompt == PROMPT_COLUMNS;
    const struct columns *c = columns ? &stream_columns : column_picker_table(ui);
    int at[COLUMNS_MAX], n = column_picker_list(ui, v->m, at), sort;
    struct box b;
    if (!open_box(v, n, 28, &b))
        return;
    sort = c == &service_columns ? ui->service_sort : ui->sort;
    int top = ui->list_at >= b.height ? ui->list_at - b.height + 1 : 0;
    for (int i = 0; i < b.height && top + i < n; i++) {
        int column = at[top + i];
        bool on = columns ? (ui->hidden >> column & 1) == 0 : column == sort;
        enum role role = top + i == ui->list_at ? ROLE_SELECTED : ROLE_TEXT;
        grid_fill(v->g, b.row + i, b.column, b.width, ' ', role);
        grid_print(v->g, b.row + i, b.column + 1, b.width - 2, role, "%s %s", on ? "[x]" : "[ ]",
                   c->items[column].titles[v->role]);
    }
    if (columns)
        grid_print(v->g, b.row - 1, b.column + 1, b.width - 2, ROLE_TEXT, " Columns ");
    else
        grid_print(v->g, b.row - 1, b.column + 1, b.width - 2, ROLE_TEXT, " Sort %ss by ",
                   c == &service_columns ? "service" : column_row_noun(v->role));
}

/* ---- a command ---- */

/* Writes the whole command, in as many rows as it takes. */
static void draw_command(struct canvas *v)
{
    const char *text = v->ui->open.text;
    struct box b;
    int inner = v->g->columns > 88 ? 80 : v->g->columns - 8;
    int rows = inner > 0 ? ((int)strlen(text) + inner - 1) / inner : 1;
    if (!open_box(v, rows, inner + 2, &b))
        return;
    for (int i = 0; i < b.height && (int)strlen(text) > i * inner; i++) {
        const char *part = text + (size_t)i * (size_t)inner;
        size_t n = strlen(part) < (size_t)inner ? strlen(part) : (size_t)inner;
        grid_text(v->g, b.row + i, b.column + 1, b.width - 2, (struct span){part, n}, ROLE_KEY);
    }
}

void draw_boxes(struct canvas *v)
{
    if (v->ui->screen == SCREEN_HELP)
        return;
    if (v->ui->prompt == PROMPT_OPEN)
        draw_command(v);
    if (v->ui->prompt == PROMPT_SORT || v->ui->prompt == PROMPT_COLUMNS)
        draw_list(v);
    else if (v->m->link != MODEL_LIVE && (v->s->schema == 0 || v->m->link == MODEL_LOST))
        draw_link(v);
}
