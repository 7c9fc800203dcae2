/* The lists of columns to sort by and to show, for the keys and the view. Pure. */
#ifndef TUI_STATE_COLUMN_PICKER_H
#define TUI_STATE_COLUMN_PICKER_H

#include "tui/state/columns.h"
#include "tui/state/model.h"

/* The columns that ui->prompt lists: indices into the table; returns how many. */
int column_picker_list(const struct ui *ui, const struct model *m, int at[COLUMNS_MAX]);
/* The table that the focus is on. */
const struct columns *column_picker_table(const struct ui *ui);

#endif
