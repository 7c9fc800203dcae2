#include "core/ws/frame.h"

#include "core/base/unicode.h"

#include <string.h>

/* The length of the longest run of whole characters at p within n bytes. */
static size_t utf8_run(const uint8_t *p, size_t n)
{
    size_t at = 0, size;
    uint32_t c;
    while (at < n && (size = utf8_decode((struct span){(const char *)p + at, n - at}, &c)) > 0)
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
