/* Writes grids as text and reads keys from text, for --render, --once and tests. Pure. */
#ifndef TUI_VIEW_RENDER_H
#define TUI_VIEW_RENDER_H

#include "core/base/buf.h"
#include "tui/view/grid.h"

/* Appends the rows, each without blanks at its end and with a line feed; roles: writes a letter for
 * each cell's role in place of its character. False: out's limit is reached, or there is no memory.
 */
bool render_grid(const struct grid *g, bool roles, struct buf *out);

/* Takes the first key off a text like "j<Enter>": a character, or one of <Enter>, <Esc>, <Tab>,
 * <BackTab>, <Up>, <Down>, <Left>, <Right>, <PgUp>, <PgDn>, <Home>, <End>, <Del>, <Backspace>, <F1>
 * .. <F12>, and <C-a> .. <C-z>; a '<' that begins no such name stands for itself. Invalid UTF-8 is
 * UIKEY_NONE. False: keys is empty. */
bool render_key(struct span *keys, uint32_t *key);

#endif
