/* Between the files of terminal.h only. */
#ifndef TUI_TERMINAL_INTERNAL_H
#define TUI_TERMINAL_INTERNAL_H

#include <stdbool.h>

/* The environment's TERM is known, and such a terminal can put its cursor anywhere: "dumb" cannot.
 * Nothing is written to fd, for which ncurses asks. */
bool terminal_is_capable(int fd);

#endif
