#include "gateway/hub/api/json.h"

#include "core/base/unicode.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- syntax ---- */

struct scan {
    const char *p, *end;
    unsigned depth;
    const char *problem; /* static storage; NULL: no problem so far */
};

static bool wrong(struct scan *s, const char *problem)
{
    if (s->problem == NULL)
        s->problem = problem;
    return false;
}

/* The next byte, or NUL at the end, since no rule accepts a NUL. */
static char peek(const struct scan *s)
{
    return s->p < s->end ? *s->p : '\0';
}

static bool skip(struct scan *s, char c)
{
    if (peek(s) != c || s->p == s->end)
        return false;
    s->p++;
    return true;
}

static void blanks(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool word(struct scan *s, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
        return wrong(s, "The request is not valid JSON.");
    s->p += n;
    return true;
}

static size_t digits(struct scan *s)
{
    const char *from = s->p;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->p++;
    return (size_t)(s->p - from);
}

static bool number(struct scan *s)
{
    static const char bad[] = "The request has a number that is not valid JSON.";
    const char *from = s->p;
    skip(s, '-');
    bool zero = peek(s) == '0';
    size_t n = digits(s);
    if (n == 0 || (zero && n > 1))
        return wrong(s, n == 0 ? "The request is not valid JSON." : bad);
    if (skip(s, '.') && digits(s) == 0)
        return wrong(s, bad);
    if (skip(s, 'e') || skip(s, 'E')) {
        if (!skip(s, '+'))
            skip(s, '-');
        if (digits(s) == 0)
            return wrong(s, bad);
    }
    return s->p - from <= JSON_NUMBER_MAX || wrong(s, "The request has a number that is too long.");
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The code unit that follows "\u"; -1 when there are not four digits. */
static int32_t unit(struct scan *s)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = digit_of(peek(s));
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
        s->p++;
    }
    return value;
}

static bool escape(struct scan *s)
{
    static const char half[] = "The request has half a surrogate pair in a string.";
    char c = peek(s);
    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
        return wrong(s, "The request has an unknown escape in a string.");
    s->p++;
    if (c != 'u')
        return true;
    int32_t first = unit(s);
    if (first <= 0)
        return wrong(s, first == 0 ? "The request has \\u0000 in a string."
                                   : "The request has an unknown escape in a string.");
    if (first >= 0xdc00 && first < 0xe000)
        return wrong(s, half);
    if (first < 0xd800 || first >= 0xe000)
        return true;
    if (!skip(s, '\\') || !skip(s, 'u'))
        return wrong(s, half);
    int32_t second = unit(s);
    return (second >= 0xdc00 && second < 0xe000) || wrong(s, half);
}

/* Scans a string after its opening quote. */
static bool string(struct scan *s)
{
    while (s->p < s->end && *s->p != '"') {
        uint32_t c;
        size_t n = utf8_decode((struct span){s->p, (size_t)(s->end - s->p)}, &c);
        if (n == 0)
            return wrong(s, "The request is not valid UTF-8.");
        if (c < ' ')
            return wrong(s, "The request has a control character in a string.");
        s->p += n;
        if (c == '\\' && !escape(s))
            return false;
    }
    return skip(s, '"') || wrong(s, "The request ends inside a string.");
}

static bool value(struct scan *s);

/* Scans members or items after the opening brace or bracket. */
static bool items(struct scan *s, bool object)
{
    static const char bad[] = "The request is not valid JSON.";
    char close = object ? '}' : ']';
    if (++s->depth > JSON_DEPTH)
        return wrong(s, "The request is nested too deeply.");
    blanks(s);
    if (skip(s, close)) {
        s->depth--;
        return true;
    }
    do {
        blanks(s);
        if (object && (!skip(s, '"') || !string(s)))
            return wrong(s, bad);
        blanks(s);
        if (object && !skip(s, ':'))
            return wrong(s, bad);
        blanks(s);
        if (!value(s))
            return false;
        blanks(s);
    } while (skip(s, ','));
    s->depth--;
    return skip(s, close) || wrong(s, bad);
}

static bool value(struct scan *s)
{
    switch (peek(s)) {
    case '{':
        s->p++;
        return items(s, true);
    case '[':
        s->p++;
        return items(s, false);
    case '"':
        s->p++;
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

static const char *problem_of(struct span body)
{
    struct scan s = {.p = body.p, .end = body.p + body.n};
    blanks(&s);
    if (s.p == s.end)
        return "The request has no body: it must be a JSON object, {} at least.";
    if (*s.p != '{')
        return "The request must be a JSON object.";
    if (!value(&s))
        return s.problem;
    blanks(&s);
    return s.p == s.end ? NULL : "The request has something after its JSON object.";
}

/* ---- checks of the parsed tree ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names are sorted rather than hashed, so that a client cannot choose names that make this slow. */
static enum err check_names(const cJSON *object, const char **problem)
{
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, object) n++;
    if (n < 2)
        return ERR_OK;
    const char **names = malloc(n * sizeof *names);
    if (names == NULL)
        return ERR_NO_MEMORY;
    n = 0;
    cJSON_ArrayForEach(item, object) names[n++] = item->string;
    qsort(names, n, sizeof *names, compare_names);
    enum err result = ERR_OK;
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            result = ERR_PROTOCOL;
    free(names);
    *problem = "The request has the same name twice.";
    return result;
}

/* Checks j and everything in it, which is at most JSON_DEPTH deep. */
static enum err check_tree(const cJSON *j, const char **problem)
{
    const cJSON *item;
    if (cJSON_IsNumber(j) && !isfinite(j->valuedouble)) {
        *problem = "The request has a number that is too large.";
        return ERR_PROTOCOL;
    }
    enum err result = cJSON_IsObject(j) ? check_names(j, problem) : ERR_OK;
    cJSON_ArrayForEach(item, j)
    {
        if (result == ERR_OK)
            result = check_tree(item, problem);
    }
    return result;
}

cJSON *json_object(struct span body, enum err *why, const char **text)
{
    *why = ERR_PROTOCOL;
    *text = problem_of(body);
    if (*text != NULL)
        return NULL;
    cJSON *j = cJSON_ParseWithLength(body.p, body.n);
    *why = j != NULL ? check_tree(j, text) : ERR_NO_MEMORY;
    if (*why == ERR_OK)
        return j;
    if (*why == ERR_NO_MEMORY)
        *text = err_text(*why);
    cJSON_Delete(j);
    return NULL;
}
