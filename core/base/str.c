#include "core/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct span span_of(const char *text)
{
    return (struct span){text, text != NULL ? strlen(text) : 0};
}

bool span_equal(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_of(text));
}

bool span_is_nocase(struct span a, const char *text)
{
    return span_equal_nocase(a, span_of(text));
}

struct span span_trim(struct span s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

struct span span_cut(struct span *rest, char separator)
{
    const char *at = rest->n > 0 ? memchr(rest->p, separator, rest->n) : NULL;
    struct span first = {rest->p, at != NULL ? (size_t)(at - rest->p) : rest->n};
    size_t used = first.n + (at != NULL);
    *rest = (struct span){used > 0 ? rest->p + used : rest->p, rest->n - used};
    return first;
}

struct span span_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

struct span span_trim_lines(struct span s)
{
    while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
        s.n--;
    return s;
}

char *span_dup(struct span s)
{
    char *copy = malloc(s.n + 1);
    if (copy == NULL)
        return NULL;
    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

char *str_copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

bool str_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

size_t str_words(char *text, char **out, size_t max)
{
    size_t n = 0;
    for (char *at = text; *at != '\0' && n < max;) {
        at += strspn(at, " \t");
        if (*at == '\0')
            break;
        out[n++] = at;
        at += strcspn(at, " \t");
        if (*at != '\0')
            *at++ = '\0';
    }
    out[n] = NULL;
    return n;
}

bool str_number(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static bool plain(unsigned char c)
{
    return c >= 32 && c <= 126 && c != '"' && c != '\\';
}

/* Returns how many characters are needed to show c. */
static size_t shown(unsigned char c)
{
    return plain(c) ? 1 : c == '"' || c == '\\' ? 2 : 4;
}

char *str_escape(struct span s, char *out, size_t size)
{
    size_t used = 0, whole = 0;
    for (size_t i = 0; i < s.n && whole < size; i++)
        whole += shown((unsigned char)s.p[i]);
    size_t dots = whole < size ? 0 : size < 4 ? size - 1 : 3;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        size_t n = shown(c);
        if (used + n + dots + 1 > size)
            break;
        if (n == 4)
            snprintf(out + used, 5, "\\x%02x", c);
        else
            snprintf(out + used, 3, n == 2 ? "\\%c" : "%c", c);
        used += n;
    }
    memset(out + used, '.', dots);
    out[used + dots] = '\0';
    return out;
}
