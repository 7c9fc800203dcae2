/* Where the socket of a program is. */
#ifndef TUI_SOCKET_PATH_H
#define TUI_SOCKET_PATH_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* The control socket of `program` that is there: in $XDG_RUNTIME_DIR (or /run/user/UID), else in
 * /run. `get`: getenv, or a test's. False: there is none that this user can see; problem says what
 * to do, in one line or two. */
bool socket_path_find(const char *program, const char *(*get)(const char *name), char *path,
                      size_t size, char *problem, size_t problem_size);

/* What to do when `program` cannot be reached for that reason; "": nothing is known. */
void socket_path_hint(enum err why, const char *program, char *out, size_t size);

#endif
