#include "gateway/hub/redis/redis_slot.h"

#include <string.h>

/* CRC-16/XMODEM. */
static uint16_t crc16(struct span s)
{
    unsigned crc = 0;
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (unsigned)(uint8_t)s.p[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    }
    return (uint16_t)crc;
}

uint16_t redis_slot(struct span key)
{
    const char *open = key.n > 0 ? memchr(key.p, '{', key.n) : NULL;
    if (open != NULL) {
        size_t rest = key.n - (size_t)(open + 1 - key.p);
        const char *close = memchr(open + 1, '}', rest);
        if (close != NULL && close > open + 1)
            key = (struct span){open + 1, (size_t)(close - open - 1)};
    }
    return crc16(key) % REDIS_SLOTS;
}

bool redis_redirect_read(struct span error, struct redis_redirect *out)
{
    struct span word = span_cut(&error, ' '), slot = span_cut(&error, ' ');
    uint64_t number = 0, port = 0;
    if (!span_is(word, "MOVED") && !span_is(word, "ASK"))
        return false;
    const char *colon = error.n > 0 ? memrchr(error.p, ':', error.n) : NULL;
    if (!str_number(slot, REDIS_SLOTS - 1, &number) || colon == NULL)
        return false;
    struct span host = {error.p, (size_t)(colon - error.p)};
    struct span end = {colon + 1, error.n - host.n - 1};
    if (!str_number(end, 65535, &port) || port == 0 || host.n >= sizeof out->host ||
        (host.n > 0 && memchr(host.p, 0, host.n) != NULL))
        return false;
    memcpy(out->host, host.n > 0 ? host.p : "", host.n);
    out->host[host.n] = 0;
    out->slot = (uint16_t)number;
    out->port = (int)port;
    return true;
}
