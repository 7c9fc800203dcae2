#include "core/base/json_write.h"

#include "core/base/text.h"
#include "core/base/unicode.h"

#include <string.h>

static void add(struct json_writer *w, const char *p, size_t n)
{
    w->failed = w->failed || !buf_append(&w->bytes, p, n);
}

static void add_unit(struct json_writer *w, unsigned unit)
{
    w->failed = w->failed || !buf_printf(&w->bytes, "\\u%04x", unit);
}

static void add_escaped(struct json_writer *w, uint32_t c)
{
    if (c >= 0x10000) {
        add_unit(w, 0xd800 + ((c - 0x10000) >> 10));
        c = 0xdc00 + ((c - 0x10000) & 0x3ff);
    }
    add_unit(w, c);
}

/* Most text needs no escaping, and a snapshot of a thousand streams holds half a megabyte of it. */
static size_t plain(struct span s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= ' ' && s.p[n] <= '~' && s.p[n] != '"' && s.p[n] != '\\')
        n++;
    return n;
}

static void add_string(struct json_writer *w, struct span s)
{
    add(w, "\"", 1);
    while (s.n > 0 && !w->failed) {
        size_t run = plain(s);
        if (run > 0) {
            add(w, s.p, run);
            s = (struct span){s.p + run, s.n - run};
            continue;
        }
        uint32_t c;
        size_t n = utf8_decode(s, &c);
        if (n == 0)
            add(w, "\xef\xbf\xbd", 3);
        else if (c == '"' || c == '\\')
            add(w, c == '"' ? "\\\"" : "\\\\", 2);
        else if (!text_shows(c))
            add_escaped(w, c);
        else
            add(w, s.p, n);
        n = n > 0 ? n : 1;
        s = (struct span){s.p + n, s.n - n};
    }
    add(w, "\"", 1);
}

/* Writes ,"name": in one piece, since names are a third of a snapshot. */
static void begin(struct json_writer *w, const char *name)
{
    struct span s = span_of(name);
    uint8_t *to = buf_room(&w->bytes, s.n + 4), *p = to;
    bool simple = plain(s) == s.n;
    if (to == NULL || w->failed) {
        w->failed = true;
        return;
    }
    if (w->more)
        *p++ = ',';
    w->more = true;
    if (name != NULL && simple) {
        *p++ = '"';
        memcpy(p, s.p, s.n);
        p += s.n;
        *p++ = '"';
        *p++ = ':';
    }
    buf_added(&w->bytes, (size_t)(p - to));
    if (name != NULL && !simple) {
        add_string(w, s);
        add(w, ":", 1);
    }
}

void json_open(struct json_writer *w, const char *name, char bracket)
{
    begin(w, name);
    add(w, &bracket, 1);
    w->more = false;
}

void json_close(struct json_writer *w, char bracket)
{
    add(w, &bracket, 1);
    w->more = true;
}

void json_text(struct json_writer *w, const char *name, struct span s)
{
    begin(w, name);
    add_string(w, s);
}

/* Puts the decimal point in front of the last `fraction` digits. */
static void add_number(struct json_writer *w, int64_t number, int fraction)
{
    char text[32], *end = text + sizeof text, *p = end;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    for (int digits = 0; rest > 0 || digits <= fraction; digits++) {
        if (fraction > 0 && digits == fraction)
            *--p = '.';
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (number < 0)
        *--p = '-';
    add(w, p, (size_t)(end - p));
}

void json_number(struct json_writer *w, const char *name, int64_t number)
{
    begin(w, name);
    add_number(w, number, 0);
}

void json_time(struct json_writer *w, const char *name, int64_t ms)
{
    begin(w, name);
    add_number(w, ms, 3);
}

void json_micro(struct json_writer *w, const char *name, int64_t us)
{
    begin(w, name);
    add_number(w, us, 6);
}

void json_null(struct json_writer *w, const char *name)
{
    begin(w, name);
    add(w, "null", 4);
}

void json_flag(struct json_writer *w, const char *name, bool flag)
{
    begin(w, name);
    add(w, flag ? "true" : "false", flag ? 4 : 5);
}
