#include "core/config/completion_internal.h"

/* bash cuts "--name=value" at the '=', and replaces the last piece only. The command is the first
 * word. Nothing after "--" is completed. */
static const char begin[] =
    "()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i\n"
    "    local value= options= words= names=\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        [[ ${COMP_WORDS[i]} != -- ]] || return 0\n"
    "    done\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur= value=1\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]} value=1\n"
    "    fi\n"
    "    ((COMP_CWORD < 2)) || command=${COMP_WORDS[1]}\n"
    "    case $command in\n";

static const char end[] = "    esac\n"
                          "    [[ $cur != -* ]] || words=$options\n"
                          "    if [[ $names ]]; then\n"
                          "        compopt -o filenames 2>/dev/null\n"
                          "        mapfile -t COMPREPLY < <(compgen \"$names\" -- \"$cur\")\n"
                          "    else\n"
                          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
                          "    fi\n"
                          "}\n";

static void put_names(FILE *out, const struct option *option, const char *between)
{
    if (option->letter != 0)
        fprintf(out, "-%c%s", option->letter, between);
    fprintf(out, "--%s", option->name);
}

/* Writes a case for each option with a value, which completes that value. */
static void put_value(FILE *out, const struct option *option)
{
    fputs("        ", out);
    put_names(out, option, "|");
    switch (completion_kind(option)) {
    case COMPLETION_FILES:
        fputs(") names=-f ;;\n", out);
        break;
    case COMPLETION_DIRECTORIES:
        fputs(") names=-d ;;\n", out);
        break;
    case COMPLETION_WORDS:
        fputs(") words='", out);
        completion_words(out, option->argument);
        fputs("' ;;\n", out);
        break;
    case COMPLETION_FLAG:
    case COMPLETION_UNKNOWN:
        fputs(") ;;\n", out);
        break;
    }
}

/* Completes a word that is not a value: options, and the operands that may stand among them. */
static void put_words(const struct program *p, FILE *out)
{
    const struct option *option;
    fputs("        *)\n            [[ ! $value ]] || return 0\n            options='", out);
    for (size_t i = 0; (option = completion_option(p, i)) != NULL; i++) {
        fputs(i > 0 ? " " : "", out);
        put_names(out, option, " ");
    }
    fputs("'\n", out);
    if (p->operands != NULL) {
        fputs("            words='", out);
        completion_words(out, p->operands);
        fputs("'\n", out);
    }
    if (p->commands != NULL) {
        fputs("            ((COMP_CWORD > 1)) || words='", out);
        for (size_t i = 0; p->commands[i] != NULL; i++)
            fprintf(out, "%s%s", i > 0 ? " " : "", program_word(p->commands[i]));
        fputs("'\n", out);
    }
    fputs("            ;;\n", out);
}

static void put_command(const struct program *p, const char *pattern, FILE *out)
{
    const struct option *option;
    fprintf(out, "    %s)\n        case $prev in\n", pattern);
    for (size_t i = 0; (option = completion_option(p, i)) != NULL; i++)
        if (option->argument != NULL)
            put_value(out, option);
    put_words(p, out);
    fputs("        esac\n        ;;\n", out);
}

void completion_bash(const struct program *p, FILE *out)
{
    fputc('_', out);
    completion_identifier(out, p->name);
    fputs(begin, out);
    for (size_t i = 0; p->commands != NULL && p->commands[i] != NULL; i++)
        put_command(p->commands[i], program_word(p->commands[i]), out);
    put_command(p, "*", out);
    fputs(end, out);
    fputs("complete -F _", out);
    completion_identifier(out, p->name);
    fprintf(out, " %s\n", p->name);
}
