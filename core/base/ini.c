#include "core/base/ini.h"

#include <stdio.h>
#include <string.h>

static enum err complain(struct ini_entry *e, const char *what, struct span line, char *problem,
                         size_t size)
{
    char quoted[16];
    /* A message quotes only the start of the first word: the line may be a secret whose '=' was
     * forgotten, or a secret alone. */
    struct span word = span_cut(&line, ' ');
    word = span_cut(&word, ':');
    snprintf(problem, size, "%s:%d: \"%s\" %s", e->file, e->line,
             str_escape(word, quoted, sizeof quoted), what);
    return ERR_USAGE;
}

static bool starts_comment(char c)
{
    return c == '#' || c == ';';
}

/* Cuts " # comment" off; a '#' inside a word belongs to the value (passwords in URLs). */
static struct span without_comment(struct span value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '#' && (i == 0 || value.p[i - 1] == ' ' || value.p[i - 1] == '\t'))
            return (struct span){value.p, i};
    return value;
}

static bool section_name(struct ini_entry *e, struct span line)
{
    line = span_trim(without_comment(line));
    if (line.n < 3 || line.p[line.n - 1] != ']')
        return false;
    e->section = span_trim((struct span){line.p + 1, line.n - 2});
    e->key = (struct span){NULL, 0};
    e->value = (struct span){NULL, 0};
    return e->section.n > 0;
}

enum err ini_parse(const char *file, struct span text,
                   enum err (*each)(void *owner, const struct ini_entry *entry), void *owner,
                   char *problem, size_t size)
{
    struct ini_entry e = {.file = file};
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        text = (struct span){text.p + 3, text.n - 3};
    while (text.n > 0) {
        struct span line = span_trim(span_line(&text));
        e.line++;
        if (line.n == 0 || starts_comment(line.p[0]))
            continue;
        if (memchr(line.p, '\0', line.n) != NULL)
            return complain(&e, "has a zero byte in it: is this a text file?", line, problem, size);
        if (line.p[0] == '[') {
            if (!section_name(&e, line))
                return complain(&e, "should be a [section]", line, problem, size);
        } else {
            struct span rest = line;
            e.key = span_trim(span_cut(&rest, '='));
            if (e.key.n == 0 || memchr(line.p, '=', line.n) == NULL)
                return complain(&e, "is not \"key = value\"", line, problem, size);
            e.value = span_trim(without_comment(rest));
        }
        enum err why = each(owner, &e);
        if (why != ERR_OK)
            return why;
    }
    return ERR_OK;
}
