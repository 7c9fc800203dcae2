#include "core/config/completion_internal.h"

#include <string.h>

/* Writes text inside '...'; `special` are the characters that _arguments or _describe would
 * interpret. */
static void put_quoted(FILE *out, struct span text, const char *special)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            fputs("'\\''", out);
        else
            fprintf(out, "%s%c", strchr(special, text.p[i]) != NULL ? "\\" : "", text.p[i]);
    }
}

static void put_action(FILE *out, const struct option *option)
{
    fputc(':', out);
    put_quoted(out, span_of(option->argument), "\\:");
    switch (completion_kind(option)) {
    case COMPLETION_FILES:
        fputs(":_files", out);
        break;
    case COMPLETION_DIRECTORIES:
        fputs(":_files -/", out);
        break;
    case COMPLETION_WORDS:
        fputs(":(", out);
        completion_words(out, option->argument);
        fputs(")", out);
        break;
    case COMPLETION_FLAG:
    case COMPLETION_UNKNOWN:
        fputs(": ", out);
        break;
    }
}

/* Writes '(-v --verbose)'{-v+,--verbose=}'[What to log]:LEVEL: ' in _arguments' form: an option is
 * completed only once unless it may be repeated; its value follows -v or is the next word, or
 * follows '=' or is the next word. */
static void put_option(FILE *out, const struct option *option)
{
    bool value = option->argument != NULL, many = (option->flags & OPTION_MANY) != 0;
    const char *name = option->name;
    fputs(" \\\n        ", out);
    if (option->letter != 0 && many)
        fputs("'*'", out);
    else if (option->letter != 0)
        fprintf(out, "'(-%c --%s)'", option->letter, name);
    if (option->letter != 0)
        fprintf(out, "{-%c%s,--%s%s}'[", option->letter, value ? "+" : "", name, value ? "=" : "");
    else
        fprintf(out, "'%s--%s%s[", many ? "*" : "", name, value ? "=" : "");
    put_quoted(out, completion_brief(option->help), "\\[]:");
    fputc(']', out);
    if (value)
        put_action(out, option);
    fputc('\'', out);
}

static void put_arguments(const struct program *p, FILE *out)
{
    const struct option *option;
    fputs("    _arguments -s -S", out);
    for (size_t i = 0; (option = completion_option(p, i)) != NULL; i++)
        put_option(out, option);
    if (p->operands != NULL) {
        fputs(" \\\n        ':what:(", out);
        completion_words(out, p->operands);
        fputs(")'", out);
    }
    fputc('\n', out);
}

/* The command is the first word; its own function completes the words after it. */
static void put_commands(const struct program *p, FILE *out)
{
    fputs("    local -a commands\n    commands=(\n", out);
    for (size_t i = 0; p->commands[i] != NULL; i++) {
        fprintf(out, "        '%s:", program_word(p->commands[i]));
        put_quoted(out, completion_brief(p->commands[i]->summary), "\\:");
        fputs("'\n", out);
    }
    fputs("    )\n    if (( CURRENT > 2 )); then\n        case $words[2] in\n", out);
    for (size_t i = 0; p->commands[i] != NULL; i++) {
        const char *word = program_word(p->commands[i]);
        fprintf(out, "        %s) shift words; (( CURRENT-- )); _", word);
        completion_identifier(out, p->commands[i]->name);
        fputs("; return ;;\n", out);
    }
    fputs("        esac\n    elif [[ $words[2] != -* ]]; then\n        _describe command commands\n"
          "        return\n    fi\n",
          out);
}

static void put_function(const struct program *p, FILE *out)
{
    fputc('_', out);
    completion_identifier(out, p->name);
    fputs("() {\n", out);
    if (p->commands != NULL)
        put_commands(p, out);
    put_arguments(p, out);
    fputs("}\n\n", out);
}

/* zsh loads the file as a function, which has to do its work; when sourced, the file only registers
 * the function. */
void completion_zsh(const struct program *p, FILE *out)
{
    for (size_t i = 0; p->commands != NULL && p->commands[i] != NULL; i++)
        put_function(p->commands[i], out);
    put_function(p, out);
    fputs("if [[ $funcstack[1] == _", out);
    fprintf(out, "%s ]]; then\n    _", p->name);
    completion_identifier(out, p->name);
    fputs(" \"$@\"\nelse\n    compdef _", out);
    completion_identifier(out, p->name);
    fprintf(out, " %s\nfi\n", p->name);
}
