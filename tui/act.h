/* What the dashboard does outside itself when it is told to: runs a command, writes a file. */
#ifndef TUI_ACT_H
#define TUI_ACT_H

#include "tui/state/ui.h"

/* Runs a command on this terminal, which it gets for itself, until it ends; one that fails is
 * waited for until somebody presses Enter, so that what it said can be read. The terminal must not
 * be in use meanwhile (terminal_suspend). False: it could not be started, and problem is a
 * sentence. */
bool act_run_here(const struct open_command *c, char *problem, size_t size);

/* Writes the rows of the screen to a new file in the present folder; a file that is there is never
 * touched. time: seconds since 1970, local. said: a sentence about it, or about why not (false). */
bool act_export(const struct ui *ui, const struct model *m, double time, char *said, size_t size);

/* Fills in what a command can be opened in: ui->in_tmux, on_desktop, hostname. */
void act_surroundings(struct ui *ui);

#endif
