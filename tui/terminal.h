/* The terminal: shows grids, tells keys. The only file that knows ncurses. One at a time. */
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

/* Nothing here waits for the terminal. What it does not take stays behind: poll terminal_fd, and
 * call terminal_flush whenever that is readable (and read keys then). True: something went. Show no
 * picture while terminal_behind: it would be old before it is seen. */
int terminal_fd(const struct terminal *s);
bool terminal_flush(struct terminal *s);
bool terminal_behind(const struct terminal *s);

/* Asks the terminal how large it is, and takes over what it says. */
void terminal_resize(struct terminal *s, int *columns, int *rows);
/* Only what changed goes out. */
void terminal_show(struct terminal *s, const struct grid *g);
/* The next terminal_show writes everything. */
void terminal_redraw(struct terminal *s);
void terminal_mouse(struct terminal *s, bool on);
/* Has the terminal put text onto the clipboard (OSC 52). */
void terminal_copy(struct terminal *s, struct span text);

/* Gives the terminal back for a while, and takes it again. */
void terminal_suspend(struct terminal *s);
void terminal_resume(struct terminal *s);

/* One key (a code point, or of enum key; what is pasted between UIKEY_PASTE and UIKEY_PASTE_END
 * where the terminal can tell) or click (UIKEY_CLICK, with button as in ui_click). False: there is
 * none now. Never waits for longer than it takes to tell Escape from a key that begins with it (25
 * ms). */
struct terminal_key {
    unsigned key;
    int row, column, button;
};
bool terminal_key(struct terminal *s, struct terminal_key *out);

#endif
