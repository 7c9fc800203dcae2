#include "core/config/options_internal.h"

#include "core/base/secret.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static void bug(const char *what, const char *name)
{
    fprintf(stderr, "bug in this program: option \"%s\" %s\n", name, what);
    abort();
}

struct options *options_new(const struct option_group *const *groups, size_t n)
{
    size_t total = 0;
    for (size_t g = 0; g < n; g++)
        total += groups[g]->n;
    struct options *o = calloc(1, sizeof *o);
    const struct option_group **copy = calloc(n + 1, sizeof(const struct option_group *));
    struct option_state *states = calloc(2 * total + 1, sizeof *states);
    if (o == NULL || copy == NULL || states == NULL) {
        free(o);
        free(copy);
        free(states);
        return NULL;
    }
    for (size_t g = 0; g < n; g++)
        copy[g] = groups[g];
    *o = (struct options){.groups = copy, .n_groups = n, .states = states, .again = states + total};
    for (size_t g = 0; g < n; g++) {
        for (size_t i = 0; i < groups[g]->n; i++) {
            const struct option *option = &groups[g]->options[i];
            if (options_find(o, span_of(option->name)) != NULL)
                bug("is in two tables", option->name);
            o->again[o->n].option = option;
            o->states[o->n++].option = option;
        }
    }
    return o;
}

static void clear(struct option_state *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->option->flags & OPTION_SECRET)
            secret_free(s->values[i]);
        else
            free(s->values[i]);
    }
    free(s->values);
    free(s->where);
    *s = (struct option_state){.option = s->option};
}

void options_free(struct options *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->n; i++) {
        clear(&o->states[i]);
        clear(&o->again[i]);
    }
    free(o->states);
    free(o->operands);
    free((void *)(uintptr_t)o->groups);
    free(o);
}

static bool is_kept(const struct option_state *s)
{
    return (s->option->flags & OPTION_START) != 0;
}

void options_forget_file(struct options *o)
{
    o->read_again = true;
    for (size_t i = 0; i < o->n; i++) {
        clear(&o->again[i]);
        if (o->states[i].source == OPTION_FILE && !is_kept(&o->states[i]))
            clear(&o->states[i]);
    }
}

/* NULL: there are not so many values. */
static const char *value_at(const struct option_state *s, size_t i)
{
    if (s->n > 0)
        return i < s->n ? s->values[i] : NULL;
    return i == 0 ? s->option->fallback : NULL;
}

static bool same_values(const struct option_state *a, const struct option_state *b)
{
    size_t i = 0;
    while (value_at(a, i) != NULL && str_same(value_at(a, i), value_at(b, i)))
        i++;
    return value_at(a, i) == NULL && value_at(b, i) == NULL;
}

const char *options_waiting(const struct options *o, size_t *i)
{
    while (o->read_again && *i < o->n) {
        const struct option_state *s = &o->states[*i], *again = &o->again[*i];
        ++*i;
        bool stays = s->source == OPTION_ARGV || (s->source == OPTION_ENVIRONMENT &&
                                                  again->n == 0); /* a variable overwritten here */
        if (is_kept(s) && !stays && !same_values(s, again))
            return s->option->name;
    }
    return NULL;
}

struct option_state *options_find(const struct options *o, struct span name)
{
    for (size_t i = 0; i < o->n; i++)
        if (span_is(name, o->states[i].option->name))
            return &o->states[i];
    return NULL;
}

static struct option_state *need(const struct options *o, const char *name)
{
    struct option_state *s = options_find(o, span_of(name));
    if (s == NULL)
        bug("is in no table", name);
    return s;
}

/* ---- problems ---- */

enum err options_fail(struct options *o, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(o->problem, sizeof o->problem, format, args);
    va_end(args);
    return ERR_USAGE;
}

