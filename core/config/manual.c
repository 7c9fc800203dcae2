#include "core/config/manual.h"

#include <ctype.h>
#include <string.h>

enum { ENV_MAX = 64 };

/* ---- text ---- */

/* Characters that troff would interpret, or print as another character. Names of options are copied
 * from the page, so a '-' stays the one of the keyboard. */
static const struct {
    char plain;
    const char *written;
} escapes[] = {{'\\', "\\(rs"}, {'-', "\\-"},   {'\'', "\\(aq"}, {'`', "\\(ga"},
               {'^', "\\(ha"},  {'~', "\\(ti"}, {'"', "\\(dq"}};

static void put(FILE *out, struct span text)
{
    for (size_t i = 0; i < text.n; i++) {
        size_t e = 0;
        while (e < sizeof escapes / sizeof *escapes && escapes[e].plain != text.p[i])
            e++;
        if (e < sizeof escapes / sizeof *escapes)
            fputs(escapes[e].written, out);
        else
            fputc(text.p[i], out);
    }
}

/* A '.' at the beginning of a line would be a request. */
static void protect(FILE *out, struct span line)
{
    if (line.n > 0 && line.p[0] == '.')
        fputs("\\&", out);
}

/* Writes words; names of options, paths and URLs are not hyphenated. */
static void put_words(FILE *out, struct span text)
{
    for (bool first = true; text.n > 0; first = false) {
        struct span word = span_cut(&text, ' ');
        bool literal = memchr(word.p, '-', word.n) != NULL || memchr(word.p, '/', word.n) != NULL;
        fputs(first ? "" : " ", out);
        fputs(literal ? "\\%" : "", out);
        put(out, word);
    }
}

/* Returns the length up to the end of a sentence or of a line. */
static size_t sentence(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0' && text[n] != '\n' && !(text[n] == ' ' && n > 0 && text[n - 1] == '.'))
        n++;
    return n;
}

/* Writes running text: troff wants each sentence on a line of its own; a '\n' is a break on the
 * page. */
static void put_prose(FILE *out, const char *text)
{
    while (*text != '\0') {
        size_t n = sentence(text);
        struct span line = {text, n};
        protect(out, line);
        put_words(out, line);
        fputc('\n', out);
        if (text[n] == '\n')
            fputs(".br\n", out);
        text += text[n] != '\0' ? n + 1 : n;
    }
}

/* Writes lines as they are, without the indentation that they have in the help. */
static void put_lines(FILE *out, const char *text)
{
    struct span rest = span_of(text);
    fputs(".nf\n", out);
    while (rest.n > 0) {
        struct span line = span_cut(&rest, '\n');
        if (line.n >= 2 && strncmp(line.p, "  ", 2) == 0)
            line = (struct span){line.p + 2, line.n - 2};
        protect(out, line);
        put(out, line);
        fputc('\n', out);
    }
    fputs(".fi\n", out);
}

/* ---- which groups stand where ---- */

static bool has_group(const struct program *p, const struct option_group *group)
{
    for (size_t i = 0; p->groups[i] != NULL; i++)
        if (p->groups[i] == group)
            return true;
    return false;
}

/* Whether the group belongs to the program itself, or to each of its commands. */
static bool is_general(const struct program *p, const struct option_group *group)
{
    if (has_group(p, group))
        return true;
    for (size_t i = 0; p->commands != NULL && p->commands[i] != NULL; i++)
        if (!has_group(p->commands[i], group))
            return false;
    return p->commands != NULL;
}

/* ---- options ---- */

