/* The width of characters on a terminal, by Unicode 14 and not by the locale, so that the picture
 * is the same everywhere. Pure. */
#ifndef TUI_VIEW_WIDTH_H
#define TUI_VIEW_WIDTH_H

#include <stdint.h>

/* Columns: 2 for East Asian wide and full width and emoji, 0 for combining marks, -1 for characters
 * that must not be shown (control, format, private use, line ends, no character), else 1. */
int char_width(uint32_t c);

#endif