enum err options_reject(struct options *o, const char *name, const char *format, ...)
{
    const struct option_state *s = need(o, name);
    char text[320], where[160] = "", quoted[100] = "", value[80];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!(s->option->flags & OPTION_SECRET) && s->n > 0)
        snprintf(quoted, sizeof quoted, " \"%s\"",
                 str_escape(span_of(s->values[s->n - 1]), value, sizeof value));
    if (s->source != OPTION_ARGV && s->source != OPTION_DEFAULT)
        options_where(o, name, where, sizeof where);
    return options_fail(o, "--%s%s%s%s%s %s", name, quoted, *where != '\0' ? " (" : "", where,
                        *where != '\0' ? ")" : "", text);
}

const char *options_problem(const struct options *o)
{
    return o->problem;
}

/* ---- filling ---- */

static bool parse_flag(struct span value, bool *on)
{
    static const char *const words[2][4] = {{"false", "no", "off", "0"},
                                            {"true", "yes", "on", "1"}};
    for (size_t i = 0; i < 8; i++) {
        if (span_is_nocase(value, words[i / 4][i % 4])) {
            *on = i >= 4;
            return true;
        }
    }
    return false;
}

static enum err add(struct options *o, struct option_state *s, struct span value)
{
    char *copy = span_dup(value);
    char **values = copy != NULL ? realloc(s->values, (s->n + 1) * sizeof *values) : NULL;
    if (values == NULL) {
        free(copy);
        options_fail(o, "out of memory");
        return ERR_NO_MEMORY;
    }
    s->values = values;
    s->values[s->n++] = copy;
    return ERR_OK;
}

/* People quote values in files as they do for shells. */
static struct span without_quotes(struct span s)
{
    bool quoted = s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0];
    return quoted ? (struct span){s.p + 1, s.n - 2} : s;
}

enum err option_store(struct options *o, struct option_state *s, struct span value,
                      enum option_source source, const char *where)
{
    const struct option *option = s->option;
    const char *at = where != NULL ? where : "", *colon = where != NULL ? ": " : "";
    char text[60];
    bool on;
    if (source == OPTION_FILE)
        value = without_quotes(value);
    if (source == OPTION_FILE && (option->flags & OPTION_CLI_ONLY))
        return options_fail(o, "%s%s\"%s\" only works on the command line", at, colon,
                            option->name);
    if (option->argument == NULL && !parse_flag(value, &on))
        return options_fail(o, "%s%s--%s is either true or false, not \"%s\"", at, colon,
                            option->name, str_escape(value, text, sizeof text));
    if (option->argument != NULL && value.n == 0)
        return options_fail(o, "%s%s--%s needs a value: %s", at, colon, option->name,
                            option->argument);
    if (memchr(value.p, '\0', value.n) != NULL)
        return options_fail(o, "%s%s--%s has a zero byte in its value", at, colon, option->name);
    if (o->read_again && is_kept(s) && s->source != OPTION_ARGV)
        s = &o->again[s - o->states];
    if (s->n > 0 && source < s->source)
        return ERR_OK;
    if (s->n > 0 && source == s->source && !(option->flags & OPTION_MANY))
        return options_fail(o, "%s%s--%s was given twice", at, colon, option->name);
    if (s->n > 0 && source > s->source)
        clear(s);
    enum err why = add(o, s, value);
    if (why != ERR_OK)
        return why;
    s->source = source;
    free(s->where);
    s->where = where != NULL ? span_dup(span_of(where)) : NULL;
    return ERR_OK;
}

const char *options_meant(const struct options *o, struct span name, const char *prefix, char *text,
                          size_t size)
{
    struct nearest near = nearest_to(name);
    for (size_t i = 0; i < o->n; i++)
        if ((o->states[i].option->flags & OPTION_HIDDEN) == 0)
            nearest_try(&near, o->states[i].option->name);
    return nearest_advice(&near, prefix, text, size);
}

