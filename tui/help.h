/* The help screen, made of the key table. */
#ifndef TUI_HELP_H
#define TUI_HELP_H

/* Rows of it on a screen that wide: how far it scrolls. */
int help_rows(int columns);

#endif
