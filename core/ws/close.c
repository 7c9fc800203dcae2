#include "core/ws/frame.h"

#include <string.h>

/* How many bytes the UTF-8 character at p has; 0: none is there (RFC 3629: shortest form, no
 * surrogates, up to U+10FFFF). */
static size_t utf8_character(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t from, to, second_from, second_to, size;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (n == 0 || p[0] < forms[i].from || p[0] > forms[i].to)
            continue;
        if (n < forms[i].size)
            return 0;
        if (forms[i].size > 1 && (p[1] < forms[i].second_from || p[1] > forms[i].second_to))
            return 0;
        for (size_t k = 2; k < forms[i].size; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].size;
    }
    return 0;
}

/* The length of the longest run of whole characters at p within n bytes. */
static size_t utf8_run(const uint8_t *p, size_t n)
{
    size_t at = 0, size;
    while (at < n && (size = utf8_character(p + at, n - at)) > 0)
        at += size;
    return at;
}

/* Codes that a peer may send (7.4.1, 7.4.2 and the registry's additions up to 1014). */
static bool on_the_wire(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

bool ws_close_parse(const uint8_t *p, size_t n, int *code, struct span *text)
{
    *code = 1005;
    *text = (struct span){NULL, 0};
    if (n == 0)
        return true;
    if (n == 1)
        return false;
    *code = p[0] << 8 | p[1];
    *text = (struct span){(const char *)p + 2, n - 2};
    return on_the_wire(*code) && utf8_run(p + 2, n - 2) == n - 2;
}

size_t ws_close_write(uint8_t out[WS_CONTROL_MAX], int code, const char *text)
{
    if (code == 1005)
        return 0;
    size_t n = text != NULL ? strnlen(text, WS_REASON_MAX) : 0;
    out[0] = (uint8_t)(code >> 8);
    out[1] = (uint8_t)code;
    if (n > 0)
        memcpy(out + 2, text, n);
    return 2 + utf8_run(out + 2, n);
}
