/* Private to completion*.c: the parts that all shells share. */
#ifndef CORE_CONFIG_COMPLETION_INTERNAL_H
#define CORE_CONFIG_COMPLETION_INTERNAL_H

#include "core/config/completion.h"

enum completion_kind {
    COMPLETION_FLAG, /* the option takes no value */
    COMPLETION_FILES,
    COMPLETION_DIRECTORIES,
    COMPLETION_WORDS,
    COMPLETION_UNKNOWN
};
enum completion_kind completion_kind(const struct option *option);

/* Shortens a help to a line of a menu: its first sentence, or what stands before its colon. */
struct span completion_brief(const char *help);

/* Walks the options of p that are completed: no hidden ones, and in a program that needs a command
 * only --help and its like. i counts up from 0; NULL: no more. */
const struct option *completion_option(const struct program *p, size_t i);

/* Writes "text|json" as "text json". */
void completion_words(FILE *out, const char *words);

/* Writes a name for a function: every character that is no letter or digit becomes '_'. */
void completion_identifier(FILE *out, const char *name);

void completion_bash(const struct program *p, FILE *out);
void completion_zsh(const struct program *p, FILE *out);
void completion_fish(const struct program *p, FILE *out);

#endif
