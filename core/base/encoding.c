#include "core/base/encoding.h"

#include <string.h>

static const char alphabet[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

size_t base64_encode(const void *data, size_t n, char *out, bool url)
{
    const uint8_t *p = data;
    const char *digits = alphabet[url];
    size_t o = 0;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);
        out[o++] = digits[v >> 18];
        out[o++] = digits[v >> 12 & 63];
        if (left > 1)
            out[o++] = digits[v >> 6 & 63];
        else if (!url)
            out[o++] = '=';
        if (left > 2)
            out[o++] = digits[v & 63];
        else if (!url)
            out[o++] = '=';
    }
    out[o] = '\0';
    return o;
}

long base64_decode(struct span s, uint8_t *out)
{
    if (s.n % 4 != 0)
        return -1;
    size_t pad = s.n == 0 ? 0 : (s.p[s.n - 1] == '=') + (size_t)(s.p[s.n - 2] == '=');
    size_t o = 0;
    uint32_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *digit = i < s.n - pad && s.p[i] != '\0' ? strchr(alphabet[0], s.p[i]) : NULL;
        if (digit == NULL && i < s.n - pad)
            return -1;
        v = v << 6 | (digit != NULL ? (uint32_t)(digit - alphabet[0]) : 0);
        if (i % 4 == 3)
            for (int shift = 16; shift >= 0; shift -= 8)
                if (o < s.n / 4 * 3 - pad)
                    out[o++] = (uint8_t)(v >> shift);
    }
    if (pad > 0 && (v & (pad == 2 ? 0xffff : 0xff)) != 0)
        return -1;
    return (long)o;
}

void hex_encode(const void *data, size_t n, char *out)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[p[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct span s, void *out, size_t n)
{
    uint8_t *to = out;
    if (s.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(s.p[2 * i]), low = hex_digit(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool percent_decode(char *s)
{
    char *to = s, byte;
    for (; *s != '\0'; s++, to++) {
        *to = *s;
        if (*s == '%' && hex_decode((struct span){s + 1, strnlen(s + 1, 2)}, &byte, 1)) {
            *to = byte;
            s += 2;
        }
        if ((unsigned char)*to < ' ' || *to == 127)
            return false;
    }
    *to = '\0';
    return true;
}

void percent_encode(struct span s, char *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c) != NULL);
        if (plain) {
            *out++ = c;
            continue;
        }
        *out++ = '%';
        hex_encode(&c, 1, out);
        out += 2;
    }
    *out = '\0';
}
