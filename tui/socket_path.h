/* Finds a program's control socket. */
#ifndef TUI_SOCKET_PATH_H
#define TUI_SOCKET_PATH_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Finds the control socket of `program` in $XDG_RUNTIME_DIR (or /run/user/UID), else in /run.
 * `get`: getenv, or a test's function. False: this user can see none, and problem says in one or
 * two lines what to do. */
bool socket_path_find(const char *program, const char *(*get)(const char *name), char *path,
                      size_t size, char *problem, size_t problem_size);

/* Writes what to do when `program` cannot be reached for that reason, or "". */
void socket_path_hint(enum err why, const char *program, char *out, size_t size);

#endif
