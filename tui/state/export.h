/* What key `x` writes: the rows on the screen with all that is known of them, by the names of
 * share/doc/control.md, as JSON lines or as CSV (RFC 4180). Texts come through the gate, and no
 * cell of a CSV is a formula to the program that reads it. Pure. */
#ifndef TUI_STATE_EXPORT_H
#define TUI_STATE_EXPORT_H

#include "core/base/buf.h"
#include "tui/state/ui.h"

/* What kind of rows the screen has, in the plural ("streams"), and how many. */
const char *export_noun(const struct ui *ui, const struct model *m, size_t *n);
/* Appends them, as ui->format says. False: out's limit is reached, or there is no memory. */
bool export_write(const struct ui *ui, const struct model *m, struct buf *out);
/* Writes the name of a file for them: "tunnel-tui-streams-20260115-124107.csv", for a second and
 * further one of that second with "-2". time: seconds since 1970, local. */
void export_name(const char *noun, enum export_format format, double time, unsigned number,
                 char *out, size_t size);

#endif
