/* The process and its surroundings: what every program does before anything else, its terminal, its
 * environment. */
#ifndef CORE_BASE_PROCESS_H
#define CORE_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* Prepares the process. Descriptors 0, 1 and 2 are open afterwards (/dev/null replaces those that
 * the starter closed, or a socket would take their number and get what is meant for people); as
 * many files may be open as the system allows; there is no core file, which would hold keys and
 * tokens; no signal is blocked, and SIGCHLD is not ignored, as it may be in the starter; a write
 * beyond a limit on file sizes fails, and does not end the program. */
void process_begin(void);

/* What the starter left open beyond 2 is not passed on to programs that this one starts. Whatever
 * the program itself opens is so from the beginning (O_CLOEXEC). */
void process_keep_descriptors(void);

/* For a program that takes SIGHUP for another purpose: true when the signal came because the
 * terminal from which the program was started is gone, and nohup was not used. Then the program
 * should end. */
bool process_terminal_gone(void);

/* After a read or write on fd has failed: true when another try is worthwhile. It is so at once
 * after EINTR, and as soon as fd is ready when another process has made it non-blocking, which
 * happens to a shared standard input or output. write: whether the call was a write. */
bool process_try_again(int fd, bool write);

/* How memory goes back to the system: a block of `own_pages` bytes or more has pages of its own,
 * which go with it, and up to `kept` bytes of free memory stay (0: as the C library has it). A C
 * library without such settings, which musl is, stays as it is. */
void process_memory(size_t own_pages, size_t kept);

/* getenv in the form that functions with an environment parameter take. */
const char *process_environment(const char *name);

#endif
