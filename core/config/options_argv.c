#include "core/config/options_internal.h"

#include <stdlib.h>
#include <string.h>

struct command_line {
    struct options *o;
    int argc, at; /* argv[at] is the current argument */
    char **argv;
    size_t max_operands;
};

/* Finds the only option that begins with a shortened name. Names of the reference program are
 * searched first, ours (OPTION_EXACT) only when none of those fits. */
static struct option_state *guess(struct options *o, struct span name, bool exact, size_t *hits)
{
    struct option_state *found = NULL;
    *hits = 0;
    for (size_t i = 0; i < o->n; i++) {
        const struct option *option = o->states[i].option;
        if ((option->flags & OPTION_HIDDEN) || !!(option->flags & OPTION_EXACT) != exact ||
            strlen(option->name) < name.n || memcmp(option->name, name.p, name.n) != 0)
            continue;
        found = &o->states[i];
        ++*hits;
    }
    return found;
}

static void list_guesses(struct options *o, struct span name, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < o->n && used + 3 < size; i++) {
        const struct option *option = o->states[i].option;
        if ((option->flags & OPTION_HIDDEN) || strlen(option->name) < name.n ||
            memcmp(option->name, name.p, name.n) != 0)
            continue;
        int n = snprintf(text + used, size - used, "%s--%s", used > 0 ? ", " : "", option->name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static enum err find_long(struct options *o, struct span name, struct option_state **out)
{
    size_t hits;
    char text[80], list[200];
    *out = options_find(o, name);
    if (*out != NULL)
        return ERR_OK;
    *out = guess(o, name, false, &hits);
    if (hits == 0)
        *out = guess(o, name, true, &hits);
    if (hits == 1)
        return ERR_OK;
    str_escape(name, text, sizeof text);
    if (hits == 0)
        return options_fail(o, "unrecognised option '--%s'%s", text,
                            options_meant(o, name, "--", list, sizeof list));
    list_guesses(o, name, list, sizeof list);
    return options_fail(o, "--%s may mean any of %s", text, list);
}

/* ps shows argv to all users of the machine. */
static void hide(const struct option_state *s, char *value)
{
    if (s->option->flags & OPTION_SECRET)
        memset(value, '*', strlen(value));
}

static enum err store_argument(struct command_line *c, struct option_state *s, char *value)
{
    enum err why = option_store(c->o, s, span_of(value), OPTION_ARGV, NULL);
    hide(s, value);
    return why;
}

/* Stores the next argument as the value. */
static enum err store_next(struct command_line *c, struct option_state *s)
{
    if (c->at + 1 >= c->argc)
        return options_fail(c->o, "the required argument for option '--%s' is missing: %s",
                            s->option->name, s->option->argument);
    return store_argument(c, s, c->argv[++c->at]);
}

static enum err long_option(struct command_line *c, char *text)
{
    char *equals = strchr(text, '=');
    struct span name = {text, equals != NULL ? (size_t)(equals - text) : strlen(text)};
    struct option_state *s;
    enum err why = find_long(c->o, name, &s);
    if (why != ERR_OK)
        return why;
    if (equals != NULL)
        return store_argument(c, s, equals + 1);
    if (s->option->argument == NULL)
        return option_store(c->o, s, span_of("true"), OPTION_ARGV, NULL);
    return store_next(c, s);
}

static struct option_state *find_letter(struct options *o, char letter)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->states[i].option->letter == letter)
            return &o->states[i];
    return NULL;
}

/* Parses "-k", "-kh", "-v5", or "-kv" with the next argument "5". */
static enum err letters(struct command_line *c, char *text)
{
    for (; *text != '\0'; text++) {
        struct option_state *s = find_letter(c->o, *text);
        char quoted[8];
        enum err why;
        if (s == NULL)
            return options_fail(c->o, "unrecognised option '-%s'",
                                str_escape((struct span){text, 1}, quoted, sizeof quoted));
        if (s->option->argument != NULL)
            return text[1] != '\0' ? store_argument(c, s, text + 1) : store_next(c, s);
        why = option_store(c->o, s, span_of("true"), OPTION_ARGV, NULL);
        if (why != ERR_OK)
            return why;
    }
    return ERR_OK;
}

static enum err operand(struct command_line *c, char *text)
{
    struct options *o = c->o;
    char quoted[80];
    if (o->n_operands == c->max_operands)
        return options_fail(o, "\"%s\" is one argument too many",
                            str_escape(span_of(text), quoted, sizeof quoted));
    o->operands[o->n_operands++] = text;
    return ERR_OK;
}

enum err options_argv(struct options *o, int argc, char **argv, size_t max_operands)
{
    struct command_line c = {o, argc, 1, argv, max_operands};
    bool only_operands = false;
    free(o->operands);
    o->n_operands = 0;
    o->operands = calloc(max_operands + 1, sizeof *o->operands);
    if (o->operands == NULL) {
        options_fail(o, "out of memory");
        return ERR_NO_MEMORY;
    }
    for (; c.at < argc; c.at++) {
        char *text = argv[c.at];
        enum err why = ERR_OK;
        if (only_operands || text[0] != '-' || text[1] == '\0')
            why = operand(&c, text);
        else if (strcmp(text, "--") == 0)
            only_operands = true;
        else if (text[1] == '-')
            why = long_option(&c, text + 2);
        else
            why = letters(&c, text + 1);
        if (why != ERR_OK)
            return why;
    }
    return ERR_OK;
}

size_t options_operands(const struct options *o, char *const **operands)
{
    *operands = o->operands;
    return o->n_operands;
}
