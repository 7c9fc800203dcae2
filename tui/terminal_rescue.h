/* The terminal as it was before this program, and how it becomes that again: terminal.c does it
 * when it ends, and a signal handler does it when the program crashes in between. There is one,
 * since there is one terminal. Only terminal.c uses it. */
#ifndef TUI_TERMINAL_RESCUE_H
#define TUI_TERMINAL_RESCUE_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* Remembers how stdin's terminal is set. False: stdin is not a terminal. */
bool terminal_rescue_remember(void);
const struct termios *terminal_rescue_settings(void); /* as remembered */

/* Gathers the bytes that give the screen back: `modes_off`, and those that the terminal's
 * description has for it, so ncurses must have begun. At most 255. */
void terminal_rescue_prepare(const char *modes_off);
const char *terminal_rescue_text(size_t *n); /* these bytes */

/* While armed, a signal by which the program crashes writes these bytes and restores the settings,
 * and then does what it did before. Both are fine more than once. */
void terminal_rescue_arm(void);
void terminal_rescue_disarm(void);

#endif
