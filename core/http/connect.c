#include "core/http/connect.h"

#include <string.h>

static const char magic[] = "HTTP/";

void connect_free(struct connect_answer *a)
{
    buf_free(&a->head);
    *a = (struct connect_answer){.status = 0};
}

/* Cuts a line off, without its end, which is LF with or without CR. */
static struct span cut_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static struct span whole(const struct connect_answer *a)
{
    return (struct span){(const char *)a->head.data, a->head.size};
}

/* "HTTP/1.0 200 fine", and versions that nobody has heard of. */
static bool status_line(struct span line, int *status, struct span *reason)
{
    uint64_t number;
    struct span version = span_cut(&line, ' ');
    line = span_trim(line);
    struct span code = span_cut(&line, ' ');
    if (version.n < sizeof magic || code.n != 3 || !str_number(code, 999, &number) || number < 100)
        return false;
    *status = (int)number;
    *reason = line;
    return true;
}

/* The line that has just come is empty. */
static bool at_end(const struct connect_answer *a)
{
    const uint8_t *p = a->head.data;
    size_t n = a->head.size;
    return n >= 2 && (p[n - 2] == '\n' || (n >= 3 && p[n - 2] == '\r' && p[n - 3] == '\n'));
}

static enum err head_done(struct connect_answer *a)
{
    struct span rest = whole(a), reason;
    int status;
    if (!status_line(cut_line(&rest), &status, &reason))
        return ERR_PROTOCOL;
    if (status >= 200 || status == 101)
        a->status = status;
    else
        a->head.size = 0;
    return ERR_OK;
}

static enum err take(struct connect_answer *a, uint8_t c)
{
    size_t at = a->head.size;
    if (at < sizeof magic - 1 && c != (uint8_t)magic[at])
        return ERR_PROTOCOL;
    if (!buf_append(&a->head, &c, 1))
        return at == a->head.limit ? ERR_TOO_LARGE : ERR_NO_MEMORY;
    return c == '\n' && at_end(a) ? head_done(a) : ERR_OK;
}

long connect_feed(struct connect_answer *a, const uint8_t *p, size_t n)
{
    size_t used = 0;
    a->head.limit = CONNECT_HEAD_MAX;
    while (used < n && a->status == 0) {
        enum err why = take(a, p[used++]);
        if (why != ERR_OK)
            return -(long)why;
    }
    return (long)used;
}

struct span connect_reason(const struct connect_answer *a)
{
    struct span rest = whole(a), reason = {"", 0};
    int status;
    return status_line(cut_line(&rest), &status, &reason) ? reason : (struct span){"", 0};
}

struct span connect_header(const struct connect_answer *a, const char *name, size_t nth)
{
    struct span rest = whole(a);
    cut_line(&rest);
    while (rest.n > 0) {
        struct span value = cut_line(&rest);
        if (value.n == 0 || memchr(value.p, ':', value.n) == NULL)
            continue;
        struct span key = span_cut(&value, ':');
        if (span_is_nocase(key, name) && nth-- == 0)
            return span_trim(value);
    }
    return (struct span){NULL, 0};
}
