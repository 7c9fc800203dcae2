#include "core/aws/sigv4.h"
#include "core/base/file.h"
#include "core/base/ini.h"
#include "gateway/hub/api/keys_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_MIN = 16, GLOB_MAX = 256, TAG_KEY_MAX = 128, TAG_VALUE_MAX = 256 };

struct reading {
    struct keys *keys;
    struct access_key *key; /* the key of the present section */
    int line;               /* line on which the section begins */
    unsigned seen;          /* settings that the section has had: 1 << index into the table */
    char *text;
    size_t size;
};

__attribute__((format(printf, 4, 5))) static enum err complain(struct reading *r, const char *file,
                                                               int line, const char *format, ...)
{
    va_list args;
    int n = snprintf(r->text, r->size, "%s:%d: ", file, line);
    va_start(args, format);
    if (n >= 0 && (size_t)n < r->size)
        vsnprintf(r->text + n, r->size - (size_t)n, format, args);
    va_end(args);
    return ERR_USAGE;
}

static enum err refuse(struct reading *r, const struct ini_entry *e, struct span what,
                       const char *why)
{
    char quoted[80];
    return complain(r, e->file, e->line, "\"%s\" %s", str_escape(what, quoted, sizeof quoted), why);
}

static enum err no_memory(struct reading *r, const struct ini_entry *e)
{
    complain(r, e->file, e->line, "%s", err_text(ERR_NO_MEMORY));
    return ERR_NO_MEMORY;
}

/* ---- settings ---- */

static bool separates(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

/* Takes the next word; empty at the end. */
static struct span next_word(struct span *rest)
{
    size_t start = 0, end;
    while (start < rest->n && separates(rest->p[start]))
        start++;
    for (end = start; end < rest->n && !separates(rest->p[end]); end++)
        ;
    struct span word = {rest->p + start, end - start};
    *rest = (struct span){rest->p + end, rest->n - end};
    return word;
}

static enum err take_secret(struct reading *r, const struct ini_entry *e)
{
    if (e->value.n < SECRET_MIN)
        return complain(r, e->file, e->line, "the secret of %s is shorter than %d characters",
                        r->key->id, SECRET_MIN);
    for (size_t i = 0; i < e->value.n; i++)
        if (e->value.p[i] <= ' ' || e->value.p[i] > '~')
            return complain(r, e->file, e->line,
                            "the secret of %s has a blank or another character that no secret has",
                            r->key->id);
    r->key->secret = span_dup(e->value);
    return r->key->secret != NULL ? ERR_OK : no_memory(r, e);
}

static enum err take_symmetric(struct reading *r, const struct ini_entry *e, size_t which)
{
    if (device_secret_from(e->value, &r->key->keys[which]))
        return ERR_OK;
    return complain(r, e->file, e->line,
                    "a key of policy %s is not the base64 of %d to %d bytes (openssl rand -base64 "
                    "32 makes one)",
                    r->key->id, DEVICE_SECRET_MIN, DEVICE_SECRET_MAX);
}

static enum err take_primary(struct reading *r, const struct ini_entry *e)
{
    return take_symmetric(r, e, 0);
}

static enum err take_secondary(struct reading *r, const struct ini_entry *e)
{
    return take_symmetric(r, e, 1);
}

static enum err take_operations(struct reading *r, const struct ini_entry *e)
{
    struct span rest = e->value, word;
    enum operation o;
    r->key->operations = 0;
    while ((word = next_word(&rest)).n > 0) {
        if (!operation_from(word, &o))
            return refuse(r, e, word, "is no operation (as OpenTunnel is one)");
        r->key->operations |= 1u << o;
    }
    return ERR_OK;
}

/* Whether s has only the characters of things and services, and '*' and '?'. */
static bool is_glob(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
            (c == '\0' || strchr(":_-*?", c) == NULL))
            return false;
    }
    return s.n <= GLOB_MAX;
}

static enum err take_globs(struct reading *r, const struct ini_entry *e, struct texts *to)
{
    struct span rest = e->value, word;
    while ((word = next_word(&rest)).n > 0) {
        if (!is_glob(word))
            return refuse(r, e, word,
                          "matches nothing: names have letters, digits, ':', '_' and '-', and '*' "
                          "and '?' stand for some of them");
        if (!texts_add(to, word))
            return no_memory(r, e);
    }
    return ERR_OK;
}

static enum err take_things(struct reading *r, const struct ini_entry *e)
{
    return take_globs(r, e, &r->key->things);
}

static enum err take_services(struct reading *r, const struct ini_entry *e)
{
    return take_globs(r, e, &r->key->services);
}

static bool requires_tag(const struct access_key *k, struct span key)
{
    for (size_t i = 0; i < k->tags.n; i++) {
        struct span rest = span_of(k->tags.items[i]);
        if (span_equal(span_cut(&rest, '='), key))
            return true;
    }
    return false;
}

static enum err take_tags(struct reading *r, const struct ini_entry *e)
{
    struct span rest = e->value, word;
    while ((word = next_word(&rest)).n > 0) {
        struct span value = word;
        struct span key = span_cut(&value, '=');
        if (key.n == 0 || key.n > TAG_KEY_MAX || value.n > TAG_VALUE_MAX)
            return refuse(r, e, word, "is neither KEY nor KEY=VALUE of a tag");
        if (requires_tag(r->key, key))
            return refuse(r, e, key, "is required twice");
        if (!texts_add(&r->key->tags, word))
            return no_memory(r, e);
    }
    return ERR_OK;
}

