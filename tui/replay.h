/* Plays a recording in place of a program: one JSON object a line, as `tunnel-tui --json --interval
 * 1` and `--events` write them. Two more kinds of lines stand for what a program does not send:
 * {"event":"lost","text":"...","age":8,"count":4} (the connection has been lost for 8 s, and the
 * 4th try is next) and {"event":"keys","text":"p"} (render.h). Pure. */
#ifndef TUI_REPLAY_H
#define TUI_REPLAY_H

#include "tui/state/ui.h"

#define REPLAY_MAX ((size_t)256 << 20) /* bytes of a recording */

/* Plays the whole recording. *now is the local clock, which each snapshot advances by one second.
 * Errors such as ERR_PROTOCOL come with the line's number and a sentence in problem. */
enum err replay_play(struct span text, struct model *m, struct ui *ui, double *now, char *problem,
                     size_t size);
/* Presses keys, and returns the resulting actions together. */
unsigned replay_keys(struct span keys, struct model *m, struct ui *ui);

#endif
