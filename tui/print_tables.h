/* Tables of what goes on as plain text, for --once: no escapes, nothing cut. */
#ifndef TUI_PRINT_TABLES_H
#define TUI_PRINT_TABLES_H

#include "core/base/buf.h"
#include "tui/ui.h"

enum once_pane { ONCE_ALL, ONCE_SERVICES, ONCE_STREAMS, ONCE_LOG, ONCE_TUNNELS };

/* Appends them, filtered and sorted as ui says. utc_offset: seconds, for the log. False: limit or
 * memory. */
bool once_print(const struct model *m, const struct ui *ui, enum once_pane pane, long utc_offset,
                struct buf *out);
/* "tunnel-gateway gw1: up for 3d04h, 5 open, ..."; or which tunnel is not, and why. The worst
 * counts.
 */
enum once_health { ONCE_FINE, ONCE_NO_DEVICE, ONCE_HUB_DOWN };
enum once_health once_check(const struct model *m, struct buf *out);

#endif
