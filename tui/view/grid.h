/* A screen as data: cells of one character and one role each. Views draw into it; curses, --render
 * and the tests read it. Pure. */
#ifndef TUI_VIEW_GRID_H
#define TUI_VIEW_GRID_H

#include "core/base/str.h"
#include "tui/state/role.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GRID_MAX 1000 /* columns, and rows; larger screens are used in part */

struct cell {
    uint32_t c; /* a character of width 1 or 2; 0: the right half of the one on its left */
    uint8_t role;
};

struct grid {
    int columns, rows;  /* both >= 1 */
    struct cell *cells; /* rows * columns of them, row by row */
};

/* Makes a grid of blanks of ROLE_TEXT; sizes are limited to 1..GRID_MAX. False: no memory, and *g
 * is unchanged. */
bool grid_resize(struct grid *g, int columns, int rows);
void grid_clear(struct grid *g);
void grid_free(struct grid *g); /* zeroed afterwards */

/* These clip to the grid, so a row or column outside is fine. */
void grid_put(struct grid *g, int row, int column, uint32_t c, enum role role);
void grid_fill(struct grid *g, int row, int column, int n, uint32_t c, enum role role);
/* Changes only the role of n cells. */
void grid_paint(struct grid *g, int row, int column, int n, enum role role);
/* Draws UTF-8 text in at most `width` columns (-1: to the row's end). Invalid bytes, control and
 * format characters become '?', and combining marks are left out, so that untrusted text cannot
 * move the cursor. Text that does not fit is cut, with '~' as its last character. Returns the
 * columns used. */
int grid_text(struct grid *g, int row, int column, int width, struct span text, enum role role);
int grid_print(struct grid *g, int row, int column, int width, enum role role, const char *format,
               ...) __attribute__((format(printf, 6, 7)));
/* The same, aligned to the right end of `width` columns. */
void grid_text_right(struct grid *g, int row, int column, int width, struct span text,
                     enum role role);

/* The columns that text takes when grid_text draws it. */
int grid_width(struct span text);

#endif
