/* A program and where it runs: what each does before anything else, its terminal, its environment.
 */
#ifndef CORE_BASE_PROCESS_H
#define CORE_BASE_PROCESS_H

#include <stdbool.h>

/* Descriptors 0, 1 and 2 are open (/dev/null in place of those that the starter closed, or a socket
 * would take their place and get what is meant for people); as many files may be open as the system
 * allows; there is no core file, which would hold keys and tokens. */
void process_begin(void);

/* For a program that takes SIGHUP for another purpose: whether it came since the terminal from
 * which the program was started is gone, and nohup was not asked for; then it is a reason to end.
 */
bool process_terminal_gone(void);

/* A read or write on fd has failed: true when it is worth another try, at once after EINTR, and
 * once fd is ready when somebody has made it non-blocking, as standard input and output may be that
 * others share. write: whether it was a write. */
bool process_try_again(int fd, bool write);

/* getenv, in the form of those who are handed a look into the environment. */
const char *process_environment(const char *name);

#endif
