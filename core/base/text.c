#include "core/base/text.h"

#include "core/base/unicode.h"

#include <stdarg.h>
#include <string.h>

#define LINE_MAX_BYTES 65536

bool text_shows(uint32_t c)
{
    if (c < 127)
        return c >= ' ';
    return c != 0x2028 && c != 0x2029 && unicode_class_of(c) != UNICODE_CONTROL;
}

size_t text_next(struct span *s, enum text_charset set, char out[static TEXT_SHOWN])
{
    static const char digits[] = "0123456789abcdef";
    uint32_t c = 0;
    size_t n = utf8_decode(*s, &c), used = 0;
    bool shows = n > 0 && text_shows(c) && (n == 1 || set == TEXT_UTF8);
    n = n > 0 ? n : 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)s->p[i];
        if (shows) {
            out[used++] = (char)byte;
            continue;
        }
        out[used++] = '\\';
        out[used++] = 'x';
        out[used++] = digits[byte >> 4];
        out[used++] = digits[byte & 15];
    }
    *s = (struct span){s->p + n, s->n - n};
    return used;
}

char *text_copy(struct span s, enum text_charset set, char *out, size_t size)
{
    size_t used = 0, fits = 0; /* fits: the length that leaves room for the dots */
    while (s.n > 0) {
        char shown[TEXT_SHOWN];
        size_t n = text_next(&s, set, shown);
        if (used + n >= size) {
            memcpy(out + fits, "...", 4);
            return out;
        }
        memcpy(out + used, shown, n);
        used += n;
        if (used + 3 < size)
            fits = used;
    }
    out[used] = '\0';
    return out;
}

/* Returns how much of the front is printable ASCII, which most texts are entirely. */
static size_t plain(struct span s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= ' ' && s.p[n] <= '~')
        n++;
    return n;
}

static bool put_plain(struct buf *out, struct span *s)
{
    size_t n = plain(*s);
    bool ok = n == 0 || buf_append(out, s->p, n);
    *s = (struct span){s->p + n, s->n - n};
    return ok;
}

bool text_put_html(struct buf *out, struct span s)
{
    static const struct {
        char c;
        const char *as;
    } unsafe[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    while (s.n > 0) {
        char shown[TEXT_SHOWN];
        struct span piece = {shown, text_next(&s, TEXT_UTF8, shown)};
        for (size_t k = 0; k < sizeof unsafe / sizeof *unsafe; k++)
            if (shown[0] == unsafe[k].c)
                piece = span_of(unsafe[k].as);
        if (!buf_append(out, piece.p, piece.n))
            return false;
    }
    return true;
}

bool text_put(struct buf *out, struct span s)
{
    bool ok = s.n == 0 || put_plain(out, &s);
    while (ok && s.n > 0) {
        char shown[TEXT_SHOWN];
        ok = buf_append(out, shown, text_next(&s, TEXT_UTF8, shown)) && put_plain(out, &s);
    }
    return ok;
}

/* JSON writes characters beyond the first 65,536 as two surrogates. */
static bool put_units(struct buf *out, uint32_t c)
{
    if (c < 0x10000)
        return buf_printf(out, "\\u%04x", c);
    return buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                      0xdc00 + ((c - 0x10000) & 0x3ff));
}

bool text_put_json(struct buf *out, struct span s)
{
    bool ok = s.n == 0 || put_plain(out, &s);
    while (ok && s.n > 0) {
        uint32_t c = 0xfffd;
        size_t n = utf8_decode(s, &c);
        bool whole = n > 0 && (text_shows(c) || c == '\n' || c == '\t');
        ok = whole ? buf_append(out, s.p, n) : put_units(out, n > 0 ? c : 0xfffd);
        n = n > 0 ? n : 1;
        s = (struct span){s.p + n, s.n - n};
        ok = ok && put_plain(out, &s);
    }
    return ok;
}

bool text_line(FILE *out, const char *format, ...)
{
    struct buf text = {.limit = LINE_MAX_BYTES}, line = {.limit = 4 * LINE_MAX_BYTES + 1};
    va_list args;
    va_start(args, format);
    bool ok = buf_vprintf(&text, format, args) &&
              text_put(&line, (struct span){(const char *)text.data, text.size}) &&
              buf_append(&line, "\n", 1) && fwrite(line.data, 1, line.size, out) == line.size;
    va_end(args);
    buf_free(&text);
    buf_free(&line);
    return ok;
}
