/* The tunnels that lead to the device whose page is shown. Pure. */
#ifndef TUI_STATE_DEVICE_TUNNELS_H
#define TUI_STATE_DEVICE_TUNNELS_H

#include "tui/state/order.h"

struct order device_tunnels_of(const struct ui *ui, const struct model *m);
/* NULL: there is none. */
const struct snapshot_stream *device_tunnels_selected(const struct ui *ui, const struct model *m);
void device_tunnels_step(struct ui *ui, const struct model *m, long rows);
void device_tunnels_settle(struct ui *ui, const struct model *m);

#endif
