#include "core/config/completion_internal.h"

#include <ctype.h>
#include <string.h>

enum { BRIEF = 80 }; /* characters of a help that is short enough */

/* True for "V1|V2", "src", "V1"; false for "MAP", "HOST[:PORT]". */
static bool are_words(const char *argument)
{
    bool plain = false;
    for (const char *c = argument; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '|' && *c != '-')
            return false;
        plain |= !isupper((unsigned char)*c) && *c != '-';
    }
    return plain;
}

enum completion_kind completion_kind(const struct option *option)
{
    const char *argument = option->argument;
    if (argument == NULL)
        return COMPLETION_FLAG;
    if (strcmp(argument, "FILE") == 0)
        return COMPLETION_FILES;
    if (strcmp(argument, "DIR") == 0)
        return COMPLETION_DIRECTORIES;
    return are_words(argument) ? COMPLETION_WORDS : COMPLETION_UNKNOWN;
}

/* Returns the length of the first sentence, without its full stop. */
static size_t sentence(const char *text)
{
    size_t n = strcspn(text, "\n");
    for (size_t i = 0; i < n; i++)
        if (text[i] == '.' && (i + 1 == n || text[i + 1] == ' '))
            return i;
    return n;
}

struct span completion_brief(const char *help)
{
    size_t n = sentence(help);
    for (size_t i = 0; n > BRIEF && i + 1 < n; i++)
        if (((help[i] == ':' || help[i] == ';') && help[i + 1] == ' ') ||
            (help[i] == ' ' && help[i + 1] == '('))
            n = i;
    return (struct span){help, n};
}

static bool counts(const struct program *p, const struct option *option)
{
    bool alone = option->argument == NULL && (option->flags & OPTION_CLI_ONLY);
    return !(option->flags & OPTION_HIDDEN) && (alone || !p->needs_command);
}

const struct option *completion_option(const struct program *p, size_t i)
{
    for (const struct option_group *const *g = p->groups; *g != NULL; g++)
        for (size_t k = 0; k < (*g)->n; k++)
            if (counts(p, &(*g)->options[k]) && i-- == 0)
                return &(*g)->options[k];
    return NULL;
}

void completion_words(FILE *out, const char *words)
{
    for (; *words != '\0'; words++)
        fputc(*words == '|' ? ' ' : *words, out);
}

void completion_identifier(FILE *out, const char *name)
{
    for (; *name != '\0'; name++)
        fputc(isalnum((unsigned char)*name) ? *name : '_', out);
}
