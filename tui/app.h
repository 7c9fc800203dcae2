/* The dashboard on a terminal: one loop handles keys, the watched program and time. */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "tui/command.h"

/* Takes c->ui over. model: NULL, or the end of a replay, at `now` on its clock; then no program is
 * watched. Returns the exit code once the terminal is given back. */
int app_run(struct command *c, struct model *model, double now);

#endif
