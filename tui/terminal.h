/* The terminal, which shows grids and reads keys. Only terminal*.c use ncurses. There is one at a
 * time. */
#ifndef TUI_TERMINAL_H
#define TUI_TERMINAL_H

#include "tui/view/grid.h"

struct terminal_options {
    const char *color; /* as theme_depth takes it */
    bool mouse;
};

/* Takes the terminal of stdin and stdout over, until terminal_close; should the program crash in
 * between, the terminal is given back as it was. NULL: problem is a sentence. */
struct terminal *terminal_open(const struct terminal_options *o, char *problem, size_t size);
void terminal_close(struct terminal *s); /* NULL is fine; takes at most 0.5 s */

/* No call here waits for the terminal. Bytes that it does not take yet are kept: poll terminal_fd,
 * and whenever it is readable call terminal_flush and read keys. terminal_flush returns true when
 * bytes went out. While terminal_behind no picture should be shown, because it would be outdated
 * before it is seen. */
int terminal_fd(const struct terminal *s);
bool terminal_flush(struct terminal *s);
bool terminal_behind(const struct terminal *s);

/* Asks the terminal for its size and adopts it. */
void terminal_resize(struct terminal *s, int *columns, int *rows);
/* Shows a picture; only changes are written. */
void terminal_show(struct terminal *s, const struct grid *g);
/* Makes the next terminal_show write everything. */
void terminal_redraw(struct terminal *s);
void terminal_mouse(struct terminal *s, bool on);
/* Has the terminal put text onto the clipboard (OSC 52). */
void terminal_copy(struct terminal *s, struct span text);

/* Give the terminal back for a while, and take it again. */
void terminal_suspend(struct terminal *s);
void terminal_resume(struct terminal *s);

/* Reads one key (a code point or an enum key; pasted text comes between UIKEY_PASTE and
 * UIKEY_PASTE_END where the terminal marks it) or click (UIKEY_CLICK, with button as in ui_click).
 * False: there is none now. Waits for at most 25 ms, which it takes to tell Escape from a key that
 * begins with it. */
struct terminal_key {
    unsigned key;
    int row, column, button;
};
bool terminal_key(struct terminal *s, struct terminal_key *out);

#endif
