/* Events as lines of the log. Pure. */
#ifndef TUI_STATE_LOG_LINES_H
#define TUI_STATE_LOG_LINES_H

#include "tui/state/role.h"
#include "tui/state/ui.h"

#define LOG_LINE_MAX 1024

/* Selects at most `max` events that the filter and a pause let through, without the newest `skip`,
 * as indices into m->events, the newest last. Returns how many. */
size_t log_select(const struct ui *ui, const struct model *m, size_t skip, size_t at[], size_t max);
size_t log_count(const struct ui *ui, const struct model *m);

/* "close" and "1197 127.0.0.1:50298 SSH1 8m12s down 1.2M up 90K: closed by device": the kind of
 * event in at most five characters, which the role colours, and the rest. The text is not escaped.
 */
struct log_line {
    const char *word;
    enum role role;
    char text[LOG_LINE_MAX];
};
void log_line_write(const struct snapshot_event *e, struct log_line *out);

/* "peer-reset": "the far end reset the connection"; unknown names are unchanged. */
const char *reason_text(const char *name);

#endif
