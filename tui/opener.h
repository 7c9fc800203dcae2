/* Starts what has a window of its own (tmux, a browser), and tells when it has failed. */
#ifndef TUI_OPENER_H
#define TUI_OPENER_H

#include "core/net/loop.h"
#include "tui/state/open_command.h"

struct opener;

/* failed: it could not be started, or ended with another code than 0; text is a sentence. NULL: no
 * memory. */
struct opener *opener_new(struct loop *loop, void (*failed)(void *owner, const char *text),
                          void *owner);
/* What was started goes on without us. NULL is fine. */
void opener_free(struct opener *o);
/* Starts a command, one at a time, without a terminal. False: it failed. */
bool opener_start(struct opener *o, const struct open_command *c);

#endif
