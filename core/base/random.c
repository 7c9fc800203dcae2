#include "core/base/random.h"

#include "core/base/encoding.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>

void random_bytes(void *data, size_t n)
{
    uint8_t *p = data;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0)
            continue; /* EINTR only, since the pool has been ready since boot */
        p += got;
        n -= (size_t)got;
    }
}

void random_uuid(char out[UUID_SIZE])
{
    uint8_t b[16];
    char hex[2 * sizeof b + 1];
    random_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* variant */
    hex_encode(b, sizeof b, hex);
    snprintf(out, UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
}
