#include "tests/unit/net_help.h"

/* ---- streams: reading ---- */

void want_ten(struct probe *p)
{
    uint8_t *bytes;
    long n = stream_peek(p->stream, 10, &bytes);
    assert_true(n <= 0 || n >= 10);
    if (n > 0)
        p->size = (size_t)n;
    if (n < 0) {
        p->end = (enum err) - n;
        stream_read_on(p->stream, false);
    }
}

/* ---- streams: writing ---- */

uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 13 + (i >> 9));
}

void fill(uint8_t *p, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = pattern(at + i);
}

size_t sip(int fd, size_t at)
{
    uint8_t bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], pattern(at + (size_t)i));
    return n > 0 ? (size_t)n : 0;
}

size_t swallow(int fd)
{
    char bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}
