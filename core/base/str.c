#include "core/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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

bool str_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
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

/* How many characters it takes to show c. */
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

bool str_equal_constant_time(struct span a, struct span b)
{
    unsigned char differ = a.n != b.n;
    for (size_t i = 0; i < a.n; i++)
        differ |= (unsigned char)(a.p[i] ^ (i < b.n ? b.p[i] : 0));
    return differ == 0;
}

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
    c = lower(c);
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

void random_bytes(void *data, size_t n)
{
    uint8_t *p = data;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0)
            continue; /* EINTR only: the pool is ready since boot */
        p += got;
        n -= (size_t)got;
    }
}
