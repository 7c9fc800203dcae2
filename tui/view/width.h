/* How many columns a character takes on a terminal, by Unicode 14 and not by the locale, so that
 * the same picture comes out everywhere. Pure. */
#ifndef TUI_VIEW_WIDTH_H
#define TUI_VIEW_WIDTH_H

#include <stdint.h>

/* 1; 2: East Asian wide and full width, emoji; 0: combining marks; -1: not to be shown (control,
 * format, private use, line ends, not a character). */
int char_width(uint32_t c);

#endif
