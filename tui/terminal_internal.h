/* Private to terminal.h: what is looked up before ncurses begins (terminal_capable.c), and what it
 * reads (terminal_keys.c). */
#ifndef TUI_TERMINAL_INTERNAL_H
#define TUI_TERMINAL_INTERNAL_H

#include "tui/terminal.h"

#include <stdint.h>

/* Whether the environment's TERM is known and such a terminal can move its cursor anywhere, which
 * "dumb" cannot. ncurses requires fd, but nothing is written to it. */
bool terminal_is_capable(int fd);

/* Bracketed paste: the terminal marks pasted text. Terminals that do not know the sequence ignore
 * it. */
#define TERMINAL_PASTES_ON "\033[?2004h"
#define TERMINAL_PASTES_OFF "\033[?2004l"

/* The last click, of which the next may be the second half. */
struct terminal_clicks {
    int row, column;
    int64_t ms;
};

/* Makes ncurses, which must have begun, know the marks of pasted text. */
void terminal_keys_define(void);
/* terminal_key, with the last click. */
bool terminal_keys_read(struct terminal_clicks *last, struct terminal_key *out);

#endif
