/* The help screen, made from the key table: its texts and their places. Pure. */
#ifndef TUI_STATE_HELP_H
#define TUI_STATE_HELP_H

#include "tui/state/columns.h"

#include <stdbool.h>

struct help_text {
    int row, column; /* row counts from the first one of the help, which may be scrolled out */
    const char *text;
    enum role role;
    bool closes; /* belongs to a key that does nothing when the program is read only */
};

/* Calls `draw` with each text of the help on a screen of so many columns, for a program in that
 * role; NULL: with none. Returns the rows of the help, the last of which is for a line about the
 * program that is watched. */
int help_lay_out(int columns, enum column_role role,
                 void (*draw)(void *owner, const struct help_text *t), void *owner);

#endif
