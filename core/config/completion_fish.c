#include "core/config/completion_internal.h"

static const char first_word[] = "test (count (commandline -opc)) = 1";

static void put_brief(FILE *out, const char *help)
{
    struct span text = completion_brief(help);
    fputs(" -d '", out);
    for (size_t i = 0; i < text.n; i++)
        fprintf(out, "%s%c", text.p[i] == '\'' || text.p[i] == '\\' ? "\\" : "", text.p[i]);
    fputs("'\n", out);
}

/* __tunnelctl_command WORD...: whether the first word is one of these. */
static void put_test(const struct program *p, FILE *out)
{
    fputs("__", out);
    completion_identifier(out, p->name);
    fputs("_command", out);
}

static void put_all_words(const struct program *p, FILE *out)
{
    for (size_t i = 0; p->commands[i] != NULL; i++)
        fprintf(out, " %s", program_word(p->commands[i]));
}

/* Begins a line that applies to `command`, or, when it is NULL, to a line without a command. */
static void put_start(const struct program *p, const struct program *command, FILE *out)
{
    fprintf(out, "complete -c %s", p->name);
    if (p->commands == NULL)
        return;
    fputs(" -n '", out);
    if (command == NULL && p->needs_command) {
        fputs(first_word, out);
    } else {
        fputs(command == NULL ? "not " : "", out);
        put_test(p, out);
        if (command == NULL)
            put_all_words(p, out);
        else
            fprintf(out, " %s", program_word(command));
    }
    fputc('\'', out);
}

static void put_option(FILE *out, const struct option *option)
{
    if (option->letter != 0)
        fprintf(out, " -s %c", option->letter);
    fprintf(out, " -l %s", option->name);
    switch (completion_kind(option)) {
    case COMPLETION_FLAG:
        break;
    case COMPLETION_FILES:
        fputs(" -r -F", out);
        break;
    case COMPLETION_DIRECTORIES:
        fputs(" -x -a '(__fish_complete_directories)'", out);
        break;
    case COMPLETION_WORDS:
        fputs(" -x -a '", out);
        completion_words(out, option->argument);
        fputc('\'', out);
        break;
    case COMPLETION_UNKNOWN:
        fputs(" -x", out);
        break;
    }
    put_brief(out, option->help);
}

/* Writes options and operands of the program itself (command == NULL) or of one of its commands. */
static void put_all(const struct program *p, const struct program *command, FILE *out)
{
    const struct program *from = command != NULL ? command : p;
    const struct option *option;
    for (size_t i = 0; (option = completion_option(from, i)) != NULL; i++) {
        put_start(p, command, out);
        put_option(out, option);
    }
    if (from->operands == NULL)
        return;
    put_start(p, command, out);
    fputs(" -a '", out);
    completion_words(out, from->operands);
    fputs("'\n", out);
}

static void put_commands(const struct program *p, FILE *out)
{
    fputs("function ", out);
    put_test(p, out);
    fputs("\n    set -l words (commandline -opc)\n    contains -- \"$words[2]\" $argv\nend\n", out);
    for (size_t i = 0; p->commands[i] != NULL; i++) {
        fprintf(out, "complete -c %s -n '%s' -a %s", p->name, first_word,
                program_word(p->commands[i]));
        put_brief(out, p->commands[i]->summary);
    }
    for (size_t i = 0; p->commands[i] != NULL; i++)
        put_all(p, p->commands[i], out);
}

void completion_fish(const struct program *p, FILE *out)
{
    fprintf(out, "complete -c %s -f\n", p->name);
    if (p->commands != NULL)
        put_commands(p, out);
    put_all(p, NULL, out);
}
