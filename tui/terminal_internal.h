/* Private to terminal.h: what is looked up before ncurses begins. */
#ifndef TUI_TERMINAL_INTERNAL_H
#define TUI_TERMINAL_INTERNAL_H

#include <stdbool.h>

/* Whether the environment's TERM is known and such a terminal can move its cursor anywhere, which
 * "dumb" cannot. ncurses requires fd, but nothing is written to it. */
bool terminal_is_capable(int fd);

#endif
