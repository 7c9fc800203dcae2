#include "tui/view/grid.h"

#include "core/base/unicode.h"
#include "tui/view/width.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_MAX 1024 /* bytes of text in one grid_print */

static int hold(int n)
{
    return n < 1 ? 1 : n > GRID_MAX ? GRID_MAX : n;
}

bool grid_resize(struct grid *g, int columns, int rows)
{
    columns = hold(columns);
    rows = hold(rows);
    if (g->cells == NULL || columns != g->columns || rows != g->rows) {
        void *cells = realloc(g->cells, (size_t)columns * (size_t)rows * sizeof *g->cells);
        if (cells == NULL)
            return false;
        *g = (struct grid){columns, rows, cells};
    }
    grid_clear(g);
    return true;
}

void grid_clear(struct grid *g)
{
    size_t n = (size_t)g->columns * (size_t)g->rows;
    for (size_t i = 0; i < n; i++)
        g->cells[i] = (struct cell){' ', ROLE_TEXT};
}

void grid_free(struct grid *g)
{
    free(g->cells);
    *g = (struct grid){0};
}

static struct cell *cell_at(struct grid *g, int row, int column)
{
    bool inside = row >= 0 && row < g->rows && column >= 0 && column < g->columns;
    return inside ? &g->cells[(size_t)row * (size_t)g->columns + (size_t)column] : NULL;
}

/* A wide character that loses one of its halves loses both. */
static void split(struct grid *g, int row, int column)
{
    struct cell *here = cell_at(g, row, column);
    struct cell *left = cell_at(g, row, column - 1), *right = cell_at(g, row, column + 1);
    if (here->c == 0 && left != NULL)
        left->c = ' ';
    if (right != NULL && right->c == 0)
        right->c = ' ';
}

void grid_put(struct grid *g, int row, int column, uint32_t c, enum role role)
{
    int width = char_width(c);
    struct cell *here = cell_at(g, row, column), *next = cell_at(g, row, column + 1);
    if (here == NULL)
        return;
    split(g, row, column);
    if (width == 2 && next != NULL) {
        split(g, row, column + 1);
        *next = (struct cell){0, (uint8_t)role};
    }
    bool fits = width == 1 || (width == 2 && next != NULL);
    *here = (struct cell){fits ? c : '?', (uint8_t)role};
}

void grid_fill(struct grid *g, int row, int column, int n, uint32_t c, enum role role)
{
    int end = n > g->columns - column ? g->columns : column + n;
    for (int i = column < 0 ? 0 : column; i < end; i++)
        grid_put(g, row, i, c, role);
}

void grid_paint(struct grid *g, int row, int column, int n, enum role role)
{
    int end = n > g->columns - column ? g->columns : column + n;
    for (int i = column < 0 ? 0 : column; i < end; i++)
        if (cell_at(g, row, i) != NULL)
            cell_at(g, row, i)->role = (uint8_t)role;
}

/* Takes the next character off the text, as it is shown. Returns its width, 0 to 2. */
static int next(struct span *text, uint32_t *c)
{
    size_t n = utf8_decode(*text, c);
    int width = n > 0 ? char_width(*c) : -1;
    if (n == 0)
        n = 1;
    *text = (struct span){text->p + n, text->n - n};
    if (width >= 0)
        return width;
    *c = '?';
    return 1;
}

int grid_width(struct span text)
{
    int width = 0;
    uint32_t c;
    while (text.n > 0 && width < 1 << 20)
        width += next(&text, &c);
    return width;
}

int grid_text(struct grid *g, int row, int column, int width, struct span text, enum role role)
{
    int used = 0, w;
    uint32_t c;
    if (width < 0 || width > g->columns - column)
        width = g->columns - column;
    if (width <= 0)
        return 0;
    int room = grid_width(text) <= width ? width : width - 1;
    while (text.n > 0 && used + (w = next(&text, &c)) <= room) {
        if (w > 0)
            grid_put(g, row, column + used, c, role);
        used += w;
    }
    if (room < width)
        grid_put(g, row, column + used++, '~', role);
    return used;
}

int grid_print(struct grid *g, int row, int column, int width, enum role role, const char *format,
               ...)
{
    char text[PRINT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return n < 0 ? 0 : grid_text(g, row, column, width, span_of(text), role);
}

void grid_text_right(struct grid *g, int row, int column, int width, struct span text,
                     enum role role)
{
    if (width < 0)
        width = g->columns - column;
    int wanted = grid_width(text);
    int skip = wanted < width ? width - wanted : 0;
    grid_text(g, row, column + skip, width - skip, text, role);
}