static enum err take_modes(struct reading *r, const struct ini_entry *e)
{
    struct span rest = e->value, word;
    r->key->source = r->key->destination = false;
    while ((word = next_word(&rest)).n > 0) {
        bool all = span_is(word, "ALL");
        if (!all && !span_is(word, "SOURCE") && !span_is(word, "DESTINATION"))
            return refuse(r, e, word, "is none of SOURCE, DESTINATION and ALL");
        r->key->source = r->key->source || all || word.p[0] == 'S';
        r->key->destination = r->key->destination || all || word.p[0] == 'D';
    }
    return ERR_OK;
}

static enum err take_delete(struct reading *r, const struct ini_entry *e)
{
    r->key->may_delete = span_is(e->value, "yes");
    if (!r->key->may_delete && !span_is(e->value, "no"))
        return refuse(r, e, e->value, "is neither yes nor no");
    return ERR_OK;
}

enum { KEY = 1, POLICY = 2 };
static const struct {
    const char *name;
    enum err (*take)(struct reading *r, const struct ini_entry *e);
    unsigned of; /* in sections of these kinds */
} settings[] = {
    {"secret", take_secret, KEY},
    {"operations", take_operations, KEY},
    {"things", take_things, KEY | POLICY},
    {"services", take_services, KEY | POLICY},
    {"tags", take_tags, KEY | POLICY},
    {"client-modes", take_modes, KEY},
    {"may-delete", take_delete, KEY},
    {"primary-key", take_primary, POLICY},
    {"secondary-key", take_secondary, POLICY},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* A list without a word is refused, because it could be read as "all" or as "nothing". */
static enum err take_setting(struct reading *r, const struct ini_entry *e)
{
    struct span rest = e->value;
    for (unsigned i = 0; i < SETTINGS; i++) {
        if (!span_is(e->key, settings[i].name) ||
            (settings[i].of & (r->key->is_policy ? POLICY : KEY)) == 0)
            continue;
        if ((r->seen & 1u << i) != 0)
            return complain(r, e->file, e->line, "%s is there twice for %s", settings[i].name,
                            r->key->id);
        if (next_word(&rest).n == 0)
            return complain(r, e->file, e->line, "%s has no value", settings[i].name);
        r->seen |= 1u << i;
        return settings[i].take(r, e);
    }
    return refuse(r, e, e->key,
                  r->key->is_policy ? "is no setting of a policy" : "is no setting of a key");
}

/* ---- sections ---- */

static enum err finish_key(struct reading *r, const char *file)
{
    const struct access_key *k = r->key;
    if (k != NULL && (k->is_policy ? k->keys[0].n == 0 : k->secret == NULL))
        return complain(r, file, r->line, "%s has no %s", k->id,
                        k->is_policy ? "primary-key" : "secret");
    return ERR_OK;
}

/* Adds a key that allows everything of its kind; lines then limit it. */
static enum err add_key(struct reading *r, const struct ini_entry *e, struct span id, bool policy)
{
    struct access_key *k = calloc(1, sizeof *k);
    if (k == NULL)
        return no_memory(r, e);
    *k = (struct access_key){.next = r->keys->first,
                             .is_policy = policy,
                             .id = span_dup(id),
                             .operations = policy ? 1u << OPERATION_CONNECT_DEVICE
                                                  : (1u << OPERATION_COUNT) - 1,
                             .source = true,
                             .destination = true,
                             .may_delete = true};
    r->keys->first = r->key = k;
    r->line = e->line;
    r->seen = 0;
    return k->id != NULL && map_put(&r->keys->by_id, k->id, id.n, k) ? ERR_OK : no_memory(r, e);
}

static enum err begin_key(struct reading *r, const struct ini_entry *e)
{
    struct span id = e->section;
    enum err why = finish_key(r, e->file);
    if (why != ERR_OK)
        return why;
    struct span kind = span_cut(&id, ' ');
    bool policy = span_is(kind, "policy");
    if ((!policy && !span_is(kind, "key")) || id.n == 0)
        return refuse(r, e, e->section, "should be [key ID] or [policy NAME]");
    id = span_trim(id);
    if (!sigv4_is_key_id(id))
        return refuse(r, e, id,
                      "is no access key id or policy's name: it has 1 to 128 letters, digits, '_', "
                      "'+', '.', '@' or '-'");
    if (keys_find(r->keys, id) != NULL)
        return refuse(r, e, id, "is there twice");
    return add_key(r, e, id, policy);
}

static enum err each(void *owner, const struct ini_entry *e)
{
    struct reading *r = owner;
    if (e->key.p == NULL)
        return begin_key(r, e);
    if (r->key == NULL)
        return refuse(r, e, e->key, "stands before the first [key ID] or [policy NAME]");
    return take_setting(r, e);
}

/* ---- the file ---- */

static enum err read_into(struct keys *keys, const char *path, char *text, size_t size)
{
    struct reading r = {.keys = keys, .text = text, .size = size};
    struct span bytes;
    enum err why = file_check_secret(path, text, size);
    if (why == ERR_OK)
        why = file_read(path, FILE_CONFIG_MAX, &bytes, text, size);
    if (why != ERR_OK)
        return why;
    why = ini_parse(path, bytes, each, &r, text, size);
    if (why == ERR_OK)
        why = finish_key(&r, path);
    file_wipe(&bytes);
    return why;
}

struct keys *keys_read(const char *path, enum err *why, char *text, size_t size)
{
    struct keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        *why = ERR_NO_MEMORY;
        snprintf(text, size, "%s: %s", path, err_text(*why));
        return NULL;
    }
    *why = read_into(keys, path, text, size);
    if (*why == ERR_OK)
        return keys;
    keys_free(keys);
    return NULL;
}