enum err options_set(struct options *o, struct span name, struct span value,
                     enum option_source source, const char *where)
{
    struct option_state *s = options_find(o, name);
    char text[80], advice[120];
    if (s == NULL)
        return options_fail(o, "%s%sno option is called \"%s\"%s", where != NULL ? where : "",
                            where != NULL ? ": " : "", str_escape(name, text, sizeof text),
                            options_meant(o, name, "", advice, sizeof advice));
    return option_store(o, s, value, source, where);
}

enum err options_env(struct options *o, const char *(*get)(const char *name))
{
    for (size_t i = 0; i < o->n; i++) {
        struct option_state *s = &o->states[i];
        const char *value = s->option->env != NULL ? get(s->option->env) : NULL;
        bool had = s->n > 0 && s->source == OPTION_ENVIRONMENT;
        enum err why = ERR_OK;
        if (value != NULL && *value != '\0' && !had)
            why = option_store(o, s, span_of(value), OPTION_ENVIRONMENT, s->option->env);
        if (why != ERR_OK)
            return why;
    }
    return ERR_OK;
}

void options_wipe_env(const struct options *o, char *(*get)(const char *name))
{
    for (size_t i = 0; i < o->n; i++) {
        const struct option *option = o->states[i].option;
        bool secret = (option->flags & OPTION_SECRET) && option->env != NULL;
        char *value = secret ? get(option->env) : NULL;
        if (value != NULL)
            memset(value, '*', strlen(value));
    }
}

/* "a.b.*" takes the key "a.b.rest": the value becomes "rest=value". */
static enum err set_below(struct options *o, struct option_state *s, const char *rest,
                          const char *key, const char *value)
{
    size_t size = strlen(rest) + strlen(value) + 2;
    char *text = malloc(size);
    if (text == NULL)
        return ERR_NO_MEMORY;
    snprintf(text, size, "%s=%s", rest, value);
    enum err why = option_store(o, s, span_of(text), OPTION_SETTINGS, key);
    free(text);
    return why;
}

enum err options_setting(struct options *o, const char *key, const char *value)
{
    for (size_t i = 0; i < o->n; i++) {
        struct option_state *s = &o->states[i];
        const char *setting = s->option->setting;
        size_t n = setting != NULL ? strlen(setting) : 0;
        if (n == 0)
            continue;
        if (strcmp(setting, key) == 0)
            return option_store(o, s, span_of(value), OPTION_SETTINGS, key);
        if (setting[n - 1] == '*' && strncmp(setting, key, n - 1) == 0 && key[n - 1] != '\0')
            return set_below(o, s, key + n - 1, key, value);
    }
    return ERR_NOT_FOUND;
}

/* ---- asking ---- */

const char *options_get(const struct options *o, const char *name)
{
    const struct option_state *s = need(o, name);
    return s->n > 0 ? s->values[s->n - 1] : s->option->fallback;
}

bool options_flag(const struct options *o, const char *name)
{
    bool on = false;
    const char *value = options_get(o, name);
    return value != NULL && parse_flag(span_of(value), &on) && on;
}

const char *options_each(const struct options *o, const char *name, size_t i)
{
    const struct option_state *s = need(o, name);
    if (s->n == 0 && i == 0)
        return s->option->fallback;
    return i < s->n ? s->values[i] : NULL;
}

enum option_source options_source(const struct options *o, const char *name)
{
    return need(o, name)->source;
}

const char *options_where(const struct options *o, const char *name, char *text, size_t size)
{
    const struct option_state *s = need(o, name);
    const char *where = s->where != NULL ? s->where : "";
    static const char *const formats[] = {
        [OPTION_DEFAULT] = "by default",
        [OPTION_SETTINGS] = "in the settings: ",
        [OPTION_ENVIRONMENT] = "in the environment: ",
        [OPTION_FILE] = "in ",
        [OPTION_ARGV] = "on the command line",
    };
    bool told = s->source != OPTION_DEFAULT && s->source != OPTION_ARGV;
    snprintf(text, size, "%s%s", formats[s->source], told ? where : "");
    return text;
}
