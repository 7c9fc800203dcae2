/* A program's completions for interactive shells, from its option tables: its commands, its
 * options, and the values of options, as far as the name of an option's argument tells. FILE and
 * DIR are completed with the names of files and of directories; "text|json", "V1" or "src" with
 * these words (a name in capitals alone stands for something else); HOST, N and the like with
 * nothing. Hidden options are left out. */
#ifndef CORE_CONFIG_COMPLETION_H
#define CORE_CONFIG_COMPLETION_H

#include "core/config/program.h"

#include <stdio.h>

/* Writes the script for "bash", "zsh" or "fish"; false: the shell is another one, and nothing is
 * written. p->groups must be set. */
bool completion_write(const struct program *p, const char *shell, FILE *out);

#endif
