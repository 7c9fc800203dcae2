#include "core/net/stream.h"

#include <string.h>

size_t stream_try_write_parts(struct stream *s, const struct iovec *parts, size_t n)
{
    if (s->ops->try_write_parts != NULL)
        return s->ops->try_write_parts(s, parts, n);
    size_t all = 0;
    for (size_t i = 0; i < n; i++) {
        size_t taken = stream_try_write(s, parts[i].iov_base, parts[i].iov_len);
        all += taken;
        if (taken < parts[i].iov_len)
            break;
    }
    return all;
}

size_t stream_spans_size(const struct stream_span *spans, size_t n)
{
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += spans[i].n;
    return size;
}

/* Copies n bytes from p, XORed with the mask, whose byte `at` is for the first of them. */
static void copy(uint8_t *out, const uint8_t *p, size_t n, const uint8_t mask[4], size_t at)
{
    uint8_t turned[8];
    uint64_t key, word[4];
    for (size_t i = 0; i < sizeof turned; i++)
        turned[i] = mask[(at + i) % 4];
    memcpy(&key, turned, sizeof key);
    if (key == 0) {
        memcpy(out, p, n);
        return;
    }
    for (; n >= sizeof word; p += sizeof word, out += sizeof word, n -= sizeof word) {
        memcpy(word, p, sizeof word);
        for (size_t i = 0; i < 4; i++)
            word[i] ^= key;
        memcpy(out, word, sizeof word);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = p[i] ^ turned[i % 8];
}

void stream_spans_copy(const struct stream_span *spans, size_t at, uint8_t *out, size_t size)
{
    for (; size > 0; spans++) {
        if (at >= spans->n) {
            at -= spans->n;
            continue;
        }
        size_t part = spans->n - at < size ? spans->n - at : size;
        copy(out, spans->p + at, part, spans->mask, at);
        out += part;
        size -= part;
        at = 0;
    }
}
