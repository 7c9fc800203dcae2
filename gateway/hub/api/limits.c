#include "gateway/hub/api/limits.h"

#include "core/aws/sigv4.h"
#include "core/base/file.h"
#include "core/base/ini.h"
#include "core/base/map.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The limits of one key: those for all keys, overridden by its own section. */
struct entry {
    struct entry *next;
    char *key_id;
    struct limits limits;
};

struct limit_book {
    struct limits all;
    struct entry *first;
    struct map by_key;
};

enum { PRESETS = 3 };
static const char *const presets[PRESETS] = {"generous", "aws", "azure"};
static const struct {
    const char *name;
    size_t offset;
    uint64_t preset[PRESETS], least, most;
} table[] = {
#define X(field, name, generous, aws, azure, min, max, unit)                                       \
    {name, offsetof(struct limits, field), {generous, aws, azure}, min, max},
    LIMIT_TABLE(X)
#undef X
};
enum { LIMITS = sizeof table / sizeof *table };

static uint64_t *place(struct limits *l, size_t i)
{
    return (uint64_t *)(void *)((char *)l + table[i].offset);
}

struct reading {
    struct limit_book *book;
    struct limits *limits; /* the limits that the present section sets */
    unsigned seen;         /* settings that the section has had: 1 << index into the table */
    bool preset;           /* the file names a preset */
    char *text;
    size_t size;
};

__attribute__((format(printf, 3, 4))) static enum err
complain(struct reading *r, const struct ini_entry *e, const char *format, ...)
{
    va_list args;
    int n = snprintf(r->text, r->size, "%s:%d: ", e->file, e->line);
    va_start(args, format);
    if (n >= 0 && (size_t)n < r->size)
        vsnprintf(r->text + n, r->size - (size_t)n, format, args);
    va_end(args);
    return ERR_USAGE;
}

/* ---- presets ---- */

/* Sets the limits that no line has set, so that `preset` may stand anywhere before the sections. */
static bool apply_preset(struct limits *l, struct span name, unsigned except)
{
    size_t which = 0;
    while (which < PRESETS && !span_is(name, presets[which]))
        which++;
    for (size_t i = 0; which < PRESETS && i < LIMITS; i++)
        if ((except & 1u << i) == 0)
            *place(l, i) = table[i].preset[which];
    return which < PRESETS;
}

static enum err take_preset(struct reading *r, const struct ini_entry *e)
{
    char quoted[80];
    if (r->limits != &r->book->all)
        return complain(r, e, "preset is for all keys: it stands before the sections");
    if (r->preset)
        return complain(r, e, "preset is there twice");
    if (!apply_preset(r->limits, e->value, r->seen))
        return complain(r, e, "preset is \"generous\", \"aws\" or \"azure\", not \"%s\"",
                        str_escape(e->value, quoted, sizeof quoted));
    r->preset = true;
    return ERR_OK;
}

/* ---- numbers ---- */

static uint64_t unit_of(char c)
{
    switch (c) {
    case 'k':
        return 1000;
    case 'M':
        return 1000000;
    case 'G':
        return 1000000000;
    default:
        return 1;
    }
}

static bool number(struct span s, uint64_t most, uint64_t *out)
{
    uint64_t unit = s.n > 0 ? unit_of(s.p[s.n - 1]) : 1;
    if (unit > 1)
        s.n--;
    if (!str_number(s, most / unit, out))
        return false;
    *out *= unit;
    return true;
}

static enum err take_limit(struct reading *r, const struct ini_entry *e, size_t i)
{
    char quoted[80];
    uint64_t value;
    if (r->limits != &r->book->all && strcmp(table[i].name, LIMIT_OF_HUB) == 0)
        return complain(r, e, "%s is for the whole hub: it stands before the sections",
                        table[i].name);
    if ((r->seen & 1u << i) != 0)
        return complain(r, e, "%s is there twice", table[i].name);
    if (!number(e->value, table[i].most, &value) || value < table[i].least)
        return complain(r, e, "%s is a number from %llu to %llu%s, not \"%s\"", table[i].name,
                        (unsigned long long)table[i].least, (unsigned long long)table[i].most,
                        table[i].least == 0 ? " (0: no limit)" : "",
                        str_escape(e->value, quoted, sizeof quoted));
    r->seen |= 1u << i;
    *place(r->limits, i) = value;
    return ERR_OK;
}

