/* tunnel-tui without a screen: asks, prints, and ends. */
#ifndef TUI_HEADLESS_H
#define TUI_HEADLESS_H

#include "tui/command.h"

/* Runs MODE_ONCE, MODE_JSON, MODE_EVENTS or MODE_CHECK. Returns the
 * exit code. */
int headless_run(const struct command *c);

/* Prints why the program cannot be reached, and what to do; returns 1. */
int headless_unreached(const struct command *c, enum err why, const char *text);
/* The same for an answer that refuses (by its status), or is not a valid snapshot (why:
 * snapshot_read's). */
int headless_refused(const struct command *c, int status, struct span body);
int headless_misread(const struct command *c, enum err why, const char *problem);

#endif
