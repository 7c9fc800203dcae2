#include "gateway/hub/api/shapes.h"

#include "core/base/unicode.h"
#include "gateway/hub/api/model.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The path of a value: "tags.1.member.key". */
struct where {
    const struct where *up; /* NULL: the request itself */
    const char *name;       /* NULL: an item of a list */
    size_t number;          /* the item's number, from 1 */
};

struct check {
    int64_t most_minutes;
    struct buf errors; /* separated by "; " */
    size_t n_errors;
    bool failed;     /* no memory */
    bool wrong_type; /* `errors` is about the wrong type alone */
};

/* ---- words ---- */

__attribute__((format(printf, 2, 3))) static void say(struct check *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    c->failed = !buf_vprintf(&c->errors, format, args) || c->failed;
    va_end(args);
}

static void say_where(struct check *c, const struct where *at)
{
    if (at->up == NULL)
        return;
    say_where(c, at->up);
    if (at->name == NULL)
        say(c, ".%zu.member", at->number);
    else
        say(c, "%s%s", at->up->up != NULL ? "." : "", at->name);
}

/* Appends s and subtracts its characters from *room. False: it was cut. */
static bool say_text(struct check *c, struct span s, size_t *room)
{
    size_t shown = 0;
    for (uint32_t ignored; *room > 0 && shown < s.n; --*room)
        shown += utf8_decode((struct span){s.p + shown, s.n - shown}, &ignored);
    c->failed = !buf_append(&c->errors, s.p, shown) || c->failed;
    return shown == s.n;
}

static bool say_scalar(struct check *c, const cJSON *j, size_t *room)
{
    char number[32];
    if (cJSON_IsString(j))
        return say_text(c, span_of(j->valuestring), room);
    if (cJSON_IsNumber(j)) {
        snprintf(number, sizeof number, "%.15g", j->valuedouble);
        return say_text(c, span_of(number), room);
    }
    say(c, cJSON_IsNull(j) ? "null" : "{}");
    return true;
}

static void say_value(struct check *c, const cJSON *j)
{
    size_t room = SHAPES_MAX_SHOWN;
    const cJSON *item;
    bool whole = true;
    if (!cJSON_IsArray(j)) {
        say(c, "%s", say_scalar(c, j, &room) ? "" : "...");
        return;
    }
    say(c, "[");
    cJSON_ArrayForEach(item, j)
    {
        whole = room > 0 && say_scalar(c, item, &room);
        if (!whole)
            break;
        room = room > 2 ? room - 2 : 0;
        if (item->next != NULL)
            say(c, ", ");
    }
    say(c, whole ? "]" : "...]");
}

/* Begins the sentence about j (NULL: absent), which the constraint completes. False: there are
 * enough errors, so nothing is to be appended. */
static bool begin(struct check *c, const struct where *at, const cJSON *j)
{
    if (c->wrong_type || c->n_errors == SHAPES_MAX_ERRORS)
        return false;
    say(c, c->n_errors++ > 0 ? "; Value " : "Value ");
    if (j == NULL || cJSON_IsNull(j)) {
        say(c, "null");
    } else {
        say(c, "'");
        say_value(c, j);
        say(c, "'");
    }
    say(c, " at '");
    say_where(c, at);
    say(c, "' failed to satisfy constraint: ");
    return true;
}

static const struct {
    const char *name;
    cJSON_bool (*is)(const cJSON *j);
} types[] = {
    [SHAPE_STRING] = {"a String", cJSON_IsString},
    [SHAPE_INTEGER] = {"an Integer", cJSON_IsNumber},
    [SHAPE_BOOLEAN] = {"a Boolean", cJSON_IsBool},
    [SHAPE_LIST] = {"a List", cJSON_IsArray},
    [SHAPE_STRUCTURE] = {"a Structure", cJSON_IsObject},
};

