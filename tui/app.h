/* The dashboard on a terminal: one loop for the keys, the program that is watched, and time. */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "tui/command.h"

/* Takes c->ui over. model: NULL, or what a replay came to, at `now` on its clock: then nothing is
 * watched. Returns the exit code once the terminal is given back. */
int app_run(struct command *c, struct model *model, double now);

#endif
