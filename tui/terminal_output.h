/* The queue of bytes for the terminal. A terminal that is not read (a hung ssh, a stopped tmux, an
 * abandoned pseudo terminal) takes nothing, and a write to it would wait for ever; ncurses would
 * wait, too, or try again without a pause. So ncurses writes into a file in memory, whose contents
 * go out as the terminal takes them. There is one queue at a time. */
#ifndef TUI_TERMINAL_OUTPUT_H
#define TUI_TERMINAL_OUTPUT_H

#include "core/base/buf.h"

#include <stdio.h>

/* Bytes that may wait; a picture has at most some 100,000. */
#define TERMINAL_OUTPUT_MAX (8 << 20)

struct terminal_output;

/* Uses the terminals `in` and `out`, which the caller owns. They stay blocking except during a
 * write, because O_NONBLOCK affects all processes that share them, such as the shell. NULL: no
 * memory or descriptors. */
struct terminal_output *terminal_output_new(int in, int out);
void terminal_output_free(struct terminal_output *o); /* NULL is fine; waiting bytes are lost */

/* The descriptor to poll: readable while `in` has something to read, or `out` would take waiting
 * bytes. */
int terminal_output_fd(const struct terminal_output *o);
/* The file to which ncurses writes, which is never full. */
FILE *terminal_output_file(const struct terminal_output *o);
void terminal_output_add(struct terminal_output *o, const void *p, size_t n);

/* Takes what was written to the file, and writes as many waiting bytes as the terminal takes now.
 * True: bytes went out. */
bool terminal_output_flush(struct terminal_output *o);
bool terminal_output_waits(const struct terminal_output *o);
/* As terminal_output_flush, for at most ms milliseconds. If the terminal does not take all, its
 * unread bytes and the waiting ones are dropped, and only `last` is written, so that a reader that
 * resumes later finds a usable terminal. */
void terminal_output_drain(struct terminal_output *o, int ms, const void *last, size_t n);

/* Like write(2), but writes only what the terminal takes now. Safe in signal handlers. */
ssize_t terminal_output_write(int out, const void *p, size_t n);

/* Makes reads and writes of fd non-blocking until terminal_block, which takes this result. It
 * affects all processes that share the terminal, so the time should be short. */
int terminal_unblock(int fd);
void terminal_block(int fd, int flags);

#endif
