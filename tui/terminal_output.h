/* What is written to the terminal, on its way there. A terminal that nobody reads (a hung ssh, a
 * stopped tmux, a pseudo terminal left behind) takes nothing, and a write to it would wait for
 * ever; ncurses would, too, or try again without a pause. So ncurses writes into a file in memory,
 * and what is in there goes out as the terminal takes it. One at a time. */
#ifndef TUI_TERMINAL_OUTPUT_H
#define TUI_TERMINAL_OUTPUT_H

#include "core/base/buf.h"

#include <stdio.h>

#define TERMINAL_OUTPUT_MAX (8 << 20) /* bytes that wait; a picture has at most some 100,000 */

struct terminal_output;

/* From the terminals `in` and `out`, which stay the caller's and as they are: O_NONBLOCK would be
 * seen by all who share them, such as the shell, and is on only while a write lasts. NULL: no
 * memory or descriptors. */
struct terminal_output *terminal_output_new(int in, int out);
void terminal_output_free(struct terminal_output *o); /* NULL is fine; what waits is lost */

/* To be polled: readable while `in` has something to read, or `out` would take what waits. */
int terminal_output_fd(const struct terminal_output *o);
/* For ncurses to write to: never full. */
FILE *terminal_output_file(const struct terminal_output *o);
void terminal_output_add(struct terminal_output *o, const void *p, size_t n);

/* Takes what was written to the file, and writes what waits as far as the terminal takes it now.
 * True: something went. */
bool terminal_output_flush(struct terminal_output *o);
bool terminal_output_waits(const struct terminal_output *o);
/* As terminal_output_flush, for at most ms milliseconds. Should the terminal not take it all, then
 * what is unread in it and what waits are dropped, and only `last` is written: where reading goes
 * on later, it finds a usable terminal. */
void terminal_output_drain(struct terminal_output *o, int ms, const void *last, size_t n);

/* write(2) of what the terminal takes now. Safe in signal handlers. */
ssize_t terminal_output_write(int out, const void *p, size_t n);

/* Reads and writes of fd do not wait until terminal_block, which takes what this returned. The same
 * for all who share the terminal: for as short as can be. */
int terminal_unblock(int fd);
void terminal_block(int fd, int flags);

#endif
