#include "core/config/options_internal.h"

#include <string.h>

enum { WIDTH = 80, HELP_COLUMN = 30 };

static int left_part(const struct option *option, char *out, size_t size)
{
    char letter[8] = "    ";
    if (option->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    return snprintf(out, size, "  %s--%s%s%s", letter, option->name,
                    option->argument != NULL ? " " : "",
                    option->argument != NULL ? option->argument : "");
}

/* Returns how much of text fits on this line: up to the last space that fits, or a whole long
 * word. */
static size_t line_length(const char *text, size_t room)
{
    size_t end = strcspn(text, "\n");
    if (end <= room)
        return end;
    size_t cut = room;
    while (cut > 0 && text[cut] != ' ')
        cut--;
    return cut > 0 ? cut : strcspn(text, " \n");
}

/* `column` is the position of the cursor. */
static void wrapped(FILE *out, const char *text, int column)
{
    if (column >= HELP_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    while (*text != '\0') {
        size_t n = line_length(text, WIDTH - HELP_COLUMN);
        fprintf(out, "%*s%.*s\n", HELP_COLUMN - column, "", (int)n, text);
        text += n;
        if (*text != '\0')
            text++;
        column = 0;
    }
}

static void one(FILE *out, const struct option *option)
{
    char left[200], help[1000];
    int column = left_part(option, left, sizeof left);
    bool plain = option->fallback == NULL || *option->fallback == '\0';
    fputs(left, out);
    snprintf(help, sizeof help, "%s%s%s%s%s%s%s", option->help,
             plain ? "" : " (default: ", plain ? "" : option->fallback, plain ? "" : ")",
             option->env != NULL ? " [" : "", option->env != NULL ? option->env : "",
             option->env != NULL ? "]" : "");
    wrapped(out, help, column);
}

void options_help(const struct options *o, FILE *out)
{
    for (size_t g = 0; g < o->n_groups; g++) {
        const struct option_group *group = o->groups[g];
        bool titled = false;
        for (size_t i = 0; i < group->n; i++) {
            if (group->options[i].flags & OPTION_HIDDEN)
                continue;
            if (!titled)
                fprintf(out, "%s%s:\n", g > 0 ? "\n" : "", group->title);
            titled = true;
            one(out, &group->options[i]);
        }
    }
}
