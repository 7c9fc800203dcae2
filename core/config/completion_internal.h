/* Private to completion*.c: what is the same in each shell. */
#ifndef CORE_CONFIG_COMPLETION_INTERNAL_H
#define CORE_CONFIG_COMPLETION_INTERNAL_H

#include "core/config/completion.h"

enum completion_kind {
    COMPLETION_FLAG, /* the option takes nothing */
    COMPLETION_FILES,
    COMPLETION_DIRECTORIES,
    COMPLETION_WORDS,
    COMPLETION_UNKNOWN
};
enum completion_kind completion_kind(const struct option *option);

/* What a line of a menu has room for: the help's first sentence, or what stands before its colon.
 */
struct span completion_brief(const char *help);

/* The options that p has something to complete for: none that are hidden, and in a program that
 * needs a command only --help and its like. i counts up from 0; NULL: no more. */
const struct option *completion_option(const struct program *p, size_t i);

/* "text|json" as "text json". */
void completion_words(FILE *out, const char *words);

/* A name for a function: every character that is no letter or digit becomes '_'. */
void completion_identifier(FILE *out, const char *name);

void completion_bash(const struct program *p, FILE *out);
void completion_zsh(const struct program *p, FILE *out);
void completion_fish(const struct program *p, FILE *out);

#endif
