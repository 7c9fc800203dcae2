/* The lists from which the user picks a column to sort by or to show, for the keys and the view.
 * Pure. */
#ifndef TUI_STATE_COLUMN_PICKER_H
#define TUI_STATE_COLUMN_PICKER_H

#include "tui/state/columns.h"
#include "tui/state/model.h"

/* Lists the columns that ui->prompt offers, as indices into the table. Returns how many. */
int column_picker_list(const struct ui *ui, const struct model *m, int at[COLUMNS_MAX]);
/* The table that has the focus. */
const struct columns *column_picker_table(const struct ui *ui);

#endif
