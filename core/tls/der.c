#include "core/tls/der.h"

#define HIGH_TAG 0x1F
#define LONG_LENGTH 0x80
#define MAX_LENGTH_BYTES 4

static bool take_length(struct der *in, size_t *length)
{
    if (in->n == 0)
        return false;
    uint8_t first = *in->p;
    in->p++, in->n--;
    if (first < LONG_LENGTH) {
        *length = first;
        return true;
    }
    size_t bytes = first & (LONG_LENGTH - 1);
    if (bytes == 0 || bytes > MAX_LENGTH_BYTES || bytes > in->n || in->p[0] == 0)
        return false;
    uint32_t value = 0;
    for (; bytes > 0; bytes--, in->p++, in->n--)
        value = value << 8 | *in->p;
    *length = value;
    return value >= LONG_LENGTH;
}

bool der_next(struct der *in, uint8_t *tag, struct der *content)
{
    struct der rest = *in;
    size_t length;
    if (rest.n == 0 || (*rest.p & HIGH_TAG) == HIGH_TAG)
        return false;
    *tag = *rest.p;
    rest.p++, rest.n--;
    if (!take_length(&rest, &length) || length > rest.n)
        return false;
    *content = (struct der){rest.p, length};
    *in = (struct der){rest.p + length, rest.n - length};
    return true;
}

bool der_expect(struct der *in, uint8_t tag, struct der *content)
{
    struct der rest = *in, element;
    uint8_t found;
    if (!der_next(&rest, &found, &element) || found != tag)
        return false;
    *content = element;
    *in = rest;
    return true;
}