static void put_option(FILE *out, const struct option *option)
{
    fputs(".TP\n", out);
    if (option->letter != 0)
        fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", out);
    put(out, span_of(option->name));
    fputs("\\fR", out);
    if (option->argument != NULL) {
        fputs(" \\fI", out);
        put(out, span_of(option->argument));
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put_prose(out, option->help);
    if (option->fallback != NULL && *option->fallback != '\0') {
        fputs("Default: \\fB", out);
        put(out, span_of(option->fallback));
        fputs("\\fR.\n", out);
    }
}

static void put_group(FILE *out, const struct option_group *group, bool titled)
{
    for (size_t i = 0; i < group->n; i++) {
        if (group->options[i].flags & OPTION_HIDDEN)
            continue;
        if (titled) {
            fputs(".SS \"", out);
            put(out, span_of(group->title));
            fputs("\"\n", out);
        }
        titled = false;
        put_option(out, &group->options[i]);
    }
}

/* ---- sections ---- */

static void put_name(const struct program *p, FILE *out)
{
    struct span what = span_of(p->summary);
    fputs(".TH \"", out);
    for (const char *c = p->name; *c != '\0'; c++)
        fprintf(out, "%s%c", *c == '-' ? "\\" : "", toupper((unsigned char)*c));
    fputs("\" 1 \"\" \"tunnel " TUNNEL_VERSION "\" \"Secure tunnels\"\n.SH NAME\n", out);
    put(out, span_of(p->name));
    fputs(" \\- ", out);
    if (what.n > 0 && what.p[what.n - 1] == '.')
        what.n--;
    if (what.n > 0)
        fputc(tolower((unsigned char)*what.p), out);
    if (what.n > 0)
        put(out, (struct span){what.p + 1, what.n - 1});
    fputc('\n', out);
}

static void put_description(const struct program *p, FILE *out)
{
    fputs(".SH DESCRIPTION\n", out);
    put_prose(out, p->summary);
    fputs(".PP\nWhat the options below say can also stand in the file of\n.BR \\-\\-config ,\n"
          "one \\(dqname = value\\(dq a line with the long name,\n"
          "and some of it in the environment.\n"
          "The command line counts before the file, the file before the environment.\n"
          "Long names may be cut short as long as they are clear.\n",
          out);
}

static void put_commands(const struct program *p, FILE *out)
{
    if (p->commands == NULL)
        return;
    fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; p->commands[i] != NULL; i++) {
        const struct program *c = p->commands[i];
        fputs(".SS \"", out);
        put(out, span_of(program_word(c)));
        fputs("\"\n", out);
        put_prose(out, c->summary);
        fputs(".PP\n", out);
        put_lines(out, c->usage);
        for (size_t g = 0; c->groups[g] != NULL; g++)
            if (!is_general(p, c->groups[g]))
                put_group(out, c->groups[g], false);
    }
}

static void put_options(const struct program *p, FILE *out)
{
    const struct program *first = p->commands != NULL ? p->commands[0] : NULL;
    fputs(".SH OPTIONS\n", out);
    for (size_t g = 0; first != NULL && first->groups[g] != NULL; g++)
        if (!has_group(p, first->groups[g]) && is_general(p, first->groups[g]))
            put_group(out, first->groups[g], true);
    for (size_t g = 0; p->groups[g] != NULL; g++)
        put_group(out, p->groups[g], true);
}

static void put_example(FILE *out, const char *text, bool *titled)
{
    if (text == NULL)
        return;
    fputs(*titled ? ".PP\n" : ".SH EXAMPLES\n", out);
    *titled = true;
    put_lines(out, text);
}

static void put_examples(const struct program *p, FILE *out)
{
    bool titled = false;
    put_example(out, p->examples, &titled);
    for (size_t i = 0; p->commands != NULL && p->commands[i] != NULL; i++)
        put_example(out, p->commands[i]->examples, &titled);
}

/* ---- environment ---- */

struct variables {
    const char *names[ENV_MAX]; /* names that have been written */
    size_t n;
};

static void put_variable(struct variables *told, const struct option *option, FILE *out)
{
    for (size_t i = 0; i < told->n; i++)
        if (strcmp(told->names[i], option->env) == 0)
            return;
    if (told->n == ENV_MAX)
        return;
    if (told->n == 0)
        fputs(".SH ENVIRONMENT\n", out);
    told->names[told->n++] = option->env;
    fputs(".TP\n.B ", out);
    put(out, span_of(option->env));
    fputs("\nThe same as \\fB\\-\\-", out);
    put(out, span_of(option->name));
    fputs("\\fR.\n", out);
}

static void put_variables(struct variables *told, const struct program *p, FILE *out)
{
    for (size_t g = 0; p->groups[g] != NULL; g++)
        for (size_t i = 0; i < p->groups[g]->n; i++)
            if (p->groups[g]->options[i].env != NULL &&
                !(p->groups[g]->options[i].flags & OPTION_HIDDEN))
                put_variable(told, &p->groups[g]->options[i], out);
}

void manual_write(const struct program *p, FILE *out)
{
    struct variables told = {.n = 0};
    put_name(p, out);
    fputs(".SH SYNOPSIS\n", out);
    put_lines(out, p->usage);
    put_description(p, out);
    put_commands(p, out);
    put_options(p, out);
    put_examples(p, out);
    put_variables(&told, p, out);
    for (size_t i = 0; p->commands != NULL && p->commands[i] != NULL; i++)
        put_variables(&told, p->commands[i], out);
}
