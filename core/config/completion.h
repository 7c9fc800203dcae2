/* A program's completions for interactive shells, from its option tables: its commands, its
 * options, and what an option takes, as far as the name of its argument tells. Behind FILE and DIR
 * stand the names of files and of directories; behind "text|json", "V1" or "src" these words (a
 * name in capitals alone stands for something else); behind HOST, N and the like nothing. Hidden
 * options are left out. */
#ifndef CORE_CONFIG_COMPLETION_H
#define CORE_CONFIG_COMPLETION_H

#include "core/config/program.h"

#include <stdio.h>

/* The script for "bash", "zsh" or "fish"; false: for another shell, and nothing is written.
 * p->groups must be set. */
bool completion_write(const struct program *p, const char *shell, FILE *out);

#endif