/* ---- the file ---- */

static enum err begin_key(struct reading *r, const struct ini_entry *e)
{
    char quoted[80];
    struct span id = e->section;
    bool is_key = span_is(span_cut(&id, ' '), "key") && sigv4_is_key_id(span_trim(id));
    id = span_trim(id);
    if (!is_key)
        return complain(r, e, "\"%s\" should be [key ID]",
                        str_escape(e->section, quoted, sizeof quoted));
    if (map_get(&r->book->by_key, id.p, id.n) != NULL)
        return complain(r, e, "\"%s\" is there twice", str_escape(id, quoted, sizeof quoted));
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return ERR_NO_MEMORY;
    *entry = (struct entry){.next = r->book->first, .key_id = span_dup(id), .limits = r->book->all};
    r->book->first = entry;
    r->limits = &entry->limits;
    r->seen = 0;
    return entry->key_id != NULL && map_put(&r->book->by_key, entry->key_id, id.n, entry)
               ? ERR_OK
               : ERR_NO_MEMORY;
}

static enum err each(void *owner, const struct ini_entry *e)
{
    struct reading *r = owner;
    char quoted[80];
    if (e->key.p == NULL)
        return begin_key(r, e);
    if (span_is(e->key, "preset"))
        return take_preset(r, e);
    for (size_t i = 0; i < LIMITS; i++)
        if (span_is(e->key, table[i].name))
            return take_limit(r, e, i);
    return complain(r, e, "there is no limit \"%s\"", str_escape(e->key, quoted, sizeof quoted));
}

static enum err read_into(struct limit_book *b, const char *preset, const char *path, char *text,
                          size_t size)
{
    struct reading r = {.book = b, .limits = &b->all, .text = text, .size = size};
    char quoted[80];
    struct span bytes, name = span_of(preset != NULL ? preset : "generous");
    if (!apply_preset(&b->all, name, 0)) {
        snprintf(text, size, "there is no preset \"%s\": there are generous, aws and azure",
                 str_escape(name, quoted, sizeof quoted));
        return ERR_USAGE;
    }
    if (path == NULL)
        return ERR_OK;
    enum err why = file_read(path, FILE_CONFIG_MAX, &bytes, text, size);
    if (why != ERR_OK)
        return why;
    why = ini_parse(path, bytes, each, &r, text, size);
    if (why == ERR_NO_MEMORY)
        snprintf(text, size, "%s: %s", path, err_text(why));
    file_wipe(&bytes);
    return why;
}

struct limit_book *limits_read(const char *preset, const char *path, enum err *why, char *text,
                               size_t size)
{
    struct limit_book *b = calloc(1, sizeof *b);
    if (b == NULL) {
        *why = ERR_NO_MEMORY;
        snprintf(text, size, "limits: %s", err_text(*why));
        return NULL;
    }
    *why = read_into(b, preset, path, text, size);
    if (*why == ERR_OK)
        return b;
    limits_free(b);
    return NULL;
}

void limits_free(struct limit_book *b)
{
    if (b == NULL)
        return;
    while (b->first != NULL) {
        struct entry *entry = b->first;
        b->first = entry->next;
        free(entry->key_id);
        free(entry);
    }
    map_free(&b->by_key);
    free(b);
}

const struct limits *limits_of(const struct limit_book *b, const char *key_id)
{
    struct span id = span_of(key_id);
    const struct entry *entry = id.n > 0 ? map_get(&b->by_key, id.p, id.n) : NULL;
    return entry != NULL ? &entry->limits : &b->all;
}
