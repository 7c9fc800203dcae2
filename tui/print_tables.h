/* Prints tables as plain text for --once, without escapes and uncut. */
#ifndef TUI_PRINT_TABLES_H
#define TUI_PRINT_TABLES_H

#include "core/base/buf.h"
#include "tui/state/ui.h"

enum table_pane { TABLE_ALL, TABLE_SERVICES, TABLE_STREAMS, TABLE_LOG, TABLE_TUNNELS };

/* Appends the tables, filtered and sorted as ui says. utc_offset: seconds, for the log. False:
 * out's limit is reached, or there is no memory. */
bool print_tables(const struct model *m, const struct ui *ui, enum table_pane pane, long utc_offset,
                  struct buf *out);
/* Appends "tunnel-gateway gw1: up for 3d04h, 5 open, ...", or which tunnel is not up, and why.
 * Returns the worst tunnel's health. */
enum health { HEALTH_FINE, HEALTH_NO_DEVICE, HEALTH_HUB_DOWN };
enum health print_health(const struct model *m, struct buf *out);

#endif