static const char *type_name(const cJSON *j)
{
    static const struct {
        int type;
        const char *name;
    } names[] = {{cJSON_String, "STRING_VALUE"}, {cJSON_Number, "NUMBER_VALUE"},
                 {cJSON_True, "TRUE_VALUE"},     {cJSON_False, "FALSE_VALUE"},
                 {cJSON_Array, "LIST_VALUE"},    {cJSON_Object, "STRUCTURE_VALUE"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((j->type & 0xff) == names[i].type)
            return names[i].name;
    return "NULL_VALUE";
}

/* Reports the first wrong type only. */
static void wrong_type(struct check *c, const struct shape *s, const cJSON *j,
                       const struct where *at)
{
    if (c->wrong_type)
        return;
    buf_free(&c->errors);
    c->failed = false;
    c->wrong_type = true;
    say(c, "%s at '", type_name(j));
    say_where(c, at);
    say(c, "' can not be converted to %s", types[s->type].name);
}

/* ---- texts ---- */

static bool allows(const struct pattern *p, uint32_t ch)
{
    if (ch < 128 && ch != 0 && strchr(p->also, (int)ch) != NULL)
        return true;
    switch (p->of) {
    case PATTERN_NO_CONTROL:
        return unicode_class_of(ch) != UNICODE_CONTROL;
    case PATTERN_TEXT:
        return unicode_class_of(ch) == UNICODE_TEXT;
    default:
        return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
    }
}

static bool matches(const struct pattern *p, struct span s, int64_t characters)
{
    uint32_t ch;
    if (p == NULL)
        return true;
    if (characters < p->least || characters > p->most)
        return false;
    for (size_t n; s.n > 0; s = (struct span){s.p + n, s.n - n}) {
        n = utf8_decode(s, &ch);
        if (n == 0 || !allows(p, ch))
            return false;
    }
    return true;
}

static bool is_one_of(const char *const *words, const char *text)
{
    if (words == NULL)
        return true;
    while (*words != NULL && strcmp(*words, text) != 0)
        words++;
    return *words != NULL;
}

static void say_words(struct check *c, const char *const *words)
{
    say(c, "Member must satisfy enum value set: [");
    for (size_t i = 0; words[i] != NULL; i++)
        say(c, "%s%s", i > 0 ? ", " : "", words[i]);
    say(c, "]");
}

static void say_length(struct check *c, bool too_many, int64_t bound)
{
    say(c, "Member must have length %s than or equal to %" PRId64, too_many ? "less" : "greater",
        bound);
}

static void check_length(struct check *c, const struct shape *s, const cJSON *j,
                         const struct where *at, int64_t n)
{
    if (n > s->most && begin(c, at, j))
        say_length(c, true, s->most);
    if (n < s->least && begin(c, at, j))
        say_length(c, false, s->least);
}

static void check_string(struct check *c, const struct shape *s, const cJSON *j,
                         const struct where *at)
{
    struct span text = span_of(j->valuestring);
    int64_t n = (int64_t)utf8_count(text);
    check_length(c, s, j, at, n);
    if (!matches(s->pattern, text, n) && begin(c, at, j))
        say(c, "Member must satisfy regular expression pattern: %s", s->pattern->text);
    if (!is_one_of(s->words, j->valuestring) && begin(c, at, j))
        say_words(c, s->words);
}

/* ---- other types ---- */

static void check_integer(struct check *c, const struct shape *s, const cJSON *j,
                          const struct where *at)
{
    int64_t most = s->limited ? c->most_minutes : s->most;
    if (!(j->valuedouble >= INT32_MIN && j->valuedouble <= INT32_MAX) ||
        j->valuedouble != (double)(int64_t)j->valuedouble) {
        wrong_type(c, s, j, at);
        return;
    }
    int64_t value = (int64_t)j->valuedouble;
    if (value > most && begin(c, at, j))
        say(c, "Member must have value less than or equal to %" PRId64, most);
    if (value < s->least && begin(c, at, j))
        say(c, "Member must have value greater than or equal to %" PRId64, s->least);
}

static void check_boolean(struct check *c, const struct shape *s, const cJSON *j,
                          const struct where *at)
{
    (void)c, (void)s, (void)j, (void)at; /* a value of the right type needs no check */
}

static void check_value(struct check *c, const struct shape *s, const cJSON *j,
                        const struct where *at);

static bool is_fine_text(const struct shape *s, const cJSON *item)
{
    if (!cJSON_IsString(item))
        return false;
    struct span text = span_of(item->valuestring);
    int64_t n = (int64_t)utf8_count(text);
    return n >= s->least && n <= s->most && matches(s->pattern, text, n);
}

/* AWS reports a list of texts as a whole. */
static void check_texts(struct check *c, const struct shape *s, const cJSON *j,
                        const struct where *at)
{
    const cJSON *item;
    size_t number = 0;
    bool fine = true;
    cJSON_ArrayForEach(item, j)
    {
        struct where here = {.up = at, .number = ++number};
        if (!cJSON_IsString(item) && !cJSON_IsNull(item))
            wrong_type(c, s->item, item, &here);
        fine = fine && is_fine_text(s->item, item);
    }
    if (fine || !begin(c, at, j))
        return;
    say(c, "Member must satisfy constraint: [");
    say_length(c, true, s->item->most);
    say(c, ", ");
    say_length(c, false, s->item->least);
    say(c, ", Member must satisfy regular expression pattern: %s, Member must not be null]",
        s->item->pattern->text);
}

static void check_list(struct check *c, const struct shape *s, const cJSON *j,
                       const struct where *at)
{
    const cJSON *item;
    size_t number = 0;
    check_length(c, s, j, at, cJSON_GetArraySize(j));
    if (s->item->type == SHAPE_STRING) {
        check_texts(c, s, j, at);
        return;
    }
    cJSON_ArrayForEach(item, j)
    {
        struct where here = {.up = at, .number = ++number};
        if (!cJSON_IsNull(item))
            check_value(c, s->item, item, &here);
        else if (begin(c, &here, NULL))
            say(c, "Member must not be null");
    }
}

static void check_structure(struct check *c, const struct shape *s, const cJSON *j,
                            const struct where *at)
{
    for (const struct member *m = s->members; m->name != NULL; m++) {
        struct where here = {.up = at, .name = m->name};
        const cJSON *value = shape_member(j, m->name);
        if (value != NULL)
            check_value(c, m->shape, value, &here);
        else if (m->required && begin(c, &here, NULL))
            say(c, "Member must not be null");
    }
}

static void check_value(struct check *c, const struct shape *s, const cJSON *j,
                        const struct where *at)
{
    static void (*const checks[])(struct check *, const struct shape *, const cJSON *,
                                  const struct where *) = {
        [SHAPE_STRING] = check_string,       [SHAPE_INTEGER] = check_integer,
        [SHAPE_BOOLEAN] = check_boolean,     [SHAPE_LIST] = check_list,
        [SHAPE_STRUCTURE] = check_structure,
    };
    if (types[s->type].is(j))
        checks[s->type](c, s, j, at);
    else
        wrong_type(c, s, j, at);
}

/* ---- the request ---- */

static bool tell(const struct check *c, struct buf *text)
{
    bool fine = c->wrong_type || buf_printf(text, "%zu validation error%s detected: ", c->n_errors,
                                            c->n_errors == 1 ? "" : "s");
    return fine && !c->failed && buf_append(text, c->errors.data, c->errors.size);
}

enum err shapes_check(enum operation o, const cJSON *input, int64_t most_minutes, struct buf *text)
{
    struct check c = {.most_minutes = most_minutes, .errors.limit = SHAPES_MAX_TEXT};
    struct where top = {0};
    check_value(&c, model_input(o), input, &top);
    enum err result = ERR_OK;
    if (c.wrong_type || c.n_errors > 0)
        result = !tell(&c, text) ? ERR_NO_MEMORY : c.wrong_type ? ERR_PROTOCOL : ERR_USAGE;
    buf_free(&c.errors);
    return result;
}

const cJSON *shape_member(const cJSON *object, const char *name)
{
    const cJSON *j = cJSON_GetObjectItemCaseSensitive(object, name);
    return j == NULL || cJSON_IsNull(j) ? NULL : j;
}
