/* The list of a hub's devices: which rows are on the screen, which one is selected, and the page of
 * one device. Pure. The hub filters and sorts; a snapshot has no more rows than were asked for, so
 * a row may be known to exist and not be here yet. */
#ifndef TUI_STATE_DEVICE_LIST_H
#define TUI_STATE_DEVICE_LIST_H

#include "tui/state/ui.h"

/* Rows of the screen in which devices are listed. */
int device_list_room(const struct ui *ui);
/* The device in that row of all that fit the filter; NULL: the snapshot does not have it. */
const struct snapshot_device *device_list_at(const struct model *m, size_t row);
/* The device that is selected, or whose page is shown. NULL: it is not here (any more). */
const struct snapshot_device *device_list_selected(const struct ui *ui, const struct model *m);
void device_list_step(struct ui *ui, const struct model *m, long rows);
/* Selects that row. False: there is none. */
bool device_list_pick(struct ui *ui, const struct model *m, size_t row);
/* Sorts by the next column that the hub can sort by, or the one before (by < 0). */
void device_list_sort(struct ui *ui, int by);
/* To be called after each snapshot, as ui_settle. */
void device_list_settle(struct ui *ui, const struct model *m);
void device_list_wanted(const struct ui *ui, struct model_wanted *out);

#endif
